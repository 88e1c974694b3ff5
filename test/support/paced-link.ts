// A sender with a pacer and a broker that acknowledges, with a slow link between them, in virtual time: how busy the link is kept, and how
// long something urgent waits behind what was sent before it.
//
//   sender ─► queue of any length ─► so many bytes a second ─► half the round trip ─► broker ─► half the round trip (and some jitter) ─► sender
//
// What is written at once is a record of TLS: the broker reads it when all of it has come.
import { Pacer, RECORD_BYTES_MAX } from '../../src/uplink/client/pacer.ts'
import { Random } from '../sim/random.ts'

/** An urgent message, and what TLS and TCP add to whatever is written at once. */
const URGENT_BYTES = 100
const WRITE_BYTES = 74

export interface PacedLinkOptions {
  readonly bytesPerSec: number
  readonly roundTripMs: number
  /** Sizes of messages, one is drawn each time. */
  readonly sizes: readonly number[]
  /** The acknowledgement is up to this much later. */
  readonly jitterMs?: number
  /** Its window at the start, from an earlier connection. */
  readonly windowBytes?: number
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly fn: () => void
}

export class PacedLink {
  readonly pacer: Pacer
  bytesPerSec: number
  /** Milliseconds that each urgent message waited for others. */
  readonly waits: number[] = []
  /** When the line was in use. */
  busyMs = 0
  delivered = 0
  readonly #options: PacedLinkOptions
  readonly #random = new Random(1)
  readonly #events: Event[] = []
  #order = 0
  #nowMs = 0
  #freeMs = 0
  #acknowledgedMs = 0
  #identifier = 0
  #urgentSinceMs = -1
  #hasBacklog = true
  #record: (() => void)[] = []
  #recordBytes = 0

  constructor(options: PacedLinkOptions) {
    this.#options = options
    this.bytesPerSec = options.bytesPerSec
    this.pacer = new Pacer(options.windowBytes)
    // CONNECT and CONNACK.
    this.pacer.wroteAnswerable(0, URGENT_BYTES, 0)
    this.#carry(URGENT_BYTES, () => this.#answer(0))
    this.#laterUrgent()
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Bytes that were written and are not on their way yet. */
  get queuedSec(): number {
    return Math.max(0, this.#freeMs - this.#nowMs) / 1000
  }

  set backlog(hasBacklog: boolean) {
    this.#hasBacklog = hasBacklog
    this.#pump()
  }

  run(ms: number): void {
    const endMs = this.#nowMs + ms
    for (let next = this.#events[0]; next !== undefined && next.atMs <= endMs; next = this.#events[0]) {
      this.#take()
      this.#nowMs = next.atMs
      next.fn()
    }
    this.#nowMs = endMs
  }

  /** Part of the time that the line is in use. */
  utilisation(ms: number): number {
    const before = this.busyMs - Math.max(0, this.#freeMs - this.#nowMs)
    this.run(ms)
    return (this.busyMs - Math.max(0, this.#freeMs - this.#nowMs) - before) / ms
  }

  #pump(): void {
    while (this.pacer.open && (this.#hasBacklog || this.#urgentSinceMs >= 0)) {
      if (this.#urgentSinceMs >= 0) this.#sendUrgent()
      else this.#send(this.#random.pick(this.#options.sizes), () => {})
      if (this.pacer.shouldWrite || this.#recordBytes >= RECORD_BYTES_MAX) this.#write()
    }
    this.#write()
  }

  #write(): void {
    if (this.#recordBytes === 0) return
    const arrived = this.#record
    this.#carry(this.#recordBytes + WRITE_BYTES, () => arrived.forEach((fn) => fn()))
    this.#record = []
    this.#recordBytes = 0
  }

  #sendUrgent(): void {
    const idealMs = this.#urgentSinceMs + (URGENT_BYTES / this.bytesPerSec) * 1000 + this.#options.roundTripMs / 2
    this.#urgentSinceMs = -1
    this.#send(URGENT_BYTES, () => this.waits.push(this.#nowMs - idealMs))
  }

  #laterUrgent(): void {
    this.#at(this.#nowMs + 1000 + this.#random.next() * 4000, () => {
      if (this.#urgentSinceMs < 0) this.#urgentSinceMs = this.#nowMs
      this.#pump()
      this.#laterUrgent()
    })
  }

  #send(bytes: number, arrived: () => void): void {
    const identifier = ++this.#identifier
    this.pacer.wroteAnswerable(identifier, bytes, this.#nowMs)
    this.#recordBytes += bytes
    this.#record.push(() => {
      this.delivered += bytes
      arrived()
      this.#answer(identifier)
    })
  }

  #carry(bytes: number, arrived: () => void): void {
    const ms = (bytes / this.bytesPerSec) * 1000
    this.busyMs += ms
    this.#freeMs = Math.max(this.#freeMs, this.#nowMs) + ms
    this.#at(this.#freeMs + this.#options.roundTripMs / 2, arrived)
  }

  #answer(identifier: number): void {
    const atMs = this.#nowMs + this.#options.roundTripMs / 2 + this.#random.next() * (this.#options.jitterMs ?? 0)
    this.#acknowledgedMs = Math.max(this.#acknowledgedMs, atMs)
    this.#at(this.#acknowledgedMs, () => {
      this.pacer.answered(identifier, this.#nowMs)
      this.#pump()
    })
  }

  // ---- events: a binary heap by time

  #at(atMs: number, fn: () => void): void {
    const events = this.#events
    const event = { atMs, order: this.#order++, fn }
    let i = events.push(event) - 1
    for (let up = (i - 1) >> 1; i > 0 && isBefore(event, events[up]!); up = (i - 1) >> 1) {
      events[i] = events[up]!
      i = up
    }
    events[i] = event
  }

  #take(): void {
    const events = this.#events
    const last = events.pop()!
    if (events.length === 0) return
    let i = 0
    for (;;) {
      let down = 2 * i + 1
      if (down >= events.length) break
      if (down + 1 < events.length && isBefore(events[down + 1]!, events[down]!)) down++
      if (!isBefore(events[down]!, last)) break
      events[i] = events[down]!
      i = down
    }
    events[i] = last
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
