// What the page basic of 2026-07-28 demands of requests: metadata in each of them, and no memory of the one before.
import type { Case } from '../case.ts'
import { META } from '../client/session-http.ts'
import { Connection } from '../client/target.ts'
import { checkEqual } from '../expect.ts'
import { MODERN } from '../revisions.ts'
import { callTool, checkRefused, checkServed, list } from '../steps.ts'
import { headerValue } from '../tool-schema.ts'

const base = { transport: 'http', since: MODERN } as const

export const cases: Case[] = [
  ...['protocolVersion', 'clientCapabilities'].map(
    (field): Case => ({
      ...base,
      id: `basic/index/_meta/${field === 'protocolVersion' ? 'protocol-version' : 'client-capabilities'}-is-required`,
      level: 'MUST',
      quote: 'A request missing any required field is malformed; the server MUST reject it with -32602 and HTTP 400.',
      async run(t) {
        const reply = await list(t, { meta: { [META + field]: undefined } })
        // Without the version in the body its header matches nothing, which is a HeaderMismatch as well.
        checkRefused(reply, 400, field === 'protocolVersion' ? [-32602, -32020] : [-32602])
      },
    }),
  ),
  {
    ...base,
    id: 'basic/index/_meta/is-required',
    level: 'MUST',
    quote: 'Fields marked as required MUST be included on every request: the server MUST reject one without _meta with HTTP 400.',
    run: async (t) => checkRefused(await list(t, { meta: null }), 400, [-32602, -32020]),
  },
  {
    ...base,
    id: 'basic/index/_meta/client-info-is-optional',
    level: 'MUST',
    quote: 'io.modelcontextprotocol/clientInfo: required: no.',
    run: async (t) => checkServed(await list(t, { meta: { [`${META}clientInfo`]: undefined } })),
  },
  {
    ...base,
    id: 'basic/index/_meta/trace-context-is-accepted',
    level: 'MUST',
    quote: 'The keys traceparent, tracestate, and baggage are reserved for OpenTelemetry trace context propagation.',
    run: async (t) =>
      checkServed(
        await list(t, {
          meta: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01', tracestate: 'a=b', baggage: 'user=1' },
        }),
      ),
  },
  {
    ...base,
    id: 'basic/index/_meta/unknown-capabilities-are-accepted',
    level: 'MUST',
    quote: 'ClientCapabilities is not a closed set: any client can define its own, additional capabilities.',
    run: async (t) =>
      checkServed(
        await list(t, {
          meta: { [`${META}clientCapabilities`]: { extensions: { 'com.example/x': {} }, conformanceUnknown: {} } },
        }),
      ),
  },
  {
    ...base,
    id: 'basic/index/statelessness/first-request-may-be-a-call',
    level: 'MUST',
    needs: ['tool'],
    quote: 'Servers MUST NOT rely on prior requests over the same connection: a client is free to invoke any RPC inline.',
    run: async (t) => checkServed(await callTool(t, {})),
  },
  {
    ...base,
    id: 'basic/index/requests/an-answered-id-may-be-used-again',
    level: 'MUST',
    quote: 'The request ID MUST NOT match the ID of any other request not yet answered: an answered one is free again.',
    async run(t) {
      const session = await t.connect()
      for (let round = 0; round < 2; round += 1) await session.result('tools/list', {}, { id: 'again' })
    },
  },
  {
    id: 'basic/index/statelessness/nothing-is-remembered-of-the-connection',
    level: 'MUST',
    since: MODERN,
    transport: 'http',
    quote:
      'Servers MUST NOT rely on prior requests over the same connection to establish context (capabilities, protocol version, identity).',
    async run(t) {
      const session = await t.connectHttp()
      const connection = new Connection(t.url)
      try {
        const complete = session.build('tools/list', {}, 1)
        const incomplete = session.build('tools/list', {}, 2, {
          meta: { 'io.modelcontextprotocol/clientCapabilities': undefined },
        })
        const statuses: number[] = []
        for (const message of [complete, incomplete]) {
          const exchange = await t.open({
            method: 'POST',
            headers: { ...session.headers(message), 'Mcp-Method': headerValue('tools/list'), Connection: 'keep-alive' },
            body: JSON.stringify(message),
            connection,
          })
          await exchange.body()
          statuses.push(exchange.status)
        }
        checkEqual(statuses, [200, 400], 'for a complete request and one without capabilities after it, the statuses')
      } finally {
        connection.close()
      }
    },
  },
]
