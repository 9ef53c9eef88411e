// Nodes and connections as lines of text, and JSON with its strings cut.
import { fitText } from '../../kit/text.ts'
import type { Edge } from '../types.ts'
import { cell } from './format.ts'
import { isObject, type JsonObject, text } from './json.ts'
import { credentialTypes, shortType } from './workflow.ts'

/** Of each string: code, prompts and images can be long. */
export const maxStringChars = 2_000

export function nodeLine(node: JsonObject): string {
  const state = [node.disabled === true ? 'disabled' : '', node.onError === undefined ? '' : `on error ${text(node.onError)}`]
  const cells = [
    text(node.name),
    shortType(node),
    state.filter((each) => each !== '').join(', '),
    credentialTypes(node).join(', '),
  ]
  return cells.map(cell).join('\t').trimEnd()
}

export function edgeLine({ from, to, label }: Edge): string {
  return `${cell(from)} -> ${cell(to)}${label === '' ? '' : ` [${cell(label)}]`}`
}

/** @param onCut called when a string was cut */
export function capStrings(value: unknown, onCut: () => void): unknown {
  if (typeof value === 'string') {
    if (value.length <= maxStringChars) return value
    onCut()
    return `${fitText(value, maxStringChars)}…[cut]`
  }
  if (Array.isArray(value)) return value.map((item) => capStrings(item, onCut))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, capStrings(item, onCut)]))
}
