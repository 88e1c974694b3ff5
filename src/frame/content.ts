// Properties and payload of a message: its shape filled with numbers and texts.
import { type Bits, Flag, Integer, latin1 } from './bits.ts'
import { type Column, ColumnCoder } from './column.ts'
import { FrameError } from './error.ts'
import { OUTPUT_BYTES_MAX, TIME_MAX } from './message.ts'
import { checkFormat, FIELDS, type NumberFormat, written } from './number-format.ts'
import { EVEN } from './probability.ts'
import { NUMBERS, type NumberColumn, RECENT_BYTES_MAX, RECENT_MAX, type Series, Sets, Shared, type State, TEXT_NODES, type TextColumn, TIMES } from './state.ts'
import { Mark } from './template.ts'

/** What an encoder fills the holes with, in their order. */
export interface PlannedContent {
  readonly numbers: readonly PlannedNumber[]
  readonly texts: readonly Uint8Array[]
}

export interface PlannedNumber {
  /** In the column's format; null: it is none of its numbers, but `text`. */
  readonly value: number | null
  readonly text: string
  /** The column has another format from here on; null: it has not. */
  readonly format: NumberFormat | null
}

export interface Content {
  readonly properties: Uint8Array | null
  readonly payload: Uint8Array
}

/** Longer texts, and those above a frame's worth, are not among the bits. */
const TOLD_BYTES = 256
const TOLD_BYTES_FRAME = 4096

export class ContentCoder {
  readonly #bits: Bits
  readonly #state: State
  readonly #columns: ColumnCoder
  /** An encoder's texts that are not among the bits, in order. */
  readonly texts: Uint8Array[] = []
  /** A decoder's, all together. */
  readonly #given: Uint8Array
  #taken = 0
  #told = 0
  #output = 0

  constructor(bits: Bits, state: State, given: Uint8Array) {
    this.#bits = bits
    this.#state = state
    this.#columns = new ColumnCoder(bits.mixer, state.counters)
    this.#given = given
  }

  /** After the last message: the history that the next frame finds. */
  settle(): void {
    if (this.#taken !== this.#given.length) throw new FrameError('the frame has texts that are in no message')
    for (const text of this.texts) this.#bits.text.append(text)
    this.#bits.text.append(this.#given)
    this.#state.history = this.#bits.text.history
  }

  /** The time of the series' message; answers with how much it is after the one before. */
  time(series: Series, planned: number): number {
    const { time, before } = series
    const { last } = time
    const now = this.#state.time
    const isFirst = time.samples === 0
    this.#columns.begin()
    this.#columns.guess(time, (now - before) * 65536, now)
    const timeMs = this.#columns.code(time, planned, TIMES)
    if (timeMs < 0 || timeMs > TIME_MAX) throw new FrameError('a message has a time out of bounds')
    return isFirst ? 0 : timeMs - last
  }

  /** Seconds that the series' messages have. */
  expiry(series: Series, planned: number): number {
    this.#columns.begin()
    return this.#value(series.expiry, planned, 0)
  }

  #value(column: Column, planned: number, moved: number): number {
    this.#columns.guess(column, moved, null)
    return this.#columns.code(column, planned, NUMBERS)
  }

  /** `elapsed`: milliseconds since the series' last message. What an encoder gets back is worth nothing. */
  content(series: Series, planned: PlannedContent | null, elapsed: number): Content {
    const { pieces, holes, numbers } = series.shape
    const isRegular = numbers === 0 || this.#bits.flag(Flag.regular, planned !== null && planned.numbers.every(fits))
    let properties: string | null = null
    let text = this.#made(pieces[0]!)
    let number = 0
    let string = 0
    this.#columns.begin()
    for (let i = 0; i < holes.length; i++) {
      if (holes[i] === Mark.number) {
        text += this.#made(this.#number(series.numbers[number]!, planned === null ? null : planned.numbers[number]!, isRegular, elapsed))
        number++
      } else if (holes[i] === Mark.text) {
        text += this.#made(latin1(this.#recent(series.texts[string]!, planned === null ? null : planned.texts[string]!)))
        string++
      } else {
        properties = text
        text = ''
      }
      text += this.#made(pieces[i + 1]!)
    }
    return { properties: properties === null ? null : Buffer.from(properties, 'latin1'), payload: Buffer.from(text, 'latin1') }
  }

  /** Counts what comes out, so that few bytes do not become very many. */
  #made(text: string): string {
    this.makes(text.length)
    return text
  }

  makes(bytes: number): void {
    this.#output += bytes
    if (this.#output > OUTPUT_BYTES_MAX) throw new FrameError(`the messages of the frame have more than ${OUTPUT_BYTES_MAX} bytes`)
  }

  #number(number: NumberColumn, planned: PlannedNumber | null, isRegular: boolean, elapsed: number): string {
    if (!isRegular && !this.#bits.flag(Flag.fits, planned !== null && fits(planned))) {
      if (!this.#bits.flag(Flag.reformatted, planned !== null && planned.format !== null)) {
        return latin1(this.#recent(number.texts, planned === null ? null : Buffer.from(planned.text, 'latin1')))
      }
      this.reformat(number, planned === null ? null : planned.format)
    }
    const { column, format } = number
    const value = this.#value(column, planned?.value ?? 0, format.clock === 0 ? 0 : ticks(format.clock, elapsed))
    if (planned !== null) return ''
    const text = written(format, value)
    if (text === null) throw new FrameError('a number cannot be written in its format')
    return text
  }

  reformat(number: NumberColumn, planned: NumberFormat | null): void {
    const fields: Partial<Record<keyof NumberFormat, number>> = {}
    for (const [i, field] of FIELDS.entries()) fields[field] = this.#bits.integer(Integer.format + i, planned === null ? 0 : planned[field])
    this.#state.reformat(number, checkFormat(fields as NumberFormat))
  }

  /** A text of the column: one of the last ones, or a new one. */
  #recent(texts: TextColumn, planned: Uint8Array | null): Uint8Array {
    const { recent } = texts
    const place = planned === null ? -1 : recent.findIndex((text) => Buffer.compare(text, planned) === 0)
    const { contexts } = this.#bits.mixer
    for (let rank = 0; rank < recent.length; rank++) {
      const node = Math.min(rank, TEXT_NODES - 1)
      contexts[0] = texts.counters + node
      contexts[1] = Shared.recent + node
      if (this.#bits.mixer.code(rank === place ? 1 : 0, EVEN, this.#state.counters, 2, Sets.recent) === 0) continue
      const [text] = recent.splice(rank, 1)
      recent.unshift(text!)
      return text!
    }
    const text = this.#newText(planned)
    if (text.length <= RECENT_BYTES_MAX) recent.unshift(text)
    if (recent.length > RECENT_MAX) recent.pop()
    return text
  }

  #newText(planned: Uint8Array | null): Uint8Array {
    const size = planned === null ? 0 : planned.length
    const isTold = size <= TOLD_BYTES && (size <= 16 || this.#told + size <= TOLD_BYTES_FRAME)
    if (!this.#bits.flag(Flag.apart, !isTold)) {
      this.#told += size
      return this.#bits.tell(planned).slice()
    }
    const length = this.#bits.integer(Integer.length, size)
    if (planned !== null) {
      this.texts.push(planned)
      return planned
    }
    if (length > this.#given.length - this.#taken) throw new FrameError('the frame ends in the middle of a text')
    this.#taken += length
    return this.#given.subarray(this.#taken - length, this.#taken)
  }
}

function fits({ value, format }: PlannedNumber): boolean {
  return value !== null && format === null
}

/** By how much a column moves in so many milliseconds when it goes with the clock, in 1/65,536. */
function ticks(clock: number, elapsedMs: number): number {
  return clock < 4 ? Math.floor((elapsedMs * 65536) / 10 ** (4 - clock)) : elapsedMs * 65536 * 10 ** (clock - 4)
}
