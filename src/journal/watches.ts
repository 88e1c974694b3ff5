// Who wants to hear what becomes of single stored messages, at each of their destinations. There are few of them; a queue asks only
// while there are any.

export type Fate = 'delivered' | 'expired' | 'dropped'

export type Watch = (destination: number, fate: Fate) => void

export class Watches {
  readonly #bySequence = new Map<number, Watch>()

  get size(): number {
    return this.#bySequence.size
  }

  /** `watch` is called for every destination that is done with the message; until `remove`. */
  add(sequence: number, watch: Watch): void {
    this.#bySequence.set(sequence, watch)
  }

  remove(sequence: number): void {
    this.#bySequence.delete(sequence)
  }

  settled(destination: number, sequence: number, fate: Fate): void {
    this.#bySequence.get(sequence)?.(destination, fate)
  }

  /** A destination has lost everything up to `sequence`: to a limit, or because it has ended. */
  dropped(destination: number, sequence: number): void {
    for (const [watched, watch] of this.#bySequence) if (watched <= sequence) watch(destination, 'dropped')
  }
}
