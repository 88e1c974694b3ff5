// Kernel sensors with the kernel's own drivers, over its simulated I2C bus in the virtual machine, which takes twenty seconds. kernel-sensors/run.sh fills the
// registers of the chips. Trees of real boards are in test/unit/sensors/kernel; 1-wire has no simulated bus with thermometers.
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareVm, runInVm, VM_TEST_MS_MAX, whyWithoutVm } from './run.ts'
import { Scenes } from './scenes.ts'

const reason = await prepareVm()

describe.skipIf(reason !== null)(`kernel sensors${whyWithoutVm(reason)}`, () => {
  let scenes: Scenes
  let bus: string

  beforeAll(async () => {
    scenes = new Scenes((await runInVm('test/vm/kernel-sensors/run.sh')).output)
    bus = scenes.get('found')['bus'] as string
  }, VM_TEST_MS_MAX)

  test('what is there, told apart by address where it must be', () => {
    const yaml = scenes.get('found')['yaml'] as string[]
    const expected = ['iio: { device: bme280 }', 'iio: { device: mlx90614 }', `hwmon: { chip: lm75 ${bus}-0048 }`, `hwmon: { chip: lm75 ${bus}-0049 }`, 'hwmon: { chip: ltc4151 }', `power: { supply: sbs-${bus}-000b }`, 'system: {}']
    expect(yaml).toEqual(expect.arrayContaining(expected))
    expect(scenes.get('found')['addresses']).toContain(`i2c ${bus}-0076`)
  })

  test('BME280: the numbers of its data sheet', () => {
    const { fields, status } = scenes.get('BME280 by name') as { readonly fields: Readonly<Record<string, number>>; readonly status: string }
    expect(status).toBe('ok')
    expect(fields['temp']).toBeCloseTo(25.08, 2)
    expect(fields['pressure']).toBeCloseTo(1006.53, 1)
    expect(fields['humidityrelative']).toBeGreaterThan(0)
    expect(fields['humidityrelative']).toBeLessThanOrEqual(100)
    expect(scenes.get('BME280 by address')).toEqual({ fields: { air: 25.08 }, status: 'ok', why: null })
  })

  test('MLX90614: offset and scale of the type', () => {
    expect(scenes.get('MLX90614')).toMatchObject({ fields: { temp_ambient: 19.99, temp_object: 36.85 }, status: 'ok' })
  })

  test('LTC4151: volts and amperes under names of ours', () => {
    expect(scenes.get('LTC4151')).toEqual({ fields: { volts: 12, amperes: 2 }, status: 'ok', why: null })
  })

  test('two chips of a name', () => {
    const why = `2 hwmon chips are called "lm75": write "lm75 ${bus}-0048" or "lm75 ${bus}-0049" in hwmon.chip`
    expect(scenes.get('two LM75')).toEqual({ fields: null, status: 'gone', why })
    expect(scenes.get('one of them')).toMatchObject({ fields: { temp1: -10 }, status: 'ok' })
  })

  test('a smart battery', () => {
    expect(scenes.get('battery')).toMatchObject({ fields: { voltage: 11.1, current: -1.5, capacity: 73, temperature: 25, present: true }, status: 'ok' })
  })

  test('the machine itself', () => {
    const { fields } = scenes.get('the machine') as { readonly fields: Readonly<Record<string, number>> }
    expect(fields['memoryAvailable']).toBeGreaterThan(1e8)
    expect(fields['uptime']).toBeGreaterThan(0)
  })

  test('a bus that is not enabled', () => {
    expect(scenes.get('no thermometer')).toMatchObject({ status: 'gone', why: expect.stringMatching(/^there is no 1-wire bus: enable it/) as unknown })
  })

  test('a chip leaves while it is read, and comes back by itself', () => {
    const { fields, statuses, why } = scenes.get('a chip leaves and comes back')
    expect(fields).toEqual({ temp1: 25.5 })
    expect((statuses as string[]).filter((status) => status !== 'degraded')).toEqual(['ok', 'gone', 'ok'])
    expect(why).toMatch(/^no hwmon chip "lm75/)
  })
})
