// Failures of the store and of the connection to it, as the errors that a model reads.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { ToolError, type ToolErrorCode } from '../../protocol/index.ts'
import { retryAfter } from '../kit/http/upstream.ts'
import { cleanText, quoted } from '../kit/text.ts'
import { isWebPage, xmlReader } from './lib/body.ts'

/** Bytes that are read of an error's body. */
const maxErrorBytes = 65_536

/** Reads the body of a response that is not a success. Never rejects: a broken body leaves the status. */
export async function readFailure(res: IncomingMessage) {
  let body = ''
  try {
    res.setEncoding('utf8')
    for await (const chunk of res as AsyncIterable<string>) if ((body += chunk).length >= maxErrorBytes) break
  } catch {
    // what came before the connection broke is used
  }
  const reader = xmlReader('Error')
  try {
    reader.write(body.slice(0, maxErrorBytes))
  } catch {
    // what was read before the fault is used
  }
  const field = (name: string): string | undefined => reader.fields[name] && cleanText(reader.fields[name]).slice(0, 1_000)
  const { statusCode: status = 0, headers } = res
  const said = field('Message') ?? ''
  // Amazon names the region in a field or a header; MinIO and Garage only in the sentence `the region 'x' is wrong; expecting 'y'`.
  const region = field('Region') || headers['x-amz-bucket-region']?.toString() || (/expecting '([^']*)'/.exec(said)?.[1] ?? '')
  return {
    status,
    headers,
    /** S3's own code, such as NoSuchKey; empty where the response had none. */
    code: field('Code') ?? headers['x-minio-error-code']?.toString() ?? '',
    said,
    /** That the store wants requests to be signed for. */
    region: /^[A-Za-z0-9._-]{1,64}$/.exec(region)?.[0],
    isPage: isWebPage(body),
  }
}

/** Codes of refused credentials, and what the store did. */
const credentialCodes: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'does not know the access key',
  SignatureDoesNotMatch: 'rejected the secret key',
  ExpiredToken: 'rejected the credentials, which have expired',
  InvalidToken: 'rejected the session token',
  TokenRefreshRequired: 'rejected the session token',
}
const regionCodes = /^(AuthorizationHeaderMalformed|PermanentRedirect)$/
const throttleCodes = /^(SlowDown|SlowDownRead|TooManyRequests|RequestLimitExceeded|Throttling|BandwidthLimitExceeded)$/
const keyCodes = /^(XMinioInvalidObjectName|XMinioInvalidResourceName|InvalidObjectName|KeyTooLongError|InvalidURI)$/

/** `detail` of the error about an object of which only a delete marker is left; S3 has no code for it. */
export const deleted = 'deleted'

/**
 * What a failure means whatever was asked for. Missing buckets and keys are explained where near names are known.
 * @param region that the request was signed for @param signed whether it was
 */
export function toToolError(failure: Awaited<ReturnType<typeof readFailure>>, region: string, signed: boolean): ToolError {
  const { code, status, headers } = failure
  const detail = headers['x-amz-delete-marker'] === 'true' ? deleted : code === '' ? status : code
  const error = (kind: ToolErrorCode, message: string, hint?: string): ToolError => new ToolError(kind, message, { detail, hint })
  const answered = `(${code === '' ? status : `${status} ${code.replace(/[^\w.-]+/g, ' ').slice(0, 60)}`})`
  const said = failure.said === '' ? '' : `: ${quoted(failure.said, 300)}`
  const seconds = retryAfter(headers['retry-after'])
  const ask = 'ask the operator to'
  const check = `${ask} check MINIO_ENDPOINT`
  if (code === 'RequestTimeTooSkewed') {
    const message = `the store refused the time of the request ${answered}: ${skew(headers)}`
    return error('UPSTREAM_AUTH', message, `${ask} set the clock`)
  }
  if (regionCodes.test(code)) {
    const wanted = failure.region === undefined ? 'another region' : `region "${failure.region}"`
    const variables = code === 'PermanentRedirect' ? 'MINIO_REGION and the MINIO_ENDPOINT of that region' : 'MINIO_REGION'
    return error('UPSTREAM_AUTH', `the store wants ${wanted}, not "${region}" ${answered}`, `${ask} set ${variables}`)
  }
  if (Object.hasOwn(credentialCodes, code) || status === 401) {
    const did = credentialCodes[code] ?? 'rejected the credentials'
    return error('UPSTREAM_AUTH', `the store ${did} ${answered}`, `${ask} check MINIO_ACCESS_KEY and MINIO_SECRET_KEY`)
  }
  if (throttleCodes.test(code) || status === 429)
    return error('RATE_LIMITED', `the store asks for fewer requests ${answered}`, `the same call again in ${seconds ?? 5} s`)
  if (status >= 300 && status < 400)
    return error('UPSTREAM_ERROR', `the endpoint redirects ${answered}, and redirects are not followed`, check)
  if (failure.isPage || (code === '' && (status === 400 || status === 404))) {
    const message = `the endpoint answers ${answered} as a web server, not as an S3 store`
    return error('UPSTREAM_ERROR', message, `${check} and MINIO_USE_SSL`)
  }
  if (keyCodes.test(code)) return error('INVALID_ARGUMENT', `the store does not accept this key ${answered}${said}`)
  if (status === 403) {
    const who = signed ? "this server's key" : 'requests without credentials'
    const message = `the store denies access to ${who} ${answered}; the bucket or object may also not exist`
    return error('FORBIDDEN', message, `${ask} give it read access`)
  }
  if (status >= 500)
    return error('UPSTREAM_ERROR', `the store failed ${answered}${said}`, `the same call again in ${seconds ?? 'a few'} seconds`)
  return error('UPSTREAM_ERROR', `the store refused the request ${answered}${said}`)
}

/** `this server's clock is 905 s behind the store's`. */
function skew({ date }: IncomingHttpHeaders): string {
  const seconds = Math.round((Date.now() - Date.parse(date ?? '')) / 1000)
  // Without a date, or where it has been set since then, it is not known how much.
  if (!(Math.abs(seconds) >= 60)) return "this server's clock and the store's differ, or differed when it signed"
  return `this server's clock is ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} the store's`
}
