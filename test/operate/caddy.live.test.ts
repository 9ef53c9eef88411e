// The Caddy example of docs/operate.md: a real Caddy serves HTTP+SSE and /mcp below the path prefix.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../servers/kit/sql/test/running.ts'
import { withChild } from '../helpers/child.ts'
import { JsonLineProcess } from '../helpers/json-line-process.ts'
import { McpSession, postJson } from '../helpers/wire.ts'
import { test } from '../runner/harness.ts'
import { example, program } from './shipped.ts'

const caddy = program('Caddy', 'OCTET_TEST_CADDY')
const headers = { authorization: 'Bearer for-tests-only' }

test.unless(caddy.skip)('Caddy with three lines', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'octet-caddy-'))
  const port = await freePort()
  const env = { MCP_AUTH_TOKEN: 'for-tests-only', MCP_BASE_PATH: '/octet' }
  await withChild('servers/cli/octet.ts', ['serve', 'postgres'], env, async ({ url }) => {
    // Without a certificate: only its address, and the server's, are the test's.
    const lines = example('reverse_proxy')
      .replace('tools.example.org', `http://127.0.0.1:${port}`)
      .replace('mcp-postgres:8080', new URL(url).host)
    await writeFile(join(folder, 'Caddyfile'), `{\n\tadmin off\n\tauto_https off\n}\n${lines}`)
    const args = ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile']
    const server = new JsonLineProcess(caddy.path, args, { HOME: folder }, 'stderr', {})
    try {
      await server.line('the start', ({ msg }) => msg === 'serving initial configuration')
      const base = `http://127.0.0.1:${port}/octet/postgres`
      const session = await McpSession.open(`${base}/sse`, headers)
      assert.match(new URL(session.endpoint).pathname, /^\/octet\/postgres\/messages$/)
      const { result } = await session.request('initialize', {
        ...{ protocolVersion: '2025-11-25', capabilities: {} },
        clientInfo: { name: 'test', version: '0' },
      })
      assert.equal(result.serverInfo.name, 'postgres')
      session.close()
      const listed = await postJson(`${base}/mcp`, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, headers)
      assert.equal(listed.json().result.tools.length, 5)
      assert.notEqual(
        (await postJson(`http://127.0.0.1:${port}/postgres/mcp`, {}, headers)).headers['content-type'],
        'application/json',
      )
    } finally {
      await server.stop('SIGTERM', 5_000)
      await rm(folder, { recursive: true, force: true })
    }
  })
})
