// The four routes of n8n's public API that this server uses, all of them GET. The tools have no other access to n8n: an API key of n8n's
// community edition can do everything, so the code itself must not be able to write.
import { ToolError } from '../../../protocol/index.ts'
import type { Upstream } from '../../kit/http/upstream.ts'
import { parseIfJson } from '../../kit/text.ts'
import { Semaphore } from '../../kit/waiting.ts'
import { readAnswer, unknownForm } from '../errors.ts'
import { isObject, type JsonObject, object, objects, text } from './json.ts'

const timeoutMs = 10_000
const maxWaiting = 100
const maxAnswerBytes = 4 * 1024 * 1024
/** Kept of each string. A single node is read in parts, so more of it is kept while the whole workflow stays small. */
const maxStringBytes = { list: 1_000, workflow: 20_000, node: 100_000 }
/** An id of n8n: letters and digits in all versions. Anything else could address another route. */
export const idForm = /^[A-Za-z0-9_-]{1,64}$/

/** The scope of the API key that a list needs. */
const scopes = { workflows: 'workflow:list', executions: 'execution:list' }

/** Where a list is read from, in which pages, and until when. */
export interface From {
  readonly limit: number
  readonly cursor?: string | undefined
  readonly signal: AbortSignal
}

export interface Page<T> {
  readonly entries: readonly T[]
  /** n8n's cursor of this page, and of the following one. */
  readonly start: string | undefined
  readonly next: string | undefined
  /** Entries that were skipped because one alone is larger than an answer may be. */
  readonly tooLarge: number
}

/** Page after page, each read when it is asked for. */
type Pages<T> = AsyncGenerator<Page<T>, undefined>
/** Without the client's other methods, so that only GET can be sent. */
type GetOnly = Pick<Upstream, 'get' | 'close'>
type Query = Readonly<Record<string, string>>
type Kept = keyof typeof maxStringBytes
type Filter = { active?: boolean | undefined; name?: string | undefined; projectId?: string | undefined }

export type N8nApi = ReturnType<typeof openApi>

export function openApi(http: GetOnly, keyExpires: Date | undefined) {
  /** One answer is in memory at a time. */
  const slots = new Semaphore({ limit: 1, maxWaiting, busy: ({ waiting }) => `${waiting} requests to n8n are waiting` })

  async function* pagesOf<T>(route: keyof typeof scopes, query: Query, from: From, reduce: (entry: JsonObject) => T): Pages<T> {
    let { limit, cursor: start } = from
    for (;;) {
      // The page size in the cursor overrides `limit`; a cursor of an unknown form is passed on to n8n.
      const resized = start === undefined ? undefined : moveCursor(start, 0, limit)
      const cursor = resized ?? start
      let page: Page<T>
      try {
        const place = { limit: String(limit), ...(cursor && { cursor }) }
        const answer = await ask(route, scopes[route], { ...query, ...place }, 'list', from)
        if (!Array.isArray(answer?.data)) throw unknownForm()
        page = { start, entries: objects(answer.data).map(reduce), next: text(answer.nextCursor) || undefined, tooLarge: 0 }
      } catch (error) {
        // A page that is too large is requested again in smaller ones.
        if (!(error instanceof ToolError) || error.code !== 'TOO_LARGE' || resized !== cursor) throw error
        if (limit > 1) {
          // A quarter at once: workflows with images in them differ by orders of magnitude.
          limit = Math.max(1, Math.floor(limit / 4))
          continue
        }
        const next = moveCursor(cursor, 1, from.limit)
        if (next === undefined) throw error
        page = { start, entries: [], next, tooLarge: 1 }
      }
      yield page
      // An upstream whose pages never end sends empty ones.
      if (page.next === undefined || (page.entries.length === 0 && page.tooLarge === 0)) return undefined
      start = page.next
      limit = Math.min(from.limit, limit * 2)
    }
  }

  /** @param cursor that the caller gave */
  function ask(path: string, scope: string, query: Query, kept: Kept, { signal, cursor }: Omit<From, 'limit'>) {
    return slots.run({ signal }, async (): Promise<JsonObject | undefined> => {
      const answer = await http.get(`/api/v1/${path}`, { signal, timeoutMs, maxBytes: maxAnswerBytes, query })
      // A missing entry; a 404 page of another program is longer.
      if (kept !== 'list' && answer.status === 404 && answer.body.length < 1_000) return undefined
      const json = readAnswer(answer, { scope, keyExpires, maxStringBytes: maxStringBytes[kept], cursor })
      if (isObject(json)) return json
      throw unknownForm()
    })
  }

  return {
    /**
     * Each workflow is reduced at once.
     * @param filter `name`: a pattern of SQL's LIKE for a part of the name, case-sensitive on PostgreSQL
     */
    workflows<T>(filter: Filter, from: From, reduce: (workflow: JsonObject) => T): Pages<T> {
      const given = Object.entries(filter).filter(([, value]) => value !== undefined)
      const query = Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
      return pagesOf('workflows', { excludePinnedData: 'true', ...query }, from, reduce)
    },

    /** Executions, newest first, without their data. */
    executions<T>(status: 'running' | 'waiting' | undefined, from: From, reduce: (execution: JsonObject) => T): Pages<T> {
      return pagesOf('executions', { includeData: 'false', ...(status && { status }) }, from, reduce)
    },

    /** One workflow as n8n stores it; undefined when none has this id. */
    workflow(id: string, kept: Exclude<Kept, 'list'>, signal: AbortSignal): Promise<JsonObject | undefined> {
      if (!idForm.test(id)) throw new ToolError('INTERNAL', 'not an id') // the tool has checked it
      return ask(`workflows/${id}`, 'workflow:read', { excludePinnedData: 'true' }, kept, { signal })
    },

    /** n8n's own figures of the last seven days; undefined where this version has none. */
    insights: (signal: AbortSignal) => ask('insights/summary', 'insights:read', {}, 'workflow', { signal }),

    close: () => http.close(),
  }
}

/**
 * The cursor of the place `by` entries after another, or after the first page, with pages of `limit`. It has n8n's form, seen in 1.x and 2.x:
 * base64 of {"limit":2,"offset":4} for workflows, {"limit":1,"lastId":"2"} for executions. Undefined for a cursor of another form, and for
 * one without an offset that would have to move.
 */
export function moveCursor(cursor: string | undefined, by: number, limit: number): string | undefined {
  const decoded = (from: string): unknown => parseIfJson(Buffer.from(from, 'base64').toString()) // n8n decides whether it is valid
  const place = cursor === undefined ? { limit, offset: 0 } : object(decoded(cursor))
  const offset = by === 0 ? place.offset : Number(place.offset) + by
  if (!Number.isInteger(place.limit) || Number.isNaN(offset)) return undefined
  return Buffer.from(JSON.stringify({ ...place, limit, offset })).toString('base64')
}
