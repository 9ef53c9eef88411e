// Clients in five languages beside the official SDKs: list, call, error, image, wrong token and restart over both transports. The table in
// docs/clients.md is made from these runs: OCTET_WRITE_CLIENTS=1 writes it, otherwise the last test compares it.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Fixture } from '../fixtures/fixture.ts'
import { png } from '../fixtures/tools.ts'
import { node22 } from '../helpers/child.ts'
import { JsonLineProcess } from '../helpers/json-line-process.ts'
import { test } from '../runner/harness.ts'
import { token } from './behaviours.ts'

type Transport = 'sse' | 'http'

interface Driver {
  /** What docs/clients.md calls it. */
  label: string
  name: string
  command: string
  args: string[]
  skip: string | undefined
  /** The client does not pass `isError` on, or makes an exception of it. */
  errorAs?: 'text' | 'exception'
  /** Over SSE it opens a new stream by itself. */
  reconnects?: boolean
}

interface Answer {
  connected?: string
  tools?: string[]
  isError?: boolean
  content?: { text?: string; data?: string; mimeType?: string }[]
  error?: string
}

const { OCTET_TEST_CLIENTS_NPM, OCTET_TEST_CLIENTS_PYTHON, OCTET_TEST_CLIENTS_GO, OCTET_TEST_CLIENTS_JAVA } = process.env
const missing = (what: string, variable: string, value: string | undefined) =>
  value === undefined ? `the ${what} clients are not installed (${variable})` : undefined

const npm = {
  command: node22 ?? 'node',
  args: [fileURLToPath(new URL('./drivers/clients.mjs', import.meta.url))],
  skip:
    missing('npm', 'OCTET_TEST_CLIENTS_NPM', OCTET_TEST_CLIENTS_NPM) ??
    (node22 === undefined ? 'no Node 22 for the npm clients (OCTET_TEST_NODE22)' : undefined),
}
const python = {
  command: OCTET_TEST_CLIENTS_PYTHON ?? 'python3',
  args: [fileURLToPath(new URL('./drivers/clients.py', import.meta.url))],
  skip: missing('Python', 'OCTET_TEST_CLIENTS_PYTHON', OCTET_TEST_CLIENTS_PYTHON),
}
const go = {
  command: OCTET_TEST_CLIENTS_GO ?? '',
  args: [],
  skip: missing('Go', 'OCTET_TEST_CLIENTS_GO', OCTET_TEST_CLIENTS_GO),
}
const java = {
  command: 'java',
  args: ['-cp', `${OCTET_TEST_CLIENTS_JAVA}/*:${OCTET_TEST_CLIENTS_JAVA}`, 'Clients'],
  skip: missing('Java', 'OCTET_TEST_CLIENTS_JAVA', OCTET_TEST_CLIENTS_JAVA),
}

const drivers: Driver[] = [
  { ...npm, label: '`@ai-sdk/mcp`', name: 'ai-sdk' },
  { ...npm, label: '`@openai/agents`', name: 'openai-agents', errorAs: 'text', reconnects: true },
  { ...npm, label: '`mcp-remote`, as Claude Desktop uses it', name: 'mcp-remote', reconnects: true },
  { ...python, label: 'FastMCP', name: 'fastmcp' },
  { ...python, label: 'Pydantic AI', name: 'pydantic-ai', errorAs: 'exception' },
  { ...go, label: 'go-sdk', name: 'go-sdk' },
  { ...go, label: 'mcp-go', name: 'mcp-go' },
  { ...java, label: 'Java SDK', name: 'java' },
]

const connectLimitMs = 40_000
const errorText = 'This tool intentionally returns an error for testing'
const versions = new Map<Driver, string>()
const cells = new Map<string, string>()

class Connection {
  readonly #child: JsonLineProcess

  constructor(driver: Driver, transport: Transport, url: string, bearer: string) {
    const args = [...driver.args, driver.name, transport, `${url}${transport === 'sse' ? '/sse' : '/mcp'}`, bearer]
    this.#child = new JsonLineProcess(driver.command, args, { PYTHONUNBUFFERED: '1' })
    this.#child.unref()
  }

  /** The first line of the driver. */
  async opened(): Promise<Answer> {
    return this.#child.line('connection', () => true, 0, connectLimitMs)
  }

  async ask(command: string, limitMs = 20_000): Promise<Answer> {
    const from = this.#child.lines.length
    this.#child.process.stdin.write(`${command}\n`)
    return this.#child.line(`answer to "${command}"`, () => true, from, limitMs)
  }

  async close(): Promise<void> {
    await this.#child.stop()
  }
}

async function connected(driver: Driver, transport: Transport, url: string): Promise<Connection> {
  const connection = new Connection(driver, transport, url, token)
  const { connected: version, error } = await connection.opened()
  assert.ok(version, error)
  versions.set(driver, version)
  return connection
}

// One server for all; it is restarted once, when every client is connected.
const connections = new Map<string, Connection>()
let first: Promise<Fixture> | undefined
let second: Promise<Fixture> | undefined

function started(): Promise<Fixture> {
  first ??= Fixture.start({ token }).then(unref)
  return first
}

async function restart(): Promise<Fixture> {
  const fixture = await started()
  await fixture.stop()
  return unref(await Fixture.start({ token, port: fixture.port }))
}

function unref(fixture: Fixture): Fixture {
  fixture.unref()
  return fixture
}

const all = drivers.flatMap((driver) => (['sse', 'http'] as const).map((transport) => ({ driver, transport })))

function clientTest(driver: Driver, transport: Transport, name: string, body: (key: string) => Promise<void>): void {
  const title = `${driver.name} over ${transport === 'sse' ? 'SSE' : '/mcp'} ${name}`
  test.unless(driver.skip)(title, () => body(`${driver.name} ${transport}`), { timeoutMs: 120_000 })
}

for (const { driver, transport } of all) {
  clientTest(driver, transport, 'lists, calls, and gets an error and an image', async (key) => {
    const connection = await connected(driver, transport, (await started()).url)
    connections.set(key, connection)
    const { tools, error } = await connection.ask('list')
    assert.ok(tools?.includes('test_simple_text') && tools.length >= 10, error)
    cells.set(`${key} list`, '✔')
    const called = await connection.ask('call test_simple_text')
    assert.equal(called.content?.[0]?.text, 'This is a simple text response for testing.', called.error)
    cells.set(`${key} call`, '✔')
    const failed = await connection.ask('call test_error_handling')
    if (driver.errorAs === 'exception') assert.equal(failed.error, errorText)
    else assert.deepEqual([failed.isError, failed.content?.[0]?.text], [driver.errorAs === undefined, errorText])
    cells.set(`${key} error`, { exception: '✔ exception', text: '✔ as text', flag: '✔' }[driver.errorAs ?? 'flag'])
    const image = await connection.ask('call test_image_content')
    assert.deepEqual([image.content?.[0]?.data, image.content?.[0]?.mimeType], [png, 'image/png'], image.error)
    cells.set(`${key} image`, '✔')
  })
}

for (const { driver, transport } of all) {
  clientTest(driver, transport, 'is refused with a wrong token', async (key) => {
    const fixture = await started()
    const from = fixture.now
    const connection = new Connection(driver, transport, fixture.url, 'wrong')
    try {
      assert.ok((await connection.opened()).error)
      await fixture.event('closed', { status: 401 }, from)
      cells.set(`${key} token`, '✔ 401')
    } finally {
      await connection.close()
    }
  })
}

for (const { driver, transport } of all) {
  clientTest(driver, transport, 'works after the server was restarted', async (key) => {
    second ??= restart()
    const { url } = await second
    let connection = connections.get(key)
    assert.ok(connection, 'it was never connected')
    try {
      if (await answersAgain(connection, transport === 'http' || driver.reconnects === true)) {
        cells.set(`${key} restart`, '✔ same connection')
        return
      }
      await connection.close()
      connection = await connected(driver, transport, url)
      assert.ok((await connection.ask('call test_simple_text')).content)
      cells.set(`${key} restart`, '✔ new connection')
    } finally {
      await connection.close()
    }
  })
}

/** A client that reconnects by itself does so after a pause of its own. */
async function answersAgain(connection: Connection, reconnects: boolean): Promise<boolean> {
  for (let left = reconnects ? 20 : 1; left > 0; left--) {
    const answer = await connection.ask('call test_simple_text', 3_000).catch((): Answer => ({}))
    if (answer.content !== undefined) return true
    if (left > 1) await delay(500)
  }
  return false
}

const skipped = drivers.find(({ skip }) => skip !== undefined)?.skip
test.unless(skipped)('the table in docs/clients.md is what these runs showed', () => {
  const columns = ['list', 'call', 'error', 'image', 'token', 'restart']
  const rows = all.map(({ driver, transport }) => {
    const seen = columns.map((column) => cells.get(`${driver.name} ${transport} ${column}`) ?? '✘')
    return `| ${[driver.label, versions.get(driver), transport === 'sse' ? 'SSE' : '`/mcp`', ...seen].join(' | ')} |`
  })
  const head = [
    '| client | version | transport | list | call | error result | image | wrong token | server restarted |',
    '|---|---|---|---|---|---|---|---|---|',
  ]
  const file = fileURLToPath(new URL('../../docs/clients.md', import.meta.url))
  const text = readFileSync(file, 'utf8')
  const [begin, end] = ['<!-- made by test/clients/more-clients.live.test.ts -->\n', '<!-- end -->']
  const [before = '', rest = ''] = text.split(begin)
  const table = `${[...head, ...rows].join('\n')}\n`
  if (process.env.OCTET_WRITE_CLIENTS === '1') writeFileSync(file, before + begin + table + rest.slice(rest.indexOf(end)))
  else assert.equal(rest.slice(0, rest.indexOf(end)), table)
})
