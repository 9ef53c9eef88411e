// Log lines and series as text.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { keyOf } from '../lib/loki.ts'
import { fitting, formatNumber, labelText, renderLogs, renderSeries } from '../lib/render.ts'
import type { Entry } from '../types.ts'

const start = 1_795_357_282_000_000_000n

function entry(
  ms: number,
  line: string,
  labels: Record<string, string> = { app: 'api' },
  metadata?: Record<string, string>,
): Entry {
  return { at: start + BigInt(ms) * 1_000_000n, line, stream: { labels, key: keyOf(labels) }, metadata, parsed: undefined }
}

test('labels of all streams stand once, those that differ above their lines', () => {
  const entries = [
    entry(0, 'one', { app: 'api', env: 'prod', level: 'info' }),
    entry(5, 'two', { app: 'api', env: 'prod', level: 'error' }),
    entry(9, 'three', { app: 'api', env: 'prod', level: 'info' }),
  ]
  assert.equal(
    renderLogs(entries, 'grouped', false).text,
    [
      'all: {app="api", env="prod"}',
      '-- {level="info"}',
      '14:21:22.000 one',
      '14:21:22.009 three',
      '-- {level="error"}',
      '14:21:22.005 two',
    ].join('\n'),
  )
  assert.equal(
    renderLogs(entries, 'lines', false).text,
    [
      'all: {app="api", env="prod"}',
      '[1] {level="info"}',
      '[2] {level="error"}',
      '14:21:22.000 [1] one',
      '14:21:22.005 [2] two',
      '14:21:22.009 [1] three',
    ].join('\n'),
  )
})

test('neighbours with the same text are one line with their number', () => {
  const { text } = renderLogs(
    [entry(0, 'up'), entry(1, 'retry'), entry(2, 'retry'), entry(3_000, 'retry'), entry(4_000, 'up')],
    'grouped',
    false,
  )
  assert.equal(text, '{app="api"}\n14:21:22.000 up\n14:21:22.001 retry ×3 until 14:21:25.000\n14:21:26.000 up')
})

test('the date stands before the time where asked', () => {
  assert.match(
    renderLogs([entry(0, 'a'), entry(86_400_000, 'b')], 'grouped', true).text,
    /^11-22 14:21:22\.000 a\n11-23 14:21:22\.000 b$/m,
  )
})

test('a line of a log cannot look like another entry, nor hide', () => {
  const { text } = renderLogs([entry(0, '\x1b[31mred\x1b[0m\nat x()\n14:21:22.001 forged\u202e')], 'grouped', false)
  assert.equal(text, '{app="api"}\n14:21:22.000 red\n    at x()\n    14:21:22.001 forged')
})

test('long lines are cut, saying how much is missing', () => {
  assert.match(renderLogs([entry(0, 'x'.repeat(5_000))], 'grouped', false).text, /x…\[\+4000 chars\]$/)
})

test('structured metadata follows its line, without the level that Loki guesses', () => {
  const { text } = renderLogs([entry(0, 'a', { app: 'api' }, { detected_level: 'info', trace_id: 'abc' })], 'grouped', false)
  assert.match(text, /14:21:22\.000 a \{trace_id="abc"\}$/)
})

test('what is said to fit is never longer when it is rendered', () => {
  for (const format of ['grouped', 'lines'] as const) {
    for (const size of [10, 200, 3_000]) {
      const entries = Array.from({ length: 300 }, (_, i) =>
        entry(
          i * 600_000,
          `${i} ${'x'.repeat(size)}${'\n'.repeat(size)}.`,
          { app: `app-${i % 50}`, pod: 'p'.repeat(100) },
          { trace_id: `t${i}` },
        ),
      )
      const count = fitting(entries, 20_000)
      assert.ok(count < entries.length && count > 0)
      const { text } = renderLogs(entries.slice(0, count), format, true)
      assert.ok(text.length <= 20_000, `${format} ${size}: ${text.length}`)
    }
  }
})

test('labels are written as a selector that can be used', () => {
  assert.equal(labelText({ app: 'a"b\\c' }), '{app="a\\"b\\\\c"}')
})

test('series become a table, the largest first, with points where asked', () => {
  const series = [
    {
      labels: { level: 'info' },
      points: [
        [1_795_357_020, '0.1'],
        [1_795_357_080, '0.123456'],
      ] as const,
    },
    {
      labels: { level: 'error' },
      points: [
        [1_795_357_020, '5'],
        [1_795_357_080, 'NaN'],
      ] as const,
    },
  ]
  assert.equal(
    renderSeries(series, { maxChars: 10_000 }).text,
    'labels\tlast\tmin\tavg\tmax\tn\n{level="error"}\t5\t5\t5\t5\t1\n{level="info"}\t0.1235\t0.1\t0.1117\t0.1235\t2',
  )
  assert.match(
    renderSeries(series, { pointsEvery: 30, maxChars: 10_000 }).text,
    /\n {2}from 2026-11-22T14:17:00Z every 30 s: 0\.1 - 0\.1235$/,
  )
  assert.equal(renderSeries(Array(80).fill(series[0]), { maxChars: 100_000 }).shown.length, 50)
  assert.ok(renderSeries(Array(80).fill(series[0]), { pointsEvery: 60, maxChars: 500 }).text.length <= 500)
  assert.equal(renderSeries(Array(80).fill(series[0]), { pointsEvery: 1, maxChars: 100 }).shown.length, 1, 'cut, not left out')
})

test('NaN and infinity are figures, too', () => {
  const points = (...values: string[]) => ({ labels: {}, points: values.map((value, i) => [i, value] as const) })
  const row = (...values: string[]) => renderSeries([points(...values)], { maxChars: 1_000 }).text.split('\n')[1]
  assert.equal(row('NaN', 'NaN'), '{}\tNaN\tNaN\tNaN\tNaN\t0')
  assert.equal(row('1', '+Inf', 'NaN'), '{}\tInfinity\t1\tInfinity\tInfinity\t2')
  assert.equal(row('-Inf', '1'), '{}\t1\t-Infinity\t-Infinity\t1\t2')
  assert.equal(renderSeries([points('2')], { once: true, maxChars: 1_000 }).text, 'labels\tvalue\n{}\t2')
})

test('numbers keep four digits', () => {
  assert.deepEqual([0, 12, 2.34567, 123_456.7, 0.000012367, Number.NaN, Number.POSITIVE_INFINITY].map(formatNumber), [
    '0',
    '12',
    '2.346',
    '123500',
    '0.00001237',
    'NaN',
    'Infinity',
  ])
})
