// The environment variables of the storage server, and the readers of its endpoint, credentials, buckets and denied keys.
import { type Config, type ConfigSchema, flag, list, secret, text } from '../kit/definition.ts'
import { readBaseUrl } from '../kit/http/address.ts'
import { matchesGlob } from '../kit/names.ts'

export const config = {
  type: 'object',
  properties: {
    MINIO_ENDPOINT: {
      type: 'string',
      'x-aliases': ['S3_ENDPOINT', 'AWS_ENDPOINT_URL_S3'],
      description: 'The store, as `http://minio:9000`, `https://s3.example.net` or `minio:9000`',
      examples: ['http://minio:9000'],
    },
    AWS_ENDPOINT_URL: text('The store, where `MINIO_ENDPOINT` is not set'),
    MINIO_ACCESS_KEY: secret(
      'Access key; without it and its secret key requests are not signed, which reads public buckets',
      'AWS_ACCESS_KEY_ID',
      'S3_ACCESS_KEY',
    ),
    MINIO_SECRET_KEY: secret('Secret key', 'AWS_SECRET_ACCESS_KEY', 'S3_SECRET_KEY'),
    AWS_SESSION_TOKEN: secret('Session token of temporary credentials', 'MINIO_SESSION_TOKEN'),
    MINIO_REGION: {
      type: 'string',
      pattern: '^[A-Za-z0-9._-]{1,64}$',
      'x-aliases': ['AWS_REGION', 'AWS_DEFAULT_REGION', 'S3_REGION'],
      description: 'Region that requests are signed for; without it `us-east-1`, and the region that the store asks for instead',
      examples: ['us-east-1'],
    },
    MINIO_USE_SSL: {
      type: 'boolean',
      'x-aliases': ['MINIO_SECURE'],
      description:
        'TLS for an endpoint without `http://` or `https://`; without it TLS is used on port 443 and where no port is given',
    },
    MINIO_PATH_STYLE: flag(
      true,
      'false puts the bucket into the host name, as `bucket.s3.example.net`; for Amazon that is always done',
    ),
    MINIO_ALLOWED_BUCKETS: list(
      'Only these buckets may be seen or read, such as `media,backup-*`; without it every bucket that the key may read',
    ),
    MINIO_DENY_KEYS: list(
      'Keys that are neither listed nor read, such as `*.env,private/*`; `*` also matches slashes, and upper and lower case are the same',
    ),
  },
} as const satisfies ConfigSchema

export type StorageConfig = Config<typeof config>

export const limits = {
  connectMs: 3_000,
  /** For one request to the store, including its body. */
  totalMs: 15_000,
  maxListBytes: 4 * 1024 * 1024,
  /** 933,336 as base64; no message may have more than 1,000,000 bytes. */
  maxImageBytes: 700_000,
}
export type Limits = Readonly<typeof limits>

/** Reads the endpoint. @throws Error for the operator; never shows a value that may hold credentials */
export function endpointOf({ MINIO_ENDPOINT, AWS_ENDPOINT_URL, MINIO_USE_SSL }: StorageConfig) {
  const name = MINIO_ENDPOINT === undefined ? 'AWS_ENDPOINT_URL' : 'MINIO_ENDPOINT'
  const given = (MINIO_ENDPOINT ?? AWS_ENDPOINT_URL ?? '').trim()
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(given)?.[1]?.toLowerCase()
  const address = scheme === undefined ? `http://${given}` : given
  const example = 'http://minio:9000'
  const url = new URL(readBaseUrl(name, address, example, 'MINIO_ACCESS_KEY and MINIO_SECRET_KEY'))
  if (url.pathname !== '/') throw new Error(`${name} may not have a path; write it as ${example}`)
  // The parser drops the port that is the default of its scheme, so it is read from the text.
  const port = /:(\d{1,5})\/*$/.exec(given)?.[1]
  const secure = scheme === undefined ? (MINIO_USE_SSL ?? (port === undefined || port === '443')) : scheme === 'https'
  if (scheme !== undefined && MINIO_USE_SSL !== undefined && MINIO_USE_SSL !== secure) {
    throw new Error(`${name} says ${scheme} and MINIO_USE_SSL says ${MINIO_USE_SSL}; they must agree`)
  }
  return { host: url.hostname, port: Number(port ?? (secure ? 443 : 80)), secure }
}

/** Undefined in anonymous mode. @throws Error for the operator when one half of a pair is missing */
export function credentialsOf(settings: StorageConfig) {
  const { MINIO_ACCESS_KEY: accessKey, MINIO_SECRET_KEY: secretKey, AWS_SESSION_TOKEN: sessionToken } = settings
  if (accessKey !== undefined && secretKey !== undefined)
    return { accessKey, secretKey, ...(sessionToken === undefined ? {} : { sessionToken }) }
  if (accessKey === undefined && secretKey === undefined) return undefined
  const [given, lacking] = accessKey === undefined ? ['SECRET', 'ACCESS'] : ['ACCESS', 'SECRET']
  throw new Error(`MINIO_${given}_KEY is set without MINIO_${lacking}_KEY; set both or neither`)
}

/** What this server shows of a store. */
export function scopeOf({ MINIO_ALLOWED_BUCKETS: buckets, MINIO_DENY_KEYS: denied }: StorageConfig) {
  const globs = denied.map(fold)
  return {
    admitsBucket: (name: string): boolean => buckets.length === 0 || buckets.some((glob) => matchesGlob(glob, name)),
    deniesKey: (key: string): boolean =>
      globs.length > 0 && formsOf(key).some((form) => globs.some((glob) => matchesGlob(glob, form))),
    /** The allowed buckets that are named in full, known without asking the store. Undefined where any bucket is allowed. */
    allowed: buckets.length === 0 ? undefined : buckets.filter((glob) => !/[*?]/.test(glob)),
  }
}

/** Keys that look the same to a person are compared as equal: .ENV, or é in its decomposed form. */
function fold(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

/** The key, and the key as a store that normalises paths reads it: MinIO reads `/private/x` as `private/x`. */
function formsOf(key: string): string[] {
  const path = key.split('/').filter((segment) => segment !== '' && segment !== '.')
  return [fold(key), fold(path.join('/')), fold(`${path.join('/')}/`)].filter((form, i, all) => all.indexOf(form) === i)
}
