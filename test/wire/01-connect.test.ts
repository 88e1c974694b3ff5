// CONNECT and CONNACK, PINGREQ, DISCONNECT (MQTT 5.0 sections 3.1, 3.2, 3.12, 3.14; MQTT 3.1.1 and 3.1 alike unless said).
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TestGateway } from '../support/gateway.ts'
import { connectPacket, type Version, VERSIONS } from '../support/wire-client.ts'

describe.each(VERSIONS)('version %i', (version) => {
  test('[MQTT-3.1.4-5] [MQTT-3.2.2-1] [MQTT-3.2.2-2] CONNECT is answered by CONNACK, to the bit', async () => {
    await using gateway = await TestGateway.start({ broker: { receiveMaximum: 100, packetBytesMax: 65_536, topicAliasMaximum: 7 } })
    const client = await gateway.open(version)
    client.send(connectPacket(version, { clientId: 'c', keepalive: 60 }))
    await client.expectBytes(version === 5 ? '20 0e 00 00 0b 21 0064 27 00010000 22 0007' : '20 02 00 00')
  })

  test('[MQTT-4.2-1] CONNECT may come byte by byte', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.open(version)
    await client.trickle(connectPacket(version, { clientId: 'slow', will: { topic: 'w', payload: 'x' } }))
    await client.expect({ cmd: 'connack' })
    await client.trickle({ cmd: 'pingreq' })
    await client.expect({ cmd: 'pingresp' })
  })

  test('[MQTT-3.2.0-1] [MQTT-3.2.0-2] packets sent together with CONNECT are answered after CONNACK, in order', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.open(version)
    client.send(
      connectPacket(version, { clientId: 'c' }),
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 0 }] },
      { cmd: 'publish', topic: 't', payload: 'x', qos: 0, dup: false, retain: false },
      { cmd: 'pingreq' },
    )
    await client.expect({ cmd: 'connack' })
    await client.expect({ cmd: 'suback', messageId: 1 })
    await client.expect({ cmd: 'publish', topic: 't', payload: 'x' })
    await client.expect({ cmd: 'pingresp' })
  })

  test('[MQTT-3.1.0-2] a second CONNECT ends the connection', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version, { clientId: 'c' })
    client.send(connectPacket(version, { clientId: 'c' }))
    if (version === 5) await client.expect({ cmd: 'disconnect', reasonCode: Reason.protocolError })
    await client.expectClosed()
  })

  test('[MQTT-3.12.4-1] PINGREQ is answered by PINGRESP, to the bit', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(version)
    client.send('c0 00', 'c0 00')
    await client.expectBytes('d0 00')
    await client.expectBytes('d0 00')
  })

  test('[MQTT-3.14.4-2] DISCONNECT closes, without an answer; what follows it is not looked at', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await gateway.connect(version)
    await watcher.subscribe('#')
    const client = await gateway.connect(version)
    client.send('e0 00', { cmd: 'publish', topic: 't', payload: 'x', qos: 0, dup: false, retain: false })
    await client.expectClosed()
    await watcher.expectNothing()
  })

  test('[MQTT-3.1.4-3] another connection with the same client identifier takes over', async () => {
    await using gateway = await TestGateway.start()
    const old = await gateway.connect(version, { clientId: 'same' })
    const young = await gateway.connect(version, { clientId: 'same' })
    if (version === 5) await old.expect({ cmd: 'disconnect', reasonCode: Reason.sessionTakenOver })
    await old.expectClosed()
    await young.expectNothing()
    expect(gateway.gateway.sessions.count).toBe(1)
  })

  test('[MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.1.4-4] [MQTT-3.2.2-2] [MQTT-3.2.2-3] session present says whether a session was resumed', async () => {
    await using gateway = await TestGateway.start()
    const asked = { clientId: 'c', clean: false, expirySec: 100 }
    const known = version !== 3 // MQTT 3.1 has no such flag
    const first = await gateway.connect(version, asked, { sessionPresent: false })
    await first.disconnect()
    const second = await gateway.connect(version, asked, { sessionPresent: known })
    await second.disconnect()
    const clean = await gateway.connect(version, { ...asked, clean: true }, { sessionPresent: false })
    await clean.disconnect()
    await gateway.connect(version, asked, { sessionPresent: version === 5 }) // in 5.0 the clean one had an expiry of its own
  })

  test('[MQTT-3.1.3-5] client identifiers of 1 to 23 letters and digits, and longer ones, are accepted', async () => {
    await using gateway = await TestGateway.start()
    for (const clientId of ['a', '0123456789abcdefghijklm', 'ABCDEFGHIJKLMNOPQRSTUVW', 'nopqrstuvwxyzXYZ', 'ü/+#$漢', 'x'.repeat(1000)]) {
      const client = await gateway.connect(version, { clientId })
      await client.disconnect()
    }
  })

  test('[MQTT-3.1.3-2] client identifiers are told apart to the last bit', async () => {
    await using gateway = await TestGateway.start()
    const clients = []
    for (const clientId of ['id', 'ID', 'id ', 'id\u0301', 'i']) clients.push(await gateway.connect(version, { clientId }))
    for (const client of clients) await client.expectNothing()
    expect(gateway.gateway.sessions.count).toBe(5)
  })

  test('[MQTT-3.1.2-17] [MQTT-3.1.2-19] user name and password are read over by an anonymous listener', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.open(version)
    client.send({ ...connectPacket(version, { clientId: 'c' }), username: 'someone', password: Buffer.from('secret') } as never)
    await client.expect({ cmd: 'connack' })
    await client.expectNothing()
  })

  test('[MQTT-3.1.4-6] what follows a refused CONNECT is not looked at', async () => {
    await using gateway = await TestGateway.start()
    const watcher = await gateway.connect(version)
    await watcher.subscribe('#')
    const client = await gateway.open(version)
    const bytes = Buffer.from(client.bytesOf(connectPacket(version, { clientId: 'c' })))
    bytes[version === 3 ? 11 : 9]! |= 1 // the reserved flag [MQTT-3.1.2-3]
    client.send(bytes, { cmd: 'publish', topic: 't', payload: 'x', qos: 0, dup: false, retain: true })
    if (version === 5) await client.expect({ cmd: 'connack', reasonCode: Reason.malformedPacket })
    await client.expectClosed()
    await watcher.expectNothing()
  })
})

describe('an empty client identifier', () => {
  test('[MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] 5.0: a unique one is assigned and told', async () => {
    await using gateway = await TestGateway.start()
    const ids = new Set<string>()
    for (const flags of ['02', '00']) {
      const client = await gateway.open(5)
      client.send(`10 0d 0004 4d515454 05 ${flags} 0000 00 0000`)
      const connack = await client.expect({ cmd: 'connack', reasonCode: 0, sessionPresent: false })
      ids.add(connack.properties!.assignedClientIdentifier!)
    }
    expect([...ids].every((id) => typeof id === 'string' && id !== '')).toBe(true)
    expect(ids.size).toBe(2)
  })

  test('[MQTT-3.1.3-7] 5.0: the assigned identifier resumes the session later', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { clientId: '', expirySec: 100 })
    const clientId = client.connack.properties!.assignedClientIdentifier!
    await client.cut()
    await gateway.connect(5, { clientId, clean: false, expirySec: 100 }, { sessionPresent: true })
  })

  test.each([
    [4, true, '20 02 00 00'],
    [4, false, '20 02 00 02'],
    [3, true, '20 02 00 02'],
  ] as const)('[MQTT-3.1.3-8] version %i, clean session %s: %s', async (version, clean, connack) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.open(version)
    client.send(version === 3 ? '10 0e 0006 4d5149736470 03 02 0000 0000' : `10 0c 0004 4d515454 04 ${clean ? '02' : '00'} 0000 0000`)
    await client.expectBytes(connack)
    if (connack.endsWith('02')) await client.expectClosed()
    else await client.expectNothing()
  })
})

describe('protocol name and level', () => {
  test.each([
    ['MQTT level 6', '0004 4d515454 06', '20 03 00 84 00'],
    ['MQTT level 5 with the bit that bridges set', '0004 4d515454 85', '20 03 00 84 00'],
    ['MQTX level 5', '0004 4d515458 05', '20 03 00 84 00'],
    ['MQTT level 3', '0004 4d515454 03', '20 02 00 01'],
    ['MQTT level 0', '0004 4d515454 00', '20 02 00 01'],
    ['MQIsdp level 4', '0006 4d5149736470 04', '20 02 00 01'],
    ['MQIsdp level 5', '0006 4d5149736470 05', '20 02 00 01'],
    ['MQTX level 4', '0004 4d515458 04', '20 02 00 01'],
  ])('[MQTT-3.1.2-1] [MQTT-3.1.2-2] [MQTT3-3.1.2-2] %s: refused in the form of its time, %s → %s, closed', async (_name, start, connack) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.open(connack.startsWith('20 03') ? 5 : 4)
    const body = `${start} 02 0000 0001 63`.replaceAll(' ', '')
    client.send(`10 ${(body.length / 2).toString(16).padStart(2, '0')} ${body}`)
    await client.expectBytes(connack)
    await client.expectClosed()
  })

  test.each([
    [3, '10 0f 0006 4d5149736470 83 02 0000 0001 63'],
    [4, '10 0d 0004 4d515454 84 02 0000 0001 63'],
  ] as const)('version %i with the bit that bridges set is accepted', async (version: Version, bytes: string) => {
    await using gateway = await TestGateway.start()
    const client = await gateway.open(version)
    client.send(bytes)
    await client.expect({ cmd: 'connack', returnCode: 0 })
  })
})

describe('5.0 only', () => {
  test('[MQTT-4.12.0-1] [MQTT-4.12.0-4] an unknown authentication method is refused with 0x8C', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.open(5)
    client.send(connectPacket(5, { clientId: 'c', properties: { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from('x') } }))
    await client.expect({ cmd: 'connack', reasonCode: Reason.badAuthenticationMethod, sessionPresent: false })
    await client.expectClosed()
  })

  test('[MQTT-4.12.0-7] AUTH without an authentication method is a protocol error', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5)
    client.send('f0 00')
    await client.expect({ cmd: 'disconnect', reasonCode: Reason.protocolError })
    await client.expectClosed()
  })

  test('section 3.1.2.11.2: a session expiry above the maximum is lowered, and the client told', async () => {
    await using gateway = await TestGateway.start({ broker: { sessionExpirySecMax: 60 } })
    const over = await gateway.connect(5, { clientId: 'over', expirySec: 61 })
    expect(over.connack.properties!.sessionExpiryInterval).toBe(60)
    const within = await gateway.connect(5, { clientId: 'within', expirySec: 60 })
    expect(within.connack.properties!.sessionExpiryInterval).toBeUndefined()
  })

  test('[MQTT-3.2.2-9] [MQTT-3.2.2-22] nothing is announced that is not limited', async () => {
    await using gateway = await TestGateway.start()
    const { connack } = await gateway.connect(5, { clientId: 'c', keepalive: 33 })
    const { maximumQoS, retainAvailable, wildcardSubscriptionAvailable, subscriptionIdentifiersAvailable, sharedSubscriptionAvailable, serverKeepAlive } = connack.properties!
    for (const limit of [maximumQoS, retainAvailable, wildcardSubscriptionAvailable, subscriptionIdentifiersAvailable, sharedSubscriptionAvailable, serverKeepAlive]) {
      expect(limit).toBeUndefined()
    }
  })

  test('section 3.14.2.2.2: what counts is what the client asked for, not what it was granted', async () => {
    await using gateway = await TestGateway.start({ broker: { sessionExpirySecMax: 0 } })
    const watcher = await gateway.connect(5)
    await watcher.subscribe('will')
    const client = await gateway.connect(5, { clientId: 'c', clean: false, expirySec: 100, will: { topic: 'will', payload: 'x' } }, { properties: { sessionExpiryInterval: 0 } })
    await client.disconnect({ expirySec: 100 })
    await watcher.expectNothing()
    expect(gateway.counters.protocolErrors).toBe(0)
  })

  test('section 3.14.2.2.2: DISCONNECT cannot raise a session expiry of 0', async () => {
    await using gateway = await TestGateway.start()
    const client = await gateway.connect(5, { clientId: 'c' })
    client.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 10 } })
    await client.expect({ cmd: 'disconnect', reasonCode: Reason.protocolError })
    await client.expectClosed()
    await gateway.connect(5, { clientId: 'c', clean: false }, { sessionPresent: false })
  })

  test('[MQTT-3.1.2-28] response information is not returned unless asked for', async () => {
    await using gateway = await TestGateway.start()
    const { connack } = await gateway.connect(5, { properties: { requestResponseInformation: false } })
    expect(connack.properties!.responseInformation).toBeUndefined()
  })
})

describe('versions together', () => {
  test('one port speaks them all, and a session may be resumed in another version', async () => {
    await using gateway = await TestGateway.start()
    for (const [i, version] of ([5, 4, 5, 3, 4] as const).entries()) {
      const client = await gateway.connect(version, { clientId: 'c', clean: false, expirySec: 1000 }, { sessionPresent: version !== 3 && i > 0 })
      await client.disconnect()
    }
  })
})
