// Wrong calls made from right ones: what issue trackers show that models send, and random misspellings. The same seed gives the same calls.
import { random } from '../helpers/random.ts'

export type Args = Record<string, unknown>

export interface RightCall {
  readonly server: string
  readonly tool: string
  readonly args: Args
}

export interface Property {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
}

export interface ListedTool {
  readonly name: string
  readonly inputSchema: { readonly properties?: Readonly<Record<string, Property>>; readonly required?: readonly string[] }
  readonly annotations?: { readonly readOnlyHint?: boolean }
}

export interface WrongCall extends RightCall {
  /** As it is sent: an object for most mistakes, but also text, a list or null. */
  readonly sent: unknown
  /** Names of the mistakes. */
  readonly mistakes: readonly string[]
}

/** What other tools call the same parameter. */
const foreignNames: Readonly<Record<string, readonly string[]>> = {
  path: [
    'file',
    'filename',
    'file_path',
    'filepath',
    'uri',
    'directory',
    'dir',
    'folder',
    'relative_workspace_path',
    'target_file',
  ],
  query: ['sql', 'statement', 'q', 'expr', 'logql', 'sql_query', 'text', 'search', 'queryString'],
  command: ['sql', 'statement', 'query', 'cmd', 'script'],
  url: ['uri', 'link', 'href', 'address', 'page', 'website', 'target_url'],
  database: ['db', 'dbname', 'database_name', 'databaseName'],
  schema: ['schema_name', 'namespace', 'schemaName'],
  table_name: ['table', 'name', 'relation', 'tableName', 'hypertable'],
  hypertable: ['table', 'table_name', 'name', 'hypertable_name', 'tableName'],
  bucket_name: ['bucket', 'Bucket', 'bucketName', 'container'],
  object_key: ['key', 'Key', 'object_name', 'path', 'file', 'objectName'],
  prefix: ['path', 'Prefix', 'folder', 'directory'],
  selector: ['css', 'element', 'ref', 'locator', 'css_selector', 'target', 'xpath'],
  value: ['text', 'input', 'content', 'fill_value'],
  script: ['code', 'expression', 'function', 'js', 'javascript', 'pageFunction'],
  workflow_id: ['id', 'workflow', 'workflowId', 'name'],
  hours: ['since', 'last', 'duration', 'hours_back', 'range'],
  charts: ['chart', 'metrics', 'context', 'metric'],
  limit: ['max_results', 'count', 'top', 'maxResults', 'page_size'],
  max_rows: ['limit', 'maxRows', 'row_limit'],
  recursive: ['deep', 'include_subfolders'],
  pattern: ['glob', 'filter', 'search'],
  format: ['type', 'output_format', 'outputFormat'],
}

const surplus: readonly Args[] = [
  { verbose: true },
  { format: 'json' },
  { explanation: 'I look at the data before I answer' },
  { reason: 'user asked' },
  { timeout: 30 },
  { limit: 'all' },
  { page: 1 },
  { random_string: 'x' },
  { _meta: {} },
  { encoding: 'utf8' },
]

type Random = () => number
type Mistake = (args: Args, tool: ListedTool, rand: Random) => unknown

const mistakes: Readonly<Record<string, Mistake>> = {
  'wrong type': (args, _tool, rand) => replaceOne(args, rand, (value) => otherType(value, rand)),
  'name of another tool': (args, _tool, rand) => {
    const names = Object.keys(args).filter((name) => foreignNames[name] !== undefined)
    if (names.length === 0) return undefined
    const name = pick(names, rand)
    return rename(args, name, pick(foreignNames[name] ?? [], rand))
  },
  'misspelled name': (args, _tool, rand) => {
    const name = pickKey(args, rand)
    return name === undefined ? undefined : rename(args, name, misspell(name, rand))
  },
  'other case of a name': (args, _tool, rand) => {
    const name = pickKey(args, rand)
    if (name === undefined) return undefined
    const camel = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
    return rename(
      args,
      name,
      pick([camel, name.toUpperCase(), name.replaceAll('_', '-'), name[0]?.toUpperCase() + name.slice(1)], rand),
    )
  },
  'missing parameter': (args, { inputSchema: { required = [] } }, rand) => {
    if (required.length === 0) return undefined
    const { [pick(required, rand)]: _gone, ...rest } = args
    return rest
  },
  'surplus parameter': (args, _tool, rand) => ({ ...args, ...pick(surplus, rand) }),
  'misspelled value': (args, _tool, rand) =>
    replaceOne(args, rand, (value) => (typeof value === 'string' && value.length > 3 ? misspell(value, rand) : undefined)),
  'other case of a value': (args, _tool, rand) =>
    replaceOne(args, rand, (value) =>
      typeof value === 'string' ? pick([value.toUpperCase(), capitalise(value)], rand) : undefined,
    ),
  'dressed value': (args, _tool, rand) =>
    replaceOne(args, rand, (value) => (typeof value === 'string' ? pick(dresses, rand)(value) : undefined)),
  'URL for a name': (args, _tool, rand) =>
    replaceOne(args, rand, (value) =>
      typeof value === 'string' && !value.includes(' ') ? pick(addresses, rand)(value) : undefined,
    ),
  placeholder: (args, _tool, rand) =>
    replaceOne(args, rand, () =>
      pick(['', 'null', 'None', 'undefined', '<name>', 'your_value_here', 'example', 'test', '*'], rand),
    ),
  'unknown choice': (args, tool, rand) => {
    const choices = Object.entries(tool.inputSchema.properties ?? {}).filter(([, property]) => property.enum !== undefined)
    if (choices.length === 0) return undefined
    const [name, property] = pick(choices, rand)
    return { ...args, [name]: pick([String(property.enum?.[0]).toUpperCase(), 'json', 'default', 'all', 'asc'], rand) }
  },
  'odd number': (args, tool, rand) => {
    const numbers = Object.entries(tool.inputSchema.properties ?? {}).filter(([, { type }]) =>
      [type].flat().some((each) => each === 'integer' || each === 'number'),
    )
    if (numbers.length === 0) return undefined
    return {
      ...args,
      [pick(numbers, rand)[0]]: pick([-1, 0, 1.5, 1e12, '10 rows', '1,000', 'ten', '5m', Number.MAX_SAFE_INTEGER], rand),
    }
  },
  'wrapped arguments': (args, _tool, rand) =>
    pick(
      [{ arguments: args }, { input: args }, { params: args }, JSON.stringify(args), [args], { args: JSON.stringify(args) }],
      rand,
    ),
}

/**
 * @param count calls for each tool
 * @returns calls in the order of the tools, each with one mistake, every fourth with two
 */
export function* wrongCalls(
  right: readonly RightCall[],
  tools: readonly ListedTool[],
  seed: number,
  count: (tool: string) => number,
) {
  const rand = random(seed)
  const names = Object.keys(mistakes)
  for (const tool of tools) {
    const own = right.filter((call) => call.tool === tool.name)
    if (own.length === 0) throw new Error(`no right call of ${tool.name}`)
    for (let made = 0; made < count(tool.name); ) {
      const call = pick(own, rand)
      const chosen = [pick(names, rand), ...(made % 4 === 3 ? [pick(names, rand)] : [])]
      let sent: unknown = call.args
      const made_: string[] = []
      for (const name of chosen) {
        if (!isArgs(sent)) break
        const next = mistakes[name]?.(sent, tool, rand)
        if (next === undefined) continue
        sent = next
        made_.push(name)
      }
      if (made_.length === 0) {
        if (Object.keys(tool.inputSchema.properties ?? {}).length > 0) continue
        sent = pick(surplus, rand) // a tool without parameters
        made_.push('surplus parameter')
      }
      made += 1
      yield { ...call, sent, mistakes: made_ } satisfies WrongCall
    }
  }
}

const dresses: readonly ((value: string) => string)[] = [
  (value) => `"${value}"`,
  (value) => `\`${value}\``,
  (value) => `  ${value}\n`,
  (value) => `/${value}`,
  (value) => `./${value}/`,
  (value) => `${value};`,
  (value) => `\`\`\`\n${value}\n\`\`\``,
  (value) => `<${value}>`,
  (value) => `${value}.`,
  (value) => value.replaceAll('/', '\\'),
]

const addresses: readonly ((value: string) => string)[] = [
  (value) => `file:///${value}`,
  (value) => `s3://${value}`,
  (value) => `https://example.com/${value}`,
  (value) => `postgres://localhost/${value}`,
  (value) => `public.${value}`,
]

export function isArgs(value: unknown): value is Args {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function pick<T>(from: readonly T[], rand: Random): T {
  return from[Math.floor(rand() * from.length)] as T
}

function pickKey(args: Args, rand: Random): string | undefined {
  const names = Object.keys(args)
  return names.length === 0 ? undefined : pick(names, rand)
}

function rename(args: Args, from: string, to: string): Args {
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name === from ? to : name, value]))
}

/** Replaces one value; undefined when none of them can be. */
function replaceOne(args: Args, rand: Random, by: (value: unknown) => unknown): Args | undefined {
  const name = pickKey(args, rand)
  if (name === undefined) return undefined
  const value = by(args[name])
  return value === undefined ? undefined : { ...args, [name]: value }
}

function otherType(value: unknown, rand: Random): unknown {
  const others: unknown[] = [42, true, null, [value], { value }, 'yes', String(value), [], {}]
  return pick(
    others.filter((other) => typeof other !== typeof value),
    rand,
  )
}

/** One letter less, more, other, or two that are swapped. */
function misspell(text: string, rand: Random): string {
  const letters = [...text]
  const at = Math.floor(rand() * letters.length)
  const letter = 'abcdefghijklmnopqrstuvwxyz'[Math.floor(rand() * 26)] ?? 'x'
  const kind = Math.floor(rand() * 4)
  if (kind === 0) letters.splice(at, 1)
  else if (kind === 1) letters.splice(at, 0, letter)
  else if (kind === 2) letters[at] = letter
  else letters.splice(at, 2, ...letters.slice(at, at + 2).reverse())
  return letters.join('')
}

function capitalise(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}
