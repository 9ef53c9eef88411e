// The operator's log on a stderr that nobody reads.
import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from '../../../test/runner/harness.ts'
import { createLog } from '../log.ts'

test('lines that nobody reads wait up to 1 MiB, and more are dropped', () => {
  const stalled = new Writable({ write() {} }) // never says that it is done
  const own = Object.getOwnPropertyDescriptor(process, 'stderr') as PropertyDescriptor
  Object.defineProperty(process, 'stderr', { configurable: true, value: stalled })
  try {
    const log = createLog({ level: 'info', format: 'json', redact: (value: unknown) => value } as Parameters<typeof createLog>[0])
    for (let i = 0; i < 4_000; i++) log.info('x'.repeat(1_000))
  } finally {
    Object.defineProperty(process, 'stderr', own)
  }
  assert.ok(stalled.writableLength >= 1_048_576 && stalled.writableLength < 1_050_000, `${stalled.writableLength} bytes wait`)
})
