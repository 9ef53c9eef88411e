// The statements that are handed to pg's client. Its own Query class reads the whole result, hangs when a row-limited statement fails (no Sync
// is sent), and keeps every row; these send the messages of the extended protocol themselves.
import { MessageWriter, type Step } from './messages.ts'
import type { Field, Submittable, Wire } from './pg-adapter.ts'
import type { Cell } from './protocol-guard.ts'

export interface Outcome {
  /** Undefined for a statement that has no result. */
  fields: readonly Field[] | undefined
  rows: Cell[][]
  /** Rows that came, of which `rows` are those that were kept. */
  rowCount: number
  /** The portal was suspended: there are more rows. */
  suspended: boolean
  /** Such as `SELECT 3`; undefined while the portal is suspended. */
  tag: string | undefined
  /** Rows were dropped because the result had reached its size. */
  full: boolean
}

export interface Fetch {
  /** Most rows of one Execute; 0 sets no limit. */
  readonly rows: number
  /** Rows beyond this many are counted and dropped. */
  readonly keepRows: number
  /** Bytes of text after which rows are dropped; the first row is always kept. */
  readonly keepBytes: number
}

type Settle = { resolve: () => void; reject: (error: Error) => void }

/** Steps that are run and forgotten, then one statement whose portal is read, all in one round trip and up to one Sync. */
export class PortalStatement implements Submittable {
  readonly outcome: Outcome = { fields: undefined, rows: [], rowCount: 0, suspended: false, tag: undefined, full: false }
  /** Ends with ReadyForQuery, when the session can be used again. */
  readonly done: Promise<void>
  readonly #before: readonly Step[]
  readonly #step: Step | undefined
  readonly #fetch: Fetch
  readonly #after: readonly Step[]
  #settle!: Settle
  #completed = 0
  #keptBytes = 0
  #error: Error | undefined

  /**
   * @param step undefined: more rows of the portal that is open
   * @param after run behind it in the same round trip, unless it fails: then the server skips them
   */
  constructor(before: readonly Step[], step: Step | undefined, fetch: Fetch, after: readonly Step[] = []) {
    this.#after = after
    this.#before = before
    this.#step = step
    this.#fetch = fetch
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.done.catch(() => {}) // the caller who awaits it sees the error
  }

  submit(wire: Wire): void {
    const writer = new MessageWriter()
    // No Sync before the end: after an error the server skips everything up to it, so that the statement can never run without the
    // BEGIN READ ONLY that stands before it.
    for (const step of this.#before) writer.prepare(step).execute(0)
    if (this.#step !== undefined) writer.prepare(this.#step).describePortal()
    writer.execute(this.#fetch.rows)
    for (const step of this.#after) writer.prepare(step).execute(0)
    wire.stream.write(writer.sync())
  }

  handleRowDescription({ fields }: { fields: readonly Field[] }): void {
    this.outcome.fields = fields
  }

  handleDataRow({ fields: cells }: { fields: Cell[] }): void {
    if (this.#completed !== this.#before.length) return // what one of the other steps answers
    const { outcome } = this
    outcome.rowCount += 1
    if (outcome.rowCount > this.#fetch.keepRows || outcome.full) return
    const bytes = cells.reduce(
      (sum, cell) => sum + 8 + (cell === null ? 0 : typeof cell === 'string' ? cell.length : cell.head.length),
      0,
    )
    if (this.#keptBytes + bytes > this.#fetch.keepBytes && outcome.rows.length > 0) {
      outcome.full = true
      return
    }
    this.#keptBytes += bytes
    outcome.rows.push(cells)
  }

  handleCommandComplete({ text }: { text: string }): void {
    if (this.#completed++ === this.#before.length) this.outcome.tag = text
  }

  handlePortalSuspended(): void {
    this.#completed += 1
    this.outcome.suspended = true
  }

  handleEmptyQuery(): void {
    this.#completed += 1
    this.outcome.tag = ''
  }

  handleError(error: Error): void {
    // The first one counts. The server sends ReadyForQuery after it, but pg no longer passes that on: it queues what comes next.
    this.#error ??= error
    this.#settle.reject(error)
  }

  handleReadyForQuery(): void {
    this.#settle.resolve()
  }

  handleCopyInResponse(wire: Wire): void {
    wire.sendCopyFail('COPY is not supported')
  }

  handleCopyData(): void {}
}

/** Our own text, several statements at once, by the simple protocol. Never anything that a caller wrote. */
export class SimpleStatement implements Submittable {
  readonly done: Promise<void>
  readonly rows: Cell[][] = []
  readonly #text: string
  #settle!: Settle

  constructor(text: string) {
    this.#text = text
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.done.catch(() => {})
  }

  submit(wire: Wire): void {
    wire.query(this.#text)
  }

  handleRowDescription(): void {}
  handleDataRow({ fields }: { fields: Cell[] }): void {
    if (this.rows.length < 1_000) this.rows.push(fields)
  }
  handleCommandComplete(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
  handleError(error: Error): void {
    this.#settle.reject(error)
  }
  handleReadyForQuery(): void {
    this.#settle.resolve()
  }
  handleCopyInResponse(wire: Wire): void {
    wire.sendCopyFail('COPY is not supported')
  }
  handleCopyData(): void {}
}
