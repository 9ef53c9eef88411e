// Help for a model that does not know this Loki: its labels and values, a corrected query, and why a search found nothing.
import { nearest, ToolError } from '../../../protocol/index.ts'
import { nearestFirst } from '../../kit/names.ts'
import { formatSpan } from '../../kit/report.ts'
import { oneLine } from '../../kit/text.ts'
import { invalid } from '../errors.ts'
import type { Range } from '../types.ts'
import { admitsAbsent, type Leaf, type Logql, logQueryOf, withMatcher } from './logql.ts'
import type { Loki } from './loki.ts'
import { secondsOf } from './time.ts'
import { correctLogql, isLevelName, type LabelValues, readWords } from './words.ts'

/** A search that went wrong, and how to repeat it. */
export interface Failed {
  readonly loki: Loki
  readonly query: Logql
  readonly range: Range
  readonly signal: AbortSignal
  /** Arguments of the same call with another query, as JSON. @param hours where the caller gave no range */
  again(query: string, hours?: number): string
}

const maxLabels = 8
const maxValues = 3
const maxListed = 8

export const exampleHint = '{"query":"{app=\\"web\\"} |= \\"error\\""} with labels that exist here'

/** INVALID_ARGUMENT with the labels that exist here and a query that works. */
export async function adviseSelector(failed: Failed, why: string): Promise<ToolError> {
  const { loki, query, range, signal, again } = failed
  const labels = await knownLabels(loki, range, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    // Where no query would be answered, that is what has to be said. Otherwise the query is wrong, and the labels only help to correct it.
    if (error instanceof ToolError && ['UPSTREAM_UNREACHABLE', 'UPSTREAM_AUTH'].includes(error.code)) throw error
    return undefined
  })
  const advice = (said: string, hint: string): ToolError => invalid(`${why}. ${said}`, hint)
  if (labels === undefined) return advice('Loki did not return its labels', exampleHint)
  const [best] = labels
  if (best === undefined) return advice('Loki has no labels in this time range', 'a longer range with "hours"')
  const shown = labels.map(({ name, values }) => {
    const first = values.slice(0, maxValues).map((value) => oneLine(value, 40))
    return `${name} (${values.length}: ${first.join(', ')}${values.length > maxValues ? '…' : ''})`
  })
  const words = query.text.includes('{') || query.text.length > 200 ? undefined : readWords(query.text, labels)
  const { label, value } = words?.match ?? { label: best.name, value: best.values[0] ?? '' }
  const filter = words === undefined ? 'error' : words.filter
  const pattern = JSON.stringify(`(?i)${filter.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`)
  const corrected = `{${label}=${JSON.stringify(value)}}${filter === '' ? '' : ` |~ ${pattern}`}`
  return advice(`Labels here: ${shown.join('; ')}`, again(corrected, words?.hours))
}

/** The query without its usual mistakes; undefined when it has none, or when Loki refuses that too. */
export async function correctedQuery({ loki, query, signal }: Failed): Promise<string | undefined> {
  const corrected = correctLogql(query.text)
  return corrected !== query.text && (await loki.isValid(corrected, signal)) ? corrected : undefined
}

/** Labels with their values, those that tell one source from another first. */
async function knownLabels(loki: Loki, range: Range, signal: AbortSignal): Promise<LabelValues[]> {
  const names = ranked(await loki.labels(range, signal)).slice(0, maxLabels)
  const values = await Promise.all(names.map((name) => loki.values(name, range, signal)))
  return names.map((name, i) => ({ name, values: values[i] ?? [] })).filter((label) => label.values.length > 0)
}

/** `service_name` comes later: Loki derives it from the others. */
const preferred = ['container', 'container_name', 'app', 'job', 'service_name', 'compose_service', 'namespace', 'unit', 'host']

function ranked(labels: readonly string[]): string[] {
  const rank = (label: string): number => (preferred.includes(label) ? preferred.indexOf(label) : preferred.length)
  return labels.filter((name) => !name.startsWith('__')).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

/**
 * Why a search found nothing: what is computed, the filter, a label or value that does not exist, or the time.
 * @param ranges what each leaf of the query reads
 */
export async function explainNothing(failed: Failed, ranges: readonly Range[]): Promise<string | undefined> {
  const { query } = failed
  for (const [i, leaf] of query.leaves.entries()) {
    const logQuery = logQueryOf(query, leaf)
    const there = { ...failed, range: ranges[i] ?? failed.range }
    if (query.metric && (await hasLines(there, logQuery))) continue
    if (logQuery.trim() !== leaf.selector && (await hasLines(there, leaf.selector))) return explainFilter(there, leaf, logQuery)
    return explainSelector(there, leaf)
  }
  return query.leaves.length === 0
    ? undefined
    : 'lines match the selector and its filters; what is computed from them, such as a comparison or unwrap, leaves no value'
}

async function hasLines({ loki, range, signal }: Failed, query: string): Promise<boolean> {
  const { entries } = await loki.logs({ query, ...range, limit: 1, direction: 'backward' }, signal)
  return entries.length > 0
}

async function explainFilter(failed: Failed, { selector }: Leaf, logQuery: string): Promise<string> {
  const { loki, range, signal, again } = failed
  const why = `the selector ${oneLine(selector)} has lines in this range; what follows it leaves none`
  if (!/err|fatal|crit|panic|exception|fail|warn/i.test(logQuery.slice(selector.length))) return why
  const serious = /^(?:err|fatal|crit|panic|emerg|alert)/i
  const name = (await loki.labels(range, signal)).find(isLevelName)
  const values = name === undefined ? [] : await loki.values(name, range, signal, selector)
  if (name !== undefined && values.length > 0) {
    const level = values.find((value) => serious.test(value))
    const hint = level === undefined ? '' : `. TRY: ${again(`${selector.slice(0, -1)}, ${name}=${JSON.stringify(level)}}`)}`
    return `${why}. These streams have the label ${name} with the values ${list(values)}${hint}`
  }
  const guessed = `${selector} | detected_level=~"error|fatal|critical"`
  return (await hasLines(failed, guessed))
    ? `${why}. Loki detected lines of level error, fatal or critical. TRY: ${again(guessed)}`
    : why
}

async function explainSelector(failed: Failed, { selector, matchers }: Leaf): Promise<string> {
  const { loki, query, range, signal, again } = failed
  const names = await loki.labels(range, signal)
  for (const matcher of matchers) {
    if (admitsAbsent(matcher)) continue
    const { label, operator, value } = matcher
    const exists = names.includes(label)
    if (exists && operator !== '=') continue
    const values = exists ? await loki.values(label, range, signal) : []
    if (values.includes(value)) continue
    const why = exists
      ? `"${label}" is never "${oneLine(value, 80)}" in this range; it is: ${list(nearestFirst(value, values))}`
      : `no stream in this range has a label "${label}"; labels: ${list(nearestFirst(label, names))}`
    const known = operator === '=' || operator === '=~' ? await knownLabels(loki, range, signal) : []
    const other = known.find((each) => each.values.includes(value))
    if (other !== undefined) {
      const corrected = again(withMatcher(query.text, matcher, other.name, operator, value))
      return `${why}. "${oneLine(value, 80)}" is a value of ${other.name}, which has: ${list(nearestFirst(value, other.values))}. TRY: ${corrected}`
    }
    const [near] = nearest(value, values, 1)
    return near === undefined ? why : `${why}. TRY: ${again(withMatcher(query.text, matcher, label, '=', near))}`
  }
  return `no stream matches all of ${oneLine(selector)} in these ${formatSpan(secondsOf(range))}; try fewer matchers or a longer range`
}

function list(names: readonly string[]): string {
  const first = names.slice(0, maxListed).map((name) => oneLine(name, 60))
  return first.length === 0 ? 'none' : first.join(', ')
}
