// Finds a few bytes in a stream without looking back (Knuth-Morris-Pratt): "\r\r\n" holds "\r\n", in whatever pieces it comes.
export class Matcher {
  readonly #wanted: Buffer
  /** For each length of a partial match, the next shorter one. */
  readonly #fallback: readonly number[]
  /** How many of the wanted bytes end the stream so far. */
  #matched = 0

  constructor(wanted: Buffer) {
    if (wanted.length === 0) throw new RangeError('nothing cannot be found: give at least one byte')
    this.#wanted = Buffer.from(wanted)
    this.#fallback = fallbacks(wanted)
  }

  get length(): number {
    return this.#wanted.length
  }

  get matched(): number {
    return this.#matched
  }

  /** Whether this byte is the last one of a match; the next match then begins behind it. */
  push(byte: number): boolean {
    while (this.#matched > 0 && byte !== this.#wanted[this.#matched]) this.#matched = this.#fallback[this.#matched]!
    if (byte === this.#wanted[this.#matched]) this.#matched++
    if (this.#matched < this.#wanted.length) return false
    this.#matched = 0
    return true
  }

  reset(): void {
    this.#matched = 0
  }
}

/** fallback[n]: the longest proper prefix of the wanted bytes that is also a suffix of their first n. */
function fallbacks(wanted: Buffer): number[] {
  const fallback = [0, 0]
  let length = 0
  for (let n = 1; n < wanted.length; n++) {
    while (length > 0 && wanted[n] !== wanted[length]) length = fallback[length]!
    if (wanted[n] === wanted[length]) length++
    fallback.push(length)
  }
  return fallback
}
