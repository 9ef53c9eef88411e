// What a page, a site, a resolver or a caller may try: addresses, redirects, robots.txt, bombs. The Fetch lines of the adversarial tests.
import assert from 'node:assert/strict'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { issue } from '../../../test/helpers/certificates.ts'
import { withServer } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { withSite, withWire } from './wire.ts'

const ok: RequestListener = (req, res) => {
  if (req.url === '/robots.txt') res.writeHead(404).end()
  else res.end('reached')
}

test('every spelling of a private address is refused before anything is sent', async () => {
  let seen = 0
  await withServer(
    (_req, res) => {
      seen += 1
      res.end('secret')
    },
    async (url) => {
      const { port } = new URL(url)
      await withWire({ config: { FETCH_ALLOWED_PORTS: [port] } }, async ({ fetch }) => {
        for (const host of [
          '127.0.0.1',
          '2130706433',
          '0x7f000001',
          '0x7f.1',
          '0177.0.0.1',
          '127.1',
          '①②⑦.⓪.⓪.①',
          '１２７.0.0.1',
          'localhost',
          'localhost.',
          'LOCALHOST',
          '0.0.0.0',
          '[::1]',
          '[::]',
          '[::ffff:7f00:1]',
          '[::ffff:127.0.0.1]',
          '[::127.0.0.1]',
          '[64:ff9b::7f00:1]',
          '[2002:7f00:1::]',
          '169.254.169.254',
          'metadata.google.internal',
          '[fd00:ec2::254]',
          '10.0.0.1',
          '192.168.1.1',
          '172.31.255.255',
          '100.64.0.1',
          '198.18.0.1',
          '[fe80::1]',
          '[fc00::1]',
        ]) {
          const { text } = await fetch(`http://${host}:${port}/`)
          assert.match(text, /^ERROR FORBIDDEN: the network policy does not allow/, host)
          assert.doesNotMatch(text, /secret/)
        }
      })
    },
  )
  assert.equal(seen, 0)
})

test('a resolver that answers public first and private after gets nowhere', async () => {
  let answers = 0
  let seen = 0
  await withServer(
    (_req, res) => {
      seen += 1
      res.end('secret')
    },
    async (url) => {
      const { port } = new URL(url)
      const resolve = async () => (answers++ === 0 ? ['93.184.216.34'] : ['127.0.0.1'])
      // robots.txt is not asked, so that the first answer is used up by a look at the name, as a check before connecting would.
      await withWire(
        { resolve, config: { FETCH_ALLOWED_PORTS: [port], FETCH_IGNORE_ROBOTS: true } },
        async ({ fetch, backend }) => {
          assert.equal((await resolve())[0], '93.184.216.34')
          assert.match(
            (await fetch(`http://rebind.test:${port}/`)).text,
            /^ERROR FORBIDDEN: .*rebind\.test: it resolves to a loopback address/,
          )
          assert.equal((await backend.probe()).cached_pages, 0)
        },
      )
    },
  )
  assert.equal(seen, 0)
  assert.equal(answers, 2)
})

test('robots.txt is fetched from the allowed address, then the name turns to a private one: nothing reaches what is there', async () => {
  const asked: string[] = []
  const inside: string[] = []
  await withServer(
    (req, res) => {
      asked.push(req.url ?? '')
      res.end('User-agent: *\nDisallow:\n')
    },
    async (url) => {
      const { port } = new URL(url)
      // The same port on another address of this machine: it is the address alone that keeps the page's request away.
      const internal = createHttp((req, res) => {
        inside.push(req.url ?? '')
        res.end('secret')
      })
      await new Promise<void>((resolve, reject) => {
        internal.once('error', reject)
        internal.listen(Number(port), '127.0.0.2', resolve)
      })
      try {
        const answers = [['127.0.0.1'], ['127.0.0.2']]
        let asking = 0
        const resolve = async () => answers[Math.min(asking++, 1)] as string[]
        const config = { FETCH_ALLOW_PRIVATE: [`127.0.0.1:${port}`], FETCH_ALLOWED_PORTS: [port] }
        await withWire({ resolve, config }, async ({ fetch, backend }) => {
          const { text } = await fetch(`http://rebind.test:${port}/page`)
          assert.match(text, /^ERROR FORBIDDEN: .*rebind\.test: it resolves to a loopback address/)
          assert.doesNotMatch(text, /secret/)
          const { cached_pages } = await backend.probe()
          assert.deepEqual([asking, cached_pages], [2, 0])
        })
        assert.deepEqual([asked, inside], [['/robots.txt'], []])
        // The internal server does answer: what kept it silent is the policy.
        const open = { FETCH_ALLOW_PRIVATE: [`127.0.0.2:${port}`], FETCH_IGNORE_ROBOTS: true }
        await withWire({ config: open }, async ({ fetch }) => {
          assert.equal((await fetch(`http://127.0.0.2:${port}/page`)).data, 'secret')
        })
      } finally {
        internal.closeAllConnections()
        internal.close()
      }
    },
  )
})

test('one private address among public ones closes the name', async () => {
  const resolve = async () => ['93.184.216.34', '10.1.2.3']
  await withWire({ resolve }, async ({ fetch }) => {
    const { text } = await fetch('http://mixed.test/')
    assert.match(text, /^ERROR FORBIDDEN: .*mixed\.test/)
    assert.doesNotMatch(text, /10\.1\.2\.3/)
  })
})

test('redirects are checked like addresses: to metadata, to loopback, to other schemes, to other ports', async () => {
  const targets: [string, RegExp][] = [
    ['http://169.254.169.254/latest/meta-data/', /^ERROR FORBIDDEN: .*169\.254\.169\.254/],
    ['http://127.0.0.1:9/', /^ERROR FORBIDDEN: .*loopback/],
    ['http://[::ffff:a9fe:a9fe]/', /^ERROR FORBIDDEN/],
    ['//localhost/', /^ERROR FORBIDDEN/],
    ['file:///etc/passwd', /^ERROR INVALID_ARGUMENT: only http and https/],
    ['gopher://127.0.0.1:11211/_stats', /^ERROR INVALID_ARGUMENT: only http and https/],
    ['http://a:b@127.0.0.1/', /^ERROR INVALID_ARGUMENT: .*user name/],
    ['http://[bad', /^ERROR UPSTREAM_ERROR: .*not a valid URL/],
    [`/${'x'.repeat(5_000)}`, /^ERROR UPSTREAM_ERROR: .*too long/],
  ]
  await withSite(
    (req, res) => {
      const index = Number(req.url?.slice(1))
      if (req.url !== '/robots.txt') res.writeHead(302, { location: targets[index]?.[0] ?? '/' }).end('body of a redirect')
    },
    async ({ fetch }, url) => {
      for (const [index, [target, expected]] of targets.entries()) {
        const { text, isError } = await fetch(`${url}/${index}`)
        assert.match(text, expected, target)
        assert.ok(isError)
      }
    },
  )
})

test('five redirects are followed, the sixth is not', async () => {
  await withSite(
    (req, res) => {
      const left = Number(req.url?.slice(1))
      if (req.url === '/robots.txt') return
      if (left > 0) res.writeHead([301, 302, 303, 307, 308][left % 5] as number, { location: `/${left - 1}` }).end()
      else res.end('arrived')
    },
    async ({ fetch }, url) => {
      const five = await fetch(`${url}/5`)
      assert.deepEqual([five.data, five.structured.redirects], ['arrived', 5])
      assert.match((await fetch(`${url}/6`)).text, /^ERROR UPSTREAM_ERROR: more than 5 redirects/)
    },
  )
})

test('every hop asks the robots.txt of its own site', async () => {
  await withServer(
    (req, res) => res.end(req.url === '/robots.txt' ? 'User-agent: mcp-fetch\nDisallow: /private\n' : 'secret'),
    (other) =>
      withSite(
        (req, res) => {
          if (req.url !== '/robots.txt') res.writeHead(302, { location: `${other}/private/x` }).end()
        },
        async ({ fetch }, url) => {
          const { text } = await fetch(`${url}/`)
          assert.match(
            text,
            /^ERROR FORBIDDEN: robots\.txt of 127\.0\.0\.1:\d+ disallows \/private\/x for mcp-fetch \(line 2: "Disallow: \/private"\)/,
          )
        },
        { config: { FETCH_ALLOW_PRIVATE: [new URL(other).host] } },
      ),
  )
})

/** A site whose robots.txt answers so, and whose pages count. */
async function underRobots(robots: RequestListener, expected: RegExp, config: Record<string, unknown> = {}): Promise<void> {
  let pages = 0
  await withSite(
    (req, res) => {
      if (req.url === '/robots.txt') return robots(req, res)
      pages += 1
      res.end('reached')
    },
    async ({ fetch }, url) => {
      const { text } = await fetch(`${url}/page`)
      assert.match(text, expected)
      assert.equal(pages, text.startsWith('ERROR') ? 0 : 1, text)
    },
    { config },
  )
}

test('robots.txt: 404 and 403 allow, 403 in strict mode, 429 and 5xx forbid', async () => {
  const status =
    (code: number): RequestListener =>
    (_req, res) =>
      res.writeHead(code).end()
  await underRobots(status(404), /reached/)
  await underRobots(status(403), /reached/)
  await underRobots(status(403), /^ERROR FORBIDDEN: .*robots\.txt answers 403/, { FETCH_ROBOTS_STRICT: true })
  await underRobots(status(404), /reached/, { FETCH_ROBOTS_STRICT: true })
  await underRobots(status(429), /^ERROR FORBIDDEN: .*robots\.txt answers 429/)
  await underRobots(status(500), /^ERROR FORBIDDEN: .*robots\.txt answers 500/)
  await underRobots(status(503), /robots\.txt: ignored[\s\S]*reached/, { FETCH_IGNORE_ROBOTS: true })
})

test('robots.txt that never ends, breaks off, is huge or leads to a private address', async () => {
  await underRobots((_req, res) => void res.write('User-agent: *\n'), /^ERROR FORBIDDEN: .*did not come within 3000 ms/)
  await underRobots((req) => void req.socket.destroy(), /^ERROR FORBIDDEN: .*robots\.txt cannot be fetched/)
  await underRobots(
    (_req, res) => res.writeHead(302, { location: 'http://10.0.0.1/robots.txt' }).end(),
    /^ERROR FORBIDDEN: .*robots\.txt cannot be fetched/,
  )
  for (const location of [`/${'x'.repeat(5_000)}`, 'http://[bad']) {
    await underRobots(
      (_req, res) => res.writeHead(302, { location }).end(),
      /^ERROR FORBIDDEN: .*robots\.txt cannot be fetched \(.*not a valid URL, or too long/,
    )
  }
  await underRobots(
    (_req, res) => res.writeHead(301, { location: '/robots.txt' }).end(),
    /robots\.txt: no robots\.txt \(too many redirects\)/,
  )
  const huge = `User-agent: *\nDisallow: /page\n${'# filler\n'.repeat(200_000)}Allow: /page\n`
  await underRobots((_req, res) => res.end(huge), /^ERROR FORBIDDEN: .*disallows \/page/)
  const bomb = gzipSync(Buffer.alloc(50_000_000, 0x0a))
  await underRobots((_req, res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb), /reached/)
})

test('a robots.txt that cannot be had is not asked for again by each call', async () => {
  let asked = 0
  await withSite(
    (req, res) => {
      if (req.url !== '/robots.txt') return
      asked += 1
      res.writeHead(500).end()
    },
    async ({ fetch, backend }, url) => {
      for (const path of ['/a', '/b']) assert.match((await fetch(`${url}${path}`)).text, /^ERROR FORBIDDEN: .*answers 500/)
      assert.deepEqual([asked, (await backend.probe()).robots_sites], [1, 1])
    },
  )
})

test('robots.txt is asked once for many pages', async () => {
  let asked = 0
  await withSite(
    (req, res) => {
      if (req.url === '/robots.txt') {
        asked += 1
        res.end('User-agent: *\nDisallow: /no')
      } else res.end('reached')
    },
    async ({ fetch }, url) => {
      for (const path of ['/a', '/b', '/c']) assert.equal((await fetch(`${url}${path}`)).data, 'reached')
      assert.match((await fetch(`${url}/no`)).text, /^ERROR FORBIDDEN/)
      assert.equal(asked, 1)
    },
  )
})

const bombBytes = 200_000_000
const bombs: Record<string, Buffer> = {
  gzip: gzipSync(Buffer.alloc(bombBytes, 0x61)),
  br: brotliCompressSync(Buffer.alloc(bombBytes, 0x61)),
}

for (const [encoding, bomb] of Object.entries(bombs)) {
  test(`a bomb of ${encoding} is inflated up to the limit and no further`, async () => {
    assert.ok(bomb.length < 300_000)
    await withSite(
      (req, res) => {
        if (req.url !== '/robots.txt') res.writeHead(200, { 'content-type': 'text/html', 'content-encoding': encoding }).end(bomb)
      },
      async ({ fetch }, url) => {
        const { text, isError, structured } = await fetch(`${url}/`)
        assert.equal(isError, false, text)
        assert.ok(structured.total_chars <= 5_242_880)
        assert.match(text, /NOTE: .*(larger than 5\.0 MiB|cut after)/)
      },
    )
  })
}

test('a page that never ends is read up to the limit', async () => {
  const piece = `<p>${'endless '.repeat(1_000)}</p>`
  await withSite(
    (req, res) => {
      if (req.url === '/robots.txt') return
      res.setHeader('content-type', 'text/html')
      const more = (): void => {
        while (!res.destroyed && res.write(piece));
      }
      res.on('drain', more)
      more()
    },
    async ({ fetch }, url) => {
      const { text, isError } = await fetch(`${url}/`)
      assert.equal(isError, false, text)
      assert.match(text, /NOTE: /)
    },
  )
})

const hostile: Record<string, string> = {
  'elements nested a million deep': '<div>'.repeat(1_000_000),
  'elements nested deep, small enough for a DOM': `${'<b>'.repeat(5_500)}text ${'</b>'.repeat(5_500)}${'<p>more text</p>'.repeat(50)}`,
  'a million elements': '<b>a</b>'.repeat(640_000),
  'lists in lists': '<ul><li>'.repeat(300_000),
  'tables in tables': '<table><tr><td>'.repeat(300_000),
  'a million end tags': '</p></div></a>'.repeat(300_000),
  'elements of foreign content that never end': '<div><svg></div>'.repeat(300_000),
  'one attribute': `<a href="${'x'.repeat(5_000_000)}">text</a>`,
  'a million attributes': `<a ${'a=b '.repeat(1_200_000)}>text</a>`,
  'one comment': `<!--${'-'.repeat(5_000_000)}`,
  'one tag name': `<${'x'.repeat(5_000_000)}>`,
  entities: '&amp;&#x41;&notanentity;'.repeat(200_000),
  spaces: `<p>${' \n\t'.repeat(1_600_000)}</p>`,
  'line breaks': '<br> '.repeat(1_000_000),
  brackets: '['.repeat(2_500_000) + '<'.repeat(2_500_000),
  'ticks in code': `<pre>${'```\n'.repeat(1_000_000)}</pre>`,
  'escape sequences that never end': `<p>${'\u001b]'.repeat(2_500_000)}</p>`,
  'links in a paragraph without end': '<a href="/a">x</a> '.repeat(270_000),
  'marks opened and not closed': '<b><i><code><a href=x>'.repeat(200_000),
  'styles that trouble regular expressions': `<p style="${'left:-'.repeat(600)}">x</p>`.repeat(1_300),
  'rows of a table': `<table>${'<tr><td>a<td>b'.repeat(370_000)}`,
  'one cell': `<table><tr><td>${'word '.repeat(1_000_000)}`,
}

for (const [name, page] of Object.entries(hostile)) {
  test(
    `a page of ${name} is answered`,
    () =>
      withSite(
        (req, res) => {
          if (req.url !== '/robots.txt') res.setHeader('content-type', 'text/html; charset=utf-8').end(page)
        },
        async ({ fetch }, url) => {
          const { text, isError } = await fetch(`${url}/`)
          assert.equal(isError, false, text)
          assert.ok(text.length < 41_000)
        },
      ),
    { timeoutMs: 30_000 },
  )
}

test('JSON and text of hostile forms are answered', async () => {
  const bodies: Record<string, string> = {
    '/deep': '['.repeat(2_000_000),
    '/commas': ','.repeat(3_000_000),
    '/string': `"${'\\"'.repeat(2_000_000)}`,
    '/text': '\u001b[31m'.repeat(1_000_000),
  }
  await withSite(
    (req, res) => {
      const body = bodies[req.url ?? '']
      if (body !== undefined) res.setHeader('content-type', req.url === '/text' ? 'text/plain' : 'application/json').end(body)
    },
    async ({ fetch }, url) => {
      for (const path of Object.keys(bodies)) assert.equal((await fetch(`${url}${path}`)).isError, false, path)
    },
  )
})

test('TLS: a certificate must be trusted, and a redirect from https to http is not followed', async () => {
  const { ca, server: issued } = issue('127.0.0.1')
  const server = createServer({ cert: issued.certificate, key: issued.key }, (req, res) => {
    if (req.url === '/robots.txt') res.writeHead(404).end()
    else if (req.url === '/down') res.writeHead(302, { location: 'http://127.0.0.1:1/plain' }).end()
    else res.end('over TLS')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `https://127.0.0.1:${port}`
  const config = { FETCH_ALLOW_PRIVATE: [`127.0.0.1:${port}`] }
  try {
    await withWire({ config }, async ({ fetch }) => {
      assert.match((await fetch(`${url}/`)).text, /^ERROR \w+: .*no trusted TLS connection/)
    })
    await withWire({ config, environment: { ca } }, async ({ fetch }) => {
      assert.equal((await fetch(`${url}/`)).data, 'over TLS')
      const { text } = await fetch(`${url}/down`)
      assert.match(
        text,
        /^ERROR FORBIDDEN: .* redirects from https to http, which is not followed\. TRY: \{"url":"http:\/\/127\.0\.0\.1:1\/plain"\}/,
      )
    })
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('domains: only the allowed ones, never the denied ones, also behind a redirect', async () => {
  await withServer(ok, async (url) => {
    const { port, host } = new URL(url)
    const config = { FETCH_ALLOW_PRIVATE: [host], FETCH_ALLOWED_DOMAINS: ['good.test'], FETCH_DENIED_DOMAINS: ['bad.good.test'] }
    await withWire({ config, resolve: async () => ['127.0.0.1'] }, async ({ fetch }) => {
      assert.equal((await fetch(`http://a.good.test:${port}/`)).data, 'reached')
      assert.match((await fetch(`http://bad.good.test:${port}/`)).text, /^ERROR FORBIDDEN: .*denied/)
      assert.match((await fetch(`http://notgood.test:${port}/`)).text, /^ERROR FORBIDDEN: .*not among the allowed/)
    })
  })
})

test('names that do not exist and ports where nobody listens', async () => {
  await withWire({ resolve: async () => [] }, async ({ fetch }) => {
    assert.match((await fetch('http://nowhere.test/')).text, /^ERROR NOT_FOUND: there is no host nowhere\.test/)
  })
  await withWire({ config: { FETCH_ALLOW_PRIVATE: ['127.0.0.1:9'] } }, async ({ fetch }) => {
    assert.match(
      (await fetch('http://127.0.0.1:9/')).text,
      /^ERROR UPSTREAM_UNREACHABLE: 127\.0\.0\.1 cannot be reached on port 9/,
    )
  })
})

test('the operator’s proxy is asked for the address that was checked, and gets no request that the policy refuses', async () => {
  const asked: string[] = []
  const proxy = createHttp()
  proxy.on('connect', (req, client) => {
    asked.push(req.url ?? '')
    const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(req.url ?? '') ?? []
    const target = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      target.pipe(client).pipe(target)
    })
    for (const socket of [target, client]) socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const { port } = proxy.address() as AddressInfo
  try {
    await withServer(ok, async (url) => {
      const { port: sitePort, host } = new URL(url)
      const config = { FETCH_ALLOW_PRIVATE: [host], FETCH_PROXY_URL: `http://user:pw@127.0.0.1:${port}` }
      await withWire({ config, resolve: async () => ['127.0.0.1'] }, async ({ fetch }) => {
        assert.equal((await fetch(`http://site.test:${sitePort}/`)).data, 'reached')
        assert.deepEqual(asked, [host, host], 'robots.txt and the page')
        assert.match((await fetch('http://site.test:8080/')).text, /^ERROR FORBIDDEN/)
        assert.equal(asked.length, 2)
      })
    })
  } finally {
    proxy.closeAllConnections()
    proxy.close()
  }
})
