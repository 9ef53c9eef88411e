// The types of the reference server, and how it remembers events for resumption.
import type { ServerResponse } from 'node:http'
import type { Message } from './reference-rpc.ts'

export interface Incoming {
  method: string
  path: string
  query: URLSearchParams
  headers: Record<string, string | undefined>
  /** The names of the headers as they were written. */
  names: string[]
  body: Buffer
}

/** What a message is about: enough for a deviation to choose. */
export interface About {
  transport: 'sse' | 'http'
  isModern: boolean
  revision: string
  /** The request it answers, or came with. */
  request: Message | undefined
}

/** One way not to conform. Each hook sees what the conforming server would do, and changes it. */
export interface Deviation {
  /** Takes a whole request over; true when it has answered. */
  takes?(incoming: Incoming, res: ServerResponse): boolean
  /** Changes a request before anybody reads it. */
  request?(incoming: Incoming): void
  /** Changes a message that came; `undefined` loses it. */
  incoming?(message: Message, about: Omit<About, 'request'>): unknown
  /** Changes a message that goes out; a list sends several, an empty one nothing. */
  outgoing?(message: Message, about: About): unknown
  /** Changes the head of a response. */
  head?(head: { status: number; headers: Record<string, string> }, incoming: Incoming): void
  /** Changes the body of a response that is not a stream. */
  body?(body: string, incoming: Incoming): string | Buffer
  /** Changes the bytes of an event. */
  event?(text: string, kind: 'endpoint' | 'message'): string | Buffer
  /** Sees an HTTP+SSE stream that was just opened. */
  opened?(write: (text: string) => void, end: () => void): void
  /** Serves only 2026-07-28. */
  modernOnly?: boolean
  /** Hands every session's messages to all of them. */
  broadcasts?: boolean
  /** Sends progress and log messages to the streams of all other sessions as well. */
  notifiesOthers?: boolean
  /** What a cancellation ends besides the request it names. */
  cancels?: 'everything' | 'id everywhere' | 'text'
  /** Keeps the GET streams of a session that was ended. */
  keepsStreams?: boolean
  /** Gives all event streams of a session the same event ids. */
  repeatsEventIds?: boolean
  /** Replays every stream to whoever resumes one. */
  replaysEverything?: boolean
  /** Sends the responses of POSTs to the GET stream as well. */
  respondsOnGet?: boolean
  /** Milliseconds after which a call over HTTP+SSE is accepted. */
  answersLate?: number
  /** Every POST waits for the one before. */
  serial?: boolean
  /** Takes a closed connection for a cancellation, in every revision. */
  cancelsOnDisconnect?: boolean
  /** Decodes each chunk of a body by itself. */
  decodesChunks?: boolean
  /** Milliseconds that the response to a request is held back. */
  delays?(request: Message): number
}

export interface Session {
  id: string
  revision: string
  wantsLogs: boolean
  streams: Set<ServerResponse>
  /** Events of each stream, for resumption. */
  history: Map<string, string[]>
  running: Map<unknown, AbortController>
}

export interface State {
  sse: Map<string, Session>
  http: Map<string, Session>
  /** The end of the last POST, for the deviation `serial`. */
  tail: Promise<void>
}

/** One HTTP exchange, as far as the way from a body to its responses needs it. */
export interface Handler {
  readonly deviation: Deviation
  readonly state: State
  readonly res: ServerResponse
  readonly incoming: Incoming
  answer(status: number, message: unknown, headers?: Record<string, string>): void
  openStream(headers?: Record<string, string>): void
  writeEvent(res: ServerResponse, text: string, kind: 'endpoint' | 'message'): void
}

const MAX_HISTORY = 100

/** Notes an event of a stream for resumption, and gives it an id. */
export function remember(flow: { session: Session }, stream: string, data: string, deviation: Deviation): string {
  const events = flow.session.history.get(stream) ?? []
  flow.session.history.set(stream, events)
  const id = deviation.repeatsEventIds ? String(events.length) : `${stream}/${events.length}`
  const event = `id: ${id}\n${data === '' ? 'data:' : `event: message\ndata: ${data}`}\n\n`
  if (events.length < MAX_HISTORY) events.push(event)
  return event
}
