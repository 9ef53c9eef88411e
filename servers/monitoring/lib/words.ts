// What a model meant: plain words instead of LogQL, and LogQL with the usual mistakes corrected.
import { maskStrings } from './logql.ts'
import { durationSeconds } from './time.ts'

export interface LabelValues {
  readonly name: string
  readonly values: readonly string[]
}

/** The label whose value a word names. */
type Match = { readonly label: string; readonly value: string } | undefined

const stopWords = new Set(
  `a about all an and any are can check did display do does entries entry events fetch find for from get give happened has have how i in is
  it line lines list log logged logs look many me messages much my of on or our please recent latest search see seen show since tell that the
  there this to us was we were what when where which why with you`.split(/\s+/),
)
const timeWords =
  / (?:(?:in|from|over|during|for|within|of) )?(?:the )?(?:last|past|previous) (?:(\d+(?:\.\d+)?) ?)?([mhdw]|mins?|minutes?|hrs?|hours?|days?|weeks?) /i
const hoursOfDay = new Map(Object.entries({ today: 24, yesterday: 48 }))

/**
 * Reads "show me errors in nginx from the last hour".
 * @returns `filter`: what to look for in the lines; empty where the words name nothing else
 */
export function readWords(text: string, labels: readonly LabelValues[]) {
  let words = ` ${text.trim().replace(/\s+/g, ' ')} `
  const time = timeWords.exec(words)
  // A line break ends a phrase.
  if (time !== null) words = words.replace(time[0], ' \n ')
  let hours = time === null ? undefined : Math.round(durationSeconds(`${time[1] ?? 1}${time[2]?.[0]}`) / 36) / 100 || undefined
  const valueNamed = valueFinder(labels)
  let match: Match
  const phrases: string[][] = [[]]
  for (const word of words.trim().split(' ')) {
    const plain = word.replace(/^["'`]+|["'`,;:?!.]+$/g, '')
    const lower = plain.toLowerCase()
    hours ??= hoursOfDay.get(lower)
    const skipped = plain.trim() === '' || stopWords.has(lower) || hoursOfDay.has(lower)
    const found = match === undefined && !skipped ? valueNamed(lower) : undefined
    match ??= found
    if (skipped || found !== undefined) phrases.push([])
    else phrases.at(-1)?.push(plain)
  }
  const longest = phrases.reduce((best, phrase) => (phrase.length > best.length ? phrase : best))
  const filter = longest.join(' ').replace(/^(\w*(?:error|warning|exception|failure|timeout|crash))(?:e?s)$/i, '$1')
  return { match, filter, hours }
}

/** Finds the value that is a word, or has it as one of its parts: `nginx` names `web-nginx-1`. */
function valueFinder(labels: readonly LabelValues[]): (word: string) => Match {
  const values = new Map<string, Match>()
  const parts = new Map<string, Match>()
  for (const { name, values: all } of labels.filter((label) => !isLevelName(label.name))) {
    for (const value of all) {
      const match = { label: name, value }
      const lower = value.toLowerCase()
      if (!values.has(lower)) values.set(lower, match)
      for (const part of lower.split(/[^a-z0-9]+/)) if (part.length > 1 && !parts.has(part)) parts.set(part, match)
    }
  }
  return (word) => values.get(word) ?? parts.get(word)
}

/** A label that says how serious a line is. */
export function isLevelName(name: string): boolean {
  return /^(?:(?:log_?|detected_)?level|lvl|severity(?:_text)?)$/i.test(name)
}

/** The query with quotes, commas and braces as LogQL wants them. Loki has to check the result: it is a guess. */
export function correctLogql(query: string): string {
  const quoted = query.replace(
    /"(?:[^"\\]|\\[\s\S])*(?:"|$)|`[^`]*(?:`|$)|'((?:[^'\\]|\\[\s\S])*)'|[“”„‟]([^“”„‟]*)[“”„‟]/g,
    (all, single?: string, curly?: string) => {
      const text = single ?? curly
      return text === undefined ? all : JSON.stringify(text.replace(/\\'/g, "'"))
    },
  )
  const outline = maskStrings(quoted)
  const open = outline.indexOf('{')
  const close = open === -1 ? -1 : outline.indexOf('}', open)
  const pipe = outline.indexOf('|', open + 1)
  const end = close !== -1 ? close : pipe !== -1 ? pipe : quoted.length
  const inside = quoted.slice(open + 1, end)
  const selector = correctSelector(inside) ?? (open === -1 ? inside : `{${inside}}`)
  return quoted.slice(0, Math.max(0, open)) + selector + correctPipeline(quoted.slice(close === -1 ? end : end + 1))
}

/** The matchers with quotes, commas and braces; undefined when there is anything else, or nothing. */
function correctSelector(inside: string): string | undefined {
  const matchers: string[] = []
  const rest = inside.replace(
    /(?<![\w.])([A-Za-z_][\w.]*)\s*(=~|!~|!=|==|=|:)\s*("(?:[^"\\]|\\.)*"|`[^`]*`|[^\s,{}"`=!~]+)/g,
    (_, name: string, operator: string, value: string) => {
      const quoted = /^["`]/.test(value) ? value : JSON.stringify(value)
      matchers.push(`${name}${operator === '==' || operator === ':' ? '=' : operator}${quoted}`)
      return ''
    },
  )
  return matchers.length > 0 && /^(?:[\s,]|and|&)*$/i.test(rest) ? `{${matchers.join(', ')}}` : undefined
}

/** Puts quotes around bare words after `|=` and `|~`, and after the operators of label filters, where `==` is for numbers only. */
function correctPipeline(pipeline: string): string {
  const correct = (part: string): string =>
    part
      .replace(/== *$/, '= ')
      .replace(
        /(\|[=~]) *([^\s|()[\]{}](?:[^|()[\]{}\n]*[^\s|()[\]{}])?)/g,
        (_, sign, words) => `${sign} ${JSON.stringify(words)}`,
      )
      .replace(/(\| *[A-Za-z_]\w*) *(=~|!~|!=|==|=) *([A-Za-z_][\w.-]*)/g, '$1$2"$3"')
  const parts = pipeline.split(/("(?:[^"\\]|\\[\s\S])*"|`[^`]*`)/)
  return parts.map((part, i) => (i % 2 === 1 ? part : correct(part))).join('')
}
