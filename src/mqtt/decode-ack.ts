// Packets that are a reason code and properties, both of which MQTT 5.0 lets the sender leave out when they say nothing:
// PUBACK, PUBREC, PUBREL, PUBCOMP (sections 3.4 to 3.7), DISCONNECT (3.14) and AUTH (3.15).
import { PacketType, type AckPacket, type AuthPacket, type DisconnectPacket } from './packet.ts'
import { Carrier, Properties, PropertyId } from './properties.ts'
import type { Cursor } from './read.ts'
import { protocolError, Reason } from './reason.ts'
import { authReasonsOfClient, authReasonsOfServer, checkReason, disconnectReasons, pubackReasons, pubrelReasons } from './reason-sets.ts'

export function readAck(type: AckPacket['type'], cursor: Cursor, v5: boolean): AckPacket {
  const packetIdentifier = cursor.packetIdentifier()
  let reason = 0
  if (v5 && cursor.left > 0) {
    reason = checkReason(type <= PacketType.pubrec ? pubackReasons : pubrelReasons, cursor.u8())
    if (cursor.left > 0) Properties.read(cursor, Carrier.acknowledgement)
  }
  cursor.finish()
  return { type, packetIdentifier, reason }
}

export function readDisconnect(cursor: Cursor, v5: boolean, sender: 'client' | 'server'): DisconnectPacket {
  const reason = v5 && cursor.left > 0 ? checkReason(disconnectReasons, cursor.u8()) : Reason.normalDisconnection
  if (reason === Reason.disconnectWithWill && sender === 'server') throw protocolError('server sent DISCONNECT with reason 0x04')
  if (!v5 || cursor.left === 0) return { type: PacketType.disconnect, reason, sessionExpirySec: null, reasonString: null }
  const properties = Properties.read(cursor, sender === 'client' ? Carrier.disconnectFromClient : Carrier.disconnectFromServer)
  return {
    type: PacketType.disconnect,
    reason,
    sessionExpirySec: properties.number(PropertyId.sessionExpiry, null),
    reasonString: properties.string(PropertyId.reasonString),
  }
}

/** MQTT 5.0 only. */
export function readAuth(cursor: Cursor, sender: 'client' | 'server'): AuthPacket {
  if (cursor.left === 0) return { type: PacketType.auth, reason: Reason.success, authenticationMethod: null, authenticationData: null }
  const reason = checkReason(sender === 'client' ? authReasonsOfClient : authReasonsOfServer, cursor.u8())
  const properties = Properties.read(cursor, Carrier.auth)
  const authenticationMethod = properties.string(PropertyId.authenticationMethod)
  if (authenticationMethod === null) throw protocolError('AUTH has no authentication method')
  return { type: PacketType.auth, reason, authenticationMethod, authenticationData: properties.binary(PropertyId.authenticationData) }
}
