// Types that several files of this server share.
import type { IncomingMessage } from 'node:http'
import type { Backend } from '../kit/definition.ts'

export interface Limits {
  readonly connectMs: number
  /** For one request to the store, including its body. */
  readonly totalMs: number
  readonly maxListBytes: number
  readonly maxImageBytes: number
}

/** What this server shows of a store. */
export interface Scope {
  admitsBucket(name: string): boolean
  deniesKey(key: string): boolean
  /** The allowed buckets that are named in full, known without asking the store. Undefined where any bucket is allowed. */
  readonly allowed: readonly string[] | undefined
}

export interface StoreRequest {
  readonly method?: 'GET' | 'HEAD'
  readonly bucket?: string
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

export interface StorageBackend extends Backend {
  readonly scope: Scope
  readonly limits: Limits
  /**
   * Sends one request and passes its 2xx response to `read`. What `read` leaves of the body is not downloaded.
   * @throws ToolError, with the S3 code as its detail where the store refused; the signal's reason
   */
  send<T>(request: StoreRequest, signal: AbortSignal, read: (res: IncomingMessage) => Promise<T>): Promise<T>
}

export interface Bucket {
  readonly name: string
  readonly created: string | undefined
}

export interface PageRequest {
  readonly bucket: string
  readonly prefix: string
  /** One level: keys below a slash are returned as one common prefix. */
  readonly delimiter: boolean
  readonly maxKeys: number
  readonly startAfter?: string | undefined
  readonly token?: string | undefined
}

export interface Entry {
  /** Of an object, or the common prefix of several. */
  readonly key: string
  /** Undefined for a prefix. */
  readonly object: { size: number; last_modified: string; etag: string; storage_class: string | undefined } | undefined
}

export interface Page {
  /** In the store's order: by the bytes of the key. */
  readonly entries: readonly Entry[]
  readonly truncated: boolean
  readonly token: string | undefined
  /** The page was cut here, because the store sent more keys than were asked for: the next one starts after this key. */
  readonly after: string | undefined
}

export interface ObjectName {
  readonly bucket: string
  readonly key: string
  readonly versionId: string | undefined
  /** The key as the caller wrote it, for TRY when the bucket does not exist. */
  readonly asked: string
}

/** In the form of the JSON of results. */
export interface ObjectFacts {
  /** Undefined where the store did not say and the part does not reach the end. */
  readonly size: number | undefined
  readonly content_type: string
  readonly content_encoding: string | undefined
  readonly etag: string
  /** ISO 8601; empty where the store did not say. */
  readonly last_modified: string
  readonly version_id: string | undefined
  readonly storage_class: string | undefined
  readonly metadata: Readonly<Record<string, string>>
}

export interface Part {
  readonly facts: ObjectFacts
  /** Position of the first byte in the object. */
  readonly offset: number
  readonly bytes: Buffer
  /** The object continues after the part. */
  readonly more: boolean
}
