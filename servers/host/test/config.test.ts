import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAjv } from '../../../protocol/validator.ts'
import { test } from '../../../test/runner/harness.ts'
import { catalog, serverNames } from '../../cli/catalog.ts'
import type { ConfigSchema, Variable } from '../../kit/definition.ts'
import { policyVariables } from '../../kit/network-policy/policy-variables.ts'
import { findUnknown, readConfig } from '../config.ts'
import { checkSettings, principals, type Settings, settingsSchema } from '../settings.ts'

const schema = {
  type: 'object',
  properties: {
    APP_NAME: { type: 'string', default: 'x', description: '' },
    APP_SIZE: { type: 'integer', minimum: 1, maximum: 9, default: 3, description: '' },
    APP_FAST: { type: 'boolean', default: false, description: '' },
    APP_LIST: { type: 'array', items: { type: 'string' }, description: '' },
    APP_KEY: { type: 'string', minLength: 4, 'x-secret': true, 'x-aliases': ['APP_TOKEN'], description: '' },
    APP_MODE: { type: 'string', enum: ['a', 'b'], description: '' },
  },
} as const satisfies ConfigSchema

function inFolder<T>(use: (path: (name: string, content: string) => string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'config-'))
  try {
    return use((name, content) => {
      writeFileSync(join(folder, name), content)
      return join(folder, name)
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('a port of the network policy that is not a number is a fault of the configuration', () => {
  const schema = { type: 'object', properties: policyVariables('FETCH'), additionalProperties: false } as const
  for (const port of ['abc', '-5', '0x1F90', '1e3']) {
    const { problems } = readConfig(schema, { FETCH_ALLOWED_PORTS: `81,${port}` })
    assert.match(problems.join(), /^FETCH_ALLOWED_PORTS: expected a comma-separated list/)
  }
  assert.deepEqual(readConfig(schema, { FETCH_ALLOWED_PORTS: '81, 8000' }).config?.FETCH_ALLOWED_PORTS, ['81', '8000'])
})

test('text becomes the declared types', () => {
  const { config, problems, set } = readConfig(schema, { APP_SIZE: ' 7 ', APP_FAST: 'Yes', APP_LIST: 'a, b,,c\n', APP_NAME: '' })
  assert.deepEqual(problems, [])
  assert.deepEqual(config, { APP_NAME: 'x', APP_SIZE: 7, APP_FAST: true, APP_LIST: ['a', 'b', 'c'] })
  assert.deepEqual(set, ['APP_SIZE', 'APP_FAST', 'APP_LIST'])
})

test('every problem is in one report, with what was expected', () => {
  const { config, problems } = readConfig(schema, { APP_SIZE: '12', APP_FAST: 'maybe', APP_MODE: 'c', APP_KEY: 'abc' })
  assert.equal(config, undefined)
  assert.deepEqual(problems, [
    'APP_SIZE: expected an integer ≥ 1 ≤ 9, got 12; for example APP_SIZE=3',
    'APP_FAST: expected true or false, got "maybe"; for example APP_FAST=false',
    'APP_KEY: expected a string of at least 4 characters, got set(3 chars)',
    'APP_MODE: expected one of a, b, got "c"',
  ])
})

test('every variable takes exactly the values that JSON Schema allows', async () => {
  const ajv = createAjv({ strict: false })
  const definitions = await Promise.all(serverNames.map((name) => catalog[name]()))
  const variables = [settingsSchema, schema, ...definitions.map(({ config }) => config)].flatMap(({ properties }) =>
    Object.entries<Variable>(properties),
  )
  // Of each kind, at and beyond each limit, and what other variables take.
  const numbers = ['0', '1', '-1', '+7', '2.5', '.5', '1e3', '0x1F', '07', '9007199254740993', 'NaN', 'Infinity', ' 80 ', '1 2']
  const texts = [
    'true',
    'YES',
    'off',
    'maybe',
    'a',
    'b',
    'a,b',
    ',',
    '/',
    '/tools',
    '//',
    'tcp://x',
    'x'.repeat(300),
    '😀'.repeat(4),
    '\u0000',
    'a\nb',
  ]
  const theirs = variables.flatMap(
    ([, { minimum = 0, maximum = 0, minLength = 0, enum: choices = [], items, examples = [] }]) => [
      ...[minimum - 1, minimum, minimum + 0.5, maximum, maximum + 1, ...choices, ...(items?.enum ?? []), ...examples].map(String),
      ...['x'.repeat(minLength), 'x'.repeat(Math.max(0, minLength - 1)), '😀'.repeat(Math.max(1, minLength / 2))],
    ],
  )
  let refused = 0
  for (const [name, variable] of variables) {
    const validate = ajv.compile(variable)
    assert.ok(variable.default === undefined || validate(variable.default), `the default of ${name}`)
    const read = (limits: Partial<Variable>, X: string) =>
      readConfig({ type: 'object', properties: { X: { type: variable.type, description: '', ...limits } } }, { X })
    for (const text of new Set([...numbers, ...texts, ...theirs].filter((text) => text !== ''))) {
      const { 'x-aliases': _, ...limits } = variable
      const { problems } = read(limits, text)
      const value = read({}, text).config?.X ?? text
      assert.equal(problems.length === 0, validate(value), `${name}=${text}: ${problems}`)
      refused += problems.length
    }
  }
  assert.ok(refused > 1_000, `${refused} refused`)
})

test('a keyword that is not checked is refused, so that no limit is passed over', () => {
  const read = (variable: object) => readConfig({ type: 'object', properties: { X: variable as Variable } }, {})
  const about = { type: 'string', description: '' }
  for (const more of [
    { maxLength: 3 },
    { minlength: 3 },
    { type: ['string', 'null'] },
    { type: undefined },
    { default: 3 },
    { type: 'array', items: { enum: ['a'] } },
  ])
    assert.throws(() => read({ ...about, ...more }), TypeError)
  assert.throws(() => readConfig({ ...schema, required: ['APP_NAME'] }, {}), TypeError)
  assert.deepEqual(
    readConfig({ type: 'object', properties: { X: { type: 'number', description: '' } } }, { X: '9'.repeat(400) }).config,
    undefined,
  )
})

test('a secret may come from a file, one newline trimmed', () =>
  inFolder((path) => {
    const { config, secrets } = readConfig(schema, { APP_KEY_FILE: path('key', 'secret value \n') })
    assert.equal(config?.APP_KEY, 'secret value ')
    assert.deepEqual(secrets.includes('secret value'), true)
  }))

test('an alias is read, also as a file', () =>
  inFolder((path) => {
    assert.equal(readConfig(schema, { APP_TOKEN: 'abcd' }).config?.APP_KEY, 'abcd')
    assert.equal(readConfig(schema, { APP_TOKEN_FILE: path('key', 'efgh\r\n') }).config?.APP_KEY, 'efgh')
  }))

test('a value and a file, or two different values, contradict', () =>
  inFolder((path) => {
    const file = path('key', 'abcd')
    assert.match(
      readConfig(schema, { APP_KEY: 'abcd', APP_KEY_FILE: file }).problems.join(),
      /APP_KEY and APP_KEY_FILE are both set/,
    )
    assert.match(readConfig(schema, { APP_KEY: 'abcd', APP_TOKEN: 'efgh' }).problems.join(), /APP_KEY and APP_TOKEN are both set/)
    assert.deepEqual(readConfig(schema, { APP_KEY: 'abcd', APP_TOKEN: 'abcd' }).problems, [])
  }))

test('a secret file that is missing or empty is a problem that does not show it', () =>
  inFolder((path) => {
    assert.match(
      readConfig(schema, { APP_KEY_FILE: '/nowhere/key' }).problems.join(),
      /APP_KEY_FILE: cannot read the file it names \(ENOENT\)/,
    )
    assert.match(readConfig(schema, { APP_KEY_FILE: path('key', '\n') }).problems.join(), /the file is empty/)
  }))

test('_FILE means nothing for a variable that is no secret', () => {
  assert.equal(readConfig(schema, { APP_NAME_FILE: '/nowhere' }).config?.APP_NAME, 'x')
})

test('misspelled variables are named, foreign and injected names are not', () => {
  const env = {
    APP_SIZ: '1',
    APPSIZE: '1',
    MCP_PROT: '1',
    MCP_MAX_CONCURENCY: '1',
    MCP_AUTH_TOEKN_FILE: '/x',
    app_size: '1',
    APP_SIZE_2: '1',
    APP_POSTGRES_SERVICE_HOST: 'x',
    MCP_POSTGRES_PORT: 'tcp://1.2.3.4:8080',
    APP_INITDB_ARGS: 'x',
    APPLE: 'x',
    MCP_WHATEVER_ELSE: '1',
    PORT: '3000',
    HOST: 'x',
    MCP_HOST: 'y',
  }
  assert.deepEqual(findUnknown([schema, settingsSchema], env), {
    misspelled: [
      'APP_SIZ is not a variable of this process; did you mean APP_SIZE?',
      'APPSIZE is not a variable of this process; did you mean APP_SIZE?',
      'MCP_PROT is not a variable of this process; did you mean MCP_PORT?',
      'MCP_MAX_CONCURENCY is not a variable of this process; did you mean MCP_MAX_CONCURRENCY?',
      'MCP_AUTH_TOEKN_FILE is not a variable of this process; did you mean MCP_AUTH_TOKEN_FILE?',
      'app_size is not a variable of this process; did you mean APP_SIZE?',
    ],
    notes: [
      'MCP_WHATEVER_ELSE has no effect; there are MCP_HOST, MCP_PORT, MCP_BASE_PATH, MCP_AUTH_TOKEN, MCP_AUTH_TOKEN_FILE, …',
      'PORT is not read; set MCP_PORT to change where the servers listen',
    ],
  })
})

test('a name with a prefix of ours is noted beside the names that there are; one that may be of another program is not', async () => {
  const env = {
    FS_PATH: '/data',
    FILESYSTEM_ROOTS: '/data',
    N8N_HOST: 'x',
    PLAYWRIGHT_NODEJS_PATH: 'x',
    POSTGRES_INITDB_ARGS: 'x',
  }
  const schemas = await Promise.all(serverNames.map(async (name) => (await catalog[name]()).config))
  const { misspelled, notes } = findUnknown([settingsSchema, ...schemas], env)
  assert.deepEqual(misspelled, [])
  assert.equal(notes.length, 2, notes.join('\n'))
  assert.match(notes[0] ?? '', /^FS_PATH has no effect; there are .*FS_ROOTS/)
  assert.match(notes[1] ?? '', /^FILESYSTEM_ROOTS has no effect; there are .*FS_ROOTS/)
  // The server that reads them may be another process with the same file of variables.
  assert.deepEqual(findUnknown([settingsSchema], { ...env, FETCH_MAX_BYTES: '1000000' }).notes, [])
})

test('no declared variable of any server is taken for a misspelling of another', async () => {
  for (const name of serverNames) {
    const { config } = await catalog[name]()
    const env = Object.fromEntries(Object.keys(config.properties).map((variable) => [variable, 'x']))
    for (const other of serverNames) {
      const { misspelled, notes } = findUnknown([settingsSchema, (await catalog[other]()).config], env)
      assert.deepEqual([misspelled, notes], [[], []], `${name} beside ${other}`)
    }
  }
})

test('a secret that is too short says how long it must be, and not what it is', () => {
  assert.match(
    readConfig(settingsSchema, { MCP_AUTH_TOKEN: 'abc' }).problems.join(),
    /MCP_AUTH_TOKEN: expected a string of at least 8 characters, got set\(3 chars\)/,
  )
})

const settings = (env: Record<string, string>): Settings => {
  const { config, problems } = readConfig(settingsSchema, env)
  assert.deepEqual(problems, [])
  return config as Settings
}

test('a bind beyond loopback needs a token or the word that it does not', () => {
  assert.deepEqual(checkSettings(settings({})), [])
  for (const MCP_HOST of ['0.0.0.0', '::', '10.0.0.1', 'mcp']) {
    assert.match(checkSettings(settings({ MCP_HOST })).join(), /no token is set; set MCP_AUTH_TOKEN/)
    assert.deepEqual(checkSettings(settings({ MCP_HOST, MCP_AUTH_TOKEN: 'long-enough' })), [])
    assert.deepEqual(checkSettings(settings({ MCP_HOST, MCP_ALLOW_UNAUTHENTICATED: 'true' })), [])
  }
})

test('named principals come comma-separated or one a line', () => {
  for (const MCP_AUTH_TOKENS of ['ann:token-of-ann,bob:token:of:bob', 'ann:token-of-ann\nbob:token:of:bob\n']) {
    assert.deepEqual(principals(settings({ MCP_AUTH_TOKENS, MCP_AUTH_TOKEN: 'the-default' })), [
      { name: 'default', token: 'the-default' },
      { name: 'ann', token: 'token-of-ann' },
      { name: 'bob', token: 'token:of:bob' },
    ])
  }
  assert.match(
    readConfig(settingsSchema, { MCP_AUTH_TOKENS: 'no-colon-here' }).problems.join(),
    /MCP_AUTH_TOKENS: expected a comma-separated list matching/,
  )
  assert.match(
    checkSettings(settings({ MCP_AUTH_TOKENS: 'default:token-one', MCP_AUTH_TOKEN: 'the-default' })).join(),
    /names too/,
  )
})

test('each token of a list is a secret by itself', () => {
  const { secrets } = readConfig(settingsSchema, { MCP_AUTH_TOKENS: 'ann:token-of-ann,bob:token-of-bob' })
  assert.equal(secrets.includes('token-of-ann') && secrets.includes('token-of-bob'), true)
})
