// What the sessions need of the context they run in.
import type { Revision } from '../revisions.ts'
import type { Observations } from './observations.ts'
import type { Exchange, RequestOptions } from './target.ts'

/** Default: the target's URL, no headers but the user's, the time limit of one answer. */
export interface OpenOptions extends Pick<RequestOptions, 'method' | 'body' | 'connection'> {
  url?: URL
  headers?: RequestOptions['headers'] | undefined
  timeoutMs?: number | undefined
}

export interface Client {
  readonly caseId: string
  readonly url: URL
  readonly revision: Revision
  readonly timeoutMs: number
  readonly observed: Observations
  /** The case has ended: what comes now is not observed. */
  readonly isClosed: boolean
  /** One HTTP exchange, to the target's URL unless told otherwise, with the user's headers. */
  open(options: OpenOptions): Promise<Exchange>
  /** Waits for something that must not come. */
  pause(ms: number): Promise<void>
}
