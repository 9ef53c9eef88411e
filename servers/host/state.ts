// The state of the whole process, as /ready, the page at / and the commands show it.
import type { State } from './health.ts'
import { lastHour } from './metrics.ts'
import type { Process } from './service.ts'

export type ProcessState = Awaited<ReturnType<typeof readState>>
export type ServerState = ProcessState['servers'][string]

/** Ready means that every configured server answers, and that there is one. Probes backends whose last probe is old. Never rejects. */
export async function readState({ services, audit: { file }, metrics, stopping }: Process) {
  const states = await Promise.all(services.map(({ health }) => health.check()))
  const audit = file.state
  const servers = services.map(({ name, title, tools, sse }, i) => {
    const usage = metrics.usageOf(name)
    const { calls, errors, lastError: last_error } = usage
    const use = { calls, errors, last_hour: lastHour(usage), last_error }
    return [name, { ...(states[i] as State), title, tools: tools.length, sessions: sse.openSessions, ...use }] as const
  })
  const configured = servers.filter(([, { state }]) => state !== 'not_configured')
  const failing = configured.filter(([, { state }]) => state !== 'ok')
  const isReady = configured.length > 0 && failing.length === 0 && audit.written
  const status: 'ready' | 'not ready' | 'stopping' = stopping() ? 'stopping' : isReady ? 'ready' : 'not ready'
  return {
    status,
    /** One sentence. */
    summary: `${summarise(configured.length, failing)}${audit.written ? '' : '; the audit trail cannot be written'}`,
    servers: Object.fromEntries(servers),
    audit,
  }
}

function summarise(configured: number, failing: readonly (readonly [string, State])[]): string {
  if (configured === 0) return 'no server is configured'
  if (failing.length === 0) return `${configured} of ${configured} configured servers answer`
  const reasons = failing.map(sayState).join('; ')
  return failing.length === 1 ? reasons : `${failing.length} of ${configured} configured servers do not answer: ${reasons}`
}

function sayState([name, { state, since, message }]: readonly [string, State]): string {
  if (state === 'unknown') return `${name} has not been asked yet`
  const problem = state === 'misconfigured' ? 'is misconfigured' : `has not answered since ${clock(since)}`
  return `${name} ${problem}${message === undefined ? '' : `: ${message}`}`
}

/** `14:02:11 UTC`, with the date when it is not today's. */
function clock(since: string): string {
  const [date = '', time = ''] = since.split('T')
  return `${date === new Date().toISOString().slice(0, 10) ? '' : `${date} `}${time.slice(0, 8)} UTC`
}
