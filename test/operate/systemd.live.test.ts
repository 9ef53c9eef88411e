// The shipped systemd unit: what systemd-analyze says of it, and that the servers run with the system calls that it allows.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import { catalog, serverNames } from '../../servers/cli/catalog.ts'
import { run } from '../helpers/child.ts'
import { docker, dockerOk, hostEngine, skipContainers } from '../images/containers.ts'
import { test } from '../runner/harness.ts'
import { program, shippedText } from './shipped.ts'

const analyze = program('systemd-analyze', 'OCTET_TEST_SYSTEMD_ANALYZE')
const unit = shippedText('docker/octet.service')
const image = `octet-mcp:${packageJson.version}`

/** Runs systemd-analyze on the unit, with this machine's Node in place of the one that the unit expects. */
async function analyzed(text: string, args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-unit-'))
  try {
    await writeFile(join(folder, 'octet.service'), text.replace('/usr/bin/node', process.execPath))
    return await run(analyze.path, [...args, join(folder, 'octet.service')])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test.unless(analyze.skip)('systemd-analyze verify reports nothing, and would report a misspelled setting', async () => {
  const verify = ['verify', '--man=no']
  assert.deepEqual(await analyzed(unit, verify), { code: 0, stdout: '', stderr: '' })
  const { stderr } = await analyzed(unit.replace('ProtectHome', 'ProtectHme'), verify)
  assert.match(stderr, /Unknown key.*ProtectHme/)
})

test.unless(analyze.skip)('its exposure is at most 1.5 of 10', async () => {
  const security = ['security', '--offline=true', '--no-pager', '--threshold=15']
  const { code, stdout, stderr } = await analyzed(unit, security)
  assert.equal(code, 0, stdout.split('\n').at(-2) + stderr)
  assert.equal((await analyzed(unit.replace('SystemCallFilter=@system-service', ''), security)).code, 1)
})

/** The system calls of a set of systemd, with those of the sets that it contains. */
function systemCalls(sets: ReadonlyMap<string, readonly string[]>, name: string): string[] {
  return (sets.get(name) ?? []).flatMap((each) => (each.startsWith('@') ? systemCalls(sets, each) : [each]))
}

test.unless(analyze.skip ?? skipContainers)(
  'the servers run with the system calls that the unit allows, and read the tokens again on its ExecReload',
  async () => {
    const { stdout } = await run(analyze.path, ['syscall-filter', '--no-pager'])
    const parts = stdout.split(/^(?=@)/m).map((part) => part.split('\n').map((line) => line.trim()))
    const sets = new Map(parts.map(([name = '', ...lines]) => [name, lines.filter((line) => /^[@\w]/.test(line))]))
    const filters = [...unit.matchAll(/^SystemCallFilter=(~?)(@\S+)$/gm)].map(([, not, name = '']) => ({ not, name }))
    assert.deepEqual(filters, [
      { not: '', name: '@system-service' },
      { not: '~', name: '@privileged' },
    ])
    const denied = new Set(systemCalls(sets, '@privileged'))
    const names = systemCalls(sets, '@system-service').filter((name) => !denied.has(name))
    assert.ok(names.length > 300 && !names.includes('ptrace'), `${names.length} system calls`)
    const folder = await mkdtemp(join(tmpdir(), 'octet-calls-'))
    const container = `octet-calls-${process.pid}`
    try {
      const syscalls = [{ names, action: 'SCMP_ACT_ALLOW' }]
      await writeFile(
        join(folder, 'profile.json'),
        JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1, syscalls }),
      )
      const confined = [
        '--security-opt',
        'no-new-privileges',
        '--security-opt',
        `seccomp=${folder}/profile.json`,
        '--cap-drop',
        'ALL',
      ]
      const settings = ['-e', 'MCP_AUTH_TOKEN=for-tests-only', '-e', 'FS_ROOTS=/app', '--read-only', '--network', 'none']
      const args = ['run', '--detach', '--name', container, ...confined, ...settings, image, 'filesystem', 'fetch', 'postgres']
      await dockerOk(hostEngine, args)
      const ask = `const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read_file', arguments: { path: 'LICENSE' } } }
        const headers = { authorization: 'Bearer for-tests-only', 'content-type': 'application/json' }
        const ask = (left) => fetch('http://127.0.0.1:8080/filesystem/mcp', { method: 'POST', headers, body: JSON.stringify(body) })
          .then((res) => res.text(), (error) => left === 0 ? String(error) : new Promise((done) => setTimeout(done, 200)).then(() => ask(left - 1)))
        ask(50).then(console.log)`
      const read = () => dockerOk(hostEngine, ['exec', container, 'node', '-e', ask])
      assert.match(await read(), /MIT License/)
      await dockerOk(hostEngine, ['kill', '--signal', 'HUP', container])
      assert.match(await read(), /MIT License/)
      const logs = await docker(hostEngine, ['logs', container])
      assert.match(logs.stderr, /tokens were read again/)
      await dockerOk(hostEngine, ['stop', '--time', '15', container])
      assert.equal(await dockerOk(hostEngine, ['inspect', '--format', '{{.State.ExitCode}}', container]), '0')
    } finally {
      await docker(hostEngine, ['rm', '--force', container])
      await rm(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 90_000 },
)

test('its command names servers of the catalog, and its limits are those of the process', () => {
  const [, words = ''] = /^ExecStart=\/usr\/bin\/node \/opt\/octet\/dist\/octet\.cjs serve (.*)$/m.exec(unit) ?? []
  const names = words.split(' ')
  assert.ok(names.length > 1 && !names.includes('playwright'))
  for (const name of names) assert.ok((serverNames as string[]).includes(name), `${name} in ${Object.keys(catalog)}`)
  assert.match(unit, /^RestartPreventExitStatus=78$/m)
})
