// Is what came back what a gateway may say? Read twice, by mqtt-packet and by our own decoder in the client's role, which knows the reason
// codes and properties of each packet; then held against what the case was.
import { parser } from 'mqtt-packet'
import { Decoder } from '../../src/mqtt/decode.ts'
import { PacketType, type Packet, type ProtocolVersion } from '../../src/mqtt/packet.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { TopicTable } from '../../src/mqtt/topic.ts'
import type { Case } from './case.ts'
import type { Expectation } from './model.ts'
import type { Talked } from './talk.ts'

const topics = new TopicTable()
const BYTES_MAX = 1 << 28
const ERROR = 0x80
/** The shortest DISCONNECT that says why. */
const DISCONNECT_BYTES = 4

/** What is wrong, or null. */
export function problem(it: Case, expected: Expectation, talked: Talked): string | null {
  if (talked.ended === 'late') return `the connection neither ended nor answered (expected: ${expected.end})`
  if (it.damaged) return null // that it ended is all there is to ask
  if (expected.version === 0) return answerToUnknown(talked)
  const version = expected.version
  let packets: Packet[]
  try {
    packets = readAll(talked, version)
    readByOthers(talked, version)
  } catch (error) {
    return `the answer is not well-formed MQTT: ${(error as Error).message}`
  }
  if (talked.rest > 0 && talked.ended !== 'reset' && !wasReset(it, talked)) return `the answer ends in the middle of a packet (${talked.rest} bytes)`
  return wrongOrder(packets) ?? tooLong(expected, talked) ?? wrongAnswer(it, expected, talked, packets)
}

/** Before the version is known there is nothing to say but that it is not supported. */
function answerToUnknown({ received }: Talked): string | null {
  const hex = received.toString('hex')
  return ['', '20020001', '2003008400', '20020084'].includes(hex) ? null : `an answer in an unknown version: ${hex}`
}

function wasReset(it: Case, talked: Talked): boolean {
  return talked.ended === 'answered' && it.ending === 'reset'
}

function readAll({ packets }: Talked, version: ProtocolVersion): Packet[] {
  const decoder = new Decoder({ role: 'client', topics, packetBytesMax: BYTES_MAX, connectBytesMax: BYTES_MAX, topicAliasMaximum: 65_535 })
  decoder.version = version
  const read: Packet[] = []
  for (const bytes of packets) {
    decoder.push(bytes)
    const packet = decoder.next(0)
    if (packet !== null) read.push(packet)
  }
  return read
}

function readByOthers({ packets }: Talked, version: ProtocolVersion): void {
  const reader = parser({ protocolVersion: version })
  let read = 0
  let failure: Error | null = null
  reader.on('packet', () => read++)
  reader.on('error', (error: Error) => (failure = error))
  for (const bytes of packets) {
    // It refuses this reason code in DISCONNECT, although section 2.4 gives it to that packet.
    if (bytes[0] === PacketType.disconnect << 4 && bytes[2] === Reason.badAuthenticationMethod) read++
    else reader.parse(bytes)
    if (failure !== null) throw new Error(`mqtt-packet: ${(failure as Error).message} in ${bytes.toString('hex').slice(0, 200)}`)
  }
  if (read !== packets.length) throw new Error(`mqtt-packet reads ${read} packets of ${packets.length}`)
}

/** AUTH …, CONNACK, anything, DISCONNECT; a CONNACK that refuses is the last. */
function wrongOrder(packets: readonly Packet[]): string | null {
  let connected = false
  for (const [i, packet] of packets.entries()) {
    const last = i === packets.length - 1
    if (packet.type === PacketType.connack) {
      if (connected) return 'two CONNACKs'
      connected = true
      if (packet.reason !== 0 && !last) return `a packet of type ${packets[i + 1]!.type} behind a CONNACK with reason ${packet.reason}`
    } else if (!connected && packet.type !== PacketType.auth) return `a packet of type ${packet.type} before CONNACK`
    if (packet.type === PacketType.disconnect) {
      if (!last) return 'a packet behind DISCONNECT'
      if (packet.reason < ERROR) return `DISCONNECT with reason 0x${packet.reason.toString(16)}`
    }
  }
  return null
}

function tooLong({ connect }: Expectation, { packets }: Talked): string | null {
  if (connect === null) return null
  const long = packets.find((bytes) => bytes.length > connect.maximumPacketSize) // [MQTT-3.1.2-24]
  return long === undefined ? null : `a packet of ${long.length} bytes for a client that takes ${connect.maximumPacketSize}: ${long.toString('hex').slice(0, 100)}`
}

function wrongAnswer(it: Case, expected: Expectation, talked: Talked, packets: readonly Packet[]): string | null {
  const { connect, version, reason } = expected
  const connack = packets.find((packet) => packet.type === PacketType.connack)
  const last = packets.at(-1)
  if (packets.length === 0 && talked.ended === 'gateway' && talked.slow) return null
  if (connect === null) {
    if (expected.end !== 'refused') return packets.length > 0 ? 'an answer before CONNECT was complete' : null
    if (version !== 5) {
      const known = reason === Reason.malformedPacket || reason === Reason.protocolError
      return known && packets.length > 0 ? 'an answer to a malformed CONNECT of MQTT 3' : null
    }
    if (talked.ended !== 'reset' && connack === undefined) return 'no CONNACK for a malformed CONNECT of MQTT 5'
    return connack !== undefined && connack.reason !== reason ? `CONNACK with reason ${connack.reason} instead of ${reason}` : null
  }
  const ours = talked.ended === 'us' || talked.ended === 'reset' || expected.end === 'left'
  if (it.clean) {
    if (connack !== undefined && connack.reason !== 0) return `a clean case was refused with ${connack.reason}`
    // A mistake may have made its identifier another case's.
    if (last?.type === PacketType.disconnect && last.reason === Reason.sessionTakenOver) return null
    if (last?.type === PacketType.disconnect) return `a clean case was disconnected with ${last.reason}`
    if (expected.end === 'open' && talked.ended === 'gateway') return 'a clean case was closed'
  }
  const roomForWhy = connect.maximumPacketSize >= DISCONNECT_BYTES
  // One that waits for its old session to be gone from flash, and is taken over from meanwhile, gets none either.
  if (connack === undefined) return ours || it.shared || !roomForWhy || last?.type === PacketType.auth ? null : 'no CONNACK'
  if (version !== 5 || connack.reason !== 0 || !roomForWhy || talked.ended !== 'gateway' || expected.end === 'left') return null
  if (last?.type !== PacketType.disconnect) return `closed without DISCONNECT (expected: ${expected.end})`
  if (last.reason === Reason.malformedPacket && reason !== Reason.malformedPacket) return `DISCONNECT says malformed, and ${reason ?? 'nothing'} was expected`
  return null
}
