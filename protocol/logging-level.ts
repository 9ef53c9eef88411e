// The severities of log messages to clients.

/** RFC 5424 severities, least to most severe, as in `logging/setLevel`. */
export const loggingLevels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const
export type LoggingLevel = (typeof loggingLevels)[number]
