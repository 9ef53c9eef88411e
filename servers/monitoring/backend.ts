// The backend of the monitoring server: clients of Loki and Netdata. The only file that imports `ws`, which is loaded for the first live tail.
import { ToolError } from '../../protocol/index.ts'
import type { Backend, Environment } from '../kit/definition.ts'
import { authorization, readBaseUrl } from '../kit/http/address.ts'
import { trust } from '../kit/http/trust.ts'
import { Upstream } from '../kit/http/upstream.ts'
import { Semaphore } from '../kit/waiting.ts'
import type { MonitoringConfig } from './config.ts'
import { lokiError } from './errors.ts'
import { Loki, metadataApart } from './lib/loki.ts'
import { Netdata } from './lib/netdata.ts'
import type { OpenTail } from './types.ts'

export interface MonitoringBackend extends Backend {
  /** @throws ToolError when it is not configured */
  loki(): Loki
  /** @throws ToolError when it is not configured */
  netdata(): Netdata
  readonly tail: OpenTail
  /** `maxQueryBytes` 0: Loki's index is not asked. */
  readonly limits: { readonly maxHours: number; readonly maxQueryBytes: number }
}

const handshakeTimeoutMs = 5_000
const maxFrameBytes = 1024 * 1024
/** Loki serves ten tails at once for each tenant; others need some, too. */
const maxTails = 4
const maxErrorBytes = 4_000

/** @throws Error for the operator when the configuration contradicts itself */
export function openMonitoring(config: MonitoringConfig, environment: Environment): MonitoringBackend {
  const { LOKI_URL, NETDATA_URL } = config
  const client = (prefix: 'LOKI' | 'NETDATA', name: string, maxSockets: number, token: string | undefined, tenant = {}) => {
    const {
      [`${prefix}_URL` as const]: url,
      [`${prefix}_USERNAME` as const]: user,
      [`${prefix}_PASSWORD` as const]: password,
    } = config
    if (url === undefined) return undefined
    return new Upstream({
      name,
      baseUrl: readBaseUrl(`${prefix}_URL`, url, 'http://host:3100', `${prefix}_USERNAME and ${prefix}_PASSWORD`),
      headers: {
        'user-agent': `octet-monitoring/${environment.version}`,
        ...tenant,
        ...authorization(prefix, { token, user, password }),
      },
      ca: environment.ca,
      maxSockets,
    })
  }
  const tenant = config.LOKI_TENANT_ID === undefined ? {} : { 'x-scope-orgid': config.LOKI_TENANT_ID }
  const lokiHttp = client('LOKI', 'Loki', 2, config.LOKI_BEARER_TOKEN, tenant)
  const netdataHttp = client('NETDATA', 'Netdata', 4, config.NETDATA_API_KEY)
  const loki = lokiHttp === undefined ? undefined : new Loki(lokiHttp)
  const netdata = netdataHttp === undefined ? undefined : new Netdata(netdataHttp)
  const sockets = new Set<Terminable>()
  const slots = new Semaphore({
    limit: maxTails,
    maxWaiting: 0,
    busy: () =>
      new ToolError('RATE_LIMITED', `${maxTails} live tails are running`, {
        hint: 'the same call without follow_seconds, or again in 30 seconds',
      }),
  })

  return {
    upstream: [LOKI_URL, NETDATA_URL].flatMap((url) => (url === undefined ? [] : [new URL(url).host])).join(','),
    limits: { maxHours: config.LOKI_MAX_HOURS, maxQueryBytes: config.LOKI_MAX_QUERY_BYTES },
    loki: () => configured(loki, 'Loki', 'LOKI_URL'),
    netdata: () => configured(netdata, 'Netdata', 'NETDATA_URL'),
    tail: (query, onFrame, signal) =>
      slots.run({ signal }, () =>
        readTail(configured(lokiHttp, 'Loki', 'LOKI_URL'), environment.ca, sockets, query, onFrame, signal),
      ),
    async probe(signal) {
      const [lokiState, netdataState] = await Promise.all([
        loki === undefined ? 'not configured' : loki.probe(signal).then(() => 'ok'),
        netdata === undefined ? 'not configured' : netdata.version(signal),
      ])
      return { loki: lokiState, netdata: netdataState }
    },
    async close() {
      for (const socket of sockets) socket.terminate()
      loki?.close()
      netdata?.close()
    },
  }
}

function configured<T>(client: T | undefined, name: string, variable: string): T {
  if (client !== undefined) return client
  throw new ToolError('UPSTREAM_UNREACHABLE', `${name} is not configured: the operator has to set ${variable}`)
}

interface Terminable {
  terminate(): void
}

async function readTail(
  http: Upstream,
  ca: string | undefined,
  sockets: Set<Terminable>,
  query: Readonly<Record<string, string>>,
  onFrame: (json: string) => void,
  signal: AbortSignal,
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
  sockets.add(socket)
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
      let body = Buffer.alloc(0)
      res.on('data', (chunk: Buffer) => {
        if (body.length < maxErrorBytes) body = Buffer.concat([body, chunk])
      })
      res.on('close', () => {
        reject(lokiError({ status: res.statusCode ?? 0, headers: res.headers, body }))
        socket.terminate()
      })
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) resolve()
      else
        reject(
          new ToolError('UPSTREAM_ERROR', `the live tail failed (${error.code ?? 'connection closed'})`, {
            hint: 'the same call without follow_seconds; a proxy in front of Loki must let WebSockets through',
            cause: error,
          }),
        )
    })
    socket.on('close', () => {
      signal.removeEventListener('abort', end)
      sockets.delete(socket)
      resolve()
    })
  })
}
