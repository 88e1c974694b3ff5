// The decoder against mqtt-packet: what that generates, ours reads, field by field and however the stream is cut.
import { describe, expect, test } from 'vitest'
import { Decoder } from '../../../src/mqtt/decode.ts'
import type { Packet, ProtocolVersion, PublishPacket } from '../../../src/mqtt/packet.ts'
import { TopicTable } from '../../../src/mqtt/topic.ts'
import { bytesOf } from './malformed.ts'
import { connect, encodeModel, FROM_CLIENT, FROM_SERVER, Random } from './samples.ts'

const NOW_MS = 5000
const PER_TYPE = 150
const VERSIONS = [3, 4, 5] as const

function makeDecoder(role: 'server' | 'client', topics = new TopicTable()): Decoder {
  return new Decoder({ role, topics, packetBytesMax: 1 << 20, connectBytesMax: 65_536, topicAliasMaximum: 16 })
}

/** A server's decoder that has accepted a CONNECT. */
function connected(version: ProtocolVersion): Decoder {
  const decoder = makeDecoder('server')
  decoder.push(encodeModel({ cmd: 'connect', protocolId: version === 3 ? 'MQIsdp' : 'MQTT', protocolVersion: version, clientId: 'c' }, version))
  expect(decoder.next(NOW_MS)).toMatchObject({ type: 1, version })
  return decoder
}

function decoderOf(role: 'server' | 'client', version: ProtocolVersion): Decoder {
  if (role === 'server') return connected(version)
  const decoder = makeDecoder('client')
  decoder.version = version
  return decoder
}

function drain(decoder: Decoder, into: Packet[] = []): Packet[] {
  for (let packet = decoder.next(NOW_MS); packet !== null; packet = decoder.next(NOW_MS)) into.push(packet)
  return into
}

function one(decoder: Decoder, bytes: Buffer): Packet {
  decoder.push(bytes)
  const packets = drain(decoder)
  expect(packets).toHaveLength(1)
  return packets[0]!
}

type Model = Record<string, unknown> & { properties?: Record<string, unknown> }

/** The properties as bytes without their length, from a PUBLISH that has only them. */
function propertyBytes(properties: Record<string, unknown>, left: readonly string[]): string | null {
  const kept = Object.fromEntries(Object.entries(properties).filter(([name]) => !left.includes(name)))
  const bytes = encodeModel({ cmd: 'publish', topic: 't', payload: '', qos: 0, properties: kept }, 5)
  const headerBytes = bytes[1]! < 128 ? 2 : 3
  const lengthBytes = bytes[headerBytes + 3]! < 128 ? 1 : 2
  const found = bytes.subarray(headerBytes + 3 + lengthBytes)
  return found.length === 0 ? null : found.toString('hex')
}

const HOP_ONLY = ['topicAlias', 'messageExpiryInterval', 'subscriptionIdentifier', 'willDelayInterval']

function pairsOf(user: unknown): [string, string][] {
  return Object.entries((user ?? {}) as Record<string, string | string[]>).flatMap(([name, value]) => [value].flat().map((v): [string, string] => [name, v]))
}

/** A packet with its message as plain values. */
function plain(packet: Packet): Record<string, unknown> {
  if (packet.type === 3) return { ...packet, message: plainMessage(packet.message) }
  if (packet.type === 1 && packet.will !== null) return { ...packet, will: { ...packet.will, message: plainMessage(packet.will.message) } }
  return { ...packet }
}

function plainMessage(m: PublishPacket['message']): Record<string, unknown> {
  return {
    topic: m.topic.name,
    topicBytes: m.topic.bytes.toString(),
    qos: m.qos,
    retain: m.retain,
    payload: m.payload.toString('hex'),
    properties: m.properties?.toString('hex') ?? null,
    expiresAtMs: m.expiresAtMs,
    wire: m.wireVersion === 0 ? null : m.bytes.subarray(m.wireStart, m.wireEnd).toString('hex'),
    wireVersion: m.wireVersion,
  }
}

function expectedMessage(model: Model, bytes: Buffer | null, version: ProtocolVersion, expiresAtMs: number): Record<string, unknown> {
  const properties = model.properties ?? {}
  const hopOnly = Object.keys(properties).some((name) => HOP_ONLY.includes(name))
  const wire = bytes !== null && (bytes[0]! & 1) === 0 && !hopOnly
  return {
    topic: model.topic,
    topicBytes: model.topic,
    qos: model.qos,
    retain: model.retain,
    payload: (model.payload as Buffer).toString('hex'),
    properties: version === 5 ? propertyBytes(properties, HOP_ONLY) : null,
    expiresAtMs,
    wire: wire ? bytes.toString('hex') : null,
    wireVersion: !wire ? 0 : version === 5 ? 5 : 4,
  }
}

/** What our decoder should say about a packet of mqtt-packet's model. */
function expected(model: Model, bytes: Buffer, version: ProtocolVersion): Record<string, unknown> {
  const p = model.properties ?? {}
  const packetIdentifier = model.messageId
  switch (model.cmd) {
    case 'publish': {
      const expiry = p.messageExpiryInterval as number | undefined
      const expiresAtMs = expiry === undefined ? Infinity : NOW_MS + expiry * 1000
      return { type: 3, dup: model.dup, packetIdentifier: packetIdentifier ?? 0, message: expectedMessage(model, bytes, version, expiresAtMs) }
    }
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return { type: 4 + ['puback', 'pubrec', 'pubrel', 'pubcomp'].indexOf(model.cmd), packetIdentifier, reason: model.reasonCode ?? 0 }
    case 'subscribe': {
      const subscriptions = (model.subscriptions as Record<string, unknown>[]).map((s) => ({
        filter: s.topic,
        qos: s.qos,
        noLocal: s.nl ?? false,
        retainAsPublished: s.rap ?? false,
        retainHandling: s.rh ?? 0,
      }))
      return { type: 8, packetIdentifier, subscriptions, subscriptionIdentifier: p.subscriptionIdentifier ?? 0 }
    }
    case 'suback':
      return { type: 9, packetIdentifier, reasons: model.granted }
    case 'unsubscribe':
      return { type: 10, packetIdentifier, filters: model.unsubscriptions }
    case 'unsuback':
      return { type: 11, packetIdentifier, reasons: model.granted ?? [] }
    case 'pingreq':
      return { type: 12 }
    case 'pingresp':
      return { type: 13 }
    case 'disconnect':
      return { type: 14, reason: model.reasonCode ?? 0, sessionExpirySec: p.sessionExpiryInterval ?? null, reasonString: p.reasonString ?? null }
    case 'auth':
      return { type: 15, reason: model.reasonCode, authenticationMethod: p.authenticationMethod, authenticationData: p.authenticationData ?? null }
    case 'connack':
      return {
        type: 2,
        sessionPresent: model.sessionPresent,
        reason: model.reasonCode ?? model.returnCode,
        sessionExpirySec: p.sessionExpiryInterval ?? null,
        receiveMaximum: p.receiveMaximum ?? 65_535,
        maximumQos: p.maximumQoS ?? 2,
        retainAvailable: p.retainAvailable ?? true,
        maximumPacketSize: p.maximumPacketSize ?? Infinity,
        assignedClientId: p.assignedClientIdentifier ?? null,
        topicAliasMaximum: p.topicAliasMaximum ?? 0,
        reasonString: p.reasonString ?? null,
        serverKeepAliveSec: p.serverKeepAlive ?? null,
        wildcardSubscriptionAvailable: p.wildcardSubscriptionAvailable ?? true,
        sharedSubscriptionAvailable: p.sharedSubscriptionAvailable ?? true,
      }
    case 'connect': {
      const will = model.will as Model | undefined
      return {
        type: 1,
        version,
        clean: model.clean,
        keepAliveSec: model.keepalive,
        clientId: model.clientId,
        will: will
          ? {
              message: expectedMessage(will, null, version, Infinity),
              delaySec: will.properties?.willDelayInterval ?? 0,
              messageExpirySec: will.properties?.messageExpiryInterval ?? null,
            }
          : null,
        username: model.username ?? null,
        password: model.password ?? null,
        sessionExpirySec: version === 5 ? (p.sessionExpiryInterval ?? 0) : model.clean ? 0 : 0xffffffff,
        receiveMaximum: p.receiveMaximum ?? 65_535,
        maximumPacketSize: p.maximumPacketSize ?? Infinity,
        topicAliasMaximum: p.topicAliasMaximum ?? 0,
        requestResponseInformation: p.requestResponseInformation ?? false,
        requestProblemInformation: p.requestProblemInformation ?? true,
        authenticationMethod: p.authenticationMethod ?? null,
        authenticationData: p.authenticationData ?? null,
        userProperties: pairsOf(p.userProperties),
        bridge: model.bridgeMode ?? false,
      }
    }
  }
  throw new Error(`no expectation for ${String(model.cmd)}`)
}

describe.each(VERSIONS)('version %i reads what mqtt-packet writes', (version) => {
  test('CONNECT', () => {
    const random = new Random(version)
    for (let i = 0; i < PER_TYPE; i++) {
      const model = connect(random, version)
      const bytes = encodeModel(model, version)
      const decoder = makeDecoder('server')
      expect(plain(one(decoder, bytes))).toEqual(expected(model, bytes, version))
      expect(decoder.version).toBe(version)
    }
  })

  test.each(Object.keys(FROM_CLIENT))('%s from a client', (type) => {
    const random = new Random(version * 100)
    const decoder = connected(version)
    for (let i = 0; i < PER_TYPE; i++) {
      const model = FROM_CLIENT[type]!(random, version)
      const bytes = encodeModel(model, version)
      expect(plain(one(decoder, bytes))).toEqual(expected(model, bytes, version))
    }
  })

  test.each(Object.keys(FROM_SERVER))('%s from a server', (type) => {
    const random = new Random(version * 1000)
    const decoder = decoderOf('client', version)
    for (let i = 0; i < PER_TYPE; i++) {
      const model = FROM_SERVER[type]!(random, version)
      const bytes = encodeModel(model, version)
      expect(plain(one(decoder, bytes))).toEqual(expected(model, bytes, version))
    }
  })

  test.each(['server', 'client'] as const)('as a %s, whichever byte the stream is cut at', (role) => {
    const random = new Random(version + 7)
    const makers = Object.values(role === 'server' ? FROM_CLIENT : FROM_SERVER)
    const stream = Buffer.concat(makers.map((make) => encodeModel(make(random, version), version)))
    const said = (packets: Packet[]) => JSON.stringify(packets.map(plain))
    const uncut = decoderOf(role, version)
    uncut.push(stream)
    const whole = drain(uncut)
    expect(whole).toHaveLength(makers.length)
    for (let cut = 0; cut <= stream.length; cut++) {
      const decoder = decoderOf(role, version)
      const got: Packet[] = []
      decoder.push(stream.subarray(0, cut))
      drain(decoder, got)
      decoder.push(stream.subarray(cut))
      drain(decoder, got)
      expect(said(got)).toBe(said(whole))
      expect(decoder.bufferedBytes).toBe(0)
    }
    for (const size of [1, 2, 3, 7, 50]) {
      const decoder = decoderOf(role, version)
      const got: Packet[] = []
      for (let at = 0; at < stream.length; at += size) {
        decoder.push(stream.subarray(at, at + size))
        if (random.chance(0.7)) drain(decoder, got) // chunks may also pile up
      }
      drain(decoder, got)
      expect(said(got)).toBe(said(whole))
    }
  })
})

describe('versions and identifiers', () => {
  test('a client identifier of 65,535 bytes is accepted in every version', () => {
    const id = 'i'.repeat(65_500)
    for (const version of VERSIONS) {
      const decoder = new Decoder({ role: 'server', topics: new TopicTable(), packetBytesMax: 100_000, connectBytesMax: 100_000, topicAliasMaximum: 0 })
      const bytes = encodeModel({ cmd: 'connect', protocolId: version === 3 ? 'MQIsdp' : 'MQTT', protocolVersion: version, clientId: id }, version)
      expect(one(decoder, bytes)).toMatchObject({ clientId: id })
    }
  })

  test('MQTT 3.1 repeats SUBSCRIBE, UNSUBSCRIBE and PUBREL with DUP, and may set it at QoS 0', () => {
    const decoder = connected(3)
    expect(one(decoder, bytesOf('8a # 0001 0001 "t" 00'))).toMatchObject({ type: 8 })
    expect(one(decoder, bytesOf('aa # 0001 0001 "t"'))).toMatchObject({ type: 10 })
    expect(one(decoder, bytesOf('6a 02 0001'))).toMatchObject({ type: 6 })
    expect(one(decoder, bytesOf('38 03 0001 "t"'))).toMatchObject({ type: 3, dup: true, message: { wireVersion: 0 } })
  })

  test('MQTT 5.0 allows a password without user name', () => {
    expect(one(makeDecoder('server'), bytesOf('10 # 0004 "MQTT" 05 42 003c 00 0001 "c" 0001 "p"'))).toMatchObject({
      username: null,
      password: Buffer.from('p'),
    })
  })

  test('a server of MQTT 3.1.1 that refuses version 5 is understood', () => {
    const decoder = decoderOf('client', 5)
    expect(one(decoder, bytesOf('20 02 00 01'))).toMatchObject({ type: 2, reason: 0x84 })
  })
})

describe('MQTT 5.0 packets in their short forms', () => {
  test('AUTH and DISCONNECT without reason are followed by more packets of the chunk', () => {
    const decoder = connected(5)
    decoder.push(bytesOf('f0 00 e0 00 c0 00 e0 01 04 c0 00'))
    expect(drain(decoder)).toEqual([
      { type: 15, reason: 0, authenticationMethod: null, authenticationData: null },
      { type: 14, reason: 0, sessionExpirySec: null, reasonString: null },
      { type: 12 },
      { type: 14, reason: 4, sessionExpirySec: null, reasonString: null },
      { type: 12 },
    ])
  })

  test('DISCONNECT with 0x8c is accepted', () => {
    expect(one(decoderOf('client', 5), bytesOf('e0 01 8c'))).toMatchObject({ reason: 0x8c })
  })

  test.each([
    ['40 02 0102', 0],
    ['40 03 0102 10', 0x10],
    ['40 04 0102 87 00', 0x87],
    ['40 # 0102 97 04 1f 0001 "r"', 0x97],
    ['40 # 0102 00 0e 26 0001 "n" 0001 "v" 26 0001 "n" 0001 "w"', 0],
  ])('PUBACK %s', (text, reason) => {
    expect(one(connected(5), bytesOf(text))).toEqual({ type: 4, packetIdentifier: 0x0102, reason })
  })
})

describe('topic aliases', () => {
  test('stand for the topic they were set with, and are set again [MQTT-3.3.2-12]', () => {
    const decoder = connected(5)
    decoder.push(bytesOf('30 # 0001 "a" 03 23 0001'))
    decoder.push(bytesOf('30 # 0001 "b" 03 23 0010'))
    decoder.push(bytesOf('30 # 0000 03 23 0001 "1"'))
    decoder.push(bytesOf('30 # 0000 03 23 0010 "2"'))
    decoder.push(bytesOf('30 # 0001 "c" 03 23 0001'))
    decoder.push(bytesOf('30 # 0000 03 23 0001 "3"'))
    const messages = drain(decoder).map((packet) => (packet as PublishPacket).message)
    expect(messages.map((m) => m.topic.name)).toEqual(['a', 'b', 'a', 'b', 'c', 'c'])
    expect(messages.map((m) => m.payload.toString())).toEqual(['', '', '1', '2', '', '3'])
    expect(messages.map((m) => m.wireVersion)).toEqual([0, 0, 0, 0, 0, 0])
    expect(messages.map((m) => m.properties)).toEqual([null, null, null, null, null, null])
  })

  test('are not set by a packet that is refused', () => {
    const decoder = connected(5)
    decoder.push(bytesOf('30 # 0002 "a+" 03 23 0001'))
    expect(() => decoder.next(0)).toThrow(/wildcard/)
  })
})

describe('PUBLISH', () => {
  test('of version 5 keeps its properties byte for byte and in order when an alias, an expiry and identifiers are taken out', () => {
    const decoder = decoderOf('client', 5)
    const kept = ['26 0001 "z" 0000', '01 01', '26 0001 "a" 0001 "1"', '09 0000', '26 0001 "z" 0001 "2"']
    const text = [kept[0], '0b 01', kept[1], '02 0000003c', kept[2], kept[3], '0b ff7f', '23 0001', kept[4]].join(' ')
    const length = bytesOf(text).length.toString(16).padStart(2, '0')
    const { message } = one(decoder, bytesOf(`32 # 0001 "t" 0007 ${length} ${text} "payload"`)) as PublishPacket
    expect(message.properties?.toString('hex')).toBe(bytesOf(kept.join(' ')).toString('hex'))
    expect(message.expiresAtMs).toBe(NOW_MS + 60_000)
    expect(message.payload.toString()).toBe('payload')
  })

  test('with Message Expiry Interval 0 expires now', () => {
    const { message } = one(connected(5), bytesOf('30 # 0001 "t" 05 02 00000000')) as PublishPacket
    expect(message.expiresAtMs).toBe(NOW_MS)
  })

  test('carries the origin that the decoder has', () => {
    const decoder = connected(4)
    const session = {}
    decoder.origin = session
    expect((one(decoder, bytesOf('30 03 0001 "t"')) as PublishPacket).message.origin).toBe(session)
  })

  test('keeps a BOM in its topic [MQTT-1.5.4-3], and topics that differ in it are two', () => {
    const decoder = connected(4)
    decoder.push(bytesOf('30 06 0004 efbbbf "t" 30 03 0001 "t"'))
    expect(drain(decoder).map((packet) => (packet as PublishPacket).message.topic.name)).toEqual(['\ufefft', 't'])
  })

  test('of a known topic gives the same Topic', () => {
    const decoder = connected(4)
    decoder.push(bytesOf('30 05 0003 "a/b" 30 06 0003 "a/b" 31 30 05 0003 "a/c"'))
    const [first, second, third] = drain(decoder).map((packet) => (packet as PublishPacket).message.topic)
    expect(second).toBe(first)
    expect(third).not.toBe(first)
  })
})
