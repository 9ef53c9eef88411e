// Objects of every kind on real stores: what is put there is what a model sees.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect, createServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { withStorage } from './client.ts'
import { keysOf, live } from './live.ts'
import { put } from './store.ts'

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

live('reads the pages of a text that join to the whole', async (store, bucket, wire) => {
  const text = Array.from({ length: 3_000 }, (_, i) => `${i}\tзапись 日本 🙂 ${'x'.repeat(i % 90)}`).join('\n')
  await put(store.client, bucket, { 'text.tsv': text })
  for (const max_bytes of [32_768, 1_001]) {
    let joined = ''
    let pages = 0
    for (let next: Record<string, unknown> | undefined = { bucket, key: 'text.tsv', max_bytes }; next; pages++) {
      const page = await wire.get(next)
      assert.equal(page.isError, false, page.text)
      joined += page.structured.text
      if (page.next !== undefined) assert.equal(page.data.endsWith('\n'), true, 'a page ends with a line')
      next = page.next
    }
    assert.equal(joined, text)
    assert.ok(pages >= Buffer.byteLength(text) / max_bytes)
  }
  const inside = await wire.get({ bucket, key: 'text.tsv', offset: 3, max_bytes: 4 })
  assert.match(inside.text, /NOTE: 1 bytes of a character that starts before "offset" are left out/)
})

live('reads 32 KiB of a 96 MiB object for 32 KiB on the wire', async (store, bucket) => {
  const line = Buffer.from(`${'0123456789abcdef'.repeat(64)}\n`)
  const big = Buffer.alloc(96 * 1024 * 1024)
  for (let at = 0; at < big.length; at += line.copy(big, at));
  await store.client.putObject(bucket, 'big.log', big)
  await withCounter(store.url, async (url, received) => {
    await withStorage({ endpoint: url, config: keysOf(store) }, async (wire) => {
      await wire.list({ bucket })
      for (const args of [{}, { offset: 90_000_000 }, { mode: 'base64', offset: 50_000_000 }, { mode: 'metadata' }]) {
        const before = received()
        const get = await wire.get({ bucket, key: 'big.log', ...args })
        assert.equal(get.isError, false, get.text)
        assert.equal(get.structured.size, big.length)
        assert.ok(received() - before < 32_768 + 4_096, `${received() - before} bytes for ${JSON.stringify(args)}`)
      }
    })
  })
})

live('shows pictures and describes other binary objects', async (store, bucket, wire) => {
  const noise = randomBytes(100_000)
  await store.client.putObject(bucket, 'dot.png', Buffer.concat([png, Buffer.alloc(60_000)]), 60_000 + png.length)
  await store.client.putObject(bucket, 'noise.bin', noise, noise.length, {
    'Content-Type': 'application/x-noise',
    'x-amz-meta-owner': 'ada',
  })
  const image = await wire.get({ bucket, key: 'dot.png' })
  const block = image.blocks[1]
  assert.ok(block?.type === 'image')
  assert.equal(block.mimeType, 'image/png')
  assert.equal(Buffer.from(block.data, 'base64').length, 60_000 + png.length)
  const binary = await wire.get({ bucket, key: 'noise.bin' })
  assert.match(binary.text, new RegExp(`not text but application/octet-stream.*\nfirst bytes: ${noise.toString('hex', 0, 64)}\n`))
  assert.match(binary.data, /^content-type\tapplication\/x-noise\netag\t[0-9a-f]{32}\nowner\tada$/)
  const parts: string[] = []
  for (let next: Record<string, unknown> | undefined = { bucket, key: 'noise.bin', mode: 'base64' }; next; ) {
    const page = await wire.get(next)
    parts.push(page.data)
    next = page.next
  }
  assert.equal(parts.length > 2, true)
  assert.equal(Buffer.from(parts.join(''), 'base64').equals(noise), true)
})

live('unpacks the beginning of a .gz, and no more of a bomb', async (store, bucket, wire) => {
  const log = Array.from({ length: 40_000 }, (_, i) => `${i} ${randomBytes(9).toString('hex')}`).join('\n')
  await put(store.client, bucket, {
    'small.gz': gzipSync('three\nlines\nhere\n'),
    'log.gz': gzipSync(log),
    'bomb.gz': gzipSync(Buffer.alloc(200 * 1024 * 1024, 'A')),
    'tar.tgz': gzipSync(Buffer.alloc(2_000)),
  })
  const small = await wire.get({ bucket, key: 'small.gz' })
  assert.match(small.text, /gzip, all 17 bytes decompressed/)
  assert.equal(small.data, 'three\nlines\nhere\n')
  assert.equal(small.structured.meta.truncated, false)
  const part = await wire.get({ bucket, key: 'log.gz' })
  assert.equal(part.structured.meta.truncated, true)
  assert.equal(log.startsWith(part.structured.text), true)
  assert.equal(part.structured.text.length, 32_768)
  const bomb = await wire.get({ bucket, key: 'bomb.gz' })
  assert.equal(bomb.structured.text.length, 32_768)
  assert.match((await wire.get({ bucket, key: 'tar.tgz' })).text, /not text but application\/gzip of application\/octet-stream/)
})

live('reads versions, and tells a deleted object from one that never was', async (store, bucket, wire) => {
  await store.client.setBucketVersioning(bucket, { Status: 'Enabled' })
  const first = (await store.client.putObject(bucket, 'v.txt', 'one')).versionId as string
  await store.client.putObject(bucket, 'v.txt', 'two')
  assert.equal((await wire.get({ bucket, key: 'v.txt' })).data, 'two')
  const old = await wire.get({ bucket, key: 'v.txt', version_id: first, max_bytes: 4 })
  assert.equal(old.data, 'one')
  assert.equal(old.structured.version_id, first)
  assert.match(
    (await wire.get({ bucket, key: 'v.txt', version_id: 'nonsense' })).text,
    /^ERROR NOT_FOUND: .* has no version "nonsense"/,
  )
  await store.client.removeObject(bucket, 'v.txt')
  const deleted = await wire.get({ bucket, key: 'v.txt' })
  assert.match(deleted.text, /^ERROR NOT_FOUND: object "v\.txt" (has been deleted|is not in bucket)/)
  assert.equal((await wire.get({ bucket, key: 'v.txt', version_id: first })).data, 'one')
})

live('reads an empty object, and refuses an offset beyond the end', async (store, bucket, wire) => {
  await put(store.client, bucket, { empty: '', three: 'abc' })
  for (const mode of ['auto', 'text', 'base64', 'metadata']) {
    const get = await wire.get({ bucket, key: 'empty', mode })
    assert.match(get.text, /: empty, 0 B/)
    assert.equal(get.structured.meta.truncated, false)
  }
  for (const [key, offset] of [
    ['empty', 1],
    ['three', 3],
    ['three', 9_000_000_000],
  ] as const) {
    const beyond = await wire.get({ bucket, key, offset })
    assert.match(beyond.text, /^ERROR INVALID_ARGUMENT: "offset" \d+ is at or beyond the end; the object has [03] bytes/)
  }
  assert.equal((await wire.get({ bucket, key: 'three', offset: 2 })).data, 'c')
})

live('reads the end of a log in one page, from the start of a line', async (store, bucket, wire) => {
  const lines = Array.from({ length: 2_400 }, (_, i) => `2026-01-02T03:04:05Z line ${i} ${'x'.repeat(20)}`)
  lines[2_390] = '2026-01-02T03:04:05Z ERROR the last one'
  const text = `${lines.join('\n')}\n`
  await put(store.client, bucket, { 'app.log': text, small: 'ab\ncd', empty: '', wide: Buffer.from('\ufeffab日本\n', 'utf16le') })
  const end = await wire.get({ bucket, key: 'app.log', offset: -20_000 })
  assert.match(end.data, /^2026-[\s\S]*ERROR the last one/)
  assert.equal(text.endsWith(end.structured.text), true)
  assert.equal(end.structured.end, text.length)
  assert.equal(end.next, undefined)
  assert.ok(Buffer.byteLength(end.structured.text) > 19_900)
  const far = await wire.get({ bucket, key: 'app.log', offset: -100_000, max_bytes: 50_000 })
  assert.match(far.text, /NOTE: a result has room for \d+ bytes, fewer than "max_bytes"/)
  const rest: string = (await wire.get(far.next)).structured.text
  assert.equal(text.includes(far.structured.text + rest), true)
  assert.equal((await wire.get({ bucket, key: 'small', offset: -900 })).data, 'ab\ncd')
  assert.equal((await wire.get({ bucket, key: 'small', offset: -1 })).data, 'd')
  assert.match((await wire.get({ bucket, key: 'empty', offset: -5 })).text, /: empty, 0 B/)
  const base64 = await wire.get({ bucket, key: 'small', offset: -2, mode: 'base64' })
  assert.equal(Buffer.from(base64.data, 'base64').toString(), 'cd')
  const wide = await wire.get({ bucket, key: 'wide', offset: -7 })
  assert.equal(wide.data, '日本\n')
  assert.match(wide.text, /NOTE: read as utf-16le\nNOTE: 1 bytes of a character/)
  const beyond = await wire.get({ bucket, key: 'small', offset: 900 })
  const retry = JSON.parse(/TRY: ({.*})$/.exec(beyond.text)?.[1] ?? '{}')
  assert.equal((await wire.get(retry)).data, 'ab\ncd')
})

/** Runs `use` with a relay before the store that counts what the store sends. */
async function withCounter(url: string, use: (url: string, received: () => number) => Promise<void>): Promise<void> {
  const { hostname, port } = new URL(url)
  let bytes = 0
  const relay = createServer((socket) => {
    const upstream = connect(Number(port), hostname)
    upstream.on('data', (chunk) => (bytes += chunk.length))
    socket.on('error', () => {}).on('close', () => upstream.destroy())
    upstream.on('error', () => {}).on('close', () => socket.destroy())
    socket.pipe(upstream).pipe(socket)
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  try {
    await use(`http://127.0.0.1:${(relay.address() as { port: number }).port}`, () => bytes)
  } finally {
    relay.close()
  }
}
