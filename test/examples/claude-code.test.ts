// examples/claude-code: its .mcp.json and its command reach a real server, with the token and not without.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { withChild } from '../helpers/child.ts'
import { postJson } from '../helpers/wire.ts'
import { test } from '../runner/harness.ts'
import { repository } from './packed.ts'

const example = join(repository, 'examples/claude-code')
const octet = join(repository, 'servers/cli/octet.ts')
const token = 'a-token-for-one-run'
const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }

test('.mcp.json holds the address that is served, and the token comes from the environment', () =>
  withChild(octet, ['start', 'filesystem'], { MCP_AUTH_TOKEN: token, FS_ROOTS: example }, async ({ url }) => {
    const { mcpServers } = JSON.parse(readFileSync(join(example, '.mcp.json'), 'utf8'))
    const entry = mcpServers.octet
    assert.deepEqual(Object.keys(entry).sort(), ['headers', 'type', 'url'])
    assert.equal(entry.type, 'http')
    const address = entry.url.replace('http://127.0.0.1:8080', url)
    // Claude Code replaces ${NAME} by the variable of its environment.
    const headers = { Authorization: entry.headers.Authorization.replace(/\$\{MCP_AUTH_TOKEN\}/, token) }
    const { tools } = (await postJson(address, list, headers)).json().result
    assert.deepEqual(tools.map(({ name }: { name: string }) => name).sort(), ['list_directory', 'read_file'])
    assert.equal((await postJson(address, list)).status, 401)
  }))

test('the README has the command that octet connect prints', () => {
  const printed = execFileSync(process.execPath, ['--import', 'tsx', octet, 'connect', 'claude-code'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, MCP_AUTH_TOKEN: token },
    stdio: 'pipe',
    cwd: repository,
  })
  const readme = readFileSync(join(example, 'README.md'), 'utf8')
  assert.ok(readme.includes(printed.trim().replace('localhost', '127.0.0.1')), printed)
})
