// Dictionaries by name, those that were used last, up to a bound.
import type { Dictionary } from './dictionary.ts'

export class Remembered {
  readonly #bytesMax: number
  readonly #countMax: number
  readonly #dictionaries = new Map<string, Dictionary>()
  #bytes = 0

  constructor(bytesMax: number, countMax = Infinity) {
    this.#bytesMax = bytesMax
    this.#countMax = countMax
  }

  /** It becomes the newest. */
  get(name: string): Dictionary | undefined {
    const dictionary = this.#dictionaries.get(name)
    if (dictionary === undefined) return undefined
    this.#dictionaries.delete(name)
    this.#dictionaries.set(name, dictionary)
    return dictionary
  }

  /** The newest; one that is known becomes the newest again. */
  add(dictionary: Dictionary): void {
    this.#delete(dictionary.name)
    this.#dictionaries.set(dictionary.name, dictionary)
    this.#bytes += dictionary.bytes.length
    for (const name of this.#dictionaries.keys()) {
      if ((this.#bytes <= this.#bytesMax && this.#dictionaries.size <= this.#countMax) || name === dictionary.name) return
      this.#delete(name)
    }
  }

  #delete(name: string): void {
    this.#bytes -= this.#dictionaries.get(name)?.bytes.length ?? 0
    this.#dictionaries.delete(name)
  }
}
