// The severities of log messages to clients.
import { invalidParams } from './errors.ts'
import { describe } from './jsonrpc.ts'

/** RFC 5424 severities, least to most severe, as in `logging/setLevel`. */
export const loggingLevels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const
export type LoggingLevel = (typeof loggingLevels)[number]

/** @throws ProtocolError for another value; `name` is the member that holds it */
export function readLevel(name: string, value: unknown): LoggingLevel {
  const level = loggingLevels.find((each) => each === value)
  if (level === undefined) throw invalidParams(`${name} must be one of ${loggingLevels.join(', ')}, got ${describe(value)}`)
  return level
}
