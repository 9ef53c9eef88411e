// Input that is broken or odd: the server may answer what it likes, but it goes on serving.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import { HttpSession } from '../client/session-http.ts'
import { SseSession } from '../client/session-sse.ts'
import { LIMITS } from '../limits.ts'
import { JSON_HEADERS } from '../steps.ts'

// After the others and one at a time, so that a server that dies is found dead after the input that killed it.
const base = {
  level: 'INTEROP',
  once: true,
  last: true,
  breaks: 'Every other client, when the server dies of it or goes silent.',
} as const

const ping = (params: string): string => `{"jsonrpc":"2.0","id":"odd","method":"ping","params":${params}}`
const INVALID_UTF_8 = [
  [0xff, 0xfe],
  [0xc3, 0x28],
  [0xe4, 0xb8],
  [0xf0, 0x9f, 0x98],
  [0xed, 0xa0, 0x80],
  [0xc0, 0x80],
]

interface Input {
  body?: string | Buffer
  headers?: Record<string, string>
  method?: string
  search?: string
}

const ODD: Record<string, Input> = {
  'an empty body': { body: '' },
  'a byte order mark': { body: `\ufeff${ping('{}')}` },
  'UTF-16': { body: Buffer.from(ping('{}'), 'utf16le') },
  'half of a surrogate pair': { body: ping('{"a":"\\ud800"}') },
  'the character NUL': { body: ping('{"a":"\\u0000"}') },
  'a number without end': { body: ping(`{"a":${'9'.repeat(400)}e999}`) },
  'a member named __proto__': { body: ping('{"__proto__":{"polluted":true},"constructor":{"prototype":{}}}') },
  'a method name of 100 KB': { body: ping('{}').replace('ping', 'x'.repeat(100_000)) },
  'lists in lists': { body: '[[[]],[null],1]' },
  'a compressed body that is not one': { body: ping('{}'), headers: { 'Content-Encoding': 'gzip' } },
  'an unknown charset': { body: ping('{}'), headers: { 'Content-Type': 'application/json; charset=x-none' } },
  'odd headers': {
    body: ping('{}'),
    headers: { 'Mcp-Session-Id': '__proto__', 'MCP-Protocol-Version': '%', 'Last-Event-ID': '%00' },
  },
  'a broken query': { body: ping('{}'), search: '?sessionId=%E4%ZZ&%' },
  'a GET with a broken query': { method: 'GET', search: '?%E4%ZZ' },
  OPTIONS: { method: 'OPTIONS' },
  HEAD: { method: 'HEAD' },
}

async function survives(t: Context, inputs: readonly Input[]): Promise<void> {
  const session = await t.connect()
  const target = session instanceof SseSession ? session.endpoint : t.url
  const own = session instanceof HttpSession ? session.headers({}) : JSON_HEADERS
  for (const { body, headers, method = 'POST', search } of inputs) {
    const url = new URL(target)
    if (search !== undefined) url.search = search
    const request = { method, url, headers: { ...own, ...headers }, body, timeoutMs: LIMITS.trialMs }
    const exchange = await t.open(request).catch(() => undefined)
    exchange?.close()
  }
  await (await t.connect()).alive()
}

export const cases: Case[] = (['sse', 'http'] as const).flatMap((transport): Case[] => [
  {
    ...base,
    transport,
    id: `interop/${transport}/invalid-utf-8-is-survived`,
    quote: 'A body with bytes that are not UTF-8 does not stop the server.',
    run: (t) =>
      survives(
        t,
        INVALID_UTF_8.map((bytes) => ({
          body: Buffer.concat([Buffer.from(ping('{"a":"').slice(0, -1)), Buffer.from(bytes), Buffer.from('"}}')]),
        })),
      ),
  },
  ...Object.entries(ODD).map(
    ([name, input]): Case => ({
      ...base,
      transport,
      id: `interop/${transport}/odd-input-is-survived/${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`,
      quote: `${name[0]?.toUpperCase()}${name.slice(1)} does not stop the server.`,
      run: (t) => survives(t, [input]),
    }),
  ),
])
