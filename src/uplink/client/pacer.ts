// How much may be on its way at a time: as much as the path carries, so that a slow link is always busy and what is urgent never
// waits behind more than that. What has been written cannot be taken back; what is still in the queue can be overtaken.
//
//   window = rate × base, and a third as much again, or a message, three writes (one is answered when all of it has come) and SLACK
//
//   rate   bytes a second that arrive: the best of the last full rounds (a round: until what was sent at its start is acknowledged)
//   base   time from sending to acknowledgement when nothing queues; measured again on purpose when it has not shown itself for long
//
// The idea is BBR's (draft-ietf-ccwg-bbr), above TCP and in bytes of MQTT: TCP delivers in order, so the acknowledgement of a message is
// one of everything that was written before it. Not every message is watched: a mark a sixteenth of the window apart is enough.
//
// What is always true: something may go when nothing is on its way; the marks are bounded; time comes from the caller.
import type { Guess } from './first-guess.ts'

const MARKS_MAX = 64
const MARKS_PER_WINDOW = 16
const INITIAL_BYTES = 4096
/** That TCP begins with (RFC 6928). */
const TCP_WINDOW_BYTES = 14_000
/** So long may something urgent wait at the start of a slow link. */
const GUESS_SEC = 2
const WINDOW_BYTES_MAX = 8 * 1024 * 1024
/** A segment of TCP's payload: less at a time costs a header and a TLS record for each message. */
export const SEGMENT_BYTES = 1400
/** A very slow link is not kept busy for longer than this by one segment. */
const SEGMENT_SEC_MAX = 2
const QUANTUM_BYTES_MAX = 32 * 1024
/** Of TLS (RFC 8446 section 5.1): more at once is more than one. */
export const RECORD_BYTES_MAX = 16 * 1024
const QUANTUM_SEC = 0.01
/** So much may queue on any link: acknowledgements do not come evenly. */
const SLACK_SEC = 0.02
/** Beyond this it is no faster, and what waits in flight grows old in memory. */
const SLACK_BYTES_MAX = 96 * 1024
const STARTUP_GAIN = 2
const GAIN = 1.3
/** Beside whole messages and writes: enough to find out that more is possible. */
const SPARE_GAIN = 1.1
/** One is being answered, one is on its way, and one is ready when acknowledgements come back as slowly as what they are for. */
const SPARE_WRITES = 3
/** Growth of the rate in a round that says the end is not reached yet. */
const GROWTH = 1.25
/** Full rounds without it; and before so many nothing is concluded, because the first messages meet all kinds of delays. */
const STARTUP_ROUNDS = 3
/** Trips that are so much longer than the base say it sooner, when a few come one after the other: what was sent before them queues. */
const QUEUES = 1.5
const QUEUES_TRIPS = 4
const ROUNDS_REMEMBERED = 4
/** A message that took so many times what it should have, and so much more. */
const SLOWER = 2
const SLOWER_SEC = 0.25
/** A link that a single write fills for so many times its BDP is kept busy by one at a time. */
const LARGE_WRITE_BDPS = 10
const SIZES_REMEMBERED = 8
const BASE_SEC_MIN = 0.000_05
const PROBE_SEC = 60
const PROBE_BASES = 100
/** Less than what is on its way without a queue. */
const PROBE_GAIN = 0.5

/** So much on its way at once says how fast the link is, whatever else was to be sent. */
const BULK_BYTES = 4096

/** Figures for people; null as long as nothing was acknowledged. */
export interface Pace {
  readonly bytesPerSec: number | null
  readonly roundTripMs: number | null
  readonly windowBytes: number
}

/** What is written at once: nobody answers a part of it before all of it has come, as long as it is not larger than a record. */
interface Write {
  readonly atMs: number
  bytes: number
  /** Where it ends in the stream of bytes. */
  end: number
}

/** A message whose acknowledgement is watched. */
interface Mark {
  identifier: number
  /** Where it ends in the stream of bytes. */
  position: number
  size: number
  write: Write
  sentMs: number
  /** On their way before it. */
  inFlight: number
  /** When it was sent: what had arrived, when that was known, and when the last of that had been sent. */
  delivered: number
  deliveredMs: number
  deliveredSentMs: number
}

export class Pacer {
  /** In the order they were sent. */
  readonly #marks: Mark[] = []
  readonly #recordBytes: number
  #phase: 'startup' | 'steady' | 'probe' = 'startup'
  #window: number
  /** No less while the link is not known. */
  #floor: number
  /** Of an earlier connection. */
  readonly #known: number
  #open = true
  #reserved = 0
  #sent = 0
  #write: Write = { atMs: -1, bytes: 0, end: 0 }
  #marked = 0
  #delivered = 0
  #deliveredMs = 0
  #deliveredSentMs = 0
  #base = 0
  #baseMs = 0
  /** Written with the one that the base was first seen with. */
  #baseBytes = 0
  // Of a probe: where it begins and ends in the stream of bytes, and what was measured.
  #probeFrom = 0
  #probeEnd = 0
  #probes = 0
  #probedTrips = 0
  #probedLeast = 0
  #rates: number[] = []
  #rate = 0
  #roundEnd = 0
  #roundRate = 0
  #roundFull = false
  #rounds = 0
  #roundsLevel = 0
  #longTrips = 0
  /** The largest message of late. */
  #size = 0
  #bulkRate = 0

  /** `windowBytes`: what an earlier connection over the same link has come to. `recordBytes`: what is read as a whole at the other end. */
  constructor(windowBytes = 0, recordBytes = RECORD_BYTES_MAX) {
    this.#recordBytes = recordBytes
    this.#known = windowBytes / 2
    this.#floor = Math.max(INITIAL_BYTES, this.#known)
    this.#window = this.#floor
  }

  /** What can be told of the link before anything was sent: it begins with what the link holds, and some to wait, but with no more than TCP begins with. */
  guess({ bytesPerSec, roundTripMs }: Guess): void {
    const bytes = bytesPerSec * (roundTripMs / 1000 + GUESS_SEC)
    this.#floor = Math.max(this.#known, clamp(bytes, SEGMENT_BYTES, TCP_WINDOW_BYTES))
    this.#window = this.#floor
  }

  /** Something may be written. */
  get open(): boolean {
    return this.#open && (this.#reserved === 0 || this.inFlight + this.#reserved < this.#window)
  }

  /** So much was given to the socket in this turn that it should be written now: what comes first can then be answered first. */
  get shouldWrite(): boolean {
    return this.#write.bytes >= this.#quantum()
  }

  /** Bytes that will be written, sooner or later; negative: that are, or will never be. */
  reserve(bytes: number): void {
    this.#reserved += bytes
  }

  /** Bytes that an acknowledgement is still to come for. */
  get inFlight(): number {
    return Math.max(0, this.#marked - this.#delivered)
  }

  /** At most once: room beside the window, for what is lost when it does not go now. */
  get openForQos0(): boolean {
    return this.#open || this.inFlight < 2 * this.#window
  }

  get pace(): Pace {
    const known = this.#rate > 0
    return { bytesPerSec: known ? this.#rate : null, roundTripMs: known ? this.#base * 1000 : null, windowBytes: Math.round(this.#window) }
  }

  /** What much at once was carried with, the last time: null when there was never much. */
  get bulkBytesPerSec(): number | null {
    return this.#bulkRate > 0 ? this.#bulkRate : null
  }

  /** Milliseconds until so many bytes have arrived and their answer is here; null as long as nothing is known. */
  arrivalMs(bytes: number): number | null {
    return this.#rate > 0 ? (this.#base + bytes / this.#rate) * 1000 : null
  }

  /** Bytes that nothing will be heard of. */
  wrote(bytes: number): void {
    this.#sent += bytes
  }

  /** A packet that is answered under `identifier` (0: CONNECT or PINGREQ) was written. */
  wroteAnswerable(identifier: number, size: number, nowMs: number): void {
    const { inFlight } = this
    this.#sent += size
    if (nowMs !== this.#write.atMs || this.shouldWrite) this.#write = { atMs: nowMs, bytes: 0, end: 0 }
    this.#write.bytes += size
    this.#write.end = this.#sent
    this.#size = Math.max(size, this.#size - (this.#size - size) / SIZES_REMEMBERED)
    if (inFlight > 0 && this.#sent - this.#marked < this.#window / MARKS_PER_WINDOW) return
    if (this.#marks.length === MARKS_MAX) {
      this.#open = false
      return
    }
    if (inFlight === 0) this.#deliveredMs = this.#deliveredSentMs = nowMs // the link was idle: the time until now says nothing about it
    const known = { delivered: this.#delivered, deliveredMs: this.#deliveredMs, deliveredSentMs: this.#deliveredSentMs }
    this.#marks.push({ identifier, position: this.#sent, size, write: this.#write, sentMs: nowMs, inFlight, ...known })
    this.#marked = this.#sent
    if (this.inFlight < this.#window) return
    this.#open = false
    this.#roundFull = true
  }

  /** The answer to a packet came. Called for every one. */
  answered(identifier: number, nowMs: number): void {
    const marks = this.#marks
    for (let i = 0; i < marks.length; i++) {
      if (marks[i]!.identifier !== identifier) continue
      const mark = marks[i]!
      const isWhole = mark.write.bytes <= this.#recordBytes
      let count = i + 1 // those before it have arrived too
      if (isWhole) while (marks[count]?.write === mark.write) count++
      marks.splice(0, count)
      if (isWhole) mark.position = mark.write.end
      this.#arrived(mark, nowMs)
      return
    }
  }

  #arrived(mark: Mark, nowMs: number): void {
    const arrived = mark.position - this.#delivered
    this.#delivered = mark.position
    this.#deliveredMs = nowMs
    this.#deliveredSentMs = mark.sentMs
    this.#measure(mark, nowMs)
    if (mark.position >= this.#roundEnd) this.#endRound()
    if (this.#phase === 'steady' && nowMs - this.#baseMs > 1000 * Math.max(PROBE_SEC, PROBE_BASES * this.#base)) {
      this.#beginProbe()
    }
    this.#window = Math.min(this.#target(), this.#window + arrived) // not by leaps: what is sent at once has to queue
    if (!this.#open) this.#open = this.inFlight === 0 || this.inFlight + this.#quantum() <= this.#window
  }

  #measure(mark: Mark, nowMs: number): void {
    // Answers may come in heaps, after a packet was lost and sent again: no more has arrived in a time than was sent in one as long.
    const elapsed = Math.max(nowMs - mark.deliveredMs, mark.sentMs - mark.deliveredSentMs) / 1000
    const trip = Math.max(BASE_SEC_MIN, (nowMs - mark.sentMs) / 1000)
    const rate = elapsed > 0 ? (mark.position - mark.delivered) / Math.max(elapsed, BASE_SEC_MIN) : 0
    const expected = this.#base + (mark.inFlight + mark.write.bytes) / this.#rate
    if (rate > 0 && trip > SLOWER * expected + SLOWER_SEC) this.#startOver(rate)
    if (rate > this.#roundRate) this.#roundRate = rate
    if (rate > this.#rate) this.#rate = rate
    const bulk = mark.inFlight + mark.write.bytes
    if (bulk >= BULK_BYTES) this.#bulkRate = bulk / Math.max(BASE_SEC_MIN, trip - this.#base)
    const isLong = mark.inFlight > 0 && trip - this.#writeSec(mark) > QUEUES * this.#base + SLACK_SEC
    this.#longTrips = isLong && this.#rounds >= STARTUP_ROUNDS ? this.#longTrips + 1 : 0
    if (this.#phase === 'startup' && this.#longTrips === QUEUES_TRIPS) this.#beginProbe()
    this.#measureBase(mark, trip, nowMs)
  }

  /** The link has become much slower, or stood still: the best of the past is no guide. */
  #startOver(rate: number): void {
    this.#phase = 'steady'
    this.#rates = [rate]
    this.#rate = rate
    this.#roundRate = rate
  }

  /**
   * A trip holds the link's delay and the write's own way onto the link. How long that is follows from the rate, which is too low while one
   * write goes at a time: so the base is less than a trip for certain, and not less than what is left of one without the write.
   */
  #measureBase(mark: Mark, trip: number, nowMs: number): void {
    const least = trip - this.#writeSec(mark)
    if (this.#base === 0 || (this.#phase === 'startup' && trip < this.#base)) {
      this.#base = trip
      this.#baseBytes = mark.write.bytes
    } else if (this.#phase === 'startup') return
    else if (this.#phase === 'probe') this.#probe(mark, trip, least, nowMs)
    else if (trip < this.#base || mark.inFlight === 0) {
      this.#base += (clamp(this.#base, least, trip) - this.#base) / 8
      if (mark.inFlight === 0) this.#baseMs = nowMs
    }
  }

  /** The mean of a round on an empty link: its acknowledgements do not come evenly, and the window has to do for all of them. */
  #probe(mark: Mark, trip: number, least: number, nowMs: number): void {
    if (mark.position <= this.#probeFrom) return // sent before
    if (this.#probes === 0) this.#probeEnd = this.#sent
    this.#probes++
    this.#probedTrips += trip
    this.#probedLeast += least
    if (mark.position <= this.#probeEnd) return
    this.#base = Math.max(BASE_SEC_MIN, clamp(this.#base, this.#probedLeast / this.#probes, this.#probedTrips / this.#probes))
    this.#baseMs = nowMs
    this.#phase = 'steady'
  }

  /** Lets the link run empty and looks at what is left. */
  #beginProbe(): void {
    if (this.#phase === 'startup') this.#base = Math.max(BASE_SEC_MIN, this.#base - this.#baseBytes / this.#rate) // now that it is known
    this.#phase = 'probe'
    this.#probeFrom = this.#sent
    this.#probes = this.#probedTrips = this.#probedLeast = 0
  }

  #endRound(): void {
    const before = Math.max(0, ...this.#rates)
    // Who had nothing to send learns nothing of how slow a link is.
    if (this.#roundFull || this.#roundRate > before) {
      this.#rates.push(this.#roundRate)
      if (this.#rates.length > ROUNDS_REMEMBERED) this.#rates.shift()
      this.#roundsLevel = this.#roundFull && this.#roundRate < before * GROWTH ? this.#roundsLevel + 1 : 0
      if (this.#phase === 'startup' && this.#roundsLevel >= STARTUP_ROUNDS) this.#beginProbe()
      this.#rate = Math.max(...this.#rates)
    }
    this.#rounds++
    this.#roundEnd = this.#sent
    this.#roundRate = 0
    this.#roundFull = false
  }

  #target(): number {
    const bdp = this.#rate * this.#base
    if (this.#phase === 'probe') return Math.max(1, bdp * PROBE_GAIN)
    const gain = this.#phase === 'startup' ? STARTUP_GAIN : GAIN
    const write = this.#quantum()
    const isLarge = Math.max(write, this.#size) > LARGE_WRITE_BDPS * bdp
    const window = Math.max(bdp * gain, isLarge ? write : bdp * SPARE_GAIN + this.#size + SPARE_WRITES * write) + Math.min(SLACK_BYTES_MAX, this.#rate * SLACK_SEC)
    return Math.min(WINDOW_BYTES_MAX, this.#phase === 'startup' ? Math.max(this.#floor, window) : window)
  }

  /** That the bytes written with a message need. */
  #writeSec({ write }: Mark): number {
    return Math.min(this.#recordBytes, write.bytes) / this.#rate
  }

  /** What is worth a write of its own. */
  #quantum(): number {
    if (this.#rate === 0) return Math.min(SEGMENT_BYTES, this.#window / 4)
    const bytes = Math.max(Math.min(SEGMENT_BYTES, this.#rate * SEGMENT_SEC_MAX), Math.min(QUANTUM_BYTES_MAX, this.#rate * QUANTUM_SEC))
    return this.#phase === 'startup' ? Math.min(bytes, this.#window / 4) : bytes
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value))
}
