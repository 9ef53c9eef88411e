// Types that several files share: messages on the wire (named as in the specification's schema.ts), tools, and calls. No run-time code.
import type { LoggingLevel } from './logging-level.ts'
import type { FromSchema, JsonSchema, ObjectSchema } from './schema.ts'

/** JSON-RPC 2.0 id as MCP narrows it: a string or an integer, never null. */
export type RequestId = string | number

export interface JsonRpcNotification {
  jsonrpc: '2.0'
  method: string
  params?: Params
}

export interface JsonRpcRequest extends JsonRpcNotification {
  id: RequestId
}

export interface JsonRpcErrorObject {
  code: number
  message: string
  data?: unknown
}

export type Params = Readonly<Record<string, unknown>>

/** How a client or a server names itself; not proven. */
export interface Implementation {
  name: string
  version: string
  title?: string
}

export interface Annotations {
  audience?: ('user' | 'assistant')[]
  priority?: number
  lastModified?: string
}

export interface TextContent {
  type: 'text'
  text: string
  annotations?: Annotations
}

interface MediaContent<T> {
  type: T
  /** base64 */
  data: string
  mimeType: string
  annotations?: Annotations
}

export type ImageContent = MediaContent<'image'>

/** Since 2025-03-26. */
export type AudioContent = MediaContent<'audio'>

export interface EmbeddedResource {
  type: 'resource'
  resource: { uri: string; mimeType?: string } & ({ text: string } | { blob: string })
  annotations?: Annotations
}

/** Since 2025-06-18. */
export interface ResourceLink {
  type: 'resource_link'
  uri: string
  name: string
  title?: string
  description?: string
  mimeType?: string
  size?: number
  annotations?: Annotations
}

export type ContentBlock = TextContent | ImageContent | AudioContent | EmbeddedResource | ResourceLink

/** Hints. MCP's defaults describe a destructive, open-world tool, so state each of them. */
export interface ToolAnnotations {
  title?: string
  readOnlyHint?: boolean
  destructiveHint?: boolean
  idempotentHint?: boolean
  openWorldHint?: boolean
}

export interface Icon {
  src: string
  mimeType?: string
  sizes?: string[]
}

/** What a handler may return: text, content blocks, or a whole result. */
export type ToolOutput = string | readonly ContentBlock[] | ToolResult<unknown>

export interface ToolResult<Structured> {
  /** If left out, the structured content is sent as its JSON text: clients differ in which of the two they read. */
  content?: string | readonly ContentBlock[]
  /** An object up to 2025-11-25, any JSON value since 2026-07-28. */
  structuredContent?: Structured
  isError?: boolean
  _meta?: Record<string, unknown>
}

export interface CallToolResult extends ToolResult<unknown> {
  content: ContentBlock[]
}

export interface Tool<I extends ObjectSchema, O extends JsonSchema | undefined> {
  /** 1 to 128 of A-Z a-z 0-9 _ - . (2025-11-25 server/tools). Behind a gateway keep it short: model APIs admit 64 with its prefix, and no dots. */
  readonly name: string
  readonly title?: string
  /** For the model: what the tool does, its limits, when to use another one. Never empty. */
  readonly description: string
  readonly inputSchema: I
  /** Listed and enforced only where structured content is switched on; the handler must then return it on success. */
  readonly outputSchema?: O
  readonly annotations?: ToolAnnotations
  readonly icons?: readonly Icon[]
  /** Other names that callers use for an argument: accepted name → declared name. */
  readonly aliases?: Readonly<Record<string, string>>
  /**
   * What an error suggests where a required argument is missing that only names something that exists: a call that lists it, such as
   * `list_directory {}`. Without it the error takes the schema's examples.
   */
  readonly lookUp?: string
  handler(args: FromSchema<I>, context: Context): Promise<OutputOf<O>> | OutputOf<O>
}

type OutputOf<O extends JsonSchema | undefined> = O extends JsonSchema ? ToolResult<FromSchema<O>> : ToolOutput

/** A tool without the types of its schemas. */
export interface AnyTool extends Omit<Tool<ObjectSchema, JsonSchema | undefined>, 'handler'> {
  handler(args: never, context: Context): Promise<ToolOutput> | ToolOutput
}

/** Who sent a request. */
export interface Caller {
  /** The name of the token that was presented; `anonymous` where the server has none. The only part that is proven. */
  readonly principal: string
  /** The person a gateway acts for, from a forwarded header. Read only beside a valid token; grants no rights. */
  readonly user: string | undefined
  /** W3C trace context, if it is well formed. */
  readonly traceparent: string | undefined
  /** Address of the peer. */
  readonly remote: string
}

/** What a tool's handler is given beside its arguments. */
export interface Context {
  /** Aborts when the client cancels or leaves, the deadline passes, or the server shuts down. Pass it to everything that waits. */
  readonly signal: AbortSignal
  readonly requestId: RequestId
  readonly session: SessionInfo
  readonly caller: Caller
  /** How the arguments were repaired, in sentences. Warnings that a handler does not read are added to its result. */
  readonly warnings: readonly string[]
  /**
   * Sends `notifications/progress` if the client asked for it. Ignored when the value does not rise (basic/utilities/progress: MUST increase),
   * and after the result.
   */
  progress(progress: number, total?: number, message?: string): void
  /** Sends `notifications/message` if the client's level admits it. Not a log for operators, and no place for secrets. */
  log(level: LoggingLevel, data: unknown, logger?: string): void
  /** Records attributes of this call for the middlewares (audit trail, metrics). They are not sent to the client. */
  annotate(attributes: CallAttributes): void
}

export interface SessionInfo {
  /** Undefined where the transport has no sessions. */
  readonly id: string | undefined
  readonly protocolVersion: string
  readonly client: Implementation | undefined
}

export interface CallAttributes {
  /** Rows, lines, entries or objects in the result. */
  rows?: number
  /** More was there than the result holds. */
  truncated?: boolean
  /** The backend that was asked, as the operator named it; never with credentials. */
  upstream?: string
  [name: string]: string | number | boolean | undefined
}

/** One request, as a middleware sees it. */
export interface Call {
  readonly method: string
  readonly params: Params
  /** The tool of a `tools/call`; undefined for other methods and for an unknown name. */
  readonly tool: AnyTool | undefined
  readonly context: Context
  readonly attributes: CallAttributes
  /** Settles when the handler has ended, which after an abort may be later than the answer. */
  readonly settled: Promise<void>
  /** Aborts `context.signal`; the call then fails with `reason`. */
  abort(reason: Error): void
}

/** A finished result: serialised once, measured, and ready for any transport. */
export interface Outcome {
  readonly json: string
  /** UTF-8 length of `json`. */
  readonly bytes: number
  readonly isError: boolean
}

/**
 * Wraps every request. Call `next()` to continue; it rejects with what the handler or an inner middleware threw.
 * A ToolError that a middleware throws becomes an `isError` result.
 */
export type Middleware = (call: Call, next: () => Promise<Outcome>) => Promise<Outcome>
