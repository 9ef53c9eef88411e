// Counts over all workflows, page by page; only numbers and names are kept.

import type { WorkflowTotals } from '../types.ts'
import type { N8nApi } from './api.ts'
import { cell } from './format.ts'
import { type JsonObject, objects, text } from './json.ts'
import { factsOf, isNote } from './workflow.ts'

const pageSize = 100
const maxPages = 50
const staleMs = 90 * 86_400_000
/** Limit of each map: types and tags of a real n8n are few. */
const maxKeys = 2_000

/** @param timeLeft false when no more pages may be asked for */
export async function countWorkflows(api: N8nApi, signal: AbortSignal, timeLeft: () => boolean): Promise<WorkflowTotals> {
  const totals: WorkflowTotals = {
    total: 0,
    active: 0,
    archived: 0,
    stale: 0,
    byTrigger: new Map(),
    byTag: new Map(),
    nodes: 0,
    disabledNodes: 0,
    notes: 0,
    byType: new Map(),
    names: new Map(),
    complete: false,
    tooLarge: 0,
  }
  let cursor: string | undefined
  let limit = pageSize
  for (let pages = 0; pages < maxPages && (pages === 0 || timeLeft()); pages += 1) {
    const page = await api.workflows({}, { limit, cursor }, (workflow) => add(totals, workflow), signal)
    totals.tooLarge += page.tooLarge
    totals.total += page.tooLarge
    if (page.next === undefined) {
      totals.complete = totals.tooLarge === 0
      break
    }
    cursor = page.next
    limit = Math.min(pageSize, page.limit * 2)
  }
  return totals
}

function add(totals: WorkflowTotals, workflow: JsonObject): void {
  const facts = factsOf(workflow)
  totals.total += 1
  totals.names.set(facts.id, cell(facts.name))
  if (facts.archived) totals.archived += 1
  else if (facts.active) totals.active += 1
  const updated = Date.parse(facts.updatedAt)
  if (updated < Date.now() - staleMs) totals.stale += 1
  for (const trigger of facts.triggers) count(totals.byTrigger, trigger)
  for (const tag of facts.tags) count(totals.byTag, cell(tag))
  totals.notes += facts.noteCount
  for (const node of objects(workflow.nodes)) {
    if (isNote(node)) continue
    totals.nodes += 1
    if (node.disabled === true) totals.disabledNodes += 1
    count(totals.byType, cell(text(node.type)))
  }
}

export function count(map: Map<string, number>, key: string, by = 1): void {
  if (map.has(key) || map.size < maxKeys) map.set(key, (map.get(key) ?? 0) + by)
}

/** The most frequent first. */
export function top(map: ReadonlyMap<string, number>, most: number): [string, number][] {
  return [...map].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0], 'en')).slice(0, most)
}
