// The messages that the cases of level "every message ever seen" can count on, even when no other case runs.

import { call } from './cases/basic-utilities.ts'
import type { Context } from './client/context.ts'
import type { Observations } from './client/observations.ts'
import { HttpSession, META } from './client/session-http.ts'

const made = new WeakMap<Observations, Promise<void>>()

/** Makes one of each kind of exchange, once for each set of observations. What fails here is judged elsewhere. */
export function traffic(t: Context): Promise<void> {
  let done = made.get(t.observed)
  if (done === undefined) {
    done = make(t)
    made.set(t.observed, done)
  }
  return done
}

async function make(t: Context): Promise<void> {
  try {
    await exchange(t)
  } finally {
    // What the other cases' streams looked like is noted when they close; this one's must be too.
    t.close()
  }
}

async function exchange(t: Context): Promise<void> {
  const session = await t.connect().catch(() => undefined)
  if (session === undefined) return
  const level = t.isModern ? 'debug' : undefined
  const { callable: first, structured, progressing } = t.facts
  const tools = [...new Set([first, structured, progressing])].filter((tool) => tool !== undefined)
  const steps: (() => Promise<unknown>)[] = [
    () => session.request(t.isModern ? 'server/discover' : 'ping', {}),
    () => session.request('tools/list', {}),
    () => session.request('conformance/no-such-method', {}),
    () => session.request('tools/call', { name: 'conformance_no_such_tool', arguments: {} }),
    ...tools.flatMap((tool) => [() => call(t, session, { tool, token: 'traffic' }), () => call(t, session, { tool })]),
    () => session.notify('notifications/conformance/unknown', {}),
  ]
  if (t.facts.capabilities.logging !== undefined) {
    if (level === undefined) steps.push(() => session.request('logging/setLevel', { level: 'debug' }))
    const { callable } = t.facts
    const meta = level === undefined ? {} : { [`${META}logLevel`]: level }
    if (callable !== undefined) {
      steps.push(() => session.request('tools/call', { name: callable.name, arguments: callable.args }, { meta }))
    }
  }
  if (session instanceof HttpSession && t.facts.hasGetStream && !t.isModern) steps.push(async () => void (await session.listen()))
  for (const step of steps) await step().catch(() => undefined)
}
