// What the Compose files pass to the containers: every documented variable of .env, nothing for a backend that is not configured, and the
// ports that the README promises.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { catalog, serverNames } from '../../servers/cli/catalog.ts'
import { findUnknown, readConfig } from '../../servers/host/config.ts'
import { settingsSchema } from '../../servers/host/settings.ts'
import type { AnyServer } from '../../servers/kit/definition.ts'
import { docker, hostEngine, skipContainers } from '../images/containers.ts'
import { test } from '../runner/harness.ts'

const composeTest = test.unless(skipContainers)

/** Set by compose.yaml itself, because its volumes, ports and memory limits depend on them. */
const fixed = ['MCP_HOST', 'MCP_PORT', 'AUDIT_FILE']

/** Read by Compose itself, from the same .env: the `${NAME…}` of the files. */
const ofCompose = ['compose.yaml', 'compose.join.yaml']
  .flatMap((file) => [...readFileSync(`docker/${file}`, 'utf8').matchAll(/\$\{([A-Z0-9_]+)/g)])
  .map(([, name = '']) => name)
  .filter((name) => !/_PORT(_|$)/.test(name)) // Compose reads them as numbers

interface Service {
  environment?: Record<string, string | null>
  networks?: Record<string, unknown>
  ports?: { host_ip: string; target: number; published: string }[]
}

/** The services as Compose reads them from these files, with this `.env`. */
async function services(files: readonly string[], env: Record<string, string>): Promise<Record<string, Service>> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-compose-'))
  try {
    const lines = Object.entries(env).map(([name, value]) => `${name}=${value}\n`)
    await writeFile(join(folder, '.env'), lines.join(''))
    await writeFile(join(folder, 'demo.env'), '')
    const args = ['compose', ...files.flatMap((file) => ['-f', `docker/${file}`]), '--project-directory', folder]
    const { code, stdout, stderr } = await docker(hostEngine, [...args, '--profile', '*', 'config', '--format', 'json'])
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    return JSON.parse(stdout).services
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The variables that the pages of a server document, in every form. */
async function documented(name: keyof typeof catalog): Promise<string[]> {
  return [settingsSchema, (await catalog[name]()).config]
    .flatMap(({ properties }) => Object.entries(properties))
    .flatMap(([variable, about]) => (about['x-secret'] === true ? [variable, `${variable}_FILE`] : [variable]))
}

composeTest('every documented variable of .env reaches its server, whose container fixes three of them', async () => {
  const all = new Set((await Promise.all(serverNames.map(documented))).flat())
  assert.ok(all.size > 126, `${all.size} variables`)
  const own = ofCompose.map((name) => [name, '/value'])
  const env = Object.fromEntries([...own, ...[...all].map((name) => [name, `value-of-${name}`])])
  const found = await services(['compose.yaml'], env)
  for (const name of serverNames) {
    const environment = found[`mcp-${name}`]?.environment ?? {}
    const missing = (await documented(name)).filter((variable) => environment[variable] !== env[variable])
    assert.deepEqual(missing.sort(), [...fixed].sort(), name)
    // The others' variables, and Compose's own, are not taken for misspelled ones.
    const schemas = [settingsSchema, (await catalog[name]()).config]
    assert.deepEqual(findUnknown(schemas, environment as Record<string, string>).misspelled, [], name)
  }
})

composeTest('without .env the servers of backends are not configured', async () => {
  const found = await services(['compose.yaml'], {})
  for (const name of ['postgres', 'timescaledb', 'storage', 'monitoring', 'n8n'] as const) {
    const { environment = {} } = found[`mcp-${name}`] ?? {}
    const definition: AnyServer = await catalog[name]()
    const { config } = readConfig(definition.config, environment as Record<string, string>)
    assert.equal(typeof definition.missing(config as never), 'string', name)
  }
})

composeTest('the demonstration configures the five backends, and in .env nothing of it is needed', async () => {
  const { code, stdout } = await docker(hostEngine, [
    ...['compose', '-f', 'docker/compose.yaml', '-f', 'docker/compose.demo.yaml'],
    ...['--profile', '*', 'config', '--format', 'json'],
  ])
  assert.equal(code, 0)
  const found: Record<string, Service> = JSON.parse(stdout).services
  for (const name of ['mcp-postgres', 'mcp-timescaledb', 'mcp-storage', 'mcp-monitoring', 'mcp-n8n', 'mcp-all']) {
    const { PGHOST, TSDB_HOST, MINIO_ENDPOINT, LOKI_URL, N8N_API_URL } = found[name]?.environment ?? {}
    assert.deepEqual(
      [PGHOST, TSDB_HOST, MINIO_ENDPOINT, LOKI_URL, N8N_API_URL],
      ['postgres', 'timescaledb', 'http://minio:9000', 'http://loki:3100', 'http://n8n:5678'],
    )
  }
  for (const name of ['mcp-fetch', 'mcp-playwright', 'mcp-filesystem']) assert.equal(found[name]?.environment?.PGHOST, undefined)
})

composeTest('each server has one port of loopback; the container with the files has none, and one internal network', async () => {
  const found = await services(['compose.yaml', 'compose.join.yaml'], {})
  const ports = Object.entries(found).flatMap(([name, { ports = [] }]) =>
    ports.map(({ host_ip, published, target }) => `${host_ip}:${published} ${name}:${target}`),
  )
  assert.deepEqual(ports.sort(), [
    '127.0.0.1:4000 litellm:4000',
    '127.0.0.1:8080 mcp-all:8080',
    '127.0.0.1:8081 mcp-postgres:8080',
    '127.0.0.1:8082 mcp-timescaledb:8080',
    '127.0.0.1:8083 mcp-storage:8080',
    '127.0.0.1:8084 mcp-monitoring:8080',
    '127.0.0.1:8085 mcp-filesystem-port:8080',
    '127.0.0.1:8086 mcp-n8n:8080',
    '127.0.0.1:8087 mcp-fetch:8080',
    '127.0.0.1:8088 mcp-playwright:8080',
  ])
  assert.deepEqual(Object.keys(found['mcp-filesystem']?.networks ?? {}), ['filesystem'])
})

composeTest('`status` asks all eight, and shares a network with each', async () => {
  const found = await services(['compose.yaml'], {})
  const status = found.status as Service & { command: string[] }
  assert.deepEqual(status.command, ['status', ...serverNames.map((name) => `http://mcp-${name}:8080`)])
  for (const name of serverNames) {
    const shared = Object.keys(found[`mcp-${name}`]?.networks ?? {}).filter((each) => each in (status.networks ?? {}))
    assert.equal(shared.length, 1, name)
  }
})
