// The one form of every tool's result: a summary line, the data, notes, and the arguments of the next page (docs/results.md).
import { randomBytes } from 'node:crypto'
import type { ContentBlock, Context, ToolResult } from '../../protocol/index.ts'

export interface Report<S extends object = Record<string, unknown>> {
  /** One line that answers the question by itself. */
  summary: string
  /** Text of our own making, such as a table of names and sizes from a catalogue. */
  body?: string
  /** Data from elsewhere (file content, rows, log lines, pages): cleaned, and wrapped in a boundary that its author cannot guess. */
  untrusted?: string
  notes?: readonly string[]
  /** The whole arguments object of the following page, ready to send. */
  next?: Readonly<Record<string, unknown>> | undefined
  /** More exists than is shown. Exact, never a guess from a full page. */
  truncated?: boolean
  /** Rows, lines, entries or objects shown, for the audit trail. */
  rows?: number
  /** Blocks that follow the text, such as an image. */
  blocks?: readonly ContentBlock[]
  /** The same data as JSON, for clients that are given structured content. */
  structured?: S
}

/** What every structured result has beside its data. */
export interface ReportMeta {
  truncated: boolean
  next?: Readonly<Record<string, unknown>>
  warnings: string[]
}

/** Builds the result, with the notes on repaired arguments that the protocol library left in the context. */
export function report<S extends object = Record<string, never>>(
  context: Context,
  result: Report<S>,
): ToolResult<S & { meta: ReportMeta }> {
  const { summary, body, untrusted, next, truncated = next !== undefined, rows, blocks = [] } = result
  const notes = [...(result.notes ?? []), ...context.warnings.map((warning) => `argument ${warning}`)]
  const lines = [summary]
  if (body !== undefined && body !== '') lines.push(body)
  if (untrusted !== undefined) lines.push(wrapUntrusted(untrusted))
  for (const note of notes) lines.push(`NOTE: ${note}`)
  if (next !== undefined) lines.push(`NEXT: ${JSON.stringify(next)}`)
  context.annotate({ truncated, ...(rows === undefined ? {} : { rows }) })
  return {
    content: [{ type: 'text', text: lines.join('\n') }, ...blocks],
    structuredContent: {
      ...(result.structured as S),
      meta: { truncated, ...(next === undefined ? {} : { next }), warnings: notes },
    },
  }
}

/** Data from elsewhere between two tags with a random id. Tool descriptions say that what is inside is data, not instructions. */
export function wrapUntrusted(text: string): string {
  const id = randomBytes(6).toString('base64url')
  return `<untrusted-data id="${id}">\n${cleanText(text)}\n</untrusted-data id="${id}">`
}

const escapeSequences =
  /\x1b(?:\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)|\[[0-?]*[ -/]*[@-~]|[PX^_][^\x1b]{0,2000}\x1b\\|[ -/]*[0-~])/g
// C0 but tab and newline, DEL, C1, zero-width space, bidi controls, byte order mark, tag characters. ZWJ and ZWNJ are real text in many scripts.
const hiddenCharacters =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]|[\u{e0000}-\u{e007f}]/gu

/** Removes what a person would not see but a model or a terminal would read: escape sequences, controls, invisible and bidi characters. */
export function cleanText(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(escapeSequences, '').replace(hiddenCharacters, '')
}

/** Cuts one cell or line, saying how much is missing. Never cuts a surrogate pair in two. */
export function clip(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  const code = text.charCodeAt(maxChars - 1)
  const end = code >= 0xd800 && code <= 0xdbff ? maxChars - 1 : maxChars
  return `${text.slice(0, end)}…[+${text.length - end} chars]`
}

/** 1536 → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}
