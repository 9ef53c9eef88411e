// Which elements are hidden, and what their names say about their content. Only tags and attributes are read, not style sheets.
import type { Attributes } from '../types.ts'

export function namesIn(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}

/** Elements whose text is not text of the page. */
export const silentTags = namesIn(
  'script style template rp svg canvas iframe object embed audio video map select textarea button datalist input frameset applet',
)

/** What scripts reveal. */
const hiddenStyle = /(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0*)?\s*(?:;|!|$))/i
/** Text that no reader ever sees, a common carrier of instructions for models. */
export const unseenStyle =
  /(?:^|[;\s])(?:font-size\s*:\s*0(?:\.0*)?(?:px|pt|em|rem|%)?\s*(?:;|!|$)|(?:left|top|text-indent|margin-left|margin-top)\s*:\s*-\d{4,}|clip\s*:\s*rect\(\s*0[^)]{0,40}\)|clip-path\s*:\s*inset\(\s*(?:50|100)%)/i

/** Not displayed as the page arrives. */
export function isHidden(name: string, attributes: Attributes): boolean {
  if (name === 'noscript') return true
  // Pages that fade in hide their body until a script runs, which never happens here.
  if (name === 'html' || name === 'body') return false
  return (
    attributes.hidden !== undefined ||
    attributes['aria-hidden']?.toLowerCase() === 'true' ||
    hiddenStyle.test(attributes.style ?? '') ||
    hiddenByName(name, attributes)
  )
}

/** Class names by which the usual style sheets hide text from the eye. */
const hiddenWords = namesIn(
  'skip-link skiplink sr-only visually-hidden visuallyhidden screen-reader-text screenreader-text d-none hidden is-hidden',
)
/** `hidden md:block` and `d-none d-lg-flex` are hidden on telephones only. */
const shownAgain = /^(?:sm|md|lg|xl|2xl):(?:block|flex|grid|inline|table|contents)|^d-(?:sm|md|lg|xl|xxl)-(?!none)/
/** Line numbers beside code and anchors of headings are of no use to a model; on a `pre` the same names only ask for numbers. */
const codeWords = namesIn('lineno linenos line-numbers linenumber linenumbers gutter headerlink')
const codeNames = namesIn('td span a')

function hiddenByName(name: string, attributes: Attributes): boolean {
  const words = [...wordsOf(attributes.class), ...wordsOf(attributes.id)]
  if (codeNames.has(name) && words.some((word) => codeWords.has(word))) return true
  return words.some((word) => hiddenWords.has(word)) && !words.some((word) => shownAgain.test(word))
}

/** What an element's name and attributes say about its content; bits. */
export const Trait = {
  /** Not displayed; a script may display it. */
  hidden: 1,
  main: 2,
  /** Navigation, side columns, page headers and footers by their tag or role. */
  around: 4,
  /** The same by a class or an id. */
  unlikely: 8,
} as const

const aroundTags = namesIn('nav aside footer menu dialog')
const aroundRoles = namesIn('navigation banner complementary contentinfo search dialog alertdialog menu')
/** Parts of names between hyphens. */
const unlikelyParts = namesIn(
  'menu topbar advert pager toolbar masthead signup subscription actions advertisement banner bio breadcrumb breadcrumbs byline comment comments consent cookie cookies cta disqus footer gdpr likes login modal nav navbar navigation newsletter outbrain pagination placeholder popup promo readmore recommendations recommended related replies respond share sharedaddy sharing sidebar sidenav social sponsor sponsored sphinxsidebar subscribe taboola tags teaser teasers timestamp',
)
/** What carries a telling name although more is in it than the name says. */
const neverUnlikely = /^(?:html|body|main|article|h[1-6]|table|tbody|tr|td|th|p|pre)$/

/** @param insideMain a `header` there is that of the article */
export function traitsOf(name: string, attributes: Attributes, insideMain: boolean): number {
  const role = attributes.role?.toLowerCase() ?? ''
  let traits = 0
  if (name === 'main' || role === 'main') traits |= Trait.main
  if (aroundTags.has(name) || (name === 'header' && !insideMain) || aroundRoles.has(role)) traits |= Trait.around
  if (neverUnlikely.test(name)) return traits
  const byClass = wordsOf(attributes.class).some((word) => partsOf(word).some((part) => unlikelyParts.has(part)))
  // Other words in an id are those of a topic: `select-related`, `cookies-and-sessions`.
  const byId = wordsOf(attributes.id).some((word) => partsOf(word).every((part) => unlikelyParts.has(part)))
  return byClass || byId ? traits | Trait.unlikely : traits
}

function partsOf(word: string): string[] {
  return word.split(/[-_]+/, 6)
}

const maxNameChars = 300

function wordsOf(names: string | undefined): string[] {
  return names === undefined ? [] : names.slice(0, maxNameChars).toLowerCase().split(/\s+/)
}
