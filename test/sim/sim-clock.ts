// Virtual time for the simulation: timers fire in order, and what they cause (turns, promises, streams) runs before the next.
import type { Clock, Timer } from '../../src/clock.ts'
import type { Random } from './random.ts'

interface Entry {
  atMs: number
  readonly order: number
  readonly everyMs: number
  readonly fn: () => void
  readonly life: Life
}

/** What a crash ends: the timers of one run of a gateway. */
export class Life {
  over = false
}

export class SimClock {
  #nowMs = 1000
  #order = 0
  #heap: Entry[] = []
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  now(): number {
    return this.#nowMs
  }

  /** A clock whose timers end with `life`; `wall`: what it takes the date for. */
  of(life: Life, wall = (): number => Date.UTC(2026, 10, 21) + this.#nowMs): Clock {
    return {
      now: () => this.#nowMs,
      wall,
      after: (ms, fn) => this.#add(Math.max(0, ms), 0, fn, life),
      every: (ms, fn) => this.#add(ms, Math.max(1, ms), fn, life),
    }
  }

  /** Moves time on until `untilMs`. */
  async run(untilMs: number): Promise<void> {
    await turn()
    for (let entry = this.#heap[0]; entry !== undefined && entry.atMs <= untilMs; entry = this.#heap[0]) {
      this.#pop()
      if (entry.life.over) continue
      this.#nowMs = Math.max(this.#nowMs, entry.atMs)
      if (entry.everyMs > 0) this.#push({ ...entry, atMs: this.#nowMs + entry.everyMs })
      entry.fn()
      // What happened at one moment may be seen together or one by one.
      await turn()
      if (this.#random.chance(0.7)) await turn()
    }
    this.#nowMs = untilMs
  }

  #add(ms: number, everyMs: number, fn: () => void, life: Life): Timer {
    const timerLife = new Life()
    const entry: Entry = {
      atMs: this.#nowMs + ms,
      order: this.#order++,
      everyMs,
      fn,
      life: {
        get over() {
          return timerLife.over || life.over
        },
      },
    }
    this.#push(entry)
    return { cancel: () => void (timerLife.over = true) }
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let i = heap.push(entry) - 1
    for (; i > 0; i = (i - 1) >> 1) {
      const parent = heap[(i - 1) >> 1]!
      if (!before(entry, parent)) break
      heap[i] = parent
    }
    heap[i] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
