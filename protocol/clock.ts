// The clock for durations and deadlines.

/**
 * Milliseconds on a clock that is never set back, from any start. The same as `performance.now()`, but the first use of that loads eleven
 * modules of Node: 0.6 ms of the start, and memory.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}
