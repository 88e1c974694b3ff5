// What a server answers to a client's requests: CONNACK (MQTT 5.0 section 3.2), SUBACK (3.9), UNSUBACK (3.11).
import { PacketType, type ConnackPacket, type ProtocolVersion, type SubackPacket } from './packet.ts'
import { Carrier, Properties, PropertyId } from './properties.ts'
import type { Cursor } from './read.ts'
import { malformed, protocolError, Reason } from './reason.ts'
import { checkReason, connackReasons, subackCodes3, subackReasons, unsubackReasons } from './reason-sets.ts'

/** Return codes 1 to 5 of MQTT 3.1 and 3.1.1 as reason codes. */
const REASON_OF_RETURN_CODE: readonly number[] = [
  Reason.success,
  Reason.unsupportedProtocolVersion,
  Reason.clientIdentifierNotValid,
  Reason.serverUnavailable,
  Reason.badUserNameOrPassword,
  Reason.notAuthorized,
]

export function readConnack(cursor: Cursor, version: 0 | ProtocolVersion): ConnackPacket {
  const flags = cursor.u8()
  if (flags > 1 && version !== 3) throw malformed('CONNACK has reserved flags') // [MQTT-3.2.2-1]
  const sessionPresent = flags === 1 && version !== 3 // 3.1 has no such flag
  const code = cursor.u8()
  if (sessionPresent && code !== 0) throw protocolError('CONNACK that refuses has session present') // [MQTT-3.2.2-6]
  if (version !== 5) return connack(sessionPresent, checkReturnCode(code), new Properties())
  // A server of MQTT 3.1.1 refuses version 5 in its own format, without properties.
  if (cursor.left === 0 && code > 0 && code < 6) return connack(false, REASON_OF_RETURN_CODE[code]!, new Properties())
  checkReason(connackReasons, code)
  const properties = Properties.read(cursor, Carrier.connack)
  if (properties.string(PropertyId.authenticationMethod) === null && properties.binary(PropertyId.authenticationData) !== null) {
    throw protocolError('CONNACK has authentication data without a method')
  }
  return connack(sessionPresent, code, properties)
}

function checkReturnCode(code: number): number {
  if (code > 5) throw protocolError(`CONNACK has return code ${code}`)
  return code
}

function connack(sessionPresent: boolean, reason: number, properties: Properties): ConnackPacket {
  return {
    type: PacketType.connack,
    sessionPresent,
    reason,
    sessionExpirySec: properties.number(PropertyId.sessionExpiry, null),
    receiveMaximum: properties.number(PropertyId.receiveMaximum, 65_535),
    maximumQos: properties.number(PropertyId.maximumQos, 2) as 0 | 1 | 2,
    retainAvailable: properties.flag(PropertyId.retainAvailable, true),
    maximumPacketSize: properties.number(PropertyId.maximumPacketSize, Infinity),
    assignedClientId: properties.string(PropertyId.assignedClientId),
    topicAliasMaximum: properties.number(PropertyId.topicAliasMaximum, 0),
    reasonString: properties.string(PropertyId.reasonString),
    serverKeepAliveSec: properties.number(PropertyId.serverKeepAlive, null),
    wildcardSubscriptionAvailable: properties.flag(PropertyId.wildcardSubscriptionAvailable, true),
    sharedSubscriptionAvailable: properties.flag(PropertyId.sharedSubscriptionAvailable, true),
  }
}

export function readSuback(cursor: Cursor, v5: boolean): SubackPacket {
  const packetIdentifier = cursor.packetIdentifier()
  if (v5) Properties.read(cursor, Carrier.acknowledgement)
  return { type: PacketType.suback, packetIdentifier, reasons: readReasons(cursor, v5 ? subackReasons : subackCodes3) }
}

/** In MQTT 3.1 and 3.1.1 an UNSUBACK has no reasons. */
export function readUnsuback(cursor: Cursor, v5: boolean): SubackPacket {
  const packetIdentifier = cursor.packetIdentifier()
  if (!v5) return { type: PacketType.unsuback, packetIdentifier, reasons: [] }
  Properties.read(cursor, Carrier.acknowledgement)
  return { type: PacketType.unsuback, packetIdentifier, reasons: readReasons(cursor, unsubackReasons) }
}

function readReasons(cursor: Cursor, allowed: ReadonlySet<number>): number[] {
  if (cursor.left === 0) throw malformed('no reason codes')
  const reasons: number[] = []
  while (cursor.left > 0) reasons.push(checkReason(allowed, cursor.u8()))
  return reasons
}
