// CONNECT (MQTT 5.0 section 3.1; MQTT 3.1.1 and 3.1 have the same without properties).
import { Message, type QoS } from '../message.ts'
import { MessageProperties } from './message-properties.ts'
import { PacketType, type ConnectPacket, type ProtocolVersion, type Will } from './packet.ts'
import { Carrier, Properties, PropertyId } from './properties.ts'
import type { Cursor } from './read.ts'
import { malformed, ProtocolError, protocolError, Reason, UnsupportedProtocol } from './reason.ts'
import type { TopicTable } from './topic.ts'

export interface Protocol {
  readonly version: ProtocolVersion
  readonly bridge: boolean
}

const RESERVED = 0x01
const CLEAN = 0x02
const WILL = 0x04
const WILL_QOS_AND_RETAIN = 0x38
const WILL_RETAIN = 0x20
const PASSWORD = 0x40
const USERNAME = 0x80

const BRIDGE = 0x80
const NEVER_SEC = 0xffffffff

/** Protocol name and level, which go together [MQTT-3.1.2-1]. Throws UnsupportedProtocol. */
export function readProtocol(cursor: Cursor): Protocol {
  const length = cursor.u16()
  const at = cursor.skip(length)
  const name = cursor.bytes.toString('latin1', at, Math.min(cursor.at, at + 16))
  const level = cursor.u8()
  if (name === 'MQTT' && level === 5) return { version: 5, bridge: false }
  const bridge = (level & BRIDGE) !== 0
  if (name === 'MQTT' && (level & ~BRIDGE) === 4) return { version: 4, bridge }
  if (name === 'MQIsdp' && (level & ~BRIDGE) === 3) return { version: 3, bridge }
  // The answer changed its form with level 5; what is older by name or level reads the old one [MQTT3-3.1.2-2] [MQTT-3.1.2-2].
  const answerVersion = name === 'MQIsdp' || (level & ~BRIDGE) < 5 ? 4 : 5
  throw new UnsupportedProtocol(answerVersion, `protocol ${JSON.stringify(name)} level ${level} is not supported`)
}

/** The rest of the packet, behind the protocol level. */
export function readConnect(cursor: Cursor, protocol: Protocol, topics: TopicTable): ConnectPacket {
  const { version, bridge } = protocol
  const flags = cursor.u8()
  checkFlags(flags, version)
  const clean = (flags & CLEAN) !== 0
  const keepAliveSec = cursor.u16()
  const properties = version === 5 ? Properties.read(cursor, Carrier.connect) : new Properties()
  const clientId = cursor.string() // [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.3-4] [MQTT-3.1.3-5]
  const will = (flags & WILL) !== 0 ? readWill(cursor, flags, version, topics) : null // [MQTT-3.1.2-9] [MQTT3-3.1.2-12]
  const username = (flags & USERNAME) !== 0 ? cursor.string() : null // [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.3-12]
  const password = (flags & PASSWORD) !== 0 ? cursor.binary() : null // [MQTT-3.1.2-18] [MQTT-3.1.2-19]
  cursor.finish()
  if (clientId === '' && (version === 3 || (version === 4 && !clean))) {
    throw new ProtocolError(Reason.clientIdentifierNotValid, 'client identifier is empty') // [MQTT-3.1.3-8] [MQTT3-3.1.3-7] [MQTT3-3.1.3-8]
  }
  const authenticationMethod = properties.string(PropertyId.authenticationMethod)
  const authenticationData = properties.binary(PropertyId.authenticationData)
  if (authenticationMethod === null && authenticationData !== null) throw protocolError('authentication data without a method')
  return {
    type: PacketType.connect,
    version,
    clean,
    keepAliveSec,
    clientId,
    will,
    username,
    password,
    sessionExpirySec: version === 5 || clean ? properties.number(PropertyId.sessionExpiry, 0) : NEVER_SEC,
    receiveMaximum: properties.number(PropertyId.receiveMaximum, 65_535),
    maximumPacketSize: properties.number(PropertyId.maximumPacketSize, Infinity),
    topicAliasMaximum: properties.number(PropertyId.topicAliasMaximum, 0),
    requestResponseInformation: properties.flag(PropertyId.requestResponseInformation, false),
    requestProblemInformation: properties.flag(PropertyId.requestProblemInformation, true),
    authenticationMethod,
    authenticationData,
    userProperties: properties.userProperties,
    bridge,
  }
}

function checkFlags(flags: number, version: ProtocolVersion): void {
  if ((flags & RESERVED) !== 0) throw malformed('CONNECT has its reserved flag set') // [MQTT-3.1.2-3]
  if ((flags & WILL) === 0 && (flags & WILL_QOS_AND_RETAIN) !== 0) throw malformed('will QoS or RETAIN without a will') // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
  if (willQos(flags) === 3) throw malformed('will has QoS 3') // [MQTT-3.1.2-12]
  if (version !== 5 && (flags & PASSWORD) !== 0 && (flags & USERNAME) === 0) throw malformed('password without user name') // [MQTT3-3.1.2-22]
}

function willQos(flags: number): QoS | 3 {
  return ((flags >> 3) & 3) as QoS | 3
}

function readWill(cursor: Cursor, flags: number, version: ProtocolVersion, topics: TopicTable): Will {
  const { bytes, end } = cursor
  const properties = new MessageProperties('will')
  if (version === 5) cursor.at = properties.read(bytes, cursor.at, end) // [MQTT-3.1.3-10]
  const topicLength = cursor.u16()
  const topicStart = cursor.skip(topicLength)
  const topic = topics.resolve(bytes, topicStart, cursor.at) // [MQTT-3.1.3-11]
  const payloadLength = cursor.u16()
  const payloadStart = cursor.skip(payloadLength)
  const retain = (flags & WILL_RETAIN) !== 0 // [MQTT-3.1.2-14] [MQTT-3.1.2-15]
  const message = new Message(topic, willQos(flags) as QoS, retain, bytes, payloadStart, cursor.at, properties.forwarded, Infinity, null)
  return {
    message: message.detach(), // a will lives as long as its session
    delaySec: properties.delaySec,
    messageExpirySec: properties.expirySec < 0 ? null : properties.expirySec,
  }
}
