// The private members of pg that pg-adapter.ts uses. A new version of pg has to pass this before its pin in package.json is changed.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import pg from 'pg'
import { test } from '../../../../test/runner/harness.ts'
import { type Field, PgConnection, type Submittable, type Wire } from '../pg-adapter.ts'
import type { Cell } from '../protocol-guard.ts'
import { resolveTarget } from '../target.ts'
import { embedded, repository, startCluster, until, withSql } from './running.ts'

type Members = Record<string, unknown> & EventEmitter

test('pg is the version that the adapter was written for', () => {
  const { version } = JSON.parse(readFileSync(`${repository}/node_modules/pg/package.json`, 'utf8')) as { version: string }
  assert.match(version, /^8\.23\./)
})

test('Connection has the members that are replaced or called', () => {
  const stream = new EventEmitter() as unknown as Socket
  const connection = new pg.Connection({ stream } as never) as unknown as Members
  assert.equal(connection.stream, stream, 'the stream option is not used')
  for (const name of ['attachListeners', 'connect', 'requestSsl', 'cancel', 'query', 'sendCopyFail']) {
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
    const listener = { flood() {}, notice() {}, ended() {} }
    const opening = PgConnection.open({ target, database: 'd', connectMs: 5_000, signal: stop.signal }, listener)
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
class Recorder implements Submittable {
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

test('statements, rows, errors, notices, COPY, cancelling and fatal errors reach us as the adapter expects', async () => {
  const cluster = await startCluster(embedded)
  const parts = { host: cluster.host, port: String(cluster.port), user: 'postgres', sslMode: 'disable' as const }
  const target = resolveTarget(parts, { urlVariable: 'X', applicationName: 'contract', ca: undefined })
  const notices: string[] = []
  let ended = 0
  const listener = {
    flood() {},
    notice: (notice: { message: string }) => void notices.push(notice.message),
    ended: () => void (ended += 1),
  }
  const connection = await PgConnection.open({ target, database: 'postgres', connectMs: 5_000 }, listener)
  try {
    const run = async (text: string): Promise<unknown[]> => {
      const recorder = new Recorder(text)
      connection.submit(recorder)
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
    assert.deepEqual(
      await run('SELECT 1 / 0'),
      [
        ['fields', ['?column?', 23]],
        ['error', '22012'],
      ].slice(-1),
    )
    assert.equal(connection.fatal, false)
    await run("DO $$ BEGIN RAISE NOTICE 'seen'; END $$")
    assert.deepEqual(notices, ['seen'])
    await run('CREATE TABLE t (a text)')
    assert.deepEqual(await run('COPY t FROM STDIN'), [['copy in'], ['error', '57014']])

    const slow = run('SELECT pg_sleep(20)')
    await withSql(cluster, (client) =>
      until(
        'the statement runs',
        5_000,
        async () =>
          (await client.query('SELECT state FROM pg_stat_activity WHERE pid = $1', [connection.processId])).rows[0].state,
        (state) => state === 'active',
      ),
    )
    await connection.cancel()
    assert.deepEqual((await slow).at(-1), ['error', '57014'])
    assert.deepEqual(await run("SELECT 'raised by SQL' FROM (SELECT 1) t WHERE 1 / 0 = 1"), [['error', '22012']])
    assert.equal(connection.fatal, false)
    assert.deepEqual((await run('SELECT pg_terminate_backend(pg_backend_pid())')).at(-1), ['error', '57P01'])
    assert.equal(connection.fatal, true)
    await until(
      'the connection is closed',
      2_000,
      async () => ended,
      (count) => count === 1,
    )
  } finally {
    connection.destroy()
    await cluster.remove()
  }
})
