// The example with which docs/connect.md begins, run as it is printed: its shell blocks, on free ports, with a stand-in for the model.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleServers } from '../../scripts/bundle.ts'
import { freePort } from '../../servers/kit/sql/test/running.ts'
import { skipLitellm } from '../fixtures/litellm.ts'
import { startModelApi } from '../fixtures/model-api.ts'
import { cleanEnv, until } from '../helpers/child.ts'
import { send } from '../helpers/wire.ts'
import { test } from '../runner/harness.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

test.unless(skipLitellm)(
  'the LiteLLM example of docs/connect.md runs as printed and is answered',
  async () => {
    const document = readFileSync(join(root, 'docs/connect.md'), 'utf8')
    const [start = '', litellm = '', ask = ''] = [...document.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = '']) => block)
    const folder = mkdtempSync(join(tmpdir(), 'octet-example-'))
    const shells: ReturnType<typeof shell>[] = []
    const [port, gatewayPort] = [await freePort(), await freePort()]
    const model = await startModelApi([{ question: /Studio Lima/, tool: '-read_file', arguments: { path: 'orders.csv' } }])
    const env = {
      MCP_PORT: String(port),
      OPENAI_API_KEY: 'none',
      OPENAI_BASE_URL: model.url,
      LITELLM_LOCAL_MODEL_COST_MAP: 'True', // else it asks the internet at each start
      HOME: folder,
    }
    const shell = (script: string) =>
      spawn('bash', ['-ec', script], { cwd: folder, env: cleanEnv(env), detached: true, stdio: 'pipe' })
    const run = (script: string) => {
      const child = shell(script)
      shells.push(child)
      let output = ''
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
      return { child, output: () => output }
    }
    // The commands of the page, but for what belongs to this machine: ports, programs that are installed already, and no database sample.
    const here = (script: string): string =>
      script
        .replace('npm start', 'exec node dist/octet.cjs start filesystem fetch')
        .replace(/^pip install .*$/m, '')
        .replace(/^litellm /m, `exec ${process.env.OCTET_TEST_LITELLM} `)
        .replaceAll('4000', String(gatewayPort))
    try {
      await bundleServers(join(folder, 'dist'))
      symlinkSync(join(root, 'examples'), join(folder, 'examples'))
      const octet = run(here(start))
      await until(async () => octet.output().includes('All tools:'))
      const gateway = run(here(litellm).replace('export LITELLM_MASTER_KEY=', 'export LITELLM_MASTER_KEY=sk-of-this-test #'))
      await until(
        async () => (await send(`http://127.0.0.1:${gatewayPort}/health/liveliness`).catch(() => undefined))?.status === 200,
        120_000,
      ).catch((error: Error) => assert.fail(`${error.message}\n${gateway.output()}`))
      const asked = run(`export LITELLM_MASTER_KEY=sk-of-this-test\n${here(ask)}`)
      await new Promise((resolve) => asked.child.once('close', resolve))
      assert.match(asked.output(), /The tool said: [\s\S]*1006,2026-11-10,Studio Lima/, `${asked.output()}\n${gateway.output()}`)
    } finally {
      for (const { pid } of shells) if (pid !== undefined) end(pid)
      rmSync(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 240_000 },
)

/** Ends a shell with what it has started. */
function end(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it has ended
  }
}
