// Generated once from the specification's pages, then kept by hand: one row for each sentence with MUST or SHOULD.
import type { Section } from './requirement.ts'

// biome-ignore format: a table, one sentence a line
export const sections: Section[] = [
  {
    page: 'basic/patterns/index', section: 'overview', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST NOT initiate JSON-RPC requests, and clients do not send JSON-RPC responses.', ['basic/patterns/index/overview/servers-do-not-request']],
    ],
  },
  {
    page: 'basic/patterns/subscriptions', section: 'opening-a-stream', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'The server MUST NOT send notification types the client has not explicitly requested.', 'unobservable: the list does not change at the suite’s wish'],
    ],
  },
  {
    page: 'basic/patterns/subscriptions', section: 'acknowledgment', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', "The server MUST send `notifications/subscriptions/acknowledged` as the first message carrying the subscription's ID in `_meta` under …", ['basic/patterns/subscriptions/acknowledgment/is-the-first-message']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'The client SHOULD check the acknowledged filter against what it requested and handle any unsupported types gracefully.', 'client'],
    ],
  },
  {
    page: 'basic/patterns/subscriptions', section: 'receiving-notifications', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'On stdio, where all messages share a single channel, clients MUST use this field to correlate notifications with their originating subscription.', 'client'],
    ],
  },
  {
    page: 'basic/patterns/subscriptions', section: 'cancellation', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'The server tears it down (e.g., during shutdown) — it SHOULD send a successful `subscriptions/listen` response to signal a graceful end (see Graceful Closure), then …', 'unobservable: no server can be made to shut down'],
    ],
  },
  {
    page: 'basic/patterns/subscriptions', section: 'graceful-closure', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'When the server ends a subscription on its own initiative (for example, during shutdown), it SHOULD respond to the original `subscriptions/listen` request with a …', 'unobservable: no server can be made to shut down'],
      ['2026-07-28', '2026-07-28', 'MUST', 'On stdio, if the connection is terminated and then re-established, the client MUST re-send `subscriptions/listen` to re-establish its subscriptions — the server holds …', 'client'],
    ],
  },
  {
    page: 'basic/patterns/mrtr', section: 'overview', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST send server-to-client requests (such as `roots/list`, `sampling/createMessage`, or `elicitation/create`) using the MRTR pattern.', ['basic/patterns/index/overview/servers-do-not-request']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Every request MUST include the required `_meta` fields; see `_meta`.', 'client'],
    ],
  },
  {
    page: 'basic/patterns/mrtr', section: 'inputrequiredresult', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Clients MUST NOT inspect, parse, modify, or make any assumptions about its contents.', 'client'],
    ],
  },
  {
    page: 'basic/patterns/mrtr', section: 'supported-requests', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST NOT send `InputRequiredResult` responses on any other client requests.', 'multi round-trip requests'],
    ],
  },
  {
    page: 'basic/patterns/mrtr', section: 'server-requirements-basic-workflow', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', '`inputRequests` keys are server assigned identifiers and MUST be unique within the scope of the request.', 'multi round-trip requests'],
      ['2026-07-28', '2026-07-28', 'MUST', '`inputRequests` values are request objects that MUST be one of `ElicitRequest`, `CreateMessageRequest`, or `ListRootsRequest`', 'multi round-trip requests'],
      ['2026-07-28', '2026-07-28', 'MUST', 'If a client request contains a `requestState` field, servers MUST treat `requestState` as an attacker-controlled input.', 'multi round-trip requests'],
      ['2026-07-28', '2026-07-28', 'MUST', 'If `requestState` influences authorization, resource access, or business logic, servers MUST protect its integrity (e.g.', 'multi round-trip requests'],
      ['2026-07-28', '2026-07-28', 'MUST', 'HMAC or AEAD) and MUST reject state that fails verification.', 'multi round-trip requests'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'To prevent replay, servers SHOULD include the following inside the integrity-protected `requestState` payload and verify each on receipt: the authenticated principal, …', 'multi round-trip requests'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers for which a given `requestState` must be consumed at most once (e.g., one-time redemptions) MUST enforce that invariant server-side.', 'multi round-trip requests'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST include at least one of `inputRequests` or `requestState` in every `InputRequiredResult` response.', 'multi round-trip requests'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST NOT send an `inputRequests` that the client has not declared support for in its capabilities.', ['basic/patterns/mrtr/server-requirements-basic-workflow/']],
      ['2026-07-28', '2026-07-28', 'MUST', 'For example, if a client does not declare support for `elicitation`, the server MUST NOT include any `elicitation/create` requests in the `inputRequests` field.', ['basic/patterns/mrtr/server-requirements-basic-workflow/']],
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST NOT assume that clients will fulfill the `inputRequests` or retry the original request.', 'multi round-trip requests'],
    ],
  },
  {
    page: 'basic/patterns/mrtr', section: 'client-requirements-basic-workflow', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'If a client receives an `InputRequiredResult` that contains the `inputRequests` field, the client MUST construct the requested inputs before retrying the original …', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'If an `InputRequiredResult` contains the `requestState` field, the client MUST echo back the exact value of that field when retrying the original request.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Clients MUST NOT inspect, parse, modify, or make any assumptions about the `requestState` contents.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'If the `InputRequiredResult` does not contain a `requestState` field, the client MUST NOT include one in the retry.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'The JSON-RPC `id` MUST be different between the initial request and the retry, as they are independent requests.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'They MUST NOT be used for any other request that the client may be sending in parallel.', 'client'],
    ],
  },
  {
    page: 'basic/patterns/mrtr', section: 'error-handling', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Servers SHOULD validate that the data provided by the client is a valid `InputResponses` object and that the information inside can be correctly parsed.', 'multi round-trip requests'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Protocol errors (malformed JSON, invalid schema, internal server errors) SHOULD return a JSON-RPC error response with an appropriate error code and message.', 'multi round-trip requests'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'If additional, unexpected parameters are provided in the `InputResponses` object, the server SHOULD ignore any information it does not recognize or need.', 'multi round-trip requests'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'If the client fails to send all the information requested in a previous `InputRequests`, and the missing information is necessary for the server to process the …', 'multi round-trip requests'],
    ],
  },
  {
    page: 'basic/patterns/mrtr', section: 'security-considerations', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST validate request state as described in the server requirements above.', 'multi round-trip requests'],
    ],
  },
]
