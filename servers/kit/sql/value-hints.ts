// The values that exist where a filter has matched nothing: a count of 0 for a value that does not exist reads like a true answer.
import { monotonicMs } from '../../../protocol/index.ts'
import { namedRelations, relationsQuery } from './hints.ts'
import { type Named, qualified, quoteName } from './identifiers.ts'
import { isMark, lex, type Token } from './lexer.ts'
import type { Ask } from './read-only.ts'

const maxComparisons = 3
const maxValues = 20
const sampledRows = 10_000
const maxValueChars = 1_000
/** After this no further column is looked at: the answer itself is there already. */
const budgetMs = 1_500

const columnQuery = `
  SELECT r.nspname AS schema, r.relname AS name FROM (${relationsQuery}) r
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attname = $3 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2 LIMIT 1`

/** @param params what $1, $2 … of the statement stand for @returns for each column, as SQL, the value that was wanted and those that exist */
export async function existingValues(query: string, params: readonly (string | null)[], lookup: Ask) {
  const { tokens } = lex(query)
  const relations = namedRelations(tokens)
  const found: { column: string; wanted: string; values: string[] }[] = []
  const end = monotonicMs() + budgetMs
  for (const { column, wanted } of comparisons(query, tokens, params).slice(0, maxComparisons)) {
    if (monotonicMs() > end) break
    const [table] = await lookup<Named>(columnQuery, [...relations, column])
    if (table === undefined) continue
    // Both what a sample of the table holds and what ANALYZE has found most often.
    const text = `
      SELECT v FROM (SELECT DISTINCT v FROM (SELECT pg_catalog.left(${quoteName(column)}::pg_catalog.text, ${maxValueChars}) v FROM ${qualified(table)} LIMIT ${sampledRows}) s
      UNION SELECT pg_catalog.unnest(most_common_vals::pg_catalog.text::pg_catalog.text[]) FROM pg_catalog.pg_stats
        WHERE schemaname = $1 AND tablename = $2 AND attname = $3) u WHERE v IS NOT NULL ORDER BY 1 LIMIT ${maxValues + 1}`
    const values = (await lookup<{ v: string }>(text, [table.schema, table.name, column])).map(({ v }) => v)
    if (values.length === 0 || values.length > maxValues || wanted.some((value) => values.includes(value))) continue
    found.push({ column: `${qualified(table)}.${quoteName(column)}`, wanted: wanted[0] ?? '', values })
  }
  return found
}

/** `column = 'value'` and `column IN ('a', 'b')`, also with parameters and numbers. */
function comparisons(query: string, tokens: readonly Token[], params: readonly (string | null)[]) {
  const literal = (token: Token | undefined): string | undefined => {
    const source = token === undefined ? '' : query.slice(token.at, token.end)
    if (token?.kind === 'number') return source
    if (token?.kind === 'parameter') return params[Number(source.slice(1)) - 1] ?? undefined
    return token?.kind === 'string' && /^'[^\n]*'$/.test(source) ? source.slice(1, -1).replaceAll("''", "'") : undefined
  }
  const found: { column: string; wanted: string[] }[] = []
  for (const [i, token] of tokens.entries()) {
    if (token.kind !== 'word') continue
    const next = tokens[i + 1]
    const wanted: string[] = []
    if (next?.kind === 'operator' && query.slice(next.at, next.end) === '=') {
      const value = literal(tokens[i + 2])
      if (value !== undefined) wanted.push(value)
    } else if (next?.kind === 'word' && next.name === 'in' && isMark(tokens[i + 2], '(')) {
      for (let k = i + 3; k < tokens.length && !isMark(tokens[k], ')'); k += 1) {
        const value = literal(tokens[k])
        if (value !== undefined) wanted.push(value)
      }
    }
    if (wanted.length > 0) found.push({ column: token.name, wanted })
  }
  return found
}
