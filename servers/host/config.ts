// Configuration from the environment: variables described by a JSON Schema, every problem found at once, secrets never shown.
import { readFileSync } from 'node:fs'
import type { Config, ConfigSchema, ValueSchema, Variable } from '../kit/definition.ts'
import { nearestFirst } from '../kit/names.ts'

export type Env = Readonly<Record<string, string | undefined>>

export interface Reading<S extends ConfigSchema> {
  /** Undefined when there are problems. */
  config: Config<S> | undefined
  problems: string[]
  /** Values of secret variables, to be masked wherever they might appear. */
  secrets: string[]
  /** Declared variables that are set, by their declared names. */
  set: string[]
}

const maxSecretFileBytes = 65_536

/**
 * Reads the variables of one schema. An empty value counts as unset: that is what compose's `${NAME:-}` gives.
 * @throws TypeError when a variable's schema has a keyword that is not checked
 */
export function readConfig<const S extends ConfigSchema>(schema: S, env: Env): Reading<S> {
  const problems: string[] = []
  const secrets: string[] = []
  const set: string[] = []
  const values: Record<string, unknown> = {}
  if ('required' in schema) throw new TypeError('the schema of variables has no "required": `missing` of the server names them')
  for (const [name, variable] of Object.entries(schema.properties)) {
    checkKeywords(name, variable)
    if (variable.default !== undefined && !fits(variable, variable.default))
      throw new TypeError(`${name}: its schema refuses its default`)
    const text = find(name, variable, env, problems)
    if (text === undefined) {
      if (variable.default !== undefined) values[name] = variable.default
      continue
    }
    set.push(name)
    if (variable['x-secret'] === true)
      secrets.push(...text.split(/[,\n]/).flatMap((part) => [part.trim(), part.slice(part.indexOf(':') + 1).trim()]))
    const value = fromText(variable, text)
    values[name] = value
    if (!fits(variable, value)) problems.push(explain(name, variable, value))
  }
  const config = problems.length === 0 ? (values as Config<S>) : undefined
  return { config, problems, secrets: secrets.filter((secret) => secret.length >= 4), set }
}

const checked = /^(type|enum|minLength|pattern|minimum|maximum|items|default|examples|description|x-aliases|x-secret)$/

/** @throws TypeError for what `fits` does not check, and for a default that it refuses */
function checkKeywords(name: string, schema: ValueSchema): void {
  const unknown = Object.keys(schema).find((keyword) => !checked.test(keyword))
  if (unknown !== undefined) throw new TypeError(`${name}: the keyword "${unknown}" is not supported in the schema of a variable`)
  if (typeof schema.type !== 'string') throw new TypeError(`${name}: the schema of a variable needs one "type"`)
  if (schema.items !== undefined) checkKeywords(name, schema.items)
}

/** Checks a value without Ajv: the compiled schemas of all variables are 31 KB of code that each start would read. */
function fits({ type, items, minimum, maximum, minLength, pattern, enum: choices }: ValueSchema, value: unknown): boolean {
  if (choices !== undefined && !choices.includes(value)) return false
  if (type === 'array') return Array.isArray(value) && (items === undefined || value.every((item) => fits(items, item)))
  if (typeof value === 'string')
    return type === 'string' && [...value].length >= (minLength ?? 0) && new RegExp(pattern ?? '', 'u').test(value)
  if (typeof value === 'boolean') return type === 'boolean'
  if (typeof value !== 'number' || !(type === 'integer' ? Number.isInteger(value) : type === 'number' && Number.isFinite(value)))
    return false
  return value >= (minimum ?? value) && value <= (maximum ?? value)
}

/**
 * Prefixes of names that no other program reads; FILESYSTEM_ is meant as FS_. Those of backends and of their clients (AWS_, LOKI_, MINIO_, N8N_,
 * NETDATA_, PG_, PLAYWRIGHT_, POSTGRES_) are not among them: their programs read further names.
 */
const ownPrefixes = /^(MCP|AUDIT|FETCH|FS|FILESYSTEM|TSDB)_/
const maxListed = 5

/** Finds variables that were meant for this process and are not read. Those that Kubernetes and container links set are ignored. */
export function findUnknown(schemas: readonly ConfigSchema[], env: Env) {
  const known = new Set<string>()
  for (const { properties } of schemas) {
    for (const [name, variable] of Object.entries(properties)) {
      for (const each of [name, ...(variable['x-aliases'] ?? [])])
        known.add(each).add(variable['x-secret'] === true ? `${each}_FILE` : each)
    }
  }
  const names = [...known]
  /** They differ from a declared name in one place. */
  const misspelled: string[] = []
  /** Without effect, but they may be another program's. */
  const notes: string[] = []
  for (const [name, value] of Object.entries(env)) {
    if (known.has(name) || /_SERVICE_|_PORT_\d+_/.test(name) || (name.endsWith('_PORT') && value?.startsWith('tcp://'))) continue
    const meant = known.has(name.toUpperCase()) ? name.toUpperCase() : names.find((each) => isNearMiss(name, each))
    const prefix = ownPrefixes.exec(name)?.[0].replace('FILESYSTEM', 'FS')
    if (meant !== undefined) misspelled.push(`${name} is not a variable of this process; did you mean ${meant}?`)
    else if (prefix !== undefined) {
      const candidates = names.filter((each) => each.startsWith(prefix))
      if (candidates.length === 0) continue // the server that reads this prefix is in another process
      const listed = nearestFirst(name, candidates).slice(0, maxListed)
      notes.push(`${name} has no effect; there are ${listed.join(', ')}${candidates.length > maxListed ? ', …' : ''}`)
    }
  }
  for (const name of ['HOST', 'PORT']) {
    if (env[name] !== undefined && env[`MCP_${name}`] === undefined)
      notes.push(`${name} is not read; set MCP_${name} to change where the servers listen`)
  }
  return { misspelled, notes }
}

/** Do two names differ in one place only: a letter more, less or other (in long names two), or two neighbours swapped? */
function isNearMiss(one: string, other: string): boolean {
  if (one[0] !== other[0] && one.at(-1) !== other.at(-1)) return false // most names, at little cost
  const [shorter, longer] = one.length < other.length ? [one, other] : [other, one]
  if (shorter.length < 6 || longer.length - shorter.length > 2) return false
  let start = 0
  while (start < shorter.length && one[start] === other[start]) start += 1
  let end = 0
  while (end < shorter.length - start && one.at(-1 - end) === other.at(-1 - end)) end += 1
  const differing = longer.slice(start, longer.length - end)
  if (/\d/.test(differing)) return false // DATABASE_URL_2 is a name of its own
  const swapped = differing.length === 2 && [...differing].reverse().join('') === shorter.slice(start, start + 2)
  return swapped || differing.length <= (longer.length < 10 ? 1 : 2)
}

function find(name: string, variable: Variable, env: Env, problems: string[]): string | undefined {
  const found: { source: string; text: string }[] = []
  for (const each of [name, ...(variable['x-aliases'] ?? [])]) {
    const direct = env[each]
    if (direct !== undefined && direct !== '') found.push({ source: each, text: direct })
    const source = `${each}_FILE`
    const path = env[source]
    if (variable['x-secret'] !== true || path === undefined || path === '') continue
    const text = readNamedFile(source, path, 'a readable file that holds the secret', problems, maxSecretFileBytes)
    const secret = text?.replace(/\r?\n$/, '')
    if (secret === '') problems.push(`${source}: the file is empty; expected the secret as its content`)
    else if (secret !== undefined) found.push({ source, text: secret })
  }
  const [first, ...others] = found
  // Compose files for an old and a new image set the same value under two names; two different values contradict each other.
  const other = others.find(
    ({ source, text }) => text !== first?.text || source.endsWith('_FILE') !== first?.source.endsWith('_FILE'),
  )
  if (first !== undefined && other !== undefined)
    problems.push(`${first.source} and ${other.source} are both set; set one of them`)
  return first?.text
}

/** The text of the file that a variable names; undefined, with a problem, when it cannot be read. */
export function readNamedFile(
  name: string,
  path: string,
  expected: string,
  problems: string[],
  maxBytes = Number.POSITIVE_INFINITY,
): string | undefined {
  try {
    const text = readFileSync(path, 'utf8')
    if (text.length > maxBytes) throw new Error(`has more than ${maxBytes} bytes`)
    return text
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    problems.push(`${name}: cannot read the file it names (${code ?? message}); expected ${expected}`)
    return undefined
  }
}

/** The value as the declared type, or the text itself if it cannot be read as one, which validation then reports. */
function fromText(variable: Variable, text: string): unknown {
  const trimmed = text.trim()
  switch (variable.type) {
    case 'integer':
    case 'number':
      return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(trimmed) ? Number(trimmed) : text
    case 'boolean':
      return /^(true|1|yes|on)$/i.test(trimmed) ? true : /^(false|0|no|off)$/i.test(trimmed) ? false : text
    case 'array':
      return text
        .split(/[,\n]/)
        .map((part) => part.trim())
        .filter((part) => part !== '')
    default:
      return text
  }
}

const kinds: Readonly<Record<string, string>> = {
  boolean: 'true or false',
  array: 'a comma-separated list',
  integer: 'an integer',
}

function explain(name: string, variable: Variable, value: unknown): string {
  const { type, minLength, minimum, maximum, pattern = variable.items?.pattern } = variable
  const expected = [
    kinds[String(type)] ?? `a ${type}`,
    ...(minLength === undefined ? [] : [`of at least ${minLength} characters`]),
    ...(minimum === undefined ? [] : [`≥ ${minimum}`]),
    ...(maximum === undefined ? [] : [`≤ ${maximum}`]),
    ...(pattern === undefined ? [] : [`matching ${pattern}`]),
  ]
  const allowed = variable.enum === undefined ? expected.join(' ') : `one of ${variable.enum.join(', ')}`
  const example = variable.examples?.[0] ?? variable.default
  const came = variable['x-secret'] === true ? `set(${String(value).length} chars)` : JSON.stringify(value).slice(0, 80)
  return `${name}: expected ${allowed}, got ${came}${example === undefined ? '' : `; for example ${name}=${String(example)}`}`
}
