import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from '../../test/runner/harness.ts'
import { main } from '../command.ts'
import type { RunReport } from '../index.ts'
import { startReference } from '../selftest/reference.ts'
import type { Deviation } from '../selftest/reference-types.ts'

const cli = fileURLToPath(new URL('../cli.ts', import.meta.url))

/** The command as a process of its own. */
function spawn(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) =>
    execFile(process.execPath, ['--import', 'tsx', cli, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    ),
  )
}

/** The command in this process. */
async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' }
  const code = await main(args, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
  })
  return { code, ...written }
}

async function withReference(deviation: Deviation, work: (url: string) => Promise<void>): Promise<void> {
  const reference = await startReference(deviation)
  try {
    await work(reference.url)
  } finally {
    await reference.close()
  }
}

const PING = ['--only', 'basic/utilities/ping', '--revision', '2025-11-25']

test('a server that conforms ends with 0', () =>
  withReference({}, async (url) => {
    const { code, stdout, stderr } = await run(`${url}/mcp`, ...PING)
    assert.equal(code, 0, stdout)
    assert.match(stdout, /^conforms: 0 MUST not met/m)
    assert.match(stderr, /http, 2025-11-25: \d+ cases/)
    assert.ok(!stdout.includes('\u001b['))
  }))

test(
  'the exit code and the report are those of the process',
  () =>
    withReference(
      { outgoing: (message, { request }) => (request?.method === 'ping' ? { ...message, result: 5 } : message) },
      async (url) => {
        const { code, stdout } = await spawn(`${url}/sse`, ...PING)
        assert.equal(code, 1)
        assert.match(stdout, /^does not conform/m)
        assert.equal((await spawn('--frobnicate')).code, 2)
      },
    ),
  { timeoutMs: 60_000 },
)

test('a server that does not conform ends with 1', () =>
  withReference(
    { outgoing: (message, { request }) => (request?.method === 'ping' ? { ...message, result: 5 } : message) },
    async (url) => {
      const { code, stdout } = await run(`${url}/sse`, ...PING)
      assert.equal(code, 1)
      assert.match(stdout, /✗ basic\/utilities\/ping\/behavior-requirements\/empty-response {2}2025-11-25/)
    },
  ))

test('JSON goes to a file, whole', () =>
  withReference({}, async (url) => {
    const folder = await mkdtemp(join(tmpdir(), 'conformance-'))
    try {
      const file = join(folder, 'report.json')
      const { code, stdout } = await run(`${url}/mcp`, ...PING, '--format', 'json', '--output', file)
      assert.deepEqual({ code, stdout }, { code: 0, stdout: '' })
      const report = JSON.parse(await readFile(file, 'utf8')) as RunReport
      assert.equal(report.target, `${url}/mcp`)
      assert.deepEqual([report.transport, report.revision, report.revisions], ['http', '2025-11-25', ['2025-11-25']])
      assert.equal(report.summary.pass + report.summary.skip, report.cases.length)
      for (const { id, level, status, message } of report.cases) {
        assert.ok(id.startsWith('basic/utilities/ping/') && level === 'MUST' && (status === 'pass' || message !== ''), id)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  }))

test('Markdown starts with the verdict', () =>
  withReference(
    {
      outgoing: (message, { request }) => (request?.method === 'ping' ? { ...message, result: { 'a|b': '<script>' } } : message),
    },
    async (url) => {
      const { stdout } = await run(`${url}/mcp`, ...PING, '--format', 'markdown')
      assert.match(stdout, /^## ❌ MCP conformance: does not conform: \d MUST not met/)
      assert.match(stdout, /reference 1\.0\.0 at/)
      assert.match(stdout, /\[`basic\/utilities\/ping\/behavior-requirements\/empty-response`\]\(https:/)
      assert.ok(!stdout.includes('<script>'))
    },
  ))

test('a file that cannot be written is found before the run', () =>
  withReference({}, async (url) => {
    const { code, stderr } = await run(`${url}/mcp`, ...PING, '--output', '/nowhere/report.json')
    assert.equal(code, 2)
    assert.match(stderr, /cannot write \/nowhere\/report\.json/)
    assert.ok(!stderr.includes('cases'))
  }))

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(
    `${signal} ends the run with a report of what was tested`,
    () =>
      withReference({}, async (url) => {
        const child = execFile(process.execPath, ['--import', 'tsx', cli, `${url}/mcp`, '--format', 'json'], {
          maxBuffer: 64 * 1024 * 1024,
        })
        const exited = once(child, 'exit')
        let written = ''
        child.stdout?.on('data', (text: string) => (written += text))
        // The first line says that the cases begin.
        await once(child.stderr ?? child, 'data')
        child.kill(signal)
        assert.deepEqual(await exited, [exitCode, null])
        const report = JSON.parse(written) as RunReport
        assert.equal(report.aborted, `interrupted: ${signal}`)
        assert.ok(report.cases.some((result) => result.message === 'interrupted'))
      }),
    { timeoutMs: 60_000 },
  )
}

test('headers, a tool and its arguments are passed on', () =>
  withReference(
    { takes: ({ headers }, res) => headers['x-key'] !== 'k:1' && res.writeHead(401).end() !== undefined },
    async (url) => {
      const id = 'basic/utilities/progress/progress-flow/progress-increases'
      const args = [`${url}/mcp`, '--only', id, '--revision', '2025-11-25', '--format', 'junit']
      const { code, stdout } = await run(...args, '--header', 'X-Key: k:1', '--tool', 'wait', '--args', '{"ms":40}')
      assert.equal(code, 0, stdout)
      assert.match(stdout, /<testcase [^>]* name="progress-increases" time="[\d.]+"\/>/)
      assert.equal((await run(...args, '--transport', 'http')).code, 2)
    },
  ))

test('a tool that the server does not have ends with 2', () =>
  withReference({}, async (url) => {
    const { code, stderr } = await run(`${url}/mcp`, ...PING, '--tool', 'ecoh')
    assert.equal(code, 2)
    assert.match(stderr, /no tool ecoh/)
  }))

test('a server that is not there ends with 2', async () => {
  const { code, stderr } = await run('http://127.0.0.1:9/mcp')
  assert.equal(code, 2)
  assert.match(stderr, /ECONNREFUSED/)
})

const mistakes: [what: string, args: string[], says: RegExp][] = [
  ['no URL', [], /a URL is missing/],
  ['two URLs', ['http://a', 'http://b'], /one URL, not 2/],
  ['no URL at all', ['nonsense'], /not a URL/],
  ['another scheme', ['ftp://a'], /http or https/],
  ['an unknown option', ['http://a', '--frobnicate'], /--frobnicate/],
  ['an unknown revision', ['http://a', '--revision', '2020-01-01'], /one of 2024-11-05/],
  ['an unknown transport', ['http://a', '--transport', 'stdio'], /sse or http/],
  ['an unknown format', ['http://a', '--format', 'tap'], /--format is text, json.*not tap/],
  ['arguments without a tool', ['http://a', '--args', '{}'], /after the --tool/],
  ['arguments that are not an object', ['http://a', '--tool', 'x', '--args', '[1]'], /a JSON object/],
  ['a header without a colon', ['http://a', '--header', 'x'], /NAME: VALUE/],
  ['a prefix of no case', ['http://a', '--only', 'nowhere'], /no case.*nowhere/],
  ['a time that is none', ['http://a', '--timeout-ms', 'soon'], /a positive number/],
  ['an unknown case', ['--explain', 'nowhere'], /no case has the id/],
]

for (const [what, args, says] of mistakes) {
  test(`a usage error ends with 2: ${what}`, async () => {
    const { code, stderr, stdout } = await run(...args)
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
    assert.match(stderr, says)
  })
}

test('--list gives every case and the coverage', async () => {
  const { code, stdout } = await run('--list', '--only', 'interop/sse')
  assert.equal(code, 0)
  assert.match(stdout, /^INTEROP .* interop\/sse\/keep-alive$/m)
  assert.match(stdout, /^2024-11-05: \d+ of \d+ sentences/m)
  assert.ok(!stdout.includes('server/tools'))
})

test('--explain tells what a case demands', async () => {
  const { code, stdout } = await run('--explain', 'basic/transports/session-management/terminated-id-is-404')
  assert.equal(code, 0)
  assert.match(stdout, /level {6}MUST[\s\S]*2025-03-26 to 2025-11-25[\s\S]*needs {6}session[\s\S]*#session-management/)
})

test('--help and --version answer', async () => {
  assert.match((await run('--help')).stdout, /^Usage: mcp-conformance URL/)
  assert.match((await run('--version')).stdout, /^\d+\.\d+\.\d+/)
})
