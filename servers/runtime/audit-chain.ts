// The hash chain of the audit trail: how a record is sealed, and how a file of records is verified.
import { createHash, createHmac } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** Stands before the first record of a chain. */
export const genesis = '0'.repeat(64)

/** Returns the line of a record and its hash. The hash covers the previous hash and the record's own bytes as they are written. */
export function sealRecord(
  record: Readonly<Record<string, unknown>>,
  prev: string,
  key: string | undefined,
): { line: string; hash: string } {
  const body = JSON.stringify({ ...record, prev })
  const hash = digest(body, key)
  return { line: `${body.slice(0, -1)},"hash":"${hash}"}`, hash }
}

/** `prev` is a member of `body`, so hashing the body covers it. */
function digest(body: string, key: string | undefined): string {
  return (key === undefined ? createHash('sha256') : createHmac('sha256', key)).update(body).digest('hex')
}

export interface ChainEnd {
  hash: string
  seq: number
}

/** Reads one line back; undefined when it is not a whole, unaltered record. */
export function openRecord(line: string, key: string | undefined): (ChainEnd & { prev: string; type: unknown }) | undefined {
  const match = /^(.*),"hash":"([0-9a-f]{64})"\}$/.exec(line)
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  const body = `${match[1]}}`
  if (digest(body, key) !== match[2]) return undefined
  try {
    const record = JSON.parse(body) as { prev: string; seq: number; type: unknown }
    return { hash: match[2], prev: record.prev, seq: record.seq, type: record.type }
  } catch {
    return undefined // not JSON: the hash matched by construction of a forger who has the key, and still no record
  }
}

export interface Verification {
  records: number
  problems: string[]
  /** Hash of the last good record: compare it with what `/ready` or `/metrics` shows, to see whether the end was cut off. */
  head: ChainEnd | undefined
}

const maxProblems = 20

/** Verifies files as one chain, oldest first (`audit.jsonl.2`, `audit.jsonl.1`, `audit.jsonl`). */
export async function verifyAudit(files: readonly string[], key: string | undefined): Promise<Verification> {
  const problems: string[] = []
  let head: ChainEnd | undefined
  let records = 0
  for (const file of files) {
    let number = 0
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1
      if (problems.length >= maxProblems) return { records, problems, head }
      if (line === '') continue
      const at = `${file}:${number}`
      const record = openRecord(line, key)
      if (record === undefined) {
        problems.push(`${at}: not a record of this chain, or altered${key === undefined ? '' : ' (or sealed with another key)'}`)
        continue
      }
      records += 1
      // The first record that is left may continue files that were rotated away.
      if (head !== undefined && record.prev !== head.hash) {
        problems.push(
          `${at}: record ${record.seq} does not follow record ${head.seq}: records are missing, added or out of order`,
        )
      }
      head = { hash: record.hash, seq: record.seq }
    }
  }
  return { records, problems, head }
}
