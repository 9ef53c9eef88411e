// Object keys: how a call names them with their bucket, which are accepted, how they are shown, and which ones are near.
import { nearest, ToolError } from '../../../protocol/index.ts'
import { cleanText, quoted, visibleJson } from '../../kit/text.ts'
import type { StorageBackend } from '../types.ts'
import { fetchPage } from './listing.ts'

const maxKeyBytes = 1_024

/**
 * Which bucket and which key or prefix a call means: `s3://bucket/key` and `bucket/key` are accepted in either argument.
 * @returns the `bucket`, and as `rest` the key or prefix; each is empty where no argument names one
 */
export function readTarget(bucketName: string, rest: string) {
  if (bucketName === '' || /^s3:\/\//i.test(rest)) return split(rest)
  const { bucket, rest: path } = split(bucketName)
  if (path === '' || rest.startsWith(path.endsWith('/') ? path : `${path}/`)) return { bucket, rest }
  if (rest === '' || path === rest || path.endsWith(`/${rest}`)) return { bucket, rest: path }
  return { bucket, rest: `${path.replace(/\/$/, '')}/${rest}` }
}

/** The key without the name of its bucket in front, which people copy from listings; undefined where it does not start with that. */
export function withoutBucket({ bucket, rest }: ReturnType<typeof split>): string | undefined {
  return rest.startsWith(`${bucket}/`) ? rest.slice(bucket.length + 1) : undefined
}

function split(path: string) {
  const [, bucket = '', rest = ''] = /^(?:s3:\/\/)?\/*([^/]*)\/?([\s\S]*)$/i.exec(path) ?? []
  return { bucket, rest }
}

/** @throws ToolError for a key that no store can have, or that a proxy before the store could turn into another */
export function checkKey(argument: string, key: string): void {
  const refuse = (why: string): ToolError => new ToolError('INVALID_ARGUMENT', `"${argument}" ${why}`)
  if (Buffer.byteLength(key) > maxKeyBytes) throw refuse(`is longer than ${maxKeyBytes} bytes`)
  if (key.includes('\0')) throw refuse('holds a NUL character')
  // Half of a surrogate pair has no UTF-8, and so no percent-encoding.
  if (/\p{Surrogate}/u.test(key)) throw refuse('is not well-formed Unicode')
  // A proxy that resolves dot segments would reach another bucket; without credentials no signature would notice.
  if (key.split('/').includes('..')) throw refuse('has a ".." segment, which is not sent')
}

/** For tables inside of the tags: as it is where it fits on one line with nothing hidden, as a JSON string otherwise. */
export function showKey(key: string): string {
  return cleanText(key) === key && !/[\t\n]|^"|^\s|\s$/.test(key) ? key : visibleJson(key)
}

/** For sentences outside of the tags. */
export function nameKey(key: string): string {
  return quoted(key, 300)
}

/** Text of the store in a summary: as it is, or a JSON string where a character needs escaping. */
export function plain(text: string): string {
  const json = visibleJson(text)
  return json === `"${text}"` ? text : json
}

export function namePath(bucket: string, key: string): string {
  return plain(key === '' ? bucket : `${bucket}/${key}`)
}

/**
 * Keys and prefixes in the bucket that resemble `key`, nearest first; none when the store does not allow listing. Searches names beside it
 * that start alike, then the whole folder, then the top level.
 */
export async function nearKeys(backend: StorageBackend, bucket: string, key: string, signal: AbortSignal): Promise<string[]> {
  const wanted = key.replace(/^\/+/, '')
  // The folder that it lies in: `a/b/c` and `a/b/` → `a/b/` and `a/`.
  const parent = wanted.slice(0, wanted.lastIndexOf('/', wanted.length - 2) + 1)
  const places = new Set([parent + wanted.slice(parent.length, parent.length + 3), parent, ''])
  for (const prefix of places) {
    const request = { bucket, maxKeys: 1_000, query: { prefix, delimiter: '/' } }
    const page = await fetchPage(backend, request, signal).catch(() => undefined)
    signal.throwIfAborted()
    if (page === undefined) return [] // the error of the call itself is the one to report
    // Names are compared without their common folder, which would make everything in it look alike.
    const base = prefix === '' ? '' : parent
    const name = prefix === '' ? (wanted.split('/')[0] ?? '') : wanted.slice(parent.length)
    const names = page.entries.flatMap((entry) => (backend.scope.deniesKey(entry.key) ? [] : entry.key.slice(base.length)))
    const near = nearest(name, names)
    if (near.length > 0) return near.map((each) => base + each)
  }
  return []
}
