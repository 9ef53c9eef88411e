// Workflows, nodes and connections as lines of text, and JSON with its strings cut.
import { fitText, oneLine } from '../../kit/text.ts'
import { type JsonObject, object, text } from './json.ts'
import { type Edge, shortType, type WorkflowFacts } from './workflow.ts'

/** Of each string: code, prompts and images can be long. */
const maxStringChars = 2_000

/** A line of a table, of cells that may hold anything. */
export function row(cells: readonly string[]): string {
  return cells.map((cell) => oneLine(cell)).join('\t')
}

/** `2026-11-22T14:08:11.028Z` → `2026-11-22T14:08Z`. */
export function shortTime(time: string): string {
  return time.replace(/(:\d\d)(:\d\d(\.\d+)?)Z$/, '$1Z')
}

/** The types of a workflow's triggers, and when they run. */
export function triggersOf({ triggers, schedules }: WorkflowFacts, separator: string): string {
  return `${triggers.join(separator)}${schedules.length === 0 ? '' : ` (${schedules.join('; ')})`}`
}

export function nodeLine(node: JsonObject): string {
  const state = [node.disabled === true ? 'disabled' : '', node.onError === undefined ? '' : `on error ${text(node.onError)}`]
  // Of credentials only the types: their ids and names stay in n8n.
  const credentials = Object.keys(object(node.credentials))
  return row([text(node.name), shortType(node), state.filter((each) => each !== '').join(', '), credentials.join(', ')]).trimEnd()
}

export function edgeLine({ from, to, label }: Edge): string {
  return `${oneLine(from)} -> ${oneLine(to)}${label === '' ? '' : ` [${oneLine(label)}]`}`
}

/** The value as JSON with its strings cut. @param onCut called when one was */
export function shortJson(value: unknown, onCut: () => void): string {
  return JSON.stringify(value, (_, item: unknown) => {
    if (typeof item !== 'string' || item.length <= maxStringChars) return item
    onCut()
    return `${fitText(item, maxStringChars)}…[cut]`
  })
}
