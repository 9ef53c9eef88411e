// The alert rules and the scrape example: promtool's checks, a unit test of each alert, and a real Prometheus that scrapes a real process.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../servers/kit/sql/test/running.ts'
import { run, withChild } from '../helpers/child.ts'
import { JsonLineProcess } from '../helpers/json-line-process.ts'
import { postJson, send } from '../helpers/wire.ts'
import { test } from '../runner/harness.ts'
import { example, program, shippedPath, shippedText } from './shipped.ts'

const promtool = program('promtool', 'OCTET_TEST_PROMTOOL')
const prometheus = program('Prometheus', 'OCTET_TEST_PROMETHEUS')
const promtoolTest = test.unless(promtool.skip)
const token = 'for-tests-only'

promtoolTest('promtool accepts the five alert rules', async () => {
  const { code, stdout, stderr } = await run(promtool.path, ['check', 'rules', shippedPath('docker/alerts.yml')])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /SUCCESS: 5 rules found/)
})

promtoolTest('each alert fires in its case and not before', async () => {
  const { code, stdout, stderr } = await run(promtool.path, ['test', 'rules', shippedPath('test/operate/alerts.yml')])
  assert.equal(code, 0, stdout + stderr)
})

promtoolTest('the unit test notices a changed threshold', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'octet-alerts-'))
  try {
    const changed = shippedText('docker/alerts.yml').replace('> 0.2', '> 0.6')
    await writeFile(join(folder, 'alerts.yml'), changed)
    const unit = shippedText('test/operate/alerts.yml').replace('../../docker/alerts.yml', join(folder, 'alerts.yml'))
    await writeFile(join(folder, 'unit.yml'), unit)
    const { code, stderr } = await run(promtool.path, ['test', 'rules', join(folder, 'unit.yml')])
    assert.equal(code, 1)
    assert.match(stderr, /OctetCallsFail/)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

/** Metrics of a filesystem server after a call, a failed call and a refusal. */
async function withMetrics(use: (text: string, url: string) => Promise<void>): Promise<void> {
  await withChild(
    'servers/cli/octet.ts',
    ['serve', 'filesystem'],
    { MCP_AUTH_TOKEN: token, FS_ROOTS: shippedPath('docker') },
    async ({ url }) => {
      const headers = { authorization: `Bearer ${token}` }
      const call = (path: string) => ({
        ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
        params: { name: 'read_file', arguments: { path, limit: 1 } },
      })
      for (const path of ['README.md', 'missing']) assert.equal((await postJson(`${url}/mcp`, call(path), headers)).status, 200)
      assert.equal((await postJson(`${url}/mcp`, call('README.md'))).status, 401)
      await use((await send(`${url}/metrics`, { headers })).text, url)
    },
  )
}

test('docs/operate.md lists every metric with its type and meaning', () =>
  withMetrics(async (text) => {
    const rows = [...shippedText('docs/operate.md').matchAll(/^\| `(\w+)` \| (counter|gauge|histogram) \| (.*) \|$/gm)]
    const documented = new Map(rows.map(([, name = '', type, about]) => [name, `${type}: ${about}`]))
    const families = [...text.matchAll(/^# HELP (\w+) (.*)\n# TYPE \w+ (\w+)$/gm)]
    assert.ok(families.length >= 9, text)
    for (const [, name = '', help, type] of families) assert.equal(documented.get(name), `${type}: ${help}`, name)
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    for (const line of series) {
      const family = (/^\w+/.exec(line)?.[0] ?? '').replace(/_(bucket|sum|count)$/, '')
      assert.ok(documented.has(family), line)
    }
  }))

promtoolTest('promtool finds nothing to improve in the metrics', () =>
  withMetrics(async (text) => {
    const child = new JsonLineProcess(promtool.path, ['check', 'metrics'], {})
    child.process.stdin.end(text)
    assert.equal(await child.exited, 0, child.output)
  }),
)

test.unless(prometheus.skip)(
  'Prometheus scrapes a process by the example, with the token from a file, and loads the rules',
  () =>
    withMetrics(async (_text, url) => {
      const folder = await mkdtemp(join(tmpdir(), 'octet-prometheus-'))
      const port = await freePort()
      await writeFile(join(folder, 'token'), token)
      await writeFile(join(folder, 'alerts.yml'), await readFile(shippedPath('docker/alerts.yml')))
      const config = example('job_name: octet')
        .replace(/credentials_file: [^}]*/, `credentials_file: ${folder}/token`)
        .replace('30s', '1s')
        .replace(/targets: \[[^\]]*\]/, `targets: ["${new URL(url).host}"]`)
      await writeFile(join(folder, 'prometheus.yml'), config)
      const listen = `--web.listen-address=127.0.0.1:${port}`
      const args = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, listen]
      const child = new JsonLineProcess(prometheus.path, args, {}, 'stderr', {})
      try {
        const ask = async (path: string): Promise<any> =>
          (await send(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => undefined))?.json().data
        let up: any
        for (let i = 0; i < 100 && up?.result?.[0]?.value[1] !== '1'; i++) {
          await delay(200)
          up = await ask('query?query=up{job="octet"}')
        }
        assert.equal(up?.result?.[0]?.value[1], '1', child.output)
        const backend = await ask('query?query=mcp_server_upstream_up')
        assert.deepEqual([backend.result[0].metric.server, backend.result[0].value[1]], ['filesystem', '1'])
        assert.equal((await ask('rules')).groups[0].rules.length, 5)
      } finally {
        await child.stop('SIGTERM', 5_000)
        await rm(folder, { recursive: true, force: true })
      }
    }),
  { timeoutMs: 60_000 },
)
