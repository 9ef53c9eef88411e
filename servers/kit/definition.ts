// The definition of one server: its name, environment variables, backend and tools.
import type { AnyTool, FromSchema, JsonSchema } from '../../protocol/index.ts'

/**
 * Environment variables described by a JSON Schema: the properties are the variables' names. Values are coerced from text (integers,
 * booleans as true/false/1/0/yes/no, arrays comma-separated) and checked; `FromSchema` gives the handler's view its types.
 */
export interface ConfigSchema {
  readonly type: 'object'
  readonly properties: Readonly<Record<string, Variable>>
}

/** What a value, or each item of a list, must be. Another keyword of JSON Schema is an error when the server starts. */
export interface ValueSchema {
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'array'
  readonly enum?: readonly unknown[]
  readonly minLength?: number
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: ValueSchema
}

export interface Variable extends ValueSchema {
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  /** For the operator: what it does, its unit, an example. Becomes the README's table. */
  readonly description: string
  /** Other names that are accepted, because existing compose files use them. */
  readonly 'x-aliases'?: readonly string[]
  /** May come as `NAME_FILE` too, and its value is never printed, logged or sent. */
  readonly 'x-secret'?: boolean
}

// The usual variables, as plain schemas: all but texts have a default, so that `FromSchema` knows that their value is there.

/** @param aliases other names of the variable */
export function text(description: string, ...aliases: readonly string[]) {
  return { type: 'string', 'x-aliases': aliases, description } as const
}

export function secret(description: string, ...aliases: readonly string[]) {
  return { ...text(description, ...aliases), 'x-secret': true } as const
}

export function integer(value: number, [minimum, maximum]: readonly [minimum: number, maximum: number], description: string) {
  return { type: 'integer', default: value, minimum, maximum, description } as const
}

export function flag(value: boolean, description: string) {
  return { type: 'boolean', default: value, description } as const
}

/** Texts, separated by commas; none by default. */
export function list(description: string) {
  return { type: 'array', items: { type: 'string' }, default: [], description } as const
}

export function choice<const C extends readonly string[]>(choices: C, value: C[number], description: string) {
  return { type: 'string', enum: choices, default: value, description } as const
}

/** The schema of a tool's arguments: names that are not in `properties` are refused. */
export function parameters<const P extends Readonly<Record<string, JsonSchema>>, const R extends readonly (keyof P)[]>(
  required: R,
  properties: P,
) {
  const object = { type: 'object', properties, ...(required.length === 0 ? {} : { required }), additionalProperties: false }
  return object as { readonly type: 'object'; readonly properties: P; readonly required: R }
}

export type Config<S extends ConfigSchema> = FromSchema<S>

/** Settings of the process that backends and tools use. */
export interface Environment {
  /** Version of the package, for user agents and application names. */
  readonly version: string
  /** MCP_MAX_RESULT_CHARS: most characters of text in one result; tools cut their page there, so that `next` is exact. */
  readonly maxResultChars: number
  /** MCP_TOOL_TIMEOUT_MS: no call runs longer, whatever its `timeout_ms` says. */
  readonly toolTimeoutMs: number
  /** MCP_READ_ONLY */
  readonly readOnly: boolean
  /** Content of MCP_CA_FILE: the PEM of a private authority to trust, beside the usual ones, for TLS to the backend. */
  readonly ca: string | undefined
  readonly log: Log
}

type WriteLog = (message: string, fields?: Record<string, unknown>) => void
export type Log = Readonly<Record<'debug' | 'info' | 'warn' | 'error', WriteLog>>

export interface Backend {
  /** The backend's name in the audit trail, as the operator wrote it, without credentials. */
  readonly upstream: string
  /**
   * Asks the real backend whether it would answer now; rejects with a ToolError (its code becomes the error class) when not.
   * Called at most every 10 seconds. The result's entries are shown in `/ready`.
   */
  probe(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>
  /** Releases all resources; called once, after the last call. */
  close(): Promise<void>
}

export interface ServerDefinition<S extends ConfigSchema = ConfigSchema, B extends Backend = Backend> {
  /** Folder, path segment and `serverInfo.name`, such as `filesystem`. */
  readonly name: string
  readonly title: string
  /** For the model's system prompt: two sentences. */
  readonly instructions: string
  readonly config: S
  /** Which variables would have to be set for this server to work, in words for the operator; undefined when it is configured. */
  missing(config: Config<S>): string | undefined
  /**
   * Makes the backend. Reaches nothing yet: an unreachable backend is found by `probe` and by calls, and recovers without a restart.
   * @throws Error when the configuration contradicts itself; the message is for the operator
   */
  open(config: Config<S>, environment: Environment): B
  /** Must not touch `backend` before a handler runs: the build lists the tools without one. */
  tools(backend: B, environment: Environment): readonly AnyTool[]
  /** Variables to use under `octet start` when none of this server's own is set: a demonstration. A note in the log names them. */
  demo?(): Readonly<Record<string, string>> | undefined
}

export function defineServer<const S extends ConfigSchema, B extends Backend>(
  definition: ServerDefinition<S, B>,
): ServerDefinition<S, B> {
  return definition
}

export type AnyServer = Omit<ServerDefinition, 'open' | 'tools' | 'missing'> & {
  missing(config: never): string | undefined
  open(config: never, environment: Environment): Backend
  tools(backend: never, environment: Environment): readonly AnyTool[]
}
