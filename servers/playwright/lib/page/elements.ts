/// <reference lib="dom" />
// The elements of a page that can be clicked or filled: lists of them with selectors, search by name, and what tells one from another.
// Runs inside pages.
import { Clock, clean, elementsBelow, isField, labelOf, nameOf, roleOf, statesOf, textOf } from './dom.ts'

const maxRowChars = 80
const actionable =
  'a[href],button,input:not([type=hidden]),select,textarea,summary,[onclick],[contenteditable=""],[contenteditable=true],[contenteditable=plaintext-only],[tabindex]:not([tabindex="-1"]),' +
  'button link checkbox radio switch tab menuitem menuitemcheckbox menuitemradio option treeitem combobox textbox searchbox slider spinbutton'
    .split(' ')
    .map((role) => `[role=${role}]`)
    .join()

export type Actionables = ReturnType<typeof actionables>

/**
 * What can be clicked or filled below `root`, in order: the first `most` elements, and how many there are.
 * @param count whether to go on after `most` elements to count the others
 */
export function actionables(root: Element, { most, count }: { readonly most: number; readonly count: boolean }) {
  const clock = new Clock()
  const listed: Element[] = []
  let total = 0
  for (const el of elementsBelow(root, clock)) {
    if (!(el.matches(actionable) || looksClickable(el)) || !isShown(el)) continue
    total += 1
    if (listed.length < most) listed.push(el)
    else if (!count) break
  }
  const selectors = selectorsIn(root.ownerDocument)
  const named = listed.map((el) => ({ el, role: roleOf(el) || 'clickable', name: nameOf(el).slice(0, 200) }))
  const elements = named.map(({ el, role, name }) => {
    const equal = named.filter((each) => each.role === role && each.name === name).map((each) => each.el)
    return {
      role,
      name,
      ...selectors.of(el),
      field: isField(el) && role !== 'button',
      /** Where it leads, its options and its states. */
      about: aboutOf(el, role),
      /** Text of the row or card, where others have the same role and name. */
      row: equal.length > 1 ? rowOf(el, equal) : '',
    }
  })
  /** `size`: elements of the whole document. `cut`: the time was over before all were seen. */
  return { elements, total, size: selectors.size, cut: clock.over }
}

/** A script listens for clicks without saying so in the markup: people see it by the pointer. */
function looksClickable(el: Element): boolean {
  if (el.childElementCount > 20 || el.closest('a[href],button,label,select,summary,[onclick]') !== null) return false
  if (el instanceof HTMLAnchorElement) return textOf(el) !== ''
  const parent = el.parentElement
  return getComputedStyle(el).cursor === 'pointer' && (parent === null || getComputedStyle(parent).cursor !== 'pointer')
}

function isShown(el: Element): boolean {
  if (!el.checkVisibility({ visibilityProperty: true }) || el.closest('[aria-hidden=true]') !== null) return false
  const { width, height } = el.getBoundingClientRect()
  return width > 0 && height > 0
}

function aboutOf(el: Element, role: string): string {
  const about: string[] = []
  if (el instanceof HTMLInputElement && role !== 'button' && !/^(text|checkbox|radio)$/.test(el.type)) about.push(el.type)
  if (role === 'link') about.push(`to ${(el.getAttribute('href') ?? '').slice(0, 100)}`)
  if (el instanceof HTMLSelectElement) {
    const shown = [...el.options].slice(0, 10).map(({ label }) => clean(label).slice(0, 40))
    about.push(`${el.multiple ? 'several of ' : ''}options: ${shown.join(', ')}${el.length > 10 ? ` … ${el.length}` : ''}`)
  }
  return [...about, ...statesOf(el)].join('; ').slice(0, 600)
}

/** Text of the largest part of the page that holds this of the equal elements and no other: its row or card. */
function rowOf(el: Element, equal: readonly Element[]): string {
  const i = equal.indexOf(el)
  const neighbours = [equal[i - 1], equal[i + 1]].filter((each) => each !== undefined)
  let at = el
  while (at.parentElement !== null && !neighbours.some((each) => at.parentElement?.contains(each))) at = at.parentElement
  const text = at === el || at === el.ownerDocument.documentElement ? '' : textOf(at)
  return text === textOf(el) ? '' : text.slice(0, maxRowChars)
}

const attributes = ['data-testid', 'name', 'placeholder', 'aria-label', 'href', 'value', 'title']
const typedInput = /^(radio|checkbox|submit|button|reset)$/
const frameTag = /^i?frame$/

/** Selectors that may find this element alone, the best first. @param withValue also those by its `value`, which people may change */
function* candidates(el: Element, withValue: boolean): Generator<string> {
  const tag = el.tagName.toLowerCase()
  // With the tag of frames, by which a selector is known to lead into one.
  if (hasPlainId(el)) yield `${frameTag.test(tag) ? tag : ''}#${CSS.escape(el.id)}`
  for (const name of attributes) {
    const value = el.getAttribute(name) ?? ''
    if (value === '' || value.length > 100 || /[\n\r]/.test(value) || (name === 'value' && !withValue)) continue
    const css = `${tag}[${name}=${quoted(value)}]`
    yield css
    if (name === 'name' && withValue && el.hasAttribute('value')) yield `${css}[value=${quoted(el.getAttribute('value') ?? '')}]`
  }
}

const quoted = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`

function hasPlainId({ id }: Element): boolean {
  return id !== '' && id.length <= 60 && !/\d{4}|:/.test(id)
}

/** CSS selectors that find exactly one element, from one count of what is unique in the document; `size`: its elements. */
function selectorsIn(document: Document) {
  const clock = new Clock()
  const counts = new Map<string, number>()
  let size = 0
  for (const el of elementsBelow(document, clock)) {
    size += 1
    if (!el.hasAttributes()) continue
    for (const css of candidates(el, true)) counts.set(css, (counts.get(css) ?? 0) + 1)
  }
  if (clock.over) counts.clear() // nothing is known to be unique

  /** From an element with a unique id, or from the root; through the hosts of shadow roots, which Playwright's CSS passes. */
  const byPlace = (el: Element): string => {
    const steps: string[] = []
    for (let at: Element | null = el; at !== null; at = at.parentElement) {
      const [id = ''] = hasPlainId(at) ? candidates(at, false) : []
      if (counts.get(id) === 1) return [id, ...steps].join(' > ')
      const { tagName, parentNode } = at
      const same = [...(parentNode?.children ?? [])].filter((sibling) => sibling.tagName === tagName)
      steps.unshift(tagName.toLowerCase() + (same.length > 1 ? `:nth-of-type(${same.indexOf(at) + 1})` : ''))
    }
    const root = el.getRootNode()
    return root instanceof ShadowRoot ? `${of(root.host).css} ${steps.join(' > ')}` : steps.join(' > ')
  }
  /** `css` is empty where none is known. `good`: it is made from an attribute that people would choose, not from the element's place. */
  const of = (el: Element): { css: string; good: boolean } => {
    for (const css of candidates(el, typedInput.test((el as HTMLInputElement).type))) {
      if (counts.get(css) === 1) return { css, good: true }
    }
    return { css: byPlace(el), good: false }
  }
  return { size, of }
}

export function selectorOf(el: Element): string {
  return selectorsIn(el.ownerDocument).of(el).css
}

export interface Wanted {
  readonly text: string
  /** Only elements with this role, and exactly this name. */
  readonly role?: string | undefined
  /** Only elements that take a value. */
  readonly fill: boolean
  readonly most: number
}

/**
 * Elements by label, accessible name or visible text: those that are equal to it, else those that contain it. Returns the first `most`, how
 * many there are, and whether the time was over before all were seen.
 */
export function byText(root: Element, { text, role, fill, most }: Wanted) {
  const clock = new Clock()
  const wanted = normal(text)
  const equal: Element[] = []
  const partial: Element[] = []
  for (const el of elementsBelow(root, clock)) {
    const own = roleOf(el)
    const takes = isField(el) || /^(textbox|searchbox|combobox|checkbox|radio|switch|slider|spinbutton)$/.test(own)
    if (role === undefined ? (fill ? !takes : !el.matches(actionable)) : own !== role) continue
    // Reading the shown text costs a layout; the raw one tells most elements apart.
    if (!takes && el.attributes.length === 0 && !normal(el.textContent).includes(wanted)) continue
    const names = isField(el) ? [nameOf(el), el.name, (el as HTMLInputElement).placeholder] : [nameOf(el)]
    const lower = names.map(normal)
    if (lower.includes(wanted)) {
      if (isShown(el)) equal.push(el)
    } else if (role === undefined && lower.some((name) => name.includes(wanted)) && isShown(el)) partial.push(el)
  }
  let found = equal.length > 0 ? equal : partial
  if (found.length === 0 && !fill && role === undefined) found = withOwnText(root, wanted, clock)
  const shown = found.slice(0, most)
  const selectors = shown.length === 0 ? undefined : selectorsIn(root.ownerDocument)
  const elements = compare(found, { most }).map(({ what }, i) => ({ css: selectors?.of(shown[i] as Element).css ?? '', what }))
  return { elements, count: found.length, cut: clock.over }
}

/** For comparison: labels end with a colon or an asterisk that nobody repeats. */
function normal(text: unknown): string {
  return clean(text)
    .replace(/ ?[:*]$/, '')
    .toLowerCase()
}

/** The smallest shown elements with exactly this text. */
function withOwnText(root: Element, wanted: string, clock: Clock): Element[] {
  const found: Element[] = []
  for (const el of elementsBelow(root, clock)) {
    if (el.childElementCount > 10 || !normal(el.textContent).includes(wanted)) continue
    if (normal(textOf(el)) !== wanted || !isShown(el)) continue
    const outer = found.at(-1)
    if (outer?.contains(el)) found.pop()
    found.push(el)
  }
  return found
}

/** What each of several elements is: its name alone, and with its row or card. */
export function compare(elements: readonly Element[], { most }: { readonly most: number }) {
  return elements.slice(0, most).map((el) => {
    const shown = isShown(el)
    const name = describe(el)
    const row = rowOf(el, elements)
    return { what: `${name}${row === '' ? '' : ` in "${row}"`}${shown ? '' : ' (hidden)'}`, name, shown }
  })
}

/** `button "Save"`, `password field name="pw" "Password"`. */
export function describe(el: Element): string {
  const role = el.getAttribute('role') ?? ''
  const tag = el.tagName.toLowerCase()
  const type = el instanceof HTMLInputElement && el.type !== 'text' ? `${el.type} field` : ''
  const kind = (role || type || (tag === 'a' ? 'link' : tag)).slice(0, 40)
  const name = (el.getAttribute('name') ?? '').slice(0, 60)
  const says = isField(el) || el instanceof HTMLImageElement ? labelOf(el) : nameOf(el)
  return `${kind}${name === '' ? '' : ` name="${name}"`}${says === '' ? '' : ` "${says.slice(0, 80)}"`}`
}

const maxOptions = 1_000

export type FieldState = ReturnType<typeof fieldState>

export function fieldState(el: Element) {
  const kind = kindOf(el)
  const { min = '', max = '', step = '', maxLength = -1 } = el as HTMLInputElement
  const select = el instanceof HTMLSelectElement ? el : undefined
  const options = [...(select?.options ?? [])].slice(0, maxOptions)
  const length = maxLength >= 0 ? `maxlength ${maxLength}` : ''
  const range = min || max ? `${min || '…'} to ${max || '…'}${step ? ` in steps of ${step}` : ''}` : ''
  return {
    kind,
    value: heldBy(el, kind),
    /** Why the browser would not take each value, such as `maxlength 4` or `0 to 10 in steps of 2`. */
    limits: [length, range].filter(Boolean).join(', '),
    multiple: select?.multiple ?? false,
    options: options.map(({ label, value }) => ({ label: label.trim(), value })),
    what: describe(el),
  }
}

/** The type of an input, `select`, `textarea`, `editable`, `checkbox` for switches, too, or the tag of what takes no value. */
function kindOf(el: Element): string {
  if (el instanceof HTMLInputElement) return el.type
  if (/^(checkbox|switch|radio|menuitemcheckbox)$/.test(el.getAttribute('role') ?? '')) return 'checkbox'
  return !isField(el) && (el as HTMLElement).isContentEditable ? 'editable' : el.tagName.toLowerCase()
}

function heldBy(el: Element, kind: string): string {
  const { checked = el.getAttribute('aria-checked') === 'true', value = '', innerText } = el as HTMLInputElement
  if (kind === 'checkbox' || kind === 'radio') return String(checked)
  if (kind === 'editable') return innerText
  return kind === 'file' ? '' : value
}

/** Changes when elements come or go, or when the document has loaded. */
export function progress(el: Element) {
  const { readyState, documentElement } = el.ownerDocument
  return { loaded: readyState === 'complete', size: documentElement.getElementsByTagName('*').length }
}
