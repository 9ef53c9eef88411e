// The rules of ARCHITECTURE.md that can be read from the code: directions of imports, circles, names and sizes of files.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from './runner/harness.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => /^(protocol|servers|conformance)\//.test(file))
  .sort()
const textOf = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))

interface Import {
  from: string
  to: string
}

/** `import … from '…'`, `export … from '…'`, `import '…'` and `import('…')`, also over several lines. */
const importForms = /^(?:import|export)\b[^'"`;]*?\bfrom\s*'([^']+)'|^import\s*'([^']+)'|\bimport\('([^']+)'\)/gm

const isTest = (file: string): boolean => /\/test\/|^conformance\/selftest\//.test(file)
const imports: Import[] = files.flatMap((file) =>
  [...(textOf.get(file) as string).matchAll(importForms)].map(([, a, b, c]) => {
    const to = a ?? b ?? c ?? ''
    return { from: file, to: to.startsWith('.') ? normalize(join(dirname(file), to)) : to }
  }),
)
const production = files.filter((file) => !isTest(file))
const productionImports = imports.filter(({ from }) => !isTest(from))

const isNode = (to: string): boolean => to.startsWith('node:')
const servers = [...new Set(files.flatMap((file) => /^servers\/([^/]+)\//.exec(file)?.[1] ?? []))].filter(
  (name) => !['cli', 'host', 'kit'].includes(name),
)

/** The imports of production files under `folder` that are not allowed. */
function forbidden(folder: string, allowed: (to: string, from: string) => boolean): string[] {
  const here = productionImports.filter(({ from }) => from.startsWith(folder))
  assert.ok(here.length > 0, `nothing is imported under ${folder}`)
  return here.filter(({ to, from }) => !allowed(to, from)).map(({ from, to }) => `${from} imports ${to}`)
}

test('protocol imports node and itself, and ajv in one file', () => {
  const found = forbidden(
    'protocol/',
    (to, from) => isNode(to) || to.startsWith('protocol/') || (from === 'protocol/validator.ts' && to.startsWith('ajv/')),
  )
  assert.deepEqual(found, [])
})

test('protocol neither reads the environment nor prints', () => {
  const found = production.filter(
    (file) => file.startsWith('protocol/') && /\bprocess\.(env|on|exit|argv|std)|\bconsole\./.test(textOf.get(file) as string),
  )
  assert.deepEqual(found, [])
})

test('the kit imports protocol by its public surface, and pg only in its sql folder', () => {
  const found = forbidden(
    'servers/kit/',
    (to, from) =>
      isNode(to) ||
      to === 'protocol/index.ts' ||
      to.startsWith('servers/kit/') ||
      (from.startsWith('servers/kit/sql/') && /^pg($|[-/])/.test(to)),
  )
  assert.deepEqual(found, [])
})

test('the host imports protocol, the kit and itself; the command line imports all of them, and servers only in the catalog', () => {
  const shared = (to: string): boolean =>
    isNode(to) || to === 'package.json' || to === 'protocol/index.ts' || /^servers\/(host|kit)\//.test(to)
  assert.deepEqual(forbidden('servers/host/', shared), [])
  const found = forbidden(
    'servers/cli/',
    (to, from) => shared(to) || to.startsWith('servers/cli/') || from === 'servers/cli/catalog.ts',
  )
  assert.deepEqual(found, [])
})

test('a server imports protocol, the kit and itself, and an npm library only in backend.ts', () => {
  const libraries = /^(pg|minio|playwright|playwright-core|ws|htmlparser2)(\/|$)/
  const found = servers.flatMap((name) =>
    forbidden(`servers/${name}/`, (to, from) => {
      if (isNode(to) || to === 'protocol/index.ts' || to.startsWith('servers/kit/') || to.startsWith(`servers/${name}/`))
        return true
      if (to === 'dev/sample.ts') return from === 'servers/postgres/lib/sample-file.ts' // which bundles replace
      if (to === 'dev/npm-browser.ts') return from === 'servers/playwright/lib/npm-browser-file.ts' // likewise
      return libraries.test(to) && from.endsWith('/backend.ts')
    }),
  )
  assert.deepEqual(found, [])
})

test('the conformance suite imports nothing of what it tests', () => {
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

test('production code imports no test code, and every test lies in a test folder', () => {
  const found = productionImports
    .filter(({ to }) => isTest(to) || to.startsWith('test/'))
    .map(({ from, to }) => `${from} imports ${to}`)
  assert.deepEqual(found, [])
  assert.deepEqual(
    files.filter((file) => file.endsWith('.test.ts') && !isTest(file)),
    [],
  )
})

test('there is no circle of imports, type imports included', () => {
  const graph = new Map<string, string[]>()
  for (const { from, to } of productionImports) graph.set(from, [...(graph.get(from) ?? []), to])
  const state = new Map<string, 'open' | 'done'>()
  const circles: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      return
    }
    state.set(file, 'open')
    for (const to of graph.get(file) ?? []) visit(to, [...path, file])
    state.set(file, 'done')
  }
  for (const file of production) visit(file, [])
  assert.deepEqual(circles, [])
})

test('every server has the same five files, and else only folders', () => {
  const expected = ['backend.ts', 'config.ts', 'errors.ts', 'index.ts', 'types.ts']
  const found = servers.map((name) => {
    const top = files.filter((file) => dirname(file) === `servers/${name}`).map((file) => basename(file))
    const folders = [...new Set(files.flatMap((file) => new RegExp(`^servers/${name}/([^/]+)/`).exec(file)?.[1] ?? []))]
    return { name, top, other: folders.filter((folder) => !['tools', 'lib', 'test'].includes(folder)) }
  })
  assert.deepEqual(
    found,
    servers.map((name) => ({ name, top: expected, other: [] })),
  )
})

test('base names are unique within a server, within the kit and within the host', () => {
  const found = ['kit', 'host', ...servers].flatMap((name) => {
    const seen = new Map<string, string>()
    return production
      .filter((file) => file.startsWith(`servers/${name}/`))
      .flatMap((file) => {
        const other = seen.get(basename(file))
        seen.set(basename(file), file)
        return other === undefined ? [] : [`${other} and ${file}`]
      })
  })
  assert.deepEqual(found, [])
})

test('a file over 400 lines says why in its first comment, and none has over 600', () => {
  const found = production
    .filter((file) => !file.startsWith('conformance/requirements/'))
    .flatMap((file) => {
      const text = textOf.get(file) as string
      const lines = text.split('\n').length - 1
      if (lines > 600) return [`${file} has ${lines} lines`]
      const first = /^(\/\/[^\n]*\n)+/.exec(text.replace(/^#!.*\n/, ''))?.[0] ?? ''
      return lines > 400 && !/\blines\b|\bone file\b/i.test(first) ? [`${file} has ${lines} lines and gives no reason`] : []
    })
  assert.deepEqual(found, [])
})

test('no test file is a stub', () => {
  const found = files.filter((file) => file.endsWith('.test.ts') && (textOf.get(file) as string).split('\n').length - 1 < 15)
  assert.deepEqual(found, [])
})

test('nothing decides by the text of an error', () => {
  // Error texts are improved at any time; what decides is a code, `detail`, or a class.
  const forms =
    /\/\.test\((?:(?:\w+\.)*(?:message|hint)|(?:error|failure|reason)\.text)\)|\b(?:error|failure|reason)\.(?:message|text|hint)\.(?:includes|match|startsWith|endsWith|search)\(/g
  const found = production.flatMap((file) =>
    file.startsWith('conformance/') ? [] : [...(textOf.get(file) as string).matchAll(forms)].map(([text]) => `${file}: ${text}`),
  )
  assert.deepEqual(found, [])
})
