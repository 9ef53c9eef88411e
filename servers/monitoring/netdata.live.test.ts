// get_system_metrics on a real Netdata.
import assert from 'node:assert/strict'
import { test } from '../../test/harness.ts'
import { type Wire, withWire } from './wire.ts'

const url = process.env.OCTET_TEST_NETDATA_URL
const live = test.unless(url === undefined ? 'Netdata is not running (OCTET_TEST_NETDATA_URL)' : undefined)
const withNetdata = (work: (wire: Wire) => Promise<void>) => withWire({ config: { NETDATA_URL: url } }, work)

live('answers without arguments in about a kilobyte', () =>
  withNetdata(async ({ call }) => {
    const answer = await call('get_system_metrics', {})
    console.log(answer.text)
    assert.equal(answer.isError, false)
    assert.match(answer.text, /^\d charts over the last 5 min; /)
    assert.match(answer.data, /^system\.load \(load/m)
  }),
)
