// The network policy against real sockets on loopback, and against every way that is known to write an address differently.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp, request } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { ToolError } from '../../../../protocol/index.ts'
import { test } from '../../../../test/runner/harness.ts'
import { canonicalAddress, kindOfAddress } from '../addresses.ts'
import { connector } from '../connector.ts'
import type { EgressPolicy } from '../policy.ts'
import { policyOf as policy } from './policy-of.ts'

const codeOf = (act: () => unknown): string => {
  try {
    act()
    return 'allowed'
  } catch (error) {
    assert.ok(error instanceof ToolError, String(error))
    return error.code
  }
}

const outcome = async (attempt: Promise<Socket>): Promise<ToolError | 'connected'> => {
  try {
    const socket = await attempt
    socket.destroy()
    return 'connected'
  } catch (error) {
    assert.ok(error instanceof ToolError, String(error))
    return error
  }
}

/** A server that counts who connects; closed at the end. */
async function withTarget(use: (port: number, seen: () => number) => Promise<void>, host = '127.0.0.1'): Promise<void> {
  let seen = 0
  const server = createServer((socket) => {
    seen += 1
    socket.on('error', () => {})
    socket.end('hello')
  })
  await listening(server, host)
  try {
    await use((server.address() as AddressInfo).port, () => seen)
  } finally {
    server.close()
  }
}

async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  server.listen(0, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const kinds: Record<string, string> = {
  '93.184.216.34': 'public',
  '2606:2800:220:1::1': 'public',
  '0.0.0.0': 'unroutable',
  '0.1.2.3': 'unroutable',
  '10.0.0.1': 'private',
  '100.64.0.1': 'private',
  '100.100.100.200': 'metadata',
  '127.0.0.1': 'loopback',
  '127.255.255.254': 'loopback',
  '168.63.129.16': 'metadata',
  '169.254.0.1': 'link-local',
  '169.254.169.254': 'metadata',
  '169.254.170.2': 'metadata',
  '172.15.255.255': 'public',
  '172.16.0.1': 'private',
  '172.31.255.255': 'private',
  '172.32.0.0': 'public',
  '192.0.0.192': 'metadata',
  '192.0.0.8': 'reserved',
  '192.0.2.1': 'reserved',
  '192.88.99.1': 'reserved',
  '192.168.255.255': 'private',
  '198.18.0.1': 'reserved',
  '198.19.255.255': 'reserved',
  '198.51.100.7': 'reserved',
  '203.0.113.7': 'reserved',
  '224.0.0.1': 'unroutable',
  '239.255.255.255': 'unroutable',
  '240.0.0.1': 'unroutable',
  '255.255.255.255': 'unroutable',
  '::': 'unroutable',
  '::1': 'loopback',
  '0:0:0:0:0:0:0:1': 'loopback',
  '::ffff:127.0.0.1': 'loopback',
  '::FFFF:7F00:1': 'loopback',
  '::ffff:a9fe:a9fe': 'metadata',
  '::ffff:93.184.216.34': 'public',
  '::127.0.0.1': 'reserved',
  '::7f00:1': 'reserved',
  '64:ff9b::7f00:1': 'loopback',
  '64:ff9b::169.254.169.254': 'metadata',
  '64:ff9b::93.184.216.34': 'public',
  '64:ff9b:1::7f00:1': 'reserved',
  '::ffff:0:127.0.0.1': 'reserved',
  '2002:7f00:1::1': 'reserved',
  '2001:0:1:2:3:4:80ff:fffe': 'reserved',
  '2001:db8::1': 'reserved',
  '3fff::1': 'reserved',
  'fe80::1': 'link-local',
  'fe80::1%eth0': 'link-local',
  'febf::1': 'link-local',
  'fec0::1': 'private',
  'fc00::1': 'private',
  'fd12:3456::1': 'private',
  'fd00:ec2::254': 'metadata',
  'fd20:ce::254': 'metadata',
  'ff02::1': 'unroutable',
  '100::1': 'unroutable',
  '4000::1': 'reserved',
}

test('every special network is known, in every spelling', () => {
  for (const [address, kind] of Object.entries(kinds)) {
    assert.equal(kindOfAddress(canonicalAddress(address)), kind, address)
    assert.equal(kindOfAddress(canonicalAddress(address.toUpperCase())), kind, address.toUpperCase())
  }
})

test('addresses that a URL folds, and those it does not, are refused alike', () => {
  const written = [
    '127.0.0.1 2130706433 0x7f.1 0x7f000001 0177.0.0.1 017700000001 127.1 127.0.1 [::1] [::ffff:127.0.0.1] [::ffff:7f00:1] [64:ff9b::7f00:1]',
    '[::127.0.0.1] [2002:7f00:1::] ①②⑦.⓪.⓪.① １２７.０.０.１ 127。0。0。1 10.0.0.1 0xa.0.0.1 169.254.169.254 [::ffff:169.254.169.254] [fd00:ec2::254]',
    '0 0.0.0.0 [::] 255.255.255.255 192.168.1.1 [fe80::1] 100.100.100.200 metadata.google.internal METADATA.google.internal. metadata',
  ].flatMap((line) => line.split(' '))
  for (const host of written)
    assert.equal(
      codeOf(() => policy().check(new URL(`http://${host}/`))),
      'FORBIDDEN',
      host,
    )
  for (const host of ['example.com', '93.184.216.34', '[2606:2800:220:1::1]', 'bücher.example', 'example.com.']) {
    assert.equal(
      codeOf(() => policy().check(new URL(`https://${host}/`))),
      'allowed',
      host,
    )
  }
})

test('schemes, credentials and ports', () => {
  for (const url of [
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://example.com',
    'data:text/html,x',
    'view-source:http://a.b',
  ]) {
    assert.equal(
      codeOf(() => policy().check(new URL(url))),
      'INVALID_ARGUMENT',
      url,
    )
  }
  for (const url of ['http://user@example.com/', 'http://user:word@example.com/', 'http://:word@example.com/']) {
    assert.equal(
      codeOf(() => policy().check(new URL(url))),
      'INVALID_ARGUMENT',
      url,
    )
  }
  for (const port of ['', ':80', ':443', ':8080', ':8443']) {
    assert.equal(
      codeOf(() => policy().check(new URL(`http://example.com${port}/`))),
      'allowed',
      port,
    )
  }
  for (const port of [22, 25, 3306, 5432, 6379, 9200, 11211]) {
    assert.equal(
      codeOf(() => policy().check(new URL(`http://example.com:${port}/`))),
      'FORBIDDEN',
      String(port),
    )
  }
  assert.equal(
    codeOf(() => policy({ allowedPorts: [3000] }).check(new URL('http://example.com:3000/'))),
    'allowed',
  )
  for (const scheme of ['ws', 'wss'])
    assert.equal(
      codeOf(() => policy().check(new URL(`${scheme}://example.com/`))),
      'allowed',
    )
})

test('domains: subdomains match too, look-alike names do not', () => {
  const allowed = policy({ allowedDomains: ['example.com', '*.example.org', 'Bücher.example'] })
  const check = (it: EgressPolicy, host: string): string => codeOf(() => it.check(new URL(`http://${host}/`)))
  for (const host of ['example.com', 'a.b.example.com', 'EXAMPLE.com.', 'www.example.org', 'bücher.example']) {
    assert.equal(check(allowed, host), 'allowed', host)
  }
  for (const host of ['example.org', 'notexample.com', 'example.com.evil.net', 'example.net', '93.184.216.34']) {
    assert.equal(check(allowed, host), 'FORBIDDEN', host)
  }
  const denied = policy({ deniedDomains: ['example.com', '93.184.216.34'], allowedDomains: ['com', '93.184.216.34'] })
  assert.equal(check(denied, 'www.example.com'), 'FORBIDDEN')
  assert.equal(check(denied, '93.184.216.34'), 'FORBIDDEN')
  assert.equal(check(denied, 'example.net.com'), 'allowed')
  const opened = policy({ allowedDomains: ['example.com'], allowPrivate: ['192.168.1.0/24', 'nas.lan'] })
  assert.equal(check(opened, '192.168.1.9'), 'allowed')
  assert.equal(check(opened, 'nas.lan'), 'allowed')
})

test('what a CIDR opens, and what it never does', () => {
  const wide = policy({ allowPrivate: ['0.0.0.0/0', '::/0'], ownNetworks: ['172.18.0.2/16'] })
  const check = (host: string): string => codeOf(() => wide.check(new URL(`http://${host}/`)))
  for (const host of ['10.1.2.3', '192.168.0.1', '172.17.0.1', '198.18.0.1', '[fd12::1]'])
    assert.equal(check(host), 'allowed', host)
  for (const host of [
    '127.0.0.1',
    '[::1]',
    '169.254.1.1',
    '[fe80::1]',
    '169.254.169.254',
    '224.0.0.1',
    '0.0.0.0',
    '172.18.0.9',
    '[fd00:ec2::254]',
  ]) {
    assert.equal(check(host), 'FORBIDDEN', host)
  }
  const one = policy({ allowPrivate: ['10.0.0.5', 'fd12::/64'] })
  assert.equal(
    codeOf(() => one.check(new URL('http://10.0.0.5/'))),
    'allowed',
  )
  assert.equal(
    codeOf(() => one.check(new URL('http://10.0.0.6/'))),
    'FORBIDDEN',
  )
  assert.equal(
    codeOf(() => one.check(new URL('http://[fd12::7]/'))),
    'allowed',
  )
  assert.equal(
    codeOf(() => one.check(new URL('http://10.0.0.5:5432/'))),
    'FORBIDDEN',
  )
})

test('an exact address and port opens loopback on that port alone', async () => {
  await withTarget(async (port, seen) => {
    const opened = policy({ allowPrivate: [`127.0.0.1:${port}`] })
    assert.equal(await outcome(opened.connect('127.0.0.1', port)), 'connected')
    assert.equal(
      await outcome(
        policy({ allowPrivate: [`localhost:${port}`], resolve: async () => ['127.0.0.1'] }).connect('localhost', port),
      ),
      'connected',
    )
    assert.equal(seen(), 2)
    for (const closed of [
      policy().connect('127.0.0.1', port),
      policy({ allowPrivate: ['127.0.0.1', '127.0.0.0/8'], allowedPorts: [port] }).connect('127.0.0.1', port),
      policy({ allowPrivate: [`127.0.0.1:${port + 1}`] }).connect('127.0.0.1', port),
      policy({ allowPrivate: [`127.0.0.2:${port}`] }).connect('127.0.0.1', port),
      // A name that is opened may lie in a private network, but whoever owns it must not lead us to ourselves.
      policy({ allowPrivate: [`nas.lan:${port}`, 'nas.lan'], allowedPorts: [port], resolve: async () => ['127.0.0.1'] }).connect(
        'nas.lan',
        port,
      ),
    ]) {
      const refused = await outcome(closed)
      assert.ok(refused instanceof ToolError)
      assert.equal(refused.code, 'FORBIDDEN')
    }
    assert.equal(seen(), 2)
  })
  assert.equal(
    codeOf(() => policy({ allowPrivate: ['169.254.169.254:80'] }).check(new URL('http://169.254.169.254/'))),
    'FORBIDDEN',
  )
})

test('a host name opens private addresses for itself', async () => {
  const resolve = async (): Promise<string[]> => ['10.9.9.9']
  const refusing = createServer((socket) => socket.destroy())
  const proxy = new URL(`http://127.0.0.1:${await listening(refusing)}`)
  const open = policy({ allowPrivate: ['nas.lan'], resolve, proxy, ownNetworks: ['10.9.0.0/16'] })
  const reached = await outcome(open.connect('NAS.lan.', 80))
  refusing.close()
  assert.ok(reached instanceof ToolError)
  assert.equal(reached.code, 'UPSTREAM_UNREACHABLE', 'the policy let it through to the proxy, which goes nowhere')
  const other = await outcome(open.connect('other.lan', 80))
  assert.ok(other instanceof ToolError)
  assert.equal(
    other.text,
    'ERROR FORBIDDEN: the network policy does not allow other.lan: it resolves to a private address. TRY: another address, or ask the operator to allow this host with FETCH_ALLOW_PRIVATE',
  )
})

/** Allowed by the policy, with nobody there: a public address would take the test to the Internet. */
const elsewhere = '127.0.0.9'

test('one address that is not allowed closes the whole name', async () => {
  await withTarget(async (port, seen) => {
    for (const addresses of [
      [elsewhere, '127.0.0.1'],
      ['127.0.0.1', elsewhere],
      ['::ffff:127.0.0.1', elsewhere],
    ]) {
      const mixed = policy({ allowPrivate: [`${elsewhere}:${port}`], resolve: async () => addresses })
      const refused = await outcome(mixed.connect('mixed.example', port))
      assert.ok(refused instanceof ToolError)
      assert.equal(refused.code, 'FORBIDDEN')
      assert.doesNotMatch(refused.text, /127\.0/)
    }
    assert.equal(seen(), 0)
  })
})

test('a resolver that answers well first and with a private address after gets nowhere', async () => {
  await withTarget(async (port, seen) => {
    let asked = 0
    const resolve = async (): Promise<readonly string[]> => [asked++ === 0 ? elsewhere : '127.0.0.1']
    const rebinding = policy({ allowPrivate: [`${elsewhere}:${port}`], resolve })
    rebinding.check(new URL(`http://rebind.example:${port}/`)) // asks nobody, so there is nothing to outlive
    const first = await outcome(rebinding.connect('rebind.example', port))
    assert.ok(first instanceof ToolError)
    assert.equal(first.code, 'UPSTREAM_UNREACHABLE', 'the address that was checked is the one that was tried')
    assert.equal(asked, 1)
    const second = await outcome(rebinding.connect('rebind.example', port))
    assert.ok(second instanceof ToolError)
    assert.equal(second.code, 'FORBIDDEN')
    assert.equal(seen(), 0)
  })
})

test('resolvers that fail, know nothing, never answer or answer too much', async () => {
  const failed = await outcome(policy({ resolve: () => Promise.reject(new Error('SERVFAIL')) }).connect('a.example', 80))
  assert.ok(failed instanceof ToolError)
  assert.match(failed.text, /^ERROR UPSTREAM_UNREACHABLE: the name a\.example could not be resolved/)
  const unknown = await outcome(policy({ resolve: async () => [] }).connect('a.example', 80))
  assert.ok(unknown instanceof ToolError)
  assert.match(unknown.text, /^ERROR NOT_FOUND: there is no host a\.example\. TRY: check the spelling/)
  const silent = await outcome(policy({ resolve: () => new Promise(() => {}), dnsMs: 20 }).connect('a.example', 80))
  assert.ok(silent instanceof ToolError)
  assert.match(silent.text, /^ERROR UPSTREAM_UNREACHABLE: the name a\.example was not resolved within 20 ms/)
  const real = await outcome(policy().connect('nobody.invalid', 80))
  assert.ok(real instanceof ToolError)
  assert.match(real.text, /^ERROR (NOT_FOUND|UPSTREAM_UNREACHABLE): /)
  await withTarget(async (port, seen) => {
    const addresses = [...Array(64).fill(elsewhere), '127.0.0.1']
    const many = policy({ allowPrivate: [`${elsewhere}:${port}`], resolve: async () => addresses })
    const reached = await outcome(many.connect('many.example', port))
    assert.ok(reached instanceof ToolError)
    assert.equal(reached.code, 'UPSTREAM_UNREACHABLE', 'only the 64 that were checked are tried')
    assert.equal(seen(), 0)
  })
})

test('the caller leaves, or nobody answers: while the name is resolved, and while the connection is made', async () => {
  const taken: Socket[] = []
  const silent = createServer((socket) => void taken.push(socket))
  const proxy = new URL(`http://127.0.0.1:${await listening(silent)}`)
  try {
    const slow = [{ resolve: () => new Promise<never>(() => {}) }, { resolve: async () => ['93.184.216.34'], proxy }]
    for (const settings of slow) {
      const abort = new AbortController()
      const attempt = policy(settings).connect('slow.example', 80, abort.signal)
      setTimeout(() => abort.abort(new Error('left')), 10)
      await assert.rejects(attempt, /left/)
    }
    const late = await outcome(policy({ ...slow[1], connectMs: 20 }).connect('slow.example', 80))
    assert.ok(late instanceof ToolError)
    assert.match(late.text, /^ERROR UPSTREAM_UNREACHABLE: slow\.example cannot be reached on port 80 \(no answer within 20 ms\)/)
    assert.equal(taken.length, 2)
    await Promise.all(taken.map((socket) => socket.resume().closed || once(socket, 'close')))
    await assert.rejects(policy().connect('example.com', 80, AbortSignal.abort(new Error('left'))), /left/)
  } finally {
    silent.close()
  }
})

test('nobody listens: the port and the reason are named, the address is not', async () => {
  let free = 0
  await withTarget(async (port) => void (free = port))
  const refused = await outcome(
    policy({ allowPrivate: [`localhost:${free}`], resolve: async () => ['127.0.0.1'] }).connect('localhost', free),
  )
  assert.ok(refused instanceof ToolError)
  assert.match(
    refused.text,
    new RegExp(`^ERROR UPSTREAM_UNREACHABLE: localhost cannot be reached on port ${free} \\(ECONNREFUSED\\)`),
  )
})

test('a second address of the name is tried when the first is dead', async () => {
  await withTarget(async (port) => {
    const opened = policy({
      allowPrivate: [`127.0.0.1:${port}`, `127.0.0.9:${port}`],
      resolve: async () => ['127.0.0.9', '127.0.0.1'],
    })
    const socket = await opened.connect('two.example', port)
    assert.equal(socket.remoteAddress, '127.0.0.1')
    socket.destroy()
  })
})

test('a request through the connector is checked, and ends with the policy’s own words', async () => {
  const server = createHttp((_request, response) => response.end('hello'))
  const port = await listening(server)
  const get = (it: EgressPolicy, url: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const sent = request(url, { createConnection: connector(it, {}) as never }, async (response) => {
        let text = ''
        for await (const chunk of response) text += chunk
        resolve(text)
      })
      sent.on('error', reject)
      sent.end()
    })
  try {
    assert.equal(await get(policy({ allowPrivate: [`127.0.0.1:${port}`] }), `http://127.0.0.1:${port}/`), 'hello')
    await assert.rejects(
      get(policy(), `http://127.0.0.1:${port}/`),
      (error) => error instanceof ToolError && error.code === 'FORBIDDEN',
    )
  } finally {
    server.close()
  }
})

test('a proxy is asked for the address that was checked, with its credentials, and its refusals are told', async () => {
  await withTarget(async (port, seen) => {
    const asked: string[] = []
    let status = '200 Connection established'
    const proxy = createHttp()
    proxy.on('connect', (incoming, socket) => {
      asked.push(`${incoming.url} ${incoming.headers['proxy-authorization'] ?? 'without'}`)
      socket.end(`HTTP/1.1 ${status}\r\n\r\n`)
    })
    const proxyPort = await listening(proxy)
    const through = (url: string): EgressPolicy =>
      policy({
        proxy: new URL(url),
        allowedPorts: [port],
        resolve: async (name) => (name === 'in.example' ? ['10.0.0.1'] : ['93.184.216.34']),
      })
    try {
      assert.equal(await outcome(through(`http://me:a%20word@127.0.0.1:${proxyPort}`).connect('out.example', port)), 'connected')
      assert.deepEqual(asked, [`93.184.216.34:${port} Basic ${Buffer.from('me:a word').toString('base64')}`])
      const inside = await outcome(through(`http://127.0.0.1:${proxyPort}`).connect('in.example', port))
      assert.ok(inside instanceof ToolError)
      assert.equal(inside.code, 'FORBIDDEN')
      status = '407 Proxy Authentication Required'
      const refused = await outcome(through(`http://127.0.0.1:${proxyPort}`).connect('out.example', port))
      assert.ok(refused instanceof ToolError)
      assert.match(refused.text, /cannot be reached on port \d+ \(the proxy answered 407\)/)
      assert.equal(seen(), 0)
    } finally {
      proxy.close()
    }
  })
})

test('allow-list entries and domains that cannot be read are the operator’s error, with the variable and the entry', () => {
  for (const entry of [
    '10.0.0.0/33',
    'http://nas.lan',
    'nas.lan:0',
    'nas.lan:70000',
    'nas.lan:65536',
    '*.lan',
    'a b',
    '',
    '10.0.0/8',
    'nas.lan/24',
  ]) {
    assert.throws(
      () => policy({ allowPrivate: [entry] }),
      (error: Error) => error.message.startsWith('FETCH_ALLOW_PRIVATE: ') && error.message.includes(`"${entry}"`),
      entry,
    )
  }
  for (const entry of ['http://example.com', 'example.com/path', 'a b', '', 'ex*mple.com', 'example.com:99']) {
    assert.throws(() => policy({ allowedDomains: [entry] }), /^Error: FETCH_ALLOWED_DOMAINS: /, entry)
  }
  for (const entry of [
    '10.0.0.0/8',
    'fd00::/8',
    'nas.lan',
    'nas',
    'nas.lan:5000',
    'nas.lan:1',
    'nas.lan:65535',
    '10.0.0.1:5000',
    '[fd00::1]:5000',
    'fd00::1',
    '[fd00::1]',
  ]) {
    policy({ allowPrivate: [entry] })
  }
})
