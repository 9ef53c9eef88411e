// The windows of a file compared with what a plain split of its whole content says.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { random } from '../../../test/helpers/random.ts'
import { test } from '../../../test/runner/harness.ts'
import { withFiles } from './wire.ts'

for (const encoding of ['utf8', 'utf16le', 'utf16be'] as const) {
  test(`every window of a ${encoding} file larger than the buffer is the same part of its lines`, () =>
    withFiles(
      async (folder, wire) => {
        const next = random(encoding.length)
        const integer = (below: number): number => Math.floor(next() * below)
        for (let round = 0; round < 4; round++) {
          // Lines around the size of the buffer as well as short ones: line ends fall on, before and after the buffer's end.
          const lines = Array.from({ length: 400 }, (_, i) =>
            `${i} `.padEnd(integer(10) === 0 ? integer(60_000) : integer(40), 'aü€'),
          )
          lines[200] = 'x'.repeat(65_536 + integer(3))
          const text = lines.join('\n') + (round % 2 === 0 ? '\n' : '')
          const little = Buffer.from(`\ufeff${text}`, 'utf16le')
          await writeFile(join(folder, 'root/a'), encoding === 'utf8' ? text : encoding === 'utf16le' ? little : little.swap16())
          const begin = (line: string): string => line.slice(0, 100)
          for (let i = 0; i < 15; i++) {
            const offset = 1 + integer(400)
            const limit = 1 + integer(20)
            const page = await wire.call('read_file', { path: 'a', offset, limit })
            const shown = page.data.split('\n')
            assert.deepEqual(shown.map(begin), lines.slice(offset - 1, offset - 1 + shown.length).map(begin))
            assert.ok(shown.length === limit || offset + shown.length - 1 === 400 || page.next?.offset === offset + shown.length)
            assert.equal(page.meta.truncated, offset + shown.length - 1 < 400)
            assert.equal(page.structured.total_lines, 400)

            const tail = 1 + integer(410)
            const count = Math.min(tail, limit)
            const end = Math.max(0, 400 - (tail - count))
            const start = Math.max(0, 400 - tail)
            const last = await wire.call('read_file', { path: 'a', tail, limit: count })
            const seen = last.data === '' && last.structured.first_line === undefined ? [] : last.data.split('\n')
            assert.deepEqual(seen.map(begin), lines.slice(end - seen.length, end).map(begin))
            assert.equal(last.meta.truncated, end - seen.length > 0)
            assert.ok(seen.length === end - start || last.text.length > 200_000 || seen.length > 0)
          }
        }
      },
      { environment: { maxResultChars: 400_000 } },
    ))
}
