// The runner against targets that are absent, silent, dying or hostile: always a verdict, in bounded time and memory.
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { test } from '../../test/runner/harness.ts'
import {
  exitCodeOf,
  jsonReport,
  junitReport,
  markdownReport,
  type RunOptions,
  type RunReport,
  reportSchema,
  runConformance,
  textReport,
  Unreachable,
} from '../index.ts'
import { startReference } from '../selftest/reference.ts'
import { calledTools } from '../selftest/reference-rpc.ts'
import type { Deviation } from '../selftest/reference-types.ts'

const FAST = { timeoutMs: 250 }
/** For targets that answer at once, however busy the machine is. */
const PATIENT = { timeoutMs: 5_000 }

/** Runs `work` with the URL of a server that is closed afterwards, connections and all. */
async function withServer<T>(listener: RequestListener, work: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(listener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
}

const runAgainst = (listener: RequestListener, path: string, options: Partial<RunOptions> = {}): Promise<RunReport> =>
  withServer(listener, (url) => runConformance({ url: url + path, ...FAST, ...options }))

test('a refused connection is unreachable', async () => {
  const server = createTcpServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  await assert.rejects(runConformance({ url: `http://127.0.0.1:${port}/mcp`, ...FAST }), Unreachable)
  await assert.rejects(runConformance({ url: `http://127.0.0.1:${port}/sse`, transport: 'sse', ...FAST }), Unreachable)
})

test('a URL that answers 404 is unreachable', async () => {
  const notFound: RequestListener = (_, res) => res.writeHead(404).end()
  await assert.rejects(runAgainst(notFound, '/mcp', PATIENT), Unreachable)
  await assert.rejects(runAgainst(notFound, '/sse', { ...PATIENT, transport: 'sse' }), Unreachable)
  await assert.rejects(runAgainst(notFound, '/mcp', { ...PATIENT, transport: 'http' }), Unreachable)
})

test('a URL that wants credentials is unreachable without them', async () => {
  await assert.rejects(
    runAgainst((_, res) => res.writeHead(401).end(), '/mcp', { ...PATIENT, transport: 'http' }),
    /HTTP 401: give credentials with --header/,
  )
  await assert.rejects(
    runAgainst((_, res) => res.writeHead(403).end(), '/mcp', PATIENT),
    /HTTP 403: give credentials with --header/,
  )
})

for (const [what, change] of [
  ['another id', { body: (text) => text.replace('"id":1,', '"id":99,') }],
  [
    'another content type',
    { head: ({ headers }) => void (headers['Mcp-Session-Id'] !== undefined && (headers['Content-Type'] = 'text/plain')) },
  ],
  ['an id that is text', { body: (text) => text.replace(/"id":(\d+)/, '"id":"$1"') }],
] as [string, Deviation][]) {
  test(`initialize answered with ${what} is a failure of an MCP server`, async () => {
    const reference = await startReference(change)
    try {
      const report = await runConformance({
        url: `${reference.url}/mcp`,
        ...PATIENT,
        only: ['basic/lifecycle', 'basic/transports/sending'],
      })
      assert.deepEqual([report.transport, exitCodeOf(report)], ['http', 1])
    } finally {
      await reference.close()
    }
  })
}

test('a tool that is not marked read-only is called when it is named, without arguments with any that its schema allows', async () => {
  const reference = await startReference()
  try {
    const options = { url: `${reference.url}/mcp`, revisions: ['2025-11-25'], only: ['server/tools/calling-tools'] } as const
    await runConformance(options)
    assert.ok(!calledTools.has('erase'))
    const report = await runConformance({ ...options, calls: [{ name: 'erase' }] })
    assert.ok(calledTools.has('erase'))
    assert.equal(exitCodeOf(report), 0)
  } finally {
    await reference.close()
  }
})

test('failures of one cause are grouped', async () => {
  const reference = await startReference({
    takes: ({ body }, res) => body.includes('"tools/') && res.writeHead(404).end() !== undefined,
  })
  try {
    const report = await runConformance({
      url: `${reference.url}/mcp`,
      revisions: ['2025-11-25'],
      only: ['server/tools', 'basic/index'],
    })
    assert.match(textReport(report), /probably of one cause\n +\d+ cases: POST \/mcp answers HTTP 404/)
  } finally {
    await reference.close()
  }
})

test('what tools return is shown as shape and length, unless asked for', async () => {
  const secret = 'AWS_SECRET=hush'
  const reference = await startReference({
    event: (text) => (/^data:$/m.test(text) ? '' : text),
    outgoing: (message, { request }) => {
      if (request?.method !== 'tools/call' || message.result?.content === undefined) return message
      return {
        ...message,
        result: { ...message.result, content: [{ type: 'text', text: secret }], structuredContent: { text: 5, secret } },
      }
    },
  })
  try {
    const options = { revisions: ['2025-11-25'], only: ['server/tools', 'basic/utilities/progress'] } as const
    // An event in the message of a failure holds a result as text.
    const priming = await runConformance({
      url: `${reference.url}/mcp`,
      revisions: ['2025-11-25'],
      only: ['basic/transports/sending-messages-to-the-server/priming-event'],
    })
    assert.equal(priming.summary.fail, 1)
    assert.ok(!jsonReport(priming).includes('hush'))
    for (const path of ['mcp', 'sse']) {
      const hidden = await runConformance({ url: `${reference.url}/${path}`, ...options })
      assert.ok(hidden.summary.levels.MUST.fail > 0)
      for (const text of [jsonReport(hidden), textReport(hidden), junitReport(hidden), markdownReport(hidden)])
        assert.ok(!text.includes('hush'))
      assert.match(jsonReport(hidden), /<text of 15 characters>/)
      assert.match(jsonReport(await runConformance({ url: `${reference.url}/${path}`, ...options, showResults: true })), /hush/)
    }
  } finally {
    await reference.close()
  }
})

test('a type that is named like a member of every object is no fault of the suite', async () => {
  const content = [{ type: 'image', data: 'AAAA', mimeType: 'constructor' }]
  const reference = await startReference({
    outgoing: (message) =>
      message.result?.content === undefined ? message : { ...message, result: { ...message.result, content } },
  })
  try {
    const only = ['server/tools/image-content']
    const report = await runConformance({ url: `${reference.url}/mcp`, revisions: ['2025-11-25'], ...PATIENT, only })
    assert.deepEqual(
      report.cases.map(({ status, message }) => [status, message]),
      [['pass', '']],
    )
  } finally {
    await reference.close()
  }
})

test('a server that says nothing fails', async () => {
  const report = await runAgainst(() => {}, '/mcp')
  assert.match(report.aborted ?? '', /no longer answers/)
  assert.equal(exitCodeOf(report), 1)
  assert.ok(report.summary.fail > 0)
})

test('a server that accepts connections and never speaks HTTP fails', async () => {
  const sockets: Socket[] = []
  const server = createTcpServer((socket) => sockets.push(socket.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const report = await runConformance({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse`, ...FAST })
    assert.equal(exitCodeOf(report), 1)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
})

test('a stream without an endpoint event fails its case', async () => {
  const report = await runAgainst((_, res) => res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders(), '/sse')
  const result = report.cases.find((item) => item.id === 'basic/transports/http-with-sse/endpoint-event')
  assert.equal(result?.status, 'fail')
  assert.match(result?.message ?? '', /an `endpoint` event/)
  assert.equal(exitCodeOf(report), 1)
})

test('a server that dies in the middle fails, and the rest is skipped', async () => {
  const reference = await startReference()
  let closing: Promise<void> | undefined
  const report = await runConformance({
    url: `${reference.url}/mcp`,
    ...FAST,
    revisions: ['2025-11-25'],
    onResult: (_, done) => {
      if (done === 30) closing = reference.close()
    },
  })
  await closing
  assert.match(report.aborted ?? '', /no longer answers/)
  assert.equal(exitCodeOf(report), 1)
  assert.ok(report.cases.some((result) => result.message === 'the server no longer answers'))
})

test('a server that dies of the last case fails', async () => {
  const reference = await startReference()
  let closing: Promise<void> | undefined
  const report = await runConformance({
    url: `${reference.url}/mcp`,
    ...FAST,
    only: ['basic/utilities/ping'],
    revisions: ['2025-11-25'],
    onResult: (_, done, total) => {
      if (done === total) closing = reference.close()
    },
  })
  await closing
  assert.match(report.aborted ?? '', /after the last case/)
})

test('a case that ends while a request is under way leaves no rejection behind', async () => {
  const reference = await startReference({
    takes: ({ body }, res) => {
      const isLeft = body.includes('"id":"closed"')
      if (isLeft) res.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
      // The other call never gets an answer.
      return isLeft || (body.includes('"tools/call"') && !body.includes('"learning"'))
    },
  })
  try {
    const id = 'basic/transports/streamable-http/cancellation/a-closed-stream-harms-nobody'
    const report = await runConformance({ url: `${reference.url}/mcp`, only: [id], revisions: ['2026-07-28'] })
    assert.deepEqual(
      report.cases.map((result) => result.status),
      ['skip'],
    )
  } finally {
    await reference.close()
  }
})

test('an endless body is cut off', async () => {
  const chunk = Buffer.alloc(256 * 1024, 'x')
  const flood: RequestListener = (_, res) => {
    res.on('error', () => {})
    const more = (): void => {
      while (!res.destroyed && res.write(chunk)) {}
      if (!res.destroyed) res.once('drain', more)
    }
    res.writeHead(200, { 'Content-Type': 'application/json' })
    more()
  }
  const before = process.memoryUsage().rss
  const report = await runAgainst(flood, '/mcp', {
    transport: 'http',
    only: ['basic/lifecycle'],
    revisions: ['2025-11-25'],
    concurrency: 1,
  })
  assert.equal(exitCodeOf(report), 1)
  const grownMiB = (process.memoryUsage().rss - before) / 1024 / 1024
  assert.ok(grownMiB < 400, `memory grew by ${Math.round(grownMiB)} MiB`)
})

test('an endless stream of events is cut off', async () => {
  const flood: RequestListener = (_, res) => {
    res.on('error', () => {})
    const more = (): void => {
      while (!res.destroyed && res.write('event: message\ndata: {"jsonrpc":"2.0","method":"notifications/x"}\n\n'.repeat(500))) {}
      if (!res.destroyed) res.once('drain', more)
    }
    res.writeHead(200, { 'Content-Type': 'text/event-stream' })
    more()
  }
  const report = await runAgainst(flood, '/sse', {
    transport: 'sse',
    only: ['basic/transports/http-with-sse/endpoint'],
    concurrency: 1,
  })
  assert.equal(exitCodeOf(report), 1)
})

test('headers of the user go to the origin of the target only', async () => {
  const stolen: (string | undefined)[] = []
  await withServer(
    (req, res) => {
      stolen.push(req.headers.authorization)
      res.writeHead(202).end()
    },
    async (thief) => {
      const report = await runAgainst(
        (_, res) =>
          res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(`event: endpoint\ndata: ${thief}/steal\n\n`),
        '/sse',
        {
          transport: 'sse',
          only: ['basic/transports/http-with-sse/post', 'interop/sse/post'],
          headers: { Authorization: 'Bearer secret' },
        },
      )
      assert.equal(exitCodeOf(report), 1)
    },
  )
  assert.ok(stolen.length > 0)
  assert.deepEqual(
    stolen.filter((value) => value !== undefined),
    [],
  )
})

test('reports say what was demanded, expected and seen, and show the bytes', async () => {
  const reference = await startReference({
    outgoing: (message, { request }) => (request?.method === 'ping' ? { ...message, result: { 'pong<&>': true } } : message),
  })
  try {
    const report = await runConformance({
      url: `${reference.url}/mcp`,
      only: ['basic/utilities/ping/behavior-requirements/empty-response', 'interop/http/accept'],
      revisions: ['2025-06-18', '2025-11-25'],
    })
    assert.deepEqual(report.summary.levels.MUST, { pass: 0, fail: 2, skip: 0 })
    assert.equal(report.revision, '2025-11-25')
    const text = textReport(report)
    for (const part of [
      'The receiver MUST respond promptly with an empty response.',
      'https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/ping#behavior-requirements',
      'expected: the result {}',
      'actual:   {"pong<&>":true}',
      '> POST /mcp HTTP/1.1',
      '< HTTP/1.1 200 OK',
      'does not conform: 2 MUST not met',
    ]) {
      assert.ok(text.includes(part), `${part} in\n${text}`)
    }
    assert.ok(!text.includes('\u001b['))
    assert.ok(textReport(report, { color: true }).includes('\u001b[31m'))
    const xml = junitReport(report)
    assert.match(xml, /<testsuite name="http 2025-11-25" tests="2" failures="1" skipped="0"/)
    assert.match(xml, /pong&lt;&amp;&gt;/)
  } finally {
    await reference.close()
  }
})

test('a report over HTTP+SSE shows the stream with the answer', async () => {
  const reference = await startReference({
    outgoing: (message, { request }) => (request?.method === 'ping' ? { ...message, result: { pong: true } } : message),
  })
  try {
    const report = await runConformance({
      url: `${reference.url}/sse`,
      only: ['basic/utilities/ping/behavior-requirements/empty-response'],
      revisions: ['2024-11-05'],
    })
    const text = textReport(report)
    assert.match(text, /> GET \/sse HTTP\/1\.1[\s\S]*event: endpoint[\s\S]*"pong":true/)
    assert.match(text, /> POST \/messages\?sessionId=[\s\S]*"method":"ping"/)
  } finally {
    await reference.close()
  }
})

test('credentials are sent, and kept out of the report', async () => {
  const seen = new Set<string | undefined>()
  const reference = await startReference({
    request: ({ headers }) => void seen.add(headers.authorization),
    outgoing: (message, { request }) => (request?.method === 'ping' ? { ...message, result: 5 } : message),
  })
  try {
    const options = { only: ['basic/utilities/ping'], revisions: ['2025-11-25'] } as const
    const secret = await runConformance({
      url: `${reference.url}/mcp`,
      ...options,
      headers: { Authorization: 'Bearer hush-hush' },
    })
    assert.deepEqual([...seen], ['Bearer hush-hush'])
    assert.ok(secret.summary.fail > 0 && jsonReport(secret).includes('Authorization: ***'))
    assert.ok(!jsonReport(secret).includes('hush'))
    seen.clear()
    const inUrl = await runConformance({ url: `${reference.url.replace('//', '//user:pass@')}/mcp`, ...options })
    assert.deepEqual([...seen], [`Basic ${Buffer.from('user:pass').toString('base64')}`])
    assert.equal(inUrl.target, `${reference.url}/mcp`)
  } finally {
    await reference.close()
  }
})

test('the JSON report is as its schema says', async () => {
  const validate = new Ajv2020({ strict: false }).compile(reportSchema)
  const reference = await startReference({ outgoing: (message, { request }) => (request?.method === 'ping' ? [] : message) })
  try {
    const failing = await runConformance({ url: `${reference.url}/mcp`, ...FAST, only: ['basic/utilities/ping', 'interop/http'] })
    const silent = await runAgainst(() => {}, '/mcp')
    for (const report of [failing, silent]) assert.ok(validate(JSON.parse(jsonReport(report))), JSON.stringify(validate.errors))
  } finally {
    await reference.close()
  }
})

test('only a MUST decides, unless strict', async () => {
  const reference = await startReference({
    takes: ({ headers }, res) => headers.accept === '*/*' && res.writeHead(406).end() !== undefined,
  })
  try {
    const report = await runConformance({
      url: `${reference.url}/mcp`,
      only: ['interop/http/accept-anything'],
      revisions: ['2025-11-25'],
    })
    assert.equal(report.summary.levels.INTEROP.fail, 1)
    assert.equal(exitCodeOf(report), 0)
    assert.equal(exitCodeOf(report, true), 1)
    assert.match(junitReport(report), /<skipped message="INTEROP, not met/)
    assert.match(junitReport(report, true), /<failure/)
  } finally {
    await reference.close()
  }
})
