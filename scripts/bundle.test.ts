import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { catalog, serverNames, toolsOf } from '../servers/cli/catalog.ts'
import { runChild, withChild } from '../test/helpers/child.ts'
import { postJson, send, withServer } from '../test/helpers/wire.ts'
import { test } from '../test/runner/harness.ts'
import { bundleServers } from './bundle.ts'

const folder = mkdtempSync(join(tmpdir(), 'bundles-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
await bundleServers(folder)

const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }

for (const name of serverNames) {
  const file = join(folder, `servers/${name}.cjs`)

  test(`the bundle of ${name} lists what its source defines`, () =>
    withChild(file, [], {}, async ({ url }) => {
      const { result } = (await postJson(`${url}/mcp`, list)).json()
      assert.deepEqual(
        result.tools.map((tool: { name: string }) => tool.name),
        toolsOf(await catalog[name]()).map((tool) => tool.name),
      )
    }))

  test(`the bundle of ${name} holds no schema compiler`, () => {
    assert.equal(/ajv\/dist\/(core|compile|2020)/.test(readFileSync(file, 'utf8')), false)
  })
}

test('a bundle validates arguments with code compiled ahead', () =>
  withChild(join(folder, 'servers/filesystem.cjs'), [], { FS_ROOTS: folder }, async ({ url }) => {
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read_file', arguments: { pth: 'x' } } }
    assert.match(
      (await postJson(`${url}/mcp`, call)).json().result.content[0].text,
      /INVALID_ARGUMENT: missing "path"; unknown "pth", did you mean "path"/,
    )
  }))

test('a bundle holds the page at /, and its policy allows exactly its style and its script', () =>
  withChild(join(folder, 'servers/filesystem.cjs'), [], { FS_ROOTS: folder }, async ({ url }) => {
    const { text, headers } = await send(url)
    const parts = [...text.matchAll(/<(?:style|script type="module")>(.+?)<\/(?:style|script)>/gs)].map(([, part = '']) => part)
    assert.equal(parts.length, 2)
    for (const part of parts)
      assert.equal(headers['content-security-policy']?.includes(`'sha256-${hash('sha256', part, 'base64')}'`), true)
  }))

for (const [file, args] of [
  ['servers/fetch.cjs', []],
  ['octet.cjs', ['serve', 'fetch']],
] as const) {
  test(`${file} reads a web page with the parser that it holds`, () =>
    withServer(
      (req, res) => {
        const paragraph = '<p>One of many paragraphs, long enough, with commas, to be a part of an article.</p>'
        if (req.url === '/robots.txt') res.writeHead(404).end()
        else res.setHeader('content-type', 'text/html').end(`<body><div>${paragraph.repeat(20)}</div>`)
      },
      (site) =>
        withChild(join(folder, file), [...args], { FETCH_ALLOW_PRIVATE: new URL(site).host }, async ({ url }) => {
          const params = { name: 'fetch_web_content', arguments: { url: site } }
          const { result } = (await postJson(`${url}/mcp`, { jsonrpc: '2.0', id: 1, method: 'tools/call', params })).json()
          assert.match(result.content[0].text, /One of many paragraphs/)
        }),
    ))
}

test('octet start NAME needs no file but the bundle of that server', async () => {
  const alone = mkdtempSync(join(tmpdir(), 'bundle-'))
  try {
    for (const file of ['bin.cjs', 'servers/filesystem.cjs']) cpSync(join(folder, file), join(alone, file))
    await withChild(join(alone, 'bin.cjs'), ['start', 'filesystem'], { FS_ROOTS: folder }, async ({ url, stderr, stop }) => {
      assert.equal((await postJson(`${url}/mcp`, list)).json().result.tools.length, 2)
      while (!/^filesystem +http.* ok +2$/m.test(stderr())) await delay(20) // until the backends were probed
      await stop()
    })
  } finally {
    rmSync(alone, { recursive: true })
  }
  assert.match((await runChild(join(folder, 'bin.cjs'), ['start', 'filesystme'], {})).stderr, /did you mean filesystem/)
})

test('the entry of the images starts one server', () => {
  cpSync(join(import.meta.dirname, '../docker/entry.cjs'), join(folder, 'entry.cjs'))
  return withChild(join(folder, 'entry.cjs'), ['filesystem'], { FS_ROOTS: folder }, async ({ url }) => {
    assert.equal((await postJson(`${url}/mcp`, list)).json().result.tools.length, 2)
  })
})

test('octet start serves every server on one port, with a table for people', () =>
  withChild(join(folder, 'octet.cjs'), ['start'], {}, async ({ url, stderr, stop }) => {
    const { servers } = (await send(`${url}/ready`)).json()
    assert.deepEqual(Object.keys(servers), serverNames)
    for (const name of serverNames)
      assert.equal((await postJson(`${url}/${name}/mcp`, list)).json().result.tools.length, servers[name].tools)
    while (!stderr().includes('Stop with Ctrl-C')) await delay(20) // the line below the table
    await stop()
    for (const name of serverNames) assert.match(stderr(), new RegExp(`^${name} +${url}/${name}/sse +\\w+.* +\\d+$`, 'm'))
  }))

test('octet says how it is used, and names the server that was meant', async () => {
  const octet = join(folder, 'octet.cjs')
  assert.match((await runChild(octet, ['--help'])).stdout, /octet start \[NAME/)
  assert.match((await runChild(octet, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
  for (const args of [[], ['nope'], ['start', 'x'], ['start', '--check-config'], ['--nope'], ['audit', 'verify']]) {
    assert.equal((await runChild(octet, args)).code, 2, args.join(' '))
  }
  const { code, stderr } = await runChild(octet, ['serve', 'filesytem'])
  assert.deepEqual([code, /did you mean filesystem\?/.test(stderr)], [2, true])
  assert.equal((await runChild(octet, ['doctor', 'filesystem'], { FS_ROOTS: '/tmp', MCP_PORT: '0' })).code, 0)
})
