// Pages over entries that share timestamps: every entry once, whatever the limits.
import assert from 'node:assert/strict'
import { random } from '../../../test/helpers/random.ts'
import { test } from '../../../test/runner/harness.ts'
import { type Fetch, fetchPage, nextPage, type PageQuery } from '../lib/paging.ts'
import type { Entry, Range } from '../types.ts'

const stream = { labels: { app: 'a' }, key: '["app","a"]' }

/** Entries at the given times; the line says which one it is. */
const entriesAt = (times: readonly number[]): Entry[] =>
  times.map((at, i) => ({ at: BigInt(at), line: `${at} #${i}`, stream, metadata: undefined, parsed: undefined }))

/** Answers as Loki does: a range without its end, in the direction's order, and any of those that share the last timestamp. */
function lokiOf(all: readonly Entry[], direction: PageQuery['direction'], shuffle: () => number, asked: Range[] = []): Fetch {
  return async (range, limit) => {
    asked.push(range)
    const { start, end } = range
    const sign = direction === 'forward' ? 1n : -1n
    const inside = all.filter(({ at }) => at >= start && at < end)
    // A request for one timestamp is answered in a fixed order, any other in none.
    const order =
      end - start === 1n
        ? inside
        : inside
            .map((entry) => ({ entry, by: shuffle() }))
            .sort((a, b) => a.by - b.by)
            .map(({ entry }) => entry)
    return order.sort((a, b) => Number((a.at - b.at) * sign)).slice(0, limit)
  }
}

async function readAll(fetch: Fetch, first: PageQuery, cut: (entries: readonly Entry[]) => number): Promise<string[]> {
  const lines: string[] = []
  let query = first
  for (let pages = 0; pages < 1_000; pages++) {
    const page = await fetchPage(query, fetch)
    const shown = Math.min(page.entries.length, cut(page.entries))
    lines.push(...page.entries.slice(0, shown).map(({ line }) => line))
    if (!page.more && shown === page.entries.length) return lines
    query = { ...query, ...nextPage(query, page, shown) }
  }
  throw new Error('paging does not end')
}

for (const direction of ['backward', 'forward'] as const) {
  test(`shows every entry exactly once, ${direction}, over random equal timestamps`, async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const next = random(seed)
      const times = Array.from({ length: Math.floor(next() * 60) }, () => 100 + Math.floor(next() * 8))
      const all = entriesAt(times)
      const limit = 1 + Math.floor(next() * 9)
      const query: PageQuery = { start: 100n, end: 109n, limit, direction, skip: 0, most: 5_000 }
      const lines = await readAll(lokiOf(all, direction, next), query, () => limit)
      assert.deepEqual([...lines].sort(), all.map(({ line }) => line).sort(), `seed ${seed}, limit ${limit}`)
      const order = lines.map((line) => Number.parseInt(line, 10) * (direction === 'forward' ? 1 : -1))
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
        `seed ${seed}`,
      )
    }
  })
}

test('a page that was cut for its length continues at the first line left out', async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const next = random(seed)
    const all = entriesAt(Array.from({ length: 30 }, (_, i) => 100 + i))
    const query: PageQuery = { start: 100n, end: 200n, limit: 7, direction: 'backward', skip: 0, most: 5_000 }
    const lines = await readAll(lokiOf(all, 'backward', next), query, () => 1 + Math.floor(next() * 7))
    assert.deepEqual(lines, all.map(({ line }) => line).reverse(), `seed ${seed}`)
  }
})

test('one request is enough where timestamps differ', async () => {
  const asked: Range[] = []
  const query: PageQuery = { start: 0n, end: 100n, limit: 3, direction: 'backward', skip: 0, most: 5_000 }
  const page = await fetchPage(query, lokiOf(entriesAt([1, 2, 3, 4, 5]), 'backward', random(1), asked))
  assert.deepEqual(asked, [query])
  assert.deepEqual(
    page.entries.map(({ at }) => at),
    [5n, 4n, 3n],
  )
  assert.deepEqual(nextPage(query, page, 3), { start: 0n, end: 3n, skip: 0 })
})

test('an exactly full last page says that nothing follows', async () => {
  const query: PageQuery = { start: 0n, end: 100n, limit: 3, direction: 'forward', skip: 0, most: 5_000 }
  const page = await fetchPage(query, lokiOf(entriesAt([1, 1, 1]), 'forward', random(1)))
  assert.equal(page.more, false)
  assert.equal(page.entries.length, 3)
})

test('more equal timestamps than one request may fetch are announced', async () => {
  const query: PageQuery = { start: 0n, end: 100n, limit: 3, direction: 'forward', skip: 0, most: 10 }
  const page = await fetchPage(query, lokiOf(entriesAt(Array(20).fill(7)), 'forward', random(1)))
  assert.equal(page.overfull, true)
})
