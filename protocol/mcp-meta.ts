// Values that MCP defines by name: `_meta` keys, how a client names itself, and levels of log messages.
import { invalidParams } from './errors.ts'
import { describe, isObject } from './jsonrpc.ts'
import { type LoggingLevel, loggingLevels } from './logging-level.ts'
import type { Implementation } from './types.ts'

/** Key prefix of MCP's own `_meta` members (2026-07-28 basic/index §General fields). */
export const metaPrefix = 'io.modelcontextprotocol/'

/** The `clientInfo` of a request, cut to lengths that suit logs and the audit trail. */
export function readImplementation(value: unknown): Implementation | undefined {
  if (!isObject(value) || typeof value.name !== 'string') return undefined
  return { name: value.name.slice(0, 100), version: typeof value.version === 'string' ? value.version.slice(0, 50) : '' }
}

/** @throws ProtocolError for another value; `name` is the member that holds it */
export function readLevel(name: string, value: unknown): LoggingLevel {
  const level = loggingLevels.find((each) => each === value)
  if (level === undefined) throw invalidParams(`${name} must be one of ${loggingLevels.join(', ')}, got ${describe(value)}`)
  return level
}
