// A mark against circles over several uplinks: a message that came in by an uplink carries the sites it came through as user
// properties, and one that has been here is not taken again. Messages of the site itself carry nothing: bytes are money.
import { Message } from '../message.ts'

const NAME = 'sandpiper-via'
const USER_PROPERTY = 0x26

function encoded(site: string): Buffer {
  const name = Buffer.from(NAME)
  const value = Buffer.from(site)
  const bytes = Buffer.alloc(5 + name.length + value.length)
  bytes[0] = USER_PROPERTY
  bytes.writeUInt16BE(name.length, 1)
  name.copy(bytes, 3)
  bytes.writeUInt16BE(value.length, 3 + name.length)
  value.copy(bytes, 5 + name.length)
  return bytes
}

export function hasVia(message: Message, site: string): boolean {
  return message.properties !== null && message.properties.includes(encoded(site))
}

export function addVia(message: Message, site: string): Message {
  const mark = encoded(site)
  const properties = message.properties === null ? mark : Buffer.concat([message.properties, mark])
  const { topic, qos, retain, bytes, payloadStart, payloadEnd, expiresAtMs, origin } = message
  return new Message(topic, qos, retain, bytes, payloadStart, payloadEnd, properties, expiresAtMs, origin)
}
