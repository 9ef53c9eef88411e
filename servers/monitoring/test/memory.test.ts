// The server as it runs in its container, with the largest answers that an upstream can make it read, inside 64 MiB.
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { withConfined } from '../../../test/helpers/memory.ts'
import { withToolClient } from '../../../test/helpers/tool-client.ts'
import { withServer } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { monitoring } from '../index.ts'

const container = {
  server: monitoring,
  heapMiB: 24,
  containerMiB: 64,
  anonymousMiB: 56,
}

const line = (text: string, i: number) => [String(1_795_357_000_000_000_000n + BigInt(i)), text]
const logs = (values: unknown[]) =>
  JSON.stringify({ data: { resultType: 'streams', result: [{ stream: { app: 'a' }, values }] } })

/** Just below each limit, and beyond it. */
const loki: Record<string, string> = {
  // just below 1 MiB of text, twice as much in memory because of one character beyond Latin-1
  long: logs(Array.from({ length: 210 }, (_, i) => line(`✓${'x'.repeat(4_900)}`, i))),
  // as many small strings as are admitted
  small: logs([
    [...line('x', 1), { structuredMetadata: Object.fromEntries(Array.from({ length: 49_000 }, (_, i) => [`k${i}`, `v${i}`])) }],
  ]),
  series: JSON.stringify({
    data: {
      resultType: 'matrix',
      result: Array.from({ length: 220 }, (_, s) => ({
        metric: { s: String(s) },
        values: Array.from({ length: 110 }, (_, i) => [1_795_357_000 + i, `${s}.${i}`]),
      })),
    },
  }),
  huge: `{"data":"${'x'.repeat(40_000_000)}"}`,
}
const contexts = JSON.stringify({
  contexts: Object.fromEntries(
    Array.from({ length: 6_000 }, (_, i) => [`app.context_${i}`, { title: 't'.repeat(40), units: 'u' }]),
  ),
})
const names = Array.from({ length: 5_000 }, (_, i) => `dimension_${i}`)
const data = JSON.stringify({ dimension_names: names, chart_ids: names, result: { data: [[1, ...names.map((_, i) => i)]] } })

const upstream: RequestListener = (req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '', 'http://upstream')
  const kind = /kind="(\w+)"/.exec(searchParams.get('query') ?? '')?.[1] ?? ''
  res.on('error', () => {})
  if (pathname.endsWith('/contexts')) res.end(contexts)
  else if (pathname.endsWith('/data')) res.end(data)
  else res.end(pathname.endsWith('/query_range') ? (loki[kind] ?? '{}') : '{}')
}

test(
  'stays inside its container while the largest answers come at once',
  () =>
    withServer(upstream, (url) =>
      withConfined({ ...container, env: { LOKI_URL: url, NETDATA_URL: url } }, (address) =>
        withToolClient(`${address}/sse`, async ({ call }) => {
          const search = (kind: string) => () =>
            call('search_logs', {
              query: kind === 'series' ? `rate({kind="${kind}"}[1m])` : `{kind="${kind}"}`,
              limit: 1_000,
              step: 60,
            })
          const metrics = () => call('get_system_metrics', { charts: ['app.context_1', 'app.context_2'] })
          const rounds = [
            [search('long'), search('long'), metrics],
            [search('small'), search('small'), search('long')],
            [search('series'), search('series')],
          ]
          for (const asked of [...rounds, ...rounds]) {
            const huge = asked.length === 2 ? search('huge')() : undefined
            for (const { text } of await Promise.all(asked.map((ask) => ask())))
              assert.match(text, /^\d+ (lines?|series|charts)\b/)
            if (huge !== undefined) assert.match((await huge).text, /^ERROR TOO_LARGE/)
          }
        }),
      ),
    ),
  { timeoutMs: 60_000 },
)
