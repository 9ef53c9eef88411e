// The server of the README runs as printed, and answers its curl command as printed.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { JsonLineProcess } from '../../test/helpers/json-line-process.ts'
import { postJson } from '../../test/helpers/wire.ts'
import { test } from '../../test/runner/harness.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test('the server of the README has at most 25 lines of code and answers as printed', async () => {
  const source = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? ''
  assert.ok(source.split('\n').filter((line) => line.trim() !== '').length <= 25)
  const folder = mkdtempSync(fileURLToPath(new URL('tmp-', import.meta.url)))
  const file = join(folder, 'server.ts')
  writeFileSync(
    file,
    source
      .replace('octet-mcp/protocol', '../../index.ts')
      .replace('port: 8080', 'port: 0')
      .replace(/console\.log\(.*\)/, 'console.log(JSON.stringify({ url }))'),
  )
  const child = new JsonLineProcess(process.execPath, ['--import', 'tsx', file], {})
  try {
    const { url } = await child.line('url', (line) => typeof line.url === 'string')
    const sent = /-d '(.*)'\n/.exec(readme)?.[1] ?? ''
    const printed = [...readme.matchAll(/^# (.*)$/gm)].slice(1).map(([, line]) => line?.trim())
    assert.equal((await postJson(`${url}/mcp`, sent)).text, printed.join(''))
  } finally {
    await child.stop()
    rmSync(folder, { recursive: true })
  }
})
