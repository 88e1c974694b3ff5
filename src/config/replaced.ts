// Parts of a text give way to others, and every other line keeps its number. Pure.
import type { Span } from './yaml.ts'

export interface Replacement extends Span {
  readonly by: string
}

/** With as many lines as before. */
export function replaced(text: string, spans: readonly Replacement[]): string {
  let shown = text
  for (const { start, end, by } of spans.toSorted((a, b) => b.start - a.start)) {
    const lines = (shown.slice(start, end).match(/\n/g) ?? []).join('')
    if (end > start) shown = shown.slice(0, start) + by + lines + shown.slice(end)
  }
  return shown
}
