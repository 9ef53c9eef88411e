// What a release publishes agrees with itself: versions, the entry of the MCP registry, release notes, and the actions of the workflows.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../package.json' with { type: 'json' }
import serverJson from '../server.json' with { type: 'json' }
import { catalog, serverNames } from '../servers/cli/catalog.ts'
import { settingsSchema } from '../servers/host/settings.ts'
import { test } from './runner/harness.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const { name, version, mcpName } = packageJson

test('server.json, the images and the files for operators name the version of the package', () => {
  const [entry] = serverJson.packages
  assert.deepEqual([serverJson.name, serverJson.version, entry?.identifier, entry?.version], [mcpName, version, name, version])
  for (const file of ['docker/Dockerfile', 'docker/Dockerfile.playwright'])
    assert.equal(/^ARG VERSION=(.*)$/m.exec(read(file))?.[1], version, file)
  const named = readdirSync(join(root, 'docker')).flatMap((file) =>
    /\.(yaml|md)$/.test(file)
      ? [...read(`docker/${file}`).matchAll(/octet-mcp(?:-playwright)?:(?:\$\{OCTET_VERSION:-)?([\d.]*\d)/g)].map(
          (match) => `${file}: ${match[1]}`,
        )
      : [],
  )
  assert.ok(named.length > 3)
  assert.deepEqual(
    named.filter((each) => !each.endsWith(`: ${version}`)),
    [],
  )
})

test('server.json meets the limits of the MCP registry and names variables that exist', async () => {
  assert.match(serverJson.name, /^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/)
  assert.ok(serverJson.description.length <= 100)
  const servers = await Promise.all(serverNames.map((each) => catalog[each]()))
  const known = new Set(
    [settingsSchema, ...servers.map(({ config }) => config)].flatMap(({ properties }) => Object.keys(properties)),
  )
  const variables = serverJson.packages.flatMap(({ environmentVariables }) => environmentVariables.map((each) => each.name))
  assert.ok(variables.length > 0)
  assert.deepEqual(
    variables.filter((each) => !known.has(each)),
    [],
  )
})

test('the changelog has the notes of this version', () => {
  assert.match(read('CHANGELOG.md'), /^## \[Unreleased\]$/m)
  assert.match(read('CHANGELOG.md'), new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d\\d-\\d\\d$`, 'm'))
  const notes = (wanted: string): string =>
    execFileSync(join(root, 'scripts/ci/release-notes.sh'), [wanted], { encoding: 'utf8' })
  assert.match(notes(version), /^### Added\n/)
  assert.throws(() => notes('99.0.0'))
})

test('every action in a workflow has the digest of a commit, and its version as a comment', () => {
  const uses = readdirSync(join(root, '.github/workflows')).flatMap((file) =>
    [...read(`.github/workflows/${file}`).matchAll(/uses: (.*)/g)].map((match) => `${file}: ${match[1]}`),
  )
  assert.ok(uses.length > 5)
  assert.deepEqual(
    uses.filter((each) => !/: (\.\/\.github\/\S+|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/.test(each)),
    [],
  )
})
