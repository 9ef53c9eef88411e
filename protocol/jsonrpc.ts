// JSON-RPC 2.0 messages: from parsed JSON to request | notification | response | malformed, and back to text.
import { isUtf8 } from 'node:buffer'
import { ErrorCode, ProtocolError } from './errors.ts'
import type { JsonRpcErrorObject, JsonRpcNotification, JsonRpcRequest, Params, RequestId } from './types.ts'

export type Incoming =
  | { kind: 'request'; message: JsonRpcRequest }
  | { kind: 'notification'; message: JsonRpcNotification }
  /** A reply to a request of this server, which sends none: accepted and ignored. */
  | { kind: 'response' }
  /** `id` is the one to answer with: null where none could be read (JSON-RPC 2.0 §5), undefined for a notification, which is never answered. */
  | { kind: 'malformed'; id: RequestId | null | undefined; error: JsonRpcErrorObject }

/**
 * Parses the bytes of one POST body.
 * @throws ProtocolError -32700 when it is not UTF-8 or not JSON, -32600 when it has too many values
 */
export function parseJson(body: Buffer): unknown {
  // RFC 8259 §8.1: JSON exchanged between systems is UTF-8; a byte order mark may be ignored.
  if (!isUtf8(body)) throw new ProtocolError(ErrorCode.parseError, 'body is not UTF-8')
  const text = body.toString('utf8', body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0)
  if (hasTooManyValues(text))
    throw new ProtocolError(ErrorCode.invalidRequest, `body has more than ${maxJsonValues} values; send less at once`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ProtocolError(ErrorCode.parseError, `body is not JSON: ${(cause as Error).message}`, undefined, { cause })
  }
}

/** An array of one byte takes 80 in memory: a body of 1 MiB could take all that a small process has. */
const maxJsonValues = 50_000

/** Whether JSON text would become more objects, arrays and members than a process should hold for one message. */
export function hasTooManyValues(text: string): boolean {
  if (text.length <= maxJsonValues) return false
  let values = 0
  for (const mark of [',', '[', '{']) {
    for (let i = text.indexOf(mark); i !== -1 && values <= maxJsonValues; i = text.indexOf(mark, i + 1)) values += 1
  }
  // Those within strings are counted too. Few messages have so many, and to look at each character costs ten times as much.
  if (values <= maxJsonValues) return false
  values = 0
  let isString = false
  for (let i = 0; i < text.length && values <= maxJsonValues; i++) {
    const char = text.charCodeAt(i)
    if (char === 0x22) isString = !isString
    else if (isString) i += char === 0x5c ? 1 : 0
    else if (char === 0x2c || char === 0x5b || char === 0x7b) values += 1
  }
  return values > maxJsonValues
}

/** The value of JSON text; undefined when it is not JSON, or too many values. */
export function tryJson(text: string): unknown {
  if (hasTooManyValues(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Classifies a parsed JSON value by JSON-RPC 2.0 §4 and §5 and MCP's narrower id. For arrays see Session.receiveBatch. */
export function classify(value: unknown): Incoming {
  if (!isObject(value)) return malformed(null, `a message is a JSON object, got ${describe(value)}`)
  const hasId = 'id' in value
  const id = isRequestId(value.id) ? value.id : null
  if (value.jsonrpc !== '2.0') return malformed(id, `"jsonrpc" must be "2.0", got ${describe(value.jsonrpc)}`)
  if (!('method' in value)) {
    if ('result' in value || 'error' in value) return { kind: 'response' }
    return malformed(id, '"method" is missing')
  }
  if (typeof value.method !== 'string') return malformed(id, `"method" must be a string, got ${describe(value.method)}`)
  if (hasId && id === null)
    return malformed(null, `"id" must be an integer or a string of at most ${maxIdLength} characters, got ${describe(value.id)}`)
  const { params } = value
  // Some clients send null or an empty array for "no parameters".
  if (params === null || (Array.isArray(params) && params.length === 0)) delete value.params
  else if (params !== undefined && !isObject(params)) {
    // JSON-RPC allows an array of positional parameters; MCP defines objects only, so an array is well-formed but not valid.
    const code = Array.isArray(params) ? ErrorCode.invalidParams : ErrorCode.invalidRequest
    // JSON-RPC 2.0 §4.1: a notification is never answered, not even with an error about its params.
    return malformed(hasId ? id : undefined, `"params" must be an object, got ${describe(params)}`, code)
  }
  const message = value as { jsonrpc: '2.0'; id?: RequestId; method: string; params?: Params }
  return hasId ? { kind: 'request', message: message as JsonRpcRequest } : { kind: 'notification', message }
}

/** The text of a successful response around an already serialised result. */
export function resultText(id: RequestId, resultJson: string): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${resultJson}}`
}

/** The text of an error response. `id` undefined leaves the member out, as the schemas since 2025-11-25 want where it could not be read. */
export function errorText(id: RequestId | null | undefined, { code, message, data }: JsonRpcErrorObject): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, data } })
}

export function notificationText(method: string, params: Params): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params })
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An id is echoed in front of a result that may fill a message. */
const maxIdLength = 1_000

/** MCP basic/index §Requests: a string or an integer. A number that JSON.parse cannot represent exactly could not be echoed, so it is refused. */
export function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'string' ? value.length <= maxIdLength : Number.isSafeInteger(value)
}

/** The type of a value, and the start of it, for an error message. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  return `${typeof value} ${brief(value)}`
}

/** The start of a value as JSON. */
export function brief(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function malformed(id: RequestId | null | undefined, message: string, code: number = ErrorCode.invalidRequest): Incoming {
  return { kind: 'malformed', id, error: { code, message } }
}
