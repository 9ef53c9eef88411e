// Rotations of an audit file that fail.
import assert from 'node:assert/strict'
import { closeSync, fstatSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withChild } from '../../test/child.ts'
import { test } from '../../test/harness.ts'
import { McpSession } from '../../test/wire.ts'
import { AuditFile } from './audit-file.ts'
import { verifyAudit } from './audit-verify.ts'

async function inFolder<T>(use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'audit-file-'))
  try {
    return await use(join(folder, 'audit.jsonl'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** No file can take this name: a folder that is not empty cannot be removed or replaced by a rotation. */
function occupy(name: string): void {
  mkdirSync(join(name, 'something'), { recursive: true })
}

const records = (...files: string[]): any[] =>
  files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line)])),
  )

const silent = { debug() {}, info() {}, warn() {}, error() {} }

function openTrail(file: string): AuditFile {
  return new AuditFile({ file, key: undefined, maxBytes: 10_000, maxFiles: 2, log: silent })
}

const record = (i: number) => ({ ts: '', seq: 0, type: 'tool_call', i, padding: 'x'.repeat(1_000), prev: '' })

test('a rotation that fails leaves whole records only, in the audit file and nowhere else', () =>
  inFolder(async (file) => {
    const trail = openTrail(file)
    occupy(`${file}.1`)
    const written: number[] = []
    const append = (from: number, to: number): void => {
      for (let i = from; i < to; i++) if (trail.append(record(i))) written.push(i)
    }
    append(0, 32)
    // Whoever opens a file now gets the number of a descriptor that was closed; nothing of the trail may go there.
    const other = openSync(join(file, '../other'), 'w')
    append(32, 40)
    assert.equal(fstatSync(other).size, 0)
    closeSync(other)
    rmSync(`${file}.1`, { recursive: true })
    append(40, 46)
    trail.close()
    assert.deepEqual(
      records(`${file}.1`, file).map(({ i }) => i),
      written,
    )
    assert.deepEqual(written.slice(-6), [40, 41, 42, 43, 44, 45])
    assert.deepEqual((await verifyAudit([`${file}.1`, file], undefined)).problems, [])
  }))

test('AUDIT_REQUIRED: no call is made without its intent, also while rotations fail', () =>
  inFolder(async (file) => {
    const env = { AUDIT_FILE: file, AUDIT_REQUIRED: 'true', AUDIT_MAX_BYTES: '10000', AUDIT_MAX_FILES: '2', SAMPLE_URL: 'x' }
    occupy(`${file}.1`)
    await withChild('test/sample-process.ts', [], env, async ({ url, stop }) => {
      const session = await McpSession.open(`${url}/sse`)
      let made = 0
      for (let i = 0; i < 40; i++) if (!(await session.call('look', { text: 'x'.repeat(500) })).isError) made += 1
      session.close()
      await stop()
      assert.equal(records(file).filter(({ type }) => type === 'intent').length, made)
    })
    assert.deepEqual((await verifyAudit([file], undefined)).problems, [])
  }))
