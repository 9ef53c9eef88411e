// `octet connect`: the configurations it prints, and the addresses in them.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { runChild, withChild } from '../../../test/helpers/child.ts'
import { test } from '../../../test/runner/harness.ts'
import { serverNames } from '../catalog.ts'

const octet = 'servers/cli/octet.ts'
const token = 'a token of the test'
const connect = (args: string[], env: Record<string, string> = {}) =>
  runChild(octet, ['connect', ...args], { MCP_PORT: '1', ...env })
/** The servers in LiteLLM's configuration. */
const entries = (text: string): string[] => [...text.matchAll(/^ {2}(\w+):$/gm)].map(([, name = '']) => name)

test('docker/litellm.yaml is what connect litellm prints for all containers', async () => {
  const { stdout, code } = await connect(['litellm', '--complete', '--all', '--url', 'http://mcp-{server}:8080'], {
    MCP_AUTH_TOKEN: token,
  })
  assert.equal(code, 0)
  assert.equal(readFileSync('docker/litellm.yaml', 'utf8'), stdout)
  for (const name of serverNames) assert.match(stdout, new RegExp(`"http://mcp-${name}:8080/sse"`))
  assert.doesNotMatch(stdout, /auth_value: (?!os\.environ)/)
})

test('connect litellm prints a fragment with the servers that the environment configures, or those that are named', async () => {
  const configured = await connect(['litellm'], { POSTGRES_URL: 'postgresql://a@b/c', LOKI_URL: 'http://loki:3100' })
  assert.deepEqual(entries(configured.stdout).slice(0, 3), ['postgres', 'monitoring', 'fetch'])
  assert.equal(entries(configured.stdout).includes('n8n'), false)
  assert.match(configured.stdout, /include: \[octet\.yaml\]/)
  // LiteLLM replaces a section of config.yaml by the one of an included file.
  assert.deepEqual(configured.stdout.match(/^\w+(?=:)/gm), ['mcp_servers'])
  assert.match(configured.stdout, /url: "http:\/\/127\.0\.0\.1:1\/postgres\/sse"/)
  const named = await connect(['litellm', 'n8n', 'storage', '--transport', 'http', '--url', 'https://tools.example/octet/'])
  assert.deepEqual(entries(named.stdout), ['n8n', 'storage'])
  // Whole: an operator may take one entry away.
  for (const name of ['n8n', 'storage'])
    assert.match(named.stdout, new RegExp(`url: "https://tools.example/octet/${name}/mcp"\n {4}transport: http\n`))
})

test('connect litellm asks for a token only where there is one, and names the tools that write', async () => {
  const open = await connect(['litellm', 'timescaledb'])
  assert.doesNotMatch(open.stdout, /^ *auth_/m)
  assert.match(open.stdout, /To add one, set MCP_AUTH_TOKEN/)
  assert.match(open.stdout, /# Can change something: tsdb_execute, .*MCP_READ_ONLY=true/)
  const env: Record<string, string>[] = [{ MCP_AUTH_TOKEN: token }, { MCP_AUTH_TOKENS: 'a:long-enough' }, { MCP_HOST: '0.0.0.0' }]
  for (const each of env) {
    const { stdout } = await connect(['litellm', 'storage'], each)
    assert.match(stdout, /auth_type: bearer_token\n {4}auth_value: os\.environ\/MCP_AUTH_TOKEN\n/)
    assert.doesNotMatch(stdout, /Can change something/)
  }
})

test('connect litellm prints what the running process serves, and litellm-config is its old name', () =>
  withChild(octet, ['start', 'filesystem', 'n8n'], { FS_ROOTS: '/etc', MCP_AUTH_TOKEN: token }, async ({ url }) => {
    const { stdout } = await connect(['litellm', '--url', url], { MCP_AUTH_TOKEN: token })
    assert.deepEqual(entries(stdout), ['filesystem'])
    const old = await runChild(octet, ['litellm-config', '--url', url], { MCP_AUTH_TOKEN: token })
    assert.deepEqual(entries(old.stdout), ['filesystem'])
    assert.deepEqual(old.stdout.match(/^\w+(?=:)/gm), ['model_list', 'general_settings', 'litellm_settings', 'mcp_servers'])
    assert.match(old.stderr, /is now octet connect litellm --complete/)
  }))

test('the other clients get one address for all tools, or one for each named server, and never the token itself', async () => {
  const printed = async (args: string[], env: Record<string, string> = {}): Promise<string> => {
    const { stdout, stderr, code } = await connect(args, env)
    assert.equal(code, 0, stderr)
    assert.equal((stdout + stderr).includes(token), false)
    return stdout
  }
  const env = { MCP_AUTH_TOKEN: token }
  const all = 'http://127.0.0.1:1/mcp'
  assert.equal(await printed(['claude-code']), `claude mcp add --transport http octet ${all}\n`)
  const [, header] =
    /^claude mcp add --transport http octet \S+ --header "(.*)"\n$/.exec(await printed(['claude-code'], env)) ?? []
  assert.equal(execFileSync('sh', ['-c', `printf %s "${header}"`], { env, encoding: 'utf8' }), `Authorization: Bearer ${token}`)

  const cursor = JSON.parse(await printed(['cursor'], env)).mcpServers
  assert.deepEqual(cursor, { octet: { url: all, headers: { Authorization: `Bearer \${env:MCP_AUTH_TOKEN}` } } })
  const vscode = JSON.parse(await printed(['vscode'], env))
  assert.equal(vscode.servers.octet.headers.Authorization, `Bearer \${input:${vscode.inputs[0].id}}`)
  assert.deepEqual(JSON.parse(await printed(['vscode'])), { servers: { octet: { type: 'http', url: all } } })

  const desktop = JSON.parse(await printed(['claude-desktop', 'postgres', '--url', 'http://10.0.0.5:9000'], env)).mcpServers
    .postgres
  assert.deepEqual(desktop.args.slice(0, 3), ['-y', 'mcp-remote', 'http://10.0.0.5:9000/postgres/mcp'])
  assert.ok(desktop.args.includes('--allow-http'), 'mcp-remote refuses http beyond loopback')
  assert.equal((await printed(['claude-desktop'])).includes('--allow-http'), false)
  const [, connections = ''] = /^TOOL_SERVER_CONNECTIONS='(.*)'\n$/.exec(await printed(['open-webui', 'n8n', 'fetch'])) ?? []
  assert.deepEqual(
    JSON.parse(connections).map(({ url, auth_type }: { url: string; auth_type: string }) => [url, auth_type]),
    [
      ['http://127.0.0.1:1/n8n/mcp', 'none'],
      ['http://127.0.0.1:1/fetch/mcp', 'none'],
    ],
  )
  assert.match((await connect(['open-webui'])).stderr, /does not reach .*host\.docker\.internal:1/)
})

test('connect says what is wrong with its words', async () => {
  for (const [args, message] of [
    [[], /name a client; there are: claude-code/],
    [['cursr'], /there is no client "cursr"; did you mean cursor\?/],
    [['litellm', 'postgras'], /there is no server "postgras"; did you mean postgres\?/],
    [['litellm', 'n8n', '--transport', 'stdio'], /--transport must be sse or http, not "stdio"/],
    [['litellm', 'n8n', '--url', 'tools.example'], /--url must be an http\(s\) address/],
  ] as const) {
    const { code, stderr, stdout } = await connect([...args])
    assert.match(stderr, message)
    assert.deepEqual([code, stdout], [2, ''])
  }
})
