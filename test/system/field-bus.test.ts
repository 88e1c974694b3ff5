// A whole gateway with a serial device and a Modbus slave: readings come out, commands go in, and whoever gave one hears what became of it.
import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ModbusSlaves } from '../support/modbus-slave.ts'
import { Site } from '../support/process.ts'
import { Pty } from '../support/pty.ts'
import { until } from '../support/until.ts'

let site: Site
let client: MqttClient
let came: { readonly topic: string; readonly payload: string; readonly packet: IPublishPacket }[]

beforeEach(async () => {
  site = await Site.make()
  came = []
})

afterEach(async () => {
  await client?.endAsync()
  await site[Symbol.asyncDispose]()
})

async function start(config: Readonly<Record<string, unknown>>): Promise<void> {
  await site.configure(config)
  await site.start()
  client = await mqtt.connectAsync(site.url, { protocolVersion: 5 })
  client.on('message', (topic, payload, packet) => void came.push({ topic, payload: payload.toString(), packet }))
  await client.subscribeAsync(['field/#', 'answers/#'], { qos: 1 })
}

async function command(topic: string, payload: string, id: string): Promise<unknown> {
  await client.publishAsync(topic, payload, { qos: 1, properties: { responseTopic: `answers/${id}`, correlationData: Buffer.from(id) } })
  const answer = await until(() => came.find((one) => one.topic === `answers/${id}`), `an answer to ${topic}`)
  expect(answer.packet.properties?.correlationData?.toString()).toBe(id)
  return JSON.parse(answer.payload)
}

test('a Modbus slave', { timeout: 40_000 }, async () => {
  await using slaves = await ModbusSlaves.rtu({ 3: { holding: { 0: 215, 1: 0 } } })
  await start({
    buses: [{ name: 'line', modbus: { serial: { path: slaves.path } } }],
    sensors: [
      {
        name: 'boiler',
        topic: 'field/boiler',
        modbus: { bus: 'line', slave: 3, poll: '100ms', read: [{ name: 'temp', holding: 0 }, { name: 'goal', holding: 1 }], write: [{ topic: 'field/goal/set', holding: 1, type: 'int16' }] },
        values: { temp: { scale: 0.1, unit: '°C', decimals: 1 }, goal: {} },
        onChange: true,
        retain: true,
      },
    ],
  })
  const first = await until(() => came.find(({ topic }) => topic === 'field/boiler'), 'a reading')
  expect(JSON.parse(first.payload)).toMatchObject({ temp: 21.5, goal: 0 })
  expect(await command('field/goal/set', '-20', 'a')).toEqual({ status: 'written' })
  await until(() => came.some(({ topic, payload }) => topic === 'field/boiler' && (JSON.parse(payload) as { goal: number }).goal === 65_516), 'what was written to be read')
  expect(await command('field/goal/set', 'warm', 'b')).toEqual({ status: 'bad-value', why: 'the payload is no int16' })
  await slaves.unplug()
  await until(async () => JSON.stringify(await command('field/goal/set', '1', `c${came.length}`)).includes('gone'), 'the loss to be told', 15_000)
})

test('a serial device that is asked', { timeout: 40_000 }, async () => {
  const pty = await Pty.make()
  try {
    await pty.plug()
    let level = 1
    let heard = ''
    pty.onData((bytes) => {
      heard += bytes.toString('latin1')
      for (let end = heard.indexOf('\r'); end >= 0; end = heard.indexOf('\r')) {
        const line = heard.slice(0, end)
        heard = heard.slice(end + 1)
        if (line === 'READ?') void pty.write(`\x02${level};21.40\x03`)
        const set = /^SET (\d+)$/.exec(line)
        if (set !== null) level = Number(set[1])
      }
    })
    await start({
      sensors: [
        {
          name: 'tank',
          topic: 'field/tank',
          serial: { path: pty.path, baud: 115_200 },
          frame: { start: '\\x02', end: '\\x03' },
          decode: { csv: ['level', 'temp'], separator: ';' },
          poll: { request: 'READ?\\r', every: '100ms', timeout: '80ms' },
          write: { topic: 'field/tank/set', prefix: 'SET ', suffix: '\\r' },
        },
      ],
    })
    await until(() => came.some(({ payload }) => payload === '{"level":1,"temp":21.40}'), 'a reading')
    expect(await command('field/tank/set', '7', 'a')).toEqual({ status: 'written' })
    await until(() => came.some(({ payload }) => payload === '{"level":7,"temp":21.40}'), 'the device to have obeyed')
  } finally {
    await pty.remove()
  }
})
