// The bundle of the image on an arm64 processor, which QEMU emulates: it starts, lists its tools and answers a call.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle, schemasOf } from '../../scripts/bundle.ts'
import { filesystem } from '../../servers/filesystem/index.ts'
import { cleanEnv } from '../helpers/child.ts'
import { imageEnv, imageFlags } from '../helpers/image.ts'
import { JsonLineProcess } from '../helpers/json-line-process.ts'
import { postJson } from '../helpers/wire.ts'
import { test } from '../runner/harness.ts'

const node = process.env.OCTET_TEST_NODE_ARM64 ?? ''
/** Empty on an arm64 machine. */
const emulator = (process.env.OCTET_TEST_QEMU_ARM64 ?? '').split(' ').filter((word) => word !== '')
const root = fileURLToPath(new URL('../..', import.meta.url))

test.unless(node === '' ? 'Node for arm64 is not installed (OCTET_TEST_NODE_ARM64)' : undefined)(
  'the filesystem server starts on arm64, lists its tools and reads a file',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'octet-arm64-'))
    const script = join(folder, 'filesystem.cjs')
    const entry = `import { filesystem } from '${root}servers/filesystem/index.ts'
      import { serve } from '${root}servers/host/serve.ts'
      console.error(JSON.stringify({ architecture: process.arch }))
      void serve([filesystem], { env: process.env })`
    await bundle(script, entry, schemasOf(filesystem))
    await writeFile(join(folder, 'hello.txt'), 'hello from arm64\n')
    const [command = '', ...args] = [...emulator, node, ...imageFlags, script]
    const env = cleanEnv({ MCP_PORT: '0', FS_ROOTS: folder, AUDIT_FILE: join(folder, 'audit.jsonl'), ...imageEnv })
    const server = new JsonLineProcess(command, args, env, 'stderr', {})
    try {
      const { architecture } = await server.line('the architecture', (line) => 'architecture' in line, 0, 60_000)
      assert.equal(architecture, 'arm64')
      const { url } = await server.line('"listening"', (line) => line.message === 'listening', 0, 60_000)
      const ask = async (method: string, params: object): Promise<any> =>
        (await postJson(`${url}/mcp`, { jsonrpc: '2.0', id: 1, method, params })).json().result
      const { tools } = await ask('tools/list', {})
      assert.deepEqual(tools.map(({ name }: { name: string }) => name).sort(), ['list_directory', 'read_file'])
      const { content } = await ask('tools/call', { name: 'read_file', arguments: { path: 'hello.txt' } })
      assert.match(content[0].text, /hello from arm64/)
    } finally {
      await server.stop('SIGTERM', 20_000)
      await rm(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 120_000 },
)
