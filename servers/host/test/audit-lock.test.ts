// Two processes on one audit file: the second refuses, whatever became of the first.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild, startChild, withChild } from '../../../test/helpers/child.ts'
import { test } from '../../../test/runner/harness.ts'
import { verifyAudit } from '../audit/verify.ts'

const script = 'test/helpers/sample-process.ts'

async function inFolder(use: (env: Record<string, string>, file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'octet-lock-'))
  const file = join(folder, 'audit.jsonl')
  try {
    await use({ SAMPLE_URL: 'http://backend', AUDIT_FILE: file, MCP_PORT: '0' }, file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('a second process on one audit file refuses to start, names the first, and writes nothing', () =>
  inFolder(async (env, file) => {
    await withChild(script, [], env, async ({ process: child, stop }) => {
      const { code, stderr } = await runChild(script, [], env)
      assert.equal(code, 78)
      assert.match(stderr, new RegExp(`AUDIT_FILE: ${file} is written by process ${child.pid} on \\S+; give each process a file`))
      assert.equal(await stop(), 0)
    })
    assert.equal(existsSync(`${file}.lock`), false)
    assert.deepEqual([(await verifyAudit([file], undefined)).records], [2])
    await withChild(script, [], env, async () => {})
  }))

test('the lock of a process that was killed is taken over, by one of those that come at the same time', () =>
  inFolder(async (env, file) => {
    const first = await startChild(script, [], env)
    await first.stop('SIGKILL')
    assert.equal(existsSync(`${file}.lock`), true)
    const started = await Promise.allSettled([1, 2, 3].map(() => startChild(script, [], env)))
    const running = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    try {
      assert.equal(running.length, 1)
      for (const each of started) if (each.status === 'rejected') assert.match(String(each.reason), /is written by process \d+/)
    } finally {
      for (const child of running) await child.stop()
    }
    assert.deepEqual((await verifyAudit([file], undefined)).problems, [])
  }))

test('a lock that cannot be removed changes nothing about how the process ends', () =>
  inFolder(async (env, file) => {
    await withChild(script, [], env, async ({ stop, stderr }) => {
      rmSync(`${file}.lock`)
      mkdirSync(`${file}.lock`) // which cannot be unlinked, like anything on a disk that is read-only
      assert.equal(await stop(), 0)
      assert.doesNotMatch(stderr(), /uncaught/)
    })
    assert.equal((await verifyAudit([file], undefined)).records, 2)
  }))

test('a file in a folder that cannot hold a lock is written all the same, and the log says so', () =>
  inFolder(async (env) => {
    // The path of a Unix socket has at most 107 characters; the path of a file may be longer.
    const folder = mkdtempSync(join(tmpdir(), `octet-${'x'.repeat(100)}-`))
    writeFileSync(join(folder, 'audit.jsonl'), '')
    try {
      await withChild(script, [], { ...env, AUDIT_FILE: join(folder, 'audit.jsonl') }, async ({ stderr, stop }) => {
        assert.match(stderr(), /the audit file is not locked/)
        await stop()
      })
      assert.equal((await verifyAudit([join(folder, 'audit.jsonl')], undefined)).records, 2)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }))
