// Did you mean: the known word nearest to a mistyped one.

const WORD_LENGTH_MAX = 40 // nobody mistypes a longer one, and the table below is quadratic

/** The word of `known` that `word` most likely meant, or null when nothing is near: a wrong guess misleads more than none. */
export function nearest(word: string, known: readonly string[]): string | null {
  if (word.length === 0 || word.length > WORD_LENGTH_MAX) return null
  const meant = fold(word)
  let best: string | null = null
  let bestDistance = Infinity
  for (const candidate of known) {
    const distance = editDistance(meant, fold(candidate))
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return bestDistance <= Math.max(1, Math.floor(meant.length / 3)) ? best : null
}

// `commit_window`, `commit-window` and `CommitWindow` all mean `commitWindow`.
function fold(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, '')
}

/** Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment distance). */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, beforePrevious[j - 2]! + 1)
      row.push(cost)
    }
    beforePrevious = previous
    previous = row
  }
  return previous[b.length]!
}
