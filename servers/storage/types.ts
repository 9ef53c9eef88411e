// Types that several files of this server share.
import type { IncomingMessage } from 'node:http'
import type { Backend } from '../kit/definition.ts'
import type { Limits, scopeOf } from './config.ts'

export interface StoreRequest {
  readonly method?: 'GET' | 'HEAD'
  readonly bucket?: string
  readonly key?: string
  /** `undefined` is left out. */
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly headers?: Readonly<Record<string, string>>
}

export interface StorageBackend extends Backend {
  readonly scope: ReturnType<typeof scopeOf>
  readonly limits: Limits
  /**
   * Sends one request and passes its 2xx response to `read`. What `read` leaves of the body is not downloaded.
   * @throws ToolError, with the S3 code as its detail where the store refused; the signal's reason
   */
  send<T>(request: StoreRequest, signal: AbortSignal, read: (res: IncomingMessage) => Promise<T>): Promise<T>
}

export interface ObjectName {
  readonly bucket: string
  readonly key: string
  readonly versionId: string | undefined
  /** The key as the caller wrote it, for TRY when the bucket does not exist. */
  readonly asked: string
}
