// `octet doctor`: what it finds wrong with a configuration, a port, backends and LiteLLM, and that it says nothing else.
import assert from 'node:assert/strict'
import { utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { defineTool, Server, streamableHttp } from '../../../protocol/index.ts'
import { withChild } from '../../../test/helpers/child.ts'
import { withServer } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { embedded, startCluster } from '../../kit/sql/test/running.ts'
import { inFolder, runOctet } from './run-octet.ts'

const doctor = async (
  args: string[],
  env: Record<string, string>,
): Promise<{ code: number | null; lines: string[]; text: string }> => {
  let ended = { code: null as number | null, stdout: '', stderr: '' }
  await inFolder(async (folder) => {
    ended = await runOctet(['doctor', ...args], folder, { MCP_PORT: '0', ...env })
  })
  assert.equal(ended.stderr, '')
  // A finding continues on indented lines.
  const text = ended.stdout.replace(/\n {2}(?=\S)/g, ' ')
  return { code: ended.code, lines: text.trimEnd().split('\n'), text }
}

test('if all is well, one line says so', async () => {
  const { code, lines } = await doctor(['filesystem', 'fetch'], { FS_ROOTS: '/etc' })
  assert.equal(code, 0)
  assert.deepEqual(lines.length, 1)
  assert.match(lines[0] ?? '', /^all is well: filesystem, fetch can be reached; port 0 of 127\.0\.0\.1 is free$/)
})

test('each variable that is wrong or misspelled is a line, and backends are checked all the same', async () => {
  const { code, lines } = await doctor(['filesystem', 'postgres'], {
    MCP_MAX_QUEU: '3',
    MCP_MAX_SESSIONS: 'many',
    FS_ROOTS: '/nowhere-at-all',
    MCP_HOST: '127.0.0.1',
  })
  assert.equal(code, 1)
  assert.equal(lines.length, 4, lines.join('\n'))
  assert.match(lines[0] ?? '', /^MCP_MAX_QUEU .*did you mean MCP_MAX_QUEUE\?/)
  assert.match(lines[1] ?? '', /^MCP_MAX_SESSIONS: expected an integer .*got "many"/)
  assert.match(lines[2] ?? '', /^filesystem: .*nowhere-at-all.*next: /)
  assert.match(lines[3] ?? '', /^postgres: not configured; next: set DATABASE_URL/)
})

test('a server is wanted when it is named or a variable of it is set; otherwise it may be unconfigured', async () => {
  const { lines } = await doctor([], {
    PLAYWRIGHT_EXECUTABLE_PATH: '/nowhere/chromium',
    FS_ROOTS: '/etc',
    MCP_AUTH_TOKEN: 'long enough',
  })
  assert.equal(lines.length, 1, lines.join('\n'))
  assert.match(lines[0] ?? '', /^playwright: .*PLAYWRIGHT_EXECUTABLE_PATH names no program that can be run/)
})

test('a database that does not answer, and a password that it refuses, are named with address and user, never with the password', async () => {
  const { lines, text } = await doctor(['postgres'], { DATABASE_URL: 'postgresql://reader:hidden-secret@127.0.0.1:1/shop' })
  assert.match(lines[0] ?? '', /^postgres: PostgreSQL cannot be reached.*127\.0\.0\.1:1.*next: .*DATABASE_URL/)
  assert.equal(text.includes('hidden-secret'), false)
})

test(
  'a role with too many privileges comes with the SQL that makes a better one',
  async () => {
    const cluster = await startCluster(embedded)
    try {
      const env = { PGHOST: cluster.host, PGPORT: String(cluster.port), PGUSER: 'postgres' }
      const { code, text } = await doctor(['postgres'], env)
      assert.equal(code, 1)
      assert.match(text, /^postgres: role postgres can do too much: statements are refused: it is a superuser; run this SQL/)
      assert.match(text, /CREATE ROLE mcp_reader LOGIN/)
      assert.match(text, /GRANT CONNECT ON DATABASE postgres TO mcp_reader;/)
    } finally {
      await cluster.remove()
    }
  },
  { timeoutMs: 60_000 },
)

test('a port that another program has is a finding, one that octet has is none', async () => {
  const other = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as { port: number }
  const taken = await doctor(['filesystem'], { FS_ROOTS: '/etc', MCP_PORT: String(port) })
  other.close()
  assert.equal(taken.code, 1)
  assert.match(
    taken.text,
    new RegExp(`^port ${port} of 127\\.0\\.0\\.1 is in use by another program; choose another: MCP_PORT=${port + 1} `),
  )
  await withChild('servers/cli/octet.ts', ['start', 'filesystem'], { FS_ROOTS: '/etc' }, async ({ url }) => {
    const { code, text } = await doctor(['filesystem'], { FS_ROOTS: '/etc', MCP_PORT: new URL(url).port })
    assert.deepEqual([code, text], [0, `all is well: filesystem can be reached; octet runs at ${url}\n`])
  })
})

test('a .env that was changed while octet runs is noted, and one from before is not', () =>
  inFolder(async (folder) => {
    const file = join(folder, '.env')
    writeFileSync(file, 'FS_ROOTS=/etc\n')
    await withChild('servers/cli/octet.ts', ['start', 'filesystem'], { FS_ROOTS: '/etc' }, async ({ url }) => {
      const check = async () => (await runOctet(['doctor', 'filesystem'], folder, { MCP_PORT: new URL(url).port })).stdout
      assert.equal(await check(), `all is well: filesystem can be reached; octet runs at ${url}\n`)
      const now = new Date()
      utimesSync(file, now, now)
      assert.match(
        (await check()).replace(/\n {2}/g, ' '),
        new RegExp(`^all is well: .*\nnote: ${file} was changed after octet at ${url} was started; restart it`),
      )
    })
  }))

test('a running octet that does not accept the token is a finding, and clients are told that it needs one', async () => {
  const env = { FS_ROOTS: '/etc', MCP_AUTH_TOKEN: 'the-token-of-octet' }
  await withChild('servers/cli/octet.ts', ['start', 'filesystem'], env, async ({ url }) => {
    const here = { FS_ROOTS: '/etc', MCP_PORT: new URL(url).port }
    for (const [token, said] of [
      [{}, 'needs a token'],
      [{ MCP_AUTH_TOKEN: 'another-token' }, 'does not accept this token'],
    ] as const) {
      const { code, text } = await doctor(['filesystem'], { ...here, ...token })
      assert.deepEqual([code, text.includes(said)], [1, true], text)
    }
    await inFolder(async (folder) => {
      assert.match((await runOctet(['connect', 'claude-code'], folder, here)).stdout, /--header "Authorization: Bearer/)
    })
  })
})

test("LiteLLM's list is compared with ours, tool by tool", async () => {
  const gateway = (names: readonly string[]) => {
    const tools = names.map((name) => defineTool({ name, description: 'x', inputSchema: { type: 'object' }, handler: () => 'x' }))
    return streamableHttp(new Server({ name: 'litellm', version: '1', tools }))
  }
  const check = (names: readonly string[], env: Record<string, string> = {}) =>
    withServer(gateway(names), async (url) => ({
      url,
      ...(await doctor(['filesystem', '--litellm', url], { FS_ROOTS: '/etc', ...env })),
    }))
  assert.equal((await check(['filesystem-read_file', 'filesystem-list_directory'])).code, 0)
  const part = await check(['filesystem-read_file'])
  assert.match(
    part.text,
    new RegExp(`^LiteLLM at ${part.url} lists not list_directory of filesystem; .*octet connect litellm filesystem`),
  )
  assert.equal((await check(['filesystem-read_file'], { MCP_TOOLS_DENY: 'list_*' })).code, 0)
  assert.match((await check(['other-tool'])).text, /lists no tool of filesystem, of 1 in all/)
  // A running process may serve more than the environment configures.
  await withChild('servers/cli/octet.ts', ['start', 'filesystem', 'fetch'], { FS_ROOTS: '/etc' }, async ({ url }) => {
    const { text } = await check(['filesystem-read_file'], { FS_ROOTS: '', MCP_PORT: new URL(url).port })
    assert.match(text, /lists not list_directory of filesystem/)
  })
  const nobody = await doctor(['filesystem', '--litellm', 'http://127.0.0.1:1'], { FS_ROOTS: '/etc' })
  assert.match(
    nobody.text,
    /^LiteLLM at http:\/\/127\.0\.0\.1:1\/mcp: ECONNREFUSED; start it, or correct the address and LITELLM_MASTER_KEY/,
  )
})

test('--json is for programs', async () => {
  const { text, code } = await doctor(['n8n', '--json'], { HOST: '0.0.0.0' })
  const { wrong, notes } = JSON.parse(text)
  assert.deepEqual([code, wrong.length, notes.length], [1, 1, 1])
})
