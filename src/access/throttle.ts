// Failed logins by address: the more there were, the longer the next refusal waits, and while enough of them wait no other login of that
// address is looked at. Pure but for the clock: it says how long, the caller waits.
//
//   failures      1  2  3    4       5      6    7    8    9 and more
//   answer after  at once    0.25 s  0.5 s  1 s  2 s  4 s  8 s
//
// What is always true
//   1. A right login is never delayed, and forgives nothing: who has one account could try others' passwords with it in between.
//   2. This machine (loopback, unix socket) is an address like another one.
//   3. An address is forgotten when it has been quiet for FORGET_MS. At most ADDRESSES_MAX without a waiting refusal are remembered; then
//      the quietest is forgotten.
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import { siteOf } from '../ip-address.ts'

const FREE_FAILURES = 3
const DELAY_MS_MIN = 250
/** Within the 10 s that a client has for its CONNECT by default, so that it still gets its answer. */
const DELAY_MS_MAX = 8000
/** Of one address: two guesses in a second at most, however many connections they come by. Enough for a site behind one address with some devices set up wrongly. */
const WAITING_MAX = 16
const FORGET_MS = 10 * 60_000
const ADDRESSES_MAX = 4096

interface Address {
  failures: number
  lastMs: number
  /** Refusals that are being held back. */
  waiting: number
}

export class Throttle {
  readonly #clock: Clock
  readonly #counters: Counters
  /** In the order of their last failure. */
  readonly #addresses = new Map<string, Address>()

  constructor(clock: Clock, counters: Counters) {
    this.#clock = clock
    this.#counters = counters
  }

  /** Addresses remembered. */
  get size(): number {
    return this.#addresses.size
  }

  /** May a login from `address` (as sockets name it; empty for a unix socket) be looked at? */
  admit(address: string): boolean {
    return (this.#addresses.get(siteOf(address))?.waiting ?? 0) < WAITING_MAX
  }

  /** A login has failed. How long its refusal is to wait, in ms; when that is over, or the client gone, `answered` must be called. */
  failed(address: string): number {
    const name = siteOf(address)
    const nowMs = this.#clock.now()
    this.#forget(nowMs)
    const known = this.#addresses.get(name) ?? { failures: 0, lastMs: nowMs, waiting: 0 }
    known.failures++
    known.waiting++
    known.lastMs = nowMs
    this.#addresses.delete(name)
    this.#addresses.set(name, known)
    const doublings = known.failures - FREE_FAILURES - 1
    if (doublings < 0) return 0
    this.#counters.delayedLogins++
    return Math.min(DELAY_MS_MAX, DELAY_MS_MIN * 2 ** doublings)
  }

  /** A refusal has left, or its client has. */
  answered(address: string): void {
    const known = this.#addresses.get(siteOf(address))
    if (known !== undefined && known.waiting > 0) known.waiting--
  }

  #forget(nowMs: number): void {
    for (const [name, { lastMs, waiting }] of this.#addresses) {
      if (this.#addresses.size < ADDRESSES_MAX && nowMs - lastMs < FORGET_MS) return
      if (waiting === 0) this.#addresses.delete(name)
    }
  }
}
