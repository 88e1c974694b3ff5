// What was promised and what arrived, counted without keeping it: a stream is one publisher at one QoS on one topic, its
// messages are numbered from 1. What a receiver sees first of each number must come in order; what it sees again is a duplicate.

/** Everything about one stream at one receiver. */
export interface Tally {
  readonly stream: string
  /** Different messages that arrived. */
  received: number
  duplicates: number
  /** Messages that arrived for the first time after a later one. */
  disordered: number
  /** Numbers that were passed over and have not come. */
  readonly missing: Set<number>
  high: number
}

export class Receiver {
  readonly name: string
  /** It gets QoS 2 once. Otherwise duplicates are its right. */
  readonly once: boolean
  readonly #onTrouble: (text: string) => void
  readonly #tallies = new Map<string, Tally>()

  /** `onTrouble` hears of a gap or a late message when it is seen: the log of that moment may show why. */
  constructor(name: string, once: boolean, onTrouble: (text: string) => void) {
    this.name = name
    this.once = once
    this.#onTrouble = onTrouble
  }

  saw(stream: string, number: number): void {
    const tally = this.tally(stream)
    if (number > tally.high) {
      if (number > tally.high + 1) this.#onTrouble(`${this.name}: ${stream} goes from ${tally.high} to ${number}`)
      for (let n = tally.high + 1; n < number; n++) tally.missing.add(n)
      tally.high = number
      tally.received++
    } else if (tally.missing.delete(number)) {
      if (tally.disordered++ === 0) this.#onTrouble(`${this.name}: ${stream} has ${number} after ${tally.high}`)
      tally.received++
    } else {
      if (this.once && stream.endsWith('q2')) this.#onTrouble(`${this.name}: ${stream} has ${number} again, at ${tally.high}`)
      tally.duplicates++
    }
  }

  tally(stream: string): Tally {
    let tally = this.#tallies.get(stream)
    if (tally === undefined) this.#tallies.set(stream, (tally = { stream, received: 0, duplicates: 0, disordered: 0, missing: new Set(), high: 0 }))
    return tally
  }

  /** Every number from 1 to `last` has come. */
  hasAll(stream: string, last: number): boolean {
    const tally = this.tally(stream)
    return tally.high >= last && tally.missing.size === 0
  }

  /** How many of the numbers 1 to `last` have not come. */
  lost(stream: string, last: number): number {
    const tally = this.tally(stream)
    let lost = Math.max(0, last - tally.high)
    for (const n of tally.missing) if (n <= last) lost++
    return lost
  }
}

/** A payload says which stream it belongs to and which number it has; the rest is filling. */
export function payloadOf(stream: string, number: number, filling: number): string {
  return `${stream} ${number} ${'.'.repeat(filling)}`
}

export function readPayload(payload: Buffer): { readonly stream: string; readonly number: number } {
  const [stream = '?', number = ''] = payload.toString('latin1', 0, 60).split(' ')
  return { stream, number: Number(number) }
}

/** Random numbers that a seed repeats (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
