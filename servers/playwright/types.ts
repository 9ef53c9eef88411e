// The interfaces that the files of this server share.
import type { Browser, Locator, Page } from 'playwright'

export type {
  Browser,
  BrowserContext,
  CDPSession,
  Dialog,
  Frame,
  JSHandle,
  Locator,
  Page,
  Request,
  Response,
  Route,
} from 'playwright'

/** A browser that runs. */
export interface Launched {
  readonly browser: Browser
  readonly version: string
  /** Its process group. */
  readonly group: number
  /** Removes its folder; when all of its processes have ended. */
  cleanUp(): void
}

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
