// Errors of Loki and Netdata as ToolErrors. Their texts are read here and nowhere else; other files use `code` and `detail`.
import { ToolError, type ToolErrorCode } from '../../protocol/index.ts'
import { type Explain, readJson, statusError } from '../kit/http/answer.ts'
import type { UpstreamAnswer } from '../kit/http/upstream.ts'
import { cleanText, clip } from '../kit/text.ts'

const loki: Explain = {
  name: 'Loki',
  address: 'LOKI_URL',
  credentials: 'LOKI_USERNAME and LOKI_PASSWORD, or LOKI_BEARER_TOKEN',
}
const netdata: Explain = { name: 'Netdata', address: 'NETDATA_URL', credentials: 'NETDATA_API_KEY' }

/** Commas, colons and opening brackets in one answer: each value costs up to a hundred bytes of heap, however short the text is. */
const maxJsonTokens = 100_000

/** `detail` of an error about a query that Loki refused; 400 for any other reason. */
export const refusal = { parse: 'parse error', matchers: 'matchers', tooManyValues: 'too many values' } as const
const entriesDetail = 'max_entries_limit_per_query '

/** The lines that this Loki returns at most, where that is why it refused a query. */
export function maxEntriesOf({ detail }: ToolError): number | undefined {
  return typeof detail === 'string' && detail.startsWith(entriesDetail) ? Number(detail.slice(entriesDetail.length)) : undefined
}

/** A parse error comes first, because it quotes the query. */
function refusalOf(reason: string): string | number {
  if (reason.startsWith('parse error : queries require at least one regexp or equality matcher')) return refusal.matchers
  if (reason.startsWith('parse error')) return refusal.parse
  if (/^exceeded maximum resolution|^maximum (?:number )?of series/.test(reason)) return refusal.tooManyValues
  // "max entries limit per query exceeded, limit > max_entries_limit_per_query (1001 > 500)"
  const entries = /^max entries limit per query exceeded.*\(\d+ > (\d+)\)$/.exec(reason)?.[1]
  return entries === undefined ? 400 : `${entriesDetail}${entries}`
}

/** The JSON of Loki's answer. @throws ToolError when it is an error or something else */
export function readLoki(answer: UpstreamAnswer): unknown {
  if (answer.status !== 200) throw lokiError(answer)
  return readJson(loki, answer, maxJsonTokens)
}

/** Loki explains a 400 in one line of plain text about the query, which is quoted. Other texts are not: they may name internal hosts. */
export function lokiError(answer: UpstreamAnswer): ToolError {
  const { status, body } = answer
  const text = clip(cleanText(body.subarray(0, 2_000).toString()).trim().replace(/\s+/g, ' '), 400)
  if (status === 401 && text === 'no org id') {
    const hint = 'ask the operator to set LOKI_TENANT_ID'
    return new ToolError('UPSTREAM_AUTH', 'Loki asks for a tenant (HTTP 401, "no org id")', { hint, detail: status })
  }
  if (status === 400 || status === 422)
    return new ToolError('INVALID_ARGUMENT', `Loki cannot run this query: ${text || 'it gives no reason'}`, {
      detail: refusalOf(text),
    })
  return statusError(loki, answer) ?? noApi(loki, status)
}

/** The JSON of Netdata's answer. @throws ToolError when it is an error or something else */
export function readNetdata(answer: UpstreamAnswer): object {
  if (answer.status !== 200) throw netdataError(answer)
  const json = readJson(netdata, answer, maxJsonTokens)
  return readForm('Netdata', () => {
    if (typeof json !== 'object' || json === null) throw new TypeError('not an object')
    return json
  })
}

/** `detail` of an error about something that this Netdata does not have. It answers 404 for all three and says in plain text which. */
export const missing = { node: 'node', chart: 'chart', route: 'route' } as const

function netdataError(answer: UpstreamAnswer): ToolError {
  const { status, body } = answer
  const error = (code: ToolErrorCode, message: string, hint: string, detail: string | number = status): ToolError =>
    new ToolError(code, message, { hint: `ask the operator to ${hint}`, detail })
  if (status === 412) return error('UPSTREAM_AUTH', 'Netdata asks for a valid bearer token (HTTP 412)', 'check NETDATA_API_KEY')
  if (status === 451) {
    const hint = 'check its "allow connections from" and "allow dashboard from"'
    return error('UPSTREAM_AUTH', 'Netdata does not allow the address of this server (HTTP 451)', hint)
  }
  // From the start on: what follows is a name that the caller chose.
  const reason = status === 404 ? body.subarray(0, 300).toString('latin1') : ''
  if (/^(?:This netdata does not maintain a database for host|Host (?:is )?not found|No host)/i.test(reason))
    return new ToolError('NOT_FOUND', 'no such node', { detail: missing.node })
  if (/^(?:No metrics where matched|Chart is not found)/i.test(reason)) return noChart()
  if (/^Unsupported (?:v1 )?API command/i.test(reason)) {
    const message = 'this version of Netdata lacks a command of API version 1'
    return error('UPSTREAM_ERROR', message, 'update Netdata', missing.route)
  }
  return statusError(netdata, answer) ?? noApi(netdata, status)
}

export function noChart(): ToolError {
  return new ToolError('NOT_FOUND', 'no such chart', { detail: missing.chart })
}

/** @param remedy in words, or the arguments to change */
export function invalid(message: string, remedy: string | Readonly<Record<string, unknown>>): ToolError {
  return new ToolError('INVALID_ARGUMENT', message, typeof remedy === 'string' ? { hint: remedy } : { retry: remedy })
}

/** What `read` makes of an answer. @throws ToolError when it throws, because the answer has another form than it expects */
export function readForm<T>(upstream: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new ToolError('UPSTREAM_ERROR', `the answer of ${upstream} has an unexpected form`, { cause })
  }
}

function noApi({ name, address }: Explain, status: number): ToolError {
  const message = `the configured address does not answer as the API of ${name} (HTTP ${status})`
  return new ToolError('UPSTREAM_ERROR', message, {
    hint: `ask the operator to check ${address} and its path prefix`,
    detail: status,
  })
}
