// A file system that never answers, mounted below a root and with a root of its own in it: other files are still read, and the process stays alive.
import assert from 'node:assert/strict'
import { accessSync, constants } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JsonLineProcess } from '../../../test/helpers/json-line-process.ts'
import { test } from '../../../test/runner/harness.ts'

/** Mounts FUSE at argv[1] and never answers a request of the kernel; then runs the rest of argv. In a mount namespace of its own. */
const stall = `
import ctypes, os, sys
fuse = os.open('/dev/fuse', os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f'fd={fuse},rootmode=40000,user_id=0,group_id=0'.encode()
if libc.mount(b'stalled', sys.argv[1].encode(), b'fuse', 0, options) != 0:
    raise OSError(ctypes.get_errno(), 'mount')
os.set_inheritable(fuse, True)
os.execvp(sys.argv[2], sys.argv[2:])
`
const healthLimitMs = 50

function fuseMissing(): string | undefined {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
    return undefined
  } catch {
    return 'FUSE is not available (/dev/fuse)'
  }
}

test.unless(fuseMissing())('while a FUSE mount stalls, /health answers at once and other files are read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stalled-'))
  const root = join(folder, 'root')
  await mkdir(join(root, 'stalled'), { recursive: true })
  await writeFile(join(root, 'note.txt'), 'still here')
  await mkdir(join(root, 'sub'))
  await writeFile(join(root, 'sub/deep.txt'), 'deep')
  const octet = [process.execPath, '--import', 'tsx', 'servers/cli/octet.ts', 'serve', 'filesystem']
  const namespace = process.getuid?.() === 0 ? ['-m'] : ['-r', '-m']
  const child = new JsonLineProcess(
    'unshare',
    [...namespace, 'python3', '-c', stall, join(root, 'stalled'), ...octet],
    {
      MCP_PORT: '0',
      FS_ROOTS: `files=${root},dead=${root}/stalled/root`,
      AUDIT_FILE: join(folder, 'audit.jsonl'),
      MCP_TOOL_TIMEOUT_MS: '4000',
    },
    'stderr',
  )
  try {
    const { url } = await child.line('"listening"', (line) => line.message === 'listening', 0, 60_000)
    const call = async (name: string, args: object): Promise<string> => {
      const answer = await fetch(`${url}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }),
      })
      return await answer.text()
    }
    await call('read_file', { path: 'files/note.txt' }) // warm
    const stuck = [
      call('read_file', { path: 'files/stalled/file' }),
      call('list_directory', { path: 'files/stalled' }),
      call('list_directory', { path: 'files', recursive: true }),
      call('read_file', { path: 'dead/file' }),
      // More than the threads of the process.
      call('read_file', { path: 'files/stalled/other' }),
      call('list_directory', { path: 'dead' }),
    ]
    const waits: number[] = []
    // Longer than mounts and real paths are remembered.
    for (const end = performance.now() + 2_500; performance.now() < end; ) {
      const started = performance.now()
      assert.equal((await fetch(`${url}/health`)).status, 200)
      waits.push(performance.now() - started)
      assert.match(await call('read_file', { path: 'files/note.txt' }), /still here/)
      assert.match(await call('read_file', { path: 'files/sub/deep.txt' }), /deep/)
    }
    // The median, because another process may take the processor for a moment; a stall would take seconds each time.
    waits.sort((a, b) => a - b)
    const [median = Infinity, longest = Infinity] = [waits[waits.length >> 1], waits.at(-1)]
    assert.ok(median <= healthLimitMs && longest < 2_000, `${median} and ${longest} ms of ${waits.length}`)
    for (const answer of await Promise.all(stuck)) assert.match(answer, /ERROR TIMEOUT/)
  } finally {
    await child.stop('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
})
