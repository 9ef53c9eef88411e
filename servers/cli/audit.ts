// `octet audit`: verifies files of the audit trail, or shows the calls and refusals in them.
import { parseArgs } from 'node:util'
import { tryJson } from '../../protocol/index.ts'
import type { CallRecord, Denial } from '../host/audit/trail.ts'
import { linesOf, UnreadableFile, verifyAudit } from '../host/audit/verify.ts'
import { hasColours, type Row, renderTable } from '../host/columns.ts'
import { cleanText } from '../kit/text.ts'
import { readHere } from './running.ts'
import { fail } from './usage.ts'

/** sysexits.h EX_NOINPUT: a file could not be read, which says nothing about the trail. */
const exitUnreadable = 66
/** Records that are kept while the files are read; older ones are left out. */
const maxShown = 20_000
const maxArgsChars = 200

const options = {
  since: { type: 'string' },
  /** Text in the person's or the token's name. */
  user: { type: 'string' },
  /** Text in the tool's name. */
  tool: { type: 'string' },
  /** Only what failed or was refused. */
  errors: { type: 'boolean' },
  /** Prints the records as they are, one a line. */
  json: { type: 'boolean' },
} as const
type Options = ReturnType<typeof parseArgs<{ options: typeof options }>>['values']

type Shown = Pick<CallRecord, 'ts' | 'type'> & Partial<CallRecord & Denial> & { readonly repeated?: number }

export async function audit([what, ...args]: string[]): Promise<void> {
  if (what !== 'show' && what !== 'verify') return fail('write octet audit show FILE … or octet audit verify FILE …')
  const { values, positionals: files } = parseArgs({ args, allowPositionals: true, options })
  if (files.length === 0) return fail(`octet audit ${what} needs a file, such as AUDIT_FILE names`)
  try {
    if (what === 'verify') return await verify(files)
    await show(files, values.since === undefined ? values : { ...values, since: timeOf(values.since) })
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error
    process.stderr.write(`octet: ${error.message}\n`)
    process.exitCode = exitUnreadable
  }
}

/** Exit code 1 when there are problems, or no record at all. */
async function verify(files: readonly string[]): Promise<void> {
  const { AUDIT_KEY: key } = readHere().settings
  const { records, problems, notes, head } = await verifyAudit(files, key)
  for (const line of [...problems, ...notes.map((note) => `note: ${note}`)]) process.stdout.write(`${line}\n`)
  const end = head === undefined ? '' : `; head ${head.hash} (seq ${head.seq})`
  process.stdout.write(`${records} records, ${problems.length} problems${end}\n`)
  const how = key === undefined ? 'without' : 'with this'
  if (records === 0 && problems.length > 0)
    process.stdout.write(`no record can be verified ${how} AUDIT_KEY; give the key of the trail\n`)
  process.exitCode = problems.length > 0 || records === 0 ? 1 : 0
}

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The instant that `yesterday` (its local midnight), `2h` or an ISO 8601 time names. */
function timeOf(text: string): string {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  const time = new Date()
  if (count !== undefined) time.setTime(time.getTime() - Number(count) * unitMs[unit as keyof typeof unitMs])
  else if (text === 'today') time.setHours(0, 0, 0, 0)
  else if (text === 'yesterday') time.setHours(-24, 0, 0, 0)
  else time.setTime(Date.parse(text))
  if (Number.isNaN(time.getTime()))
    fail(`--since ${JSON.stringify(text)} is not a time; write yesterday, 2h, 30m, 7d or 2026-01-31T08:00`)
  return time.toISOString()
}

/**
 * Shows the calls and refusals of several processes in the order of time.
 * @throws UnreadableFile
 */
async function show(files: readonly string[], wanted: Options): Promise<void> {
  let kept: { line: string; record: Shown }[] = []
  let leftOut = 0
  const keepNewest = (): void => {
    kept.sort((a, b) => (a.record.ts < b.record.ts ? -1 : a.record.ts > b.record.ts ? 1 : 0))
    leftOut += Math.max(0, kept.length - maxShown)
    kept = kept.slice(-maxShown)
  }
  for (const file of files) {
    for await (const line of linesOf(file)) {
      // Undefined for half a line, which a crash may leave; `octet audit verify` reports it.
      const record = tryJson(line) as Shown | undefined
      if (record === undefined || !isWanted(record, wanted)) continue
      kept.push({ line, record })
      if (kept.length >= 2 * maxShown) keepNewest()
    }
  }
  keepNewest()
  if (leftOut > 0)
    process.stderr.write(`${leftOut} older records are left out; narrow them with --since, --user, --tool or --errors\n`)
  const text = wanted.json === true ? kept.map(({ line }) => line).join('\n') : tableOf(kept.map(({ record }) => record))
  if (text !== '') process.stdout.write(`${text}\n`)
}

function isWanted({ type, ts, user = '', principal = '', tool = '', outcome }: Shown, wanted: Options): boolean {
  return (
    (type === 'tool_call' || type === 'denied') &&
    (wanted.since === undefined || ts >= wanted.since) &&
    (wanted.user === undefined || user.includes(wanted.user) || principal.includes(wanted.user)) &&
    (wanted.tool === undefined || tool.includes(wanted.tool)) &&
    (wanted.errors !== true || outcome !== 'ok')
  )
}

function tableOf(records: readonly Shown[]): string {
  if (records.length === 0) return 'no call or refusal matches'
  const rows = records.map((record): Row => {
    const { ts, type, user, principal, remote, tool = '', outcome = type, duration_ms: ms, args } = record
    const cells = [ts.replace(/\.\d+Z$/, 'Z'), user ?? principal ?? remote ?? '', tool, outcome, String(ms ?? '')]
    const why = [record.error_code, record.reason, record.error_text].filter((part) => part !== undefined).join(' ')
    const times = record.repeated === undefined ? '' : ` and ${record.repeated} more`
    const given = args === undefined ? '' : JSON.stringify(args).slice(0, maxArgsChars)
    const notes = [why + times, given].filter((note) => note !== '')
    return { cells: cells.map(cleanText), notes: notes.map(cleanText), mark: outcome === 'ok' ? undefined : 'bad' }
  })
  return renderTable(['time', 'who', 'tool', 'outcome', 'ms'], rows, hasColours(process.stdout))
}
