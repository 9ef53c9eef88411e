// Every buffer, list and wait of the suite has its limit here: the target may be hostile.

export const LIMITS = {
  /** Bytes kept of one body or event stream. What comes after is read, counted and dropped; then the connection is cut. */
  bodyBytes: 8 * 1024 * 1024,
  /** Bytes kept of each direction of one exchange for the report. */
  recordedBytes: 8 * 1024,
  /** Exchanges kept for one case; older ones give way. */
  exchangesPerCase: 64,
  /** Messages kept for the cases over every message, for each revision. */
  observations: 4_000,
  /** Bytes of one message that are kept as an observation; of a larger one only its size is checked. */
  observedBytes: 1024 * 1024,
  /** Bytes of all messages kept as observations, for each revision. */
  observedTotalBytes: 32 * 1024 * 1024,
  /** Events kept of one stream. */
  eventsPerStream: 2_000,
  /** Pages of tools/list that are followed. */
  pages: 50,
  /** How many tools are tried to find those that work, and how long each may take. */
  triedTools: 8,
  trialMs: 2_000,
  /** From when on a call is slow. */
  slowMs: 200,
  /** Cases in a row that meet only silence before the target is taken to be silent. */
  silences: 3,
  /** How long a case may take, in multiples of the time limit of one answer. */
  answersPerCase: 8,
  /** Time in which something that must not come would have come, after the answer that follows it. */
  graceMs: 40,
  /** The largest event that the Python SDK's client accepts. */
  clientEventBytes: 1024 * 1024,
  /** How long the shared traffic waits for the end of one answer, and for messages that come too late. */
  trafficMs: 3_000,
  lateMs: 150,
  /** A body that is sent to find the target's own limit. */
  oversizedBodyBytes: 6 * 1024 * 1024,
} as const
