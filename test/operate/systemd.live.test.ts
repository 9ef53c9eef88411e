// The shipped systemd unit: what systemd-analyze says of it, and that its command starts the servers that it names.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { catalog, serverNames } from '../../servers/cli/catalog.ts'
import { run } from '../helpers/child.ts'
import { test } from '../runner/harness.ts'
import { program, shippedText } from './shipped.ts'

const analyze = program('systemd-analyze', 'OCTET_TEST_SYSTEMD_ANALYZE')
const unit = shippedText('docker/octet.service')

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

test('its command names servers of the catalog, and its limits are those of the process', () => {
  const [, words = ''] = /^ExecStart=\/usr\/bin\/node \/opt\/octet\/dist\/octet\.cjs serve (.*)$/m.exec(unit) ?? []
  const names = words.split(' ')
  assert.ok(names.length > 1 && !names.includes('playwright'))
  for (const name of names) assert.ok((serverNames as string[]).includes(name), `${name} in ${Object.keys(catalog)}`)
  assert.match(unit, /^RestartPreventExitStatus=78$/m)
})
