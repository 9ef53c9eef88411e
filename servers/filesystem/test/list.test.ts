import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, stat, symlink, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Answer } from '../../../test/helpers/tool-client.ts'
import { test } from '../../../test/runner/harness.ts'
import { showTime } from '../lib/text.ts'
import { make, namesOf, type Wire, withFiles } from './wire.ts'

async function allPages(wire: Wire, args: Record<string, unknown>): Promise<Answer[]> {
  const found: Answer[] = []
  for (let next: Record<string, unknown> | undefined = args; next !== undefined; next = found.at(-1)?.next) {
    const answer = await wire.call('list_directory', next)
    assert.equal(answer.isError, false, answer.text)
    found.push(answer)
    assert.ok(found.length < 300, 'pages without end')
  }
  return found
}

test('a folder is listed with type, size and time, and summed up', () =>
  withFiles(async (folder, wire) => {
    const root = join(folder, 'root')
    await make(root, { 'b.md': 3, 'a.txt': 2_000, 'sub/': 0, '.hidden': 1 })
    await symlink('a.txt', join(root, 'link'))
    for (const name of ['b.md', 'a.txt', 'sub']) await utimes(join(root, name), 1_700_000_000, 1_700_000_000)
    const answer = await wire.call('list_directory', {})
    assert.match(answer.text, /^\.: 4 entries; 2 files with 2\.0 KiB, 1 folder\n/)
    const time = '2023-11-14T22:13:20Z'
    assert.equal(
      answer.data,
      [
        'name\ttype\tbytes\tmodified',
        `a.txt\tfile\t2000\t${time}`,
        `b.md\tfile\t3\t${time}`,
        `link\tsymlink→a.txt\t2000\t${time}`,
        `sub\tdir\t\t${time}`,
      ].join('\n'),
    )
    assert.match(answer.text, /^NOTE: 1 hidden entry left out; show_hidden lists them$/m)
    assert.equal(answer.meta.truncated, false)
    assert.equal(answer.structured.total_bytes, 2_003)
    assert.deepEqual((answer.structured.entries as unknown[])[2], {
      name: 'link',
      type: 'symlink',
      size: 2_000,
      modified: '2023-11-14T22:13:20Z',
      target: 'a.txt',
    })
    assert.deepEqual(namesOf(await wire.call('list_directory', { show_hidden: 'true' })), [
      '.hidden',
      'a.txt',
      'b.md',
      'link',
      'sub',
    ])
  }))

test('an empty folder and a missing one are told apart', () =>
  withFiles(async (folder, wire) => {
    await make(join(folder, 'root'), { 'empty/': 0, 'file.txt': 1 })
    assert.match(
      (await wire.call('list_directory', { directory_path: 'empty' })).text,
      /^empty: 0 entries; 0 files with 0 B, 0 folders$/,
    )
    assert.match(
      (await wire.call('list_directory', { path: 'empt' })).text,
      /^ERROR NOT_FOUND: .*Nearby: empty\. TRY: \{"path":"empty"\}$/,
    )
    assert.match(
      (await wire.call('list_directory', { path: 'file.txt' })).text,
      /^ERROR INVALID_ARGUMENT: "file\.txt" is a file, not a folder\. TRY: read_file/,
    )
  }))

test('recursion goes as deep as asked and passes over what nobody asks for', () =>
  withFiles(async (folder, wire) => {
    await make(join(folder, 'root'), { 'a/b/c/d/e/f/deep': 1, 'a/x': 1, 'node_modules/m/index.js': 1, '.git/HEAD': 1, z: 1 })
    const names = async (args: Record<string, unknown>) => namesOf(await wire.call('list_directory', args))
    assert.deepEqual(await names({ depth: 2 }), ['a', 'a/b', 'a/x', 'node_modules', 'z'])
    assert.deepEqual(await names({ recursive: true }), ['a', 'a/b', 'a/b/c', 'a/b/c/d', 'a/b/c/d/e', 'a/x', 'node_modules', 'z'])
    assert.deepEqual(await names({ recursive: true, depth: 1 }), ['a', 'node_modules', 'z'])
    assert.deepEqual(await names({ path: 'node_modules', recursive: true }), ['m', 'm/index.js'])
    const hidden = await wire.call('list_directory', { recursive: true, show_hidden: true })
    assert.match(hidden.data, /^\.git\tdir \(not searched\)\t/m)
    assert.match(hidden.data, /^node_modules\tdir \(not searched\)\t/m)
  }))

test('recursion follows no link', () =>
  withFiles(async (folder, wire) => {
    await make(folder, { 'root/d/f': 1, 'outside/secret': 1 })
    await symlink('..', join(folder, 'root/d/up'))
    await symlink('../../outside', join(folder, 'root/d/out'))
    const answer = await wire.call('list_directory', { recursive: true })
    assert.deepEqual(namesOf(answer), ['d', 'd/f', 'd/out', 'd/up'])
    assert.match(answer.data, /^d\/up\tsymlink→\.\/?\t/m)
    assert.match(answer.data, /^d\/out\tsymlink \(leads outside or nowhere\)$/m)
    assert.ok(!answer.text.includes(folder))
  }))

test('a pattern finds by name at any depth, or by path', () =>
  withFiles(async (folder, wire) => {
    await make(join(folder, 'root'), { 'README.md': 1, 'src/a.ts': 1, 'src/x/b.TS': 1, 'src/x/c.js': 1, 'test/a.ts': 1 })
    const names = async (args: Record<string, unknown>) => namesOf(await wire.call('list_directory', args))
    assert.deepEqual(await names({ pattern: 'readme*' }), ['README.md'])
    assert.deepEqual(await names({ pattern: '*.ts', recursive: true }), ['src/a.ts', 'src/x/b.TS', 'test/a.ts'])
    assert.deepEqual(await names({ pattern: 'src/**/*.{ts,js}', recursive: true }), ['src/a.ts', 'src/x/b.TS', 'src/x/c.js'])
    const flat = await wire.call('list_directory', { pattern: 'src/*.ts' })
    assert.match(flat.text, /^\.: 0 entries matching "src\/\*\.ts"; /)
    assert.match(flat.text, /^NOTE: a pattern with a slash matches nothing without "recursive"$/m)
    assert.match(
      (await wire.call('list_directory', { pattern: '{a,b}'.repeat(9) })).text,
      /^ERROR INVALID_ARGUMENT: the braces of .*more than 64/,
    )
  }))

for (const sort of ['name', 'size', 'mtime'] as const) {
  test(`pages by ${sort} join to the whole listing, whatever comes and goes between them`, () =>
    withFiles(async (folder, wire) => {
      const root = join(folder, 'root')
      const files = Object.fromEntries(Array.from({ length: 57 }, (_, i) => [`d${i % 5}/f${(i * 31) % 57}.txt`, (i * 13) % 7]))
      await make(root, files)
      for (const [i, name] of Object.keys(files).entries()) await utimes(join(root, name), 1_700_000_000, 1_700_000_000 + (i % 6))
      const args = { recursive: true, sort, pattern: '*.txt' }
      const whole = await wire.call('list_directory', { ...args, limit: 1_000 })
      assert.equal(whole.meta.truncated, false)
      const all = await allPages(wire, { ...args, limit: 10 })
      assert.equal(all.length, 6)
      assert.deepEqual(all.flatMap(namesOf), namesOf(whole))
      assert.deepEqual(
        all.map(({ meta }) => meta.truncated),
        [true, true, true, true, true, false],
      )

      const first = await wire.call('list_directory', { ...args, limit: 10 })
      const last = namesOf(first).at(-1) as string
      await unlink(join(root, last)) // the very entry the cursor stands on
      const second = await wire.call('list_directory', first.next ?? {})
      assert.deepEqual(namesOf(second), namesOf(whole).slice(10, 20))
    }))
}

test('truncated is exact where the folder ends with the page', () =>
  withFiles(async (folder, wire) => {
    await make(join(folder, 'root'), { a: 1, b: 2, c: 3 })
    for (const sort of ['name', 'size', 'mtime']) {
      const exact = await wire.call('list_directory', { limit: 3, sort })
      assert.deepEqual([exact.meta.truncated, exact.next], [false, undefined])
      const more = await wire.call('list_directory', { limit: 2, sort })
      assert.equal(more.meta.truncated, true)
      assert.match(more.text, /^\.: 2 entries \(of more\); /)
    }
  }))

test('size and time sort from the largest and the newest', () =>
  withFiles(async (folder, wire) => {
    const root = join(folder, 'root')
    await make(root, { small: 1, large: 100, middle: 10, 'dir/': 0 })
    for (const [i, name] of ['large', 'small', 'dir', 'middle'].entries())
      await utimes(join(root, name), 1_700_000_000, 1_700_000_000 + i)
    assert.deepEqual(namesOf(await wire.call('list_directory', { sort: 'size' })), ['large', 'middle', 'small', 'dir'])
    assert.deepEqual(namesOf(await wire.call('list_directory', { sort: 'mtime' })), ['middle', 'dir', 'small', 'large'])
  }))

test('a time beyond the calendar breaks no listing', () =>
  withFiles(async (folder, wire) => {
    const root = join(folder, 'root')
    await make(root, { a: 1, b: 1 })
    execFileSync('touch', ['-d', '@1000000000000000', join(root, 'a')])
    const { mtimeMs } = await stat(join(root, 'a'))
    for (const sort of ['name', 'size', 'mtime']) {
      const answer = await wire.call('list_directory', { sort })
      assert.deepEqual(namesOf(answer), ['a', 'b'])
      assert.match(answer.data, mtimeMs > 8.64e15 ? /^a\tfile\t1\tunknown$/m : /^a\tfile\t1\t2446-/m) // ext4 ends in 2446
    }
    assert.equal((await wire.call('read_file', { path: 'a' })).data, 'x')
    assert.equal(showTime(8.64e15 + 1), 'unknown')
  }))

test('a cursor of another listing, or made up, is refused', () =>
  withFiles(async (folder, wire) => {
    await make(join(folder, 'root'), { a: 1, b: 2, c: 3, 'd/e': 1 })
    const { next } = await wire.call('list_directory', { limit: 1 })
    const cursor = String(next?.cursor)
    const digest = (JSON.parse(Buffer.from(cursor, 'base64url').toString()) as string[])[0]
    const forged = (...parts: unknown[]) => Buffer.from(JSON.stringify([digest, '', ...parts])).toString('base64url')
    const wrong: Record<string, unknown>[] = [
      { cursor: 'x' },
      { cursor: `${cursor}A`.slice(3) },
      { cursor, sort: 'size' },
      { cursor, recursive: true },
      { cursor, path: 'd' },
      { cursor, show_hidden: true },
      { cursor, pattern: '*' },
      ...[[], ['..', 7], ['a/b'], [''], ['a\0'], ['€'], [{}], [['a']]].map((parts) => ({ cursor: forged(...parts) })),
      { cursor: Buffer.from('null').toString('base64url') },
      { cursor: Buffer.from('{"0":1}').toString('base64url') },
    ]
    for (const args of wrong) {
      assert.match(
        (await wire.call('list_directory', args)).text,
        /^ERROR INVALID_ARGUMENT: "cursor" is not (of this listing|one that this tool gave)\. TRY: /,
      )
    }
    assert.deepEqual(namesOf(await wire.call('list_directory', { cursor: forged('..') })), ['a', 'b', 'c', 'd'])
    assert.deepEqual(namesOf(await wire.call('list_directory', { cursor, limit: 99 })), ['b', 'c', 'd'])
  }))

for (const sort of ['name', 'size'] as const) {
  test(`a listing by ${sort} stays below the result's characters, and next is exact`, () =>
    withFiles(
      async (folder, wire) => {
        const names = Array.from({ length: 60 }, (_, i) => `${String(i).padStart(3, '0')}${'ü'.repeat((i * 7) % 110)}`)
        await make(join(folder, 'root'), Object.fromEntries(names.map((name) => [name, 1])))
        const all = await allPages(wire, { sort, limit: 1_000 })
        assert.ok(all.length > 3)
        for (const { text } of all) assert.ok(text.length <= 2_000, `${text.length}`)
        assert.deepEqual(all.flatMap(namesOf), names)
      },
      { environment: { maxResultChars: 2_000 } },
    ))
}

test('names that cannot be shown are escaped, and may be asked for so', () =>
  withFiles(async (folder, wire) => {
    const root = join(folder, 'root')
    const odd = [
      Buffer.from('caf\xe9', 'latin1'),
      Buffer.from('tab\there'),
      Buffer.from('line\nbreak'),
      Buffer.from('x\u202etxt'),
    ]
    for (const name of odd) await writeFile(Buffer.concat([Buffer.from(`${root}/`), name]), name)
    await mkdir(Buffer.from(`${root}/d\xff`, 'latin1'))
    await writeFile(Buffer.from(`${root}/d\xff/f\xfe`, 'latin1'), 'deep')
    const all = await allPages(wire, { limit: 2, recursive: true })
    assert.deepEqual(all.flatMap(namesOf), [
      'caf\\xe9',
      'd\\xff',
      'd\\xff/f\\xfe',
      'line\\x0abreak',
      'tab\\x09here',
      'x\\xe2\\x80\\xaetxt',
    ])
    for (const name of all.flatMap(namesOf).filter((shown) => shown !== 'd\\xff')) {
      const answer = await wire.call('read_file', { path: name })
      assert.equal(answer.isError, false, answer.text)
    }
    assert.deepEqual(namesOf(await wire.call('list_directory', { path: 'd\\xff' })), ['f\\xfe'])
  }))

test('a folder with more entries than one listing looks at is paged to its end by name', () =>
  withFiles(
    async (folder, wire) => {
      const files = Object.fromEntries(
        Array.from({ length: 95 }, (_, i) => [`${i % 3 === 0 ? `sub${i % 4}/` : ''}f${String(i).padStart(2, '0')}`, i]),
      )
      await make(join(folder, 'root'), files)
      const all = await allPages(wire, { recursive: true, limit: 1_000 })
      assert.ok(all.every((answer) => namesOf(answer).length <= 20))
      assert.deepEqual(all.flatMap(namesOf).toSorted(), [...Object.keys(files), 'sub0', 'sub1', 'sub2', 'sub3'].toSorted())
      assert.ok(all.length >= 5)
      const none = await allPages(wire, { recursive: true, pattern: 'nothing' })
      assert.ok(none.length >= 5 && none.every((answer) => answer.data === ''))
      assert.match(none[0]?.text ?? '', /^NOTE: one listing looks at no more entries than it has looked at$/m)
      const bySize = await wire.call('list_directory', { recursive: true, sort: 'size', limit: 1_000 })
      assert.deepEqual([bySize.meta.truncated, bySize.next], [true, undefined])
      assert.match(bySize.text, /^NOTE: one listing looks at .*, so these are the largest of a part; list a subfolder$/m)
    },
    { limits: { maxScanned: 20, maxSorted: 20 } },
  ))

test('a listing for which there is no time says so and ends', () =>
  withFiles(
    async (folder, wire) => {
      await make(join(folder, 'root'), { a: 1, b: 1 })
      const { text, meta, next } = await wire.call('list_directory', {})
      assert.deepEqual([meta.truncated, next], [true, undefined])
      assert.match(text, /^NOTE: the time for one listing is over, so this is a part; list a subfolder$/m)
    },
    { limits: { listMs: -1 } },
  ))
