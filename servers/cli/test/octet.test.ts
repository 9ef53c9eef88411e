// The `octet` command as an operator types it: its words, and status against real servers and a real database.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { runChild, withChild } from '../../../test/helpers/child.ts'
import { postJson, send } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { embedded, startCluster, until } from '../../kit/sql/test/running.ts'

const octet = 'servers/cli/octet.ts'
const token = 'a token of the test'

/** The table's rows by their first column: their cells, and the lines below them. */
function rowsOf(table: string): Map<string, { cells: string[]; notes: string }> {
  const [head = '', ...lines] = table.trimEnd().split('\n')
  const starts = [...head.matchAll(/\S+/g)].map(({ index }) => index)
  const rows = new Map<string, { cells: string[]; notes: string }>()
  for (const line of lines) {
    assert.ok(line.length <= 80, line)
    const last = [...rows.values()].at(-1)
    if (line.startsWith('  ') && last !== undefined) last.notes += `${line.trim()} `
    else {
      const cells = starts.map((start, i) => line.slice(start, starts[i + 1]).trim())
      rows.set(cells[0] ?? '', { cells, notes: '' })
    }
  }
  return rows
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
      await withChild(octet, ['start', 'postgres', 'filesystem'], { ...env, FS_ROOTS: cluster.folder }, async ({ url }) => {
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
        const { cells = [], notes = '' } = rowsOf(before.stdout).get('postgres') ?? {}
        assert.deepEqual([cells[1], ...cells.slice(3), notes], ['ok', '5', '1', '0', ''])
        assert.equal(rowsOf(before.stdout).get('filesystem')?.cells[1], 'ok')

        await cluster.stop()
        await query('SELECT 2')
        const down = await until('/ready says so', 15_000, facts, ({ state }) => state === 'down')
        const after = await status([url], { MCP_AUTH_TOKEN: token })
        assert.equal(after.code, 1)
        const row = rowsOf(after.stdout).get('postgres') ?? { cells: [], notes: '' }
        assert.deepEqual(row.cells, ['postgres', 'down', down.since.replace(/\.\d+Z$/, 'Z'), '5', '2', '1'])
        assert.match(row.notes, /PostgreSQL cannot be reached/)
        assert.match(row.notes, /next: \S/)
        assert.match(row.notes, /last error: UPSTREAM_UNREACHABLE in postgres_query at \d{4}-/)
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
        const json = JSON.parse((await status([url, '--json'], { MCP_AUTH_TOKEN: token })).stdout)
        assert.deepEqual([json[url].status, json[url].servers.postgres.state], ['ready', 'ok'])
        assert.equal(await gauge('mcp_server_upstream_up'), '1')
      })
    } finally {
      await cluster.remove()
    }
  },
  { timeoutMs: 60_000 },
)

test('status without the token says that details need it', () =>
  withChild(octet, ['serve', 'filesystem'], { FS_ROOTS: '/etc', MCP_AUTH_TOKEN: token }, async ({ url }) => {
    const { stdout, code } = await status([url])
    assert.match(stdout, /ready\n {2}details need the token: set MCP_AUTH_TOKEN/)
    assert.equal(code, 0)
    assert.equal((await status([url], { MCP_AUTH_TOKEN: 'another token' })).code, 0)
  }))

test('what is not there, or is no server of ours, is a row that says so, beside those that answer', async () => {
  const others: [RequestListener, RegExp][] = [
    [(_req, res) => res.writeHead(404).end(), /answers 404 at \/ready/],
    [(_req, res) => res.end('<html>'), /answers, but is not an octet/],
    [(_req, res) => res.end('{"up":true}'), /answers, but is not an octet/],
    [(_req, res) => res.end('{"status":"down","error":{"message":"x"}}'), /answers, but is not an octet/],
    [(_req, res) => res.end('null'), /answers, but is not an octet/],
    [(_req, res) => res.end('x'.repeat(34_000_000)), /answers with more than 33554432 bytes/],
    [(req) => req.socket.destroy(), /cannot be reached \(ECONNRESET\)/],
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
  await withChild(octet, ['serve', 'filesystem'], { FS_ROOTS: '/etc' }, async ({ url }) => {
    const { stdout, code } = await status(['127.0.0.1:1', url, 'ftp://x'])
    const rows = rowsOf(stdout)
    assert.deepEqual(rows.get('127.0.0.1:1')?.cells[1], 'not reached')
    assert.deepEqual([rows.get('filesystem')?.cells[1], rows.get('filesystem')?.notes], ['ok', `at ${url} `])
    assert.match(rows.get('ftp://x')?.notes ?? '', /is not a valid http\(s\) address/)
    assert.equal(code, 1)
  })
})

test('status lists unconfigured servers last, and they are no failure; with none configured it is one', () =>
  withChild(octet, ['start', 'n8n', 'filesystem'], { FS_ROOTS: '/etc' }, async ({ url }) => {
    const { stdout, code } = await status([url])
    assert.equal(code, 0, stdout)
    const rows = rowsOf(stdout)
    assert.deepEqual([...rows.keys()], ['filesystem', 'n8n'])
    assert.equal(rows.get('n8n')?.cells[1], 'not configured')
    assert.match(rows.get('n8n')?.notes ?? '', /next: set N8N_API_URL/)
    await withChild(octet, ['start', 'n8n'], {}, async (other) => {
      assert.equal((await status([other.url])).code, 1)
      assert.equal((await status([url, other.url])).code, 0) // one process for each server, as in containers
    })
  }))

test('status asks this machine at MCP_PORT without an address', () =>
  withChild(octet, ['start', 'filesystem'], { FS_ROOTS: '/etc', MCP_BASE_PATH: '/tools' }, async ({ url }) => {
    const { stdout, code } = await status([], { MCP_PORT: new URL(url).port, MCP_BASE_PATH: '/tools' })
    assert.deepEqual([code, [...rowsOf(stdout).keys()]], [0, ['filesystem']])
  }))

test('octet knows its words, and names the one that was meant', async () => {
  for (const word of ['help', '--help', '-h']) assert.match((await runChild(octet, [word])).stdout, /octet start \[NAME/)
  for (const line of (await runChild(octet, ['call', '--help'])).stdout.split('\n')) assert.ok(line.length <= 80, line)
  for (const word of ['version', '--version', '-v']) assert.match((await runChild(octet, [word])).stdout, /^\d+\.\d+\.\d+\n$/)
  for (const [args, expected] of [
    [[], /octet start/],
    [['strat'], /there is no command "strat"; did you mean start\?/],
    [['start', 'filesytem'], /there is no server "filesytem"; did you mean filesystem\?/],
    [['start', '--check-config'], /--check-config.*octet help lists the options/],
    [['audit'], /octet audit show FILE/],
    [['audit', 'verify'], /octet audit verify needs a file/],
    [['call', 'a b', 'x'], /octet call|nothing listens/],
  ] as const) {
    const { code, stdout, stderr } = await runChild(octet, [...args], { MCP_PORT: '1' })
    assert.match(stderr, expected)
    assert.deepEqual([stdout, code === 0], ['', false])
  }
})
