// Generated once from the specification's pages, then kept by hand: one row for each sentence with MUST or SHOULD.
import type { Section } from './requirement.ts'

// biome-ignore format: a table, one sentence a line
export const sections: Section[] = [
  {
    page: 'basic/transports/streamable-http', section: 'overview', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'The server MUST provide a single HTTP endpoint path (hereafter referred to as the MCP endpoint) that supports POST.', ['basic/transports/streamable-http/sending-messages/request-is-answered-as-json-or-events']],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'security-endpoint', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST validate the `Origin` header on all incoming connections to prevent DNS rebinding attacks.', ['basic/transports/streamable-http/security-endpoint/invalid-origin-is-403']],
      ['2026-07-28', '2026-07-28', 'MUST', 'If the `Origin` header is present and invalid, servers MUST respond with HTTP 403 Forbidden.', ['basic/transports/streamable-http/security-endpoint/invalid-origin-is-403']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'When running locally, servers SHOULD bind only to localhost (127.0.0.1) rather than all network interfaces (0.0.0.0).', 'unobservable: the target’s address is the user’s choice'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Servers SHOULD implement proper authentication for all connections.', 'unobservable: whether a deployment wants authentication is its own decision'],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'sending-messages', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Every JSON-RPC message sent from the client MUST be a new HTTP POST request to the MCP endpoint.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'The client MUST use HTTP POST to send JSON-RPC messages.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'The client MUST include an `Accept` header listing both `application/json` and `text/event-stream` as supported content types.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'The client MUST include the request metadata headers on each POST request.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'The body of the HTTP POST MUST be a single JSON-RPC request or notification.', ['basic/transports/streamable-http/sending-messages/no-batches', 'basic/transports/streamable-http/sending-messages/no-responses']],
      ['2026-07-28', '2026-07-28', 'MUST', 'The client MUST NOT send JSON-RPC responses.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'If the server accepts it, the server MUST return HTTP status code `202 Accepted` with no body.', ['basic/transports/streamable-http/sending-messages/notification-is-202-or-refused']],
      ['2026-07-28', '2026-07-28', 'MUST', 'If the server cannot accept it, it MUST return an HTTP error status code (e.g., `400 Bad Request`).', ['basic/transports/streamable-http/sending-messages/unreadable-input-is-refused', 'basic/transports/streamable-http/sending-messages/notification-is-202-or-refused']],
      ['2026-07-28', '2026-07-28', 'MUST', 'If the body is a JSON-RPC request, the server MUST return either `Content-Type: application/json` (a single JSON object) or `Content-Type: text/event-stream` (an SSE …', ['basic/transports/streamable-http/sending-messages/request-is-answered-as-json-or-events']],
      ['2026-07-28', '2026-07-28', 'MUST', 'The client MUST support both.', 'client'],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'receiving-messages', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'These notifications MUST relate to the originating client request.', ['basic/transports/streamable-http/receiving-messages/related-notifications-only']],
      ['2026-07-28', '2026-07-28', 'MUST', 'The server MUST NOT send independent JSON-RPC requests on this stream.', ['basic/patterns/index/overview/servers-do-not-request']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'The final JSON-RPC response SHOULD terminate the stream.', ['basic/transports/streamable-http/receiving-messages/response-ends-the-stream']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'When initiating an SSE stream, servers SHOULD include the `X-Accel-Buffering: no` header in the HTTP response.', ['basic/transports/streamable-http/receiving-messages/not-buffered']],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'cancellation', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Closing the SSE response stream MUST be treated by the server as cancellation of that request.', ['basic/transports/streamable-http/cancellation/a-closed-stream-harms-nobody']],
      ['2026-07-28', '2026-07-28', 'MUST', 'The server SHOULD stop work on the cancelled request as soon as practical and MUST NOT send any further messages for it.', ['basic/transports/streamable-http/cancellation/nothing-follows']],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'protocol-version-header', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Every POST request to the MCP endpoint MUST include an `MCP-Protocol-Version` header.', ['basic/transports/streamable-http/server-validation/version-is-required']],
      ['2026-07-28', '2026-07-28', 'MUST', "The header value MUST match the `io.modelcontextprotocol/protocolVersion` field carried in the request body's `_meta`.", ['basic/transports/streamable-http/protocol-version-header/version-differs-from-body']],
      ['2026-07-28', '2026-07-28', 'MUST', 'If the values do not match, the server MUST reject the request with `400 Bad Request` and a `HeaderMismatch` JSON-RPC error (see Server Validation).', ['basic/transports/streamable-http/protocol-version-header/version-differs-from-body']],
      ['2026-07-28', '2026-07-28', 'MUST', 'If the server does not implement the requested protocol version (whether the version is unknown to the server, or is a known version the server has chosen not to …', ['basic/versioning/protocol-version-negotiation/']],
      ['2026-07-28', '2026-07-28', 'MUST', 'If the server does not implement the requested RPC method, it MUST respond with `404 Not Found` and a JSON-RPC error with code `-32601` (`Method not found`).', ['basic/transports/streamable-http/protocol-version-header/unknown-method-is-404', 'basic/transports/streamable-http/protocol-version-header/removed-methods-are-404']],
      ['2026-07-28', '2026-07-28', 'MUST', 'A server that does not support such clients MUST reject a request without the header per Server Validation.', ['basic/transports/streamable-http/server-validation/version-is-required']],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'standard-request-headers', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'These headers are REQUIRED for compliance.', ['basic/transports/streamable-http/standard-request-headers/']],
      ['2026-07-28', '2026-07-28', 'MUST', 'If the `Mcp-Name` source value cannot be safely represented as a plain ASCII header value, clients MUST encode it using the Base64 sentinel format described in Value …', 'client'],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'custom-headers-from-tool-parameters', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'While the use of `x-mcp-header` is optional for servers, clients MUST support this feature.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', "When a server's tool definition includes `x-mcp-header` annotations, conforming clients MUST mirror the designated parameter values into HTTP headers.", 'client'],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'schema-extension', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST NOT be empty', ['server/tools/x-mcp-header/value-is-a-token']],
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST match HTTP field-name token syntax (`1*tchar`, RFC 9110 Section 5.1)', ['server/tools/x-mcp-header/value-is-a-token']],
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST NOT contain control characters, including carriage return (CR, `\\r`) or line feed (LF, `\\n`)', ['server/tools/x-mcp-header/value-is-a-token']],
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST be case-insensitively unique among all `x-mcp-header` values in the `inputSchema`', ['server/tools/x-mcp-header/values-are-unique']],
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST only be applied to parameters with primitive types (integer, string, boolean).', ['server/tools/x-mcp-header/parameter-is-primitive']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Integer values MUST be within the safe range for JavaScript (−253+1 to 253−1)', 'unobservable: the values are the client’s'],
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST only be applied to properties that are _statically reachable_ from the schema root: reachable via a chain consisting solely of `properties` keys.', ['server/tools/x-mcp-header/parameter-is-reachable']],
      ['2026-07-28', '2026-07-28', 'MUST', 'The chain MUST NOT pass through `items` (or any other array keyword), composition keywords (`oneOf`, `anyOf`, `allOf`, `not`), conditional keywords …', ['server/tools/x-mcp-header/parameter-is-reachable']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Clients using the Streamable HTTP transport MUST reject tool definitions where any `x-mcp-header` value violates these constraints.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Rejection means the client MUST exclude the invalid tool from the result of `tools/list`.', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Clients SHOULD log a warning when rejecting a tool definition, including the tool name and the reason for rejection.', 'client'],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'value-encoding', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Clients MUST encode parameter values before including them in HTTP headers to ensure safe transmission and prevent injection attacks.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'When a value cannot be safely represented as a plain ASCII header value (e.g., it contains non-ASCII characters, control characters, or has leading/trailing …', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Tool and prompt names are only SHOULD-constrained to header-safe characters, so a name (or resource URI) outside the safe set is carried as:', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'These markers are case-sensitive and MUST appear exactly as shown (lowercase).', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers and intermediaries that need to inspect these values MUST decode them accordingly.', ['basic/transports/streamable-http/value-encoding/']],
      ['2026-07-28', '2026-07-28', 'MUST', 'In particular, servers MUST decode an encoded `Mcp-Name` or `Mcp-Param-{Name}` value before comparing it to the corresponding request body value during Server Validation.', ['basic/transports/streamable-http/value-encoding/']],
      ['2026-07-28', '2026-07-28', 'MUST', 'To avoid ambiguity, clients MUST also Base64-encode any plain-ASCII value that matches the sentinel pattern (i.e., starts with `=?base64?` and ends with `?=`).', 'client'],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'client-behavior', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'When constructing a `tools/call` request via HTTP transport, the client MUST:', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'If the server rejects a request with a `HeaderMismatch` error because required `Mcp-Param-*` headers are missing or do not match the body, the client SHOULD call …', 'client'],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'server-behavior-for-custom-headers', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Intermediate servers that do not recognize an `Mcp-Param-{Name}` header MUST forward it and otherwise ignore it, as required by the HTTP Semantics RFC.', 'intermediaries'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST reject requests with a recognized `Mcp-Param-{Name}` header that contains invalid characters (see Value Encoding).', 'unobservable: node:http sends no invalid characters in a header'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Any server that processes the message body MUST validate that encoded header values, after decoding if Base64-encoded, match the corresponding values in the request body.', ['basic/transports/streamable-http/value-encoding/', 'basic/transports/streamable-http/server-behavior-for-custom-headers/parameter-differs-from-body']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST reject requests with a `400 Bad Request` HTTP status and JSON-RPC error code `-32020` (`HeaderMismatch`) if any validation fails.', ['basic/transports/streamable-http/server-behavior-for-custom-headers/parameter-differs-from-body', 'basic/transports/streamable-http/server-behavior-for-custom-headers/parameter-is-required']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Parameter value provided | Client MUST include the header | Server MUST validate header matches body', ['basic/transports/streamable-http/server-behavior-for-custom-headers/parameter-differs-from-body']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Parameter value is `null` | Client MUST omit the header | Server MUST NOT expect the header', ['basic/transports/streamable-http/server-behavior-for-custom-headers/null-and-absent-need-no-header']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Parameter not in arguments | Client MUST omit the header | Server MUST NOT expect the header', ['basic/transports/streamable-http/server-behavior-for-custom-headers/null-and-absent-need-no-header']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Client omits header but value is in body | Non-conforming client | Server MUST reject the request', ['basic/transports/streamable-http/server-behavior-for-custom-headers/parameter-is-required']],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'case-sensitivity', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Clients and servers MUST use case-insensitive comparisons for header names.', ['basic/transports/streamable-http/case-sensitivity/']],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'server-validation', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers that process the request body MUST reject requests where the values specified in the headers do not match the corresponding values in the request body.', ['basic/transports/streamable-http/server-validation/', 'basic/transports/streamable-http/standard-request-headers/', 'basic/transports/streamable-http/case-sensitivity/method-is-case-sensitive', 'basic/transports/streamable-http/protocol-version-header/version-differs-from-body', 'basic/transports/streamable-http/value-encoding/name-in-base64-differs', 'basic/transports/streamable-http/server-behavior-for-custom-headers/parameter-differs-from-body']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'When validating integer parameter values, servers SHOULD compare the header value and the body value numerically rather than as strings (e.g., `42.0` and `42` are …', ['basic/transports/streamable-http/server-validation/integers-are-compared-as-numbers']],
      ['2026-07-28', '2026-07-28', 'MUST', 'When rejecting a request due to header validation failure, servers MUST return HTTP status `400 Bad Request` and MUST include a JSON-RPC error response using the …', ['basic/transports/streamable-http/server-validation/', 'basic/transports/streamable-http/standard-request-headers/', 'basic/transports/streamable-http/case-sensitivity/method-is-case-sensitive', 'basic/transports/streamable-http/protocol-version-header/version-differs-from-body', 'basic/transports/streamable-http/value-encoding/name-in-base64-differs', 'basic/transports/streamable-http/server-behavior-for-custom-headers/parameter-differs-from-body']],
      ['2026-07-28', '2026-07-28', 'MUST', 'For headers that permit the Base64 sentinel encoding (`Mcp-Name` and `Mcp-Param-{Name}`), servers MUST decode encoded values (see Value Encoding) before comparing …', ['basic/transports/streamable-http/value-encoding/']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Intermediaries MUST return an appropriate HTTP error status (e.g., `400 Bad Request`) for validation failures but are not required to return a JSON-RPC error response.', 'intermediaries'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Intermediaries that enforce policy based on mirrored headers (e.g., routing or rate-limiting by tenant) SHOULD verify that the `MCP-Protocol-Version` header indicates …', 'intermediaries'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'If the version is older or the header is absent, the intermediary SHOULD reject the request rather than trusting unvalidated header values.', 'intermediaries'],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'backward-compatibility', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'On `400 Bad Request`, the client SHOULD inspect the response body before falling back: modern servers also use `400` for `UnsupportedProtocolVersionError`, …', 'client'],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'earlier-streamable-http-revisions', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'A server that supports only this revision and receives such traffic from an older client SHOULD respond as follows:', ['basic/transports/streamable-http/earlier-streamable-http-revisions/']],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'httpsse-transport-2024-11-05', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'New implementations SHOULD NOT adopt it; existing implementations SHOULD migrate to Streamable HTTP.', 'implementors: a choice, not a behaviour'],
    ],
  },
]
