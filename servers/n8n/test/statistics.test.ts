// n8n_get_database_statistics by the API, and in a database of n8n's form, with more than one page of everything.
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { test } from '../../../test/runner/harness.ts'
import { embedded, startCluster, withSql } from '../../kit/sql/test/running.ts'
import { replay, reply, target, withUpstream } from './client.ts'

const hour = 3_600_000
const encode = (place: object): string => Buffer.from(JSON.stringify(place)).toString('base64')

interface World {
  workflows: object[]
  /** Newest first. */
  executions: object[]
  requests: string[]
}

/** An n8n with these workflows and executions, which pages as the real one does. */
const n8nOf =
  (world: World): RequestListener =>
  (req, res) => {
    const { pathname, searchParams: query } = target(req)
    world.requests.push(`${pathname.slice('/api/v1/'.length)}${query.has('status') ? ` ${query.get('status')}` : ''}`)
    const place = query.has('cursor') ? JSON.parse(Buffer.from(query.get('cursor') ?? '', 'base64').toString()) : {}
    const limit: number = place.limit ?? Number(query.get('limit'))
    if (pathname.endsWith('/workflows')) {
      const at = place.offset ?? 0
      const more = at + limit < world.workflows.length
      return reply(res, {
        data: world.workflows.slice(at, at + limit),
        nextCursor: more ? encode({ limit, offset: at + limit }) : null,
      })
    }
    if (!pathname.endsWith('/executions')) return reply(res, { message: 'not found' }, 404)
    if (query.has('status')) return reply(res, { data: query.get('status') === 'running' ? [{ id: 'r' }] : [], nextCursor: null })
    const at = Number(place.lastId ?? 0)
    const more = at + limit < world.executions.length
    reply(res, {
      data: world.executions.slice(at, at + limit),
      nextCursor: more ? encode({ limit, lastId: String(at + limit) }) : null,
    })
  }

const types = [
  'n8n-nodes-base.webhook',
  'n8n-nodes-base.code',
  'n8n-nodes-base.httpRequest',
  '@n8n/n8n-nodes-langchain.agent',
  'n8n-nodes-odd.thing',
]
const workflow = (i: number) => ({
  ...{
    id: `w${i}`,
    name: `Workflow ${i}`,
    active: i % 2 === 0,
    isArchived: i === 1,
    tags: [{ name: i % 10 === 0 ? 'ten' : 'other' }],
  },
  updatedAt: new Date(Date.now() - (i < 5 ? 100 : 1) * 24 * hour).toISOString(),
  nodes: [
    ...types.map((type, n) => ({ name: `n${n}`, type, disabled: i === 0 && n === 1 })),
    { name: 'Sticky Note', type: 'n8n-nodes-base.stickyNote' },
  ],
})
const execution = (i: number, minutesAgo: number, status = 'success', workflowId = 'w0', ms = 100) => {
  const started = Date.now() - minutesAgo * 60_000
  return {
    ...{ id: String(i), status, mode: 'trigger', workflowId },
    startedAt: new Date(started).toISOString(),
    stoppedAt: new Date(started + ms).toISOString(),
  }
}

test('counts all workflows and the executions of the window, over many pages', () => {
  const executions = Array.from({ length: 700 }, (_, i) =>
    execution(i, i, i % 7 === 0 ? 'error' : 'success', `w${i % 3}`, 1_000 * (1 + (i % 3))),
  )
  const world: World = { workflows: Array.from({ length: 250 }, (_, i) => workflow(i)), executions, requests: [] }
  return withUpstream(n8nOf(world), async ({ call }) => {
    const { text, structured } = await call('n8n_get_database_statistics', { window_hours: 10 })
    const inWindow = executions.filter(({ startedAt }) => Date.parse(startedAt) >= Date.now() - 10 * hour)
    const failed = inWindow.filter(({ status }) => status === 'error').length
    assert.match(
      text,
      new RegExp(
        `250 workflows, 125 active; ${inWindow.length} executions in 10 h, ${((failed / inWindow.length) * 100).toFixed(1)}% failed`,
      ),
    )
    assert.deepEqual(structured.workflows, {
      ...{
        total: 250,
        complete: true,
        active: 125,
        inactive: 124,
        archived: 1,
        never_updated_90d: 5,
        by_trigger: { webhook: 250 },
      },
      top_tags: [
        { tag: 'other', workflows: 225 },
        { tag: 'ten', workflows: 25 },
      ],
    })
    const { top_types, ...nodes } = structured.nodes
    assert.deepEqual(nodes, {
      ...{ total: 1250, distinct_types: 5, code_nodes: 250, http_nodes: 250, ai_nodes: 250, disabled: 1, sticky_notes: 250 },
      community_types: ['n8n-nodes-odd.thing'],
    })
    assert.equal(top_types.length, 5)
    const { executions: counted } = structured
    assert.deepEqual(
      [counted.total, counted.complete, counted.sampled, counted.running, counted.waiting],
      [inWindow.length, true, false, 1, 0],
    )
    assert.deepEqual(
      counted.slowest.map((each: any) => [each.name, each.avg_ms]),
      [
        ['Workflow 2', 3_000],
        ['Workflow 1', 2_000],
        ['Workflow 0', 1_000],
      ],
    )
    assert.equal(counted.p95_ms, 3_000)
    assert.equal(counted.avg_ms, 2_000)
    // Three pages of workflows, three of executions: the third reaches beyond the window.
    assert.deepEqual(world.requests.filter((each) => each === 'workflows').length, 3)
    assert.deepEqual(world.requests.filter((each) => each === 'executions').length, 3)
  })
})

test('says how far it counted when there is too much, and extrapolates nothing', () => {
  const executions = Array.from({ length: 3_000 }, (_, i) => execution(i, i / 10))
  return withUpstream(n8nOf({ workflows: [], executions, requests: [] }), async ({ call }) => {
    const { text, structured } = await call('n8n_get_database_statistics', { window_hours: 24 })
    assert.deepEqual(
      [structured.executions.total, structured.executions.complete, structured.meta.truncated],
      [2_000, false, true],
    )
    assert.match(text, /\nNOTE: only the newest 2000 executions were counted, back to .*; ask for fewer hours/)
  })
})

test('keeps to the length of a result, and says what is missing', () => {
  const executions = Array.from({ length: 50 }, (_, i) => execution(i, i, 'error', `w${i}`))
  const workflows = Array.from({ length: 50 }, (_, i) => ({ ...workflow(i), name: 'long '.repeat(100) }))
  return withUpstream(
    n8nOf({ workflows, executions, requests: [] }),
    async ({ call }) => {
      const { text, structured } = await call('n8n_get_database_statistics')
      assert.ok(text.length <= 2_000, `${text.length} characters`)
      assert.match(text, /NOTE: \d+ lines did not fit/)
      assert.equal(structured.meta.truncated, true)
    },
    { environment: { maxResultChars: 2_000 } },
  )
})

test('is kept for a minute, by window, and shared by callers at once', () => {
  const world: World = { workflows: [workflow(0)], executions: [], requests: [] }
  return withUpstream(n8nOf(world), async ({ call, session }) => {
    const ask = (id: string, args: object) =>
      session.post({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'n8n_get_database_statistics', arguments: args } })
    await Promise.all([ask('a', {}), ask('b', {}), ask('c', { refresh: true })])
    for (let answers = 0; answers < 3; answers += 1) assert.match((await session.message()).id, /^[abc]$/)
    const once = world.requests.length
    assert.equal(world.requests.filter((each) => each === 'workflows').length, 1)
    await call('n8n_get_database_statistics')
    assert.equal(world.requests.length, once)
    assert.match(
      (await call('n8n_get_database_statistics', { refresh: true })).text,
      /1 workflow, 1 active; 0 executions in 24 h, none ended/,
    )
    assert.equal(world.requests.length, 2 * once)
    await call('n8n_get_database_statistics', { hours: 2 })
    assert.equal(world.requests.length, 3 * once)
  })
})

test('a part that the key may not read is left out and named', () =>
  withUpstream(
    (req, res) =>
      target(req).pathname.endsWith('/executions')
        ? replay(res, 'forbidden-scope')
        : n8nOf({ workflows: [workflow(2)], executions: [], requests: [] })(req, res),
    async ({ call }) => {
      const { text, structured } = await call('n8n_get_database_statistics')
      assert.match(text, /: 1 workflow, 1 active\n/)
      assert.match(text, /NOTE: executions left out: .*execution:list/)
      assert.equal(structured.executions, undefined)
    },
  ))

test('a page larger than 4 MiB is asked for in smaller ones, and a single workflow that is, passed over', () => {
  const heavy = {
    ...workflow(3),
    nodes: [{ name: 'x', type: 'n8n-nodes-base.code', parameters: { jsCode: 'x'.repeat(5_000_000) } }],
  }
  const large = (i: number) => ({ ...workflow(i), staticData: 'x'.repeat(200_000) })
  const world: World = {
    workflows: [...Array.from({ length: 30 }, (_, i) => large(i)), heavy, large(31)],
    executions: [],
    requests: [],
  }
  return withUpstream(n8nOf(world), async ({ call }) => {
    const listed = await call('n8n_list_workflows', { limit: 250 })
    assert.equal(listed.structured.workflows.length, 31, listed.text.slice(0, 300))
    assert.match(listed.text, /NOTE: 1 left out: larger than 4 MiB/)
    assert.equal(listed.next, undefined)
    const { structured, text } = await call('n8n_get_database_statistics')
    assert.deepEqual([structured.workflows.total, structured.workflows.complete], [32, false])
    assert.match(text, /1 of 32 workflows are larger than 4 MiB/)
    assert.match((await call('n8n_list_workflows', { limit: 3 })).text, /^3 workflows; more exist/)
  })
})

test('MySQL and SQLite are not read, which is said; a database that is down does not matter', async () => {
  const world: World = { workflows: [workflow(0)], executions: [execution(1, 1)], requests: [] }
  const note = async (config: object): Promise<string> => {
    let text = ''
    await withUpstream(
      n8nOf(world),
      async ({ call }) => {
        const answer = await call('n8n_get_database_statistics')
        assert.equal(answer.structured.source, 'api')
        text = /^NOTE: .*$/m.exec(answer.text)?.[0] ?? ''
      },
      { config },
    )
    return text
  }
  assert.match(await note({ DB_TYPE: 'sqlite' }), /type sqlite is not read, only PostgreSQL/)
  assert.match(
    await note({ DB_TYPE: 'postgresdb', DB_POSTGRESDB_HOST: '127.0.0.1', DB_POSTGRESDB_PORT: '9' }),
    /n8n's database could not be read: /,
  )
})

test(
  'a database with a prefix, a schema and a role that may only read gives exact figures and sizes',
  async () => {
    const cluster = await startCluster(embedded)
    try {
      await withSql(cluster, (sql) =>
        sql.query(`
          CREATE SCHEMA "my n8n"; CREATE ROLE reader LOGIN;
          CREATE TABLE "my n8n".x_workflow_entity (id varchar PRIMARY KEY, name varchar);
          CREATE TABLE "my n8n".x_execution_entity (id serial PRIMARY KEY, status varchar, mode varchar, "startedAt" timestamptz,
            "stoppedAt" timestamptz, "workflowId" varchar, "deletedAt" timestamptz);
          CREATE TABLE "my n8n".x_execution_data ("executionId" int, data text);
          INSERT INTO "my n8n".x_workflow_entity VALUES ('a', E'First\\tone'), ('b', 'Second');
          INSERT INTO "my n8n".x_execution_entity (status, mode, "startedAt", "stoppedAt", "workflowId", "deletedAt")
            SELECT CASE WHEN i % 4 = 0 THEN 'error' ELSE 'success' END, 'trigger', now() - i * interval '1 minute',
              now() - i * interval '1 minute' + interval '2 seconds', CASE WHEN i % 4 = 0 THEN 'a' ELSE 'b' END,
              CASE WHEN i > 5000 THEN now() END FROM generate_series(1, 6000) i;
          INSERT INTO "my n8n".x_execution_entity (status, mode, "startedAt", "workflowId") VALUES ('running', 'manual', now(), 'a');
          INSERT INTO "my n8n".x_execution_data SELECT i, md5(i::text) FROM generate_series(1, 40000) i;
          ANALYZE; GRANT USAGE ON SCHEMA "my n8n" TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA "my n8n" TO reader`),
      )
      const config = {
        ...{ DB_TYPE: 'postgresdb' as const, DB_POSTGRESDB_HOST: '127.0.0.1', DB_POSTGRESDB_PORT: String(cluster.port) },
        ...{
          DB_POSTGRESDB_USER: 'reader',
          DB_POSTGRESDB_DATABASE: 'postgres',
          DB_POSTGRESDB_SCHEMA: 'my n8n',
          DB_TABLE_PREFIX: 'x_',
        },
      }
      const world: World = { workflows: [workflow(0)], executions: [], requests: [] }
      await withUpstream(
        n8nOf(world),
        async ({ call }) => {
          const { structured, text } = await call('n8n_get_database_statistics', { window_hours: 720 })
          assert.equal(structured.source, 'database', text)
          const { executions, storage } = structured
          assert.deepEqual(
            [executions.total, executions.by_status, executions.complete],
            [5_000, { error: 1_250, success: 3_750 }, true],
          )
          assert.deepEqual(
            [executions.running, executions.avg_ms, executions.p95_ms, executions.failure_rate],
            [1, 2_000, 2_000, 0.25],
          )
          assert.deepEqual(
            executions.top_failing.map((each: any) => [each.name, each.failed, each.runs]),
            [['First one', 1_250, 1_250]],
          )
          assert.deepEqual(
            [storage.awaiting_pruning, storage.rows_est, storage.largest_tables[0].name],
            [1_000, 6_001, 'x_execution_data'],
          )
          assert.match(text, /storage: database [\d.]+ MiB, oldest execution 20\d\d-.*, 1000 deleted ones not yet removed/)
          assert.equal(world.requests.includes('executions'), false)
        },
        { config },
      )
    } finally {
      await cluster.remove()
    }
  },
  { timeoutMs: 60_000 },
)
