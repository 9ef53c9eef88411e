// Practice over both transports: what the text leaves open and real clients depend on.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import type { Exchange } from '../client/target.ts'
import { check, checkEqual } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import { brokenOnly, checkServed, FOREIGN_HOSTS, in4xx, initializeWith, isLoopback, LIST } from '../steps.ts'

type Practice = Pick<Case, 'quote' | 'breaks' | 'run'>

/** @param http where it applies over Streamable HTTP; over HTTP+SSE it says the same in every revision */
function both(slug: string, http: Pick<Case, 'once' | 'until'>, practice: Practice): Case[] {
  return [
    { level: 'INTEROP', transport: 'sse', once: true, id: `interop/sse/${slug}`, ...practice },
    { level: 'INTEROP', transport: 'http', ...http, id: `interop/http/${slug}`, ...practice },
  ]
}

const until = '2025-11-25' as const
const HOSTILE_PAGE = 'People who run the server locally and open a hostile web page.'

/** What a client begins with: it opens the stream of HTTP+SSE, or posts `initialize`. */
function begin(t: Context, headers: Record<string, string>): Promise<Exchange> {
  return t.transport === 'sse'
    ? t.open({ method: 'GET', headers: { Accept: 'text/event-stream', ...headers } })
    : initializeWith(t, headers)
}

/** Posts a message that a server may answer or cut off; then it serves others. */
async function survives(t: Context, id: string, body: string): Promise<void> {
  const session = await t.connect()
  await session.post(`{"jsonrpc":"2.0","id":"${id}","method":"ping","params":${body}}`).catch(brokenOnly)
  await (t.transport === 'sse' ? await t.connect() : session).alive()
}

export const cases: Case[] = [
  ...both(
    'own-origin-is-accepted',
    { until },
    {
      quote: "A request whose Origin is the server's own address is served.",
      breaks: 'Clients in a browser page that the server itself delivers.',
      run: async (t) => checkEqual((await begin(t, { Origin: t.url.origin })).status, 200, 'the status'),
    },
  ),
  ...both(
    'foreign-host-is-refused',
    { until, once: true },
    {
      quote: 'On a loopback address, a Host header of another name is refused (DNS rebinding).',
      breaks: HOSTILE_PAGE,
      async run(t) {
        if (!isLoopback(t.url)) return t.skip('the target is not on a loopback address')
        for (const Host of FOREIGN_HOSTS) {
          const exchange = await begin(t, { Host })
          check(in4xx(exchange), `HTTP 4xx for Host: ${Host}`, `HTTP ${exchange.status}`)
        }
      },
    },
  ),
  ...both(
    'accept-anything',
    { until },
    {
      quote: 'A request with Accept: */* is served.',
      breaks: 'curl, which is how people try a server, and clients whose HTTP library sets this header.',
      async run(t) {
        const exchange = await begin(t, { Accept: '*/*' })
        checkEqual(exchange.status, 200, 'the status')
        if (t.transport === 'sse') check(exchange.isEventStream, 'an event stream', exchange.mediaType)
      },
    },
  ),
  ...both(
    'form-content-type-is-refused',
    { until, once: true },
    {
      quote: 'A POST of text/plain, which a web page may send to any server without asking it, is answered 4xx.',
      breaks: HOSTILE_PAGE,
      async run(t) {
        const headers = { 'Content-Type': 'text/plain' }
        const session = t.transport === 'sse' ? await t.connect() : undefined
        const exchange = await (session?.post(session.build('ping', {}, 'p'), { headers }) ?? initializeWith(t, headers))
        check(in4xx(exchange), 'HTTP 415, or another 4xx', `HTTP ${exchange.status}`)
      },
    },
  ),
  ...both(
    'chunked-request-body',
    {},
    {
      quote: 'A request body in chunked transfer coding is read (RFC 9112 §7.1: a recipient MUST be able to parse it).',
      breaks: 'Clients that stream their bodies, such as Java HttpClient publishers.',
      async run(t) {
        const session = await t.connect()
        const method = t.isModern ? LIST : 'ping'
        const bytes = Buffer.from(JSON.stringify(session.build(method, {}, 'chunked')))
        const headers = t.isModern ? { 'Mcp-Method': method } : {}
        checkServed(await session.send([bytes.subarray(0, 9), bytes.subarray(9)], { id: 'chunked' }, { headers }))
      },
    },
  ),
  ...both(
    'huge-body-is-survived',
    { until, once: true },
    {
      quote: `A body of ${LIMITS.oversizedBodyBytes / 1024 / 1024} MiB is answered or cut off, and the server goes on.`,
      breaks: 'Every other client, when the server runs out of memory.',
      run: (t) => survives(t, 'huge', `{"padding":"${'x'.repeat(LIMITS.oversizedBodyBytes)}"}`),
    },
  ),
  ...both(
    'deep-json-is-survived',
    { until, once: true },
    {
      quote: 'JSON nested ten thousand levels deep does not stop the server.',
      breaks: 'Every other client, when the stack overflows.',
      run: (t) => survives(t, 'deep', `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
    },
  ),
]
