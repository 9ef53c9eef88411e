import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { chmod, mkdtemp, rm, symlink, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from '../../../test/runner/harness.ts'
import { parseDeny, parseRoots } from '../config.ts'
import { OpenEntry, Sandbox } from '../lib/sandbox.ts'
import { Walk } from '../lib/walk.ts'
import { make, namesOf, withFiles, withWire } from './wire.ts'

test('what vanishes while it is listed is left out, and nothing stays open', () =>
  withFiles(async (folder) => {
    const root = join(folder, 'root')
    await make(root, Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d${i}/f`, 1])))
    const sandbox = new Sandbox(parseRoots([root]), { deny: parseDeny(undefined), allowHidden: true, denyHardLinks: false })
    const before = readdirSync('/proc/self/fd').length
    const top = await sandbox.open({ root: sandbox.roots[0] as (typeof sandbox.roots)[0], segments: [] })
    assert.ok(top instanceof OpenEntry)
    const walk = new Walk(sandbox, {
      levels: 5,
      showHidden: false,
      matches: () => true,
      maxVisited: 20_000,
      maxMs: 10_000,
      context: new AbortController(),
    })
    let seen = 0
    let most = 0
    for await (const { segments } of walk.entries(top, undefined)) {
      most = Math.max(most, readdirSync('/proc/self/fd').length - before)
      if (++seen === 1) await rm(root, { recursive: true })
      assert.ok(segments.length > 0)
    }
    assert.ok(seen >= 1 && seen <= 66, `${seen}`) // what was looked up together with the first, and no more
    assert.equal(walk.incomplete, undefined)
    await top.close()
    assert.ok(most <= 8, `${most} descriptors at once`)
    assert.equal(readdirSync('/proc/self/fd').length, before)
  }))

test('a deep listing holds at most eight descriptors, also when it ends early', () =>
  withFiles(async (folder) => {
    const root = join(folder, 'root')
    await make(root, { 'a/b/c/d/e': 1 })
    await symlink('e', join(root, 'a/b/c/d/link'))
    const sandbox = new Sandbox(parseRoots([root]), { deny: parseDeny(undefined), allowHidden: true, denyHardLinks: false })
    const before = readdirSync('/proc/self/fd').length
    for (const stopAt of [1, 3, 5, 99]) {
      const top = await sandbox.open({ root: sandbox.roots[0] as (typeof sandbox.roots)[0], segments: [] })
      assert.ok(top instanceof OpenEntry)
      const options = {
        levels: 5,
        showHidden: true,
        matches: () => true,
        maxVisited: 99,
        maxMs: 10_000,
        context: new AbortController(),
      }
      let seen = 0
      for await (const _ of new Walk(sandbox, options).entries(top, undefined)) {
        assert.ok(readdirSync('/proc/self/fd').length - before <= 8)
        if (++seen === stopAt) break
      }
      await top.close()
      assert.equal(readdirSync('/proc/self/fd').length, before)
    }
  }))

test('what the permissions refuse is an error that says so, or an entry', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'filesystem-'))
  await make(folder, { 'closed/f': 1, 'unlisted/f': 1, 'unentered/f': 1, secret: 1, open: 1 })
  await truncate(join(folder, 'open'), 1)
  const isRoot = process.geteuid?.() === 0
  for (const [name, mode] of [
    ['closed', 0o000],
    ['unlisted', 0o311],
    ['unentered', 0o444],
    ['secret', 0o000],
    ['.', 0o755],
  ] as const) {
    await chmod(join(folder, name), mode)
  }
  if (isRoot) process.seteuid?.(65_534) // root may read everything, so it becomes nobody for the time of the test
  try {
    await withWire({ config: { FS_ROOTS: [folder] } }, async (wire) => {
      const refusals: [tool: string, path: string, text: RegExp][] = [
        ['read_file', 'secret', /^ERROR FORBIDDEN: its permissions do not let this server read it\.$/],
        ['read_file', 'closed/f', /^ERROR FORBIDDEN: "closed\/f" lies in a folder whose permissions/],
        ['read_file', 'closed/none', /^ERROR FORBIDDEN: "closed\/none" lies in a folder whose permissions/],
        ['list_directory', 'closed', /^ERROR FORBIDDEN: its permissions/],
        ['list_directory', 'unlisted', /^ERROR FORBIDDEN: its permissions/],
        ['read_file', 'unlisted/g', /^ERROR NOT_FOUND: "unlisted\/g" not found/],
      ]
      for (const [tool, path, text] of refusals) assert.match((await wire.call(tool, { path })).text, text)
      assert.equal((await wire.call('read_file', { path: 'unlisted/f' })).data, 'x')
      assert.match((await wire.call('list_directory', { path: 'unentered' })).data, /^f\tunknown$/m)
      const all = await wire.call('list_directory', { recursive: true })
      assert.deepEqual(namesOf(all), ['closed', 'open', 'secret', 'unentered', 'unentered/f', 'unlisted'])
      await assert.doesNotReject(wire.backend.probe(new AbortController().signal))
    })
  } finally {
    if (isRoot) process.seteuid?.(0)
    for (const name of ['closed', 'unlisted', 'unentered']) await chmod(join(folder, name), 0o755)
    await rm(folder, { recursive: true })
  }
})
