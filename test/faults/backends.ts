// The servers under test with their backends: those of every machine (files, a website, PostgreSQL), and the live ones that the environment
// names. Each backend is reached through a proxy that can disturb it.
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LocalCluster } from '../../dev/local-cluster.ts'
import { embedded, freePort, startCluster, withSql } from '../../servers/kit/sql/test/running.ts'
import { makeBucket, put, stores } from '../../servers/storage/test/store.ts'
import { withDatabase } from '../fixtures/household.ts'
import { JsonLineProcess } from '../helpers/json-line-process.ts'
import type { Work } from './load.ts'
import { type Protocol, TcpProxy } from './tcp-proxy.ts'

const {
  OCTET_TEST_TIMESCALEDB_URL: timescaledb,
  OCTET_TEST_MINIO_URL: minio,
  OCTET_TEST_LOKI_URL: loki,
  OCTET_TEST_NETDATA_URL: netdata,
  OCTET_TEST_N8N_URL: n8n,
  OCTET_TEST_N8N_API_KEY: n8nKey,
  OCTET_TEST_CHROMIUM_HEADLESS_SHELL: chromium,
} = process.env

/** A process behind a proxy that the test owns and can kill. */
export interface Killable {
  kill(): void
  start(): Promise<void>
}

export interface Backends {
  /** Variables of the process. */
  readonly env: Record<string, string>
  readonly works: readonly Work[]
  /** By the server that reaches its backend through them. */
  readonly proxies: ReadonlyMap<string, readonly TcpProxy[]>
  readonly killable: { readonly postgres: Killable; readonly website: Killable }
  close(): Promise<void>
}

/** @param folder for files; PostgreSQL must be able to reach it @param host the address at which the process finds its backends */
export async function openBackends(folder: string, host: string): Promise<Backends> {
  const env: Record<string, string> = {}
  const works: Work[] = []
  const proxies = new Map<string, TcpProxy[]>()
  const closing: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step()
  }
  /** Returns the URL of a proxy before this one. */
  const via = async (server: string, url: string, protocol: Protocol = 'http'): Promise<string> => {
    const { hostname, port } = new URL(url)
    const proxy = await TcpProxy.open(host, protocol, () => ({ host: hostname, port: Number(port) }))
    closing.push(() => proxy.close())
    proxies.set(server, [...(proxies.get(server) ?? []), proxy])
    const proxied = new URL(url)
    proxied.host = proxy.address
    return proxied.href.replace(/\/$/, '')
  }
  const work = (
    server: string,
    calls: readonly [tool: string, args: (n: number) => object][],
    more: Partial<Work> = {},
  ): void => {
    works.push({
      ...{ server, workers: 4, pauseMs: 40 },
      ...more,
      next(random) {
        const [tool, args] = calls[Math.floor(random() * calls.length)] as (typeof calls)[number]
        return { tool, args: args(Math.floor(random() * 1_000_000)) }
      },
    })
  }
  try {
    const files = join(folder, 'files')
    fillFiles(files)
    env.FS_ROOTS = files
    work('filesystem', [
      ['read_file', (n) => ({ path: `notes/note-${n % 40}.md`, limit: 50 })],
      ['list_directory', () => ({ path: 'notes', limit: 20 })],
    ])

    const website = await startWebsite()
    closing.push(() => website.process.kill())
    const site = await via('fetch', `http://127.0.0.1:${website.port}`)
    const open = new URL(site).host
    Object.assign(env, { FETCH_ALLOW_PRIVATE: open, FETCH_IGNORE_ROBOTS: 'true', FETCH_CACHE_SECONDS: '0' })
    work('fetch', [['fetch_web_content', (n) => ({ url: `${site}/${n}`, max_length: 1_000 })]])

    const cluster = await startCluster(embedded)
    closing.push(() => cluster.remove())
    await withSql(cluster, (client) =>
      client.query(
        "CREATE ROLE reader LOGIN; CREATE TABLE orders AS SELECT n, 'customer ' || n AS customer FROM generate_series(1, 1000) n; GRANT SELECT ON orders TO reader",
      ),
    )
    const database = new URL(await via('postgres', `postgresql://127.0.0.1:${cluster.port}`, 'postgres'))
    Object.assign(env, { PGHOST: database.hostname, PGPORT: database.port, PGUSER: 'reader', PGDATABASE: 'postgres' })
    work('postgres', [
      ['postgres_query', (n) => ({ query: `SELECT * FROM orders WHERE n > ${n % 900} LIMIT 20` })],
      ['postgres_list_tables', () => ({ limit: 5 })],
    ])

    if (timescaledb !== undefined) {
      const name = `faults_${randomBytes(4).toString('hex')}` // of a role and of its database
      const as = (url: string, user: string): string => {
        const own = new URL(url)
        own.pathname = `/${name}`
        own.username = user
        return own.href
      }
      await withDatabase(timescaledb, async (client) => {
        await client.query(`CREATE DATABASE ${name}`)
        await client.query(`CREATE ROLE ${name} LOGIN`)
      })
      closing.push(() =>
        withDatabase(timescaledb, async (client) => {
          await client.query(`DROP DATABASE ${name} WITH (FORCE)`)
          await client.query(`DROP ROLE ${name}`)
        }),
      )
      await withDatabase(as(timescaledb, new URL(timescaledb).username), (client) =>
        client.query('CREATE EXTENSION IF NOT EXISTS timescaledb'),
      )
      env.TSDB_URL = as(await via('timescaledb', timescaledb, 'postgres'), name)
      work('timescaledb', [['tsdb_query', (n) => ({ query: `SELECT ${n} AS n` })]], { workers: 2 })
    }
    const store = minio === undefined ? undefined : await stores[0]?.open()
    if (store !== undefined) {
      const { bucket, drop } = await makeBucket(store)
      closing.push(drop)
      const keys = Array.from({ length: 20 }, (_, i) => `backups/${i}.txt`)
      await put(store.client, bucket, Object.fromEntries(keys.map((key) => [key, `-- ${key}\n${'some text\n'.repeat(200)}`])))
      const credentials = { MINIO_ACCESS_KEY: store.accessKey, MINIO_SECRET_KEY: store.secretKey }
      Object.assign(env, { MINIO_ENDPOINT: await via('storage', store.url), ...credentials })
      work('storage', [
        ['minio_list_objects', () => ({ bucket, prefix: 'backups/' })],
        ['minio_get_object', (n) => ({ bucket, key: `backups/${n % 20}.txt` })],
      ])
    }
    if (loki !== undefined && netdata !== undefined) {
      Object.assign(env, { LOKI_URL: await via('monitoring', loki), NETDATA_URL: await via('monitoring', netdata) })
      const calls: [string, (n: number) => object][] = [
        ['search_logs', (n) => ({ query: `{app="nobody-${n}"}`, hours: 1 })],
        ['get_system_metrics', () => ({ charts: ['system.cpu'], after: 60, points: 5 })],
      ]
      work('monitoring', calls, { workers: 2, pauseMs: 100 })
    }
    if (n8n !== undefined && n8nKey !== undefined) {
      Object.assign(env, { N8N_API_URL: await via('n8n', n8n), N8N_API_KEY: n8nKey })
      work('n8n', [['n8n_list_workflows', () => ({ limit: 5 })]], { workers: 2, pauseMs: 200 })
    }
    if (chromium !== undefined) {
      Object.assign(env, { PLAYWRIGHT_EXECUTABLE_PATH: chromium, PLAYWRIGHT_ALLOW_PRIVATE: open })
      work('playwright', [['navigate', (n) => ({ url: `${site}/${n}` })]], { workers: 1, pauseMs: 500 })
      proxies.set('playwright', proxies.get('fetch') ?? []) // the same website
    }
    return {
      env,
      works,
      proxies,
      killable: { postgres: killablePostgres(cluster, proxies.get('postgres') ?? []), website },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function fillFiles(folder: string): void {
  mkdirSync(join(folder, 'notes'), { recursive: true })
  for (let i = 0; i < 40; i += 1) writeFileSync(join(folder, 'notes', `note-${i}.md`), `note ${i}\n${'text '.repeat(400)}\n`)
}

/** The postmaster is killed; its children end by themselves, and the next start recovers from the log. */
function killablePostgres(cluster: LocalCluster, proxies: readonly TcpProxy[]): Killable {
  return {
    kill() {
      const [pid] = readFileSync(join(cluster.folder, 'data/postmaster.pid'), 'utf8').split('\n')
      process.kill(Number(pid), 'SIGKILL')
    },
    async start() {
      await cluster.stop()
      // LocalCluster takes the refusal of a client that comes too early for a failed start.
      for (const proxy of proxies) await proxy.set('refuse')
      await cluster.start()
      for (const proxy of proxies) await proxy.set('pass')
    },
  }
}

const websiteSource = `
  const page = n => '<!doctype html><title>Page ' + n + '</title><main><h1>Page ' + n + '</h1>' + '<p>Some text with <a href="/x">a link</a>.</p>'.repeat(60)
  require('node:http').createServer((req, res) => res.setHeader('content-type', 'text/html; charset=utf-8').end(page(req.url)))
    .listen(Number(process.argv[1]), '127.0.0.1', () => console.log('{"ready":true}'))`

/** In a process of its own, so that it can be killed. */
async function startWebsite(): Promise<Killable & { port: number; process: { kill(): void } }> {
  const port = await freePort()
  let child: JsonLineProcess
  const start = async (): Promise<void> => {
    child = new JsonLineProcess(process.execPath, ['-e', websiteSource, String(port)], {})
    await child.line('ready', ({ ready }) => ready === true)
  }
  await start()
  const kill = (): void => void child.process.kill('SIGKILL')
  return { port, start, kill, process: { kill } }
}
