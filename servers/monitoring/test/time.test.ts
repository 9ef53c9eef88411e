// Times as models write them, exact to the nanosecond.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { formatSpan } from '../../kit/report.ts'
import { durationSeconds, formatClock, formatTime, parseTime, readRange } from '../lib/time.ts'

const now = 1_795_357_282_946_317_199n

test('reads every form of time that models write', () => {
  const cases: [string, string | undefined][] = [
    ['now', '2026-11-22T14:21:22.946317199Z'],
    ['now-2h', '2026-11-22T12:21:22.946317199Z'],
    ['now - 1h30m', '2026-11-22T12:51:22.946317199Z'],
    ['now-0.5d', '2026-11-22T02:21:22.946317199Z'],
    ['2026-11-22T14:21:22.946317199Z', '2026-11-22T14:21:22.946317199Z'],
    ['2026-11-22T14:21:22.9463171995Z', '2026-11-22T14:21:22.946317199Z'],
    ['2026-11-22T15:21:22+01:00', '2026-11-22T14:21:22Z'],
    ['2026-11-22T15:21:22+0100', '2026-11-22T14:21:22Z'],
    ['2026-11-22 14:21', '2026-11-22T14:21:00Z'],
    ['2026-11-22', '2026-11-22T00:00:00Z'],
    ['1795357282', '2026-11-22T14:21:22Z'],
    ['1795357282946', '2026-11-22T14:21:22.946Z'],
    ['1795357282946317199', '2026-11-22T14:21:22.946317199Z'],
    ['2026-02-30', undefined],
    ['2026-11-22T25:00:00Z', undefined],
    ['yesterday', undefined],
    ['now+2h', undefined],
    ['', undefined],
  ]
  for (const [text, expected] of cases) {
    const at = parseTime(text, now)
    assert.equal(at === undefined ? undefined : formatTime(at), expected, text)
  }
})

test('a written time is read back as the same nanosecond', () => {
  for (const at of [0n, 1n, now, now + 1n, 999_999_999n, 1_700_000_000_000_000_000n]) {
    assert.equal(parseTime(formatTime(at), 0n), at)
  }
})

test('clock and spans are short', () => {
  assert.equal(formatClock(now, false), '14:21:22.946')
  assert.equal(formatClock(now, true), '11-22 14:21:22.946')
  assert.deepEqual([30, 300, 86_400, 604_800].map(formatSpan), ['30 s', '5 min', '24 h', '7 d'])
})

const nowNs = 1_000_000_000_000_000_000n
const hour = 3_600_000_000_000n
const range = (args: object, notes: string[] = [], lookback = 0) => readRange(args, 48, lookback, notes, 1_000_000_000_000)

test('a range is the last hours, or between two times, within the cap', () => {
  const notes: string[] = []
  assert.deepEqual(range({ hours: 1 }, notes), { start: nowNs - hour, end: nowNs })
  assert.deepEqual(range({}, notes), { start: nowNs - 24n * hour, end: nowNs })
  assert.deepEqual(range({ start: 'now-2h', end: 'now-1h' }, notes), { start: nowNs - 2n * hour, end: nowNs - hour })
  assert.deepEqual(notes, [])
  assert.deepEqual(range({ hours: 100 }, notes), { start: nowNs - 48n * hour, end: nowNs })
  assert.match(notes.join(), /"hours" was set to 48 from 100/)
  assert.throws(() => range({ start: 'now-1h', end: 'now-2h' }), /"start" must be before "end"/)
  assert.throws(() => range({ start: 'now-3d' }), /at most 48 h are allowed/)
  assert.throws(() => range({ end: 'tomorrow' }), /"end" is not a time: "tomorrow"/)
})

test('hours are a number or a duration; beside "start" they are ignored, with a note', () => {
  for (const [hours, minutes] of [
    ['1h', 60],
    ['90m', 90],
    ['1 hour', 60],
    ['2 days', 2_880],
    ['0.5', 30],
    ['day', 1_440],
    ['1h30m', 90],
  ] as const)
    assert.equal(nowNs - range({ hours }).start, BigInt(minutes) * 60_000_000_000n, hours)
  for (const hours of ['', 'x', '1 fortnight', '-1h', '0', 'h']) assert.throws(() => range({ hours }), /"hours" is/, hours)
  const notes: string[] = []
  assert.deepEqual(range({ hours: 5, start: 'now-2h' }, notes), { start: nowNs - 2n * hour, end: nowNs })
  assert.match(notes.join(), /"hours" was ignored/)
})

test('what a query reads before the range counts', () => {
  const notes: string[] = []
  assert.deepEqual(range({ hours: 48 }, notes, 3_600), { start: nowNs - 47n * hour, end: nowNs })
  assert.match(notes.join(), /"hours" was set to 47 from 48: .* 60 min of it for the windows and offsets/)
  assert.throws(() => range({ hours: 1 }, notes, 480 * 3_600), /would search 20 d.* at most 48 h/)
  assert.throws(() => range({ start: 'now-48h' }, notes, 60), /at most 48 h/)
})

test('durations of LogQL are read, anything else is not', () => {
  const cases = {
    '5m': 300,
    '1h30m': 5_400,
    '1d': 86_400,
    '1y': 31_536_000,
    '500ms': 0.5,
    '90': Number.NaN,
    '': Number.NaN,
    '5m ': Number.NaN,
    $__range: Number.NaN,
  }
  for (const [text, seconds] of Object.entries(cases)) assert.equal(durationSeconds(text), seconds, text)
})
