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
        'Call -> Gone [error, no such node]',
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

test('a node with a secret in its name is picked by the name that is shown', () =>
  withWorkflow({ ...branching, nodes: [node('Send key-of-the-test', 'set')] }, async ({ call }) => {
    const { data } = await call('n8n_get_workflow', { workflow_id: 'branch1' })
    const [shown = ''] = /^Send [^\t\n]+/m.exec(data) ?? []
    assert.doesNotMatch(data, /key-of-the-test/)
    assert.match((await call('n8n_get_workflow', { workflow_id: 'branch1', nodes: [shown] })).data, /"name":"Send /)
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
        /^ERROR NOT_FOUND: no workflow has the id or the name .*Similar: CcAtkVKSM9RvxLjb \("Always fails"\)\. TRY: \{"workflow_id":"CcAtkVKSM9RvxLjb"\}$/,
      )
    },
  ))

test('a name that several workflows have is answered with their ids', () =>
  withUpstream(
    (req, res) => {
      if (target(req).pathname !== '/api/v1/workflows') return reply(res, { message: 'Not Found' }, 404)
      const all = ['one', 'two'].map((id) => ({ id, name: 'Sync', nodes: [] }))
      reply(res, { data: all, nextCursor: null })
    },
    async ({ call }) => {
      const { text } = await call('n8n_get_workflow', { workflow_id: 'Sync' })
      assert.equal(text, 'ERROR INVALID_ARGUMENT: 2 workflows are named "Sync": one, two. TRY: {"workflow_id":"one"}')
      const unlike = await call('n8n_get_workflow', { workflow_id: 'Quarterly report' })
      assert.match(unlike.text, /^ERROR NOT_FOUND: [^:]*\. TRY: n8n_list_workflows \{\}$/)
    },
  ))

test('names the outputs of nodes that have several', () => {
  const rule = (outputKey?: string) => ({ outputKey, renameOutput: outputKey !== undefined })
  const error = { onError: 'continueErrorOutput' }
  const cases: [object, string[]][] = [
    [
      node('S', 'switch', {
        typeVersion: 3.2,
        parameters: { rules: { values: [rule('paid'), rule()] }, options: { fallbackOutput: 'extra' } },
        ...error,
      }),
      ['paid', 'output 1', 'fallback', 'error'],
    ],
    [
      node('S', 'switch', { typeVersion: 1, parameters: { rules: { rules: [{ value2: 'a' }, { value2: 'b', output: 2 }] } } }),
      ['a', 'output 1', 'b', 'output 3'],
    ],
    [
      node('S', 'switch', { typeVersion: 3, parameters: { mode: 'expression', numberOutputs: 2 } }),
      ['output 0', 'output 1', 'output 2'],
    ],
    [node('S', 'splitInBatches', { typeVersion: 3 }), ['done', 'loop']],
    [node('S', 'splitInBatches', { typeVersion: 2 }), ['loop', 'done']],
    [node('S', 'if', error), ['true', 'false', 'error']],
    [node('S', 'code', error), ['', 'error']],
    [
      node('S', 'x', {
        type: '@n8n/n8n-nodes-langchain.textClassifier',
        parameters: { categories: { categories: [{ category: 'spam' }] }, options: { fallback: 'other' } },
      }),
      ['spam', 'other'],
    ],
    [node('S', 'webhook', { parameters: { httpMethod: ['GET', 'POST'], multipleMethods: true } }), ['GET', 'POST']],
    [node('S', 'respondToWebhook', { typeVersion: 1.4, parameters: { enableResponseOutput: true } }), ['input data', 'response']],
    [node('S', 'code'), ['', 'output 1']],
  ]
  return Promise.all(
    cases.map(([source, names]) =>
      withWorkflow(
        { id: 'w1', name: 'W', nodes: [source, node('T', 'noOp')], connections: { S: { main: names.map(() => [to('T')]) } } },
        async ({ call }) => {
          const { data } = await call('n8n_get_workflow', { workflow_id: 'w1' })
          assert.deepEqual(
            data.split('connections:\n')[1]?.split('\n'),
            names.map((name) => `S -> T${name === '' ? '' : ` [${name}]`}`),
          )
        },
      ),
    ),
  )
})

test('sticky notes are named apart from the nodes, and read like them', () =>
  withWorkflow(
    {
      id: 'w1',
      name: 'W',
      nodes: [node('Note 1', 'stickyNote', { parameters: { content: 'How to use it' } }), node('A', 'noOp')],
      connections: {},
    },
    async ({ call }) => {
      const { text, data } = await call('n8n_get_workflow', { workflow_id: 'w1' })
      assert.match(text, /^workflow w1: not active, 1 node and 1 sticky note, /)
      assert.match(data, /\nsticky notes: Note 1\n[\s\S]*credentials\nA\tnoOp$/)
      assert.match((await call('n8n_get_workflow', { workflow_id: 'w1', nodes: ['note 1'] })).data, /How to use it/)
    },
  ))

test('a text of any length is read in parts that join to the whole', async () => {
  const jsCode = Array.from({ length: 1_500 }, (_, i) => `const line${i} = "${'é😀'.repeat(i % 9)}"`).join('\n')
  const nodes = [node('Long', 'code', { parameters: { jsCode } }), node('B', 'noOp')]
  await withWorkflow(
    { id: 'w1', name: 'W', nodes, connections: {} },
    async ({ call }) => {
      const full = await call('n8n_get_workflow', { workflow_id: 'w1', detail: 'full' })
      assert.match(
        full.text,
        /…\[cut\]"[\s\S]*NOTE: long text is cut; a call with one name in "nodes" reads all of it, in parts$/,
      )
      let joined = ''
      for (let next: Record<string, unknown> | undefined = { workflow_id: 'w1', nodes: ['Long'] }; next !== undefined; ) {
        const page: Awaited<ReturnType<typeof call>> = await call('n8n_get_workflow', next)
        assert.ok(page.text.length <= 6_000)
        assert.match(page.text, /^workflow w1: node "Long", draft version, characters \d+-\d+ of \d+\n/)
        joined += page.data
        next = page.next
      }
      assert.equal(JSON.parse(joined).parameters.jsCode, jsCode)
    },
    6_000,
  )
})

test('a secret at the end of a text that is too long to read is not shown', () =>
  withWorkflow(
    {
      id: 'w1',
      name: 'W',
      nodes: [
        node('Long', 'code', { parameters: { jsCode: `${'x'.repeat(99_950)}; const password = "${'S3CRET'.repeat(20)}"` } }),
      ],
      connections: {},
    },
    async ({ call }) => {
      let all = ''
      for (let next: Record<string, unknown> | undefined = { workflow_id: 'w1', nodes: ['Long'] }; next !== undefined; ) {
        const page: Awaited<ReturnType<typeof call>> = await call('n8n_get_workflow', next)
        all += page.data
        next = page.next
      }
      assert.match(all, /x…\[cut\]"/)
      assert.doesNotMatch(all, /S3CRET/)
    },
  ))
