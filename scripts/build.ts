// npm run build: dist/protocol and dist/conformance as ES modules with types (tsc), dist/octet.cjs and dist/servers/NAME.cjs as bundles.
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { catalog, type ServerName, serverNames } from '../servers/catalog.ts'
import { bundle, schemasOf } from './bundle.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
const definitions = await Promise.all(serverNames.map((name) => catalog[name]()))
await Promise.all([
  buildLibraries(),
  bundle(join(dist, 'octet.cjs'), `import '${join(root, 'servers/octet.ts')}'`, definitions.flatMap(schemasOf)),
  ...definitions.map((each) => bundle(join(dist, `servers/${each.name}.cjs`), entryOf(each.name as ServerName), schemasOf(each))),
])
chmodSync(join(dist, 'octet.cjs'), 0o755)

async function buildLibraries(): Promise<void> {
  const tsc = createRequire(import.meta.url)
    .resolve('typescript/package.json')
    .replace(/package\.json$/, 'bin/tsc')
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
}

function entryOf(name: ServerName): string {
  return `
    import { ${name} } from '${join(root, `servers/${name}/index.ts`)}'
    import { checkConfiguration, serve } from '${join(root, 'servers/runtime/serve.ts')}'
    if (process.argv.includes('--check-config')) checkConfiguration([${name}], process.env)
    else void serve([${name}], { env: process.env })`
}
