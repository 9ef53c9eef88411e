// Finds a workflow by its id or its exact name.
import { nearest, ToolError } from '../../../protocol/index.ts'
import { quoted } from '../../kit/text.ts'
import type { N8nBackend } from '../backend.ts'
import { idForm, type N8nApi } from './api.ts'
import { type JsonObject, text } from './json.ts'

interface Known {
  readonly id: string
  readonly name: string
}

const pageSize = 100
/** Pages that are searched for a name, or for near ones. */
const maxPages = 3
const maxCandidates = 5

/** @param kept how much of its strings @throws ToolError that names the workflows with this name, or near ones */
export async function findWorkflow(
  { api, redact }: Pick<N8nBackend, 'api' | 'redact'>,
  wanted: string,
  kept: 'workflow' | 'node',
  signal: AbortSignal,
): Promise<JsonObject> {
  const byId = idForm.test(wanted) ? await api.workflow(wanted, kept, signal) : undefined
  if (byId !== undefined) return byId
  // n8n searches with SQL's LIKE, where `_` is any character.
  const alike = await knownBy(api, wanted.replaceAll('\\', '_'), signal)
  const ids = alike.filter(({ name }) => name === wanted).map(({ id }) => id)
  const [only] = ids
  if (ids.length > 1) {
    const listed = ids.slice(0, maxCandidates).join(', ')
    throw new ToolError('INVALID_ARGUMENT', `${ids.length} workflows are named ${quoted(wanted)}: ${listed}`, {
      retry: { workflow_id: only },
    })
  }
  const found = only === undefined ? undefined : await api.workflow(only, kept, signal)
  if (found !== undefined) return found
  const known = (await knownBy(api, undefined, signal)).map(({ id, name }) => ({ id, name: redact.inName(name) }))
  const near = nearest(wanted, new Set(known.flatMap(({ id, name }) => [name, id])), maxCandidates)
  const named = near.flatMap((value) => known.filter(({ id, name }) => name === value || id === value))
  const listed = [...new Set(named)].slice(0, maxCandidates)
  const similar = listed.length === 0 ? '' : `. Similar: ${listed.map(({ id, name }) => `${id} (${quoted(name)})`).join(', ')}`
  const message = `no workflow has the id or the name ${quoted(wanted)}, or this key may not see it${similar}`
  const [best] = listed
  throw new ToolError('NOT_FOUND', message, best ? { retry: { workflow_id: best.id } } : { hint: 'n8n_list_workflows {}' })
}

/** The first few hundred. They only help with the name, so a failure to read them is ignored. */
async function knownBy(api: N8nApi, name: string | undefined, signal: AbortSignal): Promise<Known[]> {
  const known: Known[] = []
  const reduce = (each: JsonObject): Known => ({ id: text(each.id), name: text(each.name) })
  let pages = 0
  try {
    for await (const page of api.workflows({ name }, { limit: pageSize, signal }, reduce)) {
      known.push(...page.entries)
      if (++pages === maxPages) break
    }
  } catch (error) {
    if (signal.aborted || !(error instanceof ToolError)) throw error
  }
  return known
}
