// What the read-only promise rests on: the privileges of the role, read from the database, and a self-test of the layers under it.
import { isServerError } from './errors.ts'
import { guarded, readOnly, readOwn, resetSession } from './read-only.ts'
import type { SafeRole, SchemaOwners } from './reader-role.ts'
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
  /** SQL for the operator: a safe role where this one is unsafe, and the REVOKE of `outside`. */
  readonly repair: readonly string[]
}

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
  WITH me AS (SELECT * FROM pg_roles WHERE rolname = current_user), found AS (SELECT me.*,
    (SELECT string_agg(quote_ident(m.rolname), ', ' ORDER BY m.rolname) FROM pg_roles m WHERE m.oid <> me.oid AND pg_has_role(m.oid, 'MEMBER')
      AND (m.rolsuper OR m.rolreplication OR m.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files',
        'pg_signal_backend', 'pg_signal_autovacuum_worker'))) AS roles,
    (SELECT string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.proname) FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
      AND p.proacl IS NOT NULL AND has_function_privilege(p.oid, 'EXECUTE') AND NOT has_function_privilege('pg_monitor', p.oid, 'EXECUTE')) AS functions,
    (SELECT string_agg(quote_ident(m.rolname), ', ' ORDER BY m.rolname) FROM pg_roles m WHERE pg_has_role(m.oid, 'MEMBER') AND m.rolname IN
      ('pg_write_all_data', 'pg_read_all_data', 'pg_checkpoint', 'pg_maintain', 'pg_create_subscription')) AS writers,
    (SELECT nullif(count(*), 0) FROM (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')
      AND ${userSchema} AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') LIMIT 1000) w) AS tables,
    (SELECT string_agg(n.nspname, ', ' ORDER BY n.nspname) FROM pg_namespace n WHERE ${userSchema} AND has_schema_privilege(n.oid, 'CREATE')) AS schemas
    FROM me)
  SELECT rolname AS role, rolsuper AS superuser,
    CASE WHEN rolsuper THEN ARRAY['it is a superuser'] ELSE array_remove(ARRAY[CASE WHEN rolreplication THEN 'it has REPLICATION' END,
      'it is a member of ' || roles, 'it may call ' || left(functions, 300)], NULL) END AS unsafe,
    CASE WHEN rolsuper THEN '{}' ELSE array_remove(ARRAY[CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
      CASE WHEN rolbypassrls THEN 'BYPASSRLS' END, 'member of ' || writers, 'write to ' || tables || CASE tables WHEN 1 THEN ' table' WHEN 1000 THEN
      ' or more tables' ELSE ' tables' END, 'create in schema ' || left(schemas, 200),
      CASE WHEN has_database_privilege(current_database(), 'CREATE') THEN 'create schemas' END], NULL) END AS writes
  FROM found`

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
  SELECT coalesce(array_agg(oid::regprocedure::text ORDER BY oid) FILTER (WHERE has_function_privilege(oid, 'EXECUTE') AND
      (extname IS NOT NULL OR lanispl AND NOT lanpltrusted OR proname = 'pg_logical_emit_message')), '{}') AS outside,
    count(*) FILTER (WHERE proname <> 'pg_logical_emit_message') > 0 AS "keepsState"
  FROM f`

const schemasQuery = `
  SELECT n.nspname AS name, coalesce(array_agg(DISTINCT pg_get_userbyid(c.relowner)) FILTER (WHERE c.oid IS NOT NULL), '{}') AS owners FROM pg_namespace n
  LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  WHERE ${userSchema} GROUP BY 1 ORDER BY 1 LIMIT 100`

/**
 * Asks PostgreSQL what the role may do in the session's database. Leaves the session reset.
 * @param safe the role to use instead of an unsafe one
 */
export async function readPrivileges(session: Session, safe: SafeRole, signal: AbortSignal): Promise<RolePrivileges> {
  const ask = <T>(text: string, values: readonly string[] = []): Promise<T[]> =>
    readOwn<T>(session, { text, values }, { timeoutMs: limitMs, signal })
  const [role] = await ask<Pick<RolePrivileges, 'role' | 'superuser' | 'unsafe' | 'writes'>>(privilegesQuery)
  const [functions] = await ask<Pick<RolePrivileges, 'outside' | 'keepsState'>>(functionsQuery)
  if (role === undefined || functions === undefined) throw new Error('the catalogue does not know the role of its own session')
  const outside = role.superuser ? [] : functions.outside
  const repair: string[] = []
  if (role.unsafe.length > 0) {
    const schemas = await ask<SchemaOwners>(schemasQuery)
    const [existing] = await ask('SELECT FROM pg_roles WHERE rolname = $1', [safe.name])
    repair.push(...safe.sql({ database: session.database, schemas, exists: existing !== undefined }))
  }
  if (outside.length > 0) repair.push(`REVOKE EXECUTE ON FUNCTION ${outside.join(', ')} FROM PUBLIC;`)
  return { ...role, ...functions, outside, repair }
}

/** Sends the statements that must be refused. Leaves the session reset. @returns the names of those that were not */
export async function selfTest(session: Session, signal: AbortSignal): Promise<string[]> {
  const notRefused: string[] = []
  for (const [name, text] of Object.entries(selfTests)) {
    try {
      await readOnly(session, { text }, { timeoutMs: limitMs, maxRows: 1, keepBytes: 1_000, signal })
      notRefused.push(name)
    } catch (error) {
      if (!isServerError(error) || session.closed) throw error
    } finally {
      await guarded(session, limitMs, signal, () => resetSession(session))
    }
  }
  return notRefused
}

/** Whether SQL of callers is run with the role. */
export function describeUse({ unsafe }: RolePrivileges, allowUnsafe = false): string {
  if (unsafe.length === 0) return 'allowed'
  return allowUnsafe ? 'allowed although the role is unsafe' : `refused: ${unsafe.join('; ')}`
}
