// Cursors of tools/list.
import type { Case } from '../case.ts'
import type { Context } from '../client/context.ts'
import type { Session } from '../client/session.ts'
import { check, checkEqual, isObject, type Json, type JsonObject } from '../expect.ts'
import { LIMITS } from '../limits.ts'
import { ask, checkError, LIST } from '../steps.ts'

const MOST_EMPTY_PAGES = 5

async function firstCursor(t: Context, session: Session): Promise<string> {
  const { nextCursor } = await session.result(LIST, {})
  return typeof nextCursor === 'string' ? nextCursor : t.skip('the list has one page')
}

export const cases: Case[] = [
  {
    id: 'server/utilities/pagination/error-handling/invalid-cursor',
    level: 'SHOULD',
    needs: ['tools'],
    quote: 'Invalid cursors SHOULD result in an error with code -32602 (Invalid params).',
    run: async (t) => checkError(await (await t.connect()).request(LIST, { cursor: 'conformance-no-such-cursor' }), -32602),
  },
  {
    id: 'server/utilities/pagination/pagination-model/the-list-ends',
    level: 'MUST',
    needs: ['tools'],
    quote: 'A nextCursor indicates that more results exist; a missing one is the end of results.',
    async run(t) {
      const session = await t.connect()
      const seen = new Set<Json>()
      const names = new Set<Json | undefined>()
      let empty = 0
      let cursor: Json | undefined
      for (let page = 0; page < LIMITS.pages; page += 1) {
        const result: JsonObject = await session.result(LIST, cursor === undefined ? {} : { cursor })
        if (result.nextCursor === undefined) return
        const before = names.size
        const tools = Array.isArray(result.tools) ? result.tools.filter(isObject) : []
        for (const tool of tools) names.add(tool.name)
        empty = names.size > before ? 0 : empty + 1
        check(
          empty === 0 || (tools.length === 0 && empty < MOST_EMPTY_PAGES),
          'tools on each page that were on none before it',
          result,
        )
        check(!seen.has(result.nextCursor ?? null), 'a new cursor on each page', result.nextCursor)
        seen.add(result.nextCursor ?? null)
        cursor = result.nextCursor
      }
      t.skip(`more than ${LIMITS.pages} pages`)
    },
  },
  {
    id: 'server/utilities/pagination/response-format/next-cursor-is-a-string',
    level: 'MUST',
    needs: ['tools'],
    quote: 'nextCursor?: string, an opaque token; absent at the end, and neither null nor a number.',
    async run(t) {
      const { nextCursor } = await ask(t, LIST, {})
      check(nextCursor === undefined || typeof nextCursor === 'string', 'a string or nothing', JSON.stringify(nextCursor))
    },
  },
  {
    id: 'server/utilities/pagination/implementation-guidelines/stable-cursors',
    level: 'SHOULD',
    needs: ['tools'],
    quote: 'Servers SHOULD provide stable cursors: the same cursor gives the same page.',
    async run(t) {
      const session = await t.connect()
      const cursor = await firstCursor(t, session)
      const [first, second] = [await session.result(LIST, { cursor }), await session.result(LIST, { cursor })]
      checkEqual(second.tools, first.tools, 'the same page')
    },
  },
  {
    id: 'server/utilities/pagination/pagination-model/pages-do-not-overlap',
    level: 'SHOULD',
    needs: ['tools'],
    quote: 'Each tool is uniquely identified by a name, and a cursor represents a position: no tool is on two pages.',
    async run(t) {
      const session = await t.connect()
      await firstCursor(t, session)
      const names = (await session.tools()).map((tool) => tool.name)
      checkEqual(names.length, new Set(names).size, 'as many names as tools:')
    },
  },
]
