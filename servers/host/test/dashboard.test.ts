// The page at `/`: what is sent, and how it behaves in a real browser.
import assert from 'node:assert/strict'
import { type Browser, chromium, type Page } from 'playwright'
import { withChild } from '../../../test/helpers/child.ts'
import { postJson, send, withServer } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { npmBrowser } from '../../playwright/test/browsers.ts'
import { sendPage } from '../dashboard/page.ts'
import { pageSource } from '../dashboard/source.ts'
import { token as gatewayToken, role, withOutage } from './outage.ts'

const script = 'test/helpers/sample-process.ts'
const token = 'a-long-token'
const call = (url: string, name: string, args: object, headers: Record<string, string> = {}) =>
  postJson(`${url}/mcp`, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }, headers)

async function withBrowser(use: (browser: Browser) => Promise<void>): Promise<void> {
  const browser = await chromium.launch({ executablePath: await npmBrowser.path() })
  try {
    await use(browser)
  } finally {
    await browser.close()
  }
}

const since = new Date(Date.now() - 6 * 60_000).toISOString()
const server = (state: string, more: object = {}) => ({ state, since, last_hour: { calls: 4, errors: 1 }, ...more })
const record = (seq: number, more: object = {}) => ({
  ...{
    ts: since,
    seq,
    rpc_id: seq,
    principal: 'litellm',
    server: 'postgres',
    tool: 'execute_query',
    outcome: 'ok',
    duration_ms: 5.8,
  },
  ...more,
})
interface Data {
  status: string
  summary: string
  servers: Record<string, object>
  calls: object[]
}
const reason = 'password authentication failed for "mcp_reader" [db:5432/shop]'
const outage = (): Data => ({
  status: 'not ready',
  summary: `postgres has not answered since 14:02:11 UTC: ${reason}`,
  servers: {
    fetch: server('ok'),
    n8n: server('not_configured', { message: 'not configured', next: 'set N8N_URL' }),
    postgres: server('down', { message: reason, next: 'correct POSTGRES_URL' }),
    storage: server('misconfigured', { message: 'no key' }),
    playwright: server('unknown'),
  },
  calls: [record(2, { outcome: 'error', error_code: 'UPSTREAM_AUTH', error_text: 'ERROR UPSTREAM_AUTH: refused' }), record(1)],
})

interface Shown {
  page: Page
  /** How often the data were read. */
  reads: number
  /** Answers instead of the data, when set. */
  refuse: number | undefined
}

/** The page at a width, with these data behind it; its clock stands still. */
function withPage(data: Data, width: number, use: (shown: Shown) => Promise<void>): Promise<void> {
  const shown = { reads: 0, refuse: undefined } as Shown
  return withServer(
    (req, res) => {
      if (req.url !== '/dashboard.json') return sendPage(res, true)
      shown.reads += 1
      res.writeHead(shown.refuse ?? 200, { 'Content-Type': 'application/json' }).end(JSON.stringify(data))
    },
    (url) =>
      withBrowser(async (browser) => {
        shown.page = await browser.newPage({ viewport: { width, height: 844 } })
        const problems: string[] = []
        shown.page.on('pageerror', (error) => problems.push(error.message))
        shown.page.on('dialog', (dialog) => problems.push(`dialog ${dialog.message()}`))
        shown.page.on('request', (request) => request.url().startsWith(url) || problems.push(request.url()))
        await shown.page.clock.install()
        await shown.page.goto(url)
        await shown.page.locator('#servers tbody').waitFor()
        await use(shown)
        assert.deepEqual(problems, [])
      }),
  )
}

const texts = (page: Page, selector: string): Promise<string[]> => page.locator(selector).allInnerTexts()

test('the page is small and does not move', () => {
  const { html, css, js } = pageSource()
  const whole = html + css + js
  assert.equal(Buffer.byteLength(whole) <= 12 * 1_024, true)
  assert.equal(whole.split('\n').length <= 300, true)
  assert.equal(/animation|transition|scroll-behavior/.test(css), false, 'prefers-reduced-motion has nothing to switch off')
})

test('the page has one strict policy, no data, and the methods and hosts of the other routes', () =>
  withChild(script, [], { SAMPLE_URL: 'backend-of-mine', MCP_AUTH_TOKEN: token }, async ({ url }) => {
    const { status, headers, text } = await send(url)
    assert.equal(status, 200)
    assert.match(headers['content-type'] ?? '', /^text\/html; charset=utf-8$/)
    const policy = headers['content-security-policy'] as string
    assert.match(policy, /^default-src 'none'; style-src 'sha256-[^' ]+'; script-src 'sha256-[^' ]+'; connect-src 'self'; /)
    for (const part of ["frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"])
      assert.equal(policy.includes(part), true, part)
    assert.equal(/unsafe|\*/.test(policy), false)
    const { 'x-content-type-options': sniff, 'referrer-policy': referrer, 'cache-control': cache } = headers
    assert.deepEqual([sniff, referrer, cache], ['nosniff', 'no-referrer', 'no-store'])
    assert.equal(text.includes('backend-of-mine'), false)
    assert.equal(text.includes('<body data-sign-in>'), true)
    const head = await send(url, { method: 'HEAD' })
    assert.deepEqual([head.status, head.text], [200, ''])
    assert.match((await postJson(url, {}, { Authorization: `Bearer ${token}` })).text, /MCP is served at/)
    for (const path of ['/', '/dashboard.json']) {
      const known = { Authorization: `Bearer ${token}` }
      assert.equal((await send(url + path, { method: 'POST', headers: known })).status, 405)
      assert.equal((await send(url + path, { headers: { ...known, Host: 'evil.example.com' } })).status, 403)
      assert.equal((await send(url + path, { headers: { ...known, Origin: 'https://evil.example.com' } })).status, 403)
    }
  }))

test('the data are those of /ready and the last calls, and need the token', () =>
  withChild(script, [], { SAMPLE_URL: 'down', MCP_AUTH_TOKEN: token }, async ({ url }) => {
    const headers = { Authorization: `Bearer ${token}`, 'x-litellm-end-user-id': 'jo@example.org' }
    await call(url, 'look', { text: 'one' }, headers)
    await call(url, 'nope', { text: 'two' }, headers)
    for (const wrong of [{}, { Authorization: 'Bearer nope' }])
      assert.equal((await send(`${url}/dashboard.json`, { headers: wrong })).status, 401)
    const { calls, ...state } = (await send(`${url}/dashboard.json`, { headers })).json()
    assert.deepEqual(state, (await send(`${url}/ready`, { headers })).json())
    assert.match(state.summary, /sample has not answered since .*: nobody answers/)
    const [last, first] = calls
    assert.deepEqual([first.tool, first.user, first.args, first.outcome], ['look', 'jo@example.org', { text: 'one' }, 'ok'])
    assert.match(last.error_text, /unknown tool "nope"/)
  }))

test('a named token shows its own calls, the token of the process those of all', () =>
  withChild(
    script,
    [],
    { SAMPLE_URL: 'x', MCP_AUTH_TOKEN: token, MCP_AUTH_TOKENS: 'ann:token-of-ann,bob:token-of-bob' },
    async ({ url }) => {
      const as = (value: string) => ({ Authorization: `Bearer ${value}` })
      for (const name of ['ann', 'bob']) await call(url, 'look', { text: name }, as(`token-of-${name}`))
      const seen = async (value: string) =>
        (await send(`${url}/dashboard.json`, { headers: as(value) }))
          .json()
          .calls.map(({ args }: { args: { text: string } }) => args.text)
      assert.deepEqual(
        [await seen('token-of-ann'), await seen('token-of-bob'), await seen(token)],
        [['ann'], ['bob'], ['bob', 'ann']],
      )
    },
  ))

test('without any token the page shows the data at once', () =>
  withChild(script, [], { SAMPLE_URL: 'x' }, async ({ url }) => {
    assert.equal((await send(url)).text.includes('data-sign-in'), false)
    assert.equal((await send(`${url}/dashboard.json`)).json().summary, '1 of 1 configured servers answer')
  }))

for (const [width, columns] of [
  [390, 'cards'],
  [1_280, 'a table'],
] as const) {
  test(`at ${width} px an outage is named on the first screen, and the servers are ${columns}`, () =>
    withPage(outage(), width, async ({ page }) => {
      assert.match(await page.locator('h1').innerText(), /^postgres has not answered since 14:02:11 UTC: password/)
      const rows = await texts(page, 'tbody tr')
      assert.deepEqual(
        rows.map((row) => row.split(/\s/, 1)[0]),
        ['postgres', 'storage', 'playwright', 'fetch', 'n8n'],
      )
      for (const part of ['down', '6 min', reason, 'correct POSTGRES_URL', 'calls 4, errors 1'])
        assert.equal(rows[0]?.includes(part), true, part)
      assert.match(rows[4] ?? '', /^n8n\s+not configured\s+set N8N_URL\s*$/)
      assert.equal(await page.locator('thead').isVisible(), columns === 'a table')
      const down = await page.locator('tbody tr').first().boundingBox()
      assert.equal(down !== null && down.y + down.height < 844, true)
      const before = (selector: string, property: string): Promise<string[]> =>
        page.evaluate(`[...document.querySelectorAll('${selector}')].map((e) => getComputedStyle(e, '::before').${property})`)
      const shapes = await before('tbody span', 'clipPath')
      assert.equal(new Set(shapes).size, 5, 'every state has a shape of its own')
      const labels = await before('tr:first-child td', 'content')
      assert.equal(labels.join().includes('Reason'), columns === 'cards')
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width)
    }))
}

test('a call opens by click and by Enter, and stays open and focused while new ones arrive', () => {
  const data = outage()
  return withPage(data, 390, async ({ page }) => {
    await page.getByText('error UPSTREAM_AUTH', { exact: true }).click()
    assert.deepEqual(await texts(page, 'details[open] dt'), ['Arguments', 'The model read', 'Trace id', 'Token of'])
    assert.equal((await texts(page, 'details[open] dd'))[1], 'ERROR UPSTREAM_AUTH: refused')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    assert.equal(await page.locator('details[open]').count(), 2)
    data.calls = [record(3, { args: { sql: 'SELECT 3' }, trace_id: '0af7' }), record(1)]
    await page.clock.runFor(5_000)
    await page.locator('details').nth(2).waitFor()
    assert.equal(await page.locator('details[open]').count(), 2, 'also the one that is no longer among the last')
    await page.keyboard.press('Enter')
    assert.equal(await page.locator('details').last().getAttribute('open'), null, 'the focus is where it was')
    await page.locator('summary').first().focus()
    await page.keyboard.press('Space')
    const opened = await texts(page, 'details:first-child dd')
    assert.deepEqual(opened, ['{\n  "sql": "SELECT 3"\n}', 'the result', '0af7', 'litellm'])
  })
})

test('it is read every five seconds, and not while it is hidden', () =>
  withPage(outage(), 390, async (shown) => {
    const { page } = shown
    const show = (hidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${hidden} });
        document.dispatchEvent(new Event('visibilitychange'))`)
    const read = () => page.waitForResponse(/dashboard\.json$/)
    assert.equal(shown.reads, 1)
    await Promise.all([read(), page.clock.runFor(5_000)])
    assert.equal(shown.reads, 2)
    await show(true)
    await page.clock.runFor(60_000)
    assert.equal(shown.reads, 2)
    await Promise.all([read(), show(false)])
    assert.equal(shown.reads, 3)
  }))

test('when Octet itself does not answer, the page says since when, and recovers', () =>
  withPage(outage(), 390, async (shown) => {
    const { page } = shown
    shown.refuse = 502
    await page.clock.runFor(5_000)
    await page.getByText(/^Octet has not answered since \d\d:\d\d:\d\d UTC: HTTP 502$/).waitFor()
    shown.refuse = undefined
    await page.clock.runFor(5_000)
    await page.getByText(/^postgres has not answered/).waitFor()
  }))

test('nobody has called yet: the page names the command that connects a client', () =>
  withPage({ ...outage(), calls: [] }, 390, async ({ page }) => {
    assert.match((await texts(page, 'main p')).join(), /Nobody has called yet.*octet connect/)
  }))

test('values of backends and callers never become markup', () => {
  const hostile = `"'><img src=x onerror=alert(1)><script>alert(2)</script><b>x</b>\u202e&lt;`
  const bad = { message: hostile, next: hostile }
  const error = { error_text: hostile, error_code: hostile, user: hostile, principal: hostile, trace_id: hostile }
  const data = {
    ...{ status: hostile, summary: hostile },
    servers: { [hostile]: server('down', bad) },
    calls: [
      record(1, {
        ...error,
        outcome: 'error',
        server: hostile,
        tool: hostile,
        args: { [hostile]: hostile },
        duration_ms: hostile,
      }),
    ],
  }
  return withPage(data, 1_280, async ({ page }) => {
    await page.locator('summary').click()
    assert.equal(await page.locator('img, b, script:not([type=module])').count(), 0)
    assert.equal(await page.locator('h1').textContent(), hostile)
    for (const part of ['th', 'td:nth-child(4)', 'td:nth-child(5)'])
      assert.equal(await page.locator(`tbody ${part}`).textContent(), hostile)
    const [person, tool, outcome] = (await page.locator('summary span').allTextContents()).slice(1)
    assert.deepEqual([person, tool, outcome], [hostile, `${hostile} ${hostile}`, `error ${hostile}`])
    const [, said, trace] = await page.locator('dd').allTextContents()
    assert.deepEqual([said, trace], [hostile, hostile])
  })
})

test('behind a prefix and a token: a wrong token is told, a right one stays in memory only', () =>
  withChild(script, [], { SAMPLE_URL: 'down', MCP_AUTH_TOKEN: token, MCP_BASE_PATH: '/tools' }, ({ url }) =>
    withBrowser(async (browser) => {
      const markup = '<img src=x onerror=alert(1)>'
      await call(url, markup, {}, { Authorization: `Bearer ${token}`, 'x-litellm-end-user-id': markup })
      for (const address of [url, `${url}/`, url.replace('/tools', '')]) {
        const page = await browser.newPage()
        await page.goto(address)
        const enter = async (text: string) => {
          await page.getByLabel('Token').fill(text)
          await page.keyboard.press('Enter')
        }
        await enter('a-wrong-token')
        await page.getByText('This token was not accepted.').waitFor()
        assert.equal(await page.locator('main').isVisible(), false)
        await enter(token)
        await page.getByText(/^sample has not answered since .*: nobody answers/).waitFor()
        assert.equal((await texts(page, 'summary'))[0]?.includes(markup), true)
        assert.equal(await page.locator('img').count(), 0)
        assert.equal(await page.evaluate('document.cookie + localStorage.length + sessionStorage.length'), '00')
        await page.reload()
        await page.getByLabel('Token').waitFor()
        assert.equal(await page.locator('summary').count(), 0)
      }
    }),
  ))

test(
  'a stranger with a phone reads which backend is down and why, and sees it return',
  () =>
    withOutage({}, ({ url, end }) =>
      withBrowser(async (browser) => {
        const page = await browser.newPage({ viewport: { width: 390, height: 844 } })
        await page.goto(url)
        await page.getByLabel('Token').fill(gatewayToken)
        await page.keyboard.press('Enter')
        const row = page.locator('tbody tr').first()
        await row.waitFor()
        const headline = await page.locator('h1').innerText()
        for (const part of ['postgres has not answered since', 'password', '28P01', role])
          assert.equal(headline.includes(part), true, part)
        const bounds = await row.boundingBox()
        assert.equal(bounds !== null && bounds.y + bounds.height < 844, true)
        assert.match(await row.innerText(), /^postgres\s+down.*password.*PGPASSWORD/s)
        await end()
        await page.getByText(/^(\d+) of \1 configured servers answer$/).waitFor({ timeout: 30_000 })
        assert.equal(
          (await texts(page, 'tbody tr')).some((text) => text.includes('down')),
          false,
        )
      }),
    ),
  { timeoutMs: 90_000 },
)
