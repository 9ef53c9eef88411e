// Deadlines, concurrency and rate: the limits of tool calls, as middlewares.
import { type Middleware, monotonicMs, ToolError } from '../../protocol/index.ts'
import { Semaphore } from '../kit/waiting.ts'

/** Fails a call with TIMEOUT after `timeoutMs`, and aborts its signal. */
export function deadline(timeoutMs: number): Middleware {
  return async (call, next) => {
    if (call.method !== 'tools/call') return next()
    const timer = setTimeout(() => {
      call.abort(
        new ToolError('TIMEOUT', `the call took longer than ${timeoutMs} ms and was stopped`, {
          hint: 'ask for less at once, or narrow the request',
        }),
      )
    }, timeoutMs)
    try {
      return await next()
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Most characters of JSON in the arguments of all waiting calls of a process, because each may hold a whole request body. */
export const maxQueuedChars = 16 * 1_048_576
let queuedChars = 0

/**
 * Runs at most `maxRunning` calls at once; `maxQueued` more wait in a FIFO queue, unless their arguments together are too long. A slot is
 * released when the handler has ended, not when its caller was answered, so that handlers that hang cannot pile up behind their deadlines.
 */
export function concurrency(maxRunning: number, maxQueued: number): Middleware {
  const slots = new Semaphore({
    limit: maxRunning,
    maxWaiting: maxQueued,
    busy: ({ running, waiting }) => `${running} calls are running and ${waiting} are waiting`,
  })
  return async (call, next) => {
    if (call.method !== 'tools/call') return next()
    // A promise for each call, where there is nothing to wait for, would cost more than the rest of this function.
    let release = slots.acquireNow()
    if (release === undefined) {
      const started = monotonicMs()
      const chars = slots.waiting < maxQueued ? lengthOf(call.params) : 0 // `acquire` refuses a call too many
      if (queuedChars + chars > maxQueuedChars) throw slots.refusal()
      queuedChars += chars
      try {
        release = await slots.acquire({ signal: call.context.signal })
      } finally {
        queuedChars -= chars
      }
      call.context.annotate({ queue_ms: Math.round(monotonicMs() - started) })
    }
    try {
      return await next()
    } finally {
      void call.settled.then(release)
    }
  }
}

/** Of arguments that are nested too deeply to be written as JSON: they are refused once they run. */
const deepChars = 1_048_576

function lengthOf(params: unknown): number {
  try {
    return JSON.stringify(params).length
  } catch {
    return deepChars
  }
}

/** Token bucket of `perMinute` calls for each principal. `now` never goes back, as the system clock may. */
export function rateLimit(perMinute: number, now: () => number = () => monotonicMs()): Middleware {
  const buckets = new Map<string, { tokens: number; at: number }>() // at most one for each configured principal
  return async (call, next) => {
    if (call.method !== 'tools/call') return next()
    const { principal } = call.context.caller
    const at = now()
    const bucket = buckets.get(principal) ?? { tokens: perMinute, at }
    bucket.tokens = Math.min(perMinute, bucket.tokens + ((at - bucket.at) * perMinute) / 60_000)
    bucket.at = at
    buckets.set(principal, bucket)
    if (bucket.tokens < 1) {
      const seconds = Math.ceil(((1 - bucket.tokens) * 60) / perMinute)
      throw new ToolError('RATE_LIMITED', `more than ${perMinute} calls in a minute`, {
        hint: `the same call again in ${seconds} s`,
      })
    }
    bucket.tokens -= 1
    return next()
  }
}
