// The state of a backend over an outage: what /ready, /metrics and the log say, and when it began and ended.
import assert from 'node:assert/strict'
import { type Child, until, withChild } from '../../../test/helpers/child.ts'
import { McpSession, send } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { embedded, startCluster } from '../../kit/sql/test/running.ts'

const octet = 'servers/cli/octet.ts'
const sample = 'test/helpers/sample-process.ts'

interface Line {
  readonly ts: string
  readonly message: string
  readonly [field: string]: unknown
}

function logged({ stderr }: Child, message: string): Line[] {
  const lines = stderr()
    .split('\n')
    .filter((line) => line.startsWith('{'))
  return lines.map((line) => JSON.parse(line) as Line).filter((line) => line.message === message)
}

test(
  'an outage is one log line when it begins and one when it ends, with its times',
  async () => {
    const cluster = await startCluster(embedded)
    const { port } = cluster
    const env = {
      PGHOST: '127.0.0.1',
      PGPORT: String(port),
      PGUSER: 'postgres',
      PGPASSWORD: 'not-shown',
      PG_ALLOW_UNSAFE_ROLE: 'true',
    }
    try {
      await withChild(octet, ['serve', 'postgres', 'n8n'], env, async (child) => {
        const { url } = child
        const ready = () => send(`${url}/ready`)
        const session = await McpSession.open(`${url}/postgres/sse`)
        const ask = async () => (await session.call('postgres_query', { query: 'SELECT 1' })).isError === true
        assert.equal((await ready()).status, 200, 'n8n is not configured, which is not a failure')
        assert.equal(await ask(), false)

        await cluster.stop()
        const failedAt = Date.now()
        assert.equal(await ask(), true)
        await until(() => logged(child, 'backend does not answer').length > 0)
        await ask()
        const answer = await ready()
        const down = answer.json().servers.postgres
        assert.deepEqual([answer.status, down.state, down.error], [503, 'down', 'UPSTREAM_UNREACHABLE'])
        assert.match(down.message, new RegExp(`ECONNREFUSED.*postgres@127.0.0.1:${port}/postgres`))
        assert.match(down.next, /PGHOST, PGPORT/)
        assert.ok(Math.abs(Date.parse(down.since) - failedAt) < 1_000, `since ${down.since}, failed ${failedAt}`)
        assert.match(answer.json().summary, /^postgres has not answered since .* UTC: PostgreSQL cannot be reached/)
        const metrics = (await send(`${url}/metrics`)).text
        assert.match(metrics, /^mcp_server_upstream_up\{server="postgres"\} 0$/m)
        assert.doesNotMatch(metrics, /upstream_up\{server="n8n"/)

        await cluster.start()
        const backAt = Date.now()
        await until(() => logged(child, 'backend answers again').length > 0) // nobody asks: it is noticed in the background
        const up = (await ready()).json().servers.postgres
        assert.equal(up.state, 'ok')
        assert.ok(Date.parse(up.since) - backAt < 2_500, `${Date.parse(up.since) - backAt} ms`)
        const [lost, ...more] = logged(child, 'backend does not answer')
        const [back] = logged(child, 'backend answers again')
        assert.deepEqual([more.length, lost?.server, lost?.since, back?.since], [0, 'postgres', down.since, up.since])
        assert.equal(back?.down_seconds, (Date.parse(up.since) - Date.parse(down.since)) / 1_000)
        assert.doesNotMatch(child.stderr(), /not-shown/)
        session.close()
      })
    } finally {
      await cluster.remove()
    }
  },
  { timeoutMs: 60_000 },
)

test('calls and errors of the last hour are counted for each server', () =>
  withChild(sample, [], { SAMPLE_URL: 'http://backend' }, async ({ url }) => {
    const session = await McpSession.open(`${url}/sse`)
    await session.call('look')
    await session.call('look', { nope: 1 })
    const { last_hour, calls, errors, title } = (await send(`${url}/ready`)).json().servers.sample
    assert.deepEqual([last_hour, calls, errors, title], [{ calls: 2, errors: 1 }, 2, 1, 'Sample'])
    session.close()
  }))

test('a process with no configured server is not ready', () =>
  withChild(sample, ['one', 'two'], {}, async ({ url }) => {
    const { status, json } = await send(`${url}/ready`)
    assert.equal(status, 503)
    assert.equal(json().summary, 'no server is configured')
  }))
