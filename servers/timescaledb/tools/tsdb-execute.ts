// tsdb_execute: one writing statement, in a transaction that is rolled back when it would change more rows than were allowed.
import { type Context, defineTool, monotonicMs, ToolError } from '../../../protocol/index.ts'
import { parameters } from '../../kit/definition.ts'
import { counted, report } from '../../kit/report.ts'
import { maxCellChars, queryProperties, toParameters } from '../../kit/sql/query-tool.ts'
import { readOne, requireSql } from '../../kit/sql/statement-filter.ts'
import { toTable } from '../../kit/sql/table.ts'
import type { TimescaleBackend } from '../backend.ts'
import { insteadOf, requireLevel } from '../errors.ts'
import { classifyWords, namesIn, type StatementClass, volatileFunctions, withFunctions } from '../lib/statement-class.ts'
import type { Transaction } from '../lib/writer.ts'

/** Room for the summary, the boundary and the notes. */
const overheadChars = 2_000

/** Rows of tables of one kind. */
interface Changes {
  readonly kind: string
  readonly updated: number
  readonly deleted: number
  readonly inserted: number
}

export function tsdbExecute(backend: TimescaleBackend) {
  return defineTool({
    name: 'tsdb_execute',
    title: 'Change TimescaleDB',
    description:
      'Run one writing statement (INSERT, UPDATE, DELETE, MERGE, CREATE, ALTER, SELECT of a policy function, CALL) in a transaction. Changing more than max_affected rows rolls it back. Use dry_run before UPDATE and DELETE. To read use tsdb_query.',
    inputSchema: parameters(['command'], {
      command: { type: 'string', maxLength: 100_000, examples: ["DELETE FROM metrics WHERE time < '2020-01-01'"] },
      params: queryProperties.params,
      dry_run: { type: 'boolean', default: false, description: 'Try and roll back' },
      max_affected: { type: 'integer', minimum: 0, maximum: 1_000_000, default: 10_000 },
      timeout_ms: { type: 'integer', minimum: 100, maximum: 600_000, default: 30_000 },
    }),
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    aliases: { query: 'command', sql: 'command', statement: 'command', parameters: 'params', timeout: 'timeout_ms' },
    lookUp: 'tsdb_show_hypertables {}',
    async handler(args, context) {
      const { writer, engine, level } = backend
      const { dry_run: dryRun, max_affected: maxAffected } = args
      if (level === 'off') requireLevel(level, 'dml', 'tsdb_execute')
      const command = requireSql(args.command, insteadOf)
      const { alone, keyword } = await admit(backend, command, context.signal)
      const values = toParameters(args.params)
      const limits = { timeoutMs: engine.limitTimeout(args.timeout_ms), signal: context.signal, query: command }
      const started = monotonicMs()
      if (alone && dryRun) {
        throw new ToolError('INVALID_ARGUMENT', 'this procedure commits by itself, so it cannot be tried with dry_run')
      }
      const done = alone
        ? { ...(await writer.alone(limits, command, values)), rows: undefined, changed: 0 }
        : await writer.transaction({ ...limits, dryRun }, async (transaction) => {
            const found = await inTransaction(transaction, command, values)
            const affected = Math.max(found.rows ?? 0, found.changed)
            if (affected <= maxAffected) return found
            throw new ToolError(
              'TOO_LARGE',
              `${keyword} would affect ${affected.toLocaleString('en-US')} rows, above max_affected=${maxAffected}; rolled back, nothing changed`,
              { hint: 'narrow the WHERE, or set max_affected' },
            )
          })
      return describe(backend, done, dryRun, started, context)
    },
  })
}

/** @throws ToolError READ_ONLY when the statement needs more than this server's write level */
async function admit(backend: TimescaleBackend, command: string, signal: AbortSignal): Promise<StatementClass> {
  const { level, allowDestructive } = backend
  const reading = readOne(command)
  const words = classifyWords(reading.tokens)
  requireLevel(level, words.level, 'tsdb_execute', words.why)
  const called = await volatileFunctions(namesIn(reading.tokens, command), backend.engine.asker(signal))
  const found = withFunctions(words, called)
  requireLevel(level, found.level, 'tsdb_execute', found.why)
  if (found.destructive === undefined || allowDestructive) return found
  throw new ToolError(
    'READ_ONLY',
    `${found.destructive} can destroy data or reach beyond this database's rows, which is not allowed on this server. Ask the operator (TSDB_ALLOW_DESTRUCTIVE)`,
  )
}

async function inTransaction(transaction: Transaction, command: string, values: readonly (string | null)[]) {
  const before = await transaction.ask<Changes>(changesQuery, ['[]'])
  const outcome = await transaction.run(command, values)
  // What COMMIT would run: deferred constraint triggers and foreign keys, which can change rows or fail.
  await transaction.run('SET CONSTRAINTS ALL IMMEDIATE')
  const rows = /(\d+)$/.exec(outcome.tag ?? '')?.[1]
  return {
    outcome,
    /** By the statement's command tag. */
    rows: rows === undefined ? undefined : Number(rows),
    /** In all, also by triggers, cascades and the parts of a WITH. */
    changed: countRows(await transaction.ask<Changes>(changesQuery, [JSON.stringify(before)])),
    notices: transaction.notices,
  }
}

/**
 * Rows updated, deleted and inserted so far in this transaction, by kind of table, without those of the parameter: an earlier transaction of
 * the session may have left counts. Compressed chunks are found by a column that they have in every version, since their names differ.
 */
const changesQuery = `
  SELECT s.kind, sum(s.n_tup_upd) - coalesce(max(b.updated), 0) AS updated, sum(s.n_tup_del) - coalesce(max(b.deleted), 0) AS deleted,
    sum(s.n_tup_ins) - coalesce(max(b.inserted), 0) AS inserted FROM (
    SELECT t.*, CASE
      WHEN EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.relid AND a.attname = '_ts_meta_count' AND t.schemaname = '_timescaledb_internal') THEN 'compressed'
      WHEN c.relispartition THEN pg_catalog.pg_partition_root(t.relid)::pg_catalog.oid::pg_catalog.text
      WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = t.relid) THEN 'chunk' ELSE 'table' END AS kind
    FROM pg_catalog.pg_stat_xact_user_tables t JOIN pg_catalog.pg_class c ON c.oid = t.relid
    WHERE t.n_tup_upd + t.n_tup_del + t.n_tup_ins > 0 AND (t.schemaname = '_timescaledb_internal' OR t.schemaname NOT LIKE '\\_timescaledb%')
  ) s LEFT JOIN pg_catalog.json_to_recordset($1::pg_catalog.json) b(kind text, updated bigint, deleted bigint, inserted bigint) ON b.kind = s.kind
  GROUP BY 1`

function countRows(changes: readonly Changes[]): number {
  const unpacked = changes.some(({ kind, deleted }) => kind === 'compressed' && deleted > 0)
  return changes.reduce((sum, { kind, updated, deleted, inserted }) => {
    if (kind === 'table') return sum + updated + deleted + inserted
    // Changing one row of a compressed chunk deletes its batch of up to a thousand rows there and inserts them into the chunk: a reader sees
    // nothing of that.
    if (kind === 'compressed') return sum
    if (kind === 'chunk') return sum + updated + deleted + (unpacked ? 0 : inserted)
    return sum + updated + Math.max(deleted, inserted) // a row that moves to another partition is deleted here and inserted there
  }, 0)
}

type Done = Awaited<ReturnType<typeof inTransaction>>

function describe({ engine }: TimescaleBackend, done: Done, dryRun: boolean, started: number, context: Context) {
  const { outcome, rows, changed, notices } = done
  const durationMs = Math.round(monotonicMs() - started)
  const reads = /^(SELECT|SHOW)/.test(outcome.tag ?? '')
  const columns = (outcome.fields ?? []).map(({ name }) => ({ name, type: 'text' }))
  const maxChars = engine.environment.maxResultChars - overheadChars
  const table = toTable(columns, outcome.rows, { maxChars, maxCellChars })
  const more = outcome.rowCount > table.shown
  const affected = reads ? changed : (rows ?? changed)
  const notes = notices.slice(0, 10)
  if (changed > affected) notes.push(`${changed} rows were changed in all, counting triggers, cascades and the parts of a WITH`)
  if (more) notes.push(`only ${table.shown} of ${outcome.rowCount} returned rows are shown`)
  return report(context, {
    summary: `${dryRun ? 'dry run, rolled back' : 'committed'}: ${outcome.tag ?? 'done'}, ${counted(affected, 'row')} affected in ${durationMs} ms`,
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
