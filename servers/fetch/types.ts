// Types that several files of this server share.

/** An element's attributes, as far as extraction reads them. */
export type Attributes = Readonly<Record<string, string | undefined>>

export interface HtmlEvents {
  open(name: string, attributes: Attributes): void
  close(name: string): void
  text(text: string): void
}

export interface PageForm {
  readonly raw: boolean
  readonly links: boolean
}

/** Called between slices of work: lets everything else that is due run when a turn is over. */
export type Pause = () => Promise<void>
