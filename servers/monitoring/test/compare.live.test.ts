// search_logs beside Loki's own API: the same lines, labels and numbers for every kind of LogQL query.
import assert from 'node:assert/strict'
import type { Json } from '../../../test/helpers/tool-client.ts'
import { formatTime } from '../lib/time.ts'
import { ask, live, push, second, seconds, withLoki } from './loki-client.ts'
import type { Wire } from './wire.ts'

const nine = 9_999_999_999n

/** Lines of each format that LogQL parses, ten minutes long, in streams of one app. */
async function pushAll(app: string, now: bigint): Promise<void> {
  const statuses = ['200', '200', '404', '500']
  const status = (i: number): string => statuses[i % 4] ?? ''
  const at = now - 120n * second
  await push(
    { app, format: 'json' },
    seconds(at, 300, (i) =>
      JSON.stringify({
        level: i % 3 === 0 ? 'error' : 'info',
        status: Number(status(i)),
        request: { method: 'GET', bytes: `${i}KB` },
      }),
    ),
  )
  await push(
    { app, format: 'logfmt', zone: 'a' },
    seconds(
      at,
      200,
      (i) => `level=${i % 5 === 0 ? 'warn' : 'info'} took=${i}ms status=${status(i)} addr=10.0.0.${i % 200} msg="line ${i}"`,
    ),
  )
  await push(
    { app, format: 'logfmt', zone: 'b' },
    seconds(at, 100, (i) => `level=error took=${2 * i}ms status=${status(i)} addr=192.168.0.${i} msg="other ${i}"`),
  )
  await push(
    { app, format: 'text' },
    seconds(at, 30, (i) => `10.1.2.${i} - GET /path/${i % 7} ${status(i)} \x1b[31m${i * 10}\x1b[0m`).map(
      ([time, line], i) => [time, line, { trace_id: `t${i}`, user: `u${i % 3}` }] as const,
    ),
  )
  await push(
    { app, format: 'packed' },
    seconds(at, 40, (i) => JSON.stringify({ pod: `web-${i % 4}`, _entry: `entry ${i}` })),
  )
}

/** `S` stands for the stream selector's labels. */
const logQueries = [
  '{S}',
  '({S} |= "line")',
  '{S, format=~"json|text"} != "GET /path/3"',
  '{S} |~ "status=(404|500)" !~ "other [0-4]"',
  '{S} |= "line 1" or "line 2"',
  '{S, format="json"} | json',
  '{S, format="json"} | json method="request.method", size="request.bytes"',
  '{S, format="json"} | json | status >= 404 and level="error"',
  '{S, format="logfmt"} | logfmt',
  '{S, format="logfmt"} | logfmt --strict | __error__=""',
  '{S, format="logfmt"} | logfmt | took > 150ms',
  '{S, format="json"} | json | request_bytes > 100KB',
  '{S, format="logfmt"} | logfmt | addr = ip("192.168.0.0/24")',
  '{S, format="text"} | pattern "<ip> - <method> <path> <status> <_>"',
  '{S, format="text"} | regexp "(?P<ip>[0-9.]+) - (?P<method>[A-Z]+)"',
  '{S, format="text"} | pattern "<ip> - <method> <path> <status> <_>" | line_format "{{.method}} {{.path}}"',
  '{S, format="text"} | decolorize',
  '{S, format="packed"} | unpack',
  '{S, format="packed"} | unpack | pod="web-2"',
  '{S, format="logfmt"} | logfmt | label_format level=status, kind="fixed"',
  '{S, format="logfmt"} | logfmt | keep level',
  '{S, format="logfmt"} | logfmt | drop msg, took',
  '{S, format="text"} | user="u1"',
  '{S, format="text"} | json',
  '{S} |= "nowhere"',
  '{S, format="none"}',
]

const parsed = '{S, format="logfmt"} | logfmt'
const metricQueries = [
  'count_over_time({S}[5m])',
  'rate({S, format="logfmt"} |= "level=error" [1m])',
  'bytes_over_time({S}[5m])',
  'bytes_rate({S}[5m])',
  'absent_over_time({S, format="none"}[5m])',
  `sum by (zone) (sum_over_time(${parsed} | unwrap duration(took) [5m]))`,
  `avg_over_time(${parsed} | unwrap duration(took) [5m]) by (level)`,
  `min_over_time(${parsed} | unwrap duration_seconds(took) [5m]) by (zone)`,
  `max_over_time(${parsed} | unwrap status [5m]) without (msg, took, addr, status)`,
  `first_over_time(${parsed} | unwrap status [5m]) by (zone)`,
  `last_over_time(${parsed} | unwrap status [5m]) by (zone)`,
  `stddev_over_time(${parsed} | unwrap status [5m]) by (zone)`,
  `stdvar_over_time(${parsed} | unwrap status [5m]) by (zone)`,
  `quantile_over_time(0.9, ${parsed} | unwrap duration(took) [5m]) by (zone)`,
  `sum by (zone) (rate_counter(${parsed} | unwrap status [5m]))`,
  'sum by (format) (count_over_time({S}[5m]))',
  'sum without (format, zone) (count_over_time({S}[5m]))',
  'avg by (format) (count_over_time({S}[5m]))',
  'min by (zone) (count_over_time({S, format="logfmt"}[5m]))',
  'max by (zone) (count_over_time({S, format="logfmt"}[5m]))',
  'count by (app) (count_over_time({S}[5m]))',
  'stddev(count_over_time({S}[5m]))',
  'stdvar(count_over_time({S}[5m]))',
  'sort(sum by (format) (count_over_time({S}[5m])))',
  'sort_desc(sum by (format) (count_over_time({S}[5m])))',
  'sum(count_over_time({S}[5m])) > 1000000',
  'sum(count_over_time({S}[5m])) > bool 10',
  'sum(count_over_time({S} |= "error" [5m])) / sum(count_over_time({S}[5m])) * 100',
  'sum by (format) (rate({S}[5m])) and sum by (format) (rate({S, format="json"}[5m]))',
  'sum by (format) (rate({S}[5m])) or vector(0)',
  'sum by (format) (rate({S}[5m])) unless sum by (format) (rate({S, format="json"}[5m]))',
  'sum by (format, zone) (rate({S}[5m])) / on (format) group_left sum by (format) (rate({S}[5m]))',
  'label_replace(sum by (format) (rate({S}[5m])), "short", "$1", "format", "(.).*")',
  'count_over_time({S, format="none"}[5m])',
  `sum by (level) (count_over_time(${parsed} [5m]))`,
  'sum by (level) (count_over_time({S, format="json"} | json [5m]))',
  'sum(rate({S, format="text"} | json | __error__="" [5m])) / 0 * 0',
  'vector(3)',
]

/** The level that Loki guesses is not shown. */
const withoutGuess = (labels: Json) =>
  labels && Object.fromEntries(Object.entries(labels).filter(([name]) => name !== 'detected_level'))

const sorted = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

async function compareLines({ call }: Wire, query: string, start: bigint, end: bigint): Promise<void> {
  const range = { start: formatTime(start), end: formatTime(end) }
  const lines: Json[] = []
  let args: Record<string, unknown> | undefined = { query, ...range, limit: 1_000 }
  while (args !== undefined) {
    const { structured, next, isError, text } = await call('search_logs', args)
    assert.equal(isError, false, `${query}: ${text}`)
    lines.push(...structured.lines)
    args = next
  }
  const { result } = await ask('query_range', { query, start: String(start), end: String(end), limit: '5000' })
  const expected = result.flatMap(({ stream, values }: Json) =>
    values.map(([at, line, extra]: [string, string, Json]) => [
      formatTime(BigInt(at)),
      line,
      stream,
      withoutGuess(extra?.structuredMetadata),
      withoutGuess(extra?.parsed),
    ]),
  )
  assert.deepEqual(
    sorted(lines.map(({ time, line, labels, metadata, parsed }) => [time, line, labels, metadata, parsed])),
    sorted(expected),
    query,
  )
}

/** What the table says of a series, from the points of the API. */
function statsOf({ metric, values }: { metric: Record<string, string>; values: [number, string][] }) {
  const numbers = values.map(([, value]) => Number(value)).filter((value) => !Number.isNaN(value))
  const sum = numbers.reduce((a, b) => a + b, 0)
  const none = numbers.length === 0
  const figures = { last: numbers.at(-1), min: Math.min(...numbers), max: Math.max(...numbers), avg: sum / numbers.length }
  return [Object.entries(metric).sort(), ...Object.values(figures).map((value) => (none ? null : value)), numbers.length]
}

const figuresOf = ({ labels, last, min, max, avg, count }: Json) => [Object.entries(labels).sort(), last, min, max, avg, count]

async function compareSeries(
  { call }: Wire,
  query: string,
  start: bigint,
  end: bigint,
  more: object,
  sent = query,
): Promise<number> {
  const { structured, isError, text } = await call('search_logs', {
    query,
    start: formatTime(start),
    end: formatTime(end),
    ...more,
  })
  assert.equal(isError, false, `${query}: ${text}`)
  const { step } = structured
  const result: Json[] =
    step === 0
      ? (await ask('query', { query: sent, time: String(end) })).result.map(({ metric, value }: Json) => ({
          metric,
          values: [value],
        }))
      : (await ask('query_range', { query: sent, start: String(start), end: String(end), step: String(step) })).result
  assert.deepEqual(sorted(structured.series.map(figuresOf)), sorted(result.map(statsOf)), `${query} step ${step}`)
  return step
}

live(
  `${logQueries.length} log queries return what Loki's API returns`,
  () =>
    withLoki(async (wire, app, now) => {
      await pushAll(app, now)
      for (const query of logQueries)
        await compareLines(wire, query.replaceAll('{S', `{app="${app}"`), now - 1_200n * second, now)
    }),
  { timeoutMs: 60_000 },
)

live(
  `${metricQueries.length} metric queries return what Loki's API returns, over time and once`,
  () =>
    withLoki(async (wire, app, now) => {
      await pushAll(app, now)
      for (const query of metricQueries) {
        const own = query.replaceAll('{S', `{app="${app}"`)
        for (const more of [{}, { step: 0 }, { step: 30 }]) await compareSeries(wire, own, now - 1_200n * second, now, more)
      }
    }),
  { timeoutMs: 120_000 },
)

live(
  'every window, step and offset returns what the API returns, and no step is longer than the window',
  () =>
    withLoki(async (wire, app, now) => {
      await pushAll(app, now)
      for (const [window, length] of [
        ['10s', 10],
        ['1m', 60],
        ['7m', 420],
        ['1h', 3_600],
      ] as const) {
        for (const step of [undefined, 0, 1, 47, 300, 900]) {
          for (const offset of ['', ' offset 3m', ' offset -1m']) {
            const query = `sum by (format) (count_over_time({app="${app}"}[${window}]${offset}))`
            const used = await compareSeries(wire, query, now - 1_200n * second, now, step === undefined ? {} : { step })
            assert.ok(used <= length, `${window} ${step}: ${used}`)
          }
        }
      }
    }),
  { timeoutMs: 120_000 },
)

live('windows as long as the step, one after the other, hold each line once', () =>
  withLoki(async ({ call }, app, now) => {
    await pushAll(app, now)
    const counts = `count_over_time({app="${app}"}[1m])`
    const { structured } = await call('search_logs', { query: `sum(${counts})`, hours: 24, step: 60 })
    const sum = structured.series[0].points.reduce((total: number, [, value]: [number, string]) => total + Number(value), 0)
    const [{ value }] = (await ask('query', { query: `sum(count_over_time({app="${app}"}[24h]))`, time: String(now + nine) }))
      .result
    assert.equal(sum, Number(value[1]))
    assert.equal(sum, 670)
  }),
)

live('topk and bottomk without a step are those of the whole range', () =>
  withLoki(async (wire, app, now) => {
    for (let i = 0; i < 12; i++) {
      // Each is the largest for a while; those with larger numbers have more lines in all.
      await push(
        { app, pod: `p${i}` },
        seconds(now - BigInt(i * 100) * second, 20 + i, (n) => `${n}`),
      )
    }
    for (const top of ['topk', 'bottomk']) {
      const query = (window: string) => `${top}(5, sum by (pod) (count_over_time({app="${app}"}[${window}])))`
      const step = await compareSeries(wire, query('1m'), now - 3_600n * second, now, {}, query('1h'))
      assert.equal(step, 0)
    }
    const query = `topk(5, sum by (pod) (count_over_time({app="${app}"}[1m])))`
    assert.ok(
      (await compareSeries(wire, query, now - 3_600n * second, now, { step: 60 })) === 60,
      'with a step it is asked as written',
    )
  }),
)
