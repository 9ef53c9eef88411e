// One page of ListObjectsV2: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
import { ToolError } from '../../../protocol/index.ts'
import type { Entry, Page, PageRequest, StorageBackend } from '../types.ts'
import { readXml } from './body.ts'

/** Failures that the callers of `fetchPage` explain. */
export const listFailures: ReadonlySet<string> = new Set(['NoSuchBucket', 'InvalidArgument'])

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
    // Objects and prefixes are listed separately; a page is cut in the order of both together.
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

/** A key whose bytes are not UTF-8 stays encoded: JSON cannot represent it. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return key
  }
}
