// Which write level a statement of tsdb_execute needs, judged by its words. What is not named here is refused at every level.
import { ToolError } from '../../../protocol/index.ts'
import type { Token } from '../../kit/sql/lexer.ts'
import type { Reading } from '../../kit/sql/statement-filter.ts'
import { type WriteLevel, writeLevels } from '../config.ts'

export interface StatementClass {
  readonly level: 'dml' | 'ddl'
  /** Destroys data or structure beyond what rows affected can say. */
  readonly destructive: boolean
  /** PostgreSQL refuses to run it inside a transaction. */
  readonly alone: boolean
}

const objects = ['table', 'index', 'view', 'schema', 'sequence', 'type', 'domain', 'statistics']
const fillers = [
  'or',
  'replace',
  'global',
  'local',
  'temp',
  'temporary',
  'unlogged',
  'unique',
  'materialized',
  'recursive',
  'if',
  'not',
  'exists',
]
/** Of `ALTER … DROP x`, what takes no data with it. */
const harmlessDrops = ['constraint', 'default', 'not', 'identity', 'expression']
const destructiveFunctions = ['drop_chunks', 'drop_chunk', 'delete_job', 'detach_chunk']
const procedures: Readonly<Record<string, { alone: boolean }>> = {
  refresh_continuous_aggregate: { alone: true },
  run_job: { alone: true },
  add_columnstore_policy: { alone: false },
  remove_columnstore_policy: { alone: false },
  convert_to_columnstore: { alone: false },
  convert_to_rowstore: { alone: false },
}

/** @throws ToolError READ_ONLY for statements that no level admits */
export function classify(reading: Reading): StatementClass {
  const { keyword, tokens } = reading
  const words = tokens.flatMap((token) => (token.kind === 'word' && !token.quoted ? [token.name] : []))
  const destructive = destructiveFunctions.some((name) => calls(tokens, name))
  switch (keyword) {
    case 'insert':
    case 'update':
    case 'delete':
    case 'merge':
      return { level: 'dml', destructive, alone: false }
    case 'select':
    case 'with':
    case 'values':
    case 'table':
      return { level: words.includes('into') && !writes(words) ? 'ddl' : 'dml', destructive, alone: false }
    case 'create':
      if (isObject(words.slice(1)) && !words.includes('grant')) return { level: 'ddl', destructive, alone: false }
      break
    case 'alter':
      if (isObject(words.slice(1)) && !words.includes('owner') && !words.includes('security')) {
        return { level: 'ddl', destructive: destructive || dropsData(words), alone: false }
      }
      break
    case 'comment':
    case 'analyze':
    case 'analyse':
      return { level: 'ddl', destructive, alone: false }
    case 'refresh':
      if (words[1] === 'materialized') return { level: 'ddl', destructive, alone: false }
      break
    case 'drop':
      if (isObject(words.slice(1))) return { level: 'ddl', destructive: true, alone: false }
      break
    case 'truncate':
      return { level: 'ddl', destructive: true, alone: false }
    case 'call': {
      const name = Object.keys(procedures).find((each) => calls(tokens, each))
      if (name !== undefined) return { level: 'ddl', destructive: false, alone: procedures[name]?.alone === true }
      break
    }
    case 'explain':
      throw new ToolError('READ_ONLY', 'EXPLAIN only reads', { hint: 'the same statement with tsdb_query' })
  }
  throw new ToolError(
    'READ_ONLY',
    `tsdb_execute accepts INSERT, UPDATE, DELETE, MERGE, SELECT of a function, CREATE, ALTER and DROP of tables, indexes, views and the like, COMMENT, ANALYZE, REFRESH and CALL of TimescaleDB's procedures; got ${words.slice(0, 2).join(' ').toUpperCase() || 'none of them'}. Ask the operator`,
  )
}

/** @throws ToolError READ_ONLY when this server's level does not reach */
export function requireLevel(have: WriteLevel, need: 'policy' | 'dml' | 'ddl', tool: string): void {
  if (writeLevels.indexOf(have) >= writeLevels.indexOf(need)) return
  if (have === 'off') throw new ToolError('READ_ONLY', `${tool} is disabled on this server (write level "off"). Ask the operator`)
  throw new ToolError('READ_ONLY', `this needs write level "${need}", and this server has "${have}". Ask the operator`)
}

function isObject(words: readonly string[]): boolean {
  return objects.includes(words.find((word) => !fillers.includes(word)) ?? '')
}

function writes(words: readonly string[]): boolean {
  return words.some((word) => word === 'insert' || word === 'merge')
}

function dropsData(words: readonly string[]): boolean {
  return words.some((word, i) => word === 'drop' && !harmlessDrops.includes(words[i + 1] ?? ''))
}

function calls(tokens: readonly Token[], name: string): boolean {
  return tokens.some((token, i) => {
    const next = tokens[i + 1]
    return token.kind === 'word' && token.name === name && next?.kind === 'mark' && next.mark === '('
  })
}
