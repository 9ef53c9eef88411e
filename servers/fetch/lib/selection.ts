// Chooses the blocks of a page that are its content. On a page made for readers of a site: the element with most of the prose, found as
// Mozilla's Readability does, without teasers, link lists and repeated captions. On a document: all but navigation.
import type { MarkdownWriter } from './markdown.ts'
import { Kind, type Outline } from './outline.ts'
import { Trait } from './visibility.ts'

interface Selection {
  /** By block: 1 when it is kept. */
  readonly keep: Uint8Array
  readonly method: 'article' | 'document' | 'whole page'
  /** Weighted characters of elements that are not displayed. */
  readonly hiddenChars: number
  /** They are kept, because there is hardly anything else. */
  readonly hiddenKept: boolean
}

/** Weighted characters below which a page is taken to have no content of its own. */
export const fewChars = 200
/** A page with metadata for social networks or more scripts than this is made for readers of a site, with things around its content. */
const documentScripts = 9
/** A name does not make an element noise when the element holds this share of the prose. */
const wholeShare = 0.5
/** A name does not make an element with a heading of its own noise either, unless this share of its text is links. */
const headedLinks = 0.33
/** The article's element holds at least this share of the prose. */
const articleShare = 0.7
/** Shorter blocks are labels, dates, buttons. */
const proseChars = 25
/** Share of links from which a box is a list of links, and a paragraph leads elsewhere. */
const linkBox = 0.5
const linkParagraph = 0.8
/** A teaser: a linked title and an excerpt; at least three of them fill what they are in. */
const teaser = { chars: 900, excerpt: 30, title: 15, count: 3, fill: 0.9 }
/** A block of this length that stands elsewhere already is left out. */
const repeatedChars = 40
const scoreLevels = 5

const lists = /^(?:ul|ol|dl)$/
const boxes = /^(?:div|section|ul|ol|dl|form|fieldset|header|aside|figure)$/
const paragraphs = /^(?:p|td|th|pre|li|dd|dt)$/

const at = (list: ArrayLike<number>, index: number): number => list[index] as number

/** @param pause called between slices of work */
export async function select(writer: MarkdownWriter, pause: () => Promise<void>): Promise<Selection> {
  let all: readonly string[] | undefined
  const texts = (index: number): string => {
    all ??= writer.texts()
    return all[index] ?? ''
  }
  await pause()
  const page = new Page(writer.outline)
  await pause()
  const { hidden } = page
  const isDocument = !writer.metadata.isArticle && writer.metadata.scripts <= documentScripts
  const attempts: [Selection['method'], () => Uint8Array | Promise<Uint8Array>][] = [
    ['article', () => page.article(texts, pause)],
    ['document', () => page.document()],
    ['whole page', () => page.kept(hidden)],
  ]
  const hiddenChars = page.all - page.charsOf(page.kept(hidden))
  for (const [method, choose] of isDocument ? attempts.slice(1) : attempts) {
    await pause()
    const keep = await choose()
    await pause()
    if (page.charsOf(keep) >= fewChars) return { keep, method, hiddenChars, hiddenKept: false }
  }
  const hiddenKept = hiddenChars >= fewChars
  return { keep: page.kept(hiddenKept ? new Uint8Array(hidden.length) : hidden), method: 'whole page', hiddenChars, hiddenKept }
}

class Page {
  /** By element: 1 when it is not displayed. */
  readonly hidden: Uint8Array
  readonly #outline: Outline
  readonly #chars: Float64Array
  readonly #links: Float64Array
  /** Characters of prose: not in links, not in short blocks. */
  readonly #prose: Float64Array
  /** First block; first block that is long enough for a title. -1: none. */
  readonly #first: Int32Array
  readonly #title: Int32Array

  constructor(outline: Outline) {
    this.#outline = outline
    this.#chars = this.#sum((i) => at(outline.chars, i))
    this.#links = this.#sum((i) => at(outline.links, i))
    this.hidden = this.#below((e) => (at(outline.traits, e) & Trait.hidden) !== 0)
    this.#prose = this.#sum((i) => this.#proseOf(i), this.hidden)
    this.#first = this.#firsts(0)
    this.#title = this.#firsts(teaser.title)
  }

  get all(): number {
    return at(this.#chars, 0)
  }

  charsOf(keep: Uint8Array): number {
    return keep.reduce((sum, kept, i) => sum + kept * at(this.#outline.chars, i), 0)
  }

  /** All blocks outside of these elements. */
  kept(without: Uint8Array): Uint8Array {
    const { blocks, element } = this.#outline
    return Uint8Array.from({ length: blocks }, (_, i) => 1 - at(without, at(element, i)))
  }

  /** Elements that are hidden, around the content, or named as noise. */
  noise(): Uint8Array {
    const { traits, kind, chars } = this.#outline
    const noise = this.#below((e) => {
      const said = at(traits, e) & (Trait.around | Trait.unlikely)
      if (at(this.hidden, e) === 1) return true
      if (said === 0 || at(this.#prose, e) >= wholeShare * at(this.#prose, 0)) return false
      const first = at(this.#first, e)
      if ((said & Trait.around) !== 0 || at(kind, first) !== Kind.heading) return true
      return at(this.#links, e) > headedLinks * (at(this.#chars, e) - at(chars, first))
    })
    this.#addTeasers(noise)
    return noise
  }

  document(): Uint8Array {
    const { traits, elements, element, chars, links, kind, blocks } = this.#outline
    const noise = this.noise()
    const prose = this.#sum((i) => this.#proseOf(i), noise)
    let main = 0
    for (let e = 1; e < elements; e++)
      if ((at(traits, e) & Trait.main) !== 0 && at(prose, e) >= articleShare * at(prose, 0)) main = e
    const inside = this.#below((e) => e === main)
    // A menu without a name stands before the content.
    let start = 0
    while (start < blocks && kind[start] !== Kind.heading && at(links, start) >= linkParagraph * at(chars, start)) start += 1
    return Uint8Array.from({ length: blocks }, (_, i) => {
      const isMenu = i < start && links[i] !== 0
      return at(inside, at(element, i)) === 1 && at(noise, at(element, i)) === 0 && !isMenu ? 1 : 0
    })
  }

  async article(texts: (index: number) => string, pause: () => Promise<void>): Promise<Uint8Array> {
    const { parent, kind, chars, links, element, blocks } = this.#outline
    const noise = this.noise()
    await pause()
    const { top, siblings } = this.#articleElement(noise)
    await pause()
    const inside = this.#below((e) => e === top || (siblings.has(e) && at(noise, e) === 0))
    const left = this.#linkLists(noise, inside, top)
    const keep = Uint8Array.from({ length: blocks }, (_, i) => {
      const e = at(element, i)
      if (at(inside, e) === 0 || at(left, e) === 1) return 0
      return at(kind, i) === Kind.text && at(links, i) > 0 && at(links, i) >= linkParagraph * at(chars, i) ? 0 : 1
    })
    await pause()
    texts(0)
    await pause()
    this.#addHeadings(keep, noise, top, texts)
    // Galleries repeat their captions. What an author repeats stands in the same element.
    const seen = new Map<string, number>()
    for (let i = 0; i < blocks; i++) {
      if (i % 500 === 0) await pause()
      if (keep[i] === 0 || at(chars, i) < repeatedChars || kind[i] === Kind.row || kind[i] === Kind.code) continue
      const text = texts(i).replace(/^[\s>#-]+/, '')
      const within = at(parent, at(element, i))
      if ((seen.get(text) ?? within) !== within) keep[i] = 0
      seen.set(text, within)
    }
    return keep
  }

  /** Marks boxes that consist of teasers. */
  #addTeasers(noise: Uint8Array): void {
    const { parent, elements, chars, links } = this.#outline
    const count = new Int32Array(elements)
    const filled = new Float64Array(elements)
    for (let e = 1; e < elements; e++) {
      const title = at(this.#title, e)
      const size = at(this.#chars, e)
      if (title < 0 || size >= teaser.chars || size - at(this.#links, e) < teaser.excerpt) continue
      if (at(links, title) < linkParagraph * at(chars, title)) continue
      count[at(parent, e)] = at(count, at(parent, e)) + 1
      filled[at(parent, e)] = at(filled, at(parent, e)) + size
    }
    for (let e = 1; e < elements; e++) {
      const consists = at(count, e) >= teaser.count && at(filled, e) > teaser.fill * at(this.#chars, e)
      if (consists || at(noise, at(parent, e)) === 1) noise[e] = 1
    }
  }

  /** The element with the best score, or the next one around it that holds enough of the prose, and siblings that score well. */
  #articleElement(noise: Uint8Array): { top: number; siblings: Set<number> } {
    const { parent, names, elements, element, kind, chars, links, commas, blocks } = this.#outline
    const prose = this.#sum((i) => this.#proseOf(i), noise)
    const score = new Float64Array(elements)
    for (let i = 0; i < blocks; i++) {
      let e = at(element, i)
      if (at(noise, e) === 1 || at(chars, i) < proseChars || kind[i] === Kind.heading) continue
      const points = (1 + at(commas, i) + Math.min(3, at(chars, i) / 100)) * (1 - at(links, i) / at(chars, i))
      if (paragraphs.test(names[e] as string)) e = at(parent, e)
      for (let level = 0; level < scoreLevels && e > 0; level++, e = at(parent, e)) score[e] = at(score, e) + points / (level + 1)
    }
    let top = 0
    for (let e = 1; e < elements; e++) {
      if (at(score, e) === 0) continue
      const tag = names[e] === 'div' ? 5 : 0
      score[e] = (at(score, e) + tag) * (1 - at(this.#links, e) / at(this.#chars, e))
      if (at(score, e) > at(score, top)) top = e
    }
    const least = Math.max(10, at(score, top) * 0.2)
    while (top > 0 && at(prose, top) < articleShare * at(prose, 0)) top = at(parent, top)
    const siblings = new Set<number>()
    for (let e = 1; top > 0 && e < elements; e++) if (at(parent, e) === at(parent, top) && at(score, e) >= least) siblings.add(e)
    return { top, siblings }
  }

  /** Adds to the noise inside the article: boxes of links, except lists between paragraphs. */
  #linkLists(noise: Uint8Array, inside: Uint8Array, top: number): Uint8Array {
    const { parent, names, elements } = this.#outline
    // Lists in lists and in tables of data are checked with what they are in.
    const held = new Uint8Array(elements)
    return this.#below((e) => {
      const box = at(parent, e)
      const [name, around] = [names[e] as string, names[box] as string]
      if (at(held, box) === 1 || lists.test(around) || around === 'table') held[e] = 1
      if (at(noise, e) === 1) return true
      if (
        e === top ||
        at(inside, e) === 0 ||
        at(held, e) === 1 ||
        !boxes.test(name) ||
        at(this.#links, e) <= linkBox * at(this.#chars, e)
      )
        return false
      return !lists.test(name) || at(this.#prose, box) - at(this.#prose, e) < 2 * at(this.#chars, e)
    })
  }

  /** Subtitles stand above the article's element. The page's title is shown with its facts. */
  #addHeadings(keep: Uint8Array, noise: Uint8Array, top: number, texts: (index: number) => string): void {
    const { parent, kind, links, chars, element } = this.#outline
    let around = top
    for (let level = 0; level < scoreLevels; level++) around = at(parent, around)
    const inside = this.#below((e) => e === around)
    for (let i = keep.indexOf(1) - 1; i >= 0; i--) {
      const e = at(element, i)
      const isOther = at(noise, e) === 1 || at(inside, e) === 0 || at(links, i) >= linkBox * at(chars, i)
      if (kind[i] === Kind.heading && !isOther && !/^\s*# /.test(texts(i))) keep[i] = 1
    }
  }

  #proseOf(i: number): number {
    const { chars, links } = this.#outline
    return at(chars, i) < proseChars ? 0 : Math.max(0, at(chars, i) - at(links, i))
  }

  /** By element: the sum over the blocks inside, except those in elements of `without`. */
  #sum(figure: (block: number) => number, without?: Uint8Array): Float64Array {
    const { parent, element, elements, blocks } = this.#outline
    const sums = new Float64Array(elements)
    for (let i = 0; i < blocks; i++) {
      const e = at(element, i)
      if (without?.[e] !== 1) sums[e] = at(sums, e) + figure(i)
    }
    for (let e = elements - 1; e > 0; e--) sums[at(parent, e)] = at(sums, at(parent, e)) + at(sums, e)
    return sums
  }

  /** By element: whether the condition holds for it or for one around it. A parent comes before its children. */
  #below(condition: (element: number) => boolean): Uint8Array {
    const { parent, elements } = this.#outline
    const found = new Uint8Array(elements)
    for (let e = 0; e < elements; e++) if ((e > 0 && at(found, at(parent, e)) === 1) || condition(e)) found[e] = 1
    return found
  }

  /** By element: the first block with at least so many characters. */
  #firsts(chars: number): Int32Array {
    const { parent, element, elements, blocks } = this.#outline
    const first = new Int32Array(elements).fill(-1)
    for (let i = 0; i < blocks; i++) {
      if (at(this.#outline.chars, i) < chars) continue
      for (let e = at(element, i); at(first, e) === -1; e = at(parent, e)) {
        first[e] = i
        if (e === 0) break
      }
    }
    return first
  }
}
