// A tool as a value: its definition for `tools/list`, its handler, and what becomes of the handler's output.
import type { Context } from './context.ts'
import { isObject } from './jsonrpc.ts'
import type { Revision } from './revisions.ts'
import type { FromSchema, JsonSchema, ObjectSchema } from './schema.ts'
import type { CallToolResult, ContentBlock, Icon, ToolAnnotations } from './types.ts'

/** What a handler may return: text, content blocks, or a whole result. */
export type ToolOutput = string | readonly ContentBlock[] | ToolResult<unknown>

export interface ToolResult<Structured> {
  /** Left out, the structured content is sent as its JSON text: clients differ in which of the two they read. */
  content?: string | readonly ContentBlock[]
  structuredContent?: Structured
  isError?: boolean
  _meta?: Record<string, unknown>
}

export interface Tool<I extends ObjectSchema, O extends JsonSchema | undefined> {
  /** 1 to 40 of A-Z a-z 0-9 _, a letter first: gateways prefix it and models' APIs admit 64 characters in all. */
  readonly name: string
  readonly title?: string
  /** For the model: what it does, its limits, when to use another tool. Never empty. */
  readonly description: string
  readonly inputSchema: I
  /** Listed and enforced only where structured content is switched on; the handler must then return it on success. */
  readonly outputSchema?: O
  readonly annotations?: ToolAnnotations
  readonly icons?: readonly Icon[]
  /** Other names under which callers know an argument: accepted name → declared name. */
  readonly aliases?: Readonly<Record<string, string>>
  handler(
    args: FromSchema<I>,
    context: Context,
  ):
    | Promise<O extends JsonSchema ? ToolResult<FromSchema<O>> : ToolOutput>
    | (O extends JsonSchema ? ToolResult<FromSchema<O>> : ToolOutput)
}

/** A tool whose schemas' types are no longer of interest. */
export interface AnyTool extends Omit<Tool<ObjectSchema, JsonSchema | undefined>, 'handler'> {
  handler(args: never, context: Context): Promise<ToolOutput> | ToolOutput
}

/** Gives a handler the types that its schemas describe; returns the tool unchanged. */
export function defineTool<const I extends ObjectSchema, const O extends JsonSchema | undefined = undefined>(
  tool: Tool<I, O>,
): Tool<I, O> {
  return tool
}

const toolName = /^[A-Za-z][A-Za-z0-9_]{0,39}$/

/** @throws TypeError when a tool could not be listed so that every known client accepts the list */
export function checkTool(tool: AnyTool): void {
  if (!toolName.test(tool.name)) throw new TypeError(`tool name "${tool.name}" must match ${toolName.source}`)
  if (tool.description.trim() === '') throw new TypeError(`tool "${tool.name}" has no description`)
  if (tool.inputSchema.type !== 'object') throw new TypeError(`tool "${tool.name}": inputSchema.type must be "object"`)
  for (const [alias, target] of Object.entries(tool.aliases ?? {})) {
    if (!Object.hasOwn(tool.inputSchema.properties ?? {}, target)) {
      throw new TypeError(`tool "${tool.name}": alias "${alias}" stands for "${target}", which is not a property`)
    }
  }
}

/** The entry of `tools/list`. Members that are not set are left out: null fails clients (docs/clients.md). */
export function listEntry(tool: AnyTool, withOutputSchema: boolean): Record<string, unknown> {
  const { name, title, description, inputSchema, outputSchema, annotations, icons } = tool
  return {
    name,
    ...(title === undefined ? {} : { title }),
    description,
    inputSchema,
    ...(withOutputSchema && outputSchema !== undefined ? { outputSchema } : {}),
    ...(annotations === undefined ? {} : { annotations }),
    ...(icons === undefined ? {} : { icons }),
  }
}

/** Brings a handler's output into the shape of CallToolResult for one revision. */
export function toCallToolResult(output: ToolOutput, revision: Revision, withStructured: boolean): CallToolResult {
  const result: ToolResult<unknown> =
    typeof output === 'string' || Array.isArray(output) ? { content: output } : (output as ToolResult<unknown>)
  const { content, structuredContent, isError, _meta } = result
  const structured =
    withStructured &&
    structuredContent !== undefined &&
    (revision.structured === 'any' || (revision.structured === 'object' && isObject(structuredContent)))
  return {
    content: toBlocks(content ?? JSON.stringify(structuredContent) ?? '').map((block) => downgrade(block, revision)),
    ...(structured ? { structuredContent } : {}),
    ...(isError === true ? { isError } : {}),
    ...(_meta === undefined ? {} : { _meta }),
  }
}

function toBlocks(content: string | readonly ContentBlock[]): readonly ContentBlock[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

/** A block type that a revision does not know fails its clients' whole result, so it goes as one they know. */
function downgrade(block: ContentBlock, revision: Revision): ContentBlock {
  if (block.type === 'audio' && !revision.audioContent) {
    return { type: 'resource', resource: { uri: 'audio:inline', mimeType: block.mimeType, blob: block.data } }
  }
  if (block.type === 'resource_link' && !revision.resourceLinks) {
    const about = [block.mimeType, block.size === undefined ? undefined : `${block.size} bytes`, block.description]
    return {
      type: 'text',
      text: `${block.title ?? block.name}: ${block.uri} ${about.filter((part) => part !== undefined).join(', ')}`.trim(),
    }
  }
  return block
}
