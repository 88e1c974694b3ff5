// Sparkplug B, judged by the payload library of others.
import { describe, expect, test } from 'vitest'
import { decodeCommand } from '../../../src/announce/sparkplug-payload.ts'
import { Sparkplug } from '../../../src/announce/sparkplug.ts'
import type { OutputConfig } from '../../../src/config/config.ts'
import type { Message } from '../../../src/message.ts'
import { AnnouncerBed, plug, sensorConfig } from '../../support/announcer-bed.ts'

const TANK = sensorConfig('tank')
const CONFIG = { group: 'Plant', node: 'well-07' }
const PUMP: OutputConfig = {
  name: 'pump', tenant: '', command: 'pump/set', state: 'pump', qos: 1, start: 'off', failSafe: null, onMsMin: 0, offMsMin: 0, atStop: 'keep',
  gpio: {} as OutputConfig['gpio'],
}

interface Seen {
  readonly topic: string
  readonly seq: number | null
  readonly metrics: Record<string, unknown>
}

function seen(message: Message): Seen {
  const { seq, metrics } = plug.decodePayload(message.payload)
  return {
    topic: message.topic.name,
    seq: seq === undefined || seq === null ? null : Number(seq),
    metrics: Object.fromEntries((metrics ?? []).map(({ name, alias, value, isNull }) => [name ?? `#${String(alias)}`, isNull === true || value === null ? null : typeof value === 'object' ? Number(value) : value])),
  }
}

function startOf(bed = new AnnouncerBed([TANK], [PUMP])): { bed: AnnouncerBed; node: Sparkplug; told: () => Seen[] } {
  const node = new Sparkplug(CONFIG, bed.deps)
  node.start()
  return { bed, node, told: () => bed.take().map(seen) }
}

const BIRTH = { bdSeq: 0, 'Node Control/Rebirth': false, 'Properties/Software': 'Sandpiper 1.2.3' }

describe('births, data and deaths', () => {
  test('the node is born with bdSeq and the rebirth control, as message 0', () => {
    expect(startOf().told()).toEqual([{ topic: 'spBv1.0/Plant/NBIRTH/well-07', seq: 0, metrics: BIRTH }])
  })

  test('metrics of births have aliases, each its own, but for the rebirth control', () => {
    const { bed, node } = startOf()
    node.onReading(TANK, bed.reading({ level: 1, temp: 2 }))
    const metrics = bed.take().flatMap(({ payload }) => plug.decodePayload(payload).metrics!)
    const aliases = new Map(metrics.map(({ name, alias }) => [name, alias === undefined || alias === null ? null : Number(alias)]))
    expect([...aliases]).toEqual([['bdSeq', 1], ['Node Control/Rebirth', null], ['Properties/Software', 2], ['level', 3], ['temp', 4]])
  })

  test('a device is born with its first reading; data go by alias, in sequence', () => {
    const { bed, node, told } = startOf()
    told()
    node.onReading(TANK, bed.reading({ level: 1.5, open: true, state: 'ok' }))
    node.onReading(TANK, bed.reading({ level: 2.5 }))
    node.onReading(TANK, bed.reading({ open: false, state: 'bad' }))
    expect(told()).toEqual([
      { topic: 'spBv1.0/Plant/DBIRTH/well-07/tank', seq: 1, metrics: { level: 1.5, open: true, state: 'ok' } },
      { topic: 'spBv1.0/Plant/DDATA/well-07/tank', seq: 2, metrics: { '#3': 2.5 } },
      { topic: 'spBv1.0/Plant/DDATA/well-07/tank', seq: 3, metrics: { '#4': false, '#5': 'bad' } },
    ])
  })

  test('names, aliases, types, times, units and qualities, as others read them', () => {
    const { bed, node } = startOf()
    bed.take()
    node.onReading(TANK, bed.reading({ level: 1.5 }, 'out-of-range', 'cm'))
    node.onReading(TANK, bed.reading({ level: 2 }))
    bed.take()
    node.onReading(TANK, bed.reading({ level: 1.5, n: 7 }, 'stale', 'cm'))
    const { timestamp, metrics } = plug.decodePayload(bed.take()[0]!.payload)
    expect(Number(timestamp)).toBe(bed.clock.wall())
    expect(metrics![0]).toMatchObject({ name: 'level', type: 'Double', value: 1.5, properties: { Quality: { type: 'Int32', value: 500 } } })
    expect(metrics![1]).toMatchObject({ name: 'n', type: 'Double', value: 7, properties: { Quality: { type: 'Int32', value: 500 }, engUnit: { type: 'String', value: 'cm' } } })
    expect(Number(metrics![0]!.timestamp)).toBe(bed.clock.wall())
  })

  test('a metric that comes later, or has another type, makes a new birth with all', () => {
    const { bed, node, told } = startOf()
    node.onReading(TANK, bed.reading({ level: 1 }))
    told()
    node.onReading(TANK, bed.reading({ temp: 20 }))
    node.onReading(TANK, bed.reading({ level: 'none' }))
    expect(told()).toEqual([
      { topic: 'spBv1.0/Plant/DBIRTH/well-07/tank', seq: 2, metrics: { level: 1, temp: 20 } },
      { topic: 'spBv1.0/Plant/DBIRTH/well-07/tank', seq: 3, metrics: { level: 'none', temp: 20 } },
    ])
  })

  test('a sensor that is gone is dead until it reads again', () => {
    const { bed, node, told } = startOf()
    node.onReading(TANK, bed.reading({ level: 1 }))
    told()
    node.onReading(TANK, bed.reading({ level: null }, 'gone'))
    node.onStatus(TANK, 'gone')
    node.onStatus(TANK, 'gone')
    expect(told()).toEqual([
      { topic: 'spBv1.0/Plant/DDATA/well-07/tank', seq: 2, metrics: { '#3': null } },
      { topic: 'spBv1.0/Plant/DDEATH/well-07/tank', seq: 3, metrics: {} },
    ])
    node.onReading(TANK, bed.reading({ level: 2 }))
    expect(told()).toEqual([{ topic: 'spBv1.0/Plant/DBIRTH/well-07/tank', seq: 4, metrics: { level: 2 } }])
  })

  test('a device whose first reading is out of range is born all the same, with a bad quality', () => {
    const { bed, node } = startOf()
    bed.take()
    node.onReading(TANK, bed.reading({ level: 500 }, 'out-of-range'))
    const { metrics } = plug.decodePayload(bed.take()[0]!.payload)
    expect(metrics![0]).toMatchObject({ name: 'level', value: 500, properties: { Quality: { value: 0 } } })
  })

  test('a sensor that is gone before it read anything is not born', () => {
    const { bed, node, told } = startOf()
    told()
    node.onReading(TANK, bed.reading({}, 'gone'))
    node.onReading(TANK, bed.reading({ level: null }, 'gone'))
    expect(told()).toEqual([])
  })

  test('beside a value that is out of range the others are good', () => {
    const { bed, node } = startOf()
    bed.take()
    const reading = bed.reading({ level: 500, temp: 20 }, 'out-of-range')
    node.onReading(TANK, { ...reading, values: reading.values.map((value) => ({ ...value, isInRange: value.name === 'temp' })) })
    const { metrics } = plug.decodePayload(bed.take()[0]!.payload)
    expect(metrics!.map(({ name, properties }) => [name, properties === undefined || properties === null])).toEqual([['level', false], ['temp', true]])
  })

  test('a unit that changes is told by a new birth', () => {
    const { bed, node } = startOf()
    node.onReading(TANK, bed.reading({ level: 1 }, 'good', 'cm'))
    bed.take()
    node.onReading(TANK, bed.reading({ level: 2 }, 'good', 'm'))
    const [{ topic, payload }] = bed.take() as [Message]
    expect(topic.name).toBe('spBv1.0/Plant/DBIRTH/well-07/tank')
    expect(plug.decodePayload(payload).metrics![0]).toMatchObject({ name: 'level', value: 2, properties: { engUnit: { value: 'm' } } })
  })

  test('a node that was never born does not die', () => {
    const bed = new AnnouncerBed([])
    new Sparkplug(CONFIG, bed.deps).stop()
    expect(bed.take()).toEqual([])
  })

  test('seq goes round after 255', () => {
    const { bed, node, told } = startOf()
    for (let i = 0; i < 300; i++) node.onReading(TANK, bed.reading({ level: i }))
    expect(told().map(({ seq }) => seq)).toEqual(Array.from({ length: 301 }, (_, i) => i % 256))
  })

  test('the death of the start before is told first, under its bdSeq; then the next begins', () => {
    const { bed } = startOf()
    bed.take()
    const again = new Sparkplug(CONFIG, bed.deps)
    again.start()
    expect(bed.take().map(seen)).toEqual([
      { topic: 'spBv1.0/Plant/NDEATH/well-07', seq: null, metrics: { bdSeq: 0 } },
      { topic: 'spBv1.0/Plant/NBIRTH/well-07', seq: 0, metrics: { ...BIRTH, bdSeq: 1 } },
    ])
    again.stop()
    expect(bed.take().map(seen)).toEqual([{ topic: 'spBv1.0/Plant/NDEATH/well-07', seq: null, metrics: { bdSeq: 1 } }])
  })

  test('bdSeq goes round after 255', () => {
    const bed = new AnnouncerBed([])
    bed.numbers.set('sparkplug/bdSeq', 255)
    startOf(bed)
    expect(bed.numbers.get('sparkplug/bdSeq')).toBe(0)
  })

  test('sensors of tenants are not told', () => {
    const { bed, node, told } = startOf()
    told()
    node.onReading(sensorConfig('other', { tenant: 'acme' }), bed.reading({ level: 1 }))
    expect(told()).toEqual([])
  })
})

describe('commands', () => {
  const rebirth = { timestamp: 1, metrics: [{ name: 'Node Control/Rebirth', type: 'Boolean' as const, value: true }] }

  test('a rebirth: the node and all living devices', () => {
    const { bed, node, told } = startOf()
    node.onReading(TANK, bed.reading({ level: 1 }))
    node.onReading(TANK, bed.reading({ level: 2 }))
    told()
    bed.clock.advance(1000)
    bed.arriveSparkplug('spBv1.0/Plant/NCMD/well-07', rebirth)
    expect(told()).toEqual([
      { topic: 'spBv1.0/Plant/NBIRTH/well-07', seq: 0, metrics: BIRTH },
      { topic: 'spBv1.0/Plant/DBIRTH/well-07/tank', seq: 1, metrics: { level: 2 } },
    ])
  })

  test('many hosts ask at once: one rebirth', () => {
    const { bed, told } = startOf()
    told()
    bed.clock.advance(1000)
    for (let i = 0; i < 5; i++) bed.arriveSparkplug('spBv1.0/Plant/NCMD/well-07', rebirth)
    expect(told()).toHaveLength(1)
  })

  test('an output: its state is a metric, a command goes to its topic', () => {
    const { bed, told } = startOf()
    told()
    for (const state of ['off', 'on', 'gone', 'on']) bed.arrive('pump', state)
    expect(told()).toEqual([
      { topic: 'spBv1.0/Plant/DBIRTH/well-07/pump', seq: 1, metrics: { value: false } },
      { topic: 'spBv1.0/Plant/DDATA/well-07/pump', seq: 2, metrics: { '#3': true } },
      { topic: 'spBv1.0/Plant/DDEATH/well-07/pump', seq: 3, metrics: {} },
      { topic: 'spBv1.0/Plant/DBIRTH/well-07/pump', seq: 4, metrics: { value: true } },
    ])
    bed.arriveSparkplug('spBv1.0/Plant/DCMD/well-07/pump', { timestamp: 1, metrics: [{ alias: 3, type: 'Boolean', value: true } as never] })
    bed.arriveSparkplug('spBv1.0/Plant/DCMD/well-07/pump', { timestamp: 1, metrics: [{ name: 'value', type: 'Boolean', value: false }] })
    expect(bed.take().map(({ topic, payload }) => [topic.name, payload.toString()])).toEqual([['pump/set', 'on'], ['pump/set', 'off']])
  })

  test.each<[string, Buffer]>([
    ['no Sparkplug', Buffer.from('{"rebirth":true}')],
    ['cut', Buffer.from([0x12, 0x20, 0x0a])],
    ['a number without end', Buffer.alloc(20, 0xff)],
    ['too large', Buffer.alloc(70_000)],
    ['a metric that ends behind its payload', Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f])],
  ])('what is none is told in the log and does nothing: %s', (_, payload) => {
    const { bed, told } = startOf()
    told()
    bed.clock.advance(5000)
    bed.arrive('spBv1.0/Plant/NCMD/well-07', payload)
    expect([told(), bed.warnings]).toEqual([[], ['a Sparkplug command was not understood']])
  })

  test('all kinds of values that hosts write', () => {
    const metrics = [
      { name: 'a', type: 'Int32' as const, value: -5 },
      { name: 'b', type: 'UInt32' as const, value: 4_000_000_000 },
      { name: 'c', type: 'Int64' as const, value: -7 },
      { name: 'd', type: 'Float' as const, value: 1.5 },
      { name: 'e', type: 'Double' as const, value: Math.PI },
      { name: 'f', type: 'String' as const, value: 'näh' },
      { name: 'g', type: 'Boolean' as const, value: true },
    ]
    expect(decodeCommand(Buffer.from(plug.encodePayload({ timestamp: 1, metrics }))).map(({ name, value }) => [name, value])).toEqual(metrics.map(({ name, value }) => [name, value]))
  })

  test('any bytes are a list of metrics or a RangeError', () => {
    const whole = Buffer.from(plug.encodePayload({ timestamp: 1, metrics: [{ name: 'value', type: 'Boolean', value: true }] }))
    let state = 1
    const random = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32
    for (let i = 0; i < 5000; i++) {
      const bytes = Buffer.from(whole.subarray(0, Math.floor(random() * (whole.length + 1))))
      for (let n = 0; n < 3 && bytes.length > 0; n++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
      try {
        decodeCommand(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
    }
  })
})
