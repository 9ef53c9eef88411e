// The public surface of the protocol library. What is not exported here is not API.
export {
  type Access,
  type AccessOptions,
  createAccess,
  isLoopbackHost,
  isRefusal,
  type Principal,
  type Refusal,
} from './access.ts'
export { monotonicMs } from './clock.ts'
export { ErrorCode, ProtocolError, ToolError, type ToolErrorCode, type ToolErrorOptions } from './errors.ts'
export { tryJson } from './jsonrpc.ts'
export { type Listening, type ListenOptions, listen, mcpHandler } from './listen.ts'
export type { LoggingLevel } from './logging-level.ts'
export { nearest } from './nearest.ts'
export { type Revision, revisions } from './revisions.ts'
export type { FromSchema, JsonSchema, ObjectSchema } from './schema.ts'
export { runThrough, Server, type ServerOptions } from './server.ts'
export { defineTool } from './tool.ts'
export { type Handler, type HttpOptions, type RefusedReason, sendJson } from './transports/http.ts'
export { httpSse } from './transports/http-sse.ts'
export { limitPipelining } from './transports/slow-clients.ts'
export { streamableHttp } from './transports/streamable-http.ts'
export type * from './types.ts'
export { compileValidator, type ValidationIssue, type Validator } from './validator.ts'
export { visibleJson } from './visible-json.ts'
