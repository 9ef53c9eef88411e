import assert from 'node:assert/strict'
import { link, mkdir, mkdtemp, open, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from '../../../test/runner/harness.ts'
import { parseDeny, parseRoots } from '../config.ts'
import { asyncOps, syncOps } from '../lib/file-ops.ts'
import { locate } from '../lib/location.ts'
import { withOpened } from '../lib/open-path.ts'
import { rawPath, show, unshow } from '../lib/raw-path.ts'
import { OpenEntry, type Origin, type RealRoot, Sandbox } from '../lib/sandbox.ts'

async function withSandbox(
  work: (root: string, sandbox: Sandbox, real: RealRoot[], from: Origin) => Promise<void>,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'sandbox-'))
  try {
    const roots = parseRoots([`data=${root}`])
    const sandbox = new Sandbox(roots, { deny: parseDeny(undefined), allowHidden: true, denyHardLinks: false })
    await work(
      root,
      sandbox,
      roots.map((known) => ({ root: known, real: rawPath(root) })),
      { location: { root: roots[0] as (typeof roots)[0], segments: [] } },
    )
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

const allOps = [
  ['asynchronous', asyncOps],
  ['synchronous', syncOps],
] as const

const openPath = (sandbox: Sandbox, path: string) => {
  const [location] = locate(sandbox.roots, { path }).candidates
  assert.ok(location)
  return sandbox.open(location)
}

for (const [calls, ops] of allOps)
  test(`a deleted file is not checked by the name the kernel gives it then, with ${calls} calls`, () =>
    withSandbox(async (root, sandbox, real, from) => {
      await writeFile(join(root, 'x.pem'), 'secret')
      const handle = await open(join(root, 'x.pem'))
      try {
        await unlink(join(root, 'x.pem'))
        // The kernel now calls it `x.pem (deleted)`, which no pattern for *.pem matches.
        assert.equal(await sandbox.openPath(`/proc/self/fd/${handle.fd}`, 0, real, from, ops), 'missing')
        await writeFile(join(root, 'x.pem (deleted)'), 'another file of that name')
        assert.equal(await sandbox.openPath(`/proc/self/fd/${handle.fd}`, 0, real, from, ops), 'missing')
      } finally {
        await handle.close()
      }
    }))

for (const [calls, ops] of allOps)
  test(`a file that its name still leads to is checked by that name, with ${calls} calls`, () =>
    withSandbox(async (root, sandbox, real, from) => {
      // As with a mounted file that the host has replaced: the kernel says deleted, and the path leads to the same file.
      for (const [name, verdict] of [
        ['x.txt', 'file'],
        ['x.pem', 'denied'],
      ] as const) {
        await writeFile(join(root, name), '')
        const handle = await open(join(root, name))
        await link(join(root, name), join(root, 'other'))
        await unlink(join(root, name))
        await rename(join(root, 'other'), join(root, name))
        const opened = await sandbox.openPath(`/proc/self/fd/${handle.fd}`, 0, real, from, ops)
        assert.equal(opened instanceof OpenEntry ? opened.kind : opened, verdict)
        if (opened instanceof OpenEntry) {
          assert.deepEqual(opened.location.segments, [name])
          await opened.close()
        }
        await handle.close()
      }
    }))

test('a file that is really called so is read', () =>
  withSandbox(async (root, sandbox) => {
    await writeFile(join(root, 'notes (deleted)'), 'notes')
    const entry = await openPath(sandbox, 'notes (deleted)')
    assert.ok(entry instanceof OpenEntry)
    await entry.close()
  }))

test('what was opened is read even after another file has taken its name', () =>
  withSandbox(async (root, sandbox) => {
    await writeFile(join(root, 'a'), 'approved')
    await writeFile(join(root, 'b'), 'exchanged')
    const entry = await openPath(sandbox, 'a')
    assert.ok(entry instanceof OpenEntry)
    await rename(join(root, 'b'), join(root, 'a'))
    const file = await entry.read()
    const bytes = Buffer.alloc(20)
    assert.equal(await file.read(bytes, 0, new AbortController().signal), 8)
    assert.equal(bytes.toString('utf8', 0, 8), 'approved')
    await file.close()
    await entry.close()
  }))

test('an open folder stays the same when a link takes its place', () =>
  withSandbox(async (root, sandbox) => {
    await mkdir(join(root, 'd'))
    await writeFile(join(root, 'd/inside'), '')
    const entry = await openPath(sandbox, 'd')
    assert.ok(entry instanceof OpenEntry)
    await rename(join(root, 'd'), join(root, 'moved'))
    await symlink('/etc', join(root, 'd'))
    const names: string[] = []
    for await (const name of entry.names(new AbortController().signal)) names.push(name)
    assert.deepEqual(names, ['inside'])
    assert.equal(await entry.lstat(rawPath('passwd')), 'vanished')
    assert.equal(await entry.follow(rawPath('passwd')), 'missing')
    await entry.close()
  }))

test('a subfolder is entered only if it is no link', () =>
  withSandbox(async (root, sandbox) => {
    await mkdir(join(root, 'd'))
    await symlink('d', join(root, 'l'))
    const top = await openPath(sandbox, '.')
    assert.ok(top instanceof OpenEntry)
    assert.equal(await top.enter(rawPath('l')), 'not-a-directory')
    const inner = await top.enter(rawPath('d'))
    assert.ok(inner instanceof OpenEntry)
    await inner.close()
    await top.close()
  }))

test('a root that is not there is an error of the backend, not of the path', () =>
  withSandbox(async (root, sandbox) => {
    await rm(root, { recursive: true })
    await assert.rejects(openPath(sandbox, 'a'), {
      code: 'UPSTREAM_UNREACHABLE',
      message: 'root "data" does not exist, or may not be entered',
    })
    await mkdir(root)
    assert.equal(await openPath(sandbox, 'a'), 'missing')
    await rm(root, { recursive: true })
    await writeFile(root, 'a file')
    await assert.rejects(
      withOpened(sandbox, { path: 'a' }, new AbortController().signal, async () => {}),
      { code: 'UPSTREAM_UNREACHABLE', message: 'root "data" is not a folder, or may not be entered' },
    )
  }))

test('bytes that cannot be shown are escaped, and only those are read back', () => {
  const raw = (bytes: string) => Buffer.from(bytes, 'latin1').toString('latin1') as ReturnType<typeof rawPath>
  assert.equal(show(rawPath('übung 😀.md')), 'übung 😀.md')
  assert.equal(show(raw('caf\xe9.txt')), 'caf\\xe9.txt')
  assert.equal(show(rawPath('a\tb\nc\x1b[31m')), 'a\\x09b\\x0ac\\x1b[31m')
  assert.equal(show(rawPath('x\u202etxt.exe')), 'x\\xe2\\x80\\xaetxt.exe')
  for (const name of [raw('caf\xe9.txt'), rawPath('a\tb\nc\x1b[31m'), rawPath('x\u202etxt.exe'), raw('\xff\xfe')]) {
    assert.equal(unshow(rawPath(show(name))), name)
  }
  for (const harmless of ['a', '\\x2e\\x2e', '\\x2f', '\\x00', '\\x41', '\\xZZ'])
    assert.equal(unshow(rawPath(harmless)), undefined)
})

test('the interpretations of a path are in order, and none of them leaves the root', () => {
  const roots = parseRoots(['data=/srv/data'])
  const segments = (path: string) => locate(roots, { path }).candidates.map(({ segments }) => segments.join('/'))
  assert.deepEqual(segments('a//b/./c/../d/'), ['a/b/d'])
  assert.deepEqual(segments(''), [''])
  assert.deepEqual(segments('/srv/data/a'), ['a'])
  assert.deepEqual(segments('/srv/data'), [''])
  assert.deepEqual(segments('data/a'), ['data/a', 'a'])
  assert.deepEqual(segments('u\u0308'), ['u\xcc\x88', '\xc3\xbc'])
  assert.deepEqual(segments('a\\xe9'), ['a\\xe9', 'a\xe9'])
  for (const path of ['..', 'a/../..', '../data']) assert.throws(() => locate(roots, { path }), { code: 'FORBIDDEN' }, path)
  // An absolute path in no root: its endings, the longest first, all of them below the root.
  assert.deepEqual(segments('/home/me/data/x'), ['home/me/data/x', 'me/data/x', 'data/x', 'x'])
  assert.deepEqual(segments('/srv/database/../../etc/passwd'), ['etc/passwd', 'passwd'])
  assert.deepEqual(segments('/mnt/data'), ['mnt/data', 'data', ''])
  assert.deepEqual(segments('/'), [''])
  assert.equal(locate(roots, { path: '/srv/data/a' }).isOutside, false)
  assert.equal(locate(roots, { path: '/srv/database' }).isOutside, true)
})
