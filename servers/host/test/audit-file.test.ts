// Faults of the file under an audit trail: a rotation that fails, and a disk that ends within a record.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs, {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withChild } from '../../../test/helpers/child.ts'
import { McpSession, send } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { AuditFile } from '../audit/file.ts'
import { verifyAudit } from '../audit/verify.ts'

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

function openTrail(file: string, AUDIT_MAX_FILES = 2): { trail: AuditFile; messages: string[] } {
  const messages: string[] = []
  const say = (message: string): void => void messages.push(message)
  const log = { debug: say, info: say, warn: say, error: say }
  const settings = { AUDIT_FILE: file, AUDIT_KEY: undefined, AUDIT_MAX_BYTES: 10_000, AUDIT_MAX_FILES }
  return { trail: new AuditFile({ settings, log }), messages }
}

const record = (i: number) => ({ ts: '', seq: 0, type: 'tool_call', i, padding: 'x'.repeat(1_000), prev: '' })

test('a rotation that fails costs no record, is said once, and is made up for', () =>
  inFolder(async (file) => {
    const { trail, messages } = openTrail(file)
    occupy(`${file}.1`)
    for (let i = 0; i < 30; i++) assert.equal(trail.append(record(i)), true)
    // Whoever opens a file now gets the number of a descriptor that was closed; nothing of the trail may go there.
    const other = openSync(join(file, '../other'), 'w')
    for (let i = 30; i < 40; i++) assert.equal(trail.append(record(i)), true)
    assert.equal(fstatSync(other).size, 0)
    closeSync(other)
    assert.deepEqual(
      records(file).map(({ i }) => i),
      Array.from({ length: 40 }, (_, i) => i),
    )
    assert.deepEqual(messages, ['the audit file cannot be rotated and grows'])
    rmSync(`${file}.1`, { recursive: true })
    for (let i = 40; i < 46; i++) assert.equal(trail.append(record(i)), true)
    trail.close()
    assert.deepEqual(
      records(`${file}.1`, file).map(({ i }) => i),
      Array.from({ length: 46 }, (_, i) => i),
    )
    assert.deepEqual((await verifyAudit([`${file}.1`, file], undefined)).problems, [])
    assert.deepEqual(messages, ['the audit file cannot be rotated and grows', 'the audit file is rotated again'])
  }))

test('a rotated file on a volume that is away is not replaced', () =>
  inFolder(async (file) => {
    symlinkSync('/nowhere/audit.jsonl.1', `${file}.1`)
    const { trail } = openTrail(file, 3)
    for (let i = 0; i < 12; i++) trail.append(record(i))
    trail.close()
    assert.equal(readlinkSync(`${file}.2`), '/nowhere/audit.jsonl.1')
    assert.equal(records(`${file}.1`, file).length, 12)
  }))

test('a record that the disk takes only half of is refused, and those after it are whole', () =>
  inFolder(async (file) => {
    const env = { AUDIT_FILE: file, AUDIT_REQUIRED: 'true', SAMPLE_URL: 'http://backend' }
    await withChild('test/helpers/sample-process.ts', [], env, async ({ url, process: child, stop }) => {
      const limit = (bytes: string): void =>
        void execFileSync('prlimit', ['--pid', String(child.pid), `--fsize=${bytes}:unlimited`])
      const session = await McpSession.open(`${url}/sse`)
      await session.call('change')
      limit(String(readFileSync(file).length + 100))
      assert.match((await session.call('change')).content[0].text, /audit trail cannot be written/)
      assert.equal((await send(`${url}/ready`)).status, 503)
      limit('unlimited')
      assert.equal((await session.call('change')).content[0].text, 'changed')
      session.close()
      await stop()
    })
    const { problems } = await verifyAudit([file], undefined)
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /:4: records missing before this one, because they could not be written: 1$/)
    assert.deepEqual(
      records(file).map(({ type }) => type),
      ['start', 'intent', 'tool_call', 'lost', 'intent', 'tool_call', 'stop'],
    )
  }))

test('of several records at once the disk takes those that fit, and the next says how many it did not', () =>
  inFolder(async (file) => {
    const { trail, messages } = openTrail(file)
    const limit = (bytes: string): void =>
      void execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`])
    try {
      limit('4000')
      await Promise.all([0, 1, 2, 3, 4].map((i) => trail.appendSoon(record(i))))
    } finally {
      limit('unlimited')
    }
    assert.deepEqual([trail.state.written, trail.state.lost], [false, 2])
    await Promise.all([5, 6].map((i) => trail.appendSoon(record(i))))
    assert.deepEqual([trail.state.written, trail.state.lost], [true, 2])
    trail.close()
    assert.deepEqual(
      records(file).map(({ type, i, records }) => i ?? `${type} ${records}`),
      [0, 1, 2, 'lost 2', 5, 6],
    )
    assert.deepEqual(messages, ['audit trail cannot be written', 'audit trail is written again'])
    assert.equal((await verifyAudit([file], undefined)).problems.length, 1)
  }))

test('on stdout each record is a write of its own: a pipe takes a longer text in parts', async () => {
  const { writeSync } = fs
  const written: string[] = []
  fs.writeSync = ((fd: number, text: string) => {
    if (fd !== 1) return writeSync(fd, text)
    written.push(text)
    return Buffer.byteLength(text)
  }) as never
  syncBuiltinESMExports()
  try {
    const say = (): void => {}
    const log = { debug: say, info: say, warn: say, error: say }
    const settings = { AUDIT_FILE: undefined, AUDIT_KEY: undefined, AUDIT_MAX_BYTES: 1e9, AUDIT_MAX_FILES: 1 }
    const trail = new AuditFile({ settings, log })
    await Promise.all([0, 1, 2].map((i) => trail.appendSoon(record(i))))
  } finally {
    fs.writeSync = writeSync
    syncBuiltinESMExports()
  }
  assert.deepEqual(
    written.map((text) => JSON.parse(text).i),
    [0, 1, 2],
  )
})

test('AUDIT_REQUIRED: no call is made without its intent, also while rotations fail', () =>
  inFolder(async (file) => {
    const env = { AUDIT_FILE: file, AUDIT_REQUIRED: 'true', AUDIT_MAX_BYTES: '10000', AUDIT_MAX_FILES: '2', SAMPLE_URL: 'x' }
    occupy(`${file}.1`)
    await withChild('test/helpers/sample-process.ts', [], env, async ({ url, stop }) => {
      const session = await McpSession.open(`${url}/sse`)
      let made = 0
      for (let i = 0; i < 40; i++) if (!(await session.call('look', { text: 'x'.repeat(500) })).isError) made += 1
      session.close()
      await stop()
      assert.equal(records(file).filter(({ type }) => type === 'intent').length, made)
    })
    assert.deepEqual((await verifyAudit([file], undefined)).problems, [])
  }))
