// The packets as the rest of the house sees them. mqtt-packet's model is the pattern for names; what differs is strictness:
// a decoded packet is complete and valid, or decoding has thrown.
import type { Message, QoS } from '../message.ts'
import type { LimitExceeded } from './reason.ts'

/** Protocol level on the wire: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0. */
export type ProtocolVersion = 3 | 4 | 5

export const PacketType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const

/** Name and value, in the order of the wire [MQTT-3.3.2-18]. */
export type UserProperties = readonly (readonly [string, string])[]

export interface Will {
  /** Holds topic, payload, QoS, RETAIN and forwardable properties. expiresAtMs counts from publication, so it is Infinity here. */
  readonly message: Message
  readonly delaySec: number
  /** Message Expiry Interval of the will, or null. */
  readonly messageExpirySec: number | null
}

export interface ConnectPacket {
  readonly type: 1
  readonly version: ProtocolVersion
  readonly clean: boolean
  readonly keepAliveSec: number
  readonly clientId: string
  readonly will: Will | null
  readonly username: string | null
  readonly password: Buffer | null
  /** 3.x: 0 when clean, 0xffffffff (never) otherwise. */
  readonly sessionExpirySec: number
  readonly receiveMaximum: number
  /** Infinity when the client sets none. */
  readonly maximumPacketSize: number
  readonly topicAliasMaximum: number
  readonly requestResponseInformation: boolean
  readonly requestProblemInformation: boolean
  readonly authenticationMethod: string | null
  readonly authenticationData: Buffer | null
  readonly userProperties: UserProperties
  /** Mosquitto and Sandpiper bridges set the top bit of the version in 3.x: no special treatment, only known. */
  readonly bridge: boolean
}

export interface ConnackPacket {
  readonly type: 2
  readonly sessionPresent: boolean
  /** v5 reason code, or the 3.x return code 0..5. */
  readonly reason: number
  readonly sessionExpirySec: number | null
  readonly receiveMaximum: number
  readonly maximumQos: QoS
  readonly retainAvailable: boolean
  readonly maximumPacketSize: number
  readonly assignedClientId: string | null
  readonly topicAliasMaximum: number
  readonly reasonString: string | null
  readonly serverKeepAliveSec: number | null
  readonly wildcardSubscriptionAvailable: boolean
  readonly sharedSubscriptionAvailable: boolean
}

export interface PublishPacket {
  readonly type: 3
  readonly dup: boolean
  /** 0 at QoS 0. */
  readonly packetIdentifier: number
  readonly message: Message
}

/** A well-formed PUBLISH of 5.0 at QoS 1 or 2 whose topic is beyond a limit: its sender can be told, and goes on. */
export interface RefusedPublishPacket {
  readonly type: 0
  readonly qos: 1 | 2
  readonly packetIdentifier: number
  readonly why: LimitExceeded
}

/** PUBACK 4, PUBREC 5, PUBREL 6, PUBCOMP 7. */
export interface AckPacket {
  readonly type: 4 | 5 | 6 | 7
  readonly packetIdentifier: number
  readonly reason: number
}

export interface Subscription {
  readonly filter: string
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** 0 send retained messages, 1 only for a new subscription, 2 never. */
  readonly retainHandling: 0 | 1 | 2
}

export interface SubscribePacket {
  readonly type: 8
  readonly packetIdentifier: number
  readonly subscriptions: readonly Subscription[]
  /** 0 when the client gave none. */
  readonly subscriptionIdentifier: number
}

export interface SubackPacket {
  readonly type: 9 | 11
  readonly packetIdentifier: number
  readonly reasons: readonly number[]
}

export interface UnsubscribePacket {
  readonly type: 10
  readonly packetIdentifier: number
  readonly filters: readonly string[]
}

export interface PingPacket {
  readonly type: 12 | 13
}

export interface DisconnectPacket {
  readonly type: 14
  readonly reason: number
  readonly sessionExpirySec: number | null
  readonly reasonString: string | null
}

export interface AuthPacket {
  readonly type: 15
  readonly reason: number
  readonly authenticationMethod: string | null
  readonly authenticationData: Buffer | null
}

export type Packet =
  | ConnectPacket
  | ConnackPacket
  | PublishPacket
  | RefusedPublishPacket
  | AckPacket
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | PingPacket
  | DisconnectPacket
  | AuthPacket
