// Pages that try to reach what the network policy does not allow, in every way a page can ask for something. A server checks that it
// gets no connection.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { issue } from '../../../test/helpers/certificates.ts'
import { test } from '../../../test/runner/harness.ts'
import type { TestBrowser } from './browsers.ts'
import { pages, type Site, type Wire, withSite, withWire } from './client.ts'

interface Scene {
  wire: Wire
  /** Allowed. */
  site: Site
  /** Not allowed. */
  inner: Site
}

const timeoutMs = 60_000

export function attackTests(browser: TestBrowser): void {
  const attack = (
    name: string,
    content: (inner: Site) => Parameters<typeof pages>[0],
    work: (scene: Scene) => Promise<void>,
  ): void =>
    test.unless(browser.skip)(
      `${browser.name}: ${name}`,
      () =>
        withSite(
          pages({ '/': '<title>inner</title><p>the secret</p>', '/script.js': 'document.title = "the secret"' }),
          async (inner) =>
            withSite(pages(content(inner)), async (site) =>
              withWire(
                { config: { PLAYWRIGHT_EXECUTABLE_PATH: await browser.path(), PLAYWRIGHT_ALLOW_PRIVATE: [site.opening] } },
                async (wire) => {
                  await work({ wire, site, inner })
                  assert.equal(inner.connections(), 0, `the inner server was reached: ${inner.requests.join(', ')}`)
                },
              ),
            ),
        ),
      { timeoutMs },
    )

  attack(
    'addresses of other schemes are not opened',
    () => ({ '/': '<p>open' }),
    async ({ wire, site }) => {
      await wire.call('navigate', { url: site.url })
      for (const url of [
        'file:///etc/hostname',
        'FILE:///etc/hostname',
        'view-source:file:///etc/hostname',
        `view-source:${site.url}`,
        'chrome://version',
        'chrome-error://x',
        'devtools://devtools/bundled/inspector.html',
        'javascript:document.title=1',
        'data:text/html,<p>x',
        'blob:null/1',
        'about:version',
        'ftp://example.com/',
        'filesystem:http://example.com/temporary/x',
      ]) {
        const answer = await wire.call('navigate', { url })
        assert.equal(answer.isError, true, url)
        assert.match(answer.text, /^ERROR INVALID_ARGUMENT: /, url)
      }
      const { text } = await wire.call('get_content')
      assert.match(text, /open/, 'the page is still the one before')
    },
  )

  attack(
    'private, loopback and metadata addresses are refused however they are written',
    () => ({}),
    async ({ wire, inner }) => {
      const { port } = new URL(inner.url)
      for (const host of [
        '127.0.0.1',
        'localhost',
        'localhost.',
        '0x7f.1',
        '2130706433',
        '0177.0.0.1',
        '[::1]',
        '[::ffff:7f00:1]',
        '①27.0.0.1',
        '0.0.0.0',
      ]) {
        const { text } = await wire.call('navigate', { url: `http://${host}:${port}/` })
        assert.match(text, /^ERROR FORBIDDEN: the network policy does not allow /, host)
      }
      for (const url of [
        'http://169.254.169.254/latest/meta-data/',
        'http://metadata.google.internal/',
        'http://10.0.0.1/',
        'http://[fd00:ec2::254]/',
      ]) {
        assert.match((await wire.call('navigate', { url })).text, /^ERROR FORBIDDEN: /, url)
      }
      assert.match(
        (await wire.call('navigate', { url: `http://user:pw@127.0.0.1:${port}/` })).text,
        /^ERROR INVALID_ARGUMENT: .*user name/,
      )
    },
  )

  attack(
    'a page of an address cannot lead to a file',
    () => ({
      '/': `<a id=a href="file:///etc/hostname">a</a><iframe id=f src="file:///etc/hostname"></iframe><script>
        window.results = []; fetch('file:///etc/hostname').then(() => results.push('read'), () => results.push('refused'))
        const w = new Worker(URL.createObjectURL(new Blob(["fetch('file:///etc/hostname').then(() => postMessage('read'), () => postMessage('refused'))"])))
        w.onmessage = ({ data }) => { results.push(data); if (results.length === 2) document.title = results.join() }
      </script>`,
    }),
    async ({ wire, site }) => {
      await wire.call('navigate', { url: site.url, wait_until: 'load' })
      const { structured } = await wire.call('evaluate', {
        script: 'new Promise((done) => { const look = () => results.length > 1 ? done(results) : setTimeout(look, 20); look() })',
      })
      assert.equal(structured.json, '["refused","refused"]')
      await wire.call('click', { selector: '#a' })
      await wire.call('evaluate', { script: "location.href = 'file:///etc/hostname'" })
      await wire.call('evaluate', { script: "open('file:///etc/hostname')" })
      const { structured: now } = await wire.call('evaluate', { script: 'document.body.innerText' })
      assert.match(now.json, /^"a?"$/)
    },
  )

  for (const status of [301, 302, 303, 307, 308]) {
    attack(
      `a redirect (${status}) to an inner address ends there`,
      (inner) => ({
        '/to': (_req, res) => res.writeHead(status, { location: `${inner.url}/` }).end(),
        '/twice': (_req, res) => res.writeHead(status, { location: '/to' }).end(),
      }),
      async ({ wire, site }) => {
        for (const path of ['/to', '/twice']) {
          const { text, isError } = await wire.call('navigate', { url: site.url + path })
          assert.equal(isError, true)
          assert.match(text, /^ERROR FORBIDDEN: the network policy does not allow 127\.0\.0\.1: it is a loopback address/)
          assert.doesNotMatch((await wire.call('get_content')).text, /secret/)
        }
      },
    )
  }

  attack(
    'a script or a tag that leads away from the page ends there',
    (inner) => ({
      '/meta': `<meta http-equiv=refresh content="0;url=${inner.url}/">`,
      '/script': `<script>location.replace('${inner.url}/')</script>`,
      '/form': `<form action="${inner.url}/" method=post><button>Go</button></form>`,
    }),
    async ({ wire, site }) => {
      for (const path of ['/meta', '/script']) {
        await wire.call('navigate', { url: site.url + path, wait_until: 'networkidle' })
        assert.doesNotMatch((await wire.call('get_content')).text, /the secret/)
      }
      await wire.call('navigate', { url: `${site.url}/form` })
      await wire.call('click', { selector: 'role=button[name="Go"]' })
      assert.doesNotMatch((await wire.call('get_content')).text, /the secret/)
    },
  )

  attack(
    'nothing that a page loads, sends or opens reaches an inner address',
    ({ url, opening }) => ({
      '/': `<title>all</title>
        <link rel=preconnect href="${url}"><link rel=dns-prefetch href="//${opening}"><link rel=prefetch href="${url}/prefetch">
        <link rel=preload as=image href="${url}/preload"><link rel=stylesheet href="${url}/style.css"><link rel=icon href="${url}/icon">
        <link rel=modulepreload href="${url}/module.js"><link rel=manifest href="${url}/manifest">
        <img src="${url}/img" srcset="${url}/srcset 2x"><iframe src="${url}/iframe"></iframe><embed src="${url}/embed"><object data="${url}/object"></object>
        <video src="${url}/video" poster="${url}/poster" autoplay></video><audio src="${url}/audio" autoplay></audio>
        <script src="${url}/script.js"></script><script type=module src="${url}/module2.js"></script>
        <style>@font-face { font-family: x; src: url(${url}/font) } p { font-family: x; background: url(${url}/background) } @import url(${url}/import.css);</style><p>text</p>
        <script type=speculationrules>{"prerender":[{"source":"list","urls":["${url}/prerender"]}]}</script>
        <a id=ping href="#x" ping="${url}/ping">ping</a>`,
      '/worker.js': `importScripts('${url}/imported.js')`,
      '/sw.js': `self.addEventListener('install', () => fetch('${url}/from-service-worker'))`,
      '/nested': `<script>fetch('${url}/nested').catch(() => {})</script>`,
    }),
    async ({ wire, site, inner }) => {
      const opened = await wire.call('navigate', { url: site.url, wait_until: 'load' })
      assert.match(opened.text, /NOTE: not loaded from 127\.0\.0\.1:\d+: the network policy does not allow 127\.0\.0\.1/)
      assert.equal(opened.structured.blocked.length, 1)
      const { structured, text } = await wire.call('evaluate', {
        timeout_ms: 20_000,
        arg: { inner: inner.url, at: inner.opening },
        script: `
          const { inner, at } = arg, results = {}
          const outcome = (name, promise) => promise.then((value) => { results[name] = String(value) }, () => { results[name] = 'refused' })
          const event = (target, bad, good) => new Promise((resolve, reject) => { target.addEventListener(good, () => resolve(good)); target.addEventListener(bad, reject) })
          await Promise.all([
            outcome('fetch', fetch(inner + '/fetch')),
            outcome('no-cors', fetch(inner + '/no-cors', { mode: 'no-cors', method: 'POST', body: 'x' }).then((r) => r.type)),
            outcome('keepalive', fetch(inner + '/keepalive', { keepalive: true, mode: 'no-cors' }).then((r) => r.type)),
            outcome('xhr', new Promise((resolve, reject) => { const x = new XMLHttpRequest(); x.onload = () => resolve(x.status); x.onerror = reject; x.open('GET', inner + '/xhr'); x.send() })),
            outcome('websocket', event(new WebSocket('ws://' + at + '/ws'), 'error', 'open')),
            outcome('secure websocket', event(new WebSocket('wss://' + at + '/ws'), 'error', 'open')),
            outcome('eventsource', event(new EventSource(inner + '/events'), 'error', 'open')),
            outcome('worker', event(new Worker('/worker.js'), 'error', 'message')),
            outcome('worker script', event(new Worker(URL.createObjectURL(new Blob(["fetch('" + inner + "/w').then(() => postMessage(1), () => setTimeout(() => { throw 1 }))"]))), 'error', 'message')),
            outcome('service worker', navigator.serviceWorker ? navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready) && new Promise((resolve) => setTimeout(() => resolve('never ready'), 300)) : Promise.resolve('none')),
            outcome('secure fetch', fetch('https://' + at + '/https')),
            outcome('webtransport', typeof WebTransport === 'undefined' ? Promise.resolve('none') : new WebTransport('https://' + at + '/wt').ready),
          ])
          navigator.sendBeacon(inner + '/beacon', 'x')
          new Image().src = inner + '/image'
          document.querySelector('#ping').click()
          const frame = document.createElement('iframe'); frame.srcdoc = '<img src="' + inner + '/srcdoc">'; document.body.append(frame)
          const nested = document.createElement('iframe'); nested.src = '/nested'; document.body.append(nested)
          const sheet = document.createElement('style'); sheet.textContent = 'body { background: url(' + inner + '/late) }'; document.head.append(sheet)
          await new Promise((resolve) => { nested.onload = resolve })
          await fetch('/') // has come through the same proxy after all of them
          return results`,
      })
      assert.ok(structured.json !== undefined, text)
      const results = JSON.parse(structured.json)
      const { 'service worker': worker, webtransport, 'no-cors': noCors, keepalive, ...others } = results
      for (const [name, result] of Object.entries(others)) assert.equal(result, 'refused', name)
      assert.ok(worker === 'never ready' || worker === 'none' || worker === 'refused', worker)
      assert.ok(webtransport === 'none' || webtransport === 'refused', webtransport)
      // Such answers cannot be read: it is the proxy's 403, and the inner server has seen nothing.
      for (const each of [noCors, keepalive]) assert.ok(each === 'opaque' || each === 'refused', each)
    },
  )

  attack(
    'pop-ups and downloads do not reach an inner address',
    ({ url }) => ({
      '/': `<button onclick="window.open('${url}/popup')">Pop</button><a id=d href="${url}/file" download>get</a>`,
    }),
    async ({ wire, site }) => {
      await wire.call('navigate', { url: site.url })
      await wire.call('click', { selector: '#d' })
      await wire.call('click', { selector: 'button' })
      assert.doesNotMatch((await wire.call('get_content')).text, /secret/)
    },
  )

  attack(
    'WebRTC and WebTransport send no datagram',
    () => ({ '/': '<p>x' }),
    async ({ wire, site }) => {
      const udp = createSocket('udp4')
      let datagrams = 0
      udp.on('message', () => (datagrams += 1))
      udp.bind(0, '127.0.0.1')
      await once(udp, 'listening')
      try {
        await wire.call('navigate', { url: site.url })
        const { structured, isError, text } = await wire.call('evaluate', {
          arg: udp.address().port,
          timeout_ms: 15_000,
          script: `
            const gathered = await new Promise(async (resolve) => {
              const found = []
              const peer = new RTCPeerConnection({ iceServers: [
                { urls: 'stun:127.0.0.1:' + arg }, { urls: 'stun:localhost:' + arg },
                { urls: 'turn:127.0.0.1:' + arg, username: 'a', credential: 'b' } ] })
              peer.onicecandidate = ({ candidate }) => candidate ? found.push(candidate.candidate) : resolve(found)
              peer.createDataChannel('x')
              await peer.setLocalDescription(await peer.createOffer())
              setTimeout(() => resolve(found), 3000)
            })
            if (typeof WebTransport !== 'undefined') await new WebTransport('https://127.0.0.1:' + arg + '/').ready.catch(() => {})
            return gathered.length`,
        })
        assert.equal(isError, false, text)
        assert.equal(structured.json, '0', 'no address of this machine is told')
        assert.equal(datagrams, 0)
      } finally {
        udp.close()
      }
    },
  )

  test.unless(browser.skip)(
    `${browser.name}: a name whose address changes to an inner one is refused from then on`,
    () =>
      withSite(pages({ '/': '<title>first</title>' }), async (site) => {
        const { port } = new URL(site.url)
        let address = '127.0.0.1'
        const setup = {
          config: { PLAYWRIGHT_EXECUTABLE_PATH: await browser.path(), PLAYWRIGHT_ALLOW_PRIVATE: [site.opening] },
          resolve: async () => [address],
        }
        await withWire(setup, async (wire) => {
          const opened = await wire.call('navigate', { url: `http://rebind.test:${port}/` })
          assert.match(opened.text, /HTTP 200/)
          const before = site.connections()
          address = '127.0.0.2' // where the server does not listen, but the policy must end it before that is known
          const { structured } = await wire.call('evaluate', {
            script: "fetch('/again').then((r) => r.status + ' ' + r.headers.get('content-type'), () => 'refused')",
          })
          assert.match(structured.json, /403 text\/plain|refused/)
          assert.match(
            (await wire.call('navigate', { url: `http://rebind.test:${port}/` })).text,
            /^ERROR FORBIDDEN: .*resolves to a loopback address/,
          )
          assert.equal(site.connections(), before)
        })
      }),
    { timeoutMs },
  )

  test.unless(browser.skip)(
    `${browser.name}: https is checked against the policy as http is, and its certificates are verified`,
    async () => {
      const { server } = issue('secure.test')
      const secure = createSecureServer({ cert: server.certificate, key: server.key }, (_req, res) => {
        res.setHeader('content-type', 'text/html')
        res.end('<title>secure page</title>')
      })
      let connections = 0
      secure.on('connection', () => (connections += 1))
      secure.listen(0, '127.0.0.1')
      await once(secure, 'listening')
      const { port } = secure.address() as AddressInfo
      const config = { PLAYWRIGHT_EXECUTABLE_PATH: await browser.path() }
      const url = `https://secure.test:${port}/`
      const resolve = async (): Promise<string[]> => ['127.0.0.1']
      try {
        await withWire({ config: { ...config, PLAYWRIGHT_ALLOWED_PORTS: [String(port)] }, resolve }, async (wire) => {
          assert.match(
            (await wire.call('navigate', { url })).text,
            /^ERROR FORBIDDEN: .*secure\.test: it resolves to a loopback address/,
          )
        })
        assert.equal(connections, 0)
        const opened = { ...config, PLAYWRIGHT_ALLOW_PRIVATE: [`127.0.0.1:${port}`] }
        await withWire({ config: opened, resolve }, async (wire) => {
          assert.match(
            (await wire.call('navigate', { url })).text,
            /^ERROR UPSTREAM_ERROR: .*no certificate that can be verified \(net::ERR_CERT|\(ERR_CERT/,
          )
        })
        await withWire({ config: { ...opened, PLAYWRIGHT_IGNORE_HTTPS_ERRORS: true }, resolve }, async (wire) => {
          assert.match((await wire.call('navigate', { url })).text, /title: secure page/)
        })
      } finally {
        secure.closeAllConnections()
        secure.close()
      }
    },
    { timeoutMs },
  )

  test.unless(browser.skip)(
    `${browser.name}: the browser knows nothing of the server's environment`,
    async () => {
      process.env.OCTET_TEST_SECRET = 'not-for-browsers'
      try {
        await withSite(pages({ '/': 'x' }), async (site) =>
          withWire(
            { config: { PLAYWRIGHT_EXECUTABLE_PATH: await browser.path(), PLAYWRIGHT_ALLOW_PRIVATE: [site.opening] } },
            async (wire) => {
              await wire.call('navigate', { url: site.url })
              for (const script of ['process', 'require', 'globalThis.Buffer.from("x")', 'await import("node:fs")']) {
                assert.equal((await wire.call('evaluate', { script })).isError, true, script)
              }
              const { membersOf } = await import('../lib/processes.ts')
              const { readFileSync } = await import('node:fs')
              const members = membersOf(wire.backend.keeper.running?.group ?? 0)
              assert.ok(members.length > 1)
              for (const pid of members) {
                let text = ''
                try {
                  text = readFileSync(`/proc/${pid}/environ`, 'latin1')
                } catch {
                  // ended just now, or closed to us
                }
                assert.ok(!text.includes('not-for-browsers'))
              }
            },
          ),
        )
      } finally {
        delete process.env.OCTET_TEST_SECRET
      }
    },
    { timeoutMs },
  )
}
