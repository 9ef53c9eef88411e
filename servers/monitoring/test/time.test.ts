// Times as models write them, exact to the nanosecond.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { rangeOf } from '../lib/range.ts'
import { formatClock, formatSpan, formatTime, parseTime } from '../lib/time.ts'

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

test('a range is the last hours, or between two times, within the cap', () => {
  const notes: string[] = []
  const at = (args: { hours?: number; start?: string; end?: string }) =>
    rangeOf({ hours: 24, ...args }, 48, notes, 1_000_000_000_000)
  const hour = 3_600_000_000_000n
  const nowNs = 1_000_000_000_000_000_000n
  assert.deepEqual(at({ hours: 1 }), { start: nowNs - hour, end: nowNs })
  assert.deepEqual(at({ start: 'now-2h', end: 'now-1h' }), { start: nowNs - 2n * hour, end: nowNs - hour })
  assert.deepEqual(notes, [])
  assert.deepEqual(at({ hours: 100 }), { start: nowNs - 48n * hour, end: nowNs })
  assert.match(notes.join(), /"hours" was set to 48/)
  assert.throws(() => at({ start: 'now-1h', end: 'now-2h' }), /"start" must be before "end"/)
  assert.throws(() => at({ start: 'now-3d' }), /longer than the 48 h/)
  assert.throws(() => at({ end: 'tomorrow' }), /"end" is not a time: "tomorrow"/)
})
