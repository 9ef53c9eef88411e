// What an old Node says: one line, from a real one of the npm registry.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../package.json' with { type: 'json' }
import { test } from '../test/runner/harness.ts'
import { bundleServers } from './bundle.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
/** The Node of Ubuntu 22.04, and that of Debian 12. */
const oldVersions = ['12.22.12', '18.20.4']

test(
  'an old Node ends octet and mcp-conformance with one line that names both versions',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'octet-old-node-'))
    try {
      await bundleServers(folder)
      const tsc = createRequire(import.meta.url)
        .resolve('typescript/package.json')
        .replace(/package\.json$/, 'bin/tsc')
      execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', folder])
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: packageJson.type }))
      for (const version of oldVersions) {
        const name = `node-linux-${process.arch}`
        const home = join(folder, version)
        execFileSync('npm', ['install', '--prefix', home, '--no-audit', '--no-fund', '--loglevel=error', `${name}@${version}`])
        const node = join(home, 'node_modules', name, 'bin/node')
        const [major, minor] = version.split('.')
        for (const [file, command] of [
          ['bin.cjs', 'octet'],
          ['conformance/cli.js', 'mcp-conformance'],
        ] as const) {
          const { status, stdout, stderr } = spawnSync(node, [join(folder, file), '--help'], { encoding: 'utf8' })
          assert.deepEqual([status, stdout, stderr], [1, '', `${command} needs Node 20.19, this is ${major}.${minor}\n`])
        }
      }
      const { status, stdout } = spawnSync(process.execPath, [join(folder, 'bin.cjs'), 'version'], { encoding: 'utf8' })
      assert.deepEqual([status, stdout], [0, `${packageJson.version}\n`])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 120_000 },
)
