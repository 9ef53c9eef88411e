// Definitions of tools: checks, the entry of `tools/list`, and a handler's output serialised for the negotiated protocol version.
import { isObject } from './jsonrpc.ts'
import type { Revision } from './revisions.ts'
import type { JsonSchema, ObjectSchema } from './schema.ts'
import type { AnyTool, CallToolResult, ContentBlock, Tool, ToolOutput, ToolResult } from './types.ts'

/**
 * Gives a handler the types that its schemas describe; returns the tool unchanged.
 *
 * @example
 * const add = defineTool({
 *   name: 'add',
 *   description: 'Adds two numbers.',
 *   inputSchema: {
 *     type: 'object',
 *     properties: { a: { type: 'number' }, b: { type: 'number', default: 1 } },
 *     required: ['a'],
 *     additionalProperties: false,
 *   },
 *   handler: ({ a, b }) => `${a + b}`,
 * })
 */
export function defineTool<const I extends ObjectSchema, const O extends JsonSchema | undefined = undefined>(
  tool: Tool<I, O>,
  // NoInfer: a list of AnyTool around the call does not decide what the handler may return.
): Tool<I, NoInfer<O>> {
  return tool
}

/** 2025-11-25 server/tools §Tool Names. */
const toolName = /^[A-Za-z0-9_.-]{1,128}$/

/** @throws TypeError when known clients would refuse the list of tools because of this one */
export function checkTool(tool: AnyTool): void {
  if (!toolName.test(tool.name)) throw new TypeError(`tool name ${JSON.stringify(tool.name)} must match ${toolName.source}`)
  if (tool.description.trim() === '') throw new TypeError(`tool "${tool.name}" has no description`)
  // The TypeScript SDK drops the whole list otherwise (docs/clients.md).
  if (tool.inputSchema.type !== 'object') throw new TypeError(`tool "${tool.name}": inputSchema.type must be "object"`)
  for (const name of Object.keys(tool.inputSchema.properties ?? {})) {
    // A validator would read what every object inherits where the caller has given nothing.
    if (name in {}) throw new TypeError(`tool "${tool.name}": a property cannot be named "${name}"`)
  }
  for (const [alias, target] of Object.entries(tool.aliases ?? {})) {
    if (!Object.hasOwn(tool.inputSchema.properties ?? {}, target)) {
      throw new TypeError(`tool "${tool.name}": alias "${alias}" stands for "${target}", which is not a property`)
    }
  }
}

/** The entry of `tools/list`. JSON.stringify leaves out the members that are undefined: null fails clients (docs/clients.md). */
export function listEntry(tool: AnyTool, withOutputSchema: boolean): object {
  const { name, title, description, inputSchema, outputSchema, annotations, icons } = tool
  return { name, title, description, inputSchema, outputSchema: withOutputSchema ? outputSchema : undefined, annotations, icons }
}

/** Serialises a handler's output as CallToolResult of the negotiated protocol version. */
export function toCallToolResult(
  output: ToolOutput,
  revision: Revision,
  withStructured: boolean,
  warnings: readonly string[],
): CallToolResult {
  const { content, structuredContent, isError, _meta }: ToolResult<unknown> =
    typeof output === 'string' || Array.isArray(output) ? { content: output } : (output as ToolResult<unknown>)
  const structured =
    withStructured &&
    structuredContent !== undefined &&
    (revision.structured === 'any' || (revision.structured === 'object' && isObject(structuredContent)))
  const given = content ?? JSON.stringify(structuredContent) ?? ''
  const blocks: ContentBlock[] =
    typeof given === 'string' ? [{ type: 'text', text: given }] : given.map((block) => downgrade(block, revision))
  if (warnings.length > 0) blocks.push({ type: 'text', text: `NOTE: argument ${warnings.join('; argument ')}.` })
  return {
    content: blocks,
    ...(structured ? { structuredContent } : {}),
    ...(isError === true ? { isError } : {}),
    ...(_meta === undefined ? {} : { _meta }),
  }
}

/** A block type that a revision does not know fails its clients' whole result, so it is sent as an older one. */
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
