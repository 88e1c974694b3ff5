// `sandpiper unpack` beside a real Mosquitto: the messages of a site that sends frames, as they were, each once; and from files.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MqttClient } from 'mqtt'
import { afterEach, describe, expect, test } from 'vitest'
import { FrameEncoder, TimeQuality } from '../../src/frame/frame.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { MqttClients } from '../support/mqtt-clients.ts'
import { GatewayProcess, Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const clients = new MqttClients()
const { kept, connect: client, listen } = clients

afterEach(() => clients[Symbol.asyncDispose]())

const QUICK = { backoff: { min: '100ms', max: '300ms' }, connectTimeout: '2s' }
const BATCH = { every: '500ms', maxReadings: 50 }

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sandpiper-unpack-'))
  kept({ [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) })
  return path
}

/** Who was never there is owed nothing: what comes before the first subscription is nobody's. */
async function isUp(process: GatewayProcess): Promise<void> {
  await until(() => process.log.filter((line) => line.msg === 'uplink is up').length >= 2, 'both of its uplinks to be up', 15_000)
}

/** The command, which the end of the test ends. */
function unpack(...words: readonly string[]): GatewayProcess {
  const process = new GatewayProcess(['unpack', ...words])
  kept({ [Symbol.asyncDispose]: () => process.kill() })
  return process
}

async function siteTo(url: string, routes: readonly object[]): Promise<Site> {
  const site = kept(await Site.make())
  await site.configure({ store: { commitWindow: '5ms' }, uplinks: [{ name: 'cloud', url, clientId: 'gateway', routes, ...QUICK }] })
  await site.start()
  return site
}

async function publish(device: MqttClient, from: number, to: number): Promise<void> {
  const publishes: Promise<unknown>[] = []
  for (let i = from; i <= to; i++) publishes.push(device.publishAsync(`s/${i % 3}`, `{"n":${i},"t":${(20 + Math.sin(i / 9)).toFixed(2)}}`, { qos: 1 }))
  await Promise.all(publishes)
}

describe('beside a broker', () => {
  test('messages come out as they went in, each once and in order, though both ends are killed on the way', async () => {
    const cloud = kept(await Mosquitto.start())
    const got = await listen(cloud.url, 'sites/#')
    const state = await folder()
    const words = ['--from', cloud.url, '--state', state]
    let far = unpack(...words)
    await isUp(far)
    const site = await siteTo(cloud.url, [{ out: 's/#', as: 'sites/well/#', batch: BATCH }])
    await publish(await client(site.url), 1, 80)
    await until(() => got.length >= 50, 'the first frame', 15_000)
    await far.kill()
    await site.gateway.kill()
    await site.start()
    await publish(await client(site.url), 81, 200)
    far = unpack(...words)
    await until(() => got.length >= 200, '200 messages', 20_000)
    await far.kill()
    far = unpack(...words)
    await publish(await client(site.url), 201, 210)
    await until(() => got.length >= 210, 'the last ones', 20_000)
    const numbers = got.map((g) => (JSON.parse(g.payload) as { n: number }).n)
    for (const rest of [0, 1, 2]) expect(numbers.filter((n) => n % 3 === rest)).toEqual(Array.from({ length: 210 }, (_, i) => i + 1).filter((n) => n % 3 === rest))
    expect(new Set(got.map((g) => g.topic))).toEqual(new Set(['sites/well/0', 'sites/well/1', 'sites/well/2']))
  })

  test('to another broker, with names and passwords of each', async () => {
    const from = kept(await Mosquitto.start())
    const to = kept(await Mosquitto.start())
    const got = await listen(to.url, '#')
    const far = unpack('--from', from.url, '--to', to.url, '--state', await folder(), '--topic', 'frames/+')
    await isUp(far)
    const site = await siteTo(from.url, [{ out: 's/#', batch: { every: '100ms', topic: 'frames/{site}' } }])
    await publish(await client(site.url), 1, 3)
    await until(() => got.length === 3, 'the messages', 15_000)
    expect(got.map((g) => g.topic)).toEqual(['s/1', 's/2', 's/0'])
  })

  test('without a broker to take from it says what to write', async () => {
    const process = unpack('--to', 'mqtt://x')
    expect(await process.exited).toMatchObject({ code: 1 })
    expect(process.stderr).toContain('unpack needs the broker that has the frames')
  })
})

describe('from files', () => {
  const message = (sequence: number) => ({ topic: 'a/b', payload: Buffer.from(`${sequence}`), qos: 1 as const, retain: false, properties: null, timeMs: Date.UTC(2027, 0, 1) + sequence, timeQuality: TimeQuality.synced, sequence, expiresAfterSec: null })
  const frames = (): Buffer[] => {
    const encoder = new FrameEncoder(Buffer.from('abcdef'))
    const first = encoder.encode([message(1), message(2)], 10_000)!
    if (first.dictionary !== null) encoder.delivered(first.dictionary)
    return [first.frame, encoder.encode([message(3)], 10_000)!.frame]
  }

  test('one frame in a file, or a line of hexadecimal for each; a frame that comes twice is taken once', async () => {
    const path = await folder()
    const [one, two] = frames()
    await writeFile(join(path, 'one'), one!)
    await writeFile(join(path, 'all'), [two!, one!].map((f) => f.toString('hex')).join('\n'))
    const process = unpack(join(path, 'one'), join(path, 'all'))
    expect(await process.exited).toMatchObject({ code: 0 })
    const lines = process.stdout.trim().split('\n').map((line) => JSON.parse(line) as object)
    expect(lines).toMatchObject([1, 2, 3].map((n) => ({ stream: '616263646566', sequence: n, topic: 'a/b', payload: `${n}`, qos: 1, time: `2027-01-01T00:00:00.00${n}Z`, timeQuality: 'synced' })))
  })

  test('what is no frame is named, the rest is unpacked', async () => {
    const path = await folder()
    await writeFile(join(path, 'garbage'), Buffer.from([0xff, 1, 2, 3]))
    await writeFile(join(path, 'one'), frames()[0]!)
    const process = unpack(join(path, 'garbage'), join(path, 'one'))
    expect(await process.exited).toMatchObject({ code: 1 })
    expect(process.stderr).toContain('garbage: ')
    expect(process.stdout.trim().split('\n')).toHaveLength(2)
  })
})
