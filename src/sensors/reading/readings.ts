// Raw values → messages: shaped, gathered over a window, held against what was published before, put into a payload with its time.
//
//   take ─► shape ─┬──────────────────────────────► gate ─► payload ─► publish
//                  └─► window ── every `every` ────►  │ nothing new: only remembered
//                                                     ▲
//   nothing of the stream read for staleAfter ─► stale┤
//   nothing published for maxSilence ─► as it is known┤ (passes the gate)
//   the source is gone ─► gone ───────────────────────┘
//
// What is always true
//   1. A reading has the values that were read together; what was not read is left out, not repeated.
//   2. Windows end at start + n × every on the monotonic clock; one in which nothing was read ends in silence. What was gathered is told at once
//      when the source is gone, stale or stopped: nothing good comes after that.
//   3. With `{value}` in the topic each value is a stream of its own: topic, gate and message.
//   4. What is told again is no older than staleAfter, or it is called stale.
//   5. Values are VALUES_MAX at most; further names are counted and skipped.
import type { Clock, Timer } from '../../clock.ts'
import type { ReadingConfig, SensorCommon } from '../../config/config.ts'
import { makeMessage, type Message } from '../../message.ts'
import { timeMarkProperties } from '../../mqtt/time-mark.ts'
import { Topic } from '../../mqtt/topic.ts'
import type { Stamp } from '../../timekeeper.ts'
import type { Fields, Units } from '../sensor.ts'
import type { SensorRecord, SensorStatus } from '../state.ts'
import { Gate } from './gate.ts'
import { makePayload, type PayloadMaker } from './payload.ts'
import { type Reading, readingOf } from './reading.ts'
import { plainShape, Shape, type Value } from './shape.ts'
import { Window } from './window.ts'

const VALUES_MAX = 256
const NO_UNITS: Units = {}
/** Stands in a topic for the name of a value. */
export const VALUE_PLACEHOLDER = '{value}'

/** Of a name that a device has made. */
const LEVEL_CHARS_MAX = 128
/** Wildcards and separators, control characters, halves of characters: what a level may or should not have (MQTT 5.0 sections 1.5.4, 4.7.1). */
const NOT_IN_LEVEL = /[+#/\p{Cc}\p{Cs}]/gu

/** The topic of a value; `template` itself where all values share one. */
export function topicOfValue(template: string, value: string): string {
  const level = value.slice(0, LEVEL_CHARS_MAX).replaceAll(NOT_IN_LEVEL, '_') || '_'
  // Topics that begin with $ are the broker's.
  const allowed = template.startsWith(VALUE_PLACEHOLDER) ? level.replace(/^\$/, '_') : level
  return template.replaceAll(VALUE_PLACEHOLDER, () => allowed)
}

export interface ReadingsDeps {
  readonly clock: Clock
  readonly site: string
  readonly sink: { publish(message: Message): void }
  readonly time: { stamp(atMs: number): Stamp }
  /** Hears of each reading that is published; must not throw. */
  readonly observe: ((reading: Reading, message: Message) => void) | null
}

/** All values that share a topic. */
interface Stream {
  readonly topic: Topic
  readonly gate: Gate
  readonly payload: PayloadMaker
  readonly known: Map<string, { readonly value: Value; readonly readAtMs: number }>
  /** When the last of them was read. */
  readAtMs: number
  isStale: boolean
  publishedAtMs: number
  sequence: number
}

interface Line {
  readonly shape: Shape
  readonly window: Window
  readonly stream: Stream
}

export class Readings {
  readonly #sensor: SensorCommon
  readonly #config: ReadingConfig
  readonly #deps: ReadingsDeps
  readonly #record: SensorRecord
  /** By the source's name of the field; a field may be shown in several ways. */
  readonly #lines = new Map<string, Line[]>()
  /** By the value's name where each has a topic of its own. */
  readonly #streams = new Map<string, Stream>()
  /** It has been told that the source is gone. */
  #isGone = false
  #windowStartMs = 0
  #windowTimer: Timer | null = null
  #watchTimer: Timer | null = null
  #isStopped = false

  constructor(sensor: SensorCommon, config: ReadingConfig, deps: ReadingsDeps, record: SensorRecord) {
    this.#sensor = sensor
    this.#config = config
    this.#deps = deps
    this.#record = record
    for (const value of config.values ?? []) this.#addLine(value.from, new Shape(value))
  }

  start(): void {
    const nowMs = this.#deps.clock.now()
    this.#windowStartMs = nowMs
    this.#nextWindow(1)
    this.#watch()
  }

  /** What was gathered is told; then nothing any more. */
  stop(): void {
    this.#windowTimer?.cancel()
    this.#watchTimer?.cancel()
    if (!this.#isStopped) this.#endWindow()
    this.#isStopped = true
  }

  /** What was read at `atMs` (Clock.now). `units` hold for values that say nothing of their own. */
  take(fields: Fields, atMs: number, units: Units = NO_UNITS): void {
    if (this.#isStopped) return
    this.#isGone = false
    const read = new Map<Stream, Value[]>()
    for (const name in fields) {
      const raw = fields[name]
      if (raw === undefined) continue
      for (const { shape, window, stream } of this.#linesOf(name)) {
        const value = shape.shape(raw, Object.hasOwn(units, name) ? units[name] : null)
        stream.readAtMs = atMs
        stream.isStale = false
        if (this.#config.everyMs !== null) window.add(value)
        else if (read.get(stream)?.push(value) === undefined) read.set(stream, [value])
      }
    }
    for (const [stream, values] of read) this.#offer(stream, readingOf(inOrder(values, this.#config), atMs))
  }

  /** The source's state changed. */
  onStatus(status: SensorStatus): void {
    if (status !== 'gone' || this.#isGone || this.#isStopped) return
    this.#endWindow()
    this.#isGone = true
    const atMs = this.#deps.clock.now()
    for (const stream of this.#allStreams()) {
      this.#offer(stream, { values: knownOf(stream).map((value) => ({ ...value, value: null })), quality: 'gone', atMs })
    }
  }

  #offer(stream: Stream, reading: Reading): void {
    if (reading.quality !== 'stale' && reading.quality !== 'gone') for (const value of reading.values) stream.known.set(value.name, { value, readAtMs: reading.atMs })
    if (stream.gate.isNews(reading)) this.#publish(stream, reading)
  }

  #publish(stream: Stream, reading: Reading): void {
    const { clock, sink, time, observe } = this.#deps
    stream.gate.published(reading)
    if (!stream.payload.says(reading)) {
      if (reading.quality === 'out-of-range') this.#record.countSkipped('out-of-range')
      return
    }
    stream.publishedAtMs = clock.now()
    const { text, marks } = stream.payload.make(reading, time.stamp(reading.atMs), stream.sequence++)
    this.#record.countReading()
    const { qos, retain } = this.#sensor
    const message = makeMessage(stream.topic, text, { qos, retain, properties: marks === null ? null : timeMarkProperties(marks) })
    sink.publish(message)
    observe?.(reading, message)
  }

  // ---- windows

  #nextWindow(n: number): void {
    const { everyMs } = this.#config
    if (everyMs === null) return
    const { clock } = this.#deps
    this.#windowTimer = clock.after(this.#windowStartMs + n * everyMs - clock.now(), () => {
      // After a standstill the windows that have passed were one.
      this.#nextWindow(Math.max(n, Math.floor((clock.now() - this.#windowStartMs) / everyMs)) + 1)
      this.#endWindow()
    })
  }

  /** Of all streams, or of one. */
  #endWindow(only: Stream | null = null): void {
    const read = new Map<Stream, Value[]>()
    for (const lines of this.#lines.values()) {
      for (const { shape, window, stream } of lines) {
        if (only !== null && stream !== only) continue
        const value = window.take((number) => shape.round(number))
        if (value !== null && read.get(stream)?.push(value) === undefined) read.set(stream, [value])
      }
    }
    for (const [stream, values] of read) this.#offer(stream, readingOf(inOrder(values, this.#config), stream.readAtMs))
  }

  // ---- silence

  /** One timer for both kinds of silence; it looks again when what it waited for has moved. */
  #watch(): void {
    const { staleMs, silenceMsMax } = this.#config
    if (staleMs === Infinity && silenceMsMax === Infinity) return
    const nowMs = this.#deps.clock.now()
    let dueMs = Infinity
    for (const stream of this.#allStreams()) {
      // What is gone has been told to be so, and has no values that could be stale.
      const canGoStale = !stream.isStale && !this.#isGone && stream.readAtMs !== -Infinity
      if (canGoStale && nowMs - stream.readAtMs >= staleMs) this.#goStale(stream)
      if (nowMs - stream.publishedAtMs >= silenceMsMax) this.#repeat(stream, nowMs)
      dueMs = Math.min(dueMs, canGoStale && !stream.isStale ? stream.readAtMs + staleMs : Infinity, stream.publishedAtMs + silenceMsMax)
    }
    const restMs = dueMs === Infinity ? Math.min(staleMs, silenceMsMax) : dueMs - nowMs
    this.#watchTimer = this.#deps.clock.after(Math.max(1, restMs), () => this.#watch())
  }

  #goStale(stream: Stream): void {
    this.#endWindow(stream)
    stream.isStale = true
    if (stream.known.size > 0) this.#offer(stream, { values: knownOf(stream), quality: 'stale', atMs: stream.readAtMs })
  }

  /** What is known, as it is: of a stream that is not stale what was read lately. */
  #repeat(stream: Stream, nowMs: number): void {
    stream.publishedAtMs = nowMs // also where it cannot be told
    const values = knownOf(stream, stream.isStale ? -Infinity : nowMs - this.#config.staleMs)
    if (values.length === 0 || this.#isGone) return
    const reading = readingOf(values, stream.readAtMs)
    this.#publish(stream, stream.isStale ? { ...reading, quality: 'stale' } : reading)
  }

  // ---- lines and streams

  #linesOf(name: string): readonly Line[] {
    const known = this.#lines.get(name)
    if (known !== undefined) return known
    if (this.#config.values !== null) return []
    if (this.#lines.size < VALUES_MAX) return this.#addLine(name, plainShape(name))
    this.#record.countSkipped('too-many-values')
    return []
  }

  #addLine(from: string, shape: Shape): Line[] {
    const lines = this.#lines.get(from) ?? []
    lines.push({ shape, window: new Window(shape.config.of), stream: this.#streamOf(shape.config.name) })
    this.#lines.set(from, lines)
    return lines
  }

  #streamOf(value: string): Stream {
    const { topic: template, name } = this.#sensor
    const isSingle = template.includes(VALUE_PLACEHOLDER)
    const key = isSingle ? value : ''
    const known = this.#streams.get(key)
    if (known !== undefined) return known
    const stream: Stream = {
      topic: Topic.of(topicOfValue(template, value)),
      gate: new Gate(this.#config),
      payload: makePayload(this.#config.payload, { site: this.#deps.site, sensor: name, isSingle }),
      known: new Map(),
      readAtMs: -Infinity,
      isStale: false,
      publishedAtMs: this.#deps.clock.now(),
      sequence: 0,
    }
    this.#streams.set(key, stream)
    return stream
  }

  /** Also where nothing has been read yet, as long as the topic is known. */
  #allStreams(): Iterable<Stream> {
    if (this.#streams.size === 0 && !this.#sensor.topic.includes(VALUE_PLACEHOLDER)) this.#streamOf('')
    return this.#streams.values()
  }
}

/** What was read after `sinceMs`. */
function knownOf({ known }: Stream, sinceMs = -Infinity): readonly Value[] {
  return [...known.values()].filter(({ readAtMs }) => readAtMs > sinceMs).map(({ value }) => value)
}

/** As the configuration lists them: a source may give them in any order. */
function inOrder(values: Value[], { values: order }: ReadingConfig): readonly Value[] {
  if (order === null || values.length < 2) return values
  const place = new Map(order.map(({ name }, i) => [name, i]))
  return values.sort((a, b) => place.get(a.name)! - place.get(b.name)!)
}
