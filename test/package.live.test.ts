// The published package: packed from the sources, installed into an empty folder, and started. Needs the npm registry.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }
import { install, pack } from './examples/packed.ts'
import { JsonLineProcess } from './helpers/json-line-process.ts'
import { test } from './runner/harness.ts'

/** Without the browser's library, which is an optional peer. */
const maxPackages = 10
const maxBytes = 12 * 1024 * 1024

test(
  'the packed package installs small, and its commands and exports work',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'octet-package-'))
    try {
      const archive = pack(folder)
      const home = join(folder, 'home')
      mkdirSync(home)
      writeFileSync(join(home, 'package.json'), '{ "private": true, "type": "module" }')
      install(home, archive)

      const modules = join(home, 'node_modules')
      const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')) as { packages: object }
      assert.ok(Object.keys(packages).length <= maxPackages, `installs ${Object.keys(packages).join(', ')}`)
      const bytes = sizeOf(modules)
      assert.ok(bytes <= maxBytes, `takes ${bytes} bytes`)
      assert.equal(existsSync(join(modules, packageJson.name, 'dist/dev')), false)

      const run = (command: string, ...args: string[]): string =>
        execFileSync(join(modules, '.bin', command), args, { cwd: home, encoding: 'utf8' })
      assert.equal(run('octet', '--version').trim(), packageJson.version)
      assert.match(run('mcp-conformance', '--help'), /mcp-conformance/)
      const npx = execFileSync('npx', ['--yes', `file:${archive}`, '--version'], { cwd: folder, encoding: 'utf8' })
      assert.equal(npx.trim(), packageJson.version)

      const server = `
      import { createServer } from 'node:http'
      import { createRequire } from 'node:module'
      import { createAccess, defineTool, Server, streamableHttp } from '${packageJson.name}/protocol'
      const add = defineTool({
        name: 'add', description: 'Adds.', annotations: { readOnlyHint: true },
        inputSchema: { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer' } }, required: ['a', 'b'] },
        handler: ({ a, b }) => ({ content: [{ type: 'text', text: String(a + b) }] }),
      })
      const ajvLoaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => /[\\\\/]ajv[\\\\/]/.test(file))
      const before = ajvLoaded()
      new Server({ name: 'adder', version: '1.0.0', tools: [add] })
      console.log(before, ajvLoaded(), typeof Server, typeof streamableHttp, typeof createAccess, typeof createServer, add.name)`
      writeFileSync(join(home, 'library.js'), server)
      writeFileSync(
        join(home, 'suite.js'),
        `import { CASES } from '${packageJson.name}/conformance'; process.exitCode = CASES.length > 0 ? 0 : 1`,
      )
      execFileSync(process.execPath, ['suite.js'], { cwd: home })
      assert.equal(
        execFileSync(process.execPath, ['library.js'], { cwd: home, encoding: 'utf8' }).trim(),
        'false true function function function function add',
      )

      writeFileSync(join(home, 'note.txt'), 'hello from the package')
      for (const script of ['dist/octet.cjs', 'dist/servers/filesystem.cjs']) {
        const args = script.includes('octet') ? ['serve', 'filesystem'] : []
        const child = new JsonLineProcess(
          process.execPath,
          [join(modules, packageJson.name, script), ...args],
          { MCP_PORT: '0', FS_ROOTS: home, AUDIT_FILE: join(folder, 'audit.jsonl') },
          'stderr',
        )
        try {
          const { url } = await child.line('"listening"', (line) => line.message === 'listening')
          const answer = await fetch(`${url}/mcp`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', accept: 'application/json' },
            body: JSON.stringify({
              jsonrpc: '2.0',
              id: 1,
              method: 'tools/call',
              params: { name: 'read_file', arguments: { path: 'note.txt' } },
            }),
          })
          assert.match(await answer.text(), /hello from the package/)
        } finally {
          await child.stop('SIGTERM')
        }
      }

      // Without the peer, the browser's server starts and says what is missing.
      const program = join(modules, packageJson.name, 'dist/servers/playwright.cjs')
      const browser = new JsonLineProcess(process.execPath, [program], { MCP_PORT: '0' }, 'stderr')
      await browser.line('"listening"', (line) => line.message === 'listening')
      assert.equal(await browser.stop('SIGTERM'), 0)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 300_000 },
)

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}
