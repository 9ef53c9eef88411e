// Deviations of 2026-07-28 in what is said: discovery, versions, caching, mirrored parameters, error codes, results.
import { beforeCall, type Mutant, NEW, refusing, result, sending } from '../mutant.ts'
import type { Message } from '../reference-rpc.ts'

const at = (slug: string): string => `basic/transports/streamable-http/${slug}`
const DISCOVER = 'server/discover/discoverresult'
const CACHING = 'server/utilities/caching'
const META = 'basic/index/_meta'

function tool(name: string, slug: string, properties: Message): Mutant {
  return result(
    name,
    [`server/tools/x-mcp-header/${slug}`],
    'tools/list',
    (r) => void (r.tools[1].inputSchema = { type: 'object', properties }),
    NEW,
  )
}

function errors(name: string, kills: string[], change: (error: Message) => void): Mutant {
  return sending(
    name,
    kills,
    (message) => {
      if (message.error === undefined) return message
      const changed = structuredClone(message)
      change(changed.error)
      return changed
    },
    NEW,
  )
}

export const mutants: Mutant[] = [
  errors('other versions are invalid params', ['basic/versioning/protocol-version-negotiation/unsupported-version'], (error) => {
    if (error.code === -32022) error.code = -32602
  }),
  errors(
    'supported versions are not listed',
    ['basic/versioning/protocol-version-negotiation/supported-versions-are-listed'],
    (error) => {
      delete error.data?.supported
    },
  ),
  errors(
    'the requested version is not named',
    ['basic/versioning/protocol-version-negotiation/requested-version-is-named'],
    (error) => {
      delete error.data?.requested
    },
  ),
  result(
    'extensions without a prefix',
    ['basic/versioning/extension-negotiation/identifiers-have-a-prefix'],
    'server/discover',
    (r) => void (r.capabilities.extensions = { plain: {} }),
    NEW,
  ),
  refusing('no server/discover', ['server/discover/overview/is-implemented'], ({ method }) => method === 'server/discover', NEW),
  result(
    'no supported versions',
    [`${DISCOVER}/supported-versions`],
    'server/discover',
    (r) => void (r.supportedVersions = []),
    NEW,
  ),
  result(
    'no capabilities',
    [`${DISCOVER}/capabilities`, `${DISCOVER}/result-shape`],
    'server/discover',
    (r) => void delete r.capabilities,
    NEW,
  ),
  result(
    'versions it does not serve',
    [`${DISCOVER}/listed-versions-are-served`],
    'server/discover',
    (r) => void r.supportedVersions.push('2027-01-01'),
    NEW,
  ),
  result(
    'discover without a lifetime',
    [`${CACHING}/cacheable-results/discover`],
    'server/discover',
    (r) => void delete r.ttlMs,
    NEW,
  ),
  result('a negative lifetime', [`${CACHING}/cacheable-results/tools-list`], 'tools/list', (r) => void (r.ttlMs = -1), NEW),
  result(
    'a scope of its own',
    [`${CACHING}/cacheable-results/tools-list`],
    'tools/list',
    (r) => void (r.cacheScope = 'shared'),
    NEW,
  ),
  result(
    'the second page is private',
    [`${CACHING}/interaction-with-pagination/one-scope-for-all-pages`],
    'tools/list',
    (r, request) => {
      if (request.params.cursor !== undefined) r.cacheScope = 'private'
    },
    NEW,
  ),
  tool('a mirrored name that is no token', 'value-is-a-token', { a: { type: 'string', 'x-mcp-header': 'A B' } }),
  tool('a mirrored name that is empty', 'value-is-a-token', { a: { type: 'string', 'x-mcp-header': '' } }),
  tool('a mirrored name twice', 'values-are-unique', {
    a: { type: 'string', 'x-mcp-header': 'A' },
    b: { type: 'string', 'x-mcp-header': 'a' },
  }),
  tool('a mirrored number', 'parameter-is-primitive', { a: { type: 'number', 'x-mcp-header': 'A' } }),
  tool('a mirrored list item', 'parameter-is-reachable', {
    a: { type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } },
  }),
  sending(
    'a subscription is not acknowledged',
    ['basic/patterns/subscriptions/acknowledgment/is-the-first-message'],
    (message) => (/acknowledged$/.test(message.method) ? { ...message, method: 'notifications/tools/list_changed' } : message),
    NEW,
  ),
  result('no resultType', ['basic/index/result-responses/result-type'], 'tools/list', (r) => void delete r.resultType, NEW),
  result(
    'a resultType of its own',
    ['basic/index/resulttype/known-type'],
    'tools/list',
    (r) => void (r.resultType = 'partial'),
    NEW,
  ),
  result('no serverInfo', [`${META}/server-info`], 'tools/list', (r) => void delete r._meta, NEW),
  result(
    'asks for input',
    ['basic/patterns/mrtr/server-requirements-basic-workflow/no-input-of-undeclared-capabilities'],
    'tools/call',
    () => ({ resultType: 'input_required', inputRequests: { a: { method: 'roots/list' } } }),
    NEW,
  ),
  errors(
    'a reserved code',
    ['basic/index/error-codes/only-defined-codes-of-the-reserved-range'],
    (error) => void (error.code = -32050),
  ),
  errors('a retired code', ['basic/index/error-codes/no-retired-codes'], (error) => void (error.code = -32002)),
  errors(
    'a code of the legacy range',
    ['basic/index/error-codes/no-codes-of-the-legacy-range'],
    (error) => void (error.code = -32001),
  ),
  beforeCall(
    'requests something',
    ['basic/patterns/index/overview/servers-do-not-request'],
    () => ({ id: 's', method: 'ping' }),
    NEW,
  ),
  beforeCall(
    'cancels something',
    ['basic/patterns/cancellation/overview/servers-do-not-cancel'],
    ({ id }) => ({ method: 'notifications/cancelled', params: { requestId: id } }),
    NEW,
  ),
  beforeCall(
    'tells of a changed list',
    [at('receiving-messages/related-notifications-only')],
    () => ({ method: 'notifications/tools/list_changed' }),
    NEW,
  ),
]
