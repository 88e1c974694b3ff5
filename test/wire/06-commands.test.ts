// Commands from the cloud: once, in order, over restarts, in time or not at all; and the cloud hears what became of each.
import { describe, expect, test } from 'vitest'
import { TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'
import type { WireClient } from '../support/wire-client.ts'

const ROUTE = '{ in: "sites/well-07/cmd/#", as: "cmd/#", command: { reply: sites/well-07/replies, expiry: 10m } }'

function site(cloud: TestGateway, route = ROUTE): string {
  return `
site: well-07
broker: { listeners: [{ port: 0 }], sysInterval: 0s }
uplinks:
  - { name: cloud, url: "mqtt://127.0.0.1:${cloud.port}", keepAlive: 0s, backoff: { min: 1s, max: 1s }, routes: [${route}] }
`
}

async function online(gateway: TestGateway): Promise<void> {
  await gateway.passUntil(until(() => gateway.gateway.uplinks.every((uplink) => uplink.online), 'the uplink to be up'), 0.01) // commands expire
}

interface Bed extends AsyncDisposable {
  readonly cloud: TestGateway
  readonly gateway: TestGateway
  readonly operator: WireClient
}

async function bed(route = ROUTE): Promise<Bed> {
  const cloud = await TestGateway.start()
  const operator = await cloud.connect(5, { clientId: 'operator' })
  await operator.subscribe('sites/well-07/replies', { qos: 1 })
  await operator.subscribe('answers/#', { qos: 1 })
  const gateway = await TestGateway.start({ yaml: site(cloud, route), store: 'sqlite' })
  await online(gateway)
  return {
    cloud,
    gateway,
    operator,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await cloud[Symbol.asyncDispose]()
    },
  }
}

/** Publishes a command at QoS 2 and ends its handshake. */
async function command(operator: WireClient, topic: string, payload: string, properties = {}): Promise<void> {
  const messageId = operator.publish(topic, payload, { qos: 2, properties })
  await operator.expect({ cmd: 'pubrec', messageId })
  operator.send({ cmd: 'pubrel', messageId })
  await operator.expect({ cmd: 'pubcomp', messageId })
}

/** What the cloud heard, and acknowledges. */
async function reply(operator: WireClient): Promise<Record<string, unknown>> {
  const { topic, payload, properties, messageId } = await operator.expect({ cmd: 'publish', qos: 1 })
  operator.send({ cmd: 'puback', messageId: messageId! })
  return { at: topic, ...(JSON.parse(String(payload)) as object), ...(properties?.correlationData ? { correlation: String(properties.correlationData) } : {}) }
}

/** A device that is subscribed at QoS 2 with a session that lasts, and has acknowledged nothing yet. */
function device(gateway: TestGateway, clean = false): Promise<WireClient> {
  return gateway.connect(4, { clientId: 'valve', clean })
}

async function acknowledge(client: WireClient, payload: string): Promise<void> {
  const { messageId, qos } = await client.expect({ cmd: 'publish', payload })
  client.send({ cmd: qos === 2 ? 'pubrec' : 'puback', messageId: messageId! })
}

describe('a command', () => {
  test('is delivered when the device has acknowledged it, and not before', async () => {
    await using all = await bed()
    const { gateway, operator } = all
    const valve = await device(gateway)
    await valve.subscribe('cmd/valve', { qos: 1 })
    await command(operator, 'sites/well-07/cmd/valve', 'open')
    const { messageId } = await valve.expect({ cmd: 'publish', topic: 'cmd/valve', payload: 'open' })
    await operator.expectNothing()
    valve.send({ cmd: 'puback', messageId: messageId! })
    expect(await reply(operator)).toEqual({ at: 'sites/well-07/replies', status: 'delivered', topic: 'sites/well-07/cmd/valve', by: ['valve'] })
  })

  test('waits for a device that is away, in order with others, over a restart of the gateway', async () => {
    await using all = await bed()
    const { gateway, operator } = all
    const valve = await device(gateway)
    await valve.subscribe('cmd/valve', { qos: 1 })
    await valve.disconnect()
    for (const payload of ['1', '2', '3']) await command(operator, 'sites/well-07/cmd/valve', payload)
    await gateway.restart()
    await online(gateway)
    const back = await device(gateway)
    for (const payload of ['1', '2', '3']) {
      await acknowledge(back, payload)
      expect(await reply(operator)).toMatchObject({ status: 'delivered', by: ['valve'] })
    }
    await gateway.restart()
    await online(gateway)
    await operator.expectNothing() // nothing is owed any more
  })

  test('to nobody is answered at once', async () => {
    await using all = await bed()
    await command(all.operator, 'sites/well-07/cmd/pump', 'on')
    expect(await reply(all.operator)).toEqual({ at: 'sites/well-07/replies', status: 'no-receiver', topic: 'sites/well-07/cmd/pump', by: [] })
  })

  test('expires: by the time of the route, or its own', async () => {
    await using all = await bed()
    const { gateway, operator } = all
    const valve = await device(gateway)
    await valve.subscribe('cmd/valve', { qos: 1 })
    await valve.disconnect()
    await command(operator, 'sites/well-07/cmd/valve', 'slow')
    await command(operator, 'sites/well-07/cmd/valve', 'quick', { messageExpiryInterval: 30 })
    await gateway.pass(31)
    expect(await reply(operator)).toMatchObject({ status: 'expired', by: [] })
    await operator.expectNothing()
    await gateway.pass(570)
    expect(await reply(operator)).toMatchObject({ status: 'expired', by: [] })
    const back = await device(gateway)
    await back.expectNothing()
  })

  test('is answered at its Response Topic with its Correlation Data, where the route names no topic', async () => {
    await using all = await bed('{ in: "cmd/#", command: {} }')
    const { operator } = all
    await command(operator, 'cmd/x', 'on', { responseTopic: 'answers/1', correlationData: Buffer.from('c1') })
    expect(await reply(operator)).toEqual({ at: 'answers/1', status: 'no-receiver', topic: 'cmd/x', by: [], correlation: 'c1' })
    await command(operator, 'cmd/x', 'on')
    await operator.expectNothing()
  })

  test('to a device whose session ends with its connection: it has it now, and that is all that can be said', async () => {
    await using all = await bed()
    const valve = await device(all.gateway, true)
    await valve.subscribe('cmd/#', { qos: 1 })
    await command(all.operator, 'sites/well-07/cmd/valve', 'open')
    await valve.expect({ cmd: 'publish', payload: 'open' })
    expect(await reply(all.operator)).toMatchObject({ status: 'delivered', by: ['valve'] })
  })

  test('whose receiver has gone for good is dropped, and that is said', async () => {
    await using all = await bed()
    const valve = await device(all.gateway)
    await valve.subscribe('cmd/#', { qos: 1 })
    await valve.disconnect()
    await command(all.operator, 'sites/well-07/cmd/valve', 'open')
    await device(all.gateway, true) // a clean session ends the old one
    expect(await reply(all.operator)).toMatchObject({ status: 'dropped', by: [] })
  })

  test('is not lost by a kill before it is acknowledged, nor taken twice by one after', async () => {
    await using all = await bed()
    const { gateway, operator } = all
    const valve = await device(gateway)
    await valve.subscribe('cmd/valve', { qos: 2 })
    await valve.disconnect()
    await command(operator, 'sites/well-07/cmd/valve', 'open')
    await until(() => gateway.counters.committedMessages >= 1, 'the command to be on flash')
    await gateway.crash()
    await online(gateway)
    const back = await device(gateway)
    await acknowledge(back, 'open')
    await back.expect({ cmd: 'pubrel' })
    expect(await reply(operator)).toMatchObject({ status: 'delivered' })
    await back.expectNothing()
  })
})
