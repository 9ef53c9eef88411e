// How a reading statement is executed: in a READ ONLY transaction that is always rolled back, by the extended protocol, under the server's own
// time limits, on a session that is reset before the next caller gets it.
import { monotonicMs, ToolError } from '../../../protocol/index.ts'
import type { Session } from './session.ts'
import type { Run, Step } from './statement.ts'

export interface ReadLimits {
  readonly timeoutMs: number
  /** Rows wanted; whether there are more is known exactly. */
  readonly maxRows: number
  /** Bytes of text that are kept. */
  readonly keepBytes: number
  readonly signal?: AbortSignal | undefined
}

const lockMs = 2_000
/** Between our messages the transaction idles for microseconds; this ends it when this process was stopped between two of them. */
const idleInTransactionGraceMs = 5_000
/** The server enforces the limit; ours comes later and is for a server that does not answer. */
const clientGraceMs = 750
/** Rows of the first Execute; the second takes the rest, when it is known that rows are not so large that these fill a result. */
const batchRows = 128
const ownRows = 5_000
const ownBytes = 4_000_000
const resetMs = 5_000

const queryCancelled = '57014'
const begin: Step = { text: 'BEGIN READ ONLY' }

/**
 * Run behind a statement that has succeeded. What can outlive the rollback of a READ ONLY transaction: advisory locks, statements that a
 * function has prepared, and the seed of random(), from -1 to 1 (seen on 15 and 18). Settings, channels, cursors and temporary tables cannot.
 */
const cleanUp = (): readonly Step[] => [
  { text: 'ROLLBACK' },
  { text: `SELECT pg_catalog.pg_advisory_unlock_all(), pg_catalog.setseed(${(Math.random() * 2 - 1).toFixed(15)})` },
  { text: 'DEALLOCATE ALL' },
]

/** After a failure, or where the transaction stayed open: everything else that a session can keep. */
const fullReset = ['CLOSE ALL', 'UNLISTEN *', 'RESET ALL', 'DISCARD SEQUENCES'].map((text): Step => ({ text }))

/**
 * The settings of a transaction: time limits of the server's own, and the dialect where the session's is another.
 * @param staysOpen the transaction outlives the round trip, and may be left behind by a process that is killed
 * @param more for our own queries
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
export function readOnly(session: Session, step: Step, limits: ReadLimits) {
  const { timeoutMs, maxRows, keepBytes, signal } = limits
  return guarded(session, timeoutMs, signal, async () => {
    const started = monotonicMs()
    // When one batch is all there will be, the transaction ends in the same round trip.
    const isOne = maxRows < batchRows
    const before = [begin, ...transactionSettings(session, timeoutMs, lockMs, !isOne)]
    const keep = { keepRows: maxRows, keepBytes }
    const rows = Math.min(maxRows + 1, batchRows)
    const outcome = await session.run({ ...keep, before, step, rows, after: isOne ? cleanUp() : [] })
    if (!isOne && outcome.suspended && outcome.cut === undefined) {
      await session.run({ ...keep, rows: maxRows + 1 - outcome.rowCount, outcome })
    }
    session.clean = isOne
    /** There are more rows than `maxRows`. */
    const more = outcome.suspended || outcome.rowCount > maxRows || outcome.cut !== undefined
    return { ...outcome, more, durationMs: Math.round(monotonicMs() - started) }
  })
}

/** Runs one of our own queries, whose columns become the members of objects. */
export type Ask = <T>(text: string, values?: Step['values']) => Promise<T[]>

export interface OwnLimits {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Names resolve as the role's statements resolve them. Default: in pg_catalog alone. */
  readonly searchPath?: 'role' | undefined
}

/** Runs one of our own queries, all of it in one round trip. Where it fails, `resetSession` must follow. */
export function readOwn<T>(session: Session, step: Step, { timeoutMs, signal, searchPath }: OwnLimits): Promise<T[]> {
  return guarded(session, timeoutMs, signal, async () => {
    const settings = searchPath === 'role' ? {} : { search_path: 'pg_catalog' }
    const before = [begin, ...transactionSettings(session, timeoutMs, lockMs, false, settings)]
    const rows = await runOwn<T>(session, step, { before, after: cleanUp() })
    session.clean = true
    return rows
  })
}

/** Each row comes as one JSON text. @throws ToolError TOO_LARGE rather than to leave something out */
export async function runOwn<T>(session: Session, { text, values }: Step, around: Pick<Run, 'before' | 'after'> = {}) {
  const step = { text: `SELECT pg_catalog.to_json(own) FROM (${text}) own`, values }
  const { rows, rowCount } = await session.run({ ...around, step, keepRows: ownRows, keepBytes: ownBytes, cellBytes: ownBytes })
  return rows.map(([row]) => {
    if (typeof row === 'string' && rowCount === rows.length) return JSON.parse(row) as T
    throw new ToolError('TOO_LARGE', `the catalogue answers with more than ${ownRows} rows or 4 MB`)
  })
}

/**
 * Runs `work` on the session; when the signal aborts or the time is over by more than the server's own limit can explain, the statement
 * is cancelled in the server and the session destroyed.
 * @throws ToolError TIMEOUT, the signal's reason, or what the work threw
 */
export function guarded<T>(session: Session, timeoutMs: number, signal: AbortSignal | undefined, work: () => Promise<T>) {
  signal?.throwIfAborted()
  const started = monotonicMs()
  return new Promise<T>((resolve, reject) => {
    const running = work()
    const stop = (reason: unknown): void => {
      void session.cancel(running)
      reject(reason)
    }
    // Not withDeadline: its AbortController costs a fifth of what a whole SELECT 1 takes.
    const timer = setTimeout(() => stop(late(timeoutMs)), timeoutMs + clientGraceMs)
    const abort = (): void => stop(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    const settled = running.then(resolve, (error: unknown) => {
      // SQL may raise this code too, such as for a foreign server's time limit: then it comes early.
      const cancelled = (error as { code?: string }).code === queryCancelled
      reject(cancelled && monotonicMs() - started >= timeoutMs ? late(timeoutMs, error) : error)
    })
    void settled.finally(() => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    })
  })
}

/** The time limit of the statement has passed, whether the server enforced it or we did. */
function late(timeoutMs: number, cause?: unknown): ToolError {
  const hint = 'add a WHERE on an indexed column, LIMIT, or EXPLAIN first'
  return new ToolError('TIMEOUT', `cancelled after ${timeoutMs} ms (57014)`, { hint, detail: queryCancelled, cause })
}

/** Rolls back and resets the session; destroys it when that does not work. */
export async function resetSession(session: Session): Promise<void> {
  await session.cancelling
  session.notices = []
  if (session.closed || session.clean) return
  const timer = setTimeout(() => session.destroy(), resetMs)
  try {
    await session.run({ before: [...cleanUp(), ...fullReset], step: { text: 'DISCARD TEMP' }, keepRows: 0, keepBytes: 0 })
    session.clean = true
  } catch {
    session.destroy() // its state is not known
  } finally {
    clearTimeout(timer)
  }
}
