// Shows the calls and refusals of audit files, of several processes in the order of time: `octet audit show`.
import { cleanText } from '../../kit/text.ts'
import { hasColours, type Row, renderTable } from '../columns.ts'
import { linesOf } from './lines.ts'
import type { CallRecord, Denial } from './trail.ts'

export interface ShowOptions {
  /** ISO 8601. */
  readonly since?: string | undefined
  /** Text in the person's or the token's name. */
  readonly user?: string | undefined
  /** Text in the tool's name. */
  readonly tool?: string | undefined
  /** Only what failed or was refused. */
  readonly errors?: boolean | undefined
  /** Prints the records as they are, one a line. */
  readonly json?: boolean | undefined
}

type Shown = Pick<CallRecord, 'ts' | 'type'> & Partial<CallRecord & Denial> & { readonly repeated?: number }

/** Records that are kept while the files are read; older ones are left out. */
const maxShown = 20_000
const maxArgsChars = 200

/** @throws UnreadableFile */
export async function showAudit(files: readonly string[], options: ShowOptions): Promise<void> {
  let kept: { line: string; record: Shown }[] = []
  let leftOut = 0
  const keepNewest = (): void => {
    kept.sort((a, b) => (a.record.ts < b.record.ts ? -1 : a.record.ts > b.record.ts ? 1 : 0))
    leftOut += Math.max(0, kept.length - maxShown)
    kept = kept.slice(-maxShown)
  }
  for (const file of files) {
    for await (const line of linesOf(file)) {
      const record = parse(line)
      if (record === undefined || !isWanted(record, options)) continue
      kept.push({ line, record })
      if (kept.length >= 2 * maxShown) keepNewest()
    }
  }
  keepNewest()
  if (leftOut > 0)
    process.stderr.write(`${leftOut} older records are left out; narrow them with --since, --user, --tool or --errors\n`)
  const text = options.json === true ? kept.map(({ line }) => line).join('\n') : tableOf(kept.map(({ record }) => record))
  if (text !== '') process.stdout.write(`${text}\n`)
}

/** Undefined for half a line, which a crash may leave; `octet audit verify` reports it. */
function parse(line: string): Shown | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isWanted({ type, ts, user = '', principal = '', tool = '', outcome }: Shown, options: ShowOptions): boolean {
  return (
    (type === 'tool_call' || type === 'denied') &&
    (options.since === undefined || ts >= options.since) &&
    (options.user === undefined || user.includes(options.user) || principal.includes(options.user)) &&
    (options.tool === undefined || tool.includes(options.tool)) &&
    (options.errors !== true || outcome !== 'ok')
  )
}

function tableOf(records: readonly Shown[]): string {
  if (records.length === 0) return 'no call or refusal matches'
  const rows = records.map((record): Row => {
    const { ts, type, user, principal, remote, tool = '', outcome = type, duration_ms: ms, args } = record
    const cells = [
      ts.replace(/\.\d+Z$/, 'Z'),
      user ?? principal ?? remote ?? '',
      tool,
      outcome,
      ms === undefined ? '' : String(ms),
    ]
    const why = [record.error_code, record.reason, record.error_text].filter((part) => part !== undefined).join(' ')
    const times = record.repeated === undefined ? '' : ` and ${record.repeated} more`
    const notes = [why + times, args === undefined ? '' : JSON.stringify(args).slice(0, maxArgsChars)].filter(
      (note) => note !== '',
    )
    return { cells: cells.map(cleanText), notes: notes.map(cleanText), ...(outcome === 'ok' ? {} : { mark: 'bad' }) }
  })
  return renderTable(['time', 'who', 'tool', 'outcome', 'ms'], rows, hasColours(process.stdout))
}
