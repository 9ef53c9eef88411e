// What a mutant is: the reference server with one deviation, and the cases that must notice.

import type { Revision, TransportName } from '../revisions.ts'
import type { NamedCall } from '../types.ts'
import type { Message } from './reference-rpc.ts'
import type { About, Deviation, Incoming } from './reference-types.ts'

export interface Mutant {
  name: string
  /** Ids of the cases that must fail. Others may fail as well. */
  kills: string[]
  /** Default: `http`. */
  transport?: TransportName
  /** Default: 2025-11-25. */
  revision?: Revision
  /** The tool to call, where `echo` will not do. */
  call?: NamedCall
  /** Default: 500 ms. */
  timeoutMs?: number
  /** A new one for each run, since some remember. */
  deviation: () => Deviation
}

export type MutantOptions = Pick<Mutant, 'transport' | 'revision' | 'call' | 'timeoutMs'>

export const SSE = { transport: 'sse', revision: '2024-11-05' } as const
export const NEW = { transport: 'http', revision: '2026-07-28' } as const

/** Changes every message that goes out. */
export function sending(
  name: string,
  kills: string[],
  outgoing: (message: Message, about: About) => unknown,
  options: MutantOptions = {},
): Mutant {
  return {
    name,
    kills,
    ...options,
    deviation: () => ({ outgoing: (message, about) => (message.none ? message : outgoing(message, about)) }),
  }
}

/** Changes the results of a method. */
export function result(
  name: string,
  kills: string[],
  method: string,
  change: (result: Message, request: Message) => unknown,
  options: MutantOptions = {},
): Mutant {
  return sending(
    name,
    kills,
    (message, { request }) => {
      if (request?.method !== method || message.result === undefined) return message
      const changed = structuredClone(message)
      const replaced = change(changed.result, request)
      if (replaced !== undefined) changed.result = replaced
      return changed
    },
    options,
  )
}

/** Sends something else before the response of a call. */
export function beforeCall(
  name: string,
  kills: string[],
  extra: (request: Message) => Message,
  options: MutantOptions = {},
): Mutant {
  return sending(
    name,
    kills,
    (message, { request }) =>
      request?.method === 'tools/call' && 'result' in message ? [{ jsonrpc: '2.0', ...extra(request) }, message] : message,
    options,
  )
}

/** Changes every message that comes in; what is returned as text is not a valid message. */
export function taking(
  name: string,
  kills: string[],
  incoming: (message: Message) => unknown,
  options: MutantOptions = {},
): Mutant {
  return { name, kills, ...options, deviation: () => ({ incoming }) }
}

/** Refuses messages that it should take. */
export function refusing(
  name: string,
  kills: string[],
  isRefused: (message: Message) => boolean,
  options: MutantOptions = {},
): Mutant {
  return taking(name, kills, (message) => (isRefused(message) ? 'refused' : message), options)
}

/** Changes requests before they are read. */
export function reading(
  name: string,
  kills: string[],
  request: (incoming: Incoming) => void,
  options: MutantOptions = {},
): Mutant {
  return { name, kills, ...options, deviation: () => ({ request }) }
}

/** Changes the head of responses. */
export function heading(
  name: string,
  kills: string[],
  head: NonNullable<Deviation['head']>,
  options: MutantOptions = {},
): Mutant {
  return { name, kills, ...options, deviation: () => ({ head }) }
}

/** Changes the bytes of events. */
export function framing(
  name: string,
  kills: string[],
  event: NonNullable<Deviation['event']>,
  options: MutantOptions = SSE,
): Mutant {
  return { name, kills, ...options, deviation: () => ({ event }) }
}

/** Answers what asks for no answer. */
export function answering(
  name: string,
  kills: string[],
  isAnswered: (message: Message) => boolean,
  options: MutantOptions = {},
): Mutant {
  const outgoing = (message: Message, { request }: About): unknown =>
    message.none && request !== undefined && isAnswered(request) ? { jsonrpc: '2.0', id: 'unasked', result: {} } : message
  return { name, kills, ...options, deviation: () => ({ outgoing }) }
}

export function bodyOf(incoming: Incoming): Message {
  try {
    return JSON.parse(incoming.body.toString('utf8')) as Message
  } catch {
    return {}
  }
}
