// What the network policy refused to a page, for results and errors.
import type { Refusal } from '../../kit/network-policy/proxy.ts'
import { clip } from '../../kit/text.ts'

interface Blocked {
  /** With its port where that says something. */
  readonly host: string
  readonly reason: string
}

const maxShownHosts = 10

export function blockedBy(refusals: readonly Refusal[]): Blocked[] {
  return refusals.map(({ host, port, error }) => ({
    host: port === 0 || port === 80 || port === 443 ? host : `${host}:${port}`,
    reason: error.message,
  }))
}

/** One line for each host, and one for those that are too many. */
export function notLoaded(blocked: readonly Blocked[]): string[] {
  const shown = blocked.slice(0, maxShownHosts).map(({ host, reason }) => `not loaded from ${clip(host, 100)}: ${reason}`)
  if (blocked.length > maxShownHosts) shown.push(`${blocked.length - maxShownHosts} more hosts were not loaded from`)
  return shown
}
