// `octet audit`: verifies files of the audit trail, or shows the calls and refusals in them.
import { parseArgs } from 'node:util'
import { UnreadableFile } from '../host/audit/lines.ts'
import { showAudit } from '../host/audit/show.ts'
import { verifyAudit } from '../host/audit/verify.ts'
import { readHere } from './running.ts'
import { fail } from './usage.ts'

/** sysexits.h EX_NOINPUT: a file could not be read, which says nothing about the trail. */
const exitUnreadable = 66

export async function audit([what, ...args]: string[]): Promise<void> {
  if (what !== 'show' && what !== 'verify') return fail('write octet audit show FILE … or octet audit verify FILE …')
  const { values, positionals: files } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      since: { type: 'string' },
      user: { type: 'string' },
      tool: { type: 'string' },
      errors: { type: 'boolean' },
      json: { type: 'boolean' },
    },
  })
  if (files.length === 0) return fail(`octet audit ${what} needs a file, such as AUDIT_FILE names`)
  try {
    if (what === 'verify') return await verify(files)
    const since = values.since === undefined ? undefined : timeOf(values.since)
    await showAudit(files, { ...values, since })
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
  if (records === 0 && problems.length > 0)
    process.stdout.write(
      `no record can be verified ${key === undefined ? 'without' : 'with this'} AUDIT_KEY; give the key of the trail\n`,
    )
  process.exitCode = problems.length > 0 || records === 0 ? 1 : 0
}

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The instant that `yesterday` (its local midnight), `2h` or an ISO 8601 time names. */
function timeOf(text: string): string {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  const midnight = new Date(new Date().setHours(0, 0, 0, 0))
  const time =
    count !== undefined
      ? new Date(Date.now() - Number(count) * unitMs[unit as keyof typeof unitMs])
      : text === 'today'
        ? midnight
        : text === 'yesterday'
          ? new Date(midnight.setDate(midnight.getDate() - 1))
          : new Date(text)
  if (Number.isNaN(time.getTime()))
    fail(`--since ${JSON.stringify(text)} is not a time; write yesterday, 2h, 30m, 7d or 2026-01-31T08:00`)
  return time.toISOString()
}
