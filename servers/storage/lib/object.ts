// Reads a part of an object and the headers of the whole with one ranged GET: the cost does not depend on the size of the object.
import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { ToolError, type ToolErrorCode, type ToolErrorOptions } from '../../../protocol/index.ts'
import { readStart } from '../../kit/http/connections.ts'
import { nearestFirst } from '../../kit/names.ts'
import { formatBytes } from '../../kit/report.ts'
import { cleanText, quoted, visibleJson } from '../../kit/text.ts'
import { deleted } from '../errors.ts'
import type { ObjectName, StorageBackend } from '../types.ts'
import { brokenOff } from './body.ts'
import { noBucketCodes, noSuchBucket } from './buckets.ts'
import { nameKey, nearKeys } from './keys.ts'

export type ObjectFacts = ReturnType<typeof factsOf>
export type Part = Awaited<ReturnType<typeof readRange>>

export function openObject(backend: StorageBackend, name: ObjectName, signal: AbortSignal) {
  const target = { bucket: name.bucket, key: name.key, query: { versionId: name.versionId } }
  /** The headers of an object that cannot be read, or has no bytes. */
  const facts = (): Promise<ObjectFacts> =>
    backend.send({ method: 'HEAD', ...target }, signal, async ({ headers }) => factsOf(headers, lengthOf(headers)))
  return {
    facts,
    /**
     * Up to `length` bytes from `offset` on; a negative offset counts from the end of the object.
     * @param etag the object must still be this one
     * @throws ToolError for every failure
     */
    async part(offset: number, length: number, etag = ''): Promise<Part> {
      const range = offset < 0 ? `bytes=${offset}` : `bytes=${offset}-${offset + length - 1}`
      const headers = { range, ...(etag === '' ? {} : { 'if-match': `"${etag}"` }) }
      try {
        return await backend.send({ ...target, headers }, signal, (res) => readRange(res, offset, length))
      } catch (error) {
        if (!(error instanceof ToolError)) throw error
        if (error.detail !== 'InvalidRange') throw await explain(backend, name, error, signal)
        const found = await facts()
        if (found.size === 0 && offset <= 0) return { facts: found, offset: 0, bytes: Buffer.alloc(0), more: false }
        throw beyond(offset, found.size ?? 0)
      }
    },
  }
}

/** @returns the `offset` of the first byte in the object; `more`: the object continues after the part */
async function readRange(res: IncomingMessage, offset: number, length: number) {
  const { statusCode, headers } = res
  const range = /^bytes (\d+)-(-?\d+)\/(\d+)$/.exec(headers['content-range'] ?? '')
  // Without support for ranges the store sends everything: the beginning is read and the connection closed.
  let size = lengthOf(headers)
  let from = 0
  let to = size === undefined ? length : size - 1
  // MinIO's range of an empty object is `bytes 0--1/0`.
  if (statusCode === 206 && range !== null) {
    ;[from, to, size] = range.slice(1).map(Number) as [number, number, number]
    const [first, last] = offset < 0 ? [Math.max(0, size + offset), size - 1] : [offset, offset + length - 1]
    if (from !== first || to > last) throw new ToolError('UPSTREAM_ERROR', 'the store sent another part than was asked for')
  } else if (statusCode !== 200 || headers.etag === undefined) {
    throw new ToolError('UPSTREAM_ERROR', 'the endpoint did not answer with an object; it may not be an S3 store', {
      hint: 'ask the operator to check MINIO_ENDPOINT',
    })
  } else if (size !== undefined && offset > 0 && offset >= size) {
    throw beyond(offset, size)
  } else if (offset > 0 || (offset < 0 && !(size !== undefined && size + offset <= 0))) {
    throw new ToolError('UPSTREAM_ERROR', 'the store sends this object only from its beginning, not a part of it', {
      retry: { offset: undefined },
    })
  }
  const wanted = Math.min(length, to - from + 1)
  // One byte more tells whether an object of unknown size ends here.
  const bytes = await readStart(res, size === undefined ? length + 1 : wanted).catch((error) => Promise.reject(brokenOff(error)))
  if (size === undefined) {
    const more = bytes.length > length
    return { facts: factsOf(headers, more ? undefined : bytes.length), offset: 0, bytes: bytes.subarray(0, length), more }
  }
  if (bytes.length === wanted) return { facts: factsOf(headers, size), offset: from, bytes, more: from + wanted < size }
  throw new ToolError('UPSTREAM_ERROR', `the store sent ${bytes.length} of ${wanted} bytes`, { hint: 'the same call again' })
}

/** Undefined where the store does not say: Google sends objects that it decompresses without a length. */
function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const size = Number(headers['content-length'] ?? Number.NaN)
  return Number.isSafeInteger(size) ? size : undefined
}

/** In the form of the JSON of results. @param size undefined where the store does not say and the part does not reach the end */
function factsOf(headers: IncomingHttpHeaders, size: number | undefined) {
  const text = (name: string): string => {
    const value = headers[name]
    return cleanText(Array.isArray(value) ? value.join(', ') : (value ?? '')).slice(0, 300)
  }
  const modified = Date.parse(text('last-modified'))
  const version = text('x-amz-version-id')
  const metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith('x-amz-meta-') || typeof value !== 'string') continue
    // Node reads headers as latin1; most stores send UTF-8.
    const bytes = Buffer.from(value, 'latin1')
    metadata[name.slice('x-amz-meta-'.length)] = isUtf8(bytes) ? bytes.toString('utf8') : value
  }
  return {
    size,
    content_type: text('content-type'),
    content_encoding: text('content-encoding') || undefined,
    etag: text('etag').replaceAll('"', ''),
    /** ISO 8601; empty where the store did not say. */
    last_modified: Number.isNaN(modified) ? '' : new Date(modified).toISOString().replace(/\.\d+Z$/, 'Z'),
    version_id: version === '' || version === 'null' ? undefined : version,
    storage_class: text('x-amz-storage-class') || undefined,
    metadata,
  }
}

function beyond(offset: number, size: number): ToolError {
  const message = `"offset" ${offset} is at or beyond the end; the object has ${size} bytes (${formatBytes(size)})`
  return new ToolError('INVALID_ARGUMENT', message, { retry: { offset: size === 0 ? undefined : -Math.min(size, 20_000) } })
}

/** The store's refusal, with what the call could ask for instead. */
async function explain(backend: StorageBackend, name: ObjectName, error: ToolError, signal: AbortSignal): Promise<ToolError> {
  const { bucket, key, versionId } = name
  const { detail } = error
  const fail = (code: ToolErrorCode, message: string, options: ToolErrorOptions = {}): ToolError =>
    new ToolError(code, message, { cause: error, detail, ...options })
  const named = nameKey(key)
  if (noBucketCodes.has(detail)) return noSuchBucket(backend, bucket, { object_key: name.asked }, signal)
  if (detail === 'InvalidObjectState') {
    const message = `object ${named} is archived and must be restored before it can be read`
    return fail('UPSTREAM_ERROR', message, { retry: { mode: 'metadata', offset: undefined, max_bytes: undefined } })
  }
  if (detail === 'PreconditionFailed')
    return fail('UPSTREAM_ERROR', 'the object changed while it was read', { hint: 'the same call again' })
  if (detail === deleted) return fail('NOT_FOUND', `object ${named} has been deleted; only a delete marker is left`)
  // NoSuchKey is Ceph's code for a missing version, too.
  if (versionId !== undefined && ['NoSuchVersion', 'InvalidArgument', 'NoSuchKey'].includes(String(detail)))
    return fail('NOT_FOUND', `object ${named} has no version ${quoted(versionId)}`, { retry: { version_id: undefined } })
  if (detail !== 'NoSuchKey') return error
  const near = (await nearKeys(backend, bucket, key, signal)).filter((each) => each !== key)
  const same = near.find((each) => each === `${key}/` || each === key.replace(/^\/+/, ''))
  const best = same ?? nearestFirst(key, near)[0]
  const names = near.length === 0 ? '' : `. Near it: ${near.map(nameKey).join(', ')}`
  const message = `object ${named} is not in bucket ${visibleJson(bucket)}${names}`
  if (best === undefined || best.endsWith('/'))
    return fail('NOT_FOUND', message, { hint: `minio_list_objects ${visibleJson({ bucket_name: bucket, prefix: best })}` })
  return fail('NOT_FOUND', message, { retry: { bucket_name: bucket, object_key: best } })
}
