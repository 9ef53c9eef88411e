// Every server in its container as compose.yaml starts it, at its memory limit and read-only, against real backends: calls as a gateway makes
// them, with the largest answers among them, from 16 sessions at once, while the healthcheck runs inside the same limit.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import { serverNames } from '../../servers/cli/catalog.ts'
import { embedded, freePort, readOnlyRoleSql, startCluster, withSql } from '../../servers/kit/sql/test/running.ts'
import { shopSql } from '../../servers/kit/sql/test/shop.ts'
import { put, stores, withBucket } from '../../servers/storage/test/store.ts'
import { McpSession, send, withServer } from '../helpers/wire.ts'
import { show, test } from '../runner/harness.ts'
import { dockerOk, hostEngine, inspect, memoryOf, Project, peakDuring, skipContainers } from './containers.ts'

const manySessions = 16
const rounds = 3
const image = `octet-mcp:${packageJson.version}`
const planned = 512

interface Call {
  name: string
  arguments: Record<string, unknown>
  /** What its text begins with, where it is not a result. */
  expect?: RegExp
}

/** A backend that is there while `use` runs: what the server is configured with, and the calls to make. */
interface Load {
  skip?: string | undefined
  /** So many people at once, each from the first call on; without it 16, each from another. */
  sessions?: number
  with(use: (env: Record<string, string>, calls: readonly Call[]) => Promise<void>, folder: string): Promise<void>
}

const missing = (name: string, variable: string): string | undefined =>
  (process.env[variable] ?? '') === '' ? `${name} is not running (${variable})` : undefined

/** Wider and longer than any result may be. */
const wide = "SELECT i, repeat('wide ', 400) AS a, repeat('é', 2000) AS b FROM generate_series(1, 5000) AS i"
const oneCell = "SELECT repeat('x', 30000000) AS cell"

/** Pages as the fetcher and the browser find them: ordinary, and as large as is read. */
const pages: Record<string, string> = {
  '/article': `<!doctype html><title>An article</title><main><h1>An article</h1>${'<p>Some text with <a href="/table">a link</a> and <b>more</b> words in it, so that it is read as an article.</p>'.repeat(200)}</main>`,
  '/table': `<!doctype html><title>A table</title><main><table>${'<tr><td>a cell</td><td>another</td><td>12.5</td></tr>'.repeat(3_000)}</table></main>`,
  '/large': `<!doctype html><title>Large</title><main>${'<p>A paragraph of a page that does not end, with <i>markup</i> in it.</p>'.repeat(74_000)}</main>`,
  '/data.json': JSON.stringify(Array.from({ length: 60_000 }, (_, i) => ({ id: i, name: `item ${i}` }))),
}
const website: RequestListener = (req, res) => {
  const path = (req.url ?? '').replace(/\?.*/, '')
  const body = pages[path]
  res.setHeader('content-type', path.endsWith('.json') ? 'application/json' : 'text/html; charset=utf-8')
  if (body === undefined) res.writeHead(404)
  res.end(body)
}

/** A browser that has grown past PLAYWRIGHT_MAX_RSS_MB is replaced between two calls, and says so. */
const pageOrRecycled = /^(?!ERROR)|^ERROR INVALID_ARGUMENT: no page is open/

const loads: Record<string, Load> = {
  postgres: {
    async with(use) {
      const cluster = await startCluster(embedded)
      try {
        await withSql(cluster, (client) => client.query('CREATE DATABASE shop'))
        const role = readOnlyRoleSql({ db: 'shop', owner: 'postgres', pw: 'reader' })
        await withSql(cluster, (client) => client.query(`${shopSql};${role}`), { database: 'shop' })
        await use({ PGHOST: '127.0.0.1', PGPORT: String(cluster.port), PGUSER: 'mcp_reader', PGDATABASE: 'shop' }, [
          { name: 'postgres_list_tables', arguments: { schema: '*', include_columns: true } },
          { name: 'postgres_query', arguments: { query: 'SELECT * FROM orders', max_rows: 1000 } },
          { name: 'postgres_query', arguments: { query: wide, max_rows: 1000 } },
          { name: 'postgres_server_info', arguments: {} },
          { name: 'postgres_query', arguments: { query: oneCell } },
          { name: 'postgres_database_sizes', arguments: {} },
        ])
      } finally {
        await cluster.remove()
      }
    },
  },
  timescaledb: {
    skip: missing('TimescaleDB', 'OCTET_TEST_TIMESCALEDB_URL'),
    async with(use) {
      const { hostname, port } = new URL(process.env.OCTET_TEST_TIMESCALEDB_URL ?? '')
      const address = { host: hostname, port: Number(port) }
      const database = `container_${randomBytes(4).toString('hex')}`
      const reader = `${database}_reader`
      await withSql(address, async (client) => {
        await client.query(`CREATE DATABASE ${database}`)
        await client.query(`CREATE ROLE ${reader} LOGIN`)
      })
      try {
        await withSql(
          address,
          async (client) => {
            await client.query('CREATE EXTENSION IF NOT EXISTS timescaledb')
            await client.query('CREATE TABLE conditions (time timestamptz NOT NULL, device text, value double precision)')
            await client.query("SELECT create_hypertable('conditions', 'time', chunk_time_interval => interval '1 day')")
            await client.query(
              "INSERT INTO conditions SELECT t, 'd' || d, d FROM generate_series(now() - interval '9 days', now(), interval '10 minutes') t, generate_series(1, 4) d",
            )
            await client.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${reader}`)
          },
          { database },
        )
        await use({ TSDB_HOST: hostname, TSDB_PORT: port, TSDB_USER: reader, TSDB_DATABASE: database }, [
          { name: 'tsdb_show_hypertables', arguments: {} },
          { name: 'tsdb_show_chunks', arguments: { hypertable: 'conditions' } },
          { name: 'tsdb_query', arguments: { query: 'SELECT * FROM conditions', max_rows: 1000 } },
          { name: 'tsdb_query', arguments: { query: wide, max_rows: 1000 } },
          { name: 'tsdb_query', arguments: { query: oneCell } },
          { name: 'tsdb_database_stats', arguments: {} },
        ])
      } finally {
        await withSql(address, async (client) => {
          await client.query(`DROP DATABASE ${database} WITH (FORCE)`)
          await client.query(`DROP ROLE ${reader}`)
        })
      }
    },
  },
  storage: {
    skip: stores[0]?.skip,
    async with(use, folder) {
      const store = await (stores[0] as (typeof stores)[number]).open()
      await writeSecret(folder, 'minio_secret_key', store.secretKey)
      await withBucket(store, async (bucket) => {
        const small = Object.fromEntries(
          Array.from({ length: 1_200 }, (_, i) => [`folder/${i}-${'k'.repeat(60)}.txt`, `text ${i}`]),
        )
        await put(store.client, bucket, {
          ...small,
          'long.txt': 'a line of text\n'.repeat(200_000),
          'bytes.bin': randomBytes(3_000_000),
          'picture.png': Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), randomBytes(690_000)]),
        })
        const env = {
          MINIO_ENDPOINT: store.url,
          MINIO_ACCESS_KEY: store.accessKey,
          MINIO_SECRET_KEY_FILE: '/run/secrets/minio_secret_key',
        }
        const get = (object_key: string, more = {}): Call => ({
          name: 'minio_get_object',
          arguments: { bucket_name: bucket, object_key, ...more },
        })
        await use(env, [
          { name: 'minio_list_objects', arguments: { bucket_name: bucket, max_keys: 1000 } },
          get('long.txt'),
          get('long.txt', { mode: 'text', max_bytes: 1_048_576, offset: 1_000_000 }),
          get('bytes.bin', { mode: 'base64', max_bytes: 1_048_576 }),
          get('picture.png'),
          get('bytes.bin', { mode: 'metadata' }),
        ])
      })
    },
  },
  monitoring: {
    skip: missing('Loki', 'OCTET_TEST_LOKI_URL') ?? missing('Netdata', 'OCTET_TEST_NETDATA_URL'),
    async with(use) {
      const loki = process.env.OCTET_TEST_LOKI_URL ?? ''
      const app = `container${randomBytes(4).toString('hex')}`
      const now = BigInt(Date.now()) * 1_000_000n
      for (let part = 0; part < 10; part++) {
        const values = Array.from({ length: 150 }, (_, i) => {
          const at = now - BigInt(part * 150 + i) * 1_000_000n
          return [String(at), `✓ ${part} ${i} ${'long line '.repeat(300)}`]
        })
        const body = JSON.stringify({ streams: [{ stream: { app, part: String(part) }, values }] })
        const headers = { 'content-type': 'application/json' }
        assert.equal((await send(`${loki}/loki/api/v1/push`, { method: 'POST', headers, body })).status, 204)
      }
      const search = (query: string, more = {}): Call => ({ name: 'search_logs', arguments: { query, hours: 1, ...more } })
      await use({ LOKI_URL: loki, NETDATA_URL: process.env.OCTET_TEST_NETDATA_URL ?? '' }, [
        search(`{app="${app}"}`),
        { name: 'get_system_metrics', arguments: {} },
        { ...search(`{app="${app}"}`, { limit: 1000 }), expect: /^(\d+ lines|ERROR TOO_LARGE)/ },
        search(`{app="${app}"} |= "✓ 3"`, { limit: 200, format: 'lines' }),
        search(`sum by (part) (count_over_time({app="${app}"}[1m]))`, { step: 15 }),
        { name: 'get_system_metrics', arguments: { after: 60, points: 60 } },
      ])
    },
  },
  filesystem: {
    async with(use, folder) {
      const files = join(folder, 'files')
      await mkdir(join(files, 'many'), { recursive: true })
      for (let i = 0; i < 1_500; i++) await writeFile(join(files, 'many', `${'n'.repeat(60)}-${i}.txt`), `${i}`)
      await writeFile(join(files, 'long.log'), 'a line of a log that goes on for a while ✓\n'.repeat(1_000_000))
      await writeFile(join(files, 'bytes.bin'), randomBytes(2_000_000))
      await writeFile(join(files, 'one-line.json'), `{"x":"${'y'.repeat(20_000_000)}"}`)
      await chmod(folder, 0o755)
      const read = (path: string, more = {}): Call => ({ name: 'read_file', arguments: { path, ...more } })
      await use({ OCTET_FILES: files }, [
        { name: 'list_directory', arguments: { recursive: true, limit: 1000 } },
        read('long.log', { tail: 5000 }),
        read('long.log', { offset: 900_000, limit: 5000, line_numbers: true }),
        read('bytes.bin', { encoding: 'base64' }),
        read('one-line.json'),
        { name: 'list_directory', arguments: { recursive: true, pattern: '**/*-12*.txt', sort: 'mtime' } },
      ])
    },
  },
  n8n: {
    skip: missing('n8n', 'OCTET_TEST_N8N_URL'),
    async with(use, folder) {
      const { OCTET_TEST_N8N_URL: url = '', OCTET_TEST_N8N_API_KEY: key = '' } = process.env
      await writeSecret(folder, 'n8n_api_key', key)
      const list = await send(`${url}/api/v1/workflows?limit=1`, { headers: { 'x-n8n-api-key': key } })
      const workflow_id = list.json().data[0].id
      await use({ N8N_API_URL: url, N8N_API_KEY_FILE: '/run/secrets/n8n_api_key' }, [
        { name: 'n8n_list_workflows', arguments: { limit: 250 } },
        { name: 'n8n_get_workflow', arguments: { workflow_id } },
        { name: 'n8n_get_workflow', arguments: { workflow_id, detail: 'full' } },
        { name: 'n8n_get_database_statistics', arguments: { refresh: true } },
      ])
    },
  },
  fetch: {
    with: (use) =>
      withServer(website, async (url) => {
        const page = (path: string, more = {}): Call => ({
          name: 'fetch_web_content',
          arguments: { url: `${url}${path}`, ...more },
        })
        await use({ FETCH_ALLOW_PRIVATE: new URL(url).host }, [
          page('/article'),
          page('/large'),
          page('/article?2', { max_length: 40_000 }),
          page('/data.json'),
          page('/table'),
        ])
      }),
  },
  playwright: {
    // A page that was photographed as a whole keeps 140 MiB and takes as much again meanwhile: two people who do nothing else are too many.
    sessions: 1,
    with: (use) =>
      withServer(website, async (url) => {
        await use({ PLAYWRIGHT_ALLOW_PRIVATE: new URL(url).host }, [
          { name: 'navigate', arguments: { url: `${url}/article` } },
          { name: 'screenshot', arguments: { full_page: true }, expect: pageOrRecycled },
          { name: 'get_content', arguments: {}, expect: pageOrRecycled },
          { name: 'navigate', arguments: { url: `${url}/table` } },
          { name: 'screenshot', arguments: {}, expect: pageOrRecycled },
          { name: 'get_content', arguments: {}, expect: pageOrRecycled },
        ])
      }),
  },
}

const figures: { name: string; idle: number; peak: number; limit: number }[] = []

for (const [name, load] of Object.entries(loads)) {
  test.unless(skipContainers ?? load.skip)(
    `${name}: stays healthy and within its limit while ${load.sessions ?? manySessions} sessions ask for the largest answers`,
    () =>
      inFolder((folder) =>
        load.with(async (env, calls) => {
          await withServices([name], env, folder, async ({ project, token, url }) => {
            const container = await project.container(`mcp-${name}`)
            const { State } = await inspect(hostEngine, container)
            const pid = State.Pid
            const limit =
              Number(await dockerOk(hostEngine, ['inspect', '--format', '{{.HostConfig.Memory}}', container])) / 1_048_576
            const ready = await send(`${url(name)}/ready`, { headers: { authorization: `Bearer ${token}` } })
            assert.equal(ready.status, 200, ready.text)
            const idle = memoryOf(pid).held
            const peak = await peakDuring(
              pid,
              Promise.all(
                Array.from({ length: load.sessions ?? manySessions }, (_, i) =>
                  askInTurns(url(name), token, calls, i, load.sessions === undefined ? i : 0),
                ),
              ),
            )
            const after = await inspect(hostEngine, container)
            const { kills, peak: counted } = memoryOf(pid)
            figures.push({ name, idle, peak, limit })
            show(
              `memory of mcp-${name}, MiB: ${idle.toFixed(1)} idle, ${peak.toFixed(1)} peak of what cannot be given back, ${counted.toFixed(1)} peak with files, limit ${limit}`,
            )
            assert.equal(kills, 0, 'the limit ended a process')
            assert.deepEqual([after.State.Status, after.State.OOMKilled, after.RestartCount], ['running', false, 0])
            assert.equal(after.State.Health?.Status, 'healthy')
            assert.ok(peak < limit, `${peak} of ${limit} MiB`)
          })
        }, folder),
      ),
    { timeoutMs: 240_000 },
  )
}

test.unless(skipContainers)(
  'the images are small, and the limits of the seven light servers sum up to what was planned for one',
  async () => {
    const images = await dockerOk(hostEngine, ['images', '--format', '{{.Repository}} {{.Size}}'])
    for (const line of images.split('\n').filter((each) => each.startsWith('octet-mcp'))) show(`image ${line}`)
    const bytes = Number(await dockerOk(hostEngine, ['image', 'inspect', '--format', '{{.Size}}', image]))
    assert.ok(bytes < 160_000_000, `${bytes} bytes`)
    const config = JSON.parse(
      await new Project(hostEngine, 'octet-limits', ['docker/compose.yaml']).run('config', '--format', 'json'),
    )
    const services: Record<string, { mem_limit?: string }> = config.services
    const limits = serverNames
      .filter((name) => name !== 'playwright')
      .map((name) => Number(services[`mcp-${name}`]?.mem_limit) / 1_048_576)
    const light = figures.filter(({ name }) => name !== 'playwright')
    const sum = (values: readonly number[]): string => values.reduce((a, b) => a + b, 0).toFixed(0)
    show(
      `sum over ${light.length} light servers, MiB: ${sum(light.map(({ idle }) => idle))} idle, ${sum(light.map(({ peak }) => peak))} peak, limits ${sum(limits)} of ${planned}`,
    )
    assert.ok(Number(sum(limits)) <= planned, `limits sum up to ${sum(limits)} MiB`)
  },
)

/** A folder below the temporary one, with a name that other users may read. */
async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-containers-'))
  await chmod(folder, 0o755)
  try {
    await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function writeSecret(folder: string, name: string, secret: string): Promise<void> {
  await writeFile(join(folder, name), `${secret}\n`, { mode: 0o644 })
}

interface Services {
  project: Project
  token: string
  url(name: string): string
}

/** Runs the shipped services on the host's network, each on a port of its own and with `env` as .env, and removes them with their volumes. */
async function withServices(
  names: readonly string[],
  env: Record<string, string>,
  folder: string,
  use: (services: Services) => Promise<void>,
): Promise<void> {
  const envFile = join(folder, 'env')
  const lines = Object.entries(env).map(([name, value]) => `${name}=${value}\n`)
  await writeFile(envFile, lines.join(''))
  const ports = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await freePort()] as const)))
  const project = new Project(
    hostEngine,
    `octet-${names.join('-')}`,
    ['docker/compose.yaml', 'test/containers/host-network.yaml'],
    {
      ...env, // what is Compose's own, such as OCTET_FILES
      TEST_ENV: envFile,
      TEST_SECRETS: folder,
      ...Object.fromEntries(names.map((name) => [`TEST_PORT_${name}`, String(ports[name])])),
    },
  )
  await project.down()
  try {
    await project.run('up', '--detach', '--no-build', '--wait', '--wait-timeout', '60', ...names.map((name) => `mcp-${name}`))
    const token = await project.run('run', '--rm', '--no-deps', '--entrypoint', 'node', 'init', '-p', readToken)
    await use({ project, token, url: (name) => `http://127.0.0.1:${ports[name]}` })
  } finally {
    await project.down()
  }
}

const readToken = "require('node:fs').readFileSync('/run/octet/token/token', 'utf8')"

/** One person's session that makes every call `rounds` times, beginning with the call of that index. */
async function askInTurns(url: string, token: string, calls: readonly Call[], person: number, first: number): Promise<void> {
  const session = await McpSession.open(`${url}/sse`, {
    authorization: `Bearer ${token}`,
    'x-litellm-end-user-id': `person ${person}`, // each has a browser session of their own
  })
  const clientInfo = { name: 'container-test', version: '0' }
  await session.request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo })
  await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' })
  for (let i = 0; i < rounds * calls.length; i++) {
    const { name, arguments: args, expect } = calls[(i + first) % calls.length] as Call
    const result = await session.call(name, args)
    const text = String(result.content[0].text ?? '')
    if (expect === undefined) assert.notEqual(result.isError, true, `${name} ${JSON.stringify(args)}: ${text.slice(0, 300)}`)
    else assert.match(text, expect, `${name} ${JSON.stringify(args)}`)
  }
  session.close()
}
