// The report of a campaign as Markdown tables.
import { codesOf, type Report } from './campaign.ts'
import type { Counts } from './ledger.ts'

const cellsOf = ({ calls, ok, error, refused, closed, hung, longestMs }: Counts): (string | number)[] => [
  ...[calls, ok, error, refused, closed, hung],
  (longestMs / 1_000).toFixed(1),
]
const heads = ['calls', 'ok', 'tool errors', 'refused', 'closed', 'hung', 'longest answer (s)']

export function tablesOf({ rows, servers, trails, leftOut, residentMiB }: Report): string {
  const perFault = table(
    ['fault', 'times', ...heads, 'all well again (s)', 'descriptors', 'MiB'],
    rows.map(({ fault, times, counts, recoveredMs, after }) => [
      ...[fault, times, ...cellsOf(counts), (recoveredMs / 1_000).toFixed(1), after.descriptors, after.residentMiB.toFixed(0)],
    ]),
  )
  const perServer = table(
    ['server', ...heads, 'errors by code'],
    [...servers].map(([server, counts]) => [server, ...cellsOf(counts), codesOf(counts)]),
  )
  const perTrail = table(
    [
      'audit trail',
      'records',
      'answered calls',
      'of them without a record',
      'without an intent',
      'twice',
      'refused: not recorded',
      'lost records, by the trail',
    ],
    trails.map(({ start, records, comparison: { answered, missing, withoutIntent, repeated, unrecorded, lost } }) => [
      `AUDIT_REQUIRED=${start.required}, ${start.disk} disk`,
      ...[records, answered, missing, start.required ? withoutIntent : '-', repeated.length, unrecorded, lost],
    ]),
  )
  const memory = `Resident memory at the end of each trail: ${residentMiB.map((mib) => mib.toFixed(0)).join(', ')} MiB.`
  const without = leftOut.length === 0 ? '' : `\nLeft out here: ${leftOut.join('; ')}.`
  return `${perFault}\n\n${perServer}\n\n${perTrail}\n\n${memory}${without}`
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string =>
    `| ${cells.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell)).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
