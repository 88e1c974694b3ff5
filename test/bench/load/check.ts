// What one subscriber has received, checked while it arrives: every publisher's numbers must come as 0, 1, 2 …
//
// The fast path is one comparison. A gap is remembered as missing; a number that fills a gap later came out of order; one
// that was there already is a duplicate; a publisher that does not exist is a stray.

export class Check {
  /** Per publisher: the number that must come next. */
  readonly expected: Uint32Array
  received = 0
  duplicates = 0
  misordered = 0
  strays = 0
  readonly #missing = new Set<number>()

  constructor(publishers: number) {
    this.expected = new Uint32Array(publishers)
  }

  take(publisher: number, sequence: number): void {
    this.received++
    if (this.expected[publisher] === sequence) this.expected[publisher] = sequence + 1
    else this.#unexpected(publisher, sequence)
  }

  #unexpected(publisher: number, sequence: number): void {
    const expected = this.expected[publisher]
    if (expected === undefined) {
      this.strays++
    } else if (sequence > expected) {
      for (let s = expected; s < sequence; s++) this.#missing.add(publisher * 2 ** 32 + s)
      this.expected[publisher] = sequence + 1
    } else if (this.#missing.delete(publisher * 2 ** 32 + sequence)) {
      this.misordered++
    } else {
      this.duplicates++
    }
  }

  /** Messages that did not come, of the first `sent[p]` of each publisher. */
  missing(sent: ArrayLike<number>): number {
    let missing = 0
    for (const key of this.#missing) if (key % 2 ** 32 < (sent[Math.floor(key / 2 ** 32)] ?? 0)) missing++
    for (let p = 0; p < this.expected.length; p++) missing += Math.max(0, (sent[p] ?? 0) - this.expected[p]!)
    return missing
  }

  /** What is wrong, in words; empty when everything came once and in order. */
  faults(sent: ArrayLike<number>, who: string): string[] {
    const counts: [number, string][] = [
      [this.missing(sent), 'lost'],
      [this.duplicates, 'delivered twice'],
      [this.misordered, 'out of order'],
      [this.strays, 'never sent by us'],
    ]
    return counts.filter(([n]) => n > 0).map(([n, what]) => `${who}: ${n} messages ${what} (${this.received} received)`)
  }
}
