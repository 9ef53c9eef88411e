// The command line of the MCP Inspector, over every way it can reach us.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sharedFixture, withFixture } from '../fixtures/fixture.ts'
import { png } from '../fixtures/tools.ts'
import { type Ended, node22, run } from '../helpers/child.ts'
import { test } from '../runner/harness.ts'
import { type CallResult, text, token } from './behaviours.ts'

const inspector = process.env.OCTET_TEST_INSPECTOR
const missing = inspector === undefined || node22 === undefined
const inspectorTest = test.unless(missing ? 'the MCP Inspector is not installed (OCTET_TEST_INSPECTOR)' : undefined)

// It keeps its catalog below HOME.
const home = mkdtempSync(join(tmpdir(), 'octet-inspector-'))
process.on('exit', () => rmSync(home, { recursive: true, force: true }))

const ways = [
  { path: '/sse', era: 'legacy' },
  { path: '/mcp', era: 'legacy' },
  { path: '/mcp', era: 'modern' },
] as const

for (const { path, era } of ways) {
  const inspect = (url: string, ...args: string[]): Promise<Ended> => {
    const launcher = join(inspector ?? '', 'clients/launcher/build/index.js')
    const target = [
      `${url}${path}`,
      '--header',
      `Authorization: Bearer ${token}`,
      '--protocol-era',
      era,
      '--stored-auth-only',
      '-q',
    ]
    return run(node22 ?? 'node', [launcher, '--cli', ...target, ...args], { HOME: home })
  }
  const call = async (url: string, name: string, args: object = {}) => {
    const ended = await inspect(url, '--method', 'tools/call', '--tool-name', name, '--tool-args-json', JSON.stringify(args))
    return { ...ended, result: () => JSON.parse(ended.stdout) as CallResult }
  }
  const label = `${path} ${era}`

  inspectorTest(
    `${label}: lists the tools, whose schemas it finds portable`,
    async () => {
      const { url } = await sharedFixture({ token })
      const { code, stdout, stderr } = await inspect(url, '--method', 'tools/list', '--strict')
      assert.equal(code, 0, stderr)
      assert.ok(JSON.parse(stdout).tools.length >= 10)
    },
    { timeoutMs: 60_000 },
  )

  inspectorTest(
    `${label}: calls tools and shows text, structured content and an image`,
    async () => {
      const { url } = await sharedFixture({ token })
      const sum = await call(url, 'add', { a: 2, b: 40 })
      assert.equal(sum.code, 0, sum.stderr)
      assert.deepEqual(sum.result().structuredContent, { sum: 42 })
      const image = (await call(url, 'test_image_content')).result()
      assert.deepEqual([image.content[0]?.type, image.content[0]?.data], ['image', png])
      const progress = await call(url, 'test_tool_with_progress')
      assert.match(text(progress.result()), /successfully/)
      const who = JSON.parse(text((await call(url, 'whoami')).result()))
      assert.equal(who.protocolVersion, era === 'modern' ? '2026-07-28' : '2025-11-25')
    },
    { timeoutMs: 60_000 },
  )

  inspectorTest(
    `${label}: tells error results, unknown tools and a wrong token apart`,
    async () => {
      const { url } = await sharedFixture({ token })
      const failed = await call(url, 'test_error_handling')
      assert.equal(failed.code, 5)
      assert.equal(failed.result().isError, true)
      const unknown = await call(url, 'nope')
      assert.equal(unknown.code, 5)
      assert.match(unknown.stderr, /tool_not_found/)
      await withFixture({ token: 'another-token' }, async (other) => {
        const refused = await inspect(other.url, '--method', 'tools/list')
        assert.equal(refused.code, 3)
        assert.match(refused.stderr, /auth_required/)
      })
    },
    { timeoutMs: 60_000 },
  )
}
