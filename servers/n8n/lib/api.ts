// The four routes of n8n's public API that this server knows, all of them GET. There is no other way to n8n from the tools: an API key of
// n8n's community edition can do everything, so that reading only must be a matter of what the code can say.
import { ToolError } from '../../../protocol/index.ts'
import type { Upstream } from '../../kit/http/upstream.ts'
import { readAnswer } from '../errors.ts'
import { advance, withLimit } from './cursor.ts'
import { isObject, type JsonObject, objects, text } from './json.ts'

export interface Page<T> {
  readonly entries: readonly T[]
  /** n8n's cursor of the following page. */
  readonly next: string | undefined
  /** How many entries were asked for in the end: less than wanted when so many were too large. */
  readonly limit: number
  /** Entries that were passed over because one alone is larger than {@link maxAnswerBytes}. */
  readonly tooLarge: number
}

export interface WorkflowFilter {
  readonly active?: boolean | undefined
  readonly tags?: readonly string[] | undefined
  readonly name?: string | undefined
  readonly projectId?: string | undefined
}

export type ExecutionStatus = 'running' | 'waiting'

export const timeoutMs = 10_000
export const maxAnswerBytes = 4 * 1024 * 1024
const maxStringBytes = { single: 20_000, list: 1_000 }
/** An id of n8n: letters and digits in all versions. Anything else could lead a request to another route. */
export const idForm = /^[A-Za-z0-9_-]{1,64}$/

/** Without the upstream's other methods: nothing here can send anything but GET. */
export type GetOnly = Pick<Upstream, 'get' | 'close'>

export class N8nApi {
  readonly #http: GetOnly
  readonly #keyExpires: Date | undefined
  /** The end of the last request: one answer is in memory at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(http: GetOnly, keyExpires: Date | undefined) {
    this.#http = http
    this.#keyExpires = keyExpires
  }

  /** One page, each workflow reduced at once. A page larger than {@link maxAnswerBytes} is asked for again in smaller ones. */
  workflows<T>(
    filter: WorkflowFilter,
    page: { limit: number; cursor?: string | undefined },
    reduce: (workflow: JsonObject) => T,
    signal: AbortSignal,
  ): Promise<Page<T>> {
    const query = {
      excludePinnedData: 'true',
      ...(filter.active === undefined ? {} : { active: String(filter.active) }),
      ...(filter.tags === undefined || filter.tags.length === 0 ? {} : { tags: filter.tags.join(',') }),
      ...(filter.name === undefined ? {} : { name: filter.name }),
      ...(filter.projectId === undefined ? {} : { projectId: filter.projectId }),
    }
    return this.#page('/api/v1/workflows', 'workflow:list', query, page, reduce, signal)
  }

  /** One workflow as n8n has it; undefined when there is none of this id. */
  workflow(id: string, signal: AbortSignal): Promise<JsonObject | undefined> {
    if (!idForm.test(id)) throw new ToolError('INTERNAL', 'not an id') // the tool has explained it before
    return this.#ask(`/api/v1/workflows/${id}`, 'workflow:read', { excludePinnedData: 'true' }, signal, true)
  }

  /** Executions, newest first, without their data. */
  executions<T>(
    status: ExecutionStatus | undefined,
    page: { limit: number; cursor?: string | undefined },
    reduce: (execution: JsonObject) => T,
    signal: AbortSignal,
  ): Promise<Page<T>> {
    const query = { includeData: 'false', ...(status === undefined ? {} : { status }) }
    return this.#page('/api/v1/executions', 'execution:list', query, page, reduce, signal)
  }

  /** n8n's own figures of the last seven days; undefined where this n8n or this key has none. */
  async insights(signal: AbortSignal): Promise<JsonObject | undefined> {
    try {
      return await this.#ask('/api/v1/insights/summary', 'insights:read', {}, signal, true)
    } catch (error) {
      if (error instanceof ToolError && error.code === 'FORBIDDEN') return undefined
      throw error
    }
  }

  close(): void {
    this.#http.close()
  }

  async #page<T>(
    path: string,
    scope: string,
    query: Readonly<Record<string, string>>,
    page: { limit: number; cursor?: string | undefined },
    reduce: (entry: JsonObject) => T,
    signal: AbortSignal,
  ): Promise<Page<T>> {
    let { limit } = page
    for (;;) {
      // The cursor holds the size of the page, which then counts, not `limit`; one of an unknown form is left to n8n.
      const cursor = page.cursor === undefined ? undefined : (withLimit(page.cursor, limit) ?? page.cursor)
      try {
        const place = cursor === undefined ? {} : { cursor }
        const answer = await this.#ask(path, scope, { ...query, limit: String(limit), ...place }, signal, false)
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
        // A quarter at once: workflows with pictures in them differ by orders of magnitude.
        limit = Math.max(1, Math.floor(limit / 4))
      }
    }
  }

  async #ask(
    path: string,
    scope: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
    absent: boolean,
  ): Promise<JsonObject | undefined> {
    const before = this.#turn
    let end!: () => void
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#turn = before.then(() => ended)
    try {
      await untilAborted(before, signal)
      const answer = await this.#http.get(path, { signal, timeoutMs, maxBytes: maxAnswerBytes, query })
      // n8n says `Not Found` of an entry and `not found` of a route; a page of another program says neither.
      if (absent && answer.status === 404 && answer.body.length < 1_000) return undefined
      const json = readAnswer(answer, {
        scope,
        keyExpires: this.#keyExpires,
        maxStringBytes: absent ? maxStringBytes.single : maxStringBytes.list,
      })
      if (isObject(json)) return json
      throw unknownForm()
    } finally {
      end()
    }
  }
}

function unknownForm(): ToolError {
  return new ToolError('UPSTREAM_ERROR', 'n8n answered with JSON of an unknown form', {
    hint: 'ask the operator whether N8N_API_URL leads to n8n',
  })
}

/** Waits for `work`, which never rejects, but not beyond the signal. */
function untilAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    void work.then(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
  })
}
