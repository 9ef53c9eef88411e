// Failures of the store and of the connection to it, as the errors that a model reads.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { ToolError, type ToolErrorCode } from '../../protocol/index.ts'
import { retryAfter } from '../kit/http/upstream.ts'
import { cleanText, clip, visibleJson } from '../kit/text.ts'
import { XmlReader } from './lib/xml.ts'

/** Bytes that are read of an error's body. */
const maxErrorBytes = 65_536

/** A response that is not a success. `toToolError` makes the message for the model. */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure'
  readonly status: number
  /** S3's own code, such as NoSuchKey; empty where the response had none. */
  readonly code: string
  /** S3's own message. */
  readonly said: string
  /** The region that the store wants requests to be signed for. */
  readonly region: string | undefined
  readonly headers: IncomingHttpHeaders
  /** The body was a web page. */
  readonly isPage: boolean

  constructor(status: number, headers: IncomingHttpHeaders, fields: Readonly<Record<string, string>>, isPage: boolean) {
    const code = fields.Code ?? header(headers, 'x-minio-error-code') ?? ''
    super(`${status} ${code}`)
    this.status = status
    this.code = code
    this.said = fields.Message ?? ''
    this.headers = headers
    this.isPage = isPage
    // Amazon names the region in a field or a header; MinIO and Garage only in the sentence `the region 'x' is wrong; expecting 'y'`.
    this.region =
      fields.Region || header(headers, 'x-amz-bucket-region') || /expecting '([A-Za-z0-9._-]{1,64})'/.exec(this.said)?.[1]
  }
}

/** Reads the body of a response that is not a success, up to a limit. Never throws: a broken body leaves the status. */
export async function readFailure(res: IncomingMessage): Promise<StoreFailure> {
  const fields: Record<string, string> = {}
  let start = ''
  let isXml = true
  const reader = new XmlReader((path, text) => {
    const name = /^Error\/([^/]+)$/.exec(path)?.[1]
    if (name !== undefined) fields[name] = cleanText(text).slice(0, 1_000)
  })
  let bytes = 0
  try {
    res.setEncoding('utf8')
    for await (const chunk of res as AsyncIterable<string>) {
      bytes += chunk.length
      if (start.length < 200) start += chunk.slice(0, 200)
      if (isXml) {
        try {
          reader.write(chunk)
        } catch {
          isXml = false // a web page or plain text
        }
      }
      if (bytes > maxErrorBytes) break
    }
  } catch {
    // The connection broke within the body: what was read of it is used.
  }
  return new StoreFailure(res.statusCode ?? 0, res.headers, fields, isWebPage(start))
}

/** Does this text begin like HTML? */
export function isWebPage(start: string): boolean {
  return /^\s*<(!doctype html|html)/i.test(start)
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** Codes of refused credentials, and what happened to them. */
const credentialCodes: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'does not know the access key',
  SignatureDoesNotMatch: 'rejected the secret key',
  ExpiredToken: 'rejected the credentials, which have expired',
  InvalidToken: 'rejected the session token',
  TokenRefreshRequired: 'rejected the session token',
  InvalidSecurity: 'rejected the credentials',
  NotSignedUp: 'rejected the credentials',
  AccountProblem: 'rejected the credentials',
}
const regionCodes = new Set(['AuthorizationHeaderMalformed', 'AuthorizationQueryParametersError', 'PermanentRedirect'])
const throttleCodes = new Set([
  'SlowDown',
  'SlowDownRead',
  'TooManyRequests',
  'RequestLimitExceeded',
  'Throttling',
  'BandwidthLimitExceeded',
])
const keyCodes = new Set([
  'XMinioInvalidObjectName',
  'XMinioInvalidResourceName',
  'InvalidObjectName',
  'KeyTooLongError',
  'InvalidURI',
])

/** For failures that mean the same whatever was asked for. Missing buckets and keys are explained where near names are known. */
export function toToolError(failure: StoreFailure, { region, signed }: { region: string; signed: boolean }): ToolError {
  const { code, status, headers } = failure
  const answered = `(${code === '' ? status : `${status} ${clip(cleanText(code).replaceAll('\n', ' '), 60)}`})`
  const said = failure.said === '' ? '' : `: ${clip(visibleJson(failure.said), 300)}`
  const fail = (kind: ToolErrorCode, message: string, hint?: string): ToolError =>
    new ToolError(kind, message, {
      cause: failure,
      detail: code === '' ? status : code,
      ...(hint === undefined ? {} : { hint }),
    })
  const seconds = retryAfter(header(headers, 'retry-after'))
  if (code === 'RequestTimeTooSkewed') {
    return fail(
      'UPSTREAM_AUTH',
      `the store refused the time of the request ${answered}: ${skew(headers)}`,
      'ask the operator to set the clock',
    )
  }
  if (regionCodes.has(code)) {
    const wanted = failure.region === undefined ? 'another region' : `region "${failure.region}"`
    const endpoint = code === 'PermanentRedirect' ? " and MINIO_ENDPOINT to that region's endpoint" : ''
    return fail(
      'UPSTREAM_AUTH',
      `the store wants ${wanted}, not "${region}" ${answered}`,
      `ask the operator to set MINIO_REGION${endpoint}`,
    )
  }
  if (Object.hasOwn(credentialCodes, code) || status === 401) {
    return fail(
      'UPSTREAM_AUTH',
      `the store ${credentialCodes[code] ?? 'rejected the credentials'} ${answered}`,
      'ask the operator to check MINIO_ACCESS_KEY and MINIO_SECRET_KEY',
    )
  }
  if (throttleCodes.has(code) || status === 429) {
    return fail('RATE_LIMITED', `the store asks for fewer requests ${answered}`, `the same call again in ${seconds ?? 5} s`)
  }
  if (status >= 300 && status < 400) {
    return fail(
      'UPSTREAM_ERROR',
      `the endpoint redirects ${answered}, and redirects are not followed`,
      'ask the operator to check MINIO_ENDPOINT',
    )
  }
  if (failure.isPage || (status === 404 && code === '')) {
    return fail(
      'UPSTREAM_ERROR',
      `the endpoint answers ${answered} as a web server, not as an S3 store`,
      'ask the operator to check MINIO_ENDPOINT',
    )
  }
  if (code === 'InvalidObjectState') {
    return fail(
      'UPSTREAM_ERROR',
      `the object is archived and must be restored before it can be read ${answered}`,
      'ask the operator',
    )
  }
  if (keyCodes.has(code)) return fail('INVALID_ARGUMENT', `the store does not accept this key ${answered}${said}`)
  if (status === 403) {
    const who = signed ? "this server's key" : 'requests without credentials'
    return fail(
      'FORBIDDEN',
      `the store denies access to ${who} ${answered}; the bucket or object may also not exist`,
      'ask the operator for read access',
    )
  }
  if (status >= 500) {
    const wait = seconds === undefined ? 'a few seconds' : `${seconds} s`
    return fail('UPSTREAM_ERROR', `the store failed ${answered}${said}`, `the same call again in ${wait}`)
  }
  if (status === 400 && code === '') {
    return fail(
      'UPSTREAM_ERROR',
      `the endpoint refused the request ${answered} without an S3 error`,
      'ask the operator to check MINIO_ENDPOINT and MINIO_USE_SSL',
    )
  }
  return fail('UPSTREAM_ERROR', `the store refused the request ${answered}${said}`)
}

/** `this server's clock is 905 s behind the store's`. */
function skew({ date }: IncomingHttpHeaders): string {
  const theirs = date === undefined ? Number.NaN : Date.parse(date)
  if (Number.isNaN(theirs)) return "this server's clock and the store's differ"
  const seconds = Math.round((Date.now() - theirs) / 1000)
  if (Math.abs(seconds) < 60) return "this server's clock differed from the store's when it signed"
  return `this server's clock is ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} the store's`
}

export function unreachable(why: string, hint = 'ask the operator to check MINIO_ENDPOINT', cause?: Error): ToolError {
  return new ToolError('UPSTREAM_UNREACHABLE', `the store cannot be reached: ${why}`, {
    hint,
    ...(cause === undefined ? {} : { cause }),
  })
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at the endpoint',
  ENOTFOUND: 'the host name of the endpoint is not known',
  EAI_AGAIN: 'the host name of the endpoint is not known',
}
const notTls = new Set(['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'])

/** What a failed connection means. Without the address, which is the operator's. */
export function connectionError(error: NodeJS.ErrnoException, secure: boolean): ToolError {
  const code = error.code ?? ''
  const reason = reasons[code]
  const useSsl = 'ask the operator to check MINIO_USE_SSL'
  if (reason !== undefined) return unreachable(reason, undefined, error)
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return unreachable('it closed the connection', secure ? useSsl : 'the same call again', error)
  }
  if (notTls.has(code)) return unreachable('it does not speak TLS on this port', useSsl, error)
  if (/CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/.test(code)) {
    return unreachable(`its certificate is not trusted (${code})`, 'ask the operator to name its authority in MCP_CA_FILE', error)
  }
  if (code.startsWith('HPE_')) {
    return new ToolError('UPSTREAM_ERROR', `the endpoint does not answer in HTTP (${code})`, {
      hint: 'ask the operator to check MINIO_ENDPOINT',
      cause: error,
    })
  }
  return unreachable(code === '' ? 'the connection failed' : code, undefined, error)
}

/** The connection ended within the body of a response. */
export function brokenOff(cause: unknown): ToolError {
  return new ToolError('UPSTREAM_ERROR', 'the store closed the connection in the middle of its answer', {
    cause,
    hint: 'the same call again',
  })
}
