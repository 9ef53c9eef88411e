// The timer of the limits of waits and streams: whoever is added is called until it leaves, in whatever order they come and go.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from '../../test/runner/harness.ts'
import { Ticker, type TickTarget } from '../transports/event-stream.ts'

const target = (): TickTarget & { ticks: number } => ({
  ticks: 0,
  tick() {
    this.ticks += 1
  },
})

test('targets are those that were added and did not leave, whatever the order', () => {
  const steps = fc.array(fc.tuple(fc.nat(7), fc.boolean()), { maxLength: 40 })
  fc.assert(
    fc.property(steps, (all) => {
      const ticker = new Ticker(1_000_000)
      const targets = Array.from({ length: 8 }, target)
      const present = new Set<TickTarget>()
      for (const [i, add] of all) {
        const each = targets[i] as TickTarget
        if (add && present.has(each)) continue // each is added once
        if (add) ticker.add(each)
        else ticker.delete(each) // also one that is not there
        present[add ? 'add' : 'delete'](each)
        assert.deepEqual(new Set(ticker.targets), present)
        assert.equal(ticker.targets.length, present.size)
      }
      for (const each of targets) ticker.delete(each)
      assert.deepEqual(ticker.targets, [])
    }),
    { seed: 1, numRuns: 2_000 },
  )
})

test('a target may leave, and let others leave, while it is called; nobody who stays is called less', async () => {
  const ticker = new Ticker(5)
  const stays = [target(), target(), target()]
  const leaver = { ...target(), tick: () => ticker.delete(leaver) }
  const remover = { ...target(), tick: () => ticker.delete(removed) }
  const removed = target()
  for (const each of [leaver, stays[0], removed, stays[1], remover, stays[2]]) ticker.add(each as TickTarget)
  await new Promise<void>((resolve) => {
    const waits = { ...target(), tick: () => stays.every(({ ticks }) => ticks >= 3) && resolve() }
    ticker.add(waits)
  })
  assert.equal(Math.max(...stays.map(({ ticks }) => ticks)) - Math.min(...stays.map(({ ticks }) => ticks)) <= 1, true)
  assert.ok(!ticker.targets.includes(leaver) && !ticker.targets.includes(removed))
})

test('who has left is not called again, and the timer starts again with the next target', async () => {
  const ticker = new Ticker(5)
  for (let round = 0; round < 3; round++) {
    const gone = target()
    await new Promise<void>((resolve) => {
      ticker.add(gone)
      ticker.add({ ...target(), tick: () => gone.ticks >= 2 && resolve() })
    })
    for (const each of [...ticker.targets]) ticker.delete(each)
    const { ticks } = gone
    await new Promise<void>((resolve) => ticker.add({ ...target(), tick: () => resolve() }))
    for (const each of [...ticker.targets]) ticker.delete(each)
    // Empty: the timer ends itself at its next turn.
    await new Promise<void>((resolve) => setTimeout(resolve, 15))
    assert.equal(gone.ticks, ticks)
  }
})
