// Nodes and edges as lines of text, and JSON without strings of any length.
import { clip } from '../../kit/text.ts'
import { cell } from '../tools/n8n-list-workflows.ts'
import { isObject, type JsonObject, text } from './json.ts'
import { credentialTypes, type Edge, shortType } from './workflow.ts'

/** Code, prompts and pictures live in strings; this much of each says what it is. */
const maxStringChars = 2_000

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

export function capStrings(value: unknown): unknown {
  // Without a count: of a very long string only the beginning is there.
  if (typeof value === 'string')
    return value.length <= maxStringChars ? value : clip(value, maxStringChars).replace(/…\[\+\d+ chars\]$/, '…[cut]')
  if (Array.isArray(value)) return value.map(capStrings)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, capStrings(item)]))
}
