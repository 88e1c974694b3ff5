// CONNACK for a client that is let in (MQTT 5.0 section 3.2), and what it says of the limits that the client has to keep.
import type { ListenerLimits } from '../config/config.ts'
import { encodeConnack } from '../mqtt/control.ts'
import type { ConnectPacket } from '../mqtt/packet.ts'
import { LimitExceeded, Reason } from '../mqtt/reason.ts'

/** What was decided for this client. */
export interface Welcome {
  readonly sessionPresent: boolean
  readonly assignedClientId: string | null
  readonly sessionExpirySec: number
  /** Authentication data: the proof that we know the secret too. */
  readonly proof: Buffer | null
}

/** As long as those that sessions are given. */
const ASSIGNED_CLIENT_ID = 'auto-00000000-0000-0000-0000-000000000000'

/**
 * Seconds; 0 for no limit. A 5.0 client gets the maximum when it asks for more or for none. One of 3.x cannot be told, and would be cut off
 * by a rule it does not know: it gets what it asks for.
 */
export function keepAliveSecOf({ version, keepAliveSec }: ConnectPacket, { keepAliveSecMax }: ListenerLimits): number {
  if (version !== 5 || keepAliveSecMax === Infinity) return keepAliveSec
  return keepAliveSec === 0 ? keepAliveSecMax : Math.min(keepAliveSec, keepAliveSecMax)
}

export function encodeWelcome(connect: ConnectPacket, limits: ListenerLimits, { sessionPresent, assignedClientId, sessionExpirySec, proof }: Welcome): Buffer {
  const keepAliveSec = keepAliveSecOf(connect, limits)
  return encodeConnack(connect.version, {
    reason: Reason.success, // [MQTT-3.1.4-5]
    sessionPresent,
    assignedClientId,
    sessionExpirySec: sessionExpirySec === connect.sessionExpirySec ? null : sessionExpirySec,
    receiveMaximum: limits.receiveMaximum,
    maximumPacketSize: limits.packetBytesMax,
    topicAliasMaximum: limits.topicAliasMaximum,
    serverKeepAliveSec: keepAliveSec === connect.keepAliveSec ? null : keepAliveSec, // [MQTT-3.2.2-21] [MQTT-3.2.2-22]
    authenticationMethod: connect.authenticationMethod, // [MQTT-4.12.0-5] [MQTT-4.12.0-6]
    authenticationData: proof,
  })
}

/**
 * Throws when the longest CONNACK the client may get is longer than it takes [MQTT-3.1.2-24]: nothing in it can be left out, so the client
 * is refused before its session is touched.
 */
export function checkRoomForWelcome(connect: ConnectPacket, limits: ListenerLimits, proof: Buffer | null): void {
  const { maximumPacketSize, clientId, sessionExpirySec } = connect
  if (maximumPacketSize === Infinity) return
  const assignedClientId = clientId === '' ? ASSIGNED_CLIENT_ID : null
  const shortened = Math.max(0, sessionExpirySec - 1) // another than asked for has to be told
  const longest = encodeWelcome(connect, limits, { sessionPresent: false, assignedClientId, sessionExpirySec: shortened, proof })
  if (longest.length <= maximumPacketSize) return
  throw new LimitExceeded('refusedAnswerSize', Reason.packetTooLarge, `CONNACK may have ${longest.length} bytes; the client takes ${maximumPacketSize}`)
}
