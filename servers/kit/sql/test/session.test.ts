// The private members of pg that session.ts uses. A new version of pg has to pass this before its pin in package.json is changed.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import pg from 'pg'
import { test } from '../../../../test/runner/harness.ts'
import type { Cell } from '../protocol-guard.ts'
import { Session } from '../session.ts'
import type { Field, Outcome, Wire } from '../statement.ts'
import { resolveTarget } from '../target.ts'
import { embedded, repository, startCluster, until, withSql } from './running.ts'

type Members = Record<string, unknown> & EventEmitter

test('pg is the version that session.ts was written for', () => {
  const { version } = JSON.parse(readFileSync(`${repository}/node_modules/pg/package.json`, 'utf8')) as { version: string }
  assert.match(version, /^8\.23\./)
})

test('Connection has the members that are replaced or called', () => {
  const stream = new EventEmitter() as unknown as Socket
  const connection = new pg.Connection({ stream } as never) as unknown as Members
  assert.equal(connection.stream, stream, 'the stream option is not used')
  const messages = ['parse', 'bind', 'describe', 'execute', 'sync', 'query', 'sendCopyFail']
  for (const name of ['attachListeners', 'connect', 'requestSsl', 'cancel', ...messages]) {
    assert.equal(typeof connection[name], 'function', name)
  }
})

test('Client takes a connection, and asks getStartupConf for everything that it sends at the start', async () => {
  const server = createServer()
  const startup = new Promise<Buffer>((resolve) => server.on('connection', (socket) => socket.once('data', resolve)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  process.env.PGOPTIONS = '-c work_mem=1MB'
  try {
    const target = resolveTarget(
      { host: '127.0.0.1', port: String(port), user: 'someone', sslMode: 'disable' },
      { urlVariable: 'X', applicationName: 'contract', ca: undefined },
    )
    const stop = new AbortController()
    const opening = Session.open({ target, database: 'd', connectMs: 5_000, signal: stop.signal })
    const sent = (await startup).toString('latin1', 8)
    assert.deepEqual(sent.split('\0').slice(0, -2), [
      ...['user', 'someone', 'database', 'd', 'application_name', 'contract', 'client_encoding', 'UTF8'],
    ])
    stop.abort(new Error('enough'))
    await assert.rejects(opening, /enough/)
  } finally {
    delete process.env.PGOPTIONS
    server.close()
  }
})

/** Records what pg calls. */
class Recorder {
  readonly calls: unknown[] = []
  readonly done: Promise<void>
  readonly #text: string
  #end!: () => void

  constructor(text: string) {
    this.#text = text
    this.done = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  submit(wire: Wire & { query?(text: string): void }): void {
    wire.query?.(this.#text)
  }
  handleRowDescription({ fields }: { fields: readonly Field[] }): void {
    this.calls.push(['fields', ...fields.map(({ name, dataTypeID }) => [name, dataTypeID])])
  }
  handleDataRow({ fields }: { fields: Cell[] }): void {
    this.calls.push(['row', ...fields])
  }
  handleCommandComplete({ text }: { text: string }): void {
    this.calls.push(['complete', text])
  }
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {
    this.calls.push(['empty'])
  }
  handleError(error: Error & { code?: string }): void {
    this.calls.push(['error', error.code])
    this.#end()
  }
  handleReadyForQuery(): void {
    this.calls.push(['ready'])
    this.#end()
  }
  handleCopyInResponse(wire: Wire): void {
    this.calls.push(['copy in'])
    wire.sendCopyFail('no')
  }
  handleCopyData(): void {}
}

test('statements, rows, errors, notices, COPY, cancelling and fatal errors reach us as session.ts expects', async () => {
  const cluster = await startCluster(embedded)
  const parts = { host: cluster.host, port: String(cluster.port), user: 'postgres', sslMode: 'disable' as const }
  const target = resolveTarget(parts, { urlVariable: 'X', applicationName: 'contract', ca: undefined })
  const open = (): Promise<Session> => Session.open({ target, database: 'postgres', connectMs: 5_000 })
  const [session, other] = await Promise.all([open(), open()])
  const closed: string[] = []
  session.onClose = () => closed.push('session')
  other.onClose = () => closed.push('other')
  const one = (text: string, on = session): Promise<Outcome> => on.run({ step: { text }, keepRows: 1, keepBytes: 1_000 })
  try {
    const run = async (text: string): Promise<unknown[]> => {
      const recorder = new Recorder(text)
      session.submit(recorder)
      await recorder.done
      return recorder.calls
    }
    assert.deepEqual(await run("SELECT 1 AS a, NULL AS b, ''"), [
      ['fields', ['a', 23], ['b', 25], ['?column?', 25]],
      ['row', '1', null, ''],
      ['complete', 'SELECT 1'],
      ['ready'],
    ])
    assert.deepEqual(await run(''), [['empty'], ['ready']])
    assert.deepEqual((await run('SELECT 1 / 0')).at(-1), ['error', '22012'])
    await run("DO $$ BEGIN RAISE NOTICE 'seen'; END $$")
    assert.deepEqual(
      session.notices.map(({ message }) => message),
      ['seen'],
    )
    await run('CREATE TABLE t (a text)')
    assert.deepEqual(await run('COPY t FROM STDIN'), [['copy in'], ['error', '57014']])
    assert.deepEqual((await one("SELECT 'a' AS x")).rows, [['a']])

    const [[pid] = []] = (await one('SELECT pg_backend_pid()', other)).rows
    const active = (): Promise<boolean> =>
      withSql(cluster, async (client) => {
        const { rows } = await client.query('SELECT state FROM pg_stat_activity WHERE pid = $1', [pid])
        return rows[0]?.state === 'active'
      })
    const slow = one('SELECT pg_sleep(20)', other).catch((error: unknown) => error)
    await until('the statement runs', 5_000, active, (is) => is)
    await other.cancel()
    assert.ok((await slow) instanceof Error)
    await until('it is cancelled in the server', 2_000, active, (is) => !is)
    assert.deepEqual(closed, ['other'])

    // An error of the statement is the server's, one that ends the connection is the connection's.
    await assert.rejects(one("SELECT 'raised by SQL' FROM (SELECT 1) t WHERE 1 / 0 = 1"), { severity: 'ERROR', code: '22012' })
    await assert.rejects(one('SELECT pg_terminate_backend(pg_backend_pid())'), { name: 'ConnectionError', code: '57P01' })
    await until(
      'the connection is closed',
      2_000,
      async () => closed,
      ({ length }) => length === 2,
    )
    session.destroy()
    assert.deepEqual(closed, ['other', 'session'])
  } finally {
    session.destroy()
    other.destroy()
    await cluster.remove()
  }
})
