import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { abortable, Remembered, Semaphore, sleep, withDeadline } from '../waiting.ts'

const never = new Promise<never>(() => {})
const late = (): Error => new Error('late')
const busy = (): string => 'all are busy'

test('a deadline rejects on time although the work ignores its signal, and aborts that signal with the same reason', async () => {
  let seen: AbortSignal | undefined
  const work = (signal: AbortSignal): Promise<never> => {
    seen = signal
    return never
  }
  await assert.rejects(withDeadline({ ms: 20, late }, work), /late/)
  assert.match(String(seen?.reason), /late/)
})

test('a deadline passes on a result, an error, and the reason of the outer signal', async () => {
  assert.equal(await withDeadline({ ms: 10_000, late }, async () => 7), 7)
  await assert.rejects(
    withDeadline({ ms: 10_000, late }, async () => {
      throw new Error('of the work')
    }),
    /of the work/,
  )
  const outer = new AbortController()
  const waiting = withDeadline({ ms: 10_000, signal: outer.signal, late }, () => never)
  outer.abort(new Error('left'))
  await assert.rejects(waiting, /left/)
  let started = false
  const begin = async (): Promise<void> => {
    started = true
  }
  await assert.rejects(withDeadline({ ms: 1, signal: outer.signal, late }, begin), /left/)
  assert.equal(started, false)
})

test('work that fails after its deadline is not an unhandled rejection', async () => {
  const { promise, reject } = withResolvers()
  await assert.rejects(
    withDeadline({ ms: 5, late }, () => promise),
    /late/,
  )
  reject(new Error('after the end'))
  await new Promise((resolve) => setImmediate(resolve))
})

test('an abortable wait rejects at once for a signal that has aborted before', async () => {
  await assert.rejects(abortable(never, AbortSignal.abort(new Error('gone'))), /gone/)
  assert.equal(await abortable(Promise.resolve(1), undefined), 1)
})

test('sleep ends early when its signal aborts', async () => {
  const stop = new AbortController()
  const sleeping = sleep(60_000, stop.signal)
  stop.abort(new Error('woken'))
  await assert.rejects(sleeping, /woken/)
})

test('a semaphore admits its limit, then first come first served', async () => {
  const semaphore = new Semaphore({ limit: 2, maxWaiting: 10, busy })
  const order: number[] = []
  const [first, second] = [await semaphore.acquire(), await semaphore.acquire()]
  const third = semaphore.run({}, async () => order.push(3))
  const fourth = semaphore.run({}, async () => order.push(4))
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([order, semaphore.running, semaphore.waiting], [[], 2, 2])
  first()
  first() // a second release of the same slot does nothing
  await third
  second()
  await fourth
  assert.deepEqual([order, semaphore.running, semaphore.waiting], [[3, 4], 0, 0])
})

test('nobody waits behind a key that is at its own limit', async () => {
  const semaphore = new Semaphore({ limit: 2, limitPerKey: 1, maxWaiting: 10, busy })
  const held = await semaphore.acquire({ key: 'a' })
  let entered = false
  const same = semaphore.acquire({ key: 'a' }).then((release) => {
    entered = true
    return release
  })
  const other = await semaphore.acquire({ key: 'b' })
  assert.equal(entered, false)
  held()
  const release = await same
  release()
  other()
  assert.equal(semaphore.running, 0)
})

test('a full queue, a wait that is too long and an aborted signal end the wait, and the others keep their order', async () => {
  const semaphore = new Semaphore({ limit: 1, maxWaiting: 2, busy })
  const held = await semaphore.acquire()
  const stop = new AbortController()
  const leaving = semaphore.acquire({ signal: stop.signal })
  const waiting = semaphore.acquire()
  await assert.rejects(semaphore.acquire(), { code: 'RATE_LIMITED', message: /busy/ })
  stop.abort(new Error('left'))
  await assert.rejects(leaving, /left/)
  await assert.rejects(semaphore.acquire({ waitMs: 10 }), /busy/)
  assert.equal(semaphore.waiting, 1)
  held()
  ;(await waiting)()
  await assert.rejects(semaphore.acquire({ signal: stop.signal }), /left/)
  assert.equal(semaphore.running, 0)
})

test('a slot that becomes free in the moment in which its waiter leaves goes to the next one', async () => {
  for (const leavesFirst of [true, false]) {
    const semaphore = new Semaphore({ limit: 1, maxWaiting: 2, busy })
    const held = await semaphore.acquire()
    const stop = new AbortController()
    const leaving = semaphore.acquire({ signal: stop.signal })
    const next = semaphore.acquire()
    const steps = [() => stop.abort(new Error('left')), held]
    for (const step of leavesFirst ? steps : steps.reverse()) step()
    await assert.rejects(leaving, /left/)
    ;(await next)()
    assert.deepEqual([semaphore.running, semaphore.waiting], [0, 0])
  }
})

test('callers of one key share a load, and it is not repeated while the value is kept', async () => {
  let loads = 0
  const names = new Remembered({ keepMs: 60_000, maxEntries: 2 }, async (key) => `${key}${++loads}`)
  assert.deepEqual(await Promise.all([names.get('a'), names.get('a'), names.get('b')]), ['a1', 'a1', 'b2'])
  assert.equal(await names.get('a'), 'a1')
  assert.equal(await names.get('c'), 'c3')
  assert.equal(await names.get('a'), 'a1')
  assert.equal(await names.get('b'), 'b4', 'the least recently used of three keys was forgotten')
  names.forget('a')
  assert.equal(await names.get('a'), 'a5')
})

test('remembers so many bytes, and never a value that is larger', async () => {
  let loads = 0
  const options = { keepMs: 60_000, maxEntries: 20, maxBytes: 20_000, sizeOf: (value: { bytes: number }) => value.bytes }
  const values = new Remembered(options, async (key) => ({ bytes: Number(key), load: ++loads }))
  const loadOf = async (key: string): Promise<number> => (await values.get(key)).load
  for (const key of ['6000', '11000']) await values.get(key)
  assert.deepEqual(values.size, { entries: 2, bytes: 17_000 })
  await values.get('6001')
  assert.deepEqual(values.size, { entries: 2, bytes: 17_001 })
  assert.deepEqual([await loadOf('11000'), await loadOf('6001'), await loadOf('6000')], [2, 3, 4])
  await values.get('100000')
  assert.equal(values.size.entries, 2)
  assert.equal(await loadOf('100000'), 6)
})

test('what is loading counts for no limit, and forgets nothing before it is there', async () => {
  let resolve: (value: string) => void = () => {}
  const promise = new Promise<string>((yes) => {
    resolve = yes
  })
  const values = new Remembered({ keepMs: 60_000, maxEntries: 1 }, (key) => (key === 'slow' ? promise : Promise.resolve(key)))
  await values.get('a')
  const waits = [values.get('slow'), values.get('slow')]
  assert.deepEqual(values.size, { entries: 1, bytes: 0 })
  assert.equal(await values.get('a'), 'a')
  resolve('b')
  assert.deepEqual([...(await Promise.all(waits)), values.size.entries], ['b', 'b', 1])
})

test('each value may say how long it is kept', async () => {
  let loads = 0
  const values = new Remembered<number>({ keepMs: (load) => (load === 1 ? 0 : 60_000), maxEntries: 1 }, async () => ++loads)
  assert.deepEqual([await values.get(''), await values.get(''), await values.get('')], [1, 2, 2])
})

test('a value is loaded again when it is too old, and a failed load is not kept', async () => {
  let loads = 0
  const value = new Remembered({ keepMs: 0, maxEntries: 1 }, async () => {
    loads += 1
    if (loads === 2) throw new Error('down')
    return loads
  })
  assert.equal(await value.get(''), 1)
  await sleep(2)
  await assert.rejects(value.get(''), /down/)
  assert.equal(await value.get(''), 3)
})

test('a shared load goes on while one caller waits, and is aborted when all have left', async () => {
  let seen: AbortSignal | undefined
  const value = new Remembered({ keepMs: 60_000, maxEntries: 1 }, (_key, signal) => {
    seen = signal
    return never
  })
  const [one, two] = [new AbortController(), new AbortController()]
  const waits = [value.get('', one.signal), value.get('', two.signal)]
  one.abort(new Error('one left'))
  await assert.rejects(waits[0] as Promise<never>, /one left/)
  assert.equal(seen?.aborted, false)
  two.abort(new Error('two left'))
  await assert.rejects(waits[1] as Promise<never>, /two left/)
  assert.equal(seen?.aborted, true)
})

function withResolvers(): { promise: Promise<never>; reject: (error: unknown) => void } {
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<never>((_, no) => {
    reject = no
  })
  return { promise, reject }
}
