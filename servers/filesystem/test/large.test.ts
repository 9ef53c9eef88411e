// Files larger than memory (sparse ones, so they cost no disk), and files that change while they are read.
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync, truncateSync } from 'node:fs'
import { open, readdir, rename, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ToolResult } from '../../../protocol/index.ts'
import { ToolError } from '../../../protocol/index.ts'
import { environmentOf } from '../../../test/helpers/tool-client.ts'
import { test } from '../../../test/runner/harness.ts'
import { readFileTool } from '../tools/read-file.ts'
import { contextOf, type Wire, withFiles } from './wire.ts'

const MiB = 1024 * 1024
const GiB = 1024 * MiB

/** A file of this size with text at some places and zeros everywhere else. */
async function sparse(path: string, size: number, pieces: readonly [at: number, text: string][]): Promise<void> {
  const file = await open(path, 'w')
  await file.truncate(size)
  for (const [at, text] of pieces) await file.write(text, at)
  await file.close()
}

/** 2,000 lines at the beginning, then one in every `step` bytes and at the very end. Gives back how many there are. */
async function sparseLog(path: string, size: number, step: number): Promise<number> {
  let lines = 2_000
  const pieces: [number, string][] = [[0, Array.from({ length: lines }, (_, i) => `line ${i + 1}\n`).join('')]]
  for (let at = step; at < size; at += step) pieces.push([at, `\nline ${(lines += 2)}\n`])
  const end = `\nline ${(lines += 2)}\n`
  pieces.push([size - end.length, end])
  await sparse(path, size, pieces)
  return lines
}

function handle(
  { backend }: Wire,
  args: { path: string; tail?: number; offset?: number; limit?: number; encoding?: 'utf-8' },
  signal: AbortSignal,
  onProgress?: () => void,
) {
  const { handler } = readFileTool(backend, environmentOf())
  return handler(
    { encoding: 'auto', line_numbers: false, ...args },
    contextOf(signal, () => onProgress?.()),
  ) as Promise<ToolResult<object>>
}

function textOf(result: { content?: unknown }): string {
  return (result.content as { text: string }[])[0]?.text ?? ''
}

test('the beginning and the end of a 31 GiB log are read at once', () =>
  withFiles(async (folder, wire) => {
    const lines = await sparseLog(join(folder, 'root/log'), 31 * GiB, 32 * MiB)
    const before = process.memoryUsage().rss
    const started = performance.now()
    const head = await wire.call('read_file', { path: 'log', limit: 2 })
    assert.match(head.text, /^log: lines 1-2, 31\.0 GiB, modified /)
    assert.equal(head.data, 'line 1\nline 2')
    assert.deepEqual(head.next, { path: 'log', offset: 3, limit: 2 })
    const tail = await wire.call('read_file', { path: 'log', tail: 1, line_numbers: true })
    assert.match(tail.text, /^log: lines -1 to -1, counted from the end, 31\.0 GiB, modified /)
    assert.equal(tail.data, `-1\tline ${lines}`)
    assert.deepEqual(tail.next, { path: 'log', tail: 2, limit: 1, line_numbers: true })
    assert.ok(performance.now() - started < 5_000)
    assert.ok(process.memoryUsage().rss - before < 64 * MiB)
  }))

test(
  'a line far into a 2 GiB file is found in constant memory',
  () =>
    withFiles(
      async (folder, wire) => {
        const lines = await sparseLog(join(folder, 'root/log'), 2 * GiB, 32 * MiB)
        await wire.call('read_file', { path: 'log', limit: 1 })
        const before = process.memoryUsage().rss
        const answer = await wire.call('read_file', { path: 'log', offset: lines })
        assert.equal(answer.data, `line ${lines}`)
        assert.equal(answer.meta.truncated, false)
        assert.match(answer.text, new RegExp(`^log: lines ${lines}-${lines} of ${lines},`))
        assert.ok(process.memoryUsage().rss - before < 64 * MiB)
      },
      { limits: { searchMs: 100_000 } },
    ),
  { timeoutMs: 120_000 },
)

test('a search that takes too long goes on where it stopped, and the next page is not searched for', () =>
  withFiles(
    async (folder, wire) => {
      // Without any time, each call reads one buffer, and there is a line's start in each.
      const lines = await sparseLog(join(folder, 'root/log'), 16 * MiB, 32 * 1024)
      const last = { path: 'log', offset: lines, encoding: 'utf-8' }
      const places: number[] = []
      let answer = await wire.call('read_file', last)
      for (; answer.isError; answer = await wire.call('read_file', last)) {
        const place = /^ERROR TIMEOUT: the search came to line (\d+) \(.* of 16\.0 MiB\) in 0 ms\. TRY: the same call again/.exec(
          answer.text,
        )
        assert.ok(Number(place?.[1]) > (places.at(-1) ?? 0), answer.text)
        places.push(Number(place?.[1]))
      }
      assert.ok(places.length > 10)
      assert.equal(answer.data, `line ${lines}`)
      assert.equal((await wire.call('read_file', last)).data, `line ${lines}`)
      assert.match(
        (await wire.call('read_file', { path: 'log', limit: 1, encoding: 'utf-8' })).text,
        new RegExp(`^log: lines 1-1 of ${lines},`),
      )
    },
    { limits: { searchMs: 0, settledMs: 0 } },
  ))

test('an endless line is given up, and the result says so', () =>
  withFiles(
    async (folder, wire) => {
      await sparse(join(folder, 'root/log'), 4 * GiB, [[0, `one\n${'x'.repeat(9_000)}`]])
      const answer = await wire.call('read_file', { path: 'log' })
      assert.match(answer.data, /^one\nx{2000}…\[\+\d+ bytes\]$/)
      assert.equal(answer.meta.truncated, true)
      assert.match(answer.text, /^NOTE: the last line goes on for longer than there was time to search$/m)
    },
    { limits: { searchMs: 0 } },
  ))

test('what is remembered of a file is forgotten when it changes', () =>
  withFiles(
    async (folder, wire) => {
      const path = join(folder, 'root/a')
      for (const lines of [1_000, 900, 1_100]) {
        await writeFile(path, Array.from({ length: lines }, (_, i) => `${lines}:${i + 1}\n`).join(''))
        for (let turn = 0; turn < 2; turn++) {
          const answer = await wire.call('read_file', { path: 'a', offset: 501, limit: 1 })
          assert.equal(answer.data, `${lines}:501`)
          assert.match(answer.text, new RegExp(`^a: lines 501-501 of ${lines},`))
        }
      }
    },
    { limits: { settledMs: 0 } },
  ))

test('a file that was changed a moment ago is not remembered', () =>
  withFiles(async (folder, wire) => {
    await writeFile(join(folder, 'root/a'), 'a\nb\n')
    await wire.call('read_file', { path: 'a', limit: 1 })
    const { lineIndex } = wire.backend
    const facts = await stat(join(folder, 'root/a'), { bigint: true })
    assert.equal(lineIndex.of(facts, 'auto', 0).totalLines, undefined)
    lineIndex.of(facts, 'auto', 60_000).totalLines = 7
    assert.equal(lineIndex.of(facts, 'auto', 0).totalLines, undefined)
    lineIndex.of(facts, 'auto', 0).totalLines = 7
    assert.equal(lineIndex.of(facts, 'auto', 0).totalLines, 7)
  }))

/** Two lines of 100 MiB, so that a search in the second makes progress before it comes to its end. */
async function twoLong(path: string): Promise<void> {
  await sparse(path, 200 * MiB, [
    [0, 'first'],
    [100 * MiB, '\nsecond'],
    [200 * MiB - 5, '\nend\n'],
  ])
}

test('a file that is replaced while it is read is read as it was', () =>
  withFiles(async (folder, wire) => {
    await twoLong(join(folder, 'root/a'))
    await writeFile(join(folder, 'root/b'), 'REPLACED\n'.repeat(100))
    let replaced: Promise<void> | undefined
    const result = await handle(wire, { path: 'a', offset: 3, encoding: 'utf-8' }, new AbortController().signal, () => {
      replaced ??= rename(join(folder, 'root/b'), join(folder, 'root/a'))
    })
    assert.notEqual(replaced, undefined)
    await replaced
    assert.match(textOf(result), /^a: lines 3-3 of 3, 200 MiB/)
    assert.match(textOf(result), /\nend\n/)
    assert.ok(!textOf(result).includes('REPLACED'))
    assert.match((await wire.call('read_file', { path: 'a', limit: 1 })).data, /^REPLACED$/)
  }))

test('a file that is truncated while it is read ends where it ends', () =>
  withFiles(async (folder, wire) => {
    const path = join(folder, 'root/a')
    await twoLong(path)
    let truncated: Promise<void> | undefined
    const result = await handle(wire, { path: 'a', offset: 2, encoding: 'utf-8' }, new AbortController().signal, () => {
      truncated ??= truncate(path, 100 * MiB + 7)
    })
    assert.notEqual(truncated, undefined)
    await truncated
    assert.match(textOf(result), /^a: lines 2-2 of 2,/)
    assert.match(textOf(result), /\nsecond\n/)
    assert.match(textOf(result), /^NOTE: the file changed while it was read$/m)
  }))

test('a hole that is truncated to less than a sample before it is read is described', () =>
  withFiles(async (folder, { backend }) => {
    const path = join(folder, 'root/a')
    await writeFile(path, Buffer.alloc(5_000))
    const annotate = (): void => truncateSync(path, 100)
    const context = { ...contextOf(new AbortController().signal), annotate }
    const args = { path: 'a', encoding: 'auto', line_numbers: false } as const
    const result = (await readFileTool(backend, environmentOf()).handler(args, context)) as ToolResult<object>
    assert.match(textOf(result), /^a: not text but application/)
  }))

test('a file that grows while it is read is read up to its first size', () =>
  withFiles(async (folder, wire) => {
    const path = join(folder, 'root/a')
    await twoLong(path)
    let grown: Promise<void> | undefined
    const result = await handle(wire, { path: 'a', offset: 3, encoding: 'utf-8' }, new AbortController().signal, () => {
      grown ??= open(path, 'a').then(async (file) => {
        await file.write('GROWN\n')
        await file.close()
      })
    })
    await grown
    assert.match(textOf(result), /\nend\n/)
    assert.ok(!textOf(result).includes('GROWN'))
    assert.match(textOf(result), /^NOTE: the file changed while it was read$/m)
  }))

/** Files and folders that are open, without sockets and pipes. */
const openFiles = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path.startsWith('/') && !/^\/(dev|proc)\//.test(path) ? [path] : []
    } catch {
      return [] // the descriptor of this listing
    }
  })

test('a call that is aborted while it reads leaves no descriptor open', () =>
  withFiles(async (folder, wire) => {
    await sparse(join(folder, 'root/a'), 8 * GiB, [[0, 'text\n']])
    const before = openFiles().length
    for (const args of [{ offset: 5 }, { tail: 5 }, { limit: 5 }]) {
      const abort = new AbortController()
      const reason = new ToolError('CANCELLED', 'gone')
      const reading = handle(wire, { path: 'a', encoding: 'utf-8', ...args }, abort.signal, () => abort.abort(reason))
      if (args.offset === undefined) abort.abort(reason) // nothing to wait for: these are answered before any progress
      await assert.rejects(reading, (error) => error === reason)
      assert.equal(openFiles().length, before)
    }
  }))

test('a call that is cancelled over the wire stops reading', () =>
  withFiles(async (folder, wire) => {
    await sparse(join(folder, 'root/a'), 512 * GiB, [[0, 'text\n']])
    await writeFile(join(folder, 'root/b'), 'b')
    await wire.call('read_file', { path: 'b' })
    const before = openFiles().length
    const running = wire.start('read_file', { path: 'a', offset: 5, encoding: 'utf-8' })
    while (openFiles().length < before + 2) await readdir(folder) // until both of its descriptors are open
    await running.cancel()
    while (openFiles().length > before + 1) await readdir(folder) // the client's connection may stay open
    assert.equal((await wire.call('read_file', { path: 'b' })).data, 'b')
  }))

test('after errors of every kind no descriptor is open', () =>
  withFiles(async (folder, wire) => {
    await writeFile(join(folder, 'root/a'), 'x\n')
    await symlink('/etc/passwd', join(folder, 'root/out'))
    await symlink('.env', join(folder, 'root/denied'))
    await writeFile(join(folder, 'root/.env'), '')
    await wire.call('read_file', { path: 'a' })
    const before = openFiles().length
    for (const args of [
      { path: 'out' },
      { path: 'denied' },
      { path: 'a', offset: 9 },
      { path: 'none' },
      { path: 'a/b' },
      { path: '.' },
      { path: '.env' },
      { path: '..' },
    ]) {
      assert.equal((await wire.call('read_file', args)).isError, true)
    }
    await wire.call('list_directory', { path: 'a' })
    await wire.call('list_directory', { cursor: 'x' })
    assert.equal(openFiles().length, before)
  }))
