// The checks of a 2026-07-28 request: the required `_meta` members, and the headers that must repeat parts of its body.
import type { IncomingMessage } from 'node:http'
import { ErrorCode } from '../errors.ts'
import { describe, isObject } from '../jsonrpc.ts'
import { isLoggingLevel, loggingLevels, metaPrefix, readImplementation } from '../mcp-meta.ts'
import { findRevision, revisions } from '../revisions.ts'
import type { Implementation, JsonRpcErrorObject, JsonRpcRequest, LoggingLevel } from '../types.ts'

export interface ModernRequest {
  client: Implementation | undefined
  /** Undefined: the client asked for no log messages, so none may be sent. */
  logLevel: LoggingLevel | undefined
}

/** Whether this POST is of the stateless era: `_meta` of its body or its header names such a version. */
export function isModern(req: IncomingMessage, body: unknown): boolean {
  const meta = metaOf(body)
  if (meta !== undefined && `${metaPrefix}protocolVersion` in meta) return true
  const version = req.headers['mcp-protocol-version']
  return typeof version === 'string' && findRevision(version)?.era === 'modern'
}

/** Checks in the order of 2026-07-28 basic/transports/streamable-http: `_meta`, version header, version, method header, name header. */
export function checkModern(req: IncomingMessage, request: JsonRpcRequest): ModernRequest | { error: JsonRpcErrorObject } {
  const meta = metaOf(request) ?? {}
  const version = meta[`${metaPrefix}protocolVersion`]
  const capabilities = meta[`${metaPrefix}clientCapabilities`]
  const level = meta[`${metaPrefix}logLevel`]
  if (typeof version !== 'string')
    return invalid(`_meta["${metaPrefix}protocolVersion"] must be a string, got ${describe(version)}`)
  if (!isObject(capabilities))
    return invalid(`_meta["${metaPrefix}clientCapabilities"] must be an object, got ${describe(capabilities)}`)
  if (level !== undefined && !isLoggingLevel(level)) {
    return invalid(`_meta["${metaPrefix}logLevel"] must be one of ${loggingLevels.join(', ')}, got ${describe(level)}`)
  }
  const versionMismatch = mismatch(req, 'MCP-Protocol-Version', version, false)
  if (versionMismatch !== undefined) return versionMismatch
  if (findRevision(version)?.era !== 'modern') return { error: unsupportedVersion(version) }
  const name = request.params?.name
  const error =
    mismatch(req, 'Mcp-Method', request.method, false) ??
    (request.method === 'tools/call' && typeof name === 'string' ? mismatch(req, 'Mcp-Name', name, true) : undefined)
  if (error !== undefined) return error
  return { client: readImplementation(meta[`${metaPrefix}clientInfo`]), logLevel: level }
}

export function unsupportedVersion(requested: string | undefined): JsonRpcErrorObject {
  const data = { supported: revisions.map(({ version }) => version).toReversed(), requested: requested?.slice(0, 50) }
  return { code: ErrorCode.unsupportedProtocolVersion, message: 'unsupported protocol version', data }
}

function metaOf(body: unknown): Readonly<Record<string, unknown>> | undefined {
  const params = isObject(body) ? body.params : undefined
  const meta = isObject(params) ? params._meta : undefined
  return isObject(meta) ? meta : undefined
}

function mismatch(
  req: IncomingMessage,
  header: string,
  expected: string,
  encoded: boolean,
): { error: JsonRpcErrorObject } | undefined {
  const raw = req.headers[header.toLowerCase()]
  const value = typeof raw === 'string' && encoded ? decodeValue(raw) : raw
  if (value === expected) return undefined
  const came = raw === undefined ? 'the header is missing' : `got ${describe(raw)}`
  return {
    error: {
      code: ErrorCode.headerMismatch,
      message: `header mismatch: ${header} must be ${describe(expected)} as in the body, ${came}`,
    },
  }
}

/** Decodes `=?base64?…?=`; undefined when it is not valid base64 of UTF-8. */
function decodeValue(value: string): string | undefined {
  const base64 = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(value)?.[1]
  if (base64 === undefined) return value
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, '')) return undefined
  const text = bytes.toString('utf8')
  return text.includes('\ufffd') ? undefined : text
}

function invalid(message: string): { error: JsonRpcErrorObject } {
  return { error: { code: ErrorCode.invalidParams, message } }
}
