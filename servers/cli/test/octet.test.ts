// The `octet` command as an operator types it: status against real servers and a real database, and LiteLLM's configuration.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { runChild, withChild } from '../../../test/helpers/child.ts'
import { postJson, send } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { embedded, startCluster, until } from '../../kit/sql/test/running.ts'
import { serverNames } from '../catalog.ts'

const octet = 'servers/cli/octet.ts'
const token = 'a token of the test'

/** The table's rows by their first column, each as its cells. */
function rowsOf(table: string): Map<string, string[]> {
  const [head = '', ...lines] = table.trimEnd().split('\n')
  const starts = [...head.matchAll(/\S+(?: \S+)*/g)].map(({ index }) => index)
  const cells = (line: string): string[] => starts.map((start, i) => line.slice(start, starts[i + 1]).trim())
  return new Map(lines.map((line) => [line.split('  ')[0] ?? '', cells(line)]))
}

const status = (urls: string[], env: Record<string, string> = {}) => runChild(octet, ['status', ...urls], env)

test(
  'status, /ready and /metrics tell when a backend goes, since when, and when it is back',
  async () => {
    const cluster = await startCluster(embedded)
    const env = {
      PGHOST: cluster.host,
      PGPORT: String(cluster.port),
      PGUSER: 'postgres',
      PG_ALLOW_UNSAFE_ROLE: 'true',
      MCP_AUTH_TOKEN: token,
    }
    const bearer = { headers: { authorization: `Bearer ${token}` } }
    try {
      await withChild(octet, ['serve', 'postgres', 'filesystem'], { ...env, FS_ROOTS: cluster.folder }, async ({ url }) => {
        const query = (text: string) =>
          postJson(
            `${url}/postgres/mcp`,
            { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'postgres_query', arguments: { query: text } } },
            bearer.headers,
          )
        const facts = async () => (await send(`${url}/ready`, bearer)).json().servers.postgres
        const gauge = async (name: string) =>
          new RegExp(`^${name}\\{server="postgres"[^}]*\\} (\\S+)$`, 'm').exec((await send(`${url}/metrics`, bearer)).text)?.[1]

        await query('SELECT 1')
        const before = await status([url], { MCP_AUTH_TOKEN: token })
        assert.equal(before.code, 0, before.stdout + before.stderr)
        assert.deepEqual(rowsOf(before.stdout).get('postgres')?.slice(1, 3), ['yes', 'ok'])
        assert.deepEqual(rowsOf(before.stdout).get('postgres')?.slice(4), ['5', '1', '0', '-'])
        assert.deepEqual(rowsOf(before.stdout).get('filesystem')?.slice(1, 3), ['yes', 'ok'])

        await cluster.stop()
        await query('SELECT 2')
        const down = await until('/ready says so', 15_000, facts, ({ state }) => state === 'down')
        const after = await status([url], { MCP_AUTH_TOKEN: token })
        assert.equal(after.code, 1)
        const row = rowsOf(after.stdout).get('postgres') ?? []
        assert.match(row[2] ?? '', /^down: PostgreSQL cannot be reached/)
        assert.equal(row[3], down.since)
        assert.deepEqual(row.slice(4, 7), ['5', '2', '1'])
        assert.match(row[7] ?? '', /^UPSTREAM_UNREACHABLE postgres_query \d{4}-/)
        assert.deepEqual([down.calls, down.errors, down.last_error.code], [2, 1, 'UPSTREAM_UNREACHABLE'])
        assert.equal(await gauge('mcp_server_upstream_up'), '0')
        assert.equal(Number(await gauge('mcp_server_upstream_since_timestamp_seconds')), Date.parse(down.since) / 1000)
        assert.equal(Number(await gauge('mcp_server_last_error_timestamp_seconds')), Date.parse(down.last_error.at) / 1000)

        await cluster.start()
        const back = await until('/ready says so', 15_000, facts, ({ state }) => state === 'ok')
        assert.ok(back.since > down.since)
        const again = await status([`${url}/postgres/sse`], { MCP_AUTH_TOKEN: token })
        assert.equal(again.code, 0, again.stdout)
        assert.deepEqual([...rowsOf(again.stdout).keys()], ['postgres'])
        assert.equal(await gauge('mcp_server_upstream_up'), '1')
      })
    } finally {
      await cluster.remove()
    }
  },
  { timeoutMs: 60_000 },
)

test('status without the token says that details need it', () =>
  withChild(octet, ['serve', 'filesystem'], { FS_ROOTS: '/', MCP_AUTH_TOKEN: token }, async ({ url }) => {
    const { stdout, code } = await status([url])
    assert.match(stdout, /yes {4}ready; details need the token \(MCP_AUTH_TOKEN\)/)
    assert.equal(code, 0)
    assert.equal((await status([url], { MCP_AUTH_TOKEN: 'another token' })).code, 0)
  }))

test('what is not there, or is no server of ours, is a row that says so, beside those that answer', async () => {
  const others: [RequestListener, RegExp][] = [
    [(_req, res) => res.writeHead(404).end(), /no: answers 404 at \/ready/],
    [(_req, res) => res.end('<html>'), /no: answers, but not as these servers do/],
    [(_req, res) => res.end('{"up":true}'), /no: answers, but not as these servers do/],
    [(_req, res) => res.end('x'.repeat(2_000_000)), /no: answers, but not as these servers do/],
    [(req) => req.socket.destroy(), /no: ECONNRESET/],
  ]
  for (const [answer, expected] of others) {
    const server = createServer(answer).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { stdout, code } = await status([`http://127.0.0.1:${port}`])
    server.close()
    assert.match(stdout, expected)
    assert.equal(code, 1)
  }
  await withChild(octet, ['serve', 'filesystem'], { FS_ROOTS: '/' }, async ({ url }) => {
    const { stdout, code } = await status(['127.0.0.1:1', url, 'ftp://x'])
    assert.match(stdout, /^127\.0\.0\.1:1 {2,}no: /m)
    assert.match(stdout, /^filesystem {2,}yes {2,}ok /m)
    assert.match(stdout, /no: no http\(s\) address/)
    assert.equal(code, 1)
  })
})

test('docker/litellm.yaml is what litellm-config prints for all servers', async () => {
  const { stdout, code } = await runChild(octet, ['litellm-config', '--all'])
  assert.equal(code, 0)
  assert.equal(readFileSync('docker/litellm.yaml', 'utf8'), stdout)
  for (const name of serverNames) assert.match(stdout, new RegExp(`"http://mcp-${name}:8080/sse"`))
  assert.doesNotMatch(stdout, /auth_value: (?!os\.environ)/)
})

test('litellm-config takes the servers that the environment configures, or those that are named', async () => {
  const lines = (text: string): string[] => [...text.matchAll(/^ {2}(\w+): (?:&octet|\{)/gm)].map(([, name = '']) => name)
  const configured = await runChild(octet, ['litellm-config'], {
    POSTGRES_URL: 'postgresql://a@b/c',
    LOKI_URL: 'http://loki:3100',
  })
  assert.deepEqual(lines(configured.stdout), ['postgres', 'monitoring'])
  const named = await runChild(octet, [
    'litellm-config',
    'n8n',
    'storage',
    '--transport',
    'http',
    '--url',
    'https://tools.example/octet/',
  ])
  assert.deepEqual(lines(named.stdout), ['n8n', 'storage'])
  assert.match(named.stdout, /url: "https:\/\/tools\.example\/octet\/n8n\/mcp"\n {4}transport: http\n/)
  for (const [args, message] of [
    [[], /the environment configures no server; name some, or give --all/],
    [['postgras'], /there is no server "postgras"; did you mean postgres\?/],
    [['n8n', '--transport', 'stdio'], /--transport must be sse or http, not "stdio"/],
    [['n8n', '--url', 'tools.example'], /--url must be an http\(s\) address/],
  ] as const) {
    const { code, stderr, stdout } = await runChild(octet, ['litellm-config', ...args])
    assert.match(stderr, message)
    assert.deepEqual([code, stdout], [2, ''])
  }
})
