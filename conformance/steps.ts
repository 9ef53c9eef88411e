// Steps that several cases share: calls of the tool that may be called, what counts as refused, and the traffic that the cases over every
// message rely on.
import { type Context, initializeParams } from './client/context.ts'
import type { Observations } from './client/observations.ts'
import type { Reply, SendOptions, Session } from './client/session.ts'
import { HttpSession, META } from './client/session-http.ts'
import { SseSession } from './client/session-sse.ts'
import type { Exchange } from './client/target.ts'
import { Broken, check, checkEqual, isObject, isResponse, type Json, type JsonObject } from './expect.ts'
import { LIMITS } from './limits.ts'
import { parameterHeaders } from './tool-schema.ts'
import type { Callable } from './types.ts'

export const LIST = 'tools/list'
export const UNKNOWN_METHOD = 'conformance/no-such-method'
export const UNKNOWN_TOOL = 'conformance_no_such_tool'
export const JSON_HEADERS = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' }

/** Origins that are not the server's own, though some contain its address or a loopback name. */
export function foreignOrigins({ protocol, hostname, host }: URL): string[] {
  return [
    'http://evil.example.com',
    `${protocol}//${hostname}.evil.example.com`,
    `http://evil-${hostname}`,
    'http://localhost.evil.example.com',
    'http://evillocalhost',
    `http://evil.example.com/${host}`,
  ]
}

/** Host headers of a web page that was bound to this address by DNS. */
export const FOREIGN_HOSTS = ['evil.example.com', 'localhost.evil.example.com', '127.0.0.1.evil.example.com']

export const isLoopback = ({ hostname }: URL): boolean => /^(127\.|localhost$|\[::1\]$)/.test(hostname)
export const in4xx = ({ status }: { status: number }): boolean => status >= 400 && status < 500

interface CallOptions extends SendOptions {
  /** Default: the first that works. */
  tool?: Callable | undefined
  /** Default: those it was tried with. */
  args?: JsonObject | undefined
  token?: Json
}

/** Calls a tool that may be called; with a token it also asks for progress. */
export async function call(t: Context, session: Session, options: CallOptions = {}): Promise<Reply> {
  const { tool: callable = t.facts.callable, args = callable?.args ?? {}, token, headers, ...rest } = options
  if (callable === undefined) return t.skip('no tool may be called')
  const params = { name: callable.name, arguments: args, ...(token === undefined ? {} : { _meta: { progressToken: token } }) }
  return session.request('tools/call', params, {
    timeoutMs: t.timeoutMs + callable.ms * 2,
    ...rest,
    headers: { ...parameterHeaders(callable.tool, args), ...headers },
  })
}

/** Posts a call without waiting for its answer; gives back when the POST was answered. */
export function postCall(session: Session, { name, args, tool }: Callable, id: Json, token?: Json) {
  const meta = token === undefined ? {} : { _meta: { progressToken: token } }
  return session.post(session.build('tools/call', { name, arguments: args, ...meta }, id), {
    headers: parameterHeaders(tool, args),
  })
}

export async function callTool(t: Context, headers: SendOptions['headers'] = {}, args?: JsonObject): Promise<Reply> {
  return call(t, await t.connect(), { headers, args })
}

export async function list(t: Context, options: SendOptions = {}): Promise<Reply> {
  return (await t.connect()).request(LIST, {}, options)
}

/** The result of a request in a new session. */
export async function ask(t: Context, method: string, params?: JsonObject, options: SendOptions = {}): Promise<JsonObject> {
  return (await t.connect()).result(method, params, options)
}

/** The answer to `initialize` over Streamable HTTP, posted with these headers beside, or in place of, the usual ones. */
export function initializeWith(t: Context, headers: Record<string, string>): Promise<Exchange> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams(t.revision) })
  return t.open({ method: 'POST', headers: { ...JSON_HEADERS, ...headers }, body })
}

/** What the notification that ends the handshake is answered with. */
export async function initialized(t: Context): Promise<Reply> {
  const session = await t.begin()
  await t.initialize(session)
  return session.notify('notifications/initialized')
}

export function checkServed(reply: Reply, what = 'a result'): JsonObject {
  const result = reply.message?.result
  check(isObject(result), what, reply.message ?? `HTTP ${reply.status} without a response`)
  return result
}

/** The request is refused with this status and code. */
export function checkRefused(reply: Reply, status: number, codes: number[]): void {
  checkEqual(reply.status, status, 'the status')
  check(codes.includes(checkError(reply)), `the error code ${codes.join(' or ')}`, reply.message)
}

/** The request is answered with a JSON-RPC error; gives its code. */
export function checkError(reply: Reply, code?: number): number {
  const error = reply.message?.error
  check(isObject(error), 'an error response', reply.message ?? `HTTP ${reply.status} without a response`)
  if (code !== undefined) checkEqual(error.code, code, 'the error code')
  return Number(error.code)
}

/** The first error among the messages. */
export function errorIn(messages: readonly unknown[]): JsonObject | undefined {
  return messages
    .filter(isResponse)
    .map(({ error }) => error)
    .find(isObject)
}

/** Whether a call did what it should: a result without `isError`. */
export function succeeded({ message }: Reply): boolean {
  return isObject(message?.result) && message.result.isError !== true
}

/** A reply that came as an event stream, read to its end; or a skip. */
export async function streamed(t: Context, given?: HttpSession): Promise<{ session: HttpSession; reply: Reply }> {
  const session = given ?? (await t.connectHttp())
  const tool = t.facts.progressing ?? t.facts.callable
  const reply = await (tool === undefined
    ? session.request(LIST, {}, { untilEnd: true })
    : call(t, session, { tool, token: 'streamed', untilEnd: true }))
  if (!reply.exchange.isEventStream) return t.skip('the server answered with JSON, not with an event stream')
  return { session, reply }
}

/** Every message a session has received so far, after a moment for those that should not come. */
export async function received(t: Context, session: Session, reply?: Reply): Promise<unknown[]> {
  await t.pause(LIMITS.graceMs)
  return session instanceof SseSession ? session.inbox : (reply?.messages ?? [])
}

/** A server may cut off what it does not want to read, while it is still being written; but it must not be silent. */
export function brokenOnly(error: unknown): void {
  if (!(error instanceof Broken)) throw error
}

/** For a promise that is awaited later, or never when the case ends before: its rejection must not end the process. */
export function inBackground<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

export function paramsOf(messages: readonly unknown[], method: string): JsonObject[] {
  return messages.flatMap((message) =>
    isObject(message) && message.method === method && isObject(message.params) ? [message.params] : [],
  )
}

export const progressOf = (messages: readonly unknown[]): JsonObject[] => paramsOf(messages, 'notifications/progress')

const made = new WeakMap<Observations, Promise<void>>()

/** Makes one of each kind of exchange, once for each set of observations. What fails here is found by other cases. */
export function traffic(t: Context): Promise<void> {
  let done = made.get(t.observed)
  if (done === undefined) {
    // What the other cases' streams looked like is noted when they close; this one's must be too.
    done = exchange(t).finally(() => t.close())
    made.set(t.observed, done)
  }
  return done
}

async function exchange(t: Context): Promise<void> {
  const session = await t.connect().catch(() => undefined)
  if (session === undefined) return
  const meta = t.isModern ? { [`${META}logLevel`]: 'debug' } : {}
  const untilEnd = { untilEnd: LIMITS.lateMs, timeoutMs: LIMITS.trafficMs }
  const hasLogging = t.facts.capabilities.logging !== undefined
  const steps: (() => Promise<unknown>)[] = [
    () => session.request(t.isModern ? 'server/discover' : 'ping', {}, untilEnd),
    () => session.request(LIST, {}, untilEnd),
    () => session.request(UNKNOWN_METHOD, {}, untilEnd),
    () => session.request('tools/call', { name: UNKNOWN_TOOL, arguments: {} }, untilEnd),
    ...t.facts.callables.flatMap((tool) => [
      () => call(t, session, { tool, token: 'traffic', ...untilEnd }),
      () => call(t, session, { tool, ...untilEnd }),
    ]),
    () => session.notify('notifications/conformance/unknown', {}),
  ]
  if (hasLogging) {
    if (!t.isModern) steps.push(() => session.request('logging/setLevel', { level: 'debug' }))
    steps.push(() => call(t, session, { meta }))
  }
  const isListening = session instanceof HttpSession && t.facts.hasGetStream && !t.isModern
  if (isListening) steps.unshift(async () => void (await session.listen()).events())
  for (const step of steps) await step().catch(() => undefined)
  await t.pause(LIMITS.lateMs)
}
