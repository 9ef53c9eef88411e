// `octet start`: what a person at a terminal sees, and the file `.env` of the working directory.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cleanEnv, withChild } from '../../../test/helpers/child.ts'
import { postJson } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { inFolder, octetCommand, runOctet } from './run-octet.ts'

const startLimitMs = 20_000
const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'list_directory', arguments: {} } }

/** Starts octet, at a terminal if wanted, makes one call, and returns all of its output. */
async function session(folder: string, env: Record<string, string>, terminal: boolean): Promise<{ out: string; code: number }> {
  const words = [process.execPath, ...octetCommand, 'start', 'filesystem']
  const [command, args] = terminal
    ? ['script', ['-qefc', ['exec', ...words].map((word) => (word === 'exec' ? word : `'${word}'`)).join(' '), '/dev/null']]
    : [words[0] as string, words.slice(1)]
  const child = spawn(command, args, { cwd: folder, env: cleanEnv({ MCP_PORT: '0', ...env }), stdio: ['pipe', 'pipe', 'pipe'] })
  const limit = setTimeout(() => child.kill('SIGKILL'), startLimitMs)
  let out = ''
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: string): void => {
      out += chunk
      const [, found] = /(http:\/\/127\.0\.0\.1:\d+)\/filesystem\/sse/.exec(out) ?? []
      if (found !== undefined && out.includes('Ctrl-C')) resolve(found)
    }
    child.stdout.setEncoding('utf8').on('data', read)
    child.stderr.setEncoding('utf8').on('data', read)
    child.once('exit', () => reject(new Error(out)))
  })
  await postJson(`${url}/mcp`, call)
  if (terminal) child.stdin.write('\x03')
  else child.kill('SIGINT')
  const [code] = await once(child, 'close')
  clearTimeout(limit)
  return { out: out.replaceAll('\r\n', '\n'), code }
}

test('at a terminal the log is text and no record is printed, and a line says so; Ctrl-C ends it', () =>
  inFolder(async (folder) => {
    const { out, code } = await session(folder, { FS_ROOTS: folder }, true)
    assert.match(out, /^\S+Z INFO {2}listening url=/m)
    assert.doesNotMatch(out, /"tool_call"|^\{/m)
    assert.match(out, /Calls are not recorded on a terminal; to keep an audit trail, set AUDIT_FILE\./)
    assert.match(out, /^server +SSE URL +state +tools\nfilesystem +\S+\/filesystem\/sse +ok +2$/m)
    assert.equal(code, 0)
  }))

test('at a terminal AUDIT_REQUIRED still writes records, AUDIT_FILE takes them, and LOG_FORMAT is obeyed', () =>
  inFolder(async (folder) => {
    assert.match((await session(folder, { FS_ROOTS: folder, AUDIT_REQUIRED: 'true' }, true)).out, /"type":"tool_call"/)
    const file = join(folder, 'audit.jsonl')
    const { out } = await session(folder, { FS_ROOTS: folder, AUDIT_FILE: file, LOG_FORMAT: 'json' }, true)
    assert.match(out, /"message":"listening"/)
    assert.doesNotMatch(out, /"tool_call"|not recorded/)
    assert.match((await runOctet(['audit', 'show', file], folder)).stdout, /list_directory/)
  }))

test('a pipe gets the same table, the log as JSON, and the records', () =>
  inFolder(async (folder) => {
    const { out } = await session(folder, { FS_ROOTS: folder }, false)
    assert.match(out, /"message":"listening"/)
    assert.match(out, /"type":"tool_call"/)
    assert.match(out, /^filesystem +\S+\/filesystem\/sse +ok +2$/m)
    assert.doesNotMatch(out, /not recorded|\x1b/)
  }))

test('serve is start, and a name only says which servers run: without its variables postgres serves the sample database', () =>
  withChild('servers/cli/octet.ts', ['serve', 'postgres'], {}, async ({ url, stderr, stop }) => {
    assert.match(stderr(), /postgres: none of its variables is set; for this demonstration POSTGRES_SAMPLE=true/)
    const query = { name: 'postgres_query', arguments: { query: 'SELECT count(*) FROM products' } }
    assert.match((await postJson(`${url}/mcp`, { ...call, params: query })).text, /\[sample database\]/)
    await stop()
  }))

test('.env is read by start, doctor, status, call and connect; the environment wins, and start says so', () =>
  inFolder(async (folder) => {
    const file = join(folder, '.env')
    writeFileSync(file, `# a comment\nexport FS_ROOTS="${folder}"\nMCP_AUTH_TOKEN='a token # of the test'\nMCP_PORT=1\n`)
    const { out } = await session(folder, {}, false)
    assert.match(out, new RegExp(`${file} was read: 3 variables; already set in the environment, which wins: MCP_PORT`))
    assert.equal(out.includes('of the test'), false)
    const connected = await runOctet(['connect', 'claude-code'], folder)
    assert.match(connected.stdout, /127\.0\.0\.1:1\/mcp --header/)
    assert.match(connected.stderr, new RegExp(`MCP_AUTH_TOKEN is in ${file}; for this shell: set -a; \\. ${file}`))
    assert.match((await runOctet(['status'], folder)).stdout, /^http:\/\/127\.0\.0\.1:1 +not reached/m)
    assert.match((await runOctet(['call'], folder)).stderr, /127\.0\.0\.1:1\/mcp/)
    assert.match((await runOctet(['doctor', 'filesystem'], folder, { MCP_PORT: '0' })).stdout, /^all is well: filesystem/)
    writeFileSync(file, 'MCP_PRT=1\n')
    assert.match(
      (await runOctet(['doctor', 'filesystem'], folder, { FS_ROOTS: folder })).stdout,
      /MCP_PRT.*did you mean MCP_PORT/,
    )
    // The line, a part of a secret perhaps, is not shown, and the next one is read all the same.
    writeFileSync(
      file,
      `MCP_PORT=1\nAUDIT_KEY="first half\n\n# second half"\n\n  # FS_ROOTS\nhalf-of-a-secret\nFS_ROOTS=${folder}\n`,
    )
    const told = new RegExp(`${file} has lines that are not NAME=value and were not read: 7`)
    const started = await session(folder, { MCP_PORT: '0' }, false)
    assert.match(started.out, told)
    const checked = await runOctet(['doctor', 'filesystem'], folder, { MCP_PORT: '0' })
    assert.match(checked.stdout.replace(/\n {2}/g, ' '), new RegExp(`^all is well: filesystem .*\\nnote: ${told.source}`))
    assert.doesNotMatch(started.out + checked.stdout, /half-of-a-secret/)
    if (process.getuid?.() !== 0) {
      chmodSync(file, 0)
      assert.match((await runOctet(['status'], folder)).stderr, /\.env cannot be read \(EACCES\)/)
    }
  }))
