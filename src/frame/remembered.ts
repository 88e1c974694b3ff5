// Dictionaries by name, the last ones up to a bound.
import type { Dictionary } from './dictionary.ts'

export class Remembered {
  readonly #bytesMax: number
  readonly #dictionaries = new Map<string, Dictionary>()
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get(name: string): Dictionary | undefined {
    return this.#dictionaries.get(name)
  }

  /** The newest; one that is known becomes the newest again. */
  add(dictionary: Dictionary): void {
    this.#delete(dictionary.name)
    this.#dictionaries.set(dictionary.name, dictionary)
    this.#bytes += dictionary.bytes.length
    for (const name of this.#dictionaries.keys()) {
      if (this.#bytes <= this.#bytesMax || name === dictionary.name) return
      this.#delete(name)
    }
  }

  #delete(name: string): void {
    this.#bytes -= this.#dictionaries.get(name)?.bytes.length ?? 0
    this.#dictionaries.delete(name)
  }
}
