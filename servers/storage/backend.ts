// Signed GET and HEAD requests to one S3-compatible store, within limits of time and connections. The `minio` library addresses and signs
// them. The bodies are read by this server, because the library reads them whole and converts keys that look like numbers.
import { Agent as HttpAgent, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Client, ClientOptions } from 'minio'
import { ToolError } from '../../protocol/index.ts'
import type { Environment } from '../kit/definition.ts'
import { trust } from '../kit/http/trust.ts'
import { withDeadline } from '../kit/waiting.ts'
import { credentialsOf, endpointOf, type StorageConfig, scopeOf } from './config.ts'
import { StoreFailure, toToolError, unreachable } from './errors.ts'
import { listBuckets } from './lib/buckets.ts'
import { exchange, StaleSocket } from './lib/exchange.ts'
import type { Limits, StorageBackend, StoreRequest } from './types.ts'

const defaultLimits: Limits = {
  connectMs: 3_000,
  totalMs: 15_000,
  maxListBytes: 4 * 1024 * 1024,
  maxImageBytes: 700_000, // 933,336 as base64; no message may have more than 1,000,000 bytes
}

/** Buckets whose region, as the store named it, is remembered. */
const maxRegions = 1_000
/** Further requests are queued: each may hold a part of an object. */
const maxSockets = 4
const keptSockets = 2
const idleSocketMs = 30_000
const defaultRegion = 'us-east-1'

/** @throws Error for the operator when the configuration contradicts itself */
export function openStorage(config: StorageConfig, environment: Environment, limits: Partial<Limits> = {}): StorageBackend {
  const endpoint = endpointOf(config)
  const credentials = credentialsOf(config)
  const { connectMs, totalMs } = { ...defaultLimits, ...limits }
  const scope = scopeOf(config)
  if (credentials?.accessKey === 'minioadmin') {
    environment.log.warn("storage: the access key is the store's root user; give this server a key that may only read", {})
  }
  const agentOptions = { keepAlive: true, maxSockets, maxFreeSockets: keptSockets, timeout: idleSocketMs }
  const agent = endpoint.secure ? new HttpsAgent({ ...agentOptions, ...trust(environment.ca) }) : new HttpAgent(agentOptions)
  const regions = new Map<string, string>() // by bucket; '' for requests without a bucket
  const regionOf = (bucket: string | undefined): string => config.MINIO_REGION ?? regions.get(bucket ?? '') ?? defaultRegion

  /** One attempt. The library's client only holds options: one client for each request gives the transport the request's signal. */
  async function attempt(request: StoreRequest, region: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { Client } = await import('minio')
    const options: ClientOptions = {
      endPoint: endpoint.host,
      port: endpoint.port,
      useSSL: endpoint.secure,
      region,
      pathStyle: config.MINIO_PATH_STYLE,
      retryOptions: { disableRetry: true },
      ...credentials,
      transport: transportOf((options) => exchange(options, { agent, secure: endpoint.secure, connectMs, signal })),
    }
    const client: Client = new Client(options)
    client.setAppInfo('mcp-storage', environment.version || '0')
    return client.makeRequestAsync(
      {
        method: request.method ?? 'GET',
        // The library does not encode the name of the bucket. Only a DNS name can be part of a host name.
        ...(request.bucket === undefined ? {} : { bucketName: percentEncode(request.bucket) }),
        ...(request.bucket === undefined || dnsName.test(request.bucket) ? {} : { pathStyle: true }),
        ...(request.key === undefined ? {} : { objectName: request.key }),
        ...(request.query === undefined ? {} : { query: queryOf(request.query) }),
        headers: { ...request.headers },
      },
      '',
      [200, 206],
      region,
    )
  }

  /** Repeats the request once: with the region that the store names, or after a kept-alive socket was found closed. */
  async function answerOf(request: StoreRequest, signal: AbortSignal, repeated = false): Promise<IncomingMessage> {
    const region = regionOf(request.bucket)
    try {
      return await attempt(request, region, signal)
    } catch (error) {
      if (!repeated && error instanceof StaleSocket) return answerOf(request, signal, true)
      const wanted = error instanceof StoreFailure && regionFailures.has(error.code) ? error.region : undefined
      if (repeated || wanted === undefined || wanted === region || config.MINIO_REGION !== undefined) throw error
      if (regions.size >= maxRegions) regions.clear()
      regions.set(request.bucket ?? '', wanted)
      return answerOf(request, signal, true)
    }
  }

  const late = (): ToolError =>
    new ToolError('TIMEOUT', `the store did not answer in full within ${totalMs} ms`, {
      hint: 'ask for less, or the same call again later',
    })
  const backend: StorageBackend = {
    scope,
    limits: { ...defaultLimits, ...limits },
    upstream: `${endpoint.host}:${endpoint.port}`,
    async send(request, signal, read, expected = new Set()) {
      try {
        return await withDeadline({ ms: totalMs, signal, late }, async (limited) => {
          const res = await answerOf(request, limited)
          const abort = (): void => void res.destroy()
          limited.addEventListener('abort', abort, { once: true })
          try {
            return await read(res, limited)
          } catch (error) {
            limited.throwIfAborted()
            throw error
          } finally {
            limited.removeEventListener('abort', abort)
            if (!res.complete || !res.readableEnded) res.destroy()
          }
        })
      } catch (error) {
        if (error instanceof StoreFailure && !expected.has(error.code)) {
          throw toToolError(error, { region: regionOf(request.bucket), signed: credentials !== undefined })
        }
        if (error instanceof StaleSocket) throw unreachable('it closed the connection', 'the same call again', error)
        throw error
      }
    },
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
      agent.destroy()
    },
  }
  return backend
}

const dnsName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

/** Codes for a request that is signed for another region than the store's or the bucket's. */
const regionFailures = new Set([
  'AuthorizationHeaderMalformed',
  'PermanentRedirect',
  'TemporaryRedirect',
  'MovedPermanently',
  'InvalidRegion',
  '',
])

/** The library's transport is `request` of node:http; of what that returns it uses only these two methods. */
function transportOf(send: (options: RequestOptions) => Promise<IncomingMessage>): NonNullable<ClientOptions['transport']> {
  const request = (options: RequestOptions, onResponse: (res: IncomingMessage) => void) => {
    let onError: (error: Error) => void = () => {}
    return {
      on(_event: 'error', listener: (error: Error) => void) {
        onError = listener
      },
      end() {
        send(options).then(onResponse, onError)
      },
    }
  }
  return { request } as unknown as NonNullable<ClientOptions['transport']>
}

function queryOf(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${name}=${percentEncode(value)}`)
    .join('&')
}

/** As SigV4 requires: what is signed is what is sent. */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
