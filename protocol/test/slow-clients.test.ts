// Clients that ask and never read or never wait: what waits for all of them together is limited, and so is what one connection may queue.
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { until } from '../../test/helpers/child.ts'
import { sampleServer } from '../../test/helpers/sample-server.ts'
import { McpSession, postJson, send, withServer } from '../../test/helpers/wire.ts'
import { test } from '../../test/runner/harness.ts'
import { httpSse } from '../transports/http-sse.ts'
import { limitPipelining, maxWaitingBytes } from '../transports/slow-clients.ts'
import { streamableHttp } from '../transports/streamable-http.ts'

const echo = (id: number, times: number) => ({
  ...{ jsonrpc: '2.0', id, method: 'tools/call' },
  params: { name: 'echo', arguments: { text: 'x', times } },
})

/** A POST as bytes. */
function requestOf(url: string, message: object): string {
  const body = JSON.stringify(message)
  return `POST /mcp HTTP/1.1\r\nHost: ${new URL(url).host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** A connection that reads nothing after `text` was sent. */
function silent(url: string, text: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(text, () => resolve(socket)))
    socket.on('error', () => {})
  })
}

test('streams that nobody reads are dropped when too much waits for all of them, though each is below its own limit', async () => {
  const dropped: string[] = []
  const handler = httpSse(sampleServer().server, { onRefused: ({ reason }) => dropped.push(reason) })
  await withServer(handler, async (url) => {
    const reads = await McpSession.open(`${url}/sse`)
    const sessions = await Promise.all(Array.from({ length: 12 }, () => McpSession.open(`${url}/sse`)))
    for (const session of sessions) session.stream.response.pause()
    // Until it is more than the kernel takes, which is megabytes for each; then all together are the first to have too much.
    for (let i = 0; i < 40 * sessions.length && dropped.length === 0; i++)
      await sessions[i % sessions.length]?.post(echo(i, 400_000))
    await until(() => dropped.length > 0 && handler.openSessions > 1)
    assert.equal(dropped[0], 'client-stalled')
    assert.equal((await reads.call('echo', { text: 'still here' })).content[0].text, 'still here')
    for (const session of [reads, ...sessions]) session.close()
  })
})

test('answers as JSON that nobody reads are dropped when too much waits for all of them', async () => {
  await withServer(streamableHttp(sampleServer().server), async (url) => {
    // More than the kernel takes for a connection.
    const [count, asked, bytes] = [8, 8, 900_000]
    const requests = Array.from({ length: asked }, (_, i) => requestOf(url, echo(i, bytes))).join('')
    const sockets = await Promise.all(Array.from({ length: count }, () => silent(url, requests)))
    let answered = 0
    while (answered < 3) if ((await postJson(`${url}/mcp`, echo(1, 1))).status === 200) answered += 1
    // A socket that is not read does not notice its end: reading shows which answers were cut.
    const read = (socket: Socket): Promise<number> =>
      new Promise((resolve) => {
        let came = 0
        socket.on('data', (chunk) => {
          came += chunk.length
          if (came > asked * bytes) socket.destroy()
        })
        socket.once('close', () => resolve(came))
      })
    const came = await Promise.all(sockets.map(read))
    const cut = came.filter((each) => each < asked * bytes).length
    assert.ok(cut > 0 && cut < count, `${cut} of ${count} connections were cut: ${came}; ${maxWaitingBytes} bytes may wait`)
  })
})

test('bodies that stop before their end are refused when too much has arrived of all of them', async () => {
  await withServer(streamableHttp(sampleServer().server), async (url) => {
    const body = JSON.stringify(echo(1, 1)).padEnd(1_000_000)
    const head = requestOf(url, {}).replace(/Content-Length: \d+\r\n\r\n.*$/, `Content-Length: ${body.length}\r\n\r\n`)
    const answers: string[] = []
    const sockets = await Promise.all(Array.from({ length: 20 }, () => silent(url, head + body.slice(0, -1))))
    for (const socket of sockets) socket.once('data', (chunk) => answers.push(chunk.toString().split('\r\n', 1)[0] ?? ''))
    await until(() => answers.length >= 12)
    assert.deepEqual([...new Set(answers)], ['HTTP/1.1 503 Service Unavailable'])
    // Small ones fit below the limit that the large ones have reached.
    for (const socket of sockets) if (!socket.destroyed) socket.write(' ')
    await until(() => answers.length === 20)
    assert.ok(answers.filter((line) => line === 'HTTP/1.1 200 OK').length >= 7, `${answers}`)
    for (const socket of sockets) socket.destroy()
    assert.equal((await postJson(`${url}/mcp`, body)).status, 200)
  })
})

test('a few requests that are sent without reading are answered in order; a connection that queues more is closed', async () => {
  let running = 0
  let most = 0
  const listener = limitPipelining((_req, res) => {
    running += 1
    most = Math.max(most, running)
    setTimeout(() => {
      running -= 1
      res.end(`${most}`)
    }, 20)
  })
  await withServer(listener, async (url) => {
    const answers = (count: number): Promise<number> =>
      new Promise((resolve) => {
        const { hostname, port } = new URL(url)
        const socket = connect(Number(port), hostname, () => socket.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(count)))
        let text = ''
        const found = (): number => text.split('HTTP/1.1 200').length - 1
        socket.on('error', () => {})
        socket.on('close', () => resolve(found()))
        socket.on('data', (chunk) => {
          text += chunk
          if (found() === count) socket.destroy()
        })
      })
    assert.equal(await answers(9), 9)
    assert.equal(most, 9)
    assert.equal(await answers(9), 9)
    assert.equal(await answers(500), 0)
    assert.equal(most, 9)
    assert.equal((await send(url)).status, 200)
  })
})

test('pipelined POSTs are all accepted; a connection that never reads is closed', () =>
  withServer(limitPipelining(httpSse(sampleServer().server)), async (url) => {
    const session = await McpSession.open(`${url}/sse`)
    const ping = requestOf(url, { jsonrpc: '2.0', id: 1, method: 'ping' }).replace(
      '/mcp',
      new URL(session.endpoint).pathname + new URL(session.endpoint).search,
    )
    const reading = await silent(url, ping.repeat(60))
    let text = ''
    reading.on('data', (chunk) => (text += chunk))
    await until(() => text.split('202 Accepted').length - 1 === 60)
    reading.destroy()
    const deaf = (await silent(url, '')).pause()
    const many = ping.repeat(500)
    // The kernel takes the first answers, some tens of thousands.
    for (let i = 0; i < 400 && !deaf.destroyed; i++) {
      deaf.write(many)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await until(() => deaf.destroyed)
    session.close()
  }))

test('a POST that arrives in the turn of a shutdown is answered', async () => {
  const handler = httpSse(sampleServer().server)
  const listener: RequestListener = (req, res) => {
    const stop = (): void => void handler.close(0).then(() => req.socket.destroy())
    if (req.method === 'POST') req.once('end', () => queueMicrotask(stop))
    handler(req, res)
  }
  await withServer(listener, async (url) => {
    const session = await McpSession.open(`${url}/sse`)
    assert.equal((await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' })).status, 202)
    session.close()
  })
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

test('a body that arrives byte by byte takes little more memory than its bytes, and is read whole', () =>
  withServer(streamableHttp(sampleServer().server), async (url) => {
    const { hostname, port, host } = new URL(url)
    const message = JSON.stringify({ ...echo(7, 1), padding: 'x'.repeat(400_000) })
    const head = `POST /mcp HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`
    const socket = connect(Number(port), hostname)
      .setEncoding('utf8')
      .on('error', () => {})
    let answer = ''
    socket.on('data', (text) => (answer += text))
    collect()
    const before = process.memoryUsage().heapUsed
    socket.write(head + [...message].map((char) => `1\r\n${char}\r\n`).join(''))
    // Not complete: everything but the end has arrived when the server has taken it from the socket.
    await until(() => socket.bytesWritten > 0 && socket.writableLength === 0)
    await new Promise((resolve) => setTimeout(resolve, 200))
    collect()
    const grown = (process.memoryUsage().heapUsed - before) / 2 ** 20
    assert.ok(grown < 20, `${grown} MiB`)
    socket.write('0\r\n\r\n')
    await until(() => answer.includes('"result"'))
    socket.destroy()
  }))

test('clients that leave while their requests are queued on one connection leave nothing behind', () => {
  const sse = httpSse(sampleServer().server)
  return withServer(limitPipelining(sse), async (url) => {
    const ask = `GET /sse HTTP/1.1\r\nHost: ${new URL(url).host}\r\nAccept: text/event-stream\r\n\r\n`
    const sockets = await Promise.all(Array.from({ length: 10 }, () => silent(url, ask.repeat(6))))
    await until(() => sse.openSessions === 60)
    for (const socket of sockets) socket.destroy()
    await until(() => sse.openSessions === 0)
  })
})
