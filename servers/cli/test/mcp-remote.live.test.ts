// The configuration that `octet connect claude-desktop` prints, run by the real mcp-remote, which that client starts.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { cleanEnv, withChild } from '../../../test/helpers/child.ts'
import { test } from '../../../test/runner/harness.ts'
import { inFolder, runOctet } from './run-octet.ts'

const clients = process.env.OCTET_TEST_CLIENTS_NPM
const skip = clients === undefined ? 'the npm clients are not installed (OCTET_TEST_CLIENTS_NPM)' : undefined
const token = 'a-token-of-the-test'
const clientInfo = { name: 'test', version: '1' }

test.unless(skip)(
  'mcp-remote reaches all tools with the printed arguments and variables',
  () =>
    inFolder((folder) =>
      withChild(
        'servers/cli/octet.ts',
        ['start', 'filesystem', 'fetch'],
        { FS_ROOTS: folder, MCP_AUTH_TOKEN: token },
        async ({ url }) => {
          const { stdout } = await runOctet(['connect', 'claude-desktop', '--url', url], folder, { MCP_AUTH_TOKEN: token })
          const { command, args, env } = JSON.parse(stdout.replace('TOKEN', token)).mcpServers.octet
          assert.deepEqual([command, ...args.slice(0, 2)], ['npx', '-y', 'mcp-remote'])
          const program = join(clients ?? '', 'node_modules/mcp-remote/dist/proxy.js')
          const remote = spawn(process.execPath, [program, ...args.slice(2)], {
            env: cleanEnv({ ...env, HOME: folder }),
            stdio: ['pipe', 'pipe', 'inherit'],
          })
          try {
            const answers = createInterface(remote.stdout)
            const ask = async (id: number, method: string, params: object): Promise<any> => {
              remote.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
              for (;;) {
                const [line] = await once(answers, 'line')
                const message = JSON.parse(line)
                if (message.id === id) return message.result
              }
            }
            await ask(1, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo })
            remote.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`)
            const { tools } = await ask(2, 'tools/list', {})
            assert.deepEqual(
              tools.map(({ name }: { name: string }) => name),
              ['read_file', 'list_directory', 'fetch_web_content'],
            )
          } finally {
            remote.kill('SIGKILL')
          }
        },
      ),
    ),
  { timeoutMs: 60_000 },
)
