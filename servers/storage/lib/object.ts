// Reads a part of an object and the headers of the whole with one ranged GET: the cost does not depend on the size of the object.
import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { nearest, ToolError } from '../../../protocol/index.ts'
import { formatBytes } from '../../kit/report.ts'
import { cleanText, visibleJson } from '../../kit/text.ts'
import { StoreFailure } from '../errors.ts'
import type { ObjectFacts, ObjectName, Part, StorageBackend } from '../types.ts'
import { readBytes } from './body.ts'
import { noSuchBucket } from './buckets.ts'
import { nameKey, nearKeys } from './keys.ts'

const failures: ReadonlySet<string> = new Set([
  'NoSuchBucket',
  'NoSuchKey',
  'NoSuchVersion',
  'InvalidRange',
  'InvalidObjectState',
  'MethodNotAllowed',
  'InvalidArgument',
  'PreconditionFailed',
])

/**
 * Up to `length` bytes from `offset` on.
 * @param etag the object must still be this one
 * @throws ToolError for every failure
 */
export async function readPart(
  backend: StorageBackend,
  name: ObjectName,
  offset: number,
  length: number,
  signal: AbortSignal,
  etag?: string,
): Promise<Part> {
  const headers = {
    range: `bytes=${offset}-${offset + length - 1}`,
    ...(etag === undefined || etag === '' ? {} : { 'if-match': `"${etag}"` }),
  }
  try {
    return await backend.send({ ...target(name), headers }, signal, (res) => readRange(res, offset, length), failures)
  } catch (error) {
    if (!(error instanceof StoreFailure)) throw error
    if (error.code !== 'InvalidRange') throw await explain(backend, name, error, signal)
    const facts = await readFacts(backend, name, signal)
    if (facts.size === 0 && offset === 0) return { facts, offset: 0, bytes: Buffer.alloc(0) }
    throw beyond(offset, facts.size)
  }
}

/** The headers of an object that cannot be read, or has no bytes. */
export async function readFacts(backend: StorageBackend, name: ObjectName, signal: AbortSignal): Promise<ObjectFacts> {
  return backend.send({ method: 'HEAD', ...target(name) }, signal, async (res) =>
    factsOf(res.headers, Number(res.headers['content-length'])),
  )
}

function target({ bucket, key, versionId }: ObjectName) {
  return { bucket, key, ...(versionId === undefined ? {} : { query: { versionId } }) }
}

async function readRange(res: IncomingMessage, offset: number, length: number): Promise<Part> {
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(res.headers['content-range'] ?? '')
  if (res.statusCode === 206 && range !== null) {
    const [from, to, size] = range.slice(1).map(Number) as [number, number, number]
    if (from !== offset || to >= from + length)
      throw new ToolError('UPSTREAM_ERROR', 'the store sent another part than was asked for')
    return complete(factsOf(res.headers, size), offset, await readBytes(res, to - from + 1), to - from + 1)
  }
  const size = Number(res.headers['content-length'])
  if (res.statusCode !== 200 || !Number.isSafeInteger(size) || res.headers.etag === undefined) {
    throw new ToolError('UPSTREAM_ERROR', 'the endpoint did not answer with an object; it may not be an S3 store', {
      hint: 'ask the operator to check MINIO_ENDPOINT',
    })
  }
  // The store does not support ranges and sends everything: the beginning is read and the connection closed.
  if (offset > 0 && offset >= size) throw beyond(offset, size)
  if (offset > 0)
    throw new ToolError('UPSTREAM_ERROR', 'the store cannot send a part of an object, only its beginning', { hint: 'offset 0' })
  const wanted = Math.min(length, size)
  return complete(factsOf(res.headers, size), 0, await readBytes(res, wanted), wanted)
}

function complete(facts: ObjectFacts, offset: number, bytes: Buffer, wanted: number): Part {
  if (bytes.length === wanted) return { facts, offset, bytes }
  throw new ToolError('UPSTREAM_ERROR', `the store sent ${bytes.length} of ${wanted} bytes`, { hint: 'the same call again' })
}

function factsOf(headers: IncomingHttpHeaders, size: number): ObjectFacts {
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
    size: Number.isSafeInteger(size) ? size : 0,
    contentType: text('content-type'),
    contentEncoding: text('content-encoding'),
    etag: text('etag').replaceAll('"', ''),
    modified: Number.isNaN(modified) ? '' : new Date(modified).toISOString().replace(/\.\d+Z$/, 'Z'),
    versionId: version === '' || version === 'null' ? undefined : version,
    storageClass: text('x-amz-storage-class'),
    metadata,
  }
}

function beyond(offset: number, size: number): ToolError {
  return new ToolError(
    'INVALID_ARGUMENT',
    `"offset" ${offset} is at or beyond the end; the object has ${size} bytes (${formatBytes(size)})`,
    {
      hint: 'a smaller offset',
    },
  )
}

async function explain(
  backend: StorageBackend,
  name: ObjectName,
  failure: StoreFailure,
  signal: AbortSignal,
): Promise<ToolError> {
  const { bucket, key, versionId } = name
  switch (failure.code) {
    case 'NoSuchBucket':
      return noSuchBucket(backend, bucket, { object_key: key }, signal)
    case 'InvalidObjectState':
      return new ToolError('UPSTREAM_ERROR', `object ${nameKey(key)} is archived and must be restored before it can be read`, {
        cause: failure,
        detail: failure.code,
        hint: visibleJson({ bucket_name: bucket, object_key: key, mode: 'metadata' }),
      })
    case 'PreconditionFailed':
      return new ToolError('UPSTREAM_ERROR', 'the object changed while it was read', {
        cause: failure,
        hint: 'the same call again',
      })
    case 'NoSuchVersion':
    case 'InvalidArgument':
    case 'NoSuchKey': // Ceph's code for a missing version too
      if (versionId === undefined) break
      return new ToolError('NOT_FOUND', `object ${nameKey(key)} has no version ${visibleJson(versionId.slice(0, 100))}`, {
        cause: failure,
        hint: visibleJson({ bucket_name: bucket, object_key: key }),
      })
  }
  if (failure.headers['x-amz-delete-marker'] === 'true') {
    return new ToolError('NOT_FOUND', `object ${nameKey(key)} has been deleted; what is left is a delete marker`, {
      cause: failure,
    })
  }
  if (failure.code !== 'NoSuchKey') {
    return new ToolError('UPSTREAM_ERROR', `the store refused the request (${failure.code})`, {
      cause: failure,
      detail: failure.code,
    })
  }
  const near = (await nearKeys(backend, bucket, key, signal)).filter((each) => each !== key)
  const same = near.find((each) => each === `${key}/` || each === key.replace(/^\/+/, ''))
  const best = same ?? nearest(key, near, 1)[0] ?? near[0]
  const names = near.length === 0 ? '' : `. Near it: ${near.map(nameKey).join(', ')}`
  const hint =
    best === undefined
      ? `minio_list_objects ${visibleJson({ bucket_name: bucket })}`
      : best.endsWith('/')
        ? `minio_list_objects ${visibleJson({ bucket_name: bucket, prefix: best })}`
        : visibleJson({ bucket_name: bucket, object_key: best })
  return new ToolError('NOT_FOUND', `object ${nameKey(key)} is not in bucket ${visibleJson(bucket)}${names}`, {
    cause: failure,
    hint,
  })
}
