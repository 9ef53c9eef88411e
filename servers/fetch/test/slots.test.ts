import assert from 'node:assert/strict'
import { ToolError } from '../../../protocol/index.ts'
import { test } from '../../../test/runner/harness.ts'
import { Slots } from '../lib/slots.ts'

const never = new AbortController().signal

/** Work that runs until it is released. */
function works(slots: Slots) {
  const running: string[] = []
  const release = new Map<string, () => void>()
  const start = (name: string, key: string, signal = never) =>
    slots.run(key, signal, async () => {
      running.push(name)
      await new Promise<void>((resolve) => release.set(name, resolve))
    })
  return { running, release, start }
}

test('so many run at once, so many of one key, and others pass those who wait for theirs', async () => {
  const slots = new Slots({ most: 3, mostPerKey: 2, maxWaiting: 9 })
  const { running, release, start } = works(slots)
  const all = [start('a1', 'a'), start('a2', 'a'), start('a3', 'a'), start('b1', 'b'), start('b2', 'b')]
  await Promise.resolve()
  assert.deepEqual(running, ['a1', 'a2', 'b1'])
  release.get('b1')?.()
  await all[3]
  assert.deepEqual(running, ['a1', 'a2', 'b1', 'b2'])
  for (const name of ['a1', 'a2', 'b2']) release.get(name)?.()
  await Promise.all([all[0], all[1], all[4]])
  release.get('a3')?.()
  await all[2]
  assert.equal(slots.running, 0)
})

test('a line has an end, and whoever leaves it makes room', async () => {
  const slots = new Slots({ most: 1, mostPerKey: 1, maxWaiting: 1 })
  const { release, start } = works(slots)
  const first = start('one', 'a')
  const leaving = new AbortController()
  const second = start('two', 'a', leaving.signal)
  await assert.rejects(start('three', 'b'), (error) => error instanceof ToolError && error.code === 'RATE_LIMITED')
  leaving.abort(new Error('gone'))
  await assert.rejects(second, /gone/)
  const fourth = start('four', 'b')
  release.get('one')?.()
  await first
  release.get('four')?.()
  await fourth
  assert.equal(slots.running, 0)
})
