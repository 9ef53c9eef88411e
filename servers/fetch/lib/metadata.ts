// What a page says about itself in its head: title, author, date, and whether it is an article.
import { cleanText, clip } from '../../kit/text.ts'
import type { Attributes } from '../types.ts'

const maxTitleChars = 300
/** What is read of a title before it is cut. */
const maxRawTitleChars = 4_096

export class Metadata {
  readonly facts: Partial<Record<'title' | 'byline' | 'published' | 'language' | 'description', string>> = {}
  /** It is made for readers of a site: it describes itself to social networks. */
  isArticle = false
  /** Where `<meta http-equiv="refresh">` leads, not resolved. */
  refresh: string | undefined
  scripts = 0
  #title: string | undefined

  open(name: string, attributes: Attributes): void {
    if (name === 'meta') this.#meta(attributes)
    else if (name === 'script') this.scripts += 1
    else if (name === 'title' && this.facts.title === undefined) this.#title = ''
    else if (name === 'html' && attributes.lang !== undefined) this.facts.language ??= short(attributes.lang)
    else if (name === 'time' && attributes.datetime !== undefined) this.facts.published ??= short(attributes.datetime)
  }

  /** @returns whether the text is metadata */
  text(text: string): boolean {
    if (this.#title === undefined) return false
    if (this.#title.length < maxRawTitleChars) this.#title += text
    return true
  }

  close(name: string): void {
    if (name !== 'title' || this.#title === undefined) return
    const title = short(this.#title)
    if (title !== '') this.facts.title = title
    this.#title = undefined
  }

  #meta({ name, property, itemprop, content, 'http-equiv': pragma }: Attributes): void {
    const text = short(content ?? '')
    if (text === '') return
    const key = (property ?? name ?? itemprop ?? '').toLowerCase()
    if (/^(?:og|twitter|fb):/.test(key)) this.isArticle = true
    if (pragma?.toLowerCase() === 'refresh')
      this.refresh ??= /^[\d.\s]*[;,]\s*(?:url\s*=\s*)?["']?([^"']+)/i.exec(content?.slice(0, 2_048) ?? '')?.[1]?.trim()
    // The title of the page itself; `<title>` is often that of the site.
    else if (key === 'og:title') this.facts.title = text
    else if (/^(?:author|article:author|dc\.creator)$/.test(key) && !/^https?:/.test(text)) this.facts.byline ??= text
    else if (/^(?:article:published_time|date|datepublished|dc\.date|pubdate|publish-date)$/.test(key))
      this.facts.published ??= text
    else if (key === 'description' || key === 'og:description') this.facts.description ??= text
  }
}

function short(text: string): string {
  return clip(cleanText(text).replace(/\s+/g, ' ').trim(), maxTitleChars)
}
