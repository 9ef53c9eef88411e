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

/** Codes of refused credentials, and what the store did. */
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
const regionCodes = /^(AuthorizationHeaderMalformed|AuthorizationQueryParametersError|PermanentRedirect)$/
const throttleCodes = /^(SlowDown|SlowDownRead|TooManyRequests|RequestLimitExceeded|Throttling|BandwidthLimitExceeded)$/
const keyCodes = /^(XMinioInvalidObjectName|XMinioInvalidResourceName|InvalidObjectName|KeyTooLongError|InvalidURI)$/

/** How a request was signed. */
interface Signing {
  readonly region: string
  readonly signed: boolean
}

/** For failures that mean the same whatever was asked for. Missing buckets and keys are explained where near names are known. */
export function toToolError(failure: StoreFailure, signing: Signing): ToolError {
  const [kind, message, hint] = meaningOf(failure, signing)
  const detail = failure.code === '' ? failure.status : failure.code
  return new ToolError(kind, message, { cause: failure, detail, ...(hint === undefined ? {} : { hint }) })
}

const ask = (what: string): string => `ask the operator to ${what}`

function meaningOf(failure: StoreFailure, { region, signed }: Signing): [kind: ToolErrorCode, message: string, hint?: string] {
  const { code, status, headers } = failure
  const answered = `(${code === '' ? status : `${status} ${code.replace(/[^\w.-]+/g, ' ').slice(0, 60)}`})`
  const said = failure.said === '' ? '' : `: ${clip(visibleJson(failure.said), 300)}`
  const seconds = retryAfter(header(headers, 'retry-after'))
  if (code === 'RequestTimeTooSkewed')
    return ['UPSTREAM_AUTH', `the store refused the time of the request ${answered}: ${skew(headers)}`, ask('set the clock')]
  if (regionCodes.test(code)) {
    const wanted = failure.region === undefined ? 'another region' : `region "${failure.region}"`
    const variables = code === 'PermanentRedirect' ? 'MINIO_REGION and the MINIO_ENDPOINT of that region' : 'MINIO_REGION'
    return ['UPSTREAM_AUTH', `the store wants ${wanted}, not "${region}" ${answered}`, ask(`set ${variables}`)]
  }
  if (Object.hasOwn(credentialCodes, code) || status === 401) {
    const did = credentialCodes[code] ?? 'rejected the credentials'
    return ['UPSTREAM_AUTH', `the store ${did} ${answered}`, ask('check MINIO_ACCESS_KEY and MINIO_SECRET_KEY')]
  }
  if (throttleCodes.test(code) || status === 429)
    return ['RATE_LIMITED', `the store asks for fewer requests ${answered}`, `the same call again in ${seconds ?? 5} s`]
  if (status >= 300 && status < 400) {
    const message = `the endpoint redirects ${answered}, and redirects are not followed`
    return ['UPSTREAM_ERROR', message, ask('check MINIO_ENDPOINT')]
  }
  if (failure.isPage || (status === 404 && code === '')) {
    const message = `the endpoint answers ${answered} as a web server, not as an S3 store`
    return ['UPSTREAM_ERROR', message, ask('check MINIO_ENDPOINT')]
  }
  if (code === 'InvalidObjectState') return ['UPSTREAM_ERROR', `the object is archived ${answered}`, ask('restore it')]
  if (keyCodes.test(code)) return ['INVALID_ARGUMENT', `the store does not accept this key ${answered}${said}`]
  if (status === 403) {
    const who = signed ? "this server's key" : 'requests without credentials'
    const message = `the store denies access to ${who} ${answered}; the bucket or object may also not exist`
    return ['FORBIDDEN', message, 'ask the operator for read access']
  }
  if (status >= 500) {
    const wait = seconds === undefined ? 'a few seconds' : `${seconds} s`
    return ['UPSTREAM_ERROR', `the store failed ${answered}${said}`, `the same call again in ${wait}`]
  }
  if (status === 400 && code === '') {
    const message = `the endpoint refused the request ${answered} without an S3 error`
    return ['UPSTREAM_ERROR', message, ask('check MINIO_ENDPOINT and MINIO_USE_SSL')]
  }
  return ['UPSTREAM_ERROR', `the store refused the request ${answered}${said}`]
}

/** `this server's clock is 905 s behind the store's`. */
function skew({ date }: IncomingHttpHeaders): string {
  const theirs = date === undefined ? Number.NaN : Date.parse(date)
  if (Number.isNaN(theirs)) return "this server's clock and the store's differ"
  const seconds = Math.round((Date.now() - theirs) / 1000)
  if (Math.abs(seconds) < 60) return "this server's clock differed from the store's when it signed"
  return `this server's clock is ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} the store's`
}

export function unreachable(why: string, hint: string, cause?: NodeJS.ErrnoException): ToolError {
  const known = cause === undefined ? {} : { cause, ...(cause.code === undefined ? {} : { detail: cause.code }) }
  return new ToolError('UPSTREAM_UNREACHABLE', `the store cannot be reached: ${why}`, { hint, ...known })
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at the endpoint',
  ENOTFOUND: 'the host name of the endpoint is not known',
  EAI_AGAIN: 'the host name of the endpoint is not known',
}
const notTls = /^(EPROTO|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG)$/
const notTrusted = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/

/** What a failed connection means. Without the address, which is the operator's. */
export function connectionError(error: NodeJS.ErrnoException, secure: boolean): ToolError {
  const code = error.code ?? 'no connection'
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return unreachable('it closed the connection', secure ? ask('check MINIO_USE_SSL') : 'the same call again', error)
  if (notTls.test(code)) return unreachable('it does not speak TLS on this port', ask('check MINIO_USE_SSL'), error)
  if (notTrusted.test(code))
    return unreachable(`its certificate is not trusted (${code})`, ask('name its authority in MCP_CA_FILE'), error)
  if (!code.startsWith('HPE_')) return unreachable(reasons[code] ?? code, ask('check MINIO_ENDPOINT'), error)
  const hint = ask('check MINIO_ENDPOINT')
  return new ToolError('UPSTREAM_ERROR', `the endpoint does not answer in HTTP (${code})`, { hint, detail: code, cause: error })
}

/** The connection ended within the body of a response. */
export function brokenOff(cause: unknown): ToolError {
  return new ToolError('UPSTREAM_ERROR', 'the store closed the connection in the middle of its answer', {
    cause,
    hint: 'the same call again',
  })
}
