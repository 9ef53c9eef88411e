// Generated once from the specification's pages, then kept by hand: one row for each sentence with MUST or SHOULD.
import type { Section } from './requirement.ts'

// biome-ignore format: a table, one sentence a line
export const sections: Section[] = [
  {
    page: 'basic/utilities/cancellation', section: 'behavior-requirements', sentences: [
      ['2024-11-05', '2026-07-28', 'MUST', 'Cancellation notifications MUST only reference requests that:', 'client'],
      ['2024-11-05', '2025-11-25', 'MUST', 'The `initialize` request MUST NOT be cancelled by clients', 'client'],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Receivers of cancellation notifications SHOULD:', ['basic/utilities/cancellation/behavior-requirements/no-response-to-a-cancelled-request']],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'The sender of the cancellation notification SHOULD ignore any response to the request that arrives afterward', 'client'],
      ['2025-11-25', '2025-11-25', 'MUST', 'For task-augmented requests, the `tasks/cancel` request MUST be used instead of the `notifications/cancelled` notification.', 'tasks'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Server-sent cancellation notifications MUST reference a `subscriptions/listen` request, to terminate that subscription stream', ['basic/patterns/cancellation/overview/servers-do-not-cancel']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Servers receiving cancellation notifications SHOULD:', 'stdio, and transports of one’s own'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'The client SHOULD ignore any response to the cancelled request that arrives afterward', 'client'],
    ],
  },
  {
    page: 'basic/utilities/cancellation', section: 'timing-considerations', sentences: [
      ['2024-11-05', '2026-07-28', 'MUST', 'Both parties MUST handle these race conditions gracefully:', ['basic/utilities/cancellation/timing-considerations/race-with-the-response', 'basic/transports/streamable-http/cancellation/nothing-follows']],
    ],
  },
  {
    page: 'basic/utilities/cancellation', section: 'implementation-notes', sentences: [
      ['2024-11-05', '2026-07-28', 'SHOULD', 'Both parties SHOULD log cancellation reasons for debugging', 'unobservable: logs'],
      ['2024-11-05', '2026-07-28', 'SHOULD', 'Application UIs SHOULD indicate when cancellation is requested', 'client'],
    ],
  },
  {
    page: 'basic/utilities/cancellation', section: 'error-handling', sentences: [
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Invalid cancellation notifications SHOULD be ignored:', ['basic/utilities/cancellation/error-handling/']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Invalid cancellation notifications SHOULD be ignored:', 'stdio, and transports of one’s own'],
    ],
  },
  {
    page: 'basic/utilities/ping', section: 'behavior-requirements', sentences: [
      ['2024-11-05', '2025-11-25', 'MUST', 'The receiver MUST respond promptly with an empty response:', ['basic/utilities/ping/']],
    ],
  },
  {
    page: 'basic/utilities/ping', section: 'implementation-considerations', sentences: [
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Implementations SHOULD periodically issue pings to detect connection health', 'client'],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'The frequency of pings SHOULD be configurable', 'client'],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Timeouts SHOULD be appropriate for the network environment', 'client'],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Excessive pinging SHOULD be avoided to reduce network overhead', 'client'],
    ],
  },
  {
    page: 'basic/utilities/ping', section: 'error-handling', sentences: [
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Timeouts SHOULD be treated as connection failures', 'client'],
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Implementations SHOULD log ping failures for diagnostics', 'client'],
    ],
  },
  {
    page: 'basic/utilities/progress', section: 'progress-flow', sentences: [
      ['2024-11-05', '2026-07-28', 'MUST', 'Progress tokens MUST be a string or integer value', ['basic/utilities/progress/progress-flow/token-is-the-request-s', 'basic/utilities/progress/progress-flow/shape', 'basic/utilities/progress/progress-flow/token-does-not-hinder']],
      ['2024-11-05', '2025-11-25', 'MUST', 'Progress tokens can be chosen by the sender using any means, but MUST be unique across all active requests.', 'client'],
      ['2024-11-05', '2026-07-28', 'MUST', 'The `progress` value MUST increase with each notification, even if the total is unknown.', ['basic/utilities/progress/progress-flow/progress-increases']],
      ['2025-03-26', '2026-07-28', 'SHOULD', 'The `message` field SHOULD provide relevant human readable progress information.', 'unobservable: only people can assess relevance'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Progress tokens can be chosen by the client using any means, but MUST be unique across all active requests.', 'client'],
    ],
  },
  {
    page: 'basic/utilities/progress', section: 'behavior-requirements', sentences: [
      ['2024-11-05', '2026-07-28', 'MUST', 'Progress notifications MUST only reference tokens that:', ['basic/utilities/progress/behavior-requirements/']],
      ['2025-11-25', '2025-11-25', 'MUST', "For task-augmented requests, the `progressToken` provided in the original request MUST continue to be used for progress notifications throughout the task's lifetime, …", 'tasks'],
      ['2025-11-25', '2025-11-25', 'MUST', 'Progress notifications for tasks MUST use the same `progressToken` that was provided in the initial task-augmented request', 'tasks'],
      ['2025-11-25', '2025-11-25', 'MUST', 'Progress notifications for tasks MUST stop after the task reaches a terminal status (`completed`, `failed`, or `cancelled`)', 'tasks'],
    ],
  },
  {
    page: 'basic/utilities/progress', section: 'implementation-notes', sentences: [
      ['2024-11-05', '2025-11-25', 'SHOULD', 'Senders and receivers SHOULD track active progress tokens', 'unobservable: a limit nobody names'],
      ['2024-11-05', '2026-07-28', 'SHOULD', 'Both parties SHOULD implement rate limiting to prevent flooding', 'unobservable: a limit nobody names'],
      ['2024-11-05', '2026-07-28', 'MUST', 'Progress notifications MUST stop after completion', ['basic/utilities/progress/implementation-notes/']],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Clients and servers SHOULD track active progress tokens', 'unobservable: a limit nobody names'],
    ],
  },
  {
    page: 'basic/utilities/cancellation', section: 'overview', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'A client SHOULD send a cancellation notification to indicate that a request it previously issued should be terminated.', 'client'],
      ['2026-07-28', '2026-07-28', 'MUST', 'A server MUST send `notifications/cancelled` referencing a `subscriptions/listen` request ID when it tears down that subscription stream (see Subscriptions).', 'unobservable: no server can be made to shut down'],
      ['2026-07-28', '2026-07-28', 'MUST', 'Servers MUST NOT send `notifications/cancelled` for any other purpose.', ['basic/patterns/cancellation/overview/servers-do-not-cancel']],
    ],
  },
  {
    page: 'basic/utilities/cancellation', section: 'transport-specific-cancellation', sentences: [
      ['2026-07-28', '2026-07-28', 'MUST', 'The server MUST treat a client disconnect as cancellation of that request.', ['basic/transports/streamable-http/cancellation/a-closed-stream-harms-nobody']],
      ['2026-07-28', '2026-07-28', 'MUST', 'The client MUST send a `notifications/cancelled` notification referencing the request ID.', 'client'],
    ],
  },
  {
    page: 'basic/utilities/cancellation', section: 'timeouts', sentences: [
      ['2026-07-28', '2026-07-28', 'SHOULD', 'Implementations SHOULD establish timeouts for all sent requests, to prevent hung connections and resource exhaustion.', 'unobservable: a server that sends no requests has nothing to time'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'When the request has not received a success or error response within the timeout period, the sender SHOULD cancel the request and stop waiting for a response.', 'unobservable: a server that sends no requests has nothing to time'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'SDKs and other middleware SHOULD allow these timeouts to be configured on a per-request basis.', 'unobservable: a server that sends no requests has nothing to time'],
      ['2026-07-28', '2026-07-28', 'SHOULD', 'However, implementations SHOULD always enforce a maximum timeout, regardless of progress notifications, to limit the impact of a misbehaving client or server.', 'unobservable: a server that sends no requests has nothing to time'],
    ],
  },
]
