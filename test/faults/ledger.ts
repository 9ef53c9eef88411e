// The client's side of the account: every call that was sent, and how it ended. Compared with the audit trail afterwards.
import { randomBytes } from 'node:crypto'

/**
 * `ok` and `error`: the tool's result came. `refused`: an HTTP status or a JSON-RPC error, so that no tool ran. `closed`: the connection ended
 * without an answer. `hung`: neither came within the limit.
 */
export type Outcome = 'ok' | 'error' | 'refused' | 'closed' | 'hung'

export interface Entry {
  /** The JSON-RPC id, which the audit trail keeps as `rpc_id`. */
  readonly id: string
  readonly server: string
  readonly tool: string
  readonly transport: 'sse' | 'mcp'
  /** Which audit trail it belongs to. */
  readonly trail: string
  /** The fault that was going on when it was sent. */
  readonly during: string
  /** performance.now() */
  readonly sentAt: number
  endedAt: number | undefined
  outcome: Outcome | undefined
  /** The error code of the tool, the HTTP status, or the code of the connection's error. */
  code: string
}

/** What a call is answered with when its record cannot be written and AUDIT_REQUIRED is true. */
const unrecorded = /^ERROR INTERNAL: the audit trail cannot be written/

export class Ledger {
  readonly entries: Entry[] = []
  /** Ids of other runs, and of requests that are no calls of the load, do not begin with it. */
  readonly prefix = `${randomBytes(4).toString('hex')}-`
  during = 'start'
  trail = ''
  #number = 0

  open(server: string, tool: string, transport: 'sse' | 'mcp'): Entry {
    this.#number += 1
    const entry: Entry = {
      ...{ id: `${this.prefix}${this.#number}`, server, tool, transport, trail: this.trail, during: this.during },
      ...{ sentAt: performance.now(), endedAt: undefined, outcome: undefined, code: '' },
    }
    this.entries.push(entry)
    return entry
  }

  /** The first end of a call counts. */
  end(entry: Entry, outcome: Outcome, code = ''): void {
    if (entry.outcome !== undefined) return
    entry.outcome = outcome
    entry.code = code
    entry.endedAt = performance.now()
  }

  /** Reads a JSON-RPC response. */
  answer(entry: Entry, message: any): void {
    if (message.error !== undefined) return this.end(entry, 'refused', String(message.error.code))
    const text = String(message.result?.content?.[0]?.text)
    if (message.result?.isError !== true) return this.end(entry, 'ok')
    this.end(entry, 'error', unrecorded.test(text) ? 'UNRECORDED' : (/^ERROR ([A-Z_]+)/.exec(text)?.[1] ?? text.slice(0, 80)))
  }
}

export interface Counts {
  calls: number
  ok: number
  error: number
  refused: number
  closed: number
  hung: number
  /** Longest time to an answer, in milliseconds. */
  longestMs: number
  /** Number of the answers that were errors, by code. */
  readonly codes: Map<string, number>
}

export function count(entries: readonly Entry[]): Counts {
  const counts: Counts = { calls: 0, ok: 0, error: 0, refused: 0, closed: 0, hung: 0, longestMs: 0, codes: new Map() }
  for (const { outcome = 'hung', code, sentAt, endedAt = sentAt } of entries) {
    counts.calls += 1
    counts[outcome] += 1
    if (outcome === 'ok' || outcome === 'error') counts.longestMs = Math.max(counts.longestMs, endedAt - sentAt)
    if (outcome === 'error') counts.codes.set(code, (counts.codes.get(code) ?? 0) + 1)
  }
  return counts
}

export interface TrailRecord {
  readonly type: string
  readonly rpc_id?: unknown
  /** Of a record `lost`. */
  readonly records?: number
}

export interface Comparison {
  /** Answered calls. */
  readonly answered: number
  /** Calls that were refused because their record could not be written. */
  readonly unrecorded: number
  /** Records that the trail itself says it lacks. */
  readonly lost: number
  /** Answered calls without a record `tool_call`. */
  readonly missing: number
  /** Answered calls without a record `intent`. */
  readonly withoutIntent: number
  /** Calls with more than one record of a type. */
  readonly repeated: string[]
  /** Calls that were begun, by their `intent`, and have no outcome. */
  readonly open: number
}

/** Compares the calls of one trail with its records. */
export function compare(entries: readonly Entry[], records: readonly TrailRecord[], prefix: string): Comparison {
  const [intents, outcomes] = [new Map<string, number>(), new Map<string, number>()]
  let lost = 0
  for (const { type, rpc_id: id, records: missing = 0 } of records) {
    if (type === 'lost') lost += missing
    const counted = type === 'intent' ? intents : type === 'tool_call' ? outcomes : undefined
    if (counted !== undefined && typeof id === 'string' && id.startsWith(prefix)) counted.set(id, (counted.get(id) ?? 0) + 1)
  }
  const answered = entries.filter(({ outcome, code }) => (outcome === 'ok' || outcome === 'error') && code !== 'UNRECORDED')
  return {
    answered: answered.length,
    unrecorded: entries.filter(({ code }) => code === 'UNRECORDED').length,
    lost,
    missing: answered.filter(({ id }) => !outcomes.has(id)).length,
    withoutIntent: answered.filter(({ id }) => !intents.has(id)).length,
    repeated: [...intents, ...outcomes].flatMap(([id, times]) => (times > 1 ? [`${id} ${times} times`] : [])),
    open: [...intents.keys()].filter((id) => !outcomes.has(id)).length,
  }
}
