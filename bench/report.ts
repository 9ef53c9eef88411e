// Collects the figures of one run; prints them as Markdown tables and draws the chart of the README.

/** How a figure is compared with the first target's: by the median of the ratios or of the differences of each round, or not at all. */
type Comparison = 'ratio' | 'difference' | undefined

interface Metric {
  readonly name: string
  readonly unit: string
  readonly compare: Comparison
}

export class Figures {
  readonly #metrics = new Map<string, Metric & { readonly values: Map<string, number[]> }>()

  /** Adds the value of one round. */
  add(metric: Metric, target: string, value: number): void {
    let entry = this.#metrics.get(metric.name)
    if (entry === undefined) this.#metrics.set(metric.name, (entry = { ...metric, values: new Map() }))
    const values = entry.values.get(target)
    if (values === undefined) entry.values.set(target, [value])
    else values.push(value)
  }

  get names(): string[] {
    return [...this.#metrics.keys()]
  }

  values(metric: string, target: string): readonly number[] {
    return this.#metrics.get(metric)?.values.get(target) ?? []
  }

  /** Ratios or differences to the other target, round by round. */
  against(metric: string, target: string, base: string): number[] {
    const bases = this.values(metric, base)
    const ratio = this.#metrics.get(metric)?.compare === 'ratio'
    return this.values(metric, target).map((value, i) =>
      ratio ? value / (bases[i] ?? Number.NaN) : value - (bases[i] ?? Number.NaN),
    )
  }

  /** The median and how it compares, such as `50 µs (1.16 ×)`; a dash when the target has no such figure. */
  cell(metric: string, target: string, base: string): string {
    const { unit = '', compare } = this.#metrics.get(metric) ?? {}
    const values = this.values(metric, target)
    if (values.length === 0) return '–'
    const text = `${rounded(median(values))}${unit === '' ? '' : ` ${unit}`}`
    if (target === base || compare === undefined || this.values(metric, base).length === 0) return text
    const compared = median(this.against(metric, target, base))
    return compare === 'ratio'
      ? `${text} (${compared.toFixed(2)} ×)`
      : `${text} (${compared < 0 ? '−' : '+'}${rounded(Math.abs(compared))})`
  }

  toJSON(): object {
    return [...this.#metrics.values()].map(({ name, unit, values }) => ({ name, unit, rounds: Object.fromEntries(values) }))
  }
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

export interface Bar {
  readonly label: string
  readonly value: number
  readonly text: string
  readonly ours: boolean
}

const chartWidth = 760
const labelWidth = 320
const barWidth = 330
const lineHeight = 22

/** Horizontal bars, one group for each title; the longest bar of a group has the full width. */
export function chart(title: string, groups: readonly { readonly title: string; readonly bars: readonly Bar[] }[]): string {
  const parts: string[] = []
  let y = 6
  for (const group of groups) {
    y += lineHeight
    parts.push(`<text x="10" y="${y}" class="title">${escaped(group.title)}</text>`)
    const longest = Math.max(...group.bars.map(({ value }) => value))
    for (const { label, value, text, ours } of group.bars) {
      y += lineHeight
      const width = Math.max(2, Math.round((value / longest) * barWidth))
      parts.push(
        `<text x="${labelWidth - 10}" y="${y}" class="label">${escaped(label)}</text>`,
        `<rect x="${labelWidth}" y="${y - 12}" width="${width}" height="15" rx="2"${ours ? ' class="ours"' : ''}/>`,
        `<text x="${labelWidth + width + 8}" y="${y}">${escaped(text)}</text>`,
      )
    }
    y += lineHeight / 2
  }
  const height = y + 10
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${chartWidth} ${height}" width="${chartWidth}" height="${height}" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="${escaped(title)}">
  <style>
    text { fill: #1f2328; } .title { font-weight: 600; } .label { text-anchor: end; }
    rect { fill: #8b949e; } .ours { fill: #0969da; }
    @media (prefers-color-scheme: dark) { text { fill: #e6edf3; } rect { fill: #6e7681; } .ours { fill: #4493f8; } }
  </style>
  ${parts.join('\n  ')}
</svg>
`
}

/** Of numbers in any order; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return low + (high - low) * (at - Math.floor(at))
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function rounded(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(value >= 10 ? 0 : value >= 1 ? 1 : 2)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
