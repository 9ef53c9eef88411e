// Values that MCP defines by name: `_meta` keys, log levels, and how a client names itself.
import { isObject } from './jsonrpc.ts'
import type { Implementation, LoggingLevel } from './types.ts'

/** Key prefix of MCP's own `_meta` members (2026-07-28 basic/index §General fields). */
export const metaPrefix = 'io.modelcontextprotocol/'

/** RFC 5424 severities, least to most severe, as in `logging/setLevel`. */
export const loggingLevels: readonly LoggingLevel[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
]

export function isLoggingLevel(value: unknown): value is LoggingLevel {
  return loggingLevels.includes(value as LoggingLevel)
}

export function isAtLeast(level: LoggingLevel, least: LoggingLevel): boolean {
  return loggingLevels.indexOf(level) >= loggingLevels.indexOf(least)
}

/** The `clientInfo` of a request, cut to lengths that suit logs and the audit trail. */
export function readImplementation(value: unknown): Implementation | undefined {
  if (!isObject(value) || typeof value.name !== 'string') return undefined
  return { name: value.name.slice(0, 100), version: typeof value.version === 'string' ? value.version.slice(0, 50) : '' }
}
