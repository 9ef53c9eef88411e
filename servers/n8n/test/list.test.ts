// n8n_list_workflows against recorded answers of n8n 2.41.1, and against larger ones.
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import type { Json } from '../../../test/helpers/tool-client.ts'
import { test } from '../../../test/runner/harness.ts'
import { replay, reply, target, withUpstream } from './client.ts'

test('lists workflows page by page, and NEXT leads through all of them', () =>
  withUpstream(
    (req, res) => {
      assert.equal(req.headers['x-n8n-api-key'], 'key-of-the-test')
      assert.equal(target(req).searchParams.get('excludePinnedData'), 'true')
      replay(res, target(req).searchParams.get('cursor') === null ? 'workflows-list-page1' : 'workflows-list-page2')
    },
    async ({ call }) => {
      const first = await call('n8n_list_workflows', { limit: 2 })
      assert.match(first.text, /^2 workflows; more exist, \d+ ms\n/)
      assert.equal(
        first.data,
        'id\tname\tactive\ttags\ttriggers\tnodes\tupdated\n' +
          '8c44tWRZmi9pzCpi\tFiller 0\tno\t\tmanualTrigger\t1\t2026-11-22T14:08Z\n' +
          'CcAtkVKSM9RvxLjb\tAlways fails\tno\t\twebhook\t2\t2026-11-22T14:08Z',
      )
      assert.deepEqual(first.next, { limit: 2, cursor: 'eyJsaW1pdCI6Miwib2Zmc2V0IjoyfQ==' })
      const second = await call('n8n_list_workflows', first.next)
      assert.match(second.data, /DyGsBNwwx5hmCwk4\tFiller 2/)
    },
  ))

test('a page cut for its length continues exactly, whatever names hold', () => {
  const all = Array.from({ length: 60 }, (_, i) => ({
    ...{
      id: `w${i}`,
      name: `Name\n${i}\u202e\u001b[31m${'x'.repeat(i % 7 === 0 ? 400 : 5)}`,
      active: true,
      tags: [{ name: 'a' }, { name: 'B c' }],
      nodes: [],
    },
    updatedAt: '2026-01-01T00:00:00.000Z',
  }))
  return withUpstream(
    (req, res) => {
      const query = target(req).searchParams
      assert.equal(query.get('tags'), null)
      const place = JSON.parse(Buffer.from(query.get('cursor') ?? '', 'base64').toString() || '{}')
      const { limit = Number(query.get('limit')), offset = 0 } = place
      const nextCursor =
        offset + limit < all.length ? Buffer.from(JSON.stringify({ limit, offset: offset + limit })).toString('base64') : null
      reply(res, { data: all.slice(offset, offset + limit), nextCursor })
    },
    async ({ call }) => {
      const seen: string[] = []
      let next: Record<string, unknown> | undefined = { tags: 'a,b c', limit: 25 }
      while (next !== undefined) {
        const page: Awaited<ReturnType<typeof call>> = await call('n8n_list_workflows', next)
        assert.ok(page.text.length <= 2_000, `${page.text.length} characters`)
        assert.doesNotMatch(page.text, /[\u202e\u001b]/)
        const lines = page.data.split('\n').slice(1)
        assert.equal(lines.length, page.structured.workflows.length)
        seen.push(...lines.map((line) => line.split('\t')[0] ?? ''))
        next = page.next
      }
      assert.deepEqual(
        seen,
        all.map(({ id }) => id),
      )
    },
    { environment: { maxResultChars: 2_000 } },
  )
})

test('an upstream whose pages are empty and never end is left', () => {
  let requests = 0
  return withUpstream(
    (_req, res) => {
      requests += 1
      reply(res, { data: [], nextCursor: 'eyJsaW1pdCI6Miwib2Zmc2V0IjoyfQ==' })
    },
    async ({ call }) => {
      assert.match((await call('n8n_list_workflows')).text, /^0 workflows; not all searched/)
      assert.equal(requests, 1)
    },
  )
})

/** An n8n that pages through these workflows, whatever is asked. */
const n8nOf =
  (all: readonly object[], seen: URLSearchParams[] = []): RequestListener =>
  (req, res) => {
    const query = target(req).searchParams
    seen.push(query)
    const place = JSON.parse(Buffer.from(query.get('cursor') ?? '', 'base64').toString() || '{}')
    const { limit = Number(query.get('limit')), offset = 0 } = place
    const next =
      offset + limit < all.length ? Buffer.from(JSON.stringify({ limit, offset: offset + limit })).toString('base64') : null
    reply(res, { data: all.slice(offset, offset + limit), nextCursor: next })
  }

const workflow = (id: string, name: string, more: object = {}) => ({
  ...{ id, name, active: false, isArchived: false, nodes: [], tags: [], updatedAt: '2026-01-01T00:00:00.000Z' },
  ...more,
})
const tagged = (...tags: string[]) => ({ tags: tags.map((name) => ({ name })) })

test('finds a part of a name and a tag in any case, and takes % and _ as they are', () => {
  const all = [
    ...Array.from({ length: 240 }, (_, i) => workflow(`x${i}`, `Filler ${i}`)),
    workflow('a', 'Invoice 100% PAID', tagged('Prod', 'Billing')),
    workflow('b', 'invoice_daily', tagged('prod')),
    workflow('c', 'Invoices', tagged('production')),
  ]
  return withUpstream(n8nOf(all), async ({ call }) => {
    const ids = async (args: object) =>
      (await call('n8n_list_workflows', { ...args })).structured.workflows.map(({ id }: Json) => id)
    assert.deepEqual(await ids({ name: 'INVOICE' }), ['a', 'b', 'c'])
    assert.deepEqual(await ids({ name: '100% paid' }), ['a'])
    assert.deepEqual(await ids({ name: '%' }), ['a'])
    assert.deepEqual(await ids({ name: 'e_d' }), ['b'])
    assert.deepEqual(await ids({ tags: ['PROD'] }), ['a', 'b'])
    assert.deepEqual(await ids({ tags: ['prod', 'billing'], name: 'paid' }), ['a'])
    const page = await call('n8n_list_workflows', { name: 'invoice', limit: 1 })
    assert.match(page.text, /^1 workflow with \{"name":"invoice"\}; more exist/)
    const second = await call('n8n_list_workflows', page.next)
    assert.deepEqual(
      second.structured.workflows.map(({ id }: Json) => id),
      ['b'],
    )
  })
})

test('says which names and tags there are where none matches', () =>
  withUpstream(n8nOf([workflow('a', 'Send invoice', tagged('prod'))]), async ({ call }) => {
    assert.match(
      (await call('n8n_list_workflows', { name: 'Send invoces' })).text,
      /^0 workflows .*\nNOTE: similar names: "Send invoice"$/,
    )
    assert.match(
      (await call('n8n_list_workflows', { tags: ['production'] })).text,
      /^0 workflows .*\nNOTE: no workflow is tagged "production"; tags are "prod"$/,
    )
  }))

test('a secret in a name or a tag is shown by no tool', () => {
  const secret = 'key-of-the-test'
  const node = { name: `Node ${secret}`, type: 'n8n-nodes-base.stickyNote' }
  const all = [
    workflow('a', `Call ${secret}`, { ...tagged(`tag ${secret}`), nodes: [node, { ...node, type: 'n8n-nodes-base.set' }] }),
  ]
  const listener: RequestListener = (req, res) =>
    target(req).pathname.endsWith('/a')
      ? reply(res, all[0])
      : n8nOf(target(req).pathname.endsWith('/workflows') ? all : [])(req, res)
  return withUpstream(listener, async ({ call }) => {
    for (const [tool, args] of [
      ['n8n_list_workflows', {}],
      ['n8n_list_workflows', { name: 'cal key' }],
      ['n8n_list_workflows', { tags: ['other'] }],
      ['n8n_get_workflow', { workflow_id: 'a' }],
      ['n8n_get_workflow', { workflow_id: 'a', nodes: ['nod'] }],
      ['n8n_get_workflow', { workflow_id: 'Call key' }],
      ['n8n_get_database_statistics', {}],
    ] as const) {
      const { text, structured } = await call(tool, args)
      assert.equal((text + JSON.stringify(structured ?? '')).includes(secret), false, `${tool}: ${text}`)
    }
  })
})

test('prints no row that contradicts active, whatever n8n returns', () =>
  withUpstream(n8nOf([workflow('a', 'On', { active: true }), workflow('b', 'Off')]), async ({ call }) => {
    for (const [active, id] of [
      [true, 'a'],
      [false, 'b'],
    ] as const) {
      const { structured } = await call('n8n_list_workflows', { active })
      assert.deepEqual(
        structured.workflows.map((each: Json) => each.id),
        [id],
      )
    }
  }))

test('shows when a trigger runs, and counts sticky notes apart', () => {
  const trigger = (type: string, parameters: object, more: object = {}) => ({
    name: type,
    type: `n8n-nodes-base.${type}`,
    parameters,
    ...more,
  })
  const schedule = (...interval: object[]) => trigger('scheduleTrigger', { rule: { interval } })
  const cases: [object, string][] = [
    [schedule({ field: 'cronExpression', expression: '0 8 * * 1-5' }), 'scheduleTrigger (cron 0 8 * * 1-5)'],
    [schedule({}), 'scheduleTrigger (every day at 00:00)'],
    [schedule({ triggerAtHour: 7, triggerAtMinute: 5 }), 'scheduleTrigger (every day at 07:05)'],
    [schedule({ field: 'minutes' }), 'scheduleTrigger (every 5 minutes)'],
    [
      schedule({ field: 'minutes', minutesInterval: 15 }, { field: 'hours' }),
      'scheduleTrigger (every 15 minutes; every hour at minute 0)',
    ],
    [schedule({ field: 'weeks', triggerAtDay: [1, 5], triggerAtHour: 9 }), 'scheduleTrigger (every week on Mon, Fri at 09:00)'],
    [schedule({ field: 'months', monthsInterval: 3 }), 'scheduleTrigger (every 3 months on day 1 at 00:00)'],
    [
      trigger('cron', { triggerTimes: { item: [{ hour: 8 }, { mode: 'custom', cronExpression: '* * * * *' }] } }),
      'cron (every day at 08:00; cron * * * * *)',
    ],
    [trigger('gmailTrigger', { pollTimes: { item: [{ mode: 'everyMinute' }] } }), 'gmailTrigger (every minute)'],
    [
      trigger('cron', { triggerTimes: { item: [{}, { mode: 'everyHour', minute: 5 }, { mode: 'everyX', value: 3 }] } }),
      'cron (every day at 14:00; every hour at minute 5; every 3 hours)',
    ],
    [
      trigger('cron', {
        triggerTimes: {
          item: [
            { mode: 'everyWeek', weekday: '0' },
            { mode: 'everyMonth', hour: 0 },
          ],
        },
      }),
      'cron (every week on Sun at 14:00; every month on day 1 at 00:00)',
    ],
    [trigger('interval', { interval: 10, unit: 'minutes' }), 'interval (every 10 minutes)'],
    [trigger('scheduleTrigger', { rule: 'x' }), 'scheduleTrigger'],
    [trigger('webhook', { path: 'x' }), 'webhook'],
  ]
  const note = { name: 'Sticky Note', type: 'n8n-nodes-base.stickyNote', parameters: { content: 'x' } }
  const all = cases.map(([node], i) => workflow(`w${i}`, `W ${i}`, { nodes: [node, note] }))
  return withUpstream(n8nOf(all), async ({ call }) => {
    const { data, structured } = await call('n8n_list_workflows')
    const rows = data
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'))
    assert.deepEqual(
      rows.map((row) => row[4]),
      cases.map(([, shown]) => shown),
    )
    assert.deepEqual(
      rows.map((row) => row[5]),
      cases.map(() => '1'),
    )
    assert.equal(structured.workflows[0].sticky_notes, 1)
  })
})
