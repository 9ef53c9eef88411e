// One page of ListObjectsV2: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
import type { StorageBackend, StoreRequest } from '../types.ts'
import { readXml } from './body.ts'

/** Memory limit for a page of a store that does not keep to max-keys: entries of each kind. */
const maxEntries = 4_000

export interface PageRequest {
  readonly bucket: string
  readonly maxKeys: number
  readonly query: StoreRequest['query']
}

export interface Entry {
  /** Of an object, or the common prefix of several. */
  readonly key: string
  readonly object: ReturnType<typeof readObject> | undefined
}

export type Page = Awaited<ReturnType<typeof fetchPage>>

/**
 * @param query with a `delimiter`, keys below it are returned as one common prefix
 * @returns `entries` in the store's order, by the bytes of the key; `after`: the page was cut here, because the store sent more keys than were
 * asked for, and the next one starts after this key
 * @throws ToolError
 */
export async function fetchPage(backend: StorageBackend, { bucket, maxKeys, query }: PageRequest, signal: AbortSignal) {
  // XML 1.0 cannot represent control characters, so keys are requested percent-encoded.
  const parameters = { 'list-type': '2', 'encoding-type': 'url', 'max-keys': String(maxKeys), ...query }
  // Listed separately, each in the order of its keys. More than any page has room for are left out: the page is cut before them.
  const objects: Entry[] = []
  const prefixes: Entry[] = []
  const onRecord = (name: string, fields: Readonly<Record<string, string>>): void => {
    const { Key = '', Prefix = '' } = fields
    if (name === 'Contents' && objects.length < maxEntries) objects.push({ key: Key, object: readObject(fields) })
    if (name === 'CommonPrefixes' && prefixes.length < maxEntries) prefixes.push({ key: Prefix, object: undefined })
  }
  const { maxListBytes } = backend.limits
  const facts = await backend.send({ bucket, query: parameters }, signal, (res) =>
    readXml(res, 'ListBucketResult', maxListBytes, onRecord),
  )
  const encoded = facts.EncodingType?.toLowerCase() === 'url'
  const all = [...objects, ...prefixes].map((entry) => (encoded ? { ...entry, key: decodeKey(entry.key) } : entry))
  all.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
  const entries = all.slice(0, maxKeys)
  const last = entries.at(-1)
  if (entries.length === all.length || last === undefined) {
    return { entries, truncated: facts.IsTruncated === 'true', token: facts.NextContinuationToken || undefined, after: undefined }
  }
  // After everything below a prefix: no UTF-8 sequence is greater than that of U+10FFFF.
  return { entries, truncated: true, token: undefined, after: last.object === undefined ? `${last.key}\u{10ffff}` : last.key }
}

/** In the form of the JSON of results. */
function readObject({ Size, LastModified = '', ETag = '', StorageClass }: Readonly<Record<string, string>>) {
  const last_modified = LastModified.replace(/\.\d+Z$/, 'Z').slice(0, 40)
  return { size: Number(Size) || 0, last_modified, etag: ETag.replaceAll('"', ''), storage_class: StorageClass || undefined }
}

/** A key whose bytes are not UTF-8 stays encoded: JSON cannot represent it. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return key
  }
}
