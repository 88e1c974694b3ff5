// The lanes of an uplink as frames one after the other, for a carrier that takes nothing else: a modem for short messages.
import type { FrameDelivery } from './framer.ts'
import type { Lanes } from './lanes.ts'
import type { FrameSource } from './sbd/link.ts'

export class LaneFrames implements FrameSource {
  readonly #lanes: Lanes
  /** What becomes of a message that fits into no frame: it waits where another link may carry it. */
  readonly #tooLarge: 'drop' | 'wait'
  #current: FrameDelivery | null = null
  #ready: () => void = () => {}

  constructor(lanes: Lanes, tooLarge: 'drop' | 'wait') {
    this.#lanes = lanes
    lanes.onReady(() => this.#ready())
    this.#tooLarge = tooLarge
  }

  next(bytesMax: number): { readonly bytes: Uint8Array; readonly class: string; readonly count: number } | null {
    this.#current ??= this.#lanes.takeFrame(bytesMax, this.#tooLarge)
    const frame = this.#current
    return frame === null ? null : { bytes: frame.message.payload, class: this.#lanes.laneOf(frame).class.name, count: frame.parts.length }
  }

  settle(): void {
    const frame = this.#current
    this.#current = null
    if (frame !== null) this.#lanes.settle(frame)
  }

  giveBack(): void {
    if (this.#current === null) return
    this.#current = null
    this.#lanes.suspend() // what was taken comes again, from its first message on
    this.#lanes.resume(1)
  }

  onReady(fn: () => void): void {
    this.#ready = fn
  }
}
