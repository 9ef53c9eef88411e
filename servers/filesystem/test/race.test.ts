// Another process exchanges a link as fast as it can while files are read through it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { environmentOf } from '../../../test/helpers/tool-client.ts'
import { test } from '../../../test/runner/harness.ts'
import { listDirectoryTool } from '../tools/list-directory.ts'
import { readFileTool } from '../tools/read-file.ts'
import { contextOf, withFiles } from './wire.ts'

/** Replaces `link` by a link to each target in turn, atomically, until it is killed; says so when it has begun. */
const flipper = `
const { renameSync, symlinkSync } = require('node:fs')
const [link, ...targets] = process.argv.slice(1)
for (let i = 0; ; i++) {
  symlinkSync(targets[i % targets.length], link + '.next')
  renameSync(link + '.next', link)
  if (i === 10) process.stdout.write('flipping')
  if (i > 1e8) process.exit()
}`

interface Outcomes {
  inside: number
  refused: number
  leaked: number
  other: string[]
}

/** Four readers at once for three seconds. */
async function race(folder: string, targets: [string, string], attempt: () => Promise<string>): Promise<Outcomes> {
  const child = spawn(process.execPath, ['-e', flipper, join(folder, 'root/link'), ...targets], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const outcomes: Outcomes = { inside: 0, refused: 0, leaked: 0, other: [] }
  try {
    await once(child.stdout, 'data')
    const end = performance.now() + 3_000
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        while (performance.now() < end) {
          const text = await attempt()
          if (text.includes('OUTSIDE')) outcomes.leaked += 1
          else if (text.includes('INSIDE')) outcomes.inside += 1
          else if (text.startsWith('ERROR FORBIDDEN: "link')) outcomes.refused += 1
          else outcomes.other.push(text)
        }
      }),
    )
  } finally {
    child.kill('SIGKILL')
    await once(child, 'close')
  }
  if (process.env.RACE_FIGURES !== undefined) console.error(outcomes)
  return outcomes
}

async function textOf(call: unknown): Promise<string> {
  try {
    return JSON.stringify(((await call) as { content: unknown }).content)
  } catch (error) {
    return (error as { text?: string }).text ?? String(error)
  }
}

/** Both kinds of target were met, or it was no race. */
function assertSealed({ inside, refused, leaked, other }: Outcomes): void {
  assert.equal(leaked, 0)
  assert.deepEqual([...new Set(other)], [])
  assert.ok(inside > 50 && refused > 50, `no race: ${inside} inside, ${refused} refused`)
}

test('a link to a file that is exchanged all the time leads outside never', () =>
  withFiles(async (folder, { backend }) => {
    await writeFile(join(folder, 'root/file'), 'INSIDE')
    await writeFile(join(folder, 'file'), 'OUTSIDE')
    const { signal } = new AbortController()
    const args = { path: 'link', encoding: 'auto', line_numbers: false } as const
    const outcomes = await race(folder, ['file', '../file'], () =>
      textOf(readFileTool(backend, environmentOf()).handler(args, contextOf(signal))),
    )
    assertSealed(outcomes)
  }))

test('a link to a folder on the way that is exchanged all the time leads outside never', () =>
  withFiles(async (folder, { backend }) => {
    for (const [name, content] of [
      ['root/dir', 'INSIDE'],
      ['dir', 'OUTSIDE'],
    ] as const) {
      await mkdir(join(folder, name))
      await writeFile(join(folder, name, 'file'), content)
    }
    const { signal } = new AbortController()
    const args = { path: 'link/file', encoding: 'auto', line_numbers: false } as const
    const outcomes = await race(folder, ['dir', '../dir'], () =>
      textOf(readFileTool(backend, environmentOf()).handler(args, contextOf(signal))),
    )
    assertSealed(outcomes)
  }))

test('a listed folder that is exchanged all the time shows no name from outside', () =>
  withFiles(async (folder, { backend }) => {
    await mkdir(join(folder, 'root/dir/INSIDE-1'), { recursive: true })
    await mkdir(join(folder, 'dir/OUTSIDE-1'), { recursive: true })
    await writeFile(join(folder, 'root/dir/INSIDE-1/INSIDE-2'), '')
    await writeFile(join(folder, 'dir/OUTSIDE-1/OUTSIDE-2'), '')
    const { signal } = new AbortController()
    const args = { path: 'link', recursive: true, sort: 'name', show_hidden: true, limit: 200 } as const
    const outcomes = await race(folder, ['dir', '../dir'], () =>
      textOf(listDirectoryTool(backend, environmentOf()).handler(args, contextOf(signal))),
    )
    assertSealed(outcomes)
  }))
