/// <reference lib="dom" />
// A page as markdown, plain text, HTML or accessibility tree, in one pass with limits, and which lines of its text changed. Runs inside pages.
import { Clock, childrenOf, clean, isField, labelOf, maxDepth, roleOf, shownStyle, shownValue, statesOf } from './dom.ts'

export interface Limits {
  readonly maxChars: number
  readonly ms: number
}

export interface PageText {
  readonly text: string
  /** There is more than the limits let through. */
  readonly cut: boolean
}

export function markdown(root: Element, limits: Limits): PageText {
  return render(root, limits, false)
}

export function plainText(root: Element, limits: Limits): PageText {
  return render(root, limits, true)
}

export function html(root: Element, { maxChars }: Limits): PageText {
  const text = root.outerHTML
  return { text: text.slice(0, maxChars), cut: text.length > maxChars }
}

/** Lines with a prefix for each, one blank line between blocks, and none at either end. */
class Writer {
  readonly lines: string[] = []
  /** Before each line, such as `> `. */
  prefix = ''
  /** Before the next line only, such as the marker of a list item. */
  first: string | undefined
  size = 0
  #line = ''
  /** The prefix of the blank line before the next text, if there is to be one. */
  #gap: string | undefined

  get atStart(): boolean {
    return this.#line === ''
  }

  emit(text: string): void {
    let added = text
    if (this.#line === '') {
      added = text.trimStart()
      if (added === '') return
      if (this.#gap !== undefined && this.lines.length > 0) this.lines.push(shorter(this.#gap, this.prefix.trimEnd()))
      this.#gap = undefined
      this.#line = this.first ?? this.prefix
      this.first = undefined
    } else if (text.startsWith(' ') && this.#line.endsWith(' ')) added = text.slice(1)
    this.#line += added
    this.size += added.length
  }

  /** A whole line as it is, spaces included. */
  verbatim(text: string): void {
    this.end()
    this.lines.push(this.prefix + text)
    this.size += text.length + 1
  }

  end(): void {
    if (this.#line === '') return
    this.lines.push(this.#line.trimEnd())
    this.size += 1
    this.#line = ''
  }

  gap(): void {
    this.end()
    const prefix = this.prefix.trimEnd()
    this.#gap = this.#gap === undefined ? prefix : shorter(this.#gap, prefix)
  }

  finish(): string {
    this.end()
    return this.lines.join('\n')
  }
}

const shorter = (a: string, b: string): string => (a.length < b.length ? a : b)

const inlineDisplay = /^(inline|contents|ruby|none)/
const ownLine = new Set(['LABEL', 'OPTION', 'LEGEND'])

function render(root: Element, { maxChars, ms }: Limits, plain: boolean): PageText {
  const clock = new Clock(ms)
  const fence = '```'
  let out = new Writer()
  let total = 0
  let depth = 0
  const full = (): boolean => clock.tick() || total + out.size > maxChars

  /** The text of a node by itself, in one line. */
  const aside = (node: Node): string => {
    const before = out
    total += before.size
    out = new Writer()
    all(node)
    const text = clean(out.finish())
    out = before
    total -= before.size
    return text
  }
  const all = (node: Node): void => {
    if (depth >= maxDepth) return
    depth += 1
    for (const child of childrenOf(node)) {
      if (full()) break
      visit(child)
    }
    depth -= 1
  }
  const block = (node: Node): void => {
    out.gap()
    all(node)
    out.gap()
  }
  const list = (node: Element): void => {
    const outer = out.prefix === '' && out.first === undefined
    if (outer) out.gap()
    else out.end()
    let n = Number((node as HTMLOListElement).start) || 1
    for (const item of childrenOf(node)) {
      if (full()) break
      if (!(item instanceof Element) || shownStyle(item) === undefined) continue
      out.end()
      const marker = plain ? '' : node.tagName === 'OL' ? `${n++}. ` : '- '
      const { prefix, first } = out
      out.first = (first ?? prefix) + marker
      out.prefix = prefix + ' '.repeat(marker.length)
      all(item)
      out.end()
      if (out.first !== undefined) out.first = first // the item was empty
      out.prefix = prefix
    }
    if (outer) out.gap()
  }
  const table = (node: HTMLTableElement): void => {
    out.gap()
    let head = true
    for (const row of node.rows) {
      if (full()) break
      if (shownStyle(row) === undefined) continue
      const cells = [...row.cells].filter((cell) => shownStyle(cell) !== undefined).map(aside)
      if (cells.length === 0) continue
      out.end()
      if (plain) out.emit(cells.join('\t'))
      else {
        out.emit(`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
        out.end()
        if (head) out.emit(`|${'---|'.repeat(cells.length)}`)
      }
      out.end()
      head = false
    }
    out.gap()
  }
  const around = (mark: string, text: string): void => {
    if (text !== '') out.emit(mark + text + mark)
  }

  /** Returns whether the element is written. */
  const special = (node: Element): boolean => {
    const tag = node.tagName
    if (/^(svg|canvas|video|audio|select|textarea|input|img)$/i.test(tag)) {
      if (plain) return true
      if (node instanceof HTMLImageElement && clean(node.alt) !== '') out.emit(`![${clean(node.alt)}]`)
      if (isField(node) && node.type !== 'hidden') {
        const name = clean(node.getAttribute('aria-label') || (node as HTMLInputElement).placeholder || node.name)
        const value = shownValue(node)
        const kind = node instanceof HTMLInputElement ? node.type : tag.toLowerCase()
        out.emit(` [${kind}${name === '' ? '' : ` ${name}`}${value === '' ? '' : `: ${value}`}] `)
      }
      return true
    }
    if (tag === 'UL' || tag === 'OL' || tag === 'MENU') list(node)
    else if (node instanceof HTMLTableElement) table(node)
    else if (tag === 'BR') out.end()
    else if (tag === 'P') block(node)
    else if (tag === 'PRE') {
      out.gap()
      if (!plain) out.emit(fence)
      for (const each of textLinesOf(node)) {
        if (full()) break
        out.verbatim(each)
      }
      if (!plain) out.emit(fence)
      out.gap()
    } else if (/^H[1-6]$/.test(tag)) {
      out.gap()
      const text = aside(node)
      if (text !== '') out.emit(plain ? text : `${'#'.repeat(Number(tag[1]))} ${text}`)
      out.gap()
    } else if (plain) {
      if (!(node instanceof HTMLDetailsElement) || node.open) return false
      for (const child of node.children) if (child.tagName === 'SUMMARY') block(child)
    } else if (tag === 'HR') {
      out.gap()
      out.emit('---')
      out.gap()
    } else if (node instanceof HTMLAnchorElement) {
      const text = aside(node)
      const href = /^https?:/.test(node.href) && node.href.length <= 500 ? node.href : ''
      if (text !== '') out.emit(href === '' ? text : `[${text}](${href})`)
    } else if (tag === 'IFRAME') {
      const title = clean(node.getAttribute('title'))
      out.emit(` [frame${title === '' ? '' : `: ${title}`}] `)
    } else if (tag === 'CODE' || tag === 'KBD' || tag === 'SAMP') around('`', clean(node.textContent))
    else if (tag === 'STRONG' || tag === 'B') around('**', aside(node))
    else if (tag === 'EM' || tag === 'I') around('*', aside(node))
    else if (tag === 'BUTTON') {
      const text = aside(node) || clean(node.getAttribute('aria-label'))
      if (text !== '') out.emit(` [button: ${text}] `)
    } else if (tag === 'BLOCKQUOTE') {
      out.gap()
      const { prefix } = out
      out.prefix += '> '
      all(node)
      out.end()
      out.prefix = prefix
      out.gap()
    } else return false
    return true
  }
  const visit = (node: Node): void => {
    if (node instanceof Text) return out.emit(node.data.replace(/\s+/g, ' '))
    if (!(node instanceof Element)) return
    const style = shownStyle(node)
    if (style === undefined || special(node)) return
    const inline = inlineDisplay.test(style.display) && !ownLine.has(node.tagName)
    if (!inline && style.display !== 'table-cell') out.end()
    else if (style.display !== 'inline') out.emit(' ')
    all(node)
    if (!inline && style.display !== 'table-cell') out.end()
  }
  if (!special(root)) all(root)
  const text = out.finish()
  const cut = clock.over || total + out.size > maxChars
  return { text: text.length > maxChars ? text.slice(0, maxChars) : text, cut }
}

function textLinesOf(node: Element): string[] {
  const text = node instanceof HTMLElement ? node.innerText : (node.textContent ?? '')
  return text.replace(/\n$/, '').split('\n')
}

const namedByContent = new Set(
  'button link heading cell gridcell columnheader rowheader row option tab menuitem menuitemcheckbox menuitemradio checkbox radio switch treeitem tooltip'.split(
    ' ',
  ),
)

/** The accessibility tree as Playwright writes it: `- button "Save" [disabled]`. */
export function snapshot(root: Element, { maxChars, ms }: Limits): PageText {
  const clock = new Clock(ms)
  const lines: string[] = []
  let size = 0
  const full = (): boolean => clock.tick() || size > maxChars
  const push = (line: string): void => {
    lines.push(line)
    size += line.length + 1
  }
  /** Returns the text below the node. `first` is the first line that belongs to its parent. */
  const visit = (node: Node, depth: number, first: number): string => {
    if (full() || depth > maxDepth) return ''
    const indent = '  '.repeat(depth)
    if (node instanceof Text) {
      const text = clean(node.data)
      if (text === '') return ''
      const last = lines.length - 1
      if (last >= first && lines[last]?.startsWith(`${indent}- text: `)) {
        lines[last] += ` ${text}`
        size += text.length + 1
      } else push(`${indent}- text: ${text}`)
      return text
    }
    if (!(node instanceof Element) || shownStyle(node) === undefined) return ''
    const below = (level: number, from: number): string => {
      const texts: string[] = []
      for (const child of childrenOf(node)) texts.push(visit(child, level, from))
      return clean(texts.join(' '))
    }
    const role = roleOf(node)
    if (role === '' || role === 'presentation' || role === 'none' || role === 'generic') return below(depth, first)
    const at = lines.length
    push('')
    const isInput = isField(node)
    const text = isInput && node.tagName !== 'SELECT' ? '' : below(depth + 1, at + 1)
    const name = labelOf(node) || (namedByContent.has(role) ? text : '')
    const states = [...statesOf(node), ...(/^H[1-6]$/.test(node.tagName) ? [`level=${node.tagName[1]}`] : [])]
    if (node instanceof HTMLAnchorElement && node.hasAttribute('href')) {
      push(`${indent}  - /url: ${(node.getAttribute('href') ?? '').slice(0, 500)}`)
    }
    let value = isInput && node.tagName !== 'SELECT' && role !== 'button' && !/checkbox|radio/.test(role) ? shownValue(node) : ''
    const onlyText = `${indent}  - text: `
    if (lines[at + 1]?.startsWith(onlyText)) {
      const inner = lines[at + 1]?.slice(onlyText.length) ?? ''
      if (inner === name || lines.length === at + 2) {
        if (inner !== name) value = inner
        lines.splice(at + 1, 1)
        size -= onlyText.length + inner.length + 1
      }
    }
    const rest = lines.length > at + 1 ? ':' : value === '' ? '' : `: ${value}`
    lines[at] =
      `${indent}- ${role}${name === '' ? '' : ` ${JSON.stringify(name.slice(0, 300))}`}${states.map((each) => ` [${each}]`).join('')}${rest}`
    size += lines[at].length
    return text === '' && !isInput ? name : text
  }
  visit(root, 0, 0)
  const text = lines.join('\n')
  return { text: text.slice(0, maxChars), cut: clock.over || text.length > maxChars }
}

/** The page's visible lines, kept in the page until `changes` compares them. */
export interface Lines {
  readonly root: Element
  readonly lines: readonly string[]
  readonly cut: boolean
  readonly limits: Limits
}

export function lines(el: Element, limits: Limits): Lines {
  const root = el.ownerDocument.documentElement
  const { text, cut } = plainText(root, limits)
  return { root, lines: text.split('\n'), cut, limits }
}

export interface Changes {
  readonly appeared: string[]
  readonly gone: string[]
}

/** Where the text was cut, lines of the last fifth may only have moved over the edge. */
const comparedShare = 0.8
const maxLineChars = 1_000

/** Lines that are there now and were not, and the other way round, each list in the order of the page. */
export function changes(before: Lines, { most }: { readonly most: number }): Changes {
  const now = lines(before.root.ownerDocument.documentElement, before.limits)
  const compared =
    before.cut || now.cut ? comparedShare * Math.min(before.lines.length, now.lines.length) : Number.POSITIVE_INFINITY
  const missingFrom = (from: readonly string[], others: readonly string[]): string[] => {
    const counts = new Map<string, number>()
    for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1)
    const missing: string[] = []
    for (const [i, line] of from.entries()) {
      const count = counts.get(line) ?? 0
      if (count > 0) counts.set(line, count - 1)
      else if (i < compared && missing.length < most && line.trim() !== '') missing.push(line.slice(0, maxLineChars))
    }
    return missing
  }
  return { appeared: missingFrom(now.lines, before.lines), gone: missingFrom(before.lines, now.lines) }
}
