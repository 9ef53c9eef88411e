// How the system's resolver, the connection and the proxy are asked, and what their answers become.
import assert from 'node:assert/strict'
import dns from 'node:dns/promises'
import { once } from 'node:events'
import fs from 'node:fs'
import { createServer as createHttps } from 'node:https'
import { syncBuiltinESMExports } from 'node:module'
import { type AddressInfo, createServer, type Server, Socket } from 'node:net'
import os from 'node:os'
import { ToolError } from '../../../../protocol/index.ts'
import { issue } from '../../../../test/helpers/certificates.ts'
import { test } from '../../../../test/runner/harness.ts'
import { connector } from '../connector.ts'
import type { EgressPolicy } from '../policy.ts'
import { policyOf as policy } from './policy-of.ts'

async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  server.listen(0, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Runs `use` while Node's own functions are exchanged: no name fails, and no machine is a container, in the same way everywhere. */
async function withNode(exchanged: [module: object, functions: object][], use: () => Promise<void> | void): Promise<void> {
  const before = exchanged.map(([module, functions]) => {
    const names = Object.keys(functions) as (keyof typeof module)[]
    return [module, Object.fromEntries(names.map((name) => [name, module[name]]))] as const
  })
  for (const [module, functions] of exchanged) Object.assign(module, functions)
  syncBuiltinESMExports()
  try {
    await use()
  } finally {
    for (const [module, functions] of before) Object.assign(module, functions)
    syncBuiltinESMExports()
  }
}

test("the system's resolver: no such name is not a failure, everything else is", async () => {
  const answers: Record<string, string> = { ENOTFOUND: 'NOT_FOUND', ENODATA: 'NOT_FOUND' }
  for (const code of ['ENOTFOUND', 'ENODATA', 'EAI_AGAIN', 'ESERVFAIL', 'ECONNREFUSED', 'XENOTFOUND', 'ENODATA2', undefined]) {
    const failing = async (): Promise<never> => {
      throw Object.assign(new Error('from the resolver'), { code })
    }
    await withNode([[dns, { lookup: failing }]], () =>
      assert.rejects(policy().connect('name.example', 80), { code: answers[code ?? ''] ?? 'UPSTREAM_UNREACHABLE' }, code),
    )
  }
})

test("the system's resolver: each of its addresses is checked", () => {
  const lookup = async (_name: string, { all }: { all?: boolean }) => {
    const found = [{ address: '93.184.216.34' }, { address: '10.0.0.1' }]
    return all === true ? found : found[0]
  }
  return withNode([[dns, { lookup }]], () =>
    assert.rejects(policy().connect('name.example', 80), { code: 'FORBIDDEN', message: /it resolves to a private address/ }),
  )
})

test('in a container a CIDR does not open the networks of its own interfaces, a listed host does', async () => {
  const networkInterfaces = () => ({
    eth0: [{ cidr: '10.5.0.2/16' }, { cidr: 'fd12::2/64' }],
    eth1: [{ cidr: null }],
    eth2: undefined,
  })
  const { KUBERNETES_SERVICE_HOST: before } = process.env
  try {
    for (const [marker, inContainer] of [
      ['/.dockerenv', true],
      ['/run/.containerenv', true],
      ['KUBERNETES_SERVICE_HOST', true],
      ['nothing', false],
    ] as const) {
      delete process.env.KUBERNETES_SERVICE_HOST
      if (marker === 'KUBERNETES_SERVICE_HOST') process.env[marker] = '10.96.0.1'
      await withNode(
        [
          [fs, { existsSync: (path: string) => path === marker }],
          [os, { networkInterfaces }],
        ],
        () => {
          const it = policy({ allowPrivate: ['10.0.0.0/8', 'fc00::/7', '10.5.0.7:80'] })
          for (const [host, own] of [
            ['10.5.9.9', true],
            ['[fd12::9]', true],
            ['10.6.0.1', false],
            ['[fd13::9]', false],
            ['10.5.0.7', false],
          ] as const) {
            const check = (): void => it.check(new URL(`http://${host}/`))
            if (own && inContainer) assert.throws(check, { code: 'FORBIDDEN' }, `${marker} ${host}`)
            else check()
          }
        },
      )
    }
  } finally {
    if (before === undefined) delete process.env.KUBERNETES_SERVICE_HOST
    else process.env.KUBERNETES_SERVICE_HOST = before
  }
})

test('a host that is listed with a port is open on that port alone, one without a port on the usual ones', async () => {
  const refusing = createServer((socket) => socket.destroy())
  const proxy = new URL(`http://127.0.0.1:${await listening(refusing)}`)
  const resolve = async (): Promise<string[]> => ['10.0.0.1']
  const it = policy({ allowPrivate: ['nas.lan:5000', 'wiki.lan', '10.9.9.9:5001'], proxy, resolve })
  // What the policy lets through fails at the proxy, which goes nowhere.
  for (const [host, port, code] of [
    ['nas.lan', 5000, 'UPSTREAM_UNREACHABLE'],
    ['nas.lan', 80, 'FORBIDDEN'],
    ['nas.lan', 5001, 'FORBIDDEN'],
    ['wiki.lan', 80, 'UPSTREAM_UNREACHABLE'],
    ['wiki.lan', 5000, 'FORBIDDEN'],
    ['10.9.9.9', 5001, 'UPSTREAM_UNREACHABLE'],
    ['10.9.9.9', 80, 'FORBIDDEN'],
    ['10.0.0.1', 5000, 'FORBIDDEN'],
  ] as const)
    await assert.rejects(it.connect(host, port), { code }, `${host}:${port}`)
  refusing.close()
})

test('a CIDR may be one address, and a prefix is at most as long as an address', () => {
  for (const [entry, open, closed] of [
    ['10.0.0.5/32', '10.0.0.5', '10.0.0.4'],
    ['10.0.0.0/31', '10.0.0.1', '10.0.0.2'],
    ['fd12::5/128', '[fd12::5]', '[fd12::4]'],
    ['10.0.0.0/0', '192.168.0.1', '127.0.0.1'],
  ] as const) {
    const it = policy({ allowPrivate: [entry] })
    it.check(new URL(`http://${open}/`))
    assert.throws(() => it.check(new URL(`http://${closed}/`)), { code: 'FORBIDDEN' }, entry)
  }
  for (const entry of ['10.0.0.0/33', 'fd12::/129', '10.0.0.0/-1', '10.0.0.0/', '/8'])
    assert.throws(() => policy({ allowPrivate: [entry] }), /FETCH_ALLOW_PRIVATE: invalid CIDR/, entry)
})

test('a domain is a name, and a rule for what is below it does not hold for itself', () => {
  const below = policy({ allowedDomains: ['.example.com', '*.example.org', '93.184.216.34'], deniedDomains: ['.a.example.com'] })
  for (const [host, allowed] of [
    ['example.com', false],
    ['www.example.com', true],
    ['example.org', false],
    ['www.example.org', true],
    ['a.example.com', true],
    ['b.a.example.com', false],
    ['93.184.216.34', true],
    ['93.184.216.35', false],
  ] as const) {
    const check = (): void => below.check(new URL(`http://${host}/`))
    if (allowed) check()
    else assert.throws(check, { code: 'FORBIDDEN' }, host)
  }
})

test('a connection that does not lead to an address that was checked is closed', async () => {
  // What Node's remoteAddress asks. A socket that leads elsewhere cannot be had from a kernel that works.
  const prototype = Socket.prototype as unknown as { _getpeername(): object }
  const own = prototype._getpeername
  const closed: Promise<unknown>[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    closed.push(once(socket.resume(), 'close'))
  })
  const port = await listening(server)
  prototype._getpeername = () => ({ address: '10.0.0.1', port })
  try {
    await assert.rejects(policy({ allowPrivate: [`127.0.0.1:${port}`] }).connect('127.0.0.1', port), {
      code: 'UPSTREAM_UNREACHABLE',
      message: /another address answered/,
    })
    await Promise.all(closed)
  } finally {
    prototype._getpeername = own
    server.close()
  }
})

test('a proxy over TLS gets no credentials where none are set, an IPv6 address in brackets, and its first bytes are kept', async () => {
  const { server: issued } = issue('127.0.0.1')
  const proxy = createHttps({ cert: issued.certificate, key: issued.key })
  const asked: unknown[] = []
  proxy.on('connect', ({ url, headers }, socket) => {
    asked.push([url, headers.host, headers['proxy-authorization']])
    socket.end('HTTP/1.1 200 Connection established\r\n\r\nh')
  })
  const port = await listening(proxy)
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
  try {
    const through = policy({
      proxy: new URL(`https://127.0.0.1:${port}`),
      resolve: async () => ['2606:2800:220:1::1', '93.184.216.34'],
    })
    await assert.rejects(through.connect('out.example', 443), { code: 'UPSTREAM_UNREACHABLE' }, 'its certificate is checked')
    assert.deepEqual(asked, [])
    // The only way to have Node's own connection trust this authority after the start.
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    const socket = await through.connect('out.example', 443)
    assert.equal(String((await once(socket, 'data'))[0]), 'h')
    socket.destroy()
    assert.deepEqual(asked, [['[2606:2800:220:1::1]:443', '[2606:2800:220:1::1]:443', undefined]])
  } finally {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    proxy.close()
  }
})

test('the connector asks for the host without brackets, and the usual port of the scheme', async () => {
  const asked: unknown[] = []
  const recorder = {
    async connect(...[host, port]: unknown[]): Promise<never> {
      asked.push([host, port])
      throw new Error('enough')
    },
  } as unknown as EgressPolicy
  for (const options of [
    { protocol: 'http:', hostname: 'a.example' },
    { protocol: 'https:', hostname: 'a.example', port: '' },
    { protocol: 'https:', host: '[::1]', port: 8443 },
    { protocol: 'http:', hostname: '[::1]', host: 'b.example', port: '8080' },
  ])
    await new Promise<void>((resolve) =>
      connector(recorder, {})(options, (error) => {
        assert.equal(error?.message, 'enough')
        resolve()
      }),
    )
  assert.deepEqual(asked, [
    ['a.example', 80],
    ['a.example', 443],
    ['::1', 8443],
    ['::1', 8080],
  ])
})

test('over TLS the connector sends a name as server name and an address as none', async () => {
  for (const [host, name] of [
    ['localhost', 'localhost'],
    ['127.0.0.1', undefined],
  ] as const) {
    const { ca, server: issued } = issue(host)
    const names: unknown[] = []
    const server = createHttps({ cert: issued.certificate, key: issued.key }, (_req, res) => res.end('hello'))
    server.on('secureConnection', ({ servername, alpnProtocol }) => names.push(servername || undefined, alpnProtocol))
    const port = await listening(server)
    const it = policy({ allowPrivate: [`${host}:${port}`], resolve: async () => ['127.0.0.1'] })
    try {
      const secure = connector(it, { ca })
      const socket = await new Promise<Socket>((resolve, reject) =>
        secure({ protocol: 'https:', hostname: host, port }, (error, made) => (error === null ? resolve(made) : reject(error))),
      )
      await Promise.all([once(socket, 'secureConnect'), names.length > 0 || once(server, 'secureConnection')])
      socket.destroy()
      assert.deepEqual(names, [name, 'http/1.1'])
    } finally {
      server.closeAllConnections()
      server.close()
    }
  }
})

test('what only the operator can allow is offered, and what nobody can is not', async () => {
  const resolve = async (name: string): Promise<string[]> => [name.endsWith('lan') ? '10.0.0.1' : '169.254.169.254']
  const it = policy({ resolve, deniedDomains: ['denied.example'], allowedDomains: ['lan', 'cloud.example', 'denied.example'] })
  for (const [host, offered] of [
    ['nas.lan', true],
    ['cloud.example', false],
    ['metadata.google.internal', false],
    ['denied.example', false],
    ['other.example', false],
  ] as const) {
    const refusal = await it.connect(host, 80).then(
      () => undefined,
      (error) => error,
    )
    assert.ok(refusal instanceof ToolError && refusal.code === 'FORBIDDEN', host)
    assert.equal(refusal.text.includes('FETCH_ALLOW_PRIVATE'), offered, refusal.text)
  }
  const open = policy()
  for (const [host, offered] of [
    ['127.0.0.1', true],
    ['169.254.1.1', true],
    ['192.168.0.1', true],
    ['224.0.0.1', false],
  ] as const)
    assert.throws(
      () => open.check(new URL(`http://${host}/`)),
      (error: ToolError) => error.text.includes('FETCH_ALLOW_PRIVATE') === offered,
      host,
    )
})
