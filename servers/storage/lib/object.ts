// Reads a part of an object and the headers of the whole with one ranged GET: the cost does not depend on the size of the object.
import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { nearest, ToolError, type ToolErrorCode } from '../../../protocol/index.ts'
import { formatBytes } from '../../kit/report.ts'
import { cleanText, visibleJson } from '../../kit/text.ts'
import { StoreFailure } from '../errors.ts'
import type { ObjectFacts, ObjectName, Part, StorageBackend } from '../types.ts'
import { readBytes } from './body.ts'
import { noSuchBucket } from './buckets.ts'
import { nameKey, nearKeys } from './keys.ts'

const failures: ReadonlySet<string> = new Set([
  'NoSuchBucket',
  'InvalidBucketName',
  'NoSuchKey',
  'NoSuchVersion',
  'InvalidRange',
  'InvalidObjectState',
  'MethodNotAllowed',
  'InvalidArgument',
  'PreconditionFailed',
])

/**
 * Up to `length` bytes from `offset` on; a negative offset counts from the end of the object.
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
    range: offset < 0 ? `bytes=${offset}` : `bytes=${offset}-${offset + length - 1}`,
    ...(etag === undefined || etag === '' ? {} : { 'if-match': `"${etag}"` }),
  }
  try {
    return await backend.send({ ...target(name), headers }, signal, (res) => readRange(res, name, offset, length), failures)
  } catch (error) {
    if (!(error instanceof StoreFailure)) throw error
    if (error.code !== 'InvalidRange') throw await explain(backend, name, error, signal)
    const facts = await readFacts(backend, name, signal)
    if (facts.size === 0 && offset <= 0) return { facts, offset: 0, bytes: Buffer.alloc(0), more: false }
    throw beyond(name, offset, facts.size ?? 0)
  }
}

/** The headers of an object that cannot be read, or has no bytes. */
export async function readFacts(backend: StorageBackend, name: ObjectName, signal: AbortSignal): Promise<ObjectFacts> {
  return backend.send({ method: 'HEAD', ...target(name) }, signal, async (res) => factsOf(res.headers, lengthOf(res.headers)))
}

function target({ bucket, key, versionId }: ObjectName) {
  return { bucket, key, ...(versionId === undefined ? {} : { query: { versionId } }) }
}

async function readRange(res: IncomingMessage, name: ObjectName, offset: number, length: number): Promise<Part> {
  const range = /^bytes (\d+)-(-?\d+)\/(\d+)$/.exec(res.headers['content-range'] ?? '')
  // MinIO's range of an empty object is `bytes 0--1/0`.
  if (res.statusCode === 206 && range !== null) {
    const [from, to, size] = range.slice(1).map(Number) as [number, number, number]
    const [first, last] = offset < 0 ? [Math.max(0, size + offset), size - 1] : [offset, offset + length - 1]
    if (from !== first || to > last) throw new ToolError('UPSTREAM_ERROR', 'the store sent another part than was asked for')
    return part(
      factsOf(res.headers, size),
      from,
      await readBytes(res, Math.min(length, to - from + 1)),
      Math.min(length, to - from + 1),
    )
  }
  if (res.statusCode !== 200 || res.headers.etag === undefined) {
    throw new ToolError('UPSTREAM_ERROR', 'the endpoint did not answer with an object; it may not be an S3 store', {
      hint: 'ask the operator to check MINIO_ENDPOINT',
    })
  }
  // The store does not support ranges and sends everything: the beginning is read and the connection closed.
  const size = lengthOf(res.headers)
  if (size !== undefined && offset > 0 && offset >= size) throw beyond(name, offset, size)
  if (offset > 0 || (offset < 0 && !(size !== undefined && size + offset <= 0))) {
    throw new ToolError('UPSTREAM_ERROR', 'the store sends this object only from its beginning, not a part of it', {
      hint: visibleJson({ bucket_name: name.bucket, object_key: name.key }),
    })
  }
  if (size !== undefined)
    return part(factsOf(res.headers, size), 0, await readBytes(res, Math.min(length, size)), Math.min(length, size))
  const bytes = await readBytes(res, length + 1)
  const more = bytes.length > length
  return { facts: factsOf(res.headers, more ? undefined : bytes.length), offset: 0, bytes: bytes.subarray(0, length), more }
}

function part(facts: ObjectFacts, offset: number, bytes: Buffer, wanted: number): Part {
  if (bytes.length === wanted) return { facts, offset, bytes, more: offset + wanted < (facts.size ?? 0) }
  throw new ToolError('UPSTREAM_ERROR', `the store sent ${bytes.length} of ${wanted} bytes`, { hint: 'the same call again' })
}

/** Undefined where the store does not say: Google sends objects that it decompresses without a length. */
function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const size = Number(headers['content-length'] ?? Number.NaN)
  return Number.isSafeInteger(size) ? size : undefined
}

function factsOf(headers: IncomingHttpHeaders, size: number | undefined): ObjectFacts {
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
    contentType: text('content-type'),
    contentEncoding: text('content-encoding'),
    etag: text('etag').replaceAll('"', ''),
    modified: Number.isNaN(modified) ? '' : new Date(modified).toISOString().replace(/\.\d+Z$/, 'Z'),
    versionId: version === '' || version === 'null' ? undefined : version,
    storageClass: text('x-amz-storage-class'),
    metadata,
  }
}

function beyond({ bucket, key, versionId }: ObjectName, offset: number, size: number): ToolError {
  return new ToolError(
    'INVALID_ARGUMENT',
    `"offset" ${offset} is at or beyond the end; the object has ${size} bytes (${formatBytes(size)})`,
    {
      hint: visibleJson({
        bucket_name: bucket,
        object_key: key,
        ...(versionId === undefined ? {} : { version_id: versionId }),
        ...(size === 0 ? {} : { offset: -Math.min(size, 20_000) }),
      }),
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
  const fail = (code: ToolErrorCode, message: string, hint?: string): ToolError =>
    new ToolError(code, message, { cause: failure, detail: failure.code, ...(hint === undefined ? {} : { hint }) })
  const named = nameKey(key)
  const latest = { bucket_name: bucket, object_key: key }
  switch (failure.code) {
    case 'NoSuchBucket':
    case 'InvalidBucketName':
      return noSuchBucket(backend, bucket, { object_key: name.asked }, signal)
    case 'InvalidObjectState':
      return fail(
        'UPSTREAM_ERROR',
        `object ${named} is archived and must be restored before it can be read`,
        visibleJson({ ...latest, mode: 'metadata' }),
      )
    case 'PreconditionFailed':
      return fail('UPSTREAM_ERROR', 'the object changed while it was read', 'the same call again')
    case 'NoSuchVersion':
    case 'InvalidArgument':
    case 'NoSuchKey': // Ceph's code for a missing version too
      if (versionId === undefined) break
      return fail('NOT_FOUND', `object ${named} has no version ${visibleJson(versionId.slice(0, 100))}`, visibleJson(latest))
  }
  if (failure.headers['x-amz-delete-marker'] === 'true')
    return fail('NOT_FOUND', `object ${named} has been deleted; only a delete marker is left`)
  if (failure.code !== 'NoSuchKey') return fail('UPSTREAM_ERROR', `the store refused the request (${failure.code})`)
  const near = (await nearKeys(backend, bucket, key, signal)).filter((each) => each !== key)
  const same = near.find((each) => each === `${key}/` || each === key.replace(/^\/+/, ''))
  const best = same ?? nearest(key, near, 1)[0] ?? near[0]
  const names = near.length === 0 ? '' : `. Near it: ${near.map(nameKey).join(', ')}`
  const hint =
    best === undefined || best.endsWith('/')
      ? `minio_list_objects ${visibleJson({ bucket_name: bucket, ...(best === undefined ? {} : { prefix: best }) })}`
      : visibleJson({ bucket_name: bucket, object_key: best })
  return fail('NOT_FOUND', `object ${named} is not in bucket ${visibleJson(bucket)}${names}`, hint)
}
