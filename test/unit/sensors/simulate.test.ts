import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import type { SimulateSensorConfig } from '../../../src/config/config.ts'
import type { Message } from '../../../src/message.ts'
import type { Sensor } from '../../../src/sensors/sensor.ts'
import { makeWave } from '../../../src/sensors/simulate.ts'
import type { SensorState } from '../../../src/sensors/state.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { SensorBed } from '../../support/sensor-bed.ts'

type Simulate = SimulateSensorConfig['simulate']

function configOf(simulate: Partial<Simulate> = {}, name = 'boiler'): SimulateSensorConfig {
  return {
    kind: 'simulate',
tenant: '',
    name,
    topic: `site/${name}`,
    qos: 1,
    retain: true,
    reading: null,
    simulate: { kind: 'counter', everyMs: 1000, min: 0, max: 100, periodMs: 10_000, ...simulate },
  }
}

interface Run {
  readonly sensor: Sensor
  readonly clock: FakeClock
  readonly messages: Message[]
  readonly states: SensorState[]
  readonly sentAtMs: number[]
}

function runOf(config: SimulateSensorConfig, clock = new FakeClock()): Run {
  const bed = new SensorBed(clock)
  const { messages, states, sentAtMs } = bed
  return { sensor: bed.sensor(config), clock, messages, states, sentAtMs }
}

function readings(run: Run): { value: number; time: string | null; sequence: number }[] {
  return run.messages.map((message) => JSON.parse(message.payload.toString('utf8')))
}

/** Timers fire `lateMs` after they are due. */
class LateClock extends FakeClock {
  lateMs = 0
  override after(ms: number, fn: () => void) {
    return super.after(ms + this.lateMs, fn)
  }
}

describe('schedule', () => {
  test('the first reading at once, then one every everyMs, with value, time and sequence', () => {
    const run = runOf(configOf())
    expect(run.clock.pending).toBe(0)
    run.sensor.start()
    expect(run.messages, 'not in the middle of start').toHaveLength(0)
    run.clock.advance(2000)
    expect(run.messages.map((message) => message.payload.toString())).toEqual([
      '{"value":0,"time":"2026-11-01T00:00:01.000Z","sequence":0}',
      '{"value":1,"time":"2026-11-01T00:00:02.000Z","sequence":1}',
      '{"value":2,"time":"2026-11-01T00:00:03.000Z","sequence":2}',
    ])
    expect(run.messages[0]).toMatchObject({ qos: 1, retain: true, topic: { name: 'site/boiler' }, origin: null })
  })

  test('a clock that has not been set gives no time', () => {
    const run = runOf(configOf())
    run.clock.wallOffsetMs = 0
    run.sensor.start()
    run.clock.advance(0)
    expect(readings(run)).toEqual([{ value: 0, time: null, sequence: 0 }])
  })

  test('late ticks do not add up', () => {
    const clock = new LateClock()
    const run = runOf(configOf(), clock)
    run.sensor.start()
    clock.lateMs = 300
    clock.advance(100_000)
    expect(run.sentAtMs.slice(0, 4)).toEqual([1000, 2300, 3300, 4300])
    expect(run.sentAtMs.at(-1)).toBe(100_300)
    expect(run.sensor.state.skipped.missed).toBe(0)
  })

  test('a tick that fires a fraction early is not sent twice', () => {
    const clock = new LateClock()
    const run = runOf(configOf(), clock)
    run.sensor.start()
    clock.lateMs = -0.4
    clock.advance(5000)
    expect(readings(run).map((reading) => reading.value)).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('after a standstill there is one reading, not a burst, and the rest are counted as missed', () => {
    const clock = new LateClock()
    const run = runOf(configOf(), clock)
    run.sensor.start()
    clock.lateMs = 5500
    clock.advance(0)
    clock.lateMs = 0
    clock.advance(7999)
    expect(run.sentAtMs).toEqual([1000, 7500, 8000])
    expect(readings(run).map((reading) => reading.value), 'the value follows time').toEqual([0, 6, 7])
    expect(readings(run).map((reading) => reading.sequence), 'nothing was lost on the way').toEqual([0, 1, 2])
    expect(run.sensor.state.skipped.missed).toBe(5)
  })

  test('start, stop, and both again', async () => {
    const run = runOf(configOf())
    expect(run.sensor.state.status).toBe('starting')
    run.sensor.start()
    run.sensor.start()
    run.clock.advance(0)
    expect(run.messages).toHaveLength(1)
    await run.sensor.stop()
    await run.sensor.stop()
    expect(run.clock.pending).toBe(0)
    run.sensor.start()
    run.clock.advance(10_000)
    expect(run.messages).toHaveLength(1)
    expect(run.states.map((state) => state.status)).toEqual(['ok', 'stopped'])
    expect(run.sensor.state).toMatchObject({ name: 'boiler', status: 'stopped', since: 1000, readings: 1, lastError: null })
  })

  test('the serial driver is not loaded', () => {
    const run = runOf(configOf())
    run.sensor.start()
    run.clock.advance(1000)
    expect(Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes('serialport'))).toEqual([])
  })
})

describe('values', () => {
  const valuesOf = (simulate: Partial<Simulate>, name?: string, count = 1000): number[] => {
    const wave = makeWave(configOf(simulate, name))
    return Array.from({ length: count }, (_, n) => wave(n))
  }

  for (const kind of ['sine', 'ramp', 'random-walk', 'constant', 'counter'] as const) {
    test(`${kind} stays between min and max and is the same in every run`, () => {
      const values = valuesOf({ kind, min: -5, max: 5 })
      expect(Math.min(...values)).toBeGreaterThanOrEqual(-5)
      expect(Math.max(...values)).toBeLessThanOrEqual(5)
      expect(valuesOf({ kind, min: -5, max: 5 })).toEqual(values)
      expect(values.every(Number.isFinite)).toBe(true)
    })
  }

  for (const kind of ['sine', 'ramp', 'random-walk'] as const) {
    test(`${kind} differs from sensor to sensor, and moves`, () => {
      expect(valuesOf({ kind }, 'a')).not.toEqual(valuesOf({ kind }, 'b'))
      expect(new Set(valuesOf({ kind }, 'a', 10)).size).toBe(10)
    })
  }

  test('sine and ramp repeat with their period', () => {
    for (const kind of ['sine', 'ramp'] as const) {
      const values = valuesOf({ kind }, 'a', 40)
      for (let n = 0; n < 30; n++) expect(values[n + 10]).toBeCloseTo(values[n]!, 3)
    }
  })

  test('constant is min, counter wraps after max', () => {
    expect(valuesOf({ kind: 'constant', min: 21.5 }, 'a', 2)).toEqual([21.5, 21.5])
    expect(valuesOf({ kind: 'counter', min: 3, max: 5 }, 'a', 5)).toEqual([3, 4, 5, 3, 4])
    expect(valuesOf({ kind: 'counter', min: 3, max: 3 }, 'a', 2)).toEqual([3, 3])
  })

  test('a range of nothing gives no NaN', () => {
    for (const kind of ['sine', 'ramp', 'random-walk'] as const) expect(valuesOf({ kind, min: 7, max: 7 }, 'a', 3)).toEqual([7, 7, 7])
  })

  test('a walk is not stopped by a standstill of years', () => {
    const wave = makeWave(configOf({ kind: 'random-walk' }))
    expect(wave(1e12)).toBeGreaterThanOrEqual(0)
  })
})
