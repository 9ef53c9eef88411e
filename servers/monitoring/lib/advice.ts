// What helps a model that does not know this Loki: its real labels and values, and why a search found nothing.
import { nearest, ToolError } from '../../../protocol/index.ts'
import { cleanText, clip } from '../../kit/text.ts'
import { selectorsOf } from './logql.ts'
import type { Loki, Range } from './loki.ts'
import { labelText } from './render-logs.ts'
import { formatSpan } from './time.ts'

const maxLabels = 8
const maxValues = 3

export const exampleHint = '{"query":"{app=\\"web\\"} |= \\"error\\""} with labels that exist here'

/** INVALID_ARGUMENT with the labels that exist here and a selector that works. */
export async function adviseSelector(
  loki: Loki,
  query: string,
  why: string,
  range: Range,
  signal: AbortSignal,
): Promise<ToolError> {
  const labels = await knownLabels(loki, range, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    // Where no query would be answered, that is what has to be said. Else the query is to be mended, and the labels only help with it.
    if (error instanceof ToolError && ['UPSTREAM_UNREACHABLE', 'UPSTREAM_AUTH'].includes(error.code)) throw error
    return undefined
  })
  if (labels === undefined) {
    return new ToolError('INVALID_ARGUMENT', `${why}. Loki did not say which labels it has`, { hint: exampleHint })
  }
  if (labels.length === 0) {
    return new ToolError('INVALID_ARGUMENT', `${why}. Loki has no labels in this time range`, {
      hint: 'a longer range with "hours"',
    })
  }
  const shown = labels.map(({ name, values }) => {
    const rest = values.length > maxValues ? '…' : ''
    return `${name} (${values.length}: ${values
      .slice(0, maxValues)
      .map((value) => clip(value, 40))
      .join(', ')}${rest})`
  })
  const [best] = labels
  const selector = labelText({ [best?.name ?? '']: best?.values[0] ?? '' })
  const words = query.trim()
  const filter = words === '' || words.includes('{') || words.length > 100 ? 'error' : words
  return new ToolError('INVALID_ARGUMENT', `${why}. Labels here: ${shown.join('; ')}`, {
    hint: JSON.stringify({ query: `${selector} |~ ${JSON.stringify(`(?i)${escapeRegExp(filter)}`)}` }),
  })
}

/** Labels with their values, those that tell one source from another first. */
async function knownLabels(loki: Loki, range: Range, signal: AbortSignal): Promise<{ name: string; values: string[] }[]> {
  const names = (await loki.labels(range, signal))
    .filter((name) => !name.startsWith('__'))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  const values = await Promise.all(names.slice(0, maxLabels).map((name) => loki.values(name, range, signal)))
  return values
    .map((list, i) => ({ name: names[i] ?? '', values: list.map(cleanText) }))
    .filter((label) => label.values.length > 0)
}

const preferred = ['container', 'service_name', 'app', 'job', 'namespace', 'unit', 'host', 'instance']

function rank(label: string): number {
  const index = preferred.indexOf(label)
  return index === -1 ? preferred.length : index
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** Why a search found nothing: the filter, a label that does not exist, a value that does not, or the time. One or two sentences. */
export async function explainNothing(loki: Loki, query: string, range: Range, signal: AbortSignal): Promise<string> {
  const [selector] = selectorsOf(query)
  if (selector === undefined) return 'there is no stream selector to look for'
  if (query.trim() !== selector.text) {
    const any = await loki.query({ query: selector.text, ...range, limit: 1, direction: 'backward', stepSeconds: 60 }, signal)
    if (any.kind === 'logs' && any.entries.length > 0) {
      return `the selector ${clip(selector.text, 200)} has lines in this range; what follows it leaves none`
    }
  }
  const names = await loki.labels(range, signal)
  for (const { label, operator, value } of selector.matchers) {
    if (!names.includes(label)) {
      return `no stream in this range has a label "${label}"; labels: ${list(nearestFirst(label, names))}`
    }
    if (operator !== '=') continue
    const values = await loki.values(label, range, signal)
    if (!values.includes(value))
      return `"${label}" is never "${clip(value, 80)}" in this range; it is: ${list(nearestFirst(value, values))}`
  }
  const hours = Number((range.end - range.start) / 1_000_000_000n)
  return `no stream matches all of ${clip(selector.text, 200)} in these ${formatSpan(hours)}; try fewer matchers or a longer range`
}

function nearestFirst(word: string, candidates: readonly string[]): string[] {
  return [...new Set([...nearest(word, candidates), ...candidates])].slice(0, 8)
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.map((name) => clip(cleanText(name), 60)).join(', ')
}
