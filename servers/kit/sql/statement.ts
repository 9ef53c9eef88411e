// The statement that is handed to pg's client. Its own Query class reads the whole result, hangs when a row-limited statement fails (no Sync
// is sent), and keeps every row; this one sends the messages of the extended protocol itself.
import type { Cell } from './protocol-guard.ts'

export interface Step {
  readonly text: string
  readonly values?: readonly (string | null)[] | undefined
}

export interface Field {
  readonly name: string
  readonly dataTypeID: number
}

/** The part of pg's Connection that statements use; parse, bind, describe, execute and sync write one message each. */
export interface Wire {
  readonly stream: { cork(): void; uncork(): void }
  parse(message: { text: string }): void
  bind(message: { values: readonly (string | null)[] }): void
  describe(message: { type: 'P' }): void
  execute(message: { rows?: number }): void
  sync(): void
  sendCopyFail(message: string): void
}

export interface Outcome {
  /** Undefined for a statement that has no result. */
  fields: readonly Field[] | undefined
  rows: Cell[][]
  /** Bytes of text in `rows`. */
  keptBytes: number
  /** Rows that came, of which `rows` are those that were kept. */
  rowCount: number
  /** The portal was suspended: there are more rows. */
  suspended: boolean
  /** Such as `SELECT 3`; undefined while the portal is suspended. */
  tag: string | undefined
  /** Why rows are missing that were asked for: the kept bytes, or those that a statement may send, are reached. */
  cut: 'bytes' | 'flood' | undefined
}

export interface Run {
  /** Run first, and their results ignored. */
  readonly before?: readonly Step[]
  /** Its rows are kept. Undefined: more rows of the portal that is open. */
  readonly step?: Step
  /** Run behind it, unless it fails: then the server skips them. */
  readonly after?: readonly Step[]
  /** Most rows of one Execute. Default: no limit. */
  readonly rows?: number
  /** Rows beyond this many are counted and dropped. */
  readonly keepRows: number
  /** Bytes of text after which rows are dropped; the first row is always kept. */
  readonly keepBytes: number
  /** Bytes of one cell that are kept. Default: what is shown of a caller's data. */
  readonly cellBytes?: number
  /** What an earlier Execute of the same portal has brought. */
  readonly outcome?: Outcome
}

export type Statement = ReturnType<typeof createStatement>

/** Steps in one round trip and up to one Sync. @param resolve called at ReadyForQuery, when the session can be used again */
export function createStatement(run: Run, resolve: (outcome: Outcome) => void, reject: (error: Error) => void) {
  const { before = [], step, after = [], rows = 0 } = run
  const none = { fields: undefined, rows: [], keptBytes: 0, rowCount: 0, tag: undefined, cut: undefined }
  const outcome: Outcome = Object.assign(run.outcome ?? none, { suspended: false })
  let completed = 0
  const isOfStep = (): boolean => completed === before.length
  return {
    submit(wire: Wire): void {
      // No Sync before the end: after an error the server skips everything up to it, so that the statement can never run without the
      // BEGIN READ ONLY that stands before it.
      wire.stream.cork() // one system call for all messages
      for (const each of before) runWhole(wire, each)
      if (step !== undefined) {
        prepare(wire, step)
        wire.describe({ type: 'P' })
      }
      wire.execute({ rows })
      for (const each of after) runWhole(wire, each)
      wire.sync()
      wire.stream.uncork()
    },

    handleRowDescription({ fields }: { fields: readonly Field[] }): void {
      outcome.fields = fields
    },

    handleDataRow({ fields: cells }: { fields: Cell[] }): void {
      if (!isOfStep()) return // what one of the other steps answers
      outcome.rowCount += 1
      if (outcome.rowCount > run.keepRows || outcome.cut !== undefined) return
      const bytes = cells.reduce((sum, cell) => sum + 8 + (typeof cell === 'string' ? cell.length : (cell?.head.length ?? 0)), 0)
      if (outcome.keptBytes + bytes > run.keepBytes && outcome.rows.length > 0) {
        outcome.cut = 'bytes'
        return
      }
      outcome.keptBytes += bytes
      outcome.rows.push(cells)
    },

    handleCommandComplete({ text }: { text: string }): void {
      if (isOfStep()) outcome.tag = text
      completed += 1
    },

    handlePortalSuspended(): void {
      completed += 1
      outcome.suspended = true
    },

    handleEmptyQuery(): void {
      this.handleCommandComplete({ text: '' })
    },

    /** The first error counts. The server sends ReadyForQuery after it, but pg no longer passes that on: it queues what comes next. */
    handleError(error: Error): void {
      reject(error)
    },

    /** Ends it with what has come; the session is closed. @param cells of the row that was being read */
    stopFlood(cells: Cell[]): void {
      if (cells.length > 0) this.handleDataRow({ fields: cells })
      outcome.cut = 'flood'
      resolve(outcome)
    },

    handleReadyForQuery(): void {
      resolve(outcome)
    },

    /** No statement that is admitted is a COPY. */
    handleCopyInResponse(wire: Wire): void {
      wire.sendCopyFail('COPY is not supported')
    },

    handleCopyData(): void {},
  }
}

/** The unnamed statement and portal, parameters and results in text. */
function prepare(wire: Wire, { text, values = [] }: Step): void {
  wire.parse({ text })
  wire.bind({ values })
}

function runWhole(wire: Wire, step: Step): void {
  prepare(wire, step)
  wire.execute({})
}
