// 2026-07-28: versions without a handshake, server/discover, caching hints, mirrored parameters, subscriptions.
import type { Case } from '../case.ts'
import { type Context, initializeParams } from '../client/context.ts'
import type { Reply } from '../client/session.ts'
import { META } from '../client/session-http.ts'
import { check, checkEqual, fail, isObject, type Json, type JsonObject } from '../expect.ts'
import { MODERN } from '../revisions.ts'
import { ask, checkRefused, JSON_HEADERS, LIST, list } from '../steps.ts'

const base = { transport: 'http', since: MODERN } as const
const UNSUPPORTED =
  'If the server does not implement the requested version, it MUST respond with UnsupportedProtocolVersionError (-32022, HTTP 400) listing its versions.'
const DISCOVER = 'Servers MUST implement server/discover.'
const HINTS = 'Servers MUST include caching hints on complete results of server/discover and tools/list.'
const UNKNOWN = '2099-12-31'

/** A request of this revision, in its header and in its body. */
function listIn(t: Context, revision: string): Promise<Reply> {
  return list(t, { headers: { 'MCP-Protocol-Version': revision }, meta: { [`${META}protocolVersion`]: revision } })
}

const unsupported = (t: Context): Promise<Reply> => listIn(t, UNKNOWN)

const discover = (t: Context): Promise<JsonObject> => ask(t, 'server/discover', {})

function errorData(reply: Reply): JsonObject {
  const error = reply.message?.error
  return isObject(error) && isObject(error.data) ? error.data : {}
}

function checkHints(result: JsonObject): void {
  check(Number.isInteger(result.ttlMs) && Number(result.ttlMs) >= 0, 'ttlMs, an integer of at least 0', result)
  check(result.cacheScope === 'public' || result.cacheScope === 'private', 'cacheScope, "public" or "private"', result)
}

function headerRule(slug: string, quote: string, inspect: (annotation: Annotation, all: Annotation[]) => boolean): Case {
  return {
    ...base,
    id: `server/tools/x-mcp-header/${slug}`,
    level: 'MUST',
    needs: ['tools'],
    quote,
    async run(t) {
      const tools = await (await t.connect()).tools()
      const found = tools
        .map((tool) => ({ tool, annotations: annotationsIn(tool.inputSchema) }))
        .filter((item) => item.annotations.length > 0)
      if (found.length === 0) return t.skip('no tool has x-mcp-header')
      for (const { tool, annotations } of found) {
        for (const annotation of annotations) if (!inspect(annotation, annotations)) fail(quote, tool)
      }
    },
  }
}

interface Annotation {
  value: Json | undefined
  type: Json | undefined
  /** Reached by `properties` only. */
  isReachable: boolean
}

/** Every x-mcp-header in a schema, wherever it is. */
function annotationsIn(schema: Json | undefined, isReachable = true, depth = 0): Annotation[] {
  if (depth > 40) return []
  if (Array.isArray(schema)) return schema.flatMap((item) => annotationsIn(item, false, depth + 1))
  if (!isObject(schema)) return []
  const here =
    'x-mcp-header' in schema ? [{ value: schema['x-mcp-header'], type: schema.type, isReachable: isReachable && depth > 0 }] : []
  const below = Object.entries(schema).flatMap(([key, value]) => {
    if (key === 'properties' && isObject(value)) {
      return Object.values(value).flatMap((property) => annotationsIn(property, isReachable, depth + 1))
    }
    return isObject(value) || Array.isArray(value) ? annotationsIn(value, false, depth + 1) : []
  })
  return [...here, ...below]
}

export const cases: Case[] = [
  {
    ...base,
    id: 'basic/versioning/protocol-version-negotiation/unsupported-version',
    level: 'MUST',
    quote: UNSUPPORTED,
    run: async (t) => checkRefused(await unsupported(t), 400, [-32022]),
  },
  {
    ...base,
    id: 'basic/versioning/protocol-version-negotiation/supported-versions-are-listed',
    level: 'MUST',
    quote: UNSUPPORTED,
    async run(t) {
      const data = errorData(await unsupported(t))
      check(Array.isArray(data.supported) && data.supported.includes(t.revision), `data.supported with ${t.revision}`, data)
    },
  },
  {
    ...base,
    id: 'basic/versioning/protocol-version-negotiation/requested-version-is-named',
    level: 'MUST',
    quote: `${UNSUPPORTED} (UnsupportedProtocolVersionError of schema.ts: data has supported and requested.)`,
    run: async (t) => checkEqual(errorData(await unsupported(t)).requested, UNKNOWN, 'data.requested'),
  },
  {
    ...base,
    id: 'basic/versioning/backward-compatibility-with-initialization-based-versions/initialize-is-told-the-versions',
    level: 'SHOULD',
    quote: 'A server that supports only modern versions SHOULD name them in any error it returns to an initialize request.',
    async run(t) {
      if (t.facts.revisions.length > 1) return t.skip('it also serves earlier revisions')
      const exchange = await t.open({
        method: 'POST',
        headers: JSON_HEADERS,
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams('2025-11-25') }),
      })
      const text = await exchange.text()
      check(text.includes(MODERN), `an error that names ${MODERN}`, text)
    },
  },
  {
    ...base,
    id: 'basic/versioning/extension-negotiation/identifiers-have-a-prefix',
    level: 'MUST',
    quote: 'Extension identifiers MUST follow the _meta key naming rules, with a mandatory prefix.',
    async run(t) {
      const { capabilities } = await discover(t)
      const extensions = isObject(capabilities) && isObject(capabilities.extensions) ? Object.keys(capabilities.extensions) : []
      if (extensions.length === 0) return t.skip('it advertises no extensions')
      const label = '[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
      const rule = new RegExp(`^${label}(?:\\.${label})*/(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?$`)
      const bad = extensions.find((name) => !rule.test(name))
      if (bad !== undefined) fail('prefix/name', bad)
    },
  },
  {
    ...base,
    id: 'server/discover/overview/is-implemented',
    level: 'MUST',
    quote: DISCOVER,
    run: discover,
  },
  {
    ...base,
    id: 'server/discover/discoverresult/supported-versions',
    level: 'MUST',
    quote: 'supportedVersions: protocol versions the server supports; the version it has just been spoken to in is one.',
    async run(t) {
      const { supportedVersions } = await discover(t)
      const isList = Array.isArray(supportedVersions) && supportedVersions.every((version) => typeof version === 'string')
      check(isList && supportedVersions.includes(t.revision), `supportedVersions, a list with ${t.revision}`, supportedVersions)
    },
  },
  {
    ...base,
    id: 'server/discover/discoverresult/capabilities',
    level: 'MUST',
    quote: 'capabilities: ServerCapabilities.',
    run: async (t) => check(isObject((await discover(t)).capabilities), 'capabilities, an object', await discover(t)),
  },
  {
    ...base,
    id: 'server/discover/discoverresult/listed-versions-are-served',
    level: 'MUST',
    quote: 'supportedVersions names versions the client may use in subsequent requests.',
    async run(t) {
      const { supportedVersions } = await discover(t)
      for (const version of Array.isArray(supportedVersions) ? supportedVersions : []) {
        if (typeof version !== 'string' || version < MODERN) continue
        const { message } = await listIn(t, version)
        check(!(isObject(message?.error) && message.error.code === -32022), `${version} to be served`, message)
      }
    },
  },
  {
    ...base,
    id: 'server/utilities/caching/cacheable-results/discover',
    level: 'MUST',
    quote: HINTS,
    run: async (t) => checkHints(await discover(t)),
  },
  {
    ...base,
    id: 'server/utilities/caching/cacheable-results/tools-list',
    level: 'MUST',
    needs: ['tools'],
    quote: HINTS,
    run: async (t) => checkHints(await ask(t, LIST, {})),
  },
  {
    ...base,
    id: 'server/utilities/caching/interaction-with-pagination/one-scope-for-all-pages',
    level: 'MUST',
    needs: ['tools'],
    quote: 'Servers MUST apply the same cacheScope to all response pages for a given list request.',
    async run(t) {
      const session = await t.connect()
      const first = await session.result(LIST, {})
      if (typeof first.nextCursor !== 'string') return t.skip('the list has one page')
      const second = await session.result(LIST, { cursor: first.nextCursor })
      checkEqual(second.cacheScope, first.cacheScope, 'cacheScope of the second page')
    },
  },
  headerRule(
    'value-is-a-token',
    'An x-mcp-header value MUST NOT be empty and MUST match HTTP field-name token syntax.',
    ({ value }) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(typeof value === 'string' ? value : ''),
  ),
  headerRule('values-are-unique', 'x-mcp-header values MUST be case-insensitively unique in the inputSchema.', ({ value }, all) =>
    all.every(
      (item) =>
        String(item.value).toLowerCase() !== String(value).toLowerCase() || item === all.find((first) => first.value === value),
    ),
  ),
  headerRule(
    'parameter-is-primitive',
    'x-mcp-header MUST only be applied to integer, string and boolean parameters.',
    ({ type }) => /^(integer|string|boolean)$/.test(String(type)),
  ),
  headerRule(
    'parameter-is-reachable',
    'x-mcp-header MUST only be applied to properties reachable by properties keys alone.',
    ({ isReachable }) => isReachable,
  ),
  {
    ...base,
    id: 'basic/patterns/subscriptions/acknowledgment/is-the-first-message',
    level: 'MUST',
    needs: ['list-changed'],
    quote:
      'The server MUST send notifications/subscriptions/acknowledged as the first message, with the subscription id in _meta.',
    async run(t) {
      const first = await listen(t, { toolsListChanged: true })
      checkEqual(first.method, 'notifications/subscriptions/acknowledged', 'the first message')
      const meta = isObject(first.params) && isObject(first.params._meta) ? first.params._meta : {}
      checkEqual(meta[`${META}subscriptionId`], 'subscription', 'the subscription id')
    },
  },
]

/** The first message of a subscription's stream. */
async function listen(t: Context, notifications: JsonObject): Promise<JsonObject> {
  const session = await t.connectHttp()
  const exchange = await session.post(session.build('subscriptions/listen', { notifications }, 'subscription'))
  check(exchange.isEventStream, 'an event stream', `HTTP ${exchange.status} ${exchange.mediaType}`)
  const stream = exchange.events()
  const data = await stream.until(() => stream.events.find((event) => event.data !== '')?.data, 'a first message')
  const message = JSON.parse(data) as unknown
  check(isObject(message), 'a message', data)
  return message
}
