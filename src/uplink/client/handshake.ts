// CONNECT as an uplink says it, and what a refusal means to the operator.
import type { UplinkConfig } from '../../config/config.ts'
import { encodeConnect } from '../../mqtt/control.ts'
import type { ConnackPacket } from '../../mqtt/packet.ts'

export const ONLINE = 'online'
export const OFFLINE = 'offline'
/** The cloud keeps our session this long while we are away. */
const SESSION_EXPIRY_SEC = 30 * 24 * 3600
export const RECEIVE_MAXIMUM = 100
export const TOPIC_ALIAS_MAXIMUM = 32

/** `receives`: something is subscribed, or may still be. Without it nobody sends us messages at QoS 1 and 2, or by an alias. */
export function connectPacket(config: UplinkConfig, keepAliveSec: number, packetBytesMax: number, receives: boolean): Buffer {
  const { version, clientId, username, password, stateTopic } = config
  const v5 = version === 5
  return encodeConnect(version, {
    clientId,
    clean: false, // what was in flight goes on where it was
    keepAliveSec,
    username,
    password,
    will: stateTopic === null ? null : { topic: stateTopic, payload: OFFLINE, retain: true },
    sessionExpirySec: v5 ? SESSION_EXPIRY_SEC : null,
    receiveMaximum: v5 && receives ? RECEIVE_MAXIMUM : null,
    maximumPacketSize: v5 ? packetBytesMax : null,
    topicAliasMaximum: v5 && receives ? TOPIC_ALIAS_MAXIMUM : null,
  })
}

export function refusalSentence(connack: ConnackPacket, { host, version }: UplinkConfig): string {
  const texts: Record<number, string> =
    version === 5
      ? { 0x84: 'it does not speak MQTT 5 (set version: 4)', 0x85: 'it does not accept this clientId', 0x86: 'wrong username or password', 0x87: 'not authorized' }
      : { 1: 'it does not speak MQTT 3.1.1', 2: 'it does not accept this clientId', 4: 'wrong username or password', 5: 'not authorized' }
  return `${host} refused the connection: ${texts[connack.reason] ?? connack.reasonString ?? `reason ${connack.reason}`}`
}
