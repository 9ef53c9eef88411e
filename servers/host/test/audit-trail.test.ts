import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProtocolError, ToolError } from '../../../protocol/index.ts'
import { runChild, until, withChild } from '../../../test/helpers/child.ts'
import { McpSession, postJson, send } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { createRedact } from '../../kit/redact.ts'
import { Audit } from '../audit/trail.ts'
import { verifyAudit } from '../audit/verify.ts'
import { type Env, readConfig } from '../config.ts'
import { Metrics } from '../metrics.ts'
import { recording } from '../recording.ts'
import { settingsSchema } from '../settings.ts'

const script = 'test/helpers/sample-process.ts'

async function inFolder<T>(use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'audit-'))
  try {
    return await use(join(folder, 'audit.jsonl'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const records = (file: string): any[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

const auth = { Authorization: 'Bearer the-gateways-token' }
const env = (file: string, more: Record<string, string> = {}) => ({
  AUDIT_FILE: file,
  SAMPLE_URL: 'http://backend',
  MCP_AUTH_TOKENS: 'litellm:the-gateways-token',
  ...more,
})

test('a call leaves one record that says who, what, and how it ended', () =>
  inFolder(async (file) => {
    await withChild(script, [], env(file, { SAMPLE_KEY: 'the-backends-key' }), async ({ url, stop }) => {
      const session = await McpSession.open(`${url}/sse`, auth)
      await session.request('initialize', { protocolVersion: '2025-11-25', clientInfo: { name: 'mcp', version: '0.1.0' } })
      await session.call(
        'look',
        { text: 'the-backends-key', password: 'hunter22' },
        {
          'x-litellm-end-user-id': 'jo@x.io',
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        },
      )
      session.close()
      await stop()
    })
    const [start, call, end] = records(file)
    assert.deepEqual([start.type, start.seq, start.prev, end.type], ['start', 1, '0'.repeat(64), 'stop'])
    assert.match(start.config_sha256, /^[0-9a-f]{64}$/)
    const { ts, hash, prev, session8, duration_ms, args_sha256, bytes_out, version, remote, ...rest } = call
    assert.equal(prev, start.hash)
    assert.match(session8, /^[0-9a-f]{8}$/)
    assert.deepEqual(rest, {
      seq: 2,
      type: 'tool_call',
      server: 'sample',
      tool: 'look',
      principal: 'litellm',
      user: 'jo@x.io',
      client: { name: 'mcp', version: '0.1.0' },
      rpc_id: 101,
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      args: { text: '[redacted]', password: '[redacted]' },
      upstream: 'http://backend',
      read_only: false,
      outcome: 'ok',
      rows: 1,
      truncated: false,
    })
    assert.equal(bytes_out > 0 && duration_ms >= 0 && args_sha256.length === 64 && remote !== '' && version !== '', true)
    assert.equal(readFileSync(file, 'utf8').includes('hunter22'), false)
    const masked = JSON.stringify({ text: 'the-backends-key', password: '[8 chars]' })
    assert.equal(args_sha256, createHash('sha256').update(masked).digest('hex'), 'a guess of the password cannot be tried on it')
  }))

test('what may be a misspelled secret is masked too', () =>
  inFolder(async (file) => {
    await withChild(script, [], env(file), async ({ url, stop }) => {
      const session = await McpSession.open(`${url}/sse`, auth)
      assert.match((await session.call('look', { pasword: 'hunter22' })).content[0].text, /^ERROR INVALID_ARGUMENT/)
      session.close()
      await stop()
    })
    assert.equal(readFileSync(file, 'utf8').includes('hunter22'), false)
  }))

const field = { type: 'object', properties: { selector: { type: 'string' }, value: { type: 'string', writeOnly: true } } }
const failing = (error: Error) => () => Promise.reject(error)

/** Records of calls that fail with these errors, without a process. */
async function recordsOf(calls: [args: unknown, error: Error][], variables: Env = {}): Promise<any[]> {
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const redact = createRedact(['the-backends-key'])
  const settings = readConfig(settingsSchema, { AUDIT_FILE: '/dev/null', ...variables }).config
  assert.ok(settings)
  const audit = new Audit({ settings, version: '1', redact, log })
  const record = recording('sample', { audit, metrics: new Metrics() })
  for (const [args, error] of calls) {
    const context = { caller: { principal: 'jo', remote: '' }, session: {}, requestId: 1 }
    const tool = { name: 'fill', inputSchema: field, annotations: { readOnlyHint: true } }
    const call = { method: 'tools/call', params: { name: 'fill', arguments: args }, tool, context, attributes: {} }
    await assert.rejects(() => record(call as never, failing(error)))
  }
  return audit.recentCalls.toReversed()
}

test('a failed call keeps the text that the model read, without secrets and cut', async () => {
  const [missing, wrong, long, fault] = await recordsOf([
    [{}, new ToolError('NOT_FOUND', 'no key the-backends-key', { hint: 'list' })],
    [{}, new ProtocolError(-32602, 'unknown tool "x"')],
    [{}, new ToolError('UPSTREAM_ERROR', 'x'.repeat(5_000))],
    [{}, new Error('a detail that no caller reads')],
  ])
  assert.equal(missing.error_text, 'ERROR NOT_FOUND: no key [redacted]. TRY: list')
  assert.equal(wrong.error_text, 'unknown tool "x"')
  assert.match(long.error_text, /^ERROR UPSTREAM_ERROR: x{978}…\[\+4023 chars\]$/)
  assert.match(fault.error_text, /^the server failed; its log/)
})

test('a text that may quote an argument which is not kept is left out', async () => {
  const said = new ToolError('NOT_FOUND', 'there is no option "hunter22"')
  const down = new ToolError('UPSTREAM_UNREACHABLE', 'nobody answers')
  const calls: [unknown, Error][] = [
    [{ selector: '#a', value: 'hunter22' }, said],
    [{ selector: '#a', vaule: 'hunter22' }, said],
    ...['constructor', 'toString', '__proto__'].map((name): [unknown, Error] => [JSON.parse(`{"${name}":"hunter22"}`), said]),
    [JSON.stringify({ selector: '#a', value: 'hunter22' }), said],
    [['hunter22'], said],
    [{ selector: '#a', value: 'hunter22' }, down],
    [{ selector: '#a' }, said],
  ]
  const kept = await recordsOf(calls)
  assert.equal(JSON.stringify(kept.slice(0, 8)).includes('hunter22'), false)
  assert.deepEqual(kept[5].args, { selector: '#a', value: '[8 chars]' })
  assert.deepEqual(
    kept.map(({ error_text }) => error_text?.slice(0, 26)),
    [...Array(7).fill(undefined), 'ERROR UPSTREAM_UNREACHABLE', 'ERROR NOT_FOUND: there is '],
  )
  const none = await recordsOf(
    [
      [{}, said],
      [{}, down],
    ],
    { AUDIT_ARGS: 'none' },
  )
  assert.deepEqual(
    none.map(({ error_text }) => error_text === undefined),
    [true, false],
  )
})

test('the last 50 calls are kept, in order', async () => {
  const error = new ToolError('NOT_FOUND', 'nothing')
  const kept = await recordsOf(Array.from({ length: 60 }, (_, i) => [{ selector: `${i}` }, error]))
  assert.deepEqual(
    kept.map(({ args }) => Number(args.selector)),
    Array.from({ length: 50 }, (_, i) => i + 10),
  )
})

test('errors, refusals, timeouts, cancels and unknown tools each have their outcome', () =>
  inFolder(async (file) => {
    await withChild(script, [], env(file, { MCP_READ_ONLY: 'true', MCP_TOOL_TIMEOUT_MS: '200' }), async ({ url, stop }) => {
      const session = await McpSession.open(`${url}/sse`, auth)
      await session.call('look', { nope: 1 })
      await session.call('change')
      await session.request('tools/call', { name: 'nope' })
      await session.call('wait')
      await session.post({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'wait' } })
      await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } })
      await session.request('ping')
      session.close()
      await stop()
    })
    const calls = records(file).filter(({ type }) => type === 'tool_call')
    assert.deepEqual(
      calls.map(({ tool, outcome, error_code }) => [tool, outcome, error_code]),
      [
        ['look', 'error', 'INVALID_ARGUMENT'],
        ['change', 'denied', 'READ_ONLY'],
        ['nope', 'denied', '-32602'],
        ['wait', 'timeout', 'TIMEOUT'],
        ['wait', 'cancelled', 'CANCELLED'],
      ],
    )
  }))

test('arguments that are nested too deep to be written as JSON are refused, and the refusal is recorded', () =>
  inFolder(async (file) => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
    await withChild(script, [], env(file, { AUDIT_REQUIRED: 'true' }), async ({ url, stop, stderr }) => {
      for (const args of [`{"text":${deep}}`, `{"password":${deep}}`, JSON.stringify(`{"text":${deep}}`), deep]) {
        const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","arguments":${args}}}`
        const { result, error } = (await postJson(`${url}/mcp`, body, auth)).json()
        assert.match(error?.message ?? result.content[0].text, /"arguments" must be|INVALID_ARGUMENT/)
      }
      await stop()
      assert.doesNotMatch(stderr(), /internal error/)
    })
    const calls = records(file).filter(({ type }) => type === 'tool_call')
    assert.equal(calls.length, 4)
    assert.deepEqual([...new Set(calls.map(({ args }) => args))], ['[nested too deep]'])
    assert.deepEqual((await verifyAudit([file], undefined)).problems, [])
  }))

test('a tool that may change something leaves an intent before it runs', () =>
  inFolder(async (file) => {
    await withChild(script, [], env(file), async ({ url, stop }) => {
      const session = await McpSession.open(`${url}/sse`, auth)
      await session.call('change')
      session.close()
      await stop()
    })
    const [, intent, call] = records(file)
    assert.deepEqual([intent.type, call.type, intent.rpc_id === call.rpc_id], ['intent', 'tool_call', true])
  }))

test('failed logins and foreign hosts are recorded, a flood as one with its count', () =>
  inFolder(async (file) => {
    await withChild(script, [], env(file), async ({ url, stop }) => {
      for (let i = 0; i < 30; i++)
        assert.equal((await send(`${url}/sse`, { headers: { Authorization: 'Bearer wrong-token' } })).status, 401)
      assert.equal((await send(`${url}/sse`, { headers: { Host: 'evil.example.com' } })).status, 403)
      assert.equal((await send(`${url}/metrics`)).status, 401)
      assert.equal((await postJson(`${url}/messages?sessionId=x`, {}, auth)).status, 404)
      await stop()
    })
    const denied = records(file).filter(({ type }) => type === 'denied')
    assert.deepEqual(
      denied.map(({ reason, server, status, repeated, principal }) => [reason, server, status, repeated, principal]).sort(),
      [
        ['credentials', 'sample', 401, undefined, undefined],
        ['credentials', 'sample', 401, 29, undefined],
        ['credentials', undefined, 401, undefined, undefined],
        ['host', 'sample', 403, undefined, undefined],
        ['session', 'sample', 404, undefined, 'litellm'],
      ].sort(),
    )
    assert.equal(readFileSync(file, 'utf8').includes('wrong-token'), false)
  }))

test('the chain goes on over restarts and rotation, and verifies', () =>
  inFolder(async (file) => {
    for (let round = 0; round < 3; round++) {
      await withChild(script, [], env(file, { AUDIT_MAX_BYTES: '10000', AUDIT_MAX_FILES: '4' }), async ({ url, stop }) => {
        const session = await McpSession.open(`${url}/sse`, auth)
        for (let i = 0; i < 12; i++) await session.call('look', { text: 'x'.repeat(300) })
        session.close()
        await stop()
      })
    }
    const files = [3, 2, 1].map((n) => `${file}.${n}`).concat(file)
    const { records: count, problems, head } = await verifyAudit(files, undefined)
    assert.deepEqual(problems, [])
    assert.equal(head?.seq, 42)
    assert.equal(count <= 42 && count > 15, true)
    assert.equal(readFileSync(file).length <= 10_000, true)
    const { code, stdout } = await runChild('servers/cli/octet.ts', ['audit', 'verify', ...files])
    assert.equal(code, 0, stdout)
    assert.match(stdout, new RegExp(`${count} records, 0 problems; head ${head?.hash}`))
  }))

test('an edit, a removal, an insertion and a swap are found', () =>
  inFolder(async (file) => {
    await withChild(script, [], env(file, { AUDIT_KEY: 'a-key-that-is-long' }), async ({ url, stop }) => {
      const session = await McpSession.open(`${url}/sse`, auth)
      for (let i = 0; i < 4; i++) await session.call('look', { text: `${i}` })
      session.close()
      await stop()
    })
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    const verify = async (changed: string[], key = 'a-key-that-is-long') => {
      writeFileSync(file, `${changed.join('\n')}\n`)
      return (await verifyAudit([file], key)).problems
    }
    assert.deepEqual(await verify(lines), [])
    assert.match(
      (await verify(lines.with(2, (lines[2] ?? '').replace('"ok"', '"error"')))).join(),
      /:3: not a record of this chain, or altered/,
    )
    assert.match((await verify(lines.toSpliced(2, 1))).join(), /records are missing/)
    assert.match((await verify(lines.toSpliced(2, 0, lines[1] ?? ''))).join(), /records are missing, added or out of order/)
    assert.match((await verify([lines[0] ?? '', lines[2] ?? '', lines[1] ?? '', ...lines.slice(3)])).join(), /out of order/)
    assert.equal((await verify(lines, 'another-key-of-some-length')).length > 0, true)
  }))

test('half a line left by a crash does not break what follows', () =>
  inFolder(async (file) => {
    const run = () =>
      withChild(script, [], env(file), async ({ url, stop }) => {
        const session = await McpSession.open(`${url}/sse`, auth)
        await session.call('look')
        session.close()
        await stop()
      })
    await run()
    appendFileSync(file, '{"ts":"2026')
    await run()
    const { problems, head } = await verifyAudit([file], undefined)
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /:4: not a record/)
    assert.equal(head?.seq, 6)
  }))

test('a process that was killed, and its calls without an outcome, are noted', () =>
  inFolder(async (file) => {
    const required = env(file, { AUDIT_REQUIRED: 'true' })
    const { notes: running } = await withChild(script, [], required, async ({ url, stop }) => {
      const session = await McpSession.open(`${url}/sse`, auth)
      await session.call('look')
      for (const id of [1, 2]) await session.post({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'wait' } })
      await until(() => records(file).length === 5)
      const seen = await verifyAudit([file], undefined)
      await stop('SIGKILL')
      session.close()
      return seen
    })
    assert.deepEqual(
      running.map((note) => note.replace(/^\S+:\d+: /, '')),
      ['the last process still runs, or was killed: it wrote no stop record; 2 calls that had begun have no outcome'],
    )
    await withChild(script, [], required, async ({ stop }) => void (await stop()))
    const { notes, problems } = await verifyAudit([file], undefined)
    assert.deepEqual(problems, [])
    assert.equal(notes.length, 1)
    assert.match(notes[0] ?? '', /:6: the process before was killed or crashed: .*; 2 calls that had begun have no outcome$/)
    const { code, stdout } = await runChild('servers/cli/octet.ts', ['audit', 'verify', file])
    assert.deepEqual([code, stdout.includes(`note: ${notes[0]}`)], [0, true])
  }))

test('AUDIT_REQUIRED refuses calls while no record can be written, and readiness says so', () =>
  withChild(script, [], env('/dev/full', { AUDIT_REQUIRED: 'true' }), async ({ url }) => {
    const session = await McpSession.open(`${url}/sse`, auth)
    assert.match((await session.call('look')).content[0].text, /audit trail cannot be written/)
    const ready = await send(`${url}/ready`, { headers: auth })
    assert.equal(ready.status, 503)
    assert.equal(ready.json().audit.written, false)
    session.close()
  }))

test('without a file the records go to stdout, and nothing else does', () =>
  withChild(script, [], { SAMPLE_URL: 'x' }, async ({ url, stop, stdout }) => {
    const session = await McpSession.open(`${url}/sse`)
    await session.call('look')
    session.close()
    await stop()
    const types = stdout()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).type)
    assert.deepEqual(types, ['start', 'tool_call', 'stop'])
  }))

test('AUDIT_ARGS=none keeps only the hash of the arguments', () =>
  inFolder(async (file) => {
    await withChild(script, [], env(file, { AUDIT_ARGS: 'none' }), async ({ url, stop }) => {
      const session = await McpSession.open(`${url}/sse`, auth)
      await session.call('look', { text: 'private' })
      session.close()
      await stop()
    })
    assert.equal('args' in records(file)[1], false)
    assert.equal(readFileSync(file, 'utf8').includes('private'), false)
  }))
