// What the same question costs here and with the servers that people run today, behind the proxies that these need.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { embeddedBin, LocalCluster } from '../dev/local-cluster.ts'
import { Litellm, skipLitellm } from '../test/fixtures/litellm.ts'
import { startModelApi } from '../test/fixtures/model-api.ts'
import { load, type Session } from './client.ts'
import { npmPackages, pythonPackages } from './packages.ts'
import { cpuUs, freePort, memoryOf, type Running, start, type Target } from './process.ts'
import { Figures, median, quantile, rounded } from './report.ts'
import { tokensOf, tokensOfTools } from './tokens.ts'
import { pause, reasonOf, type Size } from './wire.ts'

interface Product {
  readonly name: string
  /** Rejects with the reason when the product cannot be had. */
  prepare(): Promise<Omit<Target, 'name'>>
  readonly tool: string
  readonly args: Readonly<Record<string, unknown>>
}

/** The same question to each product; the first is ours. */
interface Job {
  readonly question: string
  /** What a right answer holds: an error is quick, too. */
  readonly answer: RegExp
  readonly products: readonly Product[]
}

/** A product that has started and answered. */
interface Able {
  readonly target: Target
  readonly params: string
  readonly answer: RegExp
}

export interface JobResult {
  readonly question: string
  readonly figures: Figures
  readonly products: string[]
  /** Why a product has no figures. */
  readonly missing: Map<string, string>
}

const root = fileURLToPath(new URL('..', import.meta.url))
const node = process.execPath
const sessionCounts = [1, 16]
const settleMs = 1_000
/** n8n-mcp takes no caller without a token, and LiteLLM sends one to every server. */
const token = 'for-the-bench-only'
const supergateway = 'supergateway@4.0.0'
const sql = "SELECT n AS id, 'customer ' || n AS name, n * 10 AS total FROM generate_series(1, 20) AS n"

function ours(server: string, env: Readonly<Record<string, string>>, folder: string): () => Promise<Omit<Target, 'name'>> {
  return async () => ({
    command: [node, join(root, `dist/servers/${server}.cjs`)],
    env: { MCP_PORT: 'PORT', LOG_LEVEL: 'warn', AUDIT_FILE: join(folder, `${server}.jsonl`), ...env },
    paths: { sse: '/sse' },
  })
}

/** A server that speaks stdio only, behind supergateway. */
function gateway(packages: readonly string[], program: string, ...args: string[]): () => Promise<Omit<Target, 'name'>> {
  return async () => {
    const bin = join(await npmPackages(...packages, supergateway), 'node_modules/.bin')
    const stdio = [node, join(bin, program), ...args].map((word) => `'${word}'`).join(' ')
    return {
      command: [node, join(bin, 'supergateway'), '--stdio', stdio, '--port', 'PORT', '--logLevel', 'none'],
      paths: { sse: '/sse' },
    }
  }
}

/** Asks every question of every product; jobs whose backend is not there have the reason as the only row. */
export async function jobs(size: Size, only?: string): Promise<JobResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-job-'))
  const file = join(folder, 'notes.txt')
  const line = 'The backup of the database ran at 03:00, took 41 seconds and wrote 212 MB to the bucket "nightly".\n'
  writeFileSync(file, line.repeat(40))
  const cluster = new LocalCluster({ bin: embeddedBin(root) ?? '', port: await freePort() })
  const page = createServer((req, res) => {
    if (req.url === '/robots.txt') return void res.writeHead(404).end()
    res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(html(line))
  })
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve))
  const { port } = page.address() as import('node:net').AddressInfo
  const url = `http://127.0.0.1:${port}/`
  try {
    await cluster.start()
    const results: JobResult[] = []
    for (const job of allJobs(folder, file, cluster, url)) {
      if (only === undefined || job.question.includes(only)) results.push(await measure(job, size))
    }
    return results
  } finally {
    await cluster.remove() // the page's server keeps this process alive meanwhile: the cluster does not
    page.close()
    page.closeAllConnections()
    rmSync(folder, { recursive: true, force: true })
  }
}

function allJobs(folder: string, file: string, { host, port }: LocalCluster, url: string): Job[] {
  const database = `postgres://postgres@${host}:${port}/postgres`
  const privateHost = new URL(url).host
  const { OCTET_TEST_CHROMIUM_HEADLESS_SHELL, OCTET_TEST_N8N_URL, OCTET_TEST_N8N_API_KEY = '' } = process.env
  const browser = (): string => needed(OCTET_TEST_CHROMIUM_HEADLESS_SHELL, 'OCTET_TEST_CHROMIUM_HEADLESS_SHELL')
  const n8n = (): Record<string, string> => ({
    N8N_API_URL: needed(OCTET_TEST_N8N_URL, 'OCTET_TEST_N8N_URL'),
    N8N_API_KEY: OCTET_TEST_N8N_API_KEY,
  })
  return [
    {
      question: 'read a file of 4 KB',
      answer: /nightly/,
      products: [
        {
          name: 'Octet filesystem',
          prepare: ours('filesystem', { FS_ROOTS: folder }, folder),
          tool: 'read_file',
          args: { path: file },
        },
        {
          name: 'server-filesystem 2026.8.31 + supergateway',
          prepare: gateway(['@modelcontextprotocol/server-filesystem@2026.8.31'], 'mcp-server-filesystem', folder),
          tool: 'read_text_file',
          args: { path: file },
        },
      ],
    },
    {
      question: 'query 20 rows of PostgreSQL',
      answer: /customer 20/,
      products: [
        {
          name: 'Octet postgres',
          prepare: ours('postgres', { DATABASE_URL: database, PG_ALLOW_UNSAFE_ROLE: 'true' }, folder),
          tool: 'postgres_query',
          args: { query: sql },
        },
        {
          name: 'server-postgres 0.6.2 + supergateway',
          prepare: gateway(['@modelcontextprotocol/server-postgres@0.6.2'], 'mcp-server-postgres', database),
          tool: 'query',
          args: { sql },
        },
        {
          name: '@bytebase/dbhub 1.4.0',
          prepare: async () => ({
            command: [
              node,
              join(await npmPackages('@bytebase/dbhub@1.4.0'), 'node_modules/.bin/dbhub'),
              ...['--transport', 'http', '--port', 'PORT', '--dsn', `${database}?sslmode=disable`],
            ],
            paths: { mcp: '/mcp' },
          }),
          tool: 'execute_sql',
          args: { sql },
        },
      ],
    },
    {
      question: 'fetch a web page',
      answer: /Night 20/,
      products: [
        {
          name: 'Octet fetch',
          prepare: ours('fetch', { FETCH_ALLOW_PRIVATE: privateHost, FETCH_CACHE_SECONDS: '0' }, folder),
          tool: 'fetch_web_content',
          args: { url },
        },
        {
          name: 'mcp-server-fetch 2026.10.24 + mcp-proxy',
          prepare: async () => {
            // Each in an environment of its own, as uvx makes them: they need different versions of the Python SDK.
            const proxy = await pythonPackages('mcp-proxy==0.12.0', 'mcp==1.30.0')
            const server = await pythonPackages('mcp-server-fetch==2026.10.24')
            return {
              command: [
                join(proxy, 'mcp-proxy'),
                '--host',
                '127.0.0.1',
                '--port',
                'PORT',
                '--',
                join(server, 'mcp-server-fetch'),
                '--allow-private-ips',
              ],
              paths: { sse: '/sse' },
            }
          },
          tool: 'fetch',
          args: { url },
        },
      ],
    },
    {
      question: 'open a page in a browser',
      answer: /Backups/,
      products: [
        {
          name: 'Octet playwright',
          prepare: async () => {
            const env = {
              PLAYWRIGHT_EXECUTABLE_PATH: browser(),
              PLAYWRIGHT_ALLOW_PRIVATE: privateHost,
              PLAYWRIGHT_MAX_CONTEXTS: '20',
            }
            return ours('playwright', env, folder)()
          },
          tool: 'navigate',
          args: { url, session: 'CALLER' },
        },
        {
          name: '@playwright/mcp 0.0.83',
          prepare: async () => {
            const bin = join(await npmPackages('@playwright/mcp@0.0.83'), 'node_modules/.bin/playwright-mcp')
            const options = ['--headless', '--isolated', '--no-sandbox', '--allowed-hosts', '*', '--executable-path', browser()]
            return { command: [node, bin, '--port', 'PORT', ...options], paths: { sse: '/sse' } }
          },
          tool: 'browser_navigate',
          args: { url },
        },
      ],
    },
    {
      question: 'list the workflows of n8n',
      answer: /active/,
      products: [
        {
          name: 'Octet n8n',
          prepare: async () => ours('n8n', n8n(), folder)(),
          tool: 'n8n_list_workflows',
          args: {},
        },
        {
          name: 'n8n-mcp 2.87.0',
          prepare: async () => {
            return {
              // Its command speaks stdio only.
              command: [node, join(await npmPackages('n8n-mcp@2.87.0'), 'node_modules/n8n-mcp/dist/mcp/index.js')],
              env: {
                MCP_MODE: 'http',
                N8N_MCP_TELEMETRY_DISABLED: 'true',
                WEBHOOK_SECURITY_MODE: 'moderate', // n8n may be on this machine
                AUTH_RATE_LIMIT_MAX: '1000000',
                PORT: 'PORT',
                HOST: '127.0.0.1',
                AUTH_TOKEN: token,
                ...n8n(),
              },
              headers: `Authorization: Bearer ${token}\r\n`,
              paths: { mcp: '/mcp' },
            }
          },
          tool: 'n8n_list_workflows',
          args: {},
        },
      ],
    },
  ]
}

function needed(value: string | undefined, variable: string): string {
  if (value === undefined) throw new Error(`${variable} is not set`)
  return value
}

async function measure({ question, answer, products }: Job, size: Size): Promise<JobResult> {
  const result: JobResult = { question, figures: new Figures(), products: products.map(({ name }) => name), missing: new Map() }
  const able: Able[] = []
  for (const product of products) {
    try {
      const target = { name: product.name, ...(await product.prepare()) }
      const params = JSON.stringify({ name: product.tool, arguments: product.args })
      const one: Able = { target, params, answer }
      await cold(new Figures(), one) // brings the files into the page cache, and shows that the call succeeds
      able.push(one)
    } catch (error) {
      result.missing.set(product.name, reasonOf(error))
    }
  }
  for (let round = 0; round < size.rounds; round++) {
    for (const one of able) await cold(result.figures, one)
  }
  for (const sessions of sessionCounts) await underLoad(result, able, sessions, size)
  for (const one of able) {
    if (skipLitellm === undefined && !result.missing.has(one.target.name)) await chat(result.figures, one, size.rounds)
  }
  return result
}

/** Start, memory before the first call, and the tokens of the definitions and of one result. */
async function cold(figures: Figures, { target, params, answer }: Able): Promise<void> {
  const server = await start(target)
  try {
    figures.add({ name: 'cold start', unit: 'ms', compare: 'ratio' }, target.name, server.readyMs)
    await pause(settleMs)
    addMemory(figures, 'idle', target.name, server)
    const session = await server.open(transportOf(target))
    figures.add(
      { name: 'tokens, definitions', unit: '', compare: undefined },
      target.name,
      tokensOfTools(await session.listTools()),
    )
    const text = await session.callText(params)
    if (!answer.test(text)) throw new Error(`the answer is not right: ${text.slice(0, 300)}`)
    figures.add({ name: 'tokens, result', unit: '', compare: undefined }, target.name, tokensOf(text))
    session.close()
  } finally {
    await server.stop()
  }
}

/** Load on the products in turns; one whose calls fail is added to `missing` and left out from then on. */
async function underLoad(
  { figures, missing }: JobResult,
  able: readonly Able[],
  count: number,
  { rounds, windowMs }: Size,
): Promise<void> {
  const at = `${count} session${count === 1 ? '' : 's'}`
  const running = new Map<Able, { server: Running; sessions: Session[] }>()
  const each = async (work: (one: Able) => Promise<void>): Promise<void> => {
    for (const one of able) {
      if (missing.has(one.target.name)) continue
      await work(one).catch((error) => missing.set(one.target.name, `${at}: ${reasonOf(error)}`))
    }
  }
  try {
    await each(async (one) => {
      const server = await start(one.target)
      const sessions: Session[] = []
      running.set(one, { server, sessions })
      for (let i = 0; i < count; i++) sessions.push(await server.open(transportOf(one.target)))
      await load(sessions, one.params, { calls: 2_000, ms: 3 * windowMs })
    })
    for (let round = 0; round < rounds; round++) {
      await each(async (one) => {
        const entry = running.get(one)
        if (entry === undefined) return
        const { server, sessions } = entry
        const before = cpuUs(server.pid)
        const times = await load(sessions, one.params, { calls: Number.POSITIVE_INFINITY, ms: windowMs })
        const { name } = one.target
        figures.add(
          { name: `CPU per call, ${at}`, unit: 'µs', compare: 'ratio' },
          name,
          (cpuUs(server.pid) - before) / times.length,
        )
        figures.add({ name: `p50, ${at}`, unit: 'ms', compare: undefined }, name, median(times))
        figures.add({ name: `p99, ${at}`, unit: 'ms', compare: undefined }, name, quantile(times, 0.99))
        if (count > 1) addMemory(figures, 'under load', name, server)
      })
    }
  } finally {
    for (const { server, sessions } of running.values()) {
      for (const session of sessions) session.close()
      await server.stop()
    }
  }
}

/** The whole chat request through LiteLLM: a stand-in for the model asks for the tool, LiteLLM calls it, the model answers. */
async function chat(figures: Figures, { target, params }: Able, rounds: number): Promise<void> {
  const { name, arguments: args } = JSON.parse(params) as { name: string; arguments: Record<string, unknown> }
  const model = await startModelApi([{ question: /./, tool: name, arguments: args }])
  const server = await start(target)
  try {
    const transport = transportOf(target)
    const url = server.url(transport)
    const gateway = await Litellm.start({
      servers: { bench: { url, token, transport: transport === 'sse' ? 'sse' : 'http' } },
      modelUrl: model.url,
    })
    try {
      for (let round = -2; round < rounds; round++) {
        const started = performance.now()
        const { body } = await gateway.post('/v1/chat/completions', {
          model: 'with-tools',
          messages: [{ role: 'user', content: 'The question' }],
        })
        const ms = performance.now() - started
        if (model.requests.length < 2 * (round + 3))
          throw new Error(`the tool was not called: ${JSON.stringify(body).slice(0, 200)}`)
        if (round >= 0) figures.add({ name: 'chat', unit: 'ms', compare: 'ratio' }, target.name, ms)
      }
    } finally {
      await gateway.stop()
    }
  } finally {
    await server.stop()
  }
}

function addMemory(figures: Figures, when: string, target: string, { pid }: Running): void {
  const { rssMiB, privateMiB } = memoryOf(pid)
  figures.add({ name: `RSS, ${when}`, unit: 'MiB', compare: 'ratio' }, target, rssMiB)
  figures.add({ name: `private, ${when}`, unit: 'MiB', compare: 'ratio' }, target, privateMiB)
}

/** One row for each product, compared with ours. */
export function jobRows({ question, figures, products, missing }: JobResult): string[][] {
  const base = products[0] ?? ''
  return products.map((name) => {
    const reason = missing.get(name)
    if (reason !== undefined) return [question, name, reason]
    const cell = (metric: string): string => figures.cell(metric, name, base)
    const pair = (at: string): string =>
      ['p50', 'p99'].map((share) => rounded(median(figures.values(`${share}, ${at}`, name)))).join(' / ')
    return [
      question,
      name,
      cell('cold start'),
      cell('RSS, idle'),
      cell('private, idle'),
      cell('RSS, under load'),
      cell('CPU per call, 1 session'),
      pair('1 session'),
      cell('CPU per call, 16 sessions'),
      pair('16 sessions'),
      cell('chat'),
      cell('tokens, definitions'),
      cell('tokens, result'),
    ]
  })
}

export const jobHead = [
  'question',
  'server',
  'cold start',
  'idle RSS',
  'idle private',
  'RSS under load',
  'CPU per call, 1 session',
  'p50 / p99 ms',
  'CPU per call, 16 sessions',
  'p50 / p99 ms',
  'chat through LiteLLM',
  'tokens: definitions',
  'tokens: result',
]

function transportOf({ paths }: Target): 'sse' | 'mcp' {
  return paths.sse === undefined ? 'mcp' : 'sse'
}

function html(line: string): string {
  const paragraphs = Array.from({ length: 20 }, (_, i) => `<h2>Night ${i + 1}</h2><p>${line} <a href="/log/${i}">Log</a></p>`)
  return `<!doctype html><html lang="en"><head><title>Backups</title></head><body><nav><a href="/">Home</a></nav><main><h1>Backups</h1>${paragraphs.join('')}</main></body></html>`
}
