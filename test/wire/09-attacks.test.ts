// Attacks on what clients may do: each is an attempt that must fail, and leave everybody else alone.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { tenantTag } from '../../src/config/routes.ts'
import { accessSite, answersTo, count, expectRefusedLate, type AccessSite } from '../support/access-site.ts'
import { TestGateway, type TestGatewayOptions } from '../support/gateway.ts'
import { until } from '../support/until.ts'
import { connectPacket, type ConnectOptions, VERSIONS } from '../support/wire-client.ts'

const BOSS = { username: 'boss', password: 'b' }
const USERS = [{ name: 'boss', password: 'b', roles: ['admin'] }, { name: 'pump', password: 'p' }, { name: 'eve', password: 'e' }]
const ADMIN = { allow: 'all', topic: '#', roles: ['admin'] }

function site(what: AccessSite = {}): string {
  return accessSite({ users: USERS, rules: [ADMIN], ...what })
}

function start(what: AccessSite = {}, options: TestGatewayOptions = {}): Promise<TestGateway> {
  return TestGateway.start({ yaml: site(what), ...options })
}

describe.each(VERSIONS)('names that would be patterns, version %i', (version) => {
  const RULES = [
    ADMIN,
    { allow: 'all', topic: 'client/{clientId}/#' },
    { allow: 'all', topic: 'user/{username}/#' },
    { allow: 'all', topic: 'dev-{clientId}/x' },
    { allow: 'all', topic: '{clientId}/own' },
    { allow: 'all', topic: 'open/#' },
    { deny: 'all', topic: 'open/{clientId}/private' },
  ]
  const EVERYTHING = ['#', '+/#', 'client/#', 'client/+/#', 'client/victim/#', 'client/victim/a', 'client/+', 'client//#', 'user/#', 'user/+/#', 'user/victim/a', 'dev-victim/x', '+/own', '$SYS/#', '$SYS/own', '$share/g/client/#', '$share/g/#', 'client/{clientId}/#', 'user/{username}/#']

  async function expectNothingMore(gateway: TestGateway, options: ConnectOptions, except: readonly string[] = []): Promise<void> {
    const boss = await gateway.connect(version, BOSS)
    await boss.subscribe('#')
    const client = await gateway.connect(version, options)
    const asked = EVERYTHING.filter((filter) => !except.includes(filter))
    expect(await answersTo(client, asked)).toStrictEqual(asked.map(() => (version === 5 ? 0x87 : 0x80)))
    const topics = asked.filter((filter) => !/[+#]/.test(filter) && !filter.startsWith('$'))
    for (const topic of topics) client.publish(topic, 'x')
    await client.expectNothing()
    await boss.expectNothing()
    expect(count(gateway, 'refusedPublishRights')).toBe(topics.length)
    await client.disconnect()
    await boss.disconnect()
  }

  test.each(['+', '#', 'a/b', 'victim/', '/victim', '+/#', 'client/victim', '$SYS', '$', 'x+', '#x', 'victim/#', '{clientId}', '{username}', '../victim', '%2b', '%2F', '\u{FF0B}', '\u{FF03}', '\u{2215}', 'victim ', ' ', 'VICTIM', 'vict\u{131}m', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'null', 'undefined'])('client identifier %j', async (clientId) => {
    await using gateway = await start({ rules: RULES })
    await expectNothingMore(gateway, { username: 'pump', password: 'p', clientId }, clientId === '{clientId}' ? ['client/{clientId}/#'] : [])
  })

  test('a very long client identifier', async () => {
    await using gateway = await start({ rules: RULES })
    await expectNothingMore(gateway, { username: 'pump', password: 'p', clientId: 'victim'.repeat(1000) })
  })

  test.each(['+', '#', 'a/b', 'victim/a', '$SYS', '+/#', '{username}', '{clientId}', 'constructor', '__proto__', ' victim', 'victim '])('user name %j', async (username) => {
    await using gateway = await start({ rules: RULES, users: [USERS[0]!, { name: username, password: 'p' }] })
    await expectNothingMore(gateway, { username, password: 'p', clientId: 'mine' }, username === '{username}' ? ['user/{username}/#'] : [])
  })

  test.each(['+', '#', 'a/b'])('a denial about the client with identifier %j does not miss it either', async (clientId) => {
    await using gateway = await start({ rules: RULES })
    const client = await gateway.connect(version, { username: 'pump', password: 'p', clientId })
    const boss = await gateway.connect(version, BOSS)
    await boss.subscribe('open/#')
    client.publish('open/victim/private', 'x')
    client.publish('open/a/b/private', 'x')
    client.publish('open/free', 'x')
    await client.expectNothing()
    expect((await boss.drain()).every((p) => p.cmd === 'publish' && !p.topic.endsWith('private'))).toBe(true)
  })

  test('U+0000 in names is no CONNECT at all', async () => {
    await using gateway = await start({ rules: RULES })
    for (const options of [{ clientId: 'a\0b' }, { username: 'pump\0', password: 'p' }]) {
      const client = await gateway.open(version)
      client.send(connectPacket(version, options))
      if (version === 5) await client.expect({ cmd: 'connack', reasonCode: 0x81 })
      await client.expectClosed()
    }
  })

  test('a user name that nobody has checked is none', async () => {
    await using gateway = await start({ rules: RULES })
    for (const username of ['boss', 'victim']) for (const password of [undefined, '', 'x']) {
      await expectRefusedLate(gateway, version, { username, ...(password === undefined ? {} : { password }) }, 0x86, 4)
    }
    const nobody = await gateway.connect(version, { clientId: 'mine' })
    expect(await answersTo(nobody, ['user/#', 'user//a', 'user/null/a', '#'])).not.toContain(0)
  })

  test('empty levels, and topics that only look the same', async () => {
    await using gateway = await start({ rules: [ADMIN, { allow: 'all', topic: 'a/b' }, { allow: 'all', topic: 'caf\u{e9}/+' }] })
    const boss = await gateway.connect(version, BOSS)
    await boss.subscribe('#')
    const client = await gateway.connect(version, { username: 'pump', password: 'p' })
    for (const topic of ['/a/b', 'a/b/', 'a//b', 'A/b', 'a/B', 'a/b ', '\u{430}/b', 'cafe\u{301}/x', 'caf\u{e9}', 'caf\u{e9}/x/y', 'caf\u{e9}//']) client.publish(topic, 'x')
    await client.expectNothing()
    await boss.expectNothing()
    for (const topic of ['a/b', 'caf\u{e9}/', 'caf\u{e9}/x']) {
      client.publish(topic, 'x')
      await boss.expect({ cmd: 'publish', topic })
    }
  })
})

describe('from one tenant into another', () => {
  const TENANTS = [{ name: 'acme' }, { name: 'globex' }]
  const HOSTED = [
    { name: 'anna', password: 'a', tenant: 'acme' },
    { name: 'gitta', password: 'g', tenant: 'globex' },
    { name: 'owner', password: 'o' },
  ]
  const ANNA = { username: 'anna', password: 'a' }
  const GITTA = { username: 'gitta', password: 'g' }
  const OWNER = { username: 'owner', password: 'o' }
  const hosted = (more: AccessSite = {}, options: TestGatewayOptions = {}): Promise<TestGateway> => start({ users: HOSTED, tenants: TENANTS, rules: [], ...more }, options)

  test('by the name of a shared group, or of a topic', async () => {
    await using gateway = await hosted()
    const [anna, gitta] = [await gateway.connect(5, ANNA), await gateway.connect(5, GITTA)]
    await gitta.subscribe('$share/g/t', { qos: 1 })
    for (const filter of ['#', '+/+', '/#', '$share/g/t', '$share/globex/t', '$share/g/#', '$share/g/globex/#', 'globex/#', '$tenant/globex/#', '$globex/#', '\u{1}globex/#']) await anna.subscribe(filter, { qos: 1 })
    for (const topic of ['t', 'globex/t', 'acme/t']) gitta.publish(topic, 'of globex', { qos: 1 })
    await gitta.expectAll({ cmd: 'publish', payload: 'of globex' }, { cmd: 'puback' }, { cmd: 'puback' }, { cmd: 'puback' })
    await anna.expectNothing()
    for (const topic of ['globex/t', '$globex/t']) anna.publish(topic, 'of acme')
    await anna.drain()
    await gitta.expectNothing()
  })

  test('by taking its place in a group: nobody of another tenant is handed what a session leaves behind', async () => {
    await using gateway = await hosted()
    const [anna, gitta] = [await gateway.connect(5, ANNA), await gateway.connect(5, { ...GITTA, properties: { receiveMaximum: 1 } })]
    for (const client of [anna, gitta]) await client.subscribe('$share/g/t', { qos: 1 })
    const publisher = await gateway.connect(5, { ...GITTA, clientId: 'p' })
    for (let i = 0; i < 3; i++) publisher.publish('t', 'of globex', { qos: 1 })
    await gitta.expect({ cmd: 'publish' })
    await gitta.cut() // unacknowledged messages go to other members
    await publisher.expectAll({ cmd: 'puback' }, { cmd: 'puback' }, { cmd: 'puback' })
    await anna.expectNothing()
  })

  test.each([false, true])('by a delayed will, kept over a restart: %s', async (restarts) => {
    await using gateway = await hosted({}, { store: 'sqlite' })
    const will = { topic: 'w', payload: 'of acme', retain: true, qos: 1, properties: { willDelayInterval: 30 } } as const
    const anna = await gateway.connect(5, { ...ANNA, clientId: 'c', expirySec: 1000, will })
    await anna.subscribe('of her own') // answered when it is on flash, and the session with it
    await anna.cut()
    if (restarts) await gateway.crash()
    const watchers = [await gateway.connect(5, { ...GITTA, clientId: 'c' }), await gateway.connect(5, OWNER)]
    for (const watcher of watchers) await watcher.subscribe('#')
    const neighbour = await gateway.connect(5, ANNA)
    await neighbour.subscribe('#')
    await gateway.pass(31)
    await neighbour.expect({ cmd: 'publish', topic: 'w', payload: 'of acme' })
    for (const watcher of watchers) {
      await watcher.expectNothing()
      await watcher.subscribe('w')
      await watcher.expectNothing()
    }
  })

  test('by a retained message, also from flash; clearing it clears one’s own', async () => {
    await using gateway = await hosted({}, { store: 'sqlite' })
    const anna = await gateway.connect(5, ANNA)
    anna.publish('r', 'of acme', { retain: true, qos: 1 })
    await anna.expect({ cmd: 'puback' })
    await gateway.crash()
    const others = [await gateway.connect(5, GITTA), await gateway.connect(5, OWNER)]
    for (const other of others) {
      await other.subscribe('#')
      await other.expectNothing()
      other.publish('r', '', { retain: true, qos: 1 })
      await other.expectAll({ cmd: 'publish' }, { cmd: 'puback' })
    }
    await gateway.crash()
    const back = await gateway.connect(5, ANNA)
    await back.subscribe('r')
    await back.expect({ cmd: 'publish', payload: 'of acme', retain: true })
  })

  test('by request and response: a response topic is no way out', async () => {
    await using gateway = await hosted()
    const [anna, gitta] = [await gateway.connect(5, ANNA), await gateway.connect(5, GITTA)]
    await gitta.subscribe('reply/#')
    const arno = await gateway.connect(5, { ...ANNA, clientId: 'arno' })
    await arno.subscribe('ask')
    const properties = { responseTopic: 'reply/globex', correlationData: Buffer.from('globex') }
    anna.publish('ask', 'x', { properties })
    const request = await arno.expect({ cmd: 'publish', topic: 'ask', properties })
    arno.publish(request.properties!.responseTopic!, 'answer', { properties: { correlationData: request.properties!.correlationData! } })
    await arno.expectNothing()
    await gitta.expectNothing()
  })

  test('who asks for response information gets none: there is nothing in it to guess from', async () => {
    await using gateway = await hosted()
    const anna = await gateway.connect(5, { ...ANNA, properties: { requestResponseInformation: true } })
    expect(anna.connack.properties).not.toHaveProperty('responseInformation')
  })

  test('a response topic that its sender may not publish to opens nothing for the one who answers', async () => {
    await using gateway = await start({ rules: [ADMIN, { allow: 'publish', topic: 'ask' }, { allow: 'read', topic: 'ask' }, { allow: 'publish', topic: 'answers/{clientId}' }] })
    const boss = await gateway.connect(5, BOSS)
    await boss.subscribe('secret')
    const server = await gateway.connect(5, { username: 'pump', password: 'p', clientId: 'server' })
    await server.subscribe('ask')
    const eve = await gateway.connect(5, { username: 'eve', password: 'e' })
    eve.publish('ask', 'x', { properties: { responseTopic: 'secret' } })
    const { properties } = await server.expect({ cmd: 'publish' })
    server.publish(properties!.responseTopic!, 'answer', { qos: 1 })
    await server.expect({ cmd: 'puback', reasonCode: 0x87 })
    await boss.expectNothing()
  })

  test('by a client identifier: everybody has the session of their own tenant, and resumes no other', async () => {
    await using gateway = await hosted()
    const away = { clientId: 'shared', expirySec: 1000, clean: false }
    const anna = await gateway.connect(5, { ...ANNA, ...away })
    await anna.subscribe('t', { qos: 1 })
    await anna.disconnect()
    const gitta = await gateway.connect(5, { ...GITTA, ...away }, { sessionPresent: false })
    const owner = await gateway.connect(5, { ...OWNER, ...away }, { sessionPresent: false })
    for (const client of [gitta, owner]) {
      client.publish('t', 'x', { qos: 1 })
      await client.expect({ cmd: 'puback' })
    }
    const back = await gateway.connect(5, { ...ANNA, ...away }, { sessionPresent: true })
    await back.expectNothing()
    for (const client of [gitta, owner]) await client.expectNothing()
  })

  test('the gateway’s own figures are not in a tenant', async () => {
    await using gateway = await hosted({ broker: { sysInterval: '1s' } })
    const anna = await gateway.connect(5, ANNA)
    const owner = await gateway.connect(5, OWNER)
    for (const filter of ['$SYS/#', '$SYS/broker/tenants/globex', '$SYS/broker/tenants/+', '+/broker/#']) {
      await anna.subscribe(filter)
    }
    await owner.subscribe('$SYS/broker/version')
    await gateway.pass(3)
    await owner.expect({ cmd: 'publish', topic: '$SYS/broker/version' })
    await anna.expectNothing()
    anna.publish('$SYS/broker/tenants/globex', 'x', { qos: 1, retain: true })
    await anna.expect({ cmd: 'puback', reasonCode: 0x87 })
  })

  test('by a subscription identifier that is an uplink’s mark of a tenant', async () => {
    await using cloud = await TestGateway.start()
    const all = await cloud.connect(5)
    await all.subscribe('#', { qos: 1 })
    const route = (tenant: string): object => ({ out: 'data/#', as: `${tenant}/data/#`, tenant })
    const uplinks = [{ name: 'cloud', url: `mqtt://127.0.0.1:${cloud.port}`, clientId: 'gateway', routes: [route('acme'), route('globex')] }]
    await using gateway = await hosted({ uplinks })
    await until(() => gateway.gateway.uplinks[0]!.state.phase === 'up', 'the uplink')
    const anna = await gateway.connect(5, ANNA)
    for (const tenant of ['globex', 'acme']) await anna.subscribe(`data/${tenant}`, { qos: 1, identifier: tenantTag(tenant) })
    await anna.subscribe('data/#', { qos: 2, identifier: tenantTag('globex') })
    anna.publish('data/globex', 'of acme', { qos: 1 })
    await anna.expectAll({ cmd: 'publish' }, { cmd: 'puback' })
    await all.expect({ cmd: 'publish', topic: 'acme/data/globex', payload: 'of acme' })
    await all.expectNothing()
  })
})

describe('a reload while a message is on its way', () => {
  const RULES = [ADMIN, { allow: 'all', topic: 'own' }]
  const PUMP = { username: 'pump', password: 'p', clientId: 'c', expirySec: 1000, clean: false }

  test('QoS 2 is finished as it was begun, and published once', async () => {
    await using gateway = await start({ rules: RULES })
    const boss = await gateway.connect(5, BOSS)
    await boss.subscribe('own')
    const pump = await gateway.connect(5, PUMP)
    const messageId = pump.publish('own', 'x', { qos: 2 })
    await pump.expect({ cmd: 'pubrec', reasonCode: 0 })
    await gateway.reload(site({ rules: [ADMIN] }))
    pump.publish('own', 'x', { qos: 2, messageId, dup: true })
    await pump.expect({ cmd: 'pubrec', messageId })
    pump.send({ cmd: 'pubrel', messageId })
    await pump.expect({ cmd: 'pubcomp', reasonCode: 0 })
    expect((await boss.drain()).length).toBe(1)
    pump.publish('own', 'y', { qos: 2, messageId })
    await pump.expect({ cmd: 'pubrec', reasonCode: 0x87 })
    await boss.expectNothing()
  })

  test.each([1, 2] as const)('what was sent, not acknowledged, and may not be received any more is not sent again, QoS %i', async (qos) => {
    await using gateway = await start({ rules: [...RULES, { allow: 'read', topic: 'a/#' }] })
    const pump = await gateway.connect(5, PUMP)
    await pump.subscribe('a/#', { qos })
    const boss = await gateway.connect(5, BOSS)
    for (const topic of ['a/secret', 'a/open']) boss.publish(topic, 'x', { qos })
    await boss.drain()
    const sent = await pump.expect({ cmd: 'publish', topic: 'a/secret' })
    await pump.expect({ cmd: 'publish', topic: 'a/open' })
    await pump.cut()
    await gateway.reload(site({ rules: [...RULES, { allow: 'read', topic: 'a/#' }, { deny: 'read', topic: 'a/secret' }] }))
    const back = await gateway.connect(5, PUMP, { sessionPresent: true })
    const got = await back.drain()
    expect(got.filter((p) => p.cmd === 'publish').map((p) => p.topic)).toStrictEqual(['a/open'])
    if (qos === 2) {
      const released = got.find((p) => p.cmd === 'pubrel')
      expect(released).toMatchObject({ messageId: sent.messageId }) // the client may have it: it must not wait for ever
      back.send({ cmd: 'pubcomp', messageId: sent.messageId! })
    }
    await back.expectNothing()
    expect(count(gateway, 'droppedReceiveRights')).toBe(1)
  })

  test('many at once, and every one of them holds as a whole', async () => {
    await using gateway = await start({ rules: RULES })
    const pump = await gateway.connect(5, PUMP)
    await Promise.all(Array.from({ length: 20 }, (_, i) => gateway.reload(site({ rules: i % 2 === 0 ? [ADMIN] : RULES }))))
    pump.publish('own', 'x', { qos: 1 })
    await pump.expect({ cmd: 'puback', reasonCode: 0 })
    await gateway.reload(site({ rules: [ADMIN] }))
    pump.publish('own', 'x', { qos: 1 })
    await pump.expect({ cmd: 'puback', reasonCode: 0x87 })
  })
})
