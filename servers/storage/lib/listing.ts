// One page of ListObjectsV2: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
import type { Entry, Page, PageRequest, StorageBackend } from '../types.ts'
import { readXml } from './body.ts'

/** Failures that the callers of `fetchPage` explain. */
export const listFailures: ReadonlySet<string> = new Set(['NoSuchBucket', 'InvalidBucketName', 'InvalidArgument'])

/** @throws StoreFailure for {@link listFailures}; ToolError for every other */
export async function fetchPage(backend: StorageBackend, request: PageRequest, signal: AbortSignal): Promise<Page> {
  const { bucket, prefix, delimiter, maxKeys, startAfter, token } = request
  const query = {
    'list-type': '2',
    // XML 1.0 cannot represent control characters, so keys are requested percent-encoded.
    'encoding-type': 'url',
    'max-keys': String(maxKeys),
    prefix,
    ...(delimiter ? { delimiter: '/' } : {}),
    // Never both: with a token, some stores start again at start-after.
    ...(token === undefined ? (startAfter === undefined ? {} : { 'start-after': startAfter }) : { 'continuation-token': token }),
  }
  const page = new PageReader(maxKeys)
  const read = (path: string, text: string): void => page.take(path, text)
  await backend.send(
    { bucket, query },
    signal,
    (res) => readXml(res, 'ListBucketResult', backend.limits.maxListBytes, read),
    listFailures,
  )
  return page.finish()
}

/** Memory limit for a page of a store that does not keep to max-keys: entries of each kind. */
const maxEntries = 4_000

class PageReader {
  readonly #maxKeys: number
  // Objects and prefixes are listed separately, each in the order of its keys.
  readonly #objects: Entry[] = []
  readonly #prefixes: Entry[] = []
  #encoded = false
  #truncated = false
  #token: string | undefined
  #fields: Record<string, string> = {}

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  take(path: string, text: string): void {
    const [, first, second, third] = path.split('/')
    if (first === 'Contents' || first === 'CommonPrefixes') {
      if (third !== undefined) return // Owner and other nested things
      if (second !== undefined) this.#fields[second] = text
      else this.#push(first === 'Contents')
    } else if (second !== undefined) {
      return
    } else if (first === 'EncodingType') {
      this.#encoded = text.toLowerCase() === 'url'
    } else if (first === 'IsTruncated') {
      this.#truncated = text.trim() === 'true'
    } else if (first === 'NextContinuationToken' && text !== '') {
      this.#token = text
    }
  }

  finish(): Page {
    const all = [...this.#objects, ...this.#prefixes]
    const decoded = this.#encoded ? all.map((entry) => ({ ...entry, key: decodeKey(entry.key) })) : all
    decoded.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
    const entries = decoded.slice(0, this.#maxKeys)
    const last = entries.at(-1)
    if (entries.length === decoded.length || last === undefined) {
      return { entries, truncated: this.#truncated, token: this.#token, after: undefined }
    }
    // After everything below a prefix: no UTF-8 sequence is greater than that of U+10FFFF.
    return { entries, truncated: true, token: undefined, after: last.object === undefined ? `${last.key}\u{10ffff}` : last.key }
  }

  #push(isObject: boolean): void {
    const { Key = '', Prefix = '', Size = '', LastModified = '', ETag = '', StorageClass = '' } = this.#fields
    this.#fields = {}
    const entries = isObject ? this.#objects : this.#prefixes
    if (entries.length >= maxEntries) return // more than any page has room for: `finish` cuts before this one
    if (!isObject) entries.push({ key: Prefix, object: undefined })
    else {
      const modified = LastModified.replace(/\.\d+Z$/, 'Z').slice(0, 40)
      const object = { size: Number(Size) || 0, modified, etag: ETag.replaceAll('"', ''), storageClass: StorageClass }
      entries.push({ key: Key, object })
    }
  }
}

/** A key whose bytes are not UTF-8 stays encoded: JSON cannot represent it. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return key
  }
}
