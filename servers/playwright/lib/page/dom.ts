/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// What the page's scripts share: a time limit, visibility, children through shadow roots, roles and names. Runs inside pages.

export const clean = (text: unknown): string =>
  String(text ?? '')
    .replace(/\s+/g, ' ')
    .trim()

/** How long a script may run before it returns what it has, in milliseconds. */
const scriptMs = 2_500

/** A script blocks its page while it runs, so that each walk asks between two nodes whether its time is over. */
export class Clock {
  readonly #until: number
  #asked = 0
  over = false

  constructor(ms = scriptMs) {
    this.#until = performance.now() + ms
  }

  tick(): boolean {
    if (++this.#asked % 64 === 0 && performance.now() > this.#until) this.over = true
    return this.over
  }
}

/** Deeper elements are not read: each level takes a part of the stack. */
export const maxDepth = 600

const neverShown = new Set(['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'HEAD', 'META', 'LINK', 'OBJECT', 'EMBED'])

/** The element's style; undefined when people do not see it. */
export function shownStyle(el: Element): CSSStyleDeclaration | undefined {
  if (neverShown.has(el.tagName) || el.getAttribute('aria-hidden') === 'true') return undefined
  const style = getComputedStyle(el)
  return style.display === 'none' || style.visibility === 'hidden' || style.visibility === 'collapse' ? undefined : style
}

export function childrenOf(node: Node): Iterable<Node> {
  if (node instanceof Element && node.shadowRoot !== null) return node.shadowRoot.childNodes
  if (node instanceof HTMLSlotElement) {
    const assigned = node.assignedNodes({ flatten: true })
    if (assigned.length > 0) return assigned
  }
  return node.childNodes
}

/** Every element below `root` in the order of the document, those in open shadow roots after their host. */
export function* elementsBelow(root: ParentNode, clock: Clock): Generator<Element> {
  for (const el of root.querySelectorAll('*')) {
    if (clock.tick()) return
    yield el
    if (el.shadowRoot !== null) yield* elementsBelow(el.shadowRoot, clock)
  }
}

const pairs = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(text.split('|').map((pair) => pair.trim().split(' ')))

const inputRoles = pairs(
  'submit button|button button|reset button|image button|checkbox checkbox|radio radio|range slider|number spinbutton|search searchbox|file file',
)
const tagRoles = pairs(
  `BUTTON button|TEXTAREA textbox|H1 heading|H2 heading|H3 heading|H4 heading|H5 heading|H6 heading|UL list|OL list|MENU list|LI listitem|TABLE table
  |THEAD rowgroup|TBODY rowgroup|TFOOT rowgroup|TR row|TD cell|TH columnheader|NAV navigation|MAIN main|HEADER banner|FOOTER contentinfo
  |ASIDE complementary|ARTICLE article|P paragraph|IMG img|DIALOG dialog|FIGURE figure|HR separator|BLOCKQUOTE blockquote|FIELDSET group
  |DETAILS group|PROGRESS progressbar|METER meter|OPTION option|IFRAME iframe`,
)

/** The ARIA role, or an empty string where an element has none. */
export function roleOf(el: Element): string {
  const given = el.getAttribute('role')?.trim().split(/\s+/)[0]
  if (given) return given
  if (el instanceof HTMLAnchorElement) return el.hasAttribute('href') ? 'link' : ''
  if (el instanceof HTMLSelectElement) return el.multiple || el.size > 1 ? 'listbox' : 'combobox'
  if (el instanceof HTMLInputElement) {
    return el.list !== null && /^(text|search|tel|url|email)$/.test(el.type) ? 'combobox' : (inputRoles[el.type] ?? 'textbox')
  }
  return tagRoles[el.tagName] ?? (isEditingHost(el) ? 'textbox' : '')
}

function isEditingHost(el: Element): boolean {
  return el instanceof HTMLElement && el.isContentEditable && el.parentElement?.isContentEditable !== true
}

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

export function isField(el: Element): el is Field {
  return el instanceof HTMLInputElement || el instanceof HTMLTextAreaElement || el instanceof HTMLSelectElement
}

/** The shown text. That of an element without children is read without a layout. */
export const textOf = (el: Element): string =>
  clean(el instanceof HTMLElement && el.childElementCount > 0 ? el.innerText : el.textContent)

/** The name that an element has not from its content: `aria-label`, a label, a placeholder. */
export function labelOf(el: Element): string {
  const ids = (el.getAttribute('aria-labelledby') ?? '').split(/\s+/).filter((id) => id !== '')
  const labelled = ids.map((id) => document.getElementById(id)?.textContent ?? '').join(' ')
  const label = clean(labelled) || clean(el.getAttribute('aria-label'))
  if (label !== '') return label
  if (!isField(el)) return el instanceof HTMLImageElement ? clean(el.alt) : ''
  const labels = clean([...(el.labels ?? [])].map(textOf).join(' '))
  if (labels !== '') return labels
  if (el instanceof HTMLInputElement && /^(submit|button|reset)$/.test(el.type)) {
    return clean(el.value || { submit: 'Submit', reset: 'Reset' }[el.type])
  }
  return clean((el as HTMLInputElement).alt || (el as HTMLInputElement).placeholder || el.title)
}

/** The name by which people know an element. */
export function nameOf(el: Element): string {
  const label = labelOf(el)
  if (label !== '' || isField(el)) return label
  return (
    textOf(el) ||
    clean([...el.querySelectorAll<HTMLImageElement>('img[alt]')].map(({ alt }) => alt).join(' ')) ||
    clean(el.getAttribute('title'))
  )
}

/** Those of `checked`, `disabled` … that apply, as an attribute or as a property. */
export function statesOf(el: Element): string[] {
  const properties = el as unknown as Readonly<Record<string, unknown>>
  const applies = (state: string): boolean => el.getAttribute(`aria-${state}`) === 'true' || properties[state] === true
  return ['checked', 'selected', 'expanded', 'required', 'disabled'].filter(applies)
}

/** What a field shows; of a password or a file, nothing. */
export function shownValue(field: Field): string {
  if (field instanceof HTMLSelectElement) return clean([...field.selectedOptions].map(({ label }) => label).join(', '))
  if (field.type === 'password' || field.type === 'file') return ''
  if (field.type === 'checkbox' || field.type === 'radio') return (field as HTMLInputElement).checked ? 'checked' : 'not checked'
  return clean(field.value)
}
