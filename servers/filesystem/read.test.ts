import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../test/harness.ts'
import { withFiles } from './wire.ts'

test('reads a text file from the socket to the disk and back', () =>
  withFiles(async (folder, wire) => {
    await writeFile(join(folder, 'root/a.txt'), 'one\ntwo\nthree\n')
    const answer = await wire.call('read_file', { path: 'a.txt' })
    assert.match(answer.text, /^a\.txt: lines 1-3 of 3, 14 B, modified \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n<untrusted-data id="/)
    assert.equal(answer.data, 'one\ntwo\nthree')
    assert.deepEqual(answer.meta, { truncated: false, warnings: [] })
  }))
