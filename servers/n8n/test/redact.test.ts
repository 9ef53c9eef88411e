// What may not reach a language model, in the places where people put it; and what looks like it and must stay readable.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { createRedactor } from '../lib/redact.ts'

const redact = createRedactor(['own-api-key-of-this-server'])

const secret = 'S3CRETv4lu3XXXXXXXXXXXX'
/** Each holds the secret once. */
const hiding: Record<string, unknown> = {
  'a header of a node': { headerParameters: { parameters: [{ name: 'X-Custom', value: secret }] } },
  'an authorization header': { headerParameters: { parameters: [{ name: 'Authorization', value: `Bearer ${secret}` }] } },
  'headers of an old node': { headerParametersUi: { parameter: [{ name: 'X-Auth', value: secret }] } },
  'headers as JSON': { jsonHeaders: `{"X-Whatever": "${secret}"}` },
  'headers as JSON of an old node': { headerParametersJson: `{"a":"${secret}"}` },
  'a parameter of a query': { queryParameters: { parameters: [{ name: 'api_key', value: secret }] } },
  'a field of a body': { bodyParameters: { parameters: [{ name: 'password', value: secret }] } },
  'an assignment of a Set node': {
    assignments: { assignments: [{ id: '1', name: 'clientSecret', value: secret, type: 'string' }] },
  },
  'a member by its name': { options: { accessKey: secret } },
  'members below a secret one': { auth: { user: { key: secret } } },
  'a number': { pin: 123456 },
  'the userinfo of a URL': { url: `https://user:${secret}@example.com/x` },
  'userinfo without a password': { url: `https://${secret}@example.com/x` },
  'the query of a URL': { url: `https://example.com/x?a=1&access_token=${secret}&b=2` },
  'a key in the query of a URL': { url: `https://example.com/x?key=${secret}` },
  'a bearer in a text': { text: `curl -H "Authorization: Bearer ${secret}"` },
  'an assignment in code': { jsCode: `const apiKey = '${secret}';\nreturn 1` },
  'a template literal in code': { jsCode: `let token=\`${secret}\`` },
  'JSON in a string': { jsonBody: `{"user":"a","password":"${secret}"}` },
  'escaped JSON in code': { jsCode: `post("{\\"client_secret\\":\\"${secret}\\"}")` },
  'a Slack webhook': { url: `https://hooks.slack.com/services/T0/B0/${secret}` },
  'a Discord webhook': { url: `https://discord.com/api/webhooks/1/${secret}` },
  'an OpenAI key': { text: `sk-proj-${secret}` },
  'a GitHub token': { text: `ghp_${secret}${secret}` },
  'a Slack token': { text: `xoxb-1-${secret}` },
  'a Telegram bot': { url: `https://api.telegram.org/bot123456789:${secret}${secret}/send` },
  'a JWT': { text: `eyJhbGciOiJIUzI1NiJ9.${secret}.${secret}` },
  'a private key': { text: `-----BEGIN RSA PRIVATE KEY-----\n${secret}\n-----END RSA PRIVATE KEY-----` },
  'an expression that holds it': { token: `={{ '${secret}' }}` },
  'pinned data': { pinData: { Node: [{ json: { a: secret } }] } },
  'static data': { staticData: { lastId: secret } },
  'ids and names of credentials': { credentials: { slackApi: { id: secret, name: secret } } },
  'the id of a webhook': { webhookId: secret },
  'this server’s own key': { text: 'x own-api-key-of-this-server y' },
  'a parameter named key': { queryParameters: { parameters: [{ name: 'key', value: `${secret}0` }] } },
  'an application id': { queryParameters: { parameters: [{ name: 'appid', value: `${secret}0` }] } },
  'a code in a URL': { url: `https://example.com/x?code=${secret}0` },
  'a subscription key': { headerParameters: { parameters: [{ name: 'Ocp-Apim-Subscription-Key', value: secret }] } },
  'short names': { bodyParameters: { parameters: [{ name: 'pw', value: secret }] }, pass: secret },
  'camel case': { appKey: secret, consumer_key: secret },
  'a variable of a shell': { command: `PGPASSWORD=${secret} psql` },
  'an option of mysql': { command: `mysql -u root -p${secret} shop` },
  'an option of curl': { command: `curl -s -u ann:${secret} https://example.com` },
  sshpass: { command: `sshpass -p '${secret}' ssh ann@host` },
  'redis-cli': { command: `redis-cli -h cache -a ${secret} PING` },
  'a sentence': { content: `API Key: ${secret}\nThen run it.` },
  'a German sentence': { content: `Passwort: ${secret}` },
  'JSON in a string in code': { jsCode: `const body = '{"password":"${secret}"}'` },
  'a secret after an expression': { token: `={{ $json.a }}${secret}` },
  'a secret with a quotation mark': { jsCode: `const password = "it's-${secret}"; const token = 'a\\'${secret}'` },
  'the id of a webhook in its path': { type: 'n8n-nodes-base.webhook', webhookId: secret, parameters: { path: `${secret}/x` } },
  'the start of a string that was cut': { text: `${'x'.repeat(600)}"password": "${secret}\ue000` },
}

for (const [where, value] of Object.entries(hiding)) {
  test(`hides a secret: ${where}`, () => {
    const text = JSON.stringify(redact({ name: 'Node', parameters: value, ...(value as object) }))
    assert.doesNotMatch(text, /S3CRET|123456\b|own-api-key/)
  })
}

const harmless: Record<string, unknown> = {
  'limits of a language model': { options: { maxTokens: 500, max_tokens: 20, temperature: 0.2 } },
  'the kind of authentication': {
    authentication: 'genericCredentialType',
    genericAuthType: 'httpHeaderAuth',
    nodeCredentialType: 'slackApi',
  },
  'harmless headers': { headerParameters: { parameters: [{ name: 'Content-Type', value: 'application/json' }] } },
  'a reference to a secret': { token: '={{ $json.token }}', apiKey: '={{ $env.API_KEY }}' },
  'an ordinary URL': { url: 'https://example.com/v1/users?page=2&sort=key' },
  'ordinary code': { jsCode: 'for (const item of items) { item.json.total = item.json.a + 1 }\nreturn items' },
  'words of a text': { text: 'Write a basic summary of the secret garden; the token of love' },
  switches: { sendHeaders: true, allowUnauthorizedCerts: false },
  'a node with a secret word in its name': {
    name: 'If Auth Token Exists',
    type: 'n8n-nodes-base.if',
    typeVersion: 2,
    parameters: { conditions: { value1: '={{ $json.token }}', operation: 'exists' } },
  },
  'names of nodes': {
    name: 'Token Splitter1',
    type: 'n8n-nodes-base.set',
    parameters: { text: 'Unlike basic scrapers, the token limit is 4096' },
  },
  'references to nodes': {
    token: "={{ $('Get Token').item.json['access_token'] }}",
    password: '={{ $node["Log in"].json["password"] || "" }}',
    headerParameters: { parameters: [{ name: 'Authorization', value: "=Bearer {{ $('Log in').first().json.accessJwt }}" }] },
  },
  'references inside of JSON': { jsonBody: '={"password": "{{ $json.password }}", "token": "{{ $(\'A\').item.json.t }}"}' },
  'variables of a shell': { command: 'curl -H "Authorization: Bearer $OPENAI_API_KEY"' },
  placeholders: {
    parameters: [
      { name: 'api_key', value: 'YOUR_API_KEY' },
      { name: 'token', value: '<token>' },
    ],
  },
  'types in code': { jsCode: 'interface A {\n  password: string\n  token: accessToken\n}' },
  'a position that is not drawn': { options: { position: 'top' } },
}

for (const [what, value] of Object.entries(harmless)) {
  test(`leaves readable: ${what}`, () => assert.deepEqual(redact(value), value))
}

test('names the types of credentials and nothing else of them', () => {
  assert.deepEqual(redact({ credentials: { slackApi: { id: '1', name: 'Slack of Ann' }, httpBasicAuth: { id: '2' } } }), {
    credentials: ['slackApi', 'httpBasicAuth'],
  })
})

test('drops where a node is drawn, and nothing else of that name', () => {
  const node = { name: 'A', type: 'n8n-nodes-base.set', position: [0, 1], parameters: { position: 'top' } }
  assert.deepEqual(redact(node), { name: 'A', type: 'n8n-nodes-base.set', parameters: { position: 'top' } })
})

test('takes no longer than a moment for hostile text', () => {
  const started = performance.now()
  for (const text of [
    ...[
      'pat-',
      'ey-',
      'ey.',
      "a='",
      'x:"y:\'',
      '<a>',
      '--a ',
      'mysql ',
      'curl -u ',
      '{{',
      '$(',
      "['",
      'a b=',
      'sk-',
      '://',
      'key ',
    ].map((each) => each.repeat(8_000)),
    ...[' ', '\\', '=', 'a', '"', '['].map((each) => `password${each.repeat(50_000)}`),
    'token'.repeat(20_000),
    `password="${'\\'.repeat(300_000)}`,
    'a://'.repeat(100_000),
    'sk-a-'.repeat(60_000),
    `api_key${'x'.repeat(300_000)}`,
  ])
    redact({ text, token: text, jsonHeaders: text })
  assert.ok(performance.now() - started < 3_000, `${performance.now() - started} ms`)
})

test('names of many digits and words are read in linear time', () => {
  const started = performance.now()
  for (const name of [`${'0'.repeat(63)}u`, `${'1 '.repeat(31)}u`, `${' dev1'.repeat(12)}u`]) createRedactor([])({ [name]: 'x' })
  assert.ok(performance.now() - started < 1_000)
})
