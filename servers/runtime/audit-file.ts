// Where audit records go: a file that is rotated, or stdout; the chain goes on over rotation and restarts.
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs'
import { type AuditRecord, type ChainEnd, genesis, openRecord, sealRecord } from './audit-chain.ts'
import type { Log } from './definition.ts'

export interface AuditFileOptions {
  /** Without one, records go to stdout. */
  file: string | undefined
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
  /** Undefined when a rotation could not open the next file: the number of a closed descriptor may soon be a client's socket. */
  #fd: number | undefined
  #bytes = 0
  #head: ChainEnd = { hash: genesis, seq: 0 }
  #failed = false
  #closed = false

  /** @throws Error when the file cannot be opened */
  constructor(options: AuditFileOptions) {
    this.#options = options
    if (options.file === undefined) this.#fd = stdout
    else this.#continue(options.file)
  }

  get head(): ChainEnd {
    return this.#head
  }

  /** Could the last record be written? */
  get healthy(): boolean {
    return !this.#failed
  }

  /** Synchronous, so that order and chain are those of the calls and a crash loses nothing that was answered. Never throws. */
  append(record: AuditRecord): boolean {
    if (this.#closed) return false
    const { key, log } = this.#options
    const sealed = sealRecord(record, this.#head, key)
    try {
      const bytes = Buffer.byteLength(sealed.line)
      writeLine(this.#descriptorFor(bytes), sealed.line, bytes)
      this.#bytes += bytes
      this.#head = { hash: sealed.hash, seq: this.#head.seq + 1 }
      if (this.#failed) log.info('audit trail is written again')
      this.#failed = false
    } catch (error) {
      if (!this.#failed) log.error('audit trail cannot be written', { error })
      this.#failed = true
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

  /** The file to write so many bytes to, rotated when they would not fit. */
  #descriptorFor(bytes: number): number {
    const { file, maxBytes, maxFiles } = this.#options
    if (file === undefined) return stdout
    if (this.#fd !== undefined && this.#bytes > 0 && this.#bytes + bytes > maxBytes) {
      closeSync(this.#fd)
      this.#fd = undefined
      rmSync(`${file}.${maxFiles - 1}`, { force: true })
      for (let i = maxFiles - 2; i >= 1; i--) rename(`${file}.${i}`, `${file}.${i + 1}`)
      if (maxFiles > 1) rename(file, `${file}.1`)
      else rmSync(file, { force: true })
    }
    if (this.#fd === undefined) {
      this.#fd = openSync(file, 'a+', 0o640)
      this.#bytes = fstatSync(this.#fd).size
    }
    return this.#fd
  }
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** A pipe to a slow reader may be full for a moment (EAGAIN); a reader that stays away fails the record instead of blocking the server. */
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
