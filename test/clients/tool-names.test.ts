// Names of the tools behind a gateway: LiteLLM puts `<server>-` before each, and model APIs admit 64 of A-Z a-z 0-9 _ - (docs/clients.md).
import assert from 'node:assert/strict'
import { catalog, listingEnvironment, serverNames } from '../../servers/cli/catalog.ts'
import { test } from '../runner/harness.ts'

test('the name of every tool fits behind the prefix of a gateway', async () => {
  const names = new Set<string>()
  for (const server of serverNames) {
    const definition = await catalog[server]()
    for (const { name } of definition.tools(undefined as never, listingEnvironment)) {
      assert.match(name, /^[A-Za-z][A-Za-z0-9_]{0,39}$/)
      assert.ok(`${server}-${name}`.length <= 64, name)
      names.add(name)
    }
  }
  assert.ok(names.size >= 31)
})
