// Writes audit records to a rotated file or to stdout; the chain continues over rotation and restarts.
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs'
import type { Log } from '../../kit/definition.ts'
import { type AuditRecord, type ChainEnd, genesis, openRecord, sealRecord } from './chain.ts'

export interface AuditFileOptions {
  /** Without one, records go to stdout. */
  file: string | undefined
  /** Nothing is written. For a terminal, where records between the lines for a person help nobody. */
  nowhere?: boolean
  key: string | undefined
  /** Size at which the file is rotated. */
  maxBytes: number
  /** Files that are kept, the current one included. */
  maxFiles: number
  log: Log
}

const lastLineBytes = 64 * 1024
const stdout = 1
/** Of a millisecond each. */
const maxPipeWaits = 200
const clock = new Int32Array(new SharedArrayBuffer(4))

export class AuditFile {
  readonly #options: AuditFileOptions
  /** Undefined once it is closed: the number of a closed descriptor may soon be a client's socket. */
  #fd: number | undefined
  #bytes = 0
  /** Size at which the next rotation is tried: beyond `maxBytes` after one that failed. */
  #rotateAt: number
  #head: ChainEnd = { hash: genesis, seq: 0 }
  #failed = false
  #closed = false

  /** @throws Error when the file cannot be opened */
  constructor(options: AuditFileOptions) {
    this.#options = options
    this.#rotateAt = options.maxBytes
    if (options.file === undefined) this.#fd = stdout
    else this.#continue(options.file)
  }

  get head(): ChainEnd {
    return this.#head
  }

  /** Whether the last record was written. */
  get healthy(): boolean {
    return !this.#failed
  }

  /** Synchronous, so that order and chain are those of the calls and a crash loses nothing that was answered. Never throws. */
  append(record: AuditRecord): boolean {
    if (this.#closed) return false
    const { key, log, nowhere } = this.#options
    const sealed = sealRecord(record, this.#head, key)
    try {
      const bytes = Buffer.byteLength(sealed.line)
      if (!nowhere) writeLine(this.#descriptorFor(bytes), sealed.line, bytes)
      this.#bytes += bytes
      this.#head = { hash: sealed.hash, seq: this.#head.seq + 1 }
      if (this.#failed) log.info('audit trail is written again')
      this.#failed = false
    } catch (error) {
      if (!this.#failed) log.error('audit trail cannot be written', { error })
      this.#failed = true
      this.#dropHalfLine()
    }
    return !this.#failed
  }

  close(): void {
    this.#closed = true
    if (this.#fd !== undefined && this.#fd !== stdout) closeSync(this.#fd)
    this.#fd = undefined
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
      const record = openRecord(line, this.#options.key)
      if (record === undefined) continue
      this.#head = { hash: record.hash, seq: record.seq }
      return
    }
    this.#options.log.warn('the audit file ends with no record that this configuration can verify; a new chain begins', { file })
  }

  /** Removes the part of a record that a full disk accepted; the next record would otherwise be appended to the same line. */
  #dropHalfLine(): void {
    if (this.#fd === undefined || this.#fd === stdout) return
    try {
      if (fstatSync(this.#fd).size > this.#bytes) ftruncateSync(this.#fd, this.#bytes)
    } catch {
      // not a file, such as a device: it has no size either
    }
  }

  /** The file to write so many bytes to, rotated when they would not fit. */
  #descriptorFor(bytes: number): number {
    const { file, maxBytes, log } = this.#options
    if (file === undefined) return stdout
    if (this.#fd === undefined) throw new Error('the audit file is closed')
    if (this.#bytes === 0 || this.#bytes + bytes <= this.#rotateAt) return this.#fd
    try {
      const next = this.#rotate(file)
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
    return this.#fd
  }

  /** Opens the next file first, then renames, the oldest file first: if a step fails, no record is lost. */
  #rotate(file: string): number {
    const { maxFiles } = this.#options
    const fresh = `${file}.next`
    const fd = openSync(fresh, 'a+', 0o640)
    try {
      for (let i = maxFiles - 1; i >= 1; i--) rename(i === 1 ? file : `${file}.${i - 1}`, `${file}.${i}`)
      renameSync(fresh, file)
      return fd
    } catch (error) {
      closeSync(fd)
      rmSync(fresh, { force: true })
      throw error
    }
  }
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** A pipe to a slow reader may be full for a moment (EAGAIN); if it stays full, the record fails instead of blocking the server. */
function writeLine(fd: number, line: string, bytes: number): void {
  let waits = 0
  let rest: Buffer | undefined
  for (let written = 0; written < bytes; ) {
    try {
      // As text, which spares a copy; the rest of a short write goes as bytes.
      written += rest === undefined ? writeSync(fd, line) : writeSync(fd, rest, written)
      rest ??= written < bytes ? Buffer.from(line) : undefined
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || ++waits > maxPipeWaits) throw error
      Atomics.wait(clock, 0, 0, 1)
    }
  }
}
