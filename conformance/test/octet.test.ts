// Our own servers, tested as any others: each as a process of its own, by URL, over both transports, and strictly.
// A new server is tested from its first commit, because the names come from the command itself.
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from '../../test/runner/harness.ts'
import { runConformance, textReport } from '../index.ts'

const program = fileURLToPath(new URL('../../servers/cli/octet.ts', import.meta.url))
const START_MS = 20_000

/** What our servers leave undone on purpose, and why. */
const ACCEPTED: Record<string, string> = {
  'basic/transports/sending-messages-to-the-server/priming-event':
    'there are no sessions and no resumption, so there is nothing to prime; empty data breaks older clients',
}

const help = execFileSync(process.execPath, ['--import', 'tsx', program, '--help'], { encoding: 'utf8' })
const names = (/^Servers:\n +(.+)$/m.exec(help)?.[1] ?? '').split(', ').filter((name) => name !== '')

test('the command says which servers there are', () => assert.ok(names.length > 0, help))

// All together, with the sample database, as README.md starts and tests them.
for (const name of [...names, '']) {
  for (const path of ['sse', 'mcp'] as const) {
    test(
      `${name || 'all servers together'} conform${name === '' ? '' : 's'} over /${path}`,
      async (signal) => {
        const { url, child } = await start(name)
        try {
          // With a page open, which the first run may have left, a browser session refuses calls beside too many others.
          if (name === 'playwright') await runConformance({ url: `${url}/${path}`, signal })
          const report = await runConformance({ url: `${url}/${path}`, signal })
          assert.equal(report.aborted, undefined)
          const failed = report.cases.filter((result) => result.status === 'fail' && ACCEPTED[result.id] === undefined)
          assert.deepEqual(
            failed.map((result) => `${result.level} ${result.id} ${result.revision}`),
            [],
            textReport(report),
          )
          assert.ok(report.summary.levels.MUST.pass > 200, textReport(report))
        } finally {
          await stop(child)
        }
      },
      { timeoutMs: 120_000 },
    )
  }
}

/** Starts a server on a free port; its log says on which. */
function start(name: string): Promise<{ url: string; child: ChildProcess }> {
  // No variable of the server's own is set: it starts all the same, and its tools answer that they are not configured.
  const env = { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR, MCP_PORT: '0' }
  const child = spawn(process.execPath, ['--import', 'tsx', program, 'start', ...(name === '' ? [] : [name])], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return new Promise((resolve, reject) => {
    const said: string[] = []
    const fail = (what: string): void => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(new Error(`${name} ${what}:\n${said.join('\n')}`))
    }
    const timer = setTimeout(() => fail(`did not listen within ${START_MS} ms`), START_MS)
    child.once('exit', (code) => fail(`ended with ${code}`))
    createInterface(child.stderr).on('line', (line) => {
      said.push(line)
      const url = /"message":"listening","url":"([^"]+)"/.exec(line)?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      resolve({ url, child })
    })
  })
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit')
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}
