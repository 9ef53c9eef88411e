// What to say of a workflow that does not exist: the nearest real ones, by id and by name, because models mix up the two.
import { nearest, ToolError } from '../../../protocol/index.ts'
import { cleanText, clip } from '../../kit/text.ts'
import type { N8nApi } from './api.ts'
import { text } from './json.ts'

const pageSize = 100
const maxPages = 3
const maxCandidates = 5

export async function noSuchWorkflow(api: N8nApi, wanted: string, signal: AbortSignal): Promise<ToolError> {
  const known = await namesOf(api, signal)
  const exact = known.filter(({ name }) => name.toLowerCase() === wanted.toLowerCase())
  const ids = nearest(
    wanted,
    known.map(({ id }) => id),
    maxCandidates,
  )
  const names = nearest(
    wanted,
    known.map(({ name }) => name),
    maxCandidates,
  )
  const near = [...exact, ...known.filter(({ id }) => ids.includes(id)), ...known.filter(({ name }) => names.includes(name))]
  const candidates = [...new Set(near.length > 0 ? near : known)].slice(0, maxCandidates)
  const listed = candidates.map(({ id, name }) => `${id} (${JSON.stringify(clip(cleanText(name), 60))})`).join(', ')
  const label = near.length > 0 ? 'Similar' : 'Some that exist'
  const what = idLike(wanted)
    ? `no workflow with the id "${wanted}"`
    : `${JSON.stringify(clip(cleanText(wanted), 80))} is not an id`
  return new ToolError(
    'NOT_FOUND',
    `${what}, or this key may not see it. ${listed === '' ? 'No workflow is visible at all' : `${label}: ${listed}`}`,
    {
      hint: candidates[0] === undefined ? 'n8n_list_workflows' : JSON.stringify({ workflow_id: candidates[0].id }),
    },
  )
}

function idLike(value: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(value)
}

/** The first few hundred; the candidates are a help, not the answer, so a failure to get them changes nothing. */
async function namesOf(api: N8nApi, signal: AbortSignal): Promise<{ id: string; name: string }[]> {
  const known: { id: string; name: string }[] = []
  let cursor: string | undefined
  for (let i = 0; i < maxPages; i += 1) {
    try {
      const reduce = (each: Readonly<Record<string, unknown>>) => ({ id: text(each.id), name: text(each.name) })
      const page = await api.workflows({}, { limit: pageSize, cursor }, reduce, signal)
      known.push(...page.entries)
      if (page.next === undefined) break
      cursor = page.next
    } catch (error) {
      if (signal.aborted) throw error
      break
    }
  }
  return known
}
