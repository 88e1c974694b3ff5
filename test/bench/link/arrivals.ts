// What comes out at the cloud, compared with what was recorded: every reading once, in order within its topic, byte for byte; and out of frames
// with the very millisecond it came to the gateway.
import { FrameDecoder } from '../../../src/frame/frame.ts'
import type { Reading } from './readings.ts'

export const FRAME_TOPIC = 'f'

export class Arrivals {
  readonly #expected = new Map<string, Reading[]>()
  readonly #decoder = new FrameDecoder()
  readonly #wrong: string[] = []
  #count = 0
  /** Time of the gateway's wall clock at which the recording began, from the first reading out of a frame. */
  #beganMs: number | null = null
  frames = 0
  frameBytes = 0

  constructor(readings: readonly Reading[]) {
    for (const reading of readings) {
      const list = this.#expected.get(reading.topic)
      if (list === undefined) this.#expected.set(reading.topic, [reading])
      else list.push(reading)
    }
  }

  get count(): number {
    return this.#count
  }

  /** A PUBLISH that came to the cloud. */
  saw(topic: string, payload: Buffer): void {
    if (topic !== FRAME_TOPIC) {
      this.#take(topic, payload, null)
      return
    }
    this.frames++
    this.frameBytes += payload.length
    const frame = this.#decoder.decode(payload)
    if (frame.needs !== null) this.#wrong.push(`a frame needs the dictionary ${frame.needs}`)
    else for (const message of frame.messages) this.#take(message.topic, Buffer.from(message.payload), message.timeMs)
  }

  /** What was wrong, a sentence each. */
  faults(): string[] {
    const missing = [...this.#expected.values()].reduce((sum, list) => sum + list.length, 0)
    return [...this.#wrong.slice(0, 5), ...(missing > 0 ? [`${missing} readings did not come`] : [])]
  }

  #take(topic: string, payload: Buffer, timeMs: number | null): void {
    this.#count++
    const reading = this.#expected.get(topic)?.shift()
    if (reading === undefined) {
      this.#wrong.push(`${topic} has one more than was published`)
      return
    }
    if (payload.toString() !== reading.payload) this.#wrong.push(`${topic}: ${payload.toString()} instead of ${reading.payload}`)
    if (timeMs === null) return
    this.#beganMs ??= timeMs - reading.atMs
    if (timeMs - this.#beganMs !== reading.atMs) this.#wrong.push(`${topic}: came at ${timeMs - this.#beganMs} ms, recorded at ${reading.atMs} ms`)
  }
}
