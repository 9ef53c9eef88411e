// Attempts to read what lies outside of the root, or what the operator has denied, over a real socket.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { link, mkdir, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Answer } from '../../../test/helpers/tool-client.ts'
import { test } from '../../../test/runner/harness.ts'
import { withFiles, withWire } from './wire.ts'

const outsideSecret = 'OUTSIDE-SECRET'

/** `root/inside.txt`, `secret.txt` and `outside/secret.txt` beside the root, and `root-evil/secret.txt`. */
async function layOut(folder: string): Promise<void> {
  await mkdir(join(folder, 'root/sub'), { recursive: true })
  await mkdir(join(folder, 'root-evil'))
  await mkdir(join(folder, 'outside'))
  await writeFile(join(folder, 'root/inside.txt'), 'inside')
  await writeFile(join(folder, 'root/sub/deep.txt'), 'deep')
  for (const name of ['secret.txt', 'outside/secret.txt', 'root-evil/secret.txt']) {
    await writeFile(join(folder, name), outsideSecret)
  }
}

/** Nothing of the host may be in an answer, whatever it says. */
function refused(answer: Answer, folder: string, code: string): void {
  assert.equal(answer.isError, true, answer.text)
  assert.ok(answer.text.startsWith(`ERROR ${code}: `), answer.text)
  assert.ok(!answer.text.includes(outsideSecret), answer.text)
  assert.ok(!answer.text.includes(folder), `names the host's folder: ${answer.text}`)
  assert.ok(!answer.text.includes('/proc/self'), answer.text)
}

const outsidePaths = (folder: string): string[] => [
  '..',
  '../secret.txt',
  '../root-evil/secret.txt',
  'sub/../../secret.txt',
  './././../secret.txt',
  'sub/../../root/../secret.txt',
  '/etc/passwd',
  `${folder}/secret.txt`,
  `${folder}/root-evil/secret.txt`,
  `${folder}/root/../secret.txt`,
  `${folder}/root/../root-evil/secret.txt`,
  `${folder}/ROOT/inside`,
  '//etc/passwd',
  '/proc/self/environ',
  '/proc/self/root/etc/passwd',
  '/dev/zero',
]

for (const tool of ['read_file', 'list_directory']) {
  test(`${tool} refuses every path that leaves the root by its letters`, () =>
    withFiles(async (folder, wire) => {
      await layOut(folder)
      for (const path of outsidePaths(folder)) {
        refused(await wire.call(tool, { path }), folder, 'FORBIDDEN')
      }
    }))

  test(`${tool} refuses NUL and very long paths and names`, () =>
    withFiles(async (folder, wire) => {
      await layOut(folder)
      refused(await wire.call(tool, { path: 'inside.txt\0.png' }), folder, 'INVALID_ARGUMENT')
      refused(await wire.call(tool, { path: 'a/'.repeat(5_000) }), folder, 'INVALID_ARGUMENT')
      refused(await wire.call(tool, { path: 'n'.repeat(2_000) }), folder, 'INVALID_ARGUMENT')
      refused(await wire.call(tool, { path: 'n'.repeat(300) }), folder, 'NOT_FOUND')
      refused(await wire.call(tool, { path: 'a/'.repeat(1_900) }), folder, 'INVALID_ARGUMENT')
      refused(await wire.call(tool, { path: 'a/'.repeat(250) }), folder, 'NOT_FOUND')
    }))

  test(`${tool} takes escapes for letters that encode nothing`, () =>
    withFiles(async (folder, wire) => {
      await layOut(folder)
      for (const path of ['\\x2e\\x2e/secret.txt', '%2e%2e/secret.txt', '..%2fsecret.txt', '..\\secret.txt', '．．/secret.txt']) {
        refused(await wire.call(tool, { path }), folder, 'NOT_FOUND')
      }
    }))

  test(`${tool} refuses links to outside, and no answer tells what exists there`, () =>
    withFiles(async (folder, wire) => {
      await layOut(folder)
      const root = join(folder, 'root')
      await symlink('../secret.txt', join(root, 'file'))
      await symlink('../no-such-file', join(root, 'none'))
      await symlink(join(folder, 'outside'), join(root, 'dir'))
      await symlink('../outside', join(root, 'sub/dir'))
      await symlink('loop', join(root, 'loop'))
      await symlink('/proc/self/root', join(root, 'proc'))
      await symlink('/proc/self/fd', join(root, 'fds'))
      const paths = [
        'file',
        'none',
        'dir/secret.txt',
        'dir/none',
        'dir/none/none',
        'loop',
        'proc/etc/passwd',
        'proc/none',
        'fds/0',
      ]
      const texts = []
      for (const path of [...paths, 'dir', 'proc']) {
        const answer = await wire.call(tool, { path })
        refused(answer, folder, 'FORBIDDEN')
        texts.push(answer.text.replace(`"${path}"`, 'PATH'))
      }
      assert.equal(new Set(texts).size, 1, texts.join('\n'))
      refused(await wire.call(tool, { path: 'sub/dir' }), folder, 'FORBIDDEN')
    }))
}

test('a folder with a name like that of a root is not below it even where the root is a link', () =>
  withFiles(async (folder) => {
    await layOut(folder)
    await symlink('root', join(folder, 'alias'))
    await withWire({ config: { FS_ROOTS: [join(folder, 'alias')] } }, async (wire) => {
      await symlink('../root-evil/secret.txt', join(folder, 'root/look-alike'))
      refused(await wire.call('read_file', { path: 'look-alike' }), folder, 'FORBIDDEN')
      assert.equal((await wire.call('read_file', { path: 'inside.txt' })).data, 'inside')
      assert.equal((await wire.call('read_file', { path: `${folder}/alias/inside.txt` })).data, 'inside')
    })
  }))

test('links inside are followed, and their target is named below the root', () =>
  withFiles(async (folder, wire) => {
    await layOut(folder)
    await symlink(join(folder, 'root/sub'), join(folder, 'root/s'))
    const answer = await wire.call('read_file', { path: 's/deep.txt' })
    assert.equal(answer.data, 'deep')
    assert.match(answer.text, /^s\/deep\.txt: .*, link to sub\/deep\.txt\n/)
    assert.ok(!answer.text.includes(folder))
  }))

test('what is no regular file is refused at once and never opened', () =>
  withFiles(async (folder, wire) => {
    const root = join(folder, 'root')
    execFileSync('mkfifo', [join(root, 'fifo')])
    const socket = createServer().listen(join(root, 'socket'))
    await symlink('/dev/zero', join(root, 'zero'))
    try {
      assert.match((await wire.call('read_file', { path: 'fifo' })).text, /^ERROR FORBIDDEN: it is a fifo/)
      assert.match((await wire.call('read_file', { path: 'socket' })).text, /^ERROR FORBIDDEN: it is a socket/)
      refused(await wire.call('read_file', { path: 'zero' }), folder, 'FORBIDDEN')
      const rows = (await wire.call('list_directory', {})).data
      assert.match(rows, /^fifo\tfifo\t/m)
      assert.match(rows, /^socket\tsocket\t/m)
      assert.match(rows, /^zero\tsymlink \(leads outside or nowhere\)$/m)
    } finally {
      socket.close()
    }
  }))

test('devices are refused below a root that holds them', () =>
  withWire({ config: { FS_ROOTS: ['/dev'] } }, async (wire) => {
    assert.match((await wire.call('read_file', { path: 'zero' })).text, /^ERROR FORBIDDEN: it is a device/)
  }))

test("the kernel's file systems are refused below any root", () =>
  withWire({ config: { FS_ROOTS: ['/'] } }, async (wire) => {
    for (const path of [
      'proc/self/environ',
      'proc/1/root/etc/hostname',
      'sys/kernel/notes',
      'proc/self/fd/0',
      'proc/self/maps',
    ]) {
      const { text } = await wire.call('read_file', { path })
      assert.match(text, /^ERROR FORBIDDEN: /)
      assert.ok(!text.includes('PATH='))
    }
    assert.match(
      (await wire.call('list_directory', { path: 'proc' })).text,
      /^ERROR FORBIDDEN: "proc" is on a pseudo file system/,
    )
    const all = await wire.call('list_directory', { recursive: true, depth: 2, pattern: 'environ' })
    assert.equal(all.isError, false)
    assert.equal(all.data, '')
  }))

test('a magic link to a deleted or anonymous file is no way out', () =>
  withFiles(async (folder, wire) => {
    await layOut(folder)
    await symlink('/proc/self/exe', join(folder, 'root/exe'))
    await symlink('/proc/self/cwd/package.json', join(folder, 'root/cwd'))
    refused(await wire.call('read_file', { path: 'exe' }), folder, 'FORBIDDEN')
    refused(await wire.call('read_file', { path: 'cwd' }), folder, 'FORBIDDEN')
  }))

test('secrets are denied in any case, behind links, and whether they exist or not', () =>
  withFiles(async (folder, wire) => {
    await layOut(folder)
    const root = join(folder, 'root')
    await mkdir(join(root, '.ssh'))
    for (const name of ['.env', 'KEY.PEM', '.ssh/config']) await writeFile(join(root, name), outsideSecret)
    await symlink('.env', join(root, 'innocent.txt'))
    await symlink('inside.txt', join(root, 'id_rsa'))
    await symlink('.ssh', join(root, 'folder'))
    for (const path of [
      '.env',
      '.ENV',
      '.env.none',
      'KEY.PEM',
      '.ssh/config',
      '.ssh/none',
      'innocent.txt',
      'id_rsa',
      'folder/config',
    ]) {
      refused(await wire.call('read_file', { path }), folder, 'FORBIDDEN')
    }
    refused(await wire.call('list_directory', { path: '.ssh' }), folder, 'FORBIDDEN')
    refused(await wire.call('list_directory', { path: 'folder' }), folder, 'FORBIDDEN')
    const { data } = await wire.call('list_directory', { show_hidden: true, recursive: true })
    assert.match(data, /^\.env\tfile \(denied\)$/m)
    assert.match(data, /^\.ssh\tdir \(denied\)$/m)
    assert.match(data, /^KEY\.PEM\tfile \(denied\)$/m)
    assert.match(data, /^innocent\.txt\tsymlink \(denied\)$/m)
    assert.ok(!data.includes('.ssh/config'))
    const near = await wire.call('read_file', { path: 'KEY.PE' })
    assert.ok(!near.text.includes('KEY.PEM'), near.text)
  }))

test('patterns with folders in them and those of the host hold in a listing of a folder far below', () =>
  withFiles(async (folder) => {
    await mkdir(join(folder, 'root/a/b'), { recursive: true })
    for (const name of ['one.txt', 'two.txt', 'other.txt']) await writeFile(join(folder, 'root/a/b', name), outsideSecret)
    const config = { FS_ROOTS: [join(folder, 'root')], FS_DENY: `a/b/one*,${folder}/root/a/b/two*` }
    await withWire({ config }, async (wire) => {
      for (const path of ['a', 'a/b']) {
        const { data } = await wire.call('list_directory', { path, recursive: true })
        assert.match(data, /one\.txt\tfile \(denied\)$/m)
        assert.match(data, /two\.txt\tfile \(denied\)$/m)
        assert.match(data, /other\.txt\tfile\t/)
      }
      for (const name of ['one', 'two']) refused(await wire.call('read_file', { path: `a/b/${name}.txt` }), folder, 'FORBIDDEN')
    })
  }))

test('hidden files are refused where the operator says so', () =>
  withFiles(
    async (folder, wire) => {
      await layOut(folder)
      await mkdir(join(folder, 'root/.config'))
      await writeFile(join(folder, 'root/.config/a.txt'), outsideSecret)
      await symlink('.config/a.txt', join(folder, 'root/a.txt'))
      refused(await wire.call('read_file', { path: '.config/a.txt' }), folder, 'FORBIDDEN')
      refused(await wire.call('read_file', { path: 'a.txt' }), folder, 'FORBIDDEN')
      refused(await wire.call('list_directory', { path: '.config' }), folder, 'FORBIDDEN')
      const { data } = await wire.call('list_directory', { show_hidden: true })
      assert.match(data, /^\.config\tdir \(denied\)$/m)
    },
    { config: { FS_ALLOW_HIDDEN: false } },
  ))

test('a hard link to outside is refused where the operator says so', () =>
  withFiles(
    async (folder, wire) => {
      await layOut(folder)
      await link(join(folder, 'secret.txt'), join(folder, 'root/hard.txt'))
      refused(await wire.call('read_file', { path: 'hard.txt' }), folder, 'FORBIDDEN')
      assert.equal((await wire.call('read_file', { path: 'inside.txt' })).data, 'inside')
    },
    { config: { FS_DENY_HARDLINKS: true } },
  ))

test('a hard link passes by default, as the README says', () =>
  withFiles(async (folder, wire) => {
    await layOut(folder)
    await link(join(folder, 'secret.txt'), join(folder, 'root/hard.txt'))
    assert.equal((await wire.call('read_file', { path: 'hard.txt' })).data, outsideSecret)
  }))

test('one root does not open the way into another folder beside it', () =>
  withFiles(async (folder) => {
    await layOut(folder)
    await symlink('../root/inside.txt', join(folder, 'outside/cross'))
    await symlink('../secret.txt', join(folder, 'outside/out'))
    const roots = [`docs=${folder}/root`, `logs=${folder}/outside`]
    await withWire({ config: { FS_ROOTS: roots } }, async (wire) => {
      assert.equal((await wire.call('read_file', { path: 'docs/inside.txt' })).data, 'inside')
      const cross = await wire.call('read_file', { path: 'logs/cross' })
      assert.equal(cross.data, 'inside')
      assert.match(cross.text, /link to docs\/inside\.txt/)
      assert.equal((await wire.call('read_file', { path: 'docs/../logs/secret.txt' })).data, outsideSecret)
      refused(await wire.call('read_file', { path: 'logs/out' }), folder, 'FORBIDDEN')
      refused(await wire.call('read_file', { path: 'docs/../../secret.txt' }), folder, 'FORBIDDEN')
      refused(await wire.call('read_file', { path: 'inside.txt' }), folder, 'NOT_FOUND')
      const nested = [`all=${folder}`, `docs=${folder}/root`]
      await withWire({ config: { FS_ROOTS: nested } }, async (both) => {
        // A folder in two roots is called as it was asked for, and is no link.
        assert.match((await both.call('read_file', { path: 'all/root/inside.txt' })).text, /^all\/root\/inside\.txt: [^\n]*Z\n/)
        assert.match((await both.call('read_file', { path: 'docs/inside.txt' })).text, /^docs\/inside\.txt: [^\n]*Z\n/)
      })
      // What a link from a third one leads to is called by the deepest.
      await withWire({ config: { FS_ROOTS: [...nested, `logs=${folder}/outside`] } }, async (three) => {
        assert.match((await three.call('read_file', { path: 'logs/cross' })).text, /link to docs\/inside\.txt/)
      })
      const listed = await wire.call('list_directory', {})
      assert.match(listed.text, /^2 roots; paths start with one of them\ndocs\nlogs$/)
    })
  }))
