// A SCADA host and Home Assistant find the sensors of a real gateway: MQTT.js and the payload library of others stand for them.
import mqtt, { type MqttClient } from 'mqtt'
import { expect, test } from 'vitest'
import { plug } from '../support/announcer-bed.ts'
import { Site } from '../support/process.ts'
import { until } from '../support/until.ts'

interface Heard {
  readonly topic: string
  readonly payload: Buffer
}

async function listen(site: Site, filter: string): Promise<{ readonly client: MqttClient; readonly heard: Heard[] }> {
  const client = await mqtt.connectAsync(site.url, { protocolVersion: 5, reconnectPeriod: 100 })
  const heard: Heard[] = []
  client.on('message', (topic, payload) => void heard.push({ topic, payload }))
  await client.subscribeAsync(filter, { qos: 1 })
  return { client, heard }
}

const SENSORS = [
  { name: 'tank', topic: 'tank', simulate: { kind: 'counter', every: '100ms', max: 1_000_000 }, values: { level: { from: 'value', unit: 'cm' } } },
  { name: 'door', topic: 'door', simulate: { kind: 'constant', min: 1, every: '100ms' }, values: { n: { from: 'value' } }, onChange: true },
]
const seqOf = ({ payload }: Heard): number => Number(plug.decodePayload(payload).seq)

test('a Sparkplug host asks for a rebirth, and misses nothing from there on; a kill is told as a death', async () => {
  await using site = await Site.make()
  await site.configure({ sensors: SENSORS, announce: { sparkplug: { group: 'Plant' } } })
  const gateway = await site.start()
  const { client, heard } = await listen(site, 'spBv1.0/Plant/+/test/#')
  const births = (): Heard[] => heard.filter(({ topic }) => topic === 'spBv1.0/Plant/NBIRTH/test')
  await until(async () => {
    // As long as the start's own births are younger than a second the host is not obeyed, and asks again.
    await client.publishAsync('spBv1.0/Plant/NCMD/test', Buffer.from(plug.encodePayload({ timestamp: Date.now(), metrics: [{ name: 'Node Control/Rebirth', type: 'Boolean', value: true }] })))
    return births().length > 0
  }, 'the rebirth')
  const sinceBirth = (): Heard[] => heard.slice(heard.lastIndexOf(births().at(-1)!))
  await until(() => sinceBirth().filter(({ topic }) => topic === 'spBv1.0/Plant/DDATA/test/tank').length > 5, 'data')
  const since = sinceBirth().filter(({ topic }) => !topic.includes('CMD'))
  expect(since.map(seqOf)).toEqual(since.map((_, i) => i))
  expect(since.slice(1, 3).map(({ topic }) => topic).sort()).toEqual(['spBv1.0/Plant/DBIRTH/test/door', 'spBv1.0/Plant/DBIRTH/test/tank'])
  const birth = plug.decodePayload(since.find(({ topic }) => topic.endsWith('DBIRTH/test/tank'))!.payload).metrics![0]!
  expect(birth).toMatchObject({ name: 'level', type: 'Double', properties: { engUnit: { type: 'String', value: 'cm' } } })
  const data = since.filter(({ topic }) => topic.endsWith('DDATA/test/tank')).map(({ payload }) => plug.decodePayload(payload).metrics![0]!)
  expect(new Set(data.map(({ alias }) => Number(alias)))).toEqual(new Set([Number(birth.alias)]))
  expect(data.slice(1).every(({ value }, i) => Number(value) > Number(data[i]!.value))).toBe(true) // a simulated sensor leaves out what is late

  await gateway.kill()
  const count = heard.length
  await site.start()
  await until(() => heard.slice(count).some(({ topic }) => topic.endsWith('DDATA/test/tank')), 'data of the next start')
  expect(births().length).toBeGreaterThan(0)
  await client.endAsync()
}, 40_000)

test('the death of a start that was killed is told with its bdSeq by the next one; an orderly stop tells its own', async () => {
  await using site = await Site.make()
  await site.configure({ sensors: SENSORS, announce: { sparkplug: {} } })
  const first = await site.start()
  // A session that lasts, so that nothing of what is told while nobody is there gets lost.
  const keep = async (): Promise<{ client: MqttClient; heard: Heard[] }> => {
    const heard: Heard[] = []
    const client = mqtt.connect(site.url, { protocolVersion: 5, clientId: 'host', clean: false, properties: { sessionExpiryInterval: 1000 } })
    client.on('message', (topic, payload) => void heard.push({ topic, payload }))
    await new Promise((resolve) => void client.once('connect', resolve))
    await client.subscribeAsync('spBv1.0/Sandpiper/NDEATH/test', { qos: 1 })
    return { client, heard }
  }
  const { client } = await keep()
  await client.endAsync()
  await first.kill()
  const second = await site.start()
  await second.stop()
  await site.start()
  const again = await keep()
  const bdSeq = ({ payload }: Heard): number => Number(plug.decodePayload(payload).metrics!.find(({ name }) => name === 'bdSeq')!.value)
  await until(() => again.heard.length >= 3, 'three deaths') // of the first by the second, of the second by itself and by the third
  expect(again.heard.map(bdSeq)).toEqual([0, 1, 1])
  await again.client.endAsync()
}, 60_000)

test('Home Assistant finds a value after its first reading, and not after its sensor has gone from the configuration', async () => {
  await using site = await Site.make()
  await site.configure({ sensors: SENSORS, announce: { homeAssistant: {} } })
  const gateway = await site.start()
  const { client, heard } = await listen(site, 'homeassistant/#')
  await until(() => heard.length >= 2, 'both announcements')
  const tank = heard.find(({ topic }) => topic.endsWith('/tank-level/config'))!
  expect(JSON.parse(tank.payload.toString())).toMatchObject({ state_topic: 'tank', value_template: '{{ value_json.level }}', unit_of_measurement: 'cm', unique_id: 'sandpiper:test:tank:level' })
  await client.endAsync()
  await gateway.stop()
  await site.configure({ sensors: [SENSORS[0]], announce: { homeAssistant: {} } })
  await site.start()
  const later = await listen(site, 'homeassistant/#')
  await later.client.subscribeAsync('barrier', { qos: 1 }) // what is kept comes before this is answered
  expect(later.heard.map(({ topic }) => topic)).toEqual(['homeassistant/sensor/sandpiper-test/tank-level/config'])
  await later.client.endAsync()
}, 40_000)
