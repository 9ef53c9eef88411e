// The Server: its tools, its method table, and the one way of a request through the middlewares to a result.
import { randomBytes } from 'node:crypto'
import { prepareArguments } from './arguments.ts'
import type { Cancellation } from './cancellation.ts'
import type { Call, Middleware, Outcome } from './context.ts'
import { ErrorCode, ProtocolError, ToolError } from './errors.ts'
import { describe, isObject } from './jsonrpc.ts'
import { isLoggingLevel, loggingLevels } from './logging.ts'
import { nearest } from './nearest.ts'
import { modern, negotiate, type Revision, revisions } from './revisions.ts'
import type { Session } from './session.ts'
import { type AnyTool, checkTool, listEntry, type ToolOutput, toCallToolResult } from './tool.ts'
import type { Implementation, Params } from './types.ts'
import { compileValidator, type Validator } from './validator.ts'

/** Key prefix of MCP's own `_meta` members (2026-07-28 basic/index §General fields). */
export const metaPrefix = 'io.modelcontextprotocol/'

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
  /** Told of every error that is a fault of the server, with the reference that the client sees. */
  onInternalError?: (error: unknown, about: { ref: string; method: string; tool: string | undefined }) => void
}

interface CompiledTool {
  tool: AnyTool
  validateInput: Validator
  validateOutput: Validator | undefined
}

type Method = (server: Server, session: Session, call: MutableCall) => Outcome | Promise<Outcome>

/** A Call as the session makes it; `settled` is replaced once a handler runs. */
export interface MutableCall extends Call {
  settled: Promise<void>
  readonly cancellation: Cancellation
}

export class Server {
  readonly info: Implementation
  readonly instructions: string | undefined
  readonly tools: readonly AnyTool[]
  readonly maxResultBytes: number
  readonly #compiled = new Map<string, CompiledTool>()
  readonly #middleware: readonly Middleware[]
  readonly #structured: boolean
  readonly #pageSize: number
  readonly #listTtlMs: number
  readonly #onInternalError: ServerOptions['onInternalError']
  readonly #pages = new Map<string, Outcome>()

  /** @throws TypeError when a tool cannot be listed, Error when a schema does not compile */
  constructor(options: ServerOptions) {
    const { name, version, title } = options
    this.info = { name, version, ...(title === undefined ? {} : { title }) }
    this.instructions = options.instructions
    this.tools = options.tools ?? []
    this.maxResultBytes = options.maxResultBytes ?? 990_000
    this.#middleware = options.middleware ?? []
    this.#structured = options.structuredContent !== 'never'
    this.#pageSize = options.pageSize ?? Math.max(1, this.tools.length)
    this.#listTtlMs = options.listTtlMs ?? 60_000
    this.#onInternalError = options.onInternalError
    for (const tool of this.tools) {
      checkTool(tool)
      if (this.#compiled.has(tool.name)) throw new TypeError(`two tools are named "${tool.name}"`)
      this.#compiled.set(tool.name, {
        tool,
        validateInput: compileValidator(tool.inputSchema),
        validateOutput: this.#structured && tool.outputSchema !== undefined ? compileValidator(tool.outputSchema) : undefined,
      })
    }
  }

  findTool(name: unknown): AnyTool | undefined {
    return typeof name === 'string' ? this.#compiled.get(name)?.tool : undefined
  }

  /**
   * The only way a request becomes a result, whatever transport it came over.
   * @throws ProtocolError for what JSON-RPC answers with an error object; errors of tools become results
   */
  async dispatch(session: Session, call: MutableCall): Promise<Outcome> {
    const method = (session.revision.era === 'modern' ? modernMethods : legacyMethods).get(call.method)
    let at = 0
    const next = async (): Promise<Outcome> => {
      const middleware = this.#middleware[at++]
      if (middleware !== undefined) return middleware(call, next)
      if (method === undefined)
        throw new ProtocolError(ErrorCode.methodNotFound, `method "${call.method.slice(0, 100)}" not found`)
      return method(this, session, call)
    }
    try {
      return await next()
    } catch (error) {
      if (error instanceof ProtocolError) throw error
      if (call.method === 'tools/call') {
        const told = error instanceof ToolError ? error : this.#internal(error, call)
        return outcome({ content: [{ type: 'text', text: told.text }], isError: true, ...this.#envelope(session.revision) })
      }
      throw new ProtocolError(ErrorCode.internalError, this.#internal(error, call).message)
    }
  }

  initialize(session: Session, params: Params): Outcome {
    const { protocolVersion, clientInfo } = params
    if (typeof protocolVersion !== 'string') {
      throw new ProtocolError(ErrorCode.invalidParams, `"protocolVersion" must be a string, got ${describe(protocolVersion)}`, {
        supported: revisions.map((revision) => revision.version),
      })
    }
    const revision = negotiate(protocolVersion)
    session.initialize(revision, readImplementation(clientInfo))
    return outcome({
      protocolVersion: revision.version,
      capabilities: { tools: {}, logging: {} },
      serverInfo: this.info,
      ...(this.instructions === undefined ? {} : { instructions: this.instructions }),
    })
  }

  discover(): Outcome {
    return outcome({
      supportedVersions: revisions.map((revision) => revision.version).toReversed(),
      capabilities: { tools: {} },
      ...(this.instructions === undefined ? {} : { instructions: this.instructions }),
      ...this.#cacheHints(),
      ...this.#envelope(modern),
    })
  }

  /** Serialised once for each class of revision and page: LiteLLM asks for the list after every single call. */
  listTools(session: Session, params: Params): Outcome {
    const { revision } = session
    const start = this.#readCursor(params.cursor)
    const key = `${revision.era} ${revision.structured} ${start}`
    const cached = this.#pages.get(key)
    if (cached !== undefined) return cached
    const end = start + this.#pageSize
    const withOutput = (tool: AnyTool): boolean =>
      this.#structured &&
      (revision.structured === 'any' || (revision.structured === 'object' && tool.outputSchema?.type === 'object'))
    const page = outcome({
      tools: this.tools.slice(start, end).map((tool) => listEntry(tool, withOutput(tool))),
      ...(end < this.tools.length ? { nextCursor: Buffer.from(`tools ${end}`).toString('base64url') } : {}),
      ...(revision.era === 'modern' ? this.#cacheHints() : {}),
      ...this.#envelope(revision),
    })
    this.#pages.set(key, page)
    return page
  }

  async callTool(session: Session, call: MutableCall): Promise<Outcome> {
    const { name, arguments: given } = call.params
    if (typeof name !== 'string')
      throw new ProtocolError(ErrorCode.invalidParams, `"name" must be a string, got ${describe(name)}`)
    if (given !== undefined && given !== null && !isObject(given)) {
      throw new ProtocolError(ErrorCode.invalidParams, `"arguments" must be an object, got ${describe(given)}`)
    }
    const compiled = this.#compiled.get(name)
    if (compiled === undefined) {
      const near = nearest(name, this.#compiled.keys(), 3)
      const hint = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : ''
      throw new ProtocolError(ErrorCode.invalidParams, `unknown tool "${name.slice(0, 100)}"${hint}`)
    }
    const { tool, validateInput, validateOutput } = compiled
    const prepared = prepareArguments(
      { inputSchema: tool.inputSchema, aliases: tool.aliases, validate: validateInput },
      given ?? {},
    )
    ;(call.context.warnings as string[]).push(...prepared.warnings)
    const output = await this.#run(tool, prepared.args, call)
    const result = toCallToolResult(output, session.revision, this.#structured)
    if (
      validateOutput !== undefined &&
      result.isError !== true &&
      !validateOutput((output as { structuredContent?: unknown }).structuredContent)
    ) {
      const issues = JSON.stringify(validateOutput.errors?.slice(0, 3))
      throw new Error(`tool "${name}" broke its outputSchema: ${issues}`)
    }
    const finished = outcome({ ...result, ...this.#envelope(session.revision, result._meta) }, result.isError)
    if (finished.bytes > this.maxResultBytes) {
      throw new ToolError(
        'TOO_LARGE',
        `the result has ${finished.bytes} bytes, more than the ${this.maxResultBytes} that one message may have`,
        {
          hint: 'ask for less: a smaller limit, a narrower filter, or a part of it',
        },
      )
    }
    return finished
  }

  /** Runs the handler, but never waits longer than the request is wanted: a handler that ignores its signal cannot hold the answer back. */
  #run(tool: AnyTool, args: Record<string, unknown>, call: MutableCall): Promise<ToolOutput> {
    const { cancellation } = call
    if (cancellation.reason !== undefined) return Promise.reject(cancellation.reason)
    const running = (async () => tool.handler(args as never, call.context))()
    call.settled = running.then(ignore, ignore)
    return new Promise((resolve, reject) => {
      cancellation.onCancel = reject
      // A driver's own AbortError says less than the reason it was aborted for.
      running.then(resolve, (error) => reject(cancellation.reason ?? error))
    })
  }

  #internal(error: unknown, call: Call): ToolError {
    const ref = randomBytes(4).toString('hex')
    this.#onInternalError?.(error, { ref, method: call.method, tool: call.tool?.name })
    return new ToolError('INTERNAL', `the server failed; its log has the details under ref ${ref}`, { cause: error })
  }

  /** 2026-07-28 basic/index §Results: every result says that it is complete and who sent it. Legacy results must not. */
  #envelope(revision: Revision, meta?: Record<string, unknown>): Record<string, unknown> {
    if (revision.era === 'legacy') return {}
    return { resultType: 'complete', _meta: { ...meta, [`${metaPrefix}serverInfo`]: this.info } }
  }

  /** The list is the same for every caller, so any cache may keep it (2026-07-28 server/utilities/caching). */
  #cacheHints(): Record<string, unknown> {
    return { ttlMs: this.#listTtlMs, cacheScope: 'public' }
  }

  #readCursor(cursor: unknown): number {
    if (cursor === undefined) return 0
    const match =
      typeof cursor === 'string' ? /^tools (\d{1,9})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) : null
    const start = Number(match?.[1])
    if (match === null || start === 0 || start >= this.tools.length || start % this.#pageSize !== 0) {
      throw new ProtocolError(ErrorCode.invalidParams, `invalid cursor: ${describe(cursor)}; start without one`)
    }
    return start
  }
}

const empty: Outcome = outcome({})

const legacyMethods = new Map<string, Method>([
  ['initialize', (server, session, call) => server.initialize(session, call.params)],
  ['ping', () => empty],
  ['tools/list', (server, session, call) => server.listTools(session, call.params)],
  ['tools/call', (server, session, call) => server.callTool(session, call)],
  ['logging/setLevel', (_server, session, call) => setLevel(session, call.params)],
])

const modernMethods = new Map<string, Method>([
  ['server/discover', (server) => server.discover()],
  ['tools/list', (server, session, call) => server.listTools(session, call.params)],
  ['tools/call', (server, session, call) => server.callTool(session, call)],
])

function setLevel(session: Session, params: Params): Outcome {
  if (!isLoggingLevel(params.level)) {
    throw new ProtocolError(
      ErrorCode.invalidParams,
      `"level" must be one of ${loggingLevels.join(', ')}, got ${describe(params.level)}`,
    )
  }
  session.logLevel = params.level
  return empty
}

export function readImplementation(value: unknown): Implementation | undefined {
  if (!isObject(value) || typeof value.name !== 'string') return undefined
  // Only for logs and the audit trail, so a bounded copy will do.
  return { name: value.name.slice(0, 100), version: typeof value.version === 'string' ? value.version.slice(0, 50) : '' }
}

function outcome(result: object, isError = (result as { isError?: boolean }).isError === true): Outcome {
  const json = JSON.stringify(result)
  return { json, bytes: Buffer.byteLength(json), isError }
}

function ignore(): void {}
