// What a receiver of a stream knows before a frame comes, as bytes: topics, shapes of payloads, what columns are like. FRAME.md has each byte.
import { isUtf8 } from 'node:buffer'
import { checksum } from './checksum.ts'
import { Column, GUESS_MAX, TRACKER_COUNT } from './column.ts'
import { FrameError } from './error.ts'
import { TIME_MAX } from './message.ts'
import { checkFormat, FIELDS, NUMBER_MAX, type NumberFormat } from './number-format.ts'
import { type Counters, firstWeights } from './probability.ts'
import { RECENT_MAX, Series, SERIES_COUNTERS, SERIES_MAX, Sets, Shared, SHAPES_MAX, State, TextColumn, TOPICS_MAX, type Topic } from './state.ts'
import { parseTemplate } from './template.ts'
import { HISTORY_MAX } from './text.ts'
import { ByteReader, ByteWriter } from './varint.ts'

/** A receiver takes none that is larger. */
export const DICTIONARY_BYTES_MAX = 1 << 20
const VERSION = 1
const WEIGHTS = firstWeights(Sets.end)
const NAME_BYTES = 4
const TOGETHER_MAX = 1 << 22

/** Immutable. `bytes` are all of it, to be kept over restarts. `name` is 8 hex digits: the CRC-32 of the frame that brought it. */
export class Dictionary {
  readonly name: string
  readonly bytes: Uint8Array

  private constructor(name: string, bytes: Uint8Array) {
    this.name = name
    this.bytes = bytes
  }

  /** Throws FrameError when the bytes are no dictionary. */
  static parse(bytes: Uint8Array): Dictionary {
    const from = new ByteReader(bytes)
    const dictionary = new Dictionary(Buffer.from(from.raw(NAME_BYTES)).toString('hex'), bytes)
    dictionary.state()
    return dictionary
  }

  /** What `frame` leaves, which is `contents`. Throws FrameError when that is too large. */
  static after(frame: Uint8Array, contents: Uint8Array): Dictionary {
    checkSize(contents.length)
    const to = new ByteWriter(contents.length + 16)
    const name = Buffer.from(checksum(frame).toString(16).padStart(2 * NAME_BYTES, '0'), 'hex')
    to.raw(name)
    to.number(checksum(contents))
    to.raw(contents)
    return new Dictionary(name.toString('hex'), to.written)
  }

  /** A state to go on from, the caller's own. */
  state(): State {
    checkSize(this.bytes.length)
    const from = new ByteReader(this.bytes, NAME_BYTES)
    const sum = from.number()
    if (sum !== checksum(this.bytes.subarray(from.at))) throw new FrameError('a dictionary is damaged')
    const state = read(from)
    if (from.left !== 0) throw new FrameError('a dictionary has bytes behind its end')
    return state
  }
}

function checkSize(bytes: number): void {
  if (bytes > DICTIONARY_BYTES_MAX) throw new FrameError(`a dictionary has ${bytes} bytes`)
}

// ---- writing

/** Of a dictionary all but its name. */
export function contentsOf(state: State): Uint8Array {
  const to = new ByteWriter(4096)
  to.number(VERSION)
  to.number(state.time)
  to.number(state.last + 1)
  to.number(state.topics.length)
  for (const topic of state.topics) to.bytes(topic.bytes)
  to.number(state.shapes.length)
  for (const shape of state.shapes) to.bytes(shape.source)
  to.number(state.series.length)
  for (const series of state.series) writeSeries(to, series, state)
  writeCounters(to, state.counters, 0, Shared.end)
  for (let i = 0; i < state.weights.length; i++) to.signed(state.weights[i]! - WEIGHTS[i]!)
  to.bytes(state.history.subarray(-HISTORY_MAX))
  return to.written
}

function writeSeries(to: ByteWriter, series: Series, state: State): void {
  to.number(state.topics.indexOf(series.topic))
  to.number(state.shapes.indexOf(series.shape))
  to.number(series.flags)
  to.number(series.next + 1)
  to.number(series.before)
  writeCounters(to, state.counters, series.counters, SERIES_COUNTERS)
  writeColumn(to, series.time, state)
  writeColumn(to, series.expiry, state)
  for (const { format, column, texts } of series.numbers) {
    for (const field of FIELDS) to.number(format[field])
    writeColumn(to, column, state)
    writeTexts(to, texts, state)
  }
  for (const texts of series.texts) writeTexts(to, texts, state)
}

function writeColumn(to: ByteWriter, column: Column, state: State): void {
  to.number(column.samples)
  if (column.samples === 0) return
  to.signed(column.last)
  to.number(column.missed)
  to.signed(column.together)
  to.number(column.alone)
  for (const level of column.levels) to.signed(level)
  for (const trend of column.trends) to.signed(trend)
  for (const error of column.errors) to.number(error)
  writeCounters(to, state.counters, column.counters, Column.COUNTERS)
}

function writeTexts(to: ByteWriter, texts: TextColumn, state: State): void {
  to.number(texts.recent.length)
  for (const text of texts.recent) to.bytes(text)
  writeCounters(to, state.counters, texts.counters, TextColumn.COUNTERS)
}

/** Of one that was used: n, p in two bytes. Of those that were not: 0, and how many they are. */
function writeCounters(to: ByteWriter, { one, seen }: Counters, first: number, size: number): void {
  let unused = 0
  for (let i = first; i <= first + size; i++) {
    if (i < first + size && seen[i] === 0) {
      unused++
      continue
    }
    if (unused > 0) {
      to.number(0)
      to.number(unused)
      unused = 0
    }
    if (i < first + size) to.raw(Uint8Array.of(seen[i]!, one[i]! >> 8, one[i]! & 255))
  }
}

// ---- reading

function read(from: ByteReader): State {
  const version = from.number()
  if (version !== VERSION) throw new FrameError(`a dictionary has version ${version}, and this decoder knows ${VERSION}`)
  const state = new State()
  state.time = below(from, TIME_MAX + 1)
  state.last = from.number() - 1
  for (let left = upTo(from, TOPICS_MAX, 'topics'); left > 0; left--) state.topics.push(topicOf(from.bytes()))
  for (let left = upTo(from, SHAPES_MAX, 'shapes'); left > 0; left--) state.shapes.push(parseTemplate(from.bytes()))
  const count = upTo(from, SERIES_MAX, 'series')
  for (let i = 0; i < count; i++) state.keep(readSeries(from, state, count))
  if (state.last >= count) throw new FrameError('a dictionary ends with a series that it does not have')
  readCounters(from, state.counters, 0, Shared.end)
  for (let i = 0; i < state.weights.length; i++) state.weights[i] = WEIGHTS[i]! + from.signed()
  state.history = from.bytes()
  if (state.history.length > HISTORY_MAX) throw new FrameError('a dictionary has too long a history')
  return state
}

/** Throws FrameError when it is no topic name. */
export function topicOf(bytes: Uint8Array): Topic {
  if (bytes.length === 0 || bytes.length > 65535 || !isUtf8(bytes) || bytes.includes(0)) throw new FrameError('a topic is not valid')
  return { text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes), bytes }
}

function readSeries(from: ByteReader, state: State, count: number): Series {
  const topic = state.topics[from.number()]
  const shape = state.shapes[from.number()]
  if (topic === undefined || shape === undefined) throw new FrameError('a dictionary has a series without its topic or shape')
  const series = new Series(topic, shape, state)
  series.flags = below(from, 64)
  series.next = below(from, count + 1) - 1
  series.before = below(from, TIME_MAX + 1)
  readCounters(from, state.counters, series.counters, SERIES_COUNTERS)
  readColumn(from, series.time, state)
  readColumn(from, series.expiry, state)
  for (const number of series.numbers) {
    number.format = readFormat(from)
    readColumn(from, number.column, state)
    readTexts(from, number.texts, state)
  }
  for (const texts of series.texts) readTexts(from, texts, state)
  series.expect()
  return series
}

function readFormat(from: ByteReader): NumberFormat {
  const format: Record<string, number> = {}
  for (const field of FIELDS) format[field] = from.number()
  return checkFormat(format as unknown as NumberFormat)
}

function readColumn(from: ByteReader, column: Column, state: State): void {
  column.samples = below(from, 256)
  if (column.samples === 0) return
  column.last = within(from.signed(), NUMBER_MAX)
  column.missed = below(from, 3)
  column.together = within(from.signed(), TOGETHER_MAX)
  column.alone = Math.max(1, within(from.number(), TOGETHER_MAX))
  for (let k = 0; k < TRACKER_COUNT; k++) column.levels[k] = within(from.signed(), 2 * GUESS_MAX)
  for (let k = 0; k < TRACKER_COUNT; k++) column.trends[k] = within(from.signed(), GUESS_MAX)
  for (let k = 0; k < TRACKER_COUNT; k++) column.errors[k] = within(from.number(), 2 * GUESS_MAX)
  readCounters(from, state.counters, column.counters, Column.COUNTERS)
}

function readTexts(from: ByteReader, texts: TextColumn, state: State): void {
  const count = upTo(from, RECENT_MAX, 'texts')
  for (let i = 0; i < count; i++) texts.recent.push(from.bytes())
  readCounters(from, state.counters, texts.counters, TextColumn.COUNTERS)
}

function readCounters(from: ByteReader, { one, seen }: Counters, first: number, size: number): void {
  for (let i = first; i < first + size; ) {
    const n = from.byte()
    if (n === 0) {
      i += upTo(from, first + size - i, 'counters')
      continue
    }
    const high = from.byte()
    one[i] = high * 256 + from.byte()
    seen[i++] = n
  }
}

function within(value: number, most: number): number {
  if (Math.abs(value) > most) throw new FrameError(`a dictionary has ${value} in a column`)
  return value
}

function upTo(from: ByteReader, most: number, what: string): number {
  const value = from.number()
  if (value > most) throw new FrameError(`a dictionary has ${value} ${what}`)
  return value
}

function below(from: ByteReader, end: number): number {
  const value = from.number()
  if (value >= end) throw new FrameError(`a dictionary has ${value} where it has to be less than ${end}`)
  return value
}
