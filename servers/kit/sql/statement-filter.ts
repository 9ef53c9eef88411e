// Which texts are sent to PostgreSQL: one statement, of a kind that reads. What a statement may do is decided by the database role.
import { ToolError } from '../../../protocol/index.ts'
import { isMark, lex, type Token } from './lexer.ts'

const reading = ['select', 'with', 'values', 'table', 'show', 'explain']

export interface Reading {
  readonly tokens: readonly Token[]
  /** First word of the statement, in lower case; what is inside leading parentheses counts. */
  readonly keyword: string | undefined
}

/**
 * The statement without what models put around it.
 * @param instead the call that answers a command of psql or MySQL
 * @throws ToolError INVALID_ARGUMENT for such a command
 */
export function requireSql(written: string, instead: Instead): string {
  const text = bareStatement(written)
  const command = shellCommand(text)
  if (command === undefined) return text
  const [line = ''] = text.slice(0, 60).split('\n', 1)
  throw new ToolError('INVALID_ARGUMENT', `"${line.trim()}" is not SQL of PostgreSQL`, { hint: instead(command) })
}

/** Removes a byte order mark and a Markdown fence. */
export function bareStatement(text: string): string {
  const trimmed = text.replace(/^\ufeff+/, '').trim()
  if (trimmed.length < 6 || !trimmed.startsWith('```') || !trimmed.endsWith('```')) return trimmed
  return trimmed.slice(3, -3).replace(/^[A-Za-z]*\r?\n/, '')
}

/** What a command of psql or MySQL asks for: the tables, where it is something else that no tool answers. */
export interface ShellCommand {
  readonly wants: 'databases' | 'tables' | 'columns'
  readonly table?: string | undefined
}

/** The call that answers such a command. */
export type Instead = (command: ShellCommand) => string

export function shellCommand(text: string): ShellCommand | undefined {
  const [, command, argument] =
    /^\\(\w+)[+S]*(?:\s+(\S{1,200}))?/.exec(text) ??
    /^(?:show\s+(?:full\s+)?)(tables|databases|schemas|columns|fields)\b(?:\s+(?:from|in)\s+(\S{1,200}))?/i.exec(text) ??
    /^(desc|describe|use)\s+(?:table\s+)?(\S{1,200})\s*;?$/i.exec(text) ??
    []
  if (command === undefined) return undefined
  const table = argument?.replace(/[;`]/g, '')
  if (/^(l|list|c|connect|databases|use)$/i.test(command)) return { wants: 'databases' }
  if (/^(d|desc|describe|columns|fields)$/i.test(command) && table !== undefined) return { wants: 'columns', table }
  return { wants: 'tables' }
}

/** @throws ToolError INVALID_ARGUMENT unless the text is exactly one statement, which ends properly */
export function readOne(text: string): Reading {
  // A zero byte ends a C string in the protocol: what follows would be taken for other fields of the message.
  if (text.includes('\0'))
    throw new ToolError('INVALID_ARGUMENT', 'the text holds a NUL character, which PostgreSQL does not accept')
  const { tokens, fault } = lex(text)
  if (fault === 'escape') {
    throw new ToolError('INVALID_ARGUMENT', 'a name in U&"…" is not accepted', {
      hint: 'the same statement with the characters themselves in ordinary double quotes',
    })
  }
  if (fault !== undefined) {
    throw new ToolError('INVALID_ARGUMENT', `a ${fault === 'identifier' ? 'quoted identifier' : fault} is not closed (42601)`, {
      hint: 'the same statement with its closing quote or comment mark',
      detail: '42601',
    })
  }
  const isStart = (token: Token, i: number): boolean => !isMark(token, ';') && (i === 0 || isMark(tokens[i - 1], ';'))
  const statements = tokens.filter(isStart).length
  if (statements === 0)
    throw new ToolError('INVALID_ARGUMENT', 'there is no statement in the text', { hint: '{"query":"SELECT 1"}' })
  if (statements > 1) {
    throw new ToolError('INVALID_ARGUMENT', `${statements} statements found (42601)`, {
      hint: statements === 2 ? 'send them as two calls' : 'send each as its own call',
      detail: '42601',
    })
  }
  const first = tokens.find((token) => !isMark(token, '(') && !isMark(token, ';'))
  const keyword = first?.kind === 'word' && !first.quoted ? first.name : undefined
  return { tokens, keyword }
}

/** @throws ToolError when the text is not one reading statement */
export function requireReading(text: string): void {
  const found = readOne(text)
  if (found.keyword === undefined || !reading.includes(found.keyword)) {
    throw new ToolError(
      'READ_ONLY',
      `this tool accepts one SELECT/WITH/VALUES/TABLE/SHOW/EXPLAIN statement; got ${firstWord(found)}. Ask the operator if data must be changed`,
    )
  }
  // EXPLAIN ANALYZE CREATE TABLE … AS runs in a READ ONLY transaction (seen on 15 and 18); only the rollback undoes it. CREATE is a reserved word.
  const creates = found.tokens.some((token) => token.kind === 'word' && !token.quoted && token.name === 'create')
  if (found.keyword === 'explain' && creates) {
    throw new ToolError('READ_ONLY', 'EXPLAIN of CREATE is not accepted. Ask the operator if data must be changed')
  }
}

function firstWord({ keyword, tokens }: Reading): string {
  if (keyword !== undefined) return keyword.toUpperCase()
  const [first] = tokens
  return first?.kind === 'word' ? `the identifier "${first.name.slice(0, 40)}"` : 'none of them'
}
