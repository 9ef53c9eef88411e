// The audit trail: one record for every tool call, refusal and failed login, hash-chained across rotation and restarts (docs/audit.md).
import { hash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs'
import { type Call, type Middleware, ProtocolError, ToolError } from '../../protocol/index.ts'
import { type ChainEnd, genesis, openRecord, sealRecord } from './audit-chain.ts'
import type { Log } from './definition.ts'
import type { Redact } from './redact.ts'

export interface AuditOptions {
  /** Without one, records go to stdout. */
  file: string | undefined
  key: string | undefined
  args: 'redacted' | 'none'
  required: boolean
  maxBytes: number
  maxFiles: number
  version: string
  redact: Redact
  log: Log
}

export interface Denial {
  reason: string
  server: string | undefined
  principal: string | undefined
  user: string | undefined
  remote: string
  status: number
}

const maxArgsChars = 2_048
const lastLineBytes = 64 * 1024
/** Refusals of one kind from one address within this time become one record with a count: a flood must not rotate the calls away. */
const denialWindowMs = 10_000
const maxDenialKeys = 500

export class Audit {
  readonly #options: AuditOptions
  #fd = 1
  #bytes = 0
  #head: ChainEnd = { hash: genesis, seq: 0 }
  #failed = false
  readonly #denials = new Map<string, { denial: Denial; repeated: number; timer: NodeJS.Timeout }>()

  /** @throws Error when the file cannot be opened */
  constructor(options: AuditOptions) {
    this.#options = options
    if (options.file !== undefined) this.#open(options.file)
  }

  get head(): ChainEnd {
    return this.#head
  }

  /** Could the last record be written? */
  get healthy(): boolean {
    return !this.#failed
  }

  /** The first record of a process: ties what follows to a version and a configuration. */
  start(servers: readonly string[], configuration: unknown): void {
    this.#append({
      type: 'start',
      servers,
      version: this.#options.version,
      node: process.version,
      config_sha256: hash('sha256', JSON.stringify(configuration)),
    })
  }

  /** Outermost of the middlewares, so that it sees what every other one decided. */
  middleware(server: string, upstream: () => string | undefined, readOnly: boolean): Middleware {
    return async (call, next) => {
      if (call.method !== 'tools/call') return next()
      const about = this.#about(server, call, upstream())
      const mayChange = call.tool !== undefined && call.tool.annotations?.readOnlyHint !== true
      if ((mayChange || this.#options.required) && !this.#append({ type: 'intent', ...about }) && this.#options.required) {
        throw new ToolError(
          'INTERNAL',
          'the audit trail cannot be written, and this server makes no call without a record; ask the operator',
        )
      }
      const started = performance.now()
      const record = (outcome: string, errorCode: string | undefined, bytes: number): void => {
        const { rows, truncated, queue_ms, upstream: asked } = call.facts
        this.#append({
          type: 'tool_call',
          ...about,
          read_only: readOnly,
          outcome,
          ...(errorCode === undefined ? {} : { error_code: errorCode }),
          duration_ms: Math.round((performance.now() - started) * 10) / 10,
          ...(queue_ms === undefined ? {} : { queue_ms }),
          bytes_out: bytes,
          ...(rows === undefined ? {} : { rows }),
          ...(truncated === undefined ? {} : { truncated }),
          ...(asked === undefined ? {} : { upstream: asked }),
        })
      }
      try {
        const outcome = await next()
        record(outcome.isError ? 'error' : 'ok', undefined, outcome.bytes)
        return outcome
      } catch (error) {
        record(...failure(error), 0)
        throw error
      }
    }
  }

  /** A refused request or failed login. */
  denied(denial: Denial): void {
    const key = `${denial.reason} ${denial.server} ${denial.principal} ${denial.remote}`
    const seen = this.#denials.get(key)
    if (seen !== undefined) {
      seen.repeated += 1
      return
    }
    if (this.#denials.size < maxDenialKeys) {
      const timer = setTimeout(() => this.#endDenial(key), denialWindowMs).unref()
      this.#denials.set(key, { denial, repeated: 0, timer })
    }
    this.#append({ type: 'denied', ...denial })
  }

  close(): void {
    for (const key of [...this.#denials.keys()]) this.#endDenial(key)
    this.#append({ type: 'stop' })
    if (this.#fd !== 1) closeSync(this.#fd)
    this.#fd = -1
  }

  #endDenial(key: string): void {
    const entry = this.#denials.get(key)
    if (entry === undefined) return
    clearTimeout(entry.timer)
    this.#denials.delete(key)
    if (entry.repeated > 0) this.#append({ type: 'denied', ...entry.denial, repeated: entry.repeated })
  }

  #about(server: string, call: Call, upstream: string | undefined): Record<string, unknown> {
    const { caller, session, requestId } = call.context
    const given = call.params.arguments ?? {}
    return {
      server,
      version: this.#options.version,
      tool: typeof call.params.name === 'string' ? call.params.name.slice(0, 100) : undefined,
      principal: caller.principal,
      user: caller.user,
      client: session.client,
      session8: session.id?.slice(0, 8),
      rpc_id: typeof requestId === 'string' ? requestId.slice(0, 100) : requestId,
      trace_id: caller.traceparent?.slice(3, 35),
      remote: caller.remote,
      ...(this.#options.args === 'none' ? {} : { args: this.#args(call, given) }),
      args_sha256: hash('sha256', JSON.stringify(given)),
      upstream,
    }
  }

  #args(call: Call, given: unknown): unknown {
    const clean = this.#options.redact(hasWriteOnly(call.tool) ? maskWriteOnly(call, given) : given)
    const text = JSON.stringify(clean)
    return text.length <= maxArgsChars ? clean : `${text.slice(0, maxArgsChars)}…[+${text.length - maxArgsChars} chars]`
  }

  /** Synchronous, so that order and chain are those of the calls and a crash loses nothing that was answered. */
  #append(record: Record<string, unknown>): boolean {
    if (this.#fd === -1) return false
    const seq = this.#head.seq + 1
    const sealed = sealRecord({ ts: new Date().toISOString(), seq, ...record }, this.#head.hash, this.#options.key)
    try {
      const bytes = Buffer.byteLength(sealed.line)
      this.#rotateFor(bytes)
      writeLine(this.#fd, sealed.line, bytes)
      this.#bytes += bytes
      this.#head = { hash: sealed.hash, seq }
      if (this.#failed) this.#options.log.info('audit trail is written again')
      this.#failed = false
      return true
    } catch (error) {
      if (!this.#failed) this.#options.log.error('audit trail cannot be written', { error })
      this.#failed = true
      return false
    }
  }

  #open(file: string): void {
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

  #rotateFor(bytes: number): void {
    const { file, maxBytes, maxFiles } = this.#options
    if (file === undefined || this.#bytes === 0 || this.#bytes + bytes <= maxBytes) return
    closeSync(this.#fd)
    rmSync(`${file}.${maxFiles - 1}`, { force: true })
    for (let i = maxFiles - 2; i >= 1; i--) rename(`${file}.${i}`, `${file}.${i + 1}`)
    if (maxFiles > 1) rename(file, `${file}.1`)
    else rmSync(file, { force: true })
    this.#fd = openSync(file, 'a+', 0o640)
    this.#bytes = fstatSync(this.#fd).size
  }
}

/** The audit trail's words for how a call failed. */
function failure(error: unknown): [outcome: string, code: string] {
  if (error instanceof ToolError) {
    if (error.code === 'CANCELLED') return ['cancelled', error.code]
    if (error.code === 'TIMEOUT') return ['timeout', error.code]
    if (error.code === 'FORBIDDEN' || error.code === 'READ_ONLY' || error.code === 'RATE_LIMITED') return ['denied', error.code]
    return ['error', error.code]
  }
  return error instanceof ProtocolError ? ['denied', String(error.code)] : ['error', 'INTERNAL']
}

const writeOnlyTools = new WeakMap<object, boolean>()

function hasWriteOnly(tool: Call['tool']): boolean {
  if (tool === undefined) return false
  let known = writeOnlyTools.get(tool)
  if (known === undefined) {
    known = Object.values(tool.inputSchema.properties ?? {}).some((property) => property.writeOnly === true)
    writeOnlyTools.set(tool, known)
  }
  return known
}

/** JSON Schema's `writeOnly` marks an argument whose value must not be kept, such as what is typed into a form. */
function maskWriteOnly(call: Call, given: unknown): unknown {
  const { properties = {} } = call.tool?.inputSchema ?? {}
  const aliases = call.tool?.aliases ?? {}
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => {
      const property = properties[Object.hasOwn(aliases, key) ? (aliases[key] as string) : key]
      return [key, property?.writeOnly === true ? `[${String(value).length} chars]` : value]
    }),
  )
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

const maxPipeWaits = 200
const clock = new Int32Array(new SharedArrayBuffer(4))
