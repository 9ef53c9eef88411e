// Finding files: by the text that they contain, by size and time among many, and by paths of another machine.
import assert from 'node:assert/strict'
import { mkdir, open, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LongestTurn } from '../../../test/helpers/event-loop.ts'
import { test } from '../../../test/runner/harness.ts'
import { ioError } from '../errors.ts'
import { make, namesOf, type Wire, withFiles, withWire } from './wire.ts'

async function allPages(wire: Wire, args: Record<string, unknown>) {
  const pages = [await wire.call('list_directory', args)]
  for (let next = pages[0]?.next; next !== undefined; next = pages.at(-1)?.next) {
    assert.ok(pages.length < 100, 'the pages never end')
    pages.push(await wire.call('list_directory', next))
  }
  return pages
}

const found = (data: string): string[] =>
  data
    .split('\n')
    .slice(2)
    .filter((row) => !row.startsWith('  '))
    .map((row) => row.split('\t')[0] as string)

test('`containing` lists the files that have the text, with the first line that has it', () =>
  withFiles(async (folder, wire) => {
    const root = join(folder, 'root')
    await mkdir(join(root, 'logs'))
    await writeFile(join(root, 'logs/app.log'), 'start\nall well\nERROR: disk full\nERROR: again\n')
    await writeFile(join(root, 'logs/other.log'), 'nothing\n')
    await writeFile(join(root, 'wide.txt'), Buffer.from('\ufeffone\ntwo error three', 'utf16le'))
    await writeFile(join(root, 'picture.bin'), Buffer.concat([Buffer.alloc(64, 1), Buffer.from('error')]))
    await writeFile(join(root, '.env'), 'error')
    await writeFile(join(root, 'long.txt'), `${'x'.repeat(200_000)}error${'y'.repeat(200_000)}\n`)
    await symlink('../outside', join(root, 'link'))
    const { data, text, structured } = await wire.call('list_directory', { containing: 'error', recursive: true })
    assert.deepEqual(found(data), ['logs/app.log', 'long.txt', 'wide.txt'])
    assert.match(data, /^ {2}3: ERROR: disk full$/m)
    assert.match(data, /^ {2}2: two error three$/m)
    assert.match(data, /^ {2}1: …x{80}errory+…\[\+\d+ (chars|bytes)\]$/m)
    assert.match(text, /^\.: 3 entries containing "error"; 3 files/)
    assert.deepEqual(structured.entries[0].match, { line: 3, text: 'ERROR: disk full' })
    const byPattern = await wire.call('list_directory', { containing: 'error', recursive: true, pattern: '*.txt', sort: 'size' })
    assert.deepEqual(found(byPattern.data), ['long.txt', 'wide.txt'])
    assert.equal(
      (await wire.call('list_directory', { containing: 'no such text', recursive: true })).structured.entries.length,
      0,
    )
  }))

test('letters that are longer in lower case do not move a match to another line', () =>
  withFiles(async (folder, wire) => {
    await writeFile(join(folder, 'root/wide.txt'), Buffer.from(`\ufeff${'İ'.repeat(40)}\nthe Needle\n\nend`, 'utf16le'))
    const { structured } = await wire.call('list_directory', { containing: 'needle' })
    assert.deepEqual(structured.entries[0].match, { line: 2, text: 'the Needle' })
  }))

test('a text is found wherever the parts that are read join', () =>
  withFiles(async (folder, wire) => {
    for (const at of [65_530, 65_531, 65_535, 65_536, 131_070, 8_190]) {
      const text = `${'line\n'.repeat(40_000).slice(0, at)}needle\n`
      await writeFile(join(folder, 'root/f'), text)
      const { structured } = await wire.call('list_directory', { containing: 'NEEDLE' })
      assert.deepEqual(
        structured.entries.map((entry: { match: { line: number } }) => entry.match.line),
        [text.slice(0, at).split('\n').length],
        String(at),
      )
    }
  }))

test('a search that reaches its limit of bytes continues exactly with NEXT, in every order', () =>
  withFiles(
    async (folder, wire) => {
      const names = Array.from({ length: 30 }, (_, i) => `f${String(i).padStart(2, '0')}`)
      for (const [i, name] of names.entries()) {
        await writeFile(join(folder, 'root', name), `${'x'.repeat(300 + i)}${i % 3 === 0 ? ' needle' : ''}\n`)
      }
      await writeFile(join(folder, 'root/big'), `${'y'.repeat(5_000)} needle\n`)
      for (const sort of ['name', 'size', 'mtime']) {
        const pages = await allPages(wire, { containing: 'needle', sort })
        assert.ok(pages.length > 3, `${pages.length} pages`)
        assert.deepEqual(
          pages.flatMap((page) => found(page.data)).toSorted(),
          names.filter((_, i) => i % 3 === 0),
        )
        // A file that is larger than the limit is searched as far as the limit goes, and named.
        assert.equal(pages.filter(({ text }) => /^NOTE: only the start of "big" was searched$/m.test(text)).length, 1)
      }
    },
    { limits: { searchBytes: 2_000 } },
  ))

for (const sort of ['name', 'mtime']) {
  test(`a search through many small files lets other work run, sorted by ${sort}`, () =>
    withFiles(async (folder, wire) => {
      const text = 'Aa'.repeat(10_000)
      await Promise.all(Array.from({ length: 1_500 }, (_, i) => writeFile(join(folder, 'root', `f${i}`), text)))
      const turn = new LongestTurn()
      const { structured } = await wire.call('list_directory', { containing: 'absent', sort, limit: 1_000 })
      const longest = turn.stop()
      assert.equal(structured.entries.length, 0)
      assert.ok(longest < 50, `the event loop was busy for ${Math.round(longest)} ms`)
    }))
}

test('a deep path of another machine is refused in a moment', () =>
  withFiles(async (_folder, wire) => {
    const started = performance.now()
    const { text } = await wire.call('read_file', { path: `/${'no/'.repeat(250)}file` })
    assert.match(text, /^ERROR FORBIDDEN: /)
    assert.ok(performance.now() - started < 2_000)
  }))

test('the newest of very many files is the newest', () =>
  withFiles(
    async (folder, wire) => {
      const root = join(folder, 'root')
      await make(root, Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`f${i}`, 1])))
      await utimes(join(root, 'f2999'), 2e9, 2e9)
      await utimes(join(root, 'f1'), 1.9e9, 1.9e9)
      const { data, next, meta } = await wire.call('list_directory', { sort: 'mtime', limit: 2 })
      assert.deepEqual(namesOf({ data } as never), ['f2999', 'f1'])
      assert.equal(meta.truncated, true)
      const pages = await allPages(wire, { sort: 'size', limit: 1_000 })
      const names = pages.flatMap(namesOf)
      assert.deepEqual([names.length, new Set(names).size], [3_000, 3_000])
      assert.ok(next !== undefined)
    },
    { limits: { maxScanned: 1_000 } },
  ))

test('an absolute path of another machine is read where it ends in a root, and says so', () =>
  withFiles(async (folder, wire) => {
    await make(join(folder, 'root'), { 'logs/app.log': 3, 'app.log': 1, 'data/.env': 1, 'notes.md': 1 })
    const { text } = await wire.call('read_file', { path: '/data/logs/app.log', limit: 5 })
    assert.match(text, /^logs\/app\.log: lines/)
    assert.match(text, /^NOTE: .*"logs\/app\.log"/m)
    assert.match((await wire.call('read_file', { path: '/home/me/root/logs/app.log' })).text, /^logs\/app\.log: /)
    assert.match((await wire.call('list_directory', { path: '/' })).text, /^\.: /)
    assert.match((await wire.call('list_directory', { path: '/mnt/root' })).text, /^\.: /)
    // Denied files stay denied, and nothing is said of them.
    assert.match((await wire.call('read_file', { path: '/home/me/data/.env' })).text, /^ERROR FORBIDDEN: that path is outside/)
    // Where nothing exists, TRY names what does, with every other argument.
    const wrong = await wire.call('read_file', { path: '/srv/notes.txt', limit: 7, line_numbers: true })
    assert.match(wrong.text, /TRY: \{"path":"notes\.md","limit":7,"line_numbers":true\}$/)
    const nothing = await wire.call('list_directory', { path: '/no/such/folder' })
    assert.match(nothing.text, /TRY: list_directory \{"path":"\."\}$/)
  }))

test('with several roots an absolute path may end in a root’s name', () =>
  withFiles(async (folder) => {
    await make(folder, { 'a/logs/app.log': 2, 'b/app.log': 1 })
    await withWire({ config: { FS_ROOTS: [`data=${folder}/a`, `logs=${folder}/b`] } }, async (wire) => {
      const byName = await wire.call('read_file', { path: '/var/logs/app.log' })
      assert.match(byName.text, /^(data\/logs|logs)\/app\.log: /)
      assert.match((await wire.call('list_directory', { path: '/logs' })).text, /^(logs|data\/logs): /)
    })
  }))

test('the name in another case is the first suggestion, and keeps the other arguments', () =>
  withFiles(async (folder, wire) => {
    await make(join(folder, 'root'), { 't/lf.txt': 1, 't/lf.TX': 1, 't/l.TXT': 1 })
    const { text } = await wire.call('read_file', { path: 't/lf.TXT', tail: 3 })
    assert.match(text, /TRY: \{"path":"t\/lf\.txt","tail":3\}$/)
  }))

test('system files that are mounted below a root are denied by their names', () =>
  withFiles(async (folder, wire) => {
    await make(join(folder, 'root'), { 'bind/shadow': 1, 'bind/gshadow-': 1, 'x/run/secrets/token': 1, 'bind/shadow.md': 1 })
    for (const path of ['bind/shadow', 'bind/gshadow-', 'x/run/secrets/token']) {
      assert.match((await wire.call('read_file', { path })).text, /^ERROR FORBIDDEN: .*secrets/)
    }
    assert.match((await wire.call('read_file', { path: 'bind/shadow.md' })).text, /^bind\/shadow\.md: /)
  }))

test('a log with a hole of NULs, or with a control character, is text', () =>
  withFiles(async (folder, wire) => {
    const path = join(folder, 'root/log')
    for (const position of [2_000, 40_000]) {
      const file = await open(path, 'w')
      await file.write('2026-11-27 ERROR after the rotation\n', position)
      await file.close()
      const { text } = await wire.call('read_file', { path: 'log', tail: 1 })
      assert.doesNotMatch(text, /not text/)
      assert.match(text, /after the rotation/)
    }
    await writeFile(path, 'passwd\b\b\bx')
    assert.match((await wire.call('read_file', { path: 'log' })).text, /^log: lines 1-1 of 1/)
    await writeFile(path, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 62, 0]))
    assert.match((await wire.call('read_file', { path: 'log' })).text, /^log: not text but application\/x-elf/)
  }))

test('a file that cannot be opened because the machine has no descriptor left is an error, not a file without the text', () =>
  withFiles(async (folder, wire) => {
    await make(join(folder, 'root'), { 'a.txt': 10 })
    const { sandbox } = wire.backend
    const use = sandbox.use.bind(sandbox)
    // The folder is opened, its files are not.
    sandbox.use = ((location, work) =>
      location.segments.length === 0 ? use(location, work) : Promise.reject(ioError(emfile))) as typeof sandbox.use
    assert.match((await wire.call('list_directory', { containing: 'x' })).text, /^ERROR UPSTREAM_ERROR: .*EMFILE/)
  }))

const emfile = Object.assign(new Error('too many open files'), { code: 'EMFILE', syscall: 'open' })
