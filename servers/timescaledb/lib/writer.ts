// Runs writing statements: over one connection, in one transaction for each call that is committed only when the call asks for it.
import { ToolError } from '../../../protocol/index.ts'
import type { SqlEngine } from '../../kit/sql/engine.ts'
import { quoteName } from '../../kit/sql/identifiers.ts'
import { describeUse } from '../../kit/sql/privileges.ts'
import { guarded, runOwn, transactionSettings } from '../../kit/sql/read-only.ts'
import type { SafeRole } from '../../kit/sql/reader-role.ts'
import { RoleConnections } from '../../kit/sql/role-connections.ts'
import { ConnectionError, type Notice, type Session } from '../../kit/sql/session.ts'
import type { Outcome, Step } from '../../kit/sql/statement.ts'
import type { Target } from '../../kit/sql/target.ts'
import { cleanText, clip } from '../../kit/text.ts'

export interface WriteLimits {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** What the caller wrote, if it is run. */
  readonly query?: string
  /** Roll back what succeeds too. */
  readonly dryRun?: boolean
}

const lockMs = 5_000
/** Of what a statement returns. */
const kept = { keepRows: 20, keepBytes: 100_000 }
const nothing = { keepRows: 0, keepBytes: 0 }

/** It reads and writes the tables of the schemas. The SQL is for one database, for the operator to paste. */
export const safeWriter: SafeRole = {
  name: 'mcp_writer',
  sql: ({ database, schemas, password = "'<a long random password>'" }) => [
    `CREATE ROLE mcp_writer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 3 PASSWORD ${password};`,
    `GRANT CONNECT ON DATABASE ${quoteName(database)} TO mcp_writer;`,
    ...schemas
      .map(({ name }) => quoteName(name))
      .flatMap((schema) => [
        `GRANT USAGE, CREATE ON SCHEMA ${schema} TO mcp_writer;`,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO mcp_writer;`,
        `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO mcp_writer;`,
      ]),
    '-- For ALTER, compression and continuous aggregates it must own the table: ALTER TABLE … OWNER TO mcp_writer;',
  ],
}

/** What is not known when the answer to the last message of a transaction does not come. */
const unanswered = {
  COMMIT: 'the commit was sent but not confirmed',
  CALL: 'the connection was lost while the procedure ran',
}

/**
 * @param engine looks up names for error messages, and knows which database is meant
 * @param allowUnsafeRole run SQL of callers even though the role could reach beyond the rows of this database
 */
export function openWriter(target: Target, engine: SqlEngine, allowUnsafeRole: boolean) {
  const connections = new RoleConnections({
    ...{ target, allowUnsafeRole, environment: engine.environment, name: 'timescaledb', maxConnections: 1 },
    ...{ title: 'the writing role', safeRole: safeWriter, readsOnly: false },
  })

  /** With a database of its own in the URL that one, otherwise the one the reading tools have found. */
  const findDatabase = async (signal: AbortSignal): Promise<string> =>
    target.databases.length === 1 ? target.databases[0] : engine.resolveDatabase(undefined, signal)

  /** @param work calls `sending` before what may be done although its answer does not come */
  async function use<T>(
    { timeoutMs, signal, query }: WriteLimits,
    work: (session: Session, sending: (last: keyof typeof unanswered) => void) => Promise<T>,
  ): Promise<T> {
    const database = await findDatabase(signal)
    const run = async (session: Session): Promise<T> => {
      let sent: keyof typeof unanswered | undefined
      try {
        return await guarded(session, timeoutMs, signal, () =>
          work(session, (last) => {
            sent = last
          }),
        )
      } catch (error) {
        const isLost = error instanceof ConnectionError || (sent === 'COMMIT' && (error as Partial<ToolError>).code === 'TIMEOUT')
        if (sent === undefined || !isLost) throw error
        // Not a ConnectionError, after which the work would be done once more.
        const hint = 'check with tsdb_query before you repeat it'
        const text = `${unanswered[sent]}: it is not known whether the change was made`
        throw new ToolError('UPSTREAM_ERROR', text, { hint, cause: error })
      }
    }
    try {
      return await connections.use(database, signal, run, { query })
    } catch (error) {
      throw query === undefined ? error : await engine.explain(error, query, database, signal)
    }
  }

  return {
    /** Reads the role's privileges; the answer is for `/ready`. @throws ToolError */
    async probe(signal: AbortSignal): Promise<Record<string, unknown>> {
      const examine = (session: Session) => connections.examine(session, signal, true)
      const privileges = await connections.use(await findDatabase(signal), signal, examine, { probing: true })
      const { role, repair } = privileges
      const statements = describeUse(privileges, allowUnsafeRole)
      return { role, statements, ...(repair.length === 0 ? {} : { sql_for_the_operator: repair }) }
    },

    /** Runs `work` in a transaction; commits it, or rolls back a dry run and when anything fails. @throws ToolError */
    transaction<T>(limits: WriteLimits, work: (transaction: Transaction) => Promise<T>): Promise<T> {
      return use(limits, async (session, sending) => {
        const settings = transactionSettings(session, limits.timeoutMs, lockMs, true)
        await session.run({ before: [{ text: 'BEGIN READ WRITE' }, ...settings], step: { text: 'SELECT 1' }, ...nothing })
        const result = await work(openTransaction(session))
        if (limits.dryRun) return result // rolled back when the session is reset
        sending('COMMIT')
        const { tag } = await session.run({ step: { text: 'COMMIT' }, ...nothing })
        if (tag !== 'COMMIT')
          throw new ToolError('UPSTREAM_ERROR', 'the transaction was rolled back by the server; nothing changed')
        return result
      })
    },

    /** One statement that PostgreSQL refuses to run inside a transaction, such as CALL refresh_continuous_aggregate. @throws ToolError */
    alone(limits: WriteLimits, text: string, values: Step['values'] = []): Promise<{ outcome: Outcome; notices: string[] }> {
      return use(limits, async (session, sending) => {
        const settings = ['standard_conforming_strings = on', `statement_timeout = ${limits.timeoutMs}`]
        const lock = { text: `SET lock_timeout = ${Math.min(lockMs, limits.timeoutMs)}` }
        await session.run({ before: settings.map((setting) => ({ text: `SET ${setting}` })), step: lock, ...nothing })
        sending('CALL')
        const outcome = await session.run({ step: { text, values }, ...kept })
        return { outcome, notices: session.notices.map(describeNotice) }
      })
    },

    close: () => connections.close(),
  }
}

export type Transaction = ReturnType<typeof openTransaction>

function openTransaction(session: Session) {
  return {
    /** Runs one statement, by the extended protocol. */
    run: (text: string, values?: Step['values']) => session.run({ step: { text, values }, ...kept }),
    /** As the writing role, under its search path. */
    ask: <T>(text: string, values?: Step['values']) => runOwn<T>(session, { text, values }),
    /** The server's notices so far, as `SEVERITY: message`. */
    get notices(): string[] {
      return session.notices.map(describeNotice)
    },
  }
}

/** The text is written by triggers and functions of the database, too: cleaned, cut, and on one line. */
function describeNotice({ severity, message }: Notice): string {
  return `${severity}: ${clip(cleanText(message).replace(/\s+/g, ' '), 500)}`
}
