// The way VS Code connects to the URL of an SSE server, as recorded: it tries Streamable HTTP on that very URL first.
import assert from 'node:assert/strict'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { type Fixture, sharedFixture } from '../fixtures/fixture.ts'
import { test } from '../runner/harness.ts'
import { token } from './behaviours.ts'

const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} },
    clientInfo: { name: 'Visual Studio Code', version: '1.132.0' },
  },
}

test('falls back from POST to GET on the configured SSE URL', async (signal) => {
  const fixture = await sharedFixture({ token })
  const url = `${fixture.url}/sse`
  const from = fixture.now

  const refused = await fetch(url, {
    method: 'POST',
    headers: { ...headers, accept: 'text/event-stream, application/json' },
    body: JSON.stringify(initialize),
    signal,
  })
  assert.equal(refused.status, 405)
  assert.equal(refused.headers.get('allow'), 'GET')
  await refused.text()

  const stream = await openStream(url, signal)
  try {
    const endpoint = new URL(await stream.next('endpoint'), url)
    const post = async (message: object): Promise<void> => {
      const answer = await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify(message), signal })
      assert.equal(answer.status, 202)
      await answer.text()
    }
    await post(initialize)
    assert.equal(JSON.parse(await stream.next('message')).result.serverInfo.name, 'fixture')
    await post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    await post({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: {} })
    assert.ok(JSON.parse(await stream.next('message')).result.tools.length >= 10)
    await post({ jsonrpc: '2.0', id: 3, method: 'tools/call', params: { name: 'add', arguments: { a: 1, b: 2 } } })
    assert.deepEqual(JSON.parse(await stream.next('message')).result.structuredContent, { sum: 3 })
  } finally {
    await stream.close()
  }
  await closed(fixture, from)
  assert.deepEqual(requests(fixture, from), [
    'POST /sse',
    'GET /sse',
    'POST /messages',
    'POST /messages',
    'POST /messages',
    'POST /messages',
  ])
})

test('takes no back-channel on /mcp for an answer, not for a fault', async (signal) => {
  const { url } = await sharedFixture({ token })
  const stream = await fetch(`${url}/mcp`, { headers: { ...headers, accept: 'text/event-stream' }, signal })
  assert.equal(stream.status, 405)
  await stream.text()
  const answer = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { ...headers, accept: 'text/event-stream, application/json' },
    body: JSON.stringify(initialize),
    signal,
  })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('mcp-session-id'), null)
  assert.equal(JSON.parse(await answer.text()).result.protocolVersion, '2025-11-25')
})

async function closed(fixture: Fixture, from: number): Promise<void> {
  await fixture.event('closed', { method: 'GET', path: '/sse' }, from)
}

function requests(fixture: Fixture, from: number): string[] {
  return fixture
    .eventsSince(from)
    .filter(({ event }) => event === 'request')
    .map(({ method, path }) => `${method} ${path}`)
}

async function openStream(url: string, signal: AbortSignal) {
  const abort = new AbortController()
  const response = await fetch(url, {
    headers: { authorization: headers.authorization, accept: 'text/event-stream' },
    signal: AbortSignal.any([signal, abort.signal]),
  })
  assert.equal(response.status, 200)
  assert.ok(response.body)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  const events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => events.push(event) })
  return {
    async next(name: string): Promise<string> {
      while (events.length === 0) {
        const { done, value } = await reader.read()
        if (done) throw new Error('the stream ended')
        parser.feed(value)
      }
      const event = events.shift()
      assert.equal(event?.event, name)
      return event?.data ?? ''
    },
    async close(): Promise<void> {
      abort.abort()
      await reader.cancel().catch(() => {})
    },
  }
}
