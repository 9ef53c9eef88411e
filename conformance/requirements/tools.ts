// Generated once from the specification's pages, then kept by hand: one row for each sentence with MUST or SHOULD.
import type { Section } from './requirement.ts'

// biome-ignore format: a table, one sentence a line
export const sections: Section[] = [
  {
    page: 'server/tools', section: 'user-interaction-model', sentences: [
      ['2024-11-05', '2026-07-28', 'SHOULD', 'For trust & safety and security, there SHOULD always be a human in the loop with the ability to deny tool invocations.', 'client'],
      ['2024-11-05', '2026-07-28', 'SHOULD', 'Applications SHOULD:', 'client'],
    ],
  },
  {
    page: 'server/tools', section: 'capabilities', sentences: [
      ['2024-11-05', '2026-07-28', 'MUST', 'Servers that support tools MUST declare the `tools` capability:', ['server/tools/capabilities/tools-is-declared', 'server/tools/capabilities/declared-tools-are-listed']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers that declare the `tools` capability MUST respond to `tools/list` requests with the set of tools currently available to the requesting client.', ['server/tools/capabilities/declared-tools-are-listed']],
      ['2026-07-28', '2026-07-28', 'MUST', 'This set MAY be empty and MAY change over time (see List Changed Notification), but MUST NOT vary per-connection or as a side effect of other requests on the connection.', ['server/tools/capabilities/same-list-on-every-connection']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Servers SHOULD return tools in a deterministic order (i.e., the same ordering across requests when the underlying set of tools has not changed).', ['server/tools/capabilities/deterministic-order']],
    ],
  },
  {
    page: 'server/tools', section: 'list-changed-notification', sentences: [
      ['2024-11-05', '2025-11-25', 'SHOULD', 'When the list of available tools changes, servers that declared the `listChanged` capability SHOULD send a notification:', 'unobservable: the list does not change at the suite’s wish'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'When the list of available tools changes, servers that declared the `listChanged` capability SHOULD send a notification to clients that have opened a …', 'unobservable: the list does not change at the suite’s wish'],
    ],
  },
  {
    page: 'server/tools', section: 'security-considerations', sentences: [
      ['2024-11-05', '2026-07-28', 'MUST', 'Servers MUST:', ['server/tools/security-considerations/invalid-arguments-do-not-succeed', 'server/tools/security-considerations/missing-arguments-do-not-succeed', 'server/tools/error-handling/unknown-tool-never-succeeds']],
      ['2024-11-05', '2026-07-28', 'SHOULD', 'Clients SHOULD:', 'client'],
    ],
  },
  {
    page: 'server/tools', section: 'tool', sentences: [
      ['2025-03-26', '2026-07-28', 'MUST', 'For trust & safety and security, clients MUST consider tool annotations to be untrusted unless they come from trusted servers.', 'client'],
      ['2025-11-25', '2026-07-28', 'MUST', 'MUST be a valid JSON Schema object (not `null`)', ['server/tools/tool/input-schema-is-valid', 'server/tools/tool/input-schema-is-an-object-schema']],
    ],
  },
  {
    page: 'server/tools', section: 'embedded-resources', sentences: [
      ['2025-06-18', '2026-07-28', 'SHOULD', 'Servers that use embedded resources SHOULD implement the `resources` capability:', ['server/tools/embedded-resources/resources-capability']],
    ],
  },
  {
    page: 'server/tools', section: 'structured-content', sentences: [
      ['2025-06-18', '2026-07-28', 'SHOULD', 'For backwards compatibility, a tool that returns structured content SHOULD also return the serialized JSON in a TextContent block.', ['server/tools/structured-content/also-as-text']],
    ],
  },
  {
    page: 'server/tools', section: 'output-schema', sentences: [
      ['2025-06-18', '2026-07-28', 'MUST', 'Servers MUST provide structured results that conform to this schema.', ['server/tools/output-schema/structured-content-conforms']],
      ['2025-06-18', '2026-07-28', 'SHOULD', 'Clients SHOULD validate structured results against this schema.', 'client'],
    ],
  },
  {
    page: 'server/tools', section: 'tool-names', sentences: [
      ['2025-11-25', '2026-07-28', 'SHOULD', 'Tool names SHOULD be between 1 and 128 characters in length (inclusive).', ['server/tools/tool-names/length']],
      ['2025-11-25', '2026-07-28', 'SHOULD', 'Tool names SHOULD be considered case-sensitive.', ['server/tools/tool-names/case-sensitive']],
      ['2025-11-25', '2026-07-28', 'SHOULD', 'The following SHOULD be the only allowed characters: uppercase and lowercase ASCII letters (A-Z, a-z), digits (0-9), underscore (\\_), hyphen (-), and dot (.)', ['server/tools/tool-names/characters']],
      ['2025-11-25', '2026-07-28', 'SHOULD', 'Tool names SHOULD NOT contain spaces, commas, or other special characters.', ['server/tools/tool-names/characters']],
      ['2025-11-25', '2026-07-28', 'SHOULD', 'Tool names SHOULD be unique within a server.', ['server/tools/tool-names/unique']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Clients or proxies that aggregate tools from multiple servers MAY encounter naming collisions (for example, two servers each exposing a `search` tool) and SHOULD …', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'The server `name` (from `serverInfo`) is not guaranteed to be unique across servers and SHOULD NOT be relied upon for disambiguation.', 'client'],
    ],
  },
  {
    page: 'server/tools', section: 'error-handling', sentences: [
      ['2025-11-25', '2026-07-28', 'SHOULD', 'Clients SHOULD provide tool execution errors to language models to enable self-correction.', 'client'],
    ],
  },
  {
    page: 'server/discover',
    section: 'overview',
    sentences: [['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST implement it.', ['server/discover/']]],
  },
  {
    page: 'server/discover', section: 'when-to-call', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'A client that supports both modern (per-request `_meta`) and legacy (`initialize` handshake) servers SHOULD send `server/discover` first; see stdio:', 'client'],
    ],
  },
  {
    page: 'server/discover', section: 'discoverresult', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Servers SHOULD include this field.', ['basic/index/_meta/server-info']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Clients SHOULD NOT use it to change their behavior, and SHOULD NOT rely on it for security decisions.', 'client'],
    ],
  },
  {
    page: 'server/tools', section: 'overview', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Every request MUST include the required `_meta` fields; see `_meta`.', 'client'],
    ],
  },
  {
    page: 'server/tools', section: 'input-required-tool-results', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Note that the JSON-RPC `id` MUST be different between the initial request and the retry.', 'client'],
    ],
  },
  {
    page: 'server/tools', section: 'x-mcp-header', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST NOT be empty', ['server/tools/x-mcp-header/value-is-a-token']],
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST match HTTP field-name token syntax (`1*tchar`, RFC 9110 Section 5.1)', ['server/tools/x-mcp-header/value-is-a-token']],
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST NOT contain control characters, including carriage return (CR, `\\r`) or line feed (LF, `\\n`)', ['server/tools/x-mcp-header/value-is-a-token']],
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST be case-insensitively unique among all `x-mcp-header` values in the `inputSchema`', ['server/tools/x-mcp-header/values-are-unique']],
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST only be applied to parameters with primitive types (integer, string, boolean).', ['server/tools/x-mcp-header/parameter-is-primitive']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Integer values MUST be within the safe range for integers represented using IEEE754 double-precision floating point numbers (−253+1 to 253−1)', 'unobservable: the values are the client’s'],
      ['2026-07-28', '2026-07-28', 'MUST', 'MUST only be applied to properties that are _statically reachable_ from the schema root, as defined in Custom Headers from Tool Parameters, which also defines how …', ['server/tools/x-mcp-header/parameter-is-reachable']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Clients using the Streamable HTTP transport MUST reject tool definitions where any `x-mcp-header` value violates these constraints.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Rejection means the client MUST exclude the invalid tool from the result of `tools/list`.', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Clients SHOULD log a warning when rejecting a tool definition, including the tool name and the reason for rejection.', 'client'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Server developers SHOULD NOT mark sensitive parameters (passwords, API keys, tokens, PII) with `x-mcp-header`, as header values are visible to network intermediaries.', 'unobservable: what is sensitive is not known to a stranger'],
    ],
  },
]
