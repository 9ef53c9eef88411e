// What a page consists of: its block elements as a tree and its blocks of text in document order, with the figures that selection needs.
const maxElements = 30_000
const maxBlocks = 60_000

export const Kind = { text: 0, heading: 1, item: 2, row: 3, code: 4 } as const
export type BlockKind = (typeof Kind)[keyof typeof Kind]

export interface BlockFigures {
  readonly kind: BlockKind
  /** Characters of text, weighted: one of Chinese, Japanese or Korean says as much as three of an alphabet. */
  readonly chars: number
  /** Of them in links. */
  readonly links: number
  readonly commas: number
}

export class Outline {
  /** Element 0 is the page. A parent has a smaller index than its children. */
  readonly parent = new Int32Array(maxElements)
  readonly traits = new Uint16Array(maxElements)
  readonly element = new Int32Array(maxBlocks)
  readonly kind = new Uint8Array(maxBlocks)
  readonly chars = new Int32Array(maxBlocks)
  readonly links = new Int32Array(maxBlocks)
  readonly commas = new Int32Array(maxBlocks)
  readonly names: string[] = ['#page']
  blocks = 0

  get elements(): number {
    return this.names.length
  }

  /** @returns its index, or that of its parent when the outline is full */
  addElement(parent: number, name: string, traits: number): number {
    const index = this.names.length
    if (index >= maxElements) return parent
    this.names.push(name)
    this.parent[index] = parent
    this.traits[index] = traits
    return index
  }

  /** @returns false when it was counted with the block before, which a full outline does */
  addBlock(element: number, { kind, chars, links, commas }: BlockFigures): boolean {
    const full = this.blocks >= maxBlocks
    const index = full ? this.blocks - 1 : this.blocks++
    this.element[index] = element
    this.kind[index] = kind
    this.chars[index] = (full ? (this.chars[index] as number) : 0) + chars
    this.links[index] = (full ? (this.links[index] as number) : 0) + links
    this.commas[index] = (full ? (this.commas[index] as number) : 0) + commas
    return !full
  }
}
