// An uplink over WebSocket: to Mosquitto, to another Sandpiper (plain and behind TLS), and through a server that compresses.
import { afterEach, describe, expect, test } from 'vitest'
import { Authority } from '../support/certificates.ts'
import { DeflatingProxy } from '../support/deflating-proxy.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { MqttClients } from '../support/mqtt-clients.ts'
import { freePort } from '../support/ports.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const clients = new MqttClients()
const { kept, connect: client, listen } = clients

afterEach(() => clients[Symbol.asyncDispose]())

const QUICK = { backoff: { min: '100ms', max: '300ms' }, connectTimeout: '5s' }

async function siteWith(url: string, more: object = {}): Promise<Site> {
  const site = kept(await Site.make())
  await site.configure({ uplinks: [{ name: 'cloud', url, clientId: 'gateway', routes: [{ out: 'up/#', qos: 2 }, { in: 'down/#', qos: 2 }], ...QUICK, ...more }] })
  await site.start()
  return site
}

const logged = (site: Site, msg: string): number => site.gateway.log.filter((line) => line.msg === msg).length

async function isUp(site: Site, times = 1): Promise<void> {
  await until(() => logged(site, 'uplink is up') >= times, 'the uplink to be up', 10_000)
}

/** Both ways, some messages larger than a WebSocket frame is wont to be. */
async function carriesBothWays(site: Site, cloudUrl: string): Promise<void> {
  const payloads = ['1', '{"temperature":21.5}', 'x'.repeat(100_000), '', 'last']
  const session = { clean: false, properties: { sessionExpiryInterval: 600 } }
  const there = await listen(cloudUrl, 'up/#', { clientId: 'watcher', ...session })
  const here = await listen(site.url, 'down/#', { clientId: 'here', ...session })
  const device = await client(site.url)
  const operator = await client(cloudUrl)
  for (const payload of payloads) {
    await device.publishAsync('up/a', payload, { qos: 2 })
    await operator.publishAsync('down/a', payload, { qos: 2 })
  }
  await until(() => there.length >= payloads.length && here.length >= payloads.length, 'the messages on both sides', 10_000)
  expect(there.map((g) => g.payload)).toEqual(payloads)
  expect(here.map((g) => g.payload)).toEqual(payloads)
}

describe('an uplink over WebSocket', () => {
  test('[MQTT-6.0.0-3] to Mosquitto', { timeout: 30_000 }, async () => {
    const port = await freePort()
    const cloud = kept(await Mosquitto.start({ lines: [`listener ${port} 127.0.0.1`, 'protocol websockets'] }))
    const site = await siteWith(`ws://127.0.0.1:${port}/mqtt`)
    await isUp(site)
    await carriesBothWays(site, cloud.url)
    // Its connection ends in order, and comes back.
    await cloud.stop()
    await until(() => logged(site, 'uplink is down') > 0, 'the uplink to be down')
    await cloud.start()
    await isUp(site, 2)
  })

  test.each(['ws', 'wss'] as const)('to another Sandpiper by %s', { timeout: 30_000 }, async (scheme) => {
    const cloud = kept(await Site.make())
    const port = await freePort()
    const authority = scheme === 'wss' ? kept(await Authority.make()) : null
    const pair = await authority?.issue('cloud')
    const tls = pair === undefined ? {} : { tls: { key: pair.keyFile, cert: pair.certFile } }
    await cloud.configure({ broker: { listeners: [{ port: cloud.port }, { port, websocket: true, ...tls }] } })
    await cloud.start()
    const site = await siteWith(`${scheme}://127.0.0.1:${port}`, authority === null ? {} : { tls: { ca: authority.certFile } })
    await isUp(site)
    expect(logged(site, 'uplink is down')).toBe(0)
    await carriesBothWays(site, cloud.url)
  })

  test('a server that has no WebSocket at that path is said', async () => {
    const cloud = kept(await Site.make())
    const port = await freePort()
    await cloud.configure({ broker: { listeners: [{ port: cloud.port }, { port, websocket: true }] } })
    await cloud.start()
    const site = await siteWith(`ws://127.0.0.1:${port}/nowhere`)
    await until(() => logged(site, 'uplink is down') > 0, 'the attempt to fail')
    expect(site.gateway.log.find((line) => line.msg === 'uplink is down')!.why).toBe(
      `127.0.0.1:${port}: the server answers the WebSocket's request with status 404: check the path of \`url\``,
    )
  })

  test('a server that speaks no WebSocket is said', async () => {
    const cloud = kept(await Mosquitto.start())
    const site = await siteWith(cloud.url.replace('mqtt:', 'ws:'))
    await until(() => logged(site, 'uplink is down') > 0, 'the attempt to fail')
    expect(site.gateway.log.find((line) => line.msg === 'uplink is down')!.why).toBe(`127.0.0.1:${cloud.port} broke off the WebSocket handshake: does this port speak WebSocket?`)
  })
})

describe('compression', () => {
  /** Bytes that the cloud's side gets for the same two hundred messages. */
  async function bytesFor(compress: boolean): Promise<{ bytes: number; extensions: readonly string[]; site: Site }> {
    const cloud = kept(await Mosquitto.start())
    const proxy = kept(await DeflatingProxy.start(cloud.port))
    const site = await siteWith(proxy.url, { compress })
    await isUp(site)
    const got = await listen(cloud.url, 'up/#')
    const device = await client(site.url)
    const before = proxy.received
    for (let i = 0; i < 200; i++) {
      const reading = { device: 'well-07', sensor: 'level', value: 1234 + Math.round(40 * Math.sin(i / 9)), unit: 'mm', time: `2026-11-21T11:${String(i % 60).padStart(2, '0')}:00Z` }
      await device.publishAsync('up/well-07/level', JSON.stringify(reading), { qos: 1 })
    }
    await until(() => got.length === 200, 'the messages')
    expect(JSON.parse(got[199]!.payload)).toMatchObject({ device: 'well-07', unit: 'mm' })
    return { bytes: proxy.received - before, extensions: proxy.extensions, site }
  }

  test('messages that look alike get a third as long, because the context is kept', { timeout: 30_000 }, async () => {
    const plain = await bytesFor(false)
    const compressed = await bytesFor(true)
    expect(plain.extensions).toEqual([''])
    expect(compressed.extensions).toEqual([expect.stringContaining('permessage-deflate')])
    expect(compressed.bytes).toBeLessThan(plain.bytes / 2.5)
  })

  test('a server that does not compress gets them as they are, and the log says so', async () => {
    const cloud = kept(await Mosquitto.start())
    const proxy = kept(await DeflatingProxy.start(cloud.port, false))
    const site = await siteWith(proxy.url, { compress: true })
    await isUp(site)
    expect(logged(site, 'the remote does not compress WebSocket messages: they go as they are')).toBe(1)
    await carriesBothWays(site, cloud.url)
  })
})
