// The first call that docker/README.md prints, as it is printed: only the address and the page are the test's.
import assert from 'node:assert/strict'
import { withChild } from '../helpers/child.ts'
import { send, withServer } from '../helpers/wire.ts'
import { test } from '../runner/harness.ts'
import { shippedText } from './shipped.ts'

const token = 'for-tests-only'

test('the first call of docker/README.md answers with the page', () =>
  withServer(
    (_, res) => res.setHeader('content-type', 'text/html').end('<!doctype html><title>Example</title><p>This is the page.'),
    async (page) => {
      const [, command = ''] = /^(curl -s [\s\S]*?)\n```$/m.exec(shippedText('docker/README.md')) ?? []
      const headers = [...command.matchAll(/-H (["'])([\w-]+): (.*?)\1/g)].map(([, , name = '', value = '']) => [
        name,
        value.replace('$TOKEN', token),
      ])
      const body = (/-d '(.*)'/.exec(command)?.[1] ?? '').replace('https://example.com', page)
      assert.match(command, /^curl -s http:\/\/127\.0\.0\.1:8087\/mcp /)
      assert.equal(headers.length, 3, command)
      const env = { MCP_AUTH_TOKEN: token, FETCH_ALLOW_PRIVATE: new URL(page).host }
      await withChild('servers/cli/octet.ts', ['serve', 'fetch'], env, async ({ url }) => {
        const answer = await send(`${url}/mcp`, { method: 'POST', headers: Object.fromEntries(headers), body })
        assert.equal(answer.status, 200, answer.text)
        assert.match(answer.json().result.content[0].text, /This is the page\./)
      })
    },
  ))
