// How long a call may take.
import type { Environment } from '../kit/definition.ts'

/** Ends before the server's own deadline does, because it can say more about why. */
const headStartMs = 1_500

export function callTime(wantedMs: number, { toolTimeoutMs }: Pick<Environment, 'toolTimeoutMs'>): number {
  return Math.max(500, Math.min(wantedMs, toolTimeoutMs - headStartMs))
}
