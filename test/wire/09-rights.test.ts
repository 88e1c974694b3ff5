// What clients may do, as they see it: publish, subscribe, receive.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { count, BOSS, BOSS_ALL, EVE, PUMP, RULES, USERS, rightsSite as site, startRights as start } from '../support/access-site.ts'
import { TestGateway } from '../support/gateway.ts'
import { VERSIONS, type WireClient } from '../support/wire-client.ts'

describe.each(VERSIONS)('version %i: publish', (version) => {
  async function pumpAndBoss(gateway: TestGateway): Promise<[WireClient, WireClient]> {
    const boss = await gateway.connect(version, BOSS)
    await boss.subscribe('#', { qos: 2 })
    return [await gateway.connect(version, PUMP), boss]
  }

  test('what a rule allows arrives', async () => {
    await using gateway = await start()
    const [pump, boss] = await pumpAndBoss(gateway)
    pump.publish('sensors/p1/t', 'x', { qos: 1 })
    await pump.expect({ cmd: 'puback' })
    await boss.expect({ cmd: 'publish', topic: 'sensors/p1/t' })
    expect(count(gateway, 'refusedPublishRights')).toBe(0)
  })

  test('QoS 0 that is not allowed is dropped without a word', async () => {
    await using gateway = await start()
    const [pump, boss] = await pumpAndBoss(gateway)
    pump.publish('sensors/p2/t', 'x')
    pump.publish('sensors', 'x')
    await pump.expectNothing()
    await boss.expectNothing()
    expect(count(gateway, 'refusedPublishRights')).toBe(2)
    pump.publish('sensors/p1', 'x')
    await boss.expect({ cmd: 'publish', topic: 'sensors/p1' })
  })

  test('[MQTT3-3.3.5-2] QoS 1 that is not allowed: 0x87, and to 3.x an acknowledgement', async () => {
    await using gateway = await start()
    const [pump, boss] = await pumpAndBoss(gateway)
    const messageId = pump.publish('sensors/p2/t', 'x', { qos: 1 })
    await pump.expect({ cmd: 'puback', messageId, ...(version === 5 ? { reasonCode: 0x87 } : {}) })
    await pump.expectNothing()
    await boss.expectNothing()
    expect(count(gateway, 'refusedPublishRights')).toBe(1)
  })

  test('[MQTT3-3.3.5-2] [MQTT-4.3.3-9] QoS 2 that is not allowed: 0x87 ends it, to 3.x the whole handshake', async () => {
    await using gateway = await start()
    const [pump, boss] = await pumpAndBoss(gateway)
    const messageId = pump.publish('sensors/p2/t', 'x', { qos: 2 })
    await pump.expect({ cmd: 'pubrec', messageId, ...(version === 5 ? { reasonCode: 0x87 } : {}) })
    if (version !== 5) {
      pump.send({ cmd: 'pubrel', messageId })
      await pump.expect({ cmd: 'pubcomp', messageId })
    }
    await boss.expectNothing()
    pump.publish('sensors/p1/t', 'y', { qos: 2, messageId }) // the identifier is free
    await pump.expect({ cmd: 'pubrec', messageId, ...(version === 5 ? { reasonCode: 0 } : {}) })
    await boss.expect({ cmd: 'publish', payload: 'y' })
    expect(count(gateway, 'refusedPublishRights')).toBe(1)
  })

  test('acknowledgements of refused and accepted messages keep their order', async () => {
    await using gateway = await start()
    const pump = await gateway.connect(version, PUMP)
    const topics = ['sensors/p1/a', 'other', 'sensors/p1/b', 'other']
    const ids = topics.map((topic) => pump.publish(topic, 'x', { qos: 1 }))
    for (const messageId of ids) await pump.expect({ cmd: 'puback', messageId })
  })

  test('a retained message that is not allowed replaces and clears nothing', async () => {
    await using gateway = await start()
    const boss = await gateway.connect(version, BOSS)
    boss.publish('news/a', 'old', { retain: true, qos: 1 })
    await boss.expect({ cmd: 'puback' })
    const pump = await gateway.connect(version, PUMP)
    pump.publish('news/a', 'new', { retain: true })
    pump.publish('news/a', '', { retain: true })
    await pump.expectNothing()
    await boss.subscribe('news/a')
    await boss.expect({ cmd: 'publish', payload: 'old', retain: true })
  })

  test('retain and QoS as conditions', async () => {
    await using gateway = await start([
      BOSS_ALL,
      { allow: 'publish', topic: 'plain', retain: false },
      { allow: 'publish', topic: 'kept', retain: true },
      { allow: 'publish', topic: 'fast', qos: [0, 1] },
      { allow: 'publish', topic: 'any' },
      { deny: 'publish', topic: 'any', qos: 0, retain: true },
    ])
    const [pump, boss] = await pumpAndBoss(gateway)
    const allowed = [['plain', 0, false], ['kept', 1, true], ['fast', 0, true], ['fast', 1, false], ['any', 1, true], ['any', 0, false]] as const
    const denied = [['plain', 0, true], ['plain', 2, true], ['kept', 0, false], ['fast', 2, false], ['any', 0, true]] as const
    for (const [topic, qos, retain] of [...denied, ...allowed]) pump.publish(topic, 'x', { qos, retain })
    const arrived = (await boss.drain()).map((p) => (p.cmd === 'publish' ? p.topic : p.cmd))
    expect(arrived).toStrictEqual(allowed.map(([topic]) => topic))
    expect(count(gateway, 'refusedPublishRights')).toBe(denied.length)
  })

  test('the verdict of one client is not that of another, however often the topic is used', async () => {
    await using gateway = await start()
    const [pump, boss] = await pumpAndBoss(gateway)
    const other = await gateway.connect(version, { ...EVE, clientId: 'p2' })
    for (let i = 0; i < 5; i++) {
      for (const client of [pump, other]) client.publish('sensors/p1/t', client === pump ? 'right' : 'wrong')
      await other.expectNothing()
    }
    await pump.expectNothing()
    const arrived = (await boss.drain()).map((p) => (p.cmd === 'publish' ? p.payload.toString() : p.cmd))
    expect(arrived).toStrictEqual(['right', 'right', 'right', 'right', 'right'])
  })
})

describe.each(VERSIONS)('version %i: subscribe and receive', (version) => {
  const failure = version === 5 ? 0x87 : 0x80

  test('[MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] each filter of a SUBSCRIBE gets its own answer', async () => {
    await using gateway = await start()
    const pump = await gateway.connect(version, PUMP)
    const filters = ['news/#', 'other', '#', 'news/secret/a', '+/a', 'news/+/x']
    pump.send({ cmd: 'subscribe', messageId: 7, subscriptions: filters.map((topic) => ({ topic, qos: 1 })) })
    await pump.expect({ cmd: 'suback', messageId: 7, granted: [1, failure, failure, failure, failure, 1] })
    expect(count(gateway, 'refusedSubscribeRights')).toBe(4)
    const boss = await gateway.connect(version, BOSS)
    for (const topic of ['other', 'x/a', 'news/secret/a', 'news/b']) boss.publish(topic, 'x')
    await boss.expectNothing()
    await pump.expect({ cmd: 'publish', topic: 'news/b' })
    await pump.expectNothing()
  })

  test('[MQTT-3.8.4-7] [MQTT-3.8.4-8] a condition on QoS lowers what is granted', async () => {
    await using gateway = await start([BOSS_ALL, { allow: 'receive', topic: 'a/#' }, { allow: 'subscribe', topic: 'a/#', qos: [0, 1] }, { allow: 'subscribe', topic: 'b', qos: 1 }])
    const pump = await gateway.connect(version, PUMP)
    pump.send({ cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: 'a/b', qos: 2 }, { topic: 'b', qos: 0 }, { topic: 'b', qos: 2 }] })
    await pump.expect({ cmd: 'suback', messageId: 7, granted: [1, failure, 1] })
    const boss = await gateway.connect(version, BOSS)
    boss.publish('a/b', 'x', { qos: 2 })
    await pump.expect({ cmd: 'publish', qos: 1, payload: 'x' })
  })

  test('[MQTT-3.8.4-3] a refused subscription leaves the one of that filter as it was', async () => {
    const rules = [BOSS_ALL, { allow: 'receive', topic: 'a' }, { allow: 'subscribe', topic: 'a', qos: 1 }]
    await using gateway = await start(rules)
    const pump = await gateway.connect(version, PUMP)
    await pump.subscribe('a', { qos: 1 })
    pump.send({ cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: 'a', qos: 0 }] })
    await pump.expect({ cmd: 'suback', granted: [failure] })
    const boss = await gateway.connect(version, BOSS)
    boss.publish('a', 'x', { qos: 1 })
    await pump.expect({ cmd: 'publish', qos: 1, payload: 'x' })
  })

  test('a shared subscription is judged by the filter in it', async () => {
    await using gateway = await start()
    const pump = await gateway.connect(version, PUMP)
    const filters = ['$share/g/news/+', '$share/news/other', '$share/g/#', '$share/g/news/secret/a']
    pump.send({ cmd: 'subscribe', messageId: 7, subscriptions: filters.map((topic) => ({ topic, qos: 1 })) })
    await pump.expect({ cmd: 'suback', granted: [1, failure, failure, failure] })
  })

  test.each([0, 1] as const)('of a filter that is denied in part, that part is not delivered: live, retained, overlapping, QoS %i', async (granted) => {
    await using gateway = await start()
    const boss = await gateway.connect(version, BOSS)
    for (const topic of ['news/a', 'news/secret/a']) boss.publish(topic, 'kept', { retain: true, qos: 1 })
    await boss.expectAll({ cmd: 'puback' }, { cmd: 'puback' })
    const pump = await gateway.connect(version, PUMP)
    await pump.subscribe('news/#', { qos: granted })
    await pump.expect({ cmd: 'publish', topic: 'news/a', retain: true })
    await pump.subscribe('news/+/a', { qos: granted })
    await pump.expectNothing()
    for (const qos of [0, 1, 2] as const) boss.publish('news/secret/a', 'x', { qos })
    boss.publish('news/open/a', 'x')
    await pump.expect({ cmd: 'publish', topic: 'news/open/a' })
    await pump.expectNothing()
  })

  test('others get what one of them may not', async () => {
    await using gateway = await start()
    const [pump, eve, boss] = [await gateway.connect(version, PUMP), await gateway.connect(version, EVE), await gateway.connect(version, BOSS)]
    for (const client of [pump, eve]) await client.subscribe('news/#', { qos: 1 })
    boss.publish('news/secret/a', 'x', { qos: 1 })
    await boss.expect({ cmd: 'puback' })
    await eve.expect({ cmd: 'publish', payload: 'x' })
    await pump.expectNothing()
  })

  test.each([0, 1] as const)('a member of a group that may not receive is passed over, QoS %i', async (qos) => {
    await using gateway = await start()
    const [pump, eve, boss] = [await gateway.connect(version, PUMP), await gateway.connect(version, EVE), await gateway.connect(version, BOSS)]
    for (const client of [pump, eve]) await client.subscribe('$share/g/news/#', { qos })
    for (let i = 0; i < 6; i++) boss.publish('news/secret/a', String(i), { qos })
    await boss.drain()
    for (let i = 0; i < 6; i++) await eve.expect({ cmd: 'publish', payload: String(i) })
    await pump.expectNothing()
    for (let i = 0; i < 4; i++) boss.publish('news/a', 'x') // where both may, they take turns
    await boss.drain()
    expect((await pump.drain()).length).toBe(2)
  })

  test('a message goes to nobody when no member may receive it', async () => {
    await using gateway = await start()
    const [pump, boss] = [await gateway.connect(version, PUMP), await gateway.connect(version, BOSS)]
    await pump.subscribe('$share/g/news/#', { qos: 1 })
    boss.publish('news/secret/a', 'x', { qos: 1 })
    await boss.expect({ cmd: 'puback' })
    await pump.expectNothing()
  })

  test('no rule about # opens the broker’s own topics', async () => {
    await using gateway = await TestGateway.start({ yaml: site(RULES).replace('"sysInterval":"0s"', '"sysInterval":"1s"') })
    const [pump, boss] = [await gateway.connect(version, PUMP), await gateway.connect(version, BOSS)]
    for (const client of [pump, boss]) {
      client.send({ cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: '$SYS/#', qos: 0 }, { topic: '$SYS/broker/version', qos: 0 }] })
      await client.expect({ cmd: 'suback', granted: [failure, failure] })
    }
    await gateway.pass(3)
    await boss.expectNothing()
  })
})

describe.each(VERSIONS)('version %i: names in rules', (version) => {
  test('{clientId}, {username} and {tenant}, alone and as a part of a level', async () => {
    const rules = [
      BOSS_ALL,
      { allow: 'publish', topic: 'client/{clientId}/#' },
      { allow: 'publish', topic: 'user/{username}' },
      { allow: 'publish', topic: 'dev-{clientId}-{username}/x' },
      { allow: 'publish', topic: 'tenant/{tenant}' },
      { allow: 'all', topic: '#', users: ['anna'] },
    ]
    const tenants = [{ name: 'acme' }]
    const users = [...USERS, { name: 'arno', password: 'a', tenant: 'acme' }, { name: 'anna', password: 'a', tenant: 'acme' }]
    await using gateway = await TestGateway.start({ yaml: site(rules, { users, tenants }) })
    const boss = await gateway.connect(version, BOSS)
    await boss.subscribe('#')
    const pump = await gateway.connect(version, PUMP)
    for (const topic of ['client/p1/a', 'client/p1', 'user/pump', 'dev-p1-pump/x']) {
      pump.publish(topic, 'x')
      await boss.expect({ cmd: 'publish', topic })
    }
    for (const topic of ['client/p2/a', 'client', 'client/p11', 'user/boss', 'user/pump/x', 'dev-p1-boss/x', 'tenant/', 'tenant/{tenant}', 'client/{clientId}/a', 'tenant/acme']) pump.publish(topic, 'x')
    await pump.expectNothing()
    await boss.expectNothing()
    const anna = await gateway.connect(version, { username: 'anna', password: 'a' })
    await anna.subscribe('#')
    const arno = await gateway.connect(version, { username: 'arno', password: 'a' })
    for (const topic of ['tenant/globex', 'tenant/acme']) arno.publish(topic, 'x')
    await anna.expect({ cmd: 'publish', topic: 'tenant/acme' })
    await anna.expectNothing()
  })

  test('an anonymous client has no user name, whatever it gives', async () => {
    await using gateway = await TestGateway.start({
      yaml: site([{ allow: 'publish', topic: 'user/{username}' }, { allow: 'publish', topic: 'open' }, { allow: 'read', topic: '#' }, { allow: 'publish', topic: 'boss', users: ['boss'] }], { users: [] }),
    })
    const client = await gateway.connect(version, { username: 'boss', password: 'b' })
    await client.subscribe('#')
    for (const topic of ['user/boss', 'user/', 'user/null', 'user/undefined', 'boss', 'open']) client.publish(topic, 'x')
    await client.expect({ cmd: 'publish', topic: 'open' })
    await client.expectNothing()
    expect(count(gateway, 'refusedPublishRights')).toBe(5)
  })
})

describe('topic aliases', () => {
  test('every message by an alias is judged by its topic', async () => {
    await using gateway = await start()
    const boss = await gateway.connect(5, BOSS)
    await boss.subscribe('#')
    const pump = await gateway.connect(5, PUMP)
    const alias = (topic: string, topicAlias: number): number => pump.publish(topic, 'x', { qos: 1, properties: { topicAlias } })
    for (const [topic, reasonCode] of [['news/a', 0x87], ['', 0x87], ['sensors/p1/a', 0x00], ['', 0x00], ['news/a', 0x87], ['', 0x87]] as const) {
      const messageId = alias(topic, 1)
      await pump.expect({ cmd: 'puback', messageId, reasonCode })
    }
    expect((await boss.drain()).length).toBe(2)
  })

  test('also when the rules change between two of them', async () => {
    await using gateway = await start()
    const pump = await gateway.connect(5, PUMP)
    pump.publish('sensors/p1/a', 'x', { qos: 1, properties: { topicAlias: 1 } })
    await pump.expect({ cmd: 'puback', reasonCode: 0 })
    await gateway.reload(site([BOSS_ALL]))
    pump.publish('', 'x', { qos: 1, properties: { topicAlias: 1 } })
    await pump.expect({ cmd: 'puback', reasonCode: 0x87 })
  })
})
