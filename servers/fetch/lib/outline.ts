// A page as a tree of block elements with its blocks of text in document order, and the figures that selection needs.

/** More elements are counted with the one around them, more blocks with the one before. */
const maxElements = 20_000
const maxBlocks = 40_000

export const Kind = { text: 0, heading: 1, item: 2, row: 3, code: 4 } as const

export class Outline {
  /** By element; element 0 is the page. A parent has a smaller index than its children. */
  readonly names: string[] = ['#page']
  readonly parent = new Int32Array(maxElements)
  readonly traits = new Uint16Array(maxElements)
  /** By block: its element and kind, characters (one of Chinese, Japanese or Korean counts for three), those in links, marks of prose. */
  readonly element = new Int32Array(maxBlocks)
  readonly kind = new Uint8Array(maxBlocks)
  readonly chars = new Int32Array(maxBlocks)
  readonly links = new Int32Array(maxBlocks)
  readonly commas = new Int32Array(maxBlocks)
  blocks = 0

  get elements(): number {
    return this.names.length
  }

  addElement(parent: number, name: string, traits: number): number {
    const index = this.names.length
    if (index >= maxElements) return parent
    this.names.push(name)
    this.parent[index] = parent
    this.traits[index] = traits
    return index
  }

  /** @returns false when it is counted with the block before */
  addBlock(element: number, kind: number, chars: number, links: number, commas: number): boolean {
    const isFull = this.blocks >= maxBlocks
    const index = isFull ? maxBlocks - 1 : this.blocks++
    this.element[index] = element
    this.kind[index] = kind
    for (const [list, figure] of [
      [this.chars, chars],
      [this.links, links],
      [this.commas, commas],
    ] as const)
      list[index] = (list[index] as number) + figure
    return !isFull
  }
}
