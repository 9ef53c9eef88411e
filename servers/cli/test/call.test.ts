// `octet call`: a real client against the protocol library's sample server, and against a server with sessions and event streams.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { streamableHttp } from '../../../protocol/index.ts'
import { sampleServer } from '../../../test/helpers/sample-server.ts'
import { withServer } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { inFolder, runOctet } from './run-octet.ts'

const withSample = (use: (call: (...args: string[]) => ReturnType<typeof runOctet>, folder: string) => Promise<void>) =>
  inFolder((folder) =>
    withServer(streamableHttp(sampleServer().server), (url) =>
      use((...args) => runOctet(['call', url, ...args], folder), folder),
    ),
  )

test('call without a tool lists them, with their arguments', () =>
  withSample(async (call) => {
    const { stdout, code } = await call()
    assert.equal(code, 0)
    assert.match(stdout, /^echo\n {2}Returns its text\.\n {2}arguments: text \[times\]$/m)
    const tools = JSON.parse((await call('--json')).stdout)
    assert.equal(tools[0].inputSchema.properties.times.maximum, 1_000_000)
  }))

test('arguments get the type that the schema declares, or are one JSON object', () =>
  withSample(async (call) => {
    assert.equal((await call('echo', 'text=12', 'times=2')).stdout, '1212\n')
    assert.equal((await call('echo', '{"text":"a=b","times":2}')).stdout, 'a=ba=b\n')
    assert.equal((await call('echo', 'text=a=b')).stdout, 'a=b\n')
    const result = JSON.parse((await call('structured', 'valid=true', '--json')).stdout)
    assert.deepEqual(result.structuredContent, { count: 7 })
    for (const [args, expected] of [
      [['echo', 'text'], /"text" is not an argument; write it as key=value/],
      [['echo', '{text}'], /the arguments of echo are not valid JSON/],
      [['ecoh'], /there is no tool "ecoh"; did you mean echo\?/],
    ] as const) {
      const { code, stderr } = await call(...args)
      assert.match(stderr, expected)
      assert.equal(code, 2)
    }
  }))

test('an error of the tool is printed, with exit code 1', () =>
  withSample(async (call) => {
    const { stdout, code } = await call('fail', 'how=tool')
    assert.deepEqual([code, /ERROR NOT_FOUND: no such thing/.test(stdout)], [1, true])
    assert.match((await call('echo', 'text=a', 'times=many')).stdout, /INVALID_ARGUMENT/)
  }))

test('images and sound are saved beside files that exist, and the names are printed', () =>
  withSample(async (call, folder) => {
    const { stdout } = await call('kinds')
    assert.match(stdout, /^text\nimage\/png, 3 bytes: saved as kinds-1\.png\naudio\/wav, 3 bytes: saved as kinds-1\.wav\n\{\n/)
    assert.match((await call('kinds')).stdout, /saved as kinds-2\.png/)
    assert.deepEqual(readdirSync(folder).sort(), ['kinds-1.png', 'kinds-1.wav', 'kinds-2.png', 'kinds-2.wav'])
    assert.deepEqual(readFileSync(join(folder, 'kinds-1.png')), Buffer.from('AAAA', 'base64'))
  }))

test('a server with sessions, pages of tools and event streams is called, and escape sequences in its texts are removed', () =>
  inFolder((folder) =>
    withServer(foreign, async (url) => {
      const env = { MCP_AUTH_TOKEN: 'a token of the test' }
      assert.match((await runOctet(['call', `${url}/mcp`], folder, env)).stdout, /^one\n.*^two\n/ms)
      assert.equal((await runOctet(['call', url, 'two', 'x=1'], folder, env)).stdout, 'called two red\n')
      const refused = await runOctet(['call', url], folder, { MCP_AUTH_TOKEN: 'another token' })
      assert.deepEqual([refused.code, /a token is needed, or it is wrong \(401\)/.test(refused.stderr)], [1, true])
    }),
  ))

test('call says why there is no answer', () =>
  inFolder(async (folder) => {
    const nobody = await runOctet(['call'], folder, { MCP_PORT: '1' })
    assert.deepEqual([nobody.code, nobody.stdout], [1, ''])
    assert.match(nobody.stderr, /http:\/\/127\.0\.0\.1:1\/mcp: nothing listens there.*octet start/)
    await withServer(
      (_req, res) => res.writeHead(404).end('<html>'),
      async (url) => assert.match((await runOctet(['call', url], folder)).stderr, /answers 404, which is not MCP: <html>/),
    )
    assert.match((await runOctet(['call', 'ftp://x/'], folder)).stderr, /"ftp:\/\/x\/" is not a valid http\(s\) address/)
  }))

const foreign: RequestListener = (req, res) => {
  let body = ''
  req.on('data', (chunk) => (body += chunk))
  req.on('end', () => {
    const { id, method, params } = JSON.parse(body)
    if (req.headers.authorization !== 'Bearer a token of the test') return void res.writeHead(401).end()
    if (method === 'initialize') {
      const result = { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: 'foreign', version: '1' } }
      res.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'one' })
      return void res.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
    }
    if (req.headers['mcp-session-id'] !== 'one') return void res.writeHead(400).end('no session')
    if (id === undefined) return void res.writeHead(202).end()
    const inputSchema = { type: 'object', properties: {} }
    const result =
      method === 'tools/call'
        ? { content: [{ type: 'text', text: `called ${params.name} \x1b[31mred` }] }
        : params.cursor === undefined
          ? { tools: [{ name: 'one', inputSchema }], nextCursor: 'more' }
          : { tools: [{ name: 'two', inputSchema }] }
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const notification = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'working' } }
    res.end(
      `event: message\ndata: ${JSON.stringify(notification)}\n\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`,
    )
  })
}
