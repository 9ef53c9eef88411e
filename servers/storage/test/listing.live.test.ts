// Listings and errors on real stores: what is put there is what a model sees.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Answer } from '../../../test/helpers/tool-client.ts'
import { type Setup, type Wire, withStorage } from './client.ts'
import { keysOf, live } from './live.ts'
import { publicPolicy, put, withBucket } from './store.ts'

/** What filenames, shells, URLs, XML and JSON each treat in a way of their own. */
const oddKeys = [
  'plain.txt',
  'with space and  two.txt',
  'plus+percent%25amp&eq=semi;.txt',
  'literal%20percent.txt',
  'question?versionId=1',
  'hash#fragment',
  'quotes\'"`.txt',
  '<tag>&amp;]]>.xml',
  'star*(brackets)[x]{y}!~$@,:.txt',
  'ünïcödé/日本語/🙂.txt',
  'e\u0301 and é.txt',
  'bidi\u202egnp.txt',
  '-dash',
  '0123',
  '1e3',
  'true',
  'tab\there',
  'line\nbreak',
  'bell\x07and\x1b[31mred',
  'folder/',
  '"quoted"',
  'a/b/c/d/e/f/g.txt',
]

const contentOf = (key: string): string => `content of ${JSON.stringify(key)}`

live('lists objects with their sizes and times, and reads one', async (store, bucket, wire) => {
  await put(store.client, bucket, { 'docs/a.txt': 'hello world\n', 'docs/b.txt': 'b' })
  const list = await wire.list({ bucket, prefix: 'docs/' })
  assert.match(list.text, new RegExp(`^${bucket}/docs/: 2 objects \\(13 B\\)\n`))
  assert.match(list.data, /^key\tbytes\tmodified\ndocs\/a\.txt\t12\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\ndocs\/b\.txt\t1\t/)
  assert.equal(list.structured.objects[0].etag, createHash('md5').update('hello world\n').digest('hex'))
  assert.deepEqual(list.structured.meta.truncated, false)
  const get = await wire.get({ bucket, key: 'docs/a.txt' })
  assert.match(get.text, new RegExp(`^${bucket}/docs/a\\.txt: bytes 0-11 of 12, 12 B, modified \\d{4}`))
  assert.equal(get.data, 'hello world\n')
  assert.equal(get.next, undefined)
})

live('pages through 1,234 keys without a gap or a repeat', async (store, bucket, wire) => {
  const keys = Array.from({ length: 1_234 }, (_, i) => `k/${String(i * 7).padStart(6, '0')}.json`)
  await put(store.client, bucket, Object.fromEntries(keys.map((key) => [key, 'x'])))
  for (const max_keys of [100, 617, 1000]) {
    const pages = await follow(wire, { bucket_name: bucket, max_keys })
    assert.deepEqual(pages.flatMap(keysIn), keys)
    assert.ok(pages.length >= 1_234 / max_keys)
  }
  const after = await wire.list({ bucket, start_after: keys[1_200] })
  assert.deepEqual(keysIn(after), keys.slice(1_201))
  assert.equal(after.next, undefined)
})

live('pages exactly when a full page ends with the last key', async (store, bucket, wire) => {
  await put(store.client, bucket, { a: '', b: '', c: '', d: '' })
  const pages = await follow(wire, { bucket_name: bucket, max_keys: 2 })
  assert.deepEqual(pages.map(keysIn), [
    ['a', 'b'],
    ['c', 'd'],
  ])
  assert.deepEqual(
    pages.map((page) => page.structured.meta.truncated),
    [true, false],
  )
})

live('pages through one level of prefixes and objects', async (store, bucket, wire) => {
  const contents: Record<string, string> = {}
  for (let i = 0; i < 15; i++) {
    const at = String(i).padStart(2, '0')
    contents[`d${at}/x`] = contents[`d${at}/y`] = 'x'
    contents[`f${at}`] = 'x'
  }
  await put(store.client, bucket, contents)
  const pages = await follow(wire, { bucket_name: bucket, recursive: false, max_keys: 4 })
  assert.ok(pages.length >= 8)
  const found = pages.flatMap((page) => [...page.structured.common_prefixes, ...keysIn(page)])
  const wanted = [
    ...Object.keys(contents).filter((key) => key[0] === 'f'),
    ...Array.from({ length: 15 }, (_, i) => `d${String(i).padStart(2, '0')}/`),
  ]
  assert.deepEqual(found.sort(), wanted.sort())
})

live(
  'cuts a listing that is too long for a result, and goes on exactly there',
  async (store, bucket, wire) => {
    const keys = Array.from({ length: 60 }, (_, i) => `${String(i).padStart(3, '0')}-${'n'.repeat(150)}`)
    await put(store.client, bucket, Object.fromEntries(keys.map((key) => [key, 'x'])))
    const pages = await follow(wire, { bucket_name: bucket, max_keys: 1000 })
    assert.ok(pages.length > 2)
    assert.deepEqual(pages.flatMap(keysIn), keys)
    for (const page of pages) assert.ok(page.text.length <= 5_000, `${page.text.length} characters`)
  },
  { environment: { maxResultChars: 5_000 } },
)

live('lists odd keys so that each can be read back', async (store, bucket, wire) => {
  await put(store.client, bucket, Object.fromEntries(oddKeys.map((key) => [key, key === 'folder/' ? '' : contentOf(key)])))
  const list = await wire.list({ bucket })
  assert.deepEqual(keysIn(list).sort(), [...oddKeys].sort())
  const shown = list.data
    .split('\n')
    .slice(1)
    .map((line) => line.slice(0, line.search(/\t\d+\t\d{4}-/)))
  assert.deepEqual(shown.map((key) => (key.startsWith('"') ? JSON.parse(key) : key)).sort(), [...oddKeys].sort())
  for (const key of oddKeys.filter((key) => key !== 'folder/')) {
    const get = await wire.get({ bucket, key })
    assert.equal(get.structured.text, contentOf(key), get.text)
  }
  for (const key of oddKeys) assert.deepEqual(keysIn(await wire.list({ bucket, prefix: key })), [key])
})

live('names the nearest bucket, key and prefix for one that is not there', async (store, bucket, wire) => {
  await put(store.client, bucket, { 'logs/2026/app.log': 'x', 'logs/2026/web.log': 'x', 'readme.md': 'x' })
  const noBucket = await wire.list({ bucket: `${bucket.slice(0, -1)}z` })
  assert.equal(noBucket.isError, true)
  assert.match(
    noBucket.text,
    new RegExp(`^ERROR NOT_FOUND: bucket ".*" does not exist\\. Buckets this server can see: ${bucket}`),
  )
  assert.match(noBucket.text, new RegExp(`TRY: {"bucket_name":"${bucket}"}$`))
  const noKey = await wire.get({ bucket, key: 'logs/2026/ap.log' })
  assert.match(noKey.text, /^ERROR NOT_FOUND: object "logs\/2026\/ap\.log" is not in bucket .* Near it: "logs\/2026\/app\.log"/)
  const slash = (await wire.get({ bucket, key: '/readme.md' })).text // MinIO takes the key for the one without the slash
  if (!/bytes 0-0 of 1/.test(slash)) assert.match(slash, /TRY: {"bucket_name":".*","object_key":"readme\.md"}$/)
  assert.match((await wire.get({ bucket, key: 'logs' })).text, /TRY: minio_list_objects {"bucket_name":".*","prefix":"logs\/"}$/)
  const noPrefix = await wire.list({ bucket, prefix: 'lgos/' })
  assert.equal(noPrefix.isError, false)
  assert.match(noPrefix.text, /: 0 objects \(0 B\)\nNOTE: nothing starts with "lgos\/"; near it are "logs\/"/)
})

live('tells a wrong secret, an unknown key and a wrong clock apart', async (store, bucket) => {
  const failing = (config: Setup['config']) =>
    withStorage(
      { endpoint: store.url, config: { ...keysOf(store), ...config } },
      async (wire) => (await wire.list({ bucket })).text,
    )
  assert.match(
    await failing({ MINIO_SECRET_KEY: 'not-the-secret' }),
    /^ERROR UPSTREAM_AUTH: the store rejected the secret key \(403 SignatureDoesNotMatch\)/,
  )
  assert.match(
    await failing({ MINIO_ACCESS_KEY: 'nobody-at-all' }),
    /^ERROR UPSTREAM_AUTH: the store does not know the access key \(403 InvalidAccessKeyId\)/,
  )
  const skewed = await withClock(-3_600_000, () => failing({}))
  assert.match(skewed, /^ERROR UPSTREAM_AUTH: the store refused the time of the request \(403 RequestTimeTooSkewed\)/)
  assert.match(skewed, /clock is 3[56]\d\d s behind the store's/)
})

live('reads a public bucket without credentials, and is told what it may not', async (store, bucket) => {
  await put(store.client, bucket, { 'open.txt': 'public' })
  await store.client.setBucketPolicy(bucket, publicPolicy(bucket, 's3:GetObject'))
  const config = { MINIO_ACCESS_KEY: undefined, MINIO_SECRET_KEY: undefined }
  await withStorage({ endpoint: store.url, config }, async (wire) => {
    assert.equal((await wire.get({ bucket, key: 'open.txt' })).data, 'public')
    const list = await wire.list({ bucket })
    assert.match(list.text, /^ERROR FORBIDDEN: the store denies access to requests without credentials \(403 AccessDenied\)/)
    await store.client.setBucketPolicy(bucket, publicPolicy(bucket, 's3:GetObject', 's3:ListBucket'))
    assert.deepEqual(keysIn(await wire.list({ bucket })), ['open.txt'])
  })
})

live('shows only allowed buckets, and no denied keys', async (store, bucket, wire) => {
  await withBucket(store, async (other) => {
    await put(store.client, other, { 'open.txt': 'x' })
    await put(store.client, bucket, { 'app.ENV': 's', 'private/key.txt': 's', 'private/sub/k': 's', 'open.txt': 'x' })
    await withStorage(
      {
        endpoint: store.url,
        config: { ...keysOf(store), MINIO_ALLOWED_BUCKETS: [bucket], MINIO_DENY_KEYS: ['*.env', 'private/*'] },
      },
      async (wire) => {
        assert.deepEqual(
          (await wire.list({ bucket: '*' })).structured.buckets.map(({ name }: { name: string }) => name),
          [bucket],
        )
        assert.match((await wire.list({ bucket: other })).text, new RegExp(`^ERROR FORBIDDEN: .*see: ${bucket}\\.`))
        assert.match((await wire.get({ bucket: other, key: 'open.txt' })).text, /^ERROR FORBIDDEN: /)
        const list = await wire.list({ bucket })
        assert.deepEqual(keysIn(list), ['open.txt'])
        assert.match(list.text, /NOTE: 3 denied by the operator are left out/)
        assert.deepEqual((await wire.list({ bucket, recursive: false })).structured.common_prefixes, [])
        for (const key of [
          'app.ENV',
          'private/key.txt',
          'PRIVATE/key.txt',
          '/private/key.txt',
          '//private/key.txt',
          './private//key.txt',
        ]) {
          assert.match((await wire.get({ bucket, key })).text, /^ERROR FORBIDDEN: object ".*" is denied by the operator/)
        }
        assert.doesNotMatch((await wire.get({ bucket, key: 'app.EN' })).text, /app\.ENV/)
      },
    )
    assert.deepEqual(keysIn(await wire.list({ bucket: other })), ['open.txt'])
  })
})

live('tells whether the store answers', async (store, _bucket, wire) => {
  const detail = await wire.backend.probe(AbortSignal.timeout(5_000))
  assert.equal(detail.mode, 'signed')
  assert.ok(Number(detail.buckets) >= 1)
  await withStorage(
    { endpoint: store.url, config: { ...keysOf(store), MINIO_SECRET_KEY: 'wrong-secret' } },
    async ({ backend }) => {
      await assert.rejects(backend.probe(AbortSignal.timeout(5_000)), { code: 'UPSTREAM_AUTH' })
    },
  )
})

function keysIn(answer: Answer): string[] {
  assert.equal(answer.isError, false, answer.text)
  return answer.structured.objects.map(({ key }: { key: string }) => key)
}

/** Follows `next` to the end and returns all pages. */
async function follow(wire: Wire, args: Record<string, unknown>): Promise<Answer[]> {
  const pages: Answer[] = []
  for (let next: Record<string, unknown> | undefined = args; next !== undefined; next = pages.at(-1)?.next) {
    const page = await wire.list(next)
    assert.equal(page.isError, false, page.text)
    assert.deepEqual(page.structured.meta.next, page.next)
    pages.push(page)
    assert.ok(pages.length < 200, 'pages without end')
  }
  return pages
}

/** Runs `use` while this process's clock differs by `ms`. */
async function withClock<T>(ms: number, use: () => Promise<T>): Promise<T> {
  const RealDate = Date
  globalThis.Date = class extends RealDate {
    constructor(...args: [] | [number | string]) {
      super(...((args.length === 0 ? [RealDate.now() + ms] : args) as [number]))
    }
    static override now(): number {
      return RealDate.now() + ms
    }
  } as DateConstructor
  try {
    return await use()
  } finally {
    globalThis.Date = RealDate
  }
}
