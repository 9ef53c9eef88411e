// The hash chain of the audit trail: sealing a record and reading it back.
import { createHmac, hash } from 'node:crypto'
import { parseIfJson } from '../../kit/text.ts'

/** `prev` of the first record of a chain. */
export const genesis = '0'.repeat(64)

/** What every record has; `ts`, `seq` and `prev` are filled in when it is sealed. `prev` comes last, and after it the hash. */
export interface AuditRecord {
  ts: string
  seq: number
  type: string
  prev: string
}

/** A record that is not yet sealed. */
export function newRecord(type: string, about: object): AuditRecord {
  return { ts: '', seq: 0, type, ...about, prev: '' }
}

/** Returns the line of a record, with its line feed, and its hash. The hash covers the previous hash and the record's own bytes as they are written. */
export function sealRecord(
  record: AuditRecord,
  { hash: prev, seq }: ChainEnd,
  key: string | undefined,
): { line: string; hash: string } {
  record.ts = timestamp()
  record.seq = seq + 1
  record.prev = prev
  const body = JSON.stringify(record)
  const sealed = digest(body, key)
  return { line: `${body.slice(0, -1)},"hash":"${sealed}"}\n`, hash: sealed }
}

let now = { ms: Number.NaN, text: '' }

/** Cached for one millisecond, into which many records may fall: formatting a date costs as much as hashing a record. */
function timestamp(): string {
  const ms = Date.now()
  if (ms !== now.ms) now = { ms, text: new Date(ms).toISOString() }
  return now.text
}

/** `prev` is a member of `body`, so hashing the body covers it. */
function digest(body: string, key: string | undefined): string {
  return key === undefined ? hash('sha256', body) : createHmac('sha256', key).update(body).digest('hex')
}

export interface ChainEnd {
  hash: string
  seq: number
}

export interface OpenRecord extends ChainEnd {
  readonly prev: string
  readonly type: string
  /** Of a record `lost`: how many are missing before it. */
  readonly records?: number
  /** Of `intent` and `tool_call`: which call it is. */
  readonly server?: string
  readonly tool?: string
  readonly session8?: string
  readonly rpc_id?: string | number
  readonly args_sha256?: string
}

/** Reads one line back; undefined when it is not a whole, unaltered record. */
export function openRecord(line: string, key: string | undefined): OpenRecord | undefined {
  const [, start, sealed] = /^(.*),"hash":"([0-9a-f]{64})"\}$/.exec(line) ?? []
  const body = `${start}}`
  if (sealed === undefined || digest(body, key) !== sealed) return undefined
  const record = parseIfJson(body) as OpenRecord | undefined // whoever has the key can also seal what is not JSON
  return record && { ...record, hash: sealed }
}
