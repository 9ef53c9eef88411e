// `octet-mcp/server`: what a server of one's own is written with, and the process that serves it.
export {
  type AnyTool,
  type ContentBlock,
  type Context,
  defineTool,
  ErrorCode,
  type FromSchema,
  type JsonSchema,
  nearest,
  type ObjectSchema,
  ProtocolError,
  type ToolAnnotations,
  ToolError,
  type ToolErrorCode,
  type ToolResult,
} from '../../protocol/index.ts'
export * from '../kit/definition.ts'
export { formatBytes, type Report, report } from '../kit/report.ts'
export { type ServeOptions, serve } from './serve.ts'
