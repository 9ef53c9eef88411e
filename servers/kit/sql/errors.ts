// Translates PostgreSQL's errors to ToolErrors: what happened, the SQLSTATE, the place in the statement, and what to try next.
import { ToolError, type ToolErrorCode } from '../../../protocol/index.ts'
import { cleanText, clip } from '../text.ts'
import { ConnectionError } from './session.ts'

/** The fields of ErrorResponse (protocol-error-fields) that are used. */
export interface ServerError extends Error {
  readonly code: string
  readonly severity: string
  readonly detail?: string
  readonly hint?: string
  readonly position?: string
}

const maxMessageChars = 400

export function isServerError(error: unknown): error is ServerError {
  return (
    error instanceof Error &&
    typeof (error as ServerError).severity === 'string' &&
    /^[0-9A-Z]{5}$/.test((error as ServerError).code ?? '')
  )
}

/**
 * @param query what the caller wrote, to show the place of an error in it
 * @returns a ToolError with the SQLSTATE as `detail`; what is neither PostgreSQL's nor the connection's error comes back as it is
 */
export function toToolError(error: unknown, query?: string): unknown {
  if (error instanceof ConnectionError) return connectionFailed(error)
  if (error instanceof ToolError || !isServerError(error)) return error
  const { code } = error
  const said = describeError(error, query)
  // TimescaleDB reports it as 0A000, like every other feature that does not exist.
  if (code === '0A000' && /under the current "?\w+"? license/.test(said)) {
    return new ToolError(
      'UPSTREAM_ERROR',
      `${shorten(error.message)} (${code}): this server runs the Apache edition of TimescaleDB, and only the Community (TSL) edition has that. Ask the operator`,
      { cause: error, detail: code },
    )
  }
  const { kind, note = '', hint, fallback } = meanings[code] ?? {}
  const byClass = /^(08P01|0A|2[0-9BDF]|3|4|54)/.test(code) ? 'INVALID_ARGUMENT' : 'UPSTREAM_ERROR'
  return new ToolError(kind ?? byClass, said + note, { cause: error, detail: code, hint: hint ?? serverHint(error) ?? fallback })
}

interface Meaning {
  /** Default: by the class of the SQLSTATE. */
  readonly kind?: ToolErrorCode
  readonly note?: string
  readonly hint?: string
  /** The hint where the server gives none. */
  readonly fallback?: string
}

const later = 'the same call again in some seconds'

/** By SQLSTATE (errcodes-appendix). */
const meanings: Readonly<Record<string, Meaning>> = {
  '08P01': { hint: 'give one element of "params" for each $n of the query' },
  '22007': { fallback: 'write a time as 2026-10-01 and an interval as 7 days' },
  '22008': { hint: 'write a time as 2026-10-01 and an interval as 7 days' },
  '25001': {
    note: ': this server runs every statement in a transaction, where PostgreSQL does not allow this one',
    hint: 'the statement without CONCURRENTLY or WITH DATA, or ask the operator to run it',
  },
  '25006': { kind: 'READ_ONLY', note: '. This server only reads. Ask the operator if data must be changed' },
  '3D000': { kind: 'NOT_FOUND' },
  '40001': { kind: 'UPSTREAM_ERROR', hint: 'the same call again' },
  '40P01': { kind: 'UPSTREAM_ERROR', hint: 'the same call again' },
  '42501': {
    kind: 'FORBIDDEN',
    note: ': the database role of this server may not do that. Ask the operator for the grant if it is needed',
  },
  '42601': { fallback: 'correct the statement at the marked place' },
  '42804': { fallback: 'add a cast such as $1::int' },
  '42P18': { fallback: 'add a cast such as $1::int' },
  '55P03': { note: ': another session holds a lock on it', hint: later },
}

/** Says what kind of failure it is, but not the address that failed: it is of no use to the model. */
function connectionFailed(error: ConnectionError): ToolError {
  const { code = '' } = error
  const told = shorten(error.message)
  const failed = (kind: ToolErrorCode, text: string, hint?: string): ToolError =>
    new ToolError(kind, text, { cause: error, detail: error.code, hint })
  if (code === '53300') return failed('UPSTREAM_UNREACHABLE', `PostgreSQL accepts no more connections (${code})`, later)
  if (code === '3D000') return failed('NOT_FOUND', `${told} (${code})`)
  if (code.startsWith('28')) {
    const refused = code === '28P01' ? "rejected this server's password" : "refused this server's login"
    const text = `PostgreSQL ${refused} (${code}). Ask the operator to check user, password and pg_hba.conf`
    return failed('UPSTREAM_AUTH', text)
  }
  if (isServerError(error.cause)) return failed('UPSTREAM_UNREACHABLE', `PostgreSQL is not available now (${code}: ${told})`)
  // pg's own errors have neither codes nor classes.
  const lasts = 'Ask the operator if it lasts'
  if (/SASL|password/.test(told)) {
    const why = 'it requires a password that this server does not have, or has wrong'
    return failed('UPSTREAM_AUTH', `PostgreSQL cannot be reached (${why}). ${lasts}`)
  }
  let why = /timeout/i.test(told) ? 'no connection within the limit' : 'the connection ended'
  if (/^E[A-Z]+$/.test(code)) why = code
  if (/SSL|TLS|certificate|self.signed|altnames/i.test(told)) {
    why = `TLS failed: ${told.replace(/(?:host|IP)\S*:? ?'?[\w.:-]+'?/gi, 'the host')}`
  }
  return failed('UPSTREAM_UNREACHABLE', `PostgreSQL cannot be reached (${why}). ${lasts}`)
}

/** `relation "x" does not exist (42P01, line 2, char 15: FROM ▸x)` */
export function describeError(error: ServerError, query: string | undefined): string {
  const detail = error.detail === undefined ? '' : ` (${shorten(error.detail)})`
  return `${shorten(error.message)}${detail} (${error.code}${place(error.position, query)})`
}

/** PostgreSQL's own hint, which goes on behind `TRY:`. */
export function serverHint({ hint }: ServerError): string | undefined {
  return hint === undefined ? undefined : shorten(hint).replace(/^./u, (first) => first.toLowerCase())
}

/** Counts characters as PostgreSQL does: code points, from 1. */
function place(position: string | undefined, query: string | undefined): string {
  if (position === undefined || query === undefined) return ''
  const before = [...query].slice(0, Number(position) - 1)
  const line = before.filter((character) => character === '\n').length + 1
  const ofLine = before.slice(before.lastIndexOf('\n') + 1)
  const [rest = ''] = query.slice(before.join('').length).split('\n', 1)
  const excerpt = `${ofLine.length > 30 ? '…' : ''}${ofLine.slice(-30).join('')}▸${[...rest].slice(0, 30).join('')}`
  return `, ${line > 1 ? `line ${line}, ` : ''}char ${ofLine.length + 1}: ${cleanText(excerpt)}`
}

/** Error texts quote stored values: cleaned and cut. */
function shorten(text: string): string {
  return clip(cleanText(text).replace(/\s+/g, ' ').trim(), maxMessageChars)
}

/**
 * Sizes need a lock, if only the weakest, the right to read, and time: another session's lock or a large catalogue must not make a whole list fail.
 * @throws what `read` throws for another reason
 */
export async function orWithoutSizes<T>(read: (sized: boolean) => Promise<T[]>): Promise<{ rows: T[]; sized: boolean }> {
  try {
    return { rows: await read(true), sized: true }
  } catch (error) {
    if (!(error instanceof ToolError) || !sizeFailures.includes(error.detail)) throw error
    return { rows: await read(false), sized: false }
  }
}

/** lock_not_available, query_canceled, insufficient_privilege */
const sizeFailures: unknown[] = ['55P03', '57014', '42501']
