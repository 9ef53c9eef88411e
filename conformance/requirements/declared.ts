// What the specification says without a keyword: schema.ts, "the source of truth for all protocol messages and structures", and
// sentences in the indicative that define a transport or an error. Covered, but not counted: nobody can count what is merely said.
import type { Section } from './requirement.ts'

const first = '2024-11-05'
const last = '2026-07-28'
const legacy = '2025-11-25'

// biome-ignore format: a table, one sentence a line
export const sections: Section[] = [
  {
    page: 'basic/transports', section: 'http-with-sse', sentences: [
      [first, first, 'MUST', 'Server messages are sent as SSE message events, with the message content encoded as JSON in the event data.', ['basic/transports/http-with-sse/responses-come-on-the-stream', 'basic/transports/http-with-sse/messages-are-message-events', 'basic/transports/http-with-sse/event-data-is-json', 'basic/transports/http-with-sse/stream-has-known-fields-only']],
      [first, first, 'MUST', 'The server operates as an independent process that can handle multiple client connections.', ['basic/transports/http-with-sse/several-clients']],
      [first, first, 'MUST', 'A message that is posted is a JSON-RPC message, and what is not gets a parse error (JSON-RPC 2.0 §5.1).', ['basic/transports/http-with-sse/unreadable-input-is-answered']],
      [first, first, 'MUST', 'The client closes the SSE connection.', ['basic/transports/http-with-sse/open-until-the-client-closes']],
    ],
  },
  {
    page: 'basic/transports', section: 'session-management', sentences: [
      ['2025-03-26', legacy, 'MUST', 'A server may assign a session id, which then identifies the session in every request.', ['basic/transports/session-management/id-serves-every-request']],
    ],
  },
  {
    page: 'basic/transports/streamable-http', section: 'server-behavior-for-custom-headers', sentences: [
      [last, last, 'MUST', 'Header fields that are not recognized are ignored (HTTP semantics).', ['basic/transports/streamable-http/server-behavior-for-custom-headers/unknown-parameter-header-is-ignored', 'basic/transports/streamable-http/server-validation/surrounding-whitespace-is-not-part-of-a-value']],
    ],
  },
  {
    page: 'basic/lifecycle', section: 'capability-negotiation', sentences: [
      [first, legacy, 'MUST', 'ClientCapabilities is not a closed set: any client can define its own, additional capabilities (schema.ts).', ['basic/lifecycle/capability-negotiation/unknown-client-capabilities']],
    ],
  },
  {
    page: 'server/tools', section: 'tool', sentences: [
      [first, last, 'MUST', 'Tool and ListToolsResult of schema.ts.', ['server/tools/tool/', 'server/tools/listing-tools/result-shape']],
      [first, last, 'MUST', 'CallToolRequest and CallToolResult of schema.ts.', ['server/tools/calling-tools/']],
      [first, last, 'MUST', 'ImageContent of schema.ts: data is the base64-encoded image data, mimeType the MIME type of the image.', ['server/tools/image-content/']],
    ],
  },
  {
    page: 'server/tools', section: 'error-handling', sentences: [
      [first, last, 'SHOULD', 'Protocol errors: unknown tools, malformed requests, server errors. Tool execution errors: in results with isError.', ['server/tools/error-handling/']],
    ],
  },
  {
    page: 'server/utilities/pagination', section: 'response-format', sentences: [
      [first, last, 'MUST', 'PaginatedResult of schema.ts: nextCursor?: string.', ['server/utilities/pagination/response-format/']],
    ],
  },
  {
    page: 'server/utilities/logging', section: 'setting-log-level', sentences: [
      [first, legacy, 'MUST', 'Clients may send logging/setLevel with any of the levels of RFC 5424; LoggingMessageNotification of schema.ts.', ['server/utilities/logging/setting-log-level/', 'server/utilities/logging/log-message-notifications/']],
    ],
  },
  {
    page: 'basic/utilities/cancellation', section: 'behavior-requirements', sentences: [
      [first, legacy, 'MUST', 'requestId is the ID of the request to cancel (schema.ts): no other request is cancelled.', ['basic/utilities/cancellation/behavior-requirements/other-', 'basic/utilities/cancellation/behavior-requirements/ids-of-another-type-are-other-ids']],
    ],
  },
]
