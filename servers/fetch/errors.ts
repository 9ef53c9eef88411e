// What failures of a site, a connection or a body mean to the model.
import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http'
import { ToolError, type ToolErrorCode } from '../../protocol/index.ts'
import { retryAfter } from '../kit/http/upstream.ts'
import { wrapUntrusted } from '../kit/report.ts'
import { cleanText, clip } from '../kit/text.ts'

const errorChars = 500
const maxShownUrlChars = 300

export function shownUrl(url: string): string {
  return clip(cleanText(url), maxShownUrlChars)
}

/** A failure of the connection or of the body's encoding. */
export function connectionError({ host }: URL, cause: NodeJS.ErrnoException): ToolError {
  const { code: detail = '' } = cause
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|EPROTO/.test(detail)) {
    const hint = 'another address; a certificate that cannot be trusted is never accepted'
    return new ToolError('UPSTREAM_UNREACHABLE', `no trusted TLS connection to ${host} (${detail})`, { hint, cause, detail })
  }
  const message = /^(Z_|ERR__ERROR|ERR_PADDING)/.test(detail)
    ? `the body of ${host} is not what its Content-Encoding says (${detail})`
    : `${host} broke off its answer (${detail === '' ? 'no reason given' : detail})`
  return new ToolError('UPSTREAM_ERROR', message, { hint: 'the same call again', cause, detail })
}

const codes: Readonly<Record<number, ToolErrorCode>> = {
  401: 'UPSTREAM_AUTH',
  404: 'NOT_FOUND',
  410: 'NOT_FOUND',
  429: 'RATE_LIMITED',
}
/** Client errors that a later request may not meet; all others stay (RFC 9110 §15.5). */
const passing = new Set([408, 409, 425, 429])

type Answer = { status: number; reason: string; headers: IncomingHttpHeaders }

/** An answer with an error status. @param text of its body: what a page says is often the reason */
export function statusError(url: URL, { status, reason, headers }: Answer, text: string): ToolError {
  const wait = retryAfter(headers['retry-after'])
  const missing = status === 404 || status === 410
  const hint = missing
    ? 'check the address'
    : status >= 500 || passing.has(status)
      ? `the same call again${wait === undefined ? ' later' : ` in ${wait} s`}`
      : status === 401 || status === 403
        ? 'another source; this server sends no credentials'
        : 'another address or another source; the site refuses this request'
  const said = text.trim() === '' ? '' : `; it says\n${wrapUntrusted(clip(text.trim(), errorChars))}\nThese are the site's words.`
  const name = STATUS_CODES[status] ?? reason
  return new ToolError(codes[status] ?? 'UPSTREAM_ERROR', `HTTP ${status} ${name} from ${shownUrl(url.href)}${said}`, {
    hint,
    // Its start page, from where the page may be found.
    retry: missing && url.pathname !== '/' ? { url: new URL('/', url).href, start_index: undefined } : undefined,
    detail: status,
  })
}
