// Packets off the hot path, encoded from options of our own for MQTT 3.1, 3.1.1 and 5.0: CONNECT, CONNACK, SUBSCRIBE, SUBACK,
// UNSUBSCRIBE, UNSUBACK, DISCONNECT, AUTH. What a version has no place for is left out. Strings over 65,535 bytes and packet
// identifiers that are not 1 to 65,535 throw RangeError.
import type { QoS } from '../message.ts'
import { generate, type Model } from './generate.ts'
import type { ProtocolVersion, Subscription, UserProperties } from './packet.ts'
import { Reason } from './reason.ts'

/** null and undefined both leave the property out. */
type Optional<T> = T | null | undefined

export interface WillOptions {
  readonly topic: string
  readonly payload: Buffer | string
  readonly qos?: Optional<QoS>
  readonly retain?: Optional<boolean>
  readonly delaySec?: Optional<number>
  readonly messageExpirySec?: Optional<number>
  readonly contentType?: Optional<string>
  readonly userProperties?: Optional<UserProperties>
}

export interface ConnectOptions {
  readonly clientId: string
  readonly clean: boolean
  readonly keepAliveSec: number
  readonly will?: Optional<WillOptions>
  readonly username?: Optional<string>
  /** Needs a user name, in MQTT 5.0 too: mqtt-packet refuses it without. */
  readonly password?: Optional<Buffer | string>
  /** Sets the top bit of the protocol level in 3.x, as bridges do. */
  readonly bridge?: Optional<boolean>
  readonly sessionExpirySec?: Optional<number>
  readonly receiveMaximum?: Optional<number>
  readonly maximumPacketSize?: Optional<number>
  readonly topicAliasMaximum?: Optional<number>
  readonly requestProblemInformation?: Optional<boolean>
  readonly authenticationMethod?: Optional<string>
  readonly authenticationData?: Optional<Buffer>
  readonly userProperties?: Optional<UserProperties>
}

export interface ConnackOptions {
  /** Reason code of MQTT 5.0; becomes a return code in 3.x. */
  readonly reason: number
  readonly sessionPresent?: Optional<boolean>
  readonly sessionExpirySec?: Optional<number>
  readonly receiveMaximum?: Optional<number>
  readonly maximumPacketSize?: Optional<number>
  readonly assignedClientId?: Optional<string>
  readonly topicAliasMaximum?: Optional<number>
  readonly reasonString?: Optional<string>
  readonly serverKeepAliveSec?: Optional<number>
  readonly authenticationMethod?: Optional<string>
  readonly authenticationData?: Optional<Buffer>
  readonly userProperties?: Optional<UserProperties>
  /** The receiver's Maximum Packet Size: user properties and reason string are dropped to fit it. */
  readonly sizeMax?: Optional<number>
}

export interface SubscribeOptions {
  readonly packetIdentifier: number
  readonly subscriptions: readonly Subscription[]
  /** 0 for none. */
  readonly subscriptionIdentifier?: Optional<number>
}

export interface DisconnectOptions {
  readonly reason: number
  /** From a client only [MQTT-3.14.2-2]. */
  readonly sessionExpirySec?: Optional<number>
  readonly reasonString?: Optional<string>
  readonly serverReference?: Optional<string>
  readonly sizeMax?: Optional<number>
}

export interface AuthOptions {
  readonly reason: number
  readonly authenticationMethod: string
  readonly authenticationData?: Optional<Buffer>
  readonly reasonString?: Optional<string>
  readonly sizeMax?: Optional<number>
}

const PLAIN_DISCONNECT = Buffer.from([0xe0, 0])

export function encodeConnect(version: ProtocolVersion, options: ConnectOptions): Buffer {
  return generate(
    {
      cmd: 'connect',
      protocolId: version === 3 ? 'MQIsdp' : 'MQTT', // [MQTT-3.1.2-1]
      protocolVersion: version,
      ...(options.bridge === true && version !== 5 ? { bridgeMode: true } : {}),
      clean: options.clean,
      keepalive: options.keepAliveSec,
      clientId: options.clientId,
      ...given({ username: options.username, password: asBuffer(options.password), will: options.will && willModel(options.will) }),
      properties: given({
        sessionExpiryInterval: options.sessionExpirySec,
        receiveMaximum: options.receiveMaximum,
        maximumPacketSize: options.maximumPacketSize,
        topicAliasMaximum: options.topicAliasMaximum,
        requestProblemInformation: options.requestProblemInformation,
        authenticationMethod: options.authenticationMethod,
        authenticationData: options.authenticationData,
        userProperties: userModel(options.userProperties),
      }),
    },
    version,
  )
}

function willModel(will: WillOptions) {
  return {
    topic: will.topic,
    payload: will.payload,
    qos: will.qos ?? 0,
    retain: will.retain ?? false,
    properties: given({
      willDelayInterval: will.delaySec,
      messageExpiryInterval: will.messageExpirySec,
      contentType: will.contentType,
      userProperties: userModel(will.userProperties),
    }),
  }
}

export function encodeConnack(version: ProtocolVersion, options: ConnackOptions): Buffer {
  const sessionPresent = options.sessionPresent === true && options.reason === 0 && version !== 3 // [MQTT-3.2.2-6]
  if (version !== 5) return generate({ cmd: 'connack', returnCode: returnCode(options.reason), sessionPresent }, version)
  const properties = given({
    sessionExpiryInterval: options.sessionExpirySec,
    receiveMaximum: options.receiveMaximum,
    maximumPacketSize: options.maximumPacketSize,
    assignedClientIdentifier: options.assignedClientId, // [MQTT-3.1.3-7]
    topicAliasMaximum: options.topicAliasMaximum,
    serverKeepAlive: options.serverKeepAliveSec,
    authenticationMethod: options.authenticationMethod,
    authenticationData: options.authenticationData,
    reasonString: options.reasonString,
    userProperties: userModel(options.userProperties),
  })
  return fitting({ cmd: 'connack', reasonCode: options.reason, sessionPresent, properties }, options.sizeMax) // [MQTT-3.2.2-19] [MQTT-3.2.2-20]
}

/** The return code of MQTT 3.1 and 3.1.1 that says what the reason code does. */
export function returnCode(reason: number): 0 | 1 | 2 | 3 | 4 | 5 {
  switch (reason) {
    case Reason.success:
      return 0
    case Reason.unsupportedProtocolVersion:
      return 1
    case Reason.clientIdentifierNotValid:
      return 2
    case Reason.badUserNameOrPassword:
    case Reason.badAuthenticationMethod:
      return 4
    case Reason.notAuthorized:
      return 5
    default:
      return 3
  }
}

export function encodeSubscribe(version: ProtocolVersion, options: SubscribeOptions): Buffer {
  const subscriptions = options.subscriptions.map((s) => ({
    topic: s.filter,
    qos: s.qos,
    nl: s.noLocal,
    rap: s.retainAsPublished,
    rh: s.retainHandling,
  }))
  const properties = given({ subscriptionIdentifier: options.subscriptionIdentifier || undefined })
  return generate({ cmd: 'subscribe', messageId: options.packetIdentifier, subscriptions, properties }, version)
}

/** One reason per filter, in their order [MQTT-3.8.4-6] [MQTT-3.9.3-1]; every failure is 0x80 in 3.x. */
export function encodeSuback(version: ProtocolVersion, packetIdentifier: number, reasons: readonly number[]): Buffer {
  const granted = reasons.map((reason) => (version !== 5 && reason >= 0x80 ? 0x80 : reason))
  return generate({ cmd: 'suback', messageId: packetIdentifier, granted }, version)
}

export function encodeUnsubscribe(version: ProtocolVersion, packetIdentifier: number, filters: readonly string[]): Buffer {
  return generate({ cmd: 'unsubscribe', messageId: packetIdentifier, unsubscriptions: [...filters] }, version)
}

/** One reason per filter, in their order [MQTT-3.11.3-1]; 3.x has no place for them. */
export function encodeUnsuback(version: ProtocolVersion, packetIdentifier: number, reasons: readonly number[]): Buffer {
  return generate({ cmd: 'unsuback', messageId: packetIdentifier, granted: [...reasons] }, version)
}

/** In 3.x only clients send it, and it says nothing. */
export function encodeDisconnect(version: ProtocolVersion, options: DisconnectOptions): Buffer {
  const properties = given({
    sessionExpiryInterval: options.sessionExpirySec,
    serverReference: options.serverReference,
    reasonString: options.reasonString,
  })
  const silent = options.reason === Reason.normalDisconnection && Object.keys(properties).length === 0
  if (version !== 5 || silent) return PLAIN_DISCONNECT
  return fitting({ cmd: 'disconnect', reasonCode: options.reason, properties }, options.sizeMax) // [MQTT-3.14.2-3]
}

/** MQTT 5.0 only. */
export function encodeAuth(options: AuthOptions): Buffer {
  const properties = given({
    authenticationMethod: options.authenticationMethod,
    authenticationData: options.authenticationData,
    reasonString: options.reasonString,
  })
  return fitting({ cmd: 'auth', reasonCode: options.reason, properties }, options.sizeMax) // [MQTT-3.15.2-2]
}

/** Version 5: drops first user properties, then the reason string when the packet is longer than the receiver takes. */
function fitting(packet: Extract<Model, { cmd: 'connack' | 'disconnect' | 'auth' }>, sizeMax: Optional<number>): Buffer {
  let bytes = generate(packet, 5)
  const properties = packet.properties
  if (properties === undefined || bytes.length <= (sizeMax ?? Infinity)) return bytes
  for (const name of ['userProperties', 'reasonString'] as const) {
    if (bytes.length <= sizeMax!) break
    delete properties[name as keyof typeof properties]
    bytes = generate(packet, 5)
  }
  return bytes
}

/** The members of `members` that have a value. */
function given<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null && value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }
}

function asBuffer(value: Optional<Buffer | string>): Optional<Buffer> {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value
}

/** mqtt-packet's model of user properties: values of one name stand together, so order is kept within a name only. */
function userModel(pairs: Optional<UserProperties>): Record<string, string[]> | undefined {
  if (!pairs || pairs.length === 0) return undefined
  const byName: Record<string, string[]> = Object.create(null)
  for (const [name, value] of pairs) (byName[name] ??= []).push(value)
  return byName
}
