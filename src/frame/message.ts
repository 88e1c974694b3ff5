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
  /** A topic name: 1 to 65,535 bytes of UTF-8. */
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
