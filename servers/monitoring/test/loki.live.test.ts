// search_logs on a real Loki, with lines that each test pushes under an app of its own.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { send } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { type Wire, withWire } from './wire.ts'

const url = process.env.OCTET_TEST_LOKI_URL ?? ''
const live = test.unless(url === '' ? 'Loki is not running (OCTET_TEST_LOKI_URL)' : undefined)
const second = 1_000_000_000n

const withLoki = (work: (wire: Wire, app: string, now: bigint) => Promise<void>, config = {}): Promise<void> =>
  withWire({ config: { LOKI_URL: url, ...config } }, (wire) =>
    work(wire, `t${randomBytes(6).toString('hex')}`, BigInt(Date.now()) * 1_000_000n),
  )

type Value = readonly [at: bigint, line: string, metadata?: Record<string, string>]

async function push(labels: Record<string, string>, values: readonly Value[]): Promise<void> {
  const streams = [{ stream: labels, values: values.map(([at, ...rest]) => [String(at), ...rest]) }]
  const headers = { 'content-type': 'application/json' }
  const { status, text } = await send(`${url}/loki/api/v1/push`, { method: 'POST', headers, body: JSON.stringify({ streams }) })
  assert.equal(status, 204, text)
}

const seconds = (now: bigint, count: number, line: (i: number) => string): Value[] =>
  Array.from({ length: count }, (_, i) => [now - BigInt(count - i) * second, line(i)] as const)

live('groups lines by stream and folds repeats', () =>
  withLoki(async ({ call }, app, now) => {
    await push(
      { app, level: 'info' },
      seconds(now, 6, (i) => (i === 0 ? 'started' : 'health check ok')),
    )
    await push({ app, level: 'error' }, [[now - second / 2n, 'db \x1b[31mtimeout\x1b[0m', { trace_id: 'abc' }]])
    const answer = await call('search_logs', { query: `{app="${app}"}`, hours: 1 })
    assert.match(answer.text, /^7 lines in 2 streams, \S+Z to \S+Z, scanned \d/)
    assert.match(answer.data, new RegExp(`^all: {app="${app}", service_name="${app}"}$`, 'm'))
    assert.match(
      answer.data,
      /^-- \{level="info"\}\n\d\d:\d\d:\d\d\.\d{3} started\n\d\d:\d\d:\d\d\.\d{3} health check ok ×5 until /m,
    )
    assert.match(answer.data, /^-- \{level="error"\}\n\d\d:\d\d:\d\d\.\d{3} db timeout \{trace_id="abc"\}$/m)
    assert.equal(answer.meta.truncated, false)
  }),
)

for (const direction of ['backward', 'forward']) {
  live(`pages through equal timestamps, each line once, ${direction}`, () =>
    withLoki(async ({ call }, app, now) => {
      const all: string[] = []
      for (const stream of ['a', 'b']) {
        const values = Array.from({ length: 60 }, (_, i): Value => [now - BigInt(i < 40 ? 3 : 3 + i) * second, `${stream} ${i}`])
        all.push(...values.map(([, line]) => line))
        await push({ app, stream }, values)
      }
      const lines: string[] = []
      let args: Record<string, unknown> | undefined = { query: `{app="${app}"}`, hours: 1, limit: 7, direction }
      let pages = 0
      while (args !== undefined) {
        const { structured, next, isError, text, meta } = await call('search_logs', args)
        assert.equal(isError, false, text)
        assert.equal(meta.truncated, next !== undefined)
        lines.push(...structured.lines.map(({ line }: { line: string }) => line))
        args = next
        assert.ok(++pages < 40)
      }
      assert.equal(pages, Math.ceil(120 / 7))
      assert.deepEqual(lines.sort(), all.sort())
    }),
  )
}

live('counts with a metric query, points only with a step', () =>
  withLoki(async ({ call }, app, now) => {
    await push(
      { app, level: 'error' },
      seconds(now, 5, (i) => `e${i}`),
    )
    const query = `sum by (level) (count_over_time({app="${app}"}[5m]))`
    const answer = await call('search_logs', { query, hours: 0.1 })
    assert.match(answer.text, /^1 series, /)
    assert.match(answer.data, /^labels\tlast\tmin\tavg\tmax\tn\n\{level="error"\}\t5\t\d\t\S+\t5\t\d+$/)
    assert.match((await call('search_logs', { query, hours: 0.1, step: 60 })).data, /\n {2}from \S+Z every 60 s: \d/)
  }),
)

live('offers the real labels when the query is plain words', () =>
  withLoki(async ({ call }, app, now) => {
    await push({ app }, [[now - second, 'connection refused by peer']])
    const answer = await call('search_logs', { query: 'connection refused' })
    assert.match(answer.text, /^ERROR INVALID_ARGUMENT: LogQL needs a stream selector in braces\. Labels here: .*\bapp \(\d+: /)
    const next = JSON.parse(answer.text.slice(answer.text.indexOf('TRY: ') + 5))
    assert.equal((await call('search_logs', next)).isError, false, 'what is offered can be run')
  }),
)

live("Loki's own errors come with its words and a way on", () =>
  withLoki(async ({ call }, app, now) => {
    await push({ app }, [[now - second, 'x']])
    const say = async (query: string, more = {}) => (await call('search_logs', { query, ...more })).text
    assert.match(await say(`{app="${app}"`), /^ERROR INVALID_ARGUMENT: .*parse error at line 1, col \d+: .* TRY: /)
    assert.match(await say('{app=~".*"}'), /^ERROR INVALID_ARGUMENT: the selector must name a label .* Labels here: /)
    assert.match(await say(`{app="${app}"} |~ "["`), /^ERROR INVALID_ARGUMENT: .*missing closing \]/)
    assert.match(
      await say(`rate({app="${app}"}[1m])`, { hours: 100, step: 1 }),
      /^ERROR INVALID_ARGUMENT: .*11,000 points.* TRY: a larger "step"/,
    )
  }),
)

live('an empty answer says whether the selector or the filter is to blame', () =>
  withLoki(async ({ call }, app, now) => {
    await push({ app, tier: 'web' }, [[now - second, 'hello']])
    const why = async (query: string) => {
      const answer = await call('search_logs', { query, hours: 1 })
      assert.equal(answer.isError, false)
      assert.match(answer.text, /^0 lines/)
      return answer.meta.warnings.join()
    }
    assert.match(await why(`{app="${app}"} |= "absent"`), /has lines in this range; what follows it leaves none/)
    assert.match(await why(`{app="${app}x"}`), new RegExp(`"app" is never "${app}x" in this range; it is: ${app}`))
    assert.match(await why(`{ap="${app}"}`), /no stream in this range has a label "ap"; labels: app, /)
    assert.match(await why(`{app="${app}", tier=~"db.*"}`), /no stream matches all of/)
  }),
)

live('a very long query is sent as a form', () =>
  withLoki(async ({ call }, app, now) => {
    await push({ app }, [[now - second, 'needle']])
    const answer = await call('search_logs', { query: `{app="${app}"} |~ "needle|${'x'.repeat(4_500)}"` })
    assert.match(answer.text, /^1 line in 1 stream/)
  }),
)

live('follows new lines, reporting progress, and leaves no gap after the history', () =>
  withLoki(async ({ start }, app, now) => {
    await push({ app }, [[now - second, 'before']])
    const progress: string[] = []
    let started = false
    const call = start('search_logs', { query: `{app="${app}"}`, hours: 1, follow_seconds: 4 }, ({ message }) => {
      progress.push(message)
      if (started) return
      started = true
      void push({ app }, [[BigInt(Date.now()) * 1_000_000n, 'during', { trace_id: 'abc' }]])
    })
    const answer = await call.answer
    assert.match(answer.text, /^1 line in 1 stream, .*; then 1 live in 4\.\d s$/m)
    assert.match(answer.data, /before\n== live\n.*\n\d\d:\d\d:\d\d\.\d{3} during \{trace_id="abc"\}$/)
    assert.ok(progress.includes('3 of 4 s, 1 lines') || progress.includes('2 of 4 s, 1 lines'), progress.join('; '))
  }),
)

live('ends the live tail at the limit', () =>
  withLoki(async ({ start }, app) => {
    let started = false
    const call = start('search_logs', { query: `{app="${app}"}`, hours: 1, limit: 3, follow_seconds: 20 }, () => {
      if (started) return
      started = true
      const at = BigInt(Date.now()) * 1_000_000n
      void push(
        { app },
        Array.from({ length: 10 }, (_, i): Value => [at + BigInt(i), `line ${i}`]),
      )
    })
    const answer = await call.answer
    assert.match(answer.text, /then 3 live in \d\.\d s/)
    assert.match(answer.meta.warnings.join(), /the live tail was ended after/)
    assert.equal(answer.meta.truncated, true)
  }),
)

live('a query that Loki cannot tail is refused before anything waits', () =>
  withLoki(async ({ call }, app) => {
    const metric = await call('search_logs', { query: `rate({app="${app}"}[1m])`, follow_seconds: 30 })
    assert.match(metric.text, /^ERROR INVALID_ARGUMENT: a metric query cannot be followed/)
    const ended = await call('search_logs', { query: `{app="${app}"}`, end: 'now-1h', follow_seconds: 30 })
    assert.match(ended.text, /^ERROR INVALID_ARGUMENT: "end" and "follow_seconds" exclude each other/)
  }),
)

live('the state says that Loki answers', () =>
  withLoki(async ({ backend }) => {
    assert.deepEqual(await backend.probe(AbortSignal.timeout(5_000)), { loki: 'ok', netdata: 'not configured' })
  }),
)
