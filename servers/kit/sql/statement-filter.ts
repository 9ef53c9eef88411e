// The first layer of the read-only promise: one statement, of a kind that reads, without functions that reach beyond the data.
// It sees words only. A view or a function of the database can hide anything from it, and it is the role that protects then.
import { ToolError } from '../../../protocol/index.ts'
import { lex, type Token } from './lexer.ts'

const selecting = ['select', 'with', 'values', 'table']
const reading = [...selecting, 'show', 'explain']
/** Without ANALYZE nothing is run, and with it the READ ONLY transaction refuses the writing ones. */
const explainable = [...selecting, 'insert', 'update', 'delete', 'merge']

/**
 * Functions that read or write the server's files, reach other servers, run text as SQL, hold locks, signal others or change the server.
 * `*` stands for any rest. READ ONLY transactions stop none of them; for an ordinary role PostgreSQL itself refuses most.
 */
export const deniedFunctions: readonly string[] = [
  ...['pg_read_file*', 'pg_read_binary_file*', 'pg_ls_*', 'pg_logdir_ls', 'pg_stat_file', 'pg_file_*', 'pg_current_logfile'],
  ...['lo_import', 'lo_export', 'lo_creat*', 'lo_put', 'lo_from_bytea', 'lo_unlink', 'lo_truncate*', 'lowrite'],
  ...['dblink*', 'postgres_fdw_disconnect*', 'http', 'http_*', 'query_export_to_s3', 'table_import_from_s3', 'lambda_invoke'],
  ...['query_to_xml*', 'cursor_to_xml*', 'ts_stat', 'ts_rewrite', 'crosstab*', 'connectby', 'xpath_table'],
  ...['pg_sleep*', 'pg_*advisory*', 'pg_notify', 'pg_export_snapshot', 'set_config', 'setval', 'setseed'],
  ...['pg_terminate_backend', 'pg_cancel_backend', 'pg_reload_conf', 'pg_rotate_logfile*', 'pg_log_backend_memory_contexts'],
  ...['pg_promote', 'pg_switch_*', 'pg_create_*', 'pg_drop_*', 'pg_copy_*_slot', 'pg_sync_replication_slots', 'pg_logical_*'],
  ...['pg_replication_origin_*', 'pg_replication_slot_advance', 'pg_backup_*', 'pg_start_backup', 'pg_stop_backup'],
  ...[
    'pg_wal_replay_pause',
    'pg_wal_replay_resume',
    'pg_xlog_*',
    'pg_stat_reset*',
    'pg_stat_statements_reset',
    'pg_stat_force_*',
  ],
  ...['pg_import_system_collations', 'pg_prewarm', 'pg_truncate_visibility_map', 'heap_force_*', 'brin_summarize_*'],
  ...['brin_desummarize_range', 'gin_clean_pending_list', 'binary_upgrade_*', 'pg_clear_*', 'pg_restore_*'],
]

export interface Reading {
  readonly tokens: readonly Token[]
  /** Statements that are not empty. */
  readonly statements: number
  /** First word of the statement, in lower case; what is inside leading parentheses counts. */
  readonly keyword: string | undefined
}

export type DenyFunctions = (name: string) => boolean

/** @param added the operator's own names; `!name` admits one of the built-in list again */
export function compileDenyList(added: readonly string[]): DenyFunctions {
  const patterns = [...deniedFunctions, ...added.filter((name) => !name.startsWith('!'))]
  const admitted = new Set(added.filter((name) => name.startsWith('!')).map((name) => name.slice(1).toLowerCase()))
  const source = patterns
    .map((name) =>
      name
        .toLowerCase()
        .replace(/[^a-z0-9_*]/g, '\\$&')
        .replaceAll('*', '.*'),
    )
    .join('|')
  const expression = new RegExp(`^(?:${source})$`)
  // Case is ignored even where PostgreSQL would not: "PG_SLEEP"(1) does not exist, so nothing is lost.
  return (name) => !admitted.has(name.toLowerCase()) && expression.test(name.toLowerCase())
}

/** Reads any SQL text. @throws ToolError when it cannot be text for PostgreSQL, or does not end properly */
export function readStatement(text: string): Reading {
  // A zero byte ends a C string in the protocol: what follows would be taken for other fields of the message.
  if (text.includes('\0'))
    throw new ToolError('INVALID_ARGUMENT', 'the text holds a NUL character, which PostgreSQL does not accept')
  const { tokens, unclosed } = lex(text)
  if (unclosed !== undefined) {
    throw new ToolError(
      'INVALID_ARGUMENT',
      `a ${unclosed === 'identifier' ? 'quoted identifier' : unclosed} is not closed (42601)`,
      {
        hint: 'the same statement with its closing quote or comment mark',
      },
    )
  }
  let statements = 0
  let inStatement = false
  for (const token of tokens) {
    const separator = isMark(token, ';')
    if (!separator && !inStatement) statements += 1
    inStatement = !separator
  }
  const first = tokens.find((token) => !isMark(token, '(') && !isMark(token, ';'))
  const keyword = first?.kind === 'word' && !first.quoted ? first.name : undefined
  return { tokens, statements, keyword }
}

/** @throws ToolError INVALID_ARGUMENT unless there is exactly one statement */
export function requireOne({ statements }: Reading): void {
  if (statements === 0)
    throw new ToolError('INVALID_ARGUMENT', 'there is no statement in the text', { hint: '{"query":"SELECT 1"}' })
  if (statements > 1) {
    throw new ToolError('INVALID_ARGUMENT', `${statements} statements found (42601)`, {
      hint: statements === 2 ? 'send them as two calls' : 'send each as its own call',
    })
  }
}

/** @throws ToolError when the text is not one reading statement, or calls a denied function */
export function admitReading(text: string, denied: DenyFunctions): Reading {
  const found = readStatement(text)
  requireOne(found)
  if (found.keyword === undefined || !reading.includes(found.keyword)) {
    throw new ToolError(
      'READ_ONLY',
      `this tool accepts one SELECT/WITH/VALUES/TABLE/SHOW/EXPLAIN statement; got ${firstWord(found)}. Ask the operator if data must be changed`,
    )
  }
  const explained = found.keyword === 'explain' ? explainedWord(found.tokens) : undefined
  // EXPLAIN ANALYZE CREATE TABLE … AS runs in a READ ONLY transaction (seen on 15 and 18); only the rollback takes it back.
  if (explained !== undefined && !explainable.includes(explained)) {
    throw new ToolError(
      'READ_ONLY',
      `EXPLAIN is accepted of SELECT/WITH/VALUES/TABLE/INSERT/UPDATE/DELETE/MERGE; got ${explained.toUpperCase()}. Ask the operator if data must be changed`,
    )
  }
  refuseFunctions(found, denied)
  return found
}

/** The first word of the statement that is explained, behind `ANALYZE VERBOSE` or a list of options. */
function explainedWord(tokens: readonly Token[]): string | undefined {
  let at = tokens.findIndex((token) => token.kind === 'word') + 1
  const word = (i: number): string | undefined => {
    const token = tokens[i]
    return token?.kind === 'word' && !token.quoted ? token.name : undefined
  }
  const opens = (i: number): boolean => isMark(tokens[i], '(')
  const statementAt = (i: number): number => {
    while (opens(i)) i += 1
    return i
  }
  if (opens(at) && !selecting.includes(word(statementAt(at)) ?? '')) {
    for (let depth = 0; at < tokens.length; at += 1) {
      depth += opens(at) ? 1 : isMark(tokens[at], ')') ? -1 : 0
      if (depth === 0) break
    }
    at += 1
  }
  while (['analyze', 'analyse', 'verbose'].includes(word(at) ?? '')) at += 1
  return word(statementAt(at))
}

/** @throws ToolError FORBIDDEN when a denied function is called by its name */
export function refuseFunctions({ tokens }: Reading, denied: DenyFunctions): void {
  for (const [i, token] of tokens.entries()) {
    if (token.kind !== 'word' || !denied(token.name)) continue
    if (!isMark(tokens[i + 1], '(')) continue
    throw new ToolError('FORBIDDEN', `the function ${token.name} is not allowed on this server. Ask the operator if it is needed`)
  }
}

function isMark(token: Token | undefined, mark: string): boolean {
  return token?.kind === 'mark' && token.mark === mark
}

function firstWord({ keyword, tokens }: Reading): string {
  if (keyword !== undefined) return keyword.toUpperCase()
  const [first] = tokens
  return first?.kind === 'word' ? `the identifier "${first.name.slice(0, 40)}"` : 'none of them'
}
