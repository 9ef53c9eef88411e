// The three tools on a real n8n, filled by scripts/ci/n8n-setup.mjs: workflows that succeed, fail, run slowly and hold secrets.
import assert from 'node:assert/strict'
import { send } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import type { N8nConfig } from '../config.ts'
import { type Wire, withWire } from './client.ts'

const { OCTET_TEST_N8N_URL: url, OCTET_TEST_N8N_API_KEY: key, OCTET_TEST_N8N_DATABASE_URL: database } = process.env
const live = test.unless(
  url === undefined || key === undefined || database === undefined ? 'n8n is not running (OCTET_TEST_N8N_URL)' : undefined,
)
const withN8n = (work: (wire: Wire) => Promise<void>, config: Partial<N8nConfig> = {}) =>
  withWire({ config: { N8N_API_URL: url, N8N_API_KEY: key, ...config } }, work)

const idOf = async ({ call }: Wire, name: string): Promise<string> => {
  const { structured } = await call('n8n_list_workflows', { name })
  assert.equal(structured.workflows.length, 1, name)
  return structured.workflows[0].id
}

live('lists by name, tag and state, and pages exactly', () =>
  withN8n(async ({ call }) => {
    const all = await call('n8n_list_workflows', { name: 'Live' })
    assert.equal(all.structured.workflows.length, 4)
    assert.equal(all.structured.meta.truncated, false)
    assert.match(all.data, /\tLive fails\tyes\tlive\twebhook\t2\t/)
    assert.match(all.data, /\tLive holds secrets\tno\tlive\t\t1\t/)
    assert.equal((await call('n8n_list_workflows', { tags: ['live'], active: true })).structured.workflows.length, 3)
    for (const args of [{ name: 'LIVE F' }, { name: 'live f', tags: ['LIVE'] }]) {
      assert.deepEqual(
        (await call('n8n_list_workflows', args)).structured.workflows.map((each: any) => each.name),
        ['Live fails'],
      )
    }
    for (const name of ['%', 'Live_', 'Live%fails'])
      assert.match((await call('n8n_list_workflows', { name })).text, /^0 workflows/)
    assert.match((await call('n8n_list_workflows', { tags: ['none such'] })).text, /^0 workflows .*tags are "live"/s)
    const seen: string[] = []
    let next: Record<string, unknown> | undefined = { name: 'Live', limit: 3 }
    while (next !== undefined) {
      const page: Awaited<ReturnType<typeof call>> = await call('n8n_list_workflows', next)
      seen.push(...page.structured.workflows.map((each: { id: string }) => each.id))
      next = page.next
    }
    assert.deepEqual(seen.sort(), all.structured.workflows.map((each: { id: string }) => each.id).sort())
    assert.match(
      (await call('n8n_list_workflows', { cursor: 'garbage' })).text,
      /^ERROR INVALID_ARGUMENT: .*invalid cursor.* TRY: \{\}$/,
    )
  }),
)

live('a page that is cut for its length goes on with the next line', () =>
  withWire({ config: { N8N_API_URL: url, N8N_API_KEY: key }, environment: { maxResultChars: 1_000 } }, async ({ call }) => {
    const first = await call('n8n_list_workflows', { name: 'Live' })
    assert.ok(first.structured.workflows.length < 4, first.text)
    const rest = await call('n8n_list_workflows', first.next)
    const ids = [...first.structured.workflows, ...rest.structured.workflows].map((each: { id: string }) => each.id)
    assert.equal(new Set(ids).size, 4, JSON.stringify(first.next))
  }),
)

live('shows structure and parameters without the secrets in them', () =>
  withN8n(async (wire) => {
    const failing = await wire.call('n8n_get_workflow', { id: await idOf(wire, 'Live fails') })
    assert.match(failing.text, /^workflow \w+: active, 2 nodes, draft version\n/)
    assert.match(failing.data, /\nWebhook\twebhook\nStop\tstopAndError\nconnections:\nWebhook -> Stop$/)
    const running = await wire.call('n8n_get_workflow', {
      workflow_id: await idOf(wire, 'Live fails'),
      version: 'active',
      nodes: ['stop'],
    })
    assert.match(running.data, /"errorMessage":"boom on purpose"/)
    const workflow_id = await idOf(wire, 'Live holds secrets')
    const whole = await wire.call('n8n_get_workflow', { workflow_id, detail: 'full' })
    assert.match(whole.data, /https:\/\/\[redacted\]@example\.test\/\?api_key=\[redacted\]/)
    assert.doesNotMatch(JSON.stringify(whole), /live-(userinfo|query|header|pinned)-secret/)
    const inactive = await wire.call('n8n_get_workflow', { workflow_id, version: 'active' })
    assert.match(inactive.text, /^ERROR NOT_FOUND: .*not published/)
    const named = await wire.call('n8n_get_workflow', { workflow_id: 'Live fails' })
    assert.equal(named.data, failing.data)
    for (const unknown of ['live fails', 'Live fail', 'Live_fails', 'Live fails%']) {
      const { text } = await wire.call('n8n_get_workflow', { workflow_id: unknown })
      assert.match(text, /^ERROR NOT_FOUND: no workflow has the id or the name .* Similar: \w+ \("Live fails"\)/, unknown)
    }
    assert.match(
      (await wire.call('n8n_get_workflow', { workflow_id: 'qqqqqqqqqqqqqqqq' })).text,
      /^ERROR NOT_FOUND: [^:]*\. TRY: n8n_list_workflows \{\}$/,
    )
    assert.match(
      (await wire.call('n8n_get_workflow', { workflow_id, nodes: ['Call in'] })).text,
      /^ERROR NOT_FOUND: .*"Call out"/,
    )
  }),
)

live('shows when a workflow runs, names the outputs of its branches, and reads long code in parts', () =>
  withN8n(async ({ call }) => {
    const listed = await call('n8n_list_workflows', { name: 'weekday' })
    assert.match(listed.data, /\tWeekday report\tno\t\tscheduleTrigger \(cron 0 6 \* \* 1-5\)\t5\t/)
    const shown = await call('n8n_get_workflow', { workflow_id: 'Weekday report' })
    assert.match(shown.data, /^triggers: scheduleTrigger \(cron 0 6 \* \* 1-5\)$/m)
    assert.match(shown.data, /^By size -> Post \[large\]\nBy size -> Keep \[small\]$/m)
    assert.match(shown.data, /^sticky notes: A note$/m)
    let code = ''
    let args: Record<string, unknown> | undefined = { workflow_id: 'Weekday report', nodes: ['Compute'] }
    for (let pages = 0; args !== undefined && pages < 20; pages++) {
      const page: Awaited<ReturnType<typeof call>> = await call('n8n_get_workflow', args)
      code += page.data
      args = page.next
    }
    assert.match(code, /the end/)
    assert.ok(code.split('one line of a long program').length > 200)
  }),
)

const figures = (structured: any) => {
  const { executions, workflows, nodes } = structured
  return {
    ...{
      total: executions.total,
      by_status: executions.by_status,
      by_mode: executions.by_mode,
      avg: executions.avg_ms,
      p95: executions.p95_ms,
    },
    failing: executions.top_failing.map((each: any) => [each.name, each.failed]),
    slowest: executions.slowest[0].name,
    ...{ workflows: workflows.total, active: workflows.active, nodes: nodes.total, complete: executions.complete },
  }
}

live('counts the same by the API and in the database', async () => {
  const at = new URL(database ?? '')
  const config = {
    ...{ DB_TYPE: 'postgresdb' as const, DB_POSTGRESDB_HOST: at.hostname, DB_POSTGRESDB_PORT: at.port },
    ...{ DB_POSTGRESDB_USER: at.username, DB_POSTGRESDB_DATABASE: at.pathname.slice(1) },
  }
  await withN8n(async ({ call }) => {
    const api = await call('n8n_get_database_statistics', { window_hours: 720 })
    assert.equal(api.structured.source, 'api')
    assert.equal(api.structured.storage, undefined)
    const { total, by_status, failing, slowest, ...rest } = figures(api.structured)
    assert.deepEqual(
      { total, by_status, failing, slowest },
      { total: 6, by_status: { success: 4, error: 2 }, failing: [['Live fails', 2]], slowest: 'Live is slow' },
    )
    assert.deepEqual([rest.workflows, rest.active, rest.nodes, rest.complete], [5, 3, 12, true])
    await withN8n(async (exact) => {
      const answer = await exact.call('n8n_get_database_statistics', { window_hours: 720 })
      assert.equal(answer.structured.source, 'database', answer.text)
      assert.deepEqual(figures(answer.structured), figures(api.structured))
      assert.ok(answer.structured.storage.database_bytes > 1_000_000)
      assert.ok(answer.structured.storage.execution_data_bytes > 0)
      assert.deepEqual(await exact.backend.probe(new AbortController().signal).then(({ api, database }) => ({ api, database })), {
        api: 'ok',
        database: 'ok',
      })
    }, config)
  })
})

live('recognises a wrong base URL, a wrong key and a missing scope', async () => {
  await withN8n(
    async ({ call }) => {
      assert.match((await call('n8n_list_workflows')).text, /^ERROR UPSTREAM_ERROR: the configured address /)
    },
    { N8N_API_URL: `${url}/home/workflows` },
  )
  await withN8n(
    async ({ call }) => {
      assert.match((await call('n8n_list_workflows')).text, /^ERROR UPSTREAM_AUTH: n8n rejected the API key \(401\)/)
    },
    { N8N_API_KEY: 'wrong' },
  )
  await withN8n(
    async ({ call, backend }) => {
      assert.match((await call('n8n_list_workflows')).text, /^5 workflows/)
      const { key_expires } = await backend.probe(new AbortController().signal)
      assert.match(String(key_expires), /^\d{4}-\d\d-\d\d$/) // n8n's keys are still JWTs
    },
    { N8N_API_URL: `${url}/api/v1/` },
  )
  // This key may not create: what the server could do at most, whatever its code said.
  const headers = { 'x-n8n-api-key': key ?? '', 'content-type': 'application/json' }
  const body = JSON.stringify({ name: 'x', nodes: [], connections: {}, settings: {} })
  assert.equal((await send(`${url}/api/v1/workflows`, { method: 'POST', headers, body })).status, 403)
})
