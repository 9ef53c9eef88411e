// Takes the two screenshots of the page at `/` for the documentation: docs/dashboard.png and docs/dashboard-phone.png.
//   npx tsx scripts/dashboard.ts
// Everything in them is real: a PostgreSQL that refuses the password, calls of two people, and npm's Chromium.
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { embedded, startCluster, withSql } from '../servers/kit/sql/test/running.ts'
import { npmBrowser } from '../servers/playwright/test/browsers.ts'
import { withChild } from '../test/helpers/child.ts'
import { postJson } from '../test/helpers/wire.ts'

const maxBytes = 60_000
const token = 'token-of-the-gateway'
const docs = fileURLToPath(new URL('../docs', import.meta.url))
const settings = mkdtempSync(join(tmpdir(), 'octet-dashboard-'))
process.on('exit', () => rmSync(settings, { recursive: true, force: true }))
const rules = join(settings, 'pg_hba.conf')
writeFileSync(rules, 'host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n', { mode: 0o644 })
// PostgreSQL runs as another user when this process is root.
chmodSync(settings, 0o755)

const cluster = await startCluster(embedded, [`hba_file=${rules}`])
await withSql(cluster, async (client) => {
  await client.query("CREATE ROLE mcp_reader LOGIN PASSWORD 'the new one'")
  await client.query('CREATE DATABASE shop')
})
const env = {
  ...{ MCP_AUTH_TOKENS: `litellm:${token}`, FS_ROOTS: docs, AUDIT_FILE: '/dev/null' },
  ...{ PGHOST: cluster.host, PGPORT: String(cluster.port), PGUSER: 'mcp_reader', PGPASSWORD: 'the-old-one', PGDATABASE: 'shop' },
  PLAYWRIGHT_EXECUTABLE_PATH: await npmBrowser.path(),
}
const calls: [user: string, server: string, tool: string, args: object][] = [
  ['ada@example.org', 'filesystem', 'list_directory', { path: '/' }],
  ['ada@example.org', 'filesystem', 'read_file', { path: 'audit.md' }],
  ['bob@example.org', 'filesystem', 'read_file', { path: 'missing.md' }],
  ['bob@example.org', 'filesystem', 'read_file', { path: 'results.md' }],
  ['ada@example.org', 'postgres', 'postgres_query', { sql: 'SELECT count(*) FROM orders' }],
]
await withChild('servers/cli/octet.ts', ['start'], env, async ({ url }) => {
  for (const [i, [user, server, name, args]] of calls.entries()) {
    const message = { jsonrpc: '2.0', id: i, method: 'tools/call', params: { name, arguments: args } }
    const trace = `00-0af7651916cd43dd8448eb211c8031${i}c-b7ad6b7169203331-01`
    const headers = { Authorization: `Bearer ${token}`, 'x-litellm-end-user-id': user, traceparent: trace }
    await postJson(`${url}/${server}/mcp`, message, headers)
  }
  const browser = await chromium.launch({ executablePath: await npmBrowser.path() })
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
await cluster.remove()
