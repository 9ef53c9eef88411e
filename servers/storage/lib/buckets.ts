// The buckets that this server may show, and the errors that name them.
import { ToolError, type ToolErrorCode } from '../../../protocol/index.ts'
import { nearestFirst } from '../../kit/names.ts'
import { quoted } from '../../kit/text.ts'
import type { StorageBackend } from '../types.ts'
import { readXml } from './body.ts'
import { plain } from './keys.ts'

/** Memory limit for the list of a faulty store. */
const maxBuckets = 10_000
const maxNamed = 20
const listingDenied: ReadonlySet<unknown> = new Set(['AccessDenied', 'AllAccessDisabled', 'NotImplemented', 'MethodNotAllowed'])

/** Undefined when the access key lacks permission to list buckets. */
export async function listBuckets(backend: StorageBackend, signal: AbortSignal) {
  const buckets: { name: string; created: string | undefined }[] = []
  const { limits, scope } = backend
  const onRecord = (element: string, { Name: name = '', CreationDate: created }: Readonly<Record<string, string>>): void => {
    if (element === 'Bucket' && scope.admitsBucket(name) && buckets.length < maxBuckets) buckets.push({ name, created })
  }
  try {
    await backend.send({}, signal, (res) => readXml(res, 'ListAllMyBucketsResult', limits.maxListBytes, onRecord))
  } catch (error) {
    if (error instanceof ToolError && listingDenied.has(error.detail)) return undefined
    throw error
  }
  return buckets
}

/** What would name another path or another host. The store decides about all other names: Ceph and older accounts of Amazon have buckets
 * with capitals and underscores. */
const unsafeBucket = /^\.{0,2}$|[/\\\p{Cc}\p{Surrogate}]|^.{256}/su

/** @param rest the other arguments of the call, for TRY @throws ToolError that names the buckets there are */
export async function checkBucket(backend: StorageBackend, bucket: string, rest: object, signal: AbortSignal): Promise<void> {
  let problem: Problem | undefined
  if (bucket === '') problem = ['INVALID_ARGUMENT', 'is not named: set bucket_name']
  else if (unsafeBucket.test(bucket)) problem = ['INVALID_ARGUMENT', 'is not a valid name']
  else if (!backend.scope.admitsBucket(bucket)) problem = ['FORBIDDEN', 'is not among those that this server may read']
  if (problem !== undefined) throw await bucketError(backend, bucket, problem, rest, signal)
}

/** S3's codes for a bucket that does not exist. */
export const noBucketCodes: ReadonlySet<unknown> = new Set(['NoSuchBucket', 'InvalidBucketName'])

export function noSuchBucket(backend: StorageBackend, bucket: string, rest: object, signal: AbortSignal): Promise<ToolError> {
  return bucketError(backend, bucket, ['NOT_FOUND', 'does not exist'], rest, signal)
}

type Problem = readonly [code: ToolErrorCode, why: string]

async function bucketError(backend: StorageBackend, bucket: string, [code, why]: Problem, rest: object, signal: AbortSignal) {
  const listed = await listBuckets(backend, signal).catch(() => {
    signal.throwIfAborted()
    return undefined // the error about the bucket is the one to report
  })
  const found = (listed?.map(({ name }) => name) ?? backend.scope.allowed ?? []).filter((name) => name !== bucket)
  const [best, ...others] = nearestFirst(bucket, found)
  const message = `bucket ${bucket === '' ? '' : `${quoted(bucket)} `}${why}`
  if (best === undefined) return new ToolError(code, message)
  const more = others.length >= maxNamed ? ` and ${others.length + 1 - maxNamed} more` : ''
  const names = [best, ...others].slice(0, maxNamed).map(plain)
  return new ToolError(code, `${message}. Buckets this server can see: ${names.join(', ')}${more}`, {
    retry: { bucket_name: best, ...rest },
  })
}
