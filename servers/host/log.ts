// The operator's log: one redacted line per event on stderr.
import type { Log } from '../kit/definition.ts'
import type { Redact } from '../kit/redact.ts'

const levels = ['debug', 'info', 'warn', 'error'] as const

export interface LogOptions {
  level: (typeof levels)[number]
  format: 'json' | 'text'
  redact: Redact
  write?: (line: string) => void
}

/** Bytes of lines that stderr has not taken, because nobody reads them; more are dropped. */
const maxWaitingBytes = 1_048_576

export function createLog(options: LogOptions): Log {
  const { format, redact, write = writeLine } = options
  const least = levels.indexOf(options.level)
  const at =
    (level: (typeof levels)[number]) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      if (levels.indexOf(level) < least) return
      const ts = new Date().toISOString()
      const clean = redact(fields) as Record<string, unknown>
      const text = redact(message) as string
      if (format === 'json') return void write(`${JSON.stringify({ ts, level, message: text, ...clean })}\n`)
      const rest = Object.entries(clean).map(
        ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      )
      // A value with a line break must not look like another event.
      write(`${ts} ${level.toUpperCase().padEnd(5)} ${`${text}${rest.join('')}`.replaceAll('\n', '\\n')}\n`)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function writeLine(line: string): void {
  const { stderr } = process
  if (stderr.writableLength < maxWaitingBytes) stderr.write(line)
}
