// Asks "What databases do we have?" in the real Open WebUI, in a real browser, behind the real LiteLLM: run before every release, by hand,
// because the installation takes 7 GB. Writes docs/open-webui.png and prints the versions.
//   npx tsx scripts/open-webui.ts FOLDER [CHROMIUM]
// FOLDER: where Open WebUI and LiteLLM are installed, and kept for the next time. CHROMIUM: default /usr/bin/chromium-headless-shell.
// Only the model is a stand-in (test/fixtures/model-api.ts): it asks for the tool that fits the question, as a model would.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort, Litellm } from '../test/fixtures/litellm.ts'
import { startModelApi } from '../test/fixtures/model-api.ts'
import { startChild } from '../test/helpers/child.ts'
import { JsonLineProcess } from '../test/helpers/json-line-process.ts'

const openWebuiVersion = '0.12.4'
const litellmVersion = '1.106.2'
const question = 'What databases do we have?'
const person = { email: 'admin@localhost', password: 'admin' } // of an installation that is thrown away
const startLimitMs = 180_000
const answerLimitMs = 60_000

const root = fileURLToPath(new URL('..', import.meta.url))
const [folder, chromiumPath = '/usr/bin/chromium-headless-shell'] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: npx tsx scripts/open-webui.ts FOLDER [CHROMIUM]')

/** Installs a Python package into a virtual environment of its own, unless it is there, and returns the path of its command. */
function install(name: string, requirement: string, command: string): string {
  const environment = join(folder as string, name)
  const path = join(environment, 'bin', command)
  if (!existsSync(path)) {
    console.log(`installing ${requirement} …`)
    mkdirSync(environment, { recursive: true })
    execFileSync('python3', ['-m', 'venv', '--clear', environment], { stdio: 'inherit' })
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', requirement]
    execFileSync(join(environment, 'bin/python'), pip, { stdio: 'inherit' })
  }
  return path
}

async function json<T>(url: string, body?: object, key?: string): Promise<T> {
  const response = await fetch(url, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
  })
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}

const openWebui = install(`open-webui-${openWebuiVersion}`, `open-webui==${openWebuiVersion}`, 'open-webui')
process.env.OCTET_TEST_LITELLM = install(`litellm-${litellmVersion}`, `litellm[proxy]==${litellmVersion}`, 'litellm')

const data = mkdtempSync(join(tmpdir(), 'octet-open-webui-'))
process.on('exit', () => rmSync(data, { recursive: true, force: true }))
const token = 'a-token-for-one-run'
const servers = await startChild('servers/cli/octet.ts', ['start'], { MCP_AUTH_TOKEN: token })
process.on('exit', () => servers.process.kill())
const model = await startModelApi([{ question: /databases/, tool: '-postgres_list_databases', arguments: {} }])
const configuration = execFileSync(
  process.execPath,
  ['--import', 'tsx', 'servers/cli/octet.ts', 'connect', 'litellm', '--complete', '--all', '--url', servers.url],
  { cwd: root, encoding: 'utf8', env: { ...process.env, MCP_AUTH_TOKEN: token } },
)
const litellm = await Litellm.run(configuration, undefined, {
  ...{ MCP_AUTH_TOKEN: token, OPENAI_API_KEY: 'none', OPENAI_BASE_URL: model.url, OPENAI_API_BASE: model.url },
})

const port = await freePort()
const url = `http://127.0.0.1:${port}`
const webui = new JsonLineProcess(openWebui, ['serve', '--host', '127.0.0.1', '--port', String(port)], {
  ...{ DATA_DIR: data, HOME: data, WEBUI_AUTH: 'False', WEBUI_SECRET_KEY: 'for-one-run', DEFAULT_MODELS: 'assistant' },
  // Nothing is downloaded and no model of its own is loaded.
  ...{ HF_HUB_OFFLINE: '1', OFFLINE_MODE: 'true', RAG_EMBEDDING_ENGINE: 'openai', ENABLE_OLLAMA_API: 'False' },
  ...{ OPENAI_API_BASE_URL: `${litellm.url}/v1`, OPENAI_API_KEY: litellm.key },
})
const end = Date.now() + startLimitMs
while (
  !(await fetch(`${url}/health`).then(
    (response) => response.ok,
    () => false,
  ))
) {
  if (webui.ended || Date.now() > end) throw new Error(`Open WebUI does not start:\n${webui.output}`)
  await delay(500)
}

const { token: key } = await json<{ token: string }>(`${url}/api/v1/auths/signin`, person)
await json(
  `${url}/api/v1/configs/tool_servers`,
  {
    TOOL_SERVER_CONNECTIONS: [
      {
        ...{ type: 'mcp', url: `${litellm.url}/mcp`, path: '', auth_type: 'bearer', key: litellm.key },
        ...{ config: { enable: true }, info: { id: 'octet', name: 'Octet', description: 'All tools, through LiteLLM' } },
      },
    ],
  },
  key,
)
await json(
  `${url}/api/v1/models/create`,
  {
    ...{ id: 'assistant', base_model_id: null, name: 'assistant', is_active: true, access_control: null },
    ...{ meta: { toolIds: ['server:mcp:octet'], description: '' }, params: { function_calling: 'native' } },
  },
  key,
)

const { chromium } = await import('playwright')
const browser = await chromium.launch({ executablePath: chromiumPath })
const said: string[] = []
const page = await browser.newPage({ viewport: { width: 1100, height: 800 } })
page.on('pageerror', (error) => said.push(String(error)))
await page.addInitScript(`localStorage.setItem('token', ${JSON.stringify(key)})`)
await page.goto(url, { waitUntil: 'domcontentloaded', timeout: 90_000 })
// What is new in this version stands in front of the page at the first visit.
await page.addLocatorHandler(page.getByRole('dialog'), () => page.keyboard.press('Escape'))
await page.locator('#chat-input').click({ timeout: 90_000 })
await page.keyboard.type(question)
await page.keyboard.press('Enter')
try {
  await page.getByText('The tool said').first().waitFor({ timeout: answerLimitMs })
} catch (error) {
  const picture = join(tmpdir(), 'octet-open-webui-failed.png')
  await page.screenshot({ path: picture })
  throw new Error(
    `no answer in the chat; the page is in ${picture} and said:\n${said.join('\n')}\nLiteLLM said:\n${litellm.output}`,
    { cause: error },
  )
}
await delay(1_500) // until it has drawn the whole answer
await page.screenshot({ path: join(root, 'docs/open-webui.png') })
const answer = await page.locator('#messages-container, main').first().innerText()
await browser.close()

const audit = servers
  .stdout()
  .split('\n')
  .filter((line) => line.includes('"tool_call"'))
  .map((line) => JSON.parse(line) as { tool: string; outcome: string; duration_ms: number })
console.log(`\n${answer}\n`)
console.log(
  `tool calls recorded: ${audit.map(({ tool, outcome, duration_ms: ms }) => `${tool} ${outcome} in ${ms} ms`).join(', ')}`,
)
console.log(
  `Open WebUI ${openWebuiVersion}, LiteLLM ${litellmVersion}, Chromium ${browser.version()}, ${new Date().toISOString().slice(0, 10)}`,
)
await webui.stop('SIGTERM')
await litellm.stop()
await servers.stop()
if (audit.length !== 1 || !answer.includes('postgres')) throw new Error('expected one call and its answer in the chat')
