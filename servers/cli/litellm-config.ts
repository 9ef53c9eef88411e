// `octet litellm-config`: the part of LiteLLM's config.yaml that makes these servers' tools available through it.
export interface LitellmConfigOptions {
  /** In the order in which they are to stand. */
  readonly servers: readonly string[]
  readonly transport: 'sse' | 'http'
  /** One process that serves all of them. Default: a container `mcp-<server>` for each, port 8080, as in docker/compose.yaml. */
  readonly url?: string | undefined
}

/** Longer than MCP_TOOL_TIMEOUT_MS, so that it is our error, with its reason, that reaches the model. */
const callLimitSeconds = 60

/** YAML for LiteLLM 1.80.18 and later: before that no `extra_headers` reached the server (docs/clients.md). */
export function litellmConfig({ servers, transport, url }: LitellmConfigOptions): string {
  const path = transport === 'sse' ? 'sse' : 'mcp'
  const base = url?.replace(/\/+$/, '')
  const address = (name: string): string => (base === undefined ? `http://mcp-${name}:8080/${path}` : `${base}/${name}/${path}`)
  const [first = '', ...others] = servers
  return `${head}
mcp_servers:
  ${first}: &octet
    url: ${JSON.stringify(address(first))}
    transport: ${transport}
    auth_type: bearer_token
    auth_value: os.environ/MCP_AUTH_TOKEN
    allow_all_keys: true # for virtual keys; take it away to allow servers key by key
    timeout: ${callLimitSeconds}
    # Who asks, for the audit trail and so that two people never share a browser page; and the trace.
    extra_headers: [x-litellm-end-user-id, x-openwebui-user-email, traceparent]
${others.map((name) => `  ${name}: { <<: *octet, url: ${JSON.stringify(address(name))} }\n`).join('')}`
}

const head = `# Made by \`octet litellm-config\`. LiteLLM reads these from its environment: LITELLM_MASTER_KEY, OPENAI_API_KEY, MCP_AUTH_TOKEN.
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
