// Generated once from the specification's pages, then kept by hand: one row for each sentence with MUST or SHOULD.
import type { Section } from './requirement.ts'

// biome-ignore format: a table, one sentence a line
export const sections: Section[] = [
  {
    page: 'basic/transports', section: 'overview', sentences: [
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Clients SHOULD support stdio whenever possible.', 'stdio, and transports of one’s own'],
      ['2025-03-26', '2025-11-25', 'MUST', 'JSON-RPC messages MUST be UTF-8 encoded.', ['basic/index/responses/bytes-are-utf-8', 'server/tools/calling-tools/arguments-arrive-unchanged', 'basic/transports/http-with-sse/stream-is-utf-8', 'basic/index/requests/characters-split-across-chunks', 'basic/index/responses/unicode-id', 'basic/index/requests/escaped-characters']],
    ],
  },
  {
    page: 'basic/transports', section: 'stdio', sentences: [
      ['2024-11-05', '2025-11-25', 'MUST', 'Messages are delimited by newlines, and MUST NOT contain embedded newlines.', 'stdio, and transports of one’s own'],
      ['2024-11-05', '2025-11-25', 'MUST', 'The server MUST NOT write anything to its `stdout` that is not a valid MCP message.', 'stdio, and transports of one’s own'],
      ['2024-11-05', '2025-11-25', 'MUST', "The client MUST NOT write anything to the server's `stdin` that is not a valid MCP message.", 'stdio, and transports of one’s own'],
      ['2025-11-25', '2025-11-25', 'SHOULD', "The client MAY capture, forward, or ignore the server's `stderr` output and SHOULD NOT assume `stderr` output indicates error conditions.", 'stdio, and transports of one’s own'],
    ],
  },
  {
    page: 'basic/transports', section: 'security-warning', sentences: [
      ['2024-11-05', '2025-11-25', 'MUST', 'Servers MUST validate the `Origin` header on all incoming connections to prevent DNS rebinding attacks', ['basic/transports/security-warning/']],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'When running locally, servers SHOULD bind only to localhost (127.0.0.1) rather than all network interfaces (0.0.0.0)', 'unobservable: the target’s address is the user’s choice'],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Servers SHOULD implement proper authentication for all connections', 'unobservable: whether a deployment wants authentication is its own decision'],
      ['2024-11-05', '2024-11-05', 'MUST', 'The server MUST provide two endpoints:', ['basic/transports/http-with-sse/get-opens-an-event-stream', 'basic/transports/http-with-sse/post-endpoint-takes-messages']],
      ['2024-11-05', '2024-11-05', 'MUST', 'When a client connects, the server MUST send an `endpoint` event containing a URI for the client to use for sending messages.', ['basic/transports/http-with-sse/endpoint-event', 'basic/transports/http-with-sse/endpoint-event-is-first', 'basic/transports/http-with-sse/endpoint-is-one-uri']],
      ['2024-11-05', '2024-11-05', 'MUST', 'All subsequent client messages MUST be sent as HTTP POST requests to this endpoint.', 'client'],
      ['2025-11-25', '2025-11-25', 'MUST', 'If the `Origin` header is present and invalid, servers MUST respond with HTTP 403 Forbidden.', ['basic/transports/security-warning/invalid-origin-is-403', 'basic/transports/security-warning/invalid-origin-of-get-is-403']],
    ],
  },
  {
    page: 'basic/transports', section: 'custom-transports', sentences: [
      ['2024-11-05', '2025-11-25', 'MUST', 'Implementers who choose to support custom transports MUST ensure they preserve the JSON-RPC message format and lifecycle requirements defined by MCP.', 'stdio, and transports of one’s own'],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Custom transports SHOULD document their specific connection establishment and message exchange patterns to aid interoperability.', 'stdio, and transports of one’s own'],
    ],
  },
  {
    page: 'basic/transports', section: 'streamable-http', sentences: [
      ['2025-03-26', '2025-11-25', 'MUST', 'The server MUST provide a single HTTP endpoint path (hereafter referred to as the MCP endpoint) that supports both POST and GET methods.', ['basic/transports/listening-for-messages-from-the-server/get-streams-or-405', 'basic/transports/sending-messages-to-the-server/request-is-answered-with-a-response']],
    ],
  },
  {
    page: 'basic/transports', section: 'sending-messages-to-the-server', sentences: [
      ['2025-03-26', '2025-11-25', 'MUST', 'Every JSON-RPC message sent from the client MUST be a new HTTP POST request to the MCP endpoint.', 'client'],
      ['2025-03-26', '2025-11-25', 'MUST', 'The client MUST use HTTP POST to send JSON-RPC messages to the MCP endpoint.', 'client'],
      ['2025-03-26', '2025-11-25', 'MUST', 'The client MUST include an `Accept` header, listing both `application/json` and `text/event-stream` as supported content types.', 'client'],
      ['2025-03-26', '2025-03-26', 'MUST', 'The body of the POST request MUST be one of the following:', ['basic/index/batching/', 'basic/transports/sending-messages-to-the-server/request-is-answered-with-a-response', 'basic/transports/sending-messages-to-the-server/response-is-202-or-refused']],
      ['2025-03-26', '2025-11-25', 'MUST', 'If the server accepts the input, the server MUST return HTTP status code 202 Accepted with no body.', ['basic/transports/sending-messages-to-the-server/notification-is-202', 'basic/transports/sending-messages-to-the-server/notification-has-no-body', 'basic/transports/sending-messages-to-the-server/response-is-202-or-refused']],
      ['2025-03-26', '2025-11-25', 'MUST', 'If the server cannot accept the input, it MUST return an HTTP error status code (e.g., 400 Bad Request).', ['basic/transports/sending-messages-to-the-server/unreadable-input-is-refused', 'basic/transports/sending-messages-to-the-server/response-is-202-or-refused']],
      ['2025-03-26', '2025-03-26', 'MUST', 'If the input contains any number of JSON-RPC requests, the server MUST either return `Content-Type: text/event-stream`, to initiate an SSE stream, or `Content-Type: …', ['basic/transports/sending-messages-to-the-server/request-is-answered-as-json-or-events', 'basic/transports/sending-messages-to-the-server/request-is-answered-with-a-response', 'basic/transports/sending-messages-to-the-server/json-is-one-object']],
      ['2025-03-26', '2025-11-25', 'MUST', 'The client MUST support both these cases.', 'client'],
      ['2025-03-26', '2025-03-26', 'SHOULD', 'The SSE stream SHOULD eventually include one JSON-RPC response per each JSON-RPC request sent in the POST body.', ['basic/transports/sending-messages-to-the-server/stream-has-the-response', 'basic/transports/sending-messages-to-the-server/event-data-is-json']],
      ['2025-03-26', '2025-11-25', 'SHOULD', 'These messages SHOULD relate to the originating client request.', ['basic/transports/sending-messages-to-the-server/messages-relate-to-the-request']],
      ['2025-03-26', '2025-03-26', 'SHOULD', 'The server SHOULD NOT close the SSE stream before sending a JSON-RPC response per each received JSON-RPC request, unless the session expires.', ['basic/transports/sending-messages-to-the-server/stream-has-the-response', 'basic/transports/sending-messages-to-the-server/event-data-is-json']],
      ['2025-03-26', '2025-03-26', 'SHOULD', 'After all JSON-RPC responses have been sent, the server SHOULD close the SSE stream.', ['basic/transports/sending-messages-to-the-server/stream-ends-after-the-response']],
      ['2025-03-26', '2025-11-25', 'SHOULD', 'Disconnection SHOULD NOT be interpreted as the client cancelling its request.', ['basic/transports/sending-messages-to-the-server/disconnection-is-not-cancellation']],
      ['2025-03-26', '2025-11-25', 'SHOULD', 'To cancel, the client SHOULD explicitly send an MCP `CancelledNotification`.', 'client'],
      ['2025-06-18', '2025-11-25', 'MUST', 'The body of the POST request MUST be a single JSON-RPC request, notification, or response.', ['basic/transports/sending-messages-to-the-server/no-batches']],
      ['2025-06-18', '2025-11-25', 'MUST', 'If the input is a JSON-RPC request, the server MUST either return `Content-Type: text/event-stream`, to initiate an SSE stream, or `Content-Type: application/json`, …', ['basic/transports/sending-messages-to-the-server/request-is-answered-as-json-or-events', 'basic/transports/sending-messages-to-the-server/request-is-answered-with-a-response', 'basic/transports/sending-messages-to-the-server/json-is-one-object']],
      ['2025-06-18', '2025-06-18', 'SHOULD', 'The SSE stream SHOULD eventually include JSON-RPC response for the JSON-RPC request sent in the POST body.', ['basic/transports/sending-messages-to-the-server/stream-has-the-response', 'basic/transports/sending-messages-to-the-server/event-data-is-json']],
      ['2025-06-18', '2025-06-18', 'SHOULD', 'The server SHOULD NOT close the SSE stream before sending the JSON-RPC response for the received JSON-RPC request, unless the session expires.', ['basic/transports/sending-messages-to-the-server/stream-has-the-response', 'basic/transports/sending-messages-to-the-server/event-data-is-json']],
      ['2025-06-18', '2025-06-18', 'SHOULD', 'After the JSON-RPC response has been sent, the server SHOULD close the SSE stream.', ['basic/transports/sending-messages-to-the-server/stream-ends-after-the-response']],
      ['2025-11-25', '2025-11-25', 'SHOULD', 'The server SHOULD immediately send an SSE event consisting of an event ID and an empty `data` field in order to prime the client to reconnect (using that event ID as …', ['basic/transports/sending-messages-to-the-server/priming-event']],
      ['2025-11-25', '2025-11-25', 'SHOULD', 'The client SHOULD then "poll" the SSE stream by attempting to reconnect.', 'client'],
      ['2025-11-25', '2025-11-25', 'SHOULD', 'If the server does close the connection prior to terminating the _SSE stream_, it SHOULD send an SSE event with a standard `retry` field before closing the connection.', 'unobservable: only a server that closes early has to, and none can be made to'],
      ['2025-11-25', '2025-11-25', 'MUST', 'The client MUST respect the `retry` field, waiting the given number of milliseconds before attempting to reconnect.', 'client'],
      ['2025-11-25', '2025-11-25', 'SHOULD', 'The SSE stream SHOULD eventually include a JSON-RPC response for the JSON-RPC request sent in the POST body.', ['basic/transports/sending-messages-to-the-server/stream-has-the-response', 'basic/transports/sending-messages-to-the-server/event-data-is-json']],
      ['2025-11-25', '2025-11-25', 'SHOULD', 'After the JSON-RPC response has been sent, the server SHOULD terminate the SSE stream.', ['basic/transports/sending-messages-to-the-server/stream-ends-after-the-response']],
    ],
  },
  {
    page: 'basic/transports', section: 'listening-for-messages-from-the-server', sentences: [
      ['2025-03-26', '2025-11-25', 'MUST', 'The client MUST include an `Accept` header, listing `text/event-stream` as a supported content type.', 'client'],
      ['2025-03-26', '2025-11-25', 'MUST', 'The server MUST either return `Content-Type: text/event-stream` in response to this HTTP GET, or else return HTTP 405 Method Not Allowed, indicating that the server …', ['basic/transports/listening-for-messages-from-the-server/get-streams-or-405']],
      ['2025-03-26', '2025-11-25', 'SHOULD', 'These messages SHOULD be unrelated to any concurrently-running JSON-RPC request from the client.', 'unobservable: what a message of the server relates to is not written in it'],
      ['2025-03-26', '2025-11-25', 'MUST', 'The server MUST NOT send a JSON-RPC response on the stream unless resuming a stream associated with a previous client request.', ['basic/transports/listening-for-messages-from-the-server/no-responses-on-it']],
      ['2025-11-25', '2025-11-25', 'SHOULD', 'If the server closes the connection without terminating the stream, it SHOULD follow the same polling behavior as described for POST requests: sending a `retry` field …', 'unobservable: only a server that closes early has to, and none can be made to'],
    ],
  },
  {
    page: 'basic/transports', section: 'multiple-connections', sentences: [
      ['2025-03-26', '2025-11-25', 'MUST', 'The server MUST send each of its JSON-RPC messages on only one of the connected streams; that is, it MUST NOT broadcast the same message across multiple streams.', ['basic/transports/multiple-connections/no-broadcast', 'basic/index/notifications/other-sessions-hear-nothing']],
    ],
  },
  {
    page: 'basic/transports', section: 'resumability-and-redelivery', sentences: [
      ['2025-03-26', '2025-11-25', 'MUST', 'If present, the ID MUST be globally unique across all streams within that session—or all streams with that specific client, if session management is not in use.', ['basic/transports/resumability-and-redelivery/event-ids-are-unique']],
      ['2025-03-26', '2025-06-18', 'SHOULD', 'If the client wishes to resume after a broken connection, it SHOULD issue an HTTP GET to the MCP endpoint, and include the `Last-Event-ID` header to indicate the last …', 'client'],
      ['2025-03-26', '2025-11-25', 'MUST', 'The server MUST NOT replay messages that would have been delivered on a different stream.', ['basic/transports/resumability-and-redelivery/no-replay-of-another-stream']],
      ['2025-11-25', '2025-11-25', 'SHOULD', 'Event IDs SHOULD encode sufficient information to identify the originating stream, enabling the server to correlate a `Last-Event-ID` to the correct stream.', 'unobservable: event ids are opaque'],
      ['2025-11-25', '2025-11-25', 'SHOULD', 'If the client wishes to resume after a disconnection (whether due to network failure or server-initiated closure), it SHOULD issue an HTTP GET to the MCP endpoint, …', 'client'],
    ],
  },
  {
    page: 'basic/transports', section: 'session-management', sentences: [
      ['2025-03-26', '2025-11-25', 'SHOULD', 'The session ID SHOULD be globally unique and cryptographically secure (e.g., a securely generated UUID, a JWT, or a cryptographic hash).', ['basic/transports/session-management/ids-are-unique']],
      ['2025-03-26', '2025-11-25', 'MUST', 'The session ID MUST only contain visible ASCII characters (ranging from 0x21 to 0x7E).', ['basic/transports/session-management/id-is-visible-ascii']],
      ['2025-03-26', '2025-11-25', 'MUST', 'If an `Mcp-Session-Id` is returned by the server during initialization, clients using the Streamable HTTP transport MUST include it in the `Mcp-Session-Id` header on …', 'client'],
      ['2025-03-26', '2025-11-25', 'SHOULD', 'Servers that require a session ID SHOULD respond to requests without an `Mcp-Session-Id` header (other than initialization) with HTTP 400 Bad Request.', ['basic/transports/session-management/missing-id-is-400']],
      ['2025-03-26', '2025-11-25', 'MUST', 'The server MAY terminate the session at any time, after which it MUST respond to requests containing that session ID with HTTP 404 Not Found.', ['basic/transports/session-management/terminated-id-is-404']],
      ['2025-03-26', '2025-11-25', 'MUST', 'When a client receives HTTP 404 in response to a request containing an `Mcp-Session-Id`, it MUST start a new session by sending a new `InitializeRequest` without a …', 'client'],
      ['2025-03-26', '2025-11-25', 'SHOULD', 'Clients that no longer need a particular session (e.g., because the user is leaving the client application) SHOULD send an HTTP DELETE to the MCP endpoint with the …', 'client'],
      ['2025-11-25', '2025-11-25', 'MUST', 'The client MUST handle the session ID in a secure manner, see Session Hijacking mitigations for more details.', 'client'],
    ],
  },
  {
    page: 'basic/transports', section: 'protocol-version-header', sentences: [
      ['2025-06-18', '2025-11-25', 'MUST', 'If using HTTP, the client MUST include the `MCP-Protocol-Version:', 'client'],
      ['2025-06-18', '2025-11-25', 'SHOULD', 'The protocol version sent by the client SHOULD be the one negotiated during initialization.', 'client'],
      ['2025-06-18', '2025-11-25', 'SHOULD', 'For backwards compatibility, if the server does not receive an `MCP-Protocol-Version` header, and has no other way to identify the version - for example, by relying …', ['basic/transports/protocol-version-header/absent-is-accepted']],
      ['2025-06-18', '2025-11-25', 'MUST', 'If the server receives a request with an invalid or unsupported `MCP-Protocol-Version`, it MUST respond with `400 Bad Request`.', ['basic/transports/protocol-version-header/unsupported-is-400', 'basic/transports/protocol-version-header/invalid-is-400', 'basic/transports/protocol-version-header/negotiated-is-accepted']],
    ],
  },
  {
    page: 'basic/transports/index', section: 'messages', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'JSON-RPC messages MUST be UTF-8 encoded.', ['basic/index/responses/bytes-are-utf-8', 'server/tools/calling-tools/arguments-arrive-unchanged', 'basic/transports/http-with-sse/stream-is-utf-8', 'basic/index/requests/characters-split-across-chunks', 'basic/index/responses/unicode-id', 'basic/index/requests/escaped-characters']],
      ['2026-07-28', '2026-07-28', 'MUST', 'A binding MUST deliver client-sent requests and notifications to the server, and server-sent responses and notifications to the client.', ['basic/transports/streamable-http/sending-messages/', 'basic/patterns/index/overview/servers-do-not-request']],
    ],
  },
  {
    page: 'basic/transports/index', section: 'custom-transports', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Implementers who choose to support custom transports MUST preserve the JSON-RPC message format, the message patterns, and the per-request metadata model.', 'stdio, and transports of one’s own'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Custom transports SHOULD document their connection establishment, message framing, and cancellation patterns to aid interoperability.', 'stdio, and transports of one’s own'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Custom transports that run over a reliable bidirectional byte stream (e.g., Unix domain sockets or TCP) SHOULD reuse the stdio framing rather than defining a new one: …', 'stdio, and transports of one’s own'],
    ],
  },
]
