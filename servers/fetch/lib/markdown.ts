// Writes Markdown from opened and closed elements, in one pass without a tree. Over 400 lines because the rules for text, lists, tables, code,
// links and formulas share the state of one block.
import { cleanText } from '../../kit/text.ts'
import { parseUrl } from '../../kit/web-address.ts'
import type { Attributes, HtmlEvents } from '../types.ts'
import { FormulaReader } from './formula.ts'
import { Metadata } from './metadata.ts'
import { type BlockElement, type BlockKind, Outline } from './outline.ts'
import { Table } from './table.ts'
import { isHidden, namesIn, silentTags, Trait, traitsOf, unseenStyle } from './visibility.ts'

interface MarkdownOptions {
  /** Address of the page; relative links are resolved against it, or against its `base` element. */
  readonly baseUrl: string
  /** False: the text of links without their addresses. */
  readonly links: boolean
  /** Most characters of Markdown. */
  readonly maxChars: number
}

const blocks = namesIn(
  'address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav noscript ol p pre search section summary table tbody td tfoot th thead tr ul',
)
const voids = namesIn('area base br col embed hr img input link meta param source track wbr')
const marks = new Map(Object.entries({ strong: '**', b: '**', em: '*', i: '*', del: '~~', s: '~~', strike: '~~' }))
/** A cell that holds one of these is part of a layout, not of a table of data. */
const notInCells = namesIn('h1 h2 h3 h4 h5 h6 pre table blockquote article section form')
/** An element that is opened closes these, up to one of the second list (HTML §13.1.2.4, optional tags). */
const implied = new Map(
  'li:li:ul ol menu|dt:dt dd:dl|dd:dt dd:dl|tr:tr td th:table|td:td th:tr table|th:td th:tr table|tbody:thead tbody tr:table|option:option:select|rt:rt rp:ruby|rp:rt rp:ruby'
    .split('|')
    .map((rule) => rule.split(':').map((names) => names.split(' ')))
    .map(([[name = ''] = [], closes = [], until = []]) => [name, { closes, until }]),
)

const counted = new Map(
  Object.entries({ pre: 'pre', code: 'code', a: 'link', ul: 'list', ol: 'list', menu: 'list', blockquote: 'quote' } as const),
)

const maxDepth = 256
const maxBlockChars = 32_768
const maxCodeChars = 200_000
const maxCodeLinks = 100
const maxUrlChars = 500

interface Open {
  readonly name: string
  /** Its text is not text of the page. */
  readonly silent: boolean
  traits: number
  /** In the outline; undefined until a block of text is inside. */
  outline: BlockElement | undefined
  /** Index of its first part in the block. */
  at: number
  href: string | undefined
  readonly list: { readonly ordered: boolean; next: number } | undefined
  readonly table: Table | undefined
}

export class MarkdownWriter implements HtmlEvents {
  readonly metadata = new Metadata()
  /** Something was left out at `maxChars`. */
  cut = false
  readonly outline = new Outline()
  /** Characters of inline elements that are hidden. */
  hiddenChars = 0
  readonly #options: MarkdownOptions
  readonly #stack: Open[] = []
  #beyond = 0 // elements opened beyond maxDepth
  /** What relative links are resolved against. */
  base: string
  #hasBase = false
  #silent = 0
  #parts: string[] = []
  #chars = 0
  #textChars = 0
  #linkChars = 0
  #inPage = false // the link leads to a place on the same page, or nowhere
  /** Open elements that are not silent. */
  readonly #inside = { pre: 0, code: 0, link: 0, list: 0, quote: 0 }
  #language = ''
  readonly #codeLinks = new Set<string>()
  #marker = '' // of the list item that has not written its first block
  #lastInList = false
  #formula: FormulaReader | undefined
  #image = ''
  #total = 0

  constructor(options: MarkdownOptions) {
    this.#options = options
    this.base = options.baseUrl
  }

  open(name: string, attributes: Attributes): void {
    if (voids.has(name)) return this.#void(name, attributes)
    this.#closeImplied(name)
    if (this.#stack.length >= maxDepth) {
      this.#beyond += 1
      return
    }
    const block = blocks.has(name)
    // HTML §13.2.6.5: these end foreign content that was left open.
    if (this.#formula !== undefined && block) this.close('math')
    // Formulas often stand in a hidden element beside an image or styled letters that show the same.
    if (this.#formula !== undefined) this.#formula.open(name, attributes)
    else if (name === 'math' && this.#silent === (this.#stack.at(-1)?.silent === true ? 1 : 0))
      this.#formula = new FormulaReader(attributes)
    else if (name === 'script' && /^math\/tex/i.test(attributes.type ?? ''))
      this.#formula = new FormulaReader({ display: /display/i.test(attributes.type ?? '') ? 'block' : undefined }, 'annotation')
    const hidden = this.#silent === 0 && isHidden(name, attributes)
    const silent =
      silentTags.has(name) ||
      unseenStyle.test(attributes.style ?? '') ||
      (hidden && (!block || this.#inside.pre > 0 || this.#table()?.inCell === true))
    // Before the state changes: what came so far belongs to what was open.
    if (this.#silent === 0 && !silent && block) this.#boundary(name)
    const insideMain = name === 'header' && this.#stack.some((element) => (element.traits & Trait.main) !== 0)
    const traits = block && !silent ? traitsOf(name, attributes, insideMain) | (hidden ? Trait.hidden : 0) : 0
    if (silent) this.#silent += 1
    const href = name === 'a' && this.#silent === 0 ? this.#address(attributes.href) : undefined
    const next = Math.trunc(Number(attributes.start ?? 1)) || 1
    const list = /^(?:ul|ol|menu)$/.test(name) ? { ordered: name === 'ol', next } : undefined
    const table = name === 'table' ? new Table() : undefined
    const element: Open = { name, silent, traits, outline: undefined, at: this.#parts.length, href, list, table }
    this.#stack.push(element)
    this.metadata.open(name, attributes)
    if (this.#silent === 0) this.#enter(element, attributes)
  }

  close(name: string): void {
    if (voids.has(name)) return name === 'br' ? this.#void(name, {}) : undefined
    if (this.#beyond > 0) {
      this.#beyond -= 1
      return
    }
    const at = this.#stack.findLastIndex((element) => element.name === name)
    if (at === -1) return
    // A stray end tag inside a cell does not end what the table is in.
    if (this.#stack.findLastIndex((element) => element.name === 'table') > at && !blocks.has(name)) return
    while (this.#stack.length > at) this.#leave()
  }

  text(text: string): void {
    if (text === '' || this.metadata.text(text)) return
    if (this.#formula !== undefined) return this.#formula.text(text)
    if (this.#silent > 0) {
      // Scripts and the like hide nothing.
      if (!this.#stack.some((element) => silentTags.has(element.name))) this.hiddenChars += text.length
      return
    }
    if (this.#inside.pre > 0) {
      if (this.#chars < maxCodeChars) this.#push(text)
      else this.cut = true
      return
    }
    const last = this.#parts.at(-1)
    const collapsed = text.replaceAll('\u00ad', '').replace(/[ \t\n\r\f\u00a0]+/g, ' ')
    const joined = last === undefined || /\s$/.test(last) ? collapsed.replace(/^ /, '') : collapsed
    if (joined === '') return
    this.#textChars += joined.length
    if (this.#inside.link > 0 && !this.#inPage) this.#linkChars += joined.length
    this.#push(joined)
    if (this.#chars > maxBlockChars && this.#table()?.inCell !== true) this.#flush()
  }

  end(): void {
    while (this.#stack.length > 0) this.#leave()
    this.#flush()
    this.outline.end()
  }

  #enter({ name }: Open, attributes: Attributes): void {
    const count = counted.get(name)
    if (count !== undefined) this.#inside[count] += 1
    // Highlighters name the language on the box around the code, on `pre` or on `code`.
    if (name === 'div' || name === 'pre' || (name === 'code' && this.#inside.pre > 0))
      this.#language = languageOf(attributes) || this.#language
    // A table of contents says what the page is about; it is not navigation to others.
    if (name === 'a') this.#inPage = attributes.href === undefined || attributes.href.startsWith('#')
    if (name === 'li') {
      const list = this.#stack.findLast((each) => each.list !== undefined)?.list
      if (list !== undefined && /^-?\d{1,9}$/.test(attributes.value ?? '')) list.next = Number(attributes.value)
      this.#marker = list?.ordered === true ? `${list.next++}. ` : '- '
    }
    const table = this.#table()
    if ((name === 'td' || name === 'th') && table?.isLayout === false) table.beginCell(attributes)
  }

  #leave(): void {
    const element = this.#stack.at(-1) as Open
    const { name } = element
    this.metadata.close(name)
    const formula = this.#formula?.close()
    if (this.#silent === 0) this.#end(element)
    this.#stack.pop()
    if (element.silent) this.#silent -= 1
    if (formula === undefined) return
    this.#formula = undefined
    if (formula !== '') this.#writeFormula(formula)
  }

  #writeFormula(formula: string): void {
    // The hidden element that it stands in does not hide it.
    const parent = this.#stack.at(-1)
    if (parent !== undefined) parent.traits &= ~Trait.hidden
    const silent = this.#silent
    this.#silent = 0
    this.text(` ${formula} `)
    this.#silent = silent
  }

  #end(element: Open): void {
    const { name } = element
    const table = this.#table()
    const isPlain = this.#inside.pre === 0
    const mark = marks.get(name)
    if (name === 'a') this.#endLink(element)
    else if (name === 'code' && isPlain)
      this.#wrap(element.at, (text) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``))
    else if (mark !== undefined && isPlain && this.#inside.code === 0) {
      // Nested or in headings it says nothing.
      const nested = this.#stack.some((each) => each !== element && (marks.get(each.name) === mark || /^h[1-6]$/.test(each.name)))
      if (!nested) this.#wrap(element.at, (text) => `${mark}${text}${mark}`)
    } else if (name === 'q') this.#wrap(element.at, (text) => `“${text}”`)
    else if (name === 'rt') this.#wrap(element.at, (text) => `(${text})`)
    else if (name === 'sup' && isPlain) this.#wrap(element.at, (text) => (/^[\w+−-]{1,8}$/.test(text) ? `^${text}` : text))
    else if (name === 'pre') this.#endCode()
    else if ((name === 'td' || name === 'th') && table !== undefined) {
      if (table.inCell) table.endCell(this.#parts.splice(element.at).join('').replace(/\s+/g, ' ').trim())
      else this.#flush()
    } else if (name === 'tr' && table !== undefined) this.#endRow(table)
    else if (blocks.has(name)) this.#boundary(name, true)
    if (name === 'li' || element.list !== undefined) this.#marker = ''
    if (name === 'div' && isPlain) this.#language = ''
    const count = counted.get(name)
    if (count !== undefined) this.#inside[count] -= 1
  }

  /** A block begins or ends here. */
  #boundary(name: string, ends = false): void {
    const table = this.#table()
    if (table?.inCell === true) {
      // A list in a table of keys and values; in a wider table the columns matter more.
      const isBlock = notInCells.has(name) || ((name === 'ul' || name === 'ol') && table.isNarrow)
      if (ends || !isBlock) {
        if (!/\s$/.test(this.#parts.at(-1) ?? ' ')) this.#push(' ')
        return
      }
      this.#dissolve(table)
    }
    if (this.#inside.pre > 0 && name !== 'pre') {
      // Highlighters make each line an element.
      if (ends && !this.#parts.at(-1)?.endsWith('\n')) this.#push('\n')
      return
    }
    const heading = /^h([1-6])$/.exec(name)?.[1]
    if (ends && heading !== undefined) this.#flush('#'.repeat(Number(heading)))
    else if (ends && name === 'dt') {
      this.#wrapLink()
      this.#wrap(0, (text) => `**${text}**`)
      this.#flush()
    } else this.#flush()
  }

  #void(name: string, attributes: Attributes): void {
    this.metadata.open(name, attributes)
    if (name === 'base' && attributes.href !== undefined && !this.#hasBase) {
      this.#hasBase = true
      this.base = parseUrl(attributes.href, this.base)?.href ?? this.base
    }
    if (this.#silent > 0 || this.#formula !== undefined) return
    if (name === 'br') {
      if (this.#table()?.inCell === true) this.#push(' ')
      else if (this.#parts.length > 0) this.#push('\n')
    } else if (name === 'hr') this.#boundary(name)
    else if (name === 'img' && this.#inside.pre === 0 && !isHidden(name, attributes)) {
      const alt = cleanText(attributes.alt ?? '')
        .replace(/\s+/g, ' ')
        .trim()
      if (alt === '') return
      // The first address of a lazy image is that of a placeholder.
      const src = attributes['data-src'] ?? attributes['data-original'] ?? attributes.src
      const url = this.#inside.link > 0 || !this.#options.links ? undefined : this.#address(src)
      const image = url === undefined ? `[image: ${alt}]` : `![${alt}](${url})`
      if (image === this.#image) return // the same again in <noscript>
      this.#image = image
      this.#push(image)
    }
  }

  #endLink({ at, href }: Open): void {
    if (this.#inside.pre > 0) return this.#endCodeLink(at, href)
    this.#wrap(at, (text) => {
      if (/^[#¶§🔗]?$/u.test(text)) return ''
      return href === undefined ? text : `[${text}](${href})`
    })
  }

  /** Code stays as it is; links whose address does not stand there follow it. */
  #endCodeLink(at: number, href: string | undefined): void {
    const text = this.#parts.splice(at).join('')
    if (text !== '') this.#parts.push(text)
    if (href === undefined || text.length > maxUrlChars || this.#codeLinks.size >= maxCodeLinks) return
    const label = text.replace(/\s+/g, ' ').trim()
    if (label !== '' && !/^https?:/.test(label)) this.#codeLinks.add(`[${label}](${href})`)
  }

  /** A block ends inside a link, as in `<a><h3>`: its first block of text becomes the link. */
  #wrapLink(): void {
    const link = this.#inside.link === 0 ? undefined : this.#stack.findLast((element) => element.name === 'a')
    if (link?.href === undefined || this.#textChars === 0) return
    this.#endLink(link)
    link.href = undefined
  }

  #endCode(): void {
    if (this.#inside.pre > 1) return
    const code = this.#parts.join('').replace(/\r\n?/g, '\n').replace(/^\n+/, '').trimEnd()
    const language = this.#language
    const links = this.#codeLinks.size === 0 ? '' : `\n\nLinks: ${[...this.#codeLinks].join(', ')}`
    this.#reset()
    this.#language = ''
    this.#codeLinks.clear()
    if (code.trim() === '') return
    const longest = Math.max(2, ...[...code.matchAll(/`{3,}/g)].slice(0, 100).map(([ticks]) => ticks.length))
    const fence = '`'.repeat(Math.min(longest + 1, 100))
    this.#textChars = code.length
    this.#write(`${fence}${language}\n${code}\n${fence}${links}`, 'code')
  }

  #endRow(table: Table): void {
    if (table.isLayout) this.#flush()
    const row = table.endRow()
    if (row === undefined) return this.#reset()
    this.#write(row.text, row.isRow ? 'row' : 'text', table.rows > 1)
  }

  /** The row turns out to be a layout: what it has so far becomes a block. */
  #dissolve(table: Table): void {
    const cells = [...table.dissolve(), this.#parts.join('').trim()].filter((cell) => cell !== '')
    if (cells.length === 0) this.#reset()
    else this.#write(cells.join('\n\n'), 'text')
  }

  #closeImplied(name: string): void {
    const rule = implied.get(name)
    if (rule !== undefined) {
      const { closes, until } = rule
      for (let i = this.#stack.length - 1; i >= 0; i--) {
        const each = this.#stack[i] as Open
        if (until.includes(each.name)) return
        if (!closes.includes(each.name)) continue
        while (this.#stack.length > i) this.#leave()
      }
    } else if (blocks.has(name) && this.#stack.at(-1)?.name === 'p') this.#leave()
    else if (name === 'body' && this.#stack.at(-1)?.name === 'head') this.#leave()
  }

  /** Replaces what was written since part `at` of the block; spaces at its ends stay outside. */
  #wrap(at: number, mark: (text: string) => string): void {
    if (at >= this.#parts.length) return
    const text = this.#parts.splice(at).join('')
    const inner = text.trim().replace(/(?<!\s)\s*\n\s*/g, ' ')
    const marked = inner === '' ? '' : mark(inner)
    const before = /^\s/.test(text) ? ' ' : ''
    const after = /\s$/.test(text) ? ' ' : ''
    if (`${before}${marked}${after}` !== '') this.#parts.push(`${before}${marked}${after}`)
  }

  #push(text: string): void {
    this.#parts.push(text)
    this.#chars += text.length
  }

  #reset(): void {
    this.#parts = []
    this.#chars = 0
    this.#textChars = 0
    this.#linkChars = 0
    for (const element of this.#stack) element.at = 0
  }

  /** @param heading its number signs */
  #flush(heading = ''): void {
    if (this.#parts.length === 0) return
    this.#wrapLink()
    const text = this.#parts
      .join('')
      .replace(/(?<! ) *\n[ \n]*/g, '\n')
      .trim()
    if (text === '') return this.#reset()
    if (heading === '') return this.#write(text, this.#marker === '' ? 'text' : 'item')
    this.#write(`${heading} ${text.replaceAll('\n', ' ')}`, 'heading')
  }

  /** Ends the block. @param tight it follows the block before without an empty line */
  #write(block: string, kind: BlockKind, tight = false): void {
    let text = cleanText(block)
    const [textChars, linkChars] = [this.#textChars, this.#linkChars]
    this.#reset()
    let close = tight
    if (this.#inside.list > 0) {
      const indent = '  '.repeat(Math.min(this.#inside.list, 10) - 1)
      const first = this.#marker !== ''
      close ||= first && this.#lastInList
      text = `${indent}${first ? this.#marker : '  '}${text.replaceAll('\n', `\n${indent}  `)}`
      this.#marker = ''
    }
    if (this.#inside.quote > 0) {
      const prefix = '> '.repeat(Math.min(this.#inside.quote, 5))
      text = `${prefix}${text.replaceAll('\n', `\n${prefix}`)}`
    }
    this.#lastInList = this.#inside.list > 0
    if (this.#total + text.length > this.#options.maxChars) {
      this.cut = true
      return
    }
    this.#total += text.length + 2
    const weight = text === '' ? 1 : weightOf(text) / text.length
    const marks = text.slice(0, maxBlockChars).match(/[,.;:!?](?=\s|$)|[、。，；！？،؛]/g)?.length ?? 0
    this.outline.addBlock({
      element: this.#element(textChars === 0),
      kind,
      text: `${close ? '\n' : '\n\n'}${text}`,
      chars: Math.round(textChars * weight),
      links: Math.round(linkChars * weight),
      marks,
    })
  }

  /** The innermost open block element. @param image an image in `noscript` belongs to what is around it */
  #element(image: boolean): BlockElement {
    let at = this.#stack.findLastIndex(({ outline }) => outline !== undefined)
    let block = this.#stack[at]?.outline ?? this.outline.page
    for (at += 1; at < this.#stack.length; at++) {
      const element = this.#stack[at] as Open
      if (image && element.name === 'noscript') return block
      if (blocks.has(element.name)) block = this.outline.addElement(block, element.name, element.traits)
      element.outline = block
    }
    return block
  }

  #table(): Table | undefined {
    return this.#stack.findLast(({ table }) => table !== undefined)?.table
  }

  /** An address worth showing: not a script, not data, not a place on the same page. */
  #address(href: string | undefined): string | undefined {
    if (href === undefined || !this.#options.links) return undefined
    const trimmed = href.trim()
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.length > maxUrlChars) return undefined
    const url = parseUrl(trimmed, this.base)?.href
    if (url === undefined || url.length > maxUrlChars || !/^(https?|mailto|tel):/.test(url)) return undefined
    return cleanText(url).replaceAll('(', '%28').replaceAll(')', '%29')
  }
}

/** A character of Chinese, Japanese or Korean says as much as three of an alphabet. */
function weightOf(text: string): number {
  const sample = text.slice(0, 2_000)
  return text.length + 2 * (sample.match(/[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/g)?.length ?? 0)
}

function languageOf(attributes: Attributes): string {
  const named =
    /(?:^|[\s-])(?:language|lang|highlight-source|highlight-text|highlight|brush:)[-\s]?(?!default\b|none\b)([a-z][\w+#-]{0,19})/i
  return (attributes['data-lang'] ?? named.exec((attributes.class ?? '').slice(0, 300))?.[1] ?? '').replace(/[^\w+#-]/g, '')
}
