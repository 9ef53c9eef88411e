// The server as it runs in its container, with the largest answers that an n8n can make it read, inside 64 MiB.
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { withConfined } from '../../../test/helpers/memory.ts'
import { withToolClient } from '../../../test/helpers/tool-client.ts'
import { withServer } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { n8n } from '../index.ts'

const container = {
  server: n8n,
  heapMiB: 24,
  containerMiB: 64,
  anonymousMiB: 56,
}

const node = (i: number, parameters: unknown) => ({ id: `${i}`, name: `Node ${i}`, type: 'n8n-nodes-base.set', parameters })
const workflow = (id: string, nodes: unknown[]) =>
  JSON.stringify({ id, name: id, active: true, nodes, connections: {}, settings: {}, tags: [] })
/** Just below each limit, and beyond it. */
const bodies: Record<string, string> = {
  // 4 MiB of text, twice as much in memory because of one character beyond Latin-1
  long: workflow('long', [node(1, { code: `✓${'x'.repeat(4_150_000)}` })]),
  // as many small values as are admitted
  small: workflow(
    'small',
    Array.from({ length: 14_000 }, (_, i) => node(i, { a: i, b: [i] })),
  ),
  huge: workflow('huge', [node(1, { code: 'x'.repeat(40_000_000) })]),
}
const pageOf = (limit: number, offset: number): string => {
  const data = Array.from({ length: limit }, (_, i) => workflow(`w${offset + i}`, [node(1, { code: 'x'.repeat(30_000) })]))
  const next = Buffer.from(JSON.stringify({ limit, offset: offset + limit })).toString('base64')
  return `{"data":[${data.join(',')}],"nextCursor":${offset + limit < 2_000 ? `"${next}"` : 'null'}}`
}
const executions = JSON.stringify({
  data: Array.from({ length: 250 }, (_, i) => ({
    ...{ id: String(i), status: 'success', mode: 'trigger', workflowId: `w${i}`, padding: 'x'.repeat(15_000) },
    ...{ startedAt: new Date(Date.now() - 1_000).toISOString(), stoppedAt: new Date().toISOString() },
  })),
  nextCursor: Buffer.from('{"lastId":"1","limit":250}').toString('base64'),
})

const upstream: RequestListener = (req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '', 'http://upstream')
  const id = /\/workflows\/(\w+)$/.exec(pathname)?.[1]
  const place = JSON.parse(Buffer.from(searchParams.get('cursor') ?? '', 'base64').toString() || '{}')
  res.on('error', () => {})
  res.setHeader('content-type', 'application/json')
  if (id !== undefined) res.end(bodies[id] ?? '{}')
  else if (pathname.endsWith('/executions')) res.end(executions)
  else if (pathname.endsWith('/workflows')) res.end(pageOf(place.limit ?? Number(searchParams.get('limit')), place.offset ?? 0))
  else res.writeHead(404).end('{}')
}

test(
  'stays inside its container while the largest answers come at once',
  () =>
    withServer(upstream, (url) =>
      withConfined({ ...container, env: { N8N_API_URL: url, N8N_API_KEY: 'k' } }, (address) =>
        withToolClient(`${address}/sse`, async ({ call }) => {
          const get = (workflow_id: string, detail = 'full') => call('n8n_get_workflow', { workflow_id, detail })
          for (let round = 0; round < 3; round++) {
            const answers = await Promise.all([
              ...[get('long'), get('small'), get('huge'), get('long', 'structure'), get('small', 'structure')],
              call('n8n_list_workflows', { limit: 250 }),
              call('n8n_get_database_statistics', { refresh: true }),
            ])
            const failed = answers.filter(({ isError }) => isError).map(({ text }) => text)
            assert.equal(failed.length, 1, failed.join('\n'))
            assert.match(failed[0] ?? '', /^ERROR TOO_LARGE/)
          }
        }),
      ),
    ),
  { timeoutMs: 90_000 },
)
