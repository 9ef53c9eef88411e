// examples/conformance-github-action: the command of the workflow, run on a real server.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import { runChild, withChild } from '../helpers/child.ts'
import { test } from '../runner/harness.ts'
import { repository } from './packed.ts'

test(
  'the workflow calls a command of the package, whose report is Markdown and whose exit code is 0 for a conformant server',
  () =>
    withChild(join(repository, 'servers/cli/octet.ts'), ['start', 'filesystem'], { FS_ROOTS: repository }, async ({ url }) => {
      const workflow = readFileSync(join(repository, 'examples/conformance-github-action/conformance.yml'), 'utf8')
      const [, name, command = '', address, options = ''] =
        /npx -y -p (\S+) (\S+) (http:\S+) (.*?) \| tee conformance\.md >> "\$GITHUB_STEP_SUMMARY"/.exec(workflow) ?? []
      assert.deepEqual([name, address], [packageJson.name, 'http://127.0.0.1:8080/mcp'])
      assert.equal((packageJson.bin as Record<string, string>)[command], './dist/conformance/cli.js')
      const cli = join(repository, 'conformance/cli.ts')
      const { code, stdout, stderr } = await runChild(cli, [`${url}/mcp`, ...options.split(' ')])
      assert.equal(code, 0, stdout + stderr)
      assert.match(stdout, /^#+ .*\n[\s\S]*\n\| /)
    }),
  { timeoutMs: 120_000 },
)
