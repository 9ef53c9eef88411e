// The two kinds of error that reach a client, and the table of codes. Anything else that is thrown is a fault of the server: the client
// gets a reference, the host's log the stack.

/**
 * JSON-RPC and MCP error codes this library sends.
 * -32768…-32000 is reserved by JSON-RPC 2.0 §5.1; within it MCP 2026-07-28 (basic/index) reserves -32020…-32099 for the specification and
 * forbids new codes in -32000…-32019.
 */
export const ErrorCode = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  /** 2026-07-28: a required header is missing, malformed, or differs from the body. */
  headerMismatch: -32020,
  /** 2026-07-28: the request needs a capability that the client did not declare. */
  missingClientCapability: -32021,
  /** 2026-07-28; also sent by `/mcp` for a legacy `MCP-Protocol-Version` it does not know. */
  unsupportedProtocolVersion: -32022,
} as const

/** Shared by all copies of this library in a process, so that `instanceof` recognises an error that another copy threw. */
const brand = Symbol.for('octet-mcp.error')

function hasBrand(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && (value as { [brand]?: unknown })[brand] === name
}

/**
 * Becomes a JSON-RPC error object: the request itself is wrong, or cannot be served.
 *
 * @example
 * throw new ProtocolError(ErrorCode.invalidParams, '"cursor" is not valid')
 */
export class ProtocolError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === ProtocolError ? hasBrand(value, 'ProtocolError') : super[Symbol.hasInstance](value)
  }

  override readonly name = 'ProtocolError'
  readonly [brand] = 'ProtocolError'
  readonly code: number
  readonly data: unknown

  /** @param code one of {@link ErrorCode} @param data sent as `error.data`; never put secrets or stacks there */
  constructor(code: number, message: string, data?: unknown, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.data = data
  }
}

/** What went wrong in a tool, in one word that a model and an operator's dashboard can act on. */
export type ToolErrorCode =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'FORBIDDEN'
  | 'READ_ONLY'
  | 'UPSTREAM_AUTH'
  | 'UPSTREAM_UNREACHABLE'
  | 'UPSTREAM_ERROR'
  | 'TIMEOUT'
  | 'TOO_LARGE'
  | 'RATE_LIMITED'
  | 'CANCELLED'
  | 'INTERNAL'

/** See the members of {@link ToolError}. */
export interface ToolErrorOptions extends ErrorOptions {
  hint?: string | undefined
  retry?: Readonly<Record<string, unknown>> | undefined
  detail?: string | number | undefined
}

/**
 * Becomes a result with `isError: true` whose text the model reads (MCP 2025-11-25 server/tools §Error Handling, SEP-1303):
 * `ERROR <code>: <message>. TRY: <hint>`. The message says what happened and why, the hint is one concrete next call or value.
 * Neither may hold a secret, an internal address or a stack.
 *
 * @example
 * throw new ToolError('NOT_FOUND', 'no table "oders"', { retry: { table: 'orders' } }) // TRY: the same call with this table
 */
export class ToolError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === ToolError ? hasBrand(value, 'ToolError') : super[Symbol.hasInstance](value)
  }

  override readonly name = 'ToolError'
  readonly [brand] = 'ToolError'
  readonly code: ToolErrorCode
  readonly hint: string | undefined
  /** Arguments to change in the same call, by name or alias; the server completes them to the whole call. `undefined` leaves one out. */
  readonly retry: Readonly<Record<string, unknown>> | undefined
  /** What the upstream called the failure, such as a SQLSTATE, an S3 code or an HTTP status. For programs; it is not part of the text. */
  readonly detail: string | number | undefined

  constructor(code: ToolErrorCode, message: string, options?: ToolErrorOptions) {
    super(message, options)
    this.code = code
    this.hint = options?.hint
    this.retry = options?.retry
    this.detail = options?.detail
  }

  /** The text block a model reads. */
  get text(): string {
    const stop = ['.', '!', '?'].some((end) => this.message.endsWith(end)) ? '' : '.'
    return `ERROR ${this.code}: ${this.message}${stop}${this.hint === undefined ? '' : ` TRY: ${this.hint}`}`
  }
}

export function invalidParams(message: string, data?: unknown): ProtocolError {
  return new ProtocolError(ErrorCode.invalidParams, message, data)
}
