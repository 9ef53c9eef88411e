import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { sampleServer } from '../../test/helpers/sample-server.ts'
import { postJson, SseClient, send, withServer } from '../../test/helpers/wire.ts'
import { test } from '../../test/runner/harness.ts'
import { createAccess, streamableHttp } from '../index.ts'

const K = 'io.modelcontextprotocol/'
const both = { Accept: 'application/json, text/event-stream' }
const modernMeta = {
  [`${K}protocolVersion`]: '2026-07-28',
  [`${K}clientCapabilities`]: {},
  [`${K}clientInfo`]: { name: 't', version: '1' },
}

function withMcp(use: (url: string, sample: ReturnType<typeof sampleServer>) => Promise<void>): Promise<void> {
  const sample = sampleServer()
  return withServer(streamableHttp(sample.server), (url) => use(`${url}/mcp`, sample))
}

interface Modern {
  id?: unknown
  params?: Record<string, unknown>
  meta?: Record<string, unknown>
  headers?: Record<string, string | undefined>
}
/** A well-formed request of 2026-07-28, with whatever a test changes. */
function modern(url: string, method: string, { id = 1, params = {}, meta = {}, headers = {} }: Modern = {}) {
  const name = typeof params.name === 'string' ? { 'Mcp-Name': params.name } : {}
  const all = { ...both, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': method, ...name, ...headers }
  const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<string, string>
  return postJson(url, { jsonrpc: '2.0', id, method, params: { ...params, _meta: { ...modernMeta, ...meta } } }, sent)
}

test('plain curl calls a tool without a handshake and gets JSON', () =>
  withMcp(async (url) => {
    const answer = await postJson(
      url,
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { text: 'hi' } } },
      { Accept: '*/*' },
    )
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['content-type'], 'application/json')
    assert.deepEqual(answer.json(), { jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'hi' }] } })
  }))

test('legacy clients initialize, and no session id is minted', () =>
  withMcp(async (url) => {
    for (const version of [undefined, '2025-06-18', '2025-11-25', '1999-01-01', '2025-03-26']) {
      const headers = { ...both, ...(version === undefined ? {} : { 'MCP-Protocol-Version': version }) }
      const answer = await postJson(
        url,
        { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-06-18' } },
        headers,
      )
      assert.equal(answer.status, 200)
      assert.equal(answer.json().result.protocolVersion, '2025-06-18')
      assert.equal(answer.headers['mcp-session-id'], undefined)
      assert.equal('resultType' in answer.json().result, false)
    }
    assert.equal((await postJson(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, both)).status, 202)
  }))

test('a legacy version header that does not exist is 400 with those that do', () =>
  withMcp(async (url) => {
    const answer = await postJson(
      url,
      { jsonrpc: '2.0', id: 3, method: 'tools/list' },
      { ...both, 'MCP-Protocol-Version': '2025-01-01' },
    )
    assert.equal(answer.status, 400)
    const { id, error } = answer.json()
    assert.deepEqual([id, error.code, error.data.requested, error.data.supported.length], [3, -32022, '2025-01-01', 5])
  }))

test('the version header decides what a legacy result may hold', () =>
  withMcp(async (url) => {
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'structured' } }
    assert.deepEqual(
      (await postJson(url, call, { ...both, 'MCP-Protocol-Version': '2025-06-18' })).json().result.structuredContent,
      { count: 7 },
    )
    assert.equal((await postJson(url, call, both)).json().result.structuredContent, undefined)
  }))

test('GET and DELETE are 405', () =>
  withMcp(async (url) => {
    for (const method of ['GET', 'DELETE', 'PUT', 'OPTIONS']) {
      const answer = await send(url, { method, headers: { Accept: 'text/event-stream', 'Mcp-Session-Id': 'x' } })
      assert.deepEqual([answer.status, answer.headers.allow], [405, 'POST'])
    }
  }))

test('batches are answered in 2025-03-26 and refused in every other revision', () =>
  withMcp(async (url) => {
    const batch = [
      { jsonrpc: '2.0', id: 1, method: 'ping' },
      { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'echo', arguments: { text: 'b' } } },
    ]
    for (const headers of [both, { ...both, 'MCP-Protocol-Version': '2025-03-26' }]) {
      const answer = await postJson(url, batch, headers)
      assert.equal(answer.status, 200)
      assert.deepEqual(
        answer.json().map(({ id }: { id: number }) => id),
        [1, 2],
      )
    }
    for (const version of ['2024-11-05', '2025-06-18', '2025-11-25', '2026-07-28', 'x']) {
      assert.equal((await postJson(url, batch, { ...both, 'MCP-Protocol-Version': version })).status, 400, version)
    }
    assert.equal((await postJson(url, [], both)).status, 400)
    assert.equal((await postJson(url, [{ jsonrpc: '2.0', method: 'x' }], both)).status, 202)
    assert.equal((await postJson(url, Array(65).fill(batch[0]), both)).status, 400)
  }))

test('bad bodies are 400 with the error that says why', () =>
  withMcp(async (url) => {
    for (const [body, code, id] of [
      ['{', -32700, null],
      ['"x"', -32600, null],
      ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, null],
      ['{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, null],
      ['{"jsonrpc":"2.0","id":7}', -32600, 7],
    ] as const) {
      const answer = await postJson(url, body, both)
      assert.equal(answer.status, 400)
      assert.deepEqual([answer.json().error.code, answer.json().id], [code, id])
    }
    assert.equal((await send(url, { method: 'POST', body: '{}', headers: { 'Content-Type': 'text/plain' } })).status, 415)
    assert.equal((await postJson(url, `"${'x'.repeat(2_000_000)}"`)).status, 413)
    assert.equal((await postJson(url, { jsonrpc: '2.0', id: 1, method: 'ping' }, { Accept: 'text/html' })).status, 406)
  }))

test('an event stream is the answer only when there is something to stream', () =>
  withMcp(async (url) => {
    const call = (token?: number) => ({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'steps', _meta: token === undefined ? {} : { progressToken: token } },
    })
    const stream = await SseClient.open(url, {
      method: 'POST',
      body: JSON.stringify(call(5)),
      headers: { ...both, 'Content-Type': 'application/json' },
    })
    await stream.closed
    assert.deepEqual(
      stream.events.map(({ data }) => JSON.parse(data).method ?? JSON.parse(data).result.content[0].text),
      ['notifications/progress', 'notifications/progress', 'notifications/message', 'done'],
    )
    const quiet = await postJson(
      url,
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { text: 'x' } } },
      both,
    )
    assert.equal(quiet.headers['content-type'], 'application/json')
    const jsonOnly = await postJson(url, call(5), { Accept: 'application/json' })
    assert.equal(jsonOnly.json().result.content[0].text, 'done')
    const streamOnly = await SseClient.open(url, {
      method: 'POST',
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      headers: { Accept: 'text/event-stream', 'Content-Type': 'application/json' },
    })
    await streamOnly.closed
    assert.deepEqual(JSON.parse(streamOnly.events[0]?.data ?? ''), { jsonrpc: '2.0', id: 1, result: {} })
  }))

test('server/discover tells versions, capabilities and how long to keep them', () =>
  withMcp(async (url) => {
    const answer = await modern(url, 'server/discover')
    assert.equal(answer.status, 200)
    const { result } = answer.json()
    assert.deepEqual(result.supportedVersions, ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'])
    assert.deepEqual(result.capabilities, { tools: {} })
    assert.equal(result.resultType, 'complete')
    assert.equal(result.cacheScope, 'public')
    assert.equal(Number.isInteger(result.ttlMs), true)
    assert.deepEqual(result._meta[`${K}serverInfo`], { name: 'sample', version: '1.2.3' })
  }))

test('modern lists carry cache hints, modern calls do not', () =>
  withMcp(async (url) => {
    const list = (await modern(url, 'tools/list')).json().result
    assert.deepEqual([list.resultType, list.cacheScope, typeof list.ttlMs], ['complete', 'public', 'number'])
    const call = (await modern(url, 'tools/call', { params: { name: 'structured' } })).json().result
    assert.deepEqual(call.structuredContent, { count: 7 })
    assert.equal(call.resultType, 'complete')
    assert.equal('ttlMs' in call, false)
    const failed = (await modern(url, 'tools/call', { params: { name: 'fail', arguments: { how: 'tool' } } })).json().result
    assert.deepEqual([failed.isError, failed.resultType], [true, 'complete'])
  }))

const faults: [what: string, method: string, change: Modern, status: number, code: number][] = [
  ['no version header', 'tools/list', { headers: { 'MCP-Protocol-Version': undefined } }, 400, -32020],
  ['another version header', 'tools/list', { headers: { 'MCP-Protocol-Version': '2025-11-25' } }, 400, -32020],
  ['no method header', 'tools/list', { headers: { 'Mcp-Method': undefined } }, 400, -32020],
  ['another method header', 'tools/list', { headers: { 'Mcp-Method': 'tools/call' } }, 400, -32020],
  ['a method header in another case', 'tools/list', { headers: { 'Mcp-Method': 'Tools/List' } }, 400, -32020],
  ['no name header', 'tools/call', { params: { name: 'echo' }, headers: { 'Mcp-Name': undefined } }, 400, -32020],
  ['another name header', 'tools/call', { params: { name: 'echo' }, headers: { 'Mcp-Name': 'fail' } }, 400, -32020],
  [
    'a name header in broken base64',
    'tools/call',
    { params: { name: 'echo' }, headers: { 'Mcp-Name': '=?base64?ZWNobw?x?=' } },
    400,
    -32020,
  ],
  ['no version in the body', 'tools/list', { meta: { [`${K}protocolVersion`]: undefined } }, 400, -32602],
  ['a version that is not text', 'tools/list', { meta: { [`${K}protocolVersion`]: 20260728 } }, 400, -32602],
  ['no client capabilities', 'tools/list', { meta: { [`${K}clientCapabilities`]: undefined } }, 400, -32602],
  ['capabilities that are not an object', 'tools/list', { meta: { [`${K}clientCapabilities`]: [] } }, 400, -32602],
  ['a log level that does not exist', 'tools/list', { meta: { [`${K}logLevel`]: 'loud' } }, 400, -32602],
  [
    'a version that does not exist',
    'tools/list',
    { meta: { [`${K}protocolVersion`]: '2099-01-01' }, headers: { 'MCP-Protocol-Version': '2099-01-01' } },
    400,
    -32022,
  ],
  ['initialize', 'initialize', { params: { protocolVersion: '2025-11-25' } }, 404, -32601],
  ['ping', 'ping', {}, 404, -32601],
  ['logging/setLevel', 'logging/setLevel', { params: { level: 'info' } }, 404, -32601],
  ['a method that does not exist', 'subscriptions/listen', {}, 404, -32601],
  ['a tool that does not exist', 'tools/call', { params: { name: 'nope' } }, 200, -32602],
]
for (const [what, method, change, status, code] of faults) {
  test(`modern: ${what} is ${status} with ${code}`, () =>
    withMcp(async (url) => {
      const answer = await modern(url, method, { id: 'q', ...change })
      assert.equal(answer.status, status)
      assert.equal(answer.json().error.code, code)
      assert.equal(answer.json().id, 'q')
    }))
}

test('modern: names may be base64, header values may have spaces around them', () =>
  withMcp(async (url) => {
    const name = `=?base64?${Buffer.from('echo').toString('base64')}?=`
    const params = { name: 'echo', arguments: { text: 'x' } }
    assert.equal((await modern(url, 'tools/call', { params, headers: { 'Mcp-Name': name } })).status, 200)
    assert.equal((await modern(url, 'tools/call', { params, headers: { 'Mcp-Name': '  echo ' } })).status, 200)
  }))

test('modern: notifications are 202, responses and batches are 400', () =>
  withMcp(async (url) => {
    const headers = { ...both, 'MCP-Protocol-Version': '2026-07-28' }
    assert.equal((await postJson(url, { jsonrpc: '2.0', method: 'notifications/x' }, headers)).status, 202)
    assert.equal((await postJson(url, { jsonrpc: '2.0', id: 1, result: {} }, headers)).status, 400)
    const unreadable = await postJson(url, { jsonrpc: '2.0', id: null, method: 'x' }, headers)
    assert.deepEqual([unreadable.status, 'id' in unreadable.json()], [400, false])
  }))

test('modern: log messages are sent only when a level was asked for', () =>
  withMcp(async (url) => {
    const silent = await modern(url, 'tools/call', { params: { name: 'steps' } })
    assert.equal(silent.headers['content-type'], 'application/json')
    const loud = await modern(url, 'tools/call', { params: { name: 'steps' }, meta: { [`${K}logLevel`]: 'error' } })
    assert.match(String(loud.headers['content-type']), /event-stream/)
    assert.equal(loud.text.match(/notifications\/message/g)?.length, 1)
  }))

for (const [era, expected] of [
  ['modern', ['the client closed the response']],
  ['legacy', []],
] as const) {
  test(`a client that leaves ${expected.length > 0 ? 'cancels' : 'does not cancel'} its ${era} call`, async (signal) => {
    const sample = sampleServer()
    const listener = streamableHttp(sample.server)
    let left = false
    await withServer(
      (req, res) => {
        res.on('close', () => (left = true))
        listener(req, res)
      },
      async (url) => {
        const abort = new AbortController()
        const meta = era === 'modern' ? modernMeta : {}
        const headers =
          era === 'modern' ? { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'wait' } : {}
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait', _meta: meta } })
        const sent = send(`${url}/mcp`, {
          method: 'POST',
          body,
          headers: { ...both, ...headers, 'Content-Type': 'application/json' },
          signal: abort.signal,
        })
        setTimeout(() => abort.abort(), 100)
        await assert.rejects(sent)
        while (!left) {
          signal.throwIfAborted()
          await new Promise((resolve) => setImmediate(resolve))
        }
        assert.deepEqual(sample.seen.aborted, expected)
        sample.release()
      },
    )
  })
}

test('a client that leaves in the middle of a streamed reply cancels its call and harms nobody', (signal) =>
  withMcp(async (url, { seen }) => {
    const stream = await SseClient.open(url, {
      method: 'POST',
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'wait', _meta: { ...modernMeta, progressToken: 1 } },
      }),
      headers: {
        ...both,
        'Content-Type': 'application/json',
        'MCP-Protocol-Version': '2026-07-28',
        'Mcp-Method': 'tools/call',
        'Mcp-Name': 'wait',
      },
    })
    assert.equal(JSON.parse((await stream.next()).data).method, 'notifications/progress')
    stream.close()
    while (seen.aborted.length === 0) {
      signal.throwIfAborted()
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal((await modern(url, 'tools/list')).status, 200)
  }))

const waiting = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait' } }

test('a call without a result becomes an event stream with a comment, where the client accepts one', async () => {
  const sample = sampleServer()
  await withServer(streamableHttp(sample.server, { silentMs: 60 }), async (url) => {
    const stream = await SseClient.open(`${url}/mcp`, {
      method: 'POST',
      body: JSON.stringify(waiting),
      headers: { ...both, 'Content-Type': 'application/json' },
    })
    assert.equal(stream.response.statusCode, 200)
    await stream.nextComment()
    sample.release()
    assert.equal(JSON.parse((await stream.next()).data).result.content[0].text, 'released')
    await stream.closed
  })
})

test('a call without a result stays JSON for a client that does not ask for an event stream', async () => {
  const sample = sampleServer()
  await withServer(streamableHttp(sample.server, { silentMs: 20 }), async (url) => {
    for (const Accept of ['application/json', '*/*']) {
      const answer = postJson(`${url}/mcp`, waiting, { Accept })
      setTimeout(sample.release, 100)
      assert.equal((await answer).headers['content-type'], 'application/json')
    }
  })
})

test('a preflight of a listed origin is answered before credentials, of another one refused', async () => {
  const access = createAccess({ principals: [{ name: 'a', token: 'token-1' }], allowedOrigins: ['https://chat.example.org'] })
  await withServer(streamableHttp(sampleServer().server, { access }), async (url) => {
    const preflight = (Origin: string) =>
      send(`${url}/mcp`, {
        method: 'OPTIONS',
        headers: {
          Origin,
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'authorization,content-type,mcp-method,mcp-param-region,last-event-id,x-secret',
        },
      })
    const { status, headers } = await preflight('https://chat.example.org')
    assert.equal(status, 204)
    assert.equal(headers['access-control-allow-origin'], 'https://chat.example.org')
    assert.equal(
      headers['access-control-allow-headers'],
      'authorization, content-type, mcp-method, mcp-param-region, last-event-id',
    )
    assert.match(String(headers.vary), /Origin/)
    const refused = await preflight('https://evil.example.org')
    assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [403, undefined])
    const options = await send(`${url}/mcp`, { method: 'OPTIONS', headers: { Authorization: 'Bearer token-1' } })
    assert.equal(options.status, 405)
  })
})

test('a page of a listed origin is answered and may read the answer, also when it is an error', async () => {
  const access = createAccess({ principals: [{ name: 'a', token: 'token-1' }], allowedOrigins: ['https://chat.example.org'] })
  await withServer(streamableHttp(sampleServer().server, { access }), async (url) => {
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
    for (const [origin, token, status, shared] of [
      ['https://chat.example.org', 'token-1', 200, 'https://chat.example.org'],
      ['https://chat.example.org', 'token-2', 401, 'https://chat.example.org'],
      ['https://evil.example.org', 'token-1', 403, undefined],
    ] as const) {
      const answer = await postJson(`${url}/mcp`, ping, { Origin: origin, Authorization: `Bearer ${token}` })
      assert.equal(answer.status, status)
      assert.equal(answer.headers['access-control-allow-origin'], shared)
      assert.equal(answer.headers.vary, shared === undefined ? undefined : 'Origin')
      assert.equal(String(answer.headers['access-control-expose-headers']).includes('WWW-Authenticate'), shared !== undefined)
      assert.equal(answer.headers['www-authenticate'], status === 401 ? 'Bearer' : undefined)
    }
    // OPTIONS without a wanted method is no preflight.
    const options = { method: 'OPTIONS', headers: { Origin: 'https://chat.example.org', Authorization: 'Bearer token-1' } }
    assert.equal((await send(`${url}/mcp`, options)).status, 405)
  })
})

test('1,000 parallel connections are all answered', () =>
  withMcp(async (url) => {
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        postJson(url, { jsonrpc: '2.0', id: i, method: 'tools/call', params: { name: 'echo', arguments: { text: `${i}` } } }),
      ),
    )
    for (const [i, answer] of answers.entries()) assert.equal(answer.json().result.content[0].text, `${i}`)
  }))

test('close answers what is in flight and refuses the rest', async () => {
  const sample = sampleServer()
  const handler = streamableHttp(sample.server)
  let entered = (): void => {}
  const inside = new Promise<void>((resolve) => (entered = resolve))
  await withServer(
    (req, res) => {
      req.on('end', () => setImmediate(entered))
      handler(req, res)
    },
    async (url) => {
      const waiting = postJson(url, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait' } })
      await inside
      assert.equal(handler.openSessions, 0, 'no call of this transport is a session')
      const closed = handler.close(10_000)
      assert.equal((await postJson(url, { jsonrpc: '2.0', id: 2, method: 'ping' })).status, 503)
      sample.release()
      assert.equal((await waiting).json().result.content[0].text, 'released')
      await closed
    },
  )
})

test('a request whose body arrives after close is refused too, because close does not wait for it', async () => {
  const handler = streamableHttp(sampleServer().server)
  let began = (): void => {}
  const beginning = new Promise<void>((resolve) => (began = resolve))
  await withServer(
    (req, res) => {
      handler(req, res)
      began()
    },
    async (url) => {
      const post = request(url, { method: 'POST', headers: { 'Content-Type': 'application/json' } })
      post.write('{"jsonrpc":"2.0","id":1,')
      await beginning
      await handler.close(0)
      post.end('"method":"ping"}')
      const [answer] = await once(post, 'response')
      answer.resume()
      assert.equal(answer.statusCode, 503)
    },
  )
})
