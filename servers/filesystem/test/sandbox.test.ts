import assert from 'node:assert/strict'
import fs from 'node:fs'
import { link, mkdir, mkdtemp, open, readdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ToolError } from '../../../protocol/index.ts'
import { test } from '../../../test/runner/harness.ts'
import { parseDeny, parseRoots } from '../config.ts'
import { asyncOps, isLocal, O_PATH, syncOps } from '../lib/file-ops.ts'
import { locate, showLocation } from '../lib/location.ts'
import { withOpened } from '../lib/open-path.ts'
import { rawPath, show, unshow } from '../lib/raw-path.ts'
import { OpenEntry, type Origin, Sandbox } from '../lib/sandbox.ts'
import { withFiles } from './wire.ts'

async function withSandbox(work: (root: string, sandbox: Sandbox, from: Origin) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'sandbox-'))
  try {
    const roots = parseRoots([`data=${root}`])
    const sandbox = new Sandbox(roots, { deny: parseDeny(undefined), allowHidden: true, denyHardLinks: false })
    await work(root, sandbox, {
      location: { root: roots[0] as (typeof roots)[0], segments: [] },
      roots: roots.map((known) => ({ root: known, real: rawPath(root) })),
    })
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

const allOps = [
  ['asynchronous', asyncOps],
  ['synchronous', syncOps],
] as const

const noLocalFolder = isLocal(fs.realpathSync(tmpdir())) ? undefined : 'the temporary folder is not on a local file system'

const openPath = (sandbox: Sandbox, path: string) => {
  const [location] = locate(sandbox.roots, path).candidates
  assert.ok(location)
  return sandbox.open(location)
}

for (const [calls, ops] of allOps)
  test(`a deleted file is not checked by the name the kernel gives it then, with ${calls} calls`, () =>
    withSandbox(async (root, sandbox, from) => {
      await writeFile(join(root, 'x.pem'), 'secret')
      const handle = await open(join(root, 'x.pem'))
      try {
        await unlink(join(root, 'x.pem'))
        // The kernel now calls it `x.pem (deleted)`, which no pattern for *.pem matches.
        assert.equal(await sandbox.openChecked(() => ops.open(`/proc/self/fd/${handle.fd}`, O_PATH), from, ops), 'missing')
        await writeFile(join(root, 'x.pem (deleted)'), 'another file of that name')
        assert.equal(await sandbox.openChecked(() => ops.open(`/proc/self/fd/${handle.fd}`, O_PATH), from, ops), 'missing')
      } finally {
        await handle.close()
      }
    }))

for (const [calls, ops] of allOps)
  test(`a file that its name still leads to is checked by that name, with ${calls} calls`, () =>
    withSandbox(async (root, sandbox, from) => {
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
        const opened = await sandbox.openChecked(() => ops.open(`/proc/self/fd/${handle.fd}`, O_PATH), from, ops)
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
    const bytes = await entry.part(0, 20)
    assert.equal(bytes.toString(), 'approved')
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
    for await (const name of entry.names(new AbortController())) names.push(name)
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
      withOpened(sandbox, 'a', new AbortController(), async () => {}),
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
    assert.equal(unshow(rawPath(harmless)), harmless)
})

test('the interpretations of a path are in order, and none of them leaves the root', () => {
  const roots = parseRoots(['data=/srv/data'])
  const segments = (path: string) => locate(roots, path).candidates.map(({ segments }) => segments.join('/'))
  assert.deepEqual(segments('a//b/./c/../d/'), ['a/b/d'])
  assert.deepEqual(segments(''), [''])
  assert.deepEqual(segments('/srv/data/a'), ['a'])
  assert.deepEqual(segments('/srv/data'), [''])
  assert.deepEqual(segments('data/a'), ['data/a', 'a'])
  assert.deepEqual(segments('u\u0308'), ['u\xcc\x88', '\xc3\xbc'])
  assert.deepEqual(segments('a\\xe9'), ['a\\xe9', 'a\xe9'])
  for (const path of ['..', 'a/../..', '../data'])
    assert.throws(() => locate(roots, path), { code: 'FORBIDDEN', message: /\. Root: data$/ }, path)
  // An absolute path in no root: its endings, the longest first, all of them below the root.
  assert.deepEqual(segments('/home/me/data/x'), ['home/me/data/x', 'me/data/x', 'data/x', 'x'])
  assert.deepEqual(segments('/srv/database/../../etc/passwd'), ['etc/passwd', 'passwd'])
  assert.deepEqual(segments('/mnt/data'), ['mnt/data', 'data', ''])
  assert.deepEqual(segments('/'), [''])
  assert.equal(locate(roots, '/srv/data/a').isOutside, false)
  assert.equal(locate(roots, '/srv/database').isOutside, true)
})

test('limits of a path: 4,000 bytes, 256 levels, and names of 255 bytes, each of which may be escaped', () => {
  const roots = parseRoots(['data=/srv/data'])
  const level = (count: number): string => Array(count).fill('a').join('/')
  for (const [path, message] of [
    [level(256), undefined],
    [level(257), /at most 256 levels, got 257/],
    ['n'.repeat(1_020), undefined],
    ['n'.repeat(1_021), /has 1021 bytes/],
    [`a/${'é'.repeat(511)}`, /has 1022 bytes/],
    ['./'.repeat(2_000), undefined],
    [`${'./'.repeat(2_000)}a`, /at most 4000 bytes, got 4001/],
    [`${'é'.repeat(2_000)}/..`, /at most 4000 bytes, got 4003/],
    ['a\0', /NUL/],
  ] as const) {
    if (message === undefined) locate(roots, path)
    else assert.throws(() => locate(roots, path), { code: 'INVALID_ARGUMENT', message }, path.slice(0, 40))
  }
})

test('with several roots a path starts with a label, and an absolute one lies in the deepest root that holds it', () => {
  const roots = parseRoots(['all=/srv', 'data=/srv/data', 'logs=/var/log'])
  const found = (path: string) => {
    const { candidates, isOutside } = locate(roots, path)
    return [isOutside, ...candidates.map(({ root, segments }) => [root.label, ...segments].join('/'))]
  }
  for (const [path, ...expected] of [
    ['data/a', false, 'data/a'],
    ['logs', false, 'logs'],
    ['./logs/./b', false, 'logs/b'],
    ['/srv/data/a', false, 'data/a'],
    ['/srv/data', false, 'data'],
    ['/srv/data-old/a', false, 'all/data-old/a'],
    ['/srv/..data', false, 'all/..data'],
    ['/srv', false, 'all'],
    // The label of a root counts as a name: its root comes first.
    [
      '/home/logs/x',
      true,
      'all/home/logs/x',
      'data/home/logs/x',
      'logs/home/logs/x',
      'all/logs/x',
      'data/logs/x',
      'logs/logs/x',
      'logs/x',
      'all/x',
      'data/x',
    ],
    ['/mnt/data', true, 'all/mnt/data', 'data/mnt/data', 'logs/mnt/data', 'all/data', 'data/data', 'logs/data', 'data'],
    ['/', true, 'all', 'data', 'logs'],
  ] as const)
    assert.deepEqual(found(path), expected, path)
  for (const [path, says, retried] of [
    ['dta/a/b', /no root is named "dta"\. Roots: all, data, logs/, 'data/a/b'],
    ['zzz', /no root is named "zzz"/, 'all'],
    ['.', /no root is named "\."/, 'all'],
  ] as const)
    assert.throws(() => locate(roots, path), { code: 'NOT_FOUND', message: says, retry: { path: retried } }, path)
  for (const path of ['..', 'data/../..', '../srv/data'])
    assert.throws(() => locate(roots, path), { code: 'FORBIDDEN', message: /Roots: all, data, logs/ }, path)
})

test('a place is shown by its label where there are several roots, and never by a path of the host', () => {
  const [one, two] = [parseRoots(['data=/srv/data']), parseRoots(['data=/srv/data', 'logs=/var/log'])]
  const shown = (roots: typeof one, ...segments: string[]) =>
    showLocation(roots, { root: roots[0] as (typeof one)[0], segments: segments.map(rawPath) })
  assert.deepEqual([shown(one), shown(one, 'a', 'b')], ['.', 'a/b'])
  assert.deepEqual([shown(two), shown(two, 'a', 'b')], ['data', 'data/a/b'])
})

test('a name whose file is replaced again and again is opened eight times', () =>
  withSandbox(async (root, sandbox, from) => {
    await writeFile(join(root, 'x'), '')
    const handle = await open(join(root, 'x'))
    await unlink(join(root, 'x'))
    let opened = 0
    const counting = {
      ...syncOps,
      open: (...given: Parameters<typeof syncOps.open>) => {
        opened += 1
        return syncOps.open(...given)
      },
    }
    assert.equal(await sandbox.openChecked(() => counting.open(`/proc/self/fd/${handle.fd}`, O_PATH), from, counting), 'missing')
    assert.equal(opened, 8)
    await handle.close()
  }))

test('every outcome closes what it has opened', () =>
  withSandbox(async (root, sandbox) => {
    await mkdir(join(root, 'folder/inner'), { recursive: true })
    await mkdir(join(root, '.ssh'))
    for (const name of ['notes.txt', 'folder/app.yml', '.ssh/id', 'folder/inner/a']) await writeFile(join(root, name), 'a')
    await symlink('/etc/hostname', join(root, 'out'))
    await symlink('folder', join(root, 'link'))
    await symlink('nowhere', join(root, 'broken'))
    const never = new AbortController()
    const paths = [
      ...['notes.txt', 'folder', 'link/app.yml', 'out', 'out/x', 'broken', 'broken/x', '.ssh/id', '.ssh/none', 'notes.txt/x'],
      ...[
        'note.txt',
        'foldr/app.yml',
        'folder/ap.yml',
        'foldr/ap.yml',
        'foldr/inner/a',
        'zzz',
        'folder/zzz/yyy',
        'folder/inner/zzz',
      ],
      ...['/home/me/notes.txt', '/home/me/note.txt', '/home/me/zzz', '/', `${root}/folder/ap.yml`],
    ]
    const attempt = (path: string, fails: boolean) =>
      withOpened(sandbox, path, never, async ({ entry }) => {
        if (fails) throw new Error('while it was open')
        for await (const name of entry.names(never)) {
          const kept = [await entry.enter(name), await entry.follow(name)]
          for (const each of kept) if (each instanceof OpenEntry) await each.close()
        }
      }).catch(() => {})
    const descriptors = async (): Promise<number> => (await readdir('/proc/self/fd')).length
    for (const path of paths) await attempt(path, false)
    await delay(150) // from then on the roots are resolved again for what is missing
    const before = await descriptors()
    for (const path of paths) {
      for (const fails of [false, true]) await attempt(path, fails)
      assert.equal(await descriptors(), before, path)
    }
  }))

test('five similar names are offered, first the one that differs only in case, and none that may not be read', () =>
  withSandbox(async (root, sandbox) => {
    const names = [
      'report1.txt',
      'report2.txt',
      'report3.txt',
      'report4.txt',
      'report5.txt',
      'report6.txt',
      'REPORT.TXT',
      'report.pem',
    ]
    for (const name of names) await writeFile(join(root, name), '')
    const failure = await withOpened(sandbox, 'report.txt', new AbortController(), async () => {}).catch((error) => error)
    assert.equal(failure.code, 'NOT_FOUND')
    assert.match(failure.message, /Nearby: REPORT\.TXT, report1\.txt, report2\.txt, report3\.txt, report4\.txt$/)
    assert.deepEqual(failure.retry, { path: 'REPORT.TXT' })
  }))

test('what is offered for a misspelled folder, a misspelled name in it, both, and one word of a name', () =>
  withSandbox(async (root, sandbox) => {
    await mkdir(join(root, 'config/deep'), { recursive: true })
    await mkdir(join(root, 'settings'))
    for (const name of ['config/app.yml', 'config/app.yaml', 'config/other.txt', 'config/deep/list.csv', 'orders_old'])
      await writeFile(join(root, name), '')
    for (const name of ['one.txt', 'one1.txt', 'one2.txt']) await writeFile(join(root, 'settings', name), '')
    for (const store of ['store1', 'store2', 'store3']) {
      await mkdir(join(root, store))
      for (const name of ['a.txt', 'b.txt']) await writeFile(join(root, store, name), '')
    }
    for (const [path, nearby, offered] of [
      ['conf/app.yml', 'config/app.yml', 'config/app.yml'],
      ['config/ap.yml', 'config/app.yml, config/app.yaml', 'config/app.yml'],
      ['confg/ap.yml', 'config/app.yml, config/app.yaml', 'config/app.yml'],
      ['confg/deep/list.csv', 'config/deep/list.csv', 'config/deep/list.csv'],
      ['confg/dep/list.csv', 'config', 'config'],
      ['oders', 'orders_old', 'orders_old'],
      ['store/c.txt', 'store1/a.txt, store1/b.txt, store2/a.txt, store2/b.txt, store3/a.txt', 'store1/a.txt'],
      ['setings/on.txt', 'settings/one.txt, settings/one1.txt', 'settings/one.txt'],
    ] as const) {
      const failure = await withOpened(sandbox, path, new AbortController(), async () => {}).catch((error) => error)
      assert.equal(failure.code, 'NOT_FOUND')
      assert.ok(failure.message.endsWith(`. Nearby: ${nearby}`), failure.message)
      assert.deepEqual(failure.retry, { path: offered })
    }
  }))

test('of an absolute path in no root, what is like its last name is offered, and the listing where nothing is', () =>
  withSandbox(async (root, sandbox) => {
    await writeFile(join(root, 'orders.csv'), '')
    for (const [path, retry, hint] of [
      ['/home/me/oders.csv', { path: 'orders.csv' }, undefined],
      ['/oders.csv', { path: 'orders.csv' }, undefined],
      ['/home/me/zzz', undefined, /list_directory/],
    ] as const) {
      const failure = await withOpened(sandbox, path, new AbortController(), async () => {}).catch((error) => error)
      assert.equal(failure.code, 'FORBIDDEN')
      assert.deepEqual(failure.retry, retry)
      if (hint !== undefined) assert.match(failure.hint, hint)
    }
  }))

test('where a folder may not be listed no name of it is offered; another error is not hidden', () =>
  withSandbox(async (_root, sandbox) => {
    for (const [error, expected] of [
      [new ToolError('FORBIDDEN', 'not listed'), /outside of what this server may read/],
      [new TypeError('a mistake'), /a mistake/],
    ] as const) {
      Object.assign(sandbox, { use: () => Promise.reject(error) })
      const opening = withOpened(sandbox, '/home/me/none', new AbortController(), async () => {})
      await assert.rejects(opening, { message: expected })
    }
  }))

test('the signal of a call is made only when its path does not exist as it is written', () =>
  withSandbox(async (root, sandbox) => {
    await writeFile(join(root, 'a'), '')
    const context = {
      get signal(): AbortSignal {
        throw new Error('made')
      },
    }
    await withOpened(sandbox, 'a', context, async () => {})
    const opening = withOpened(sandbox, '/home/me/a', context, async () => {})
    await assert.rejects(opening, { message: 'made' })
  }))

test('a path is repeated with 300 characters', () =>
  withSandbox(async (_root, sandbox) => {
    const path = 'a/'.repeat(149)
    for (const [asked, shown] of [
      [`${path}bc`, `${path}bc" not found`],
      [`${path}bcd`, `${path}bc…`],
    ] as const) {
      const failure = await withOpened(sandbox, asked, new AbortController(), async () => {}).catch((error) => error)
      assert.ok(failure.message.startsWith(`"${shown}`), failure.message)
    }
  }))

test('the rules of an inner root hold although it was not resolved in time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-'))
  try {
    await mkdir(join(folder, 'v1/private'), { recursive: true })
    await symlink('v1', join(folder, 'current'))
    await writeFile(join(folder, 'v1/private/key.txt'), 'secret')
    const roots = parseRoots([`all=${folder}`, `current=${folder}/current`])
    const rules = { deny: parseDeny('private/**'), allowHidden: true, denyHardLinks: false }
    for (let i = 0; i < 3; i++) {
      const sandbox = new Sandbox(roots, rules)
      const opened = openPath(sandbox, 'all/v1/private/key.txt')
      // Longer than other roots are waited for: when the event loop goes on, the time is over and the answer is there.
      const end = performance.now() + 200
      while (performance.now() < end);
      assert.equal(await opened, 'denied')
      assert.equal(await openPath(sandbox, 'all/v1/private/key.txt'), 'denied')
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a root that is a file is opened as such', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-'))
  try {
    await writeFile(join(folder, 'single.txt'), 'text')
    const sandbox = new Sandbox(parseRoots([`single=${folder}/single.txt`]), {
      deny: parseDeny(undefined),
      allowHidden: true,
      denyHardLinks: false,
    })
    const opened = await openPath(sandbox, '.')
    assert.ok(opened instanceof OpenEntry)
    assert.equal(opened.kind, 'file')
    await opened.close()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test.unless(noLocalFolder)('in a large folder other work has a turn after each 512 names, and an aborted call ends there', () =>
  withSandbox(async (root, sandbox) => {
    for (let i = 0; i < 3_000; i++) fs.writeFileSync(join(root, `${i}`), '')
    const folder = await openPath(sandbox, '.')
    assert.ok(folder instanceof OpenEntry)
    const abort = new AbortController()
    let [turns, names] = [0, 0]
    let counting = true
    const count = (): void => {
      turns += 1
      if (counting) setImmediate(count)
    }
    setImmediate(count)
    for await (const _ of folder.names(abort)) names += 1
    counting = false
    assert.equal(names, 3_000)
    assert.ok(turns >= 4 && turns <= 12, `${turns} turns`)
    const listing = async () => {
      for await (const _ of folder.names(abort)) if (++names === 3_010) abort.abort(new Error('gone'))
    }
    await assert.rejects(listing(), { message: 'gone' })
    assert.ok(names > 3_400 && names < 3_600, `${names}`)
    await folder.close()
  }),
)

test('a root that does not answer is waited for by who asks for it; others use its last path after 100 ms', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-'))
  const { native } = fs.realpath
  /** The answers that are held back. */
  const held: (() => void)[] = []
  let asks = 0
  const warnings: Error[] = [] // newer versions of Node warn of a negative time to wait
  const warned = (warning: Error): unknown => warnings.push(warning)
  process.on('warning', warned)
  const answerAfter = (ms: number) =>
    Object.assign(fs.realpath, {
      native: (path: string, encoding: 'latin1', done: (error: Error | null, path: string) => void) => {
        asks += 1
        const answer = () => native(path, encoding, done)
        if (Number.isFinite(ms)) setTimeout(answer, ms)
        else held.push(answer)
      },
    })
  try {
    for (const name of ['docs', 'v1']) await mkdir(join(folder, name))
    await writeFile(join(folder, 'v1/a.txt'), 'a')
    await symlink('v1', join(folder, 'current')) // a root that is a link is resolved asynchronously
    await symlink('../v1/a.txt', join(folder, 'docs/cross'))
    const rules = { deny: parseDeny(undefined), allowHidden: true, denyHardLinks: false }
    const sandbox = new Sandbox(parseRoots([`docs=${folder}/docs`, `current=${folder}/current`]), rules)
    const openCross = async () => {
      const started = performance.now()
      const entry = await openPath(sandbox, 'docs/cross')
      assert.ok(entry instanceof OpenEntry, String(entry))
      assert.equal(entry.location.root.label, 'current')
      await entry.close()
      return performance.now() - started
    }
    answerAfter(40)
    await openCross()
    await openCross()
    assert.equal(asks, 1)
    await delay(1_050) // real paths are used for a second
    answerAfter(Number.POSITIVE_INFINITY)
    assert.ok((await openCross()) > 50)
    await delay(1_050)
    assert.ok((await openCross()) < 1_000)
    await delay(1_050)
    const asked = openPath(sandbox, 'current/a.txt')
    assert.equal(await Promise.race([asked, delay(300, 'waiting')]), 'waiting')
    assert.deepEqual(warnings, [])
    assert.equal(held.length, 1) // one thread of the process for the root, however many calls there are
    held[0]?.()
    const entry = await asked
    assert.ok(entry instanceof OpenEntry)
    await entry.close()
  } finally {
    process.off('warning', warned)
    Object.assign(fs.realpath, { native })
    await rm(folder, { recursive: true })
  }
})

test.unless(noLocalFolder)('no synchronous call touches a file system that may not answer, nor reads a large file', () =>
  withFiles(async (folder, wire) => {
    const root = join(folder, 'root')
    const mount = join(root, 'mount')
    for (const name of ['mount/inner', 'local/inner']) await mkdir(join(root, name), { recursive: true })
    for (const name of ['file', 'mount/file', 'mount/inner/file', 'local/inner/file']) await writeFile(join(root, name), 'text')
    await writeFile(join(root, 'small'), 'x'.repeat(256 * 1024))
    await writeFile(join(root, 'large'), 'x'.repeat(256 * 1024 + 1))
    const { readFileSync, openSync, lstatSync, readdirSync, opendirSync } = fs
    const { open, read } = syncOps
    const touched = new Set<string>()
    const real = (path: fs.PathOrFileDescriptor): string =>
      String(path).replace(/^\/proc\/self\/fd\/\d+/, (link) => fs.readlinkSync(link))
    const noting =
      <A extends [fs.PathLike, ...never[]], R>(call: (...given: A) => R) =>
      (...given: A): R => {
        touched.add(real(given[0]))
        return call(...given)
      }
    const readByDescriptor = new Set<string>()
    Object.assign(fs, {
      readFileSync: (path: string, encoding: 'latin1') => {
        const content = readFileSync(path, encoding)
        return path === '/proc/self/mountinfo' ? `${content}99 1 0:99 / ${mount} rw - fuse.sshfs remote rw\n` : content
      },
      openSync: noting(openSync),
      lstatSync: noting(lstatSync as never),
      readdirSync: noting(readdirSync as never),
      opendirSync: noting(opendirSync),
    })
    Object.assign(syncOps, {
      open: noting(open),
      read: (...part: Parameters<typeof read>) => {
        readByDescriptor.add(real(`/proc/self/fd/${part[0]}`))
        return read(...part)
      },
    })
    syncBuiltinESMExports()
    try {
      await delay(1_050) // the list of mounts is used for a second
      const listed = await wire.call('list_directory', { recursive: true })
      assert.match(listed.text, /: 10 entries; 6 files/)
      for (const path of ['file', 'mount/file', 'local/inner/file', 'small', 'large'])
        assert.match((await wire.call('read_file', { path })).data, /^(text$|xxx)/)
      assert.deepEqual(
        [...touched, ...readByDescriptor].filter((path) => path.startsWith(mount)),
        [],
      )
      for (const path of ['', '/file', '/local', '/local/inner', '/local/inner/file']) assert.ok(touched.has(root + path), path)
      assert.deepEqual(
        [...readByDescriptor].sort(),
        ['/file', '/local/inner/file', '/small'].map((path) => root + path),
      )
    } finally {
      Object.assign(fs, { readFileSync, openSync, lstatSync, readdirSync, opendirSync })
      Object.assign(syncOps, { open, read })
      syncBuiltinESMExports()
    }
  }),
)
