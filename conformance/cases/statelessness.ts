// 2026-07-28 on one kept connection: what one request said must not be known to the next.
import type { Case } from '../case.ts'
import { checkEqual } from '../expect.ts'
import { MODERN } from '../revisions.ts'
import { headerValue } from '../session-http.ts'
import { Connection } from '../target.ts'

export const cases: Case[] = [
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
