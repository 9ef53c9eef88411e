import assert from 'node:assert/strict'
import type { Middleware } from '../../../protocol/index.ts'
import { withSample } from '../../../test/helpers/sample-server.ts'
import type { McpSession } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { concurrency, deadline, maxQueuedChars, rateLimit } from '../limits.ts'

const withLimits = (middleware: Middleware[], use: Parameters<typeof withSample>[1]) =>
  withSample({ server: { middleware } }, use)
const post = (session: McpSession, id: number, name: string) =>
  session.post({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } })

test('a call past its deadline is TIMEOUT, and its signal aborts', () =>
  withLimits([deadline(50)], async (session, { seen }) => {
    assert.match((await session.call('wait')).content[0].text, /^ERROR TIMEOUT: the call took longer than 50 ms/)
    assert.equal(seen.aborted.length, 1)
    assert.equal((await session.call('echo', { text: 'x' })).content[0].text, 'x')
  }))

test('a call beyond running and waiting places is RATE_LIMITED at once', () =>
  withLimits([concurrency(1, 1)], async (session, { release }) => {
    for (const id of [1, 2, 3]) await post(session, id, 'wait')
    const refused = await session.message()
    assert.equal(refused.id, 3)
    assert.match(refused.result.content[0].text, /ERROR RATE_LIMITED: 1 calls are running and 1 are waiting/)
    release()
    assert.deepEqual([(await session.message()).id, (await session.message()).id], [1, 2])
  }))

test('calls whose arguments are too long in all do not wait, and short ones still do', () =>
  withLimits([concurrency(1, 1_000)], async (session, { release }) => {
    await post(session, 0, 'wait')
    const text = 'x'.repeat(1_000_000) // too long for a result, so that the answers are short
    const send = (id: number, text: string) =>
      session.post({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo', arguments: { text } } })
    const fitting = Math.floor(maxQueuedChars / text.length)
    for (let id = 1; id <= fitting + 1; id++) await send(id, text)
    const refused = await session.message()
    assert.equal(refused.id, fitting + 1)
    assert.match(refused.result.content[0].text, /ERROR RATE_LIMITED: 1 calls are running and \d\d are waiting/)
    await send(100, 'x')
    release()
    for (let id = 0; id <= fitting; id++) assert.equal((await session.message()).id, id)
    assert.equal((await session.message()).id, 100)
  }))

test('arguments that are nested too deeply are refused as such, also when the call had to wait', () =>
  withLimits([concurrency(1, 1)], async (session, { release }) => {
    await post(session, 0, 'wait')
    const deep = `${'['.repeat(6_000)}${']'.repeat(6_000)}`
    await session.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":${deep}}}}`)
    release()
    assert.equal((await session.message()).id, 0)
    assert.match((await session.message()).result.content[0].text, /^ERROR INVALID_ARGUMENT/)
  }))

test('who waits and cancels leaves the line', () =>
  withLimits([concurrency(1, 1)], async (session, { release }) => {
    await post(session, 1, 'wait')
    await post(session, 2, 'wait')
    await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } })
    await post(session, 3, 'echo')
    release()
    assert.deepEqual([(await session.message()).id, (await session.message()).id], [1, 3])
  }))

test('a handler that ignores its deadline keeps its place', () =>
  withLimits([deadline(50), concurrency(1, 0)], async (session) => {
    assert.match((await session.call('deaf')).content[0].text, /TIMEOUT/)
    assert.match((await session.call('echo', { text: 'x' })).content[0].text, /RATE_LIMITED/)
  }))

test('never more run at once than may, under a storm', async () => {
  let running = 0
  let most = 0
  const count: Middleware = async (_call, next) => {
    running += 1
    most = Math.max(most, running)
    await new Promise((resolve) => setImmediate(resolve))
    try {
      return await next()
    } finally {
      running -= 1
    }
  }
  await withLimits([concurrency(4, 100), count], async (session) => {
    for (let id = 0; id < 60; id++)
      await session.post({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo', arguments: { text: 'x' } } })
    for (let id = 0; id < 60; id++) assert.equal((await session.message()).result.content[0].text, 'x')
    assert.equal(most <= 4, true, `${most}`)
  })
})

test('a principal’s calls above the rate are refused and flow again', () => {
  let now = 0
  return withLimits([rateLimit(2, () => now)], async (session) => {
    const text = async () => (await session.call('echo', { text: 'x' })).content[0].text
    assert.deepEqual([await text(), await text()], ['x', 'x'])
    assert.match(await text(), /RATE_LIMITED: more than 2 calls in a minute\. TRY: the same call again in 30 s/)
    now = 30_000
    assert.equal(await text(), 'x')
    assert.match(await text(), /RATE_LIMITED/)
    assert.equal((await session.request('tools/list')).result.tools.length, 8)
  })
})
