// Every suite on Debian's browsers; and a whole task through the real LiteLLM, which opens an MCP session for each call, on one page.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Answer as HttpAnswer, Litellm, skipLitellm } from '../../../test/fixtures/litellm.ts'
import { startChild } from '../../../test/helpers/child.ts'
import { test } from '../../../test/runner/harness.ts'
import { attackTests } from './attacks.ts'
import { chromium, headlessShell, npmBrowser } from './browsers.ts'
import { pages, withSite } from './client.ts'
import { lifeTests } from './life.ts'
import { pageTests } from './pages.ts'
import { workTests } from './work.ts'

for (const browser of [headlessShell, chromium]) {
  workTests(browser)
  pageTests(browser)
  attackTests(browser)
  lifeTests(browser)
}

interface Result {
  readonly content: { type: string; text?: string; data?: string; mimeType?: string }[]
  readonly isError?: boolean
}

const token = 'token-of-the-gateway'

/** So busy that a picture of it must be scaled to fit into one event. */
const noise = `<canvas id=c width=1280 height=5000></canvas><script>
  const picture = c.getContext('2d').createImageData(1280, 5000)
  let seed = 1; for (let i = 0; i < picture.data.length; i++) { seed = seed * 16807 % 2147483647; picture.data[i] = i % 4 === 3 ? 255 : seed % 256 }
  c.getContext('2d').putImageData(picture, 0, 0)</script>`

for (const transport of ['sse', 'http'] as const) {
  test.unless(skipLitellm)(
    `six calls through LiteLLM (transport: ${transport}) work on one page, and two users have two`,
    () =>
      withSite(
        pages({
          '/': '<title>Search</title><form action="/found"><label>Name <input name="q"></label><button>Find</button></form>',
          '/found': (req, res) => {
            const name = new URL(req.url ?? '', 'http://site.test').searchParams.get('q')
            res.setHeader('content-type', 'text/html')
            res.end(
              `<title>Found ${name}</title><script>setTimeout(() => document.body.insertAdjacentHTML('afterbegin', '<p id=answer>Hello ${name}</p>'), 300)</script>${noise}`,
            )
          },
        }),
        async (site) => {
          const folder = mkdtempSync(join(tmpdir(), 'octet-litellm-browser-'))
          const server = await startChild('servers/cli/octet.ts', ['serve', 'playwright'], {
            MCP_AUTH_TOKEN: token,
            MCP_USER_HEADERS: 'x-litellm-end-user-id',
            PLAYWRIGHT_EXECUTABLE_PATH: await npmBrowser.path(),
            PLAYWRIGHT_ALLOW_PRIVATE: site.opening,
            TMPDIR: folder,
          })
          let gateway: Litellm | undefined
          try {
            const url = `${server.url}/${transport === 'sse' ? 'sse' : 'mcp'}`
            gateway = await Litellm.start({ modelUrl: 'http://127.0.0.1:1', servers: { browser: { url, transport, token } } })
            const at = gateway
            const call = async (user: string, name: string, args: object): Promise<Result> => {
              const answer: HttpAnswer<Result> = await at.post(
                '/mcp-rest/tools/call',
                { server_id: 'browser', name, arguments: args },
                { 'x-litellm-end-user-id': user },
              )
              assert.equal(answer.status, 200, JSON.stringify(answer.body).slice(0, 500))
              assert.notEqual(answer.body.isError, true, textOf(answer.body))
              return answer.body
            }
            await call('ada', 'navigate', { url: site.url })
            await call('grace', 'navigate', { url: site.url })
            await call('ada', 'fill', { selector: 'input[name="q"]', value: 'Ada' })
            await call('ada', 'click', { selector: 'role=button[name="Find"]' })
            await call('ada', 'wait_for_selector', { selector: '#answer' })
            assert.match(textOf(await call('ada', 'get_content', {})), /Hello Ada/)
            const shot = await call('ada', 'screenshot', { full_page: true, format: 'png' })
            const image = shot.content.find(({ type }) => type === 'image')
            const bytes = Buffer.from(image?.data ?? '', 'base64')
            assert.ok(bytes.length > 100_000 && bytes.length <= 700_000, String(bytes.length))
            assert.match(textOf(shot), /scaled to \d+ %/)
            assert.match(textOf(await call('grace', 'get_content', {})), /^markdown of http:\/\/127\.0\.0\.1:\d+\/: /)
            assert.deepEqual(
              site.requests.filter((line) => !line.includes('favicon')),
              ['GET /', 'GET /', 'GET /found?q=Ada'],
              'nothing was loaded twice',
            )
          } finally {
            await gateway?.stop()
            await server.stop()
            rmSync(folder, { recursive: true, force: true })
          }
        },
      ),
    { timeoutMs: 180_000 },
  )
}

function textOf({ content }: Result): string {
  return content.map(({ text = '' }) => text).join('\n')
}
