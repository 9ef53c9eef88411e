/// <reference lib="dom" />
// A page as markdown, plain text, HTML or accessibility tree, in one pass with limits, and which lines of its text changed. Runs inside pages.
import { Clock, childrenOf, clean, isField, labelOf, maxDepth, roleOf, shownStyle, shownValue, statesOf } from './dom.ts'

export interface Limits {
  readonly maxChars: number
  /** Time for it. Default: as long as every script. */
  readonly ms?: number
}

export interface PageText {
  readonly text: string
  /** There is more than the limits let through. */
  readonly cut: boolean
}

export const markdown = (root: Element, limits: Limits): PageText => render(root, limits, false)
export const text = (root: Element, limits: Limits): PageText => render(root, limits, true)

export function html(root: Element, { maxChars }: Limits): PageText {
  const source = root.outerHTML
  return { text: source.slice(0, maxChars), cut: source.length > maxChars }
}

const fence = '```'
const withoutText = new Set(['SVG', 'CANVAS', 'VIDEO', 'AUDIO', 'SELECT', 'TEXTAREA', 'INPUT', 'IMG'])
const inlineDisplay = /^(inline|contents|ruby|none)/
const ownLine = new Set(['LABEL', 'OPTION', 'LEGEND'])
const maxHrefChars = 500

type Write = (el: Element) => void

function render(root: Element, { maxChars, ms }: Limits, plain: boolean): PageText {
  const clock = new Clock(ms)
  /** One blank line between blocks, and none at the beginning. */
  let lines: string[] = []
  let line = ''
  let size = 0
  let depth = 0
  let listDepth = 0
  const full = (): boolean => clock.tick() || size > maxChars

  const emit = (text: string): void => {
    size += text.length
    if (line === '') line = text.trimStart()
    else line += line.endsWith(' ') && text.startsWith(' ') ? text.slice(1) : text
  }
  const end = (): void => {
    if (line !== '') lines.push(line.trimEnd())
    line = ''
  }
  const gap = (): void => {
    end()
    if (lines.length > 0 && lines.at(-1) !== '') lines.push('')
  }
  /** Lines of something by itself, with a prefix before the first and one before each of the others. */
  const add = (inner: readonly string[], first: string, others: string): void => {
    end()
    for (const [i, each] of inner.entries()) {
      const prefix = i === 0 ? first : others
      lines.push(each === '' ? prefix.trimEnd() : prefix + each)
    }
  }
  const all = (node: Node, shows = (_child: Node): boolean => true): void => {
    if (depth >= maxDepth) return
    depth += 1
    for (const child of childrenOf(node)) {
      if (full()) break
      if (shows(child)) visit(child)
    }
    depth -= 1
  }
  /** The lines of a node by itself. */
  const linesIn = (node: Node, write: (node: Node) => void = all): string[] => {
    const outer = { lines, line }
    lines = []
    line = ''
    write(node)
    end()
    while (lines.at(-1) === '') lines.pop()
    const inner = lines
    lines = outer.lines
    line = outer.line
    return inner
  }
  /** Its text in one line, which is counted when it is written. */
  const aside = (node: Node): string => {
    const before = size
    const text = clean(linesIn(node).join(' '))
    size = before
    return text
  }
  const put = (before: string, text: string, after = ''): void => {
    if (text !== '') emit(before + text + after)
  }
  const apart = (write: Write): Write => {
    return (el) => {
      gap()
      write(el)
      gap()
    }
  }

  const list: Write = (el) => {
    if (listDepth === 0) gap()
    listDepth += 1
    let n = Number((el as HTMLOListElement).start) || 1
    for (const item of childrenOf(el)) {
      if (full()) break
      if (!(item instanceof Element) || shownStyle(item) === undefined) continue
      const marker = plain ? '' : el.tagName === 'OL' ? `${n++}. ` : '- '
      add(linesIn(item), marker, ' '.repeat(marker.length))
    }
    listDepth -= 1
    if (listDepth === 0) gap()
  }
  const table: Write = (el) => {
    let head = !plain
    for (const row of (el as HTMLTableElement).rows) {
      if (full()) break
      if (shownStyle(row) === undefined) continue
      const cells = [...row.cells].filter((cell) => shownStyle(cell) !== undefined).map(aside)
      if (cells.length === 0) continue
      end()
      emit(plain ? cells.join('\t') : `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
      end()
      if (head) emit(`|${'---|'.repeat(cells.length)}`)
      head = false
    }
  }
  const preformatted: Write = (el) => {
    const text = (el as HTMLElement).innerText.replace(/\n$/, '').slice(0, maxChars)
    size += text.length
    add(plain ? text.split('\n') : [fence, ...text.split('\n'), fence], '', '')
  }
  const field: Write = (el) => {
    const input = el as HTMLInputElement
    if (input.type === 'hidden') return
    const name = clean(input.getAttribute('aria-label') || input.placeholder || input.name)
    const value = shownValue(input)
    const kind = input.tagName === 'INPUT' ? input.type : input.tagName.toLowerCase()
    emit(` [${kind}${name === '' ? '' : ` ${name}`}${value === '' ? '' : `: ${value}`}] `)
  }
  const link: Write = (el) => {
    const { href } = el as HTMLAnchorElement
    const text = aside(el)
    if (/^https?:/.test(href) && href.length <= maxHrefChars) put('[', text, `](${href})`)
    else put('', text)
  }
  const frame: Write = (el) => emit(` [${['frame', clean(el.getAttribute('title'))].filter(Boolean).join(': ')}] `)
  const code: Write = (el) => put('`', clean(el.textContent), '`')
  const strong: Write = (el) => put('**', aside(el), '**')
  const emphasis: Write = (el) => put('*', aside(el), '*')

  const inMarkdown: Readonly<Record<string, Write>> = {
    ...{ INPUT: field, SELECT: field, TEXTAREA: field, A: link, IFRAME: frame },
    ...{ CODE: code, KBD: code, SAMP: code, STRONG: strong, B: strong, EM: emphasis, I: emphasis },
    IMG: (el) => put('![', clean((el as HTMLImageElement).alt), ']'),
    BUTTON: (el) => put(' [button: ', aside(el) || clean(el.getAttribute('aria-label')), '] '),
    BLOCKQUOTE: apart((el) => add(linesIn(el), '> ', '> ')),
    HR: apart(() => emit('---')),
  }
  const always: Readonly<Record<string, Write>> = {
    ...{ UL: list, OL: list, MENU: list, TABLE: apart(table), PRE: apart(preformatted), P: apart((el) => all(el)) },
    BR: () => end(),
    H: apart((el) => put(plain ? '' : `${'#'.repeat(Number(el.tagName[1]))} `, aside(el))),
  }
  /** Returns whether the element is written. */
  const special = (el: Element): boolean => {
    const tag = el.tagName.toUpperCase().replace(/^H[1-6]$/, 'H')
    const write = (plain ? undefined : inMarkdown[tag]) ?? always[tag]
    write?.(el)
    return write !== undefined || withoutText.has(tag)
  }
  const visit = (node: Node): void => {
    if (node instanceof Text) return emit(node.data.replace(/\s+/g, ' '))
    if (!(node instanceof Element)) return
    const style = shownStyle(node)
    if (style === undefined || special(node)) return
    const inline = inlineDisplay.test(style.display) && !ownLine.has(node.tagName)
    const block = !inline && style.display !== 'table-cell'
    if (block) end()
    else if (style.display !== 'inline') emit(' ')
    const closed = plain && node instanceof HTMLDetailsElement && !node.open
    all(node, (child) => !closed || child.nodeName === 'SUMMARY')
    if (block) end()
  }
  const text = linesIn(root, () => special(root) || all(root)).join('\n')
  return { text: text.slice(0, maxChars), cut: clock.over || text.length > maxChars || size > maxChars }
}

const namedByContent =
  /^(button|link|heading|(grid)?cell|(column|row)header|row|option|tab|menuitem(checkbox|radio)?|checkbox|radio|switch|treeitem|tooltip)$/

/** The accessibility tree as Playwright writes it: `- button "Save" [disabled]`. */
export function snapshot(root: Element, { maxChars, ms }: Limits): PageText {
  const clock = new Clock(ms)
  const lines: { text: string; readonly indent: number; readonly isText: boolean }[] = []
  let size = 0
  /** Writes a node, without a line of its own where it has no role. Returns all text below it. */
  const visit = (node: Node, depth: number, indent: number): string => {
    if (clock.tick() || size > maxChars || depth > maxDepth) return ''
    if (node instanceof Text) {
      const text = clean(node.data)
      size += text.length
      const last = lines.at(-1)
      if (text !== '' && last?.isText && last.indent === indent) last.text += ` ${text}`
      else if (text !== '') lines.push({ text, indent, isText: true })
      return text
    }
    if (!(node instanceof Element) || shownStyle(node) === undefined) return ''
    const role = roleOf(node)
    const hasRole = !/^(presentation|none|generic|)$/.test(role)
    const own = { text: '', indent, isText: false }
    if (hasRole) lines.push(own)
    const below = lines.length
    const takesText = isField(node) && node.tagName !== 'SELECT'
    const children = takesText ? [] : [...childrenOf(node)]
    const text = clean(children.map((child) => visit(child, depth + 1, hasRole ? indent + 1 : indent)).join(' '))
    if (!hasRole) return text
    const name = labelOf(node) || (namedByContent.test(role) ? text : '')
    let value = takesText && !/button|checkbox|radio/.test(role) ? shownValue(node) : ''
    const first = lines[below]
    if (first?.isText && (first.text === name || lines.length === below + 1)) {
      if (first.text !== name) value = first.text
      lines.splice(below, 1)
    }
    if (node instanceof HTMLAnchorElement && node.hasAttribute('href')) {
      const url = (node.getAttribute('href') ?? '').slice(0, maxHrefChars)
      lines.push({ text: `/url: ${url}`, indent: indent + 1, isText: false })
    }
    const states = [...statesOf(node), ...(/^H[1-6]$/.test(node.tagName) ? [`level=${node.tagName[1]}`] : [])]
    const named = name === '' ? '' : ` ${JSON.stringify(name.slice(0, 300))}`
    own.text = `${role}${named}${states.map((each) => ` [${each}]`).join('')}`
    if (lines.length === below && value !== '') own.text += `: ${value}`
    size += own.text.length
    if (lines.length > below) own.text += ':'
    return text === '' && !takesText ? name : text
  }
  visit(root, 0, 0)
  const text = lines.map((line) => `${'  '.repeat(line.indent)}- ${line.isText ? 'text: ' : ''}${line.text}`).join('\n')
  return { text: text.slice(0, maxChars), cut: clock.over || size > maxChars || text.length > maxChars }
}

/** The page's visible lines, kept in the page until `changes` compares them. */
export function lines({ ownerDocument: document }: Element, limits: Limits) {
  const { text: all, cut } = text(document.documentElement, limits)
  return { document, lines: all.split('\n'), cut, limits }
}

export type Changes = ReturnType<typeof changes>

/** Where the text was cut, lines of the last fifth may only have moved over the edge. */
const comparedShare = 0.8
const maxLineChars = 1_000

/** Lines that are there now and were not, and the other way round, each list in the order of the page. */
export function changes(before: ReturnType<typeof lines>, { most }: { readonly most: number }) {
  const now = lines(before.document.documentElement, before.limits)
  const compared = before.cut || now.cut ? comparedShare * Math.min(before.lines.length, now.lines.length) : Infinity
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
