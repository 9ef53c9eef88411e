// The documents: links lead somewhere, and what they say a command prints is what it prints.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { serverNames } from '../servers/cli/catalog.ts'
import { run, runChild, withChild } from './helpers/child.ts'
import { test } from './runner/harness.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const documents = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split('\n')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** As GitHub makes them from headings. */
function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replace(/^```[\s\S]*?^```/gm, '').match(/^#+ .*$/gm) ?? []
  return new Set(
    headings.map((heading) =>
      heading
        .replace(/^#+ /, '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

test('every link between documents leads to a file and a heading that exist', () => {
  const broken: string[] = []
  for (const path of documents.filter((each) => existsSync(join(root, each)))) {
    const text = read(path)
      .replace(/^```[\s\S]*?^```/gm, '')
      .replace(/`[^`\n]*`/g, '')
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path : join(dirname(path), file)
      if (!existsSync(join(root, target))) broken.push(`${path}: ${link}`)
      else if (anchor !== undefined && !anchorsOf(read(target)).has(anchor)) broken.push(`${path}: ${link}`)
    }
  }
  assert.deepEqual(broken, [])
})

test('docs/connect.md shows what octet connect prints', async () => {
  const blocks = [...read('docs/connect.md').matchAll(/^```(?:json|sh)\n([\s\S]*?)^```/gm)].map(([, block = '']) => block)
  const print = async (client: string) =>
    (await runChild('servers/cli/octet.ts', ['connect', client], { MCP_AUTH_TOKEN: 'long-enough' })).stdout
  for (const client of ['vscode', 'cursor']) {
    const printed = JSON.stringify(JSON.parse(await print(client)))
    assert.ok(
      blocks.some((block) => block.startsWith('{') && JSON.stringify(JSON.parse(block)) === printed),
      `${client}: ${printed}`,
    )
  }
  assert.ok(blocks.includes(await print('claude-code')))
})

test('every octet and npm command in the documents exists, with its options', async () => {
  const { stdout: usage } = await runChild('servers/cli/octet.ts', ['help'], {})
  const scripts = Object.keys(JSON.parse(read('package.json')).scripts)
  const unknown: string[] = []
  for (const path of documents.filter((each) => existsSync(join(root, each)) && !each.startsWith('docs/decisions/'))) {
    const blocks = [...read(path).matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = '']) => block)
    const spans = [
      ...read(path)
        .replace(/^```[\s\S]*?^```/gm, '')
        .matchAll(/`([^`\n]+)`/g),
    ].map(([, span = '']) => span)
    for (const line of [...blocks.join('\n').split('\n'), ...spans]) {
      const [, words = ''] = /(?:^|&& |=\S+ +)(?:node dist\/octet\.cjs|npx octet-mcp|(?:npx )?octet) ([^#|>&]*)/.exec(line) ?? []
      const [command = '', ...rest] = words.trim().split(/\s+/)
      const options = rest.filter((word) => word.startsWith('--')).map((word) => word.replace(/=.*/, ''))
      // `serve` and `litellm-config` are the old names of two commands.
      const known = (word: string): boolean =>
        new RegExp(`(^|[\\s,])${word}(?![\\w-])`).test(usage) || word === 'serve' || word === 'litellm-config'
      if (words !== '' && ![`octet ${command}`, ...options].every((word) => known(word.replace(/^octet /, ''))))
        unknown.push(`${path}: ${line}`)
      const script = /(?:^|&& )npm run (?:--silent )?([\w-]+)/.exec(line)?.[1]
      if (script !== undefined && !scripts.includes(script)) unknown.push(`${path}: ${line}`)
    }
  }
  assert.deepEqual(unknown, [])
})

test('README.md has a row for every server, and at most 110 lines', () => {
  const text = read('README.md')
  for (const name of serverNames) assert.match(text, new RegExp(`^\\| \\[${name}\\]\\(servers/${name}/README.md\\) \\|`, 'm'))
  assert.ok(text.trimEnd().split('\n').length <= 110)
})

test('the calls of README.md answer what it shows', () =>
  withChild('servers/cli/octet.ts', ['start', 'filesystem', 'fetch'], {}, async ({ url }) => {
    const text = read('README.md')
    const [, curl = ''] = /^```sh\n(curl [\s\S]*?)^```/m.exec(text) ?? []
    const shown = /"text":"(\.: \d+ entries; [^\\]*)/.exec(text)?.[1]
    const { stdout } = await run('bash', ['-c', curl.replace('localhost:8080', new URL(url).host)])
    assert.ok(shown !== undefined && stdout.includes(shown), stdout)
    for (const [, args = ''] of text.matchAll(/`(?:npx )?octet call ([^`]*)`/g)) {
      if (!args.includes('=')) continue
      const called = await runChild('servers/cli/octet.ts', ['call', url, ...args.split(' ')], {})
      // What differs each time: the tags of foreign data, and times.
      const lines = `${called.stdout}${called.stderr}`
        .trim()
        .split('\n')
        .map((line) => line.replace(/modified .*| id="[^"]*"/g, ''))
      const page = text.replace(/modified .*| id="[^"]*"/g, '')
      for (const line of lines) assert.ok(page.includes(line), `${args}: ${line}`)
    }
  }))
