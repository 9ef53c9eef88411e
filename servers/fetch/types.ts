// Interfaces shared by the files of this server.
import type { IncomingHttpHeaders } from 'node:http'
import type { EgressPolicy } from '../kit/network-policy/policy.ts'

/** An element's attributes, as far as extraction reads them. */
export type Attributes = Readonly<Record<string, string | undefined>>

export interface HtmlEvents {
  open(name: string, attributes: Attributes): void
  close(name: string): void
  text(text: string): void
}

export type PageFacts = Partial<Record<'title' | 'byline' | 'published' | 'language' | 'description', string>>

export interface RequestSettings {
  readonly policy: EgressPolicy
  readonly ca: string | undefined
  readonly userAgent: string
}

export interface Answer {
  readonly status: number
  readonly reason: string
  readonly headers: IncomingHttpHeaders
  /**
   * The body, inflated. Ends without an error after `maxBytes`, of what is sent or of what it inflates to; `cut` is true then.
   * @throws ToolError when it breaks off or is not what its encoding says
   */
  body(maxBytes: number): AsyncGenerator<Buffer, void>
  readonly cut: boolean
  /** The compressed body ended before its end was reached. */
  readonly truncated: boolean
  /** Ends the connection; what was not read is not wanted. */
  close(): void
}

/** The end of a chain of redirects. */
export interface Followed {
  readonly answer: Answer
  readonly url: URL
  readonly redirects: number
}

export interface Download extends Followed {
  /** What robots.txt says about the last address. */
  readonly robots: string
}

export interface Page {
  /** monotonicMs() */
  readonly loadedAt: number
  readonly finalUrl: string
  readonly redirects: number
  readonly status: number
  /** As the site says it, without parameters. */
  readonly contentType: string
  /** How the text was made, in a few words. */
  readonly method: string
  readonly robots: string
  /** Shown before the text on its first part: title, author, date, language. */
  readonly facts: Readonly<Record<string, string>>
  readonly text: string
  readonly notes: readonly string[]
}

export interface PageForm {
  readonly raw: boolean
  readonly links: boolean
}
