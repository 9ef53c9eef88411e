// Signed GET and HEAD requests to one S3-compatible store, within limits of time and connections. The `minio` library addresses and signs
// them. They are sent and read by this server, because the library reads bodies whole and converts keys that look like numbers.
import type { IncomingMessage, RequestOptions } from 'node:http'
import type { ClientOptions } from 'minio'
import { ToolError } from '../../protocol/index.ts'
import type { Environment } from '../kit/definition.ts'
import { connectionError, openConnections } from '../kit/http/connections.ts'
import { withDeadline } from '../kit/waiting.ts'
import { credentialsOf, limits as defaultLimits, endpointOf, type Limits, type StorageConfig, scopeOf } from './config.ts'
import { readFailure, toToolError } from './errors.ts'
import { listBuckets } from './lib/buckets.ts'
import type { StorageBackend, StoreRequest } from './types.ts'

/** Buckets whose region, as the store named it, is remembered. */
const maxRegions = 1_000
/** Further requests are queued: each may hold a part of an object. */
const maxSockets = 4
const defaultRegion = 'us-east-1'

/** @throws Error for the operator when the configuration contradicts itself */
export function openStorage(config: StorageConfig, environment: Environment, changed: Partial<Limits> = {}): StorageBackend {
  const { host, port, secure } = endpointOf(config)
  const credentials = credentialsOf(config)
  const limits = { ...defaultLimits, ...changed }
  const { connectMs, totalMs } = limits
  const scope = scopeOf(config)
  if (credentials?.accessKey === 'minioadmin') {
    environment.log.warn("storage: the access key is the store's root user; give this server a key that may only read", {})
  }
  const connections = openConnections(secure, { ca: environment.ca, maxSockets, connectMs })
  const regions = new Map<string, string>() // by bucket; '' for requests without a bucket

  /** The library signs the request and passes it to this transport; what it would do with the response is not used. */
  async function send(
    { method = 'GET', bucket = '', key = '', query = {}, headers = {} }: StoreRequest,
    region: string,
    signal: AbortSignal,
  ) {
    const { Client } = await import('minio')
    return new Promise<IncomingMessage>((resolve, reject) => {
      const request = (options: RequestOptions) => {
        // Nothing built on this can write.
        if (options.method !== 'GET' && options.method !== 'HEAD') throw new Error(`${options.method} is not sent by this server`)
        // Added after signing: Google's front end changes this header, and a signature over it would not match. Without it, Google's XML API
        // decompresses objects with Content-Encoding: gzip.
        const headers = { ...options.headers, 'accept-encoding': 'identity' }
        connections
          .exchange({ ...options, headers, signal })
          .then(resolve, (error) => reject(connectionError('the store', error, 'MINIO_ENDPOINT and MINIO_USE_SSL')))
        return { on() {}, end() {} }
      }
      const client = new Client({
        endPoint: host,
        port,
        useSSL: secure,
        region,
        pathStyle: config.MINIO_PATH_STYLE,
        ...credentials,
        transport: { request } as unknown as NonNullable<ClientOptions['transport']>,
      })
      client.setAppInfo('mcp-storage', environment.version || '0')
      // The library does not encode the name of the bucket. Only a DNS name can be part of a host name.
      const target = { bucketName: percentEncode(bucket), objectName: key, pathStyle: !dnsName.test(bucket) }
      const pairs = Object.entries(query).flatMap(([name, value]) =>
        value === undefined ? [] : `${name}=${percentEncode(value)}`,
      )
      const options = { method, ...target, query: pairs.join('&'), headers: { ...headers } }
      client.makeRequestAsync(options, '', [], region).catch(reject)
    })
  }

  /** The response, if it is a success. Repeats the request once, with the region that the store names. */
  async function answerOf(request: StoreRequest, signal: AbortSignal, repeated = false): Promise<IncomingMessage> {
    const { bucket = '' } = request
    const region = config.MINIO_REGION ?? regions.get(bucket) ?? defaultRegion
    const res = await send(request, region, signal)
    const { statusCode = 0 } = res
    if (statusCode >= 200 && statusCode < 300) return res
    const failure = await readFailure(res)
    const wanted = regionFailures.has(failure.code) ? failure.region : undefined
    if (repeated || wanted === undefined || wanted === region || config.MINIO_REGION !== undefined)
      throw toToolError(failure, region, credentials !== undefined)
    if (regions.size >= maxRegions) regions.clear()
    regions.set(bucket, wanted)
    return answerOf(request, signal, true)
  }

  const late = (): ToolError =>
    new ToolError('TIMEOUT', `the store did not answer in full within ${totalMs} ms`, {
      hint: 'ask for less, or the same call again later',
    })
  const backend: StorageBackend = {
    scope,
    limits,
    upstream: `${host}:${port}`,
    send: (request, signal, read) =>
      withDeadline({ ms: totalMs, signal, late }, async (limited) => {
        const res = await answerOf(request, limited)
        try {
          return await read(res)
        } finally {
          if (!res.readableEnded) res.destroy()
        }
      }),
    async probe(signal) {
      const mode = credentials === undefined ? 'anonymous' : 'signed'
      const [bucket] = scope.allowed ?? []
      if (bucket !== undefined) {
        const query = { 'list-type': '2', 'max-keys': '1' }
        await backend.send({ bucket, query }, signal, async () => {})
        return { mode, bucket }
      }
      const buckets = await listBuckets(backend, signal)
      return { mode, ...(buckets === undefined ? {} : { buckets: buckets.length }) }
    },
    async close() {
      connections.close()
    },
  }
  return backend
}

const dnsName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

/** Codes for a request that is signed for another region than the store's or the bucket's. */
const redirects = ['PermanentRedirect', 'TemporaryRedirect', 'MovedPermanently']
const regionFailures = new Set(['AuthorizationHeaderMalformed', 'InvalidRegion', ...redirects, ''])

/** As SigV4 requires: what is signed is what is sent. */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
