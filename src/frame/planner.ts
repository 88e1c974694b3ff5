// How messages go into a frame: which of the series they are of, or what a new one has to be like. Whatever is decided here, the frame gives back
// the same messages; only its size depends on it.
import { latin1 } from './bits.ts'
import type { NewSeries, Plan } from './body.ts'
import type { PlannedNumber } from './content.ts'
import { topicOf } from './dictionary.ts'
import { fitted } from './fit.ts'
import { decimalFormat } from './formats.ts'
import { layoutOf } from './layout.ts'
import { bytesOf, type FrameMessage } from './message.ts'
import { numberOf, written } from './number-format.ts'
import { RAW, type Shape, shapedTokens, shapeOf } from './shape.ts'
import type { Series, State, Topic } from './state.ts'
import { Steps } from './steps.ts'
import { HOLES_MAX, parseTemplate, type Template } from './template.ts'
import type { Tokens } from './tokens.ts'

/** A topic has no more series than that; what has none of their shapes goes as it is. */
const SHAPES_TOPIC = 8
/** So many messages of the same topic are looked at for what varies, and fewer for a single number. */
const PEERS_MAX = 64
const PEERS_BYTES_MAX = 16 * 1024
const PEERS_NUMBER_MAX = 8
/** Properties leave room for a payload of 128 columns, and for the mark between. */
const PROPERTIES_HOLES_MAX = HOLES_MAX - 129
/** With so many series, those of topics that come only once are not kept. */
const SERIES_ANY = 256

/** Latin-1. */
export interface Text {
  readonly properties: string | null
  readonly payload: string
  readonly timeMs: number
}

type Planned = Pick<Plan, 'series' | 'numbers' | 'texts'>

export class Planner {
  readonly #state: State
  readonly #messages: readonly FrameMessage[]
  readonly #seen: ReadonlyMap<string, Text>
  /** Messages of a topic, by their places. */
  readonly #places = new Map<string, number[]>()
  readonly #series = new Map<string, Series[]>()
  readonly #topics = new Map<string, Topic>()
  readonly #shapes = new Map<string, Template>()
  readonly #steps = new Steps()
  /** By place, made when it is looked at. */
  readonly #texts: Text[] = []
  /** How many of the state's series are among `#series`. */
  #known = 0

  /** `seen`: of topics in frames before the last text. */
  constructor(state: State, messages: readonly FrameMessage[], seen: ReadonlyMap<string, Text>) {
    this.#state = state
    this.#messages = messages
    this.#seen = seen
    for (const topic of state.topics) this.#topics.set(topic.text, topic)
    for (const shape of state.shapes) this.#shapes.set(latin1(shape.source), shape)
    for (const [place, { topic }] of messages.entries()) {
      const places = this.#places.get(topic)
      if (places === undefined) this.#places.set(topic, [place])
      else places.push(place)
    }
  }

  /** For the message at `place`; those before it have been coded. */
  plan(place: number): Plan {
    for (const { series } = this.#state; this.#known < series.length; this.#known++) this.#seriesOf(series[this.#known]!.topic.text).push(series[this.#known]!)
    const { qos, retain, timeMs, timeQuality, sequence, expiresAfterSec } = this.#messages[place]!
    const flags = qos + (retain ? 4 : 0) + (expiresAfterSec === null ? 0 : 8) + timeQuality * 16
    const text = this.#text(place)
    const planned = this.#ofKnown(place, text) ?? this.#ofNew(place, text, true)
    return { ...planned, sequence, flags, timeMs, expiry: expiresAfterSec ?? 0 }
  }

  #text(place: number): Text {
    return (this.#texts[place] ??= textOf(this.#messages[place]!))
  }

  #seriesOf(topic: string): Series[] {
    let list = this.#series.get(topic)
    if (list === undefined) this.#series.set(topic, (list = []))
    return list
  }

  // ---- a series that is known

  #ofKnown(place: number, text: Text): Planned | null {
    const list = this.#seriesOf(this.#messages[place]!.topic)
    for (let i = list.length - 1; i >= 0; i--) {
      const planned = isRaw(list[i]!.shape) ? null : this.#fits(list[i]!, place, text)
      if (planned !== null) return planned
    }
    return null
  }

  #fits(series: Series, place: number, { properties, payload }: Text): Planned | null {
    const fit = fitted(series.shape, (number) => series.numbers[number]!.format, properties, payload)
    if (fit === null) return null
    return { series, numbers: fit.numbers.map((text, number) => this.#number(series, number, text, place)), texts: latin1Bytes(fit.texts) }
  }

  #number(series: Series, number: number, text: string, place: number): PlannedNumber {
    const { format, column } = series.numbers[number]!
    const value = numberOf(format, text, this.#messages[place]!.timeMs)
    if (value !== null) {
      const coarser = this.#steps.next(series.numbers[number]!, value)
      const fewer = coarser === null ? null : numberOf(coarser, text)
      return fewer === null ? { value, text, format: null } : { value: fewer, text, format: coarser }
    }
    const before = column.samples === 0 ? null : written(format, column.last)
    const peers = this.#later(place).slice(0, PEERS_NUMBER_MAX)
    const texts = [text, ...peers.flatMap((peer) => this.#inHole(series, number, peer))]
    const better = decimalFormat({ texts: before === null ? texts : [before, ...texts], timesMs: [] })
    const changed = better === null ? null : numberOf(better, text)
    if (better === null || changed === null) return { value: null, text, format: null }
    const gain = texts.filter((it) => numberOf(better, it) !== null).length - texts.filter((it) => numberOf(format, it) !== null).length
    const isGood = gain > 0 && (texts.length > 1 || before === null || numberOf(better, before) !== null)
    return isGood ? { value: changed, text, format: better } : { value: null, text, format: null }
  }

  #inHole(series: Series, number: number, place: number): string[] {
    const { properties, payload } = this.#text(place)
    const fit = fitted(series.shape, (i) => series.numbers[i]!.format, properties, payload)
    return fit === null ? [] : [fit.numbers[number]!]
  }

  /** Places of later messages of the same topic. */
  #later(place: number): readonly number[] {
    const places = this.#places.get(this.#messages[place]!.topic)!
    const at = places.indexOf(place) + 1
    const most = Math.min(PEERS_MAX, Math.floor(PEERS_BYTES_MAX / (bytesOf(this.#messages[place]!) + 1)))
    return places.slice(at, at + most)
  }

  // ---- a series that is new

  #ofNew(place: number, text: Text, mayBeShaped: boolean): Planned {
    const { topic: name, timeMs } = this.#messages[place]!
    const list = this.#seriesOf(name)
    const { source, formats } = this.#shapeFor(place, text, mayBeShaped && list.length < SHAPES_TOPIC)
    const shape = this.#shape(source)
    const raw = isRaw(shape) ? list.findLast((series) => series.shape === shape) : undefined
    if (raw !== undefined) return this.#fits(raw, place, text)!
    const fit = fitted(shape, (number) => formats[number]!, text.properties, text.payload)
    if (fit === null) return this.#ofNew(place, text, false)
    const { numbers, texts } = fit
    const comesAgain = this.#state.series.length < SERIES_ANY || this.#seen.has(name) || this.#places.get(name)!.length > 1
    const isKept = comesAgain && this.#state.hasRoom
    const series: NewSeries = { topic: this.#topic(name), shape, isKept, formats }
    return { series, numbers: numbers.map((it, i) => ({ value: numberOf(formats[i]!, it, timeMs), text: it, format: null })), texts: latin1Bytes(texts) }
  }

  #shapeFor(place: number, { properties, payload }: Text, mayBeNew: boolean): Shape {
    const holesMax = HOLES_MAX - (properties === null ? 0 : PROPERTIES_HOLES_MAX + 1)
    const ofPayload = mayBeNew ? this.#partShape(place, payload, (text) => text.payload, isText(payload), holesMax) : RAW
    if (properties === null) return ofPayload
    const ofProperties = mayBeNew ? this.#partShape(place, properties, (text) => text.properties, true, PROPERTIES_HOLES_MAX) : RAW
    return { source: `${ofProperties.source}\xfa${ofPayload.source}`, formats: [...ofProperties.formats, ...ofPayload.formats] }
  }

  /** Of the payload, or of the properties: `part` of the message at `place` and of its peers. */
  #partShape(place: number, own: string, part: (text: Text) => string | null, hasText: boolean, holesMax: number): Shape {
    if (!hasText) return layoutOf(this.#peers(place).flatMap((peer) => (part(peer)?.length === own.length ? [part(peer)!] : []))) ?? RAW
    const tokens = shapedTokens(own, holesMax)
    if (tokens === null) return RAW
    const { skeleton } = tokens
    const all: Tokens[] = []
    const timesMs: number[] = []
    for (const peer of this.#peers(place)) {
      const text = part(peer)
      const other = text === own ? tokens : text === null ? null : shapedTokens(text, holesMax)
      if (other?.skeleton !== skeleton) continue
      all.push(other)
      timesMs.push(peer.timeMs)
    }
    return shapeOf(all, timesMs)
  }

  /** What the topic had and will have, and has at `place`; the oldest first. */
  #peers(place: number): Text[] {
    const seen = this.#seen.get(this.#messages[place]!.topic)
    const texts = [place, ...this.#later(place)].map((peer) => this.#text(peer))
    return seen === undefined ? texts : [seen, ...texts]
  }

  #topic(name: string): Topic {
    let topic = this.#topics.get(name)
    if (topic === undefined) this.#topics.set(name, (topic = topicOf(Buffer.from(name))))
    return topic
  }

  #shape(source: string): Template {
    let shape = this.#shapes.get(source)
    if (shape === undefined) this.#shapes.set(source, (shape = parseTemplate(Buffer.from(source, 'latin1'))))
    return shape
  }
}

/** Without control characters, but for tabs and ends of lines. */
function isText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 32 && (code < 9 || code > 13)) return false
  }
  return true
}

function isRaw({ numbers, pieces }: Template): boolean {
  return numbers === 0 && pieces.every((piece) => piece === '')
}

export function textOf({ properties, payload, timeMs }: FrameMessage): Text {
  return { properties: properties === null ? null : latin1(properties), payload: latin1(payload), timeMs }
}

function latin1Bytes(texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => Buffer.from(text, 'latin1'))
}
