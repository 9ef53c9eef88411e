// Reads one MathML formula as TeX: its annotation, else its alternative text, else its elements written in a line.
import { cleanText } from '../../kit/text.ts'
import type { Attributes } from '../types.ts'

const maxFormulaChars = 10_000

interface Part {
  readonly name: string
  readonly children: string[]
}

export class FormulaReader {
  readonly #attributes: Attributes
  readonly #open: Part[]
  #annotation = ''
  #chars = 0

  /** @param name of what is open: an `annotation` is read as it is */
  constructor(attributes: Attributes, name: 'math' | 'annotation' = 'math') {
    this.#attributes = attributes
    this.#open = [{ name, children: [] }]
  }

  open(name: string, { encoding }: Attributes): void {
    this.#open.push({ name: name.startsWith('annotation') && encoding !== 'application/x-tex' ? 'foreign' : name, children: [] })
  }

  /** @returns the formula at its own end tag, between its marks; empty when it has no text */
  close(): string | undefined {
    const part = this.#open.pop()
    if (part === undefined) return undefined
    const text = lineOf(part)
    const parent = this.#open.at(-1)
    if (parent === undefined) {
      const { alttext, display } = this.#attributes
      const tex = cleanText(this.#annotation.trim() || alttext || text)
        .replace(/\s+/g, ' ')
        .trim()
      const mark = display === 'block' ? '$$' : '$'
      return tex === '' ? '' : `${mark}${tex}${mark}`
    }
    if (part.name === 'annotation') this.#annotation = text
    else if (text !== '' && part.name !== 'foreign') parent.children.push(text)
    return undefined
  }

  text(text: string): void {
    this.#chars += text.length
    const part = this.#open.at(-1) as Part
    if (this.#chars <= maxFormulaChars && part.name !== 'foreign')
      part.children.push(part.name === 'annotation' ? text : text.trim())
  }
}

/** What stands between the children of an element. */
const marks = new Map(Object.entries({ mfrac: '/', msup: '^', mover: '^', msub: '_', munder: '_', mtr: ' ', mtext: ' ' }))

function lineOf({ name, children }: Part): string {
  const group = (text: string): string => (text.length > 1 && !/^[\d.]+$/.test(text) ? `(${text})` : text)
  if (name === 'msqrt') return `√${group(children.join(''))}`
  const mark = marks.get(name)
  return mark === undefined
    ? children.join('')
    : children.map((child, i) => (i > 0 || mark === '/' ? group(child) : child)).join(mark)
}
