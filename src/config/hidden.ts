// Secrets that stand in a configuration as text are shown as `(hidden 1)`, `(hidden 2)` …, in the order of the file; who sends the text back may leave them so. Pure.
//
// What is always true: a text with a secret that cannot be found in it is not shown at all; a mark becomes the very secret that it stood for, on one line, so
// that every other line keeps its number.
import type { WrittenSecret } from './place.ts'
import { type Replacement, replaced } from './replaced.ts'
import { type ScalarSpan, scalarSpans } from './yaml.ts'

const MARK = /^\(hidden (\d{1,6})\)$/

/** null when one of the secrets cannot be found in the text. */
export function hideSecrets(text: string, secrets: readonly WrittenSecret[]): string | null {
  const ranges = rangesOf(text, secrets)
  return ranges === null ? null : replaced(text, ranges.map(({ start, end }, i) => ({ start, end, by: `(hidden ${i + 1})` })))
}

/** A mark that stands for no secret. */
export interface UnknownMark {
  readonly start: number
}

export interface Restored {
  readonly text: string
  readonly unknown: readonly UnknownMark[]
  /** Where an offset of `text` was in the text with its marks. */
  offsetInMarked(offset: number): number
}

/** `base`: the text that was shown, with its secrets. */
export function restoreSecrets(marked: string, base: string, secrets: readonly WrittenSecret[]): Restored {
  const known = rangesOf(base, secrets) ?? []
  const marks = marked.includes('(hidden ') ? scalarSpans(marked).filter(({ value }) => typeof value === 'string' && MARK.test(value)) : []
  const replacements: Replacement[] = []
  const unknown: UnknownMark[] = []
  for (const { start, end, value } of marks) {
    const secret = known[Number(MARK.exec(value as string)![1]) - 1]
    if (secret === undefined) unknown.push({ start })
    else replacements.push({ start, end, by: sourceOf(base, secret) })
  }
  return { text: replaced(marked, replacements), unknown, offsetInMarked: (offset) => back(offset, replacements) }
}

/** In the order of the file; an anchored value stands once. */
function rangesOf(text: string, secrets: readonly WrittenSecret[]): ScalarSpan[] | null {
  const starts = new Set(secrets.filter(({ file }) => file === null).map(({ start }) => start))
  if (starts.size === 0) return []
  const ranges = scalarSpans(text).filter(({ start }) => starts.has(start))
  return ranges.length === starts.size ? ranges : null
}

/** As it was written; a value of several lines as one. */
function sourceOf(text: string, { start, end, value }: ScalarSpan): string {
  const source = text.slice(start, end)
  return /[\r\n]/.test(source) ? JSON.stringify(value) : source
}

function back(offset: number, replacements: readonly Replacement[]): number {
  let shift = 0
  for (const { start, end, by } of replacements) {
    if (offset < start + shift) break
    if (offset < start + shift + by.length) return start
    shift += by.length - (end - start)
  }
  return offset - shift
}
