// Rights that change while a client is away or connected: what waited for it, its will, its subscriptions.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { count, expectEnded, expectRefused, BOSS, BOSS_ALL, EVE, PUMP, RULES, USERS, rightsSite as site, startRights as start } from '../support/access-site.ts'
import { TestGateway } from '../support/gateway.ts'
import { type ConnectOptions, VERSIONS, type WireClient } from '../support/wire-client.ts'

describe.each(VERSIONS)('version %i: what waited for a client', (version) => {
  const AWAY = { expirySec: 1000, clean: false }
  const DENY_B = { deny: 'read', topic: 'news/b', roles: ['device'] }

  async function queued(gateway: TestGateway, qos: 1 | 2): Promise<void> {
    const pump = await gateway.connect(version, { ...PUMP, ...AWAY })
    await pump.subscribe('news/#', { qos })
    await pump.disconnect()
    const boss = await gateway.connect(version, BOSS)
    for (const topic of ['news/a', 'news/b', 'news/c']) {
      const messageId = boss.publish(topic, topic, { qos })
      await boss.expect({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId })
    }
  }

  async function expectWithoutB(gateway: TestGateway, qos: 1 | 2): Promise<void> {
    const pump = await gateway.connect(version, { ...PUMP, ...AWAY }, version === 3 ? {} : { sessionPresent: true })
    for (const topic of ['news/a', 'news/c']) await pump.expect({ cmd: 'publish', topic, qos })
    await pump.expectNothing()
    expect(count(gateway, 'droppedReceiveRights')).toBe(1)
    const boss = await gateway.connect(version, BOSS)
    for (const topic of ['news/b', 'news/d']) boss.publish(topic, 'later')
    await boss.expectNothing()
    await pump.expect({ cmd: 'publish', topic: 'news/d', payload: 'later' })
    await pump.expectNothing()
  }

  test.each([1, 2] as const)('is dropped when it may not be received any more: other rules, QoS %i', async (qos) => {
    await using gateway = await start()
    await queued(gateway, qos)
    await gateway.reload(site([...RULES, DENY_B]))
    await expectWithoutB(gateway, qos)
  })

  test.each([1, 2] as const)('other roles, QoS %i', async (qos) => {
    await using gateway = await start([...RULES, { ...DENY_B, roles: ['suspect'] }])
    await queued(gateway, qos)
    await gateway.reload(site([...RULES, { ...DENY_B, roles: ['suspect'] }], { users: [{ name: 'pump', password: 'p', roles: ['suspect'] }, ...USERS.slice(1)] }))
    await expectWithoutB(gateway, qos)
  })

  test.each([1, 2] as const)('from flash, after a restart, QoS %i', async (qos) => {
    await using gateway = await start(RULES, { store: 'sqlite' })
    await queued(gateway, qos)
    await gateway.reload(site([...RULES, DENY_B]))
    await gateway.restart()
    await expectWithoutB(gateway, qos)
  })

  test('a subscription that is not allowed any more is gone, and what came by it too', async () => {
    await using gateway = await start()
    await queued(gateway, 1)
    const without = [BOSS_ALL, { allow: 'read', topic: 'other' }]
    await gateway.reload(site(without))
    const pump = await gateway.connect(version, { ...PUMP, ...AWAY }, version === 3 ? {} : { sessionPresent: true })
    await pump.expectNothing()
    expect(count(gateway, 'droppedReceiveRights')).toBe(3)
    await gateway.reload(site(RULES))
    const boss = await gateway.connect(version, BOSS)
    boss.publish('news/a', 'x', { qos: 1 })
    await boss.expect({ cmd: 'puback' })
    await pump.expectNothing() // it has to subscribe again
  })

  test('what is dropped takes no place in the send quota', async () => {
    await using gateway = await start()
    const pump = await gateway.connect(version, { ...PUMP, ...AWAY })
    await pump.subscribe('news/#', { qos: 1 })
    await pump.disconnect()
    const boss = await gateway.connect(version, BOSS)
    for (let i = 0; i < 50; i++) boss.publish('news/b', 'x', { qos: 1 })
    boss.publish('news/c', 'last', { qos: 1 })
    await boss.drain()
    await gateway.reload(site([...RULES, DENY_B]))
    const back = await gateway.connect(version, { ...PUMP, ...AWAY, ...(version === 5 ? { properties: { receiveMaximum: 1 } } : {}) })
    await back.expect({ cmd: 'publish', topic: 'news/c', payload: 'last' })
    expect(count(gateway, 'droppedReceiveRights')).toBe(50)
  })
})

describe.each(VERSIONS)('version %i: wills', (version) => {
  const will = (topic: string, more: object = {}): ConnectOptions => ({ ...PUMP, will: { topic, payload: 'gone', ...more } })

  test('[MQTT-3.1.4-2] one that may not be published: refused with CONNECT, and nothing is left of it', async () => {
    await using gateway = await start([...RULES, { allow: 'publish', topic: 'loud', qos: [0, 1], retain: false }])
    const boss = await gateway.connect(version, BOSS)
    await boss.subscribe('#')
    await expectRefused(gateway, version, { ...will('news/a'), expirySec: 100 }, 0x87, 5)
    await expectRefused(gateway, version, will('loud', { retain: true }), 0x87, 5)
    await expectRefused(gateway, version, will('loud', { qos: 2 }), 0x87, 5)
    expect(count(gateway, 'refusedWillRights')).toBe(3)
    expect(gateway.gateway.sessions.count).toBe(1)
    const pump = await gateway.connect(version, will('loud', { qos: 1 }))
    await pump.cut()
    await boss.expect({ cmd: 'publish', topic: 'loud', payload: 'gone' })
    await boss.expectNothing()
  })

  test('[MQTT-3.1.4-2] a refused CONNECT takes over nobody', async () => {
    await using gateway = await start()
    const pump = await gateway.connect(version, PUMP)
    await expectRefused(gateway, version, will('news/a'), 0x87, 5)
    await pump.expectNothing()
  })

  test('what was allowed and is not any more is not published', async () => {
    await using gateway = await start()
    const boss = await gateway.connect(version, BOSS)
    await boss.subscribe('#')
    const pump = await gateway.connect(version, will('sensors/p1/w'))
    await gateway.reload(site([BOSS_ALL]))
    await pump.expectNothing() // its will alone is no reason to go
    await pump.cut()
    await boss.expectNothing()
    expect(count(gateway, 'refusedWillRights')).toBe(1)
  })

  test('the same when the client is disconnected by that', async () => {
    await using gateway = await start()
    const boss = await gateway.connect(version, BOSS)
    await boss.subscribe('#')
    const pump = await gateway.connect(version, will('sensors/p1/w'))
    await pump.subscribe('news/a')
    await gateway.reload(site([BOSS_ALL]))
    await expectEnded(pump, 0x87)
    await boss.expectNothing()
    expect(count(gateway, 'refusedWillRights')).toBe(1)
  })

  test('the same when its user is gone', async () => {
    await using gateway = await start([BOSS_ALL, { allow: 'publish', topic: 'sensors/#', users: ['pump'] }])
    const boss = await gateway.connect(version, BOSS)
    await boss.subscribe('#')
    const pump = await gateway.connect(version, will('sensors/p1/w'))
    await gateway.reload(site([BOSS_ALL], { users: USERS.slice(1) }))
    await expectEnded(pump, 0x98)
    await boss.expectNothing()
    expect(count(gateway, 'refusedWillRights')).toBe(1)
  })
})

describe('delayed wills', () => {
  const DELAYED: ConnectOptions = { ...PUMP, expirySec: 1000, will: { topic: 'sensors/p1/w', payload: 'gone', properties: { willDelayInterval: 30 } } }

  async function waiting(gateway: TestGateway): Promise<WireClient> {
    const pump = await gateway.connect(5, DELAYED)
    await pump.cut()
    const boss = await gateway.connect(5, BOSS)
    await boss.subscribe('#')
    return boss
  }

  test('are published, as long as they may be', async () => {
    await using gateway = await start()
    const boss = await waiting(gateway)
    await gateway.pass(31)
    await boss.expect({ cmd: 'publish', topic: 'sensors/p1/w' })
  })

  test('not when the rules have changed while the client was away', async () => {
    await using gateway = await start()
    const boss = await waiting(gateway)
    await gateway.reload(site([BOSS_ALL]))
    await gateway.pass(31)
    await boss.expectNothing()
    expect(count(gateway, 'refusedWillRights')).toBe(1)
  })

  test('nor when they have changed over a restart', async () => {
    await using gateway = await start(RULES, { store: 'sqlite' })
    await waiting(gateway)
    await gateway.reload(site([BOSS_ALL]))
    await gateway.restart()
    const boss = await gateway.connect(5, BOSS)
    await boss.subscribe('#')
    await gateway.pass(31)
    await boss.expectNothing()
    expect(count(gateway, 'refusedWillRights')).toBe(1)
  })

  test('after a restart under the same rules they are published', async () => {
    await using gateway = await start(RULES, { store: 'sqlite' })
    await waiting(gateway)
    await gateway.restart()
    const boss = await gateway.connect(5, BOSS)
    await boss.subscribe('#')
    await gateway.pass(31)
    await boss.expect({ cmd: 'publish', topic: 'sensors/p1/w' })
  })
})

describe.each(VERSIONS)('version %i: a reload', (version) => {
  test('[MQTT-3.14.4-1] [MQTT-3.14.4-2] ends who is subscribed to what it may not have: 0x87; the others stay, under the new rules', async () => {
    await using gateway = await start()
    const [pump, eve, boss] = [await gateway.connect(version, PUMP), await gateway.connect(version, { ...EVE, clientId: 'e1' }), await gateway.connect(version, BOSS)]
    await pump.subscribe('news/#')
    await eve.subscribe('news/a')
    await boss.subscribe('#')
    await gateway.reload(site([BOSS_ALL, { allow: 'read', topic: 'news/a' }, { allow: 'publish', topic: 'fresh' }]))
    await expectEnded(pump, 0x87)
    eve.publish('sensors/e1/x', 'old right')
    eve.publish('fresh', 'new right')
    await boss.expect({ cmd: 'publish', topic: 'fresh' })
    await boss.expectNothing()
    boss.publish('news/a', 'x')
    await eve.expect({ cmd: 'publish', topic: 'news/a' })
    await eve.expectNothing()
    expect(count(gateway, 'refusedPublishRights')).toBe(1)
  })

  test('what is denied in part is left out from then on, and comes again when it may', async () => {
    await using gateway = await start()
    const [eve, boss] = [await gateway.connect(version, EVE), await gateway.connect(version, BOSS)]
    await eve.subscribe('news/#')
    const say = async (): Promise<string[]> => {
      for (const topic of ['news/secret/a', 'news/a']) boss.publish(topic, 'x')
      await boss.expectNothing()
      return (await eve.drain()).map((p) => (p.cmd === 'publish' ? p.topic : p.cmd))
    }
    expect(await say()).toStrictEqual(['news/secret/a', 'news/a'])
    await gateway.reload(site([...RULES, { deny: 'read', topic: 'news/secret/#', users: ['eve'] }]))
    expect(await say()).toStrictEqual(['news/a'])
    await gateway.reload(site(RULES))
    expect(await say()).toStrictEqual(['news/secret/a', 'news/a'])
    await gateway.reload(site([]))
    expect(await say()).toStrictEqual(['news/secret/a', 'news/a'])
  })

  test('a granted QoS that is not allowed any more is a lost right too', async () => {
    await using gateway = await start([{ allow: 'read', topic: 'a' }])
    const [one, two] = [await gateway.connect(version, { ...EVE, clientId: 'e1' }), await gateway.connect(version, { ...EVE, clientId: 'e2' })]
    await one.subscribe('a', { qos: 2 })
    await two.subscribe('$share/g/a', { qos: 0 })
    await gateway.reload(site([{ allow: 'receive', topic: 'a' }, { allow: 'subscribe', topic: 'a', qos: [0, 1] }]))
    await expectEnded(one, 0x87)
    await two.expectNothing()
  })

  const without = (name: string): object[] => USERS.filter((user) => user.name !== name)
  test.each<[string, readonly object[]]>([
    ['is gone', without('pump')],
    ['has another password', [...without('pump'), { name: 'pump', password: 'other' }]],
    ['has none', [...without('pump'), { name: 'pump' }]],
    ['is in another tenant', [...without('pump'), { name: 'pump', password: 'p', tenant: 'acme' }]],
  ])('ends the clients of a user that %s: 0x98; the others stay', async (_, users) => {
    const tenants = [{ name: 'acme' }]
    await using gateway = await TestGateway.start({ yaml: site(RULES, { tenants }) })
    const [pump, eve] = [await gateway.connect(version, PUMP), await gateway.connect(version, EVE)]
    await eve.subscribe('news/a')
    await gateway.reload(site(RULES, { users, tenants }))
    await expectEnded(pump, 0x98)
    await eve.expectNothing()
    const boss = await gateway.connect(version, BOSS)
    boss.publish('news/a', 'x')
    await eve.expect({ cmd: 'publish', payload: 'x' })
  })

  test.each<[string, object]>([
    ['roles', { name: 'pump', password: 'p', roles: ['other'] }],
    ['nothing', USERS[0]!],
  ])('leaves who has other %s alone', async (_, user) => {
    await using gateway = await start()
    const pump = await gateway.connect(version, PUMP)
    await gateway.reload(site(RULES, { users: [user, ...USERS.slice(1)] }))
    await pump.expectNothing()
  })

  test('ends who is nobody in particular where that is not enough any more', async () => {
    await using gateway = await start()
    const nobody = await gateway.connect(version)
    const pump = await gateway.connect(version, PUMP)
    await gateway.reload(site(RULES, { listeners: [{ port: 0, anonymous: false }] }))
    await expectEnded(nobody, 0x98)
    await pump.expectNothing()
    await expectRefused(gateway, version, {}, 0x87, 5)
  })

  test('ends whose tenant is not that of the listener any more', async () => {
    const tenants = [{ name: 'acme' }, { name: 'globex' }]
    const users = [{ name: 'anna', password: 'a', tenant: 'acme' }, { name: 'owner', password: 'o' }]
    const listeners = (tenant?: string): object[] => [{ port: 0, ...(tenant === undefined ? {} : { tenant }) }]
    await using gateway = await TestGateway.start({ yaml: site([], { users, tenants, listeners: listeners() }) })
    const [anna, owner] = [await gateway.connect(version, { username: 'anna', password: 'a' }), await gateway.connect(version, { username: 'owner', password: 'o' })]
    await gateway.reload(site([], { users, tenants, listeners: listeners('globex') }))
    await expectEnded(owner, 0x98)
    await expectEnded(anna, 0x98)
    await expectRefused(gateway, version, { username: 'anna', password: 'a' }, 0x87, 5)
  })

  test('ends the clients of a tenant that is gone', async () => {
    const users = [{ name: 'anna', password: 'a', tenant: 'acme' }]
    const open = [{ port: 0, anonymous: true }, { port: 0, host: 'localhost', anonymous: true, tenant: 'acme' }]
    await using gateway = await TestGateway.start({ yaml: site([], { users, tenants: [{ name: 'acme' }], listeners: open }) })
    const [anna, nobody, other] = [await gateway.connect(version, { username: 'anna', password: 'a' }), await gateway.connect(version, {}, {}, 1), await gateway.connect(version)]
    await gateway.reload(site([], { users: [{ name: 'anna', password: 'a' }], listeners: [open[0]!, { port: 0, host: 'localhost', anonymous: true }] }))
    await expectEnded(anna, 0x98)
    await expectEnded(nobody, 0x98)
    await other.expectNothing()
  })
})
