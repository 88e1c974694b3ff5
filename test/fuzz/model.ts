// What the gateway's own decoder, asked alone, makes of a case: what there is to expect of the gateway as a whole.
import { Decoder } from '../../src/mqtt/decode.ts'
import type { ConnectPacket, ProtocolVersion } from '../../src/mqtt/packet.ts'
import { ProtocolError, type ReasonCode } from '../../src/mqtt/reason.ts'
import { TopicTable } from '../../src/mqtt/topic.ts'

/** The limits of the gateway's default configuration that a decoder knows. */
const LIMITS = { packetBytesMax: 1_000_000, connectBytesMax: 64_000, topicAliasMaximum: 32 }

/**
 *   open     whole packets, and nothing that a decoder refuses: PINGREQ has to be answered
 *   begun    ends in the middle of a packet: no answer is due
 *   left     the client has said DISCONNECT
 *   refused  a mistake
 */
export type End = 'open' | 'begun' | 'left' | 'refused'

export interface Expectation {
  readonly end: End
  /** 0 when CONNECT did not get as far as its protocol level. */
  readonly version: 0 | ProtocolVersion
  /** null when there is no CONNECT that can be read. */
  readonly connect: ConnectPacket | null
  /** Whole packets before the mistake; of those, PINGREQs. */
  readonly packets: number
  readonly pings: number
  /** Of a refused one. */
  readonly reason: ReasonCode | null
  /** Topics of retained messages that no wildcard finds again: they begin with $. */
  readonly hiddenTopics: readonly string[]
}

const topics = new TopicTable()

export function expectationOf(bytes: Buffer): Expectation {
  const decoder = new Decoder({ role: 'server', topics, ...LIMITS })
  const hiddenTopics: string[] = []
  let connect: ConnectPacket | null = null
  let packets = 0
  let pings = 0
  let end: End = 'begun'
  let reason: ReasonCode | null = null
  decoder.push(bytes)
  try {
    for (let packet = decoder.next(0); packet !== null; packet = decoder.next(0)) {
      packets++
      const message = packet.type === 3 ? packet.message : packet.type === 1 ? packet.will?.message : undefined
      if (message?.retain === true && message.topic.name.startsWith('$')) hiddenTopics.push(message.topic.name)
      if (packet.type === 1) connect = packet
      else if (packet.type === 12) pings++
      else if (packet.type === 14) {
        end = 'left'
        break
      }
    }
    if (end !== 'left' && connect !== null && decoder.bufferedBytes === 0) end = 'open'
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    end = 'refused'
    reason = error.reason
  }
  return { end, version: decoder.version, connect, packets, pings, reason, hiddenTopics }
}
