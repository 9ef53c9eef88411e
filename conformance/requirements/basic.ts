// Generated once from the specification's pages, then kept by hand: one row for each sentence with MUST or SHOULD.
import type { Section } from './requirement.ts'

// biome-ignore format: a table, one sentence a line
export const sections: Section[] = [
  {
    page: 'basic/index', section: 'overview', sentences: [
      ['2024-11-05', '2024-11-05', 'MUST', 'All messages between MCP clients and servers MUST follow the JSON-RPC 2.0 specification.', ['basic/index/messages/', 'basic/index/requests/', 'basic/index/responses/', 'basic/index/notifications/']],
      ['2024-11-05', '2024-11-05', 'MUST', 'All messages in MCP MUST follow the JSON-RPC 2.0 specification.', ['basic/index/messages/', 'basic/index/requests/', 'basic/index/responses/', 'basic/index/notifications/']],
      ['2025-03-26', '2025-11-25', 'MUST', 'All implementations MUST support the base protocol and lifecycle management components.', ['basic/lifecycle/initialization/', 'basic/lifecycle/version-negotiation/', 'basic/index/messages/']],
      ['2026-07-28', '2026-07-28', 'MUST', 'All implementations MUST support the base protocol, versioning, and the message patterns.', ['basic/versioning/', 'basic/index/messages/']],
    ],
  },
  {
    page: 'basic/index', section: 'protocol-layers', sentences: [
      ['2024-11-05', '2024-11-05', 'MUST', 'All implementations MUST support the base protocol and lifecycle management components.', ['basic/lifecycle/initialization/', 'basic/lifecycle/version-negotiation/', 'basic/index/messages/']],
    ],
  },
  {
    page: 'basic/index', section: 'requests', sentences: [
      ['2024-11-05', '2026-07-28', 'MUST', 'Requests MUST include a string or integer ID.', ['basic/index/responses/string-id', 'basic/index/responses/integer-id', 'basic/index/responses/zero-id', 'basic/index/responses/negative-id', 'basic/index/responses/largest-integer-id', 'basic/index/responses/empty-string-id', 'basic/index/responses/numeric-string-id', 'basic/index/responses/unicode-id', 'basic/index/responses/escaped-id', 'basic/index/responses/many-requests-at-once', 'basic/index/responses/sessions-do-not-mix', 'basic/index/requests/object-id-is-refused', 'basic/index/requests/server-requests-have-a-valid-id', 'basic/index/responses/result-has-a-valid-id']],
      ['2024-11-05', '2026-07-28', 'MUST', 'Unlike base JSON-RPC, the ID MUST NOT be `null`.', ['basic/index/requests/null-id-is-no-request', 'basic/index/responses/result-has-a-valid-id']],
      ['2024-11-05', '2025-11-25', 'MUST', 'The request ID MUST NOT have been previously used by the requestor within the same session.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'The request ID MUST NOT match the ID of any other request the sender has issued and not yet received a response for.', ['basic/index/requests/an-answered-id-may-be-used-again']],
    ],
  },
  {
    page: 'basic/index', section: 'responses', sentences: [
      ['2024-11-05', '2025-06-18', 'MUST', 'Responses MUST include the same ID as the request they correspond to.', ['basic/index/responses/string-id', 'basic/index/responses/integer-id', 'basic/index/responses/zero-id', 'basic/index/responses/negative-id', 'basic/index/responses/largest-integer-id', 'basic/index/responses/empty-string-id', 'basic/index/responses/numeric-string-id', 'basic/index/responses/unicode-id', 'basic/index/responses/escaped-id', 'basic/index/responses/many-requests-at-once', 'basic/index/responses/sessions-do-not-mix', 'basic/index/responses/error-has-the-id']],
      ['2024-11-05', '2025-06-18', 'MUST', 'Either a `result` or an `error` MUST be set.', ['basic/index/responses/result-or-error', 'basic/index/messages/one-of-three-kinds']],
      ['2024-11-05', '2025-06-18', 'MUST', 'A response MUST NOT set both.', ['basic/index/responses/result-or-error', 'basic/index/messages/one-of-three-kinds']],
      ['2024-11-05', '2025-06-18', 'MUST', 'Error codes MUST be integers.', ['basic/index/responses/error-code-is-an-integer']],
      ['2025-03-26', '2025-06-18', 'MUST', 'Results MAY follow any JSON object structure, while errors MUST include an error code and message at minimum.', ['basic/index/responses/error-has-a-message', 'basic/index/responses/error-code-is-an-integer', 'basic/index/responses/result-is-an-object']],
    ],
  },
  {
    page: 'basic/index', section: 'notifications', sentences: [
      ['2024-11-05', '2026-07-28', 'MUST', 'Notifications MUST NOT include an ID.', ['basic/index/notifications/no-id']],
      ['2025-03-26', '2026-07-28', 'MUST', 'The receiver MUST NOT send a response.', ['basic/index/notifications/']],
    ],
  },
  {
    page: 'basic/lifecycle', section: 'initialization', sentences: [
      ['2024-11-05', '2025-11-25', 'MUST', 'The initialization phase MUST be the first interaction between client and server.', 'client'],
      ['2024-11-05', '2025-11-25', 'MUST', 'The client MUST initiate this phase by sending an `initialize` request containing:', 'client'],
      ['2024-11-05', '2025-11-25', 'MUST', 'The server MUST respond with its own capabilities and information:', ['basic/lifecycle/initialization/has-', 'basic/lifecycle/initialization/result-shape', 'basic/lifecycle/initialization/instructions-are-text']],
      ['2024-11-05', '2025-11-25', 'MUST', 'After successful initialization, the client MUST send an `initialized` notification to indicate it is ready to begin normal operations:', 'client'],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'The client SHOULD NOT send requests other than pings before the server has responded to the `initialize` request.', 'client'],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'The server SHOULD NOT send requests other than pings and logging before receiving the `initialized` notification.', ['basic/lifecycle/initialization/no-requests-before-initialized']],
      ['2025-03-26', '2025-03-26', 'MUST', 'The initialize request MUST NOT be part of a JSON-RPC batch, as other requests and notifications are not possible until initialization has completed.', ['basic/lifecycle/initialization/not-in-a-batch']],
    ],
  },
  {
    page: 'basic/lifecycle', section: 'version-negotiation', sentences: [
      ['2024-11-05', '2025-11-25', 'MUST', 'In the `initialize` request, the client MUST send a protocol version it supports.', 'client'],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'This SHOULD be the latest version supported by the client.', 'client'],
      ['2024-11-05', '2025-11-25', 'MUST', 'If the server supports the requested protocol version, it MUST respond with the same version.', ['basic/lifecycle/version-negotiation/supported-version-is-echoed', 'basic/lifecycle/version-negotiation/each-session-negotiates']],
      ['2024-11-05', '2025-11-25', 'MUST', 'Otherwise, the server MUST respond with another protocol version it supports.', ['basic/lifecycle/version-negotiation/offered-version-is-supported', 'basic/lifecycle/version-negotiation/later-version-is-not-echoed', 'basic/lifecycle/version-negotiation/nonsense-version-is-not-echoed']],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'This SHOULD be the latest version supported by the server.', ['basic/lifecycle/version-negotiation/offers-its-latest']],
      ['2024-11-05', '2025-11-25', 'SHOULD', "If the client does not support the version in the server's response, it SHOULD disconnect.", 'client'],
      ['2025-06-18', '2025-11-25', 'MUST', 'If using HTTP, the client MUST include the `MCP-Protocol-Version:', 'client'],
    ],
  },
  {
    page: 'basic/lifecycle', section: 'operation', sentences: [
      ['2024-11-05', '2025-03-26', 'SHOULD', 'Both parties SHOULD:', ['basic/lifecycle/operation/only-negotiated-capabilities-then', 'basic/lifecycle/operation/only-declared-capabilities-then']],
      ['2025-06-18', '2025-11-25', 'MUST', 'Both parties MUST:', ['basic/lifecycle/operation/only-negotiated-capabilities', 'basic/lifecycle/operation/only-declared-capabilities', 'server/tools/calling-tools/result-shape']],
    ],
  },
  {
    page: 'basic/lifecycle', section: 'stdio', sentences: [
      ['2024-11-05', '2025-11-25', 'SHOULD', 'For the stdio transport, the client SHOULD initiate shutdown by:', 'client'],
    ],
  },
  {
    page: 'basic/lifecycle', section: 'error-handling', sentences: [
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Implementations SHOULD be prepared to handle these error cases:', ['basic/lifecycle/version-negotiation/offered-version-is-supported', 'basic/lifecycle/initialization/protocol-version-is-required']],
      ['2024-11-05', '2024-11-05', 'SHOULD', 'Implementations SHOULD implement appropriate timeouts for all requests, to prevent hung connections and resource exhaustion.', 'unobservable: a server that sends no requests has nothing to time'],
    ],
  },
  {
    page: 'basic/index', section: 'messages', sentences: [
      ['2025-03-26', '2026-07-28', 'MUST', 'All messages between MCP clients and servers MUST follow the JSON-RPC 2.0 specification.', ['basic/index/messages/', 'basic/index/requests/', 'basic/index/responses/', 'basic/index/notifications/']],
    ],
  },
  {
    page: 'basic/index', section: 'batching', sentences: [
      ['2025-03-26', '2025-03-26', 'MUST', 'MCP implementations MAY support sending JSON-RPC batches, but MUST support receiving JSON-RPC batches.', ['basic/index/batching/']],
    ],
  },
  {
    page: 'basic/index', section: 'auth', sentences: [
      ['2025-03-26', '2026-07-28', 'SHOULD', 'Implementations using an HTTP-based transport SHOULD conform to this specification, whereas implementations using STDIO transport SHOULD NOT follow this …', 'unobservable: whether a deployment wants authentication is its own decision'],
    ],
  },
  {
    page: 'basic/lifecycle', section: 'timeouts', sentences: [
      ['2025-03-26', '2025-11-25', 'SHOULD', 'Implementations SHOULD establish timeouts for all sent requests, to prevent hung connections and resource exhaustion.', 'unobservable: a server that sends no requests has nothing to time'],
      ['2025-03-26', '2025-11-25', 'SHOULD', 'When the request has not received a success or error response within the timeout period, the sender SHOULD issue a cancellation notification for that request and stop …', 'unobservable: a server that sends no requests has nothing to time'],
      ['2025-03-26', '2025-11-25', 'SHOULD', 'SDKs and other middleware SHOULD allow these timeouts to be configured on a per-request basis.', 'unobservable: a server that sends no requests has nothing to time'],
      ['2025-03-26', '2025-11-25', 'SHOULD', 'However, implementations SHOULD always enforce a maximum timeout, regardless of progress notifications, to limit the impact of a misbehaving client or server.', 'unobservable: a server that sends no requests has nothing to time'],
    ],
  },
  {
    page: 'basic/index', section: '_meta', sentences: [
      ['2025-06-18', '2026-07-28', 'MUST', 'Certain key names are reserved by MCP for protocol-level metadata, as specified below; implementations MUST NOT make assumptions about values at these keys.', 'client'],
      ['2025-06-18', '2026-07-28', 'MUST', 'If specified, MUST be a series of labels separated by dots (`.`), followed by a slash (`/`).', ['basic/index/_meta/key-names']],
      ['2025-06-18', '2026-07-28', 'MUST', 'Labels MUST start with a letter and end with a letter or digit; interior characters can be letters, digits, or hyphens (`-`).', ['basic/index/_meta/key-names']],
      ['2025-06-18', '2026-07-28', 'MUST', 'Unless empty, MUST begin and end with an alphanumeric character (`a-z0-9A-Z`).', ['basic/index/_meta/key-names']],
      ['2025-11-25', '2026-07-28', 'SHOULD', 'Implementations SHOULD use reverse DNS notation (e.g., `com.example/` rather than `example.com/`).', 'unobservable: whose domain it is cannot be known'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Client requests carry the following `io.modelcontextprotocol/*` fields in `_meta`; fields marked as required MUST be included on every request.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'A request missing any required field is malformed; the server MUST reject it with JSON-RPC error code `-32602` (Invalid params).', ['basic/index/_meta/protocol-version-is-required', 'basic/index/_meta/client-capabilities-is-required', 'basic/index/_meta/is-required', 'basic/index/_meta/client-info-is-optional']],
      ['2026-07-28', '2026-07-28', 'MUST', 'On HTTP, the response status MUST be `400 Bad Request`.', ['basic/index/_meta/protocol-version-is-required', 'basic/index/_meta/client-capabilities-is-required', 'basic/index/_meta/is-required', 'basic/index/_meta/client-info-is-optional']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Clients SHOULD include `io.modelcontextprotocol/clientInfo` on every request unless specifically configured not to do so.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'A server MUST NOT rely on capabilities the client has not declared.', ['basic/patterns/mrtr/server-requirements-basic-workflow/', 'basic/index/_meta/unknown-capabilities-are-accepted']],
      ['2026-07-28', '2026-07-28', 'MUST', 'If processing a request requires a capability the client did not include in `io.modelcontextprotocol/clientCapabilities`, the server MUST return a …', 'unobservable: no tool of a stranger is known to need a capability'],
      ['2026-07-28', '2026-07-28', 'SHOULD', "Servers SHOULD include the following `io.modelcontextprotocol/*` field in every result's `_meta`, unless specifically configured not to do so, to identify themselves …", ['basic/index/_meta/server-info']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Implementations SHOULD NOT use them to change the behavior of the client or server, and SHOULD NOT rely on them for security decisions.', 'unobservable: what is done with a name inside'],
      ['2026-07-28', '2026-07-28', 'MUST', 'On notifications delivered via a `subscriptions/listen` stream, the server MUST include `io.modelcontextprotocol/subscriptionId` in `_meta` so the client can …', ['basic/patterns/subscriptions/acknowledgment/is-the-first-message']],
      ['2026-07-28', '2026-07-28', 'MUST', 'When present, their values MUST follow W3C Trace Context and W3C Baggage formats respectively.', ['basic/index/_meta/trace-context-is-accepted']],
    ],
  },
  {
    page: 'basic/index', section: 'result-responses', sentences: [
      ['2025-11-25', '2026-07-28', 'MUST', 'Result responses MUST include the same ID as the request they correspond to.', ['basic/index/responses/string-id', 'basic/index/responses/integer-id', 'basic/index/responses/zero-id', 'basic/index/responses/negative-id', 'basic/index/responses/largest-integer-id', 'basic/index/responses/empty-string-id', 'basic/index/responses/numeric-string-id', 'basic/index/responses/unicode-id', 'basic/index/responses/escaped-id', 'basic/index/responses/many-requests-at-once', 'basic/index/responses/sessions-do-not-mix']],
      ['2025-11-25', '2026-07-28', 'MUST', 'Result responses MUST include a `result` field.', ['basic/index/responses/result-or-error', 'basic/index/responses/result-is-an-object']],
      ['2026-07-28', '2026-07-28', 'MUST', 'The `result` MUST include a `resultType` field to indicate the type of the result.', ['basic/index/result-responses/result-type']],
    ],
  },
  {
    page: 'basic/index', section: 'error-responses', sentences: [
      ['2025-11-25', '2026-07-28', 'MUST', 'Error responses MUST include the same ID as the request they correspond to (except in error cases where the ID could not be read due a malformed request).', ['basic/index/responses/error-has-the-id']],
      ['2025-11-25', '2026-07-28', 'MUST', 'Error responses MUST include an `error` field with a `code` and `message`.', ['basic/index/responses/error-has-a-message', 'basic/index/responses/error-code-is-an-integer', 'basic/index/responses/result-is-an-object']],
      ['2025-11-25', '2026-07-28', 'MUST', 'Error codes MUST be integers.', ['basic/index/responses/error-code-is-an-integer']],
    ],
  },
  {
    page: 'basic/index', section: 'schema-dialect', sentences: [
      ['2025-11-25', '2026-07-28', 'MUST', 'Implementations MUST support at least 2020-12 and SHOULD document which additional dialects they support', ['server/tools/tool/input-schema-is-valid', 'server/tools/security-considerations/invalid-arguments-do-not-succeed']],
      ['2025-11-25', '2026-07-28', 'SHOULD', 'Implementors are RECOMMENDED to use JSON Schema 2020-12.', 'unobservable: which dialect a schema without $schema is meant in'],
    ],
  },
  {
    page: 'basic/index', section: 'implementation-requirements', sentences: [
      ['2025-11-25', '2026-07-28', 'MUST', 'Clients and servers MUST support JSON Schema 2020-12 for schemas without an explicit `$schema` field', ['server/tools/tool/input-schema-is-valid', 'server/tools/security-considerations/invalid-arguments-do-not-succeed']],
      ['2025-11-25', '2026-07-28', 'MUST', 'Clients and servers MUST validate schemas according to their declared or default dialect.', ['server/tools/security-considerations/invalid-arguments-do-not-succeed']],
      ['2025-11-25', '2026-07-28', 'MUST', 'They MUST handle unsupported dialects gracefully by returning an appropriate error indicating the dialect is not supported.', 'unobservable: a client gives a server no schema of a tools-only kind'],
      ['2025-11-25', '2026-07-28', 'SHOULD', 'Clients and servers SHOULD document which schema dialects they support', 'unobservable: documentation'],
    ],
  },
  {
    page: 'basic/index', section: 'schema-validation', sentences: [
      ['2025-11-25', '2026-07-28', 'MUST', 'Schemas MUST be valid according to their declared or default dialect', ['server/tools/tool/input-schema-is-valid', 'server/tools/tool/output-schema-is-valid']],
    ],
  },
  {
    page: 'basic/index', section: 'icons', sentences: [
      ['2025-11-25', '2026-07-28', 'MUST', 'Clients that support rendering icons MUST support at least the following MIME types:', 'client'],
      ['2025-11-25', '2026-07-28', 'SHOULD', 'Clients that support rendering icons SHOULD also support:', 'client'],
      ['2025-11-25', '2026-07-28', 'MUST', 'Consumers of icon metadata MUST take appropriate security precautions when handling icons to prevent compromise:', 'client'],
      ['2025-11-25', '2026-07-28', 'MUST', 'Clients MUST reject icon URIs that use unsafe schemes and redirects, such as `javascript:`, `file:`, `ftp:`, `ws:`, or local app URI schemes.', 'client'],
    ],
  },
  {
    page: 'basic/index', section: 'resulttype', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'The set of supported `ResultType` values MUST be created from the set defined in the core protocol and include any additional values of supported extensions that are …', ['basic/index/resulttype/known-type']],
      ['2026-07-28', '2026-07-28', 'MUST', 'A `resultType` of any value unrecognized by the client MUST be considered invalid.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'For backward compatibility with servers implementing earlier protocol versions, which do not include `resultType`, clients MUST treat an absent `resultType` as …', 'client'],
    ],
  },
  {
    page: 'basic/index', section: 'error-codes', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'New codes MUST NOT be allocated in this sub-range, and new implementations SHOULD NOT use codes from this sub-range at all.', ['basic/index/error-codes/no-codes-of-the-legacy-range']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Apart from `-32002` (see below), receivers MUST NOT assume any specific meaning for these codes.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Implementations MUST NOT emit any code from this sub-range that is not defined by this specification and MUST use defined codes only with their specified meanings.', ['basic/index/error-codes/only-defined-codes-of-the-reserved-range']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Implementations of this protocol version MUST NOT emit these codes:', ['basic/index/error-codes/no-retired-codes']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Clients SHOULD still accept `-32002` from servers implementing earlier versions.', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'New error codes for purposes not defined by this specification SHOULD be allocated outside the JSON-RPC reserved range (`-32768` to `-32000`); the remainder of the …', ['basic/index/error-codes/']],
    ],
  },
  {
    page: 'basic/index', section: 'statelessness', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST NOT rely on prior requests over the same connection to establish context (e.g., capabilities, protocol version, client identity).', ['basic/index/statelessness/']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Servers SHOULD be prepared to handle requests associated with multiple tasks, threads, or conversations.', ['basic/index/responses/many-requests-at-once', 'basic/index/responses/sessions-do-not-mix']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Servers SHOULD NOT require that a client reuse the same connection or process to perform related operations.', ['basic/index/statelessness/first-request-may-be-a-call', 'server/tools/capabilities/same-list-on-every-connection']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Clients SHOULD NOT use an individual task, thread, or conversation as the lifetime boundary for the stdio process.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'State that needs to span multiple requests (e.g., long-running tasks, application-level handles) MUST be referenced by an explicit identifier the client passes on …', 'unobservable: what a tool keeps is its own affair'],
    ],
  },
  {
    page: 'basic/index', section: 'ref-resolution', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Implementations MUST NOT automatically dereference `$ref` values that resolve to a network URI.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Implementations MAY offer an opt-in mode that fetches non-local `$ref`s but it MUST be disabled by default and SHOULD enforce an allowlist of hosts or at minimum …', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Schemas that fail to validate due to an unresolved external `$ref` SHOULD be rejected rather than silently treated as permissive.', 'client'],
    ],
  },
  {
    page: 'basic/index', section: 'composition-keyword-resource-use', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Implementations SHOULD apply reasonable bounds, such as a maximum schema depth, a cap on the total number of subschemas, or a per-validation time budget, to prevent a …', 'client'],
    ],
  },
  {
    page: 'basic/versioning', section: 'protocol-version-negotiation', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'If the server does not implement the requested version (whether the version is unknown to the server, or is a known version the server has chosen not to support), it …', ['basic/versioning/protocol-version-negotiation/']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'The client SHOULD select a mutually supported version from the `supported` list and retry the request, or surface an error to the user if no compatible version exists.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST implement `server/discover`.', ['server/discover/']],
    ],
  },
  {
    page: 'basic/versioning', section: 'extension-negotiation', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Extension identifiers MUST follow the `_meta` key naming rules, with a mandatory prefix.', ['basic/versioning/extension-negotiation/identifiers-have-a-prefix']],
      ['2026-07-28', '2026-07-28', 'MUST', 'If one party supports an extension but the other does not, the supporting party MUST either revert to core protocol behavior or reject the request with an appropriate …', ['basic/index/_meta/unknown-capabilities-are-accepted']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Extensions SHOULD document their expected fallback behavior.', 'unobservable: documentation'],
    ],
  },
  {
    page: 'basic/versioning', section: 'backward-compatibility-with-initialization-based-versions', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Clients SHOULD cache the result for the lifetime of the server process (stdio) or origin (HTTP), and MAY persist it across restarts of the same server configuration, …', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'A server that supports only modern versions SHOULD name the protocol versions it supports in any error it returns to an `initialize` request, on any transport: legacy …', ['basic/versioning/backward-compatibility-with-initialization-based-versions/']],
    ],
  },
  {
    page: 'basic/versioning', section: 'compatibility-matrix', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'On stdio, clients SHOULD send `server/discover` first to fail deterministically; the client then surfaces an actionable error to the user.', 'client'],
    ],
  },
]
