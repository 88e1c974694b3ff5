import { describe, expect, test } from 'vitest'
import type { ReadingConfig, SensorCommon, ValueConfig } from '../../../../src/config/config.ts'
import { Readings } from '../../../../src/sensors/reading/readings.ts'
import { SensorRecord } from '../../../../src/sensors/state.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { SensorBed } from '../../../support/sensor-bed.ts'

const SENSOR: SensorCommon = { name: 'tank', tenant: '', topic: 'site/tank', qos: 1, retain: true, reading: null }
const READING: ReadingConfig = { values: null, everyMs: null, onChange: false, deadband: null, silenceMsMax: Infinity, staleMs: Infinity, payload: { kind: 'json', keys: null } }

function value(name: string, config: Partial<ValueConfig> = {}): ValueConfig {
  return { name, from: name, convert: null, unit: null, range: null, decimals: null, deadband: null, of: 'last', ...config }
}

class Bed extends SensorBed {
  readonly record: SensorRecord
  readonly shaped: Readings

  constructor(reading: Partial<ReadingConfig> = {}, sensor: Partial<SensorCommon> = {}) {
    super(new FakeClock())
    this.record = new SensorRecord('tank', 0, () => {})
    this.shaped = new Readings({ ...SENSOR, ...sensor }, { ...READING, ...reading }, this.deps, this.record)
    this.shaped.start()
  }

  /** What is published for this; values and quality only. */
  take(fields: Record<string, number | string | boolean | null>): unknown[] {
    this.shaped.take(fields, this.clock.now())
    return this.published()
  }

  published(): unknown[] {
    return this.takeTexts().map((text) => {
      const { time: _, ...rest } = JSON.parse(text) as Record<string, unknown>
      return rest
    })
  }
}

describe('what was read', () => {
  test('is published as it comes when nothing is said about it', () => {
    const bed = new Bed()
    expect(bed.take({ level: 12.5, open: true, state: 'ok', none: null })).toEqual([{ level: 12.5, open: true, state: 'ok', none: null }])
  })

  test('has its time, QoS and RETAIN', () => {
    const bed = new Bed()
    bed.clock.advance(1500)
    bed.shaped.take({ level: 1 }, bed.clock.now() - 200)
    expect(bed.messages[0]).toMatchObject({ qos: 1, retain: true, properties: null })
    expect(bed.messages[0]!.topic.name).toBe('site/tank')
    expect(JSON.parse(bed.takeTexts()[0]!)).toEqual({ level: 1, time: new Date(bed.clock.wall() - 200).toISOString() })
  })

  test('has the units of the source, where the configuration says none and nothing is converted', () => {
    const values = [value('a'), value('b', { unit: '°F' }), value('c', { convert: { kind: 'linear', scale: 2, offset: 1 } }), value('constructor')]
    const keys = values.map(({ name }) => ({ key: name, word: `unit.${name}` }))
    const bed = new Bed({ values, payload: { kind: 'json', keys } })
    bed.shaped.take({ a: 1, b: 1, c: 1, constructor: 1 }, 0, { a: '°C', b: '°C', c: '°C' })
    expect(bed.published()).toEqual([{ a: '°C', b: '°F', c: null, constructor: null }])
    const plain = new Bed({ payload: { kind: 'senml', baseName: 'x' } })
    plain.shaped.take({ temp: 21 }, 0, { temp: '°C' })
    expect(plain.takeTexts()[0]).toContain('"u":"Cel"')
  })

  test('only what is named, in that order, under its name', () => {
    const bed = new Bed({ values: [value('b'), value('a', { from: 'raw a', convert: { kind: 'linear', scale: 2, offset: 1 } })] })
    bed.shaped.take({ 'raw a': 4, b: 1, other: 3 }, 0)
    expect(bed.takeTexts()[0]).toMatch(/^\{"b":1,"a":9,/)
  })

  test('what was not read this time is left out', () => {
    const bed = new Bed({ values: [value('a'), value('b')] })
    expect(bed.take({ a: 1, b: 2 })).toEqual([{ a: 1, b: 2 }])
    expect(bed.take({ b: 3 })).toEqual([{ b: 3 }])
    expect(bed.take({ c: 3 })).toEqual([])
  })

  test('one raw value shown in two ways', () => {
    const bed = new Bed({ values: [value('cm', { from: 'raw' }), value('litres', { from: 'raw', convert: { kind: 'linear', scale: 20, offset: 0 } })] })
    expect(bed.take({ raw: 3 })).toEqual([{ cm: 3, litres: 60 }])
  })

  test('beyond its range it is published, and called so', () => {
    const bed = new Bed({ values: [value('level', { range: { min: 0, max: 10 } })] })
    expect(bed.take({ level: 11 })).toEqual([{ level: 11, quality: 'out-of-range' }])
    expect(bed.take({ level: 9 })).toEqual([{ level: 9 }])
  })

  test('more names than a message can have are counted', () => {
    const bed = new Bed()
    bed.take(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`v${i}`, i])))
    expect(bed.record.snapshot.skipped['too-many-values']).toBe(44)
  })
})

describe('only what is new', () => {
  test('onChange', () => {
    const bed = new Bed({ onChange: true })
    expect(bed.take({ open: false })).toHaveLength(1)
    expect(bed.take({ open: false })).toEqual([])
    expect(bed.take({ open: true })).toEqual([{ open: true }])
  })

  test('a deadband is held against what was published: a drift adds up', () => {
    const bed = new Bed({ deadband: { kind: 'absolute', by: 0.5 } })
    expect(bed.take({ t: 20 })).toHaveLength(1)
    expect([20.3, 20.5, 20.6, 20.9, 21.2].map((t) => bed.take({ t }).length)).toEqual([0, 0, 1, 0, 1])
  })

  test('a deadband in percent', () => {
    const bed = new Bed({ deadband: { kind: 'relative', by: 0.1 } })
    expect([100, 109, 111, 121, 123].map((p) => bed.take({ p }).length)).toEqual([1, 0, 1, 0, 1])
  })

  test('one of a value goes before that of all', () => {
    const bed = new Bed({ values: [value('a', { deadband: { kind: 'absolute', by: 10 } }), value('b')], deadband: { kind: 'absolute', by: 1 } })
    bed.take({ a: 0, b: 0 })
    expect(bed.take({ a: 9, b: 0.5 })).toEqual([])
    expect(bed.take({ a: 0, b: 1.5 })).toEqual([{ a: 0, b: 1.5 }])
  })

  test('beside a deadband a value without one counts when it differs at all', () => {
    const bed = new Bed({ values: [value('a', { deadband: { kind: 'absolute', by: 10 } }), value('alarm')] })
    bed.take({ a: 0, alarm: false })
    expect(bed.take({ a: 1, alarm: false })).toEqual([])
    expect(bed.take({ a: 1, alarm: true })).toEqual([{ a: 1, alarm: true }])
  })

  test('values that are read apart do not make each other news', () => {
    const bed = new Bed({ values: [value('a', { range: { min: 0, max: 10 } }), value('b')], onChange: true })
    expect(bed.take({ a: 11 })).toEqual([{ a: 11, quality: 'out-of-range' }])
    expect(bed.take({ b: 1 })).toEqual([{ b: 1 }])
    for (let i = 0; i < 3; i++) expect([...bed.take({ a: 11 }), ...bed.take({ b: 1 })]).toEqual([])
    expect(bed.take({ a: 9 })).toEqual([{ a: 9 }])
  })

  test('no value, and a value again, are news', () => {
    const bed = new Bed({ deadband: { kind: 'absolute', by: 5 } })
    bed.take({ a: 9 })
    expect(bed.take({ a: null })).toEqual([{ a: null }])
    expect(bed.take({ a: null })).toEqual([])
    expect(bed.take({ a: 9 })).toEqual([{ a: 9 }])
  })

  test('after gone, and after stale, the first reading is news though the value is what it was', () => {
    const bed = new Bed({ values: [value('a'), value('b')], onChange: true, staleMs: 5000 })
    bed.take({ a: 9, b: 1 })
    bed.clock.advance(5000)
    expect(bed.published()).toEqual([{ a: 9, b: 1, quality: 'stale' }])
    expect([...bed.take({ a: 9 }), ...bed.take({ b: 1 })]).toEqual([{ a: 9 }, { b: 1 }])
    bed.shaped.onStatus('gone')
    bed.published()
    expect([...bed.take({ a: 9 }), ...bed.take({ b: 1 })]).toEqual([{ a: 9 }, { b: 1 }])
  })

  test('another quality is news', () => {
    const bed = new Bed({ values: [value('a', { range: { min: 0, max: 10 } })], deadband: { kind: 'absolute', by: 5 } })
    bed.take({ a: 9 })
    expect(bed.take({ a: 11 })).toEqual([{ a: 11, quality: 'out-of-range' }])
    expect(bed.take({ a: 10 })).toEqual([{ a: 10 }])
  })
})

describe('every', () => {
  test('one message from all that was read, at the ends of windows', () => {
    const bed = new Bed({ everyMs: 1000, values: [value('t', { of: 'mean' }), value('n', { of: 'max' })] })
    bed.take({ t: 1, n: 5 })
    bed.clock.advance(400)
    expect(bed.take({ t: 2, n: 3 })).toEqual([])
    bed.clock.advance(600)
    expect(bed.published()).toEqual([{ t: 1.5, n: 5 }])
    bed.clock.advance(1000)
    expect(bed.published()).toEqual([]) // nothing was read
    bed.take({ t: 7, n: 1 })
    bed.clock.advance(1000)
    expect(bed.published()).toEqual([{ t: 7, n: 1 }])
  })

  test('its time is that of the last that was read', () => {
    const bed = new Bed({ everyMs: 1000 })
    bed.clock.advance(300)
    bed.take({ t: 1 })
    bed.clock.advance(700)
    expect(JSON.parse(bed.takeTexts()[0]!)).toEqual({ t: 1, time: new Date(bed.clock.wall() - 700).toISOString() })
  })

  test('the deadband is for what the window gives', () => {
    const bed = new Bed({ everyMs: 1000, deadband: { kind: 'absolute', by: 1 }, values: [value('t', { of: 'mean' })] })
    for (const t of [10, 10.4, 12]) {
      bed.shaped.take({ t }, bed.clock.now())
      bed.clock.advance(1000)
    }
    expect(bed.published()).toEqual([{ t: 10 }, { t: 12 }])
  })
})

describe('silence', () => {
  test('what is known is told again after maxSilence', () => {
    const bed = new Bed({ onChange: true, silenceMsMax: 10_000 })
    bed.take({ t: 1 })
    bed.clock.advance(9000)
    expect(bed.take({ t: 1 })).toEqual([])
    bed.clock.advance(1000)
    expect(bed.published()).toEqual([{ t: 1 }])
    bed.clock.advance(9999)
    expect(bed.published()).toEqual([])
    bed.clock.advance(1)
    expect(bed.published()).toEqual([{ t: 1 }])
  })

  test('nothing is told again before there is something', () => {
    const bed = new Bed({ silenceMsMax: 1000 })
    bed.clock.advance(5000)
    expect(bed.published()).toEqual([])
  })

  test('stale after staleAfter, once; good again with the next', () => {
    const bed = new Bed({ staleMs: 5000 })
    bed.take({ t: 1 })
    bed.clock.advance(4999)
    expect(bed.published()).toEqual([])
    bed.clock.advance(1)
    expect(bed.published()).toEqual([{ t: 1, quality: 'stale' }])
    bed.clock.advance(60_000)
    expect(bed.published()).toEqual([])
    expect(bed.take({ t: 1 })).toEqual([{ t: 1 }])
    bed.clock.advance(5000)
    expect(bed.published()).toEqual([{ t: 1, quality: 'stale' }])
  })

  test('told again while stale, it is still called stale', () => {
    const bed = new Bed({ staleMs: 5000, silenceMsMax: 20_000 })
    bed.take({ t: 1 })
    bed.clock.advance(5000)
    bed.published()
    bed.clock.advance(20_000)
    expect(bed.published()).toEqual([{ t: 1, quality: 'stale' }])
  })

  test('with a topic each, a value that is read no more is stale beside others that are', () => {
    const bed = new Bed({ staleMs: 5000, payload: { kind: 'json', keys: null } }, { topic: 't/{value}' })
    bed.take({ a: 1, b: 2 })
    for (let i = 0; i < 4; i++) {
      bed.clock.advance(2000)
      bed.shaped.take({ a: 1 }, bed.clock.now())
    }
    const stale = bed.messages.filter(({ payload }) => payload.toString().includes('stale'))
    expect(stale.map(({ topic }) => topic.name)).toEqual(['t/b'])
  })

  test('what is told again leaves out what has not been read for staleAfter', () => {
    const bed = new Bed({ staleMs: 5000, silenceMsMax: 10_000, onChange: true })
    bed.take({ a: 1, b: 2 })
    for (let i = 0; i < 4; i++) {
      bed.clock.advance(2500)
      bed.shaped.take({ a: 1 }, bed.clock.now())
    }
    expect(bed.published()).toEqual([{ a: 1 }])
  })

  test('gone: the values are null', () => {
    const bed = new Bed({ silenceMsMax: 60_000 })
    bed.take({ t: 1 })
    bed.record.set('gone', 0)
    bed.shaped.onStatus('gone')
    expect(bed.published()).toEqual([{ t: null, quality: 'gone' }])
    bed.shaped.onStatus('gone')
    bed.clock.advance(200_000)
    expect(bed.published()).toEqual([])
  })

  test('gone before anything was read', () => {
    const bed = new Bed()
    bed.shaped.onStatus('gone')
    expect(bed.published()).toEqual([{ quality: 'gone' }])
  })

  test('what is gone is not called stale later, with values of before', () => {
    const bed = new Bed({ staleMs: 5000 })
    bed.take({ t: 1 })
    bed.shaped.onStatus('gone')
    expect(bed.published()).toEqual([{ t: null, quality: 'gone' }])
    bed.clock.advance(60_000)
    expect(bed.published()).toEqual([])
  })

  test('gone in mid-window: what was read before is told first, and nothing good after it', () => {
    const bed = new Bed({ everyMs: 10_000, values: [value('t', { of: 'mean' })] })
    bed.take({ t: 1 })
    bed.take({ t: 3 })
    bed.clock.advance(1000)
    bed.shaped.onStatus('gone')
    expect(bed.published()).toEqual([{ t: 2 }, { t: null, quality: 'gone' }])
    bed.clock.advance(60_000)
    expect(bed.published()).toEqual([])
  })

  test('stale in mid-window: what was read before is told first, and nothing good after it', () => {
    const bed = new Bed({ everyMs: 10_000, staleMs: 2000 })
    bed.take({ t: 1 })
    bed.clock.advance(2000)
    expect(bed.published()).toEqual([{ t: 1 }, { t: 1, quality: 'stale' }])
    bed.clock.advance(60_000)
    expect(bed.published()).toEqual([])
  })

  test('a stop in mid-window loses nothing', () => {
    const bed = new Bed({ everyMs: 10_000 })
    bed.take({ t: 1 })
    bed.shaped.stop()
    expect(bed.published()).toEqual([{ t: 1 }])
    bed.shaped.stop()
    bed.clock.advance(60_000)
    expect(bed.published()).toEqual([])
  })

  test('nothing after it was stopped', () => {
    const bed = new Bed({ silenceMsMax: 1000, everyMs: 500, staleMs: 2000 })
    bed.take({ t: 1 })
    bed.shaped.stop()
    bed.published()
    bed.clock.advance(60_000)
    expect(bed.take({ t: 2 })).toEqual([])
  })
})

describe('a topic for each value', () => {
  test('each has a message, a gate and a sequence of its own', () => {
    const bed = new Bed({ onChange: true, payload: { kind: 'plain' } }, { topic: 'site/tank/{value}' })
    bed.shaped.take({ level: 1, 'a/b+c#': true }, 0)
    bed.messages.splice(0)
    bed.shaped.take({ level: 1, 'a/b+c#': false }, 0)
    expect(bed.messages.map(({ topic, payload }) => [topic.name, payload.toString()])).toEqual([['site/tank/a_b_c_', 'false']])
  })

  test('whatever a device calls its values, the topic is one that MQTT allows', () => {
    const bed = new Bed({}, { topic: '{value}' })
    const names = ["$&", '$SYS', '', 'x'.repeat(70_000), '\ud800', 'a\u0001b', '{value}']
    bed.shaped.take(Object.fromEntries(names.map((name, i) => [name, i])), 0)
    const topics = bed.messages.map(({ topic }) => topic.name)
    expect(topics.slice(0, 3)).toEqual(['_&', '_SYS', '_'])
    expect(topics.slice(4)).toEqual(['_', 'a_b', '{value}'])
    for (const { topic } of bed.messages) {
      expect(topic.bytes.length).toBeLessThan(1000)
      expect(topic.bytes.toString('utf8')).toBe(topic.name)
    }
  })

  test('signs of a replacement are no replacement', () => {
    const bed = new Bed({}, { topic: 'a/{value}/b' })
    bed.shaped.take({ "x$&y$$z$'": 1 }, 0)
    expect(bed.messages[0]!.topic.name).toBe("a/x$&y$$z$'/b")
  })

  test('JSON calls it value', () => {
    const bed = new Bed({}, { topic: 't/{value}' })
    expect(bed.take({ level: 1, temp: 2 })).toEqual([{ value: 1 }, { value: 2 }])
  })
})

describe('payloads', () => {
  test('plain: what has a bad quality is not published, and counted', () => {
    const bed = new Bed({ payload: { kind: 'plain' }, values: [value('t', { range: { min: 0, max: 10 } })] })
    bed.shaped.take({ t: 5 }, 0)
    bed.shaped.take({ t: 50 }, 0)
    bed.shaped.onStatus('gone')
    expect(bed.takeTexts()).toEqual(['5'])
    expect(bed.record.snapshot.skipped['out-of-range']).toBe(1)
  })

  test.each([['plain', { kind: 'plain' }], ['SenML', { kind: 'senml', baseName: 'x' }]] as const)('%s has no word for "no value": it is not published, and does not clear what is retained', (_, payload) => {
    const bed = new Bed({ payload, onChange: true })
    bed.shaped.take({ t: 5 }, 0)
    bed.messages.splice(0)
    bed.shaped.take({ t: null }, 0)
    expect(bed.takeTexts()).toEqual([])
    bed.shaped.take({ t: 5 }, 0)
    expect(bed.record.snapshot.readings).toBe(2)
  })

  test('no key stands twice: a value that is called like a word of ours is the device\'s', () => {
    const bed = new Bed({ values: [value('time'), value('quality', { range: { min: 0, max: 1 } }), value('clock')] })
    bed.isSynced = false
    bed.shaped.take({ time: 7, quality: 5, clock: 'x' }, 0)
    const text = bed.takeTexts()[0]!
    expect(text.match(/"(time|quality|clock)":/g)).toHaveLength(3)
    expect(JSON.parse(text)).toEqual({ time: 7, quality: 5, clock: 'x' })
  })

  test('a value may be called like something that every object has', () => {
    const bed = new Bed({ values: [value('constructor'), value('toString')], payload: { kind: 'json', keys: [{ key: 'a', word: 'constructor' }, { key: 'b', word: 'toString' }] } })
    expect(bed.take({ constructor: 1, toString: 2 } as never)).toEqual([{ a: 1, b: 2 }])
  })

  test('keys of your choice', () => {
    const words = { at: 'timeMs', s: 'timeSec', v: 'level', u: 'unit.level', q: 'quality', c: 'clock', who: 'name', where: 'site', n: 'sequence', 'odd "key"': 'value' }
    const bed = new Bed({ values: [value('level', { unit: 'cm' })], payload: { kind: 'json', keys: Object.entries(words).map(([key, word]) => ({ key, word })) } })
    bed.take({ level: 4 })
    bed.shaped.take({ level: 5 }, bed.clock.now())
    const wallMs = bed.clock.wall()
    expect(JSON.parse(bed.takeTexts()[0]!)).toEqual({ at: wallMs, s: wallMs / 1000, v: 5, u: 'cm', q: 'good', c: 'synced', who: 'tank', where: 'well-07', n: 1, 'odd "key"': 5 })
  })

  test('names and units in SenML are those that it allows', () => {
    const bed = new Bed({ values: [value('Höhe über 0', { unit: 'm³' }), value('other', { unit: 'furlong' })], payload: { kind: 'senml', baseName: 'brunnen süd:tank:' } })
    bed.shaped.take({ 'Höhe über 0': 1, other: 2 }, 0)
    const records = JSON.parse(bed.takeTexts()[0]!) as { readonly n: string; readonly u: string; readonly bn?: string }[]
    expect(records.map(({ n, u }) => [n, u])).toEqual([['H_he__ber_0', 'm3'], ['other', 'furlong']])
    expect(records[0]!.bn).toBe('brunnen_s_d:tank:')
  })

  test('SenML (RFC 8428)', () => {
    const bed = new Bed({ values: [value('level', { unit: 'm' }), value('open'), value('state')], payload: { kind: 'senml', baseName: 'urn:dev:well-07:' } })
    bed.shaped.take({ level: 4.2, open: true, state: 'ok' }, bed.clock.now())
    expect(JSON.parse(bed.takeTexts()[0]!)).toEqual([
      { bn: 'urn:dev:well-07:', bt: bed.clock.wall() / 1000, n: 'level', u: 'm', v: 4.2 },
      { n: 'open', vb: true },
      { n: 'state', vs: 'ok' },
    ])
  })
})
