// Chooses the blocks of a page that are its content. On a page made for readers of a site: the element with most of the prose, found as
// Mozilla's Readability does, without teasers, link lists and repeated captions. On a document: all but navigation.
import type { Pause } from '../types.ts'
import type { MarkdownWriter } from './markdown.ts'
import type { Block, BlockElement, Outline } from './outline.ts'
import { Trait } from './visibility.ts'

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

/** @returns `hiddenChars` of what is not displayed, weighted; `hiddenKept`: it is kept, because there is hardly anything else */
export async function select({ outline, metadata }: MarkdownWriter, pause: Pause) {
  await pause()
  markHidden(outline)
  markNoise(outline)
  await pause()
  const { blocks } = outline
  const shown = blocks.filter(({ element }) => !element.hidden)
  const hiddenChars = charsOf(blocks) - charsOf(shown)
  const isArticle = metadata.isArticle || metadata.scripts > documentScripts
  const article = isArticle ? articleOf(outline) : []
  await pause()
  for (const [method, kept] of [
    ['article', withoutRepeats(article)],
    ['document', documentOf(outline)],
    ['whole page', shown],
  ] as const)
    if (charsOf(kept) >= fewChars) return { kept, method, hiddenChars, hiddenKept: false }
  const hiddenKept = hiddenChars >= fewChars
  return { kept: hiddenKept ? blocks : shown, method: 'whole page', hiddenChars, hiddenKept }
}

function charsOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { chars }) => sum + chars, 0)
}

/** Sets a figure of each element to its sum over the blocks inside. */
function addUp({ elements, blocks }: Outline, name: 'chars' | 'links' | 'prose', figure: (block: Block) => number): void {
  for (const element of elements) element[name] = 0
  for (const block of blocks) block.element[name] += figure(block)
  for (const element of elements.toReversed()) if (element.parent !== undefined) element.parent[name] += element[name]
}

/** Characters that are neither in links nor in short blocks. */
function proseOf({ chars, links }: Block): number {
  return chars < proseChars ? 0 : Math.max(0, chars - links)
}

function markHidden(outline: Outline): void {
  const { elements, blocks } = outline
  for (const e of elements) e.hidden = e.parent?.hidden === true || (e.traits & Trait.hidden) !== 0
  addUp(outline, 'chars', ({ chars }) => chars)
  addUp(outline, 'links', ({ links }) => links)
  addUp(outline, 'prose', (block) => (block.element.hidden ? 0 : proseOf(block)))
  for (const block of blocks) {
    for (let e: BlockElement | undefined = block.element; e !== undefined && e.first === undefined; e = e.parent) e.first = block
    if (block.chars < teaser.title) continue
    for (let e: BlockElement | undefined = block.element; e !== undefined && e.title === undefined; e = e.parent) e.title = block
  }
}

/** Elements that are hidden, around the content, named as noise, or boxes of teasers. The prose of elements is then that outside of them. */
function markNoise(outline: Outline): void {
  const { elements, page } = outline
  for (const e of elements)
    if (e.parent !== undefined && isTeaser(e)) {
      e.parent.teasers += 1
      e.parent.teaserChars += e.chars
    }
  for (const e of elements) {
    const isTeasers = e.teasers >= teaser.count && e.teaserChars > teaser.fill * e.chars
    e.noise = e.parent?.noise === true || e.hidden || isTeasers || isNamedNoise(e, page)
  }
  addUp(outline, 'prose', (block) => (block.element.noise ? 0 : proseOf(block)))
}

function isNamedNoise({ traits, prose, first, chars, links }: BlockElement, page: BlockElement): boolean {
  if ((traits & (Trait.around | Trait.unlikely)) === 0 || prose >= wholeShare * page.prose) return false
  if ((traits & Trait.around) !== 0 || first?.kind !== 'heading') return true
  return links > headedLinks * (chars - first.chars)
}

function isTeaser({ title, chars, links }: BlockElement): boolean {
  if (title === undefined || chars >= teaser.chars || chars - links < teaser.excerpt) return false
  return title.links >= linkParagraph * title.chars
}

function documentOf({ elements, blocks, page }: Outline): Block[] {
  const main = elements.findLast((e) => (e.traits & Trait.main) !== 0 && e.prose >= articleShare * page.prose) ?? page
  // A menu without a name stands before the content.
  const start = blocks.findIndex(({ kind, links, chars }) => kind === 'heading' || links < linkParagraph * chars)
  return blocks.filter(({ element, links }, i) => isIn(element, main) && !element.noise && (i >= start || links === 0))
}

function isIn(element: BlockElement, around: BlockElement): boolean {
  let e: BlockElement | undefined = element
  while (e !== undefined && e !== around) e = e.parent
  return e === around
}

function articleOf(outline: Outline): Block[] {
  const { elements, blocks } = outline
  const { top, least } = articleElement(outline)
  for (const e of elements) {
    const isSibling = top.parent !== undefined && e.parent === top.parent && e.score >= least && !e.noise
    e.inside = e.parent?.inside === true || e === top || isSibling
    // Lists in lists and in tables of data are checked with what they are in.
    e.held = e.parent !== undefined && (e.parent.held || lists.test(e.parent.name) || e.parent.name === 'table')
    e.left = e.parent?.left === true || e.noise || (e.inside && e !== top && isLinkList(e))
  }
  const kept = blocks.filter(({ element, kind, links, chars }, i) => {
    const leadsElsewhere = kind === 'text' && links > 0 && links >= linkParagraph * chars
    const isLabel = element.held && blocks[i + 1]?.kind === 'item' // as in a table of keys and values
    return element.inside && !element.left && (!leadsElsewhere || isLabel)
  })
  return [...headingsBefore(kept, blocks, top), ...kept]
}

/** The element with the best score, or the next one around it that holds enough of the prose; `least`: a good score for a sibling of it. */
function articleElement({ elements, blocks, page }: Outline): { top: BlockElement; least: number } {
  for (const { element, kind, chars, links, marks } of blocks) {
    if (element.noise || chars < proseChars || kind === 'heading') continue
    const points = (1 + marks + Math.min(3, chars / 100)) * (1 - links / chars)
    let e: BlockElement | undefined = paragraphs.test(element.name) ? element.parent : element
    for (let level = 0; level < scoreLevels && e?.parent !== undefined; level++, e = e.parent) e.score += points / (level + 1)
  }
  let top = page
  for (const e of elements) {
    if (e.score > 0) e.score = (e.score + (e.name === 'div' ? 5 : 0)) * (1 - e.links / e.chars)
    if (e.score > top.score) top = e
  }
  const least = Math.max(10, top.score * 0.2)
  while (top.parent !== undefined && top.prose < articleShare * page.prose) top = top.parent
  return { top, least }
}

/** A box of links, except a list between paragraphs. */
function isLinkList({ name, held, parent, chars, links, prose }: BlockElement): boolean {
  if (held || !boxes.test(name) || links <= linkBox * chars) return false
  return !lists.test(name) || parent === undefined || parent.prose - prose < 2 * chars
}

/** Subtitles stand above the article's element. The page's title is shown with its facts. */
function headingsBefore(kept: readonly Block[], blocks: readonly Block[], top: BlockElement): Block[] {
  let around = top
  for (let level = 0; level < scoreLevels; level++) around = around.parent ?? around
  const before = kept[0] === undefined ? [] : blocks.slice(0, blocks.indexOf(kept[0]))
  return before.filter(
    ({ kind, element, links, chars, text }) =>
      kind === 'heading' && !element.noise && isIn(element, around) && links < linkBox * chars && !/^\s*# /.test(text),
  )
}

/** Galleries repeat their captions. What an author repeats stands in the same element. */
function withoutRepeats(blocks: readonly Block[]): Block[] {
  const seen = new Map<string, BlockElement | undefined>()
  return blocks.filter(({ text, chars, kind, element }) => {
    if (chars < repeatedChars || kind === 'row' || kind === 'code') return true
    const bare = text.replace(/^[\s>#-]+/, '')
    const isRepeated = seen.has(bare) && seen.get(bare) !== element.parent
    seen.set(bare, element.parent)
    return !isRepeated
  })
}
