// Tenants: groups of clients that share nothing. Who is in which, what they cannot see of each other, and what each may take.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { TestGateway } from '../support/gateway.ts'
import { connectPacket, VERSIONS, type WireClient } from '../support/wire-client.ts'

/** Two tenants by user, one by listener, and somebody without one. */
const SITE = `
site: test
tenants:
  - name: acme
  - { name: globex, maxConnections: 2, maxSessions: 3, maxPublishesPerSecond: 10, retained: { maxMessages: 1, maxSize: 1kB } }
access:
  users:
    - { name: anna, password: a, tenant: acme }
    - { name: arno, password: a, tenant: acme }
    - { name: gitta, password: g, tenant: globex }
    - { name: owner, password: o }
broker:
  sysInterval: 0s
  listeners: [{ port: 0 }, { port: 0, host: localhost, tenant: acme, anonymous: true }]
`

const ANNA = { username: 'anna', password: 'a' }
const GITTA = { username: 'gitta', password: 'g' }
const OWNER = { username: 'owner', password: 'o' }

function start(store: 'memory' | 'sqlite' = 'memory'): Promise<TestGateway> {
  return TestGateway.start({ yaml: SITE, store })
}

async function both(gateway: TestGateway, options: { clientId?: string; expirySec?: number } = {}): Promise<[WireClient, WireClient]> {
  return [await gateway.connect(5, { ...ANNA, ...options }), await gateway.connect(5, { ...GITTA, ...options })]
}

describe.each(VERSIONS)('version %i: what is shared', (version) => {
  test('topics: nothing of one reaches the other, nor the gateway’s own space', async () => {
    await using gateway = await start()
    const anna = await gateway.connect(version, ANNA)
    const others = [await gateway.connect(version, GITTA), await gateway.connect(version, OWNER)]
    for (const client of [anna, ...others]) await client.subscribe('#', { qos: 1 })
    anna.publish('t', 'x', { qos: 1 })
    await anna.expectAll({ cmd: 'publish', topic: 't', payload: 'x' }, { cmd: 'puback' })
    for (const client of others) await client.expectNothing()
    others[0]!.publish('t', 'y')
    await others[0]!.expect({ cmd: 'publish', payload: 'y' })
    await anna.expectNothing()
    await others[1]!.expectNothing()
  })

  test('the same topic, again and again in turn: each gets its own', async () => {
    await using gateway = await start()
    const [anna, gitta] = [await gateway.connect(version, ANNA), await gateway.connect(version, GITTA)]
    await anna.subscribe('t')
    await gitta.subscribe('t')
    for (let i = 0; i < 5; i++) {
      anna.publish('t', `a${i}`)
      gitta.publish('t', `g${i}`)
      await anna.expect({ cmd: 'publish', payload: `a${i}` })
      await gitta.expect({ cmd: 'publish', payload: `g${i}` })
    }
  })

  test('clients of one tenant reach each other', async () => {
    await using gateway = await start()
    const [anna, arno] = [await gateway.connect(version, ANNA), await gateway.connect(version, { username: 'arno', password: 'a' })]
    await arno.subscribe('t')
    anna.publish('t', 'x')
    await arno.expect({ cmd: 'publish', payload: 'x' })
  })

  test('retained messages', async () => {
    await using gateway = await start()
    const [anna, gitta] = [await gateway.connect(version, ANNA), await gateway.connect(version, GITTA)]
    anna.publish('r', 'of acme', { retain: true })
    await anna.expectNothing()
    await gitta.subscribe('#')
    await gitta.expectNothing()
    gitta.publish('r', '', { retain: true }) // clearing it clears one's own
    await gitta.expect({ cmd: 'publish' })
    await anna.subscribe('r')
    await anna.expect({ cmd: 'publish', payload: 'of acme', retain: true })
  })

  test('client identifiers: the same one twice, and nobody is taken over', async () => {
    await using gateway = await start()
    const anna = await gateway.connect(version, { ...ANNA, clientId: 'pump' })
    await gateway.connect(version, { ...GITTA, clientId: 'pump' })
    await anna.expectNothing()
  })

  test('wills stay where their client was', async () => {
    await using gateway = await start()
    const watcher = await gateway.connect(version, GITTA)
    const neighbour = await gateway.connect(version, { username: 'arno', password: 'a' })
    await watcher.subscribe('#')
    await neighbour.subscribe('#')
    const anna = await gateway.connect(version, { ...ANNA, will: { topic: 'gone', payload: 'anna' } })
    await anna.cut()
    await neighbour.expect({ cmd: 'publish', topic: 'gone', payload: 'anna' })
    await watcher.expectNothing()
  })
})

test('shared subscriptions: groups of the same name are different groups', async () => {
  await using gateway = await start()
  const [anna, gitta] = await both(gateway)
  await anna.subscribe('$share/g/t')
  await gitta.subscribe('$share/g/t')
  for (let i = 0; i < 4; i++) {
    anna.publish('t', String(i))
    await anna.expect({ cmd: 'publish', payload: String(i) })
  }
  await gitta.expectNothing()
})

test('a name that looks like another tenant’s is only a name', async () => {
  await using gateway = await start()
  const [anna, gitta] = await both(gateway)
  await gitta.subscribe('#')
  await gitta.subscribe('$share/acme/#')
  for (const topic of ['globex/t', '/t', '$tenants/globex/t', 'globex']) anna.publish(topic, 'x', { retain: true })
  await anna.expectNothing()
  await gitta.expectNothing()
})

test('$SYS of the gateway is for its own space only', async () => {
  await using gateway = await TestGateway.start({ yaml: SITE.replace('sysInterval: 0s', 'sysInterval: 10s') })
  const anna = await gateway.connect(5, ANNA)
  await anna.subscribe('$SYS/#')
  await anna.expectNothing()
  const owner = await gateway.connect(5, OWNER)
  await gateway.pass(10)
  await owner.subscribe('$SYS/broker/tenants/#')
  const figures = await owner.expect({ cmd: 'publish', topic: '$SYS/broker/tenants/acme' })
  expect(JSON.parse(figures.payload.toString())).toMatchObject({ connected: 1, sessions: 1, subscriptions: 1, refused: 0 })
})

describe('who is in which', () => {
  test('a listener puts those without one into its own', async () => {
    await using gateway = await start()
    const guest = await gateway.connect(5, {}, {}, 1)
    const owner = await gateway.connect(5, OWNER, {}, 1)
    const anna = await gateway.connect(5, ANNA)
    await anna.subscribe('t')
    guest.publish('t', '1')
    await anna.expect({ cmd: 'publish', payload: '1' })
    owner.publish('t', '2')
    await anna.expect({ cmd: 'publish', payload: '2' })
  })

  test('a client of another one is refused there', async () => {
    await using gateway = await start()
    const client = await gateway.open(5, 1)
    client.send(connectPacket(5, GITTA))
    await client.expect({ cmd: 'connack', reasonCode: 0x87 })
    await client.expectClosed()
    expect(gateway.counters.loginsRefused).toBe(1)
  })
})

describe('limits of one', () => {
  test('clients connected at once', async () => {
    await using gateway = await start()
    const first = await gateway.connect(5, { ...GITTA, clientId: 'a' })
    await gateway.connect(5, { ...GITTA, clientId: 'b' })
    const third = await gateway.open(5)
    third.send(connectPacket(5, { ...GITTA, clientId: 'c' }))
    await third.expect({ cmd: 'connack', reasonCode: 0x97 })
    await gateway.connect(5, ANNA) // others have their own
    await gateway.connect(5, { ...GITTA, clientId: 'a' }) // taking over is no more
    await first.expect({ cmd: 'disconnect', reasonCode: 0x8e })
  })

  test('sessions', async () => {
    await using gateway = await start()
    for (const clientId of ['a', 'b', 'c']) {
      const client = await gateway.connect(5, { ...GITTA, clientId, expirySec: 60 })
      client.send({ cmd: 'disconnect' })
      await client.expectClosed()
    }
    const fourth = await gateway.open(5)
    fourth.send(connectPacket(5, { ...GITTA, clientId: 'd', expirySec: 60 }))
    await fourth.expect({ cmd: 'connack', reasonCode: 0x97 })
    await gateway.connect(5, { ...ANNA, clientId: 'd', expirySec: 60 })
  })

  test('retained messages', async () => {
    await using gateway = await start()
    const [anna, gitta] = await both(gateway)
    for (const client of [anna, gitta]) client.publish('a', 'x', { qos: 1, retain: true })
    await anna.expect({ cmd: 'puback', reasonCode: 0 })
    await gitta.expect({ cmd: 'puback', reasonCode: 0 })
    for (const client of [anna, gitta]) client.publish('b', 'x', { qos: 1, retain: true })
    await anna.expect({ cmd: 'puback', reasonCode: 0 })
    await gitta.expect({ cmd: 'puback', reasonCode: 0x97 })
  })

  test('messages in a second, all clients of it together', async () => {
    await using gateway = await start()
    const gitta = [await gateway.connect(5, { ...GITTA, clientId: 'a' }), await gateway.connect(5, { ...GITTA, clientId: 'b' })]
    const anna = await gateway.connect(5, ANNA)
    for (let i = 0; i < 6; i++) for (const client of gitta) client.publish('t', 'x')
    for (let i = 0; i < 20; i++) anna.publish('t', 'x')
    await anna.expectNothing()
    expect(gateway.counters.delayedPublishRate).toBeGreaterThan(0)
    await gateway.pass(2)
    for (const client of gitta) await client.expectNothing()
  })
})

describe('after a restart', () => {
  test('sessions, queues and retained messages are in their tenant', async () => {
    await using gateway = await start('sqlite')
    const clients = await both(gateway, { clientId: 'pump', expirySec: 1000 })
    for (const client of clients) {
      await client.subscribe('t', { qos: 1 })
      client.send({ cmd: 'disconnect' })
      await client.expectClosed()
    }
    const arno = await gateway.connect(5, { username: 'arno', password: 'a' })
    arno.publish('t', 'for acme', { qos: 1, retain: true })
    await arno.expect({ cmd: 'puback' })
    await gateway.crash()
    const gitta = await gateway.connect(5, { ...GITTA, clientId: 'pump', clean: false, expirySec: 1000 }, { sessionPresent: true })
    await gitta.expectNothing()
    await gitta.subscribe('#')
    await gitta.expectNothing()
    const anna = await gateway.connect(5, { ...ANNA, clientId: 'pump', clean: false, expirySec: 1000 }, { sessionPresent: true })
    await anna.expect({ cmd: 'publish', payload: 'for acme' })
  })
})

describe('a reload', () => {
  const INITECH = SITE.replace('tenants:', 'tenants:\n  - name: initech').replace('users:', 'users:\n    - { name: ina, password: i, tenant: initech }')
  const INA = { username: 'ina', password: 'i' }

  test('brings a new one, and its users; others notice nothing', async () => {
    await using gateway = await start()
    const anna = await gateway.connect(5, ANNA)
    await anna.subscribe('#')
    await gateway.reload(INITECH)
    const ina = await gateway.connect(5, INA)
    await ina.subscribe('#')
    ina.publish('t', 'x')
    await ina.expect({ cmd: 'publish', payload: 'x' })
    await anna.expectNothing()
  })

  test('takes one away: its clients go, and nobody comes in', async () => {
    await using gateway = await TestGateway.start({ yaml: INITECH })
    const [ina, anna] = [await gateway.connect(5, INA), await gateway.connect(5, ANNA)]
    await gateway.reload(SITE)
    await ina.expect({ cmd: 'disconnect', reasonCode: 0x98 })
    await anna.expectNothing()
    const again = await gateway.open(5)
    again.send(connectPacket(5, INA))
    await again.expect({ cmd: 'connack', reasonCode: 0x86 })
  })

  test('gives one other limits', async () => {
    await using gateway = await start()
    const gitta = await gateway.connect(5, GITTA)
    await gateway.reload(SITE.replace('maxPublishesPerSecond: 10', 'maxPublishesPerSecond: 2').replace('maxConnections: 2', 'maxConnections: 1'))
    const second = await gateway.open(5)
    second.send(connectPacket(5, GITTA))
    await second.expect({ cmd: 'connack', reasonCode: 0x97 })
    for (let i = 0; i < 3; i++) gitta.publish('t', 'x', { qos: 1 })
    await gitta.expectAll({ cmd: 'puback' }, { cmd: 'puback' })
    expect(gateway.counters.delayedPublishRate).toBe(1)
    await gateway.pass(2)
    await gitta.expect({ cmd: 'puback' })
  })
})
