// The reference server's way from a body to its responses: reading, checking the headers of 2026-07-28, dispatching, replying.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { dispatch, KEY, type Message, MODERN, RpcError, type Scope, TOOLS } from './reference-rpc.ts'
import { type About, type Handler, remember, type Session } from './reference-types.ts'

interface Read {
  messages: Message[]
  isBatch: boolean
}

interface Flow extends Omit<About, 'request'> {
  session: Session
  emit(message: unknown): void
}

type Route = Omit<About, 'request'>

const isObject = (value: unknown): value is Message => typeof value === 'object' && value !== null && !Array.isArray(value)
const isId = (value: unknown): boolean => typeof value === 'string' || Number.isInteger(value)

export function refusal(id: unknown, code: number, message: string, data?: unknown): Message {
  return { jsonrpc: '2.0', ...(isId(id) ? { id } : {}), error: { code, message, ...(data === undefined ? {} : { data }) } }
}

/** The messages of a body, or what is wrong with it. */
export function readMessages(handler: Handler, route: Route): Read | { problem: Message; isUnreadable: boolean } {
  let value: unknown
  try {
    value = JSON.parse(handler.incoming.body.toString('utf8'))
  } catch {
    return { problem: refusal(undefined, -32700, 'Parse error'), isUnreadable: true }
  }
  const problem = { problem: refusal(undefined, -32600, 'Invalid Request'), isUnreadable: false }
  const isBatch = Array.isArray(value)
  if (isBatch && (route.revision !== '2025-03-26' || (value as unknown[]).length === 0)) return problem
  const messages: Message[] = []
  for (const item of isBatch ? (value as unknown[]) : [value]) {
    const message = handler.deviation.incoming === undefined ? item : handler.deviation.incoming(item as Message, route)
    if (message === undefined) continue
    if (isMessage(message)) messages.push(message)
    else if (isBatch) messages.push({ invalid: true })
    else return { ...problem, problem: refusal(isObject(message) ? message.id : undefined, -32600, 'Invalid Request') }
  }
  if (isBatch && messages.some((message) => message.method === 'initialize')) return problem
  return { messages, isBatch }
}

function isMessage(value: unknown): value is Message {
  if (!isObject(value) || value.jsonrpc !== '2.0') return false
  if ('id' in value && !isId(value.id)) return false
  if (value.params !== undefined && !isObject(value.params) && !Array.isArray(value.params)) return false
  return typeof value.method === 'string' || ('id' in value && ('result' in value || 'error' in value))
}

/** HTTP+SSE, and batches: every response goes out through `emit`. */
export async function deliver(handler: Handler, read: Read, flow: Flow): Promise<void> {
  const responses = (await Promise.all(read.messages.map((message) => respond(handler, message, flow)))).flat()
  if (responses.length > 0) flow.emit(read.isBatch ? responses : responses[0])
  if (!read.isBatch) for (const extra of responses.slice(1)) flow.emit(extra)
}

/** Streamable HTTP: JSON, or an event stream for calls. */
export async function send(handler: Handler, read: Read, route: Route & { session: Session }): Promise<void> {
  const [first] = read.messages
  if (!read.isBatch && first !== undefined && first.invalid !== true && isRequest(first)) return sendOne(handler, first, route)
  if (!read.messages.some((message) => message.invalid || isRequest(message))) {
    if (route.isModern && first !== undefined && first.method === undefined) return handler.answer(400, undefined)
    for (const message of read.messages) await respond(handler, message, { ...route, emit: () => {} })
    const extra = unasked(handler, first, route)
    return extra === undefined ? handler.answer(202, undefined) : handler.answer(200, extra)
  }
  const responses: unknown[] = []
  await deliver(handler, read, {
    ...route,
    emit: (message) => void (Array.isArray(message) ? responses.push(...message) : undefined),
  })
  handler.answer(200, responses)
}

/** What a deviation answers although nothing was asked. */
function unasked(handler: Handler, message: Message | undefined, route: Route): unknown {
  if (message === undefined) return undefined
  const sent = handler.deviation.outgoing?.({ none: true }, { ...route, request: message })
  return isObject(sent) && sent.none !== true ? sent : undefined
}

async function sendOne(handler: Handler, request: Message, route: Route & { session: Session }): Promise<void> {
  const headers: Record<string, string> = {}
  if (route.isModern) {
    const problem = modernProblem(handler.incoming.headers, request)
    if (problem !== undefined) return handler.answer(400, outgoing(handler, problem, route, request)[0])
    if (request.method === 'subscriptions/listen') return subscribe(handler, request, route)
  }
  if (request.method === 'initialize' && !route.isModern) {
    const { session } = route
    handler.state.http.set(session.id, session)
    headers['Mcp-Session-Id'] = session.id
  }
  const streams = request.method === 'tools/call'
  const stream = randomUUID()
  const write = (message: unknown): void => {
    const data = JSON.stringify(message)

    const event = route.isModern ? `event: message\ndata: ${data}\n\n` : remember(route, stream, data, handler.deviation)
    handler.writeEvent(handler.res, event, 'message')
    if (handler.deviation.respondsOnGet) for (const other of route.session.streams) handler.writeEvent(other, event, 'message')
  }
  if (streams) {
    handler.openStream(headers)
    const isPrimed = route.session.revision >= '2025-11-25' && !route.isModern
    if (isPrimed) handler.writeEvent(handler.res, remember(route, stream, '', handler.deviation), 'message')
  }
  // In 2026-07-28 a closed stream is a cancellation; before, it is not one.
  const abort = new AbortController()
  if (route.isModern || handler.deviation.cancelsOnDisconnect) handler.res.on('close', () => abort.abort())
  const messages = await respond(handler, request, { ...route, emit: streams ? write : () => {} }, abort)
  if (streams) {
    for (const message of messages) write(message)
    handler.res.end()
    return
  }
  const [message] = messages
  if (handler.deviation.respondsOnGet && message !== undefined) {
    for (const other of route.session.streams) handler.writeEvent(other, `data: ${JSON.stringify(message)}\n\n`, 'message')
  }
  const code = isObject(message?.error) ? message.error.code : 0
  const status = route.isModern && code === -32601 ? 404 : route.isModern && code === -32602 ? 400 : 200
  if (messages.length > 1) return handler.answer(200, messages, headers)
  handler.answer(message === undefined ? 202 : status, message, headers)
}

function subscribe(handler: Handler, request: Message, route: Route): void {
  handler.openStream()
  const params = { notifications: request.params.notifications, _meta: { [`${KEY}subscriptionId`]: request.id } }
  const acknowledged = { jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params }
  for (const message of outgoing(handler, acknowledged, route, request)) {
    handler.writeEvent(handler.res, `event: message\ndata: ${JSON.stringify(message)}\n\n`, 'message')
  }
}

/** The response to a message, as the deviations leave it; nothing for a notification. */
async function respond(handler: Handler, message: Message, flow: Flow, abort = new AbortController()): Promise<Message[]> {
  if (message.invalid === true) return outgoing(handler, refusal(undefined, -32600, 'Invalid Request'), flow, undefined)
  if (!isRequest(message)) {
    if (message.method === 'notifications/cancelled') cancel(handler, flow.session, message.params?.requestId)
    const extra = unasked(handler, message, flow)
    return isObject(extra) ? [extra] : []
  }
  flow.session.running.set(message.id, abort)
  const scope: Scope = {
    revision: flow.revision,
    signal: abort.signal,
    wantsLogs: flow.session.wantsLogs,
    setWantsLogs: (value) => {
      flow.session.wantsLogs = value
    },
    emit: (note) => {
      for (const sent of outgoing(handler, { jsonrpc: '2.0', ...note }, flow, message)) {
        flow.emit(sent)
        const event = `data: ${JSON.stringify(sent)}\n\n`
        const others = sessionsOf(handler).filter((session) => handler.deviation.notifiesOthers && session !== flow.session)
        for (const { streams } of others) for (const stream of streams) handler.writeEvent(stream, event, 'message')
      }
    },
  }
  try {
    const delay = handler.deviation.delays?.(message)
    if (delay !== undefined) await sleep(delay)
    const result = await dispatch(message, scope)
    if (message.method === 'initialize') flow.session.revision = result.protocolVersion
    return outgoing(handler, { jsonrpc: '2.0', id: message.id, result }, flow, message)
  } catch (error) {
    if (abort.signal.aborted) return [] // cancelled: no response
    const { code, message: text, data } = error instanceof RpcError ? error : new RpcError(-32603, String(error))
    return outgoing(handler, refusal(message.id, code, text, data), flow, message)
  } finally {
    flow.session.running.delete(message.id)
  }
}

const sessionsOf = ({ state }: Handler): Session[] => [...state.http.values(), ...state.sse.values()]

function cancel(handler: Handler, session: Session, requestId: unknown): void {
  const { cancels } = handler.deviation
  for (const other of cancels === undefined || cancels === 'text' ? [session] : sessionsOf(handler)) {
    for (const [id, running] of other.running) {
      if (cancels === 'everything' || id === requestId || (cancels === 'text' && String(id) === String(requestId)))
        running.abort()
    }
  }
}

function outgoing(handler: Handler, message: Message, route: Route, request: Message | undefined): Message[] {
  const hook = handler.deviation.outgoing
  if (hook === undefined) return [message]
  const sent = hook(message, { transport: route.transport, isModern: route.isModern, revision: route.revision, request })
  return (Array.isArray(sent) ? sent : sent === undefined ? [] : [sent]) as Message[]
}

function isRequest(message: Message): boolean {
  return 'id' in message && typeof message.method === 'string'
}

/** 2026-07-28: the required members of `_meta`, then the headers that mirror the body. */
function modernProblem(headers: Record<string, string | undefined>, request: Message): Message | undefined {
  const meta = isObject(request.params?._meta) ? request.params._meta : {}
  const [version, capabilities] = [meta[`${KEY}protocolVersion`], meta[`${KEY}clientCapabilities`]]
  if (typeof version !== 'string' || !isObject(capabilities))
    return refusal(request.id, -32602, 'a required member of _meta is missing')
  const mismatch = (what: string): Message => refusal(request.id, -32020, `Header mismatch: ${what}`)
  if (headers['mcp-protocol-version'] !== version) return mismatch('MCP-Protocol-Version')
  if (version !== MODERN)
    return refusal(request.id, -32022, 'Unsupported protocol version', { supported: [MODERN], requested: version })
  if (headers['mcp-method'] !== request.method) return mismatch('Mcp-Method')
  if (request.method !== 'tools/call') return undefined
  if (decode(headers['mcp-name']) !== request.params.name) return mismatch('Mcp-Name')
  const tool = TOOLS.find((candidate) => candidate.name === request.params.name)
  for (const [name, property] of Object.entries<Message>(tool?.inputSchema.properties ?? {})) {
    const mirrored = property['x-mcp-header']
    const value = request.params.arguments?.[name]
    if (mirrored === undefined || value === undefined || value === null) continue
    const given = decode(headers[`mcp-param-${String(mirrored).toLowerCase()}`])
    const isSame = typeof value === 'number' ? Number(given) === value : given === String(value)
    if (given === undefined || !isSame) return mismatch(`Mcp-Param-${mirrored}`)
  }
  return undefined
}

function decode(value: string | undefined): string | undefined {
  const [, encoded] = /^=\?base64\?(.*)\?=$/.exec(value ?? '') ?? []
  return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString('utf8')
}
