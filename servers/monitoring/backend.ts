// The monitoring server's backend: Loki, Netdata, or both. The only file that knows `ws`, which is loaded for the first live tail.
import { ToolError } from '../../protocol/index.ts'
import type { Backend, Environment } from '../kit/definition.ts'
import { trust } from '../kit/http/trust.ts'
import { Upstream } from '../kit/http/upstream.ts'
import { authorization, checkUrl, type MonitoringConfig } from './config.ts'
import { refusalOf } from './errors.ts'
import { Loki, metadataApart, refused } from './lib/loki.ts'
import { Netdata } from './lib/netdata.ts'

export interface Limits {
  readonly maxHours: number
  /** 0: Loki's index is not asked. */
  readonly maxQueryBytes: number
}

/** Calls `onFrame` with each message until the signal aborts or Loki ends the tail. */
export type OpenTail = (
  query: Readonly<Record<string, string>>,
  onFrame: (json: string) => void,
  signal: AbortSignal,
) => Promise<void>

export interface MonitoringBackend extends Backend {
  /** @throws ToolError when it is not configured */
  loki(): Loki
  /** @throws ToolError when it is not configured */
  netdata(): Netdata
  readonly tail: OpenTail
  readonly limits: Limits
}

const handshakeTimeoutMs = 5_000
const maxFrameBytes = 1024 * 1024
/** Loki serves ten tails at once for each tenant; others want some, too. */
const maxTails = 4

/** @throws Error for the operator when the configuration contradicts itself */
export function openMonitoring(config: MonitoringConfig, environment: Environment): MonitoringBackend {
  const { LOKI_URL, NETDATA_URL } = config
  const agent = { 'user-agent': `octet-monitoring/${environment.version}` }
  const lokiHttp =
    LOKI_URL === undefined
      ? undefined
      : new Upstream({
          name: 'Loki',
          baseUrl: checkUrl('LOKI_URL', LOKI_URL),
          headers: {
            ...agent,
            ...(config.LOKI_TENANT_ID === undefined ? {} : { 'x-scope-orgid': config.LOKI_TENANT_ID }),
            ...authorization('LOKI', config.LOKI_BEARER_TOKEN, config.LOKI_USERNAME, config.LOKI_PASSWORD),
          },
          ca: environment.ca,
          maxSockets: 2,
        })
  const netdataHttp =
    NETDATA_URL === undefined
      ? undefined
      : new Upstream({
          name: 'Netdata',
          baseUrl: checkUrl('NETDATA_URL', NETDATA_URL),
          headers: {
            ...agent,
            ...authorization('NETDATA', config.NETDATA_API_KEY, config.NETDATA_USERNAME, config.NETDATA_PASSWORD),
          },
          ca: environment.ca,
          maxSockets: 4,
        })
  const loki = lokiHttp === undefined ? undefined : new Loki(lokiHttp)
  const netdata = netdataHttp === undefined ? undefined : new Netdata(netdataHttp)
  const tails = new Set<AbortController>()

  return {
    upstream: [LOKI_URL, NETDATA_URL].flatMap((url) => (url === undefined ? [] : [new URL(url).host])).join(','),
    limits: { maxHours: config.LOKI_MAX_HOURS, maxQueryBytes: config.LOKI_MAX_QUERY_BYTES },
    loki: () => configured(loki, 'Loki', 'LOKI_URL'),
    netdata: () => configured(netdata, 'Netdata', 'NETDATA_URL'),
    async tail(query, onFrame, signal) {
      if (lokiHttp === undefined) throw new ToolError('INTERNAL', 'Loki is not configured')
      if (tails.size >= maxTails) {
        throw new ToolError('RATE_LIMITED', `${maxTails} live tails are running`, {
          hint: 'the same call without follow_seconds, or again in 30 seconds',
        })
      }
      const closing = new AbortController()
      tails.add(closing)
      try {
        await readTail(lokiHttp, query, onFrame, AbortSignal.any([signal, closing.signal]), environment.ca)
      } finally {
        tails.delete(closing)
      }
    },
    async probe(signal) {
      const [lokiState, netdataState] = await Promise.all([
        loki === undefined ? 'not configured' : loki.probe(signal).then(() => 'ok'),
        netdata === undefined ? 'not configured' : netdata.version(signal),
      ])
      return { loki: lokiState, netdata: netdataState }
    },
    async close() {
      for (const tail of tails) tail.abort()
      loki?.close()
      netdata?.close()
    },
  }
}

function configured<T>(client: T | undefined, name: string, variable: string): T {
  if (client !== undefined) return client
  throw new ToolError('UPSTREAM_UNREACHABLE', `${name} is not configured: the operator has to set ${variable}`)
}

async function readTail(
  http: Upstream,
  query: Readonly<Record<string, string>>,
  onFrame: (json: string) => void,
  signal: AbortSignal,
  ca: string | undefined,
): Promise<void> {
  const { WebSocket } = await import('ws')
  if (signal.aborted) return
  const { url, headers } = http.target('/loki/api/v1/tail', query)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(url, {
    // Without it the live lines have no metadata at all.
    headers: { ...headers, ...metadataApart },
    handshakeTimeout: handshakeTimeoutMs,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
    followRedirects: false,
    ...trust(ca),
  })
  await new Promise<void>((resolve, reject) => {
    const end = (): void => {
      socket.terminate()
      resolve()
    }
    signal.addEventListener('abort', end, { once: true })
    socket.on('message', (data) => {
      try {
        onFrame(data.toString())
      } catch (error) {
        reject(error)
        socket.terminate()
      }
    })
    socket.on('unexpected-response', (_req, res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.length < 4 && chunks.push(chunk))
      res.on('close', () => {
        const status = res.statusCode ?? 0
        const body = Buffer.concat(chunks)
        reject(refusalOf('Loki', status, res.headers, body) ?? refused({ status, body }))
        socket.terminate()
      })
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) resolve()
      else
        reject(
          new ToolError('UPSTREAM_ERROR', `the live tail failed (${error.code ?? 'broken off'})`, {
            hint: 'the same call without follow_seconds; a proxy before Loki must let WebSockets through',
            cause: error,
          }),
        )
    })
    socket.on('close', () => {
      signal.removeEventListener('abort', end)
      resolve()
    })
  })
}
