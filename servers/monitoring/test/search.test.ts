// search_logs against recorded answers of Loki, and against answers that no Loki should return.
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { withServer } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { type Asked, lokiRoutes, type Override, playback } from './playback.ts'
import { type Setup, type Wire, withWire } from './wire.ts'

const query = '{app="api"}'

function withLoki(override: Override, work: (wire: Wire, log: Asked[]) => Promise<void>, setup: Setup = {}): Promise<void> {
  const log: Asked[] = []
  return withServer(playback(lokiRoutes, override, log), (url) =>
    withWire({ ...setup, config: { LOKI_URL: url, ...setup.config } }, (wire) => work(wire, log)),
  )
}

const json =
  (body: unknown): RequestListener =>
  (_req, res) =>
    res.end(JSON.stringify(body))

const streams = (count: number, line: (i: number) => string) => ({
  status: 'success',
  data: {
    resultType: 'streams',
    result: [
      {
        stream: { app: 'api' },
        values: Array.from({ length: count }, (_, i) => [String(1_795_357_000_000_000_000n + BigInt(i)), line(i)]),
      },
    ],
  },
})

test('asks for nanoseconds, one line more than wanted, and labels kept apart', () =>
  withLoki(
    () => undefined,
    async ({ call }, log) => {
      const answer = await call('search_logs', {
        query,
        start: '2026-11-22T14:00:00.000000001Z',
        end: '2026-11-22T15:00:00Z',
        limit: 20,
      })
      assert.match(answer.text, /^5 lines in 2 streams, 2026-11-22T14:00:00Z to 2026-11-22T15:00:00Z, scanned /)
      const { query: sent } = log.find(({ path }) => path === '/loki/api/v1/query_range') as Asked
      assert.equal(sent.get('start'), '1795356000000000001')
      assert.equal(sent.get('end'), '1795359600000000000')
      assert.equal(sent.get('limit'), '21')
      assert.equal(sent.get('query'), query)
    },
  ))

test('reads lines with three members, as newer Lokis send them', () =>
  withLoki(
    ({ path }) => (path.endsWith('/query_range') ? 'loki-query-range-categorize' : undefined),
    async ({ call }) => {
      const answer = await call('search_logs', { query: `${query} | logfmt` })
      assert.match(answer.data, /^\{app="api", env="prod", level="error", service_name="api"\}$/m)
      assert.match(answer.data, /duration=902ms \{trace_id="abc2", .*status="500"\}\n.*duration=903ms \{trace_id="abc3", .*\}$/)
    },
  ))

test('shows a metric query as a table', () =>
  withLoki(
    ({ path }) => (path.endsWith('/query_range') ? 'loki-query-range-matrix-rate' : undefined),
    async ({ call }) => {
      const { data, structured } = await call('search_logs', { query: 'sum by (level) (rate({app="api"}[1m]))' })
      assert.match(data, /^\{level="info"\}\t0\.03333\t0\.03333\t0\.06667\t0\.1\t3$/m)
      assert.equal(structured.series.length, 2)
    },
  ))

test("obeys a lower limit of this Loki's own", () =>
  withLoki(
    ({ path, query: sent }) => {
      if (!path.endsWith('/query_range')) return undefined
      const limit = Number(sent.get('limit'))
      return limit > 50
        ? (_req, res) =>
            res.writeHead(400).end(`max entries limit per query exceeded, limit > max_entries_limit_per_query (${limit} > 50)`)
        : json(streams(limit, (i) => `line ${i}`))
    },
    async ({ call }) => {
      const answer = await call('search_logs', { query, limit: 200 })
      assert.match(answer.text, /^49 lines \(the newest; more exist\)/)
      assert.match(answer.meta.warnings.join(), /this Loki returns at most 50 lines at once: "limit" was set to 49/)
      assert.equal(answer.next?.limit, 49)
    },
  ))

test('asks for fewer lines when they are too long to hold', () =>
  withLoki(
    ({ path, query: sent }) =>
      path.endsWith('/query_range') ? json(streams(Number(sent.get('limit')), () => 'x'.repeat(50_000))) : undefined,
    async ({ call }) => {
      const answer = await call('search_logs', { query, limit: 100 })
      assert.match(answer.text, /^10 lines \(the newest; more exist\)/)
      assert.match(answer.meta.warnings.join(), /the lines are long: "limit" was set to 10 from 100/)
      assert.ok(answer.text.length < 40_000)
    },
  ))

test('cuts a page at the characters of a result and continues there', () =>
  withLoki(
    ({ path, query: sent }) =>
      path.endsWith('/query_range')
        ? json(streams(Math.min(30, Number(sent.get('limit'))), (i) => `${i} ${'y'.repeat(400)}`))
        : undefined,
    async ({ call }) => {
      const answer = await call('search_logs', { query, direction: 'forward' })
      const shown = answer.structured.lines.length
      assert.ok(shown > 3 && shown < 12, String(shown))
      assert.ok(answer.text.length <= 6_000)
      assert.equal(answer.meta.truncated, true)
      assert.equal(answer.next?.start, `2026-11-22T14:16:40.${String(shown).padStart(9, '0')}Z`.replace(/0+Z$/, 'Z'))
    },
    { environment: { maxResultChars: 6_000 } },
  ))

test('refuses what the index says would read too much', () =>
  withLoki(
    ({ path }) => (path.endsWith('/index/stats') ? json({ streams: 9, chunks: 9, bytes: 30 * 2 ** 30, entries: 9 }) : undefined),
    async ({ call }, log) => {
      const answer = await call('search_logs', { query, hours: 24 })
      assert.match(
        answer.text,
        /^ERROR TOO_LARGE: this would make Loki read 30\.0 GiB of logs in 24 h; 10\.0 GiB are allowed\. TRY: .*\{"hours":6\.4\}/,
      )
      assert.ok(!log.some(({ path }) => path.endsWith('/query_range')))
    },
  ))

test('an index that does not answer does not hinder the search', () =>
  withLoki(
    ({ path }) => (path.endsWith('/index/stats') ? (_req, res) => res.writeHead(500).end() : undefined),
    async ({ call }) => assert.equal((await call('search_logs', { query })).isError, false),
  ))

test('offers labels with their values for plain words, and remembers them', () =>
  withLoki(
    () => undefined,
    async ({ call }, log) => {
      const answer = await call('search_logs', { query: 'db timeout (again)' })
      assert.match(answer.text, /Labels here: app \(4: api, probe, tailme…\); service_name \(4: /)
      assert.match(answer.text, /TRY: \{"query":"\{app=\\"api\\"\} \|~ \\"\(\?i\)db timeout \\\\\\\\\(again/)
      const asked = log.length
      await call('search_logs', { query: 'db timeout' })
      assert.deepEqual(
        log.slice(asked).map(({ path }) => path),
        ['/loki/api/v1/query'],
      )
    },
  ))

test('a query that names no stream is said to be wrong also when Loki does not tell its labels', () =>
  withLoki(
    ({ path }) => (path.endsWith('/labels') ? (_req, res) => res.writeHead(500).end('overloaded') : undefined),
    async ({ call }) => {
      const { text } = await call('search_logs', { query: 'db timeout' })
      assert.match(
        text,
        /^ERROR INVALID_ARGUMENT: LogQL needs a stream selector .* did not return its labels\. TRY: \{"query":"\{app=/,
      )
    },
  ))

test('answers of the wrong form are errors, not a crash', async () => {
  const answers: [unknown, RegExp][] = [
    [null, /UPSTREAM_ERROR: the answer has no result of Loki/],
    ...[
      { stream: {}, values: [['soon', 'x']] },
      { stream: {}, values: [['1', 5]] },
      { stream: { app: 5 }, values: [['1', 'x']] },
      { stream: {}, values: [['1', 'x', { structuredMetadata: { trace_id: null } }]] },
    ].map((stream): [unknown, RegExp] => [
      { data: { resultType: 'streams', result: [stream] } },
      /UPSTREAM_ERROR: the answer of Loki has an unexpected form/,
    ]),
    [{ data: { resultType: 'streams', result: 7 } }, /UPSTREAM_ERROR: the answer of Loki has an unexpected form/],
    [{ data: { resultType: 'matrix', result: [] } }, /UPSTREAM_ERROR: the answer of Loki has an unexpected form/],
    [{ data: { resultType: 'poem', result: [] } }, /UPSTREAM_ERROR: the answer has no result of Loki/],
  ]
  for (const [body, message] of answers) {
    await withLoki(
      ({ path }) => (path.endsWith('/query_range') ? json(body) : undefined),
      async ({ call }) => assert.match((await call('search_logs', { query })).text, message),
    )
  }
})

test('upstream faults have their own codes and texts', async () => {
  const faults: [RequestListener, RegExp][] = [
    [(_req, res) => res.writeHead(401).end(), /^ERROR UPSTREAM_AUTH: Loki refused the credentials/],
    [(_req, res) => res.writeHead(401).end('no org id\n'), /^ERROR UPSTREAM_AUTH: Loki asks for a tenant/],
    [(_req, res) => res.writeHead(403).end(), /^ERROR UPSTREAM_AUTH: /],
    [
      (_req, res) => res.writeHead(404).end('404 page not found'),
      /^ERROR UPSTREAM_ERROR: the configured address does not answer as the API of Loki/,
    ],
    [(_req, res) => res.writeHead(429, { 'retry-after': '3' }).end(), /^ERROR RATE_LIMITED: .* in 3 seconds/],
    [(_req, res) => res.writeHead(504).end(), /^ERROR TIMEOUT: .*HTTP 504.* TRY: fewer hours/],
    [(_req, res) => res.writeHead(500).end(), /^ERROR UPSTREAM_ERROR: .*HTTP 500.* TRY: fewer hours/],
    [(_req, res) => res.end('<html>'), /^ERROR UPSTREAM_ERROR: .*web page/],
    [(_req, res) => res.end('{"data"'), /^ERROR UPSTREAM_ERROR: .*JSON/],
    [(_req, res) => res.destroy(), /^ERROR UPSTREAM_ERROR: .*closed the connection/],
  ]
  for (const [fault, message] of faults) {
    await withLoki(
      ({ path }) => (path.endsWith('/query_range') ? fault : undefined),
      async ({ call }) => assert.match((await call('search_logs', { query })).text, message),
    )
  }
})

test('a cancelled call ends its request to Loki', async () => {
  let arrived: (() => void) | undefined
  let closed: (() => void) | undefined
  const arrival = new Promise<void>((resolve) => (arrived = resolve))
  const end = new Promise<void>((resolve) => (closed = resolve))
  await withLoki(
    ({ path }) =>
      path.endsWith('/query_range')
        ? (_req, res) => {
            res.on('close', () => closed?.())
            arrived?.()
          }
        : undefined,
    async ({ start }) => {
      const { cancel } = start('search_logs', { query })
      await arrival
      await cancel()
      await end
    },
  )
})

test('the upstream cannot be chosen by an argument', () =>
  withLoki(
    () => undefined,
    async ({ call }, log) => {
      for (const name of ['url', 'org', 'tenant', 'token']) {
        assert.match(
          (await call('search_logs', { query, [name]: 'http://169.254.169.254' })).text,
          /^ERROR INVALID_ARGUMENT: unknown /,
        )
      }
      assert.deepEqual(log, [])
    },
  ))

test('values for every window that are too many are answered further apart, saying how much is covered', () => {
  const matrix = (series: number, points: number) => ({
    data: {
      resultType: 'matrix',
      result: Array.from({ length: series }, (_, s) => ({
        metric: { pod: `p${s}` },
        values: Array.from({ length: points }, (_, i) => [1_795_357_000 + i, `${i}`]),
      })),
    },
  })
  return withLoki(
    ({ path, query: sent }) =>
      path.endsWith('/query_range') ? json(sent.get('step') === '60' ? matrix(50, 1_440) : matrix(50, 100)) : undefined,
    async ({ call }, log) => {
      const counts = (window: string) => `sum by (pod) (count_over_time({app="api"}[${window}]))`
      for (const [step, used, exact] of [
        [undefined, 864, '864s'],
        [3_600, 3_600, '1h'],
      ] as const) {
        log.length = 0
        const { text, structured, meta } = await call('search_logs', {
          query: counts('1m'),
          ...(step === undefined ? {} : { step }),
        })
        assert.match(text, /^50 series, a value every /)
        assert.equal(structured.step, used)
        assert.deepEqual(
          log.filter(({ path }) => path.endsWith('/query_range')).map((asked) => asked.query.get('step')),
          ['60', String(used)],
        )
        assert.match(
          meta.warnings.join(),
          new RegExp(`too many: they are ${used} s apart and cover ${step === undefined ? '6\\.9' : '1\\.7'} % of the time`),
        )
        const tried = JSON.parse(/TRY: (.*)$/.exec(meta.warnings.join())?.[1] ?? '')
        assert.deepEqual(tried, { query: counts(exact), ...(step === undefined ? {} : { step }) })
      }
    },
  )
})
