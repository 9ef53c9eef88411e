// Reads JSON of another program: what is missing or of another type counts as absent, so that a new version of n8n breaks nothing.

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function object(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Objects of a list; anything else in it is left out. */
export function objects(value: unknown): readonly JsonObject[] {
  return list(value).filter(isObject)
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}
