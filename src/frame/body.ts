// The messages of a frame, bit by bit, in one order for both directions: what an encoder writes here, a decoder reads here.
//
//   whose turn is it ─► sequence ─► flags ─► time ─► expiry ─► numbers and texts of properties and payload
//          └─ nobody's so far: topic, shape and formats of a new series
//
// An encoder gives a Plan for each message, a decoder gives null and gets the message.
import type { BitCoder } from './arithmetic.ts'
import { Bits, Flag, Integer } from './bits.ts'
import { ContentCoder, type PlannedContent } from './content.ts'
import { topicOf } from './dictionary.ts'
import { FrameError } from './error.ts'
import type { FrameMessage, TimeQuality } from './message.ts'
import type { NumberFormat } from './number-format.ts'
import { Series, type State, type Topic } from './state.ts'
import { parseTemplate, type Template } from './template.ts'
import { Turn } from './turn.ts'

/** How one message goes into a frame. */
export interface Plan extends PlannedContent {
  readonly series: Series | NewSeries
  readonly sequence: number
  /** See Series. */
  readonly flags: number
  readonly timeMs: number
  readonly expiry: number
}

export interface NewSeries {
  readonly topic: Topic
  readonly shape: Template
  /** Later messages and frames may be of it. */
  readonly isKept: boolean
  readonly formats: readonly NumberFormat[]
}

const EXPIRES = 8
const TIME_QUALITIES = 48

export class Body {
  readonly #state: State
  readonly #bits: Bits
  readonly #turn: Turn
  readonly #content: ContentCoder
  #sequence: number
  #madeMs: number
  #isMadeKnown = false

  /**
   * `firstSequence`: of the first message. `given`: a decoder's texts that are not among the bits. `madeMs`: the time that an encoder counts
   * expiries from.
   */
  constructor(coder: BitCoder, state: State, firstSequence: number, given: Uint8Array, madeMs: number) {
    this.#state = state
    this.#madeMs = madeMs
    this.#bits = new Bits(coder, state)
    this.#turn = new Turn(this.#bits.mixer, state)
    this.#content = new ContentCoder(this.#bits, state, given)
    this.#sequence = firstSequence - 1
  }

  /** An encoder's texts that are not among the bits, in order. */
  get texts(): readonly Uint8Array[] {
    return this.#content.texts
  }

  /** Behind the last message. */
  check(checksum: number): void {
    if (this.#bits.even(checksum & 0xffff, 16) !== (checksum & 0xffff)) throw new FrameError('the frame is damaged, or was made with another dictionary')
  }

  /** After the last message: leaves the state as the next frame finds it. */
  settle(): void {
    this.#content.settle()
  }

  /** What an encoder gets back is worth nothing. */
  message(plan: Plan | null): FrameMessage {
    const state = this.#state
    const planned = plan === null ? null : plan.series
    const series = this.#turn.code(planned instanceof Series ? planned : null) ?? this.#newSeries(planned as NewSeries | null)
    const sequence = this.#nextSequence(plan)
    const flags = this.#flags(series, plan)
    const elapsed = this.#content.time(series, plan === null ? 0 : plan.timeMs)
    const expiresAfterSec = (flags & EXPIRES) === 0 ? null : this.#expiry(series, plan)
    this.#content.makes(series.topic.bytes.length)
    const { properties, payload } = this.#content.content(series, plan, elapsed)
    series.before = state.time
    state.time = series.time.last
    this.#turn.passed(series)
    return {
      topic: series.topic.text,
      payload,
      qos: (flags & 3) as 0 | 1 | 2,
      retain: (flags & 4) !== 0,
      properties,
      timeMs: series.time.last,
      timeQuality: (flags >> 4) as TimeQuality,
      sequence,
      expiresAfterSec,
    }
  }

  // ---- a series that is new

  #newSeries(plan: NewSeries | null): Series {
    const state = this.#state
    const topic = this.#topic(plan)
    const shape = this.#shape(plan)
    const isKept = this.#bits.flag(Flag.kept, plan !== null && plan.isKept)
    const series = new Series(topic, shape, state)
    series.time.last = state.time
    for (const [i, number] of series.numbers.entries()) this.#content.reformat(number, plan === null ? null : plan.formats[i]!)
    if (isKept) state.keep(series)
    return series
  }

  #topic(plan: NewSeries | null): Topic {
    const { topics } = this.#state
    const known = plan === null ? -1 : topics.indexOf(plan.topic)
    if (topics.length > 0 && this.#bits.flag(Flag.topicKnown, known >= 0)) return this.#bits.mixer.oneOf(topics, known)
    const bytes = this.#bits.tell(plan === null ? null : plan.topic.bytes)
    return plan === null ? topicOf(bytes.slice()) : plan.topic
  }

  #shape(plan: NewSeries | null): Template {
    const { shapes } = this.#state
    const known = plan === null ? -1 : shapes.indexOf(plan.shape)
    if (shapes.length > 0 && this.#bits.flag(Flag.shapeKnown, known >= 0)) return this.#bits.mixer.oneOf(shapes, known)
    const source = this.#bits.tell(plan === null ? null : plan.shape.source)
    return plan === null ? parseTemplate(source.slice()) : plan.shape
  }

  // ---- what every message has

  #nextSequence(plan: Plan | null): number {
    const gap = plan === null ? 0 : plan.sequence - this.#sequence - 1
    const isNext = this.#bits.flag(Flag.inSequence, gap === 0)
    if (!isNext) this.#sequence += 1 + this.#bits.integer(Integer.gap, gap - 1)
    return ++this.#sequence
  }

  #flags(series: Series, plan: Plan | null): number {
    const isOrdinary = this.#bits.flag(Flag.ordinary, plan !== null && plan.flags === series.flags)
    if (!isOrdinary) series.flags = this.#bits.even(plan === null ? 0 : plan.flags, 6)
    if ((series.flags & 3) === 3 || series.flags >= TIME_QUALITIES) throw new FrameError('a message has QoS 3, or a time of no quality')
    return series.flags
  }

  #expiry(series: Series, plan: Plan | null): number {
    if (!this.#isMadeKnown) {
      this.#madeMs = this.#state.time + this.#bits.signed(Integer.made, this.#madeMs - this.#state.time)
      this.#isMadeKnown = true
    }
    // What it had when it came: the same for all messages of many a series.
    const waited = Math.floor((this.#madeMs - series.time.last) / 1000)
    const sec = this.#content.expiry(series, plan === null ? 0 : plan.expiry + waited) - waited
    if (sec < 0 || sec > 0xffffffff) throw new FrameError('a message expires in too long a time')
    return sec
  }
}
