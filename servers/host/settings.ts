// The variables that every server has, and what follows from them.
import { type AccessOptions, isLoopbackHost, type Principal } from '../../protocol/index.ts'
import { type Config, type ConfigSchema, choice, flag, integer, list, secret } from '../kit/definition.ts'

export const settingsSchema = {
  type: 'object',
  properties: {
    MCP_HOST: { type: 'string', default: '127.0.0.1', description: 'Address to listen on. Beyond loopback a token is needed.' },
    MCP_PORT: integer(8080, [0, 65535], 'Port to listen on; 0 takes a free one.'),
    MCP_BASE_PATH: {
      type: 'string',
      pattern: '^(/[A-Za-z0-9._~-]+)*/?$',
      description: 'Public path prefix that a reverse proxy strips.',
      examples: ['/tools'],
    },
    MCP_AUTH_TOKEN: { ...secret('The token callers present; its principal is named `default`.'), minLength: 8 },
    MCP_AUTH_TOKENS: {
      type: 'array',
      items: { type: 'string', pattern: '^[A-Za-z0-9._@-]{1,64}:[^\\s]{8,}$' },
      'x-secret': true,
      description: 'Named principals as `name:token`, comma-separated; in the file form one a line. List two tokens to rotate.',
    },
    MCP_ALLOW_UNAUTHENTICATED: flag(false, 'Listen beyond loopback without any token.'),
    MCP_ALLOWED_HOSTS: list('Dotted Host names to accept. IP addresses, single names and private suffixes need no entry.'),
    MCP_ALLOWED_ORIGINS: list('Origins of web pages that may call the servers and read the answers (CORS).'),
    MCP_USER_HEADERS: {
      type: 'array',
      items: { type: 'string', pattern: '^[A-Za-z0-9-]+$' },
      default: ['x-litellm-end-user-id', 'x-openwebui-user-email'],
      description: 'Headers in which a gateway forwards its user, for the audit trail; the first present one counts.',
    },
    MCP_READ_ONLY: flag(false, 'Refuse every tool call that could change something.'),
    MCP_TOOLS_ALLOW: list('Offer only tools that match one of these globs.'),
    MCP_TOOLS_DENY: list('Do not offer tools that match one of these globs.'),
    MCP_TOOL_TIMEOUT_MS: integer(
      50_000,
      [100, 3_600_000],
      'No tool call runs longer, in milliseconds. LiteLLM gives up at 60 s.',
    ),
    MCP_MAX_CONCURRENCY: integer(16, [1, 1024], 'Tool calls of one server that run at once.'),
    MCP_MAX_QUEUE: integer(64, [0, 10_000], 'Tool calls that may wait for a place; one more is refused.'),
    MCP_RATE_LIMIT: integer(0, [0, 1_000_000], 'Tool calls per minute and principal; 0 sets no limit.'),
    MCP_MAX_SESSIONS: integer(256, [1, 10_000], 'Open HTTP+SSE sessions of one server.'),
    MCP_MAX_BODY_BYTES: integer(1_048_576, [1_024, 16_777_216], 'Largest request body in bytes.'),
    MCP_MAX_RESULT_CHARS: integer(40_000, [2_000, 400_000], 'Most characters of text in one result.'),
    MCP_STRUCTURED_CONTENT: choice(
      ['never', 'auto'],
      'never',
      '`auto` sends results as JSON beside the text; some clients then show the model both.',
    ),
    MCP_SHUTDOWN_GRACE_MS: integer(10_000, [0, 600_000], 'On SIGTERM calls in flight have this long to finish.'),
    MCP_CA_FILE: path('PEM file of a private certificate authority, for TLS to the backends.', '/certs/ca.pem'),
    LOG_LEVEL: choice(['debug', 'info', 'warn', 'error'], 'info', 'Least severe level that is logged to stderr.'),
    LOG_FORMAT: choice(['json', 'text'], 'json', 'One JSON object a line, or text for people.'),
    AUDIT_FILE: path('File for the audit trail; without it the records go to stdout.', '/audit/filesystem.jsonl'),
    AUDIT_KEY: { ...secret('Makes the chain an HMAC that nobody without the key can forge.'), minLength: 16 },
    AUDIT_ARGS: choice(
      ['redacted', 'none'],
      'redacted',
      'Whether records hold the arguments, with secrets masked and cut at 2 KiB.',
    ),
    AUDIT_REQUIRED: flag(false, 'No record, no call: a call is refused unless its record could be written before.'),
    AUDIT_MAX_BYTES: integer(10_000_000, [10_000, 10_000_000_000], 'Size at which the audit file is rotated.'),
    AUDIT_MAX_FILES: integer(5, [1, 1_000], 'Audit files that are kept, the current one included.'),
    METRICS_PUBLIC: flag(false, 'Serve /metrics without a token.'),
  },
} as const satisfies ConfigSchema

function path(description: string, example: string) {
  return { type: 'string', description, examples: [example] } as const
}

export type Settings = Config<typeof settingsSchema>

/** What the schema alone cannot say. */
export function checkSettings(settings: Settings): string[] {
  const problems: string[] = []
  const names = principals(settings).map((principal) => principal.name)
  if (settings.MCP_AUTH_TOKEN !== undefined && names.indexOf('default') !== names.lastIndexOf('default')) {
    problems.push('MCP_AUTH_TOKEN is the token of "default", which MCP_AUTH_TOKENS names too; name it otherwise')
  }
  if (!isLoopbackHost(settings.MCP_HOST) && names.length === 0 && !settings.MCP_ALLOW_UNAUTHENTICATED) {
    problems.push(
      `MCP_HOST=${settings.MCP_HOST} can be reached from other machines, and no token is set; set MCP_AUTH_TOKEN (or MCP_AUTH_TOKEN_FILE), ` +
        'or MCP_ALLOW_UNAUTHENTICATED=true if everyone who reaches it may use it',
    )
  }
  return problems
}

/** The public path prefix, without a slash at its end; empty without one. */
export function basePathOf({ MCP_BASE_PATH: path = '' }: Settings): string {
  return path.replace(/\/$/, '')
}

export function principals(settings: Settings): Principal[] {
  const named = (settings.MCP_AUTH_TOKENS ?? []).map((entry) => {
    const colon = entry.indexOf(':')
    return { name: entry.slice(0, colon), token: entry.slice(colon + 1) }
  })
  return settings.MCP_AUTH_TOKEN === undefined ? named : [{ name: 'default', token: settings.MCP_AUTH_TOKEN }, ...named]
}

export function accessOptions(settings: Settings): AccessOptions {
  return {
    principals: principals(settings),
    allowedHosts: settings.MCP_ALLOWED_HOSTS,
    allowedOrigins: settings.MCP_ALLOWED_ORIGINS,
    loopback: isLoopbackHost(settings.MCP_HOST),
    userHeaders: settings.MCP_USER_HEADERS.map((name) => name.toLowerCase()),
    settings: { allowedHosts: 'MCP_ALLOWED_HOSTS', allowedOrigins: 'MCP_ALLOWED_ORIGINS' },
  }
}
