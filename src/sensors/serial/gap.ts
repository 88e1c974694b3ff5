// Frames that end with a silence. Time is when the gateway reads, not when the wire was quiet: USB adapters hold bytes back for up to
// 16 ms and a busy machine for longer, so that two frames may come as one; a gap of 20 ms and more tells them apart on most.
// A frame that becomes too long is called out once and skipped up to the next silence.
import type { Clock, Timer } from '../../clock.ts'
import type { Framer, FrameSink } from './frame.ts'
import { HeldBytes } from './held.ts'

export class GapFramer implements Framer {
  readonly #gapMs: number
  readonly #sink: FrameSink
  readonly #clock: Clock
  readonly #held: HeldBytes
  #tooLong = false
  #lastAtMs = 0
  #silence: Timer | null = null

  constructor(gapMs: number, bytesMax: number, sink: FrameSink, clock: Clock) {
    this.#gapMs = gapMs
    this.#sink = sink
    this.#clock = clock
    this.#held = new HeldBytes(bytesMax)
  }

  push(chunk: Buffer): void {
    const nowMs = this.#clock.now()
    // The timer may be late: what comes now belongs to the next frame all the same.
    if (this.#silence !== null && nowMs - this.#lastAtMs >= this.#gapMs) this.#end()
    this.#lastAtMs = nowMs
    for (let i = 0; i < chunk.length && !this.#tooLong; i++) if (!this.#held.add(chunk[i]!)) this.#callTooLong()
    this.#silence ??= this.#clock.after(this.#gapMs, () => this.#onTimer())
  }

  reset(): void {
    this.#silence?.cancel()
    this.#silence = null
    this.#held.clear()
    this.#tooLong = false
  }

  /** One timer for many chunks: it is set again for what is left of the silence. */
  #onTimer(): void {
    const left = this.#lastAtMs + this.#gapMs - this.#clock.now()
    if (left <= 0) this.#end()
    else this.#silence = this.#clock.after(left, () => this.#onTimer())
  }

  #end(): void {
    const { length } = this.#held
    const skip = this.#tooLong || length === 0
    this.reset()
    if (!skip) this.#sink.frame(this.#held.view(0, length))
  }

  #callTooLong(): void {
    this.#tooLong = true
    this.#sink.skipped('too-long')
  }
}
