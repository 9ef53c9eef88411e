// Mutants of a source text: one operator, literal or condition changed. Strings, comments, regular expressions, types and the choice between
// two wordings of a message are left alone.
import { transformSync } from 'esbuild'

export interface Mutant {
  readonly line: number
  readonly from: string
  readonly to: string
  readonly text: string
}

const operators: Readonly<Record<string, string>> = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '>': '>=',
  '<=': '<',
  '>=': '>',
  '&&': '||',
  '||': '&&',
  '??': '&&',
  '+': '-',
  '-': '+',
}

/**
 * Every place of the text where something can be changed, with the changed text.
 * Left out are changes that no test could notice or that are another change again: one millisecond more, one more part of a text whose
 * first part is taken, and the negation of a condition that is one comparison.
 */
export function mutantsOf(source: string): Mutant[] {
  const code = maskOthers(source)
  const found: Mutant[] = []
  const add = (at: number, from: string, to: string): void => {
    const line = source.slice(0, at).split('\n').length
    found.push({ line, from, to, text: source.slice(0, at) + to + source.slice(at + from.length) })
  }
  for (const { 0: all, 1: operator = '', index } of code.matchAll(/ (===|!==|<=|>=|<|>|&&|\|\||\?\?|\+|-) /g))
    add(index + 1, all.trim(), operators[operator] ?? operator)
  for (const { 0: word, index } of code.matchAll(/\b(?:true|false)\b/g)) add(index, word, word === 'true' ? 'false' : 'true')
  for (const { 0: number, index } of code.matchAll(/(?<![\w.$]|\b\w*Ms = )\d+(?![\w.])/g))
    add(index, number, String(Number(number) + 1))
  for (const { 0: start, index } of code.matchAll(/\b(?:if|while) \(/g)) {
    const open = index + start.length
    const end = closing(code, open)
    const condition = source.slice(open, end)
    if (end === undefined || /^[^&|?]* [!=]== [^&|?]*$/.test(condition)) continue
    add(open, condition, `!(${condition})`)
  }
  return found
}

/** Whether the changed text can be run: `a ?? b ?? c` cannot become `a && b ?? c`. */
export function isValid({ text }: Mutant): boolean {
  try {
    transformSync(text, { loader: 'ts', logLevel: 'silent' })
    return true
  } catch {
    return false
  }
}

/** The index of the parenthesis that closes the one before `from`. */
function closing(code: string, from: number): number | undefined {
  let depth = 1
  for (let at = from; at < code.length; at++) {
    if (code[at] === '(') depth += 1
    else if (code[at] === ')' && --depth === 0) return at
  }
  return undefined
}

/** The text with blanks in the place of everything that is not to be changed, of the same length. */
function maskOthers(source: string): string {
  const blank = (text: string): string => text.replace(/[^\n]/g, ' ')
  return (
    source
      // A wording is a string with a blank in it.
      .replace(/(?<= = |\(|return |, )[^\n(,]*(?= \? (['`])[^'`\n]* [^'`\n]*\1 : ['`])/g, blank)
      // A regular expression follows an operator, an opening bracket or a comma.
      .replace(
        /\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|(?<=[=(,:[!&|?{};]\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/\w*/g,
        blank,
      )
      .replace(/^(?:export )?(?:interface|type) [\s\S]*?^\}?$/gm, blank)
      .replace(/^import .*|^\s*readonly [^=\n]*$|: \d+(?: \| \d+)+|(?<=\.split\([^()\n]*, )1(?=\)\[0\])/gm, blank)
  )
}
