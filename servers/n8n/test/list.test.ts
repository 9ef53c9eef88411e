// n8n_list_workflows against recorded answers of n8n 2.41.1, and against larger ones.
import assert from 'node:assert/strict'
import { test } from '../../../test/runner/harness.ts'
import { replay, reply, target, withUpstream } from './client.ts'

test('lists workflows page by page, and NEXT leads through all of them', () =>
  withUpstream(
    (req, res) => {
      assert.equal(req.headers['x-n8n-api-key'], 'key-of-the-test')
      assert.equal(target(req).searchParams.get('excludePinnedData'), 'true')
      replay(res, target(req).searchParams.get('cursor') === null ? 'workflows-list-page1' : 'workflows-list-page2')
    },
    async ({ call }) => {
      const first = await call('n8n_list_workflows', { limit: 2 })
      assert.match(first.text, /^2 workflows; more exist, \d+ ms\n/)
      assert.equal(
        first.data,
        'id\tname\tactive\ttags\ttriggers\tnodes\tupdated\n' +
          '8c44tWRZmi9pzCpi\tFiller 0\tno\t\tmanualTrigger\t1\t2026-11-22T14:08Z\n' +
          'CcAtkVKSM9RvxLjb\tAlways fails\tno\t\twebhook\t2\t2026-11-22T14:08Z',
      )
      assert.deepEqual(first.next, { limit: 2, cursor: 'eyJsaW1pdCI6Miwib2Zmc2V0IjoyfQ==' })
      const second = await call('n8n_list_workflows', first.next)
      assert.match(second.data, /DyGsBNwwx5hmCwk4\tFiller 2/)
    },
  ))

test('a page cut for its length continues exactly, whatever names hold', () => {
  const all = Array.from({ length: 60 }, (_, i) => ({
    ...{ id: `w${i}`, name: `Name\n${i}\u202e\u001b[31m${'x'.repeat(i % 7 === 0 ? 400 : 5)}`, active: true, tags: [], nodes: [] },
    updatedAt: '2026-01-01T00:00:00.000Z',
  }))
  return withUpstream(
    (req, res) => {
      const query = target(req).searchParams
      assert.equal(query.get('tags'), 'a,b c')
      const place = JSON.parse(Buffer.from(query.get('cursor') ?? '', 'base64').toString() || '{}')
      const { limit = Number(query.get('limit')), offset = 0 } = place
      const nextCursor =
        offset + limit < all.length ? Buffer.from(JSON.stringify({ limit, offset: offset + limit })).toString('base64') : null
      reply(res, { data: all.slice(offset, offset + limit), nextCursor })
    },
    async ({ call }) => {
      const seen: string[] = []
      let next: Record<string, unknown> | undefined = { tags: 'a,b c', limit: 25 }
      while (next !== undefined) {
        const page: Awaited<ReturnType<typeof call>> = await call('n8n_list_workflows', next)
        assert.ok(page.text.length <= 2_000, `${page.text.length} characters`)
        assert.doesNotMatch(page.text, /[\u202e\u001b]/)
        const lines = page.data.split('\n').slice(1)
        assert.equal(lines.length, page.structured.workflows.length)
        seen.push(...lines.map((line) => line.split('\t')[0] ?? ''))
        next = page.next
      }
      assert.deepEqual(
        seen,
        all.map(({ id }) => id),
      )
    },
    { environment: { maxResultChars: 2_000 } },
  )
})

test('an upstream whose pages are empty and never end is left', () => {
  let requests = 0
  return withUpstream(
    (_req, res) => {
      requests += 1
      reply(res, { data: [], nextCursor: 'eyJsaW1pdCI6Miwib2Zmc2V0IjoyfQ==' })
    },
    async ({ call }) => {
      assert.match((await call('n8n_list_workflows')).text, /^0 workflows; more exist/)
      assert.equal(requests, 1)
    },
  )
})
