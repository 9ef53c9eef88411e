// Prepares the arguments of a call for its handler: aliases, repair, clamping, defaults, validation (in this order). Small models send "100"
// for 100, "true" for true, "a,b" for ["a","b"], null for "not given", and all arguments as one JSON string; refusing those costs a whole
// round of the model, so they are repaired, and each repair is reported.
import { isDeepStrictEqual } from 'node:util'
import { invalidParams, ToolError } from './errors.ts'
import { brief, describe, isObject, tryJson } from './jsonrpc.ts'
import { nearest } from './nearest.ts'
import type { JsonSchema, ObjectSchema } from './schema.ts'
import type { ValidationIssue, Validator } from './validator.ts'
import { visibleJson } from './visible-json.ts'

/** Limits the cost of validation: more values or deeper nesting is refused before a validator runs. */
export const maxArgumentValues = 20_000
export const maxArgumentDepth = 64
const maxReportedIssues = 5
/** Unknown names that are compared with the declared ones; hundreds of them are not misspellings. */
const maxComparedNames = 50
/** Longest value that an error repeats in the call that it offers. */
const maxOfferedChars = 1_000

export interface ArgumentRules {
  readonly inputSchema: ObjectSchema
  /** accepted name → declared name */
  readonly aliases?: Readonly<Record<string, string>> | undefined
  /** See `Tool.lookUp`. */
  readonly lookUp?: string | undefined
  readonly validate: Validator
}

/**
 * Returns the repaired, validated arguments and a warning for each repair. The input is not changed.
 * @throws ToolError INVALID_ARGUMENT that names every problem and the next call to try
 * @throws ProtocolError when the arguments are neither an object nor text (absent and null count as an empty object)
 */
export function prepareArguments(rules: ArgumentRules, given: unknown) {
  const warnings: string[] = []
  const object = readObject(rules, given ?? {}, warnings)
  measure(object)
  const args = repairObject(rules.inputSchema, object, '', warnings, declaredNames(rules))
  if (!rules.validate(args)) throw argumentError(rules, args, rules.validate.errors ?? [])
  return { args, warnings }
}

function readObject(rules: ArgumentRules, given: unknown, warnings: string[]): Record<string, unknown> {
  if (isObject(given)) return unwrap(rules, given, warnings)
  if (Array.isArray(given) && given.length === 1 && isObject(given[0])) {
    warnings.push('"arguments" was read as an object from a list; send the object itself')
    return given[0]
  }
  if (typeof given !== 'string') throw invalidParams(`"arguments" must be an object, got ${describe(given)}`)
  const object = given.trim() === '' ? {} : parsed(given, isObject)
  if (object === undefined) {
    const message = `"arguments" must be an object, got ${describe(given)}, which is not JSON of one`
    throw new ToolError('INVALID_ARGUMENT', message, { hint: correctedCall(rules, {}, []) })
  }
  warnings.push('"arguments" was read as an object from a string; send the object itself')
  return object
}

/** Some clients put all arguments into one member, such as `{"input": {…}}`. */
function unwrap({ inputSchema }: ArgumentRules, given: Record<string, unknown>, warnings: string[]): Record<string, unknown> {
  const [key, ...others] = Object.keys(given)
  if (key === undefined || others.length > 0 || Object.hasOwn(inputSchema.properties ?? {}, key)) return given
  const value = given[key]
  const inner = isObject(value) ? value : typeof value === 'string' ? parsed(value, isObject) : undefined
  if (inner === undefined) return given
  warnings.push(`the arguments were read from "${key.slice(0, 80)}"; send them without it`)
  return inner
}

/** Returns a function that finds the declared name for an alias or for another spelling: `maxRows`, `Max-Rows`. */
function declaredNames({ aliases = {}, inputSchema: { properties = {} } }: ArgumentRules) {
  /** Declared names by their plain spelling, made when it is needed. */
  let spellings: Map<string, string> | undefined
  return (key: string): string | undefined => {
    if (Object.hasOwn(properties, key)) return key
    if (Object.hasOwn(aliases, key)) return aliases[key]
    spellings ??= new Map([
      ...Object.entries(aliases).map(([name, target]) => [plainName(name), target] as const),
      ...Object.keys(properties).map((name) => [plainName(name), name] as const),
    ])
    return spellings.get(plainName(key))
  }
}

function plainName(name: string): string {
  return name.replace(/[_-]/g, '').toLowerCase()
}

/** A key named __proto__ must stay an ordinary, unknown key that validation then refuses. */
function set(args: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') args[key] = value
  else Object.defineProperty(args, key, { value, enumerable: true })
}

function repairObject(
  schema: JsonSchema,
  given: Readonly<Record<string, unknown>>,
  path: string,
  warnings: string[],
  declaredName?: (key: string) => string | undefined,
) {
  const properties = schema.properties ?? {}
  const args: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(given)) {
    const name = declaredName?.(key) ?? key
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (value === undefined) continue
    // null for an optional property means "not given", unless the schema itself admits null.
    if (value === null && property !== undefined && !schema.required?.includes(name) && !admits(property, 'null')) continue
    const other = args[name] ?? given[name]
    if (name !== key && other !== undefined && other !== null)
      warnings.push(`"${key}" was ignored because "${name}" is given too`)
    else set(args, name, property === undefined ? value : repair(property, value, `${path}${name}`, warnings))
  }
  for (const [key, property] of Object.entries(properties)) {
    if (property.default !== undefined && !Object.hasOwn(args, key))
      args[key] = typeof property.default === 'object' ? structuredClone(property.default) : property.default
  }
  return args
}

function repair(schema: JsonSchema, given: unknown, path: string, warnings: string[]): unknown {
  const value = coerce(schema, given)
  if (value !== given) warnings.push(`"${path}" was read as ${brief(value)} from ${describe(given)}`)
  if (typeof value === 'number') return clamp(schema, value, path, warnings)
  if (Array.isArray(value) && schema.items !== undefined) {
    const { items } = schema
    return value.map((item, i) => repair(items, item, `${path}[${i}]`, warnings))
  }
  if (isObject(value) && schema.properties !== undefined) return repairObject(schema, value, `${path}.`, warnings)
  return value
}

/** Returns `given` itself where it already fits or where it cannot be converted. */
function coerce(schema: JsonSchema, given: unknown): unknown {
  if (schema.enum !== undefined && typeof given === 'string' && !schema.enum.includes(given)) {
    // Without the spaces and quotes around it: this form takes linear time, a replacement of /[\s"'`]+$/ quadratic.
    const wanted = (/[^\s"'`](.*[^\s"'`])?/s.exec(given)?.[0] ?? '').toLowerCase()
    return schema.enum.find((choice) => typeof choice === 'string' && choice.toLowerCase() === wanted) ?? given
  }
  if (schema.type === undefined || admitsValue(schema, given)) return given
  if (typeof given === 'string') {
    const trimmed = given.trim()
    if (/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) {
      const number = Number(trimmed)
      if (admits(schema, 'number') || (admits(schema, 'integer') && Number.isSafeInteger(number))) return number
    }
    if (admits(schema, 'boolean')) {
      if (/^(true|yes|1)$/i.test(trimmed)) return true
      if (/^(false|no|0)$/i.test(trimmed)) return false
    }
    if (admits(schema, 'array'))
      return parsed(trimmed, Array.isArray) ?? (trimmed === '' ? [] : trimmed.split(',').map((part) => part.trim()))
    if (admits(schema, 'object')) return parsed(trimmed, isObject) ?? given
    return given
  }
  if (typeof given === 'number') {
    if (admits(schema, 'integer') && Number.isFinite(given)) return Math.trunc(given)
    if (admits(schema, 'boolean') && (given === 0 || given === 1)) return given === 1
  }
  if ((typeof given === 'number' || typeof given === 'boolean') && admits(schema, 'string')) return String(given)
  if (admits(schema, 'array') && !isObject(given)) return [given]
  if (Array.isArray(given) && given.length === 1 && admitsValue(schema, given[0])) return given[0]
  return given
}

function clamp(schema: JsonSchema, value: number, path: string, warnings: string[]): number {
  const { minimum = -Infinity, maximum = Infinity } = schema
  const clamped = Math.min(Math.max(value, minimum), maximum)
  if (clamped === value) return value
  warnings.push(`"${path}" was set to ${clamped}, its ${clamped < value ? 'maximum' : 'minimum'}, from ${value}`)
  return clamped
}

function argumentError(
  rules: ArgumentRules,
  args: Readonly<Record<string, unknown>>,
  issues: readonly ValidationIssue[],
): ToolError {
  const known = Object.keys(rules.inputSchema.properties ?? {})
  const problems = [...new Set(issues.slice(0, maxComparedNames).map((issue) => explain(issue, args, known)))]
  const shown = problems.slice(0, maxReportedIssues).join('; ')
  const further = problems.length - maxReportedIssues + Math.max(0, issues.length - maxComparedNames)
  const more = further > 0 ? `; and ${further} more` : ''
  return new ToolError('INVALID_ARGUMENT', `${shown}${more}`, { hint: correctedCall(rules, args, issues) })
}

/** The call that was probably meant: what is valid stays, misspelled names are corrected, what is missing comes from the schema's examples. */
function correctedCall(
  { inputSchema, lookUp, validate }: ArgumentRules,
  args: Readonly<Record<string, unknown>>,
  issues: readonly ValidationIssue[],
): string {
  const { properties = {}, required = [] } = inputSchema
  const known = Object.keys(properties)
  const broken = new Set(issues.map(({ instancePath }) => instancePath.split('/')[1]))
  const call: Record<string, unknown> = {}
  const keep = (key: string, value: unknown): void => {
    if (!Object.hasOwn(call, key) && JSON.stringify(value).length <= maxOfferedChars) call[key] = value
  }
  for (const [key, value] of Object.entries(args)) {
    if (Object.hasOwn(properties, key) && !broken.has(key) && !isDeepStrictEqual(value, properties[key]?.default))
      keep(key, value)
  }
  const unknown = Object.entries(args)
    .filter(([key]) => !Object.hasOwn(properties, key))
    .slice(0, maxComparedNames)
  for (const [key, value] of unknown) {
    const missing = required.filter((name) => !Object.hasOwn(call, name))
    // The only text that fits nowhere is probably the only one that is missing.
    const fits = unknown.length === 1 && missing.length === 1 && typeof value === 'string' && !/^[[{]/.test(value)
    const [name] = nearest(key, known, 1).concat(fits ? missing : [])
    const property = name === undefined ? undefined : properties[name]
    if (name !== undefined && property !== undefined && admitsValue(property, coerce(property, value)))
      keep(name, coerce(property, value))
  }
  const lacking = required.filter((key) => !Object.hasOwn(call, key))
  if (lacking.length > 0 && lookUp !== undefined) return lookUp
  for (const key of lacking) call[key] = properties[key]?.examples?.[0] ?? properties[key]?.enum?.[0] ?? '…'
  // Other arguments, such as the parameters of a statement, may not fit an example.
  if (lacking.length === 0 && validate(call)) return offer(properties, call)
  return visibleJson(Object.fromEntries(required.map((key) => [key, call[key]])))
}

/**
 * The call as an error writes it. Left to the caller are long values, and those that nobody may keep (`writeOnly`), such as a password.
 * @param changed what the error itself proposes
 */
function offer(
  properties: Readonly<Record<string, JsonSchema>>,
  call: Readonly<Record<string, unknown>>,
  changed: Readonly<Record<string, unknown>> = {},
): string {
  const entries = Object.entries(call)
  const shown = entries.filter(
    ([key, value]) =>
      Object.hasOwn(changed, key) || (properties[key]?.writeOnly !== true && JSON.stringify(value).length <= maxOfferedChars),
  )
  const text = visibleJson(Object.fromEntries(shown))
  return shown.length === entries.length ? text : `the same call with ${text}`
}

/**
 * An error that names what to change in the call (`ToolError.retry`), with the whole call as its hint.
 * @param args as the handler got them
 */
export function completeRetry(
  { inputSchema: { properties = {} }, aliases = {} }: ArgumentRules,
  args: Readonly<Record<string, unknown>>,
  error: ToolError,
): ToolError {
  if (error.retry === undefined) return error
  const changes = Object.entries(error.retry).map(([key, value]) => [Object.hasOwn(aliases, key) ? aliases[key] : key, value])
  const changed = Object.fromEntries(changes)
  const call = Object.entries({ ...args, ...changed }).filter(
    ([key, value]) => value !== undefined && !isDeepStrictEqual(value, properties[key]?.default),
  )
  const { code, message, detail, cause } = error
  return new ToolError(code, message, { hint: offer(properties, Object.fromEntries(call), changed), cause, detail })
}

function explain(issue: ValidationIssue, args: unknown, known: readonly string[]): string {
  const path = issue.instancePath
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const name = path[0] === '' ? 'the arguments' : `"${path.join('.')}"`
  const value = path[0] === '' ? args : path.reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], args)
  const params = issue.params as Record<string, unknown>
  switch (issue.keyword) {
    case 'required':
      return `missing "${[...path.filter((part) => part !== ''), params.missingProperty].join('.')}"`
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const extra = String(params.additionalProperty ?? params.unevaluatedProperty).slice(0, 80)
      const near = nearest(extra, known, 1)
      return `unknown "${extra}"${near.length > 0 ? `, did you mean "${near[0]}"?` : `; known are ${known.join(', ') || 'none'}`}`
    }
    case 'enum':
      return `${name} must be one of ${(params.allowedValues as unknown[]).map((v) => JSON.stringify(v)).join(', ')}, got ${describe(value)}`
    default:
      return `${name} ${issue.message ?? `breaks "${issue.keyword}"`}, got ${describe(value)}`
  }
}

function measure(value: unknown): void {
  let count = 0
  const visit = (at: unknown, depth: number): void => {
    if (++count > maxArgumentValues || depth > maxArgumentDepth) {
      const message = `arguments hold more than ${maxArgumentValues} values or ${maxArgumentDepth} levels`
      throw new ToolError('INVALID_ARGUMENT', message)
    }
    if (typeof at === 'object' && at !== null) for (const item of Object.values(at)) visit(item, depth + 1)
  }
  visit(value, 0)
}

function admits(schema: JsonSchema, type: string): boolean {
  return Array.isArray(schema.type) ? schema.type.includes(type) : schema.type === type
}

function admitsValue(schema: JsonSchema, value: unknown): boolean {
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  return admits(schema, type) || (admits(schema, 'integer') && Number.isInteger(value))
}

function parsed<T>(text: string, accept: (value: unknown) => value is T): T | undefined {
  const value = tryJson(text)
  return accept(value) ? value : undefined
}
