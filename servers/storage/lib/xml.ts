// Streaming reader for the XML of S3 responses: elements and text. Attributes and namespaces are ignored; entities are limited to the five
// of XML and character numbers, so there is no entity expansion.

const maxDepth = 12
const maxTextChars = 65_536

/** Called at the end of each element, with the names from the root joined by slashes, and its text. */
export type OnElement = (path: string, text: string) => void

export class XmlReader {
  readonly #root: string
  readonly #onElement: OnElement
  readonly #path: string[] = []
  #rest = ''
  #text = ''
  #done = false

  constructor(root: string, onElement: OnElement) {
    this.#root = root
    this.#onElement = onElement
  }

  /** Its root was read. */
  get started(): boolean {
    return this.#done || this.#path.length > 0
  }

  /** @throws SyntaxError when this is not S3 XML */
  write(chunk: string): void {
    const input = this.#rest + chunk
    let at = 0
    for (;;) {
      const open = input.indexOf('<', at)
      const close = open === -1 ? -1 : input.indexOf('>', open)
      if (close === -1) break
      this.#take(input.slice(at, open))
      this.#tag(input.slice(open + 1, close))
      at = close + 1
    }
    this.#rest = input.slice(at)
    if (this.#rest.length > maxTextChars) throw new SyntaxError('an element is too long')
  }

  /** @throws SyntaxError when the document is not complete */
  end(): void {
    if (!this.#done) throw new SyntaxError('the document is not complete')
  }

  #take(text: string): void {
    this.#text += text
    if (this.#text.length > maxTextChars) throw new SyntaxError('an element is too long')
  }

  #tag(tag: string): void {
    if (tag.startsWith('?')) return
    if (tag.startsWith('!')) throw new SyntaxError('a document type is not XML of S3') // HTML also starts with one
    if (tag.startsWith('/')) {
      if (this.#path.at(-1) !== tag.slice(1).trim()) throw new SyntaxError('an element is closed that was not opened')
    } else {
      const name = /^[^\s/]+/.exec(tag)?.[0]
      if (name === undefined || this.#done) throw new SyntaxError('this is not XML of S3')
      if (this.#path.length === 0 && name !== this.#root) throw new SyntaxError('another document was expected')
      this.#path.push(name)
      if (this.#path.length > maxDepth) throw new SyntaxError('elements are nested too deeply')
      this.#text = ''
      if (!tag.endsWith('/')) return
    }
    this.#onElement(this.#path.join('/'), unescapeXml(this.#text))
    this.#path.pop()
    this.#text = ''
    this.#done = this.#path.length === 0
  }
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescapeXml(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return named[name.toLowerCase()] ?? whole
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
