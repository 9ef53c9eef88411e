// `octet audit`: what it shows of one process or several, and how it says that a trail is wrong or cannot be read.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, withChild } from '../../../test/helpers/child.ts'
import { McpSession } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { inFolder, octetCommand, runOctet } from './run-octet.ts'

const line = (ts: string, record: object): string =>
  `${JSON.stringify({ ts, type: 'tool_call', tool: 'read_file', principal: 'litellm', outcome: 'ok', ...record })}\n`
const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString()

/** The trails of two replicas, whose calls alternate. */
function twoReplicas(folder: string): [string, string] {
  const files: [string, string] = [join(folder, 'a.jsonl'), join(folder, 'b.jsonl')]
  const long = 'somebody.with.a.long.name@department.example.org'
  writeFileSync(
    files[0],
    line(hoursAgo(99), { user: 'old@x' }) +
      line(hoursAgo(3), { user: 'jo@x', args: { path: 'a.md' }, duration_ms: 5.8 }) +
      line(hoursAgo(1), {
        type: 'denied',
        tool: undefined,
        outcome: undefined,
        principal: undefined,
        reason: 'credentials',
        remote: '10.0.0.9',
        repeated: 7,
      }),
  )
  writeFileSync(
    files[1],
    line(hoursAgo(2), {
      user: long,
      tool: 'postgres_query',
      outcome: 'error',
      error_code: 'NOT_FOUND',
      error_text: 'no \x1b[31mtable',
    }) +
      line(hoursAgo(0.5), { type: 'intent' }) +
      '{"half',
  )
  return files
}

test('audit show puts the files of several processes in the order of time, on 80 columns', () =>
  inFolder(async (folder) => {
    const { stdout, code } = await runOctet(['audit', 'show', ...twoReplicas(folder)], folder)
    assert.equal(code, 0)
    const lines = stdout.trimEnd().split('\n')
    for (const each of lines) assert.ok(each.length <= 80, each)
    const rows = lines.filter((each) => !each.startsWith('  ')).map((each) => each.split(/ {2,}/).slice(1))
    assert.deepEqual(
      rows.map(([who, tool]) => [who?.slice(0, 8), tool]),
      [
        ['who', 'tool'],
        ['old@x', 'read_file'],
        ['jo@x', 'read_file'],
        ['somebody', 'postgres_query'],
        ['10.0.0.9', 'denied'],
      ],
    )
    assert.match(stdout, /ok {7}5\.8\n {2}\{"path":"a\.md"\}/)
    assert.match(stdout, /\n {2}NOT_FOUND no table\n/)
    assert.match(stdout, /\n {2}credentials and 7 more\n?$/)
  }))

test('audit show takes only what was asked for', () =>
  inFolder(async (folder) => {
    const files = twoReplicas(folder)
    const who = async (...options: string[]): Promise<unknown[]> => {
      const { stdout } = await runOctet(['audit', 'show', ...files, '--json', ...options], folder)
      return stdout
        .split('\n')
        .filter((each) => each !== '')
        .map((each) => JSON.parse(each).user ?? JSON.parse(each).remote)
    }
    assert.equal((await who()).length, 4)
    assert.deepEqual(await who('--since', '150m', '--errors'), ['somebody.with.a.long.name@department.example.org', '10.0.0.9'])
    assert.equal((await who('--since', 'yesterday')).length, 3)
    assert.equal((await who('--since', hoursAgo(100))).length, 4)
    assert.deepEqual(await who('--user', 'jo@'), ['jo@x'])
    assert.equal((await who('--user', 'litellm')).length, 3)
    assert.deepEqual(await who('--tool', 'postgres', '--since', '7d'), ['somebody.with.a.long.name@department.example.org'])
    assert.match((await runOctet(['audit', 'show', ...files, '--user', 'nobody'], folder)).stdout, /no call or refusal matches/)
    const wrong = await runOctet(['audit', 'show', ...files, '--since', 'last week'], folder)
    assert.deepEqual([wrong.code, /"last week" is not a time; write yesterday/.test(wrong.stderr)], [2, true])
  }))

test('audit show ends quietly when its reader has had enough', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'big.jsonl')
    writeFileSync(file, line(hoursAgo(1), { args: 'x'.repeat(1_000) }).repeat(2_000))
    const words = [process.execPath, ...octetCommand, 'audit', 'show', file, '--json'].map((word) => `'${word}'`).join(' ')
    const { stdout, stderr } = await run('sh', ['-c', `${words} | head -c 100`])
    assert.deepEqual([stdout.length, stderr], [100, ''])
  }))

test('audit verify: 0 for a whole trail, 1 for one with problems, 66 when it cannot be read', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'audit.jsonl')
    const env = { FS_ROOTS: folder, AUDIT_FILE: file, AUDIT_KEY: 'a key of sixteen or more' }
    await withChild('servers/cli/octet.ts', ['start', 'filesystem'], env, async ({ url, stop }) => {
      const session = await McpSession.open(`${url}/sse`)
      await session.call('list_directory')
      session.close()
      await stop()
    })
    const verify = (files: string[], key = env.AUDIT_KEY) => runOctet(['audit', 'verify', ...files], folder, { AUDIT_KEY: key })
    const whole = await verify([file])
    assert.deepEqual([whole.code, /^3 records, 0 problems; head [0-9a-f]{64} \(seq 3\)$/m.test(whole.stdout)], [0, true])
    const unkeyed = await verify([file], '')
    assert.equal(unkeyed.code, 1)
    assert.match(unkeyed.stdout, /no record can be verified without AUDIT_KEY/)
    assert.match((await verify([file], 'another key of sixteen')).stdout, /no record can be verified with this AUDIT_KEY/)
    for (const each of [join(folder, 'nothing.jsonl'), folder]) {
      const { code, stderr } = await verify([file, each])
      assert.equal(code, 66)
      assert.match(stderr, new RegExp(`${each} cannot be read \\((ENOENT|EISDIR)\\)`))
      assert.equal((await runOctet(['audit', 'show', each], folder)).code, 66)
    }
    assert.match((await runOctet(['audit', 'show', file], folder)).stdout, /list_directory {2}ok/)
  }))
