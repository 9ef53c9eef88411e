// LiteLLM's configuration for these servers: the part that an existing config.yaml includes, or a whole one.
import type { AnyServer } from '../kit/definition.ts'
import { toolsOf } from './catalog.ts'

export interface LitellmConfigOptions {
  /** In the order in which they are to stand. */
  readonly servers: readonly AnyServer[]
  readonly transport: 'sse' | 'http'
  /** Address of a server, with `{server}` in the place of its name. */
  readonly url: string
  /** Whether the servers need a token. LiteLLM drops all servers when one has `auth_type` and its value is not set. */
  readonly token: boolean
  /** With models, keys and settings, for a LiteLLM that has no configuration yet. */
  readonly complete: boolean
}

/** Longer than MCP_TOOL_TIMEOUT_MS, so that it is our error, with its reason, that reaches the model. */
const callLimitSeconds = 60

/** YAML for LiteLLM 1.80.18 and later: before that no `extra_headers` reached the server (docs/clients.md). */
export function litellmConfig({ servers, transport, url, token, complete }: LitellmConfigOptions): string {
  const address = (name: string): string =>
    JSON.stringify(`${url.replaceAll('{server}', name)}/${transport === 'sse' ? 'sse' : 'mcp'}`)
  const [auth, about] = token
    ? [
        '\n    auth_type: bearer_token\n    auth_value: os.environ/MCP_AUTH_TOKEN',
        '# LiteLLM needs MCP_AUTH_TOKEN in its environment: without it, it drops all of these servers and says nothing.',
      ]
    : ['', '# The servers have no token. To add one, set MCP_AUTH_TOKEN for them and for LiteLLM, and print this again.']
  const entries = servers.map(
    (definition) => `${writes(definition)}  ${definition.name}:
    url: ${address(definition.name)}
    transport: ${transport}${auth}
    allow_all_keys: true
    timeout: ${callLimitSeconds}
    extra_headers: [x-litellm-end-user-id, x-openwebui-user-email, traceparent]
`,
  )
  return `${complete ? head : fragment}${about}\n${aboutEntries}mcp_servers:\n${entries.join('')}`
}

const aboutEntries = `# allow_all_keys is for virtual keys; take it away to allow servers key by key.
# extra_headers say who asks, for the audit trail and so that two people never share a browser page; and the trace.
`

/** A comment that names the tools that can change something. */
function writes(definition: AnyServer): string {
  const names = toolsOf(definition).flatMap(({ name, annotations }) => (annotations?.readOnlyHint === true ? [] : [name]))
  return names.length === 0 ? '' : `  # Can change something: ${names.join(', ')}. MCP_READ_ONLY=true forbids it.\n`
}

const fragment = `# Made by \`octet connect litellm\`. Save it as octet.yaml beside LiteLLM's config.yaml, and add to config.yaml:
#   include: [octet.yaml]
# If config.yaml has \`mcp_servers:\` already, this would replace it: copy the entries below into it instead.
# A model whose litellm_params have this line gets the tools in every chat request, and LiteLLM runs them:
#   tools: [{ type: mcp, server_label: litellm, server_url: litellm_proxy, require_approval: never }]
`

const head = `# Made by \`octet connect litellm --complete\`. LiteLLM reads LITELLM_MASTER_KEY and OPENAI_API_KEY from its environment.
model_list:
  # Any OpenAI client that asks for this model gets all tools, and LiteLLM runs them: a plain chat request is enough.
  - model_name: assistant-with-tools
    litellm_params:
      model: openai/gpt-5-mini
      api_key: os.environ/OPENAI_API_KEY
      tools: [{ type: mcp, server_label: litellm, server_url: litellm_proxy, require_approval: never }]
  # For Open WebUI and other clients that run tools themselves: they get the tools from LiteLLM's /mcp.
  - model_name: assistant
    litellm_params:
      model: openai/gpt-5-mini
      api_key: os.environ/OPENAI_API_KEY

general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY # begins with sk-, long and random; a weak one is refused

litellm_settings:
  drop_params: true

`
