// From PostgreSQL's errors to errors that a model can act on: what happened, SQLSTATE, where in its text, and what to try next.
import { ToolError, type ToolErrorCode } from '../../../protocol/index.ts'
import { cleanText, clip } from '../text.ts'
import { LateError } from './read-only.ts'
import { ConnectionError } from './session.ts'

/** The fields of ErrorResponse (protocol-error-fields) that are used. */
export interface ServerError extends Error {
  readonly code: string
  readonly severity: string
  readonly detail?: string
  readonly hint?: string
  readonly position?: string
  readonly schema?: string
  readonly table?: string
  readonly column?: string
  readonly constraint?: string
  readonly where?: string
}

export interface ErrorContext {
  /** What the caller wrote, to show the place of an error in it. */
  readonly query?: string | undefined
  readonly timeoutMs?: number | undefined
  /** Largest `timeout_ms` that may be asked for. */
  readonly maxTimeoutMs?: number | undefined
}

const maxMessageChars = 400

export function isServerError(error: unknown): error is ServerError {
  return (
    error instanceof Error &&
    typeof (error as ServerError).severity === 'string' &&
    /^[0-9A-Z]{5}$/.test((error as ServerError).code ?? '')
  )
}

/** Whether the connection is gone or could not be made, so that the same statement may succeed on another one. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof ConnectionError) return true
  // 57P01–57P03: shut down by an administrator, crash, starting up; class 08 but 08P01, which is a wrong number of parameters
  return isServerError(error) && (/^57P0[1-5]$/.test(error.code) || (error.code.startsWith('08') && error.code !== '08P01'))
}

/** @returns the error itself when it is a ToolError, or none of ours to explain */
export function toToolError(error: unknown, context: ErrorContext = {}): unknown {
  if (error instanceof ToolError) return error
  if (error instanceof LateError) return timedOut(error.timeoutMs, context, '', error)
  if (error instanceof ConnectionError) return connectionFailed(error)
  if (!isServerError(error)) return error
  return fromServer(error, context)
}

function fromServer(error: ServerError, context: ErrorContext): ToolError {
  const { code } = error
  const make = (kind: ToolErrorCode, message: string, hint?: string): ToolError =>
    new ToolError(kind, message, hint === undefined ? { cause: error } : { cause: error, hint })
  const said = describeError(error, context.query)
  if (/not supported under the current "?\w+"? license/.test(error.message)) {
    return make(
      'UPSTREAM_ERROR',
      `${shorten(error.message)} (${code}): this server runs the Apache edition of TimescaleDB, and only the Community (TSL) edition has that. Ask the operator`,
    )
  }
  switch (code) {
    case '57014':
      return timedOut(context.timeoutMs, context, ` (${code})`, error)
    case '25006':
      return make('READ_ONLY', `${said}. This server only reads. Ask the operator if data must be changed`)
    case '42601':
      if (/multiple commands/.test(error.message)) {
        return make('INVALID_ARGUMENT', 'several statements found (42601)', 'send each as its own call')
      }
      return make('INVALID_ARGUMENT', said, serverHint(error) ?? 'correct the statement at the marked place')
    case '42501':
      return make(
        'FORBIDDEN',
        `${said}: the database role of this server may not do that. Ask the operator for the grant if it is needed`,
      )
    case '55P03':
      return make('UPSTREAM_ERROR', `${said}: another session holds a lock on it`, 'the same call again in some seconds')
    case '40P01':
    case '40001':
      return make('UPSTREAM_ERROR', said, 'the same call again')
    case '53300':
      return make(
        'UPSTREAM_UNREACHABLE',
        `PostgreSQL accepts no more connections (${code})`,
        'the same call again in some seconds',
      )
    case '42P18':
    case '42804':
      return make('INVALID_ARGUMENT', said, serverHint(error) ?? 'add a cast such as $1::int')
    case '08P01':
      return make('INVALID_ARGUMENT', said, 'give one element of "params" for each $n of the query')
    case '0A000':
      return make('INVALID_ARGUMENT', said, serverHint(error))
    case '25001':
      return make('INVALID_ARGUMENT', said, serverHint(error))
    case '3D000':
      return make('NOT_FOUND', said)
  }
  if (isConnectionLoss(error))
    return make('UPSTREAM_UNREACHABLE', `PostgreSQL is not available now (${code}: ${shorten(error.message)})`)
  if (code.startsWith('28'))
    return make(
      'UPSTREAM_AUTH',
      `PostgreSQL refused this server's login (${code}). Ask the operator to check user, password and pg_hba.conf`,
    )
  if (/^(22|23|42|21|2[0-9BDF]|3|44)/.test(code)) return make('INVALID_ARGUMENT', said, serverHint(error))
  return make('UPSTREAM_ERROR', said, serverHint(error))
}

function timedOut(timeoutMs: number | undefined, context: ErrorContext, state: string, cause: Error): ToolError {
  const max = context.maxTimeoutMs
  const longer = max !== undefined && timeoutMs !== undefined && timeoutMs < max ? `; timeout_ms may go to ${max}` : ''
  return new ToolError('TIMEOUT', `cancelled${timeoutMs === undefined ? '' : ` after ${timeoutMs} ms`}${state}`, {
    hint: `add a WHERE on an indexed column, LIMIT, or EXPLAIN first${longer}`,
    cause,
  })
}

/** Says what kind of failure it is, and not which address failed: the model has no use for it. */
function connectionFailed(error: ConnectionError): ToolError {
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code
  const text = error.message
  const auth = /SASL|password|client certificate|authentication/i.test(text)
  const tls = /SSL|TLS|certificate|self.signed|altnames/i.test(text)
  const why = auth
    ? 'it wants a password that this server does not have, or has wrong'
    : tls
      ? `TLS failed: ${shorten(text.replace(/(?:host|IP)\S*:? ?'?[\w.:-]+'?/gi, 'the host'))}`
      : code !== undefined && /^E[A-Z]+$/.test(code)
        ? code
        : /timeout/i.test(text)
          ? 'no connection within the limit'
          : 'the connection ended'
  return new ToolError(
    auth ? 'UPSTREAM_AUTH' : 'UPSTREAM_UNREACHABLE',
    `PostgreSQL cannot be reached (${why}). Ask the operator if it lasts`,
    {
      cause: error,
    },
  )
}

/** `relation "x" does not exist (42P01, line 2, char 15: FROM ▸x)` */
export function describeError(error: ServerError, query: string | undefined): string {
  const detail = error.detail === undefined ? '' : ` (${shorten(error.detail)})`
  return `${shorten(error.message)}${detail} (${error.code}${place(error.position, query)})`
}

export function serverHint(error: ServerError): string | undefined {
  return error.hint === undefined ? undefined : lowerFirst(shorten(error.hint))
}

/** Counts characters as PostgreSQL does: code points, from 1. */
function place(position: string | undefined, query: string | undefined): string {
  if (position === undefined || query === undefined) return ''
  const characters = [...query]
  const at = Number(position) - 1
  if (at < 0 || at > characters.length) return ''
  const before = characters.slice(0, at)
  const line = before.filter((character) => character === '\n').length + 1
  const start = before.lastIndexOf('\n') + 1
  const column = at - start + 1
  const from = Math.max(start, at - 30)
  const newline = characters.indexOf('\n', at)
  const to = Math.min(newline === -1 ? characters.length : newline, at + 30)
  const excerpt = cleanText(
    `${from > start ? '…' : ''}${characters.slice(from, at).join('')}▸${characters.slice(at, to).join('')}`,
  )
  return `, ${line > 1 ? `line ${line}, ` : ''}char ${line > 1 ? column : at + 1}: ${excerpt}`
}

/** Error texts quote values, and with them whatever someone has stored: cleaned and cut. */
function shorten(text: string): string {
  return clip(cleanText(text).replace(/\s+/g, ' ').trim(), maxMessageChars)
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
