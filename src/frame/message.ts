// What a frame holds, and the bounds of it. The decoder refuses what is beyond them, the encoder never makes it.

/** How good a message's time is. */
export const TimeQuality = {
  /** Nobody knows: the number is kept, and means nothing. */
  unknown: 0,
  /** Milliseconds since the gateway was started: its clock was not set yet. */
  sinceBoot: 1,
  /** Milliseconds since 1970, from a clock that was set. */
  synced: 2,
} as const
export type TimeQuality = (typeof TimeQuality)[keyof typeof TimeQuality]

export interface FrameMessage {
  /** A topic name: 1 to 65,535 bytes of UTF-8 without U+0000. */
  readonly topic: string
  /** Any bytes, from none to PAYLOAD_BYTES_MAX. */
  readonly payload: Uint8Array
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  /** Properties as MQTT 5.0 encodes and forwards them, without their length; to a frame they are any bytes. Null: none. Empty is not null. */
  readonly properties: Uint8Array | null
  /** When the gateway got it, whole milliseconds, 0 to 2^44 - 1; see `timeQuality`. */
  readonly timeMs: number
  readonly timeQuality: TimeQuality
  /** The journal's number, 0 to 2^44 - 1, strictly ascending in a frame; gaps are allowed. */
  readonly sequence: number
  /** Seconds that the message has left when the frame is made (message expiry interval, MQTT 5.0 section 3.3.2.3.3), 0 to 2^32 - 1; null: it never expires. */
  readonly expiresAfterSec: number | null
}

/** A stream is one queue of one gateway: 6 random bytes, made with the store. */
export const STREAM_BYTES = 6

export const PAYLOAD_BYTES_MAX = 1024 * 1024
/** Of the payloads, properties and topics of one frame together. */
export const OUTPUT_BYTES_MAX = 8 * 1024 * 1024
export const SEQUENCE_MAX = 2 ** 44 - 1
export const TIME_MAX = 2 ** 44 - 1
const TEXT_BYTES_MAX = 65535
const SECONDS_MAX = 0xffffffff

/** Why a message cannot be in a frame behind `before`; null: it can. */
export function problemOf(message: FrameMessage, before: FrameMessage | null): string | null {
  const { topic, payload, qos, properties, timeMs, timeQuality, sequence, expiresAfterSec } = message
  if (topic === '' || topic.includes('\0') || !topic.isWellFormed() || Buffer.byteLength(topic) > TEXT_BYTES_MAX) return 'its topic is not valid'
  if (payload.length > PAYLOAD_BYTES_MAX) return `its payload has ${payload.length} bytes, and ${PAYLOAD_BYTES_MAX} are the most`
  if (properties !== null && properties.length > TEXT_BYTES_MAX) return `its properties have ${properties.length} bytes, and ${TEXT_BYTES_MAX} are the most`
  if (![0, 1, 2].includes(qos) || ![0, 1, 2].includes(timeQuality)) return 'its QoS or the quality of its time is not 0, 1 or 2'
  if (!isBetween(timeMs, TIME_MAX)) return `its time is ${timeMs}`
  if (!isBetween(sequence, SEQUENCE_MAX)) return `its sequence number is ${sequence}`
  if (before !== null && sequence <= before.sequence) return `its sequence number is ${sequence}, and that of the one before ${before.sequence}`
  if (expiresAfterSec !== null && !isBetween(expiresAfterSec, SECONDS_MAX)) return `it expires after ${expiresAfterSec} seconds`
  return null
}

/** Of topic, properties and payload. */
export function bytesOf({ topic, payload, properties }: FrameMessage): number {
  return Buffer.byteLength(topic) + payload.length + (properties?.length ?? 0)
}

function isBetween(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most
}
