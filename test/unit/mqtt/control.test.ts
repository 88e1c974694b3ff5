// Packets off the hot path: what mqtt-packet generates from our options, our own decoder reads.
import { describe, expect, test } from 'vitest'
import {
  encodeAuth,
  encodeConnack,
  encodeConnect,
  encodeDisconnect,
  encodeSuback,
  encodeSubscribe,
  encodeUnsuback,
  encodeUnsubscribe,
  returnCode,
  type ConnectOptions,
} from '../../../src/mqtt/control.ts'
import { Decoder } from '../../../src/mqtt/decode.ts'
import type { ConnectPacket, Packet, ProtocolVersion } from '../../../src/mqtt/packet.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { TopicTable } from '../../../src/mqtt/topic.ts'

const VERSIONS = [3, 4, 5] as const
const PLAIN: ConnectOptions = { clientId: 'c', clean: true, keepAliveSec: 60 }

function decode(role: 'server' | 'client', version: ProtocolVersion, ...packets: Buffer[]): Packet {
  const decoder = new Decoder({ role, topics: new TopicTable(), packetBytesMax: 1 << 20, connectBytesMax: 1 << 20, topicAliasMaximum: 0 })
  if (role === 'client') decoder.version = version
  let last: Packet | null = null
  for (const bytes of packets) {
    decoder.push(bytes)
    last = decoder.next(0)
    expect(last).not.toBeNull()
    expect(decoder.next(0)).toBeNull()
  }
  return last!
}

/** What a server reads of `bytes` behind a CONNECT. */
function atServer(version: ProtocolVersion, bytes: Buffer): Packet {
  return decode('server', version, encodeConnect(version, PLAIN), bytes)
}

describe.each(VERSIONS)('version %i', (version) => {
  const v5 = version === 5

  test('CONNECT with everything reads back', () => {
    const packet = decode(
      'server',
      version,
      encodeConnect(version, {
        clientId: 'gateway',
        clean: false,
        keepAliveSec: 30,
        username: 'name',
        password: 'secret ß',
        bridge: true,
        sessionExpirySec: 3600,
        receiveMaximum: 10,
        maximumPacketSize: 5000,
        topicAliasMaximum: 4,
        requestProblemInformation: false,
        authenticationMethod: 'method',
        authenticationData: Buffer.from('data'),
        will: { topic: 'state', payload: 'gone', qos: 1, retain: true, delaySec: 5, messageExpirySec: 7, contentType: 'text' },
      }),
    ) as ConnectPacket
    expect(packet).toMatchObject({ version, clientId: 'gateway', clean: false, keepAliveSec: 30, username: 'name', bridge: !v5 })
    expect(packet.password?.toString()).toBe('secret ß')
    expect(packet.sessionExpirySec).toBe(v5 ? 3600 : 0xffffffff)
    expect(packet.receiveMaximum).toBe(v5 ? 10 : 65_535)
    expect(packet.maximumPacketSize).toBe(v5 ? 5000 : Infinity)
    expect(packet.topicAliasMaximum).toBe(v5 ? 4 : 0)
    expect(packet.requestProblemInformation).toBe(!v5)
    expect(packet.authenticationMethod).toBe(v5 ? 'method' : null)
    expect(packet.will).toMatchObject({ delaySec: v5 ? 5 : 0, messageExpirySec: v5 ? 7 : null, message: { qos: 1, retain: true } })
    expect(packet.will!.message.topic.name).toBe('state')
    expect(packet.will!.message.payload.toString()).toBe('gone')
    expect(packet.will!.message.properties?.toString() ?? null).toBe(v5 ? '\x03\0\x04text' : null)
  })

  test('CONNECT with the least reads back', () => {
    expect(decode('server', version, encodeConnect(version, PLAIN))).toMatchObject({ version, clean: true, will: null, username: null, password: null })
    expect(decode('server', version, encodeConnect(version, { ...PLAIN, username: null, will: undefined }))).toMatchObject({ username: null })
  })

  test('CONNACK reads back', () => {
    const accepted = decode('client', version, encodeConnack(version, {
      reason: 0, sessionPresent: true, sessionExpirySec: 5, receiveMaximum: 20, maximumPacketSize: 100_000, assignedClientId: 'id', topicAliasMaximum: 3,
      reasonString: 'because', serverKeepAliveSec: 40,
    }))
    expect(accepted).toMatchObject(
      v5
        ? { sessionPresent: true, reason: 0, sessionExpirySec: 5, receiveMaximum: 20, maximumPacketSize: 100_000, assignedClientId: 'id', topicAliasMaximum: 3, reasonString: 'because', serverKeepAliveSec: 40 }
        : { sessionPresent: version === 4, reason: 0 },
    )
    const refused = decode('client', version, encodeConnack(version, { reason: Reason.badUserNameOrPassword, sessionPresent: true }))
    expect(refused).toMatchObject({ sessionPresent: false, reason: v5 ? 0x86 : 4 }) // [MQTT-3.2.2-6]
  })

  test('SUBSCRIBE and UNSUBSCRIBE read back', () => {
    const subscriptions = [
      { filter: 'a/+', qos: 2, noLocal: v5, retainAsPublished: v5, retainHandling: v5 ? 2 : 0 },
      { filter: '#', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
    ] as const
    const packet = atServer(version, encodeSubscribe(version, { packetIdentifier: 65_535, subscriptions, subscriptionIdentifier: 300 }))
    expect(packet).toEqual({ type: 8, packetIdentifier: 65_535, subscriptions, subscriptionIdentifier: v5 ? 300 : 0 })
    expect(atServer(version, encodeUnsubscribe(version, 3, ['a/+', '#']))).toEqual({ type: 10, packetIdentifier: 3, filters: ['a/+', '#'] })
  })

  test('SUBACK and UNSUBACK read back', () => {
    expect(decode('client', version, encodeSuback(version, 9, [0, 1, 2, 0x87, 0x8f]))).toEqual({
      type: 9,
      packetIdentifier: 9,
      reasons: v5 ? [0, 1, 2, 0x87, 0x8f] : [0, 1, 2, 0x80, 0x80],
    })
    expect(decode('client', version, encodeUnsuback(version, 9, [0, 0x11]))).toEqual({ type: 11, packetIdentifier: 9, reasons: v5 ? [0, 0x11] : [] })
  })

  test('DISCONNECT reads back, two bytes long when it says nothing', () => {
    expect(encodeDisconnect(version, { reason: 0 }).toString('hex')).toBe('e000')
    const packet = atServer(version, encodeDisconnect(version, { reason: 4, sessionExpirySec: 9, reasonString: 'bye' }))
    expect(packet).toEqual({ type: 14, reason: v5 ? 4 : 0, sessionExpirySec: v5 ? 9 : null, reasonString: v5 ? 'bye' : null })
  })

  test('what the protocol has no room for throws before anything is generated', () => {
    const long = 'x'.repeat(65_536)
    const euros = '€'.repeat(21_846) // 65,538 bytes
    expect(() => encodeConnect(version, { ...PLAIN, clientId: long })).toThrow(RangeError)
    expect(() => encodeConnect(version, { ...PLAIN, clientId: euros })).toThrow(RangeError)
    expect(() => encodeConnect(version, { ...PLAIN, username: 'u', password: Buffer.alloc(65_536) })).toThrow(RangeError)
    expect(() => encodeConnect(version, { ...PLAIN, will: { topic: 't', payload: long } })).toThrow(RangeError)
    expect(() => encodeUnsubscribe(version, 1, ['a', long])).toThrow(RangeError)
    expect(() => encodeSubscribe(version, { packetIdentifier: 65_536, subscriptions: [] })).toThrow(RangeError)
    expect(() => encodeSuback(version, 0, [0])).toThrow(RangeError)
    expect(() => encodeUnsuback(version, 1.5, [0])).toThrow(RangeError)
  })
})

test('AUTH reads back', () => {
  const bytes = encodeAuth({ reason: 0x18, authenticationMethod: 'm', authenticationData: Buffer.from([1, 2]) })
  expect(atServer(5, bytes)).toEqual({ type: 15, reason: 0x18, authenticationMethod: 'm', authenticationData: Buffer.from([1, 2]) })
})

test('the reason string is dropped to fit the receiver [MQTT-3.2.2-19] [MQTT-3.14.2-3]', () => {
  const options = { reason: 0, assignedClientId: 'id', reasonString: 'r'.repeat(50) } as const
  const whole = encodeConnack(5, options).length
  expect(encodeConnack(5, { ...options, sizeMax: whole }).length).toBe(whole)
  expect(decode('client', 5, encodeConnack(5, { ...options, sizeMax: whole - 1 }))).toMatchObject({ reasonString: null, assignedClientId: 'id' })
  expect(decode('client', 5, encodeConnack(5, { ...options, sizeMax: 20 }))).toMatchObject({ reasonString: null, assignedClientId: 'id' })
  expect(decode('client', 5, encodeDisconnect(5, { reason: 0x8d, reasonString: 'r', sizeMax: 4 }))).toMatchObject({ reason: 0x8d, reasonString: null })
})

test.each([
  [Reason.success, 0],
  [Reason.unsupportedProtocolVersion, 1],
  [Reason.clientIdentifierNotValid, 2],
  [Reason.serverUnavailable, 3],
  [Reason.serverBusy, 3],
  [Reason.badUserNameOrPassword, 4],
  [Reason.badAuthenticationMethod, 4],
  [Reason.notAuthorized, 5],
  [Reason.quotaExceeded, 3],
  [Reason.malformedPacket, null],
  [Reason.topicNameInvalid, null],
])('reason 0x%x is return code %s in 3.x', (reason, code) => {
  expect(returnCode(reason)).toBe(code)
})
