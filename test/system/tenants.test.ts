// Tenants and what a gateway carries for them: routes of an uplink and sensors, with a real Mosquitto as the cloud.
import type { IClientOptions } from 'mqtt'
import { afterEach, expect, test } from 'vitest'
import { Mosquitto } from '../support/mosquitto.ts'
import { MqttClients } from '../support/mqtt-clients.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const clients = new MqttClients()
const { kept, connect: client } = clients

afterEach(() => clients[Symbol.asyncDispose]())

/** Topic and payload of everything that comes. */
async function listen(url: string, filter: string, options: IClientOptions = {}): Promise<() => string[]> {
  const got = await clients.listen(url, filter, options)
  return () => got.map(({ topic, payload }) => `${topic} ${payload}`)
}

const as = (name: string): IClientOptions => ({ username: name, password: name })
const route = (tenant: string) => [
  { out: 'data/#', as: `${tenant}/data/#`, tenant },
  { in: `${tenant}/commands/#`, as: 'commands/#', tenant },
]

async function siteWith(url: string): Promise<Site> {
  const site = kept(await Site.make())
  await site.configure({
    broker: { listeners: [{ port: site.port }], sysInterval: '0s' },
    store: { commitWindow: '5ms' },
    tenants: [{ name: 'acme' }, { name: 'globex' }],
    access: { users: ['acme', 'globex'].map((name) => ({ name, password: name, tenant: name })) },
    sensors: [{ name: 'tank', topic: 'data/tank', tenant: 'acme', simulate: { kind: 'constant', every: '50ms' }, qos: 0 }],
    uplinks: [{ name: 'cloud', url, clientId: 'gateway', routes: [...route('acme'), ...route('globex')], backoff: { min: '100ms', max: '300ms' }, connectTimeout: '2s' }],
  })
  await site.start()
  return site
}

test('the same topic of two tenants: each by its own route, over an outage and a kill', async () => {
  const cloud = kept(await Mosquitto.start())
  const site = await siteWith(cloud.url)
  const got = await listen(cloud.url, '+/data/n')
  await until(() => site.gateway.log.some((line) => line.msg === 'uplink is up'), 'the uplink to be up', 10_000)
  for (const name of ['acme', 'globex']) await (await client(site.url, as(name))).publishAsync('data/n', `1 of ${name}`, { qos: 1 })
  await until(() => got().length === 2, 'both to arrive')
  await cloud.stop()
  for (const name of ['acme', 'globex']) await (await client(site.url, as(name))).publishAsync('data/n', `2 of ${name}`, { qos: 1 })
  await site.gateway.kill()
  await cloud.start()
  await site.start()
  await until(() => got().length >= 4, 'what waited to arrive', 10_000)
  expect(new Set(got())).toEqual(new Set(['acme/data/n 1 of acme', 'globex/data/n 1 of globex', 'acme/data/n 2 of acme', 'globex/data/n 2 of globex']))
})

test('what the cloud sends, and a sensor’s readings, are for their tenant only', async () => {
  const cloud = kept(await Mosquitto.start())
  const site = await siteWith(cloud.url)
  const acme = await listen(site.url, '#', as('acme'))
  const globex = await listen(site.url, '#', as('globex'))
  await until(() => site.gateway.log.some((line) => line.msg === 'uplink is up'), 'the uplink to be up', 10_000)
  const sender = await client(cloud.url)
  await sender.publishAsync('acme/commands/pump', 'on', { qos: 1 })
  await sender.publishAsync('globex/commands/pump', 'off', { qos: 1 })
  await until(() => acme().includes('commands/pump on') && acme().some((line) => line.startsWith('data/tank')), 'the command and a reading')
  await until(() => globex().length > 0, 'the other command')
  expect(globex()).toEqual(['commands/pump off'])
  expect(acme().filter((line) => line.startsWith('commands'))).toEqual(['commands/pump on'])
})
