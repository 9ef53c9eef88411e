import assert from 'node:assert/strict'
import { environmentOf } from '../../../test/helpers/tool-client.ts'
import { test } from '../../../test/runner/harness.ts'
import { readConfig } from '../../host/config.ts'
import { openStorage } from '../backend.ts'
import { config, credentialsOf, endpointOf, scopeOf } from '../config.ts'
import { storage } from '../index.ts'

function read(env: Record<string, string>) {
  const { config: read, problems } = readConfig(config, env)
  assert.deepEqual(problems, [])
  assert.ok(read)
  return read
}

const endpoint = (env: Record<string, string>) => endpointOf(read(env))

test('reads an endpoint in each of its forms', () => {
  const cases: [env: Record<string, string>, host: string, port: number, secure: boolean][] = [
    [{ MINIO_ENDPOINT: 'http://minio:9000' }, 'minio', 9000, false],
    [{ MINIO_ENDPOINT: 'http://minio:9000/' }, 'minio', 9000, false],
    [{ MINIO_ENDPOINT: 'minio:9000' }, 'minio', 9000, false],
    [{ MINIO_ENDPOINT: 'minio:9000', MINIO_SECURE: 'true' }, 'minio', 9000, true],
    [{ MINIO_ENDPOINT: 'minio:9000', MINIO_USE_SSL: 'false' }, 'minio', 9000, false],
    [{ MINIO_ENDPOINT: 's3.example.net' }, 's3.example.net', 443, true],
    [{ MINIO_ENDPOINT: 's3.example.net:443' }, 's3.example.net', 443, true],
    [{ MINIO_ENDPOINT: 'http://s3.example.net:80' }, 's3.example.net', 80, false],
    [{ MINIO_ENDPOINT: 'HTTPS://S3.Example.Net' }, 's3.example.net', 443, true],
    [{ AWS_ENDPOINT_URL: 'https://s3.example.net:8443' }, 's3.example.net', 8443, true],
    [{ AWS_ENDPOINT_URL_S3: 'http://a:1', AWS_ENDPOINT_URL: 'http://b:2' }, 'a', 1, false],
    [{ MINIO_ENDPOINT: 'http://127.0.0.1:9000' }, '127.0.0.1', 9000, false],
  ]
  for (const [env, host, port, secure] of cases) assert.deepEqual(endpoint(env), { host, port, secure }, JSON.stringify(env))
})

test('refuses an endpoint that cannot be meant, and shows no credentials', () => {
  const cases: [env: Record<string, string>, expected: RegExp][] = [
    [{ MINIO_ENDPOINT: 'ftp://minio' }, /MINIO_ENDPOINT starts with ftp:/],
    [{ MINIO_ENDPOINT: 'http://minio:9000/bucket' }, /may not have a path/],
    [{ MINIO_ENDPOINT: 'http://user:hunter2@minio:9000' }, /holds credentials/],
    [{ MINIO_ENDPOINT: 'http://minio:port' }, /MINIO_ENDPOINT is not a valid URL/],
    [{ MINIO_ENDPOINT: 'https://minio:9000', MINIO_SECURE: 'false' }, /says https and MINIO_USE_SSL says false/],
  ]
  for (const [env, expected] of cases) {
    assert.throws(
      () => endpoint(env),
      (error: Error) => expected.test(error.message) && !error.message.includes('hunter2'),
      JSON.stringify(env),
    )
  }
})

test('takes the names that Amazon uses', () => {
  const settings = read({
    AWS_ENDPOINT_URL: 'http://minio:9000',
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'token',
    AWS_REGION: 'eu-west-7',
  })
  assert.deepEqual(credentialsOf(settings), { accessKey: 'id', secretKey: 'secret', sessionToken: 'token' })
  assert.equal(settings.MINIO_REGION, 'eu-west-7')
})

test('is anonymous without keys, and refuses half a pair', () => {
  assert.equal(credentialsOf(read({ MINIO_ENDPOINT: 'http://minio:9000' })), undefined)
  assert.throws(() => credentialsOf(read({ MINIO_ACCESS_KEY: 'a' })), /MINIO_ACCESS_KEY is set without MINIO_SECRET_KEY/)
  assert.throws(() => credentialsOf(read({ MINIO_SECRET_KEY: 'a' })), /MINIO_SECRET_KEY is set without MINIO_ACCESS_KEY/)
})

test('is not configured without an endpoint', () => {
  assert.equal(storage.missing(read({})), 'set MINIO_ENDPOINT')
  assert.equal(storage.missing(read({ AWS_ENDPOINT_URL: 'http://a' })), undefined)
})

test('warns about the key that every store begins with', async () => {
  const warnings: string[] = []
  const log = { debug() {}, info() {}, error() {}, warn: (message: string) => void warnings.push(message) }
  const keys = { MINIO_ENDPOINT: 'http://minio:9000', MINIO_SECRET_KEY: 'x' }
  await openStorage(read({ ...keys, MINIO_ACCESS_KEY: 'minioadmin' }), environmentOf({ log })).close()
  await openStorage(read({ ...keys, MINIO_ACCESS_KEY: 'reader' }), environmentOf({ log })).close()
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /root user/)
})

test('admits buckets by name and glob', () => {
  const scope = scopeOf(read({ MINIO_ALLOWED_BUCKETS: 'media, backup-*' }))
  const admitted = ['media', 'media2', 'xmedia', 'backup-', 'backup-1', 'backup'].filter((name) => scope.admitsBucket(name))
  assert.deepEqual(admitted, ['media', 'backup-', 'backup-1'])
  assert.deepEqual(scope.allowed, ['media'])
  assert.equal(scopeOf(read({})).admitsBucket('anything'), true)
  assert.equal(scopeOf(read({})).allowed, undefined)
})

test('denies keys in every form in which a store may read them', () => {
  const { deniesKey } = scopeOf(read({ MINIO_DENY_KEYS: '*.env,private/*,caf\u00e9' }))
  const keys = [
    '.env',
    'a/B.ENV',
    'private/',
    'private/x',
    'Private/x/y',
    '/private/x',
    '//private//x',
    './private/x',
    'private/./x',
    'cafe\u0301',
    '/café',
  ]
  assert.deepEqual(
    keys.filter((key) => !deniesKey(key)),
    [],
  )
  for (const key of ['env', 'a.env.txt', 'privat/x', 'my/private/x', 'privatex', 'cafe']) assert.equal(deniesKey(key), false, key)
})
