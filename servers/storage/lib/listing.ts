// One page of ListObjectsV2, as the store gives it: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
import { ToolError } from '../../../protocol/index.ts'
import type { StorageBackend } from '../backend.ts'
import { readXml } from './body.ts'

export interface PageRequest {
  readonly bucket: string
  readonly prefix: string
  /** One level: what lies below a slash comes as a prefix. */
  readonly delimiter: boolean
  readonly maxKeys: number
  readonly startAfter?: string | undefined
  readonly token?: string | undefined
}

export interface Entry {
  /** Of an object, or the common prefix of several. */
  readonly key: string
  /** Undefined for a prefix. */
  readonly object: { size: number; modified: string; etag: string; storageClass: string } | undefined
}

export interface Page {
  /** In the order of the store: by the bytes of the key. */
  readonly entries: readonly Entry[]
  readonly truncated: boolean
  readonly token: string | undefined
}

/** Failures that the callers of `fetchPage` tell in their own words. */
export const listFailures: ReadonlySet<string> = new Set(['NoSuchBucket', 'InvalidArgument'])

/** @throws StoreFailure for {@link listFailures}; ToolError for every other */
export async function fetchPage(backend: StorageBackend, request: PageRequest, signal: AbortSignal): Promise<Page> {
  const { bucket, prefix, delimiter, maxKeys, startAfter, token } = request
  const query = {
    'list-type': '2',
    // XML 1.0 has no form for control characters, so keys come percent-encoded.
    'encoding-type': 'url',
    'max-keys': String(maxKeys),
    prefix,
    ...(delimiter ? { delimiter: '/' } : {}),
    // The token says where to go on; some stores would begin again at start-after.
    ...(token === undefined ? (startAfter === undefined ? {} : { 'start-after': startAfter }) : { 'continuation-token': token }),
  }
  const page = new PageReader()
  const read = (path: string, text: string): void => page.take(path, text)
  await backend.send(
    { bucket, query },
    signal,
    (res) => readXml(res, 'ListBucketResult', backend.limits.maxListBytes, read),
    listFailures,
  )
  return page.finish()
}

/** Far above max_keys, which every store should keep to: what a page may make us remember. */
const maxEntries = 4_000

class PageReader {
  readonly #entries: Entry[] = []
  #encoded = false
  #truncated = false
  #token: string | undefined
  #fields: Record<string, string> = {}

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
    const entries = this.#encoded ? this.#entries.map((entry) => ({ ...entry, key: decodeKey(entry.key) })) : this.#entries
    // Objects and prefixes come apart; the store's order is that of both together, and a page is cut in that order.
    entries.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
    return { entries, truncated: this.#truncated, token: this.#token }
  }

  #push(isObject: boolean): void {
    const { Key = '', Prefix = '', Size = '', LastModified = '', ETag = '', StorageClass = '' } = this.#fields
    this.#fields = {}
    if (this.#entries.length >= maxEntries)
      throw new ToolError('UPSTREAM_ERROR', 'the store sends more entries than were asked for')
    if (!isObject) this.#entries.push({ key: Prefix, object: undefined })
    else {
      const modified = LastModified.replace(/\.\d+Z$/, 'Z').slice(0, 40)
      const object = { size: Number(Size) || 0, modified, etag: ETag.replaceAll('"', ''), storageClass: StorageClass }
      this.#entries.push({ key: Key, object })
    }
  }
}

/** A key whose bytes are not UTF-8 stays encoded: JSON could not carry it. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return key
  }
}
