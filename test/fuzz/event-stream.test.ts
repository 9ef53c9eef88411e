// Readers of event streams against the rules of the HTML standard (§9.2.6), one case for each file eventsource/format-*.any.js of the Web
// Platform Tests (github.com/web-platform-tests/wpt, BSD-3-Clause), by whose names they are called. A reader that passes them is a fair
// oracle for what our encoder writes.
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { createParser } from 'eventsource-parser'
import { EventStream as ConformanceReader } from '../../conformance/client/event-stream.ts'
import { EventStream as Encoder } from '../../protocol/transports/event-stream.ts'
import { SseClient, withServer } from '../helpers/wire.ts'
import { test } from '../runner/harness.ts'

interface Read {
  readonly name: string
  readonly data: string
}

interface Case {
  readonly stream: string | Buffer
  /** The data of events named `message`, or name and data. */
  readonly events: readonly (string | Read)[]
}

const long = 'x'.repeat(2_048)
const cases: Readonly<Record<string, Case>> = {
  'format-bom: one byte order mark at the start is dropped, a later one belongs to the field name': {
    stream: '\ufeffdata: one\n\n\ufeffdata: two\n\ndata: three\n\n',
    events: ['one', 'three'],
  },
  'format-bom-2: of two marks the second belongs to the field name': {
    stream: '\ufeff\ufeffdata: one\n\ndata: two\n\n',
    events: ['two'],
  },
  'format-comments: lines that start with a colon do not end an event': {
    stream: `data: one\r:\0\n:\r\ndata: two\n:${long}\rdata: three\n:data: no\r: \ndata: four\n\n`,
    events: ['one\ntwo\nthree\nfour'],
  },
  'format-data-before-final-empty-line: an event that the end of the stream cuts off is dropped': {
    stream: 'retry: 1000\ndata: one\n\nid: 7\ndata: two\n',
    events: ['one'],
  },
  'format-field-data: data may be empty, and without a colon': {
    stream: 'data:\n\ndata\ndata\n\ndata:three\n\n',
    events: ['', '\n', 'three'],
  },
  'format-field-event: the name holds for one event': {
    stream: 'event: added\ndata: one\n\ndata: two\n\n',
    events: [{ name: 'added', data: 'one' }, 'two'],
  },
  'format-field-event-empty: an empty name counts as none': { stream: 'event: added\nevent:\ndata: one\n\n', events: ['one'] },
  'format-field-id and -id-null: an id is not part of the data': {
    stream: 'id: 1\ndata: one\n\nid: a\0b\ndata: two\n\nid\ndata: three\n\n',
    events: ['one', 'two', 'three'],
  },
  'format-field-parsing: names are exact, and one space after the colon is dropped': {
    stream: 'data:\0\ndata:  b\rData: no\ndata\0: no\ndata:c\r\n\0data: no\nda-ta: no\rdata_: no\ndata\r data: no\ndata:d\n\n',
    events: ['\0\n b\nc\n\nd'],
  },
  'format-field-retry, -retry-bogus and -retry-empty: a time to wait is not part of the data': {
    stream: 'retry: 3000\nretry: 1000x\nretry\ndata: one\n\n',
    events: ['one'],
  },
  'format-field-unknown: other fields and bare words are passed over': {
    stream: 'data: one\n data\ndata\nother: two\njust words\n: data\ndata: three\n\n',
    events: ['one\n\nthree'],
  },
  'format-leading-space: a tab is kept, one space is not': {
    stream: 'data:\tone\rdata: \ndata:  two\n\n',
    events: ['\tone\n\n two'],
  },
  'format-newlines: lines end in LF, CR or CRLF': {
    stream: 'data: one\r\ndata: two\rdata: three\n\r\ndata: four\r\rdata: five\r\n\r\ndata: six\n\n',
    events: ['one\ntwo\nthree', 'four', 'five', 'six'],
  },
  'format-null-character: NUL is a character': { stream: 'data: \0\n\n', events: ['\0'] },
  'format-utf-8: bytes that are not UTF-8 become U+FFFD': {
    stream: Buffer.concat([Buffer.from('data: é'), Buffer.from([0xc0, 0xaf, 0xff]), Buffer.from('ok\n\n')]),
    events: ['é\ufffd\ufffd\ufffdok'],
  },
}

/** A reader gets the stream in pieces, and gives the events. */
type Reader = (pieces: readonly Buffer[]) => Promise<Read[]>

const readers: Readonly<Record<string, Reader>> = {
  async 'eventsource-parser behind a TextDecoder'(pieces) {
    const events: Read[] = []
    const decoder = new TextDecoder()
    const parser = createParser({ onEvent: ({ event: name = 'message', data }) => events.push({ name, data }) })
    for (const piece of pieces) parser.feed(decoder.decode(piece, { stream: true }))
    return events
  },
  async 'the conformance suite'(pieces) {
    const response = Readable.from(pieces)
    const reader = new ConformanceReader(response as unknown as IncomingMessage, 5_000, 'a stream', () => response.destroy())
    assert.ok(await reader.ends(5_000))
    return reader.events.map(({ name, data }) => ({ name, data }))
  },
}

for (const [reader, read] of Object.entries(readers)) {
  test(`${reader} reads the cases of the Web Platform Tests, whole and byte by byte`, async () => {
    for (const [name, { stream, events }] of Object.entries(cases)) {
      const bytes = Buffer.from(stream as string)
      const expected = events.map((event) => (typeof event === 'string' ? { name: 'message', data: event } : event))
      assert.deepEqual(await read([bytes]), expected, name)
      assert.deepEqual(await read([...bytes].map((byte) => Buffer.of(byte))), expected, `${name}, byte by byte`)
    }
  })
}

test('each of these readers reads what our encoder writes', async () => {
  const sent = ['', ' ', '\0', '\ufeff', '\r\n\r\ndata: x', ': no', 'event: x', '\u2028\u0085', '"', 'é😀', '\ud800', long].map(
    (text) => JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data: text } }),
  )
  const write = (_req: unknown, res: ServerResponse): void => {
    const stream = new Encoder(res, { keepAliveMs: 1_000, stallMs: 1_000, maxBufferedBytes: 1_000_000 }, () => {})
    for (const [i, data] of sent.entries()) {
      stream.send(i % 2 === 0 ? 'message' : 'endpoint', data)
      stream.comment()
    }
    stream.end()
  }
  const expected = sent.map((data, i) => ({ name: i % 2 === 0 ? 'message' : 'endpoint', data }))
  await withServer(write, async (url) => {
    const client = await SseClient.open(url)
    await client.closed
    const bytes = Buffer.from(client.raw)
    for (const [reader, read] of Object.entries(readers)) {
      assert.deepEqual(await read([bytes]), expected, reader)
      assert.deepEqual(await read([...bytes].map((byte) => Buffer.of(byte))), expected, `${reader}, byte by byte`)
    }
  })
})
