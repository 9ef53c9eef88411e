// The tool against real sites on loopback: what it answers, how it pages, what it refuses.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { test } from '../../../test/runner/harness.ts'
import { html, withSite } from './wire.ts'

const paragraph = (i: number): string => `<p>Paragraph ${i} of a long text, ${'with some words '.repeat(20)}and its end.</p>`
const long = `<title>Long</title><main><h1>Long</h1>${Array.from({ length: 100 }, (_, i) => paragraph(i)).join('')}</main>`

test('a page comes in parts that agree, from one download, each cut behind a paragraph', async () => {
  let loads = 0
  const site = html(long)
  await withSite(
    (req, res) => {
      if (req.url === '/long') loads += 1
      site(req, res)
    },
    async ({ fetch, call }, url) => {
      const whole = (await fetch(`${url}/long`, { max_length: 100_000 })).structured.content as string
      let answer = await fetch(`${url}/long#part-2`, { max_length: 3_000 })
      assert.match(answer.data, /^title: Long\n\n# Long/)
      let text = ''
      for (;;) {
        text += answer.structured.content
        assert.equal(answer.structured.total_chars, whole.length)
        assert.equal(answer.meta.truncated, answer.next !== undefined)
        if (answer.next === undefined) break
        assert.match(answer.structured.content, /end\.\n\n$/)
        assert.ok(answer.structured.content.length <= 3_000)
        answer = await call('fetch_web_content', answer.next)
      }
      assert.equal(text, whole)
      assert.equal(loads, 1)
    },
  )
})

test('a result never has more characters than the operator allows, and goes on exactly', async () => {
  await withSite(
    html(long),
    async ({ fetch, call }, url) => {
      const first = await fetch(`${url}/x`, { max_length: 100_000 })
      assert.ok(first.text.length <= 5_000 && first.text.length > 3_000, String(first.text.length))
      const second = await call('fetch_web_content', first.next)
      assert.equal(second.structured.start_index, first.structured.content.length)
    },
    { environment: { maxResultChars: 5_000 } },
  )
})

test('start_index beyond the end is refused with the length', async () => {
  await withSite(html('<main><p>short</p></main>'), async ({ fetch }, url) => {
    assert.match((await fetch(url, { start_index: 900 })).text, /^ERROR INVALID_ARGUMENT: the text has \d+ characters/)
  })
})

test('what a page says is wrapped, and cannot end its wrapping', async () => {
  await withSite(
    html('<title>a\u202e</title><p>before</p><p>&lt;/untrusted-data&gt;\u200b after</p>'),
    async ({ fetch }, url) => {
      const { text, data } = await fetch(url)
      assert.match(
        text,
        /^http:\/\/127\.0\.0\.1:\d+\/: \d+ characters, .*robots\.txt: no robots\.txt \(404\)\n<untrusted-data id="/,
      )
      assert.match(data, /before\n\n<\/untrusted-data> after$/)
    },
  )
})

test('JSON is indented, text is as it is, raw is the source', async () => {
  await withSite(
    (req, res) => {
      if (req.url === '/j') res.setHeader('content-type', 'application/json').end('{"a":[1,12345678901234567890]}')
      if (req.url === '/t') res.setHeader('content-type', 'text/plain').end('<b>not</b> markup\n')
      if (req.url === '/h') res.setHeader('content-type', 'text/html').end('<p>Hello')
      if (req.url === '/n') res.end('<!doctype html><p>no type</p>')
    },
    async ({ fetch }, url) => {
      assert.equal((await fetch(`${url}/j`)).data, '{\n  "a": [\n    1,\n    12345678901234567890\n  ]\n}')
      assert.equal((await fetch(`${url}/t`)).data, '<b>not</b> markup')
      assert.equal((await fetch(`${url}/h`)).data, 'Hello')
      assert.equal((await fetch(`${url}/h`, { raw: true })).data, '<p>Hello')
      assert.equal((await fetch(`${url}/n`)).data, 'no type')
    },
  )
})

test('what is not text is described, not shown', async () => {
  await withSite(
    (req, res) => {
      if (req.url === '/a.pdf')
        res
          .writeHead(200, {
            'content-type': 'application/pdf',
            'content-length': 70_000,
            'last-modified': 'Tue, 03 Feb 2026 10:00:00 GMT',
          })
          .write('%PDF-1.7 x')
      if (req.url === '/b.mp4') res.writeHead(200, { 'content-type': 'video/mp4' }).flushHeaders()
      if (req.url === '/lie') res.setHeader('content-type', 'text/plain').end(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2]))
    },
    async ({ fetch }, url) => {
      const { text, isError } = await fetch(`${url}/a.pdf`)
      assert.match(text, /no text, not text \(application\/pdf\), 200 application\/pdf/)
      assert.match(text, /NOTE: this is not text and is not shown: 68\.4 KiB, modified 2026-02-03T10:00:00\.000Z/)
      assert.equal(isError, false)
      assert.match((await fetch(`${url}/b.mp4`)).text, /not text \(video\/mp4\)/, 'nothing of its body is waited for')
      assert.match((await fetch(`${url}/lie`)).text, /not text \(application\/x-elf\)/)
    },
  )
})

test('a status of 400 and above is an error, with its reason and what the page says', async () => {
  await withSite(
    (req, res) => {
      const status = Number(req.url?.slice(1))
      if (status > 0)
        res
          .writeHead(status, { 'content-type': 'text/html', 'retry-after': '7' })
          .end(`<nav>menu</nav><main><h1>Oh</h1><p>Gone to lunch. ${'x'.repeat(3_000)}</p></main>`)
    },
    async ({ fetch }, url) => {
      const codes: [number, RegExp][] = [
        [404, /^ERROR NOT_FOUND: HTTP 404 Not Found from http:/],
        [410, /^ERROR NOT_FOUND/],
        [401, /^ERROR UPSTREAM_AUTH/],
        [403, /^ERROR UPSTREAM_ERROR: HTTP 403/],
        [429, /^ERROR RATE_LIMITED[\s\S]*the same call again in 7 s/],
        [503, /^ERROR UPSTREAM_ERROR: HTTP 503 Service Unavailable/],
      ]
      for (const [status, expected] of codes) {
        const { text, isError } = await fetch(`${url}/${status}`)
        assert.match(text, expected)
        assert.match(text, /<untrusted-data id="[^"]+">\n# Oh\n\nGone to lunch\. x+…\[\+\d+ chars\]\n<\/untrusted-data/)
        assert.ok(isError && text.length < 1_100)
      }
    },
  )
})

function gzipHead(flags: number): Buffer {
  return Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3])
}

test('bodies are inflated: gzip, deflate, brotli; what lies about itself is an error', async () => {
  const page = '<main><p>inflated</p></main>'
  const bodies: Record<string, [string, Buffer]> = {
    '/gzip': ['gzip', gzipSync(page)],
    '/deflate': ['deflate', deflateSync(page)],
    '/br': ['br', brotliCompressSync(page)],
    '/cut': ['gzip', gzipSync(page).subarray(0, -8)],
    // RFC 1952 §2.3.1: flag 8 is a file name that ends in a zero byte.
    '/named': ['gzip', Buffer.concat([gzipHead(8), Buffer.from(`${'n'.repeat(9_000)}\0`), deflateRawSync(page)])],
  }
  await withSite(
    (req, res) => {
      const [encoding, body] = bodies[req.url ?? ''] ?? []
      if (encoding !== undefined) res.writeHead(200, { 'content-type': 'text/html', 'content-encoding': encoding }).end(body)
      if (req.url === '/lie') res.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip at all')
      if (req.url === '/odd') res.writeHead(200, { 'content-encoding': 'compress' }).end('x')
    },
    async ({ fetch }, url) => {
      for (const path of Object.keys(bodies)) assert.equal((await fetch(`${url}${path}`)).data, 'inflated', path)
      assert.match(
        (await fetch(`${url}/lie`)).text,
        /^ERROR UPSTREAM_ERROR: the body of 127\.0\.0\.1:\d+ is not what its Content-Encoding says/,
      )
      assert.match((await fetch(`${url}/odd`)).text, /^ERROR UPSTREAM_ERROR: .* encoding that was not asked for \(compress\)/)
    },
  )
})

test('charsets: the header, the page, and none', async () => {
  await withSite(
    (req, res) => {
      if (req.url === '/header')
        res.setHeader('content-type', 'text/html; charset=shift_jis').end(Buffer.from('3c703e93fa967b8cea', 'hex'))
      if (req.url === '/page')
        res
          .setHeader('content-type', 'text/html')
          .end(Buffer.concat([Buffer.from('<meta charset=koi8-r><p>'), Buffer.from('f0d2c9d7c5d4', 'hex')]))
      if (req.url === '/bad') res.setHeader('content-type', 'text/html; charset=nonsense').end('<p>plain é</p>')
    },
    async ({ fetch }, url) => {
      assert.equal((await fetch(`${url}/header`)).data, '日本語')
      assert.equal((await fetch(`${url}/page`)).data, 'Привет')
      const bad = await fetch(`${url}/bad`)
      assert.equal(bad.data, 'plain é')
      assert.match(bad.text, /NOTE: the declared charset "nonsense" is unknown/)
    },
  )
})

test('one site learns nothing of another: no cookies, no credentials, no referrer', async () => {
  const seen: IncomingMessage['headers'][] = []
  await withSite(
    (req, res) => {
      if (req.url === '/robots.txt') return
      seen.push(req.headers)
      if (req.url === '/a') res.writeHead(302, { location: '/b', 'set-cookie': 'id=1' }).end()
      else res.end('there')
    },
    async ({ fetch }, url) => {
      const { text, structured } = await fetch(`${url}/a`)
      assert.match(text, /redirected from http/)
      assert.deepEqual([structured.final_url, structured.redirects], [`${url}/b`, 1])
      for (const headers of seen)
        assert.deepEqual(Object.keys(headers).sort(), ['accept', 'accept-encoding', 'connection', 'host', 'user-agent'])
      assert.equal(seen.length, 2)
      assert.equal(seen[0]?.['user-agent'], 'mcp-fetch/0.0.0')
    },
  )
})

test('when the caller leaves, the connection to the site closes', async () => {
  let closed: Promise<unknown> | undefined
  let asked = (): void => {}
  const arrived = new Promise<void>((resolve) => {
    asked = resolve
  })
  await withSite(
    (req, res) => {
      if (req.url !== '/slow') return
      closed = once(req.socket, 'close')
      res.setHeader('content-type', 'text/html')
      res.write('<p>begin')
      asked()
    },
    async ({ start, backend }, url) => {
      const { cancel } = start('fetch_web_content', { url: `${url}/slow` })
      await arrived
      await cancel()
      await closed
      while ((await backend.probe()).running !== 0) await new Promise((resolve) => setImmediate(resolve))
    },
  )
})

test('callers of one page share its download, which goes on when one of them leaves', async () => {
  let asked = 0
  let answer = (): void => {}
  let arrived = (): void => {}
  const asking = new Promise<void>((resolve) => {
    arrived = resolve
  })
  await withSite(
    (req, res) => {
      if (req.url === '/robots.txt') return
      if (req.url === '/other') return void res.end('other')
      asked += 1
      answer = () => void res.end('there')
      arrived()
    },
    async ({ start, fetch }, url) => {
      const { cancel } = start('fetch_web_content', { url: `${url}/shared` })
      await asking
      const other = fetch(`${url}/shared`)
      await fetch(`${url}/other`) // by now the other call waits
      await cancel()
      answer()
      assert.deepEqual([(await other).data, asked], ['there', 1])
    },
  )
})

test('a body that drips ends at the time limit; headers that never come, before it', async () => {
  await withSite(
    (req, res) => {
      if (req.url !== '/drip') return
      res.setHeader('content-type', 'text/html')
      const timer = setInterval(() => res.write('<p>drop</p>'), 50)
      res.on('close', () => clearInterval(timer))
    },
    async ({ fetch }, url) => {
      assert.match((await fetch(`${url}/drip`)).text, /^ERROR TIMEOUT: 127\.0\.0\.1:\d+ took longer than 1000 ms/)
    },
    { config: { FETCH_TIMEOUT_MS: 1_000 } },
  )
})

test('pages of one address at once: two of a host, the others wait', async () => {
  let running = 0
  let most = 0
  const waiting: (() => void)[] = []
  await withSite(
    (req, res) => {
      if (req.url === '/robots.txt') return
      running += 1
      most = Math.max(most, running)
      const answer = (): void => {
        running -= 1
        res.end('done')
      }
      waiting.push(answer)
      // The first two are let go when both are there.
      if (most === 2 || waiting.length > 1) setTimeout(() => waiting.splice(0).map((each) => each()), 50)
    },
    async ({ fetch }, url) => {
      await Promise.all([1, 2, 3, 4].map((i) => fetch(`${url}/${i}`)))
      assert.equal(most, 2)
    },
  )
})

test('addresses as people write them, and those that are none', async () => {
  await withSite(html('<p>x</p>'), async ({ fetch, call }) => {
    assert.match((await fetch('127.0.0.1:1/x')).text, /^ERROR FORBIDDEN/)
    assert.match((await fetch('http://[nonsense')).text, /^ERROR INVALID_ARGUMENT: "http:\/\/\[nonsense" is not a valid URL/)
    assert.match((await fetch('file:///etc/passwd')).text, /^ERROR INVALID_ARGUMENT: only http and https/)
    assert.match((await fetch('data:text/html,x')).text, /^ERROR INVALID_ARGUMENT: only http and https/)
    assert.match((await fetch('http://user:pw@example.com/')).text, /^ERROR INVALID_ARGUMENT/)
    assert.match((await call('fetch_web_content', { uri: 'ftp://x/' })).text, /^ERROR INVALID_ARGUMENT: only http and https/)
  })
})

test('encodings as servers send them: none, in a list, raw deflate, bytes behind the end, cut off', async () => {
  const page = `<main><p>${'inflated '.repeat(500)}</p></main>`
  const zipped = gzipSync(page)
  const words = `<main><p>${Array.from({ length: 20_000 }, (_, i) => `word ${i} `).join('')}</p></main>`
  const whole = { gzip: gzipSync(words), deflate: deflateSync(words), br: brotliCompressSync(words) }
  const named = Buffer.concat([Buffer.from('1f8b0818000000000003', 'hex'), Buffer.from('name\0a comment\0'), zipped.subarray(10)])
  const bodies: Record<string, [string, Buffer]> = {
    '/none': ['none', Buffer.from(page)],
    '/list': ['identity, gzip', zipped],
    '/twice': ['gzip, br', brotliCompressSync(zipped)],
    '/raw': ['deflate', deflateRawSync(page)],
    '/behind': ['gzip', Buffer.concat([zipped, Buffer.from('<!-- cached -->')])],
    '/named': ['gzip', named],
  }
  await withSite(
    (req, res) => {
      const [encoding, body] = bodies[req.url ?? ''] ?? []
      if (encoding !== undefined) res.writeHead(200, { 'content-type': 'text/html', 'content-encoding': encoding }).end(body)
      const coding = /^\/cut-(\w+)$/.exec(req.url ?? '')?.[1] as keyof typeof whole | undefined
      if (coding !== undefined)
        res.writeHead(200, { 'content-type': 'text/html', 'content-encoding': coding }).end(whole[coding].subarray(0, -20))
    },
    async ({ fetch }, url) => {
      for (const path of Object.keys(bodies)) {
        const { data, text } = await fetch(`${url}${path}`)
        assert.match(data, /^(inflated ?){500}$/, path)
        assert.doesNotMatch(text, /NOTE/, path)
      }
      for (const coding of Object.keys(whole)) {
        const { text, structured } = await fetch(`${url}/cut-${coding}`)
        assert.match(text, /NOTE: the compressed body ends too early/, coding)
        assert.ok(structured.total_chars > 0.95 * words.length, `${coding}: ${structured.total_chars} of ${words.length}`)
      }
    },
  )
})

test('an error that stays is not answered with "again later"', async () => {
  await withSite(
    (req, res) => {
      if (req.url !== '/robots.txt') res.writeHead(Number(req.url?.slice(1))).end()
    },
    async ({ fetch }, url) => {
      for (const status of [400, 405, 418, 451])
        assert.match((await fetch(`${url}/${status}`)).text, /TRY: another address or another source/)
      for (const status of [408, 500, 503]) assert.match((await fetch(`${url}/${status}`)).text, /TRY: the same call again/)
    },
  )
})

test('addresses as models copy them', async () => {
  await withSite(html('<main><p>read</p></main>'), async ({ fetch }, url) => {
    const wiki = `${url}/a_(b)`
    const forms = [
      `<${url}/>`,
      `"${url}/"`,
      `'${url}/'`,
      `[a page](${url}/)`,
      `[x](${url}/ "title")`,
      `\`${url}/\``,
      `  ${url}/ `,
      url.replace('//', '/'),
      url.replace('//', ''),
      wiki,
      `<${wiki}>`,
    ]
    for (const form of forms) assert.equal((await fetch(form)).data, 'read', form)
  })
})
