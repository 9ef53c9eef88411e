// What the read-only promise rests on here and now: the server attacks its own connection, and looks at what its role could do.
import { isConnectionLoss, isServerError } from './errors.ts'
import { guarded, readOnly, scrub } from './read-only.ts'
import type { Session } from './session.ts'

export interface Attack {
  readonly name: string
  /** SQLSTATE of the refusal; undefined when it was not refused. */
  readonly refused: string | undefined
}

export interface Posture {
  readonly role: string
  readonly superuser: boolean
  /** What the role may do beyond reading, in words; empty for a role that only reads. */
  readonly powers: readonly string[]
  readonly attacks: readonly Attack[]
  /** Every attack was refused. */
  readonly enforced: boolean
}

const attackMs = 2_000

/**
 * Harmless if they succeeded, and sent past the lexer gate on purpose: they prove the layers under it. A second command in one message; a
 * write; the way back to a writing transaction.
 */
const attacks: readonly (readonly [name: string, text: string])[] = [
  ['stacked statement', 'COMMIT; SELECT 1'],
  ['write', 'CREATE TEMPORARY TABLE mcp_self_test (x integer)'],
  ['read write switch', "SELECT pg_catalog.set_config('transaction_read_only', 'off', true)"],
]

const postureQuery = `
  SELECT current_user, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls,
    (SELECT string_agg(m.rolname, ',' ORDER BY m.rolname) FROM pg_roles m
      WHERE m.rolname IN ('pg_read_server_files','pg_write_server_files','pg_execute_server_program','pg_signal_backend',
        'pg_write_all_data','pg_read_all_data','pg_checkpoint','pg_maintain','pg_create_subscription')
      AND pg_has_role(current_user, m.oid, 'MEMBER') AND NOT r.rolsuper),
    (SELECT count(*) FROM (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r','p') AND n.nspname !~ '^(pg_|information_schema$|_timescaledb)'
      AND has_table_privilege(c.oid, 'INSERT,UPDATE,DELETE,TRUNCATE') LIMIT 1000) w),
    (SELECT string_agg(n.nspname, ',' ORDER BY n.nspname) FROM (SELECT nspname, oid FROM pg_namespace
      WHERE nspname !~ '^(pg_|information_schema$|_timescaledb)' LIMIT 1000) n
      WHERE has_schema_privilege(n.oid, 'CREATE')),
    has_database_privilege(current_database(), 'CREATE')
  FROM pg_roles r WHERE r.rolname = current_user`

/** Leaves the session scrubbed. */
export async function examine(session: Session, signal: AbortSignal | undefined): Promise<Posture> {
  const found: Attack[] = []
  for (const [name, text] of attacks) found.push({ name, refused: await attack(session, text, signal) })
  const limits = { timeoutMs: attackMs, maxRows: 1, keepBytes: 10_000, signal, settings: { search_path: 'pg_catalog' } }
  const { rows } = await readOnly(session, { text: postureQuery }, limits)
  await scrub(session)
  const [role, superuser, createRole, createDb, replication, bypass, memberships, writable, creatable, createInDb] = (rows[0] ??
    []) as (string | null)[]
  const powers: string[] = []
  if (superuser === 't') powers.push('superuser')
  if (createRole === 't') powers.push('CREATEROLE')
  if (createDb === 't') powers.push('CREATEDB')
  if (replication === 't') powers.push('REPLICATION')
  if (bypass === 't') powers.push('BYPASSRLS')
  if (memberships !== null && memberships !== undefined) powers.push(`member of ${memberships.split(',').join(', ')}`)
  if (superuser !== 't') {
    if (Number(writable) > 0)
      powers.push(`may write to ${writable === '1000' ? '1000 or more' : writable} table${writable === '1' ? '' : 's'}`)
    if (creatable !== null && creatable !== undefined)
      powers.push(`may create in schema ${creatable.split(',').slice(0, 5).join(', ')}`)
    if (createInDb === 't') powers.push('may create schemas')
  }
  return {
    role: role ?? '',
    superuser: superuser === 't',
    powers,
    attacks: found,
    enforced: found.every(({ refused }) => refused !== undefined),
  }
}

async function attack(session: Session, text: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    await readOnly(session, { text }, { timeoutMs: attackMs, maxRows: 1, keepBytes: 1_000, signal })
    return undefined
  } catch (error) {
    if (isServerError(error) && !session.closed && !isConnectionLoss(error)) return error.code
    throw error
  } finally {
    await guarded(session, attackMs, signal, () => scrub(session))
  }
}

/** For `/ready` and `postgres_server_info`. */
export function postureBlock(posture: Posture): Record<string, unknown> {
  return {
    role: posture.role,
    superuser: posture.superuser,
    role_can: posture.powers.length === 0 ? 'only read' : posture.powers.join('; '),
    self_test: posture.enforced ? 'passed' : 'FAILED',
    refused: Object.fromEntries(posture.attacks.map(({ name, refused }) => [name, refused ?? 'NOT REFUSED'])),
  }
}
