// Packets off the hot path, encoded from options of our own for MQTT 3.1, 3.1.1 and 5.0: CONNECT, CONNACK, SUBSCRIBE, SUBACK,
// UNSUBSCRIBE, UNSUBACK, DISCONNECT, AUTH. What a version has no place for is left out. Strings over 65,535 bytes and packet
// identifiers that are not 1 to 65,535 throw RangeError.
//
// None of them carries user properties of ours, and only CONNACK and DISCONNECT a reason string: there is nothing to put in order, and
// little to leave out for a receiver that takes short packets or has asked for no problem information.
import type { QoS } from '../message.ts'
import { generate, type Model } from './generate.ts'
import type { ProtocolVersion, Subscription } from './packet.ts'
import { varintSize } from './read.ts'
import { type ProtocolError, Reason, UnsupportedProtocol } from './reason.ts'

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
  /** The receiver's Maximum Packet Size: the reason string is dropped to fit it. */
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
}

const PLAIN_DISCONNECT = Buffer.from([0xe0, 0])
/** A reason string is for people. */
const REASON_CHARS_MAX = 200

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
    }),
  }
}

export function encodeConnack(version: ProtocolVersion, options: ConnackOptions): Buffer {
  const sessionPresent = options.sessionPresent === true && options.reason === 0 && version !== 3 // [MQTT-3.2.2-1] [MQTT-3.2.2-6]
  if (version !== 5) {
    const code = returnCode(options.reason)
    if (code === null) throw new RangeError(`no return code says what reason 0x${options.reason.toString(16)} does`)
    return generate({ cmd: 'connack', returnCode: code, sessionPresent }, version)
  }
  const properties = given({
    sessionExpiryInterval: options.sessionExpirySec,
    receiveMaximum: options.receiveMaximum,
    maximumPacketSize: options.maximumPacketSize,
    assignedClientIdentifier: options.assignedClientId, // [MQTT-3.1.3-7]
    topicAliasMaximum: options.topicAliasMaximum,
    serverKeepAlive: options.serverKeepAliveSec,
    authenticationMethod: options.authenticationMethod,
    authenticationData: options.authenticationData,
    reasonString: shortened(options.reasonString),
  })
  // No Response Information, asked for or not [MQTT-3.1.2-28]; no limits of QoS, RETAIN or subscriptions, for there are none [MQTT-3.2.2-9].
  return fitting({ cmd: 'connack', reasonCode: options.reason, sessionPresent, properties }, options.sizeMax) // [MQTT-3.2.2-19] [MQTT-3.2.2-20]
}

/**
 * The CONNACK that refuses a client, in the form that it can read; null when there is none, and the connection is closed without a word:
 * nothing is known of the client, or no return code of 3.x says it [MQTT3-3.1.4-1] [MQTT3-3.2.2-6]. `version` is 0 as long as it is unknown.
 */
export function encodeRefusal(error: ProtocolError, version: 0 | ProtocolVersion, sizeMax: number): Buffer | null {
  const said = error instanceof UnsupportedProtocol ? error.answerVersion : version
  if (said === 0 || (said !== 5 && returnCode(error.reason) === null)) return null
  const reasonString = version === 0 ? null : error.message // who knows what a version to come makes of it
  return encodeConnack(said, { reason: error.reason, reasonString, sizeMax }) // [MQTT-3.2.2-8]
}

/** The return code of MQTT 3.1 and 3.1.1 that says what the reason code does; null when none does. */
export function returnCode(reason: number): 0 | 1 | 2 | 3 | 4 | 5 | null {
  switch (reason) {
    case Reason.success:
      return 0
    case Reason.unsupportedProtocolVersion:
      return 1
    case Reason.clientIdentifierNotValid:
      return 2
    case Reason.serverUnavailable:
    case Reason.serverBusy:
    case Reason.serverShuttingDown:
    case Reason.quotaExceeded:
    case Reason.useAnotherServer:
    case Reason.serverMoved:
    case Reason.connectionRateExceeded:
      return 3
    case Reason.badUserNameOrPassword:
    case Reason.badAuthenticationMethod:
      return 4
    case Reason.notAuthorized:
    case Reason.banned:
      return 5
    default:
      return null
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

/**
 * One reason per filter, in their order [MQTT-3.8.4-6] [MQTT-3.9.3-1]: the granted QoS or a failure [MQTT-3.8.4-7], which is 0x80 in 3.x.
 * The codes are all there is in it [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.1.2-29].
 */
export function encodeSuback(version: ProtocolVersion, packetIdentifier: number, reasons: readonly number[]): Buffer {
  const granted = reasons.map((reason) => (version !== 5 && reason >= 0x80 ? 0x80 : reason))
  return generate({ cmd: 'suback', messageId: packetIdentifier, granted }, version) // [MQTT-2.2.1-6]
}

/** Bytes of a SUBACK or UNSUBACK with so many codes. */
export function subackSize(version: ProtocolVersion, codes: number): number {
  const remaining = (version === 5 ? 3 : 2) + codes
  return 1 + varintSize(remaining) + remaining
}

export function encodeUnsubscribe(version: ProtocolVersion, packetIdentifier: number, filters: readonly string[]): Buffer {
  return generate({ cmd: 'unsubscribe', messageId: packetIdentifier, unsubscriptions: [...filters] }, version)
}

/** One reason per filter, in their order [MQTT-3.11.3-1], and nothing else [MQTT-3.11.2-1] [MQTT-3.11.2-2]; 3.x has no place for them. */
export function encodeUnsuback(version: ProtocolVersion, packetIdentifier: number, reasons: readonly number[]): Buffer {
  return generate({ cmd: 'unsuback', messageId: packetIdentifier, granted: [...reasons] }, version) // [MQTT-2.2.1-6]
}

/** In 3.x only clients send it, and it says nothing. */
export function encodeDisconnect(version: ProtocolVersion, options: DisconnectOptions): Buffer {
  const properties = given({
    sessionExpiryInterval: options.sessionExpirySec,
    serverReference: options.serverReference,
    reasonString: shortened(options.reasonString),
  })
  const silent = options.reason === Reason.normalDisconnection && Object.keys(properties).length === 0
  if (version !== 5 || silent) return PLAIN_DISCONNECT
  return fitting({ cmd: 'disconnect', reasonCode: options.reason, properties }, options.sizeMax) // [MQTT-3.14.2-3] [MQTT-3.14.2-4]
}

/** MQTT 5.0 only. Nothing in it can be left out [MQTT-3.15.2-2] [MQTT-3.15.2-3]. */
export function encodeAuth(options: AuthOptions): Buffer {
  const { reason, authenticationMethod, authenticationData } = options
  return generate({ cmd: 'auth', reasonCode: reason, properties: given({ authenticationMethod, authenticationData }) }, 5)
}

/** Version 5: drops the reason string when the packet is longer than the receiver takes. */
function fitting(packet: Extract<Model, { cmd: 'connack' | 'disconnect' }>, sizeMax: Optional<number>): Buffer {
  const bytes = generate(packet, 5)
  if (packet.properties?.reasonString === undefined || bytes.length <= (sizeMax ?? Infinity)) return bytes
  delete packet.properties.reasonString
  return generate(packet, 5)
}

/** A reason may quote what the client has sent, and with that be longer than any string of the protocol. */
function shortened(reason: Optional<string>): Optional<string> {
  return reason === null || reason === undefined || reason.length <= REASON_CHARS_MAX ? reason : `${reason.slice(0, REASON_CHARS_MAX - 1).toWellFormed()}…`
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
