// The wire types a tools-only server uses, named as in the specification's schema.ts. No run-time code.

/** JSON-RPC 2.0 id as MCP narrows it: a string or an integer, never null. */
export type RequestId = string | number

export interface JsonRpcRequest {
  jsonrpc: '2.0'
  id: RequestId
  method: string
  params?: Params
}

export interface JsonRpcNotification {
  jsonrpc: '2.0'
  method: string
  params?: Params
}

export interface JsonRpcErrorObject {
  code: number
  message: string
  data?: unknown
}

export type Params = Readonly<Record<string, unknown>>

/** `Implementation` of schema.ts: who a client or a server says it is. */
export interface Implementation {
  name: string
  version: string
  title?: string
}

/** RFC 5424 severities, least to most severe, as in `logging/setLevel`. */
export type LoggingLevel = 'debug' | 'info' | 'notice' | 'warning' | 'error' | 'critical' | 'alert' | 'emergency'

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

export interface ImageContent {
  type: 'image'
  /** base64 */
  data: string
  mimeType: string
  annotations?: Annotations
}

/** Since 2025-03-26. */
export interface AudioContent {
  type: 'audio'
  /** base64 */
  data: string
  mimeType: string
  annotations?: Annotations
}

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

export interface CallToolResult {
  content: ContentBlock[]
  /** An object up to 2025-11-25, any JSON value since 2026-07-28. */
  structuredContent?: unknown
  isError?: boolean
  _meta?: Record<string, unknown>
}

/** All four are hints; MCP's own defaults describe a destructive, open-world tool, so Octet's tools state each of them. */
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
