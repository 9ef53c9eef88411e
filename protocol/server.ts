// The Server: its tools, its table of methods, and how a request runs through the middlewares to a result.
import { randomBytes } from 'node:crypto'
import { type ArgumentRules, completeRetry, prepareArguments } from './arguments.ts'
import type { RequestContext, SessionState } from './context.ts'
import { ErrorCode, invalidParams, ProtocolError, ToolError } from './errors.ts'
import { describe } from './jsonrpc.ts'
import { metaPrefix, readImplementation, readLevel } from './mcp-meta.ts'
import { nearest } from './nearest.ts'
import { modern, negotiate, type Revision, revisions } from './revisions.ts'
import type { JsonSchema } from './schema.ts'
import { checkTool, listEntry, toCallToolResult } from './tool.ts'
import type { AnyTool, Call, Implementation, Middleware, Outcome, Params, ToolOutput } from './types.ts'
import { compileValidator, type Validator } from './validator.ts'

export interface ServerOptions {
  /** Programmatic name, sent as `serverInfo.name`. */
  name: string
  version: string
  title?: string
  /** Goes into the system prompt of some clients: two sentences, no more. */
  instructions?: string
  tools?: readonly AnyTool[]
  /** First is outermost. */
  middleware?: readonly Middleware[]
  /** `never` leaves out `outputSchema` and `structuredContent`, which some clients show the model a second time. Default `auto`. */
  structuredContent?: 'auto' | 'never'
  /** Tools in one page of `tools/list`. Default: all, because some gateways read the first page only. */
  pageSize?: number
  /** 2026-07-28 caching hint for `server/discover` and `tools/list`, in milliseconds. Default 60,000. */
  listTtlMs?: number
  /** Largest serialised result in bytes. Default 990,000: with id and framing a message stays below 1,000,000 (docs/clients.md). */
  maxResultBytes?: number
  /** Called for every error that is a fault of the server, with the reference that the client sees. */
  onInternalError?: (error: unknown, about: { ref: string; method: string; tool: string | undefined }) => void
}

interface CompiledTool {
  tool: AnyTool
  rules: ArgumentRules
  validateOutput: Validator | undefined
}

/** A Call with what only this library may touch; `settled` is replaced once a handler runs. */
export interface ServerCall extends Call {
  settled: Promise<void>
  readonly context: RequestContext
}

/**
 * The tools of one MCP server, ready to be mounted on a transport.
 *
 * @example
 * const server = new Server({ name: 'adder', version: '1.0.0', tools: [add] })
 * const { url } = await listen(server, { port: 8080 })
 */
export class Server {
  readonly info: Implementation
  readonly instructions: string | undefined
  readonly tools: readonly AnyTool[]
  readonly #compiled = new Map<string, CompiledTool>()
  readonly #options: ServerOptions & Required<Pick<ServerOptions, 'middleware' | 'pageSize' | 'maxResultBytes'>>
  /** The list is the same for every caller, so any cache may keep it (2026-07-28 server/utilities/caching). */
  readonly #cacheHints: Readonly<Record<string, unknown>>
  readonly #structured: boolean
  readonly #pages = new Map<string, Outcome>()

  /** @throws TypeError when a tool cannot be listed, Error when a schema does not compile */
  constructor(options: ServerOptions) {
    const { name, version, title, tools = [], middleware = [], listTtlMs = 60_000, maxResultBytes = 990_000 } = options
    const { pageSize = Math.max(1, tools.length) } = options
    this.info = { name, version, ...(title === undefined ? {} : { title }) }
    this.instructions = options.instructions
    this.tools = tools
    this.#options = { ...options, middleware, pageSize, maxResultBytes }
    this.#cacheHints = { ttlMs: listTtlMs, cacheScope: 'public' }
    this.#structured = options.structuredContent !== 'never'
    for (const tool of tools) {
      checkTool(tool)
      if (this.#compiled.has(tool.name)) throw new TypeError(`two tools are named "${tool.name}"`)
      const { inputSchema, outputSchema, aliases, lookUp } = tool
      this.#compiled.set(tool.name, {
        tool,
        rules: { inputSchema, aliases, lookUp, validate: compile(tool, 'inputSchema', inputSchema) },
        validateOutput: this.#structured && outputSchema ? compile(tool, 'outputSchema', outputSchema) : undefined,
      })
    }
  }

  /** @internal */
  findTool(name: unknown): AnyTool | undefined {
    return typeof name === 'string' ? this.#compiled.get(name)?.tool : undefined
  }

  /**
   * Runs one request of any transport through the middlewares.
   * @internal
   * @throws ProtocolError for what JSON-RPC answers with an error object; errors of tools become results
   */
  async dispatch(session: SessionState, call: ServerCall): Promise<Outcome> {
    const last = (): Outcome | Promise<Outcome> => this.#answer(session, call)
    try {
      const { middleware } = this.#options
      return await (middleware.length === 0 ? last() : runThrough(middleware, call, last))
    } catch (error) {
      if (error instanceof ProtocolError) throw error
      if (call.method === 'tools/call') {
        const failure = error instanceof ToolError ? error : this.#internal(error, call)
        return outcome({ content: [{ type: 'text', text: failure.text }], isError: true, ...this.#envelope(session.revision) })
      }
      throw new ProtocolError(ErrorCode.internalError, this.#internal(error, call).message)
    }
  }

  #answer(session: SessionState, call: ServerCall): Outcome | Promise<Outcome> {
    const { method, params } = call
    if (method === 'tools/call') return this.#callTool(session, call)
    if (method === 'tools/list') return this.#listTools(session, params)
    const isLegacy = session.revision.era === 'legacy'
    if (!isLegacy && method === 'server/discover') return this.#discover()
    if (isLegacy && method === 'initialize') return this.#initialize(session, params)
    if (isLegacy && method === 'ping') return empty
    if (isLegacy && method === 'logging/setLevel') {
      session.logLevel = readLevel('"level"', params.level)
      return empty
    }
    throw new ProtocolError(ErrorCode.methodNotFound, `method "${method.slice(0, 100)}" not found`)
  }

  #initialize(session: SessionState, params: Params): Outcome {
    const { protocolVersion, clientInfo } = params
    if (typeof protocolVersion !== 'string') {
      const supported = revisions.map((revision) => revision.version)
      throw invalidParams(`"protocolVersion" must be a string, got ${describe(protocolVersion)}`, { supported })
    }
    session.revision = negotiate(protocolVersion)
    session.client = readImplementation(clientInfo)
    return outcome({
      protocolVersion: session.revision.version,
      capabilities: { tools: {}, logging: {} },
      serverInfo: this.info,
      instructions: this.instructions,
    })
  }

  #discover(): Outcome {
    return outcome({
      supportedVersions: revisions.map((revision) => revision.version).toReversed(),
      capabilities: { tools: {} },
      instructions: this.instructions,
      ...this.#cacheHints,
      ...this.#envelope(modern),
    })
  }

  /** Serialised once for each class of revision and page: LiteLLM asks for the list after every call. */
  #listTools(session: SessionState, params: Params): Outcome {
    const { revision } = session
    const start = this.#readCursor(params.cursor)
    const key = `${revision.era} ${revision.structured} ${start}`
    const cached = this.#pages.get(key)
    if (cached !== undefined) return cached
    const end = start + this.#options.pageSize
    const withOutput = (tool: AnyTool): boolean =>
      this.#structured &&
      (revision.structured === 'any' || (revision.structured === 'object' && tool.outputSchema?.type === 'object'))
    const page = outcome({
      tools: this.tools.slice(start, end).map((tool) => listEntry(tool, withOutput(tool))),
      nextCursor: end < this.tools.length ? Buffer.from(`tools ${end}`).toString('base64url') : undefined,
      ...(revision.era === 'modern' ? this.#cacheHints : {}),
      ...this.#envelope(revision),
    })
    this.#pages.set(key, page)
    return page
  }

  async #callTool(session: SessionState, call: ServerCall): Promise<Outcome> {
    const { context, params } = call
    const { name } = params
    if (typeof name !== 'string') throw invalidParams(`"name" must be a string, got ${describe(name)}`)
    const compiled = this.#compiled.get(name)
    if (compiled === undefined) {
      const near = nearest(name, this.#compiled.keys(), 3)
      const hint = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : ''
      throw invalidParams(`unknown tool "${name.slice(0, 100)}"${hint}`)
    }
    const { tool, rules, validateOutput } = compiled
    const prepared = prepareArguments(rules, params.arguments)
    context.setWarnings(prepared.warnings)
    let output: ToolOutput
    try {
      output = await runHandler(tool, prepared.args, call)
    } catch (error) {
      throw error instanceof ToolError ? completeRetry(rules, prepared.args, error) : error
    }
    const result = toCallToolResult(output, session.revision, this.#structured, context.unreadWarnings)
    const { structuredContent } = output as { structuredContent?: unknown }
    if (result.isError !== true && validateOutput?.(structuredContent) === false) {
      const issues = JSON.stringify(validateOutput.errors?.slice(0, 3))
      throw new Error(`tool "${name}" broke its outputSchema: ${issues}`)
    }
    const finished = outcome({ ...result, ...this.#envelope(session.revision, result._meta) })
    if (finished.bytes > this.#options.maxResultBytes) {
      const message = `the result has ${finished.bytes} bytes, more than the ${this.#options.maxResultBytes} that one message may have`
      const hint = 'ask for less: a smaller limit, a narrower filter, or a part of it'
      throw new ToolError('TOO_LARGE', message, { hint })
    }
    return finished
  }

  #internal(error: unknown, call: Call): ToolError {
    const ref = randomBytes(4).toString('hex')
    this.#options.onInternalError?.(error, { ref, method: call.method, tool: call.tool?.name })
    return new ToolError('INTERNAL', `the server failed; its log has the details under ref ${ref}`, { cause: error })
  }

  /** 2026-07-28 basic/index §Results: every result says that it is complete and names its server. Legacy results must not. */
  #envelope(revision: Revision, meta?: Record<string, unknown>): Record<string, unknown> {
    if (revision.era === 'legacy') return {}
    return { resultType: 'complete', _meta: { ...meta, [`${metaPrefix}serverInfo`]: this.info } }
  }

  #readCursor(cursor: unknown): number {
    if (cursor === undefined) return 0
    const match =
      typeof cursor === 'string' ? /^tools (\d{1,9})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) : null
    const start = Number(match?.[1])
    if (match === null || start === 0 || start >= this.tools.length || start % this.#options.pageSize !== 0) {
      throw invalidParams(`"cursor" is not one of this server: ${describe(cursor)}; leave it out to start at the first page`)
    }
    return start
  }
}

/** Runs the middlewares, the first outermost, around `last`. */
export function runThrough(
  middlewares: readonly Middleware[],
  call: Call,
  last: () => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  let at = 0
  const next = (): Promise<Outcome> => {
    try {
      const middleware = middlewares[at++]
      return middleware === undefined ? Promise.resolve(last()) : middleware(call, next)
    } catch (error) {
      return Promise.reject(error)
    }
  }
  return next()
}

/** Runs the handler until it ends or the request is cancelled: a handler that ignores its signal cannot delay the answer. */
function runHandler(tool: AnyTool, args: Record<string, unknown>, call: ServerCall): Promise<ToolOutput> | ToolOutput {
  const { context } = call
  if (context.reason !== undefined) throw context.reason
  const running = tool.handler(args as never, context)
  if (!(running instanceof Promise)) return running
  call.settled = running.then(ignore, ignore)
  return new Promise((resolve, reject) => {
    context.onCancel = reject
    // The reason of the cancellation explains more than a driver's own AbortError.
    running.then(resolve, (error) => reject(context.reason ?? error))
  })
}

const empty: Outcome = outcome({})

function outcome(result: { isError?: boolean; [member: string]: unknown }): Outcome {
  const json = JSON.stringify(result)
  return { json, bytes: Buffer.byteLength(json), isError: result.isError === true }
}

function compile(tool: AnyTool, which: string, schema: JsonSchema): Validator {
  try {
    return compileValidator(schema)
  } catch (cause) {
    throw new Error(`tool "${tool.name}": ${which}: ${(cause as Error).message}`, { cause })
  }
}

function ignore(): void {}
