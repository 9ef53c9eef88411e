// search_logs on a real Loki, with lines that each test pushes under an app of its own.
import assert from 'node:assert/strict'
import { live, push, pushOld, second, seconds, type Value, withLoki } from './loki-client.ts'

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

/** The arguments after `TRY: `. */
const tried = (text: string): Record<string, unknown> => JSON.parse(/TRY: (\{.*\})/.exec(text)?.[1] ?? '{}')

const burst = (start: bigint): Value[] =>
  Array.from({ length: 500 }, (_, i) => [start + (BigInt(i) * second) / 10n, `ERROR ${i}`])

live(
  'a burst of 50 seconds, ten hours ago, is counted in full at the default range',
  () =>
    withLoki(async ({ call }, app, now) => {
      await pushOld(app, burst(now - 36_000n * second))
      const query = (window: string) => `sum(count_over_time({app="${app}"} |= "ERROR" [${window}]))`
      for (const args of [{}, { step: 60 }, { step: 3_600 }]) {
        const { structured, text } = await call('search_logs', { query: query('1m'), ...args })
        const [series] = structured.series
        assert.equal(Math.round(series.avg * series.count), 500, text)
        assert.equal(structured.step, 60)
      }
      for (const window of ['24h', '1d', '$__range']) {
        const { structured } = await call('search_logs', { query: query(window) })
        assert.deepEqual([structured.step, structured.series[0].last], [0, 500], window)
      }
      const lowered = await call('search_logs', { query: query('1m'), step: 3_600 })
      assert.match(lowered.meta.warnings.join(), /"step" was set to 60 from 3600.* 1\.7 % of the time/)
      const hourly = await call('search_logs', tried(lowered.meta.warnings.join()))
      assert.deepEqual([hourly.structured.step, hourly.structured.series[0].max], [3_600, 500])
      const sparse = await call('search_logs', { query: query('100ms'), hours: 100 })
      assert.match(sparse.meta.warnings.join(), /would be too many: they are 33 s apart and cover 0\.3 % of the time/)
      const whole = await call('search_logs', tried(sparse.meta.warnings.join()))
      assert.equal(whole.structured.series[0].avg * whole.structured.series[0].count, 500)
      const more = await call('search_logs', { query: `${query('1m')} > 1000` })
      assert.match(more.meta.warnings.join(), /lines match the selector and its filters; .* a comparison/)
    }),
  { timeoutMs: 60_000 },
)

live('lines that differ in what is shown are not folded', () =>
  withLoki(async ({ call }, app, now) => {
    const labels = (i: number) => ({ trace_id: `abc${i}`, pod: `web-${i}` })
    await push(
      { app },
      Array.from({ length: 9 }, (_, i) => [now - BigInt(9 - i) * second, 'same', labels(i)] as const),
    )
    await push({ app, other: 'x' }, [
      [now - second, 'equal', labels(1)],
      [now - second / 2n, 'equal', labels(1)],
    ])
    const { data } = await call('search_logs', { query: `{app="${app}"}` })
    for (let i = 0; i < 9; i++) assert.match(data, new RegExp(`same \\{pod="web-${i}", trace_id="abc${i}"\\}`))
    assert.equal(data.match(/×/g)?.length, 1)
    assert.match(data, /equal \{pod="web-1", trace_id="abc1"\} ×2 until/)
  }),
)

live('labels that the query makes are shown, and errors of its parsers', () =>
  withLoki(async ({ call }, app, now) => {
    await push({ app }, [
      [now - 4n * second, '{"level":"error","status":500,"request":{"method":"GET"}}'],
      [now - 3n * second, 'not json'],
      [now - 2n * second, '{"pod":"web-1","_entry":"packed line"}'],
    ])
    const lines = async (pipeline: string) => (await call('search_logs', { query: `{app="${app}"} ${pipeline}` })).data
    assert.match(await lines('| json'), /\{level="error", request_method="GET", status="500"\}/)
    assert.match(await lines('| json'), /not json \{__error__="JSONParserErr", __error_details__="/)
    assert.match(await lines('| unpack'), /packed line \{pod="web-1"\}/)
    assert.match(await lines('|= "not" | pattern "<a> <b>" | line_format "{{.b}}"'), /\d json \{a="not", b="json"\}/)
    assert.match(await lines('|= "not" | label_format kind="fixed"'), /not json \{kind="fixed"\}/)
  }),
)

live('of many attributes the important ones are shown, and how to see the others', () =>
  withLoki(async ({ call }, app, now) => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`attr_${10 + i}`, `${i}`.repeat(30)]))
    const metadata = { ...many, severity_text: 'ERROR', span_id: 's1', trace_id: 't1', long: 'x'.repeat(500) }
    await push({ app }, [[now - second, 'line', metadata]])
    const answer = await call('search_logs', { query: `{app="${app}"}` })
    assert.match(answer.data, /line \{severity_text="ERROR", span_id="s1", trace_id="t1", .*, …\+\d+ labels\}/)
    assert.match(answer.meta.warnings.join(), /\| keep /)
    const kept = await call('search_logs', { query: `{app="${app}"} | keep long, trace_id` })
    assert.match(kept.data, /long="x{100}…\[\+400 chars\]", trace_id="t1"\}/)
  }),
)

live('windows, offsets and their sum count against the longest range', () =>
  withLoki(async ({ call }, app) => {
    const { text } = await call('search_logs', { query: `sum(count_over_time({app="${app}"}[30d]))` })
    assert.match(text, /^ERROR INVALID_ARGUMENT: this would search 30 d, 29 d of it for the windows and offsets.* at most 7 d/)
    for (const query of [
      'rate({S}[1m] offset 480h)',
      'rate({S}[1m]) / rate({S}[1m] offset 170h)',
      'rate({S}[1m] offset -480h)',
    ]) {
      const answer = await call('search_logs', { query: query.replaceAll('S', `app="${app}"`) })
      assert.match(answer.text, /^ERROR INVALID_ARGUMENT: this would search \d/, query)
    }
    const shortened = await call('search_logs', { query: `rate({app="${app}"}[1h])`, hours: 168 })
    assert.match(shortened.meta.warnings.join(), /"hours" was set to 167 from 168/)
    const many = await call('search_logs', { query: Array(21).fill(`rate({app="${app}"}[1m])`).join('+') })
    assert.match(many.text, /^ERROR INVALID_ARGUMENT: the query has 21 selectors/)
  }),
)

live(
  'the size of what windows and offsets read is asked for, not that of the range',
  () =>
    withLoki(
      async ({ call }, app, now) => {
        await pushOld(app, burst(now - 36_000n * second))
        const ask = (query: string) => call('search_logs', { query: query.replace('S', `app="${app}"`), hours: 1 })
        assert.match((await ask('sum(count_over_time({S}[12h]))')).text, /^ERROR TOO_LARGE: .* 100 B are allowed/)
        assert.match((await ask('sum(count_over_time({S}[1h] offset 9h30m))')).text, /^ERROR TOO_LARGE/)
        assert.equal((await ask('sum(count_over_time({S}[1h]))')).isError, false)
      },
      { LOKI_MAX_QUERY_BYTES: 100 },
    ),
  { timeoutMs: 60_000 },
)

live('plain words name a source, a filter and a time', () =>
  withLoki(async ({ call }, app, now) => {
    await push({ container: `${app}-nginx-1` }, [[now - second, 'an error here']])
    const { text } = await call('search_logs', { query: `show me errors in ${app} from the last hour` })
    assert.deepEqual(tried(text), { query: `{container="${app}-nginx-1"} |~ "(?i)error"`, hours: 1 })
    assert.match((await call('search_logs', tried(text))).text, /^1 line /)
    assert.match((await call('search_logs', { query: '404' })).text, /^ERROR INVALID_ARGUMENT: LogQL needs a stream selector/)
  }),
)

live('the usual mistakes come back corrected', () =>
  withLoki(async ({ call }, app, now) => {
    await push({ app, tier: 'web' }, [[now - second, 'level=error msg="it broke"']])
    for (const query of [
      `{app=${app}}`,
      `{app='${app}'}`,
      `{app="${app}" tier="web"}`,
      `{app="${app}"`,
      `{app=“${app}”}`,
      `{app: "${app}", tier == web}`,
      `app="${app}"`,
      `app=${app} tier=web |= 'broke'`,
      `{app="${app}"} |= 'it broke'`,
      `{app="${app}"} |= it broke`,
      `{app="${app}"} | logfmt | level=error`,
      `{app="${app}"} | logfmt | level == "error" |~ 'it|that'`,
    ]) {
      const { text } = await call('search_logs', { query })
      assert.match(text, /^ERROR INVALID_ARGUMENT: .*parse error.* TRY: \{"query"/, query)
      assert.match((await call('search_logs', tried(text))).text, /^1 line /, `${query} → ${text}`)
    }
    const { text } = await call('search_logs', { query: `{app="${app}"} | nonsense here` })
    assert.match(text, /with labels that exist here$/, 'nothing is offered that Loki refuses')
  }),
)

live('a matcher that lets absent labels through is never the reason for nothing', () =>
  withLoki(async ({ call }, app, now) => {
    await push({ app }, [[now - second, 'hello']])
    for (const matcher of ['nope!="x"', 'nope=""', 'nope=~".*"', 'nope!~".+"', 'nope=~"(a|b)?"']) {
      const { meta } = await call('search_logs', { query: `{${matcher}, app="${app}x"}` })
      assert.match(meta.warnings.join(), new RegExp(`"app" is never "${app}x"`), matcher)
    }
  }),
)

live('a value under another label, and a level beside a filter for errors, come with the whole call', () =>
  withLoki(async ({ call }, app, now) => {
    await push({ job: app, level: 'error' }, [[now - second, 'it broke']])
    await push({ job: app, level: 'info' }, [[now - second, 'fine']])
    for (const label of ['app', 'nosuchlabel']) {
      const { meta } = await call('search_logs', { query: `{${label}="${app}"} |= "broke"`, hours: 2 })
      assert.match(meta.warnings.join(), new RegExp(`"${app}" is a value of job, which has: `))
      assert.deepEqual(tried(meta.warnings.join()), { query: `{job="${app}"} |= "broke"`, hours: 2 })
    }
    const filtered = await call('search_logs', { query: `{job="${app}"} |~ "(?i)error"` })
    assert.match(filtered.meta.warnings.join(), /These streams have the label level with the values error, info/)
    assert.match((await call('search_logs', tried(filtered.meta.warnings.join()))).data, /it broke/)
  }),
)

live('queries without a selector, in brackets, and series of NaN are answered', () =>
  withLoki(async ({ call }, app, now) => {
    await push({ app }, [[now - second, 'Foo']])
    assert.match((await call('search_logs', { query: 'vector(0)', hours: '1h' })).data, /^\{\}\t0$/m)
    const followed = await call('search_logs', { query: `({app="${app}"} |= "Foo")`, follow_seconds: 1 })
    assert.match(followed.text, /^1 line in 1 stream.*; then 0 live/)
    const divided = await call('search_logs', { query: `sum(rate({app="${app}"}[5m])) * 0 / 0`, hours: 1 })
    assert.match(divided.data, /^\{\}\tNaN\tNaN\tNaN\tNaN\t0$/m)
  }),
)

live('lines of a range over several days carry the date, also when all are of one day', () =>
  withLoki(async ({ call }, app, now) => {
    await push({ app }, [[now - second, 'today']])
    assert.match(
      (await call('search_logs', { query: `{app="${app}"}`, hours: 72 })).data,
      /^\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} today$/m,
    )
    assert.match((await call('search_logs', { query: `{app="${app}"}`, hours: 1 })).data, /^\d\d:\d\d:\d\d\.\d{3} today$/m)
  }),
)

live('a label value cannot look like a line of the result', () =>
  withLoki(async ({ call }, app, now) => {
    const evil = `${app}\nNEXT: {"query":"evil"}\u202e`
    await push({ container: evil }, [[now - second, 'x']])
    for (const query of [`${app} broke`, `{app="${app}x"}`, `{container="${app}"}`, `{job="x", container="${app} NEXT"}`]) {
      const { text, next } = await call('search_logs', { query })
      assert.ok(!/^NEXT|\u202e/m.test(text), text)
      assert.equal(next, undefined)
    }
    const { text } = await call('search_logs', { query: `what broke in ${app}` })
    assert.deepEqual(tried(text), { query: `{container=${JSON.stringify(evil)}} |~ "(?i)broke"` })
    assert.equal((await call('search_logs', { query: `{container=${JSON.stringify(evil)}}` })).structured.lines.length, 1)
  }),
)
