// examples/litellm-open-webui: the real LiteLLM loads its configuration, and Compose reads its file with docker/compose.yaml.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverNames } from '../../servers/cli/catalog.ts'
import { Litellm, skipLitellm } from '../fixtures/litellm.ts'
import { withChild } from '../helpers/child.ts'
import { docker, hostEngine, skipContainers } from '../images/containers.ts'
import { test } from '../runner/harness.ts'
import { repository } from './packed.ts'

const example = join(repository, 'examples/litellm-open-webui')
const token = 'a-token-for-one-run'

test.unless(skipLitellm)(
  'LiteLLM lists the local model, and the servers and tools of docker/litellm.yaml',
  () =>
    withChild(
      join(repository, 'servers/cli/octet.ts'),
      ['start', 'filesystem', 'fetch'],
      { MCP_AUTH_TOKEN: token },
      async ({ url }) => {
        const folder = mkdtempSync(join(tmpdir(), 'octet-example-'))
        const servers = readFileSync(join(repository, 'docker/litellm.yaml'), 'utf8')
        const included = join(folder, 'octet.yaml')
        writeFileSync(included, servers.replace(/http:\/\/mcp-(\w+):8080/g, `${url}/$1`))
        const config = readFileSync(join(example, 'litellm.yaml'), 'utf8').replace('octet.yaml', included)
        const litellm = await Litellm.run(config, undefined, { MCP_AUTH_TOKEN: token, OPENAI_API_KEY: 'none' })
        try {
          const models = await litellm.get<{ data: { id: string }[] }>('/v1/models')
          assert.deepEqual(models.body.data.map(({ id }) => id).sort(), ['assistant', 'assistant-with-tools', 'local'])
          const known = await litellm.get<{ server_name: string }[]>('/v1/mcp/server')
          assert.deepEqual(known.body.map((each) => each.server_name).sort(), [...serverNames].sort())
          const { body } = await litellm.get<{ tools: { name: string }[] }>('/mcp-rest/tools/list')
          const tools = body.tools.map(({ name }) => name)
          for (const name of ['read_file', 'fetch_web_content']) assert.ok(tools.includes(name), tools.join())
        } finally {
          await litellm.stop()
          rmSync(folder, { recursive: true })
        }
      },
    ),
  { timeoutMs: 180_000 },
)

interface Service {
  networks?: Record<string, unknown>
  ports?: { host_ip: string }[]
  volumes?: { source: string; target: string }[]
}

test.unless(skipContainers)('Compose adds Open WebUI to the gateway, on a network without the servers', async () => {
  const files = ['docker/compose.yaml', 'examples/litellm-open-webui/compose.yaml'].flatMap((file) => ['-f', file])
  const config = ['compose', ...files, '--profile', 'litellm', 'config', '--format', 'json']
  const LITELLM_CONFIG = '../examples/litellm-open-webui/litellm.yaml'
  const { code, stdout, stderr } = await docker(hostEngine, config, { LITELLM_CONFIG })
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  const services: Record<string, Service> = JSON.parse(stdout).services
  const onChat = Object.keys(services).filter((name) => 'chat' in (services[name]?.networks ?? {}))
  assert.deepEqual(onChat.sort(), ['litellm', 'open-webui'])
  assert.deepEqual(Object.keys(services['open-webui']?.networks ?? {}), ['chat'])
  assert.deepEqual(
    services['open-webui']?.ports?.map((each) => each.host_ip),
    ['127.0.0.1'],
  )
  const mounted = (target: string): string | undefined =>
    services.litellm?.volumes?.find((each) => each.target === target)?.source
  assert.equal(mounted('/app/config.yaml'), join(example, 'litellm.yaml'))
  assert.equal(mounted('/app/octet.yaml'), join(repository, 'docker/litellm.yaml'))
})
