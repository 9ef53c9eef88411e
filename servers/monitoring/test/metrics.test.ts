// get_system_metrics against recorded answers of Netdata, and against agents that fail in part or in whole.
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { withServer } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { type Asked, netdataRoutes, type Override, playback } from './playback.ts'
import { type Setup, type Wire, withWire } from './wire.ts'

function withNetdata(override: Override, work: (wire: Wire, log: Asked[]) => Promise<void>, setup: Setup = {}): Promise<void> {
  const log: Asked[] = []
  return withServer(playback(netdataRoutes, override, log), (url) =>
    withWire({ ...setup, config: { NETDATA_URL: url, ...setup.config } }, (wire) => work(wire, log)),
  )
}

const json =
  (body: unknown): RequestListener =>
  (_req, res) =>
    res.end(JSON.stringify(body))

const data = (names: string[], rows: (number | null)[][], charts: string[] = []) =>
  json({
    dimension_names: names,
    chart_ids: charts,
    result: { labels: ['time', ...names], data: rows.map((row, i) => [1_000 - i, ...row]) },
  })

/** Every chart exists. */
const anyChart: Override = ({ path, query }) =>
  path.endsWith('/chart') ? json({ id: query.get('chart'), units: 'percentage' }) : undefined

/** Answers /data by its method; the request of the last minute is the one of `now`. */
const byMethod =
  (answers: Record<'average' | 'min' | 'max' | 'now', RequestListener>): Override =>
  ({ path, query }) => {
    if (!path.endsWith('/data')) return undefined
    const now = query.get('group') === 'average' && query.get('after') === '-60'
    return answers[now ? 'now' : (query.get('group') as 'average')]
  }

test('each dimension has now, min, avg and max; zeros are left out', () =>
  withNetdata(
    byMethod({
      average: data(
        ['user', 'system', 'nice'],
        [
          [10, 4, 0],
          [20, 2, 0],
        ],
      ),
      min: data(['user', 'system', 'nice'], [[1, 0, 0]]),
      max: data(['user', 'system', 'nice'], [[99, 8, 0]]),
      // a slow collector's newest value is not in the newest row
      now: data(
        ['user', 'system', 'nice'],
        [
          [12.3456, null, 0],
          [50, 3, 0],
        ],
      ),
    }),
    async ({ call }) => {
      const { data: text } = await call('get_system_metrics', { charts: ['system.cpu'], include_alerts: false })
      assert.equal(
        text,
        'system.cpu (percentage, 1 at zero left out)\tnow\tmin\tavg\tmax\nuser\t12.35\t1\t15\t99\nsystem\t3\t0\t3\t8',
      )
    },
  ))

test('charts of one context are told apart, and the points are oldest first', () =>
  withNetdata(
    ({ path }) =>
      path.endsWith('/data')
        ? data(
            ['reads', 'reads'],
            [
              [3, null],
              [1, 5],
            ],
            ['disk.sda', 'disk.sdb'],
          )
        : undefined,
    async ({ call }) => {
      const { data: text } = await call('get_system_metrics', { charts: 'disk.io', points: 2, include_alerts: false })
      assert.match(text, /^sda reads\t3\t3\t2\t3\n {2}1 3$/m)
      assert.match(text, /^sdb reads\t5\t5\t5\t5\n {2}5 -$/m)
      assert.match(text, /points from 1970-01-01T00:16:39Z every 1 s/)
    },
  ))

test('a context is asked for as such, anything else as a chart', () =>
  withNetdata(anyChart, async ({ call }, log) => {
    await call('get_system_metrics', { charts: ['disk.io', 'disk.vda'], after: -60 })
    const asked = log
      .filter(({ path }) => path.endsWith('/data'))
      .map(({ query }) => [query.get('context'), query.get('chart')].join())
    assert.deepEqual([...new Set(asked)].sort(), [',disk.vda', 'disk.io,'])
    assert.ok(log.every(({ path }) => path.startsWith('/api/v1/')))
    assert.ok(
      log.some(({ query }) => query.get('after') === '-60'),
      'a negative "after" means the same',
    )
  }))

test('one failing chart leaves the others', () =>
  withNetdata(
    ({ path, query }) => {
      if (!path.endsWith('/data')) return undefined
      if (query.get('context') === 'system.ram') return (_req, res) => res.writeHead(500).end()
      return query.has('chart') ? 'netdata-data-unknown-chart' : undefined
    },
    async ({ call }) => {
      const answer = await call('get_system_metrics', { charts: ['system.cpu', 'system.ram', 'system.lod'] })
      assert.equal(answer.isError, false)
      assert.match(answer.text, /^1 chart over the last 5 min; 1 alert is raised\n/)
      assert.match(answer.text, /NOTE: system\.ram failed: UPSTREAM_ERROR: Netdata failed \(HTTP 500\)/)
      assert.match(answer.text, /NOTE: no chart or context "system\.lod" \(similar: system\.load/)
    },
  ))

test('a context that is listed but has no charts any more has no data, and is not called unknown', () =>
  withNetdata(
    ({ path, query }) =>
      path.endsWith('/data') && query.get('context') === 'disk.io' ? 'netdata-data-unknown-chart' : undefined,
    async ({ call }) => {
      const { data: text, meta } = await call('get_system_metrics', { charts: ['disk.io'], include_alerts: false })
      assert.match(text, /^disk\.io \(.*\): no data in this time$/)
      assert.deepEqual(meta.warnings, [])
    },
  ))

test('a default chart that is not collected here is not mentioned', () =>
  withNetdata(
    ({ path, query }) => (path.endsWith('/data') && query.has('chart') ? 'netdata-data-unknown-chart' : undefined),
    async ({ call }) => {
      const { text, meta } = await call('get_system_metrics', {})
      assert.match(text, /^3 charts /)
      assert.deepEqual(meta.warnings, [])
    },
  ))

test('alerts are shown critical first; failing alerts do not take the charts with them', async () => {
  const alarm = (name: string, status: string, since: number) => ({
    name,
    status,
    chart: 'c',
    value_string: '1 %',
    info: 'i',
    last_status_change: since,
  })
  const alarms = {
    a: alarm('old', 'WARNING', 1),
    b: alarm('bad', 'CRITICAL', 2),
    c: alarm('new', 'WARNING', 3),
    d: alarm('fine', 'CLEAR', 4),
  }
  await withNetdata(
    ({ path }) => (path.endsWith('/alarms') ? json({ alarms }) : undefined),
    async ({ call }) => {
      const answer = await call('get_system_metrics', { charts: ['system.cpu'] })
      assert.match(answer.text, /; 3 alerts are raised, 1 critical\n/)
      assert.match(answer.data, /== raised alerts\nCRITICAL\tbad\t.*\nWARNING\tnew\t.*\nWARNING\told\t[^\n]*$/)
    },
  )
  await withNetdata(
    ({ path }) => (path.endsWith('/alarms') ? (_req, res) => res.writeHead(503).end() : undefined),
    async ({ call }) => {
      const answer = await call('get_system_metrics', { charts: ['system.cpu'] })
      assert.equal(answer.isError, false)
      assert.match(answer.meta.warnings.join(), /alerts are missing: UPSTREAM_ERROR/)
    },
  )
  await withNetdata(
    ({ path }) => (path.endsWith('/alarms') ? json({ alarms: { odd: null } }) : undefined),
    async ({ call }) => {
      const answer = await call('get_system_metrics', { charts: ['system.cpu'] })
      assert.match(answer.meta.warnings.join(), /alerts are missing: UPSTREAM_ERROR: .*unexpected form/)
    },
  )
})

test('an unknown node is answered with those that exist', () =>
  withNetdata(
    ({ path }) =>
      path.startsWith('/host/nsa')
        ? (_req, res) => res.writeHead(404).end('This netdata does not maintain a database for host: nsa')
        : undefined,
    async ({ call }) => {
      const answer = await call('get_system_metrics', { node: 'nsa' })
      assert.match(answer.text, /^ERROR NOT_FOUND: Netdata has no node "nsa"\. Known: ci-host\. TRY: \{"node":"ci-host"\}/)
    },
  ))

test('an unknown node is not said to be the only one where the token is to blame', () =>
  withNetdata(
    ({ path }) =>
      (_req, res) =>
        res.writeHead(path.startsWith('/host/') ? 404 : 412).end('This netdata does not maintain a database for host: nsa'),
    async ({ call }) => {
      const answer = await call('get_system_metrics', { node: 'nsa' })
      assert.match(answer.text, /^ERROR UPSTREAM_AUTH: .*412/)
    },
  ))

test('a node is one part of the path, whatever it holds', () =>
  withNetdata(
    () => undefined,
    async ({ call }, log) => {
      await call('get_system_metrics', { node: '../../api/v3/x?', charts: ['system.cpu'] })
      assert.ok(log.every(({ path }) => path.startsWith('/host/..%2F..%2Fapi%2Fv3%2Fx%3F/api/v1/')))
    },
  ))

test('when everything fails the call says why', async () => {
  const faults: [RequestListener, RegExp][] = [
    [(_req, res) => res.writeHead(401).end(), /^ERROR UPSTREAM_AUTH: Netdata refused the credentials/],
    [(_req, res) => res.writeHead(403).end(), /^ERROR UPSTREAM_AUTH: /],
    [(_req, res) => res.writeHead(412).end('You need to be authorized'), /^ERROR UPSTREAM_AUTH: .*bearer token/],
    [(_req, res) => res.writeHead(451).end('You need to be authorized'), /^ERROR UPSTREAM_AUTH: .*address of this server/],
    [(_req, res) => res.writeHead(429, { 'retry-after': '3' }).end(), /^ERROR RATE_LIMITED: /],
    [(_req, res) => res.writeHead(502).end(), /^ERROR UPSTREAM_ERROR: Netdata failed \(HTTP 502\)/],
    [
      (_req, res) => res.writeHead(404).end('Not Found'),
      /^ERROR UPSTREAM_ERROR: the configured address does not answer as the API of Netdata/,
    ],
    [(_req, res) => res.end('<html>'), /^ERROR UPSTREAM_ERROR: .*web page/],
    ...['{"x":1}', '{"contexts":{"a":null}}'].map((body): [RequestListener, RegExp] => [
      (_req, res) => res.end(body),
      /^ERROR UPSTREAM_ERROR: the answer of Netdata has an unexpected form/,
    ]),
    [(_req, res) => res.end('x'.repeat(2_000_000)), /^ERROR TOO_LARGE: /],
  ]
  for (const [fault, message] of faults) {
    await withNetdata(
      () => fault,
      async ({ call }) => assert.match((await call('get_system_metrics', {})).text, message),
    )
  }
})

test('an agent without a list of contexts is asked for both kinds', () =>
  withNetdata(
    ({ path, query }) => {
      if (path.endsWith('/contexts')) return (_req, res) => res.writeHead(500).end()
      if (path.endsWith('/data') && query.has('context')) return 'netdata-data-unknown-chart'
      return anyChart({ path, query })
    },
    async ({ call }) => {
      const { text } = await call('get_system_metrics', { charts: ['disk.vda'], include_alerts: false })
      assert.match(text, /^1 chart over/)
      assert.match(text, /disk\.vda \(percentage/)
    },
  ))

test('a context of hundreds of charts shows the largest', () => {
  const names = Array.from({ length: 300 }, () => 'used')
  const charts = names.map((_, i) => `disk_space.mount_${i}`)
  return withNetdata(
    ({ path }) => (path.endsWith('/data') ? data(names, [names.map((_, i) => i)], charts) : undefined),
    async ({ call }) => {
      const answer = await call('get_system_metrics', { charts: ['disk.io'], include_alerts: false })
      assert.equal(answer.data.split('\n').length, 41)
      assert.match(answer.data.split('\n')[1] ?? '', /^mount_299 used\t299/)
      assert.match(answer.meta.warnings.join(), /the largest 40 of 299 dimensions/)
      assert.equal(answer.meta.truncated, true)
    },
  )
})

/** An older agent, which has a list of charts only. */
const withoutContexts: Override = ({ path }) =>
  path.endsWith('/contexts')
    ? (_req, res) => res.writeHead(404).end('Unsupported v1 API command: contexts')
    : path.endsWith('/charts')
      ? 'netdata-charts'
      : undefined

test('an agent that cannot list contexts is asked for its charts, which name their contexts', () =>
  withNetdata(withoutContexts, async ({ call }, log) => {
    const { text } = await call('get_system_metrics', {
      charts: ['disk.space', 'disk_space._dev', 'system.lod'],
      include_alerts: false,
    })
    assert.match(text, /^2 charts over/)
    assert.match(text, /^disk\.space \(GiB/m)
    assert.match(text, /no chart or context "system\.lod" \(similar: system\.load/)
    const asked = log
      .filter(({ path }) => path.endsWith('/data'))
      .map(({ query }) => [query.get('context'), query.get('chart')].join())
    assert.deepEqual([...new Set(asked)].sort(), [',disk_space._dev', 'disk.space,'])
    assert.ok(!log.some(({ path }) => path.endsWith('/chart')), 'the list has said it')
  }))

test('neither a missing route nor a default chart is called an unknown chart', async () => {
  await withNetdata(
    ({ path }) =>
      path.endsWith('/info') ? undefined : (_req, res) => res.writeHead(404).end(`Unsupported v1 API command: ${path}`),
    async ({ call }) => {
      for (const args of [{}, { charts: ['system.cpu'] }]) {
        const { text } = await call('get_system_metrics', args)
        assert.match(text, /^ERROR UPSTREAM_ERROR: this version of Netdata lacks a command/)
      }
    },
  )
  await withNetdata(
    ({ path }) =>
      path.endsWith('/contexts')
        ? json({ contexts: { 'sensors.temperature': { units: 'C' } } })
        : path.endsWith('/chart')
          ? (_req, res) => res.writeHead(404).end('Chart is not found: system.cpu')
          : undefined,
    async ({ call }) => {
      const { text } = await call('get_system_metrics')
      assert.match(
        text,
        /^ERROR NOT_FOUND: this Netdata collects neither CPU.*It collects: sensors\.temperature\. TRY: \{"charts":\["sensors/,
      )
      assert.ok(!text.includes('system.cpu'))
    },
  )
})

test('texts of others decide nothing: a node named "web page", and errors that hold those words', () =>
  withNetdata(
    ({ path, query }) =>
      path.endsWith('/contexts') ? (_req, res) => res.writeHead(500).end('web page') : anyChart({ path, query }),
    async ({ call }, log) => {
      const { text } = await call('get_system_metrics', { node: 'web page', charts: ['system.cpu'] })
      assert.match(text, /^1 chart of web page over the last 5 min/)
      assert.ok(log.every(({ path }) => path.startsWith('/host/web%20page/')))
    },
  ))

test('a chart that does not answer in time leaves the others', () =>
  withNetdata(
    ({ path, query }) => (path.endsWith('/data') && query.get('context') === 'disk.io' ? () => {} : undefined),
    async ({ call }) => {
      const { text } = await call('get_system_metrics', { charts: ['disk.io', 'system.cpu'] })
      assert.match(text, /^1 chart over the last 5 min; 1 alert is raised/)
      assert.match(text, /NOTE: disk\.io failed: TIMEOUT: Netdata did not answer within 8000 ms/)
    },
  ))
