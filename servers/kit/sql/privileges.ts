// What the read-only promise rests on: the privileges of the role, read from the database, and a self-test of the layers under it.
import { isServerError } from './errors.ts'
import { guarded, readOnly, resetSession } from './read-only.ts'
import { readerRole, readerRoleSql } from './reader-role.ts'
import type { Session } from './session.ts'

/** What the role can do, in one database. */
export interface RolePrivileges {
  readonly role: string
  readonly superuser: boolean
  /** Why SQL of a caller could reach beyond a READ ONLY transaction: files, programs, other sessions. Empty for a safe role. */
  readonly unsafe: readonly string[]
  /** Beyond reading, but refused in a READ ONLY transaction. */
  readonly writes: readonly string[]
  /** Functions that the role may call and that reach other systems, such as dblink's. */
  readonly outside: readonly string[]
  /** The database has functions whose state outlives DISCARD ALL: a session that ran a caller's statement is not used again. */
  readonly keepsState: boolean
  /** SQL for the operator: a role for reading where this one is unsafe, and the REVOKE of `outside`. */
  readonly repair: readonly string[]
}

/** A statement that PostgreSQL must refuse, and the SQLSTATE with which it did; undefined when it did not. */
export type SelfTest = Readonly<Record<string, string | undefined>>

const limitMs = 2_000

/**
 * Harmless if they succeeded, and sent without the statement filter on purpose: they prove the layers under it. A second command in one
 * message; a write; the way back to a writing transaction.
 */
const selfTests = {
  'stacked statement': 'COMMIT; SELECT 1',
  write: 'CREATE TEMPORARY TABLE mcp_self_test (x integer)',
  'read write switch': "SELECT pg_catalog.set_config('transaction_read_only', 'off', true)",
}

const userSchema = `n.nspname !~ '^(pg_|_timescaledb|timescaledb_)' AND n.nspname <> 'information_schema'`

// 'MEMBER' counts what is inherited and what SET ROLE could reach, which set_config('role', …) does, too. A function of pg_catalog that is
// revoked from PUBLIC, and that pg_monitor may not call either, changes the server or reads its files.
const privilegesQuery = `
  WITH me AS (SELECT * FROM pg_roles WHERE rolname = current_user)
  SELECT current_user, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
    (SELECT string_agg(quote_ident(m.rolname), ', ' ORDER BY m.rolname) FROM pg_roles m WHERE m.oid <> me.oid AND pg_has_role(m.oid, 'MEMBER')
      AND (m.rolsuper OR m.rolreplication OR m.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files',
        'pg_signal_backend', 'pg_signal_autovacuum_worker'))),
    (SELECT string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.proname) FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
      AND p.proacl IS NOT NULL AND has_function_privilege(p.oid, 'EXECUTE') AND NOT has_function_privilege('pg_monitor', p.oid, 'EXECUTE')),
    (SELECT string_agg(quote_ident(m.rolname), ', ' ORDER BY m.rolname) FROM pg_roles m WHERE pg_has_role(m.oid, 'MEMBER') AND m.rolname IN
      ('pg_write_all_data', 'pg_read_all_data', 'pg_checkpoint', 'pg_maintain', 'pg_create_subscription')),
    (SELECT count(*) FROM (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')
      AND ${userSchema} AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') LIMIT 1000) w),
    (SELECT string_agg(n.nspname, ', ' ORDER BY n.nspname) FROM pg_namespace n WHERE ${userSchema} AND has_schema_privilege(n.oid, 'CREATE')),
    has_database_privilege(current_database(), 'CREATE')
  FROM me`

const outsideExtensions = `'dblink', 'http', 'pg_net', 'aws_s3', 'aws_lambda', 'plsh', 'azure_ai'`

// dblink keeps connections, http keeps options, every language but SQL and PL/pgSQL keeps variables, LOAD keeps a library.
const functionsQuery = `
  WITH f AS (
    SELECT p.oid, l.lanname, e.extname, p.prosrc, l.lanpltrusted, l.lanispl, p.proname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
      LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
      LEFT JOIN pg_extension e ON e.oid = d.refobjid
    WHERE l.lanname NOT IN ('internal', 'c', 'sql', 'plpgsql') OR e.extname IN (${outsideExtensions})
      OR l.lanname = 'plpgsql' AND p.prosrc ~* '\\mload\\s*''|''\\s*load\\M'
      OR p.proname = 'pg_logical_emit_message' AND current_setting('wal_level') = 'logical')
  SELECT string_agg(oid::regprocedure::text, ', ' ORDER BY oid) FILTER (WHERE has_function_privilege(oid, 'EXECUTE') AND
      (extname IS NOT NULL OR lanispl AND NOT lanpltrusted OR proname = 'pg_logical_emit_message')),
    count(*) FILTER (WHERE proname <> 'pg_logical_emit_message') > 0
  FROM f`

const schemasQuery = `
  SELECT n.nspname, string_agg(DISTINCT pg_get_userbyid(c.relowner), ',') FROM pg_namespace n
  LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  WHERE ${userSchema} GROUP BY 1 ORDER BY 1 LIMIT 100`

/** Asks PostgreSQL what the role may do in the session's database. Leaves the session reset. */
export async function readPrivileges(session: Session, signal: AbortSignal | undefined): Promise<RolePrivileges> {
  const limits = { timeoutMs: limitMs, maxRows: 100, keepBytes: 200_000, signal, settings: { search_path: 'pg_catalog' } }
  const ask = async (text: string, values: readonly string[] = []): Promise<(string | null)[][]> => {
    const { rows } = await readOnly(session, { text, values }, limits)
    await resetSession(session)
    return rows.map((row) => row.map((cell) => (typeof cell === 'object' && cell !== null ? cell.head : cell)))
  }
  const [privileges = []] = await ask(privilegesQuery)
  const [role, superuser, createRole, createDb, replication, bypass, roles, functions, writers, tables, schemas, inDatabase] =
    privileges
  const [[outsideNames = null, state = null] = []] = await ask(functionsQuery)
  const isSuperuser = superuser === 't'
  const unsafe: string[] = []
  const writes: string[] = []
  if (isSuperuser) unsafe.push('it is a superuser')
  else {
    if (replication === 't') unsafe.push('it has REPLICATION')
    if (roles) unsafe.push(`it is a member of ${roles}`)
    if (functions) unsafe.push(`it may call ${functions.slice(0, 300)}`)
    if (createRole === 't') writes.push('CREATEROLE')
    if (createDb === 't') writes.push('CREATEDB')
    if (bypass === 't') writes.push('BYPASSRLS')
    if (writers) writes.push(`member of ${writers}`)
    if (tables !== '0') writes.push(`write to ${tables === '1000' ? '1000 or more' : tables} table${tables === '1' ? '' : 's'}`)
    if (schemas) writes.push(`create in schema ${schemas.slice(0, 200)}`)
    if (inDatabase === 't') writes.push('create schemas')
  }
  const outside = isSuperuser || !outsideNames ? [] : outsideNames.split(/, (?=[^)]*(?:\(|$))/)
  const repair: string[] = []
  if (unsafe.length > 0) {
    const owned = await ask(schemasQuery)
    const [[exists] = []] = await ask('SELECT count(*) FROM pg_roles WHERE rolname = $1', [readerRole])
    repair.push(
      ...readerRoleSql({
        database: session.database,
        schemas: owned.map(([name, owners]) => ({
          name: name ?? '',
          owners: (owners ?? '').split(',').filter((owner) => owner !== ''),
        })),
        exists: exists === '1',
      }),
    )
  }
  if (outside.length > 0) repair.push(`REVOKE EXECUTE ON FUNCTION ${outside.join(', ')} FROM PUBLIC;`)
  return { role: role ?? '', superuser: isSuperuser, unsafe, writes, outside, keepsState: state === 't', repair }
}

/** Sends the statements that must be refused. Leaves the session reset. */
export async function selfTest(session: Session, signal: AbortSignal | undefined): Promise<SelfTest> {
  const found: Record<string, string | undefined> = {}
  for (const [name, text] of Object.entries(selfTests)) {
    try {
      await readOnly(session, { text }, { timeoutMs: limitMs, maxRows: 1, keepBytes: 1_000, signal })
      found[name] = undefined
    } catch (error) {
      if (!isServerError(error) || session.closed) throw error
      found[name] = error.code
    } finally {
      await guarded(session, limitMs, signal, () => resetSession(session))
    }
  }
  return found
}

export function isEnforced(test: SelfTest): boolean {
  return Object.values(test).every((code) => code !== undefined)
}

/** For `/ready`, the log and the tools that describe the server; `repair` is for the operator only. */
export function describeSafety(privileges: RolePrivileges, test: SelfTest, allowUnsafe: boolean): Record<string, unknown> {
  const { role, superuser, unsafe, writes, outside } = privileges
  return {
    role,
    superuser,
    role_can: unsafe.length + writes.length === 0 ? 'only read' : [...unsafe, ...writes].join('; '),
    queries:
      unsafe.length === 0 ? 'allowed' : allowUnsafe ? 'allowed although the role is unsafe' : `refused: ${unsafe.join('; ')}`,
    ...(outside.length === 0 ? {} : { reaches_outside: outside }),
    self_test: isEnforced(test) ? 'passed' : 'FAILED',
    refused: Object.fromEntries(Object.entries(test).map(([name, code]) => [name, code ?? 'NOT REFUSED'])),
  }
}
