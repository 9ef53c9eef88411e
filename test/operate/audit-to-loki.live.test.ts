// The audit trail in Loki: syslog-ng with the shipped file sends it, and search_logs of the same process finds the call that was made.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until, withChild } from '../helpers/child.ts'
import { JsonLineProcess } from '../helpers/json-line-process.ts'
import { McpSession } from '../helpers/wire.ts'
import { test } from '../runner/harness.ts'
import { program, shippedText } from './shipped.ts'

const syslog = program('syslog-ng', 'OCTET_TEST_SYSLOG_NG')
const loki = process.env.OCTET_TEST_LOKI_URL

test.unless(syslog.skip ?? (loki === undefined ? 'Loki is not running (OCTET_TEST_LOKI_URL)' : undefined))(
  'search_logs reads the audit trail that syslog-ng has sent to Loki',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'octet-ship-'))
    const name = `report-${process.pid}-${Date.now()}.txt`
    let ship: JsonLineProcess | undefined
    try {
      const [audit, state, files] = ['audit', 'state', 'files'].map((each) => join(folder, each)) as [string, string, string]
      for (const each of [audit, state, files]) mkdirSync(each)
      writeFileSync(join(files, name), 'it\'s "quoted" \\ text\n')
      const config = shippedText('docker/syslog-ng.conf')
        .replace('"/audit"', `"${audit}"`)
        .replace('http://loki:3100', String(loki))
        .replace('/var/lib/syslog-ng', state)
      writeFileSync(join(folder, 'syslog-ng.conf'), config)
      const own = ['-R', join(state, 'persist'), '-c', join(state, 'control'), '--pidfile', join(state, 'pid')]
      ship = new JsonLineProcess(syslog.path, ['-F', '--no-caps', '-f', join(folder, 'syslog-ng.conf'), ...own], {})
      const env = { FS_ROOTS: files, LOKI_URL: String(loki), AUDIT_FILE: join(audit, 'octet.jsonl') }
      await withChild('servers/cli/octet.ts', ['start', 'filesystem', 'monitoring'], env, async ({ url }) => {
        const session = await McpSession.open(`${url}/sse`)
        await session.call('read_file', { path: name })
        const query = `{job="octet-audit", server="filesystem", type="tool_call"} |= "${name}"`
        let found = ''
        await until(async () => {
          found = (await session.call('search_logs', { query, hours: 1, format: 'lines' })).content[0].text
          return found.includes('read_file')
        }, 30_000).catch((error: Error) => assert.fail(`${error.message}\n${found}\n${ship?.output}`))
        assert.match(found, /"outcome":"ok"/)
        assert.match(found, new RegExp(`"args":\\{"path":"${name}"\\}`))
        session.close()
      })
    } finally {
      await ship?.stop('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 90_000 },
)
