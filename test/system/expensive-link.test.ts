// An uplink that costs: connections only when they are worth it, a budget that holds, another link when the first one is down.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Mosquitto } from '../support/mosquitto.ts'
import { MqttClients } from '../support/mqtt-clients.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const clients = new MqttClients()
const { kept, connect: client, listen } = clients

afterEach(() => clients[Symbol.asyncDispose]())

const QUICK = { backoff: { min: '100ms', max: '300ms' }, connectTimeout: '2s' }

async function siteWith(url: string, uplink: object): Promise<Site> {
  const site = kept(await Site.make())
  await site.configure({ broker: { sysInterval: '200ms' }, store: { commitWindow: '5ms' }, uplinks: [{ name: 'cloud', url, clientId: 'gateway', ...QUICK, ...uplink }] })
  await site.start()
  return site
}

const ups = (site: Site): unknown[] => site.gateway.log.filter((line) => line.msg === 'uplink is up').map((line) => line['link'])

describe('connect: when', () => {
  test('so many messages wait: they go together, and the connection ends when nothing is left', async () => {
    const cloud = kept(await Mosquitto.start())
    const got = await listen(cloud.url, 's/#')
    const site = await siteWith(cloud.url, { routes: [{ out: 's/#', batch: { every: '1h' } }], connect: { when: { queued: 5, idle: '1s' } } })
    const frames = await listen(cloud.url, 'sandpiper/+/frames')
    const device = await client(site.url)
    for (let i = 0; i < 4; i++) await device.publishAsync('s/x', `${i}`, { qos: 1 })
    expect(ups(site)).toEqual([])
    await device.publishAsync('s/x', '4', { qos: 1 })
    await until(() => frames.length === 1, 'the frame', 10_000)
    const states = await listen(site.url, '$SYS/broker/connection/cloud/state')
    await until(() => states.at(-1)?.payload === '0', 'the connection to end', 10_000)
    expect(ups(site)).toEqual(['cloud'])
    expect(got).toEqual([])
  })

  test('an alarm waits: it does not wait for company', async () => {
    const cloud = kept(await Mosquitto.start())
    const got = await listen(cloud.url, '#')
    const site = await siteWith(cloud.url, {
      routes: [{ out: 'alarm/#', class: 'alarm' }, { out: '#', class: 'bulk' }],
      connect: { when: { queued: 1000, class: 'alarm', idle: '1s' } },
    })
    const device = await client(site.url)
    await device.publishAsync('s/x', 'reading', { qos: 1 })
    await device.publishAsync('alarm/x', 'fire', { qos: 1 })
    await until(() => got.length === 2, 'both', 10_000)
    expect(got.map((g) => g.payload)).toEqual(['fire', 'reading'])
  })
})

describe('links', () => {
  test('the dearer one when the cheaper one is down, for its classes only; and back when that has been there for a while', async () => {
    const cloud = kept(await Mosquitto.start())
    const got = await listen(cloud.url, '#')
    const folder = await mkdtemp(join(tmpdir(), 'sandpiper-line-'))
    kept({ [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) })
    const line = join(folder, 'line')
    const site = await siteWith(cloud.url, {
      routes: [{ out: 'alarm/#', class: 'alarm', qos: 2 }, { out: 's/#', class: 'live', qos: 2 }],
      links: [
        { name: 'ethernet', dial: { command: ['test', '-e', line] }, stableFor: '1s' },
        { name: 'satellite', classes: ['alarm'] },
      ],
    })
    const device = await client(site.url)
    await device.publishAsync('s/x', 'reading', { qos: 1 })
    await device.publishAsync('alarm/x', 'fire', { qos: 1 })
    await until(() => got.length === 1, 'the alarm', 15_000)
    expect([got[0]!.payload, ups(site)]).toEqual(['fire', ['satellite']])
    await writeFile(line, '')
    await until(() => got.length === 2, 'the reading', 30_000)
    await until(() => ups(site).length === 2, 'the log to say so')
    expect(ups(site)).toEqual(['satellite', 'ethernet'])
    await device.publishAsync('alarm/x', 'out', { qos: 1 })
    await until(() => got.length === 3, 'the second alarm', 10_000)
    expect(got.map((g) => g.payload)).toEqual(['fire', 'reading', 'out'])
  })
})

describe('a budget', () => {
  test('ends what may be sent; what is reserved is for alarms; it survives a kill', async () => {
    const cloud = kept(await Mosquitto.start())
    const got = await listen(cloud.url, '#')
    const site = await siteWith(cloud.url, {
      routes: [{ out: 'alarm/#', class: 'alarm' }, { out: 's/#', class: 'live' }],
      keepAlive: '0s',
      budget: { day: '40kB', reserve: { class: 'alarm', share: '50%' } },
    })
    const device = await client(site.url)
    const readings = (): number => got.filter((g) => g.topic.startsWith('s/')).length
    for (let i = 0; i < 100; i++) await device.publishAsync('s/x', 'x'.repeat(400), { qos: 1 })
    await until(() => site.gateway.log.some((line) => line.msg.includes('but for what is reserved for alarm')), 'the budget to be spent', 15_000)
    const sent = readings()
    expect(sent).toBeGreaterThan(10)
    expect(sent).toBeLessThan(50)
    await device.publishAsync('alarm/x', 'fire', { qos: 1 })
    await until(() => got.at(-1)?.payload === 'fire', 'the alarm', 15_000)
    await site.gateway.kill()
    await site.start()
    const again = await client(site.url)
    await again.publishAsync('alarm/x', 'still', { qos: 1 })
    await until(() => got.at(-1)?.payload === 'still', 'the second alarm', 15_000)
    expect(readings()).toBe(sent)
    const states = await listen(site.url, '$SYS/broker/uplinks/cloud')
    await until(() => states.length > 0, 'its figures')
    const { budgets, waiting } = JSON.parse(states.at(-1)!.payload) as { budgets: { day: { bytes: number; limitBytes: number }; countedBy: string }[]; waiting: Record<string, number> }
    expect(waiting).toEqual({ alarm: 0, live: 100 - sent })
    expect(budgets[0]!.day.bytes).toBeGreaterThan(sent * 400)
    expect(budgets[0]!.day.bytes).toBeLessThan(40_000)
  })
})
