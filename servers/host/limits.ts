// Deadlines, concurrency and rate: the limits of tool calls, as middlewares.
import { type Middleware, ToolError } from '../../protocol/index.ts'

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

/**
 * Lets `maxRunning` calls run at once and `maxQueued` wait, first come first served. A place is free again when the handler has really
 * ended, not when its caller was answered: handlers that hang cannot pile up behind their deadlines.
 */
export function concurrency(maxRunning: number, maxQueued: number): Middleware {
  let running = 0
  const queue: (() => void)[] = []
  const release = (): void => {
    const next = queue.shift()
    if (next === undefined) running -= 1
    else next() // the place passes on without becoming free, so that nobody can step in between
  }
  return async (call, next) => {
    if (call.method !== 'tools/call') return next()
    if (running >= maxRunning) {
      if (queue.length >= maxQueued) {
        throw new ToolError('RATE_LIMITED', `${running} calls are running and ${queue.length} are waiting`, {
          hint: 'the same call again in a few seconds',
        })
      }
      const started = performance.now()
      await turn(queue, call.context.signal)
      call.context.annotate({ queue_ms: Math.round(performance.now() - started) })
    } else {
      running += 1
    }
    try {
      return await next()
    } finally {
      void call.settled.then(release)
    }
  }
}

/** Waits in line; leaves it when the signal aborts. */
function turn(queue: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const enter = (): void => {
      signal.removeEventListener('abort', leave)
      resolve()
    }
    const leave = (): void => {
      queue.splice(queue.indexOf(enter), 1)
      reject(signal.reason)
    }
    queue.push(enter)
    signal.addEventListener('abort', leave, { once: true })
  })
}

/** At most `perMinute` calls in any minute for each principal, refilled evenly. */
export function rateLimit(perMinute: number, now: () => number = Date.now): Middleware {
  const buckets = new Map<string, { tokens: number; at: number }>() // one for each configured principal: bounded by configuration
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
