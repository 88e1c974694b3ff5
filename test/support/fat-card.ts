// A card with a FAT file system whose power can be cut between any two steps, and within the one that is not of one piece there: the renaming.
import type { CardFiles } from '../../src/card/files.ts'

export class PowerCut extends Error {}

type Names = ReadonlyMap<string, Buffer>

export class FatCard implements CardFiles {
  #names: Map<string, Buffer>
  /** Steps until the power goes; Infinity for never. */
  stepsLeft = Infinity
  /** What the cards may hold after a cut: one of these. */
  outcomes: readonly Names[] = []
  steps = 0
  bytesWritten = 0

  constructor(names: Readonly<Record<string, string | Buffer>> | Names = {}) {
    this.#names = names instanceof Map ? new Map(names) : new Map(Object.entries(names).map(([name, text]) => [name, Buffer.from(text)]))
  }

  list(): readonly string[] {
    return [...this.#names.keys()]
  }

  read(name: string): Buffer | null {
    return this.#names.get(name) ?? null
  }

  text(name: string): string | null {
    return this.read(name)?.toString('utf8') ?? null
  }

  writeNew(name: string, bytes: Uint8Array): void {
    if (this.#names.has(name)) throw new Error(`EEXIST: ${name}`)
    const whole = Buffer.from(bytes)
    this.bytesWritten += whole.length
    const parts = [Buffer.alloc(0), whole.subarray(0, whole.length >> 1), Buffer.alloc(whole.length), whole]
    this.#step([this.#names, ...parts.map((part) => this.#with({ [name]: part }))])
    this.#names.set(name, whole)
  }

  rename(from: string, to: string): void {
    const moved = this.#names.get(from)
    if (moved === undefined) throw new Error(`ENOENT: ${from}`)
    const old = this.#names.get(to)
    const empty = Buffer.alloc(0)
    // Two directory entries change one after the other; a check that finds both on one text cuts one of them off.
    const within: Readonly<Record<string, Buffer | null>>[] = [
      { [from]: moved, [to]: null },
      { [from]: moved, [to]: moved },
      { [from]: moved, [to]: empty },
      { [from]: empty, [to]: moved },
      { [from]: null, [to]: moved },
    ]
    this.#step([this.#names, ...(old === undefined ? within.slice(1) : within).map((names) => this.#with(names))])
    this.#names.delete(from)
    this.#names.set(to, moved)
  }

  remove(name: string): void {
    if (!this.#names.has(name)) return
    this.#step([this.#names, this.#with({ [name]: null }), this.#with({ [name]: Buffer.alloc(0) })])
    this.#names.delete(name)
  }

  sync(): void {
    this.#step([this.#names])
  }

  #with(changes: Readonly<Record<string, Buffer | null>>): Names {
    const names = new Map(this.#names)
    for (const [name, bytes] of Object.entries(changes)) {
      if (bytes === null) names.delete(name)
      else names.set(name, bytes)
    }
    return names
  }

  #step(outcomes: readonly Names[]): void {
    this.steps++
    if (this.steps <= this.stepsLeft) return
    this.outcomes = outcomes.map((names) => new Map(names))
    throw new PowerCut()
  }
}
