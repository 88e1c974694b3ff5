// A whole gateway with its report and its commands: who of its clients may, what waits for an uplink that is not there, and what a restart leaves.
import { afterEach, expect, test } from 'vitest'
import type { WireClient } from '../../support/wire-client.ts'
import { RemoteBed } from '../../support/remote-bed.ts'

const beds: AsyncDisposable[] = []
afterEach(async () => {
  for (const bed of beds.splice(0)) await bed[Symbol.asyncDispose]()
})

async function bedOf(...args: Parameters<typeof RemoteBed.start>): Promise<RemoteBed> {
  const bed = await RemoteBed.start(...args)
  beds.push(bed)
  return bed
}

const USERS = `broker: { listeners: [{ port: 0, anonymous: true }], sysInterval: 0s }
access: { users: [{ name: vera, password: p, roles: [viewer] }, { name: olga, password: p, roles: [operator] }, { name: ada, password: p, roles: [admin] }, { name: nick, password: p }] }
`
/** Nobody listens there. */
const UPLINK = 'uplinks: [{ name: cloud, url: "mqtt://127.0.0.1:1", routes: [{ out: up/report, retain: true }, { out: data/#, class: bulk }] }]\n'
const ALL = 'commands: { topic: cmd, allow: [status, queue, pause, config, update, support] }'

async function clientOf(bed: RemoteBed, username: string | null): Promise<WireClient> {
  const client = await bed.gateway.connect(5, { clientId: username ?? 'nobody', ...(username === null ? {} : { username, password: 'p' }) })
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'cmd/+/reply', qos: 1 }] })
  await client.expect({ cmd: 'suback' })
  return client
}

async function ask(client: WireClient, command: string, payload = ''): Promise<Record<string, unknown>> {
  client.publish(`cmd/${command}`, payload)
  const { payload: answer } = await client.expect({ cmd: 'publish', topic: `cmd/${command}/reply` })
  return JSON.parse(answer.toString()) as Record<string, unknown>
}

test('clients may what their user’s role lets them, and others get no answer', async () => {
  const bed = await bedOf(`${USERS}${UPLINK}remote: { ${ALL} }`)
  const may: Record<string, readonly string[]> = { vera: ['status', 'queue'], olga: ['status', 'queue', 'pause'], ada: ['status', 'queue', 'pause', 'config', 'support'] }
  for (const [username, commands] of Object.entries(may)) {
    const client = await clientOf(bed, username)
    for (const command of commands) expect(await ask(client, command)).toMatchObject({ status: command === 'support' ? 'refused' : 'ok' })
    await client.disconnect()
  }
  const before = bed.gateway.counters.refusedRemoteCommands
  const vera = await clientOf(bed, 'vera')
  vera.publish('cmd/pause', '')
  for (const username of ['nick', null]) {
    const client = await clientOf(bed, username)
    client.publish('cmd/status', '')
    client.publish('cmd/update', '{"status":true}')
    client.send({ cmd: 'pingreq' })
    await client.expect({ cmd: 'pingresp' })
  }
  expect(await ask(vera, 'status')).toMatchObject({ status: 'ok', s: 'test', v: '1.2.3' })
  expect(bed.gateway.counters.refusedRemoteCommands - before).toBe(5)
})

test('updates are asked for on the same tree', async () => {
  const bed = await bedOf(`${USERS}remote: { ${ALL} }`)
  const ada = await clientOf(bed, 'ada')
  expect(await ask(ada, 'update', '{"status":true}')).toMatchObject({ status: 'ok', version: '1.2.3' })
  expect(await ask(ada, 'update', '{"rollback":true}')).toMatchObject({ status: 'refused' })
})

test('what waits for the cloud: by class, with the age of the oldest', async () => {
  const bed = await bedOf(`${USERS}${UPLINK}remote: { ${ALL} }`)
  const olga = await clientOf(bed, 'olga')
  for (let i = 0; i < 3; i++) olga.publish(`data/${i}`, '12345', { qos: 1, messageId: 10 + i })
  for (let i = 0; i < 3; i++) await olga.expect({ cmd: 'puback' })
  await bed.gateway.pass(90)
  expect(await ask(olga, 'queue')).toEqual({ status: 'ok', q: [['cloud', 'live', 0, 0, null], ['cloud', 'bulk', 3, 3 * 11, 90]], drain: { cloud: null } })
  expect(await ask(olga, 'queue', '{"uplink":"sat"}')).toEqual({ status: 'refused', reason: '"uplink" is one of cloud' })
})

test('orders: a pause when the answer has left, the others at once', async () => {
  const bed = await bedOf(`${USERS}${UPLINK}remote: { ${ALL} }`)
  const olga = await clientOf(bed, 'olga')
  const orderNow = () => bed.gateway.gateway.uplinks[0]!.state.order
  expect(await ask(olga, 'pause', '{"order":"hold","forSec":60}')).toEqual({ status: 'ok', uplink: 'cloud', order: 'hold', forSec: 60 })
  expect(orderNow()).toEqual({ kind: 'hold', leftSec: 60 })
  expect(await ask(olga, 'pause')).toMatchObject({ status: 'ok', order: 'pause', forSec: 900 })
  expect(orderNow()).toMatchObject({ kind: 'hold' })
  await bed.gateway.pass(1)
  expect(orderNow()).toMatchObject({ kind: 'pause' })
  expect(await ask(olga, 'pause', '{"order":"none"}')).toEqual({ status: 'ok', uplink: 'cloud', order: 'none' })
  expect(orderNow()).toBeNull()
  expect(await ask(olga, 'pause', '{"uplink":"sat"}')).toMatchObject({ status: 'refused' })
})

test('no command can come before whoever takes it is there: uplinks that are held connect when they are told', async () => {
  const bed = await bedOf(`broker: { listeners: [{ port: 0, anonymous: true }], sysInterval: 0s }\n${UPLINK}remote: { ${ALL} }`, { holdUplinks: true })
  const [uplink] = bed.gateway.gateway.uplinks
  await bed.gateway.pass(60)
  expect(uplink!.state).toMatchObject({ phase: 'idle', lastError: null })
  bed.gateway.gateway.startUplinks()
  expect(uplink!.state.phase).toBe('connecting')
})

test('one report waits for a link that is not there, over restarts too', async () => {
  const bed = await bedOf(`broker: { listeners: [{ port: 0, anonymous: true }], sysInterval: 0s }\n${UPLINK}remote: { report: { topic: up/report } }`, { store: 'sqlite' })
  const waiting = (): number => bed.gateway.gateway.uplinks[0]!.lanes.waiting('live').count
  for (let i = 0; i < 2; i++) {
    await bed.gateway.pass(1000)
    expect(waiting()).toBe(1)
    await bed.restart(60)
  }
  await bed.gateway.pass(1000)
  expect(waiting()).toBe(1)
  expect(bed.gateway.counters.delayedReports).toBe(1)
})

test('whoever is here has the report as a retained message', async () => {
  const bed = await bedOf(`${USERS}remote: { report: { topic: up/report, every: 1m } }`)
  await bed.gateway.pass(15)
  const late = await bed.gateway.connect(5, { clientId: 'late' })
  late.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'up/report', qos: 1 }] })
  await late.expect({ cmd: 'suback' })
  const { payload } = await late.expect({ cmd: 'publish', topic: 'up/report', retain: true })
  expect(JSON.parse(payload.toString())).toMatchObject({ s: 'test', v: '1.2.3', u: 10, n: 0, l: 'g' })
})
