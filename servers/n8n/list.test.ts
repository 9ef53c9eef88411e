// n8n_list_workflows against recorded answers of n8n 2.41.1, and against larger ones.
import assert from 'node:assert/strict'
import { test } from '../../test/harness.ts'
import { replay, target, withUpstream } from './testing/wire.ts'

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
