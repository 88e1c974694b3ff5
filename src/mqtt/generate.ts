// The one place that knows mqtt-packet. It generates every packet that is off the hot path; decoding is our own, because the
// library's parser accepts and repairs what a strict broker must refuse.
// Its index would load the parser too, and a copy of Node's streams with it: 2 MB for nothing.
import type { Packet as Model } from 'mqtt-packet'
import generatePacket from 'mqtt-packet/generate.js'
import writeToStream from 'mqtt-packet/writeToStream.js'
import type { ProtocolVersion } from './packet.ts'

export type { Model }

writeToStream.cacheNumbers = false // it would make 65,536 buffers at the first packet

const FIELD_BYTES_MAX = 65_535

/** The packet's bytes. Throws RangeError where the library would write a truncated length or identifier without a word. */
export function generate(packet: Model, version: ProtocolVersion): Buffer {
  const identifier = packet.messageId
  if (identifier !== undefined && !(Number.isInteger(identifier) && identifier >= 1 && identifier <= 65_535)) {
    throw new RangeError(`packet identifier ${identifier} is not between 1 and 65,535`) // [MQTT-2.2.1-3] [MQTT-2.2.1-4]
  }
  checkFields(packet, packet.cmd)
  return generatePacket(packet, { protocolVersion: version })
}

/** Every string and every binary field has a length of two bytes. */
function checkFields(value: unknown, name: string): void {
  if (typeof value === 'string') {
    checkSize(Buffer.byteLength(value), name)
  } else if (value instanceof Uint8Array) {
    checkSize(value.length, name)
  } else if (Array.isArray(value)) {
    for (const item of value) checkFields(item, name)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) checkFields(item, key)
  }
}

function checkSize(size: number, name: string): void {
  if (size > FIELD_BYTES_MAX) throw new RangeError(`${name} takes ${size} bytes; the protocol has room for ${FIELD_BYTES_MAX}`)
}
