// The server as a process of its own, configured as compose files do it: from the environment to the store and back, within its memory.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { withChild } from '../../../test/helpers/child.ts'
import { withConfined } from '../../../test/helpers/memory.ts'
import { send } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { storage } from '../index.ts'
import { withSession } from './client.ts'
import { errorXml, listXml, withFakeStore } from './fake-store.ts'
import { put, stores, withBucket } from './store.ts'

const script = 'servers/storage/test/entry.ts'
const container = {
  server: storage,
  heapMiB: 32,
  containerMiB: 64,
  anonymousMiB: 56,
}

for (const { name, skip, open } of stores) {
  const on = test.unless(skip)

  on(
    `${name}: serves compose files that name host, port and keys`,
    async () => {
      const store = await open()
      const { host } = new URL(store.url)
      const folder = await mkdtemp(join(tmpdir(), 'octet-storage-'))
      try {
        const file = join(folder, 'secret')
        await writeFile(file, `${store.secretKey}\n`)
        const environments: Record<string, string>[] = [
          { MINIO_ENDPOINT: store.url, MINIO_ACCESS_KEY: store.accessKey, MINIO_SECRET_KEY: store.secretKey },
          { MINIO_ENDPOINT: host, MINIO_SECURE: 'false', MINIO_ACCESS_KEY: store.accessKey, MINIO_SECRET_KEY_FILE: file },
          {
            AWS_ENDPOINT_URL: store.url,
            AWS_ACCESS_KEY_ID: store.accessKey,
            AWS_SECRET_ACCESS_KEY: store.secretKey,
            AWS_REGION: store.region,
          },
        ]
        await withBucket(store, async (bucket) => {
          await put(store.client, bucket, { 'a.txt': 'over the wire' })
          for (const env of environments) {
            await withChild(script, [], env, async (child) => {
              await withSession(`${child.url}/sse`, async (wire) => {
                const list = await wire.list({ bucket_name: bucket })
                assert.match(list.data, /^a\.txt\t13\t/m, list.text)
                assert.equal((await wire.get({ bucket_name: bucket, object_key: 'a.txt' })).data, 'over the wire')
              })
              const ready = await send(`${child.url}/ready`)
              assert.equal(ready.status, 200, ready.text)
              assert.equal(await child.stop(), 0)
              assert.equal(`${child.stdout()}${child.stderr()}`.includes(store.secretKey), false)
              assert.match(child.stdout(), /"tool":"minio_get_object".*"outcome":"ok"/)
            })
          }
        })
      } finally {
        await rm(folder, { recursive: true })
      }
    },
    { timeoutMs: 60_000 },
  )

  on(
    `${name}: stays within 64 MiB with 16 callers and the largest answers`,
    async () => {
      const store = await open()
      await withBucket(store, async (bucket) => {
        const long = Object.fromEntries(
          Array.from({ length: 1_000 }, (_, i) => [`list/${String(i).padStart(4, '0')}/${`${'k'.repeat(190)}/`.repeat(4)}x`, '']),
        )
        await put(store.client, bucket, {
          'big.txt': Buffer.alloc(64 * 1024 * 1024, 'a line of text\n'),
          'big.bin': randomBytes(8 * 1024 * 1024),
          'bomb.gz': gzipSync(Buffer.alloc(100 * 1024 * 1024, 'A')),
          'photo.png': Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), randomBytes(690_000)]),
          ...long,
        })
        const env = { MINIO_ENDPOINT: store.url, MINIO_ACCESS_KEY: store.accessKey, MINIO_SECRET_KEY: store.secretKey }
        await withConfined({ ...container, env }, async (url) => {
          const calls = [
            { tool: 'minio_get_object', args: { object_key: 'big.txt', max_bytes: 1_048_576 } },
            { tool: 'minio_get_object', args: { object_key: 'big.txt', offset: 60_000_000 } },
            { tool: 'minio_get_object', args: { object_key: 'big.bin', mode: 'base64', max_bytes: 1_048_576 } },
            { tool: 'minio_get_object', args: { object_key: 'bomb.gz', max_bytes: 1_048_576 } },
            { tool: 'minio_get_object', args: { object_key: 'photo.png' } },
            { tool: 'minio_list_objects', args: { prefix: 'list/', max_keys: 1_000 } },
          ]
          await Promise.all(
            Array.from({ length: 16 }, (_, caller) =>
              withSession(`${url}/sse`, async (wire) => {
                for (let i = 0; i < 6; i++) {
                  const { tool, args } = calls[(caller + i) % calls.length] as (typeof calls)[number]
                  const answer = await wire.call(tool, { bucket_name: bucket, ...args })
                  assert.equal(answer.isError, false, answer.text)
                  assert.ok(answer.text.length <= 40_000)
                }
              }),
            ),
          )
        })
      })
    },
    { timeoutMs: 120_000 },
  )
}

test(
  'stays within 64 MiB whatever stands in the place of the store',
  async () => {
    const flood = Buffer.from('<Owner><ID>x</ID></Owner>'.repeat(2_500))
    await withFakeStore(
      (req, res) => {
        const endless = (status: number, headers: Record<string, string>, start: string): void => {
          res.writeHead(status, headers).write(start)
          const more = (): void => {
            while (!res.destroyed && res.write(flood));
          }
          res.on('drain', more)
          more()
        }
        if (req.url?.includes('list-type')) return endless(200, {}, '<ListBucketResult>')
        if (req.url?.endsWith('huge')) return endless(200, { etag: '"e"', 'content-length': '99999999999' }, 'x')
        if (req.url?.endsWith('error')) return endless(500, {}, errorXml('InternalError'))
        if (req.url?.endsWith('page')) return endless(200, {}, '<html>')
        res.end(listXml([]))
      },
      async (fake) => {
        await withConfined({ ...container, env: { MINIO_ENDPOINT: fake.url } }, async (url) => {
          await Promise.all(
            Array.from({ length: 16 }, () =>
              withSession(`${url}/sse`, async (wire) => {
                for (let i = 0; i < 2; i++) {
                  assert.match((await wire.list({ bucket: 'media' })).text, /^ERROR TOO_LARGE/)
                  assert.equal(
                    (await wire.get({ bucket: 'media', key: 'huge' })).structured.size ?? 99_999_999_999,
                    99_999_999_999,
                  )
                  assert.match((await wire.get({ bucket: 'media', key: 'error' })).text, /^ERROR UPSTREAM_ERROR/)
                  assert.match((await wire.get({ bucket: 'media', key: 'page' })).text, /^ERROR UPSTREAM_ERROR/)
                }
              }),
            ),
          )
        })
      },
    )
  },
  { timeoutMs: 120_000 },
)
