import assert from 'node:assert/strict'
import { sampleServer } from '../../test/helpers/sample-server.ts'
import { McpSession, postJson, send, withServer } from '../../test/helpers/wire.ts'
import { test } from '../../test/runner/harness.ts'
import { createAccess, listen, mcpHandler } from '../index.ts'

const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }

test('listen serves both transports on loopback, and ends with its calls answered', async () => {
  const sample = sampleServer()
  const { url, close } = await listen(sample.server, { port: 0 })
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.equal((await postJson(`${url}/mcp/`, list)).json().result.tools.length, 8)
  const session = await McpSession.open(`${url}/sse/`)
  await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait' } })
  const closed = close()
  sample.release()
  assert.equal((await session.message()).result.content[0].text, 'released')
  await closed
  await assert.rejects(send(url), /ECONNREFUSED/)
})

test('listen lets pages of this machine in, unless it was given its own access', async () => {
  const { server } = sampleServer()
  for (const [options, status] of [
    [{}, 200],
    [{ access: createAccess() }, 403],
  ] as const) {
    const { url, close } = await listen(server, { port: 0, ...options })
    assert.equal((await postJson(`${url}/mcp`, list, { Origin: 'http://localhost:3000' })).status, status)
    assert.equal((await postJson(`${url}/mcp`, list, { Origin: 'http://evil.example.com' })).status, 403)
    await close()
  }
})

test('listen beyond loopback needs access', async () => {
  const { server } = sampleServer()
  await assert.rejects(listen(server, { port: 0, host: '0.0.0.0' }), /without "access"/)
  const access = createAccess({ principals: [{ name: 'a', token: 'token-1' }] })
  const { url, close } = await listen(server, { port: 0, host: '0.0.0.0', access })
  const { port } = new URL(url)
  assert.equal((await postJson(`http://127.0.0.1:${port}/mcp`, list)).status, 401)
  assert.equal((await postJson(`http://127.0.0.1:${port}/mcp`, list, { 'X-API-Key': 'token-1' })).status, 200)
  await close()
})

test('a port in use rejects', async () => {
  const { server } = sampleServer()
  const { url, close } = await listen(server, { port: 0 })
  await assert.rejects(listen(server, { port: Number(new URL(url).port) }), /EADDRINUSE/)
  await close()
})

test('mcpHandler works below a path of an existing server', async () => {
  const mcp = mcpHandler(sampleServer().server)
  await withServer(
    (req, res) => (req.url?.startsWith('/tools/') ? mcp(req, res) : res.end('app')),
    async (url) => {
      assert.equal((await send(`${url}/`)).text, 'app')
      assert.equal((await postJson(`${url}/tools/mcp`, list)).status, 200)
      const session = await McpSession.open(`${url}/tools/sse`)
      assert.equal(new URL(session.endpoint).pathname, '/tools/messages')
      assert.deepEqual((await session.request('ping')).result, {})
      assert.equal(mcp.openSessions, 1)
      session.close()
      assert.equal((await send(`${url}/tools/nope`)).status, 404)
    },
  )
})
