// npm run build: the three libraries that package.json exports as ES modules with types (tsc), dist/octet.cjs and dist/servers/NAME.cjs as bundles.
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleServers } from './bundle.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
await Promise.all([buildLibraries(), bundleServers(dist)])
for (const command of ['bin.cjs', 'octet.cjs', 'conformance/cli.js']) chmodSync(join(dist, command), 0o755)

async function buildLibraries(): Promise<void> {
  const tsc = createRequire(import.meta.url)
    .resolve('typescript/package.json')
    .replace(/package\.json$/, 'bin/tsc')
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
}
