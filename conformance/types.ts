// Types shared by the client, the cases, the runner and the reports.
import type { JsonObject } from './expect.ts'
import type { Revision, TransportName } from './revisions.ts'

/**
 * `MUST`, `SHOULD`, `MAY` as in the specification's sentence. `INTEROP` is practice that no sentence demands but without which a real
 * client breaks: reported apart, and without effect on the exit code unless `--strict`.
 */
export type Level = 'MUST' | 'SHOULD' | 'MAY' | 'INTEROP'

export const LEVELS: readonly Level[] = ['MUST', 'SHOULD', 'MAY', 'INTEROP']

/** A tool that may be called although it is not marked read-only: with these arguments, or with any that its schema allows. */
export interface NamedCall {
  name: string
  args?: JsonObject
}

/** A tool that may be called, with arguments it was called with. */
export interface Callable {
  name: string
  args: JsonObject
  tool: JsonObject
  /** How long a call took. */
  ms: number
  /** Whether it sent progress when asked. */
  reportsProgress: boolean
  /** The call failed, one way or another: the cases call it all the same when no other works. */
  isError: boolean
  /** It may be called with other arguments, too: it is marked read-only, or the user named it without arguments. */
  mayVary: boolean
}

export interface Facts {
  /** Every revision the target accepts on this transport, oldest first. */
  revisions: readonly Revision[]
  initializeResult: JsonObject | undefined
  capabilities: JsonObject
  tools: JsonObject[]
  /** Tools marked read-only in any revision. Their names, since 2024-11-05 has no annotations. */
  readOnly: ReadonlySet<string>
  /** Every tool that was tried, those that work first. */
  callables: readonly Callable[]
  /** The tool that the cases call. */
  callable: Callable | undefined
  /** A tool with an `outputSchema` that may be called. */
  structured: Callable | undefined
  /** A tool that reports progress. */
  progressing: Callable | undefined
  /** A tool whose call takes long enough to do something meanwhile. */
  slow: Callable | undefined
  /** A read-only tool whose result contains the text given as this argument. */
  echo: { callable: Callable; property: string } | undefined
  /** The server handed out a session id at initialization. */
  hasSession: boolean
  /** GET opens a stream of server messages (Streamable HTTP before 2026-07-28). */
  hasGetStream: boolean
}

export type Status = 'pass' | 'fail' | 'skip'

export interface CaseResult {
  id: string
  level: Level
  revision: Revision
  status: Status
  /** Why it failed or was skipped; empty when it passed. */
  message: string
  quote: string
  url: string
  ms: number
  breaks?: string
  expected?: string
  actual?: string
  /** What other failed cases may share with this one: `POST answers HTTP 404`. */
  cause?: string
  /** The bytes of its exchanges, when it failed. */
  exchanges?: { sent: string; received: string }[]
}

export interface Counts {
  pass: number
  fail: number
  skip: number
}

export interface RunReport {
  target: string
  /** Name and version of the server, as it states them. */
  server?: { name: string; version: string }
  transport: TransportName
  /** The newest revision that was tested. */
  revision: Revision
  /** All of them, oldest first. */
  revisions: readonly Revision[]
  startedAt: string
  ms: number
  summary: Counts & { levels: Record<Level, Counts> }
  /** Set when the rest was not run: the server went silent or died, or the run was interrupted. */
  aborted?: string
  cases: CaseResult[]
}

export const NO_FACTS: Facts = {
  revisions: [],
  initializeResult: undefined,
  capabilities: {},
  tools: [],
  readOnly: new Set(),
  callables: [],
  callable: undefined,
  structured: undefined,
  progressing: undefined,
  slow: undefined,
  echo: undefined,
  hasSession: false,
  hasGetStream: false,
}
