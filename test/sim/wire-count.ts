// What passes a line, counted at the line and not where the gateway counts: payload as it is sent, and TCP/IP around it, by billing day and
// month. It shares no code with src/uplink/budget/, so that each can prove the other wrong,
// and can say what a kernel would (TCP_INFO).
//
//   opening   SYN (60) again after 1, 2, 3, 4, 5, 7, 11, 19 … s while nobody answers (Linux 6.5); SYN with ACK (60), ACK (52)
//   data      a header of 52 for every 1,348 bytes
//   ACK       52 for every second segment; for a single one when no data goes the other way within 40 ms, and for the first two in any case, as
//             Linux does before it knows how the other side talks
//   again     what has not arrived when it could have goes again after 200 ms or two round trips, then after twice as long: one segment each
//             time (RFC 6298)
//   ending    FIN and ACK of both sides: 4 × 52
//
// What goes again on a connection that lives on is in the sum, and told by itself: without the kernel nobody above TCP can know of it.
import type { Clock } from '../../src/clock.ts'
import type { TcpInfo } from '../../src/uplink/budget/tcp-info.ts'
import type { LinkWire } from './link.ts'

const HEADER_BYTES = 52
const SYN_BYTES = 60
const SYN_AGAIN_SEC = [1, 2, 3, 4, 5, 7, 11, 19, 35, 67, 131]
const RST_BYTES = 40
const SEGMENT_BYTES_MAX = 1348
const DELAYED_ACK_MS = 40
const QUICK_ACKS = 2
const AGAIN_MS_MIN = 200

/** Bytes of each day and billing month, by the clock of who pays: a day that has begun goes on when that clock goes back or is not set. */
export class WireCount {
  readonly days = new Map<number, number>()
  readonly months = new Map<number, number>()
  totalBytes = 0
  resentBytes = 0
  /** The most that was sent at once: one batch. */
  largestBytes = 0
  connections = 0
  /** Nothing is counted any more. */
  isClosed = false
  readonly #billingDay: number
  readonly #wall: () => number
  #day = 0
  #month = 0

  /** `wall` is NaN while the clock is not set. */
  constructor(billingDay: number, wall: () => number) {
    this.#billingDay = billingDay
    this.#wall = wall
  }

  /** As year, month and day in digits. */
  get day(): number {
    this.#look()
    return this.#day
  }

  /** Months since the year 0. */
  get month(): number {
    this.#look()
    return this.#month
  }

  add(bytes: number): void {
    if (this.isClosed) return
    this.#look()
    this.totalBytes += bytes
    this.days.set(this.#day, (this.days.get(this.#day) ?? 0) + bytes)
    this.months.set(this.#month, (this.months.get(this.#month) ?? 0) + bytes)
  }

  #look(): void {
    const wallMs = this.#wall()
    if (Number.isNaN(wallMs)) return
    const date = new Date(wallMs)
    const month = date.getFullYear() * 12 + date.getMonth()
    this.#day = Math.max(this.#day, date.getFullYear() * 10_000 + date.getMonth() * 100 + 100 + date.getDate())
    this.#month = Math.max(this.#month, date.getDate() >= this.#billingDay ? month : month - 1)
  }
}

/** What goes one way of a connection, acknowledgements of the other way among it. */
class Direction {
  payloadBytes = 0
  resentBytes = 0
  segments = 0
  /** What has come to the other end of it. */
  arrivedBytes = 0
  arrivedSegments = 0
  /** Sent, and has not arrived: bytes and when. */
  waiting: { readonly bytes: number; readonly atMs: number } | null = null
  /** Segments that have arrived and are not acknowledged: 0 or 1. */
  owed = 0
  owedSinceMs = 0
  quickAcks = QUICK_ACKS
}

/** One connection, from its first SYN. */
export class TcpCount implements LinkWire {
  readonly #count: WireCount
  readonly #clock: Clock
  readonly #roundTripMs: number
  readonly #bytesPerSec: number
  readonly #beganMs: number
  readonly #up = new Direction()
  readonly #down = new Direction()
  #phase: 'opening' | 'open' | 'over' = 'opening'

  constructor(count: WireCount, clock: Clock, roundTripMs: number, bytesPerSec: number) {
    this.#count = count
    this.#clock = clock
    this.#roundTripMs = roundTripMs
    this.#bytesPerSec = bytesPerSec
    this.#beganMs = clock.now()
    count.connections++
    this.#syns(this.#up, 1)
  }

  get isOver(): boolean {
    return this.#phase === 'over'
  }

  /** What the kernel at the lower end would say. */
  get info(): TcpInfo {
    const { payloadBytes, resentBytes, segments } = this.#up
    const { arrivedBytes, arrivedSegments } = this.#down
    return { bytesSent: payloadBytes + resentBytes, bytesSentAgain: resentBytes, bytesReceived: arrivedBytes, segmentsSent: segments, segmentsReceived: arrivedSegments, timestamps: true, segmentBytesMax: SEGMENT_BYTES_MAX }
  }

  opened(): void {
    this.#phase = 'open'
    this.#syns(this.#up, synsBy(this.#clock.now() - this.#beganMs))
    this.#syns(this.#down, 1)
    this.#acks(this.#down, 1)
  }

  sent(isUp: boolean, bytes: number): void {
    const [way, back] = this.#ways(isUp)
    const segments = Math.ceil(bytes / SEGMENT_BYTES_MAX)
    way.payloadBytes += bytes
    way.segments += segments
    way.waiting = { bytes, atMs: this.#clock.now() }
    this.#count.add(bytes + segments * HEADER_BYTES)
    this.#count.largestBytes = Math.max(this.#count.largestBytes, bytes)
    this.#payOwed(back, true)
  }

  arrived(isUp: boolean, bytes: number): void {
    const [way] = this.#ways(isUp)
    const nowMs = this.#clock.now()
    const segments = Math.ceil(bytes / SEGMENT_BYTES_MAX)
    this.#count.resentBytes += this.#sendAgain(way, nowMs)
    way.waiting = null
    way.arrivedBytes += bytes
    way.arrivedSegments += segments
    if (way.quickAcks > 0) {
      way.quickAcks--
      this.#acks(way, 1)
      return
    }
    this.#payOwed(way, false)
    this.#acks(way, (way.owed + segments) >> 1)
    way.owed = (way.owed + segments) & 1
    way.owedSinceMs = nowMs
  }

  over(): void {
    if (this.#phase === 'over') return
    const nowMs = this.#clock.now()
    if (this.#phase === 'opening') {
      this.#syns(this.#up, synsBy(nowMs - this.#beganMs))
      this.#count.add(RST_BYTES)
    } else {
      this.#sendAgain(this.#up, nowMs)
      this.#count.add((4 + this.#up.owed + this.#down.owed) * HEADER_BYTES)
    }
    this.#phase = 'over'
  }

  #ways(isUp: boolean): readonly [way: Direction, back: Direction] {
    return isUp ? [this.#up, this.#down] : [this.#down, this.#up]
  }

  #syns(way: Direction, count: number): void {
    way.segments += count
    way.arrivedSegments += count
    this.#count.add(count * SYN_BYTES)
  }

  /** For what came by `way`. */
  #acks(way: Direction, count: number): void {
    const back = way === this.#up ? this.#down : this.#up
    back.segments += count
    back.arrivedSegments += count
    this.#count.add(count * HEADER_BYTES)
  }

  /** What `way` owes an acknowledgement for: data that goes back carries it for nothing, when it goes in time. */
  #payOwed(way: Direction, isCarried: boolean): void {
    if (way.owed === 0) return
    const isLate = this.#clock.now() - way.owedSinceMs > DELAYED_ACK_MS
    if (!isCarried && !isLate) return
    if (isLate) this.#acks(way, 1)
    way.owed = 0
  }

  /** Answers how many bytes that were. */
  #sendAgain(way: Direction, nowMs: number): number {
    const { waiting } = way
    if (waiting === null) return 0
    const firstMs = Math.max(AGAIN_MS_MIN, 2 * this.#roundTripMs)
    const lateMs = Math.max(0, nowMs - waiting.atMs - (waiting.bytes * 1000) / this.#bytesPerSec)
    const times = Math.floor(Math.log2(lateMs / firstMs + 1))
    const bytes = Math.min(waiting.bytes, SEGMENT_BYTES_MAX)
    way.resentBytes += times * bytes
    way.segments += times
    this.#count.add(times * (bytes + HEADER_BYTES))
    return times * (bytes + HEADER_BYTES)
  }
}

/** Beyond the first. */
function synsBy(ms: number): number {
  return SYN_AGAIN_SEC.filter((sec) => sec * 1000 <= ms).length
}
