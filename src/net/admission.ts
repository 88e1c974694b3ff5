// Who may come to a listener: so many connections at once, so many of one address, and so many new ones of one address in a minute.
// Decided before a byte is read, so all that a refused one gets is a close.
//
// What is always true
//   1. An address is remembered while it has a connection, or while a minute ago it opened one. Of those without a connection at most
//      ADDRESSES_GONE_MAX are; then the one that left first is forgotten, which only makes us milder to it.
//   2. What is refused is not counted into the rate: who knocks all the time still gets in as often as the limit says.
//   3. Clients of this machine (loopback, unix socket) have limits of their own: a gateway's own programs share one address.
import type { Clock } from '../clock.ts'
import type { ListenerLimits, PerAddress } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import { plainAddress } from '../ip-address.ts'
import { SlidingWindow } from '../rate.ts'

const RATE_WINDOW_MS = 60_000
const ADDRESSES_GONE_MAX = 4096

interface Address {
  connections: number
  /** null where the rate has no limit. */
  readonly rate: SlidingWindow | null
}

export class Admission {
  readonly #clock: Clock
  readonly #limits: ListenerLimits
  readonly #counters: Counters
  /** Those that have connections. */
  readonly #here = new Map<string, Address>()
  /** Those that have none and whose minute is not over, in the order they left. */
  readonly #gone = new Map<string, Address>()
  #connections = 0

  constructor(clock: Clock, limits: ListenerLimits, counters: Counters) {
    this.#clock = clock
    this.#limits = limits
    this.#counters = counters
  }

  /** Addresses remembered. */
  get size(): number {
    return this.#here.size + this.#gone.size
  }

  /** One more connection from `address` (as sockets name it; empty for a unix socket) may come; false counts the refusal. */
  admit(address: string): boolean {
    const { connectionsMax, connectionsPerAddressMax, connectionsPerMinuteMax } = this.#limits
    const counters = this.#counters
    const nowMs = this.#clock.now()
    this.#forget(nowMs)
    if (this.#connections >= connectionsMax) {
      counters.refusedConnections++
      return this.#refuse()
    }
    const name = plainAddress(address)
    const which = isOfThisMachine(name) ? 'local' : 'remote'
    const known = this.#here.get(name) ?? this.#gone.get(name) ?? makeAddress(connectionsPerMinuteMax, which)
    if (known.connections >= connectionsPerAddressMax[which]) {
      counters.refusedPerAddress++
      return this.#refuse()
    }
    if (known.rate !== null && !known.rate.take(nowMs)) {
      counters.refusedConnectionRate++
      return this.#refuse()
    }
    known.connections++
    this.#connections++
    this.#gone.delete(name)
    this.#here.set(name, known)
    return true
  }

  /** A connection that was admitted from `address` has ended. */
  leave(address: string): void {
    const name = plainAddress(address)
    const known = this.#here.get(name)
    if (known === undefined) return
    this.#connections--
    if (--known.connections > 0) return
    this.#here.delete(name)
    const nowMs = this.#clock.now()
    if (known.rate !== null && !known.rate.isEmpty(nowMs)) this.#gone.set(name, known)
    this.#forget(nowMs)
  }

  #refuse(): false {
    this.#counters.connectionsRefused++
    return false
  }

  #forget(nowMs: number): void {
    for (const [name, { rate }] of this.#gone) {
      if (this.#gone.size <= ADDRESSES_GONE_MAX && rate !== null && !rate.isEmpty(nowMs)) return
      this.#gone.delete(name)
    }
  }
}

function makeAddress(perMinute: PerAddress, which: keyof PerAddress): Address {
  const max = perMinute[which]
  return { connections: 0, rate: max === Infinity ? null : new SlidingWindow(max, RATE_WINDOW_MS) }
}

function isOfThisMachine(name: string): boolean {
  return name === '' || name === '::1' || name.startsWith('127.')
}
