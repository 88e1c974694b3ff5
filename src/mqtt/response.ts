// Response Topic and Correlation Data in the properties of a message (MQTT 5.0 sections 3.3.2.3.5, 3.3.2.3.6, 4.10), as Message.properties
// keeps them: well-formed, for the decoder has checked them.
import { PropertyId } from './properties.ts'

export interface Response {
  readonly topic: string | null
  readonly correlation: Buffer | null
}

const NONE: Response = { topic: null, correlation: null }

/** What the sender of a request asks for. */
export function responseOf(properties: Buffer | null): Response {
  if (properties === null) return NONE
  let topic: string | null = null
  let correlation: Buffer | null = null
  const field = (at: number): Buffer => properties.subarray(at + 2, at + 2 + properties.readUInt16BE(at))
  for (let at = 0; at < properties.length; ) {
    const id = properties[at++]!
    if (id === PropertyId.payloadFormat) {
      at++
      continue
    }
    const value = field(at)
    at += 2 + value.length
    if (id === PropertyId.responseTopic) topic = value.toString('utf8')
    else if (id === PropertyId.correlationData) correlation = value
    else if (id === PropertyId.userProperty) at += 2 + field(at).length
  }
  return { topic, correlation }
}

/** Correlation Data as a property of a response. `data` has 65,535 bytes at most. */
export function correlationProperty(data: Buffer): Buffer {
  const bytes = Buffer.alloc(3 + data.length)
  bytes[0] = PropertyId.correlationData
  bytes.writeUInt16BE(data.length, 1)
  data.copy(bytes, 3)
  return bytes
}
