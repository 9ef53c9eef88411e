// "Did you mean": the candidates nearest to a word, for errors that a model can act on.

const maxCandidates = 5_000
const maxWordLength = 200
/** Cells of the distance tables of one call: some tens of milliseconds at most. */
const maxWork = 4_000_000

/**
 * The up to `count` candidates nearest to `word` by edit distance (adjacent swaps count once), nearest first. A candidate is plausible when
 * at most a third of it, or of one of its words, differs, or when one of the two contains the other.
 */
export function nearest(word: string, candidates: Iterable<string>, count = 5): string[] {
  const wanted = word.slice(0, maxWordLength).toLowerCase()
  const scored: { candidate: string; distance: number }[] = []
  let seen = 0
  let work = 0
  /** Infinity when too much differs. */
  const distanceTo = (name: string): number => {
    const limit = Math.max(1, Math.floor(Math.max(wanted.length, name.length) / 3))
    if (Math.abs(wanted.length - name.length) > limit) return Infinity // each missing letter is one edit
    work += wanted.length * name.length
    const distance = editDistance(wanted, name)
    return distance <= limit ? distance : Infinity
  }
  for (const candidate of candidates) {
    if (++seen > maxCandidates || work > maxWork) break
    const name = candidate.slice(0, maxWordLength).toLowerCase()
    const words = name.split(/[^\p{L}\p{N}]+/u).filter((part) => part.length >= 3 && part !== name)
    const contained = wanted.length >= 3 && name.length >= 3 && (name.includes(wanted) || wanted.includes(name))
    // One letter in the whole name stands before a name that is only a part of it.
    const distance = Math.min(contained ? 1.5 : Infinity, distanceTo(name), ...words.map((part) => distanceTo(part) + 1))
    if (distance < Infinity) scored.push({ candidate, distance })
  }
  return scored
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, count)
    .map(({ candidate }) => candidate)
}

/** Optimal string alignment distance, three rows at a time. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min((row[j - 1] ?? 0) + 1, (previous[j] ?? 0) + 1, (previous[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (before[j - 2] ?? 0) + 1)
      row.push(best)
    }
    before = previous
    previous = row
  }
  return previous[b.length] ?? 0
}
