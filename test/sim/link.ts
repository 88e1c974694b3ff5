// A link between two parties: a pair of streams with bytes under way between them. It delays, cuts chunks anywhere, stalls, and
// breaks after any byte; each side learns of the break in its own time.
import { Duplex } from 'node:stream'
import type { Clock } from '../../src/clock.ts'
import type { Random } from './random.ts'

export interface LinkOptions {
  readonly latencyMs: number
  /** Chunks are cut into up to this many pieces. */
  readonly piecesMax: number
  /** In each direction; Infinity when left out. */
  readonly bytesPerSec?: number
  /** Who counts what goes over it. */
  readonly wire?: LinkWire
}

/** What a link tells of its bytes. */
export interface LinkWire {
  /** `isUp`: from `a` to `b`. */
  sent(isUp: boolean, bytes: number): void
  arrived(isUp: boolean, bytes: number): void
  /** Once: nothing arrives any more. */
  over(): void
}

export class Link {
  readonly a: End
  readonly b: End
  readonly #clock: Clock
  readonly #random: Random
  readonly #options: LinkOptions
  #broken = false
  #stalledUntilMs = 0
  /** Bytes that still get through; then the link breaks. */
  #bytesLeft = Infinity

  constructor(clock: Clock, random: Random, options: LinkOptions) {
    this.#clock = clock
    this.#random = random
    this.#options = options
    this.a = new End(this)
    this.b = new End(this)
    this.a.peer = this.b
    this.b.peer = this.a
  }

  get open(): boolean {
    return !this.#broken
  }

  stall(ms: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#clock.now() + ms)
  }

  /** Breaks after so many more bytes in either direction. */
  breakAfter(bytes: number): void {
    this.#bytesLeft = Math.min(this.#bytesLeft, bytes)
    if (bytes === 0) this.break()
  }

  break(): void {
    if (this.#broken) return
    this.#broken = true
    this.#options.wire?.over()
    for (const end of [this.a, this.b]) {
      const lateMs = this.#random.chance(0.5) ? 0 : this.#random.int(0, 3000)
      this.#clock.after(lateMs, () => end.destroy(this.#random.chance(0.5) ? new Error('reset') : undefined))
    }
  }

  /** Takes `chunk` from `from` to its peer, and says so. */
  carry(from: End, chunk: Buffer, done: () => void): void {
    this.#options.wire?.sent(from === this.a, chunk.length)
    const cuts = [0, chunk.length]
    for (let i = this.#random.int(1, this.#options.piecesMax); i > 1; i--) cuts.push(this.#random.int(0, chunk.length))
    cuts.sort((a, b) => a - b)
    this.#piece(from, chunk, cuts, 0, done)
  }

  #piece(from: End, chunk: Buffer, cuts: readonly number[], i: number, done: () => void): void {
    if (i === cuts.length - 1) {
      this.#options.wire?.arrived(from === this.a, chunk.length)
      done()
      return
    }
    const { latencyMs, bytesPerSec = Infinity } = this.#options
    const waitMs = Math.max(0, this.#stalledUntilMs - this.#clock.now()) + latencyMs * (0.5 + this.#random.next()) + ((cuts[i + 1]! - cuts[i]!) * 1000) / bytesPerSec
    this.#clock.after(waitMs, () => {
      if (this.#broken) return
      if (this.#stalledUntilMs > this.#clock.now()) {
        this.#piece(from, chunk, cuts, i, done)
        return
      }
      let piece = chunk.subarray(cuts[i], cuts[i + 1])
      if (piece.length > this.#bytesLeft) piece = piece.subarray(0, this.#bytesLeft)
      this.#bytesLeft -= piece.length
      const next = (): void => {
        if (this.#bytesLeft <= 0) this.break()
        else this.#piece(from, chunk, cuts, i + 1, done)
      }
      if (piece.length === 0) next()
      else from.peer.arrive(Buffer.from(piece), next)
    })
  }

  /** `end` has closed in its direction. */
  finished(end: End): void {
    this.#clock.after(this.#options.latencyMs, () => {
      if (!this.#broken && !end.peer.destroyed) end.peer.push(null)
    })
  }

  /** `end` is destroyed: the other hears of it. */
  gone(end: End): void {
    this.#clock.after(this.#options.latencyMs, () => {
      if (this.#broken) return
      if (end.peer.destroyed) this.#over()
      else end.peer.destroy()
    })
  }

  #over(): void {
    this.#broken = true
    this.#options.wire?.over()
  }
}

export class End extends Duplex {
  peer!: End
  bytesRead = 0
  /** As of a TCP socket, where somebody asks for them. */
  localPort: number | undefined
  remotePort: number | undefined
  readonly #link: Link
  #blocked: (() => void) | null = null
  #bytesCarried = 0

  constructor(link: Link) {
    super({ allowHalfOpen: false, readableHighWaterMark: 16 * 1024, writableHighWaterMark: 16 * 1024 })
    this.#link = link
    this.on('error', () => {})
  }

  arrive(bytes: Buffer, next: () => void): void {
    if (this.destroyed || this.readableEnded) return
    this.bytesRead += bytes.length
    if (this.push(bytes)) next()
    else this.#blocked = next
  }

  /** As a socket counts it: with what it has been given and has not sent yet. */
  get bytesWritten(): number {
    return this.#bytesCarried + this.writableLength
  }

  override _read(): void {
    const next = this.#blocked
    this.#blocked = null
    next?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#carry(chunk, callback)
  }

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    // Together, or the run would depend on which of our buffers happen to be neighbours.
    this.#carry(Buffer.concat(chunks.map(({ chunk }) => chunk)), callback)
  }

  #carry(chunk: Buffer, callback: (error?: Error | null) => void): void {
    this.#link.carry(this, chunk, () => {
      this.#bytesCarried += chunk.length
      callback()
    })
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#link.finished(this)
    callback()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#link.gone(this)
    callback(error)
  }
}
