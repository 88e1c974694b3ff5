// A store that is taken away while messages flow, and brought back: in another folder, and in the same one while the gateway runs.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MqttClient } from 'mqtt'
import { afterEach, expect, test } from 'vitest'
import { askHttp } from '../support/ask-socket.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { MqttClients } from '../support/mqtt-clients.ts'
import { GatewayProcess, Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const QUICK = { backoff: { min: '100ms', max: '300ms' }, connectTimeout: '2s' }
/** Nobody is there. */
const CLOUD = { name: 'cloud', url: 'mqtt://127.0.0.1:1', routes: [{ out: 'up/#' }], links: [{ name: 'lte', connect: { when: { queued: 1_000_000 } } }] }

const clients = new MqttClients()
const { kept, connect: client, listen } = clients

afterEach(() => clients[Symbol.asyncDispose]())

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

function sandpiper(site: Site, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args, '--config', site.configFile], (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }))
  })
}

async function made(sections: Parameters<Site['configure']>[0]): Promise<Site> {
  const site = kept(await Site.make())
  await site.configure(sections)
  return site
}

/** One whose session outlives it, gone again. */
async function subscribeAndLeave(site: Site, filter: string): Promise<void> {
  const pump = await client(site.url, { clientId: 'pump-7', clean: false, properties: { sessionExpiryInterval: 3600 }, reconnectPeriod: 0 })
  await pump.subscribeAsync(filter, { qos: 2 })
  await pump.endAsync()
}

async function publish(device: MqttClient, topic: string, from: number, to: number, qos: 1 | 2 = 1): Promise<void> {
  for (let n = from; n <= to; n += 50) await Promise.all(Array.from({ length: Math.min(50, to - n + 1) }, (_, i) => device.publishAsync(topic, String(n + i), { qos })))
}

/** It has started itself anew, so many times. */
async function isBack(site: Site, times = 1): Promise<void> {
  await until(() => site.gateway.log.filter(({ msg }) => msg === 'sandpiper is ready').length > times, 'the gateway to be there again', 20_000)
}

async function queued(site: Site): Promise<number> {
  const { text } = await askHttp({ socketPath: join(site.folder, 'data', 'api.sock'), path: '/api/v1/uplinks/cloud' })
  return (JSON.parse(text) as { queued: number }).queued
}

test('while messages flow: whatever was acknowledged before it was asked for is in it, and goes on elsewhere', async () => {
  const site = await made({ uplinks: [CLOUD] })
  await site.start()
  await subscribeAndLeave(site, 'down/#')
  const device = await client(site.url)
  await publish(device, 'down/one', 1, 300)
  await publish(device, 'down/two', 301, 400, 2)
  await publish(device, 'up/level', 1, 200)
  const load = { isOver: false, sent: 0 }
  const flowing = (async () => {
    while (!load.isOver) await publish(device, 'up/load', (load.sent += 50) - 49, load.sent)
  })()
  const file = join(site.folder, 'gateway.tar.zst')
  const backup = await sandpiper(site, 'backup', file)
  const sentMeanwhile = load.sent
  load.isOver = true
  await flowing
  expect(backup).toMatchObject({ code: 0, out: expect.stringMatching(/gateway\.tar\.zst: the store of test as it was at 20.*, .*B in .*B\n$/) })
  expect(sentMeanwhile).toBeGreaterThan(50)
  expect((await stat(file)).mode & 0o777).toBe(0o600)

  const other = await made({ uplinks: [CLOUD] })
  await mkdir(join(other.folder, 'data'))
  expect(await sandpiper(other, 'restore', file)).toMatchObject({ code: 0, out: expect.stringContaining('is the store in') })
  await other.start()
  expect(await queued(other)).toBeGreaterThanOrEqual(200)
  const got: string[] = []
  const pump = await client(other.url, { clientId: 'pump-7', clean: false, properties: { sessionExpiryInterval: 3600 }, reconnectPeriod: 0, customHandleAcks: (_topic: string, message: Buffer, _packet: unknown, done: (error: null, code: number) => void) => {
    got.push(message.toString())
    done(null, 0)
  } } as never)
  await until(() => got.length >= 400, 'all that waited', 15_000)
  expect(got).toEqual(Array.from({ length: 400 }, (_, i) => String(i + 1)))
  await pump.endAsync()
}, 60_000)

test('while the gateway runs: checked, taken over by a start of its own, and the store of before is kept', async () => {
  const site = await made({ uplinks: [CLOUD] })
  await site.start()
  const device = await client(site.url)
  await publish(device, 'up/level', 1, 20)
  const file = join(site.folder, 'a.tar.zst')
  expect((await sandpiper(site, 'backup', file)).code).toBe(0)
  await publish(device, 'up/level', 21, 30)
  const whole = await readFile(file)

  const damaged = join(site.folder, 'damaged.tar.zst')
  await writeFile(damaged, whole.subarray(0, whole.length - 100))
  expect(await sandpiper(site, 'restore', damaged)).toMatchObject({ code: 1, err: expect.stringContaining('the backup is refused') })
  expect((await readdir(join(site.folder, 'data'))).filter((name) => name.startsWith('restore'))).toEqual([])

  expect(await sandpiper(site, 'restore', file)).toMatchObject({ code: 0, out: expect.stringContaining('takes the place of the store: the gateway starts anew with it') })
  await isBack(site)
  expect(await queued(site)).toBe(20)
  expect(site.gateway.log).toContainEqual(expect.objectContaining({ msg: 'the store was restored from a backup', kept: join(site.folder, 'data', 'replaced') }))
  expect(existsSync(join(site.folder, 'data', 'replaced', 'store.db'))).toBe(true)

  await site.gateway.stop()
  const stopped = join(site.folder, 'stopped.tar.zst')
  expect(await sandpiper(site, 'backup', stopped)).toMatchObject({ code: 0 })
  expect(await sandpiper(site, 'restore', '--check', stopped)).toMatchObject({ code: 0, out: expect.stringContaining('is whole: the store of test') })
  const elsewhere = await made({ site: 'lake', uplinks: [CLOUD] })
  await elsewhere.start()
  expect(await sandpiper(elsewhere, 'restore', file)).toMatchObject({ code: 1, err: expect.stringMatching(/of the site "test", and this is "lake": add --other-site/) })
}, 60_000)

test('a receiver of frames that remembers how far it came takes what comes from a gateway that was set back', async () => {
  const cloud = kept(await Mosquitto.start())
  const got = await listen(cloud.url, 'sites/#')
  const state = kept(await Site.make())
  const far = kept({ process: new GatewayProcess(['unpack', '--from', cloud.url, '--state', join(state.folder, 'unpacked')]), async [Symbol.asyncDispose]() { await this.process.kill() } })
  await until(() => far.process.log.filter((line) => line.msg === 'uplink is up').length >= 2, 'who unpacks', 15_000)
  const site = await made({ store: { commitWindow: '5ms' }, uplinks: [{ name: 'cloud', url: cloud.url, clientId: 'gateway', routes: [{ out: 's/#', as: 'sites/well/#', batch: { every: '100ms' } }], ...QUICK }] })
  await site.start()
  let device = await client(site.url, { reconnectPeriod: 0 })
  await publish(device, 's/n', 1, 10)
  await until(() => got.length === 10, 'the first ten', 15_000)
  const file = join(site.folder, 'gateway.tar.zst')
  expect((await sandpiper(site, 'backup', file)).code).toBe(0)
  await publish(device, 's/n', 11, 60)
  await until(() => got.length === 60, 'sixty', 15_000)

  expect((await sandpiper(site, 'restore', file)).code).toBe(0)
  await isBack(site)
  device = await client(site.url, { reconnectPeriod: 0 })
  await publish(device, 's/n', 61, 70)
  await until(() => got.some(({ payload }) => payload === '70'), 'what came after the restore', 15_000)
  const since = got.slice(60).map(({ payload }) => Number(payload))
  expect(since.filter((n) => n > 60)).toEqual(Array.from({ length: 10 }, (_, i) => 61 + i))
  expect(since.filter((n) => n > 10 && n <= 60)).toEqual([]) // what waited when it was made may come twice; what came after it is not in it
}, 60_000)

test('uplink NAME drain: connects, and ends when all that waited is at the cloud', async () => {
  const cloud = kept(await Mosquitto.start())
  const got = await listen(cloud.url, 'up/#')
  const site = await made({ uplinks: [{ ...CLOUD, url: cloud.url, ...QUICK }] })
  await site.start()
  await publish(await client(site.url), 'up/level', 1, 100)
  expect(await sandpiper(site, 'uplink', 'cloud', 'drain', '--for', '30s')).toMatchObject({ code: 0, out: 'cloud is empty: 100 messages were sent\n' })
  expect(got).toHaveLength(100)
}, 30_000)
