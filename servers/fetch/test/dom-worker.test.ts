// The worker thread: its turn, its end, and what becomes of a page when it hangs, dies or runs out of memory.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../../scripts/bundle.ts'
import { test } from '../../../test/runner/harness.ts'
import { workerLimits } from '../backend.ts'
import type { DomJob } from '../lib/dom.ts'
import { DomWorker, type DomWorkerOptions } from '../lib/dom-worker.ts'
import { maxDomBytes, maxDomTags, maxTextChars } from '../lib/extract.ts'
import { workerEntry } from '../lib/worker-file.ts'

const never = new AbortController().signal
const job = (html: string): DomJob => ({ html, url: 'https://example.test/', links: true, maxChars: 100_000 })
const article = `<html><body><div>${'<p>One of many paragraphs, long enough, with commas, to be a part of an article.</p>'.repeat(20)}</div></body></html>`

/** Reads its orders from the page; only the ways to fail are not the real worker's. */
const entry = `
  const { parentPort } = require('node:worker_threads')
  let hoard = []
  parentPort.on('message', ({ html }) => {
    if (html === 'hang') for (;;);
    if (html === 'die') throw new Error('died')
    if (html === 'hoard') for (;;) hoard.push(new Array(1000).fill(Math.random()))
    if (html === 'fail') return parentPort.postMessage({ failure: 'too deep' })
    parentPort.postMessage({ result: { text: html, facts: {}, cut: false } })
  })`

async function withWorker(options: Partial<DomWorkerOptions>, use: (worker: DomWorker) => Promise<void>): Promise<void> {
  const worker = new DomWorker({ entry, eval: true, deadlineMs: 10_000, idleMs: 10_000, maxQueued: 3, heapMiB: 32, ...options })
  try {
    await use(worker)
  } finally {
    await worker.close()
  }
}

test('the real worker finds the article, page after page, in one thread', () =>
  withWorker({ ...workerEntry, heapMiB: 64 }, async (worker) => {
    assert.equal(worker.state, 'off')
    for (let i = 0; i < 3; i++) {
      const result = await worker.extract(job(article), never)
      assert.match(result?.text ?? '', /^One of many paragraphs, long enough/)
    }
    assert.deepEqual([worker.state, worker.counts], ['idle', { pages: 3, failed: 0, replaced: 0, refused: 0 }])
  }))

/** Just below both limits, without a main part of its own: text in paragraphs, and as many elements as may be. */
function largest(): string {
  const head = '<!doctype html><html><head><title>Largest</title></head><body><div><div>'
  const paragraph = '<p>One of many paragraphs, long enough, with commas, to be a part of an article.</p>'
  const count = maxDomTags / 4
  const marks = '<b>x</b> '.repeat(maxDomTags - count - 100)
  const text = paragraph.repeat(count)
  const room = maxDomBytes - head.length - marks.length - text.length - 100
  return `${head}${text}<p>${'Some more text, '.repeat(Math.floor(room / 16))}</p><p>${marks}</p></div></div></body></html>`
}

test(
  'a page just below the limits comes back as an article, with the heap and within the time that the server gives it',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fetch-worker-'))
    try {
      // The bundle, as the server has it: a loader of TypeScript would take its part of this heap.
      const entry = join(folder, 'fetch-worker.cjs')
      await bundle(entry, `import '${fileURLToPath(new URL('../lib/worker.ts', import.meta.url))}'`, [])
      await withWorker({ entry, eval: false, ...workerLimits }, async (worker) => {
        const html = largest()
        assert.ok(html.length <= maxDomBytes && html.length > maxDomBytes - 1_000, `${html.length}`)
        // The second is of two bytes for each character.
        for (const page of [html, html.replace('Some', '日本')]) {
          const result = await worker.extract({ ...job(page), maxChars: maxTextChars }, never)
          assert.match(result?.text ?? '', /One of many paragraphs, long enough/, JSON.stringify(worker.counts))
        }
        assert.deepEqual(worker.counts, { pages: 2, failed: 0, replaced: 0, refused: 0 })
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 30_000 },
)

test('a page that hangs, dies, hoards or fails is given up, and the next one gets a worker that works', () =>
  withWorker({ deadlineMs: 1_500 }, async (worker) => {
    for (const [order, replaced, failed] of [
      ['hang', 1, 0],
      ['die', 2, 0],
      ['hoard', 3, 0],
      ['fail', 3, 1],
    ] as const) {
      const [bad, good] = await Promise.all([worker.extract(job(order), never), worker.extract(job('good'), never)])
      assert.deepEqual([bad, good?.text], [undefined, 'good'], order)
      assert.deepEqual([worker.counts.replaced, worker.counts.failed], [replaced, failed], order)
    }
  }))

test('a line has an end: the page beyond it is not taken', () =>
  withWorker({ maxQueued: 1, deadlineMs: 1_000 }, async (worker) => {
    const running = worker.extract(job('hang'), never)
    const waiting = worker.extract(job('second'), never)
    assert.equal(await worker.extract(job('third'), never), undefined)
    assert.equal(worker.counts.refused, 1)
    assert.equal(await running, undefined)
    assert.equal((await waiting)?.text, 'second')
  }))

test('who leaves while waiting makes room; who leaves while working ends the work', () =>
  withWorker({}, async (worker) => {
    const [first, second] = [new AbortController(), new AbortController()]
    const running = worker.extract(job('hang'), first.signal)
    const waiting = worker.extract(job('never'), second.signal)
    const last = worker.extract(job('last'), never)
    second.abort(new Error('left'))
    await assert.rejects(waiting, /left/)
    first.abort(new Error('gone'))
    await assert.rejects(running, /gone/)
    assert.equal((await last)?.text, 'last')
    assert.equal(worker.counts.pages, 2)
  }))

test('the thread ends when nobody needs it, and comes back', () =>
  withWorker({ idleMs: 20 }, async (worker) => {
    await worker.extract(job('a'), never)
    while (worker.state !== 'off') await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal((await worker.extract(job('b'), never))?.text, 'b')
  }))

test('closing settles who waits', async () => {
  const worker = new DomWorker({ entry, eval: true, deadlineMs: 10_000, idleMs: 10_000, maxQueued: 3, heapMiB: 32 })
  const all = [worker.extract(job('hang'), never), worker.extract(job('x'), never)]
  await worker.close()
  assert.deepEqual(await Promise.all(all), [undefined, undefined])
  assert.equal(await worker.extract(job('late'), never), undefined)
})
