// Takes the two screenshots of the page at `/` for the documentation: docs/dashboard.png and docs/dashboard-phone.png.
//   npx tsx scripts/dashboard.ts
// Everything in them is real: a PostgreSQL that refuses the password, calls of two people, and npm's Chromium.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { token, withOutage } from '../servers/host/test/outage.ts'
import { npmBrowser } from '../servers/playwright/test/browsers.ts'
import { postJson } from '../test/helpers/wire.ts'

const maxBytes = 60_000
const docs = fileURLToPath(new URL('../docs', import.meta.url))
const executablePath = await npmBrowser.path()
const calls: [user: string, server: string, tool: string, args: object][] = [
  ['ada@example.org', 'filesystem', 'list_directory', { path: '/' }],
  ['ada@example.org', 'filesystem', 'read_file', { path: 'audit.md' }],
  ['bob@example.org', 'filesystem', 'read_file', { path: 'missing.md' }],
  ['bob@example.org', 'filesystem', 'read_file', { path: 'results.md' }],
  ['ada@example.org', 'postgres', 'postgres_query', { sql: 'SELECT count(*) FROM orders' }],
]
await withOutage({ FS_ROOTS: docs, PLAYWRIGHT_EXECUTABLE_PATH: executablePath }, async ({ url }) => {
  for (const [i, [user, server, name, args]] of calls.entries()) {
    const message = { jsonrpc: '2.0', id: i, method: 'tools/call', params: { name, arguments: args } }
    const trace = `00-0af7651916cd43dd8448eb211c8031${i}c-b7ad6b7169203331-01`
    const headers = { Authorization: `Bearer ${token}`, 'x-litellm-end-user-id': user, traceparent: trace }
    await postJson(`${url}/${server}/mcp`, message, headers)
  }
  const browser = await chromium.launch({ executablePath })
  for (const [name, width, height, deviceScaleFactor] of [
    ['dashboard.png', 1_280, 640, 0.75], // as wide as GitHub shows it
    ['dashboard-phone.png', 390, 660, 1],
  ] as const) {
    const page = await browser.newPage({ viewport: { width, height }, deviceScaleFactor })
    await page.goto(url)
    await page.getByLabel('Token').fill(token)
    await page.keyboard.press('Enter')
    await page.locator('summary').first().waitFor()
    console.log(await page.locator('h1').innerText())
    const path = join(docs, name)
    await page.screenshot({ path })
    if (statSync(path).size > maxBytes) throw new Error(`${path} has ${statSync(path).size} bytes, more than ${maxBytes}`)
  }
  await browser.close()
})
