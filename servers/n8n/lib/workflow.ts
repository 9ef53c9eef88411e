// Reads a workflow: facts for lists and statistics, the connections between its nodes, and both as lines of text.
import { oneLine } from '../../kit/text.ts'
import { type JsonObject, list, object, objects, text } from './json.ts'
import { outputName } from './outputs.ts'
import type { Redactor } from './redact.ts'
import { schedulesOf } from './schedule.ts'

/** In the form of the JSON of results. */
export type WorkflowFacts = ReturnType<typeof factsOf>

/** Reduces a whole workflow to what a list shows. @param inName removes secrets from names */
export function factsOf(workflow: JsonObject, inName: Redactor['inName']) {
  const all = objects(workflow.nodes)
  const nodes = all.filter((node) => !isNote(node))
  const triggers = nodes.filter((node) => isTrigger(node) && node.disabled !== true)
  return {
    id: text(workflow.id),
    name: inName(text(workflow.name)),
    active: workflow.active === true,
    archived: workflow.isArchived === true,
    tags: objects(workflow.tags).map((tag) => inName(text(tag.name))),
    triggers: [...new Set(triggers.map((node) => shortType(node)))],
    /** When the triggers run, such as `every 15 minutes`. */
    schedules: [...new Set(triggers.flatMap(schedulesOf).map(inName))],
    node_count: nodes.length,
    sticky_notes: all.length - nodes.length,
    /** ISO 8601 as n8n gives it, or empty. */
    updated_at: text(workflow.updatedAt),
  }
}

/** The type without the package of most nodes: `webhook`, `@n8n/n8n-nodes-langchain.agent`, `n8n-nodes-foo.bar`. */
export function shortType(node: JsonObject): string {
  return text(node.type).replace(/^n8n-nodes-base\./, '')
}

/** A sticky note: text on the canvas, which n8n stores among the nodes. */
export function isNote(node: JsonObject): boolean {
  return node.type === 'n8n-nodes-base.stickyNote'
}

function isTrigger(node: JsonObject): boolean {
  return /trigger$|^n8n-nodes-base\.(webhook|cron|interval|start|emailReadImap)$/i.test(text(node.type))
}

/** Every connection, in the order of n8n's own object: source name → kind → output → targets. */
export function edgesOf(workflow: JsonObject) {
  const nodes = new Map(objects(workflow.nodes).map((node) => [text(node.name), node]))
  const edgesFrom = (from: string, kind: string, output: number, targets: unknown) =>
    objects(targets).map((target) => {
      const to = text(target.node)
      // Which output and input, where that is not the first of either: `true`, `output 1`, `ai_tool`, `input 1`.
      const label = [
        outputName(nodes.get(from) ?? {}, kind, output),
        Number(target.index) > 0 ? `input ${Number(target.index)}` : '',
        nodes.has(to) ? '' : 'no such node',
      ]
      return { from, to, label: label.filter((part) => part !== '').join(', ') }
    })
  return Object.entries(object(workflow.connections)).flatMap(([from, kinds]) =>
    Object.entries(object(kinds)).flatMap(([kind, outputs]) =>
      list(outputs).flatMap((targets, output) => edgesFrom(from, kind, output, targets)),
    ),
  )
}

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

export function edgeLine({ from, to, label }: ReturnType<typeof edgesOf>[number]): string {
  return `${oneLine(from)} -> ${oneLine(to)}${label === '' ? '' : ` [${oneLine(label)}]`}`
}
