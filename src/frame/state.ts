// All that a frame builds on: topics, shapes, the series that messages form, and what was learned of each. An encoder and a decoder that went
// through the same frames have the same state; a dictionary is a state as bytes.
import { Column, COLUMN_SETS, SHARED_COUNTERS } from './column.ts'
import { FrameError } from './error.ts'
import { type NumberFormat, PLAIN } from './number-format.ts'
import { Counters, firstWeights } from './probability.ts'
import type { Template } from './template.ts'

export const SERIES_MAX = 4096
export const TOPICS_MAX = 4096
export const SHAPES_MAX = 1024
/** Counters of series and columns. */
const COUNTERS_MAX = 1 << 20

/** Kinds of columns: their counters and weights are apart. */
export const TIMES = 0
export const NUMBERS = 1
const KINDS = 2

/** Of each kind of integer, by how many bits it has. */
export const INTEGER_COUNTERS = 32
const INTEGER_KINDS = 11
/** Of texts, by their place among the recent ones. */
export const TEXT_NODES = 8
const FLAGS = 9

/** The counters that all share, by number: those of columns come first. Those of series and columns follow. */
const integers = KINDS * SHARED_COUNTERS
const offered = integers + INTEGER_KINDS * INTEGER_COUNTERS
const recent = offered + 2
const flags = recent + TEXT_NODES
export const Shared = { integers, offered, follows: offered + 1, recent, flags, end: flags + FLAGS } as const

/** Mixing weights: those of the columns, then these. */
export const Sets = {
  offers: KINDS * COLUMN_SETS,
  flags: KINDS * COLUMN_SETS + 1,
  integers: KINDS * COLUMN_SETS + 2,
  recent: KINDS * COLUMN_SETS + 3,
  end: KINDS * COLUMN_SETS + 4,
} as const

/** Counters that a series has for itself. */
export const Own = { offered: 0, followsDue: 1, follows: 2 } as const
export const SERIES_COUNTERS = 3
/** Texts that a column remembers, and how long they may be. */
export const RECENT_MAX = 16
export const RECENT_BYTES_MAX = 64

/** A first guess may be off by so much. */
const TIME_ERROR = 1000
const NUMBER_ERROR = 16

export class NumberColumn {
  format: NumberFormat = PLAIN
  column: Column
  /** Texts that were none of its numbers. */
  readonly texts: TextColumn

  constructor(column: Column, texts: TextColumn) {
    this.column = column
    this.texts = texts
  }
}

export class TextColumn {
  static readonly COUNTERS = TEXT_NODES
  readonly counters: number
  /** The last first. */
  readonly recent: Uint8Array[] = []

  constructor(counters: number) {
    this.counters = counters
  }
}

export interface Topic {
  readonly text: string
  readonly bytes: Uint8Array
}

/** Messages of one topic and one shape. */
export class Series {
  readonly topic: Topic
  readonly shape: Template
  readonly counters: number
  readonly time: Column
  readonly expiry: Column
  readonly numbers: NumberColumn[] = []
  readonly texts: TextColumn[] = []
  /** QoS in bits 0-1, RETAIN in bit 2, expiry in bit 3, quality of the time in bits 4-5. */
  flags = 0
  /** Which series came after it the last time: its number, or -1. */
  next = -1
  /** The time of the message before its last. */
  before = 0
  /** When it is due, and again each so many ms; 0: it has no period. Follow from `time`. */
  dueMs = 0
  periodMs = 0
  /** Among those that are kept; -1: it is not. */
  number = -1

  constructor(topic: Topic, shape: Template, state: State) {
    this.topic = topic
    this.shape = shape
    this.counters = state.allot(SERIES_COUNTERS)
    this.time = new Column(state.allot(Column.COUNTERS), TIME_ERROR)
    this.expiry = new Column(state.allot(Column.COUNTERS), NUMBER_ERROR)
    for (let i = 0; i < shape.numbers; i++) this.numbers.push(new NumberColumn(state.numberColumn(), new TextColumn(state.allot(TextColumn.COUNTERS))))
    for (let i = 0; i < shape.texts; i++) this.texts.push(new TextColumn(state.allot(TextColumn.COUNTERS)))
  }

  /** After each of its messages. */
  expect(): void {
    const { time } = this
    this.periodMs = Math.floor(time.period / 65536)
    this.dueMs = time.last + Math.floor((time.steady + 32768) / 65536)
  }
}

export class State {
  readonly topics: Topic[] = []
  readonly shapes: Template[] = []
  readonly series: Series[] = []
  readonly counters = new Counters(Shared.end)
  readonly weights = firstWeights(Sets.end)
  /** Of the last message: its time, and the number of its series or -1. */
  time = 0
  last = -1
  /** Texts that were told, the last HISTORY_MAX bytes or more of them. */
  history: Uint8Array = new Uint8Array(0)
  #allotted: number = Shared.end

  /** For one more series. */
  get hasRoom(): boolean {
    return this.series.length < SERIES_MAX && this.shapes.length < SHAPES_MAX
  }

  /** Room for so many counters; answers with the first. */
  allot(size: number): number {
    const first = this.#allotted
    this.#allotted += size
    if (this.#allotted > COUNTERS_MAX) throw new FrameError('the frame has too many columns')
    this.counters.grow(this.#allotted)
    return first
  }

  /** Throws FrameError when there are too many. */
  keep(series: Series): void {
    if (!this.hasRoom) throw new FrameError('the frame has too many series')
    if (!this.topics.includes(series.topic)) this.topics.push(series.topic)
    if (!this.shapes.includes(series.shape)) this.shapes.push(series.shape)
    series.number = this.series.length
    this.series.push(series)
  }

  /** A column whose numbers mean something else now begins anew. */
  reformat(number: NumberColumn, to: NumberFormat): void {
    const from = number.format
    number.format = to
    const isSameScale = from.kind === to.kind && from.decimals === to.decimals && from.factor === to.factor && from.halvings === to.halvings && from.offset === to.offset
    if (!isSameScale) number.column = this.numberColumn()
  }

  numberColumn(): Column {
    return new Column(this.allot(Column.COUNTERS), NUMBER_ERROR)
  }
}
