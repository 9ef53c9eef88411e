// What `octet connect litellm` prints, read by the real LiteLLM through `include`, and what `octet doctor --litellm` finds there.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Litellm, skipLitellm } from '../../../test/fixtures/litellm.ts'
import { withChild } from '../../../test/helpers/child.ts'
import { test } from '../../../test/runner/harness.ts'
import { inFolder, runOctet } from './run-octet.ts'

const masterKey = `sk-${randomBytes(16).toString('hex')}` // LiteLLM refuses a weak one

/** A running octet, and a LiteLLM whose config.yaml includes the fragment that was printed for it. */
function withBoth(
  serverEnv: Record<string, string>,
  litellmEnv: Record<string, string>,
  use: (doctor: (env?: Record<string, string>) => ReturnType<typeof runOctet>) => Promise<void>,
): Promise<void> {
  return inFolder((folder) =>
    withChild('servers/cli/octet.ts', ['start', 'filesystem', 'fetch'], { FS_ROOTS: folder, ...serverEnv }, async ({ url }) => {
      const env = { MCP_PORT: new URL(url).port, ...serverEnv }
      const { stdout } = await runOctet(['connect', 'litellm'], folder, env)
      const fragment = join(folder, 'octet.yaml')
      writeFileSync(fragment, stdout)
      const config = { include: [fragment], model_list: [], general_settings: { master_key: masterKey } }
      const gateway = await Litellm.run(JSON.stringify(config), masterKey, litellmEnv)
      try {
        await use((more = {}) =>
          runOctet(['doctor', 'filesystem', 'fetch', '--litellm', gateway.url], folder, {
            ...{ ...env, FS_ROOTS: folder, LITELLM_MASTER_KEY: masterKey },
            ...more,
          }),
        )
      } finally {
        await gateway.stop()
      }
    }),
  )
}

const live = (name: string, body: () => Promise<void>): void => test.unless(skipLitellm)(name, body, { timeoutMs: 240_000 })

live('LiteLLM takes the fragment by include and lists every tool; doctor agrees, and tells a wrong key', () =>
  withBoth({ MCP_AUTH_TOKEN: 'a-token-of-the-test' }, { MCP_AUTH_TOKEN: 'a-token-of-the-test' }, async (doctor) => {
    const { code, stdout } = await doctor()
    assert.deepEqual(
      [code, stdout.replace(/\s+/g, ' ').startsWith('all is well: filesystem, fetch can be reached')],
      [0, true],
      stdout,
    )
    const refused = await doctor({ LITELLM_MASTER_KEY: 'sk-wrong' })
    assert.equal(refused.code, 1)
    assert.match(refused.stdout, /^LiteLLM at .*LITELLM_MASTER_KEY/s)
  }),
)

live('the fragment for servers without a token works too', () =>
  withBoth({}, {}, async (doctor) => {
    const { code, stdout } = await doctor()
    assert.equal(code, 0, stdout)
  }),
)

live('doctor names the servers whose tools LiteLLM lacks, here because its token is missing', () =>
  withBoth({ MCP_AUTH_TOKEN: 'a-token-of-the-test' }, {}, async (doctor) => {
    const { code, stdout } = await doctor()
    assert.equal(code, 1)
    const text = stdout.replace(/\s+/g, ' ')
    assert.match(text, /lists no tool of filesystem/)
    assert.match(text, /lists no tool of fetch/)
  }),
)
