// Counts over all workflows, page by page; only numbers and names are kept.
import { oneLine } from '../../kit/text.ts'
import type { N8nApi } from './api.ts'
import { type JsonObject, objects, text } from './json.ts'
import type { Redactor } from './redact.ts'
import { factsOf, isNote } from './workflow.ts'

const pageSize = 100
const maxPages = 50
const staleMs = 90 * 86_400_000
/** Limit of each map: types and tags of a real n8n are few. */
const maxKeys = 2_000
const topTypes = 10
const topTags = 5
const maxTriggers = 50

/** `workflows` and `nodes` have the form of the result's JSON. */
export type WorkflowTotals = Awaited<ReturnType<typeof countWorkflows>>

/** @param timeLeft false when no more pages may be asked for */
export async function countWorkflows(api: N8nApi, inName: Redactor['inName'], signal: AbortSignal, timeLeft: () => boolean) {
  const workflows = { total: 0, complete: false, active: 0, archived: 0, never_updated_90d: 0 }
  const nodes = { total: 0, disabled: 0, sticky_notes: 0 }
  const byTrigger = new Map<string, number>()
  const byTag = new Map<string, number>()
  const byType = new Map<string, number>()
  /** By id, for the executions. */
  const names = new Map<string, string>()
  /** Workflows of more than 4 MiB, whose state and nodes are not counted. */
  let tooLarge = 0

  const add = (workflow: JsonObject): void => {
    const facts = factsOf(workflow, inName)
    workflows.total += 1
    names.set(facts.id, oneLine(facts.name))
    if (facts.archived) workflows.archived += 1
    else if (facts.active) workflows.active += 1
    if (Date.parse(facts.updated_at) < Date.now() - staleMs) workflows.never_updated_90d += 1
    for (const trigger of facts.triggers) count(byTrigger, trigger)
    for (const tag of facts.tags) count(byTag, oneLine(tag))
    nodes.sticky_notes += facts.sticky_notes
    for (const node of objects(workflow.nodes)) {
      if (isNote(node)) continue
      nodes.total += 1
      if (node.disabled === true) nodes.disabled += 1
      count(byType, oneLine(text(node.type)))
    }
  }

  let pages = 0
  for await (const page of api.workflows({}, { limit: pageSize, signal }, add)) {
    tooLarge += page.tooLarge
    workflows.total += page.tooLarge
    workflows.complete = page.next === undefined && tooLarge === 0
    if (++pages === maxPages || !timeLeft()) break
  }
  return {
    workflows: {
      ...workflows,
      inactive: workflows.total - workflows.active - workflows.archived,
      by_trigger: Object.fromEntries(top(byTrigger, maxTriggers)),
      top_tags: top(byTag, topTags).map(([tag, n]) => ({ tag, workflows: n })),
    },
    nodes: {
      ...nodes,
      distinct_types: byType.size,
      top_types: top(byType, topTypes).map(([type, n]) => ({ type, nodes: n })),
      ...kindsOf(byType),
    },
    names,
    tooLarge,
  }
}

function kindsOf(byType: ReadonlyMap<string, number>) {
  const kinds = { code_nodes: 0, http_nodes: 0, ai_nodes: 0, community_types: [] as string[] }
  for (const [type, n] of byType) {
    if (/^n8n-nodes-base\.(code|function|functionItem)$/.test(type)) kinds.code_nodes += n
    else if (type === 'n8n-nodes-base.httpRequest') kinds.http_nodes += n
    else if (type.startsWith('@n8n/n8n-nodes-langchain.')) kinds.ai_nodes += n
    else if (!type.startsWith('n8n-nodes-base.') && !type.startsWith('@n8n/')) kinds.community_types.push(type)
  }
  return kinds
}

export function count(map: Map<string, number>, key: string): void {
  if (map.has(key) || map.size < maxKeys) map.set(key, (map.get(key) ?? 0) + 1)
}

/** The most frequent first. */
export function top(counts: Iterable<readonly [string, number]>, most: number): (readonly [string, number])[] {
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0], 'en')).slice(0, most)
}
