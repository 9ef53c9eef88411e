// The levels of `logging/setLevel` and of `notifications/message`: RFC 5424 severities, least to most severe.
import type { LoggingLevel } from './types.ts'

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
