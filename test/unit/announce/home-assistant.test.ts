import { describe, expect, test } from 'vitest'
import { HomeAssistant } from '../../../src/announce/home-assistant.ts'
import type { OutputConfig, SensorConfig, ValueConfig } from '../../../src/config/config.ts'
import { makeMessage } from '../../../src/message.ts'
import type { Raw } from '../../../src/sensors/sensor.ts'
import { AnnouncerBed, READING, sensorConfig } from '../../support/announcer-bed.ts'

const PUMP: OutputConfig = {
  name: 'pump', tenant: '', command: 'pump/set', state: 'pump', qos: 1, start: 'off', failSafe: null, onMsMin: 0, offMsMin: 0, atStop: 'keep',
  gpio: {} as OutputConfig['gpio'],
}
const DEVICE = {
  device: { identifiers: ['sandpiper:well-07'], name: 'well-07', manufacturer: 'Sandpiper', model: 'Edge gateway', sw_version: '1.2.3' },
  origin: { name: 'Sandpiper', sw_version: '1.2.3' },
}

function value(name: string, from = name): ValueConfig {
  return { name, from, convert: null, unit: null, range: null, decimals: null, deadband: null, of: 'last' }
}

function announced(sensor: SensorConfig, values: Readonly<Record<string, Raw>>, unit: string | null = null): [string, Record<string, unknown>][] {
  const bed = new AnnouncerBed([sensor])
  const assistant = new HomeAssistant({ prefix: 'homeassistant' }, bed.deps)
  assistant.start()
  assistant.onReading(sensor, bed.reading(values, 'good', unit))
  return bed.take().map(({ topic, payload, retain, qos }) => {
    expect([retain, qos]).toEqual([true, 1])
    return [topic.name, JSON.parse(payload.toString()) as Record<string, unknown>]
  })
}

describe('a value', () => {
  test('a number with a unit', () => {
    expect(announced(sensorConfig('tank'), { temp: 20 }, '°C')).toEqual([
      ['homeassistant/sensor/sandpiper-well-07/tank-temp/config', {
        name: 'tank temp', state_topic: 'site/tank', value_template: '{{ value_json.temp }}', unit_of_measurement: '°C', device_class: 'temperature', state_class: 'measurement',
        unique_id: 'sandpiper:well-07:tank:temp', ...DEVICE,
      }],
    ])
  })

  test('true and false', () => {
    const [topic, config] = announced(sensorConfig('door'), { value: true })[0]!
    expect(topic).toBe('homeassistant/binary_sensor/sandpiper-well-07/door-value/config')
    expect(config).toMatchObject({ name: 'door', value_template: "{{ 'ON' if value_json.value is true else 'OFF' if value_json.value is false else 'None' if value_json.value is none else '' }}" })
    expect(config).not.toHaveProperty('state_class')
  })

  test('a text has no statistics', () => expect(announced(sensorConfig('a'), { state: 'ok' })[0]![1]).not.toHaveProperty('state_class'))

  test('a total only rises', () => {
    const counter = sensorConfig('water', { reading: { ...READING, values: [value('used', 'total')] } })
    expect(announced(counter, { used: 3 }, 'L')[0]![1]).toMatchObject({ state_class: 'total_increasing', device_class: 'volume' })
  })

  test('stale readings expire', () => {
    expect(announced(sensorConfig('a', { reading: { ...READING, staleMs: 90_500 } }), { v: 1 })[0]![1]).toMatchObject({ expire_after: 91 })
  })

  test.each<[string, Partial<typeof READING>, number | undefined]>([
    ['a window comes only when it ends', { everyMs: 600_000 }, 690],
    ['what is not news is not published before maxSilence', { onChange: true, silenceMsMax: 3_600_000 }, 3690],
    ['nor ever without one', { onChange: true }, undefined],
    ['a deadband holds back too', { deadband: { kind: 'absolute', by: 1 } }, undefined],
    ['also that of one value', { values: [{ ...value('v'), deadband: { kind: 'absolute', by: 1 } }] }, undefined],
  ])('good readings that nobody publishes do not expire: %s', (_, reading, seconds) => {
    const [, config] = announced(sensorConfig('a', { reading: { ...READING, staleMs: 90_000, ...reading } }), { v: 1 })[0]!
    expect(config['expire_after']).toBe(seconds)
  })

  test.each<[Raw, string]>([[1, 'v'], [true, 'vb'], ['x', 'vs']])('%s in SenML', (raw, member) => {
    const [, config] = announced(sensorConfig('a', { reading: { ...READING, payload: { kind: 'senml', baseName: 'x:' } } }), { level: raw })[0]!
    expect(config['value_template']).toContain(`map(attribute='${member}')`)
  })

  test('two names that discovery cannot tell apart are two objects', () => {
    const topics = announced(sensorConfig('a'), { 'höhe': 1, 'hühe': 2, h_he: 3 }).map(([topic]) => topic)
    expect(new Set(topics).size).toBe(3)
    expect(topics[2]).toBe('homeassistant/sensor/sandpiper-well-07/a-h_he/config')
    for (const topic of topics) expect(topic).toMatch(/^[A-Za-z0-9_/-]+$/)
  })

  test('a topic of its own', () => {
    expect(announced(sensorConfig('a', { topic: 'site/a/{value}' }), { level: 1 })[0]![1]).toMatchObject({ state_topic: 'site/a/level', value_template: '{{ value_json.value }}' })
  })

  test.each<[string, SensorConfig['reading'], string | undefined]>([
    ['plain', { ...READING, payload: { kind: 'plain' } }, undefined],
    ['a key of your choice', { ...READING, payload: { kind: 'json', keys: [{ key: 'the level', word: 'level' }] } }, "{{ value_json['the level'] }}"],
    ['SenML', { ...READING, payload: { kind: 'senml', baseName: 'x:' } }, "{{ (value_json | selectattr('n', 'eq', 'level') | map(attribute='v') | first) }}"],
  ])('is read from the payload: %s', (_, reading, template) => {
    expect(announced(sensorConfig('a', { reading }), { level: 1 })[0]![1]['value_template']).toBe(template)
  })
})

test('it is announced once, and anew only when it is another thing', () => {
  const sensor = sensorConfig('a')
  const bed = new AnnouncerBed([sensor])
  const assistant = new HomeAssistant({ prefix: 'ha' }, bed.deps)
  assistant.start()
  for (const v of [1, 2, 'x', 'y']) assistant.onReading(sensor, bed.reading({ v }))
  expect(bed.take().map(({ topic }) => topic.name)).toEqual(['ha/sensor/sandpiper-well-07/a-v/config', 'ha/sensor/sandpiper-well-07/a-v/config'])
})

test('a value that becomes a state leaves no sensor behind', () => {
  const sensor = sensorConfig('a')
  const bed = new AnnouncerBed([sensor])
  const assistant = new HomeAssistant({ prefix: 'ha' }, bed.deps)
  assistant.start()
  for (const v of [1, true]) assistant.onReading(sensor, bed.reading({ v }))
  expect(bed.take().map(({ topic, payloadLength }) => [topic.name, payloadLength > 0])).toEqual([
    ['ha/sensor/sandpiper-well-07/a-v/config', true],
    ['ha/sensor/sandpiper-well-07/a-v/config', false],
    ['ha/binary_sensor/sandpiper-well-07/a-v/config', true],
  ])
})

test('a value that is not configured any more is taken back', () => {
  const bed = new AnnouncerBed([sensorConfig('tank', { reading: { ...READING, values: [value('level')] } })], [PUMP])
  const before = (object: string, id: string): void => void bed.kept.set(object, makeMessage(`homeassistant/sensor/sandpiper-well-07/${object}/config`, JSON.stringify({ unique_id: id }), { retain: true }))
  before('tank-level', 'sandpiper:well-07:tank:level')
  before('tank-temp', 'sandpiper:well-07:tank:temp')
  before('pump-value', 'sandpiper:well-07:pump:value') // a sensor of that name was there
  new HomeAssistant({ prefix: 'homeassistant' }, bed.deps).start()
  expect(bed.take().filter(({ payloadLength }) => payloadLength === 0).map(({ topic }) => topic.name.split('/')[3])).toEqual(['tank-temp', 'pump-value'])
})

test('an output is a switch', () => {
  const bed = new AnnouncerBed([], [PUMP])
  new HomeAssistant({ prefix: 'homeassistant' }, bed.deps).start()
  const { topic, payload } = bed.take()[0]!
  expect(topic.name).toBe('homeassistant/switch/sandpiper-well-07/pump-output/config')
  expect(JSON.parse(payload.toString())).toMatchObject({ command_topic: 'pump/set', state_topic: 'pump', payload_on: 'on', state_off: 'off', availability: [{ topic: 'pump' }] })
})

test('what was announced before and is not there any more is taken back; what is not ours stays', () => {
  const bed = new AnnouncerBed([sensorConfig('tank')])
  const before = (topic: string, id: string): void => void bed.kept.set(topic, makeMessage(topic, JSON.stringify({ unique_id: id }), { retain: true }))
  before('homeassistant/sensor/sandpiper-well-07/old-v/config', 'sandpiper:well-07:old:v')
  before('homeassistant/sensor/sandpiper-well-07/tank-v/config', 'sandpiper:well-07:tank:v')
  before('homeassistant/sensor/sandpiper-well-07/other/config', 'somebody else')
  bed.kept.set('x', makeMessage('x', 'no JSON', { retain: true }))
  new HomeAssistant({ prefix: 'homeassistant' }, bed.deps).start()
  expect(bed.take().map(({ topic, payloadLength }) => [topic.name, payloadLength])).toEqual([['homeassistant/sensor/sandpiper-well-07/old-v/config', 0]])
})
