// Reads a workflow: facts for lists and statistics, and the connections between its nodes.
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

export interface Edge {
  readonly from: string
  readonly to: string
  /** Which output and input, where that is not the first of either: `true`, `output 1`, `ai_tool`, `input 1`. */
  readonly label: string
}

/** Every connection, in the order of n8n's own object: source name → kind → output → targets. */
export function edgesOf(workflow: JsonObject): Edge[] {
  const nodes = new Map(objects(workflow.nodes).map((node) => [text(node.name), node]))
  const edges: Edge[] = []
  for (const [from, kinds] of Object.entries(object(workflow.connections))) {
    for (const [kind, outputs] of Object.entries(object(kinds))) {
      for (const [output, targets] of list(outputs).entries()) {
        for (const target of objects(targets)) {
          const to = text(target.node)
          const label = [
            outputName(nodes.get(from) ?? {}, kind, output),
            Number(target.index) > 0 ? `input ${Number(target.index)}` : '',
            nodes.has(to) ? '' : 'no such node',
          ]
          edges.push({ from, to, label: label.filter((part) => part !== '').join(', ') })
        }
      }
    }
  }
  return edges
}
