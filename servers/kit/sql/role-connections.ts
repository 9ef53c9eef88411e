// The connections of one role: borrowed for one transaction, reset afterwards, and used for SQL of callers only while the role is safe.
import { monotonicMs, ToolError } from '../../../protocol/index.ts'
import type { Environment } from '../definition.ts'
import { toToolError } from './errors.ts'
import { quoteName } from './identifiers.ts'
import { Pool } from './pool.ts'
import { describeUse, isEnforced, type RolePrivileges, readPrivileges, type SelfTest, selfTest } from './privileges.ts'
import { resetSession } from './read-only.ts'
import type { SafeRole } from './reader-role.ts'
import { ConnectionError, type Session } from './session.ts'
import type { Target } from './target.ts'

export interface ConnectionOptions {
  readonly target: Target
  readonly environment: Environment
  readonly maxConnections: number
  /** Run SQL of callers even though the role could reach files, programs or other sessions. */
  readonly allowUnsafeRole?: boolean
  /** Name of the server, for the log. */
  readonly name: string
  /** Awaited before the first connection is made. */
  readonly started?: (() => Promise<void>) | undefined
}

/** What the role is for. */
export interface Purpose {
  /** Before the role's name, such as `the role`. */
  readonly title: string
  readonly safeRole: SafeRole
  /** The server must refuse what the self-test tries. */
  readonly readsOnly: boolean
}

export interface UseOptions {
  /** What a caller wrote, if it is run: the role has to be safe, and the session may keep state that no reset removes. */
  readonly query?: string | undefined
  /** May exceed the limit of connections by one, for the probe. */
  readonly reserve?: boolean
}

/** How old privileges may be. */
const keptMs = 10_000
const maxDatabases = 200

export class RoleConnections {
  readonly pool: Pool
  readonly #options: ConnectionOptions
  readonly #purpose: Purpose
  #selfTest: SelfTest | undefined
  /** Of the database that was opened last. */
  #privileges: RolePrivileges | undefined
  readonly #privilegesOf = new Map<string, { privileges: RolePrivileges; at: number }>()

  constructor(options: ConnectionOptions, purpose: Purpose) {
    this.#options = options
    this.#purpose = purpose
    const { target, maxConnections } = options
    const onOpen = async (session: Session, signal: AbortSignal | undefined) => void (await this.examine(session, signal))
    this.pool = new Pool({ target, maxConnections, onOpen })
  }

  /** What keeps the access read-only, for `/ready`, the log and the tools that describe the server; empty before the first connection. */
  get safety(): Record<string, unknown> {
    const test = this.#selfTest
    if (this.#privileges === undefined || test === undefined) return {}
    const { role, superuser, unsafe, writes, outside } = this.#privileges
    return {
      role,
      superuser,
      role_can: unsafe.length + writes.length === 0 ? 'only read' : [...unsafe, ...writes].join('; '),
      queries: describeUse(this.#privileges, this.#options.allowUnsafeRole),
      ...(outside.length === 0 ? {} : { reaches_outside: outside }),
      self_test: isEnforced(test) ? 'passed' : 'FAILED',
      refused: Object.fromEntries(Object.entries(test).map(([name, code]) => [name, code ?? 'NOT REFUSED'])),
    }
  }

  /** Why SQL of callers is not run; undefined when it is. */
  get unsafeRole(): string | undefined {
    return this.#privileges === undefined ? undefined : this.#reasonAgainst(this.#privileges)
  }

  /**
   * Lends a session for one transaction and resets it afterwards, without keeping the caller waiting for that. Where a reused connection turns
   * out to be dead, the work is done once more, on a new one.
   * @throws the signal's reason, ToolError FORBIDDEN while the role is not safe for SQL of callers, and what the work throws as a ToolError
   */
  async use<T>(
    database: string,
    signal: AbortSignal,
    work: (session: Session) => Promise<T>,
    { query, reserve = false }: UseOptions = {},
  ): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const session = await this.#acquire(database, signal, reserve)
      const reused = session.uses > 0
      try {
        if (query !== undefined) await this.#refuseUnsafeRole(session, signal)
        return await work(session)
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (!(error instanceof ConnectionError)) throw toToolError(error, query)
        this.pool.dropIdle()
        this.#selfTest = undefined // the next server that answers may be another one
        this.#privilegesOf.clear()
        if (!reused || attempt > 1) throw toToolError(error)
      } finally {
        if (query !== undefined && this.#privilegesOf.get(database)?.privileges.keepsState) session.end()
        void resetSession(session).then(() => this.pool.release(session))
      }
    }
  }

  close(): Promise<void> {
    return this.pool.close()
  }

  /**
   * The self-test, once for each time the server is found; the role's privileges for every new connection.
   * @param anew read the privileges, however new those that are known are
   */
  async examine(session: Session, signal: AbortSignal | undefined, anew = false): Promise<RolePrivileges> {
    const known = this.#privilegesOf.get(session.database)
    if (known !== undefined && !anew && monotonicMs() - known.at < keptMs) return known.privileges
    if (this.#purpose.readsOnly) this.#selfTest ??= await selfTest(session, signal)
    const privileges = await readPrivileges(session, this.#purpose.safeRole, signal)
    if (this.#privilegesOf.size >= maxDatabases) this.#privilegesOf.clear()
    this.#privilegesOf.set(session.database, { privileges, at: monotonicMs() })
    this.#privileges = privileges
    if (JSON.stringify(known?.privileges) !== JSON.stringify(privileges)) this.#report(session.database, privileges)
    return privileges
  }

  #report(database: string, privileges: RolePrivileges): void {
    const { log } = this.#options.environment
    const sql = privileges.repair.join('\n')
    const fields = { server: this.#options.name, database, ...this.safety, ...(sql === '' ? {} : { sql }) }
    const unsafe = this.#reasonAgainst(privileges) ?? 'the role may call functions that reach other systems'
    if (this.#selfTest !== undefined && !isEnforced(this.#selfTest)) {
      log.error('read-only self-test FAILED: this server refuses to work', fields)
    } else if (sql !== '') {
      log.warn(
        `${unsafe}. Run the statements in "sql" in database ${database}, and use the role that they create, if any`,
        fields,
      )
    } else {
      log.info('the role is safe', fields)
    }
  }

  async #refuseUnsafeRole(session: Session, signal: AbortSignal): Promise<void> {
    if (this.#options.allowUnsafeRole === true) return
    if (this.#reasonAgainst(await this.examine(session, signal)) === undefined) return
    const reason = this.#reasonAgainst(await this.examine(session, signal, true)) // the operator may have changed the role since
    if (reason === undefined) return
    throw new ToolError(
      'FORBIDDEN',
      `${reason}. SQL of callers is not run with it; the tools with SQL of their own work. Ask the operator for a safe role: /ready and the log show the statements that create one`,
    )
  }

  #reasonAgainst({ role, unsafe }: RolePrivileges): string | undefined {
    return unsafe.length === 0 ? undefined : `${this.#purpose.title} ${quoteName(role)} is not safe: ${unsafe.join('; ')}`
  }

  async #acquire(database: string, signal: AbortSignal, reserve: boolean): Promise<Session> {
    await this.#options.started?.()
    const session = await this.pool.acquire(database, signal, reserve).catch((error: unknown) => {
      throw toToolError(error)
    })
    if (this.#selfTest === undefined || isEnforced(this.#selfTest)) return session
    this.pool.release(session)
    throw new ToolError(
      'FORBIDDEN',
      'the read-only self-test failed on this database server, so nothing is run. Ask the operator',
    )
  }
}
