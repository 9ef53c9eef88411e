// How a reading statement is executed: in a READ ONLY transaction that is always rolled back, by the extended protocol, under the server's own
// time limits, on a session that is reset before the next caller gets it.
import type { Step } from './messages.ts'
import { FloodError, type Session } from './session.ts'
import type { Fetch, Outcome } from './statement.ts'

export interface ReadLimits {
  readonly timeoutMs: number
  /** Rows wanted; whether there are more is known exactly. */
  readonly maxRows: number
  /** Bytes of text that are kept. */
  readonly keepBytes: number
  readonly signal?: AbortSignal | undefined
  /** Settings for our own catalogue queries, such as the search path. */
  readonly settings?: Readonly<Record<string, string>> | undefined
}

export interface ReadResult extends Outcome {
  /** There are more rows than `maxRows`. */
  more: boolean
  /** Why rows are missing although `maxRows` is not reached. */
  cut: 'bytes' | 'flood' | undefined
}

const lockMs = 2_000
/** Between our messages the transaction idles for microseconds; this ends it when this process was stopped between two of them. */
const idleInTransactionGraceMs = 5_000
/** The server enforces the limit; ours comes later and is for a server that does not answer. */
const clientGraceMs = 750
/** Rows of the first Execute; the second takes the rest, when it is known how large rows are. */
const firstBatch = 128

const queryCancelled = '57014'
const begin: Step = { text: 'BEGIN READ ONLY' }

/**
 * Run behind a statement that has succeeded. What can outlive the rollback of a READ ONLY transaction: advisory locks, statements that a
 * function has prepared, and the seed of random() (seen on 15 and 18). Settings, channels, cursors and temporary tables cannot.
 */
const cleanUp = (): readonly Step[] => [
  { text: 'ROLLBACK' },
  { text: `SELECT pg_catalog.pg_advisory_unlock_all(), pg_catalog.setseed(${randomSeed()})` },
  { text: 'DEALLOCATE ALL' },
]

/** After a failure, or where the transaction stayed open: everything that a session can keep, whatever it was. */
const resetText = (): string =>
  `ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all(), pg_catalog.setseed(${randomSeed()}); CLOSE ALL; DEALLOCATE ALL; UNLISTEN *; RESET ALL; DISCARD SEQUENCES; DISCARD TEMP`

/** From -1 to 1, as setseed() takes it: the next caller's random() does not depend on what an earlier one has set. */
function randomSeed(): string {
  return (Math.random() * 2 - 1).toFixed(15)
}

/**
 * The settings of a transaction: time limits of the server's own, and the dialect where the session's is another.
 * @param staysOpen the transaction outlives the round trip, and may be left behind by a process that is killed
 */
export function transactionSettings(
  session: Session,
  timeoutMs: number,
  lockTimeoutMs: number,
  staysOpen: boolean,
  more: Readonly<Record<string, string>> = {},
): Step[] {
  const limits = {
    statement_timeout: timeoutMs,
    lock_timeout: Math.min(lockTimeoutMs, timeoutMs),
    ...(staysOpen ? { idle_in_transaction_session_timeout: timeoutMs + idleInTransactionGraceMs } : {}),
  }
  const settings = Object.entries({ ...session.dialect, ...more })
  const calls = settings.map(([name], i) => `pg_catalog.set_config('${name}', $${i + 1}, true)`)
  return [
    // SET costs half of what a SELECT of set_config does.
    ...Object.entries(limits).map(([name, value]) => ({ text: `SET LOCAL ${name} = ${Math.trunc(value)}` })),
    ...(calls.length === 0 ? [] : [{ text: `SELECT ${calls.join(', ')}`, values: settings.map(([, value]) => value) }]),
  ]
}

/** Runs one statement. `resetSession` must follow unless the session is closed: until then its transaction may be open. */
export async function readOnly(session: Session, step: Step, limits: ReadLimits): Promise<ReadResult> {
  const { timeoutMs, maxRows, keepBytes, signal } = limits
  return guarded(session, timeoutMs, signal, async () => {
    // When one batch is all there will be, the transaction ends in the same round trip.
    const after = maxRows < firstBatch ? cleanUp() : []
    const before = [begin, ...transactionSettings(session, timeoutMs, lockMs, after.length === 0, limits.settings)]
    const fetch = { keepRows: maxRows, keepBytes, rows: Math.min(maxRows + 1, firstBatch) }
    const first = await fetchRows(session, before, step, fetch, after)
    if (after.length > 0) {
      session.clean = !session.closed
      return withMore(first, maxRows)
    }
    const missing = maxRows + 1 - first.rowCount
    if (first.cut !== undefined || !first.suspended || missing <= 0) return withMore(first, maxRows)
    const perRow = Math.max(1, Math.ceil(sizeOf(first.rows) / first.rows.length))
    const left = Math.max(1, keepBytes - perRow * first.rows.length)
    const room = Math.ceil(left / perRow) + 1
    const second = await fetchRows(session, [], undefined, {
      keepRows: maxRows - first.rows.length,
      keepBytes: left,
      rows: Math.min(missing, room),
    })
    const both = {
      ...second,
      fields: first.fields,
      rows: [...first.rows, ...second.rows],
      rowCount: first.rowCount + second.rowCount,
    }
    if (both.cut === undefined && second.suspended && both.rowCount <= maxRows) both.cut = 'bytes'
    return withMore(both, maxRows)
  })
}

async function fetchRows(
  session: Session,
  before: readonly Step[],
  step: Step | undefined,
  fetch: Fetch,
  after: readonly Step[] = [],
): Promise<ReadResult> {
  try {
    const outcome = await session.run(before, step, fetch, after)
    return { ...outcome, more: false, cut: outcome.full ? 'bytes' : undefined }
  } catch (error) {
    if (error instanceof FloodError) return { ...error.outcome, more: true, cut: 'flood' }
    throw error
  }
}

function withMore(result: ReadResult, maxRows: number): ReadResult {
  return { ...result, more: result.suspended || result.rowCount > maxRows || result.cut !== undefined }
}

/**
 * Runs `work` on the session; when the signal aborts or the time is over by more than the server's own limit can explain, the statement
 * is cancelled in the server and the session destroyed.
 */
export function guarded<T>(
  session: Session,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const started = performance.now()
  return new Promise<T>((resolve, reject) => {
    // Not withDeadline: its AbortController costs a fifth of what a whole SELECT 1 takes.
    const timer = setTimeout(() => stop(new LateError(timeoutMs)), timeoutMs + clientGraceMs)
    const abort = (): void => stop(signal?.reason)
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    const stop = (reason: unknown): void => {
      settle()
      void session.cancel()
      reject(reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
    work().then(
      (value) => {
        settle()
        resolve(value)
      },
      (error: unknown) => {
        settle()
        // SQL may raise this code too, such as for a foreign server's time limit: then it comes early.
        const cancelled = (error as { code?: string }).code === queryCancelled
        reject(cancelled && performance.now() - started >= timeoutMs ? new LateError(timeoutMs) : error)
      },
    )
  })
}

/** The time limit of the statement has passed, whether the server enforced it or we did. */
export class LateError extends Error {
  override readonly name = 'LateError'
  readonly timeoutMs: number

  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`)
    this.timeoutMs = timeoutMs
  }
}

/** Rolls back and resets the session; destroys it when that does not work. */
export async function resetSession(session: Session): Promise<void> {
  if (session.closed) return
  session.uses += 1
  session.notices = []
  if (session.clean) {
    session.clean = false
    return
  }
  const timer = setTimeout(() => session.destroy(), 5_000)
  try {
    await session.simple(resetText())
  } catch {
    session.destroy() // its state is not known
  } finally {
    clearTimeout(timer)
  }
}

function sizeOf(rows: Outcome['rows']): number {
  let bytes = 0
  for (const row of rows) {
    for (const cell of row) bytes += 8 + (cell === null ? 0 : typeof cell === 'string' ? cell.length : cell.bytes)
  }
  return bytes
}
