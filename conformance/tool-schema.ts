// The JSON Schemas that tools carry: valid in their dialect, and what a tool's structured result must conform to.
import { Ajv } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { isObject, type Json, type JsonObject } from './expect.ts'

const options = { strict: false, validateFormats: false, allErrors: false } as const

/** The dialect that a schema declares. 2020-12 without `$schema`, since 2025-11-25; before, nothing was said. */
function validatorFor(schema: JsonObject): Ajv | Ajv2019 | Ajv2020 | undefined {
  const declared = schema.$schema
  if (declared === undefined) return new Ajv2020(options)
  if (typeof declared !== 'string') return undefined
  if (declared.includes('2020-12')) return new Ajv2020(options)
  if (declared.includes('2019-09')) return new Ajv2019(options)
  if (declared.includes('draft-07')) return new Ajv(options)
  return undefined
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

/** Why the value does not conform; `undefined` when it does, or when the schema cannot be judged here. */
export function conformanceProblem(schema: JsonObject, value: unknown): string | undefined {
  const validator = validatorFor(schema)
  if (validator === undefined) return undefined
  try {
    const validate = validator.compile(schema)
    if (validate(value)) return undefined
    const error = validate.errors?.[0]
    return `${error?.instancePath || 'the whole'} ${error?.message ?? 'does not conform'}`
  } catch {
    return undefined // a reference that leads nowhere we can go; the schema case judges schemas
  }
}

/**
 * Arguments that a schema forbids, made from valid ones: without a required member, with a member of another type, or with one that is
 * not known. `undefined` when the schema forbids nothing of the kind.
 */
export function invalidArguments(schema: Json | undefined, valid: JsonObject): JsonObject | undefined {
  if (!isObject(schema)) return undefined
  const properties = isObject(schema.properties) ? schema.properties : {}
  for (const [name, property] of Object.entries(properties)) {
    if (!isObject(property) || typeof property.type !== 'string') continue
    // A mirrored parameter has a header to fit, which would be judged first.
    if (property.type === 'object' || property['x-mcp-header'] !== undefined) continue
    const wrong: JsonObject = { ...valid, [name]: { not: `a ${property.type}` } }
    if (conformanceProblem(schema, wrong) !== undefined) return wrong
  }
  const required = Array.isArray(schema.required) ? schema.required : []
  if (typeof required[0] === 'string') return {}
  if (schema.additionalProperties === false) return { ...valid, 'no such parameter': 1 }
  return undefined
}
