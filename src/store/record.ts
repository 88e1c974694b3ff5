// One stored message as bytes; a segment is records one after the other, ascending in sequence.
//
//   varint  length of what follows
//   varint  sequence minus the segment's first
//   u8      flags: QoS in bits 0-1, RETAIN in bit 2, properties follow in bit 3, expiry follows in bit 4, age follows in bit 5
//   varint  seconds until it expires, counted from the segment's storedAtMs          (bit 4)
//   varint  milliseconds from when it came to the segment's storedAtMs; none is 0     (bit 5)
//   varint  topic length, topic
//   varint  properties length, properties as MQTT 5.0 encodes and forwards them       (bit 3)
//   ...     payload, the rest
//
// Varints are base 128, low group first, as in MQTT (section 1.5.5) but up to 2^53. A record that was copied into another segment
// has its sequence in as many bytes as before, with zeros in the high groups: its length never changes.
import { Message, type QoS } from '../message.ts'
import type { Topic, TopicTable } from '../mqtt/topic.ts'

const PROPERTIES = 8
const EXPIRY = 16
const AGE = 32
const AGE_MS_MAX = 2 ** 35 - 1 // five bytes: no message waits a year for its commit

function varintSize(value: number): number {
  let n = 1
  while (value >= 128) {
    value = Math.floor(value / 128)
    n++
  }
  return n
}

function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value >= 128) {
    bytes[at++] = (value % 128) | 128
    value = Math.floor(value / 128)
  }
  bytes[at++] = value
  return at
}

function bodySize(message: Message, delta: number, expirySec: number, ageMs: number): number {
  const topic = message.topic.bytes.length
  let n = varintSize(delta) + 1 + varintSize(topic) + topic + message.payloadLength
  if (expirySec >= 0) n += varintSize(expirySec)
  if (ageMs > 0) n += varintSize(ageMs)
  if (message.properties !== null) n += varintSize(message.properties.length) + message.properties.length
  return n
}

function secondsLeft(message: Message, nowMs: number): number {
  return message.expiresAtMs === Infinity ? -1 : Math.max(0, Math.ceil((message.expiresAtMs - nowMs) / 1000))
}

/** Bytes the record will take, at most: enough to reserve room. */
export function recordSizeMax(message: Message): number {
  return 32 + message.size
}

/**
 * Writes one record at `at` and returns where it ends. `delta` is sequence minus the segment's first, `nowMs` monotonic, `bornMs`
 * when the message came on the same clock.
 */
export function writeRecord(bytes: Buffer, at: number, message: Message, delta: number, nowMs: number, bornMs = nowMs): number {
  const expirySec = secondsLeft(message, nowMs)
  const ageMs = Math.min(Math.max(0, Math.round(nowMs - bornMs)), AGE_MS_MAX)
  const properties = message.properties
  at = writeVarint(bytes, at, bodySize(message, delta, expirySec, ageMs))
  at = writeVarint(bytes, at, delta)
  const follow = (properties === null ? 0 : PROPERTIES) | (expirySec < 0 ? 0 : EXPIRY) | (ageMs === 0 ? 0 : AGE)
  bytes[at++] = message.qos | (message.retain ? 4 : 0) | follow
  if (expirySec >= 0) at = writeVarint(bytes, at, expirySec)
  if (ageMs > 0) at = writeVarint(bytes, at, ageMs)
  const topic = message.topic.bytes
  at = writeVarint(bytes, at, topic.length)
  topic.copy(bytes, at)
  at += topic.length
  if (properties !== null) {
    at = writeVarint(bytes, at, properties.length)
    properties.copy(bytes, at)
    at += properties.length
  }
  return at + message.bytes.copy(bytes, at, message.payloadStart, message.payloadEnd)
}

const DAMAGED = 'record is damaged: '

/**
 * Walks the records of one segment. Positions only; `message()` makes the message of the record it stands on.
 * Bytes that a card has altered end in a RangeError, never in a read outside of the record.
 */
export class RecordReader {
  readonly #bytes: Buffer
  readonly #first: number
  #at = 0
  #limit = 0 // a number may not reach beyond this
  #start = 0
  #delta = 0 // where the sequence stands
  #body = 0
  #end = 0
  sequence = 0
  /** How long before the segment's storedAtMs the message came that `message()` gave last. */
  ageMs = 0

  /** `first` is the segment's first sequence, which the records count from. */
  constructor(data: Uint8Array, first: number) {
    this.#bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    this.#first = first
  }

  /** Where the record it stands on ends, and the next one starts. */
  get end(): number {
    return this.#end
  }

  /** Bytes of the record it stands on. */
  get length(): number {
    return this.#end - this.#start
  }

  /** Steps to the next record; false at the end. Throws RangeError when the segment is damaged. */
  next(): boolean {
    if (this.#end >= this.#bytes.length) return false
    this.#at = this.#start = this.#end
    this.#limit = this.#bytes.length
    const length = this.#varint()
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError(DAMAGED + 'it reaches beyond its segment')
    this.#limit = end
    this.#delta = this.#at
    this.sequence = this.#first + this.#varint()
    this.#body = this.#at
    this.#end = end
    return true
  }

  /** The topic's bytes, as a text that is good for comparing only. Throws RangeError when the record is damaged. */
  topicKey(): string {
    const flags = this.#flags()
    if (flags & EXPIRY) this.#varint()
    if (flags & AGE) this.#varint()
    const length = this.#varint()
    const at = this.#skip(length)
    return this.#bytes.toString('latin1', at, at + length)
  }

  /** Copies the record to a segment that begins with `first`, which is not below its own; returns where it ends in `out`. */
  copyTo(out: Uint8Array, at: number, first: number): number {
    const end = at + this.#bytes.copy(out, at, this.#start, this.#end)
    let delta = this.sequence - first
    let place = at + this.#delta - this.#start
    for (let left = this.#body - this.#delta; left > 1; left--) {
      out[place++] = (delta % 128) | 128
      delta = Math.floor(delta / 128)
    }
    out[place] = delta
    return end
  }

  /** The message; `elapsedMs` is how long ago the segment was stored, `nowMs` the monotonic now. */
  message(topics: TopicTable, nowMs: number, elapsedMs: number): Message {
    const bytes = this.#bytes
    const flags = this.#flags()
    const expiresAtMs = flags & EXPIRY ? nowMs - elapsedMs + this.#varint() * 1000 : Infinity
    this.ageMs = flags & AGE ? this.#varint() : 0
    const topicLength = this.#varint()
    const topicAt = this.#skip(topicLength)
    let properties: Buffer | null = null
    if (flags & PROPERTIES) {
      const length = this.#varint()
      const at = this.#skip(length)
      properties = bytes.subarray(at, at + length)
    }
    const topic = resolveTopic(topics, bytes, topicAt, topicAt + topicLength)
    return new Message(topic, (flags & 3) as QoS, (flags & 4) !== 0, bytes, this.#at, this.#end, properties, expiresAtMs, null)
  }

  #flags(): number {
    this.#at = this.#body
    this.#limit = this.#end
    const flags = this.#at < this.#end ? this.#bytes[this.#at++]! : 0xff
    if ((flags & 3) === 3 || flags >= 2 * AGE) throw new RangeError(DAMAGED + 'its flags mean nothing')
    return flags
  }

  /** Passes over `length` bytes and returns where they start. */
  #skip(length: number): number {
    const at = this.#at
    if (at + length > this.#end) throw new RangeError(DAMAGED + 'it is shorter than its fields')
    this.#at = at + length
    return at
  }

  #varint(): number {
    const bytes = this.#bytes
    let value = 0
    let scale = 1
    for (;;) {
      if (this.#at >= this.#limit) throw new RangeError(DAMAGED + 'it ends in the middle of a number')
      const b = bytes[this.#at++]!
      value += (b & 127) * scale
      if (value > Number.MAX_SAFE_INTEGER || scale > Number.MAX_SAFE_INTEGER) throw new RangeError(DAMAGED + 'a number in it is too large')
      if (b < 128) return value
      scale *= 128
    }
  }
}

function resolveTopic(topics: TopicTable, bytes: Buffer, start: number, end: number): Topic {
  try {
    return topics.resolve(bytes, start, end)
  } catch (cause) {
    throw new RangeError(DAMAGED + 'its topic is not a topic name', { cause }) // the card's fault, not a peer's
  }
}
