// The checks of a 2026-07-28 request: the required `_meta` members, and the headers that must repeat parts of its body.
import type { IncomingMessage } from 'node:http'
import type { SessionState } from '../context.ts'
import { ErrorCode, invalidParams, ProtocolError } from '../errors.ts'
import { describe, isObject } from '../jsonrpc.ts'
import { metaPrefix, readImplementation, readLevel } from '../mcp-meta.ts'
import { findRevision, modern, revisions } from '../revisions.ts'
import type { JsonRpcRequest } from '../types.ts'

/** Whether this POST is of the stateless era: `_meta` of its body or its header names such a version. */
export function isModern(req: IncomingMessage, body: unknown): boolean {
  const meta = metaOf(body)
  if (meta !== undefined && `${metaPrefix}protocolVersion` in meta) return true
  const version = req.headers['mcp-protocol-version']
  return typeof version === 'string' && findRevision(version)?.era === 'modern'
}

/**
 * Returns what the request says of its client. Checks in the order of 2026-07-28 basic/transports/streamable-http: `_meta`, version header, version, method header, name header.
 * @throws ProtocolError for the first that fails
 */
export function checkModern(req: IncomingMessage, request: JsonRpcRequest): SessionState {
  const meta = metaOf(request) ?? {}
  const version = meta[`${metaPrefix}protocolVersion`]
  const capabilities = meta[`${metaPrefix}clientCapabilities`]
  if (typeof version !== 'string')
    throw invalidParams(`_meta["${metaPrefix}protocolVersion"] must be a string, got ${describe(version)}`)
  if (!isObject(capabilities))
    throw invalidParams(`_meta["${metaPrefix}clientCapabilities"] must be an object, got ${describe(capabilities)}`)
  const level = meta[`${metaPrefix}logLevel`]
  // Without a level the client asked for no log messages, so none may be sent.
  const logLevel = level === undefined ? undefined : readLevel(`_meta["${metaPrefix}logLevel"]`, level)
  checkHeader(req, 'MCP-Protocol-Version', version)
  if (findRevision(version)?.era !== 'modern') throw unsupportedVersion(version)
  checkHeader(req, 'Mcp-Method', request.method)
  const name = request.params?.name
  if (request.method === 'tools/call' && typeof name === 'string') checkHeader(req, 'Mcp-Name', name, decodeValue)
  return { revision: modern, client: readImplementation(meta[`${metaPrefix}clientInfo`]), logLevel }
}

export function unsupportedVersion(requested: string | undefined): ProtocolError {
  const data = { supported: revisions.map(({ version }) => version).toReversed(), requested: requested?.slice(0, 50) }
  return new ProtocolError(ErrorCode.unsupportedProtocolVersion, 'unsupported protocol version', data)
}

function metaOf(body: unknown): Readonly<Record<string, unknown>> | undefined {
  const params = isObject(body) ? body.params : undefined
  const meta = isObject(params) ? params._meta : undefined
  return isObject(meta) ? meta : undefined
}

function checkHeader(
  req: IncomingMessage,
  header: string,
  expected: string,
  decode = (value: string): string | undefined => value,
): void {
  const raw = req.headers[header.toLowerCase()]
  if (typeof raw === 'string' && decode(raw) === expected) return
  const came = raw === undefined ? 'the header is missing' : `got ${describe(raw)}`
  const message = `header mismatch: ${header} must be ${describe(expected)} as in the body, ${came}`
  throw new ProtocolError(ErrorCode.headerMismatch, message)
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
