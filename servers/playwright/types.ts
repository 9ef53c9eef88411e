// The interfaces that the files of this server share.
import type { Locator, Page } from './backend.ts'

export type {
  BrowserContext,
  CDPSession,
  Dialog,
  Frame,
  JSHandle,
  Launched,
  Locator,
  Page,
  Request,
  Response,
  Route,
} from './backend.ts'

/** Content that was read, kept so that its following pages are of the same state. */
export interface Extract {
  readonly of: string
  readonly text: string
  /** The page holds more than is read at all. */
  readonly cut: boolean
}

/** An action on one element, for the explanation of its failure. */
export interface Attempt {
  readonly page: Page
  readonly locator: Locator
  /** As the caller wrote it. */
  readonly selector: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}
