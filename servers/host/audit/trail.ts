// The audit trail: one record for every tool call, refusal and failed login (docs/audit.md). file.ts writes them.
import { hash } from 'node:crypto'
import { type Call, type Outcome, ProtocolError, ToolError, tryJson } from '../../../protocol/index.ts'
import type { Redact } from '../../kit/redact.ts'
import type { Settings } from '../settings.ts'
import { newRecord } from './chain.ts'
import { AuditFile, type AuditFileOptions } from './file.ts'

export interface AuditOptions extends AuditFileOptions {
  settings: Settings
  version: string
  redact: Redact
}

/** Without an outcome the call has failed with `error`, which has this code. */
type CallEnd = Readonly<{ outcome: Outcome | undefined; error: unknown; code: string; ms: number }>

export interface Denial {
  reason: string
  server: string | undefined
  principal: string | undefined
  user: string | undefined
  remote: string
  status: number
}

const maxArgsChars = 2_048
const maxErrorChars = 1_000
/** Calls that are kept in memory, for the page at `/`. */
const maxRecentCalls = 50
/** Refusals of one kind from one address within this time become one record with a count, so that a flood does not rotate out the calls. */
const denialWindowMs = 10_000
const maxDenialKeys = 500

export class Audit {
  /** Its head, and whether records could be written. */
  readonly file: AuditFile
  readonly #options: AuditOptions
  readonly #denials = new Map<string, { denial: Denial; repeated: number }>()
  readonly #recent: CallRecord[] = []

  /** @throws Error when the file cannot be opened */
  constructor(options: AuditOptions) {
    this.#options = options
    this.file = new AuditFile(options)
  }

  /** The last calls of this process as they were recorded, the latest first. */
  get recentCalls(): readonly CallRecord[] {
    return this.#recent.toReversed()
  }

  /** The first record of a process, with its version and configuration. */
  start(servers: readonly string[], configuration: unknown): void {
    const { version } = this.#options
    const config_sha256 = hash('sha256', JSON.stringify(configuration))
    this.file.append(newRecord('start', { servers, version, node: process.version, config_sha256 }))
  }

  /**
   * Begins the record of a call. One that may change something, or every one with AUDIT_REQUIRED, is recorded before it runs.
   * @throws ToolError when AUDIT_REQUIRED is set and the record cannot be written
   */
  begin(server: string, call: Call, upstream: string | undefined): CallRecord {
    const { AUDIT_REQUIRED: required } = this.#options.settings
    const record = callRecord(server, call, upstream, this.#options)
    const mayChange = call.tool !== undefined && call.tool.annotations?.readOnlyHint !== true
    if ((mayChange || required) && !this.file.append({ ...record, type: 'intent' }) && required) {
      throw new ToolError(
        'INTERNAL',
        'the audit trail cannot be written, and this server makes no call without a record; ask the operator',
      )
    }
    return record
  }

  /** Resolves when the record of a call that has ended was written, or could not be. */
  async end(record: CallRecord, call: Call, { outcome, error, code, ms }: CallEnd): Promise<void> {
    if (outcome === undefined) {
      record.outcome = outcomes[code] ?? (error instanceof ProtocolError ? 'denied' : 'error')
      record.error_code = code
      record.error_text = this.#errorText(error, call)
    } else {
      record.outcome = outcome.isError ? 'error' : 'ok'
      record.bytes_out = outcome.bytes
    }
    const { rows, truncated, queue_ms, upstream } = call.attributes
    record.duration_ms = Math.round(ms * 10) / 10
    record.queue_ms = queue_ms as number | undefined
    record.rows = rows
    record.truncated = truncated
    if (upstream !== undefined) record.upstream = upstream
    await this.file.appendSoon(record)
    this.#recent.push(record)
    if (this.#recent.length > maxRecentCalls) this.#recent.shift()
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
      this.#denials.set(key, { denial, repeated: 0 })
      setTimeout(() => this.#endDenial(key), denialWindowMs).unref()
    }
    this.file.append(newRecord('denied', denial))
  }

  close(): void {
    for (const key of this.#denials.keys()) this.#endDenial(key)
    this.file.append(newRecord('stop', {}))
    this.file.close()
  }

  #endDenial(key: string): void {
    const { denial, repeated = 0 } = this.#denials.get(key) ?? {}
    this.#denials.delete(key)
    if (repeated > 0) this.file.append(newRecord('denied', { ...denial, repeated }))
  }

  /** What the model was told. Left out where it may quote an argument that the record must not hold. */
  #errorText(error: unknown, call: Call): string | undefined {
    const { settings, redact } = this.#options
    const expected = error instanceof ToolError || error instanceof ProtocolError
    if (!expected) return 'the server failed; its log has the details'
    if ((settings.AUDIT_ARGS === 'none' || readArguments(call).masked) && !quotesNoArgument.has(error.code)) return undefined
    return cut(redact(error instanceof ToolError ? error.text : error.message) as string, maxErrorChars)
  }
}

/** One object literal with all members: records of one shape are written fast, and JSON.stringify leaves out undefined members. */
function callRecord(server: string, call: Call, upstream: string | undefined, { settings, version, redact }: AuditOptions) {
  const { caller, session, requestId } = call.context
  // Redacted before it is hashed too: a short secret could be guessed and tried against the hash.
  const { given, json } = readArguments(call)
  return {
    ts: '',
    seq: 0,
    type: 'tool_call',
    server,
    version,
    tool: typeof call.params.name === 'string' ? call.params.name.slice(0, 100) : undefined,
    principal: caller.principal,
    user: caller.user,
    client: session.client,
    session8: session.id?.slice(0, 8),
    rpc_id: typeof requestId === 'string' ? requestId.slice(0, 100) : requestId,
    trace_id: caller.traceparent?.slice(3, 35),
    remote: caller.remote,
    read_only: settings.MCP_READ_ONLY,
    args: settings.AUDIT_ARGS === 'none' ? undefined : shownArguments(given, json, redact),
    args_sha256: hash('sha256', json),
    upstream,
    outcome: undefined as string | undefined,
    error_code: undefined as string | undefined,
    error_text: undefined as string | undefined,
    duration_ms: undefined as number | undefined,
    queue_ms: undefined as number | undefined,
    bytes_out: undefined as number | undefined,
    rows: undefined as number | undefined,
    truncated: undefined as boolean | undefined,
    prev: '',
  }
}

export type CallRecord = ReturnType<typeof callRecord>

function shownArguments(given: unknown, json: string, redact: Redact): unknown {
  const mayMask = redact.mayMask(json)
  const clean = mayMask ? redact(given) : given
  const text = mayMask ? JSON.stringify(clean) : json
  return text.length <= maxArgsChars ? clean : cut(text, maxArgsChars)
}

/** The `outcome` of calls that failed with these codes. */
const outcomes: Readonly<Record<string, string>> = {
  CANCELLED: 'cancelled',
  TIMEOUT: 'timeout',
  FORBIDDEN: 'denied',
  READ_ONLY: 'denied',
  RATE_LIMITED: 'denied',
}

/** Errors of these codes say nothing about the arguments. */
const quotesNoArgument: ReadonlySet<string | number> = new Set([
  'UPSTREAM_UNREACHABLE',
  'UPSTREAM_AUTH',
  'RATE_LIMITED',
  'CANCELLED',
])

function cut(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars)}…[+${text.length - chars} chars]`
}

/** The arguments that a record may hold, their JSON text, and whether some are masked. Some models send the object as its JSON text. */
function readArguments(call: Call): { given: unknown; json: string; masked: boolean } {
  try {
    const sent = call.params.arguments ?? {}
    const parsed = typeof sent === 'string' ? tryJson(sent) : undefined
    const given = parsed === undefined ? sent : parsed
    const kept = maskWriteOnly(call, given)
    return { given: kept, json: JSON.stringify(kept), masked: kept !== given }
  } catch {
    return tooDeep
  }
}

/** JSON.parse reads what JSON.stringify has not the stack to write (RangeError). Such arguments are refused, and the refusal is recorded. */
const tooDeep = { given: '[nested too deep]', json: '"[nested too deep]"', masked: true }

/**
 * JSON Schema's `writeOnly` marks an argument whose value must not be kept, such as what is typed into a form. Under a name that the tool
 * does not know it may be the same value, misspelled. Returns `given` itself where nothing is masked.
 */
function maskWriteOnly({ tool }: Call, given: unknown): unknown {
  const { properties = {} } = tool?.inputSchema ?? {}
  if (!Object.values(properties).some(({ writeOnly }) => writeOnly === true)) return given
  const mask = (value: unknown): string => `[${String(value).length} chars]`
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return mask(given)
  const aliases = tool?.aliases ?? {}
  const hidden = Object.entries(given).flatMap(([key, value]) => {
    const name = Object.hasOwn(aliases, key) ? (aliases[key] as string) : key
    const isKept = Object.hasOwn(properties, name) && properties[name]?.writeOnly !== true
    return isKept ? [] : [[key, mask(value)]]
  })
  return hidden.length === 0 ? given : { ...given, ...Object.fromEntries(hidden) }
}
