// examples/hello-server as a repository of its own: it has the packed package, is checked by TypeScript, started and called.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JsonLineProcess } from '../helpers/json-line-process.ts'
import { postJson, send } from '../helpers/wire.ts'
import { test } from '../runner/harness.ts'
import { install, pack, repository } from './packed.ts'

const greet = (name: string): object => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'greet', arguments: { name } },
})

test(
  'hello-server installs the packed package, compiles, starts and answers',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'octet-hello-'))
    const home = join(folder, 'hello-server')
    try {
      cpSync(join(repository, 'examples/hello-server'), home, { recursive: true })
      install(home, pack(folder))
      assert.ok(readFileSync(join(home, 'main.js'), 'utf8').trimEnd().split('\n').length <= 5)
      checkTypes(home)

      const child = new JsonLineProcess(
        process.execPath,
        [join(home, 'main.js')],
        { MCP_PORT: '0', HELLO_LANGUAGE: 'fr', AUDIT_FILE: join(folder, 'audit.jsonl') },
        'stderr',
      )
      try {
        const { url } = await child.line('"listening"', (line) => line.message === 'listening')
        const { result } = (await postJson(`${url}/mcp`, greet('Ada'))).json()
        assert.equal(result.content[0].text, 'Bonjour, Ada!')
        const refused = (await postJson(`${url}/mcp`, greet(' '))).json().result
        assert.deepEqual([refused.isError, /^ERROR INVALID_ARGUMENT: /.test(refused.content[0].text)], [true, true])
        assert.equal((await send(`${url}/ready`)).status, 200)
      } finally {
        await child.stop('SIGTERM')
      }
      assert.match(readFileSync(join(folder, 'audit.jsonl'), 'utf8'), /"tool":"greet"/)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 300_000 },
)

/** The package's declarations are strict, and infer the types of variables and arguments. */
function checkTypes(home: string): void {
  mkdirSync(join(home, 'node_modules/@types'))
  for (const name of ['@types/node', 'undici-types'])
    symlinkSync(join(repository, 'node_modules', name), join(home, 'node_modules', name))
  writeFileSync(
    join(home, 'types.ts'),
    `import { type AnyServer, defineServer, defineTool } from 'octet-mcp/server'
    import { Server, ToolError } from 'octet-mcp/protocol'
    import type { RunReport } from 'octet-mcp/conformance'
    const server: AnyServer = defineServer({
      name: 'x', title: 'X', instructions: '', missing: () => undefined,
      config: { type: 'object', properties: { X_SIZE: { type: 'integer', default: 1, description: '' } } },
      open: ({ X_SIZE }) => ({ size: X_SIZE satisfies number, upstream: '', probe: async () => ({}), close: async () => {} }),
      tools: ({ size }) => [
        defineTool({
          name: 'x', description: '', annotations: { readOnlyHint: true },
          inputSchema: { type: 'object', properties: { at: { type: 'string' } }, required: ['at'] },
          handler: ({ at }) => at.repeat(size),
        }),
        // @ts-expect-error: a tool needs a description
        { name: 'y', inputSchema: { type: 'object' }, handler: () => '' },
      ],
    })
    // @ts-expect-error: not one of the codes
    export const wrong = new ToolError('NO_SUCH_CODE', '')
    export const all: [AnyServer, typeof Server, RunReport?] = [server, Server]`,
  )
  const compilerOptions = {
    strict: true,
    noEmit: true,
    allowJs: true,
    checkJs: true,
    module: 'nodenext',
    target: 'es2023',
    types: ['node'],
  }
  writeFileSync(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.js', 'types.ts'] }))
  execFileSync(process.execPath, [join(repository, 'node_modules/typescript/bin/tsc'), '-p', home], { stdio: 'inherit' })
}
