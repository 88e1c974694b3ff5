// From points to the paths of a sparkline. Pure.

export const WIDTH = 120
export const HEIGHT = 32
const EDGE = 3

/** Of the last `forSec`, or of all there is when that is less. A gap ends a piece of the line. */
export function pathsOf(at: readonly number[], values: readonly (number | null)[], forSec: number): { readonly line: string; readonly area: string } {
  const end = at.at(-1) ?? 0
  const first = at[values.findIndex((value) => value !== null)] ?? end
  const begin = end - Math.min(forSec, Math.max(1, end - first))
  const shown = at.flatMap((second, i) => (second >= begin ? [{ second, value: values[i] ?? null }] : []))
  const numbers = shown.flatMap(({ value }) => (value === null ? [] : [value]))
  if (numbers.length < 2) return { line: '', area: '' }
  const low = Math.min(...numbers)
  const high = Math.max(...numbers)
  const x = (second: number): string => (((second - begin) / (end - begin)) * WIDTH).toFixed(1)
  const y = (value: number): string => (high === low ? HEIGHT / 2 : HEIGHT - EDGE - ((value - low) / (high - low)) * (HEIGHT - 2 * EDGE)).toFixed(1)
  const pieces: { second: number; value: number }[][] = [[]]
  for (const { second, value } of shown) {
    if (value === null) pieces.push([])
    else pieces.at(-1)!.push({ second, value })
  }
  const drawn = pieces.filter((piece) => piece.length > 1)
  const line = drawn.map((piece) => `M${piece.map(({ second, value }) => `${x(second)} ${y(value)}`).join('L')}`).join('')
  const area = drawn.map((piece) => `M${x(piece[0]!.second)} ${HEIGHT}L${piece.map(({ second, value }) => `${x(second)} ${y(value)}`).join('L')}L${x(piece.at(-1)!.second)} ${HEIGHT}Z`).join('')
  return { line, area }
}
