// A page as a tree of block elements with its blocks of text in document order, and the figures that selection needs.

/** More elements are counted with the one around them, more blocks with the one before. */
const maxElements = 10_000
const maxBlocks = 20_000
const maxBeyond = 1_000

export type BlockKind = 'text' | 'heading' | 'item' | 'row' | 'code'

export interface Block {
  readonly element: BlockElement
  readonly kind: BlockKind
  /** Markdown, with the line ends before it. */
  text: string
  /** Characters; one of Chinese, Japanese or Korean counts for three. */
  chars: number
  /** Those of them that are in links. */
  links: number
  /** Punctuation, the sign of prose. */
  readonly marks: number
}

export class BlockElement {
  readonly name: string
  /** Undefined for the page. */
  readonly parent: BlockElement | undefined
  readonly traits: number
  // Figures of selection, over all blocks inside.
  chars = 0
  links = 0
  prose = 0
  score = 0
  /** Of the elements directly inside. */
  teasers = 0
  teaserChars = 0
  first: Block | undefined
  /** The first block that is long enough for a title. */
  title: Block | undefined
  // Decisions of selection, which hold for everything inside.
  hidden = false
  noise = false
  inside = false
  held = false
  left = false

  constructor(name: string, parent: BlockElement | undefined, traits: number) {
    this.name = name
    this.parent = parent
    this.traits = traits
  }
}

export class Outline {
  readonly page = new BlockElement('#page', undefined, 0)
  /** A parent comes before its children. */
  readonly elements = [this.page]
  readonly blocks: Block[] = []
  /** Texts of blocks beyond `maxBlocks`: adding them to the last one by one costs far more than their characters. */
  #beyond: string[] = []

  addElement(parent: BlockElement, name: string, traits: number): BlockElement {
    if (this.elements.length >= maxElements) return parent
    const element = new BlockElement(name, parent, traits)
    this.elements.push(element)
    return element
  }

  addBlock(block: Block): void {
    const last = this.blocks.at(-1)
    if (last === undefined || this.blocks.length < maxBlocks) {
      this.blocks.push(block)
      return
    }
    last.chars += block.chars
    last.links += block.links
    this.#beyond.push(block.text)
    if (this.#beyond.length >= maxBeyond) this.end()
  }

  /** To be called after the last block. */
  end(): void {
    const last = this.blocks.at(-1)
    if (last !== undefined) last.text += this.#beyond.join('')
    this.#beyond = []
  }
}
