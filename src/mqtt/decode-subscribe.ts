// SUBSCRIBE (MQTT 5.0 section 3.8) and UNSUBSCRIBE (3.10).
import type { QoS } from '../message.ts'
import { PacketType, type SubscribePacket, type Subscription, type UnsubscribePacket } from './packet.ts'
import { Carrier, Properties, PropertyId } from './properties.ts'
import type { Cursor } from './read.ts'
import { malformed, ProtocolError, protocolError, Reason } from './reason.ts'
import { parseShare, topicFilterProblem } from './topic.ts'

const NO_LOCAL = 0x04
const RETAIN_AS_PUBLISHED = 0x08
const RESERVED = 0xc0
const RESERVED_3 = 0xfc

export function readSubscribe(cursor: Cursor, v5: boolean): SubscribePacket {
  const packetIdentifier = cursor.packetIdentifier()
  const subscriptionIdentifier = v5 ? Properties.read(cursor, Carrier.subscribe).number(PropertyId.subscriptionIdentifier, 0) : 0
  if (cursor.left === 0) throw protocolError('SUBSCRIBE has no topic filter') // [MQTT-3.8.3-2]
  const subscriptions: Subscription[] = []
  while (cursor.left > 0) subscriptions.push(readSubscription(cursor, v5))
  return { type: PacketType.subscribe, packetIdentifier, subscriptions, subscriptionIdentifier }
}

function readSubscription(cursor: Cursor, v5: boolean): Subscription {
  const filter = cursor.string() // [MQTT-3.8.3-1]
  const shared = checkFilter(filter, v5)
  const options = cursor.u8()
  if ((options & (v5 ? RESERVED : RESERVED_3)) !== 0) throw malformed('subscription options have reserved bits set') // [MQTT-3.8.3-5]
  const qos = options & 3
  if (qos === 3) throw v5 ? protocolError('subscription has QoS 3') : malformed('subscription has QoS 3')
  const retainHandling = (options >> 4) & 3
  if (retainHandling === 3) throw protocolError('retain handling is 3')
  const noLocal = (options & NO_LOCAL) !== 0
  if (noLocal && shared) throw protocolError('No Local on a shared subscription') // [MQTT-3.8.3-4]
  return {
    filter,
    qos: qos as QoS,
    noLocal,
    retainAsPublished: (options & RETAIN_AS_PUBLISHED) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  }
}

export function readUnsubscribe(cursor: Cursor, v5: boolean): UnsubscribePacket {
  const packetIdentifier = cursor.packetIdentifier()
  if (v5) Properties.read(cursor, Carrier.unsubscribe)
  if (cursor.left === 0) throw protocolError('UNSUBSCRIBE has no topic filter') // [MQTT-3.10.3-2]
  const filters: string[] = []
  while (cursor.left > 0) {
    const filter = cursor.string() // [MQTT-3.10.3-1]
    checkFilter(filter, v5)
    filters.push(filter)
  }
  return { type: PacketType.unsubscribe, packetIdentifier, filters }
}

/** Throws unless `filter` is valid; returns whether it is a shared subscription's. */
function checkFilter(filter: string, v5: boolean): boolean {
  const share = parseShare(filter) // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
  const problem = topicFilterProblem(share === null ? filter : share.filter) // [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1]
  if (problem === null) return share !== null
  throw new ProtocolError(v5 ? Reason.topicFilterInvalid : Reason.malformedPacket, `topic filter "${filter}" is not valid: ${problem}`)
}
