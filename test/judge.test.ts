// The judge on our own servers: every server of the catalog, over both transports, strictly.
import assert from 'node:assert/strict'
import { serverNames } from '../servers/catalog.ts'
import { runChild, withChild } from './child.ts'
import { test } from './harness.ts'

for (const name of serverNames) {
  for (const transport of ['sse', 'mcp']) {
    test(
      `the judge finds nothing wrong with ${name} over /${transport}`,
      () =>
        withChild('servers/octet.ts', ['serve', name], { AUDIT_FILE: '/dev/null' }, async ({ url }) => {
          const { code, stdout, stderr } = await runChild('conformance/cli.ts', [
            `${url}/${transport}`,
            '--format',
            'json',
            '--strict',
          ])
          assert.equal(code, 0, stderr)
          const { cases } = JSON.parse(stdout) as { cases: { id: string; status: string; message: string }[] }
          assert.deepEqual(
            cases.filter(({ status }) => status === 'fail'),
            [],
          )
          assert.equal(cases.filter(({ status }) => status === 'pass').length > 200, true)
        }),
      { timeoutMs: 60_000 },
    )
  }
}
