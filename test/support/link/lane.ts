// One direction of one connection: from its sender's socket over the line to its receiver's.
//
//   socket ─► waiting (at most one read) ─► line ─► flying, each with its time of arrival ─► socket
//
// What is always true: bytes arrive in order and whole, or not at all and are counted as lost; the sender is not read from while something
// waits; an end of the sender arrives behind what it sent.
import type { Socket } from 'node:net'
import type { Line } from './line.ts'
import { type Direction, SEGMENT_BYTES_MAX, type WireEstimate } from './wire-estimate.ts'

/** Payload bytes of one direction. */
export interface LaneBytes {
  /** From the sender. */
  taken: number
  /** To the receiver. */
  delivered: number
  /** Under way when their connection was cut, or swallowed by a dead one. */
  lost: number
}

type Cargo = Buffer | 'end' | 'reset'

export interface LaneOptions {
  readonly direction: Direction
  readonly from: Socket
  readonly to: Socket
  readonly line: Line
  readonly bytes: LaneBytes
  readonly estimate: WireEstimate
  /** The connection is open: nothing of it arrives sooner than this plus the delay. */
  readonly openAtMs: number
  /** After each delivery. */
  readonly onDelivered: (bytes: number) => void
}

export class Lane {
  readonly #options: LaneOptions
  #waiting: Cargo[] = []
  #flying: { readonly cargo: Cargo; readonly arrivalMs: number }[] = []
  #lastArrivalMs = 0
  #timer: NodeJS.Timeout | null = null
  #state: 'open' | 'held' | 'dead' = 'open'

  constructor(options: LaneOptions) {
    this.#options = options
    const { from, to } = options
    from.on('data', (chunk: Buffer) => this.#take(chunk))
    from.on('end', () => this.#enter('end'))
    from.on('error', () => this.#enter('reset'))
    to.on('drain', () => this.#run())
  }

  /** The link is down: nothing moves until `release`. */
  hold(): void {
    if (this.#state !== 'open') return
    this.#state = 'held'
    this.#options.from.pause()
  }

  release(): void {
    if (this.#state !== 'held') return
    this.#state = 'open'
    this.#run()
  }

  /** From now on nothing arrives. What comes is swallowed. */
  die(): void {
    this.#state = 'dead'
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    for (const cargo of [...this.#waiting, ...this.#flying.map((f) => f.cargo)]) if (typeof cargo !== 'string') this.#options.bytes.lost += cargo.length
    this.#waiting = []
    this.#flying = []
    this.#options.from.resume()
  }

  #take(chunk: Buffer): void {
    const { bytes } = this.#options
    bytes.taken += chunk.length
    if (this.#state === 'dead') bytes.lost += chunk.length
    else this.#enter(chunk)
  }

  #enter(cargo: Cargo): void {
    if (this.#state === 'dead') return
    this.#waiting.push(cargo)
    this.#run()
  }

  /** Moves what may move, and comes back when more may. */
  #run(): void {
    if (this.#state !== 'open') return
    const nowMs = performance.now()
    this.#feed(nowMs)
    this.#deliver(nowMs)
    const { from, to, line } = this.#options
    if (this.#waiting.length > 0) from.pause()
    else from.resume()
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const nextMs = Math.min(this.#flying[0]?.arrivalMs ?? Infinity, this.#waiting.length > 0 ? line.roomAtMs(nowMs) : Infinity)
    if (nextMs < Infinity && !to.writableNeedDrain) this.#timer = setTimeout(() => this.#run(), Math.ceil(nextMs - nowMs))
  }

  #feed(nowMs: number): void {
    const { line, to, openAtMs } = this.#options
    while (this.#waiting.length > 0 && line.roomAtMs(nowMs) <= nowMs && !to.writableNeedDrain) {
      const [cargo] = this.#waiting
      const segment = typeof cargo === 'string' ? cargo : cargo!.subarray(0, line.isIdeal ? cargo!.length : SEGMENT_BYTES_MAX)
      if (typeof cargo !== 'string' && segment.length < cargo!.length) this.#waiting[0] = cargo!.subarray(segment.length)
      else this.#waiting.shift()
      const arrivalMs = line.take(typeof segment === 'string' ? 0 : segment.length, nowMs, openAtMs)
      this.#lastArrivalMs = Math.max(this.#lastArrivalMs, arrivalMs)
      this.#flying.push({ cargo: segment, arrivalMs: this.#lastArrivalMs })
    }
  }

  #deliver(nowMs: number): void {
    const { to } = this.#options
    let count = 0
    while (count < this.#flying.length && this.#flying[count]!.arrivalMs <= nowMs && !to.writableNeedDrain) this.#hand(this.#flying[count++]!.cargo, nowMs)
    if (count > 0) this.#flying.splice(0, count)
  }

  #hand(cargo: Cargo, nowMs: number): void {
    const { to, direction, bytes, estimate, onDelivered } = this.#options
    if (cargo === 'end') {
      if (!to.destroyed) to.end()
    } else if (cargo === 'reset') {
      estimate.reset(direction)
      to.resetAndDestroy()
    } else {
      for (let at = 0; at < cargo.length; at += SEGMENT_BYTES_MAX) estimate.segment(direction, Math.min(SEGMENT_BYTES_MAX, cargo.length - at), nowMs)
      bytes.delivered += cargo.length
      if (!to.destroyed) to.write(cargo)
      onDelivered(cargo.length)
    }
  }
}
