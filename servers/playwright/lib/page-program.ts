// What runs inside pages: functions as text, because they are read by the browser and not by Node. They see what the page sees, and what
// they return is untrusted.

/** A function of the page: `element` and what it is given, to what JSON can hold. */
export type InPage<A, R> = (element: unknown, given: A) => R

/** Playwright sends the text of functions, and takes a text for an expression. */
function inPage<A, R>(source: string): InPage<A, R> {
  return new Function(`return ${source}`)()
}

export interface PageText {
  readonly text: string
  readonly cut: boolean
}

export interface Actionables {
  readonly elements: { role: string; name: string; css: string; by: 'role' | 'css'; about: string }[]
  readonly total: number
}

export interface Description {
  readonly tag: string
  readonly role: string
  readonly type: string
  readonly name: string
  readonly text: string
  readonly label: string
}

/** Names of the tags and helpers that the functions below share. */
const shared = String.raw`
  const clean = (text) => String(text ?? '').replace(/\s+/g, ' ').trim()
  const hiddenTags = new Set(['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'HEAD', 'META', 'LINK', 'OBJECT', 'EMBED'])
  const isHidden = (el) => {
    if (hiddenTags.has(el.tagName) || el.getAttribute('aria-hidden') === 'true') return true
    const style = getComputedStyle(el)
    return style.display === 'none' || style.visibility === 'hidden' || style.visibility === 'collapse'
  }
  const childrenOf = (node) => {
    if (node.shadowRoot) return node.shadowRoot.childNodes
    if (node.tagName === 'SLOT') { const assigned = node.assignedNodes({ flatten: true }); if (assigned.length > 0) return assigned }
    return node.childNodes
  }`

/** (root, maxChars) → {text, cut}: what a person sees, as markdown. */
export const toMarkdown = inPage<number, PageText>(String.raw`(root, maxChars) => {
  ${shared}
  let out = ''
  let prefix = ''
  let cut = false
  const emit = (text) => {
    if (cut || text === '') return
    if (out === '' || out.endsWith('\n')) {
      text = text.replace(/^ +/, '')
      if (text === '') return
      out += prefix
    } else if (text.startsWith(' ') && /\s$/.test(out)) text = text.slice(1)
    out += text
    if (out.length > maxChars) { out = out.slice(0, maxChars); cut = true }
  }
  const line = () => { if (out !== '' && !out.endsWith('\n')) out = out.replace(/ +$/, '') + '\n' }
  const gap = () => { line(); if (out !== '' && !out.endsWith('\n\n')) out += prefix.trimEnd() === '' ? '\n' : prefix.trimEnd() + '\n' }
  const within = (added, work) => { const before = prefix; prefix += added; work(); line(); prefix = before }
  const aside = (node) => { // the text of a node by itself, in one line
    const [before, beforePrefix] = [out, prefix]
    out = ''; prefix = ''
    walkAll(node)
    const text = clean(out)
    out = before; prefix = beforePrefix
    return text
  }
  const blocks = new Set('ADDRESS ARTICLE ASIDE BODY DD DETAILS DIALOG DIV DL DT FIELDSET FIGCAPTION FIGURE FOOTER FORM HEADER HGROUP LABEL LEGEND MAIN NAV OPTION SEARCH SECTION SUMMARY'.split(' '))
  const walkAll = (node) => { for (const child of childrenOf(node)) { if (cut) return; walk(child) } }
  const walk = (node) => {
    if (node.nodeType === 3) return emit(node.data.replace(/\s+/g, ' '))
    if (node.nodeType !== 1 || isHidden(node)) return
    const tag = node.tagName
    if (/^H[1-6]$/.test(tag)) { const text = aside(node); if (text !== '') { gap(); emit('#'.repeat(Number(tag[1])) + ' ' + text); gap() } return }
    if (tag === 'BR') { out = out.replace(/ +$/, '') + '\n'; return }
    if (tag === 'HR') { gap(); emit('---'); gap(); return }
    if (tag === 'A') {
      const text = aside(node)
      const href = /^https?:/.test(node.href) ? node.href : ''
      if (text !== '') emit(href === '' || href.length > 500 ? text : '[' + text + '](' + href + ')')
      return
    }
    if (tag === 'IMG') { const alt = clean(node.alt); if (alt !== '') emit('![' + alt + ']'); return }
    if (tag === 'SVG' || tag === 'svg' || tag === 'CANVAS' || tag === 'VIDEO' || tag === 'AUDIO') return
    if (tag === 'IFRAME') { emit(' [frame' + (node.title ? ': ' + clean(node.title) : '') + '] '); return }
    if (tag === 'PRE') {
      gap(); const fence = '\x60'.repeat(3)
      emit(fence); line()
      for (const each of node.innerText.replace(/\n$/, '').split('\n')) { out += prefix + each + '\n' }
      emit(fence); gap()
      if (out.length > maxChars) { out = out.slice(0, maxChars); cut = true }
      return
    }
    if (tag === 'CODE' || tag === 'KBD' || tag === 'SAMP') { const text = clean(node.textContent); if (text !== '') emit('\x60' + text + '\x60'); return }
    if (tag === 'STRONG' || tag === 'B') { const text = aside(node); if (text !== '') emit('**' + text + '**'); return }
    if (tag === 'EM' || tag === 'I') { const text = aside(node); if (text !== '') emit('*' + text + '*'); return }
    if (tag === 'BUTTON') { const text = aside(node) || clean(node.getAttribute('aria-label')); if (text !== '') emit(' [button: ' + text + '] '); return }
    if (tag === 'INPUT' || tag === 'TEXTAREA' || tag === 'SELECT') {
      if (node.type === 'hidden') return
      const name = clean(node.getAttribute('aria-label') || node.placeholder || node.name || '')
      const value = node.type === 'password' || node.type === 'file' ? ''
        : node.type === 'checkbox' || node.type === 'radio' ? (node.checked ? 'checked' : 'not checked')
        : tag === 'SELECT' ? clean(node.selectedOptions[0] && node.selectedOptions[0].label) : clean(node.value)
      emit(' [' + (tag === 'INPUT' ? node.type : tag.toLowerCase()) + (name === '' ? '' : ' ' + name) + (value === '' ? '' : ': ' + value) + '] ')
      return
    }
    if (tag === 'P') { gap(); walkAll(node); gap(); return }
    if (tag === 'BLOCKQUOTE') { gap(); within('> ', () => walkAll(node)); gap(); return }
    if (tag === 'UL' || tag === 'OL' || tag === 'MENU') {
      if (prefix === '') gap(); else line()
      let n = Number(node.start) || 1
      for (const item of childrenOf(node)) {
        if (item.nodeType !== 1 || isHidden(item)) continue
        line()
        const marker = tag === 'OL' ? n++ + '. ' : '- '
        const before = prefix
        const at = out.length
        emit(marker)
        prefix = before + ' '.repeat(marker.length)
        const begun = out.length
        walkAll(item)
        prefix = before
        if (clean(out.slice(begun)) === '') out = out.slice(0, at)
        line()
      }
      if (prefix === '') gap()
      return
    }
    if (tag === 'TABLE') {
      gap()
      let first = true
      for (const row of node.rows) {
        if (cut || isHidden(row)) continue
        const cells = [...row.cells].filter((cell) => !isHidden(cell)).map((cell) => aside(cell).replaceAll('|', '\\|'))
        if (cells.length === 0) continue
        line(); emit('| ' + cells.join(' | ') + ' |'); line()
        if (first) { emit('|' + '---|'.repeat(cells.length)); line() }
        first = false
      }
      gap()
      return
    }
    if (blocks.has(tag)) { line(); walkAll(node); line(); return }
    walkAll(node)
  }
  if (root.nodeType === 1 && /^(TABLE|UL|OL|PRE|A|H[1-6]|BUTTON|SELECT|INPUT|TEXTAREA)$/.test(root.tagName)) walk(root)
  else walkAll(root)
  return { text: out.replace(/\n{3,}/g, '\n\n').trim(), cut }
}`)

/** (root, maxChars) → {text, cut}: what a person sees, as plain text. */
export const toText = inPage<number, PageText>(String.raw`(root, maxChars) => {
  const text = String(root.innerText ?? root.textContent ?? '').replace(/[ \t]+\n/g, '\n').replace(/\n{3,}/g, '\n\n').trim()
  return { text: text.slice(0, maxChars), cut: text.length > maxChars }
}`)

/** (root, maxChars) → {text, cut}: the elements as they are now. */
export const toHtml = inPage<number, PageText>(`(root, maxChars) => {
  const text = String(root.outerHTML ?? '')
  return { text: text.slice(0, maxChars), cut: text.length > maxChars }
}`)

/**
 * (root, most) → {elements: [{role, name, by, css, about}], total}: what can be clicked or filled, in order. `css` finds exactly this element
 * or is empty; `by` says whether the role and the name or `css` makes the better selector.
 */
export const toActionable = inPage<number, Actionables>(String.raw`(root, most) => {
  ${shared}
  const roots = [document]
  const collect = (from) => {
    for (const el of from.querySelectorAll('*')) if (el.shadowRoot && roots.length < 200) { roots.push(el.shadowRoot); collect(el.shadowRoot) }
  }
  collect(document)
  const count = (css) => { try { let n = 0; for (const each of roots) n += each.querySelectorAll(css).length; return n } catch { return 0 } }
  const quoted = (value) => '"' + value.replace(/["\\]/g, '\\$&') + '"'
  const attribute = (el, name) => {
    const value = el.getAttribute(name)
    return value && value.length <= 100 && !/[\n\r]/.test(value) ? '[' + name + '=' + quoted(value) + ']' : ''
  }
  const idOf = (el) => el.id && el.id.length <= 60 && !/\d{4}|:/.test(el.id) && count('#' + CSS.escape(el.id)) === 1 ? '#' + CSS.escape(el.id) : ''
  const pathOf = (el) => {
    let path = ''
    for (let at = el; at && at.nodeType === 1; at = at.parentElement) {
      const id = idOf(at)
      const same = at.parentElement ? [...at.parentElement.children].filter((each) => each.tagName === at.tagName) : [at]
      const step = id || at.tagName.toLowerCase() + (same.length > 1 ? ':nth-of-type(' + (same.indexOf(at) + 1) + ')' : '')
      path = path === '' ? step : step + ' > ' + path
      if (count(path) === 1) return path
    }
    return ''
  }
  const cssOf = (el) => {
    const id = idOf(el)
    if (id) return { css: id, good: true }
    const tag = el.tagName.toLowerCase()
    const all = ['data-testid', 'name', 'placeholder', 'aria-label', 'href', 'value', 'title'].map((name) => [name, attribute(el, name)])
    for (const [name, one] of all) {
      if (one === '' || (name === 'value' && !/^(radio|checkbox|submit|button|reset)$/.test(el.type))) continue
      if (count(tag + one) === 1) return { css: tag + one, good: true }
      if (name === 'name') { const value = attribute(el, 'value'); if (value !== '' && /^(radio|checkbox|submit)$/.test(el.type) && count(tag + one + value) === 1) return { css: tag + one + value, good: true } }
    }
    return { css: pathOf(el), good: false }
  }
  const inputRoles = { submit: 'button', button: 'button', reset: 'button', image: 'button', checkbox: 'checkbox', radio: 'radio', range: 'slider', number: 'spinbutton', search: 'searchbox', file: 'file' }
  const roleOf = (el) => {
    const given = (el.getAttribute('role') ?? '').trim().split(/\s+/)[0]
    if (given) return given
    const tag = el.tagName
    if (tag === 'A') return el.hasAttribute('href') ? 'link' : 'clickable'
    if (tag === 'BUTTON') return 'button'
    if (tag === 'SELECT') return el.multiple || el.size > 1 ? 'listbox' : 'combobox'
    if (tag === 'TEXTAREA' || el.isContentEditable) return 'textbox'
    if (tag === 'INPUT') return el.list && /^(text|search|tel|url|email)$/.test(el.type) ? 'combobox' : inputRoles[el.type] ?? 'textbox'
    return 'clickable'
  }
  const nameOf = (el) => {
    const labelled = clean((el.getAttribute('aria-labelledby') ?? '').split(/\s+/).map((id) => id && document.getElementById(id)?.textContent).filter(Boolean).join(' '))
    if (labelled) return labelled
    const label = clean(el.getAttribute('aria-label'))
    if (label) return label
    const isField = /^(INPUT|SELECT|TEXTAREA)$/.test(el.tagName)
    if (el.labels && el.labels.length > 0) { const text = clean([...el.labels].map((each) => each.innerText).join(' ')); if (text) return text }
    if (el.tagName === 'INPUT' && /^(submit|button|reset)$/.test(el.type)) return clean(el.value || { submit: 'Submit', reset: 'Reset' }[el.type])
    if (isField) return clean(el.alt || el.placeholder || el.title)
    const text = clean(el.innerText ?? el.textContent)
    return text || clean([...el.querySelectorAll('img[alt]')].map((img) => img.alt).join(' ')) || clean(el.title)
  }
  const actionable = 'a[href],button,input:not([type=hidden]),select,textarea,summary,[onclick],[contenteditable=""],[contenteditable=true],[role=button],[role=link],[role=checkbox],[role=radio],[role=switch],[role=tab],[role=menuitem],[role=option],[role=combobox],[role=textbox],[role=searchbox],[role=slider],[tabindex]:not([tabindex="-1"])'
  const scopes = root === document.documentElement || root === document.body ? roots : [root]
  const elements = []
  let total = 0
  for (const scope of scopes) {
    for (const el of scope.querySelectorAll(actionable)) {
      const box = el.getBoundingClientRect()
      if ((box.width === 0 && box.height === 0) || isHidden(el)) continue
      total += 1
      if (elements.length >= most) continue
      const { css, good } = cssOf(el)
      const role = roleOf(el)
      const name = nameOf(el)
      const field = /^(INPUT|SELECT|TEXTAREA)$/.test(el.tagName) && role !== 'button'
      const about = []
      if (field && el.tagName === 'INPUT' && !/^(text|checkbox|radio)$/.test(el.type)) about.push(el.type)
      if (role === 'link') about.push('to ' + el.getAttribute('href').slice(0, 100))
      if (el.tagName === 'SELECT') about.push('options: ' + [...el.options].slice(0, 10).map((each) => clean(each.label).slice(0, 40)).join(', ') + (el.options.length > 10 ? ' …' + el.options.length : ''))
      if (el.checked === true || el.getAttribute('aria-checked') === 'true') about.push('checked')
      if (el.required === true) about.push('required')
      if (el.disabled === true || el.getAttribute('aria-disabled') === 'true') about.push('disabled')
      elements.push({ role, name: name.slice(0, 200), css, by: good && (field || name === '') ? 'css' : 'role', about: about.join('; ').slice(0, 600) })
    }
  }
  return { elements, total }
}`)

/** (element) → `file`, `password` … of an input, else its tag. */
export const toKind = inPage<undefined, string>(`(el) => el.tagName === 'INPUT' ? el.type : el.tagName.toLowerCase()`)

/** (select) → its options. */
export const toOptions = inPage<undefined, { label: string; value: string }[]>(
  `(el) => [...el.options].slice(0, 200).map((each) => ({ label: each.label.trim(), value: each.value }))`,
)

/** (element) → what it is, in a few words. */
export const toDescription = inPage<undefined, Description>(String.raw`(el) => {
  const text = String(el.innerText || el.value && el.type !== 'password' && !/^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName) || el.getAttribute('aria-label') || el.title || el.alt || el.placeholder || '').replace(/\s+/g, ' ').trim()
  const label = el.labels && el.labels[0] ? String(el.labels[0].innerText).replace(/\s+/g, ' ').trim() : ''
  return { tag: el.tagName.toLowerCase(), role: el.getAttribute('role') ?? '', type: el.tagName === 'INPUT' ? el.type : '', name: el.getAttribute('name') ?? '', text: text.slice(0, 200), label: label.slice(0, 100) }
}`)
