import assert from 'node:assert/strict'
import { test } from '../runner/harness.ts'
import { withSample } from './sample-server.ts'

test('requests at once get their own responses, in whatever order these come', () =>
  withSample({}, async (session, { release }) => {
    const slow = session.call('wait')
    const texts = Array.from({ length: 20 }, (_, i) => `text ${i}`)
    const answers = await Promise.all(texts.map((text) => session.call('echo', { text })))
    assert.deepEqual(
      answers.map(({ content }) => content[0].text),
      texts,
    )
    release()
    assert.equal((await slow).content[0].text, 'released')
  }))

test('a begun request tells its progress and can be cancelled by its id', () =>
  withSample({}, async (session, { seen }) => {
    let reported: (progress: unknown) => void = () => {}
    const progress = new Promise((resolve) => {
      reported = resolve
    })
    const { id, response } = session.begin('tools/call', { name: 'wait' }, { onProgress: (params) => reported(params) })
    const stopped = assert.rejects(response, /the stream ended/)
    assert.deepEqual(await progress, { progressToken: id, progress: 0 })
    await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } })
    assert.equal((await session.call('echo', { text: 'x' })).content[0].text, 'x')
    assert.equal(seen.aborted.length, 1)
    session.close()
    await stopped
  }))
