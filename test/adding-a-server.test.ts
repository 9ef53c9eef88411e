// Adding a server takes one folder and one line of the catalog. What is generated follows; what is written by hand fails here.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { serverNames } from '../servers/cli/catalog.ts'
import { copyRepository, repository } from './examples/packed.ts'
import { JsonLineProcess } from './helpers/json-line-process.ts'
import { postJson } from './helpers/wire.ts'
import { test } from './runner/harness.ts'

/** What docker/compose.yaml lacks for these servers. */
function missingInCompose(compose: string, names: readonly string[]): string[] {
  const service = (name: string): string => new RegExp(`^  ${name}:\n(?:(?:    .*)?\n)*`, 'm').exec(compose)?.[0] ?? ''
  const lists = (name: string, key: string): string[] =>
    (new RegExp(`^    ${key}: \\[(.*)\\]$`, 'm').exec(service(name))?.[1] ?? '').split(', ')
  return names.flatMap((name) => {
    const own = service(`mcp-${name}`)
    const hasImage = /^ {4}image:/m.test(own)
    const needed: Record<string, boolean> = {
      [`service mcp-${name}`]: own !== '',
      [`command of mcp-${name}`]: hasImage || lists(`mcp-${name}`, 'command').includes(name),
      [`network of mcp-${name}`]: lists(`mcp-${name}`, 'networks').includes(name),
      [`audit volume of mcp-${name}`]: own.includes(`audit-${name}:/audit`) && compose.includes(`\n  audit-${name}:\n`),
      [`${name} in mcp-all`]: hasImage || lists('mcp-all', 'command').includes(name),
      [`mcp-${name} in status`]:
        service('status').includes(`http://mcp-${name}:8080\n`) && lists('status', 'networks').includes(name),
      [`network ${name} of litellm`]: lists('litellm', 'networks').includes(name),
      [`network octet-${name}`]: compose.includes(`\n  ${name}: {name: octet-${name}`),
    }
    return Object.keys(needed).filter((each) => needed[each] === false)
  })
}

const composeFile = 'docker/compose.yaml'

test('docker/compose.yaml serves every server of the catalog', () => {
  assert.deepEqual(missingInCompose(readFileSync(join(repository, composeFile), 'utf8'), serverNames), [])
})

test('README.md has a row for every server of the catalog', () => {
  const readme = readFileSync(join(repository, 'README.md'), 'utf8')
  assert.deepEqual(
    serverNames.filter((name) => !readme.includes(`\n| [${name}](servers/${name}/README.md) |`)),
    [],
  )
})

const files: Record<string, string> = {
  'index.ts': `
    // A server that repeats what it is told.
    import { defineServer } from '../kit/definition.ts'
    import { open } from './backend.ts'
    import { config } from './config.ts'
    import { echoTool } from './tools/echo.ts'

    export const echo = defineServer({
      name: 'echo',
      title: 'Echo',
      instructions: 'Repeats what it is told.',
      config,
      missing: () => undefined,
      open,
      tools: (backend) => [echoTool(backend)],
    })`,
  'config.ts': `
    export const config = {
      type: 'object',
      properties: { ECHO_PREFIX: { type: 'string', default: '', description: 'Text before every answer.' } },
    } as const`,
  'types.ts': `
    import type { Backend } from '../kit/definition.ts'

    export interface EchoBackend extends Backend {
      readonly prefix: string
    }`,
  'backend.ts': `
    import type { EchoBackend } from './types.ts'

    export const open = ({ ECHO_PREFIX }: { ECHO_PREFIX: string }): EchoBackend => ({
      upstream: 'echo',
      prefix: ECHO_PREFIX,
      probe: async () => ({}),
      close: async () => {},
    })`,
  'errors.ts': `
    import { ToolError } from '../../protocol/index.ts'

    export const nothingSaid = (): ToolError => new ToolError('INVALID_ARGUMENT', 'there is nothing to repeat')`,
  'tools/echo.ts': `
    import { defineTool } from '../../../protocol/index.ts'
    import { report } from '../../kit/report.ts'
    import { nothingSaid } from '../errors.ts'
    import type { EchoBackend } from '../types.ts'

    export const echoTool = (backend: EchoBackend) =>
      defineTool({
        name: 'echo',
        description: 'Repeats a text.',
        inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'], additionalProperties: false },
        annotations: { readOnlyHint: true },
        handler({ text }, context) {
          if (text === '') throw nothingSaid()
          return report(context, { summary: \`\${backend.prefix}\${text}\` })
        },
      })`,
  'README.md': '# echo\n\n<!-- tools -->\n<!-- /tools -->\n\n<!-- environment -->\n<!-- /environment -->\n',
}

test(
  'a server that is added in a copy of the repository is served, documented and configured for LiteLLM',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'octet-adding-'))
    try {
      const copy = copyRepository(folder)
      const read = (file: string): string => readFileSync(join(copy, file), 'utf8')
      const run = (...args: string[]): string =>
        execFileSync(process.execPath, ['--import', 'tsx', ...args], { cwd: copy, encoding: 'utf8', stdio: 'pipe' })
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(copy, 'servers/echo', name)), { recursive: true })
        writeFileSync(join(copy, 'servers/echo', name), `${text.replace(/^ {4}/gm, '').trimStart()}\n`)
      }
      const line = "  echo: async () => (await import('../echo/index.ts')).echo,\n"
      const catalog = read('servers/cli/catalog.ts')
      writeFileSync(join(copy, 'servers/cli/catalog.ts'), catalog.replace('} satisfies Record', `${line}} satisfies Record`))

      const child = new JsonLineProcess(
        process.execPath,
        ['--import', 'tsx', join(copy, 'servers/cli/octet.ts'), 'serve', 'echo'],
        { MCP_PORT: '0', ECHO_PREFIX: 'You said: ', LOG_FORMAT: 'json', AUDIT_FILE: join(folder, 'audit.jsonl') },
        'stderr',
      )
      try {
        const { url } = await child.line('"listening"', (each) => each.message === 'listening')
        const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { text: 'hi' } } }
        assert.match((await postJson(`${url}/echo/mcp`, call)).text, /You said: hi/)
      } finally {
        await child.stop('SIGTERM')
      }

      // The check of the documentation, a part of `npm run lint`, names the files that `npm run docs` then writes.
      assert.throws(
        () => run('scripts/docs.ts', '--check'),
        ({ stderr }: { stderr: string }) =>
          ['servers/echo/README.md', 'docker/litellm.yaml'].every((file) => stderr.includes(file)),
      )
      run('scripts/docs.ts')
      run('scripts/docs.ts', '--check')
      assert.match(read('servers/echo/README.md'), /### `echo`[\s\S]*`ECHO_PREFIX`/)
      assert.match(read('docker/litellm.yaml'), /http:\/\/mcp-echo:8080/)

      // Limits of memory are measured, so the Compose file is written by hand.
      assert.equal(missingInCompose(read(composeFile), ['echo']).length, 8)
      execFileSync('git', ['init', '-q'], { cwd: copy })
      run('test/runner/run.ts', 'test/structure')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 180_000 },
)
