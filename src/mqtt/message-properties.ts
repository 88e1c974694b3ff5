// The properties of a PUBLISH and of a will (MQTT 5.0 sections 3.3.2.3 and 3.1.3.2), checked by offsets: no string is made.
// What is forwarded stays the bytes that came, in their order; alias, expiry, subscription identifiers and will delay are for this
// hop only and are taken out. One object serves all packets of a connection: what it says is valid until the next read.
import { PropertyId, notAllowed, twice } from './properties.ts'
import { readVarint, tooShort, varintSize } from './read.ts'
import { malformed, protocolError, ProtocolError, Reason } from './reason.ts'
import { checkUtf8 } from './utf8.ts'

/** Whose message it is: a client's will, a PUBLISH of a client, a PUBLISH of a server. */
export type Sender = 'will' | 'client' | 'server'

export class MessageProperties {
  readonly #sender: Sender
  /** -1 when there is none. */
  topicAlias = -1
  /** -1 when there is none. */
  expirySec = -1
  delaySec = 0
  /** As Message.properties wants it; null when nothing is forwarded. */
  forwarded: Buffer | null = null
  /** True when something was taken out: the packet cannot be forwarded as it came. */
  hopOnly = false

  /** Start and end of what is taken out, one pair after the other. */
  readonly #cuts: number[] = []

  constructor(sender: Sender) {
    this.#sender = sender
  }

  /** Reads Property Length and properties at `at`; returns where they end. */
  read(bytes: Buffer, at: number, packetEnd: number): number {
    this.topicAlias = -1
    this.expirySec = -1
    this.delaySec = 0
    this.forwarded = null
    this.hopOnly = false
    if (at >= packetEnd) throw tooShort()
    if (bytes[at] === 0) return at + 1
    const length = readVarint(bytes, at, packetEnd)
    const start = at + varintSize(length)
    const end = start + length
    if (length < 0 || end > packetEnd) throw malformed('property length reaches beyond the packet')
    this.#cuts.length = 0
    this.#walk(bytes, start, end)
    this.forwarded = this.#forward(bytes, start, end)
    return end
  }

  #walk(bytes: Buffer, start: number, end: number): void {
    let seen = 0 // bit n: property n was there
    let at = start
    while (at < end) {
      const property = at
      const id = bytes[at++]!
      switch (id) {
        case PropertyId.payloadFormat:
          if (at >= end) throw tooShort()
          if (bytes[at++]! > 1) throw protocolError('payload format indicator is neither 0 nor 1')
          break
        case PropertyId.messageExpiry:
          this.expirySec = u32(bytes, at, end)
          at += 4
          this.#cut(property, at)
          break
        case PropertyId.contentType:
          at = stringEnd(bytes, at, end) // [MQTT-3.3.2-19]
          break
        case PropertyId.responseTopic:
          at = responseTopicEnd(bytes, at, end)
          break
        case PropertyId.correlationData:
          at = binaryEnd(bytes, at, end)
          break
        case PropertyId.userProperty:
          at = stringEnd(bytes, stringEnd(bytes, at, end), end) // [MQTT-1.5.7-1]
          continue // may stand more than once
        case PropertyId.topicAlias:
          if (this.#sender === 'will') throw notAllowed(id)
          if (this.topicAlias >= 0) throw twice('topicAlias')
          if (at + 2 > end) throw tooShort()
          this.topicAlias = (bytes[at]! << 8) | bytes[at + 1]!
          at += 2
          this.#cut(property, at)
          continue // 0x23 has no bit in `seen`
        case PropertyId.subscriptionIdentifier:
          if (this.#sender === 'will') throw notAllowed(id)
          if (this.#sender === 'client') throw protocolError('client sent a subscription identifier in PUBLISH') // [MQTT-3.3.4-6]
          at = subscriptionIdentifierEnd(bytes, at, end)
          this.#cut(property, at)
          continue // may stand more than once [MQTT-3.3.4-4]
        case PropertyId.willDelay:
          if (this.#sender !== 'will') throw notAllowed(id)
          this.delaySec = u32(bytes, at, end)
          at += 4
          this.#cut(property, at)
          break
        default:
          throw notAllowed(id)
      }
      if ((seen & (1 << id)) !== 0) throw twice(`0x${id.toString(16).padStart(2, '0')}`)
      seen |= 1 << id
    }
  }

  #cut(start: number, end: number): void {
    this.hopOnly = true
    this.#cuts.push(start, end)
  }

  #forward(bytes: Buffer, start: number, end: number): Buffer | null {
    const cuts = this.#cuts
    let length = end - start
    for (let i = 0; i < cuts.length; i += 2) length -= cuts[i + 1]! - cuts[i]!
    if (length === 0) return null
    if (cuts.length === 0) return bytes.subarray(start, end)
    const kept = Buffer.allocUnsafeSlow(length)
    let at = 0
    let from = start
    for (let i = 0; i < cuts.length; i += 2) {
      at += bytes.copy(kept, at, from, cuts[i])
      from = cuts[i + 1]!
    }
    bytes.copy(kept, at, from, end)
    return kept
  }
}

function u32(bytes: Buffer, at: number, end: number): number {
  if (at + 4 > end) throw tooShort()
  return bytes.readUInt32BE(at)
}

function binaryEnd(bytes: Buffer, at: number, end: number): number {
  if (at + 2 > end) throw tooShort()
  const binaryEnd = at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!)
  if (binaryEnd > end) throw tooShort()
  return binaryEnd
}

function stringEnd(bytes: Buffer, at: number, end: number): number {
  const stringEnd = binaryEnd(bytes, at, end)
  checkUtf8(bytes, at + 2, stringEnd)
  return stringEnd
}

function responseTopicEnd(bytes: Buffer, at: number, end: number): number {
  const topicEnd = stringEnd(bytes, at, end) // [MQTT-3.3.2-13]
  if (topicEnd === at + 2) throw protocolError('response topic is empty') // [MQTT-4.7.3-1]
  for (let i = at + 2; i < topicEnd; i++) {
    if (bytes[i] === 0x2b || bytes[i] === 0x23) {
      throw new ProtocolError(Reason.topicNameInvalid, 'response topic has a wildcard') // [MQTT-3.3.2-14]
    }
  }
  return topicEnd
}

function subscriptionIdentifierEnd(bytes: Buffer, at: number, end: number): number {
  const identifier = readVarint(bytes, at, end)
  if (identifier < 0) throw tooShort()
  if (identifier === 0) throw protocolError('subscription identifier is 0')
  return at + varintSize(identifier)
}
