// Limits for clients that ask and do not read: answers that wait in memory for all of them together, and requests that one connection may queue.
import type { RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Bytes that may wait for all clients of a process. */
export const maxWaitingBytes = 8 * 1_048_576
/** Answers that did not go out at once, and how to disconnect their clients. */
const waiting = new Map<ServerResponse, () => void>()

/**
 * To be called when the kernel did not take a whole answer. Disconnects the client for which most waits when more than `maxBytes` wait for all:
 * the limit of each stream times the sessions would be far more than the process may have.
 */
export function awaitClient(res: ServerResponse, drop: () => void, maxBytes = maxWaitingBytes): void {
  if (!waiting.has(res)) {
    waiting.set(res, drop)
    res.once('close', () => waiting.delete(res))
  }
  let total = 0
  let slowest = res
  for (const each of waiting.keys()) {
    // An answer that waits for those before it is not closed with its connection.
    if (each.req.socket.destroyed) {
      waiting.delete(each)
      continue
    }
    total += each.writableLength
    if (each.writableLength > slowest.writableLength) slowest = each
  }
  if (total > maxBytes) waiting.get(slowest)?.()
}

/** HTTP/1.1 lets a client send requests without reading the answers (RFC 9112 §9.3.2). No client of MCP does; a proxy may send a few. */
const maxPipelined = 8
const queues = new WeakMap<Socket, Set<ServerResponse>>()

/** Ends connections that queue more than a few requests: Node runs all of them at once and keeps their answers, to send them in order. */
export function limitPipelining(listener: RequestListener): RequestListener {
  return (req, res) => {
    // Node gives an answer its socket when those before it have been sent.
    if (res.socket === null) deferred.get(req.socket)?.()
    if (res.socket === null && !mayQueue(req.socket, res)) return
    listener(req, res)
  }
}

/** The answer that each connection has yet to send at the end of this turn. */
const deferred = new WeakMap<Socket, () => void>()

/** Sends an answer when the input that has arrived was handled, or before the next request of its connection is. */
export function atEndOfTurn({ req: { socket } }: ServerResponse, send: () => void): void {
  deferred.get(socket)?.()
  const now = (): void => {
    deferred.delete(socket)
    clearImmediate(immediate) // it would keep the answer in memory
    send()
  }
  const immediate = setImmediate(now)
  deferred.set(socket, now)
}

function mayQueue(socket: Socket, res: ServerResponse): boolean {
  const queue = queues.get(socket) ?? newQueue(socket)
  if (queue.size >= maxPipelined) socket.destroy()
  if (socket.destroyed) return false
  queue.add(res)
  res.once('close', () => queue.delete(res))
  return true
}

function newQueue(socket: Socket): Set<ServerResponse> {
  const queue = new Set<ServerResponse>()
  queues.set(socket, queue)
  socket.once('close', () => {
    // Node closes only the answer that has the socket; the others would never know that their client left.
    for (const each of queue) if (each.socket === null) each.destroy().emit('close')
  })
  return queue
}
