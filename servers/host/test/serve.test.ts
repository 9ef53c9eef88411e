import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild, until, withChild } from '../../../test/helpers/child.ts'
import { McpSession, postJson, send, sendRaw } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'

const script = 'test/helpers/sample-process.ts'
const configured = { SAMPLE_URL: 'http://backend' }
/** So that garbage which waits to be collected is not taken for a leak; it still has room for the loader that runs TypeScript. */
const smallHeap = '--max-old-space-size=64 --max-semi-space-size=1'

const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }

test('one server answers at its own paths and at the short ones', () =>
  withChild(script, [], configured, async ({ url }) => {
    for (const path of ['', '/sample']) {
      const session = await McpSession.open(`${url}${path}/sse`)
      assert.equal(new URL(session.endpoint).pathname, `${path}/messages`)
      assert.equal((await session.request('tools/list')).result.tools.length, 4)
      session.close()
      assert.equal((await postJson(`${url}${path}/mcp`, list)).json().result.tools.length, 4)
      assert.equal((await send(`${url}${path}/health`)).status, 200)
      assert.equal((await send(`${url}${path}/ready`)).status, 200)
    }
  }))

test('several servers answer at their own paths, and together at the short ones', () =>
  withChild(script, ['one', 'two'], { ...configured, MCP_RATE_LIMIT: '2' }, async ({ url, stdout }) => {
    for (const name of ['one', 'two']) assert.equal((await postJson(`${url}/${name}/mcp`, list)).json().result.tools.length, 4)
    assert.equal((await postJson(`${url}/mcp`, list)).json().result.tools.length, 8)
    const session = await McpSession.open(`${url}/sse`)
    const { serverInfo, instructions } = (await session.request('initialize', { protocolVersion: '2025-11-25' })).result
    assert.deepEqual([serverInfo.name, instructions], ['octet', 'For tests.\nFor tests.'])
    assert.equal((await session.call('one_look')).isError, undefined)
    assert.equal((await session.call('two_look')).isError, undefined)
    assert.match((await session.request('tools/call', { name: 'three_look' })).error.message, /unknown tool "three_look"/)
    // Each server has its own limit, whichever address its calls come by.
    const one = await McpSession.open(`${url}/one/sse`)
    assert.equal((await one.call('one_look')).isError, undefined)
    assert.match((await session.call('one_look')).content[0].text, /RATE_LIMITED/)
    assert.equal((await session.call('two_look')).isError, undefined)
    session.close()
    one.close()
    const { servers } = (await send(`${url}/ready`)).json()
    assert.deepEqual(Object.keys(servers), ['one', 'two'])
    assert.deepEqual([servers.one.calls, servers.one.errors, servers.two.calls], [3, 1, 2])
    const records = stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      records.filter(({ type }) => type === 'tool_call').map(({ server, tool, outcome }) => `${server} ${tool} ${outcome}`),
      [
        'one one_look ok',
        'two two_look ok',
        'octet three_look denied',
        'one one_look ok',
        'one one_look denied',
        'two two_look ok',
      ],
    )
  }))

test('a client that leaves in the middle of a call at the address of all tools cancels it, recorded under its server', () =>
  withChild(script, ['one', 'two'], configured, async ({ url, stdout }) => {
    const session = await McpSession.open(`${url}/sse`)
    await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'two_wait' } })
    await until(async () => /calls_in_flight\{server="two"\} 1/.test((await send(`${url}/metrics`)).text))
    session.close()
    await until(() => /"server":"two".*"tool":"two_wait".*"outcome":"cancelled"/.test(stdout()))
  }))

test('two tools of one name are exit 78', async () => {
  const { code, stderr } = await runChild(script, ['one', 'two', '--same-tools'], configured)
  assert.equal(code, 78)
  assert.match(stderr, /one and two both have a tool "look"/)
})

test('tokens are read again when their file changes and on SIGHUP, which ends nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'octet-token-'))
  const file = join(folder, 'token')
  writeFileSync(file, 'the-first-token\n')
  try {
    await withChild(script, [], { ...configured, MCP_AUTH_TOKEN_FILE: file }, async ({ url, process: child, stderr }) => {
      const status = async (token: string) => (await postJson(`${url}/mcp`, list, { Authorization: `Bearer ${token}` })).status
      assert.deepEqual([await status('the-first-token'), await status('the-second-token')], [200, 401])
      writeFileSync(file, 'the-second-token\n')
      child.kill('SIGHUP')
      await until(() => stderr().includes('tokens were read again'))
      assert.deepEqual([await status('the-first-token'), await status('the-second-token')], [401, 200])
      writeFileSync(file, '') // a file that is being written
      child.kill('SIGHUP')
      await until(() => stderr().includes('tokens are kept'))
      assert.equal(await status('the-second-token'), 200)
      writeFileSync(file, 'the-third-token\n')
      await until(async () => (await status('the-third-token')) === 200) // without a signal
      assert.doesNotMatch(stderr(), /the-(first|second|third)-token/)
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a trailing slash changes nothing', () =>
  withChild(script, [], { ...configured, MCP_BASE_PATH: '/tools' }, async ({ url }) => {
    for (const path of ['', '/sample']) {
      assert.equal((await postJson(`${url}${path}/mcp/`, list)).json().result.tools.length, 4)
      assert.equal((await postJson(`${url.replace('/tools', '')}${path}/mcp/?x=1`, list)).status, 200)
      const session = await McpSession.open(`${url}${path}/sse/`)
      assert.equal(new URL(session.endpoint).pathname, `/tools${path}/messages`)
      assert.deepEqual((await session.request('ping')).result, {})
      session.close()
      for (const status of ['health', 'ready']) assert.equal((await send(`${url}${path}/${status}/`)).status, 200)
    }
    for (const path of ['', '/']) assert.match((await send(url + path)).text, /^<!doctype html>/)
    for (const path of ['//', '/nope/']) assert.equal((await send(url + path)).status, 404)
  }))

test('an HTTP/1.0 health check without Host is answered', () =>
  withChild(script, [], configured, async ({ url }) => {
    assert.match(await sendRaw(url, 'GET /health HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 200 /)
    assert.match(await sendRaw(url, 'GET /health HTTP/1.1\r\n\r\n'), /^HTTP\/1.1 400 /)
  }))

test('a base path works whether the proxy strips it or not', () =>
  withChild(script, [], { ...configured, MCP_BASE_PATH: '/tools/' }, async ({ url }) => {
    const stripped = await McpSession.open(`${url.replace('/tools', '')}/sse`)
    assert.match(new URL(stripped.endpoint).pathname, /^\/tools\/messages$/)
    assert.deepEqual((await stripped.request('ping')).result, {})
    stripped.close()
    assert.equal((await send(`${url}/health`)).status, 200)
  }))

test('a base path may have the name of a server', () =>
  withChild(script, ['sample', 'other'], { ...configured, MCP_BASE_PATH: '/sample' }, async ({ url }) => {
    const tools = async (path: string) => (await postJson(url + path, list)).json().result.tools.length
    assert.deepEqual([await tools('/mcp'), await tools('/sample/mcp')], [8, 4])
  }))

test('a backend that is down leaves the server listed, unready and answering why', () =>
  withChild(script, [], { SAMPLE_URL: 'down' }, async ({ url }) => {
    assert.equal((await send(`${url}/health`)).status, 200)
    const ready = await send(`${url}/ready`)
    assert.equal(ready.status, 503)
    const { state, error, message, since } = ready.json().servers.sample
    assert.deepEqual(
      [state, error, message, Number.isNaN(Date.parse(since))],
      ['down', 'UPSTREAM_UNREACHABLE', 'nobody answers [down]', false],
    )
    assert.equal((await postJson(`${url}/mcp`, list)).json().result.tools.length, 4)
  }))

test('a server without configuration is listed, and calls say what to set', () =>
  withChild(script, [], {}, async ({ url }) => {
    assert.equal((await send(`${url}/ready`)).json().servers.sample.state, 'not_configured')
    const session = await McpSession.open(`${url}/sse`)
    const { content, isError } = await session.call('look')
    assert.deepEqual(
      [isError, content[0].text],
      [true, 'ERROR UPSTREAM_UNREACHABLE: the sample server is not configured: set SAMPLE_URL. Ask the operator.'],
    )
    session.close()
  }))

test('wrong configuration is one report and exit 78, without any secret', async () => {
  const { code, stderr } = await runChild(script, [], {
    MCP_PORT: 'http',
    SAMPLE_SIZE: '99',
    SAMPLE_KEY: 'abc',
    MCP_HOST: '0.0.0.0',
    SAMPLE_SIZ: '1',
  })
  assert.equal(code, 78)
  assert.match(stderr, /^4 problems in the configuration:/)
  for (const says of [
    /MCP_PORT: expected an integer/,
    /SAMPLE_SIZE: expected an integer ≥ 1 ≤ 9, got 99/,
    /SAMPLE_KEY: .*set\(3 chars\)/,
    /did you mean SAMPLE_SIZE/,
  ])
    assert.match(stderr, says)
  assert.equal(stderr.includes('abc'), false)
})

test('a bind beyond loopback without a token is exit 78', async () => {
  const { code, stderr } = await runChild(script, [], { ...configured, MCP_HOST: '0.0.0.0', MCP_PORT: '0' })
  assert.equal(code, 78)
  assert.match(stderr, /no token is set; set MCP_AUTH_TOKEN/)
})

test('an audit file that cannot be written is exit 78', async () => {
  const { code, stderr } = await runChild(script, [], { ...configured, AUDIT_FILE: '/nowhere/audit.jsonl' })
  assert.equal(code, 78)
  assert.match(stderr, /AUDIT_FILE: cannot be written \(ENOENT\)/)
})

test('among several servers a wrong one is unready, and the others run', () =>
  withChild(script, ['one', 'two'], { SAMPLE_URL: 'contradiction' }, async ({ url, stderr }) => {
    const { state, message, next } = (await send(`${url}/ready`)).json().servers.one
    assert.deepEqual([state, message, next], ['misconfigured', 'SAMPLE_URL contradicts itself', 'correct it and start again'])
    assert.match(stderr(), /SAMPLE_URL contradicts itself/)
  }))

test('a port in use is said in one line, exit 1', () =>
  withChild(script, [], configured, async ({ url }) => {
    const { code, stderr } = await runChild(script, [], { ...configured, MCP_PORT: new URL(url).port })
    assert.equal(code, 1)
    assert.match(stderr, /is in use; set MCP_PORT to another/)
  }))

test('details of readiness and the metrics need the token, health does not', () =>
  withChild(script, [], { ...configured, MCP_AUTH_TOKEN: 'a-long-token' }, async ({ url }) => {
    const known = { headers: { Authorization: 'Bearer a-long-token' } }
    assert.deepEqual((await send(`${url}/ready`)).json(), { status: 'ready' })
    assert.equal((await send(`${url}/ready`, known)).json().servers.sample.detail.version, '9')
    assert.equal((await send(`${url}/metrics`)).status, 401)
    assert.match((await send(`${url}/metrics`, known)).text, /^mcp_server_upstream_up\{server="sample"\} 1$/m)
    assert.equal((await send(`${url}/health`)).status, 200)
    assert.equal((await send(`${url}/health`, { headers: { Host: 'evil.example.com' } })).status, 403)
    assert.equal((await send(`${url}/health`, { method: 'POST' })).status, 405)
  }))

test('metrics count calls by tool and error, refusals and truncations', () =>
  withChild(script, [], configured, async ({ url }) => {
    const session = await McpSession.open(`${url}/sse`)
    await session.call('look')
    await session.call('look', { text: 'cut' })
    await session.call('look', { nope: 1 })
    await session.request('tools/call', { name: 'made"up\n' })
    await send(`${url}/sse`, { headers: { Host: 'evil.example.com' } })
    const { text } = await send(`${url}/metrics`)
    const count = (labels: string) =>
      text.match(
        new RegExp(
          `^mcp_server_operation_duration_seconds_count\\{server="sample",mcp_method_name="tools/call",${labels}\\} (\\d+)`,
          'm',
        ),
      )?.[1]
    assert.equal(count('gen_ai_tool_name="look",error_type=""'), '2')
    assert.equal(count('gen_ai_tool_name="look",error_type="INVALID_ARGUMENT"'), '1')
    assert.equal(count('gen_ai_tool_name="unknown",error_type="-32602"'), '1')
    assert.match(text, /^mcp_server_truncated_results_total\{server="sample",gen_ai_tool_name="look"\} 1$/m)
    assert.match(text, /^mcp_server_refused_total\{server="sample",reason="host"\} 1$/m)
    assert.match(text, /^mcp_server_open_sessions\{server="sample"\} 1$/m)
    session.close()
  }))

test('tools can be allowed and denied by glob', () =>
  withChild(script, [], { ...configured, MCP_TOOLS_ALLOW: 'l*,w*,change', MCP_TOOLS_DENY: '*ange' }, async ({ url }) => {
    const { tools } = (await postJson(`${url}/mcp`, list)).json().result
    assert.deepEqual(
      tools.map(({ name }: { name: string }) => name),
      ['look', 'wait'],
    )
    assert.equal(
      (await postJson(`${url}/mcp`, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'change' } })).json().error
        .code,
      -32602,
    )
  }))

test('SIGTERM answers what is in flight, ends the streams and exits 0', () =>
  withChild(script, [], { ...configured, MCP_SHUTDOWN_GRACE_MS: '300' }, async ({ url, stop }) => {
    const session = await McpSession.open(`${url}/sse`)
    await session.post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait' } })
    const code = stop()
    assert.match((await session.message()).result.content[0].text, /CANCELLED: the server is shutting down/)
    await session.stream.closed
    assert.equal(await code, 0)
  }))

test('the server keeps running when the reader of its log leaves', () =>
  withChild(script, [], { ...configured, LOG_LEVEL: 'debug' }, async ({ url, process, exited }) => {
    process.stderr?.destroy()
    for (let i = 0; i < 3; i++) assert.equal((await send(`${url}/mcp`, { headers: { Host: 'evil.example.com' } })).status, 403)
    assert.equal((await send(`${url}/health`)).status, 200)
    process.kill('SIGTERM')
    assert.equal(await exited, 0)
  }))

test('an exception outside of any call is logged, and the process ends', () =>
  withChild(script, [], configured, async ({ url, exited, stderr }) => {
    const session = await McpSession.open(`${url}/sse`)
    session.call('crash').catch(() => {}) // the process may end before the record of the call is written
    assert.equal(await exited, 1)
    assert.match(stderr(), /"level":"error","message":"uncaught exception".*outside/)
  }))

test(
  'requests that are no HTTP, or too slow with their head, are cut',
  () =>
    withChild(script, [], configured, async ({ url }) => {
      assert.match(await sendRaw(url, 'hello\r\n\r\n'), /^HTTP\/1.1 400/)
      assert.match(await sendRaw(url, `GET /health HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`), /^HTTP\/1.1 431/)
      assert.match(await sendRaw(url, 'GET /health HTTP/1.1\r\nHost: localhost\r\n'), /^HTTP\/1.1 408/)
    }),
  { timeoutMs: 30_000 },
)

test('half-open sockets do not keep others out', () =>
  withChild(script, [], configured, async ({ url }) => {
    const { hostname, port } = new URL(url)
    const sockets = await Promise.all(
      Array.from(
        { length: 200 },
        () =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const socket = connect(Number(port), hostname, () => resolve(socket))
          }),
      ),
    )
    assert.equal((await send(`${url}/health`)).status, 200)
    for (const socket of sockets) socket.destroy()
  }))

test(
  '2,000 sessions opened, used and closed leave no session and little memory',
  (signal) =>
    withChild(script, [], { ...configured, AUDIT_FILE: '/dev/null', NODE_OPTIONS: smallHeap }, async ({ url }) => {
      const metric = async (name: string) =>
        Number((await send(`${url}/metrics`)).text.match(new RegExp(`^${name}.* (\\d+)$`, 'm'))?.[1])
      const cycles = async (count: number) => {
        const one = async () => {
          const session = await McpSession.open(`${url}/sse`)
          await session.request('initialize', { protocolVersion: '2025-11-25' })
          await session.call('look', { text: 'x' })
          await session.request('tools/list')
          session.close()
        }
        for (let done = 0; done < count; done += 10) await Promise.all(Array.from({ length: 10 }, one))
      }
      await cycles(1_000) // warm: compiled code and a grown heap are no leaks
      const before = await metric('process_resident_memory_bytes')
      await cycles(1_000)
      while ((await metric('mcp_server_open_sessions')) > 0) signal.throwIfAborted()
      const grown = (await metric('process_resident_memory_bytes')) - before
      assert.equal(grown < 20 * 1_048_576, true, `grew by ${(grown / 1_048_576).toFixed(1)} MiB`)
    }),
  { timeoutMs: 120_000 },
)
