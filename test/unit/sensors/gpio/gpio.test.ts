// Sensors at GPIO lines in virtual time, at lines that obey the test. The kernel's lines: test/vm/gpio.test.ts.
import { describe, expect, test } from 'vitest'
import type { GpioInputConfig, GpioSensorConfig } from '../../../../src/config/config.ts'
import { makeMessage } from '../../../../src/message.ts'
import { LOOK_MS, RETRY_MS_MIN } from '../../../../src/gpio/held.ts'
import { FakeClock, settle } from '../../../support/fake-clock.ts'
import { SensorBed } from '../../../support/sensor-bed.ts'

const PIN = 'GPIO17'

function configOf(input: GpioInputConfig, more: Partial<GpioSensorConfig['gpio']> = {}): GpioSensorConfig {
  return {
    kind: 'gpio',
    name: 'door',
    tenant: '',
    topic: 'site/door',
    qos: 1,
    retain: false,
    reading: { values: null, everyMs: null, onChange: false, deadband: null, silenceMsMax: Infinity, staleMs: Infinity, payload: { kind: 'json', keys: null } },
    gpio: { line: { kind: 'name', name: PIN }, interface: 'auto', activeLow: false, pull: null, debounceMs: 0, input, ...more },
  }
}

async function started(config: GpioSensorConfig, prepare: (bed: SensorBed) => void = () => {}) {
  const bed = new SensorBed(new FakeClock())
  prepare(bed)
  const line = bed.gpio.line(PIN)
  const sensor = bed.sensor(config)
  sensor.start()
  await settle()
  const read = () => bed.readings.splice(0).map(({ values }) => Object.fromEntries(values.map(({ name, value }) => [name, value])))
  return { bed, line, sensor, clock: bed.clock, read }
}

const COUNTER: GpioInputConfig = { kind: 'counter', edge: 'rising', pollMs: 1000, saveMs: 10_000, reset: 'site/door/reset' }

describe('level', () => {
  test('is told at the start and with every change', async () => {
    const { line, read, sensor } = await started(configOf({ kind: 'level' }, { activeLow: true, pull: 'up', debounceMs: 20 }))
    expect(line.inputSpec).toEqual({ activeLow: true, edges: 'both', pull: 'up', debounceMs: 20 })
    expect(read()).toEqual([{ level: true }])
    line.tell([{ rising: false, atMs: 1100 }, { rising: true, atMs: 1200 }])
    expect(read()).toEqual([{ level: false }, { level: true }])
    expect(sensor.state.status).toBe('ok')
    await sensor.stop()
    expect(line.isOpen).toBe(false)
    expect(sensor.state.status).toBe('stopped')
  })

  test('an edge that was missed is found by looking, twice', async () => {
    const { line, read, sensor, clock } = await started(configOf({ kind: 'level' }))
    read()
    line.high = true
    clock.advance(LOOK_MS)
    expect(read()).toEqual([])
    clock.advance(LOOK_MS)
    expect(read()).toEqual([{ level: true }])
    expect(sensor.state.skipped.missed).toBe(1)
    clock.advance(10 * LOOK_MS)
    expect(read()).toEqual([])
    await sensor.stop()
  })
})

test('edges: each one that was asked for, and those that were missed are counted', async () => {
  const { line, read, sensor } = await started(configOf({ kind: 'edges', edge: 'falling' }))
  expect(line.inputSpec!.edges).toBe('falling')
  expect(read()).toEqual([])
  line.tell([{ rising: false, atMs: 1001 }, { rising: false, atMs: 1002 }], 7)
  expect(read()).toEqual([{ edge: 'falling' }, { edge: 'falling' }])
  expect(sensor.state.skipped.missed).toBe(7)
  await sensor.stop()
})

test('press: its length when it ends; none while edges are missing', async () => {
  const { line, read, sensor } = await started(configOf({ kind: 'press', longMs: 1000 }))
  line.tell([{ rising: true, atMs: 1000 }])
  expect(read()).toEqual([])
  line.tell([{ rising: false, atMs: 2500 }])
  expect(read()).toEqual([{ seconds: 1.5, long: true }])
  line.tell([{ rising: true, atMs: 3000 }])
  line.tell([{ rising: false, atMs: 4000 }], 2)
  expect(read()).toEqual([])
  await sensor.stop()
})

describe('counter', () => {
  test('total and rate, at its interval, from what the kernel has counted', async () => {
    const { line, read, sensor, clock } = await started(configOf(COUNTER), (bed) => bed.numbers.set('pulses/door', 1000))
    expect(line.events!.edges).toBeNull()
    expect(read()).toEqual([{ total: 1000, rate: null }])
    line.count = 500
    clock.advance(1000)
    line.count = 600
    clock.advance(1000)
    expect(read()).toEqual([{ total: 1500, rate: 500 }, { total: 1600, rate: 100 }])
    await sensor.stop()
  })

  test('is saved at its interval, and at the stop', async () => {
    const { bed, line, sensor, clock } = await started(configOf(COUNTER))
    line.count = 5
    clock.advance(10_000)
    expect(bed.numbers.get('pulses/door')).toBeUndefined()
    clock.advance(1000)
    expect(bed.numbers.get('pulses/door')).toBe(5)
    line.count = 8
    await sensor.stop()
    expect(bed.numbers.get('pulses/door')).toBe(8)
  })

  test('a line that goes and comes is counted on; nothing is counted twice', async () => {
    const { bed, line, read, sensor, clock } = await started(configOf(COUNTER))
    line.count = 10
    clock.advance(1000)
    line.trouble = 'ENODEV: no such device'
    await clock.advanceAsync(1000)
    expect(sensor.state).toMatchObject({ status: 'gone', lastError: 'ENODEV: no such device' })
    expect(bed.numbers.get('pulses/door')).toBe(10)
    expect(line.isOpen).toBe(false)
    line.trouble = null
    await clock.advanceAsync(RETRY_MS_MIN)
    expect(sensor.state.status).toBe('ok')
    line.count = 2
    read()
    clock.advance(1000)
    expect(read()).toEqual([{ total: 12, rate: 2 }])
    await sensor.stop()
  })

  test('a command sets the total; what was counted before belongs to the old one', async () => {
    const { bed, line, read, sensor, clock } = await started(configOf(COUNTER))
    line.count = 10
    bed.commands.get('site/door/reset')!(makeMessage('site/door/reset', '500'))
    expect(read().at(-1)).toEqual({ total: 500, rate: null })
    expect(bed.numbers.get('pulses/door')).toBe(500)
    line.count = 11
    clock.advance(1000)
    expect(read()).toEqual([{ total: 501, rate: 1 }])
    bed.commands.get('site/door/reset')!(makeMessage('site/door/reset', 'please'))
    expect(read()).toEqual([])
    expect(bed.warnings).toEqual(['sensor "door" was told a total that is no whole number: nothing was changed'])
    await sensor.stop()
  })
})

describe('a line that is not to be had', () => {
  test('says why once, and is tried again, less and less often', async () => {
    const why = 'pinctrl-rp1:17 is held by "w1": end it, or switch it off in the boot files'
    const { bed, line, sensor, clock } = await started(configOf({ kind: 'level' }), (b) => (b.gpio.line(PIN).trouble = why))
    await clock.advanceAsync(10_000)
    expect(sensor.state).toMatchObject({ status: 'gone', lastError: why })
    expect(bed.warnings).toEqual([`sensor "door" cannot read its line: ${why}`])
    expect(line.opened).toBe(0)
    line.trouble = null
    await clock.advanceAsync(30_000)
    expect(sensor.state.status).toBe('ok')
    expect(line.opened).toBe(1)
    await sensor.stop()
  })

  test('stop while it is being opened leaves nothing open', async () => {
    const bed = new SensorBed(new FakeClock())
    const sensor = bed.sensor(configOf({ kind: 'level' }))
    sensor.start()
    await sensor.stop()
    expect(bed.gpio.line(PIN).isOpen).toBe(false)
    expect(bed.clock.pending).toBe(0)
  })
})

test('what the line cannot do makes the sensor degraded, with the reason', async () => {
  const { sensor } = await started(configOf(COUNTER), (bed) => (bed.gpio.line(PIN).shortcomings = ['pulses may be missed']))
  expect(sensor.state).toMatchObject({ status: 'degraded', lastError: 'pulses may be missed' })
  await sensor.stop()
})
