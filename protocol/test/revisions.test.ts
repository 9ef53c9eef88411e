// The table of revisions, read from the specification of each: what a result may hold, and whether messages may come in batches.
import assert from 'node:assert/strict'
import { test } from '../../test/runner/harness.ts'
import { assumedWithoutHeader, findRevision, latestLegacy, modern, negotiate, revisions } from '../revisions.ts'
import { toCallToolResult } from '../tool.ts'
import type { ContentBlock } from '../types.ts'

const blocks: readonly ContentBlock[] = [
  { type: 'text', text: 'a' },
  { type: 'image', data: 'AAAA', mimeType: 'image/png' },
  { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' },
  { type: 'resource', resource: { uri: 'file:///a', text: 'a' } },
  { type: 'resource_link', uri: 'file:///a', name: 'a' },
]

const older = ['text', 'image', 'audio', 'resource', 'text']
const newer = ['text', 'image', 'audio', 'resource', 'resource_link']
const rows: readonly [version: string, era: string, types: string[], object: boolean, list: boolean, batches: boolean][] = [
  ['2024-11-05', 'legacy', ['text', 'image', 'resource', 'resource', 'text'], false, false, false],
  ['2025-03-26', 'legacy', older, false, false, true],
  ['2025-06-18', 'legacy', newer, true, false, false],
  ['2025-11-25', 'legacy', newer, true, false, false],
  ['2026-07-28', 'modern', newer, true, true, false],
]

for (const [version, era, types, object, list, batches] of rows) {
  test(`${version}: blocks, structured content and batches are those of its specification`, () => {
    const revision = findRevision(version)
    assert.ok(revision !== undefined)
    assert.deepEqual([revision.version, revision.era, revision.batching], [version, era, batches])
    const { content } = toCallToolResult({ content: blocks }, revision, true, [])
    assert.deepEqual(
      content.map(({ type }) => type),
      types,
    )
    for (const [structuredContent, sent] of [
      [{ a: 1 }, object],
      [[1], list],
      [null, list],
      [undefined, false],
    ] as const) {
      const output = { content: 'a', structuredContent }
      assert.equal('structuredContent' in toCallToolResult(output, revision, true, []), sent, JSON.stringify(structuredContent))
      assert.equal('structuredContent' in toCallToolResult(output, revision, false, []), false)
    }
  })
}

test('a revision that is asked for is taken unless it has no initialize, and the others by their role', () => {
  assert.deepEqual(
    revisions.map(({ version }) => version),
    rows.map(([version]) => version),
  )
  for (const [version, era] of rows) assert.equal(negotiate(version).version, era === 'legacy' ? version : '2025-11-25')
  assert.equal(negotiate('2025-11-26').version, '2025-11-25')
  assert.equal(findRevision('2025-11-26'), undefined)
  assert.deepEqual(
    [latestLegacy, assumedWithoutHeader, modern].map(({ version }) => version),
    ['2025-11-25', '2025-03-26', '2026-07-28'],
  )
})

test('what an older revision gets in place of a block that it does not know', () => {
  const oldest = findRevision('2024-11-05')
  assert.ok(oldest !== undefined)
  const inPlaceOf = (block: ContentBlock): unknown => toCallToolResult({ content: [block] }, oldest, true, []).content[0]
  assert.deepEqual(inPlaceOf({ type: 'audio', data: 'AAAA', mimeType: 'audio/wav' }), {
    type: 'resource',
    resource: { uri: 'audio:inline', mimeType: 'audio/wav', blob: 'AAAA' },
  })
  const link = { type: 'resource_link', uri: 'file:///a', name: 'a.txt' } as const
  assert.deepEqual(inPlaceOf(link), { type: 'text', text: 'a.txt: file:///a' })
  assert.deepEqual(inPlaceOf({ ...link, title: 'A', mimeType: 'text/plain', size: 0, description: 'of use' }), {
    type: 'text',
    text: 'A: file:///a text/plain, 0 bytes, of use',
  })
})
