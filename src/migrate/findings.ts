// What the person has to know about a line of mosquitto.conf: it was left out, or became something that is not quite the same.
//
// Always true: no secret is in a finding, and each is one line of a terminal.
import { directiveOf } from './directives.ts'
import type { Line } from './conf-file.ts'

const SHOWN_CHARS_MAX = 100
const SENTENCE_CHARS_MAX = 600

export interface Finding {
  readonly line: Line
  readonly kind: 'left out' | 'changed'
  readonly why: string
}

export class Findings {
  readonly #list: Finding[] = []
  readonly #known = new Map<Line, Set<string>>()

  leftOut(line: Line, why: string): void {
    this.#add({ line, kind: 'left out', why })
  }

  changed(line: Line, why: string): void {
    this.#add({ line, kind: 'changed', why })
  }

  /** In the order in which the lines were read. */
  get list(): readonly Finding[] {
    return this.#list.toSorted((a, b) => a.line.source - b.line.source || a.line.number - b.line.number)
  }

  /** A line that is for several listeners is found fault with once. */
  #add(finding: Finding): void {
    const { line, why } = finding
    const known = this.#known.get(line) ?? new Set()
    if (known.has(why)) return
    this.#known.set(line, known.add(why))
    this.#list.push(finding)
  }
}

/** `mosquitto.conf:12` */
export function place({ file, number }: Line): string {
  return `${printable(file)}:${number}`
}

/** The line as it may be shown. The value of a word that nobody knows may be a secret too: it may be a mistyped password. */
export function shown(line: Line): string {
  const directive = directiveOf(line.name)
  const value = line.rest === '' ? '' : directive === null || directive.secret ? '…' : line.rest
  return printable(`${line.name} ${value}`.trimEnd())
}

export function sentenceOf({ line, kind, why }: Finding): string {
  return printable(`${place(line)}  ${shown(line)}: ${kind}: ${why}`, SENTENCE_CHARS_MAX)
}

export function printable(text: string, charsMax = SHOWN_CHARS_MAX): string {
  const plain = text.replaceAll(/[^\P{C}]/gu, '·')
  return plain.length <= charsMax ? plain : `${plain.slice(0, charsMax - 1)}…`
}
