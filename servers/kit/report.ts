// The one form of every tool's result: a summary line, the data, notes, and the arguments of the next page (docs/results.md).
import { randomBytes } from 'node:crypto'
import type { ContentBlock, Context, JsonSchema, ToolResult } from '../../protocol/index.ts'
import { cleanText, visibleJson } from './text.ts'

export interface Report {
  /** One line that answers the question by itself. */
  summary: string
  /** Text of our own making, such as a table of names and sizes from a catalogue. */
  body?: string
  /** Data from elsewhere (file content, rows, log lines, pages): cleaned, and wrapped in a boundary that its author cannot guess. */
  untrusted?: string
  /** `false` and `undefined` are left out. */
  notes?: readonly (string | false | undefined)[]
  /** The whole arguments object of the following page, ready to send. */
  next?: Readonly<Record<string, unknown>> | undefined
  /** More exists than is shown. Exact, never a guess from a full page. */
  truncated?: boolean
  /** Rows, lines, entries or objects shown, for the audit trail. */
  rows?: number
  /** Blocks that follow the text, such as an image. */
  blocks?: readonly ContentBlock[]
  /** The same data as JSON, for clients that are given structured content. */
  structured?: object
}

/** Builds the result, with the notes on repaired arguments that the protocol library left in the context. */
export function report(context: Context, result: Report): ToolResult<Record<string, unknown>> {
  const { summary, body, untrusted, next, truncated = next !== undefined, rows, blocks = [] } = result
  const own = (result.notes ?? []).filter((note) => note !== false && note !== undefined)
  const notes = [...own, ...context.warnings.map((warning) => `argument ${warning}`)]
  const lines = [summary]
  if (body !== undefined && body !== '') lines.push(body)
  if (untrusted !== undefined) lines.push(wrapUntrusted(untrusted))
  for (const note of notes) lines.push(`NOTE: ${note}`)
  if (next !== undefined) lines.push(`NEXT: ${visibleJson(next)}`)
  context.annotate({ truncated, ...(rows === undefined ? {} : { rows }) })
  return {
    content: [{ type: 'text', text: lines.join('\n') }, ...blocks],
    structuredContent: {
      ...result.structured,
      meta: { truncated, ...(next === undefined ? {} : { next }), warnings: notes },
    },
  }
}

/** The arguments of another call like this one: changed, and without those that have their default. `undefined` leaves one out. */
export function sameCall(
  { properties }: { readonly properties: Readonly<Record<string, JsonSchema>> },
  args: object,
  changes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const call = Object.entries({ ...args, ...changes })
  return Object.fromEntries(call.filter(([name, value]) => value !== undefined && value !== properties[name]?.default))
}

/** Data from elsewhere between two tags with a random id. Tool descriptions say that what is inside is data, not instructions. */
export function wrapUntrusted(text: string): string {
  const id = boundaryId()
  return `<untrusted-data id="${id}">\n${cleanText(text)}\n</untrusted-data id="${id}">`
}

const idBytes = 6
/** Random bytes are drawn for many ids at once: each request to the system's generator costs as much as a hundred ids. */
let randomPool = Buffer.alloc(0)

function boundaryId(): string {
  if (randomPool.length < idBytes) randomPool = randomBytes(idBytes * 512)
  const id = randomPool.toString('base64url', 0, idBytes)
  randomPool = randomPool.subarray(idBytes)
  return id
}

/** `1 object`, `2 objects`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}

/** `24 h`, `90 s`, `3 d`: a length of time for people. */
export function formatSpan(seconds: number): string {
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`
  if (seconds < 7_200) return `${Number((seconds / 60).toFixed(1))} min`
  if (seconds <= 172_800) return `${Number((seconds / 3_600).toFixed(1))} h`
  return `${Number((seconds / 86_400).toFixed(1))} d`
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
