// The article of a small page, by Readability on a light DOM. Runs in the worker, and nowhere else.
import { MarkdownWriter, type PageFacts } from './markdown.ts'
import { type Attributes, isAround, isHidden } from './visibility.ts'

export interface DomJob {
  readonly html: string
  readonly url: string
  readonly links: boolean
  readonly maxChars: number
}

export interface DomResult {
  readonly text: string
  readonly facts: PageFacts
  readonly cut: boolean
}

/** As much of a node as is looked at. */
export interface DomNode {
  readonly nodeType: number
  readonly localName?: string
  readonly nodeValue?: string | null
  readonly firstChild: DomNode | null
  readonly nextSibling: DomNode | null
  readonly parentNode: DomNode | null
  /** Of a document; its doctype has no sibling in this DOM. */
  readonly documentElement?: DomNode
  readonly attributes?: Iterable<{ readonly name: string; readonly value: string }>
  remove?(): void
}

/** What the libraries do, which only the worker's entry and the bench load. */
export interface DomLibraries {
  parse(html: string): DomNode
  /** The element of the article and what is known of it; undefined when there is none. */
  readable(
    document: DomNode,
  ): { content: DomNode; title?: string; byline?: string; published?: string; language?: string } | undefined
}

export function extractDom(
  { html, url, links, maxChars }: DomJob,
  { parse, readable }: DomLibraries,
): Promise<DomResult | undefined> {
  const document = parse(withBody(html))
  removeHidden(document.documentElement ?? document)
  const article = readable(document)
  if (article === undefined) return Promise.resolve(undefined)
  return toMarkdown(article, { url, links, maxChars })
}

/** HTML lets both tags of html, head and body be left out; the light DOM does not put them in, and Readability needs a body. */
function withBody(html: string): string {
  if (/<body[\s>]/i.test(html)) return html
  return `<!doctype html><html><body>${html.replace(/<(?:!doctype|\/?html|\/?head)\b[^>]{0,1000}>/gi, '')}</body></html>`
}

async function toMarkdown(
  { content, ...found }: NonNullable<ReturnType<DomLibraries['readable']>>,
  { url, links, maxChars }: Omit<DomJob, 'html'>,
): Promise<DomResult> {
  const writer = new MarkdownWriter({ baseUrl: url, links, maxChars, chosen: true })
  walk(
    content,
    (name, node) => writer.open(name, attributesOf(node)),
    (name) => writer.close(name),
    (text) => writer.text(text),
  )
  const text = await writer.finish(async () => {})
  const facts = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined && value !== ''))
  return { text, facts, cut: writer.cut }
}

/** Before anything looks at it: text that no reader of the page sees, and what calls itself navigation or the like. */
function removeHidden(root: DomNode): void {
  const removed: DomNode[] = []
  walk(root, (name, node) => {
    const attributes = attributesOf(node)
    // Scripts stay for now: Readability reads JSON-LD.
    if (name !== 'script' && (isHidden(name, attributes) || isAround(name, attributes, true))) removed.push(node)
  })
  for (const node of removed) node.remove?.()
}

/** In document order, without recursion: depth is the page's to choose. */
function walk(
  top: DomNode,
  open: (name: string, node: DomNode) => void,
  close: (name: string) => void = () => {},
  text: (text: string) => void = () => {},
): void {
  let node: DomNode | null = top
  while (node !== null) {
    if (node.nodeType === 1) open(node.localName ?? '', node)
    else if (node.nodeType === 3) text(node.nodeValue ?? '')
    let next: DomNode | null = node.firstChild
    while (next === null && node !== null) {
      if (node.nodeType === 1) close(node.localName ?? '')
      if (node === top) return
      next = node.nextSibling
      if (next === null) node = node.parentNode
    }
    node = next
  }
}

function attributesOf(node: DomNode): Attributes {
  const found: Record<string, string> = {}
  for (const { name, value } of node.attributes ?? []) found[name] = value
  return found
}
