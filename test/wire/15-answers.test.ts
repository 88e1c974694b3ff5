// What the server says: nothing before CONNACK, nothing longer than the client takes, no reason strings to who wants none, and codes that
// the standard lists (MQTT 5.0 sections 3.1.2.11, 3.2, 3.4 to 3.7, 3.9, 3.11, 3.14, 3.15).
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { ScramClient } from '../support/scram-client.ts'
import { type ConnectOptions, connectPacket, type Received } from '../support/wire-client.ts'
import { bytesOf } from '../unit/mqtt/malformed.ts'

const METHOD = 'SCRAM-SHA-256'
const WILL_TO_SYS = { topic: '$SYS/broker/version', payload: 'x' }

/** Clients that get no reason strings: there is no room, or they have asked for none. */
const SILENT: readonly (readonly [string, ConnectOptions])[] = [
  ['takes 40 bytes', { clientId: 'c', properties: { maximumPacketSize: 40 } }],
  ['has asked for no problem information', { clientId: 'c', properties: { requestProblemInformation: false } }],
]

function propertiesOf(packet: Received<'connack' | 'disconnect' | 'auth'>): string[] {
  return Object.keys(packet.properties ?? {}).sort()
}

describe('before CONNACK', () => {
  test('[MQTT-3.14.0-1] [MQTT-3.2.0-1] a client that is taken over before it was let in is not told by DISCONNECT', async () => {
    await using gateway = await TestGateway.start({ store: 'sqlite' })
    const kept = await gateway.connect(5, { clientId: 'c', clean: false, expirySec: 100 })
    await kept.disconnect()
    // A clean start is answered when the old session is gone from flash: there is time between CONNECT and CONNACK.
    const [first, second] = [await gateway.open(5), await gateway.open(5)]
    for (const client of [first, second]) client.send(connectPacket(5, { clientId: 'c', clean: true, expirySec: 100 }))
    await second.expect({ cmd: 'connack', reasonCode: 0, sessionPresent: false })
    const heard = (await first.untilClosed()).map((packet) => packet.cmd)
    expect(['', 'connack disconnect']).toContain(heard.join(' '))
  })
})

describe('a CONNACK that refuses', () => {
  test.each<[string, ConnectOptions | string, keyof typeof Reason]>([
    ['a reserved flag', '10 # 0004 "MQTT" 05 03 003c 00 0001 "c"', 'malformedPacket'],
    ['Receive Maximum 0', '10 # 0004 "MQTT" 05 02 003c 03 21 0000 0001 "c"', 'protocolError'],
    ['a version to come', '10 # 0004 "MQTT" 06 02 003c 00 0001 "c"', 'unsupportedProtocolVersion'],
    ['a wrong password', { clientId: 'c', username: 'pump', password: 'x' }, 'badUserNameOrPassword'],
    ['nobody in particular', { clientId: 'c' }, 'notAuthorized'],
    ['an unknown method', { clientId: 'c', properties: { authenticationMethod: 'NONE' } }, 'badAuthenticationMethod'],
    ['a will to a topic of the broker’s own', { clientId: 'c', username: 'pump', password: 'secret', will: WILL_TO_SYS }, 'notAuthorized'],
    ['one session too many', { clientId: 'd', username: 'pump', password: 'secret' }, 'quotaExceeded'],
    ['no room for an answer', { clientId: 'c', username: 'pump', password: 'secret', properties: { maximumPacketSize: 10 } }, 'packetTooLarge'],
  ])('[MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-3.2.2-8] %s: session present 0, a code of the list, the end', async (_name, connect, reason) => {
    await using gateway = await TestGateway.start({ users: { pump: 'secret' }, anonymous: false, broker: { sessionsMax: 1 } })
    const kept = { clientId: 'c', clean: false, expirySec: 100, username: 'pump', password: 'secret' }
    await (await gateway.connect(5, kept)).disconnect()
    const client = await gateway.open(5)
    client.send(typeof connect === 'string' ? bytesOf(connect) : connectPacket(5, { clean: false, ...connect }))
    await client.expect({ cmd: 'connack', reasonCode: Reason[reason], sessionPresent: false })
    await client.expectClosed()
    await gateway.connect(5, kept, { sessionPresent: true })
  })

  test('[MQTT-3.2.2-19] [MQTT-3.2.2-20] says why, unless that would be more than the client takes', async () => {
    await using gateway = await TestGateway.start()
    for (const [maximumPacketSize, said] of [[1000, ['reasonString']], [20, []]] as const) {
      const client = await gateway.open(5)
      client.send(connectPacket(5, { clientId: 'c', properties: { maximumPacketSize, authenticationMethod: 'NONE' } }))
      const connack = await client.expect({ cmd: 'connack', reasonCode: Reason.badAuthenticationMethod })
      expect(connack.raw.length).toBeLessThanOrEqual(maximumPacketSize)
      expect(propertiesOf(connack)).toEqual(said)
    }
  })
})

describe.each(SILENT)('5.0: to a client that %s', (_name, options) => {
  test('[MQTT-3.1.2-29] [MQTT-3.4.2-1] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-1] [MQTT-3.5.2-2] [MQTT-3.5.2-3] PUBACK and PUBREC are a code and nothing more', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, options)
    client.publish('$SYS/x', 'refused', { qos: 1, messageId: 1 })
    await client.expectBytes('40 03 0001 87')
    client.publish('$SYS/x', 'refused', { qos: 2, messageId: 2 })
    await client.expectBytes('50 03 0002 87')
  })

  test('[MQTT-3.1.2-29] [MQTT-3.6.2-1] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-1] [MQTT-3.7.2-2] [MQTT-3.7.2-3] PUBREL and PUBCOMP likewise', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, options)
    client.send('50 02 0009', '62 02 0009')
    await client.expectBytes('62 03 0009 92')
    await client.expectBytes('70 03 0009 92')
  })

  test('[MQTT-3.1.2-29] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.9.3-2] SUBACK likewise', async () => {
    await using gateway = await TestGateway.start({ broker: { subscriptionsPerClientMax: 3 } })
    const client = await gateway.connect(5, options)
    const subscriptions = (['a', 'b', 'c', 'd'] as const).map((topic, i) => ({ topic, qos: Math.min(i, 2) as 0 | 1 | 2 }))
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions })
    await client.expectBytes('90 07 0001 00 00 01 02 97')
  })

  test('[MQTT-3.1.2-29] [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.11.3-2] UNSUBACK likewise', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, options)
    await client.subscribe('a')
    client.send({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['a', 'b'] })
    await client.expectBytes('b0 05 0007 00 00 11')
  })

  test('[MQTT-3.1.2-29] [MQTT-3.15.2-1] [MQTT-3.15.2-2] [MQTT-3.15.2-3] AUTH has its method and data and nothing more', async () => {
    await using gateway = await TestGateway.start({ users: { pump: 'secret' } })
    const scram = new ScramClient('pump', 'secret')
    const client = await gateway.open(5)
    const small = options.properties?.maximumPacketSize === undefined ? {} : { maximumPacketSize: 200 } // its nonce and salt take more than 40
    const properties = { ...options.properties, ...small, authenticationMethod: METHOD, authenticationData: scram.first }
    client.send(connectPacket(5, { ...options, properties }))
    const challenge = await client.expect({ cmd: 'auth', reasonCode: Reason.continueAuthentication })
    expect(propertiesOf(challenge)).toEqual(['authenticationData', 'authenticationMethod'])
    const authenticationData = scram.final(challenge.properties!.authenticationData!)
    client.send({ cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod: METHOD, authenticationData } })
    await client.expect({ cmd: 'connack', reasonCode: 0 })
  })
})

describe('DISCONNECT', () => {
  test('[MQTT-3.14.2-1] [MQTT-3.14.2-2] [MQTT-3.14.2-4] a code of the list, why, and never a session expiry or user properties', async () => {
    await using gateway = await TestGateway.start()
    const old = await gateway.connect(5, { clientId: 'c', clean: false, expirySec: 100 })
    const young = await gateway.connect(5, { clientId: 'c', clean: false, expirySec: 100 })
    const taken = await old.expect({ cmd: 'disconnect', reasonCode: Reason.sessionTakenOver })
    expect(propertiesOf(taken)).toEqual(['reasonString'])
    const stopped = gateway.restart()
    const last = await young.expect({ cmd: 'disconnect', reasonCode: Reason.serverShuttingDown })
    expect(propertiesOf(last)).toEqual(['reasonString'])
    await stopped
  })

  test('[MQTT-3.14.4-1] [MQTT-3.14.4-2] nothing comes after it, whatever was on its way', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    await client.subscribe('t', { qos: 1 })
    client.send('c0 00', { cmd: 'publish', topic: 't', payload: 'x', qos: 1, dup: false, retain: false, messageId: 1 }, 'c1 00', 'c0 00')
    await client.expect({ cmd: 'pingresp' })
    await client.expectAll({ cmd: 'publish' }, { cmd: 'puback' })
    await client.expect({ cmd: 'disconnect', reasonCode: Reason.malformedPacket })
    await client.expectClosed()
  })

  test('[MQTT-4.13.2-1] who does not fit its answers is told and cut off', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { properties: { maximumPacketSize: 80 } })
    const subscriptions = Array.from({ length: 100 }, (_, i) => ({ topic: `${i}`, qos: 0 as const }))
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions })
    const { raw } = await client.expect({ cmd: 'disconnect', reasonCode: Reason.packetTooLarge })
    expect(raw.length).toBeLessThanOrEqual(80)
    await client.expectClosed()
    expect(gateway.gateway.sessions.subscriptionCount).toBe(0)
  })
})
