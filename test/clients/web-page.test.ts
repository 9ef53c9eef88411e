// A page in a real Chromium as MCP client (CORS): fetch with a token, EventSource without one, and a page that is not listed.
import assert from 'node:assert/strict'
import { chromium, type Page } from 'playwright'
import { npmBrowser } from '../../servers/playwright/test/browsers.ts'
import { startChild } from '../helpers/child.ts'
import { withServer } from '../helpers/wire.ts'
import { test } from '../runner/harness.ts'

const token = 'a-token-for-tests'

/** Opens a page of an origin of its own, and a server that lists that origin or another one. */
async function withPage(listed: boolean, env: Record<string, string>, use: (page: Page, url: string) => Promise<void>) {
  await withServer(
    (_req, res) => res.setHeader('Content-Type', 'text/html').end('<title>client</title>'),
    async (origin) => {
      const allowed = listed ? origin : 'https://chat.example.org'
      const child = await startChild('test/helpers/sample-process.ts', [], {
        SAMPLE_URL: 'http://backend',
        MCP_ALLOWED_ORIGINS: allowed,
        ...env,
      })
      const browser = await chromium.launch({ executablePath: await npmBrowser.path(), args: ['--no-sandbox'] })
      try {
        const page = await browser.newPage()
        await page.goto(origin)
        await page.evaluate('globalThis.__name = (value) => value') // tsx compiles named functions to calls of this helper
        await use(page, child.url)
      } finally {
        await browser.close()
        await child.stop('SIGKILL')
      }
    },
  )
}

const pageTest = (name: string, body: () => Promise<void>) => test(name, body, { timeoutMs: 60_000 })

/** Runs in the page: calls `look` over /mcp as 2026-07-28, whose headers all need a preflight. */
async function fetchLook([url, bearer]: readonly [string, string]) {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const answer = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${bearer}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': '2026-07-28',
      'Mcp-Method': 'tools/call',
      'Mcp-Name': 'look',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'look', arguments: {}, _meta: meta } }),
  })
  return { status: answer.status, challenge: answer.headers.get('WWW-Authenticate'), body: await answer.json() }
}

pageTest('a page of a listed origin calls a tool with fetch and a token', () =>
  withPage(true, { MCP_AUTH_TOKEN: token }, async (page, url) => {
    const { status, body } = await page.evaluate(fetchLook, [url, token] as const)
    assert.equal(status, 200)
    assert.match(body.result.content[0].text, /looked/)
  }),
)

pageTest('a page of a listed origin with a wrong token reads the 401', () =>
  withPage(true, { MCP_AUTH_TOKEN: token }, async (page, url) => {
    const { status, challenge, body } = await page.evaluate(fetchLook, [url, 'wrong'] as const)
    assert.deepEqual([status, challenge], [401, 'Bearer'])
    assert.match(body.error.message, /a valid token is required/)
  }),
)

pageTest('a page of another origin gets nothing', () =>
  withPage(false, {}, async (page, url) => {
    await assert.rejects(page.evaluate(fetchLook, [url, ''] as const), /Failed to fetch/)
    await assert.rejects(
      page.evaluate(async (health) => (await fetch(health)).text(), `${url}/health`),
      /Failed to fetch/,
    )
  }),
)

pageTest('a page of a listed origin uses HTTP+SSE with EventSource, where no token is set', () =>
  withPage(true, {}, async (page, url) => {
    const answer = await page.evaluate(async (base) => {
      const source = new EventSource(`${base}/sse`)
      const next = (type: string) =>
        new Promise<string>((resolve, reject) => {
          source.addEventListener(type, (event) => resolve((event as MessageEvent).data), { once: true })
          source.onerror = () => reject(new Error('the event stream failed'))
        })
      try {
        const endpoint = new URL(await next('endpoint'), base)
        const message = next('message')
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'look' } })
        const posted = await fetch(endpoint, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
        return { status: posted.status, message: JSON.parse(await message) }
      } finally {
        source.close()
      }
    }, url)
    assert.equal(answer.status, 202)
    assert.match(answer.message.result.content[0].text, /looked/)
  }),
)
