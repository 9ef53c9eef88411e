// Names: those that resemble a wrong one, and globs, matched in linear time: `*` any run of characters, `?` one. No regular expression is built
// from an operator's or a model's text.
import { nearest } from '../../protocol/index.ts'

/** All candidates, those that resemble `word` first. */
export function nearestFirst(word: string, candidates: readonly string[]): string[] {
  return [...new Set([...nearest(word, candidates), ...candidates])]
}

/** Does `name` match `glob` as a whole? Case-sensitive. */
export function matchesGlob(glob: string, name: string): boolean {
  let g = 0
  let n = 0
  let star = -1
  let resume = 0
  while (n < name.length) {
    if (g < glob.length && glob[g] === '*') {
      star = g++
      resume = n
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === name[n])) {
      g += 1
      n += 1
    } else if (star !== -1) {
      g = star + 1
      n = ++resume
    } else {
      return false
    }
  }
  while (glob[g] === '*') g += 1
  return g === glob.length
}
