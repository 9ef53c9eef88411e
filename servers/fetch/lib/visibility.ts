// What of a page nobody sees, and what is around its content: judged by an element's name and attributes alone, without style sheets.

/** An element's attributes, as far as extraction looks at them. */
export type Attributes = Readonly<Record<string, string | undefined>>

/** Elements whose text is no text of the page. */
const silent = new Set(
  'script style template noscript svg canvas iframe object embed audio video map select textarea button datalist input frameset applet'.split(
    ' ',
  ),
)

const hiddenStyle =
  /(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0*)?\s*(?:;|!|$)|font-size\s*:\s*0(?:\.0*)?(?:px|pt|em|rem|%)?\s*(?:;|!|$)|(?:left|top|text-indent|margin-left|margin-top)\s*:\s*-\d{4,}|clip\s*:\s*rect\(\s*0[^)]{0,40}\)|clip-path\s*:\s*inset\(\s*(?:50|100)%)/i
const maxStyleChars = 2_000

/** Text that a reader does not see is a common carrier of instructions for models. */
export function isHidden(name: string, attributes: Attributes): boolean {
  if (silent.has(name)) return true
  // Pages that fade in hide their body until a script runs, which never happens here.
  if (name === 'html' || name === 'body') return false
  const { style } = attributes
  return (
    attributes.hidden !== undefined ||
    attributes['aria-hidden']?.toLowerCase() === 'true' ||
    (style !== undefined && hiddenStyle.test(style.slice(0, maxStyleChars))) ||
    hiddenByName(name, attributes)
  )
}

/** Class names by which the usual style sheets hide text from the eye. */
const hiddenWords = new Set(
  'sr-only visually-hidden visuallyhidden screen-reader-text screenreader-text d-none hidden is-hidden'.split(' '),
)
/** `hidden md:block` and `d-none d-lg-flex` are hidden on telephones only. */
const shownAgain = /^(?:sm|md|lg|xl|2xl):(?:block|flex|grid|inline|table|contents)|^d-(?:sm|md|lg|xl|xxl)-(?!none)/
/** Line numbers beside code and anchors of headings are of no use to a model; on a `pre` the same names only ask for numbers. */
const codeWords = new Set('lineno linenos line-numbers linenumber linenumbers gutter headerlink'.split(' '))
const codeNames = new Set(['td', 'span', 'a'])

function hiddenByName(name: string, attributes: Attributes): boolean {
  const words = wordsOf(attributes)
  if (codeNames.has(name) && words.some((word) => codeWords.has(word))) return true
  return words.some((word) => hiddenWords.has(word)) && !words.some((word) => shownAgain.test(word))
}

const around = new Set(['nav', 'aside', 'footer', 'menu', 'dialog'])
const aroundRoles = new Set(['navigation', 'banner', 'complementary', 'contentinfo', 'search', 'dialog', 'alertdialog', 'menu'])
/** Whole names, and parts of names between hyphens: builders of pages put words such as `widget` into the names of everything. */
const aroundWords = new Set(
  'menu topbar widget widget-area skip skiplink skip-link toc ad ads advert pager toolbar masthead signup overlay subscription'.split(
    ' ',
  ),
)
const aroundParts = new Set(
  'nav navbar navigation sidebar sidenav footer breadcrumb breadcrumbs cookie cookies consent gdpr banner promo share sharing social related recommended recommendations newsletter subscribe popup modal advertisement sponsor sponsored pagination outbrain taboola'.split(
    ' ',
  ),
)
/** `has-sidebar` and the like describe the layout of the whole page. */
const layoutWord = /^(?:no|has|with|without|hide|show|is)-|-(?:open|closed|left|right|none)$/
/** What carries a telling class although the whole page is in it. */
const neverAround = new Set([
  'html',
  'body',
  'main',
  'article',
  'td',
  'th',
  'tr',
  'table',
  'tbody',
  'code',
  'pre',
  'p',
  'span',
  'a',
])

/** Navigation, advertising and the like. */
export function isAround(name: string, attributes: Attributes, insideMain: boolean): boolean {
  if (around.has(name) || (name === 'header' && !insideMain)) return true
  if (attributes.role !== undefined && aroundRoles.has(attributes.role.toLowerCase())) return true
  if (neverAround.has(name) || /^h[1-6]$/.test(name)) return false
  return wordsOf(attributes).some(
    (word) => aroundWords.has(word) || (!layoutWord.test(word) && word.split(/[-_]+/, 4).some((part) => aroundParts.has(part))),
  )
}

const mainWords = new Set([
  'main',
  'main-content',
  'maincontent',
  'mw-content-text',
  'article-body',
  'post-content',
  'entry-content',
])

/** Where the page itself says that its content is. */
export function isMain(name: string, attributes: Attributes): 'main' | 'article' | undefined {
  if (name === 'main' || attributes.role?.toLowerCase() === 'main') return 'main'
  if (name === 'article' || attributes.itemprop === 'articleBody') return 'article'
  return (name === 'div' || name === 'section') && wordsOf(attributes).some((word) => mainWords.has(word)) ? 'main' : undefined
}

const maxNameChars = 300

function wordsOf(attributes: Attributes): string[] {
  const { class: classes, id } = attributes
  if (classes === undefined && id === undefined) return []
  return `${classes ?? ''} ${id ?? ''}`.slice(0, maxNameChars).toLowerCase().split(/\s+/)
}
