// A real Loki for tests: lines are pushed under labels of a test's own, and its API is asked beside the tool.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { send } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { type Wire, withWire } from './wire.ts'

const url = process.env.OCTET_TEST_LOKI_URL ?? ''
export const live = test.unless(url === '' ? 'Loki is not running (OCTET_TEST_LOKI_URL)' : undefined)
export const second = 1_000_000_000n
/** Long enough for a busy machine; tests that wait for it set their own limit to 60 s. */
const flushLimitMs = 45_000

/** @param work gets a name that no other test uses, and the present in nanoseconds */
export function withLoki(work: (wire: Wire, app: string, now: bigint) => Promise<void>, config = {}): Promise<void> {
  return withWire({ config: { LOKI_URL: url, ...config } }, (wire) =>
    work(wire, `t${randomBytes(6).toString('hex')}`, BigInt(Date.now()) * 1_000_000n),
  )
}

export type Value = readonly [at: bigint, line: string, metadata?: Record<string, string>]

export async function push(labels: Record<string, string>, values: readonly Value[]): Promise<void> {
  const streams = [{ stream: labels, values: values.map(([at, ...rest]) => [String(at), ...rest]) }]
  const headers = { 'content-type': 'application/json' }
  const { status, text } = await send(`${url}/loki/api/v1/push`, { method: 'POST', headers, body: JSON.stringify({ streams }) })
  assert.equal(status, 204, text)
}

/** `count` lines, one each second, up to `now`. */
export const seconds = (now: bigint, count: number, line: (i: number) => string): Value[] =>
  Array.from({ length: count }, (_, i) => [now - BigInt(count - i) * second, line(i)] as const)

/** Pushes lines of one app that are older than what Loki asks its ingesters for (3 hours), and waits until a query finds them. */
export async function pushOld(app: string, values: readonly Value[]): Promise<void> {
  await push({ app }, values)
  await send(`${url}/flush`, { method: 'POST' })
  const [first = 0n] = values.map(([at]) => at)
  const query = `{app="${app}"}`
  await until(async () => {
    const { result } = await ask('query_range', { query, start: String(first), limit: '5000' })
    return result.flatMap((stream: { values: unknown[] }) => stream.values).length === values.length
  })
  // The index follows the chunks a little later. Loki remembers its answer to one query, also that there is nothing.
  const range = { start: String(first - 600n * second), end: String(first + 600n * second) }
  let attempt = 0
  await until(async () => {
    attempt += 1
    const asked = { query: `{app="${app}", app!="${attempt}"}`, ...range }
    const { json } = await send(`${url}/loki/api/v1/index/stats?${new URLSearchParams(asked)}`)
    return json().entries > 0
  })
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + flushLimitMs; !(await isTrue()); await delay(100))
    if (performance.now() > end) throw new Error(`Loki has not flushed its lines in ${flushLimitMs} ms`)
}

/** The result of Loki's own API. */
export async function ask(command: 'query' | 'query_range', parameters: Record<string, string>) {
  const headers = { 'x-loki-response-encoding-flags': 'categorize-labels' }
  const { status, text, json } = await send(`${url}/loki/api/v1/${command}?${new URLSearchParams(parameters)}`, { headers })
  assert.equal(status, 200, text)
  return json().data
}
