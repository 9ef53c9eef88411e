// Cells, times and counts for the lines of a result.
import { cleanText, clip } from '../../kit/text.ts'
import type { WorkflowFacts } from '../types.ts'

/** One cell of a table: a name may hold anything. */
export function cell(value: string): string {
  return clip(cleanText(value).replace(/[\t\n]+/g, ' '), 200)
}

/** `2026-11-22T14:08:11.028Z` → `2026-11-22T14:08Z`. */
export function shortTime(time: string): string {
  return time.replace(/(:\d\d)(:\d\d(\.\d+)?)Z$/, '$1Z')
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** The types of a workflow's triggers, and when they run. */
export function triggersOf({ triggers, schedules }: WorkflowFacts, separator: string): string {
  return `${triggers.join(separator)}${schedules.length === 0 ? '' : ` (${schedules.join('; ')})`}`
}

/** The first lines that fit, and at least one, so that every page makes progress. */
export function fitLines(lines: Iterable<string>, maxChars: number): string[] {
  const shown: string[] = []
  let chars = 0
  for (const line of lines) {
    chars += line.length + 1
    if (chars > maxChars && shown.length > 0) break
    shown.push(line)
  }
  return shown
}
