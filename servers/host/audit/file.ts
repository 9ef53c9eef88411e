// Writes audit records to a rotated file or to stdout; the chain continues over rotation and restarts.
import { closeSync, fstatSync, ftruncateSync, lstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs'
import type { Log } from '../../kit/definition.ts'
import type { Settings } from '../settings.ts'
import { type AuditRecord, type ChainEnd, genesis, newRecord, openRecord, sealRecord } from './chain.ts'

export interface AuditFileOptions {
  settings: Pick<Settings, 'AUDIT_FILE' | 'AUDIT_KEY' | 'AUDIT_MAX_BYTES' | 'AUDIT_MAX_FILES'>
  /** Nothing is written. For a terminal, where records between the lines for a person help nobody. */
  nowhere?: boolean
  log: Log
}

const lastLineBytes = 64 * 1024
const stdout = 1
const closed = -1
/** Of a millisecond each. */
const maxPipeWaits = 200
const clock = new Int32Array(new SharedArrayBuffer(4))

export class AuditFile {
  readonly #options: AuditFileOptions
  /** `closed` at the end: the number of a closed descriptor may soon be a client's socket. */
  #fd = stdout
  #bytes = 0
  /** Size at which the next rotation is tried: beyond AUDIT_MAX_BYTES after one that failed. */
  #rotateAt: number
  #head: ChainEnd = { hash: genesis, seq: 0 }
  #waiting: AuditRecord[] = []
  /** Settles with the next write of `#waiting`. */
  #written: Promise<void> | undefined
  /** Records that could not be written since the last one that was. */
  #missing = 0
  #lost = 0

  /** @throws Error when the file cannot be opened */
  constructor(options: AuditFileOptions) {
    const { AUDIT_FILE: file, AUDIT_MAX_BYTES: maxBytes } = options.settings
    this.#options = options
    this.#rotateAt = maxBytes
    if (file !== undefined) this.#continue(file)
  }

  /** The last record, whether it was written, and how many records of this process could not be. */
  get state(): ChainEnd & { written: boolean; lost: number } {
    return { ...this.#head, written: this.#missing === 0, lost: this.#lost }
  }

  /** Writes a record at once, after those that wait. Returns whether it was written. Never throws. */
  append(record: AuditRecord): boolean {
    this.#flush()
    return this.#write([record])
  }

  /**
   * Resolves when the record was written, or could not be. The records of one turn of the event loop are written with one system call, which
   * is most of what a record costs. Await it before the call is answered: then a crash loses no record of an answered call.
   */
  appendSoon(record: AuditRecord): Promise<void> {
    this.#waiting.push(record)
    this.#written ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#flush()
        resolve()
      })
    })
    return this.#written
  }

  close(): void {
    this.#flush()
    if (this.#fd !== closed && this.#fd !== stdout) closeSync(this.#fd)
    this.#fd = closed
  }

  #flush(): void {
    const records = this.#waiting
    this.#waiting = []
    this.#written = undefined
    if (records.length === 0) return
    // From a pipe nothing can be taken back, and it takes up to 4,096 bytes (PIPE_BUF, pipe(7)) whole or not at all, but not more.
    if (this.#options.settings.AUDIT_FILE === undefined) for (const record of records) this.#write([record])
    else this.#write(records)
  }

  #write(records: readonly AuditRecord[]): boolean {
    if (this.#fd === closed) return false
    const { log } = this.#options
    try {
      // The trail itself says how many records are missing before these.
      this.#writeAll(this.#missing === 0 ? records : [newRecord('lost', { records: this.#missing }), ...records])
    } catch (error) {
      this.#dropHalfLine()
      // When the disk ends within several records, those that still fit are kept.
      if (records.length > 1) return records.map((record) => this.#write([record])).every(Boolean)
      if (this.#missing === 0) log.error('audit trail cannot be written', { error })
      this.#missing += 1
      this.#lost += 1
      return false
    }
    if (this.#missing > 0) log.info('audit trail is written again', { lost_records: this.#missing })
    this.#missing = 0
    return true
  }

  /** Continues the chain with these records, all or none. @throws Error when they cannot be written */
  #writeAll(records: readonly AuditRecord[]): void {
    const { settings, nowhere } = this.#options
    let head = this.#head
    let lines = ''
    for (const record of records) {
      const sealed = sealRecord(record, head, settings.AUDIT_KEY)
      lines += sealed.line
      head = { hash: sealed.hash, seq: record.seq }
    }
    const bytes = Buffer.byteLength(lines)
    if (!nowhere) {
      this.#makeRoom(bytes)
      writeText(this.#fd, lines, bytes)
    }
    this.#bytes += bytes
    this.#head = head
  }

  /** Opens the file and finds the last record in it. */
  #continue(file: string): void {
    this.#fd = openSync(file, 'a+', 0o640)
    const { size } = fstatSync(this.#fd)
    this.#bytes = size
    if (size === 0) return
    const tail = Buffer.alloc(Math.min(size, lastLineBytes))
    readSync(this.#fd, tail, 0, tail.length, size - tail.length)
    const text = tail.toString('utf8')
    // A crash or a full disk may have left half a line; it stays as it is, and the chain goes on after the last whole record.
    if (!text.endsWith('\n')) this.#bytes += writeSync(this.#fd, '\n')
    for (const line of text.split('\n').reverse()) {
      const record = openRecord(line, this.#options.settings.AUDIT_KEY)
      if (record === undefined) continue
      this.#head = { hash: record.hash, seq: record.seq }
      return
    }
    this.#options.log.warn('the audit file ends with no record that this configuration can verify; a new chain begins', { file })
  }

  /** Removes the part of a record that a full disk accepted; the next record would otherwise be appended to the same line. */
  #dropHalfLine(): void {
    if (this.#fd === stdout) return
    try {
      if (fstatSync(this.#fd).size > this.#bytes) ftruncateSync(this.#fd, this.#bytes)
    } catch {
      // not a file, such as a device: it has no size either
    }
  }

  /** Rotates the file when so many bytes would not fit. */
  #makeRoom(bytes: number): void {
    const { settings, log } = this.#options
    const { AUDIT_FILE: file, AUDIT_MAX_BYTES: maxBytes, AUDIT_MAX_FILES: maxFiles } = settings
    if (file === undefined || this.#bytes === 0 || this.#bytes + bytes <= this.#rotateAt) return
    try {
      const next = rotate(file, maxFiles)
      closeSync(this.#fd)
      this.#fd = next
      this.#bytes = fstatSync(next).size
      if (this.#rotateAt > maxBytes) log.info('the audit file is rotated again')
      this.#rotateAt = maxBytes
    } catch (error) {
      // A file that is too large is better than a record that is lost.
      if (this.#rotateAt === maxBytes) log.error('the audit file cannot be rotated and grows', { error })
      this.#rotateAt = this.#bytes + bytes + maxBytes / 10
    }
  }
}

/** Opens the next file first, then renames, the oldest file first: if a step fails, no record is lost. */
function rotate(file: string, maxFiles: number): number {
  const fresh = `${file}.next`
  const fd = openSync(fresh, 'a+', 0o640)
  try {
    for (let i = maxFiles - 1; i >= 1; i--) {
      const from = i === 1 ? file : `${file}.${i - 1}`
      // existsSync would also pass over a file that cannot be examined, which the next one would then replace.
      if (lstatSync(from, { throwIfNoEntry: false })) renameSync(from, `${file}.${i}`)
    }
    renameSync(fresh, file)
    return fd
  } catch (error) {
    closeSync(fd)
    rmSync(fresh, { force: true })
    throw error
  }
}

/** Tries again for at most 200 ms while a pipe that does not block is full (EAGAIN). A blocking pipe holds the process until it is read. */
function writeText(fd: number, text: string, bytes: number): void {
  let waits = 0
  let rest: Buffer | undefined
  for (let written = 0; written < bytes; ) {
    try {
      // As text, which spares a copy; the rest of a short write goes as bytes.
      written += rest === undefined ? writeSync(fd, text) : writeSync(fd, rest, written)
      rest ??= written < bytes ? Buffer.from(text) : undefined
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || ++waits > maxPipeWaits) throw error
      Atomics.wait(clock, 0, 0, 1)
    }
  }
}
