import assert from 'node:assert/strict'
import { homedir } from 'node:os'
import { basename } from 'node:path'
import { compileValidator, type JsonSchema } from '../../../protocol/index.ts'
import { withChild } from '../../../test/helpers/child.ts'
import { McpSession, send } from '../../../test/helpers/wire.ts'
import { test } from '../../../test/runner/harness.ts'
import { openFilesystem } from '../backend.ts'
import { config, parseDeny, parseRoots } from '../config.ts'
import { filesystem } from '../index.ts'
import { foldPath } from '../lib/glob.ts'
import { rawPath, segmentsOf } from '../lib/raw-path.ts'

const folded = (path: string): string => foldPath(segmentsOf(rawPath(path)))
const settings = { FS_ROOTS: ['/data'], FS_ALLOW_HIDDEN: true, FS_DENY_HARDLINKS: false, FS_MAX_READ_BYTES: 262_144 }

test('a root is named after its folder unless it has a name', () => {
  assert.deepEqual(parseRoots(['/data']), [{ label: 'data', path: '/data' }])
  assert.deepEqual(parseRoots(['docs=/data/docs/', ' logs = /var/log/../log ']), [
    { label: 'docs', path: '/data/docs' },
    { label: 'logs', path: '/var/log' },
  ])
  assert.deepEqual(parseRoots(['/srv/a=b']), [{ label: 'root', path: '/srv/a=b' }])
  assert.deepEqual(parseRoots(['/']), [{ label: 'root', path: '/' }])
  assert.deepEqual(parseRoots(['.'])[0]?.path, process.cwd())
})

test('roots that cannot be told apart or named are refused', () => {
  assert.throws(() => parseRoots(['/a/data', '/b/data']), /two roots are named "data"; write name=\/folder/)
  assert.throws(() => parseRoots(['/a', '/srv/my files']), /"my files" cannot name a root/)
  assert.throws(() => parseRoots([' ']), /a root is empty/)
  assert.throws(() => parseRoots(['..=/a', '/b']), /cannot name a root/)
})

const secret = [
  '.env',
  'a/.env.local',
  '.ssh',
  '.ssh/config',
  'id_rsa',
  'x/id_ed25519.pub',
  'server.pem',
  'TLS/SERVER.KEY',
  'a.p12',
]
const more = [
  'db.kdbx',
  '.git/config',
  'r/.git/config',
  '.aws/credentials',
  '.docker/config.json',
  'app.sqlite-wal',
  '.netrc',
  '.pgpass',
]
const ordinary = [
  'env',
  'README.md',
  '.gitignore',
  '.git/HEAD',
  '.docker/daemon.json',
  'keys.txt',
  'docker/config.json',
  'pem/readme',
]

test('secrets are denied by default, ordinary files are not', () => {
  const deny = parseDeny(undefined)
  for (const path of [...secret, ...more]) assert.equal(deny(folded(path), ''), true, path)
  for (const path of ordinary) assert.equal(deny(folded(path), ''), false, path)
})

test('the secrets of the container are denied by their real path', () => {
  const deny = parseDeny(undefined)
  const isDenied = (path: string): boolean => deny(folded(path), folded(path))
  assert.deepEqual(['run/secrets/token', 'run/secrets', 'etc/shadow-', 'run/other'].map(isDenied), [true, true, true, false])
})

test('FS_DENY adds patterns, and ! admits again', () => {
  const deny = parseDeny('*.{bak,old}, private/**, !.env.example, /srv/data/hidden/**')
  const isDenied = (path: string): boolean => deny(folded(path), folded(`srv/data/${path}`))
  for (const path of ['a.bak', 'x/a.OLD', 'private', 'private/a', '.env', 'hidden/x']) assert.equal(isDenied(path), true, path)
  for (const path of ['.env.example', 'x/private/a', 'a.txt']) assert.equal(isDenied(path), false, path)
})

test('a pattern that stands for too many names its variable', () => {
  assert.throws(() => parseDeny('{a,b}'.repeat(9)), /FS_DENY: .*more than 64/)
})

test('the schema of the environment compiles and its defaults fit it', () => {
  const { properties, ...rest } = config
  const plain = Object.fromEntries(
    Object.entries(properties).map(([name, variable]) => [
      name,
      Object.fromEntries(Object.entries(variable).filter(([key]) => !key.startsWith('x-'))),
    ]),
  )
  const validate = compileValidator({ ...rest, properties: plain } as JsonSchema)
  assert.equal(validate(settings), true)
  assert.equal(validate({ ...settings, FS_MAX_READ_BYTES: 1 }), false)
})

test('without roots the server says what to set and each call says so too', () => {
  for (const FS_ROOTS of [undefined, []]) assert.match(filesystem.missing({ ...settings, FS_ROOTS }) ?? '', /^set FS_ROOTS/)
  assert.equal(filesystem.missing(settings), undefined)
})

test('a demonstration shows the sample files of the repository and nothing else', async () => {
  const clean = { MCP_PORT: '0' }
  await withChild('servers/cli/octet.ts', ['serve', 'filesystem'], clean, async ({ url }) => {
    const session = await McpSession.open(`${url}/sse`)
    const { text } = (await session.call('list_directory')).content[0]
    assert.match(text, /orders\.csv/)
    assert.doesNotMatch(text, /package\.json/)
    session.close()
  })
  const open = { ...clean, MCP_HOST: '0.0.0.0', MCP_AUTH_TOKEN: 'long-enough' }
  await withChild('servers/cli/octet.ts', ['serve', 'filesystem'], open, async ({ url }) => {
    const headers = { Authorization: 'Bearer long-enough' }
    const { state } = (await send(`${url}/ready`, { headers })).json().servers.filesystem
    assert.equal(state, 'not_configured', 'beyond loopback nothing is shown unless FS_ROOTS says so')
  })
})

test('a list with colons and a tilde say how to write them', () => {
  assert.throws(() => parseRoots(['/srv/docs:/srv/logs']), /separate folders by commas: \/srv\/docs,\/srv\/logs/)
  assert.throws(() => parseRoots(['docs=~/docs']), new RegExp(`write ${homedir()}/docs`))
})

test('the probe names the root that cannot be read, and its path', async () => {
  const signal = new AbortController().signal
  const broken = openFilesystem({ ...settings, FS_ROOTS: ['here=.', 'gone=/no/such/folder'] })
  await assert.rejects(broken.probe(signal), {
    code: 'UPSTREAM_UNREACHABLE',
    message: 'root "gone" (/no/such/folder) does not exist',
  })
  const file = openFilesystem({ ...settings, FS_ROOTS: ['package=package.json'] })
  await assert.rejects(file.probe(signal), { message: /^root "package" \(\/.*package.json\) is not a folder$/ })
  const whole = openFilesystem({ ...settings, FS_ROOTS: ['.'] })
  assert.deepEqual(await whole.probe(signal), { roots: basename(process.cwd()) })
  assert.equal(whole.upstream, basename(process.cwd()))
})
