// What a store says when it refuses, and what of it a model is told.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { ToolError, type ToolErrorCode } from '../../protocol/index.ts'
import { retryAfter } from '../kit/http/upstream.ts'
import { cleanText, clip } from '../kit/text.ts'
import { XmlReader } from './lib/xml.ts'

/** Most of an error's body that is read. */
const maxErrorBytes = 65_536

/** An answer that is not a success. Its message is not written for a model: `toToolError` is. */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure'
  readonly status: number
  /** S3's own code, such as NoSuchKey; empty where the answer had none. */
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
    // Amazon names the region in a field or a header; others only in the sentence: `the region 'x' is wrong; expecting 'y'`.
    this.region =
      fields.Region || header(headers, 'x-amz-bucket-region') || /expecting '([A-Za-z0-9._-]{1,64})'/.exec(this.said)?.[1]
  }
}

/** Reads the body of an answer that is not a success, up to a limit, and never fails on what it finds there. */
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
          isXml = false // a page, or plain text: the status has to do
        }
      }
      if (bytes > maxErrorBytes) break
    }
  } catch {
    // The connection broke within the error: what has come of it is used.
  }
  return new StoreFailure(res.statusCode ?? 0, res.headers, fields, /^\s*<(!doctype html|html)/i.test(start))
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

const credentialCodes = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'ExpiredToken',
  'TokenRefreshRequired',
  'InvalidSecurity',
  'AuthorizationHeaderMalformed',
  'NotSignedUp',
  'AccountProblem',
])
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

/** For failures that mean the same whatever was asked for; NOT_FOUND is told by who knows the near names. */
export function toToolError(failure: StoreFailure, { region, signed }: { region: string; signed: boolean }): ToolError {
  const { code, status } = failure
  const fail = (kind: ToolErrorCode, message: string, hint?: string): ToolError =>
    new ToolError(kind, message, { cause: failure, ...(hint === undefined ? {} : { hint }) })
  const answered = `(${code === '' ? status : `${status} ${clip(cleanText(code).replaceAll('\n', ' '), 60)}`})`
  const said = failure.said === '' ? '' : `: ${clip(failure.said.replaceAll('\n', ' '), 300)}`
  if (code === 'RequestTimeTooSkewed' || /time too skewed|request has expired/i.test(failure.said)) {
    return fail(
      'UPSTREAM_AUTH',
      `the store refused the time of the request ${answered}: ${skew(failure.headers)}. Ask the operator to set the clock`,
    )
  }
  if (code === 'AuthorizationHeaderMalformed' || code === 'PermanentRedirect' || code === 'AuthorizationQueryParametersError') {
    const wanted = failure.region === undefined ? 'another region' : `region "${failure.region}"`
    return fail(
      'UPSTREAM_AUTH',
      `the store wants ${wanted}, not "${region}" ${answered}. Ask the operator to set MINIO_REGION${code === 'PermanentRedirect' ? ' and the endpoint of that region' : ''}`,
    )
  }
  if (credentialCodes.has(code) || status === 401) {
    const why =
      code === 'InvalidAccessKeyId'
        ? 'does not know the access key'
        : code === 'SignatureDoesNotMatch'
          ? 'rejected the secret key'
          : code === 'ExpiredToken'
            ? 'rejected the credentials, which have expired'
            : 'rejected the credentials'
    return fail('UPSTREAM_AUTH', `the store ${why} ${answered}. Ask the operator`)
  }
  if (throttleCodes.has(code) || status === 429) {
    return fail(
      'RATE_LIMITED',
      `the store asks for fewer requests ${answered}`,
      `the same call again in ${retryAfter(failure.headers['retry-after']) ?? 5} s`,
    )
  }
  if (status >= 300 && status < 400) {
    return fail(
      'UPSTREAM_ERROR',
      `the endpoint redirects elsewhere ${answered}, which is not followed. Ask the operator to check MINIO_ENDPOINT`,
    )
  }
  if (failure.isPage || (status === 404 && code === '')) {
    return fail(
      'UPSTREAM_ERROR',
      `the endpoint answers ${answered} as a web server, not as an S3 store. Ask the operator to check MINIO_ENDPOINT`,
    )
  }
  if (code === 'InvalidObjectState') {
    return fail(
      'UPSTREAM_ERROR',
      `the object is archived and must be restored before it can be read ${answered}. Ask the operator`,
    )
  }
  if (keyCodes.has(code)) return fail('INVALID_ARGUMENT', `the store admits no such key ${answered}${said}`)
  if (status === 403) {
    const who = signed ? "to this server's key" : 'to requests without credentials'
    return fail('FORBIDDEN', `the store denies this ${who} ${answered}; it may also not exist. Ask the operator for read access`)
  }
  if (status === 400 && /HTTP request to an HTTPS server/i.test(said)) {
    return fail('UPSTREAM_UNREACHABLE', 'the store speaks TLS on this port. Ask the operator to set MINIO_USE_SSL=true')
  }
  if (status >= 500) {
    const seconds = retryAfter(failure.headers['retry-after'])
    const wait = `the same call again in ${seconds === undefined ? 'a few seconds' : `${seconds} s`}`
    return fail('UPSTREAM_ERROR', `the store failed ${answered}${said}`, wait)
  }
  if (status >= 200 && status < 300) return fail('UPSTREAM_ERROR', `the store gave an answer that was not expected ${answered}`)
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
