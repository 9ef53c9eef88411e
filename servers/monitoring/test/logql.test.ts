// What is read out of LogQL, and what must not be mistaken for it.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { admitsAbsent, type Leaf, logQueryOf, maskStrings, readLogql, withMatcher, withWindows } from '../lib/logql.ts'
import { planMetric } from '../lib/metric-plan.ts'
import { correctLogql, readWords } from '../lib/words.ts'

test('finds the selectors, their matchers and their windows', () => {
  const text = 'sum(rate({app="a}b", level=~`err.*`} |= "{x} [1h]" [5m])) / sum(rate({app!="c"}[1h30m] offset 480h))'
  const query = readLogql(text)
  const { leaves, windows, metric } = query
  const [first, second] = leaves
  assert.equal(metric, true)
  assert.equal(first?.selector, '{app="a}b", level=~`err.*`}')
  const matchers = first.matchers.map(({ label, operator, value }) => [label, operator, value])
  assert.deepEqual(matchers, [
    ['app', '=', 'a}b'],
    ['level', '=~', 'err.*'],
  ])
  assert.equal(logQueryOf(query, first), '{app="a}b", level=~`err.*`} |= "{x} [1h]"')
  assert.ok(second !== undefined)
  assert.equal(logQueryOf(query, second), '{app!="c"}')
  assert.deepEqual(
    windows.map(({ text, seconds, offsetSeconds }) => [text, seconds, offsetSeconds]),
    [
      ['5m', 300, 0],
      ['1h30m', 5_400, 480 * 3_600],
    ],
  )
  assert.ok(withWindows(readLogql(text), () => '2d').endsWith('{app!="c"}[2d] offset 480h))'))
  const [matcher] = second.matchers
  assert.ok(matcher !== undefined && withMatcher(text, matcher, 'job', '=', 'x').includes('rate({job="x"}[1h30m]'))
})

test('the lines of a metric query are selected without window, offset and unwrap, wherever they stand', () => {
  for (const [query, lines] of [
    ['count_over_time({a="b"}[5m] offset 1h |= "x" | json)', '{a="b"} |= "x" | json'],
    ['quantile_over_time(0.9, {a="b"} | json | unwrap duration(took) | took > 3 [5m]) by (x)', '{a="b"} | json | took > 3'],
    ['sum(rate(({a="b"} | (x="1" or y="2"))[5m]))', '{a="b"} | (x="1" or y="2")'],
  ] as const) {
    const read = readLogql(query)
    assert.equal(logQueryOf(read, read.leaves[0] as Leaf).replace(/ +/g, ' '), lines, query)
  }
})

test('braces in strings and comments are not selectors', () => {
  for (const query of ['connection refused', '"{app}"', '`{app="x"}`', '# {app="x"}', '']) {
    assert.deepEqual(readLogql(query).leaves, [], query)
  }
  assert.equal(readLogql('# a comment\n{app="x"}').leaves.length, 1)
  assert.deepEqual(readLogql('{app="x').leaves, [], 'never closed')
})

test('tells metric queries from log queries, and those that choose the largest series', () => {
  const metric = ['rate({a="b"}[1m])', 'topk(5, sum(rate({a="b"}[1m])))', '# why\nsum (rate({a="b"}[1m]))', 'vector(0)', '(1)']
  for (const query of metric) assert.equal(readLogql(query).metric, true, query)
  for (const query of ['{a="b"}', ' {a="b"} |= "sum(x)[5m]"', '({a="b"} |= "Foo")', '{a="b"} | json']) {
    assert.equal(readLogql(query).metric, false, query)
  }
  for (const query of ['topk(5, x)', ' (bottomk by (a) (5, x))', '# x\napprox_topk(2, x)']) assert.ok(readLogql(query).top, query)
  for (const query of ['sum(topk(5, x))', '{a="topk("}', 'topkey(1)']) assert.ok(!readLogql(query).top, query)
})

test('a matcher that a stream without the label fulfils is recognised', () => {
  const admits = (matcher: string) => admitsAbsent(readLogql(`{${matcher}}`).leaves[0]?.matchers[0] as never)
  for (const matcher of [
    'a=""',
    'a!="x"',
    'a=~".*"',
    'a=~"x?"',
    'a=~"x|"',
    'a=~"(x|y)*"',
    'a=~".*x?"',
    'a!~".+"',
    'a!~"x"',
    'a!~"x.*|y"',
  ])
    assert.ok(admits(matcher), matcher)
  for (const matcher of ['a="x"', 'a!=""', 'a=~".+"', 'a=~"x.*"', 'a=~"x-1|y"', 'a=~"db.*"', 'a=~".*db.*"'])
    assert.ok(!admits(matcher), matcher)
})

test('reading a query takes linear time', () => {
  const hostile = ['"', '{', '[', '(', 'a', 'a=', '{a="\\', ' ', "'", '`', '#\n', '|= ', '[5m] offset ', '| unwrap ']
  for (const part of hostile) {
    const began = performance.now()
    readLogql(part.repeat(200_000 / part.length))
    assert.ok(performance.now() - began < 2_000, JSON.stringify(part))
  }
  // As long as a query may be, with as many parts as fit.
  for (const part of ['{}', '{}[5m]', '{a="b"}[5m]', "{a='b'}", '{a=b}', '(', '()', '"', 'a ', '{a="b" ']) {
    const text = part.repeat(5_000 / part.length)
    const began = performance.now()
    correctLogql(text)
    planMetric(readLogql(text), { start: 0n, end: 1n }, undefined, String)
    readWords(text.slice(0, 200), [{ name: 'a', values: Array(5_000).fill('b-c') }])
    assert.ok(performance.now() - began < 500, JSON.stringify(part))
  }
  for (const text of ['', '"', '`', '"a', '"a\\', '#', '{a="b"} # "x']) assert.equal(maskStrings(text).length, text.length, text)
})

test('plain words are read as a source, a phrase and a time', () => {
  const labels = [
    { name: 'level', values: ['error', 'info'] },
    { name: 'app', values: ['nginx', 'worker', 'constructor'] },
    { name: 'container', values: ['shop_db_1'] },
  ]
  const cases: [string, string | undefined, string, number | undefined][] = [
    ['show me errors in nginx from the last hour', 'nginx', 'error', 1],
    ['connection refused', undefined, 'connection refused', undefined],
    ['why did the Worker fail with connection refused yesterday?', 'worker', 'connection refused', 48],
    ['timeouts of db, past 30 min', 'shop_db_1', 'timeout', 0.5],
    ['error', undefined, 'error', undefined],
    ['nginx last 2d', 'nginx', '', 48],
    ['constructor __proto__ toString', 'constructor', '__proto__ toString', undefined],
    ['what happened today', undefined, '', 24],
    ['', undefined, '', undefined],
  ]
  for (const [text, value, filter, hours] of cases) {
    const words = readWords(text, labels)
    assert.deepEqual([words.match?.value, words.filter, words.hours], [value, filter, hours], text)
  }
})
