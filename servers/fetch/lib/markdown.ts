// From opened and closed elements to Markdown, in one pass and without a tree: the only writer of Markdown here, behind the stream of a large
// page as behind the DOM of a small one.
import { cleanText } from '../../kit/text.ts'
import type { HtmlEvents } from './html-events.ts'
import { type Attributes, isAround, isHidden, isMain } from './visibility.ts'

export interface MarkdownOptions {
  /** Of the page: what relative links are resolved against, until a `base` element says otherwise. */
  readonly baseUrl: string
  /** False: the text of links without their addresses. */
  readonly links: boolean
  /** Most characters of Markdown; what comes after is counted as cut. */
  readonly maxChars: number
  /** The elements were chosen by someone else: nothing is left out as navigation. */
  readonly chosen?: boolean
}

export interface PageFacts {
  title?: string
  byline?: string
  published?: string
  language?: string
  description?: string
}

/** How likely a block belongs to what the page is about. */
const rank = { around: '\x01', body: '\x02', main: '\x03' } as const
type Rank = (typeof rank)[keyof typeof rank]

const blocks = new Set(
  'address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main nav ol p pre section summary table tbody td tfoot th thead tr ul'.split(
    ' ',
  ),
)
const voids = new Set('area base br col embed hr img input link meta param source track wbr'.split(' '))
const marks: Readonly<Record<string, string>> = { strong: '**', b: '**', em: '*', i: '*', del: '~~', s: '~~', strike: '~~' }
/** What a cell that holds one of these is: a part of a layout and not of a table. */
const notInCells = new Set(['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'pre', 'table', 'blockquote', 'article', 'section', 'form'])
/** An element that is opened closes these, up to one of the second list (HTML §13.1.2.4, optional tags). */
const implied: Readonly<Record<string, readonly [readonly string[], readonly string[]]>> = {
  li: [['li'], ['ul', 'ol', 'menu']],
  dt: [['dt', 'dd'], ['dl']],
  dd: [['dt', 'dd'], ['dl']],
  tr: [['tr', 'td', 'th'], ['table']],
  td: [
    ['td', 'th'],
    ['tr', 'table'],
  ],
  th: [
    ['td', 'th'],
    ['tr', 'table'],
  ],
  tbody: [['thead', 'tbody', 'tr'], ['table']],
  option: [['option'], ['select']],
}

const maxDepth = 256
const maxBlockChars = 32_768
const maxCodeChars = 200_000
const maxUrlChars = 500
const maxTitleChars = 300
const chunkChars = 16_384
/** Below this, by weight, a part of a page is taken to have no content of its own. */
export const fewChars = 200

interface Open {
  readonly name: string
  readonly hidden: boolean
  readonly around: boolean
  readonly main: boolean
  /** Where its content begins among the parts of the block. */
  at: number
  readonly href: string | undefined
  readonly list: { readonly ordered: boolean; next: number } | undefined
  readonly table: Table | undefined
}

interface Table {
  layout: boolean
  rows: number
  cells: string[]
  inCell: boolean
}

export class MarkdownWriter implements HtmlEvents {
  readonly facts: PageFacts = {}
  /** Something was left out at `maxChars`. */
  cut = false
  /** Known after `finish`: the page itself says which part of it is the main one. */
  sure = false
  readonly #options: MarkdownOptions
  readonly #stack: Open[] = []
  #beyond = 0 // elements opened beyond maxDepth
  #base: string
  #hidden = 0
  #around = 0
  #main = 0
  #hasMain = false
  #parts: string[] = []
  #chars = 0
  #textChars = 0
  #linkChars = 0
  #link = 0
  #pre = 0
  #code = 0
  #language = ''
  #marker = '' // of the list item that has not written its first block
  #lists = 0
  #lastInList = false
  #quotes = 0
  #title: string[] | undefined
  #heading: string | undefined
  #pending: string[] = []
  #pendingChars = 0
  #total = 0
  readonly #chunks: string[] = []
  readonly #sums: Record<Rank, number> = { [rank.around]: 0, [rank.body]: 0, [rank.main]: 0 }

  constructor(options: MarkdownOptions) {
    this.#options = options
    this.#base = options.baseUrl
  }

  open(name: string, attributes: Attributes): void {
    if (voids.has(name)) return this.#void(name, attributes)
    this.#closeImplied(name)
    if (this.#stack.length >= maxDepth) {
      this.#beyond += 1
      return
    }
    const formula = name === 'math' && this.#hidden === 0 ? attributes.alttext : undefined
    if (formula !== undefined) this.text(` ${formula} `)
    // The formula's own text is the same once more, letter by letter.
    const hidden = formula !== undefined || isHidden(name, attributes)
    const found = hidden || this.#options.chosen === true ? undefined : isMain(name, attributes)
    if (found === 'main') this.#hasMain = true
    const around = !hidden && this.#options.chosen !== true && found === undefined && isAround(name, attributes, this.#main > 0)
    // Before the counters change: what came so far belongs to what was open.
    if (this.#hidden === 0 && blocks.has(name)) this.#boundary(name)
    if (hidden) this.#hidden += 1
    if (around) this.#around += 1
    if (found !== undefined) this.#main += 1
    const element: Open = {
      name,
      hidden,
      around,
      main: found !== undefined,
      at: this.#parts.length,
      href: name === 'a' && this.#hidden === 0 ? this.#address(attributes.href) : undefined,
      list:
        name === 'ul' || name === 'ol' || name === 'menu'
          ? { ordered: name === 'ol', next: Math.trunc(Number(attributes.start ?? 1)) || 1 }
          : undefined,
      table: name === 'table' ? { layout: false, rows: 0, cells: [], inCell: false } : undefined,
    }
    this.#stack.push(element)
    if (name === 'title' && this.facts.title === undefined && this.#hidden === 0) this.#title = []
    if (name === 'html' && attributes.lang !== undefined) this.facts.language ??= cleanText(attributes.lang).slice(0, 35)
    if (this.#hidden > 0) return
    this.#enter(element, attributes)
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
    if (this.#title !== undefined) {
      if (this.#title.length < 50) this.#title.push(text)
      return
    }
    if (this.#hidden > 0 || text === '') return
    if (this.#pre > 0) {
      if (this.#chars < maxCodeChars) this.#push(text)
      else this.cut = true
      return
    }
    const last = this.#parts.at(-1)
    const collapsed = text.replace(/[ \t\n\r\f\u00a0]+/g, ' ')
    const joined = last === undefined || /\s$/.test(last) ? collapsed.replace(/^ /, '') : collapsed
    if (joined === '') return
    this.#textChars += joined.length
    if (this.#link > 0) this.#linkChars += joined.length
    this.#push(joined)
    if (this.#chars > maxBlockChars && this.#table()?.inCell !== true) this.#flush()
  }

  /**
   * What was written, best part first chosen: the page's main part when it says where that is, else all but navigation, else all.
   * @param pause called between slices of work, so that nobody waits for it
   */
  async finish(pause: () => Promise<void>): Promise<string> {
    while (this.#stack.length > 0) this.#leave()
    this.#flush()
    this.#join()
    const { [rank.main]: main, [rank.body]: body } = this.#sums
    this.sure = main >= fewChars && (this.#hasMain || main >= 0.4 * (main + body))
    const least: Rank = this.sure ? rank.main : main + body >= fewChars ? rank.body : rank.around
    const kept: string[] = []
    for (const [i, chunk] of this.#chunks.entries()) {
      await pause()
      const blocks = chunk.split(/(?=[\x01-\x03])/).filter((block) => block.charAt(0) >= least)
      // Joined at once: a slice would keep its whole chunk in memory.
      kept.push(blocks.map((block) => block.slice(1)).join(''))
      this.#chunks[i] = ''
    }
    return kept.join('').replace(/^\n+/, '')
  }

  #enter(element: Open, attributes: Attributes): void {
    const { name } = element
    const table = this.#table()
    if (element.list !== undefined) this.#lists += 1
    switch (name) {
      case 'pre':
        this.#pre += 1
        this.#language = languageOf(attributes)
        break
      case 'code':
        if (this.#pre > 0) this.#language ||= languageOf(attributes)
        else this.#code += 1
        break
      case 'a':
        this.#link += 1
        break
      case 'blockquote':
        this.#quotes += 1
        break
      case 'div':
        // Highlighters name the language on the box around the code.
        this.#language = languageOf(attributes) || this.#language
        break
      case 'li': {
        const list = this.#stack.findLast((each) => each.list !== undefined)?.list
        this.#marker = list?.ordered === true ? `${list.next++}. ` : '- '
        break
      }
      case 'td':
      case 'th':
        if (table !== undefined && !table.layout) {
          table.inCell = true
          for (let more = Math.min(Number(attributes.colspan ?? 1), 10); more > 1; more--) table.cells.push('')
          element.at = this.#parts.length
        }
        break
      case 'time':
        if (attributes.datetime !== undefined) this.facts.published ??= cleanText(attributes.datetime).slice(0, 40)
        break
    }
  }

  #leave(): void {
    const element = this.#stack.at(-1) as Open
    const { name } = element
    if (name === 'title') this.#endTitle()
    if (this.#hidden === 0) this.#end(element)
    this.#stack.pop()
    if (element.hidden) this.#hidden -= 1
    if (element.around) this.#around -= 1
    if (element.main) this.#main -= 1
  }

  #end(element: Open): void {
    const { name } = element
    const table = this.#table()
    if (name === 'a') {
      this.#link -= 1
      this.#endLink(element)
    } else if (name === 'code' && this.#pre === 0) {
      this.#code -= 1
      this.#wrap(element.at, (text) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``))
    } else if (marks[name] !== undefined && this.#pre === 0 && this.#code === 0) {
      const mark = marks[name]
      // Nested or in headings it says nothing.
      const nested = this.#stack.some((each) => each !== element && (marks[each.name] === mark || /^h[1-6]$/.test(each.name)))
      if (!nested) this.#wrap(element.at, (text) => `${mark}${text}${mark}`)
    } else if (name === 'q') this.#wrap(element.at, (text) => `“${text}”`)
    else if (name === 'sup' && this.#pre === 0)
      this.#wrap(element.at, (text) => (/^[\w+−-]{1,8}$/.test(text) ? `^${text}` : text))
    else if (name === 'pre') this.#endCode()
    else if ((name === 'td' || name === 'th') && table !== undefined) this.#endCell(table, element)
    else if (name === 'tr' && table !== undefined) this.#endRow(table)
    else if (blocks.has(name)) this.#boundary(name, true)
    if (element.list !== undefined) {
      this.#lists -= 1
      this.#marker = ''
    }
    if (name === 'li') this.#marker = ''
    if (name === 'blockquote') this.#quotes -= 1
    if (name === 'div' && this.#pre === 0) this.#language = ''
  }

  /** A block begins or ends here. */
  #boundary(name: string, ends = false): void {
    const table = this.#table()
    if (table?.inCell === true && !table.layout) {
      if (ends || !notInCells.has(name)) {
        if (!/\s$/.test(this.#parts.at(-1) ?? ' ')) this.#push(' ')
        return
      }
      this.#dissolve(table)
    }
    if (this.#pre > 0 && name !== 'pre') {
      // Highlighters make each line an element.
      if (ends && !this.#parts.at(-1)?.endsWith('\n')) this.#push('\n')
      return
    }
    const heading = /^h([1-6])$/.exec(name)?.[1]
    if (ends && heading !== undefined) this.#flush('#'.repeat(Number(heading)))
    else if (ends && name === 'dt') {
      this.#wrap(0, (text) => `**${text}**`)
      this.#flush()
    } else this.#flush()
  }

  #void(name: string, attributes: Attributes): void {
    if (name === 'meta') return this.#meta(attributes)
    if (name === 'base' && attributes.href !== undefined && /^https?:/i.test(attributes.href)) {
      this.#base = resolve(attributes.href, this.#base) ?? this.#base
    }
    if (this.#hidden > 0) return
    if (name === 'br') {
      if (this.#table()?.inCell === true) this.#push(' ')
      else if (this.#parts.length > 0) this.#push('\n')
    } else if (name === 'hr') this.#boundary(name)
    else if (name === 'img' && this.#pre === 0 && !isHidden(name, attributes)) {
      const alt = cleanText(attributes.alt ?? '')
        .replace(/\s+/g, ' ')
        .trim()
      if (alt === '') return
      const url = this.#link > 0 || !this.#options.links ? undefined : this.#address(attributes.src)
      this.#push(url === undefined ? `[image: ${alt}]` : `![${alt}](${url})`)
    }
  }

  #meta({ name, property, itemprop, content }: Attributes): void {
    if (content === undefined || content.trim() === '') return
    const text = cleanText(content).replace(/\s+/g, ' ').trim().slice(0, maxTitleChars)
    const key = (property ?? name ?? itemprop ?? '').toLowerCase()
    if (key === 'og:title') this.facts.title ??= text
    else if (key === 'author' || key === 'article:author' || key === 'dc.creator') {
      if (!/^https?:/.test(text)) this.facts.byline ??= text
    } else if (/^(article:published_time|date|datepublished|dc\.date|pubdate|publish-date)$/.test(key))
      this.facts.published ??= text
    else if (key === 'description' || key === 'og:description') this.facts.description ??= text
  }

  #endTitle(): void {
    if (this.#title === undefined) return
    const title = cleanText(this.#title.join('')).replace(/\s+/g, ' ').trim().slice(0, maxTitleChars)
    if (title !== '') this.facts.title = title
    this.#title = undefined
  }

  #endLink(element: Open): void {
    this.#wrap(element.at, (text) => {
      if (/^[#¶§🔗]?$/u.test(text)) return ''
      return element.href === undefined || !this.#options.links || this.#pre > 0 ? text : `[${text}](${element.href})`
    })
  }

  #endCode(): void {
    this.#pre -= 1
    if (this.#pre > 0) return
    const code = this.#parts
      .join('')
      .replace(/\r\n?/g, '\n')
      .replace(/^\n+|\s+$/g, '')
    const language = this.#language
    this.#reset()
    this.#language = ''
    if (code.trim() === '') return
    const longest = Math.max(2, ...[...code.matchAll(/`{3,}/g)].slice(0, 100).map(([ticks]) => ticks.length))
    const fence = '`'.repeat(Math.min(longest + 1, 100))
    this.#write(`${fence}${language}\n${code}\n${fence}`, 0)
  }

  #endCell(table: Table, element: Open): void {
    if (table.layout) return this.#flush()
    if (!table.inCell) return
    const text = this.#parts.splice(element.at).join('').replace(/\s+/g, ' ').trim()
    table.cells.push(text.replaceAll('|', '\\|'))
    table.inCell = false
  }

  #endRow(table: Table): void {
    const { cells } = table
    table.cells = []
    if (table.layout) return this.#flush()
    if (cells.every((cell) => cell === '')) return this.#reset()
    const links = this.#linkShare()
    this.#reset()
    if (cells.length === 1 && table.rows === 0) return this.#write(cells[0] as string, links)
    const row = `| ${cells.join(' | ')} |`
    const line = table.rows === 0 ? `${row}\n|${' --- |'.repeat(cells.length)}` : row
    this.#write(line, links, table.rows > 0)
    table.rows += 1
  }

  /** The table turns out to be a layout: what its row has so far becomes blocks. */
  #dissolve(table: Table): void {
    table.layout = true
    table.inCell = false
    const { cells } = table
    const rest = this.#parts.join('')
    const links = this.#linkShare()
    table.cells = []
    this.#reset()
    for (const cell of cells) if (cell !== '') this.#write(cell, links)
    if (rest.trim() !== '') this.#write(rest.trim(), links)
  }

  #closeImplied(name: string): void {
    const rule = implied[name]
    if (rule !== undefined) {
      const [closes, until] = rule
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
    const inner = text.trim().replace(/\s*\n\s*/g, ' ')
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

  #flush(heading = ''): void {
    if (this.#parts.length === 0) return
    const text = this.#parts
      .join('')
      .replace(/ *\n[ \n]*/g, '\n')
      .trim()
    const links = this.#linkShare()
    this.#reset()
    if (text === '') return
    if (heading === '') return this.#write(text, links)
    const line = text.replaceAll('\n', ' ')
    if (line === this.#heading) return
    this.#heading = line
    this.#write(`${heading} ${line}`, 0)
  }

  #linkShare(): number {
    return this.#textChars === 0 ? 0 : this.#linkChars / this.#textChars
  }

  /** @param links share of the text that is in links @param tight it follows the block before without an empty line */
  #write(block: string, links: number, tight = false): void {
    let text = cleanText(block)
    let close = tight
    if (this.#lists > 0) {
      const indent = '  '.repeat(Math.min(this.#lists, 10) - 1)
      const first = this.#marker !== ''
      close ||= first && this.#lastInList
      text = `${indent}${first ? this.#marker : '  '}${text.replaceAll('\n', `\n${indent}  `)}`
      this.#marker = ''
    }
    if (this.#quotes > 0) {
      const prefix = '> '.repeat(Math.min(this.#quotes, 5))
      text = `${prefix}${text.replaceAll('\n', `\n${prefix}`)}`
    }
    this.#lastInList = this.#lists > 0
    // A line of links, and nothing else, is a menu; in the main part it is a list of links.
    const menu = links > 0.7 && this.#main === 0 && this.#options.chosen !== true
    const of: Rank = this.#around > 0 || menu ? rank.around : this.#main > 0 ? rank.main : rank.body
    if (this.#total + text.length > this.#options.maxChars) {
      this.cut = true
      return
    }
    this.#total += text.length + 2
    this.#sums[of] += weightOf(text)
    this.#pending.push(of, close ? '\n' : '\n\n', text)
    this.#pendingChars += text.length
    if (this.#pendingChars > chunkChars || this.#pending.length > 3_000) this.#join()
  }

  /** Many small strings cost far more than their characters. */
  #join(): void {
    if (this.#pending.length > 0) this.#chunks.push(this.#pending.join(''))
    this.#pending = []
    this.#pendingChars = 0
  }

  #table(): Table | undefined {
    for (let i = this.#stack.length - 1; i >= 0; i--) {
      const { table } = this.#stack[i] as Open
      if (table !== undefined) return table
    }
    return undefined
  }

  /** An address worth showing: not a script, not data, not a place on the same page. */
  #address(href: string | undefined): string | undefined {
    if (href === undefined || !this.#options.links) return undefined
    const trimmed = href.trim()
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.length > maxUrlChars) return undefined
    const url = resolve(trimmed, this.#base)
    return url === undefined || url.length > maxUrlChars || !/^(https?|mailto|tel):/.test(url)
      ? undefined
      : cleanText(url).replaceAll('(', '%28').replaceAll(')', '%29')
  }
}

/** A character of Chinese, Japanese or Korean says as much as three of an alphabet. */
function weightOf(text: string): number {
  const sample = text.slice(0, 2_000)
  return text.length + 2 * (sample.match(/[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/g)?.length ?? 0)
}

function resolve(href: string, base: string): string | undefined {
  try {
    return new URL(href, base).href
  } catch {
    return undefined // not an address
  }
}

function languageOf(attributes: Attributes): string {
  const named = /(?:^|[\s-])(?:language|lang|highlight-source|highlight-text|highlight|brush:)[-\s]?([a-z][\w+#-]{0,19})/i
  return (attributes['data-lang'] ?? named.exec((attributes.class ?? '').slice(0, 300))?.[1] ?? '').replace(/[^\w+#-]/g, '')
}
