// What a case says when it fails (expected, actual) or does not apply (skip), and the few comparisons all cases share.
import { isDeepStrictEqual } from 'node:util'
import { maskResults } from './privacy.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined }
export type JsonObject = { [key: string]: Json | undefined }

/** The requirement is not met. */
export class Failure extends Error {
  readonly expected: string
  readonly actual: string
  /** What came, whole: `actual` shows only the shape of what tools return. */
  readonly value: unknown

  constructor(expected: string, value: unknown) {
    const actual = show(value)
    super(`expected ${expected}, got ${actual}`)
    this.expected = expected
    this.actual = actual
    this.value = value
  }
}

/** The target did not answer in time. Kept apart from `Failure` so that the runner can tell a silent server from a wrong one. */
export class Silence extends Failure {}

/** The connection could not be made or broke. */
export class Broken extends Failure {}

/** The answer to another request, or to another client. */
export class Misdirected extends Failure {}

/** The requirement does not concern this target, or cannot be tested on it. */
export class Skip extends Error {}

export function skip(reason: string): never {
  throw new Skip(reason)
}

export function fail(expected: string, actual: unknown): never {
  throw new Failure(expected, actual)
}

export function check(condition: unknown, expected: string, actual: unknown): asserts condition {
  if (!condition) fail(expected, actual)
}

export function checkEqual(actual: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(actual, expected)) fail(`${what} ${show(expected)}`, actual)
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value that a text says; `undefined` when it is not JSON. */
export function parse(text: unknown): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return undefined
  }
}

/** A JSON-RPC response: it has an id and no method, and a result or an error. */
export function isResponse(value: unknown): value is JsonObject {
  return isObject(value) && !('method' in value) && ('result' in value || 'error' in value)
}

export function resultOf(message: JsonObject | undefined, what: string): JsonObject {
  check(message !== undefined, `a response to ${what}`, 'no response')
  check(isObject(message.result), `a result for ${what}`, message)
  return message.result
}

/** At most 600 characters of a value, for a report; of what tools return only the shape, unless `withResults`. */
export function show(value: unknown, withResults = false): string {
  const shown = withResults ? value : maskResults(value)
  const text = typeof shown === 'string' ? shown : shown === undefined ? 'nothing' : JSON.stringify(shown)
  return text.length > 600 ? `${text.slice(0, 600)}… (${text.length} characters)` : text
}
