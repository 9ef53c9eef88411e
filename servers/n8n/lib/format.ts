// Cells, times and counts for the lines of a result.
import { cleanText, clip } from '../../kit/text.ts'

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
