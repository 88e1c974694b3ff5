// The properties of MQTT 5.0 (section 2.2.2): identifier, type, and which packets may carry it. Reads those of a control packet;
// a PUBLISH and a will have message-properties.ts, which makes no strings.
//
// Wrong packet, unknown identifier, wrong type: malformed. Twice, or a value out of range: protocol error.
import type { UserProperties } from './packet.ts'
import type { Cursor } from './read.ts'
import { malformed, protocolError, type ProtocolError } from './reason.ts'

export const PropertyId = {
  payloadFormat: 0x01,
  messageExpiry: 0x02,
  contentType: 0x03,
  responseTopic: 0x08,
  correlationData: 0x09,
  subscriptionIdentifier: 0x0b,
  sessionExpiry: 0x11,
  assignedClientId: 0x12,
  serverKeepAlive: 0x13,
  authenticationMethod: 0x15,
  authenticationData: 0x16,
  requestProblemInformation: 0x17,
  willDelay: 0x18,
  requestResponseInformation: 0x19,
  responseInformation: 0x1a,
  serverReference: 0x1c,
  reasonString: 0x1f,
  receiveMaximum: 0x21,
  topicAliasMaximum: 0x22,
  topicAlias: 0x23,
  maximumQos: 0x24,
  retainAvailable: 0x25,
  userProperty: 0x26,
  maximumPacketSize: 0x27,
  wildcardSubscriptionAvailable: 0x28,
  subscriptionIdentifiersAvailable: 0x29,
  sharedSubscriptionAvailable: 0x2a,
} as const

/** Where properties may stand; DISCONNECT differs by who sends it. */
export const Carrier = {
  connect: 1,
  connack: 2,
  /** PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK: all carry the same. */
  acknowledgement: 4,
  subscribe: 8,
  unsubscribe: 16,
  disconnectFromClient: 32,
  disconnectFromServer: 64,
  auth: 128,
} as const

/** `flag` is a byte that is 0 or 1; `some` numbers may not be 0. */
type PropertyType = 'flag' | 'u16' | 'someU16' | 'u32' | 'someU32' | 'someVarint' | 'string' | 'binary' | 'pair'

interface Rule {
  readonly name: string
  readonly type: PropertyType
  readonly carriers: number
}

const { connect, connack, acknowledgement, subscribe, unsubscribe, disconnectFromClient, disconnectFromServer, auth } = Carrier
const everywhere = connect | connack | acknowledgement | subscribe | unsubscribe | disconnectFromClient | disconnectFromServer | auth

const RULES: (Rule | undefined)[] = []
function rule(name: keyof typeof PropertyId, type: PropertyType, carriers: number): void {
  RULES[PropertyId[name]] = { name, type, carriers }
}
rule('subscriptionIdentifier', 'someVarint', subscribe)
rule('sessionExpiry', 'u32', connect | connack | disconnectFromClient) // [MQTT-3.14.2-2]
rule('assignedClientId', 'string', connack)
rule('serverKeepAlive', 'u16', connack)
rule('authenticationMethod', 'string', connect | connack | auth)
rule('authenticationData', 'binary', connect | connack | auth)
rule('requestProblemInformation', 'flag', connect)
rule('requestResponseInformation', 'flag', connect)
rule('responseInformation', 'string', connack)
rule('serverReference', 'string', connack | disconnectFromServer)
rule('reasonString', 'string', connack | acknowledgement | disconnectFromClient | disconnectFromServer | auth)
rule('receiveMaximum', 'someU16', connect | connack)
rule('topicAliasMaximum', 'u16', connect | connack)
rule('maximumQos', 'flag', connack)
rule('retainAvailable', 'flag', connack)
rule('userProperty', 'pair', everywhere)
rule('maximumPacketSize', 'someU32', connect | connack)
rule('wildcardSubscriptionAvailable', 'flag', connack)
rule('subscriptionIdentifiersAvailable', 'flag', connack)
rule('sharedSubscriptionAvailable', 'flag', connack)

/** What one packet carried. Absent properties are null or the default that is asked for. */
export class Properties {
  readonly #values: (number | string | Buffer | undefined)[] = []
  readonly #user: (readonly [string, string])[] = []

  get userProperties(): UserProperties {
    return this.#user
  }

  number<D>(id: number, absent: D): number | D {
    return (this.#values[id] as number | undefined) ?? absent
  }

  flag(id: number, absent: boolean): boolean {
    const value = this.#values[id]
    return value === undefined ? absent : value === 1
  }

  string(id: number): string | null {
    return (this.#values[id] as string | undefined) ?? null
  }

  binary(id: number): Buffer | null {
    return (this.#values[id] as Buffer | undefined) ?? null
  }

  /** Reads Property Length and properties. */
  static read(cursor: Cursor, carrier: number): Properties {
    const properties = new Properties()
    const length = cursor.varint()
    const end = cursor.at + length
    if (length > cursor.left) throw malformed('property length reaches beyond the packet')
    while (cursor.at < end) properties.#readOne(cursor, carrier)
    if (cursor.at > end) throw malformed('property reaches beyond the property length')
    return properties
  }

  #readOne(cursor: Cursor, carrier: number): void {
    const id = cursor.u8()
    const known = RULES[id]
    if (known === undefined || (known.carriers & carrier) === 0) throw notAllowed(id)
    if (known.type === 'pair') {
      this.#user.push([cursor.string(), cursor.string()]) // [MQTT-1.5.7-1]
      return
    }
    if (this.#values[id] !== undefined) throw twice(known.name)
    const value = readValue(cursor, known.type)
    if (known.type === 'flag' && value !== 0 && value !== 1) throw protocolError(`property ${known.name} is neither 0 nor 1`)
    if (known.type.startsWith('some') && value === 0) throw protocolError(`property ${known.name} is 0`)
    this.#values[id] = value
  }
}

function readValue(cursor: Cursor, type: Exclude<PropertyType, 'pair'>): number | string | Buffer {
  switch (type) {
    case 'flag':
      return cursor.u8()
    case 'u16':
    case 'someU16':
      return cursor.u16()
    case 'u32':
    case 'someU32':
      return cursor.u32()
    case 'someVarint':
      return cursor.varint()
    case 'string':
      return cursor.string()
    case 'binary':
      return cursor.binary()
  }
}

export function notAllowed(id: number): ProtocolError {
  return malformed(`property 0x${id.toString(16).padStart(2, '0')} is not allowed here`)
}

export function twice(name: string): ProtocolError {
  return protocolError(`property ${name} stands twice`)
}
