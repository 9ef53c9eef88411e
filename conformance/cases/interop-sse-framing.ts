// HTTP+SSE practice, continued: what the bytes and the headers of every stream look like.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import { fail, isObject } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import { traffic } from '../steps.ts'

const base = { level: 'INTEROP', transport: 'sse', once: true } as const

export const cases: Case[] = [
  {
    ...base,
    id: 'interop/sse/no-byte-order-mark',
    last: true,
    quote: 'The stream does not begin with a byte order mark.',
    breaks: 'The Python SDK, which does not recognise the first event then.',
    run: (t) => everyStream(t, (stream) => !stream.hasBom, 'no byte order mark'),
  },
  {
    ...base,
    id: 'interop/sse/lines-end-in-lf-or-crlf',
    last: true,
    quote: 'Lines end in LF or CRLF, not in CR alone, although the standard allows it.',
    breaks: 'The Python and the TypeScript SDK, which wait for a line end.',
    run: (t) => everyStream(t, (stream) => !stream.hasLoneCr, 'lines that end in LF or CRLF'),
  },
  {
    ...base,
    id: 'interop/sse/events-below-one-mebibyte',
    last: true,
    quote: 'No event is larger than 1 MiB.',
    breaks: 'The Python SDK 2.3 ends the stream: "Server-sent event exceeded the 1048576 byte limit".',
    run: (t) => everyStream(t, (stream) => stream.largestEvent <= LIMITS.clientEventBytes, 'events of at most 1 MiB'),
  },
  {
    ...base,
    id: 'interop/sse/not-cached',
    last: true,
    quote: 'The stream is sent with Cache-Control: no-cache or no-store.',
    breaks: 'Proxies that keep the response.',
    run: (t) =>
      everyStream(
        t,
        ({ headers }) => /no-cache|no-store/.test(headers['cache-control'] ?? ''),
        'Cache-Control: no-cache or no-store',
      ),
  },
  {
    ...base,
    id: 'interop/sse/not-compressed',
    last: true,
    quote: 'The stream is not compressed.',
    breaks: 'Proxies and clients that wait for a full compression block before they pass anything on.',
    run: (t) => everyStream(t, ({ headers }) => headers['content-encoding'] === undefined, 'no Content-Encoding'),
  },
  {
    ...base,
    id: 'interop/sse/not-buffered-by-nginx',
    last: true,
    quote: 'The stream is sent with X-Accel-Buffering: no.',
    breaks: 'Clients behind nginx, which holds events back otherwise.',
    run: (t) => everyStream(t, ({ headers }) => headers['x-accel-buffering'] === 'no', 'X-Accel-Buffering: no'),
  },
  {
    ...base,
    id: 'interop/sse/no-server-requests',
    last: true,
    quote: 'The server sends no requests of its own, pings included.',
    breaks: 'Gateways that do not answer them; a comment keeps the stream alive as well.',
    async run(t) {
      await traffic(t)
      const messages = t.observed.messages.map(({ message }) => message)
      const request = messages.find((message) => isObject(message) && message.method !== undefined && message.id !== undefined)
      if (request !== undefined) fail('no request from the server', request)
    },
  },
]

type StreamObservation = Context['observed']['streams'][number]

async function everyStream(t: Context, inspect: (stream: StreamObservation) => boolean, expected: string): Promise<void> {
  await traffic(t)
  const streams = t.observed.streams.filter((stream) => stream.headers['content-type'] !== undefined)
  if (streams.length === 0) return t.skip('no stream was seen')
  const bad = streams.find((stream) => !inspect(stream))
  if (bad !== undefined)
    fail(expected, `${JSON.stringify(bad.headers)}, largest event ${bad.largestEvent} bytes, in ${bad.caseId}`)
}
