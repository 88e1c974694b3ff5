// Random valid packets in mqtt-packet's model, from a seed: the same seed gives the same packets.
import { generate, parser, type Packet as Model } from 'mqtt-packet'
import type { ProtocolVersion } from '../../../src/mqtt/packet.ts'

/** mulberry32: small, seeded, good enough to spread tests. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** 0 <= n < 1 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** low <= n <= high */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(p = 0.5): boolean {
    return this.next() < p
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)]!
  }

  bytes(lengthMax: number): Buffer {
    return Buffer.from(Array.from({ length: this.int(0, lengthMax) }, () => this.int(0, 255)))
  }

  text(lengthMin = 0, lengthMax = 12): string {
    return Array.from({ length: this.int(lengthMin, lengthMax) }, () => this.pick([...'abcXYZ019 -_äß€漢字😀\ufeff'])).join('')
  }

  topic(): string {
    return Array.from({ length: this.int(1, 4) }, () => this.text(1, 8)).join('/')
  }

  filter(): string {
    const levels = Array.from({ length: this.int(1, 4) }, () => (this.chance(0.3) ? '+' : this.text(1, 8)))
    if (this.chance(0.3)) levels.push('#')
    return levels.join('/')
  }

  identifier(): number {
    return this.chance(0.1) ? 65_535 : this.int(1, 65_535)
  }

  /** A random choice of the members; each value is made only when it is taken. */
  some(members: Record<string, () => unknown>): Record<string, unknown> {
    const taken: Record<string, unknown> = {}
    for (const [name, make] of Object.entries(members)) if (this.chance(0.4)) taken[name] = make()
    return taken
  }

  userProperties(): Record<string, string | string[]> {
    const user: Record<string, string | string[]> = {}
    for (let n = this.int(1, 3); n > 0; n--) user[this.text(1, 6)] = this.chance(0.3) ? [this.text(1), this.text(1)] : this.text(1)
    return user
  }
}

const FORWARDED = (r: Random) => ({
  payloadFormatIndicator: () => r.chance(),
  contentType: () => r.text(),
  responseTopic: () => r.topic(),
  correlationData: () => r.bytes(10),
  userProperties: () => r.userProperties(),
})

function payload(r: Random): Buffer {
  return r.bytes(r.chance(0.02) ? 20_000 : r.chance(0.2) ? 400 : 40)
}

type Make = (r: Random, version: ProtocolVersion) => Record<string, unknown>

const ACK_REASONS = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]

function ack(cmd: string, reasons: readonly number[]): Make {
  return (r, version) => ({
    cmd,
    messageId: r.identifier(),
    ...(version === 5 ? { reasonCode: r.pick(reasons) } : {}),
    ...(version === 5 && r.chance(0.3) ? { properties: r.some({ reasonString: () => r.text(), userProperties: () => r.userProperties() }) } : {}),
  })
}

function publish(r: Random, version: ProtocolVersion, extra: Record<string, () => unknown>): Record<string, unknown> {
  const qos = r.pick([0, 0, 1, 2])
  return {
    cmd: 'publish',
    topic: r.topic(),
    payload: payload(r),
    qos,
    retain: r.chance(0.3),
    dup: qos > 0 && r.chance(0.3),
    ...(qos > 0 ? { messageId: r.identifier() } : {}),
    ...(version === 5 ? { properties: shuffled(r, r.some({ ...FORWARDED(r), messageExpiryInterval: () => r.int(0, 100_000), ...extra })) } : {}),
  }
}

function shuffled(r: Random, members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members)
      .map((entry) => ({ entry, key: r.next() }))
      .sort((a, b) => a.key - b.key)
      .map(({ entry }) => entry),
  )
}

/** What clients send, CONNECT left out. */
export const FROM_CLIENT: Readonly<Record<string, Make>> = {
  publish: (r, version) => publish(r, version, { topicAlias: () => r.int(1, 16) }),
  puback: ack('puback', ACK_REASONS),
  pubrec: ack('pubrec', ACK_REASONS),
  pubrel: ack('pubrel', [0x00, 0x92]),
  pubcomp: ack('pubcomp', [0x00, 0x92]),
  subscribe: (r, version) => ({
    cmd: 'subscribe',
    messageId: r.identifier(),
    subscriptions: Array.from({ length: r.int(1, 4) }, () => ({
      topic: r.filter(),
      qos: r.int(0, 2),
      ...(version === 5 ? { nl: r.chance(), rap: r.chance(), rh: r.int(0, 2) } : {}),
    })),
    ...(version === 5
      ? { properties: r.some({ subscriptionIdentifier: () => r.pick([1, 127, 128, 16_383, 16_384, 268_435_455]), userProperties: () => r.userProperties() }) }
      : {}),
  }),
  unsubscribe: (r, version) => ({
    cmd: 'unsubscribe',
    messageId: r.identifier(),
    unsubscriptions: Array.from({ length: r.int(1, 4) }, () => r.filter()),
    ...(version === 5 ? { properties: r.some({ userProperties: () => r.userProperties() }) } : {}),
  }),
  pingreq: () => ({ cmd: 'pingreq' }),
  disconnect: (r, version) => ({
    cmd: 'disconnect',
    ...(version === 5
      ? {
          reasonCode: r.pick([0x00, 0x04, 0x80, 0x81, 0x95]),
          properties: r.some({ sessionExpiryInterval: () => r.int(0, 0xffffffff), reasonString: () => r.text(), userProperties: () => r.userProperties() }),
        }
      : {}),
  }),
  auth: (r, version) =>
    version !== 5
      ? { cmd: 'pingreq' }
      : { cmd: 'auth', reasonCode: r.pick([0x18, 0x19]), properties: { authenticationMethod: r.text(), ...r.some({ authenticationData: () => r.bytes(20) }) } },
}

/** What servers send. */
export const FROM_SERVER: Readonly<Record<string, Make>> = {
  connack: (r, version) => ({
    cmd: 'connack',
    sessionPresent: false,
    ...(version === 5
      ? {
          reasonCode: r.pick([0x00, 0x80, 0x84, 0x87, 0x8c, 0x9f]),
          properties: r.some({
            sessionExpiryInterval: () => r.int(0, 0xffffffff),
            receiveMaximum: () => r.int(1, 65_535),
            maximumQoS: () => r.int(0, 1),
            retainAvailable: () => r.chance(),
            maximumPacketSize: () => r.int(1, 0xffffffff),
            assignedClientIdentifier: () => r.text(),
            topicAliasMaximum: () => r.int(0, 65_535),
            reasonString: () => r.text(),
            userProperties: () => r.userProperties(),
            wildcardSubscriptionAvailable: () => r.chance(),
            subscriptionIdentifiersAvailable: () => r.chance(),
            sharedSubscriptionAvailable: () => r.chance(),
            serverKeepAlive: () => r.int(0, 65_535),
            responseInformation: () => r.text(),
            serverReference: () => r.text(),
          }),
        }
      : { returnCode: r.int(0, 5) }),
  }),
  publish: (r, version) =>
    publish(r, version, { subscriptionIdentifier: () => (r.chance() ? r.int(1, 200) : [r.int(1, 200), r.int(1, 268_435_455)]) }),
  puback: FROM_CLIENT.puback!,
  pubrec: FROM_CLIENT.pubrec!,
  pubrel: FROM_CLIENT.pubrel!,
  pubcomp: FROM_CLIENT.pubcomp!,
  suback: (r, version) => ({
    cmd: 'suback',
    messageId: r.identifier(),
    granted: Array.from({ length: r.int(1, 5) }, () => r.pick(version === 5 ? [0, 1, 2, 0x80, 0x87, 0x8f, 0x9e, 0xa2] : [0, 1, 2, 0x80])),
    ...(version === 5 ? { properties: r.some({ reasonString: () => r.text(), userProperties: () => r.userProperties() }) } : {}),
  }),
  unsuback: (r, version) => ({
    cmd: 'unsuback',
    messageId: r.identifier(),
    ...(version === 5 ? { granted: Array.from({ length: r.int(1, 5) }, () => r.pick([0, 0x11, 0x80, 0x87, 0x8f])), properties: {} } : {}),
  }),
  pingresp: () => ({ cmd: 'pingresp' }),
}

export function connect(r: Random, version: ProtocolVersion): Record<string, unknown> {
  const clean = r.chance()
  const username = r.chance() ? r.text() : undefined
  const clientId = version !== 3 && clean ? r.text() : r.text(1) // mqtt-packet asks for one without clean start in 5.0 too
  const properties = r.some({
    sessionExpiryInterval: () => r.int(0, 0xffffffff),
    receiveMaximum: () => r.int(1, 65_535),
    maximumPacketSize: () => r.int(1, 0xffffffff),
    topicAliasMaximum: () => r.int(0, 65_535),
    requestResponseInformation: () => r.chance(),
    requestProblemInformation: () => r.chance(),
    userProperties: () => r.userProperties(),
    authenticationMethod: () => r.text(1),
  })
  if (properties.authenticationMethod !== undefined && r.chance()) properties.authenticationData = r.bytes(10)
  const willProperties = r.some({ ...FORWARDED(r), willDelayInterval: () => r.int(0, 1000), messageExpiryInterval: () => r.int(0, 1000) })
  const will = { topic: r.topic(), payload: r.bytes(60), qos: r.int(0, 2), retain: r.chance(), ...(version === 5 ? { properties: willProperties } : {}) }
  return {
    cmd: 'connect',
    protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
    protocolVersion: version,
    ...(version !== 5 && r.chance(0.2) ? { bridgeMode: true } : {}),
    clean,
    clientId,
    keepalive: r.int(0, 65_535),
    ...(r.chance() ? { will } : {}),
    ...(username === undefined ? {} : { username, ...(r.chance() ? { password: r.bytes(20) } : {}) }),
    ...(version === 5 ? { properties } : {}),
  }
}

export function encodeModel(model: Record<string, unknown>, version: ProtocolVersion): Buffer {
  return generate(model as unknown as Model, { protocolVersion: version })
}

/** What mqtt-packet makes of the bytes; throws its error. */
export function parseModels(bytes: Buffer, version: ProtocolVersion): Record<string, unknown>[] {
  const models: Record<string, unknown>[] = []
  const p = parser({ protocolVersion: version })
  p.on('packet', (packet) => models.push(packet as unknown as Record<string, unknown>))
  p.on('error', (error) => {
    throw error
  })
  if (p.parse(bytes) !== 0) throw new Error('bytes are left over')
  return models
}
