// The lines of mosquitto.conf, sorted to what they belong to: the broker, its listeners, its bridges. What a value means is not known here.
//
// Every line ends in exactly one place, or is found fault with: none is lost. A word that nobody knows may have been meant to begin a new
// listener or to keep somebody out: what it may have been about is in doubt from then on, and whoever reads this must not open it.
import { nearest } from '../config/spelling.ts'
import type { Line } from './conf-file.ts'
import { type Directive, DIRECTIVES, directiveOf, whyNot } from './directives.ts'
import type { Findings } from './findings.ts'

/** The lines of one place, in the order in which they were read. What has been taken has been dealt with. */
export class Settings {
  readonly #lines: Line[] = []
  readonly #byName = new Map<string, Line[]>()
  readonly #taken = new Set<Line>()
  /** Those without which what they are about must not be there, and that cannot be honoured. */
  readonly guards: Line[] = []

  get lines(): readonly Line[] {
    return this.#lines
  }

  get untaken(): readonly Line[] {
    return this.#lines.filter((line) => !this.#taken.has(line))
  }

  add(line: Line): void {
    this.#lines.push(line)
    if (directiveOf(line.name)?.protects === true && whyNot(line) !== null) this.guards.push(line)
    const same = this.#byName.get(line.name)
    if (same === undefined) this.#byName.set(line.name, [line])
    else same.push(line)
  }

  /** The last one of a name so far. */
  last(name: string): Line | null {
    return this.#byName.get(name)?.at(-1) ?? null
  }

  /** The line that counts, the last; null when there is none. */
  take(...names: readonly string[]): Line | null {
    return this.takeAll(...names).at(-1) ?? null
  }

  takeAll(...names: readonly string[]): readonly Line[] {
    const found = names.length === 1 ? (this.#byName.get(names[0]!) ?? []) : this.#lines.filter((line) => names.includes(line.name))
    for (const line of found) this.#taken.add(line)
    return found
  }
}

/** A listener or a bridge, with what was said below its first line. */
export interface Section {
  /** null for the default listener, which is there without a line. */
  readonly opened: Line | null
  readonly settings: Settings
  /** Lines about who may use a listener, when they are for it alone. */
  readonly security: Settings
  /** Lines that nobody understands, and that may have been about this. */
  readonly doubts: Line[]
}

export interface Conf {
  readonly settings: Settings
  /** About who may use any listener. */
  readonly security: Settings
  readonly doubts: readonly Line[]
  /** The lines about access are for the listener they stand below. */
  readonly perListener: boolean
  readonly defaultListener: Section
  readonly listeners: readonly Section[]
  readonly bridges: readonly Section[]
}

const OPENERS = ['listener', 'connection']
const NAMES = DIRECTIVES.map((directive) => directive.name)

/** Sorts the lines; what has no place is found fault with. */
export function parseConf(lines: readonly Line[], findings: Findings): Conf {
  return new Sorting(lines, findings)
}

class Sorting implements Conf {
  readonly settings = new Settings()
  readonly security = new Settings()
  readonly doubts: Line[] = []
  readonly perListener: boolean
  readonly defaultListener = section(null)
  readonly listeners: Section[] = []
  readonly bridges: Section[] = []
  readonly #findings: Findings
  /** What the next line of a file belongs to. */
  readonly #listenerOf = new Map<number, Section>()
  readonly #bridgeOf = new Map<number, Section>()

  constructor(lines: readonly Line[], findings: Findings) {
    this.#findings = findings
    this.perListener = lines.some(({ name, words }) => name === 'per_listener_settings' && (words[0] === 'true' || words[0] === '1'))
    for (const line of lines) this.#sort(line)
  }

  #sort(line: Line): void {
    const directive = directiveOf(line.name)
    if (directive === null) {
      this.#unknown(line)
      return
    }
    if (/[^\P{Cc}\t]|\uFFFD/u.test(line.rest)) {
      this.#doubt(line, directive)
      this.#findings.leftOut(line, 'the line is damaged: it holds what is no text')
      if (!OPENERS.includes(line.name)) return
    }
    if (line.name === 'listener') this.#open(this.listeners, this.#listenerOf, line)
    else if (line.name === 'connection') this.#open(this.bridges, this.#bridgeOf, line)
    else if (line.name === 'include_dir') {
      if (line.source > 1) this.#findings.leftOut(line, 'only the main file can include others, as with Mosquitto')
    } else this.#add(line, directive)
  }

  #open(list: Section[], current: Map<number, Section>, line: Line): void {
    const opened = section(line)
    list.push(opened)
    current.set(line.source, opened)
  }

  #add(line: Line, directive: Directive): void {
    const settings = this.#settingsFor(line, directive)
    if (settings === null) {
      this.#findings.leftOut(line, 'it belongs below a `connection`, and there is none above it')
      return
    }
    const before = directive.repeats ? null : settings.last(line.name)
    if (before !== null) this.#findings.leftOut(before, `it is said again on line ${line.number}${before.source === line.source ? '' : ` of ${line.file}`}, and that counts`)
    settings.add(line)
  }

  #settingsFor(line: Line, { scope }: Directive): Settings | null {
    switch (scope) {
      case 'broker':
        return this.settings
      case 'security':
        return this.perListener ? this.#listener(line).security : this.security
      case 'listener':
        // These two are of the default listener wherever they stand.
        return (line.name === 'port' || line.name === 'bind_address' ? this.defaultListener : this.#listener(line)).settings
      case 'bridge':
        return this.#bridgeOf.get(line.source)?.settings ?? null
    }
  }

  #listener(line: Line): Section {
    return this.#listenerOf.get(line.source) ?? this.defaultListener
  }

  #unknown(line: Line): void {
    const meant = nearest(line.name, NAMES)
    this.#findings.leftOut(line, meant === null ? 'Mosquitto knows no such directive' : `Mosquitto knows no such directive: did you mean ${meant}?`)
    const known = meant === null ? null : directiveOf(meant)
    if (known?.protects !== false) this.#doubt(line, known)
  }

  /** `meant`: what the line most likely is; null when it could be anything. */
  #doubt(line: Line, meant: Directive | null): void {
    const listener = this.#listenerOf.get(line.source)
    const bridge = this.#bridgeOf.get(line.source)
    if (meant === null || OPENERS.includes(meant.name)) {
      bridge?.doubts.push(line)
      if (bridge === undefined || meant !== null) (listener?.doubts ?? this.doubts).push(line)
    } else if (meant.scope === 'bridge') bridge?.doubts.push(line)
    else if (meant.scope === 'listener' || (meant.scope === 'security' && this.perListener)) (listener ?? this.defaultListener).doubts.push(line)
    else this.doubts.push(line)
  }
}

function section(opened: Line | null): Section {
  return { opened, settings: new Settings(), security: new Settings(), doubts: [] }
}
