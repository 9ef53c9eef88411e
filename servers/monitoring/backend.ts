// The backend of the monitoring server: clients of Loki and Netdata. The only file that imports `ws`, which is loaded for the first live tail.
import { on } from 'node:events'
import { ToolError } from '../../protocol/index.ts'
import type { Environment } from '../kit/definition.ts'
import { authorization, readBaseUrl } from '../kit/http/address.ts'
import { readStart, trust } from '../kit/http/connections.ts'
import { openUpstream, type Upstream } from '../kit/http/upstream.ts'
import { Semaphore } from '../kit/waiting.ts'
import type { MonitoringConfig } from './config.ts'
import { lokiError } from './errors.ts'
import { metadataApart, openLoki } from './lib/loki.ts'
import { openNetdata } from './lib/netdata.ts'

type TailQuery = Readonly<Record<string, string>>
export type MonitoringBackend = ReturnType<typeof openMonitoring>

const handshakeTimeoutMs = 5_000
const maxFrameBytes = 1024 * 1024
/** Loki serves ten tails at once for each tenant; others need some, too. */
const maxTails = 4
const maxErrorBytes = 4_000

/** @throws Error for the operator when the configuration contradicts itself */
export function openMonitoring(config: MonitoringConfig, environment: Environment) {
  const { LOKI_URL, LOKI_TENANT_ID: tenant, NETDATA_URL } = config
  const client = (name: string, prefix: 'LOKI' | 'NETDATA', maxSockets: number, token: string | undefined, own = {}) => {
    const url = config[`${prefix}_URL` as const]
    if (url === undefined) return undefined
    const credentials = { token, user: config[`${prefix}_USERNAME` as const], password: config[`${prefix}_PASSWORD` as const] }
    return openUpstream({
      name,
      baseUrl: readBaseUrl(`${prefix}_URL`, url, 'http://host:3100', `${prefix}_USERNAME and ${prefix}_PASSWORD`),
      headers: { 'user-agent': `octet-monitoring/${environment.version}`, ...own, ...authorization(prefix, credentials) },
      ca: environment.ca,
      maxSockets,
    })
  }
  const lokiHttp = client('Loki', 'LOKI', 2, config.LOKI_BEARER_TOKEN, tenant === undefined ? {} : { 'x-scope-orgid': tenant })
  const netdataHttp = client('Netdata', 'NETDATA', 4, config.NETDATA_API_KEY)
  const loki = lokiHttp && openLoki(lokiHttp)
  const netdata = netdataHttp && openNetdata(netdataHttp)
  const slots = new Semaphore({
    limit: maxTails,
    maxWaiting: 0,
    busy: () => `${maxTails} live tails are running`,
    hint: 'the same call without follow_seconds, or again in 30 seconds',
  })

  return {
    upstream: [LOKI_URL, NETDATA_URL].flatMap((url) => (url === undefined ? [] : [new URL(url).host])).join(','),
    /** `maxQueryBytes` 0: Loki's index is not asked. */
    limits: { maxHours: config.LOKI_MAX_HOURS, maxQueryBytes: config.LOKI_MAX_QUERY_BYTES },
    loki: () => configured(loki, 'Loki', 'LOKI_URL'),
    netdata: () => configured(netdata, 'Netdata', 'NETDATA_URL'),
    /** The messages of a live tail, until the signal aborts or Loki ends it. */
    async *tail(query: TailQuery, signal: AbortSignal): AsyncGenerator<string> {
      const release = await slots.acquire({ signal })
      try {
        yield* readTail(configured(lokiHttp, 'Loki', 'LOKI_URL'), environment.ca, query, signal)
      } finally {
        release()
      }
    },
    async probe(signal: AbortSignal) {
      const [lokiState = 'not configured', netdataState = 'not configured'] = await Promise.all([
        loki?.probe(signal).then(() => 'ok'),
        netdata?.info(signal).then(({ version }) => version),
      ])
      return { loki: lokiState, netdata: netdataState }
    },
    async close() {
      lokiHttp?.close()
      netdataHttp?.close()
    },
  }
}

/** @throws ToolError when it is not configured */
function configured<T>(client: T | undefined, name: string, variable: string): T {
  if (client !== undefined) return client
  throw new ToolError('UPSTREAM_UNREACHABLE', `${name} is not configured: the operator has to set ${variable}`)
}

async function* readTail(http: Upstream, ca: string | undefined, query: TailQuery, signal: AbortSignal): AsyncGenerator<string> {
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
  socket.on('error', () => {}) // terminate() emits one when the socket is not open yet; without a listener it would end the process
  socket.on('unexpected-response', (_req, res) => {
    const { statusCode: status = 0, headers } = res
    readStart(res, maxErrorBytes)
      .catch(() => Buffer.alloc(0))
      .then((body) => socket.emit('error', lokiError({ status, headers, body })))
  })
  try {
    for await (const [data] of on(socket, 'message', { close: ['close'], signal })) yield String(data)
  } catch (error) {
    if (signal.aborted) return
    if (error instanceof ToolError) throw error
    const hint = 'the same call without follow_seconds; a proxy in front of Loki must let WebSockets through'
    const why = (error as NodeJS.ErrnoException).code ?? 'connection closed'
    throw new ToolError('UPSTREAM_ERROR', `the live tail failed (${why})`, { hint, cause: error })
  } finally {
    socket.terminate()
  }
}
