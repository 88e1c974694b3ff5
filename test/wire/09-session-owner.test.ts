// Whose session it is: another user’s is not given away, one of nobody in particular is, and that of a user who is gone is emptied.
/* oxlint-disable vitest/expect-expect -- the client's own `expect…` are the assertions */
import { describe, expect, test } from 'vitest'
import { accessSite, count, expectEnded, expectRefused, type AccessSite } from '../support/access-site.ts'
import { TestGateway, type TestGatewayOptions } from '../support/gateway.ts'
import { VERSIONS } from '../support/wire-client.ts'

const PUMP = { username: 'pump', password: 'p', clientId: 'p1' }
const BOSS = { username: 'boss', password: 'b' }
const EVE = { username: 'eve', password: 'e' }
const USERS = [
  { name: 'pump', password: 'p', roles: ['device'] },
  { name: 'boss', password: 'b' },
  { name: 'eve', password: 'e' },
]

function site(rules: readonly object[], more: AccessSite = {}): string {
  return accessSite({ users: USERS, rules, ...more })
}

function start(rules: readonly object[], more: TestGatewayOptions = {}): Promise<TestGateway> {
  return TestGateway.start({ yaml: site(rules), ...more })
}

describe.each(VERSIONS)('version %i: whose session it is', (version) => {
  const AWAY = { expirySec: 1000, clean: false }
  const present = (sessionPresent: boolean): Readonly<Record<string, unknown>> => (version === 3 ? {} : { sessionPresent })

  test('[MQTT-3.1.3-2] [MQTT-3.1.3-8] another user’s client identifier is refused, connected or not, and nothing happens to it', async () => {
    await using gateway = await start([])
    const pump = await gateway.connect(version, { ...PUMP, ...AWAY })
    await pump.subscribe('t', { qos: 1 })
    for (const options of [AWAY, { clean: true }]) await expectRefused(gateway, version, { ...EVE, clientId: 'p1', ...options }, 0x85, 2)
    await pump.expectNothing()
    await pump.disconnect()
    for (const options of [AWAY, { clean: true }]) await expectRefused(gateway, version, { ...EVE, clientId: 'p1', ...options }, 0x85, 2)
    await expectRefused(gateway, version, { clientId: 'p1' }, 0x85, 2)
    expect(count(gateway, 'refusedSessionOwners')).toBe(5)
    const boss = await gateway.connect(version, BOSS)
    boss.publish('t', 'kept', { qos: 1 })
    await boss.expect({ cmd: 'puback' })
    const back = await gateway.connect(version, { ...PUMP, ...AWAY }, present(true))
    await back.expect({ cmd: 'publish', payload: 'kept' })
  })

  test('a session that nobody in particular has made is the first user’s who comes, and then its own', async () => {
    await using gateway = await start([])
    const nobody = await gateway.connect(version, { clientId: 'c', ...AWAY })
    await nobody.subscribe('t', { qos: 1 })
    await nobody.disconnect()
    const eve = await gateway.connect(version, { ...EVE, clientId: 'c', ...AWAY }, present(true))
    await eve.disconnect()
    await expectRefused(gateway, version, { clientId: 'c', ...AWAY }, 0x85, 2)
    await expectRefused(gateway, version, { ...BOSS, clientId: 'c', ...AWAY }, 0x85, 2)
    await gateway.connect(version, { ...EVE, clientId: 'c', ...AWAY }, present(true))
  })

  test.each(['memory', 'sqlite'] as const)('the session of a user that is gone: the next one gets it empty (%s)', async (store) => {
    await using gateway = await start([], { store })
    const pump = await gateway.connect(version, { ...PUMP, ...AWAY })
    await pump.subscribe('t', { qos: 1 })
    await pump.disconnect()
    const boss = await gateway.connect(version, BOSS)
    boss.publish('t', 'for pump only', { qos: 1 })
    await boss.expect({ cmd: 'puback' })
    if (store === 'sqlite') await gateway.crash()
    await expectRefused(gateway, version, { ...EVE, clientId: 'p1', ...AWAY }, 0x85, 2)
    await gateway.reload(site([], { users: USERS.slice(1) }))
    const eve = await gateway.connect(version, { ...EVE, clientId: 'p1', ...AWAY }, present(false))
    await eve.expectNothing()
    const again = await gateway.connect(version, BOSS)
    again.publish('t', 'x', { qos: 1 })
    await again.expect({ cmd: 'puback' })
    await eve.expectNothing()
    await eve.disconnect()
    if (store === 'memory') return
    await gateway.crash() // what was discarded does not come back
    const back = await gateway.connect(version, { ...EVE, clientId: 'p1', ...AWAY }, present(true))
    await back.expectNothing()
  })

  test('a user with another password has the session it had', async () => {
    await using gateway = await start([])
    const pump = await gateway.connect(version, { ...PUMP, ...AWAY })
    await pump.subscribe('t', { qos: 1 })
    await gateway.reload(site([], { users: [{ name: 'pump', password: 'new' }, ...USERS.slice(1)] }))
    await expectEnded(pump, 0x98)
    await gateway.connect(version, { ...PUMP, password: 'new', ...AWAY }, present(true))
  })
})
