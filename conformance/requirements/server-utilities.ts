// Generated once from the specification's pages, then kept by hand: one row for each sentence with MUST or SHOULD.
import type { Section } from './requirement.ts'

// biome-ignore format: a table, one sentence a line
export const sections: Section[] = [
  {
    page: 'server/utilities/logging', section: 'capabilities', sentences: [
      ['2024-11-05', '2026-07-28', 'MUST', 'Servers that emit log message notifications MUST declare the `logging` capability:', ['server/utilities/logging/capabilities/declared-when-used']],
    ],
  },
  {
    page: 'server/utilities/logging', section: 'error-handling', sentences: [
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Servers SHOULD return standard JSON-RPC errors for common failure cases:', ['server/utilities/logging/error-handling/invalid-level']],
      ['2026-07-28', '2026-07-28', 'SHOULD', "If the `io.modelcontextprotocol/logLevel` value carried in a request's `_meta` is not a recognized log level, the server SHOULD reject that request with a standard …", ['server/utilities/logging/error-handling/unrecognized-level-of-a-request']],
    ],
  },
  {
    page: 'server/utilities/logging',
    section: 'implementation-considerations',
    sentences: [['2024-11-05', '2026-07-28', 'SHOULD', 'Servers SHOULD:', 'unobservable: a limit nobody names']],
  },
  {
    page: 'server/utilities/logging', section: 'security', sentences: [
      ['2024-11-05', '2026-07-28', 'MUST', 'Log messages MUST NOT contain:', 'unobservable: what is secret is not known to a stranger'],
      ['2024-11-05', '2026-07-28', 'SHOULD', 'Implementations SHOULD:', 'unobservable: a limit nobody names'],
    ],
  },
  {
    page: 'server/utilities/pagination', section: 'pagination-model', sentences: [
      ['2024-11-05', '2026-07-28', 'MUST', 'Page size is determined by the server, and clients MUST NOT assume a fixed page size', 'client'],
    ],
  },
  {
    page: 'server/utilities/pagination', section: 'implementation-guidelines', sentences: [
      ['2024-11-05', '2026-07-28', 'SHOULD', 'Servers SHOULD:', ['server/utilities/pagination/implementation-guidelines/stable-cursors', 'server/utilities/pagination/error-handling/invalid-cursor', 'server/utilities/pagination/pagination-model/']],
      ['2024-11-05', '2026-07-28', 'SHOULD', 'Clients SHOULD:', 'client'],
      ['2024-11-05', '2026-07-28', 'MUST', 'Clients MUST treat cursors as opaque tokens:', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', "Don't make any determination based on cursor value other than whether a non-null value was provided (e.g. an empty string is a valid cursor and thus MUST NOT be …", 'client'],
    ],
  },
  {
    page: 'server/utilities/pagination', section: 'error-handling', sentences: [
      ['2024-11-05', '2026-07-28', 'SHOULD', 'Invalid cursors SHOULD result in an error with code -32602 (Invalid params).', ['server/utilities/pagination/error-handling/invalid-cursor']],
    ],
  },
  {
    page: 'server/utilities/logging', section: 'overview', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'New implementations SHOULD NOT adopt it; existing implementations SHOULD migrate to logging to `stderr` for stdio transports, or to OpenTelemetry for structured …', 'implementors: a choice, not a behaviour'],
    ],
  },
  {
    page: 'server/utilities/logging', section: 'per-request-log-level', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'The server MUST NOT emit `notifications/message` for a request that does not include this field.', ['server/utilities/logging/per-request-log-level/none-unless-asked']],
      ['2026-07-28', '2026-07-28', 'MUST', '`notifications/message` is request-scoped: the server MUST NOT deliver it on a `subscriptions/listen` stream or on any stream other than the one carrying the response …', ['server/utilities/logging/per-request-log-level/none-unless-asked', 'basic/transports/streamable-http/receiving-messages/related-notifications-only']],
    ],
  },
  {
    page: 'server/utilities/pagination', section: 'overview', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Every request MUST include the required `_meta` fields; see `_meta`.', 'client'],
    ],
  },
  {
    page: 'server/utilities/caching', section: 'cacheable-results', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST include caching hints on results with `resultType: "complete"` returned by the following operations:', ['server/utilities/caching/cacheable-results/']],
    ],
  },
  {
    page: 'server/utilities/caching', section: 'cache-key', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Clients MUST NOT serve a cached response for a request whose method or parameters differ from the request that produced it.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Results produced by retrying a request through the multi round-trip requests mechanism&mdash;that is, requests carrying `inputResponses` or `requestState`&mdash;MUST …', 'client'],
    ],
  },
  {
    page: 'server/utilities/caching', section: 'time-to-live-ttl-field', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'If `ttlMs` is `0`, the response SHOULD be considered immediately stale.', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'If `ttlMs` is positive, the client SHOULD consider the result fresh for that many milliseconds after receiving the response.', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'If `ttlMs` is absent, clients SHOULD assume a default of `0` (immediately stale) and rely on their own caching heuristics or notifications.', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'If `ttlMs` is negative, clients SHOULD ignore it and treat it as `0`.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST provide a `ttlMs` value that is `>= 0`.', ['server/utilities/caching/cacheable-results/']],
    ],
  },
  {
    page: 'server/utilities/caching', section: 'freshness-calculation', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Once the TTL expires, the response is stale and the client SHOULD re-fetch on next access.', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Clients SHOULD NOT treat TTL as a polling interval that triggers automatic background refetches.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Implementations that do choose to poll MUST apply jitter and backoff.', 'client'],
    ],
  },
  {
    page: 'server/utilities/caching', section: 'cache-scope-field', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Caches MUST NOT be shared across authorization contexts (e.g. a different access token requires a different cache).', 'client'],
    ],
  },
  {
    page: 'server/utilities/caching', section: 'interaction-with-pagination', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'When a cached page expires, the client SHOULD re-fetch that page using its cursor.', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Clients that require a consistent snapshot of the full list SHOULD re-fetch from the beginning (without a cursor).', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'If a cursor becomes invalid (e.g., the server returns an error for a previously valid cursor), the client SHOULD discard all cached pages and re-fetch from the beginning.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST apply the same `cacheScope` to all response pages for a given list request.', ['server/utilities/caching/interaction-with-pagination/one-scope-for-all-pages']],
      ['2026-07-28', '2026-07-28', 'MUST', 'For example, if the first page of a `tools/list` response has `cacheScope: "private"`, all subsequent pages for that request MUST also be `"private"`.', ['server/utilities/caching/interaction-with-pagination/one-scope-for-all-pages']],
    ],
  },
  {
    page: 'server/utilities/caching', section: 'security-considerations', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST be aware that responses with a `"public"` `cacheScope` may be shared between callers even if the Result is coming from an authenticated endpoint.', 'unobservable: who may see what is not known to a stranger'],
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST apply appropriate per-primitive access controls, and MUST NOT rely on `cacheScope` alone to prevent unauthorized access to primitives.', 'unobservable: who may see what is not known to a stranger'],
    ],
  },
]
