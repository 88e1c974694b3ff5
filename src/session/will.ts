// A client's last message (section 3.1.2.5), as it is kept in a session's row: delay and expiry, then one record.
//
//   u32  will delay in seconds
//   u32  message expiry interval in seconds, 0xffffffff for none
//   ...  record (store/record.ts)
import { Message } from '../message.ts'
import type { Will } from '../mqtt/packet.ts'
import type { TopicTable } from '../mqtt/topic.ts'
import { RecordReader, recordSizeMax, writeRecord } from '../store/record.ts'

const NO_EXPIRY = 0xffffffff

export function encodeWill(will: Will): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(8 + recordSizeMax(will.message))
  bytes.writeUInt32BE(will.delaySec, 0)
  bytes.writeUInt32BE(will.messageExpirySec ?? NO_EXPIRY, 4)
  return bytes.subarray(0, writeRecord(bytes, 8, will.message, 0, 0))
}

/** Throws RangeError when the bytes are damaged. */
export function decodeWill(data: Uint8Array, topics: TopicTable): Will {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const reader = new RecordReader(bytes.subarray(8), 0)
  if (!reader.next()) throw new RangeError('will has no message')
  const expirySec = bytes.readUInt32BE(4)
  return {
    message: reader.message(topics, 0, 0),
    delaySec: bytes.readUInt32BE(0),
    messageExpirySec: expirySec === NO_EXPIRY ? null : expirySec,
  }
}

/** The will as it is published now: its expiry starts, its publisher is known. */
export function willMessage(will: Will, origin: object, nowMs: number): Message {
  const m = will.message
  const expiresAtMs = will.messageExpirySec === null ? Infinity : nowMs + will.messageExpirySec * 1000
  return new Message(m.topic, m.qos, m.retain, m.bytes, m.payloadStart, m.payloadEnd, m.properties, expiresAtMs, origin)
}
