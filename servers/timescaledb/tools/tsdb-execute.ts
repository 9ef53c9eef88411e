// tsdb_execute: one writing statement, in a transaction that is rolled back when it would touch more rows than were allowed.
import { type Context, ToolError } from '../../../protocol/index.ts'
import { report } from '../../kit/report.ts'
import { maxCellChars, type QueryArguments, toParameters } from '../../kit/sql/query-tool.ts'
import type { Outcome } from '../../kit/sql/statement.ts'
import { readStatement, refuseFunctions, requireOne } from '../../kit/sql/statement-filter.ts'
import { toTable } from '../../kit/sql/table.ts'
import type { TimescaleBackend } from '../backend.ts'
import { classify, requireLevel } from '../lib/statement-class.ts'
import type { Transaction } from '../lib/writer.ts'

export interface ExecuteArguments {
  command: string
  params?: QueryArguments['params']
  dry_run: boolean
  max_affected: number
  timeout_ms: number
}

interface Executed {
  outcome: Outcome
  /** Rows that the statement itself names, by its command tag. */
  rows: number | undefined
  /** Rows changed in all: by triggers, cascades, and the parts of a WITH too. */
  changed: number
  notices: string[]
}

const keptRows = 20

/**
 * Rows changed so far in this transaction. Chunks count, TimescaleDB's own catalogue does not. What an earlier transaction of the session
 * has left unreported is in it too, hence a difference is taken.
 */
const changedQuery = `
  SELECT coalesce(sum(n_tup_upd + n_tup_del), 0), coalesce(sum(n_tup_ins), 0), coalesce(sum(n_tup_del) FILTER (WHERE relname LIKE 'compress_hyper%'), 0)
  FROM pg_catalog.pg_stat_xact_user_tables WHERE schemaname = '_timescaledb_internal' OR schemaname NOT LIKE '\\_timescaledb%'`

export async function execute(backend: TimescaleBackend, maxResultChars: number, args: ExecuteArguments, context: Context) {
  const { level, allowDestructive, writer, engine } = backend
  const { command, dry_run: dryRun, max_affected: maxAffected } = args
  if (level === 'off') requireLevel(level, 'dml', 'tsdb_execute')
  const reading = readStatement(command)
  requireOne(reading)
  const found = classify(reading)
  requireLevel(level, found.level, 'tsdb_execute')
  refuseFunctions(reading, engine.denied)
  if (found.destructive && !allowDestructive) {
    throw new ToolError('READ_ONLY', 'dropping and truncating are not allowed on this server. Ask the operator')
  }
  const values = toParameters(args.params)
  const timeoutMs = engine.limitTimeout(args.timeout_ms)
  const limits = { timeoutMs, signal: context.signal, query: command }
  const started = performance.now()
  if (found.alone) {
    if (dryRun) throw new ToolError('INVALID_ARGUMENT', 'this procedure commits by itself, so it cannot be tried with dry_run')
    const outcome = await writer.alone(limits, command, values)
    const notices = outcome.notices.map(({ severity, message }) => `${severity}: ${message}`)
    return describe({ outcome, rows: undefined, changed: 0, notices }, false, started, maxResultChars, context)
  }
  const done = await writer.transaction(
    limits,
    (transaction) => inTransaction(transaction, command, values),
    (result) => {
      const affected = Math.max(result.rows ?? 0, result.changed)
      if (affected > maxAffected) throw tooMany(affected, maxAffected, reading.keyword ?? '')
      return !dryRun
    },
  )
  return describe(done, dryRun, started, maxResultChars, context)
}

async function inTransaction(transaction: Transaction, command: string, values: readonly (string | null)[]): Promise<Executed> {
  const before = (await transaction.row(changedQuery)).map(Number)
  const outcome = await transaction.run(command, values, keptRows)
  const after = (await transaction.row(changedQuery)).map(Number)
  const [modified = 0, inserted = 0, decompressed = 0] = after.map((value, i) => value - (before[i] ?? 0))
  const rows = /(\d+)$/.exec(outcome.tag ?? '')?.[1]
  return {
    outcome,
    rows: rows === undefined ? undefined : Number(rows),
    // Changing one row of a compressed chunk unpacks a batch of up to a thousand: those inserts change nothing that a reader could see.
    changed: modified + (decompressed > 0 ? 0 : inserted),
    notices: transaction.notices.map(({ severity, message }) => `${severity}: ${message}`),
  }
}

function tooMany(affected: number, limit: number, keyword: string): ToolError {
  return new ToolError(
    'TOO_LARGE',
    `${keyword.toUpperCase()} would affect ${affected.toLocaleString('en-US')} rows, above max_affected=${limit}; rolled back, nothing changed`,
    { hint: 'narrow the WHERE, or set max_affected' },
  )
}

function describe(done: Executed, dryRun: boolean, started: number, maxResultChars: number, context: Context) {
  const { outcome, rows, changed, notices } = done
  const reads = /^(SELECT|SHOW)/.test(outcome.tag ?? '')
  const columns = (outcome.fields ?? []).map(({ name }) => ({ name, type: 'text' }))
  const table = toTable(columns, outcome.rows, { maxChars: maxResultChars - 2_000, maxCellChars })
  const more = outcome.rowCount > table.shown
  const affected = reads ? changed : (rows ?? changed)
  const notes = notices.slice(0, 10).map((notice) => notice.slice(0, 500))
  if (changed > affected) notes.push(`${changed} rows were changed in all, counting triggers, cascades and the parts of a WITH`)
  if (more) notes.push(`only ${table.shown} of ${outcome.rowCount} returned rows are shown`)
  return report(context, {
    summary: `${dryRun ? 'dry run, rolled back' : 'committed'}: ${outcome.tag ?? 'done'}, ${affected} row${affected === 1 ? '' : 's'} affected in ${Math.round(performance.now() - started)} ms`,
    ...(columns.length > 0 && table.shown > 0 ? { untrusted: table.text } : {}),
    notes,
    truncated: more,
    rows: table.shown,
    structured: {
      command_tag: outcome.tag ?? null,
      rows_affected: affected,
      rows_changed: changed,
      committed: !dryRun,
      columns: columns.map(({ name }) => name),
      returning: table.rows,
      notices: notes,
    },
  })
}
