// The server as it runs in its container, inside 128 MiB while the largest pages come at once, and never busy for longer than 50 ms.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { bundle, schemasOf } from '../../../scripts/bundle.ts'
import { withChild } from '../../../test/helpers/child.ts'
import { withConfined } from '../../../test/helpers/memory.ts'
import { withToolClient } from '../../../test/helpers/tool-client.ts'
import { withServer } from '../../../test/helpers/wire.ts'
import { show, test } from '../../../test/runner/harness.ts'
import { fetch } from '../index.ts'

const MiB = 1024 * 1024

const fill = (piece: string, bytes: number): string => piece.repeat(Math.ceil(bytes / Buffer.byteLength(piece)))
const article = (bytes: number, text: string): string =>
  `<title>Large</title><nav><a href="/">Home</a></nav><article>${fill(`<h2>Part</h2><p>${text} with <a href="/p">a link</a> and <b>more</b>.</p><ul><li>one<li>two</ul>`, bytes)}</article>`
/** Without a main part of its own, so that it goes through the DOM. */
const soup = (bytes: number, text: string): string =>
  `<div><div>${fill(`<p>${text}, long enough to be a paragraph, with commas, and more of it.</p>`, bytes)}</div></div>`

const pages: Record<string, { type: string; body: Buffer; encoding?: string }> = {
  '/latin': { type: 'text/html', body: Buffer.from(article(5 * MiB, 'Some text that goes on')) },
  '/wide': { type: 'text/html; charset=utf-8', body: Buffer.from(article(5 * MiB, 'Немного текста, который тянется')) },
  '/dense': { type: 'text/html; charset=utf-8', body: Buffer.from(fill('日本語の長い文章が続く。', 5 * MiB)) },
  '/tags': { type: 'text/html', body: Buffer.from(fill('<p>a', 5 * MiB)) },
  '/deep': { type: 'text/html', body: Buffer.from(fill('<div>', 5 * MiB)) },
  '/pre-spaces': { type: 'text/html', body: Buffer.from(`<pre>a${fill(' ', 2 * MiB)}x${fill('\n', 2 * MiB)}y</pre>`) },
  '/comment': { type: 'text/html', body: Buffer.from(`<!--${fill('x', 5 * MiB)}`) },
  '/json': { type: 'application/json', body: Buffer.from(`[${fill('{"a":[1,2,"ж"]},', 5 * MiB)}1]`) },
  '/text': { type: 'text/plain; charset=utf-8', body: Buffer.from(fill('строка текста\n', 5 * MiB)) },
  '/gzip': { type: 'text/html', body: gzipSync(Buffer.alloc(100 * MiB, 0x61)), encoding: 'gzip' },
  '/br': { type: 'text/html', body: brotliCompressSync(Buffer.alloc(100 * MiB, 0x61)), encoding: 'br' },
  '/soup': { type: 'text/html', body: Buffer.from(soup(250 * 1024, 'Some text')) },
  '/soup-wide': { type: 'text/html; charset=utf-8', body: Buffer.from(soup(250 * 1024, 'Немного текста')) },
  '/soup-tags': { type: 'text/html', body: Buffer.from(`${soup(60_000, 'Some text')}${'<b>x</b>'.repeat(5_000)}`) },
  '/soup-deep': { type: 'text/html', body: Buffer.from(`${soup(60_000, 'Some text')}${'<div>'.repeat(5_000)}x`) },
}

const site: RequestListener = (req, res) => {
  const page = pages[(req.url ?? '').split('?')[0] ?? '']
  res.on('error', () => {})
  if (page === undefined) return void res.writeHead(404).end()
  res.writeHead(200, { 'content-type': page.type, ...(page.encoding === undefined ? {} : { 'content-encoding': page.encoding }) })
  res.end(page.body)
}

const names = Object.keys(pages)

test(
  'stays inside its container while four of the largest pages come at once',
  () =>
    withServer(site, (url) => {
      const { host } = new URL(url)
      // Two names for one site, because only two pages of one host are fetched at once.
      const env = { FETCH_ALLOW_PRIVATE: `${host},localhost:${new URL(url).port}`, MCP_MAX_QUEUE: '200' }
      return withConfined({ server: fetch, env, heapMiB: 32, containerMiB: 128, anonymousMiB: 112 }, (address) =>
        withToolClient(`${address}/sse`, async ({ call }) => {
          const sites = [url, url.replace('127.0.0.1', 'localhost')]
          const rounds = [...names.map((name) => [name, name, name, name]), names, [...names].reverse()]
          for (const [round, paths] of rounds.entries()) {
            const answers = await Promise.all(
              paths.map((path, i) =>
                call('fetch_web_content', { url: `${sites[i % 2]}${path}?${round}.${i}`, max_length: 30_000 }),
              ),
            )
            for (const [i, { text, isError }] of answers.entries())
              assert.equal(isError, false, `${paths[i]}: ${text.slice(0, 300)}`)
          }
        }),
      )
    }),
  { timeoutMs: 240_000 },
)

const root = fileURLToPath(new URL('../../..', import.meta.url))

test(
  'the event loop never waits more than 50 ms while pages are extracted',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fetch-'))
    const script = join(folder, 'fetch.cjs')
    await bundle(
      script,
      `
      import { LongestTurn } from '${join(root, 'test/helpers/event-loop.ts')}'
      import { fetch } from '${join(root, 'servers/fetch/index.ts')}'
      import { serve } from '${join(root, 'servers/host/serve.ts')}'
      const turn = new LongestTurn()
      process.on('SIGUSR2', () => {
        console.log('max ' + turn.ms)
        turn.reset()
      })
      void serve([fetch], { env: process.env })`,
      schemasOf(fetch),
    )
    try {
      await withServer(site, (url) =>
        withChild(script, [], { FETCH_ALLOW_PRIVATE: new URL(url).host }, async (child) => {
          const reset = async (): Promise<number> => {
            const before = child.stdout().split('max ').length
            child.process.kill('SIGUSR2')
            while (child.stdout().split('max ').length === before) await new Promise((resolve) => setTimeout(resolve, 5))
            return Number(/.*max ([\d.]+)/s.exec(child.stdout())?.[1])
          }
          await withToolClient(`${child.url}/sse`, async ({ call }) => {
            const longest: Record<string, number> = {}
            await reset()
            for (const path of names) {
              const { text, isError } = await call('fetch_web_content', { url: `${url}${path}`, max_length: 1_000 })
              assert.equal(isError, false, `${path}: ${text.slice(0, 300)}`)
              longest[path] = Math.round(await reset())
            }
            show(`longest wait of the event loop, ms: ${JSON.stringify(longest)}`)
            assert.deepEqual(
              Object.entries(longest).filter(([, ms]) => ms > 50),
              [],
            )
          })
        }),
      )
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 120_000 },
)
