// n8n_get_workflow: what is shown of a workflow, in pages that end and whose NEXT is exact.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { replay, reply, target, withUpstream } from './client.ts'

const node = (name: string, type: string, more: object = {}) => ({
  id: `id-${name}`,
  name,
  type: `n8n-nodes-base.${type}`,
  parameters: {},
  ...more,
})
const to = (name: string, type = 'main', index = 0) => ({ node: name, type, index })
const branching = {
  ...{
    id: 'branch1',
    name: 'Branch\tit\u202e',
    active: true,
    isArchived: false,
    versionId: 'v2',
    activeVersionId: 'v1',
    tags: [],
  },
  nodes: [
    node('Cron', 'cron'),
    node('If', 'if'),
    node('Call', 'httpRequest', {
      disabled: true,
      onError: 'continueErrorOutput',
      credentials: { httpBasicAuth: { id: '9', name: 'Ann' } },
    }),
    { ...node('Agent', 'x'), type: '@n8n/n8n-nodes-langchain.agent' },
    { ...node('Model', 'x'), type: '@n8n/n8n-nodes-langchain.lmChatOpenAi' },
  ],
  connections: {
    Cron: { main: [[to('If')]] },
    If: { main: [[to('Call')], [to('Agent', 'main', 1)]] },
    Call: { main: [[], [to('Gone')]] },
    Model: { ai_languageModel: [[to('Agent', 'ai_languageModel')]] },
  },
  activeVersion: { versionId: 'v1', nodes: [node('Only', 'webhook')], connections: {} },
}

const withWorkflow = (workflow: unknown, work: Parameters<typeof withUpstream>[1], maxResultChars = 40_000) =>
  withUpstream((_req, res) => reply(res, workflow), work, { environment: { maxResultChars } })

test('shows a recorded workflow', () =>
  withUpstream(
    (_req, res) => replay(res, 'workflow-get'),
    async ({ call }) => {
      const { text, data } = await call('n8n_get_workflow', { workflow_id: 'lvUA2v44N17xMKBS' })
      assert.match(text, /^workflow lvUA2v44N17xMKBS: not active, 2 nodes, draft version\n/)
      assert.match(data, /^name: Greet\ntriggers: webhook\ncreated 2026-11-22T14:08Z, /)
      assert.match(data, /\nWebhook\twebhook\nEdit Fields\tset\nconnections:\nWebhook -> Edit Fields$/)
      assert.doesNotMatch(text, /owner@example\.test/)
      const full = await call('n8n_get_workflow', { workflow_id: 'lvUA2v44N17xMKBS', detail: 'full' })
      assert.match(full.data, /"value":"=Hello \{\{\$json\.body\.name\}\}"/)
      assert.doesNotMatch(full.data, /webhookId|position/)
      assert.doesNotMatch((await call('n8n_get_workflow', { workflow_id: 'lvUA2v44N17xMKBS', detail: 'summary' })).data, /node\t/)
    },
  ))

test('names branches, other inputs, kinds of connections, and nodes that are gone', () =>
  withWorkflow(branching, async ({ call }) => {
    const { data, text } = await call('n8n_get_workflow', { workflow_id: 'branch1' })
    assert.match(data, /^name: Branch it\n/)
    assert.equal(
      data.slice(data.indexOf('node\t')),
      [
        'node\ttype\tstate\tcredentials',
        'Cron\tcron',
        'If\tif',
        'Call\thttpRequest\tdisabled, on error continueErrorOutput\thttpBasicAuth',
        'Agent\t@n8n/n8n-nodes-langchain.agent',
        'Model\t@n8n/n8n-nodes-langchain.lmChatOpenAi',
        'connections:',
        'Cron -> If',
        'If -> Call [true]',
        'If -> Agent [false, input 1]',
        'Call -> Gone [output 1, no such node]',
        'Model -> Agent [ai_languageModel]',
      ].join('\n'),
    )
    assert.match(text, /\nNOTE: what runs is an older version than this draft; version "active" shows it$/)
  }))

test('shows the version that runs, and never both', () =>
  withWorkflow(branching, async ({ call }) => {
    const { data, text } = await call('n8n_get_workflow', { workflow_id: 'branch1', version: 'active', detail: 'full' })
    assert.match(data, /"name":"Only"/)
    assert.doesNotMatch(data, /Agent/)
    assert.match(text, /there is a newer draft/)
  }))

test('picks nodes by name or id, and offers the nearest ones', () =>
  withWorkflow(branching, async ({ call }) => {
    const { data } = await call('n8n_get_workflow', { workflow_id: 'branch1', nodes: 'id-Call,agent' })
    assert.match(data, /"name":"Call"[\s\S]*"name":"Agent"/)
    assert.match(data, /"credentials":\["httpBasicAuth"\]/)
    assert.doesNotMatch(data, /"name":"If"/)
    assert.equal(
      (await call('n8n_get_workflow', { workflow_id: 'branch1', nodes: ['Modell'] })).text,
      'ERROR NOT_FOUND: no node "Modell" in this workflow. Similar: "Model". TRY: {"workflow_id":"branch1","nodes":["Model"]}',
    )
  }))

test('a long workflow comes in pages, and every node is on exactly one', async () => {
  const nodes = Array.from({ length: 200 }, (_, i) =>
    node(`N${i}`, 'code', { parameters: { jsCode: 'x'.repeat(i === 100 ? 9_000 : 40) } }),
  )
  await withWorkflow(
    { ...branching, nodes, connections: {} },
    async ({ call }) => {
      for (const detail of ['full', 'structure']) {
        const names: string[] = []
        let next: Record<string, unknown> | undefined = { workflow_id: 'branch1', detail }
        for (let pages = 0; next !== undefined; pages += 1) {
          assert.ok(pages < 100)
          const page: Awaited<ReturnType<typeof call>> = await call('n8n_get_workflow', next)
          assert.ok(page.text.length <= 4_000, `${page.text.length} characters`)
          names.push(
            ...[...page.data.matchAll(detail === 'full' ? /"name":"(N\d+)"/g : /^(N\d+)\t/gm)].map((match) => match[1] ?? ''),
          )
          next = page.next
        }
        assert.deepEqual(
          names,
          nodes.map(({ name }) => name),
        )
      }
    },
    4_000,
  )
})

test('a missing workflow is answered with the nearest ones', () =>
  withUpstream(
    (req, res) => replay(res, target(req).pathname.endsWith('/workflows') ? 'workflows-list-bad-limit' : 'workflow-get-missing'),
    async ({ call }) => {
      const { text } = await call('n8n_get_workflow', { workflow_id: 'CcAtkVKSM9RvxLjx' })
      assert.match(
        text,
        /^ERROR NOT_FOUND: no workflow with the id .*Similar: CcAtkVKSM9RvxLjb \("Always fails"\)\. TRY: \{"workflow_id":"CcAtkVKSM9RvxLjb"\}$/,
      )
    },
  ))
