// What is read of LogQL, and what must not be mistaken for it.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { hasSelector, looksMetric, selectorsOf } from '../lib/logql.ts'

test('finds the selectors and their matchers', () => {
  const [first, second] = selectorsOf('sum(rate({app="a}b", level=~`err.*`} |= "{x}" [5m])) / sum(rate({app!="c"}[5m]))')
  assert.equal(first?.text, '{app="a}b", level=~`err.*`}')
  assert.deepEqual(first?.matchers, [
    { label: 'app', operator: '=', value: 'a}b' },
    { label: 'level', operator: '=~', value: 'err.*' },
  ])
  assert.deepEqual(second?.matchers, [{ label: 'app', operator: '!=', value: 'c' }])
})

test('braces in strings and comments are no selectors', () => {
  for (const query of ['connection refused', '"{app}"', '`{app="x"}`', '# {app="x"}', '']) {
    assert.equal(hasSelector(query), false, query)
    assert.deepEqual(selectorsOf(query), [], query)
  }
  assert.equal(hasSelector('# a comment\n{app="x"}'), true)
  assert.deepEqual(selectorsOf('{app="x'), [], 'never closed')
})

test('tells metric queries from log queries', () => {
  for (const query of [
    'rate({a="b"}[1m])',
    'sum by (level) (rate({a="b"}[1m]))',
    'topk(5, sum(x))',
    '# why\nsum (rate({a="b"}[1m]))',
    '(1)',
  ]) {
    assert.equal(looksMetric(query), true, query)
  }
  for (const query of ['{a="b"}', ' {a="b"} |= "sum(x)"', '{a="b"} | json', 'error'])
    assert.equal(looksMetric(query), false, query)
})
