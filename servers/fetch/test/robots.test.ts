// The matching of RFC 9309, beginning with the examples of the RFC itself.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { findRule, parseRobots } from '../lib/robots.ts'

const allowed = async (text: string, path: string, product = 'mcp-fetch'): Promise<boolean> =>
  (await findRule(await parseRobots(text, product), new URL(path, 'https://example.com')))?.allow ?? true

const rfc = `User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot`

test('RFC 9309 §5.1: groups, and the general one', async () => {
  const table: [string, string, boolean][] = [
    ['other', '/a.gif', false],
    ['other', '/a.gif?x', true],
    ['other', '/example/x', false],
    ['other', '/publications/x.gif', true],
    ['foobot', '/example/page.html', true],
    ['foobot', '/example/allowed.gif', true],
    ['foobot', '/anything', false],
    ['FooBot', '/anything', false],
    ['bazbot', '/example/page.html', false],
    ['barbot', '/other', true],
    ['quxbot', '/example/x', true],
  ]
  for (const [agent, path, expected] of table) assert.equal(await allowed(rfc, path, agent), expected, `${agent} ${path}`)
})

test('RFC 9309 §5.2: the longest match wins', async () => {
  const text = 'User-Agent: foobot\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif'
  assert.equal(await allowed(text, '/example/page/disallowed.gif', 'foobot'), false)
  assert.equal(await allowed(text, '/example/page/other.gif', 'foobot'), true)
})

test('of equally long rules the one that allows wins, in any order', async () => {
  assert.equal(await allowed('User-agent: *\nDisallow: /a\nAllow: /a', '/ab'), true)
  assert.equal(await allowed('User-agent: *\nAllow: /a\nDisallow: /a', '/ab'), true)
})

test('RFC 9309 §2.2.2: the table of percent-encodings', async () => {
  for (const [pattern, path] of [
    ['/foo/bar?baz=quz', '/foo/bar?baz=quz'],
    ['/foo/bar?baz=https://foo.bar', '/foo/bar?baz=https://foo.bar'],
    ['/foo/bar/U+E38384', '/foo/bar/U+E38384'],
    ['/foo/bar/ツ', '/foo/bar/%E3%83%84'],
    ['/foo/bar/%E3%83%84', '/foo/bar/%e3%83%84'],
    ['/foo/bar/%62%61%7A', '/foo/bar/baz'],
    ['/foo/bar/baz', '/foo/bar/%62%61%7A'],
  ])
    assert.equal(await allowed(`User-agent: *\nDisallow: ${pattern}`, path as string), false, `${pattern} ${path}`)
  assert.equal(await allowed('User-agent: *\nDisallow: /a%2Fb', '/a/b'), true, 'an encoded slash is another path')
})

test('stars and dollars', async () => {
  const table: [string, string, boolean][] = [
    ['/*.php$', '/a/b.php', false],
    ['/*.php$', '/a/b.php5', true],
    ['/*.php$', '/a.php/b.php', false],
    ['/a*b*c', '/axxbxxc/d', false],
    ['/a*b*c', '/axxcxxb', true],
    ['/fish*', '/fishheads', false],
    ['/fish$', '/fish', false],
    ['/fish$', '/fish/', true],
    ['/$a', '/$ab', false],
    ['*', '/x', false],
    ['/a*$', '/ab', false],
    ['/ab*b$', '/ab', true],
  ]
  for (const [pattern, path, expected] of table)
    assert.equal(await allowed(`User-agent: *\nDisallow: ${pattern}`, path), expected, `${pattern} ${path}`)
})

test('groups of one agent are one; other records do not end a head; comments, marks and line ends of any kind', async () => {
  const text =
    '\ufeffDisallow: /early\r\nUSER-AGENT : MCP-Fetch/2.1 # us\rSitemap: https://example.com/s.xml\nCrawl-delay: 3\nuser-agent: other\ndisallow: /a # not this\n\nUser-agent: *\nDisallow: /\nUser-agent: mcp-fetch\nDisallow: /b'
  assert.equal(await allowed(text, '/a/x'), false)
  assert.equal(await allowed(text, '/b'), false)
  assert.equal(await allowed(text, '/c'), true)
  assert.equal(await allowed(text, '/early'), true)
  assert.equal(await allowed(text, '/c', 'third'), false)
})

test('an agent whose name only begins alike is another one', async () => {
  assert.equal(await allowed('User-agent: mcp-fetcher\nDisallow: /', '/'), true)
})

test('an empty Disallow, an empty file and a page of HTML allow everything; robots.txt itself is always allowed', async () => {
  for (const text of ['User-agent: *\nDisallow:', '', '<html><p>User agents: none</p>', 'User-agent: *\nDisallow: /\n'])
    assert.equal(await allowed(text, '/robots.txt'), true)
  assert.equal(await allowed('User-agent: *\nDisallow:', '/x'), true)
})

test('the line of the rule is known', async () => {
  const rule = await findRule(await parseRobots('User-agent: *\n\nDisallow: /x', 'a'), new URL('https://example.com/x/y'))
  assert.deepEqual([rule?.line, rule?.pattern], [3, '/x'])
})

test('half a megabyte of hostile rules is done in slices', async () => {
  const rules = await parseRobots(`User-agent: *\n${'Disallow: /*a*a*a*a*a*a*a*b\n'.repeat(18_000)}`, 'x')
  let pauses = 0
  await findRule(rules, new URL(`https://example.com/${'a'.repeat(2_000)}`), async () => {
    pauses += 1
  })
  assert.ok(rules.length <= 20_000 && pauses > 20, `${rules.length} ${pauses}`)
})

test('half a megabyte of line ends of every kind costs next to nothing, and lines are counted', async () => {
  for (const end of ['\n', '\r', '\r\n']) {
    const text = `${end.repeat(200_000)}User-agent: *${end}Disallow: /x`
    const [rule] = await parseRobots(text, 'x')
    assert.deepEqual(rule, { allow: false, pattern: '/x', line: 200_002 })
  }
})

test('%2A and %24 are characters, and both sides are normalised (RFC 9309 §2.2.3)', async () => {
  const rules = (pattern: string): string => `User-agent: *\nDisallow: ${pattern}`
  for (const [pattern, path] of [
    ['/path/file-with-a-%2A.html', '/path/file-with-a-*.html'],
    ['/path/foo-%24', '/path/foo-$'],
    ['/a$b', '/a$b'],
    ['/<x>{y}', '/<x>{y}'],
    ['/%3cx', '/<x>'],
    ['/a%2fb', '/a%2Fb'],
    ['/ツ', '/%E3%83%84'],
  ] as const)
    assert.equal(await allowed(rules(pattern), path), false, pattern)
  assert.equal(await allowed(rules('/file-%2A.html'), '/file-x.html'), true)
  assert.equal(await allowed(rules('/foo-%24'), '/foo-'), true)
})

test('a group for *foo is not for all; a missing colon and a very long rule still forbid', async () => {
  assert.equal(await allowed('User-agent: *foo\nDisallow: /', '/x'), true)
  assert.equal(await allowed('User-agent *\nDisallow /x', '/x'), false)
  const long = `/${'a'.repeat(3_000)}`
  assert.equal(await allowed(`User-agent: *\nDisallow: ${long}`, long), false)
  assert.equal(await allowed(`User-agent: *\nDisallow: /\nAllow: ${long}`, long), false)
})
