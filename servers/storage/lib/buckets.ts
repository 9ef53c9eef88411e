// The buckets that this server may show: for errors, for `bucket_name: "*"`, and to tell whether the store answers.
import { nearest, ToolError } from '../../../protocol/index.ts'
import type { StorageBackend } from '../backend.ts'
import { StoreFailure } from '../errors.ts'
import { readXml } from './body.ts'

export interface Bucket {
  readonly name: string
  readonly created: string | undefined
}

/** Far more than any account has; what a store may make us remember. */
const maxBuckets = 10_000
const maxNamed = 20
/** S3 general purpose bucket naming rules. */
const bucketForm = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

/** Undefined when the key may not list buckets, which many a sound policy forbids. */
export async function listBuckets(backend: StorageBackend, signal: AbortSignal): Promise<Bucket[] | undefined> {
  const buckets: Bucket[] = []
  let name = ''
  let created: string | undefined
  const onElement = (path: string, text: string): void => {
    if (path === 'ListAllMyBucketsResult/Buckets/Bucket/Name') name = text
    else if (path === 'ListAllMyBucketsResult/Buckets/Bucket/CreationDate') created = text
    else if (path === 'ListAllMyBucketsResult/Buckets/Bucket') {
      if (backend.scope.admitsBucket(name) && buckets.length < maxBuckets) buckets.push({ name, created })
      created = undefined
    }
  }
  try {
    await backend.send(
      {},
      signal,
      (res) => readXml(res, 'ListAllMyBucketsResult', backend.limits.maxListBytes, onElement),
      new Set(['AccessDenied', 'AllAccessDisabled', 'NotImplemented', 'MethodNotAllowed']),
    )
  } catch (error) {
    if (error instanceof StoreFailure) return undefined
    throw error
  }
  return buckets
}

/** @throws ToolError that names buckets there are, when this one may not be asked about */
export async function checkBucket(backend: StorageBackend, bucket: string, rest: object, signal: AbortSignal): Promise<void> {
  if (!bucketForm.test(bucket) || bucket.includes('..')) {
    const { names, near } = await known(backend, bucket, signal)
    throw new ToolError(
      'INVALID_ARGUMENT',
      `"${bucket.slice(0, 80)}" cannot be the name of a bucket: 3 to 63 of a-z 0-9 . -${names}`,
      {
        ...(near === undefined ? {} : { hint: JSON.stringify({ bucket_name: near, ...rest }) }),
      },
    )
  }
  if (backend.scope.admitsBucket(bucket)) return
  const { names, near } = await known(backend, bucket, signal)
  throw new ToolError('FORBIDDEN', `bucket "${bucket}" is not among those that this server may read${names}`, {
    ...(near === undefined ? {} : { hint: JSON.stringify({ bucket_name: near, ...rest }) }),
  })
}

export async function noSuchBucket(
  backend: StorageBackend,
  bucket: string,
  rest: object,
  signal: AbortSignal,
): Promise<ToolError> {
  const { names, near } = await known(backend, bucket, signal)
  return new ToolError('NOT_FOUND', `bucket "${bucket}" does not exist${names}`, {
    ...(near === undefined ? {} : { hint: JSON.stringify({ bucket_name: near, ...rest }) }),
  })
}

/** `. Buckets this key can see: backups, media`, the nearest first; empty where nobody may know. */
async function known(
  backend: StorageBackend,
  bucket: string,
  signal: AbortSignal,
): Promise<{ names: string; near: string | undefined }> {
  let found: string[]
  try {
    found = (await listBuckets(backend, signal))?.map(({ name }) => name) ?? [...(backend.scope.allowed ?? [])]
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof ToolError)) throw error
    found = [...(backend.scope.allowed ?? [])] // the first failure is the one to report
  }
  const near = nearest(bucket, found)
  const ordered = [...near, ...found.filter((name) => !near.includes(name))]
  if (ordered.length === 0) return { names: '', near: undefined }
  const more = ordered.length > maxNamed ? ` and ${ordered.length - maxNamed} more` : ''
  return { names: `. Buckets this server can see: ${ordered.slice(0, maxNamed).join(', ')}${more}`, near: ordered[0] }
}
