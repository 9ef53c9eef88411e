// The four routes of n8n's public API that this server uses, all of them GET. The tools have no other access to n8n: an API key of n8n's
// community edition can do everything, so the code itself must not be able to write.
import { ToolError } from '../../../protocol/index.ts'
import type { Upstream } from '../../kit/http/upstream.ts'
import { Semaphore } from '../../kit/waiting.ts'
import { readAnswer } from '../errors.ts'
import type { Page, WorkflowFilter } from '../types.ts'
import { advance, withLimit } from './cursor.ts'
import { isObject, type JsonObject, objects, text } from './json.ts'

export type ExecutionStatus = 'running' | 'waiting'

const timeoutMs = 10_000
const maxWaiting = 100
const maxAnswerBytes = 4 * 1024 * 1024
/** Kept of each string. A single node is read in parts, so more of it is kept while the whole workflow stays small. */
const maxStringBytes = { list: 1_000, workflow: 20_000, node: 100_000 }
/** An id of n8n: letters and digits in all versions. Anything else could address another route. */
export const idForm = /^[A-Za-z0-9_-]{1,64}$/

interface Route {
  readonly path: string
  /** Of the API key. */
  readonly scope: string
}

interface Place {
  readonly limit: number
  readonly cursor?: string | undefined
}

type Query = Readonly<Record<string, string>>

/** Without the client's other methods, so that only GET can be sent. */
export type GetOnly = Pick<Upstream, 'get' | 'close'>

export class N8nApi {
  readonly #http: GetOnly
  readonly #keyExpires: Date | undefined
  /** One answer is in memory at a time. */
  readonly #slots = new Semaphore({
    limit: 1,
    maxWaiting,
    busy: ({ waiting }) =>
      new ToolError('RATE_LIMITED', `${waiting} requests to n8n are waiting`, { hint: 'the same call again in a few seconds' }),
  })

  constructor(http: GetOnly, keyExpires: Date | undefined) {
    this.#http = http
    this.#keyExpires = keyExpires
  }

  /** One page, each workflow reduced at once. A page that is too large is requested again in smaller ones. */
  workflows<T>(filter: WorkflowFilter, page: Place, reduce: (workflow: JsonObject) => T, signal: AbortSignal): Promise<Page<T>> {
    const query = {
      excludePinnedData: 'true',
      ...(filter.active === undefined ? {} : { active: String(filter.active) }),
      ...(filter.name === undefined ? {} : { name: filter.name }),
      ...(filter.projectId === undefined ? {} : { projectId: filter.projectId }),
    }
    return this.#page({ path: '/api/v1/workflows', scope: 'workflow:list' }, query, page, reduce, signal)
  }

  /** One workflow as n8n stores it; undefined when none has this id. */
  workflow(id: string, kept: 'workflow' | 'node', signal: AbortSignal): Promise<JsonObject | undefined> {
    if (!idForm.test(id)) throw new ToolError('INTERNAL', 'not an id') // the tool has checked it
    return this.#ask({ path: `/api/v1/workflows/${id}`, scope: 'workflow:read' }, { excludePinnedData: 'true' }, kept, signal)
  }

  /** Executions, newest first, without their data. */
  executions<T>(
    status: ExecutionStatus | undefined,
    page: Place,
    reduce: (execution: JsonObject) => T,
    signal: AbortSignal,
  ): Promise<Page<T>> {
    const query = { includeData: 'false', ...(status === undefined ? {} : { status }) }
    return this.#page({ path: '/api/v1/executions', scope: 'execution:list' }, query, page, reduce, signal)
  }

  /** n8n's own figures of the last seven days; undefined where this version or this key has none. */
  async insights(signal: AbortSignal): Promise<JsonObject | undefined> {
    try {
      return await this.#ask({ path: '/api/v1/insights/summary', scope: 'insights:read' }, {}, 'workflow', signal)
    } catch (error) {
      if (error instanceof ToolError && error.code === 'FORBIDDEN') return undefined
      throw error
    }
  }

  close(): void {
    this.#http.close()
  }

  async #page<T>(
    route: Route,
    query: Query,
    page: Place,
    reduce: (entry: JsonObject) => T,
    signal: AbortSignal,
  ): Promise<Page<T>> {
    let { limit } = page
    for (;;) {
      // The page size in the cursor overrides `limit`; a cursor of an unknown form is passed on to n8n.
      const cursor = page.cursor === undefined ? undefined : (withLimit(page.cursor, limit) ?? page.cursor)
      try {
        const place = cursor === undefined ? {} : { cursor }
        const answer = await this.#ask(route, { ...query, limit: String(limit), ...place }, 'list', signal)
        if (!Array.isArray(answer?.data)) throw unknownForm()
        const next = text(answer.nextCursor)
        return { entries: objects(answer.data).map(reduce), next: next === '' ? undefined : next, limit, tooLarge: 0 }
      } catch (error) {
        if (!(error instanceof ToolError) || error.code !== 'TOO_LARGE') throw error
        if (cursor !== undefined && withLimit(cursor, limit) === undefined) throw error
        if (limit === 1) {
          const next = advance(cursor, 1, page.limit)
          if (next === undefined) throw error
          return { entries: [], next, limit, tooLarge: 1 }
        }
        // A quarter at once: workflows with images in them differ by orders of magnitude.
        limit = Math.max(1, Math.floor(limit / 4))
      }
    }
  }

  async #ask(
    { path, scope }: Route,
    query: Query,
    kept: keyof typeof maxStringBytes,
    signal: AbortSignal,
  ): Promise<JsonObject | undefined> {
    return this.#slots.run({ signal }, async () => {
      const answer = await this.#http.get(path, { signal, timeoutMs, maxBytes: maxAnswerBytes, query })
      // A missing entry; a 404 page of another program is longer.
      if (kept !== 'list' && answer.status === 404 && answer.body.length < 1_000) return undefined
      const json = readAnswer(answer, {
        scope,
        keyExpires: this.#keyExpires,
        maxStringBytes: maxStringBytes[kept],
        shorterBytes: Math.min(maxStringBytes[kept], maxStringBytes.workflow),
      })
      if (isObject(json)) return json
      throw unknownForm()
    })
  }
}

function unknownForm(): ToolError {
  return new ToolError('UPSTREAM_ERROR', 'n8n answered with JSON of an unknown form', {
    hint: 'ask the operator whether N8N_API_URL leads to n8n',
  })
}
