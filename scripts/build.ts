// npm run build: dist/protocol and dist/conformance as ES modules with types (tsc), dist/octet.cjs and dist/servers/NAME.cjs as one CommonJS
// file each (esbuild), with every JSON Schema compiled to plain code, so that no process loads a schema compiler (docs/decisions/0004-bundles.md).
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import standaloneModule from 'ajv/dist/standalone/index.js'
import { build, type Plugin } from 'esbuild'
import type { JsonSchema } from '../protocol/index.ts'
import { ajvOptions } from '../protocol/validator.ts'
import { catalog, type ServerName, serverNames } from '../servers/catalog.ts'
import { plainSchema } from '../servers/runtime/config.ts'
import type { AnyServer } from '../servers/runtime/definition.ts'
import { settingsSchema } from '../servers/runtime/settings.ts'

const standalone = standaloneModule.default // a CommonJS module as Node's ES modules see it
const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
const definitions = await Promise.all(serverNames.map((name) => catalog[name]()))
await Promise.all([
  buildLibraries(),
  bundle('octet.cjs', `import '${join(root, 'servers/octet.ts')}'`, definitions),
  ...definitions.map((definition) =>
    bundle(`servers/${definition.name}.cjs`, entryOf(definition.name as ServerName), [definition]),
  ),
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

async function bundle(file: string, contents: string, servers: readonly AnyServer[]): Promise<void> {
  await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    outfile: join(dist, file),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    // Names stay: stack traces of the operator's log are read by people.
    minifySyntax: true,
    legalComments: 'none',
    external: ['playwright', 'playwright-core'],
    banner: { js: '#!/usr/bin/env node' },
    logLevel: 'warning',
    plugins: [precompiled(servers.flatMap(schemasOf))],
  })
}

function schemasOf(definition: AnyServer): JsonSchema[] {
  // The tools' factory may not touch its backend before a handler runs, so the schemas can be had without one.
  const environment = {
    version: '',
    maxResultChars: 0,
    toolTimeoutMs: 0,
    readOnly: false,
    ca: undefined,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  }
  const tools = definition.tools(undefined as never, environment)
  return [
    plainSchema(settingsSchema),
    plainSchema(definition.config),
    ...tools.flatMap(({ inputSchema, outputSchema }) =>
      outputSchema === undefined ? [inputSchema] : [inputSchema, outputSchema],
    ),
  ]
}

/** Replaces protocol/validator.ts by a table of validators for exactly these schemas. */
function precompiled(schemas: readonly JsonSchema[]): Plugin {
  const ajv = new Ajv2020({ ...ajvOptions, code: { source: true, esm: true } })
  const names = new Map<string, string>()
  for (const schema of schemas) {
    const key = keyOf(schema)
    if (names.has(key)) continue
    names.set(key, `validate${names.size}`)
    ajv.addSchema(schema, key)
  }
  const code = standalone(ajv, Object.fromEntries([...names].map(([key, name]) => [name, key])))
  const table = [...names].map(([key, name]) => `['${key}', ${name}]`).join(', ')
  const contents = `
    import { createHash } from 'node:crypto'
    ${code}
    const table = new Map([${table}])
    export const ajvOptions = {}
    export function compileValidator(schema) {
      const validator = table.get(createHash('sha256').update(JSON.stringify(schema)).digest('hex').slice(0, 16))
      if (validator === undefined) throw new Error('a schema was not known at build time: ' + JSON.stringify(schema).slice(0, 200))
      return validator
    }`
  return {
    name: 'precompiled-validators',
    setup(context) {
      context.onLoad({ filter: /[\\/]protocol[\\/]validator\.ts$/ }, () => ({ contents, loader: 'js', resolveDir: root }))
    },
  }
}

function keyOf(schema: JsonSchema): string {
  return createHash('sha256').update(JSON.stringify(schema)).digest('hex').slice(0, 16)
}
