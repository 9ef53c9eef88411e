// npm run bench [-- wire|job] [--quick]: prints one Markdown table per part, writes dist/bench.json and docs/bench.svg.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { jobHead, jobRows, jobs } from './job.ts'
import { type Bar, chart, median, rounded, table } from './report.ts'
import { tokensOfServers } from './tokens.ts'
import { bare, type Size, wire } from './wire.ts'

interface Group {
  readonly title: string
  readonly bars: readonly Bar[]
}

/** What one part has measured, as it is kept for the chart of both. */
interface Part {
  readonly at: string
  readonly node: string
  readonly groups: readonly Group[]
  readonly figures: unknown
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
})
const file = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const full: Size = { rounds: 7, windowMs: 600, sessions: 1_000, cycles: 10_000 }
/** Figures of a quick run show that everything works; they are not for comparison. */
const quick: Size = { rounds: 2, windowMs: 200, sessions: 200, cycles: 500 }
const size = options.quick ? quick : full
const parts = positionals.length === 0 ? ['wire', 'job'] : positionals
const jsonFile = file('dist/bench.json')
const kept: Record<string, Part> = existsSync(jsonFile) ? JSON.parse(readFileSync(jsonFile, 'utf8')) : {}

console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}; ${size.rounds} rounds of ${size.windowMs} ms, medians`,
)
if (parts.includes('wire')) keep('wire', await wirePart())
if (parts.includes('job')) keep('job', await jobPart())
// Neither a quick run nor one question alone may replace the chart of a whole run.
if (!options.quick && options.only === undefined) {
  const groups = ['wire', 'job'].flatMap((part) => kept[part]?.groups ?? [])
  writeFileSync(jsonFile, JSON.stringify(kept, null, 1))
  writeFileSync(file('docs/bench.svg'), chart('CPU and memory of Octet beside other servers', groups))
}

const servers = await tokensOfServers()
console.log(
  `\n${table(
    ['server', 'tools', 'tokens of the definitions'],
    servers.map(({ name, tools, tokens }) => [name, `${tools}`, `${tokens}`]),
  )}`,
)

function keep(part: string, measured: Pick<Part, 'groups' | 'figures'>): void {
  kept[part] = { at: new Date().toISOString(), node: process.version, ...measured }
}

async function wirePart(): Promise<Pick<Part, 'groups' | 'figures'>> {
  const { figures, targets, missing } = await wire(size)
  console.log(
    `\n${table(
      ['', ...targets],
      figures.names.map((name) => [name, ...targets.map((target) => figures.cell(name, target, bare))]),
    )}`,
  )
  for (const [name, reason] of missing) console.log(`\n${name}: ${reason}`)
  const groups = ['CPU per call, SSE, 16 sessions', 'CPU per call, /mcp, 16 sessions'].map((metric) => ({
    title: `${metric}: times the bare server`,
    bars: targets
      .filter((target) => figures.values(metric, target).length > 0)
      .map((target) => {
        const ratio = median(figures.against(metric, target, bare))
        return { label: target, value: ratio, text: `${ratio.toFixed(2)} ×`, ours: target.startsWith('Octet') }
      }),
  }))
  return { groups, figures }
}

async function jobPart(): Promise<Pick<Part, 'groups' | 'figures'>> {
  const results = await jobs(size, options.only)
  console.log(`\n${table(jobHead, results.flatMap(jobRows))}`)
  const bars = results.flatMap(({ figures, products }) =>
    products
      .filter((product) => figures.values('RSS, under load', product).length > 0)
      .map((product) => {
        const mib = median(figures.values('RSS, under load', product))
        return { label: product, value: mib, text: `${rounded(mib)} MiB`, ours: product.startsWith('Octet') }
      }),
  )
  const figures = results.map(({ question, figures, missing }) => ({ question, figures, missing: Object.fromEntries(missing) }))
  return { groups: bars.length === 0 ? [] : [{ title: 'Memory of all processes with 16 sessions that call', bars }], figures }
}
