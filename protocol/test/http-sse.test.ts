import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { sampleServer, withSample } from '../../test/helpers/sample-server.ts'
import { McpSession, postJson, SseClient, send, sendRaw, withServer } from '../../test/helpers/wire.ts'
import { test } from '../../test/runner/harness.ts'
import { createAccess } from '../access.ts'
import { type HttpOptions, httpSse } from '../index.ts'

/** One session on a sample server. */
const withSession = (use: Parameters<typeof withSample>[1], http: HttpOptions = {}) => withSample({ http }, use)

/** Waits until `check` holds; the test's own limit ends it otherwise. */
async function until(check: () => boolean, signal: AbortSignal): Promise<void> {
  while (!check()) {
    signal.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('the first event names an absolute path with a 128-bit session id', () =>
  withServer(httpSse(sampleServer().server), async (url) => {
    const stream = await SseClient.open(`${url}/filesystem/sse`)
    const { event, data } = await stream.next()
    assert.equal(event, 'endpoint')
    assert.match(data, /^\/filesystem\/messages\?sessionId=[0-9a-f]{32}$/)
    assert.equal(stream.response.headers['cache-control'], 'no-cache, no-transform')
    assert.equal(stream.response.headers['x-accel-buffering'], 'no')
    stream.close()
  }))

test('basePath precedes the path in the endpoint event', () =>
  withServer(httpSse(sampleServer().server, { basePath: '/tools/' }), async (url) => {
    const stream = await SseClient.open(`${url}/sse`)
    assert.match((await stream.next()).data, /^\/tools\/messages\?sessionId=/)
    stream.close()
  }))

test('a session is initialized, lists and calls', () =>
  withSession(async (session) => {
    const { result } = await session.request('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 't', version: '1' },
    })
    assert.deepEqual(result, {
      protocolVersion: '2025-06-18',
      capabilities: { tools: {}, logging: {} },
      serverInfo: { name: 'sample', version: '1.2.3' },
      instructions: 'For tests.',
    })
    await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    const list = await session.request('tools/list')
    assert.equal(list.result.tools.length, 8)
    assert.equal('nextCursor' in list.result, false)
    assert.deepEqual(await session.call('echo', { text: 'hi' }), { content: [{ type: 'text', text: 'hi' }] })
  }))

test('a session that skips initialize is served', () =>
  withSession(async (session) => {
    assert.equal((await session.request('tools/list')).result.tools.length, 8)
  }))

for (const [asked, answered] of [
  ['2024-11-05', '2024-11-05'],
  ['2025-03-26', '2025-03-26'],
  ['2025-11-25', '2025-11-25'],
  ['2026-07-28', '2025-11-25'],
  ['1999-01-01', '2025-11-25'],
]) {
  test(`initialize ${asked} is answered ${answered}`, () =>
    withSession(async (session) => {
      assert.equal((await session.request('initialize', { protocolVersion: asked })).result.protocolVersion, answered)
    }))
}

test('initialize without a version is invalid params', () =>
  withSession(async (session) => {
    assert.equal((await session.request('initialize', {})).error.code, -32602)
  }))

test('ping is answered with an empty result', () =>
  withSession(async (session) => {
    assert.deepEqual((await session.request('ping')).result, {})
  }))

test('ids 0, negative and text come back as they were', () =>
  withSession(async (session) => {
    for (const id of [0, -7, 'a"b', '']) {
      await session.post({ jsonrpc: '2.0', id, method: 'ping' })
      assert.deepEqual(await session.message(), { jsonrpc: '2.0', id, result: {} })
    }
  }))

test('malformed messages are answered on the stream after 202', () =>
  withSession(async (session) => {
    for (const [body, id, code] of [
      ['{"jsonrpc":"2.0","id":null,"method":"ping"}', null, -32600],
      ['{"jsonrpc":"1.0","id":4,"method":"ping"}', 4, -32600],
      ['[]', null, -32600],
      ['"ping"', null, -32600],
      ['{"jsonrpc":"2.0","id":5,"method":"nope"}', 5, -32601],
      ['{"jsonrpc":"2.0","id":6,"method":"server/discover"}', 6, -32601],
      ['{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"nope"}}', 7, -32602],
      ['{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":5}}', 8, -32602],
      ['{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"echo","arguments":[]}}', 9, -32602],
      ['{"jsonrpc":"2.0","id":10,"method":"tools/list","params":{"cursor":"x"}}', 10, -32602],
      ['{"jsonrpc":"2.0","id":11,"method":"logging/setLevel","params":{"level":"loud"}}', 11, -32602],
    ] as const) {
      assert.equal((await session.post(body)).status, 202)
      const message = await session.message()
      assert.equal(message.id, id)
      assert.equal(message.error.code, code, body)
    }
  }))

test('broken JSON is 400 with a parse error', () =>
  withSession(async (session) => {
    const answer = await session.post('{"jsonrpc":')
    assert.equal(answer.status, 400)
    assert.equal(answer.json().error.code, -32700)
  }))

test('notifications and responses are never answered', () =>
  withSession(async (session) => {
    for (const message of [
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', method: 'nope' },
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 12345 } },
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: [] },
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: [1] },
      { jsonrpc: '2.0', method: 'nope', params: 'text' },
      { jsonrpc: '2.0', id: 1, result: {} },
    ]) {
      assert.equal((await session.post(message)).status, 202)
    }
    assert.equal((await session.request('ping')).id, 100) // the first message on the stream
  }))

test('a batch is answered as one array in 2025-03-26 and refused elsewhere', () =>
  withSession(async (session) => {
    const batch = [
      { jsonrpc: '2.0', id: 1, method: 'ping' },
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', id: 2, method: 'initialize', params: { protocolVersion: '2025-03-26' } },
      7,
    ]
    await session.post(batch)
    assert.equal((await session.message()).error.code, -32600)
    await session.request('initialize', { protocolVersion: '2025-03-26' })
    await session.post(batch)
    const replies = await session.message()
    assert.deepEqual(replies[0], { jsonrpc: '2.0', id: 1, result: {} })
    assert.equal(replies[1].error.code, -32600)
    assert.equal(replies[2].error.code, -32600)
    assert.equal(replies.length, 3)
    await session.post([{ jsonrpc: '2.0', method: 'notifications/initialized' }])
    assert.deepEqual((await session.request('ping')).result, {})
  }))

test('the replies of a batch stay within one message; those that do not fit are errors', () =>
  withSession(async (session) => {
    await session.request('initialize', { protocolVersion: '2025-03-26' })
    const call = (id: number) => ({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: 'echo', arguments: { text: 'x', times: 700_000 } },
    })
    await session.post([call(1), call(2), null, call(3), { jsonrpc: '2.0', id: 4, method: 'ping' }])
    const { data } = await session.stream.next()
    assert.equal(data.length < 1_000_000, true)
    const replies = JSON.parse(data)
    assert.equal(replies[0].result.content[0].text.length, 700_000)
    assert.deepEqual(
      replies.slice(1).map(({ id, error }: any) => [id, error?.code]),
      [
        [2, -32603],
        [null, -32600],
        [3, -32603],
        [4, undefined],
      ],
    )
  }))

test('the 202 comes before the work', () =>
  withSession(async (session, { release }) => {
    assert.equal((await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait' } })).status, 202)
    assert.deepEqual((await session.request('ping')).result, {})
    release()
    assert.equal((await session.message()).result.content[0].text, 'released')
  }))

test('notifications/cancelled aborts the call, and it is not answered', async () =>
  withSession(async (session, { seen }) => {
    await session.post({ jsonrpc: '2.0', id: 'w', method: 'tools/call', params: { name: 'wait' } })
    await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'w', reason: 'x' } })
    assert.equal((await session.request('ping')).id, 100)
    assert.deepEqual(seen.aborted, ['the client cancelled the request'])
  }))

test('an id in flight cannot be used again, but can after the answer', () =>
  withSession(async (session, { release }) => {
    await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait' } })
    await session.post({ jsonrpc: '2.0', id: 1, method: 'ping' })
    assert.match((await session.message()).error.message, /already in use/)
    await session.post({ jsonrpc: '2.0', id: '1', method: 'ping' })
    assert.equal((await session.message()).id, '1')
    release()
    assert.equal((await session.message()).id, 1)
    await session.post({ jsonrpc: '2.0', id: 1, method: 'ping' })
    assert.deepEqual((await session.message()).result, {})
  }))

test('more requests in flight than the limit are refused', () =>
  withSession(
    async (session) => {
      for (const id of [1, 2, 3]) await session.post({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'wait' } })
      const message = await session.message()
      assert.equal(message.id, 3)
      assert.match(message.error.message, /more than 2 requests/)
    },
    { maxInFlight: 2 },
  ))

test('closing the stream aborts its calls and ends the session', (signal) =>
  withSession(async (session, { seen }) => {
    await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait' } })
    session.close()
    await until(() => seen.aborted.length > 0, signal)
    assert.deepEqual(seen.aborted, ['the client closed its stream'])
    assert.equal((await session.post({ jsonrpc: '2.0', id: 2, method: 'ping' })).status, 404)
  }))

test('progress rises, ends with the result, and goes only to who asked', () =>
  withSession(async (session) => {
    await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'steps', _meta: { progressToken: 0 } } })
    const messages = [await session.message(), await session.message(), await session.message(), await session.message()]
    assert.deepEqual(
      messages.map(({ method, params }) => [method, params?.progress ?? params?.level]),
      [
        ['notifications/progress', 1],
        ['notifications/progress', 3],
        ['notifications/message', 'error'],
        [undefined, undefined],
      ],
    )
    assert.equal(messages[0].params.progressToken, 0)
    assert.equal(messages[3].id, 1)
    assert.equal((await session.request('logging/setLevel', { level: 'emergency' })).result !== undefined, true)
    await session.post({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'steps' } })
    assert.equal((await session.message()).id, 2)
    assert.ok(!session.stream.raw.includes('"progress":4'), 'nothing of a call is sent after its answer')
  }))

test('logging/setLevel decides which messages are sent', () =>
  withSession(async (session) => {
    await session.request('logging/setLevel', { level: 'debug' })
    await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'steps' } })
    assert.equal((await session.message()).params.level, 'debug')
    assert.deepEqual((await session.message()).params, { level: 'error', logger: 'steps', data: { bad: true } })
  }))

test('an alias path and both spellings of the session id work', () =>
  withServer(httpSse(sampleServer().server), async (url) => {
    const session = await McpSession.open(`${url}/sse`)
    const id = new URL(session.endpoint).searchParams.get('sessionId')
    for (const path of [`/messages?session_id=${id}`, `/sse/messages?sessionId=${id}`, `/sse/messages?session_id=${id}&x=1`]) {
      assert.equal((await postJson(url + path, { jsonrpc: '2.0', id: path, method: 'ping' })).status, 202)
      assert.equal((await session.message()).id, path)
    }
    session.close()
  }))

test('wrong verbs, paths, sessions and media types have a status each', () =>
  withSession(async (session, _sample, url) => {
    const json = { 'Content-Type': 'application/json' }
    for (const [path, options, status, says] of [
      ['/sse', { method: 'POST', headers: json, body: '{}' }, 405, /GET/],
      ['/sse', { method: 'DELETE' }, 405, /GET/],
      ['/messages', { method: 'GET' }, 405, /POST/],
      ['/nope', {}, 404, /not found/],
      ['/messages', { method: 'POST', headers: json, body: '{}' }, 400, /sessionId/],
      ['/messages?sessionId=', { method: 'POST', headers: json, body: '{}' }, 400, /sessionId/],
      [`/messages?sessionId=${'0'.repeat(32)}`, { method: 'POST', headers: json, body: '{}' }, 404, /session not found/],
      ['/messages?sessionId=__proto__', { method: 'POST', headers: json, body: '{}' }, 404, /session not found/],
    ] as const) {
      const answer = await send(url + path, options)
      assert.equal(answer.status, status, path)
      assert.match(answer.json().error.message, says)
      if (status === 405) assert.notEqual(answer.headers.allow, undefined)
    }
    const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
    for (const type of ['text/plain', 'application/jsonp', '', 'application/json-patch+json']) {
      assert.equal(
        (await send(session.endpoint, { method: 'POST', headers: type === '' ? {} : { 'Content-Type': type }, body: ping }))
          .status,
        415,
        type,
      )
    }
    for (const type of ['application/json; charset=utf-8', 'Application/JSON']) {
      assert.equal(
        (await send(session.endpoint, { method: 'POST', headers: { 'Content-Type': type }, body: ping })).status,
        202,
        type,
      )
      await session.message()
    }
    assert.equal(
      (await send(session.endpoint, { method: 'POST', headers: { ...json, 'Content-Encoding': 'gzip' }, body: ping })).status,
      415,
    )
  }))

test('a body above the limit is 413, with and without its length told', () =>
  withSession(async (session) => {
    const big = `{"x":"${'y'.repeat(10_000_000)}"}`
    const told = await session.post(big)
    assert.equal(told.status, 413)
    const chunked = await send(session.endpoint, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' },
      body: big.slice(0, 2_000_000),
    })
    assert.equal(chunked.status, 413)
    assert.deepEqual((await session.request('ping')).result, {})
  }))

test('a slow sender is answered 408', () =>
  withSession(
    async (session) => {
      const { pathname, search, host } = new URL(session.endpoint)
      const answer = await sendRaw(
        session.endpoint,
        `POST ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"json`,
      )
      assert.match(answer, /^HTTP\/1.1 408 /)
      assert.match(answer, /within 100 ms/)
    },
    { bodyTimeoutMs: 100 },
  ))

test('a sender that is slow, but within the limit, is answered', () =>
  withSession(
    async (session) => {
      const { pathname, search, host, hostname, port } = new URL(session.endpoint)
      const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
      const socket = connect(Number(port), hostname)
      socket.write(
        `POST ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n{`,
      )
      // Two comments: the limits of waits have been checked meanwhile.
      await session.stream.nextComment()
      await session.stream.nextComment()
      socket.end(body.slice(1))
      assert.deepEqual(await session.message(), { jsonrpc: '2.0', id: 1, result: {} })
    },
    { keepAliveMs: 30, bodyTimeoutMs: 15_000 },
  ))

test('a sender that leaves in the middle of its body harms nobody', () =>
  withSession(async (session) => {
    const { pathname, search, host, hostname, port } = new URL(session.endpoint)
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          `POST ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"js`,
          () => socket.resetAndDestroy(),
        )
      })
      socket.on('close', () => resolve())
    })
    assert.deepEqual((await session.request('ping')).result, {})
  }))

test('UTF-8 split across packets arrives whole', () =>
  withSession(async (session) => {
    const { pathname, search, host, hostname, port } = new URL(session.endpoint)
    const body = Buffer.from(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"päöü😀\u2028"}}}',
    )
    const socket = connect(Number(port), hostname)
    socket.setNoDelay(true)
    const write = (bytes: string | Buffer) => new Promise((resolve) => socket.write(bytes, resolve))
    await write(
      `POST ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    )
    for (const byte of body) await write(Buffer.from([byte]))
    assert.equal((await session.message()).result.content[0].text, 'päöü😀\u2028')
    socket.destroy()
  }))

test('one session more than the limit is 503, and a place is free after a close', (signal) =>
  withServer(httpSse(sampleServer().server, { maxSessions: 2 }), async (url) => {
    const [first, second] = [await McpSession.open(`${url}/sse`), await McpSession.open(`${url}/sse`)]
    const full = await send(`${url}/sse`)
    assert.equal(full.status, 503)
    assert.equal(full.headers['retry-after'], '5')
    first.close()
    let third: McpSession | undefined
    while (third === undefined) {
      signal.throwIfAborted()
      third = await McpSession.open(`${url}/sse`).catch(() => undefined)
    }
    assert.deepEqual((await third.request('ping')).result, {})
    second.close()
    third.close()
  }))

test('a session answers only the principal that opened it', () => {
  const access = createAccess({
    principals: [
      { name: 'ann', token: 'ann-token' },
      { name: 'bob', token: 'bob-token' },
    ],
  })
  return withServer(httpSse(sampleServer().server, { access }), async (url) => {
    const session = await McpSession.open(`${url}/sse`, { Authorization: 'Bearer ann-token' })
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
    assert.equal((await session.post(ping, { Authorization: 'Bearer bob-token' })).status, 404)
    assert.equal((await session.post(ping, { Authorization: 'Bearer nobody' })).status, 401)
    assert.equal((await postJson(session.endpoint, ping)).status, 401)
    assert.deepEqual((await session.request('ping')).result, {})
    session.close()
  })
})

test('the forwarded user and trace of each POST reach the handler', () => {
  const access = createAccess({ principals: [{ name: 'litellm', token: 'token-123' }], userHeaders: ['x-litellm-end-user-id'] })
  return withServer(httpSse(sampleServer().server, { access }), async (url) => {
    const session = await McpSession.open(`${url}/sse`, { 'X-API-Key': 'token-123' })
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const { content } = await session.call('who', {}, { 'x-litellm-end-user-id': 'jo@x.io', traceparent })
    const who = JSON.parse(content[0].text)
    assert.equal(who.principal, 'litellm')
    assert.equal(who.user, 'jo@x.io')
    assert.equal(who.traceparent, traceparent)
    session.close()
  })
})

test('a keep-alive comment is sent when nothing else is', () =>
  withSession(async (session) => session.stream.nextComment(), { keepAliveMs: 50 }))

test('a client that never reads is dropped when its stream stalls', async (signal) => {
  const sample = sampleServer()
  const handler = httpSse(sample.server, { stallMs: 300, keepAliveMs: 100, maxBufferedBytes: 1e9 })
  await withServer(handler, async (url) => {
    const session = await McpSession.open(`${url}/sse`)
    session.stream.response.pause()
    for (let id = 0; id < 16; id++) {
      await session.post({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'echo', arguments: { text: 'x', times: 800_000 } },
      })
    }
    await until(() => handler.openSessions === 0, signal)
    session.close()
  })
})

test('a client that reads slowly but steadily gets everything, however long its buffer is full', async () => {
  const sample = sampleServer()
  const stallMs = 700
  const handler = httpSse(sample.server, { stallMs, maxBufferedBytes: 1e9 })
  await withServer(handler, async (url) => {
    const session = await McpSession.open(`${url}/sse`)
    const { response } = session.stream
    const began = performance.now()
    response.on('data', () => {
      response.pause()
      setTimeout(() => response.resume(), 10)
    })
    const text = { text: 'x', times: 800_000 }
    const answers = await Promise.all(Array.from({ length: 20 }, () => session.call('echo', text)))
    assert.ok(answers.every(({ content }) => content[0].text.length === 800_000))
    assert.ok(performance.now() - began > 2 * stallMs, 'read too fast for a stall')
    session.close()
  })
})

test('a client that never reads is dropped when its buffer is full', async (signal) => {
  const sample = sampleServer()
  const handler = httpSse(sample.server, { maxBufferedBytes: 1_000_000 })
  await withServer(handler, async (url) => {
    const session = await McpSession.open(`${url}/sse`)
    session.stream.response.pause()
    for (let id = 0; handler.openSessions > 0; id++) {
      signal.throwIfAborted()
      await session.post({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'echo', arguments: { text: 'x', times: 800_000 } },
      })
    }
    session.close()
  })
})

test('parallel sessions never see each other’s messages', () =>
  withServer(httpSse(sampleServer().server), async (url) => {
    const sessions = await Promise.all(Array.from({ length: 20 }, () => McpSession.open(`${url}/sse`)))
    await Promise.all(
      sessions.map(async (session, i) => {
        for (let n = 0; n < 10; n++)
          assert.equal((await session.call('echo', { text: `${i}-${n}` })).content[0].text, `${i}-${n}`)
        assert.equal(session.stream.events.length, 11)
        session.close()
      }),
    )
  }))

test('close lets calls in flight finish and refuses new work', async () => {
  const sample = sampleServer()
  const handler = httpSse(sample.server)
  await withServer(handler, async (url) => {
    const session = await McpSession.open(`${url}/sse`)
    await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait' } })
    // Whoever mounts a handler at two paths closes it twice.
    const closed = Promise.all([handler.close(10_000), handler.close(10_000)])
    const started = performance.now()
    await session.post({ jsonrpc: '2.0', id: 2, method: 'ping' })
    assert.match((await session.message()).error.message, /shutting down/)
    assert.equal((await send(`${url}/sse`)).status, 503)
    sample.release()
    assert.equal((await session.message()).result.content[0].text, 'released')
    await Promise.all([closed, session.stream.closed])
    assert.ok(performance.now() - started < 9_000)
  })
})

test('close fails what does not finish within the grace time', async () => {
  const handler = httpSse(sampleServer().server)
  await withServer(handler, async (url) => {
    const session = await McpSession.open(`${url}/sse`)
    await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'deaf' } })
    await handler.close(50)
    assert.match((await session.message()).result.content[0].text, /ERROR CANCELLED: the server is shutting down/)
    await session.stream.closed
  })
})
