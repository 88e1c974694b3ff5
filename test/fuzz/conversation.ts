// Conversations as well-behaved clients have them, in full: every packet type of the client, all in an order the gateway must accept.
// Topics are few, so that what one connection publishes reaches others; in groups, so that it does not reach all: a run is about
// mistakes, and would otherwise be about a thousand copies of every message.
import { generate, type Packet as Model } from 'mqtt-packet'
import type { ProtocolVersion } from '../../src/mqtt/packet.ts'
import type { Random } from '../unit/mqtt/samples.ts'

const LEVELS = ['a', 'b', 'c', 'dé']
const GROUPS = 40
const ALIASES = 8

interface Talk {
  readonly random: Random
  readonly version: ProtocolVersion
  lastIdentifier: number
  readonly aliases: Map<number, string>
}

const group = (r: Random): string => `fz/${r.int(1, GROUPS)}`
const topic = (r: Random): string => `${group(r)}/${r.pick(LEVELS)}${r.chance() ? `/${r.pick(LEVELS)}` : ''}`
const filter = (r: Random): string => (r.chance(0.01) ? r.pick(['#', '+/#', 'fz/+/a']) : r.pick([`${group(r)}/#`, `${group(r)}/+`, `+/${r.int(1, GROUPS)}/+/a`, topic(r), topic(r)]))

function encode(model: Record<string, unknown>, version: ProtocolVersion): Buffer {
  return generate(model as unknown as Model, { protocolVersion: version })
}

/** CONNECT of a client that nobody has a reason to refuse. */
export function connectPacket(r: Random, version: ProtocolVersion, clientId: string): Buffer {
  const clean = r.chance(0.75)
  const properties = {
    ...(r.chance(0.25) ? { sessionExpiryInterval: r.int(0, 100) } : {}),
    ...(r.chance(0.3) ? { receiveMaximum: r.int(1, 100) } : {}),
    ...(r.chance(0.3) ? { maximumPacketSize: r.int(200, 100_000) } : {}),
    ...(r.chance(0.3) ? { topicAliasMaximum: r.int(0, 10) } : {}),
    ...(r.chance(0.3) ? { requestProblemInformation: r.chance() } : {}),
    ...(r.chance(0.2) ? { userProperties: r.userProperties() } : {}),
  }
  const willProperties = version === 5 ? { properties: r.chance() ? { willDelayInterval: r.int(0, 2), contentType: 'text/plain' } : {} } : {}
  const will = r.chance(0.3) ? { will: { topic: topic(r), payload: r.bytes(20), qos: r.int(0, 2), retain: r.chance(0.3), ...willProperties } } : {}
  return encode(
    { cmd: 'connect', protocolId: version === 3 ? 'MQIsdp' : 'MQTT', protocolVersion: version, clientId, clean, keepalive: r.pick([0, 5, 60, 65_535]), ...will, ...(version === 5 ? { properties } : {}) },
    version,
  )
}

function publish(talk: Talk, qos: 0 | 1 | 2): Buffer[] {
  const { random: r, version } = talk
  const messageId = qos === 0 ? {} : { messageId: ++talk.lastIdentifier }
  let name = topic(r)
  let properties = {}
  if (version === 5) {
    properties = { ...(r.chance(0.3) ? { messageExpiryInterval: r.int(1, 100) } : {}), ...(r.chance(0.3) ? { userProperties: r.userProperties() } : {}), ...(r.chance(0.2) ? { payloadFormatIndicator: false } : {}) }
    const topicAlias = r.int(1, ALIASES)
    if (r.chance(0.2)) {
      properties = { ...properties, topicAlias }
      if (talk.aliases.has(topicAlias) && r.chance()) name = ''
      else talk.aliases.set(topicAlias, name)
    }
  }
  const message = { cmd: 'publish', topic: name, payload: r.bytes(r.chance(0.02) ? 3000 : 40), qos, dup: false, retain: r.chance(0.1), ...messageId, ...(version === 5 ? { properties } : {}) }
  return [encode(message, version), ...(qos === 2 ? [encode({ cmd: 'pubrel', messageId: talk.lastIdentifier }, version)] : [])]
}

const STEPS: readonly ((talk: Talk) => Buffer[])[] = [
  (talk) => publish(talk, 0),
  (talk) => publish(talk, 0),
  (talk) => publish(talk, 1),
  (talk) => publish(talk, 2),
  (talk) => {
    const { random: r, version } = talk
    const options = () => ({ qos: r.int(0, 2), ...(version === 5 ? { nl: r.chance(0.2), rap: r.chance(), rh: r.int(0, 2) } : {}) })
    const subscriptions = Array.from({ length: r.int(1, 3) }, () => (version === 5 && r.chance(0.2) ? { topic: `$share/g/${filter(r)}`, qos: 1 } : { topic: filter(r), ...options() }))
    const properties = version === 5 && r.chance(0.3) ? { properties: { subscriptionIdentifier: r.int(1, 200) } } : {}
    return [encode({ cmd: 'subscribe', messageId: ++talk.lastIdentifier, subscriptions, ...properties }, version)]
  },
  (talk) => [encode({ cmd: 'unsubscribe', messageId: ++talk.lastIdentifier, unsubscriptions: [filter(talk.random), filter(talk.random)] }, talk.version)],
  (talk) => [encode({ cmd: 'pingreq' }, talk.version)],
]

/** From CONNECT to, now and then, DISCONNECT. */
export function conversation(random: Random, version: ProtocolVersion, clientId: string): Buffer[] {
  const talk: Talk = { random, version, lastIdentifier: 0, aliases: new Map() }
  const packets = [connectPacket(random, version, clientId)]
  for (let n = random.int(1, 8); n > 0; n--) packets.push(...random.pick(STEPS)(talk))
  if (random.chance(0.3)) packets.push(encode({ cmd: 'disconnect', ...(version === 5 ? { reasonCode: random.pick([0, 4]) } : {}) }, version))
  return packets
}

/** A client that begins to prove who it is (SCRAM-SHA-256), and what may follow. It knows no password: the gateway refuses it. */
export function authentication(random: Random, clientId: string): Buffer[] {
  const authenticationMethod = random.pick(['SCRAM-SHA-256', 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'K'.repeat(random.int(1, 65_000))])
  const first = random.pick(['n,,n=fuzz,r=fyko+d2lbbFgONRv9qkxdawL', 'n,,n=nobody,r=x', 'y,,n=,r=', 'p=tls-unique,,n=fuzz,r=x', ',,,'])
  const final = random.pick(['c=biws,r=fyko,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'c=biws', '', 'c=biws,r=,p='])
  const data = (text: string): Buffer => (random.chance(0.1) ? random.bytes(40) : Buffer.from(text))
  const auth = (reasonCode: number, text: string): Buffer => encode({ cmd: 'auth', reasonCode, properties: { authenticationMethod, authenticationData: data(text) } }, 5)
  const properties = { authenticationMethod, ...(random.chance(0.9) ? { authenticationData: data(first) } : {}) }
  const connect = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId, clean: true, keepalive: 60, properties }
  return [encode(connect, 5), ...(random.chance(0.8) ? [auth(0x18, final)] : []), ...(random.chance(0.2) ? [auth(random.pick([0x18, 0x19]), first)] : [])]
}
