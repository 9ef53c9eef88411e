// The JSON Schemas that tools carry: valid in their dialect, and what a tool's structured result must conform to.
import { Ajv, type ValidateFunction } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { isObject, type Json, type JsonObject } from './expect.ts'

const options = { strict: false, validateFormats: false, allErrors: false, addUsedSchema: false } as const
// Made at first use and kept: a validator compiles the schema of its dialect first, which takes longer than everything else.
const dialects: Record<string, () => Ajv | Ajv2019 | Ajv2020> = {
  '2020-12': once(() => new Ajv2020(options)),
  '2019-09': once(() => new Ajv2019(options)),
  'draft-07': once(() => new Ajv(options)),
}
const compiled = new Map<string, ValidateFunction>()
const MOST_COMPILED = 500

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

/** The dialect that a schema declares. 2020-12 without `$schema`, since 2025-11-25; before, nothing was said. */
function validatorFor(schema: JsonObject): Ajv | Ajv2019 | Ajv2020 | undefined {
  const declared = schema.$schema ?? '2020-12'
  const name = typeof declared === 'string' ? Object.keys(dialects).find((dialect) => declared.includes(dialect)) : undefined
  return name === undefined ? undefined : dialects[name]?.()
}

/** Why the schema is not one of its dialect; `undefined` when it is, or when the dialect is one this suite does not know. */
export function schemaProblem(schema: Json | undefined): string | undefined {
  if (!isObject(schema)) return 'it is not an object'
  if (schema.$schema !== undefined && typeof schema.$schema !== 'string') return '$schema is not a string'
  const validator = validatorFor(schema)
  if (validator === undefined) return undefined
  if (validator.validateSchema(schema)) return undefined
  const error = validator.errors?.[0]
  return `${error?.instancePath ?? ''} ${error?.message ?? 'is not valid'}`
}

/** Why the value does not conform; `undefined` when it does, or when the schema cannot be compiled here. */
export function conformanceProblem(schema: JsonObject, value: unknown): string | undefined {
  const validator = validatorFor(schema)
  if (validator === undefined) return undefined
  try {
    const key = JSON.stringify(schema)
    const validate = compiled.get(key) ?? validator.compile(schema)
    if (compiled.size < MOST_COMPILED) compiled.set(key, validate)
    if (validate(value)) return undefined
    const error = validate.errors?.[0]
    return `${error?.instancePath || 'the whole'} ${error?.message ?? 'does not conform'}`
  } catch {
    return undefined // a reference outside of the schema; another case checks schemas
  }
}

/** Arguments that a schema forbids: each required member missing, each member of another type, a member that is not known. */
export function invalidArguments(schema: Json | undefined, valid: JsonObject): { missing: JsonObject[]; wrong: JsonObject[] } {
  const properties = propertiesOf(schema)
  // A mirrored parameter has a header to fit, which would be checked first.
  const names = Object.keys(properties).filter((name) => properties[name]?.['x-mcp-header'] === undefined)
  const forbidden = (args: JsonObject): boolean => isObject(schema) && conformanceProblem(schema, args) !== undefined
  const missing = names
    .map((name) => ({ ...valid, [name]: undefined }))
    .map((args) => JSON.parse(JSON.stringify(args)) as JsonObject)
  const wrong = names
    .filter((name) => properties[name]?.type !== 'object')
    .map((name) => ({ ...valid, [name]: { not: 'of this type' } }))
  return {
    missing: [{}, ...missing].filter(forbidden).slice(0, MOST_VARIANTS),
    // Where other arguments can be wrong, an unknown one is left out: many validators drop it without a word.
    wrong: (wrong.some(forbidden) ? wrong : [{ ...valid, 'no such parameter': 1 }]).filter(forbidden).slice(0, MOST_VARIANTS),
  }
}

const MOST_VARIANTS = 6
const WAIT_MS = 300
const WAITS = /^(?:ms|milli.*|sec(?:ond)?s?|delay.*|duration.*|wait.*|sleep.*)$/i

/** Arguments for a tool, made from its schema: the required ones. `undefined` when what was made does not fit the schema. */
export function sampleArguments(schema: Json | undefined): JsonObject | undefined {
  if (!isObject(schema)) return undefined
  const required = Array.isArray(schema.required) ? schema.required.map(String) : []
  const properties = propertiesOf(schema)
  const args = Object.fromEntries(required.map((name) => [name, sampleOf(properties[name] ?? {})]))
  return conformanceProblem(schema, args) === undefined ? args : undefined
}

/** Variants of the arguments in which something is 0, false, empty, or an object with a key that JavaScript treats specially. */
export function edgeArguments(schema: Json | undefined, plain: JsonObject): JsonObject[] {
  if (!isObject(schema)) return []
  const edges = Object.entries(propertiesOf(schema)).flatMap(([name, property]) => {
    const edge = edgeOf(property)
    return edge === undefined ? [] : [{ [name]: edge }]
  })
  return [...edges, Object.assign({}, ...edges) as JsonObject]
    .map((edge) => ({ ...plain, ...edge }))
    .filter((args) => conformanceProblem(schema, args) === undefined)
    .slice(0, MOST_VARIANTS)
}

/** Variants of the arguments with which the call may take about 300 ms: in milliseconds and in seconds. */
export function waitingArguments(schema: Json | undefined, plain: JsonObject): JsonObject[] {
  const names = Object.keys(propertiesOf(schema)).filter((name) => WAITS.test(name))
  return [WAIT_MS, WAIT_MS / 1000, 1].flatMap((value) =>
    names
      .map((name) => ({ ...plain, [name]: value }))
      .filter((args) => isObject(schema) && conformanceProblem(schema, args) === undefined),
  )
}

/** Names of the arguments that may be any text. */
export function textParameters(schema: Json | undefined): string[] {
  return Object.entries(propertiesOf(schema))
    .filter(
      ([, { type, enum: choice, format, pattern, maxLength, 'x-mcp-header': header }]) =>
        type === 'string' && [choice, format, pattern, maxLength, header].every((value) => value === undefined),
    )
    .map(([name]) => name)
}

function propertiesOf(schema: Json | undefined): Record<string, JsonObject> {
  const properties = isObject(schema) && isObject(schema.properties) ? schema.properties : {}
  return Object.fromEntries(Object.entries(properties).filter((entry): entry is [string, JsonObject] => isObject(entry[1])))
}

function typeOf(schema: JsonObject): Json | undefined {
  return Array.isArray(schema.type) ? schema.type.find((type) => type !== 'null') : schema.type
}

/** A value that fits most schemas; the caller validates it. */
function sampleOf(schema: JsonObject, depth = 0): Json {
  const choices = [schema.anyOf, schema.oneOf].find((list) => Array.isArray(list)) as JsonObject[] | undefined
  const given =
    schema.const ??
    schema.default ??
    (Array.isArray(schema.enum) ? schema.enum[0] : undefined) ??
    (Array.isArray(schema.examples) ? schema.examples[0] : undefined)
  if (given !== undefined || depth > 4) return given ?? null
  const first = choices?.find((choice) => choice.type !== 'null')
  if (first !== undefined) return sampleOf(first, depth + 1)
  const type = typeOf(schema)
  if (type === 'string') return sampleText(schema)
  if (type === 'integer' || type === 'number')
    return Number(
      schema.minimum ??
        (typeof schema.exclusiveMinimum === 'number' ? schema.exclusiveMinimum + 1 : Math.min(1, Number(schema.maximum ?? 1))),
    )
  if (type === 'boolean') return true
  if (type === 'array') return [sampleOf(isObject(schema.items) ? schema.items : {}, depth + 1)]
  const required = Array.isArray(schema.required) ? schema.required.map(String) : []
  return Object.fromEntries(required.map((name) => [name, sampleOf(propertiesOf(schema)[name] ?? {}, depth + 1)]))
}

function sampleText({ format, minLength, maxLength }: JsonObject): string {
  if (format === 'date') return '2026-01-01'
  if (format === 'date-time') return '2026-01-01T00:00:00Z'
  if (format === 'uri' || format === 'url') return 'https://example.com/'
  if (format === 'email') return 'someone@example.com'
  return 'conformance'.padEnd(Number(minLength ?? 0), '.').slice(0, Number(maxLength ?? Number.POSITIVE_INFINITY))
}

function edgeOf(schema: JsonObject): Json | undefined {
  const type = typeOf(schema)
  if (type === 'string') return ''
  if (type === 'integer' || type === 'number') return 0
  if (type === 'boolean') return false
  if (type === 'array') return []
  return type === 'object' || type === undefined
    ? (JSON.parse('{"__proto__":{"a":0},"constructor":false,"":null}') as Json)
    : undefined
}

/** The properties of a schema that are mirrored into headers (2026-07-28), by header name. */
export function mirroredProperties(tool: JsonObject): { header: string; property: string; type: Json | undefined }[] {
  const schema = isObject(tool.inputSchema) ? tool.inputSchema : {}
  const properties = isObject(schema.properties) ? schema.properties : {}
  return Object.entries(properties).flatMap(([property, value]) =>
    isObject(value) && typeof value['x-mcp-header'] === 'string'
      ? [{ header: `Mcp-Param-${value['x-mcp-header']}`, property, type: value.type }]
      : [],
  )
}

export function parameterHeaders(tool: JsonObject, args: JsonObject): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = {}
  for (const { header, property } of mirroredProperties(tool)) {
    const value = args[property]
    if (value !== undefined && value !== null) headers[header] = headerValue(String(value))
  }
  return headers
}

/** As it is where a header can carry it, else in the Base64 form of 2026-07-28 transports §Value Encoding. */
export function headerValue(text: string): string {
  const isPlain = /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/.test(text) && !/^=\?base64\?.*\?=$/.test(text)
  return isPlain ? text : base64Value(text)
}

export function base64Value(text: string): string {
  return `=?base64?${Buffer.from(text).toString('base64')}?=`
}
