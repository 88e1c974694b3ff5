// The gateway as a real Mosquitto has it, as the cloud: reports that are kept there and cost what was counted, and commands that are carried out and
// answered over the uplink that they came by.
import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import type { IPublishPacket } from 'mqtt'
import { afterEach, expect, test } from 'vitest'
import { signatureOf } from '../../src/remote/request.ts'
import { Mosquitto } from '../support/mosquitto.ts'
import { MqttClients } from '../support/mqtt-clients.ts'
import { RemoteBed } from '../support/remote-bed.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

const clients = new MqttClients()
const { kept, connect, listen } = clients

afterEach(() => clients[Symbol.asyncDispose]())

const QUICK = { backoff: { min: '100ms', max: '300ms' }, connectTimeout: '2s' }
const ROUTES = [{ out: 'up/report', as: 'sites/{site}/report', retain: true }, { in: 'sites/{site}/cmd/+', as: 'cmd/+' }, { out: 'cmd/+/reply', as: 'sites/{site}/cmd/+/reply' }]
const COMMANDS = { topic: 'cmd', allow: ['status', 'queue', 'pause'], maxAnswer: '400B' }

async function siteWith(cloud: Mosquitto, remote: object, more: object = {}): Promise<Site> {
  const site = kept(await Site.make())
  await site.configure({ store: { commitWindow: '5ms' }, uplinks: [{ name: 'cloud', url: cloud.url, clientId: 'gateway', routes: ROUTES, ...QUICK, ...more }], remote })
  await site.start()
  await until(() => cloud.log.includes('Sending SUBACK to gateway'), 'the uplink to be up', 10_000)
  return site
}

interface Asked {
  readonly topic: string
  readonly said: Record<string, unknown>
  readonly correlation: string | undefined
  /** Of the PUBLISH, as it came from the cloud's broker. */
  readonly bytes: number
}

/** An operator at the cloud: what is answered to what it asks. */
async function operator(cloud: Mosquitto, filter: string) {
  const client = await connect(cloud.url)
  const answers: Asked[] = []
  client.on('message', (topic: string, payload: Buffer, packet: IPublishPacket) => {
    answers.push({ topic, said: JSON.parse(payload.toString()) as Record<string, unknown>, correlation: packet.properties?.correlationData?.toString(), bytes: packet.length! })
  })
  await client.subscribeAsync(filter, { qos: 1 })
  const ask = async (command: string, payload: string | Buffer, properties: IPublishPacket['properties'] = {}): Promise<Asked> => {
    const before = answers.length
    await client.publishAsync(`sites/test/cmd/${command}`, payload, { qos: 1, properties })
    await until(() => answers.length > before, `an answer to ${command}`)
    return answers.at(-1)!
  }
  return { client, answers, ask }
}

test('commands come over the uplink, and are answered under the topic that was named, or beside the command', async () => {
  const cloud = kept(await Mosquitto.start())
  const site = await siteWith(cloud, { commands: COMMANDS })
  const { ask } = await operator(cloud, 'ops/#')
  const beside = await listen(cloud.url, 'sites/test/cmd/+/reply')
  const status = await ask('status', '', { responseTopic: 'ops/me', correlationData: Buffer.from('c-1') })
  expect(status).toMatchObject({ topic: 'ops/me', correlation: 'c-1', said: { status: 'ok', s: 'test', u: expect.any(Number) as number } })
  const queue = await ask('queue', '{"id":"q1"}', { responseTopic: 'ops/me' })
  expect(queue.said).toMatchObject({ status: 'ok', id: 'q1', q: [['cloud', 'live', expect.any(Number), expect.any(Number), null]], drain: { cloud: expect.any(Number) as number } })
  const refused = await ask('config', '{}', { responseTopic: 'ops/me' })
  expect(refused.said).toEqual({ status: 'refused', reason: 'may be asked here: status, queue, pause' })
  for (const { bytes } of [status, queue, refused]) expect(bytes + 2).toBeLessThanOrEqual(400)
  const { client } = await operator(cloud, 'none')
  await client.publishAsync('sites/test/cmd/status', '{"id":"s2"}', { qos: 1 })
  await until(() => beside.length > 0, 'the answer beside')
  expect(beside).toMatchObject([{ topic: 'sites/test/cmd/status/reply' }])
  expect(JSON.parse(beside[0]!.payload)).toMatchObject({ status: 'ok', id: 's2' })
  expect(site.gateway.log.filter(({ level }) => level >= 50)).toEqual([])
})

test('a pause is answered before it begins, and ends by itself', async () => {
  const cloud = kept(await Mosquitto.start())
  const site = await siteWith(cloud, { commands: COMMANDS })
  const { ask } = await operator(cloud, 'ops/#')
  const answer = await ask('pause', '{"forSec":1}', { responseTopic: 'ops/me' })
  expect(answer.said).toEqual({ status: 'ok', uplink: 'cloud', order: 'pause', forSec: 1 })
  const ups = (): number => site.gateway.log.filter((line) => line.msg === 'uplink is up').length
  await until(() => ups() === 2, 'the uplink to be up again', 20_000)
  expect((await ask('status', '', { responseTopic: 'ops/me' })).said).toMatchObject({ status: 'ok' })
})

test('MQTT 3.1.1: a command that has waited in the cloud is carried out when the gateway comes, and answered beside it', async () => {
  const cloud = kept(await Mosquitto.start())
  const site = await siteWith(cloud, { commands: COMMANDS }, { version: 4 })
  const { client, answers } = await operator(cloud, 'sites/test/cmd/+/reply')
  await site.gateway.stop()
  await client.publishAsync('sites/test/cmd/status', '{"id":"waited"}', { qos: 1, properties: { responseTopic: 'ops/me' } })
  await site.start()
  await until(() => answers.length > 0, 'an answer to what has waited', 10_000)
  expect(answers).toMatchObject([{ topic: 'sites/test/cmd/status/reply', said: { status: 'ok', id: 'waited' } }])
})

test('with a key, only what is signed for this gateway and this command is carried out; strangers are not answered', async () => {
  const cloud = kept(await Mosquitto.start())
  const key = '0123456789abcdef0123456789abcdef'
  const site = await siteWith(cloud, { commands: { ...COMMANDS, key } })
  const { ask, answers, client } = await operator(cloud, 'ops/#')
  const signed = (text: string, command: string, of = 'test'): string => `${text}\n${signatureOf(Buffer.from(text), Buffer.from(key), of, command)}`
  const properties = { responseTopic: 'ops/me' }
  for (const payload of ['', '{}', signed('{}', 'queue'), signed('{}', 'status', 'other')]) await client.publishAsync('sites/test/cmd/status', payload, { qos: 1, properties })
  expect((await ask('status', signed('{"id":"s1"}', 'status'), properties)).said).toMatchObject({ status: 'ok', id: 's1' })
  expect(answers).toHaveLength(1)
  expect(site.gateway.log.filter((line) => line.msg === 'a command from afar is not taken')).toHaveLength(1)
})

test('reports are kept by the cloud, come when something changes, and cost the bytes that were counted', async () => {
  const cloud = kept(await Mosquitto.start())
  const bed = kept(await RemoteBed.start(`uplinks: ${JSON.stringify([{ name: 'cloud', url: cloud.url, clientId: 'gateway', routes: ROUTES, ...QUICK }])}\nremote: { report: { topic: up/report, every: 1d } }`))
  const lengths: number[] = []
  const operator = await connect(cloud.url)
  operator.on('packetreceive', (packet) => packet.cmd === 'publish' && lengths.push(packet.length! + (packet.length! < 128 ? 2 : 3))) // with its fixed header
  await operator.subscribeAsync('sites/test/report', { qos: 1 })
  const { gateway } = bed.gateway
  await until(async () => (await bed.gateway.pass(0.01), gateway.uplinks[0]!.state.phase === 'up'), 'the uplink to be up')
  await bed.gateway.pass(15)
  await until(() => lengths.length === 1, 'the first report')
  expect(gateway.numbers.get('remote/report/spent')).toBe(lengths[0])
  bed.alarms = [{ name: 'uplink-down/sat', severity: 'critical', message: '', hint: '' }]
  await until(async () => (await bed.gateway.pass(1), lengths.length === 2), 'the report of the change')
  expect(Math.max(...lengths)).toBeLessThan(250)
  const late = await listen(cloud.url, 'sites/+/report')
  await until(() => late.length > 0, 'the retained report')
  expect(late).toMatchObject([{ topic: 'sites/test/report', retain: true, qos: 1 }])
  expect(JSON.parse(late[0]!.payload)).toMatchObject({ s: 'test', v: '1.2.3', l: 'r', r: ['alarms'], a: ['uplink-down/sat'], q: { cloud: [0, 0] } })
})

test('a configuration over the link: one that works is confirmed by a command, one that cuts the link off comes back by itself', async () => {
  const cloud = kept(await Mosquitto.start())
  const site = await siteWith(cloud, { commands: { ...COMMANDS, allow: ['status', 'config'] } })
  const { ask } = await operator(cloud, 'ops/#')
  const config = async (words: object, text: string | null = null): Promise<Record<string, unknown>> => {
    const body = text === null ? [] : [Buffer.from('\n'), gzipSync(text)]
    return (await ask('config', Buffer.concat([Buffer.from(JSON.stringify(words)), ...body]), { responseTopic: 'ops/me' })).said
  }
  const ups = (): number => site.gateway.log.filter((line) => line.msg === 'uplink is up').length
  const before = await readFile(site.configFile, 'utf8')
  const asked = JSON.parse(before) as { uplinks: { name: string }[] }

  expect(await config({ do: 'check' }, before.replace('"cmd/+"', '7'))).toMatchObject({ status: 'ok', valid: false, problems: [expect.stringMatching(/^\d+:\d+ /) as string] })
  const { digest } = await config({})
  expect(await config({ do: 'apply', digest: 'another' }, before)).toMatchObject({ status: 'refused' })
  const quieter = JSON.stringify({ ...asked, log: { level: 'debug' } }, null, 2)
  expect(await config({ do: 'apply', digest, confirmWithinSec: 600 }, quieter)).toMatchObject({ status: 'ok', restart: true })
  await until(() => ups() === 2, 'the uplink to be up after the start', 20_000)
  expect(await config({})).toMatchObject({ source: 'trial', trial: {} })
  expect(await config({ do: 'confirm' })).toEqual({ status: 'ok' })
  expect(await readFile(site.configFile, 'utf8')).toBe(quieter)

  const { digest: next } = await config({})
  const mute = JSON.stringify({ ...asked, uplinks: asked.uplinks.map((uplink) => ({ ...uplink, url: 'mqtt://127.0.0.1:1' })) }, null, 2)
  expect(await config({ do: 'apply', digest: next, confirmWithinSec: 10 }, mute)).toMatchObject({ status: 'ok' })
  await until(() => ups() === 3, 'the uplink to be up with the configuration before', 60_000)
  expect(await config({})).toMatchObject({ source: 'file', trial: null, last: 'expired' })
  expect(await readFile(site.configFile, 'utf8')).toBe(quieter)
}, 90_000)
