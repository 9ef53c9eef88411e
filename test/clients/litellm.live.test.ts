// The real LiteLLM proxy between a client and our servers: its REST calls, its own /mcp, and the plain chat request without `tools`.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { Fixture } from '../fixtures/fixture.ts'
import { freePort, Litellm, skipLitellm } from '../fixtures/litellm.ts'
import { type ModelApi, startModelApi } from '../fixtures/model-api.ts'
import { png } from '../fixtures/tools.ts'
import { JsonLineProcess } from '../helpers/json-line-process.ts'
import { test } from '../runner/harness.ts'
import { type CallResult, text, token } from './behaviours.ts'

const litellmTest = (name: string, body: (setup: Setup) => Promise<void>): void =>
  test.unless(skipLitellm)(name, async () => body(await setup()), { timeoutMs: 180_000 })

const person = 'ada@example.org'
const traceId = '0af7651916cd43dd8448eb211c80319c'
const forwarded = { 'x-litellm-end-user-id': person, traceparent: `00-${traceId}-b7ad6b7169203331-01` }
const question = 'What files do we have?'

interface Setup {
  gateway: Litellm
  fixture: Fixture
  model: ModelApi
  /** Where nothing listens until a test starts a fixture there. */
  latePort: number
  /** The audit trail of the real filesystem server. */
  auditFile: string
}

interface RestResult extends CallResult {
  detail?: { error: string; message: string }
}

interface RestList {
  tools: { name: string; mcp_info: { server_name: string } }[]
  server_outcomes: Record<string, { status: string; tool_count?: number }>
}

for (const transport of ['sse', 'http'] as const) {
  const on = (name: string): string => (transport === 'sse' ? name : `${name}_http`)
  const label = `transport: ${transport}`

  litellmTest(`${label}: finds the server healthy, and one that is not there unhealthy`, async ({ gateway }) => {
    const servers = await gateway.get<{ server_id: string; server_name: string; transport: string }[]>('/v1/mcp/server')
    const health = await gateway.get<{ server_id: string; status: string }[]>('/v1/mcp/server/health')
    const statusOf = (name: string): string | undefined => {
      const server = servers.body.find(({ server_name }) => server_name === name)
      assert.equal(server?.transport, transport)
      return health.body.find(({ server_id }) => server_id === server?.server_id)?.status
    }
    assert.equal(statusOf(on('fixture')), 'healthy')
    assert.equal(statusOf(on('absent')), 'unhealthy')
  })

  litellmTest(`${label}: lists the tools`, async ({ gateway }) => {
    const { body } = await gateway.get<RestList>('/mcp-rest/tools/list')
    const names = body.tools.filter(({ mcp_info }) => mcp_info.server_name === on('fixture')).map(({ name }) => name)
    assert.ok(names.includes('add') && names.includes('test_image_content'), names.join())
    assert.deepEqual(body.server_outcomes[on('fixture')], { status: 'ok', tool_count: names.length })
    assert.equal(body.server_outcomes[on('absent')]?.status, 'unreachable')
  })

  litellmTest(`${label}: calls a tool and passes on text and structured content`, async ({ gateway }) => {
    const { status, body } = await rest(gateway, on('fixture'), 'add', { a: 2, b: 40 })
    assert.equal(status, 200)
    assert.equal(text(body), '{"sum":42}')
    assert.deepEqual(body.structuredContent, { sum: 42 })
    assert.equal(body.isError, false)
  })

  litellmTest(`${label}: passes on error results`, async ({ gateway }) => {
    const failed = await rest(gateway, on('fixture'), 'test_error_handling')
    assert.deepEqual([failed.status, failed.body.isError], [200, true])
    const mistaken = await rest(gateway, on('fixture'), 'add', { a: 1 })
    assert.deepEqual([mistaken.status, mistaken.body.isError], [200, true])
    assert.match(text(mistaken.body), /^ERROR INVALID_ARGUMENT: missing "b"/)
  })

  litellmTest(`${label}: answers an unknown tool itself`, async ({ gateway }) => {
    const { status, body } = await rest(gateway, on('fixture'), 'nope')
    assert.equal(status, 500)
    assert.match(body.detail?.message ?? '', /Tool nope not found/)
  })

  litellmTest(`${label}: passes on images, sounds and resources as blocks`, async ({ gateway }) => {
    const image = await rest(gateway, on('fixture'), 'test_image_content')
    assert.deepEqual([image.body.content[0]?.type, image.body.content[0]?.data], ['image', png])
    const sound = await rest(gateway, on('fixture'), 'test_audio_content')
    assert.equal(sound.body.content[0]?.type, 'audio')
    const mixed = await rest(gateway, on('fixture'), 'test_multiple_content_types')
    assert.deepEqual(
      mixed.body.content.map(({ type }) => type),
      ['text', 'image', 'resource'],
    )
  })

  litellmTest(`${label}: forwards the person and the trace beside its own token`, async ({ gateway }) => {
    const { body } = await rest(gateway, on('fixture'), 'whoami', {}, forwarded)
    const { principal, user, traceparent, protocolVersion } = JSON.parse(text(body))
    assert.deepEqual(
      { principal, user, traceparent, protocolVersion },
      { principal: 'default', user: person, traceparent: forwarded.traceparent, protocolVersion: '2025-11-25' },
    )
  })

  litellmTest(`${label}: opens a connection for each call and asks for the list after it`, async ({ gateway, fixture }) => {
    const from = fixture.now
    await rest(gateway, on('fixture'), 'test_simple_text')
    if (transport === 'sse') await fixture.event('closed', { method: 'GET', path: '/sse' }, from)
    const seen = fixture.eventsSince(from).filter(({ event }) => event === 'request')
    const post = transport === 'sse' ? 'POST /messages' : 'POST /mcp'
    assert.deepEqual(
      seen.map(({ method, path }) => `${method} ${path}`),
      [...(transport === 'sse' ? ['GET /sse'] : []), post, post, post, post], // initialize, initialized, tools/call, tools/list
    )
  })

  litellmTest(`${label}: calls side by side without mixing them up`, async ({ gateway }) => {
    const numbers = Array.from({ length: 20 }, (_, i) => i)
    const sums = await Promise.all(numbers.map((n) => rest(gateway, on('fixture'), 'add', { a: n, b: 1000 })))
    assert.deepEqual(
      sums.map(({ body }) => body.structuredContent),
      numbers.map((n) => ({ sum: n + 1000 })),
    )
  })

  const deadline = transport === 'sse' ? ', which the tool sees' : ''
  litellmTest(`${label}: answers 504 when its deadline passes${deadline}`, async ({ gateway, fixture }) => {
    const label = randomUUID()
    const { status, body } = await rest(gateway, on('brief'), 'wait', { label, ms: 5_000 })
    assert.equal(status, 504)
    assert.match(body.detail?.message ?? '', /timed out after 2/)
    if (transport === 'sse') await fixture.event('aborted', { label })
  })

  litellmTest(`${label}: uses a server that starts after it, and again after a restart`, async ({ gateway, latePort }) => {
    const call = () => rest(gateway, on('late'), 'add', { a: 1, b: 2 })
    assert.equal((await call()).status, 500)
    for (let start = 1; start <= 2; start += 1) {
      const late = await Fixture.start({ token, port: latePort })
      try {
        const { status, body } = await call()
        assert.deepEqual([status, body.structuredContent], [200, { sum: 3 }])
      } finally {
        await late.stop()
      }
      const gone = await call()
      assert.ok(gone.status >= 500 || gone.body.isError === true, JSON.stringify(gone.body))
    }
  })

  litellmTest(`${label}: serves the tools to an MCP client through its own /mcp`, async ({ gateway }) => {
    await withGatewayClient(gateway, on('fixture'), async (client) => {
      const names = (await client.listTools()).tools.map(({ name }) => name)
      const add = `${on('fixture')}-add`
      assert.ok(names.includes(add), names.join())
      const sum = (await client.callTool({ name: add, arguments: { a: 2, b: 40 } })) as CallResult
      assert.deepEqual(sum.structuredContent, { sum: 42 })
      // LiteLLM refuses a call without `arguments` here, also for a tool that takes none.
      const call = async (name: string) =>
        (await client.callTool({ name: `${on('fixture')}-${name}`, arguments: {} })) as CallResult
      const failed = await call('test_error_handling')
      assert.deepEqual([failed.isError, text(failed)], [true, 'This tool intentionally returns an error for testing'])
      const image = await call('test_image_content')
      assert.deepEqual([image.content[0]?.type, image.content[0]?.data], ['image', png])
      const who = await call('whoami')
      assert.equal(JSON.parse(text(who)).user, person)
    })
  })
}

litellmTest('a plain chat request without tools is answered with the files of the real server', async (setup) => {
  const { gateway, model, auditFile } = setup
  const [from, audited] = [model.requests.length, audit(auditFile).length]
  const request = { model: 'with-tools', messages: [{ role: 'user', content: question }] }
  const { status, body } = await gateway.post<{ choices: { message: { content: string } }[] }>(
    '/v1/chat/completions',
    request,
    forwarded,
  )
  assert.equal(status, 200)
  const answer = body.choices[0]?.message.content ?? ''
  assert.match(answer, /^The tool said: /)
  assert.match(answer, /quarterly-report\.md/)
  assert.match(answer, /minutes\.txt/)
  assert.equal(model.requests.length, from + 2)
  assertAudited(auditFile, audited)
})

litellmTest('the same request is answered in a stream', async (setup) => {
  const { gateway, auditFile } = setup
  const audited = audit(auditFile).length
  const request = { model: 'with-tools', stream: true, messages: [{ role: 'user', content: question }] }
  const { status, body, headers } = await gateway.post<string>('/v1/chat/completions', request, forwarded)
  assert.equal(status, 200)
  assert.match(headers.get('content-type') ?? '', /^text\/event-stream/)
  const answer = streamed(body)
  assert.match(answer, /The tool said: /)
  assert.match(answer, /quarterly-report\.md/)
  assertAudited(auditFile, audited)
})

litellmTest('a model entry without the tools line offers the model no tool', async ({ gateway, model }) => {
  const from = model.requests.length
  const request = { model: 'without-tools', messages: [{ role: 'user', content: question }] }
  const { body } = await gateway.post<{ choices: { message: { content: string } }[] }>('/v1/chat/completions', request)
  assert.match(body.choices[0]?.message.content ?? '', /no tool for that/)
  assert.deepEqual(
    model.requests.slice(from).map(({ tools }) => tools),
    [undefined],
  )
})

let started: Promise<Setup> | undefined

/** Once for this file: LiteLLM needs some ten seconds to start. Nothing here keeps the process alive, and all of it ends with it. */
function setup(): Promise<Setup> {
  started ??= start()
  return started
}

async function start(): Promise<Setup> {
  const folder = mkdtempSync(join(tmpdir(), 'octet-files-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const root = join(folder, 'root')
  const auditFile = join(folder, 'audit.jsonl')
  const fixture = await Fixture.start({ token })
  fixture.unref()
  const latePort = await freePort()
  const absentPort = await freePort()
  const model = await startModelApi([{ question: /files/, tool: '-list_directory', arguments: {} }])
  const at = (url: string, timeoutSeconds?: number) => ({
    sse: { url: `${url}/sse`, transport: 'sse' as const, token, ...(timeoutSeconds && { timeoutSeconds }) },
    http: { url: `${url}/mcp`, transport: 'http' as const, token, ...(timeoutSeconds && { timeoutSeconds }) },
  })
  const [whole, brief] = [at(fixture.url), at(fixture.url, 2)]
  const [late, absent] = [at(`http://127.0.0.1:${latePort}`), at(`http://127.0.0.1:${absentPort}`)]
  const gateway = await Litellm.start({
    modelUrl: model.url,
    servers: {
      files: { url: `${await startFilesystem(root, auditFile)}/sse`, transport: 'sse', token },
      fixture: whole.sse,
      fixture_http: whole.http,
      brief: brief.sse,
      brief_http: brief.http,
      late: late.sse,
      late_http: late.http,
      absent: absent.sse,
      absent_http: absent.http,
    },
  })
  return { gateway, fixture, model, latePort, auditFile }
}

/** The product itself, started as a person starts it. */
async function startFilesystem(root: string, auditFile: string): Promise<string> {
  mkdirSync(root)
  for (const name of ['quarterly-report.md', 'minutes.txt']) writeFileSync(join(root, name), `${name}\n`)
  const child = new JsonLineProcess(
    process.execPath,
    ['--import', 'tsx', 'servers/cli/octet.ts', 'serve', 'filesystem'],
    { MCP_PORT: '0', FS_ROOTS: root, MCP_AUTH_TOKEN: token, AUDIT_FILE: auditFile },
    'stderr',
  )
  const { url } = await child.line('"listening"', (line) => line.message === 'listening')
  child.unref()
  return String(url)
}

function rest(gateway: Litellm, server: string, name: string, args: object = {}, headers: Record<string, string> = {}) {
  return gateway.post<RestResult>('/mcp-rest/tools/call', { server_id: server, name, arguments: args }, headers)
}

async function withGatewayClient(gateway: Litellm, server: string, use: (client: Client) => Promise<void>): Promise<void> {
  const headers = { 'x-litellm-api-key': `Bearer ${gateway.key}`, 'x-mcp-servers': server, ...forwarded }
  const client = new Client({ name: 'behind-litellm', version: '1.0.0' })
  try {
    await client.connect(
      new StreamableHTTPClientTransport(new URL('/mcp', gateway.url), { requestInit: { headers } }) as Transport,
    )
    await use(client)
  } finally {
    await client.close()
  }
}

function streamed(body: string): string {
  const chunks = body.matchAll(/^data: (\{.*\})$/gm)
  return [...chunks].map(([, json]) => JSON.parse(json ?? '').choices?.[0]?.delta?.content ?? '').join('')
}

/** One call was recorded, for the person behind the gateway and in the trace of the request. */
function assertAudited(auditFile: string, from: number): void {
  const calls = audit(auditFile)
    .slice(from)
    .filter(({ type }) => type === 'tool_call')
  assert.deepEqual(
    calls.map(({ tool, principal, user, trace_id, outcome }) => ({ tool, principal, user, trace_id, outcome })),
    [{ tool: 'list_directory', principal: 'default', user: person, trace_id: traceId, outcome: 'ok' }],
  )
}

function audit(auditFile: string): Record<string, unknown>[] {
  if (!existsSync(auditFile)) return []
  return readFileSync(auditFile, 'utf8')
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
