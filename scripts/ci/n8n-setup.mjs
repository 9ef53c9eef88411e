// node n8n-setup.mjs URL PID: waits until the n8n of process PID is ready, claims it, fills it with what the live tests expect, and prints
// an API key that may only read. The key it fills n8n with has more rights and is kept nowhere.
import { setTimeout as sleep } from 'node:timers/promises'

const [base, pid] = [process.argv[2], Number(process.argv[3])]
const patienceMs = 180_000

let cookie
async function call(method, path, body, headers = {}) {
  const res = await fetch(base + path, {
    method,
    headers: {
      'browser-id': 'ci',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(cookie === undefined ? {} : { cookie }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const set = res.headers.getSetCookie()
  if (set.length > 0) cookie = set.map((each) => each.split(';')[0]).join('; ')
  if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${await res.text()}`)
  return res.json()
}

/** Asks again until `done` accepts the answer. */
async function until(what, ask, done) {
  const end = Date.now() + patienceMs
  for (;;) {
    process.kill(pid, 0) // throws when n8n has ended
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined && done(answer)) return answer
    if (Date.now() > end) throw new Error(`not within ${patienceMs} ms: ${what}`)
    await sleep(250)
  }
}

const webhook = (path) => ({
  id: `hook-${path}`,
  name: 'Webhook',
  type: 'n8n-nodes-base.webhook',
  typeVersion: 2,
  position: [0, 0],
  webhookId: `live-${path}`,
  parameters: { httpMethod: 'POST', path, responseMode: 'lastNode', options: {} },
})
const node = (name, type, parameters, typeVersion = 1, more = {}) => ({
  id: `node-${name.toLowerCase().replaceAll(' ', '-')}`,
  name,
  type,
  typeVersion,
  position: [220, 0],
  parameters,
  ...more,
})
const chain = (...names) =>
  Object.fromEntries(names.slice(0, -1).map((name, i) => [name, { main: [[{ node: names[i + 1], type: 'main', index: 0 }]] }]))

const http = node(
  'Call out',
  'n8n-nodes-base.httpRequest',
  {
    url: 'https://user:live-userinfo-secret@example.test/?api_key=live-query-secret',
    sendHeaders: true,
    headerParameters: { parameters: [{ name: 'Authorization', value: 'Bearer live-header-secret-0123456789' }] },
    options: {},
  },
  4.2,
  { disabled: true },
)
const slow = node('Wait a moment', 'n8n-nodes-base.wait', { amount: 1.5, unit: 'seconds' }, 1.1)
const workflows = [
  { name: 'Live succeeds', path: 'live-ok', nodes: [node('Answer', 'n8n-nodes-base.noOp', {})] },
  {
    name: 'Live fails',
    path: 'live-fail',
    nodes: [node('Stop', 'n8n-nodes-base.stopAndError', { errorMessage: 'boom on purpose' })],
  },
  { name: 'Live is slow', path: 'live-slow', nodes: [slow] },
  { name: 'Live holds secrets', nodes: [http], pinData: { 'Call out': [{ json: { secret: 'live-pinned-secret' } }] } },
]

// Not run: what a workflow looks like that starts by a schedule, branches, carries a note, and holds more code than one answer shows.
const report = {
  name: 'Weekday report',
  nodes: [
    node(
      'Every morning',
      'n8n-nodes-base.scheduleTrigger',
      { rule: { interval: [{ field: 'cronExpression', expression: '0 6 * * 1-5' }] } },
      1.2,
    ),
    node(
      'Compute',
      'n8n-nodes-base.code',
      { jsCode: `${'// one line of a long program\n'.repeat(200)}return items // the end\n` },
      2,
    ),
    node(
      'By size',
      'n8n-nodes-base.switch',
      {
        rules: { values: ['large', 'small'].map((outputKey) => ({ conditions: {}, renameOutput: true, outputKey })) },
      },
      3.2,
    ),
    node('Post', 'n8n-nodes-base.noOp', {}),
    node('Keep', 'n8n-nodes-base.noOp', {}),
    node('A note', 'n8n-nodes-base.stickyNote', { content: 'Unlike the basic token splitter, this runs on weekdays.' }),
  ],
  connections: {
    'Every morning': { main: [[{ node: 'Compute', type: 'main', index: 0 }]] },
    Compute: { main: [[{ node: 'By size', type: 'main', index: 0 }]] },
    'By size': { main: ['Post', 'Keep'].map((to) => [{ node: to, type: 'main', index: 0 }]) },
  },
}

await until(
  'ready',
  () => fetch(`${base}/healthz/readiness`),
  (res) => res.status === 200,
)
const owner = { email: 'owner@example.test', firstName: 'CI', lastName: 'Owner', password: 'Ci-Passw0rd1' }
await until(
  'owner',
  () => call('POST', '/rest/owner/setup', owner),
  () => true,
)
await call('POST', '/rest/login', { emailOrLdapLoginId: owner.email, password: owner.password })

async function makeKey(label, scopes) {
  const { data } = await call('POST', '/rest/api-keys', { label, expiresAt: Math.floor(Date.now() / 1000) + 30 * 86_400, scopes })
  return data.rawApiKey
}
const filling = {
  'x-n8n-api-key': await makeKey('fill', [
    'workflow:create',
    'workflow:activate',
    'execution:list',
    'tag:create',
    'workflowTags:update',
  ]),
}
const tag = await call('POST', '/api/v1/tags', { name: 'live' }, filling)
for (const { name, path, nodes, pinData } of workflows) {
  const all = path === undefined ? nodes : [webhook(path), ...nodes]
  const body = { name, nodes: all, connections: chain(...all.map((each) => each.name)), settings: { executionOrder: 'v1' } }
  const made = await call('POST', '/api/v1/workflows', pinData === undefined ? body : { ...body, pinData }, filling)
  await call('PUT', `/api/v1/workflows/${made.id}/tags`, [{ id: tag.id }], filling)
  if (path !== undefined) await call('POST', `/api/v1/workflows/${made.id}/activate`, undefined, filling)
}
await call('POST', '/api/v1/workflows', { ...report, settings: { executionOrder: 'v1' } }, filling)
// A webhook answers a moment after its workflow was activated; a failing one answers 500.
for (const [path, times] of [
  ['live-ok', 3],
  ['live-fail', 2],
  ['live-slow', 1],
]) {
  const post = () => fetch(`${base}/webhook/${path}`, { method: 'POST' })
  for (let i = 0; i < times; i++) await until(path, post, (res) => res.status !== 404)
}
const finished = (answer) => answer.data.length >= 6 && answer.data.every((each) => each.stoppedAt !== null)
await until('six executions', () => call('GET', '/api/v1/executions?limit=50', undefined, filling), finished)
console.log(await makeKey('read', ['workflow:read', 'workflow:list', 'execution:list']))
