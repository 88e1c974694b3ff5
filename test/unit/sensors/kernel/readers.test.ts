// What each reader makes of trees as real boards show them.
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type FindDevice, NotThere } from '../../../../src/sensors/kernel/device.ts'
import { findHwmon } from '../../../../src/sensors/kernel/hwmon.ts'
import { findIio } from '../../../../src/sensors/kernel/iio.ts'
import { findOneWire } from '../../../../src/sensors/kernel/one-wire.ts'
import { findPower } from '../../../../src/sensors/kernel/power.ts'
import { findSystem, wearOf } from '../../../../src/sensors/kernel/system.ts'
import { findThermal } from '../../../../src/sensors/kernel/thermal.ts'
import { FileTree } from '../../../support/tree.ts'

const THERMOMETER = '28-0000034a5a5d'
const W1 = `/sys/devices/w1_bus_master1/${THERMOMETER}`
const BME = '/sys/devices/platform/soc/fe804000.i2c/i2c-1/1-0077/iio:device0'
const ORIN = '/sys/devices/platform/bus@0/c240000.i2c/i2c-1'

let tree: FileTree

function board(name: 'rpi-4' | 'jetson-agx-orin' | 'jetson-nano' | 'x86-laptop'): string {
  tree = FileTree.recorded(join(import.meta.dirname, `trees/${name}.txt`))
  return tree.root
}

function empty(): string {
  tree = new FileTree()
  return tree.root
}

afterEach(() => tree[Symbol.dispose]())

async function read(find: FindDevice) {
  const { fields, gaps } = await (await find()).read()
  return { fields: { ...fields }, gaps }
}

async function absent(find: FindDevice): Promise<string> {
  const error = await find().catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(NotThere)
  return (error as NotThere).message
}

const same = (...names: string[]) => names.map((name) => ({ name, channel: name }))

describe('1-wire', () => {
  test('degrees from `temperature`', async () => {
    expect(await read(findOneWire(board('rpi-4'), THERMOMETER))).toEqual({ fields: { temperature: 19.375 }, gaps: [] })
  })

  test('from `w1_slave` where the kernel is older', async () => {
    const root = board('rpi-4')
    tree.remove(`${W1}/temperature`)
    expect(await read(findOneWire(root, THERMOMETER))).toEqual({ fields: { temperature: 19.437 }, gaps: [] })
    tree.write(`${W1}/w1_slave`, '5e ff 4b 46 7f ff 02 10 3e : crc=3e YES\n5e ff 4b 46 7f ff 02 10 3e t=-10125\n')
    expect((await read(findOneWire(root, THERMOMETER))).fields).toEqual({ temperature: -10.125 })
  })

  test.each([
    ['a wrong check sum', 'w1_slave', '37 01 4b 46 7f ff 09 10 26 : crc=11 NO\n37 01 4b 46 7f ff 09 10 26 t=19437\n', 'wrong-checksum', /wrong check sum/],
    ['the power-on value', 'temperature', '85000\n', 'power-on', /85 °C, what it holds after power-on/],
    ['the power-on value, older kernel', 'w1_slave', '50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n', 'power-on', /85 °C/],
    ['a disturbed line', 'temperature', '127937\n', 'fault', /127.937 °C, what a disturbed line reads as/],
    ['nothing', 'temperature', '', 'not-a-number', /no number/],
  ])('%s is no reading', async (_name, file, text, reason, why) => {
    const root = board('rpi-4')
    if (file === 'w1_slave') tree.remove(`${W1}/temperature`)
    tree.write(`${W1}/${file}`, text)
    expect(await read(findOneWire(root, THERMOMETER))).toEqual({ fields: { temperature: null }, gaps: [{ reason, why: expect.stringMatching(why) as unknown }] })
  })

  test('its lane is its bus', async () => {
    const root = board('rpi-4')
    const device = await findOneWire(root, THERMOMETER)()
    expect(device.lane.endsWith('/sys/devices/w1_bus_master1')).toBe(true)
  })

  test('one that is not there: those that are, or what to enable', async () => {
    const root = board('rpi-4')
    expect(await absent(findOneWire(root, '28-000000000001'))).toMatch(/^no thermometer 28-000000000001 .*there are 28-0000034a5a5d; correct oneWire.address/)
    tree.remove(`/sys/bus/w1/devices/${THERMOMETER}`)
    expect(await absent(findOneWire(root, THERMOMETER))).toMatch(/no thermometer answers .*pull-up/)
    tree.remove('/sys/bus/w1')
    expect(await absent(findOneWire(root, THERMOMETER))).toMatch(/no 1-wire bus: enable it/)
  })
})

describe('iio', () => {
  test('a BME280, in the units that people use', async () => {
    expect(await read(findIio(board('rpi-4'), 'bme280', null))).toEqual({ fields: { humidityrelative: 48.563, pressure: 987.82757812, temp: 22.31 }, gaps: [] })
  })

  test('with their units, under the names that are chosen', async () => {
    const device = await findIio(board('rpi-4'), 'bme280', [{ name: 'air', channel: 'temp' }, { name: 'weather', channel: 'pressure' }, { name: 'x', channel: 'nothing' }])()
    expect(device.units).toEqual({ air: '°C', weather: 'hPa' })
  })

  test.each(['bme280', '1-0077', 'i2c 1-0077', 'bme280 1-0077', '  i2c   1-0077 '])('named as "%s"', async (device) => {
    expect((await read(findIio(board('rpi-4'), device, same('temp')))).fields).toEqual({ temp: 22.31 })
  })

  test('by its label', async () => {
    const root = board('rpi-4')
    tree.write(`${BME}/label`, 'greenhouse\n')
    expect((await read(findIio(root, 'greenhouse', [{ name: 'air', channel: 'temp' }]))).fields).toEqual({ air: 22.31 })
  })

  test('channels by label, in milliamperes and milliwatts', async () => {
    const find = findIio(board('jetson-nano'), 'ina3221x', [{ name: 'board', channel: 'power0' }, { name: 'gpu', channel: 'voltage1' }])
    expect((await read(find)).fields).toEqual({ board: 2.205, gpu: 5.096 })
    expect((await read(findIio(tree.root, 'ina3221x', null))).fields).toMatchObject({ current0: 0.432, voltage0: 5.104 })
  })

  test.each([
    ['its own scale', { in_voltage0_raw: '1000', in_voltage0_scale: '3.0' }, { voltage0: 3 }],
    ['a shared scale', { in_voltage3_raw: '812', in_voltage_scale: '1.000000000' }, { voltage3: 0.812 }],
    ['its own before the shared one', { in_voltage0_raw: '10', in_voltage0_scale: '2', in_voltage_scale: '5' }, { voltage0: 0.02 }],
    ['differential', { 'in_voltage0-voltage1_raw': '-200', 'in_voltage-voltage_scale': '0.1', in_voltage_scale: '9' }, { 'voltage0-voltage1': -0.02 }],
    ['differential with the scale of all', { 'in_voltage0-voltage1_raw': '-200', in_voltage_scale: '0.1' }, { 'voltage0-voltage1': -0.02 }],
    ['offset and scale of the type, modified', { in_temp_object_raw: '14800', in_temp_ambient_raw: '14657', in_temp_offset: '-13657.500000', in_temp_scale: '20.000000000' }, { temp_ambient: 19.99, temp_object: 22.85 }],
    ['axes', { in_accel_x_raw: '-256', in_accel_y_raw: '0', in_accel_scale: '0.038344' }, { accel_x: -9.816064, accel_y: 0 }],
    ['a scale of all directions', { in_pressure_raw: '100', in_scale: '1.01' }, { pressure: 1010 }],
    ['numbers sort as numbers', { in_voltage10_raw: '1', in_voltage2_raw: '2', in_voltage_scale: '1000' }, { voltage2: 2, voltage10: 1 }],
    ['no scale: the number as it is', { in_proximity_raw: '213', in_voltage0_raw: '77' }, { proximity: 213, voltage0: 77 }],
    ['ppm', { in_concentration_co2_raw: '612', in_concentration_co2_scale: '0.0001' }, { concentration_co2: 612 }],
    ['no peaks, times or outputs', { in_accel_x_raw: '1', in_accel_x_peak_raw: '9', in_timestamp_en: '0', out_voltage0_raw: '5' }, { accel_x: 1 }],
  ])('(raw + offset) × scale: %s', async (_name, files, fields) => {
    const root = empty()
    tree.add('/sys/bus/iio/devices/iio:device0/name: chip')
    for (const [file, text] of Object.entries(files)) tree.write(`/sys/bus/iio/devices/iio:device0/${file}`, `${text}\n`)
    const found = await read(findIio(root, 'chip', null))
    expect(found).toEqual({ fields, gaps: [] })
    expect(Object.keys(found.fields)).toEqual(Object.keys(fields))
  })

  test('a channel that is not there, or gives no number, leaves the others', async () => {
    const root = board('rpi-4')
    tree.write(`${BME}/in_pressure_input`, '0.1 0.2 0.3\n')
    const { fields, gaps } = await read(findIio(root, 'bme280', same('temp', 'presure', 'pressure')))
    expect(fields).toEqual({ temp: 22.31, presure: null, pressure: null })
    expect(gaps.map((gap) => gap.reason)).toEqual(['unreadable', 'not-a-number'])
    expect(gaps[0]!.why).toBe('no channel "presure": there are humidityrelative, pressure, temp')
  })

  test('two with one name are told apart by address', async () => {
    const root = board('rpi-4')
    tree.add('/sys/bus/iio/devices/iio:device1 -> ../../../devices/platform/soc/fe804000.i2c/i2c-1/1-0076/iio:device1\n/sys/devices/platform/soc/fe804000.i2c/i2c-1/1-0076/subsystem -> ../../../../../../bus/i2c\n/sys/devices/platform/soc/fe804000.i2c/i2c-1/1-0076/iio:device1/name: bme280\n/sys/devices/platform/soc/fe804000.i2c/i2c-1/1-0076/iio:device1/in_temp_input: 7000')
    expect(await absent(findIio(root, 'bme280', null))).toBe('2 IIO devices are called "bme280": write "bme280 1-0077" or "bme280 1-0076" in iio.device')
    expect((await read(findIio(root, 'bme280 1-0076', null))).fields).toEqual({ temp: 7 })
  })

  test('one that is not there: those that are', async () => {
    expect(await absent(findIio(board('rpi-4'), 'bmp180', null))).toMatch(/^no IIO device "bmp180": there is bme280 \(i2c 1-0077\); correct iio.device, or enable/)
    tree[Symbol.dispose]()
    expect(await absent(findIio(empty(), 'bme280', null))).toMatch(/^no IIO device is there: enable the bus/)
  })

  test('another chip that gets its number is not taken for it', async () => {
    const root = board('rpi-4')
    const device = await findIio(root, 'bme280', same('temp'))()
    tree.remove('/sys/devices/platform/soc/fe804000.i2c/i2c-1/1-0077')
    tree.link('/sys/bus/iio/devices/iio:device0', '../../../devices/platform/other/iio:device0')
    tree.write('/sys/devices/platform/other/iio:device0/in_temp_input', '99000\n')
    expect((await device.read()).fields).toEqual({ temp: null })
  })
})

describe('hwmon', () => {
  test('two INA3221 of a Jetson, by address; what is off or not connected is left out', async () => {
    const root = board('jetson-agx-orin')
    expect(await absent(findHwmon(root, 'ina3221', null))).toBe('2 hwmon chips are called "ina3221": write "ina3221 1-0041" or "ina3221 1-0040" in hwmon.chip')
    expect(await read(findHwmon(root, 'ina3221 1-0041', null))).toEqual({ fields: { curr2: 0.152, in2: 4.952 }, gaps: [] })
    expect((await read(findHwmon(root, '1-0040', null))).fields).toEqual({ curr1: 0.152, curr2: 0.04, curr3: 0.688, in1: 19.816, in2: 19.84, in3: 4.976, in7: 0.002 })
  })

  test('channels by label, and alarms when they are asked for', async () => {
    const find = findHwmon(board('jetson-agx-orin'), 'ina3221 1-0040', [...same('VIN_SYS_5V0'), { name: 'overload', channel: 'curr1_crit_alarm' }])
    expect((await read(find)).fields).toEqual({ VIN_SYS_5V0: 4.976, overload: false })
    tree.write(`${ORIN}/1-0040/hwmon/hwmon3/curr1_crit_alarm`, '1\n')
    expect((await read(find)).fields).toMatchObject({ overload: true })
  })

  test('one that is asked for and switched off is a gap', async () => {
    const { fields, gaps } = await read(findHwmon(board('jetson-agx-orin'), 'ina3221 1-0041', same('in2', 'in3')))
    expect(fields).toEqual({ in2: 4.952, in3: null })
    expect(gaps).toMatchObject([{ reason: 'unreadable', why: expect.stringMatching(/^in3 cannot be read/) as unknown }])
  })

  test('rpi_volt has nothing but its alarm', async () => {
    expect(await read(findHwmon(board('rpi-4'), 'rpi_volt', null))).toEqual({ fields: { in0_lcrit_alarm: false }, gaps: [] })
  })

  test('an x86: labels, and addresses of PCI and platform', async () => {
    expect((await read(findHwmon(board('x86-laptop'), 'coretemp.0', [{ name: 'package', channel: 'Package id 0' }]))).fields).toEqual({ package: 45 })
    expect((await read(findHwmon(tree.root, 'pci 0000:01:00.0', null))).fields).toEqual({ temp1: 38.85 })
    expect(await absent(findHwmon(tree.root, 'k10temp', null))).toContain('there are acpitz, coretemp (platform coretemp.0), nvme (pci 0000:01:00.0); correct hwmon.chip')
  })

  test.each([
    ['temp1', '-5500', -5.5],
    ['in0', '3296', 3.296],
    ['curr1', '-120', -0.12],
    ['power1', '2250000', 2.25],
    ['energy1', '123456789', 123.456789],
    ['fan1', '1432', 1432],
    ['humidity1', '72772', 72.772],
  ])('units: %s', async (channel, text, value) => {
    const root = empty()
    tree.add(`/sys/class/hwmon/hwmon4/name: chip\n/sys/class/hwmon/hwmon4/${channel}_input: ${text}`)
    expect((await read(findHwmon(root, 'chip', null))).fields).toEqual({ [channel]: value })
  })

  test('power as an average only', async () => {
    const root = empty()
    tree.add('/sys/class/hwmon/hwmon0/name: amdgpu\n/sys/class/hwmon/hwmon0/power1_average: 9000000')
    expect((await read(findHwmon(root, 'amdgpu', null))).fields).toEqual({ power1: 9 })
  })

  test('a fault is no reading', async () => {
    const root = empty()
    tree.add('/sys/class/hwmon/hwmon0/name: max31865\n/sys/class/hwmon/hwmon0/temp1_input: 850000\n/sys/class/hwmon/hwmon0/temp1_fault: 1')
    expect(await read(findHwmon(root, 'max31865', null))).toMatchObject({ fields: { temp1: null }, gaps: [{ reason: 'fault' }] })
    tree.write('/sys/class/hwmon/hwmon0/temp1_fault', '0\n')
    expect(await read(findHwmon(root, 'max31865', null))).toEqual({ fields: { temp1: 850 }, gaps: [] })
  })
})

describe('thermal zones', () => {
  test('by type', async () => {
    expect((await read(findThermal(board('rpi-4'), 'cpu-thermal'))).fields).toEqual({ temperature: 48.312 })
  })

  test('two of a type by address', async () => {
    expect(await absent(findThermal(board('x86-laptop'), 'acpitz'))).toBe('2 thermal zones are called "acpitz": write "acpitz LNXTHERM:00" or "acpitz LNXTHERM:01" in thermal.zone')
    expect((await read(findThermal(tree.root, 'acpitz LNXTHERM:01'))).fields).toEqual({ temperature: 29.8 })
  })

  test('one that is switched off is a gap', async () => {
    expect(await read(findThermal(board('jetson-agx-orin'), 'cv0-thermal'))).toMatchObject({ fields: { temperature: null }, gaps: [{ reason: 'unreadable' }] })
  })

  test('one that is not there', async () => {
    expect(await absent(findThermal(board('jetson-nano'), 'cpu-thermal'))).toBe('no thermal zone "cpu-thermal": there are AO-therm, CPU-therm, PMIC-Die; correct thermal.zone, or see what `sandpiper board` finds')
  })
})

describe('power', () => {
  test('what the firmware of a Raspberry Pi tells', async () => {
    const flags = { underVoltage: true, frequencyCapped: false, throttled: true, softTemperatureLimit: false, underVoltageSinceBoot: true, frequencyCappedSinceBoot: false, throttledSinceBoot: true, softTemperatureLimitSinceBoot: false }
    expect(await read(findPower(board('rpi-4'), null))).toEqual({ fields: flags, gaps: [] })
    tree.write('/sys/devices/platform/soc/soc:firmware/get_throttled', 'e0008\n')
    expect((await read(findPower(tree.root, null))).fields).toEqual({ underVoltage: false, frequencyCapped: false, throttled: false, softTemperatureLimit: true, underVoltageSinceBoot: false, frequencyCappedSinceBoot: true, throttledSinceBoot: true, softTemperatureLimitSinceBoot: true })
  })

  test('its voltage monitor alone, with a kernel that has no more', async () => {
    const root = board('rpi-4')
    tree.remove('/sys/devices/platform/soc/soc:firmware/get_throttled')
    expect((await read(findPower(root, null))).fields).toEqual({ underVoltage: false })
    tree.write('/sys/devices/platform/soc/soc:firmware/raspberrypi-hwmon/hwmon/hwmon1/in0_lcrit_alarm', '1\n')
    expect((await read(findPower(root, null))).fields).toEqual({ underVoltage: true })
  })

  test('supplies: one, or all with their names in front', async () => {
    const root = board('x86-laptop')
    const battery = { voltage: 12.229, power: 4.83, energy: 49.45, capacity: 98, cycles: 0, status: 'Discharging', present: true }
    expect((await read(findPower(root, 'BAT0'))).fields).toEqual(battery)
    const prefixed = Object.fromEntries(Object.entries(battery).map(([name, value]) => [`BAT0_${name}`, value]))
    expect((await read(findPower(root, null))).fields).toEqual({ AC_online: false, ...prefixed })
  })

  test('one that is not there, and a board that tells nothing', async () => {
    expect(await absent(findPower(board('x86-laptop'), 'BAT1'))).toBe('no power supply "BAT1": there are AC, BAT0; correct power.supply')
    tree[Symbol.dispose]()
    expect(await absent(findPower(empty(), null))).toMatch(/^the kernel knows no power supply/)
  })
})

describe('the machine itself', () => {
  test('memory, load, uptime, the processor', async () => {
    const { fields, gaps } = await read(findSystem(board('rpi-4'), []))
    expect(fields).toEqual({ memoryAvailable: 3385308 * 1024, memoryUsed: 12.8, load1: 0.2, load5: 0.18, load15: 0.12, uptime: 86461, cpuTemperature: 48.312 })
    expect(gaps).toEqual([])
  })

  test('disks, under the names that they are given', async () => {
    const { fields, gaps } = await read(findSystem(board('rpi-4'), [{ name: 'data', path: tree.root }, { name: 'lost', path: join(tree.root, 'nothing') }]))
    expect(fields['dataFree']).toBeGreaterThan(0)
    expect(fields['dataUsed']).toBeGreaterThanOrEqual(0)
    expect(fields).toMatchObject({ lostFree: null, lostUsed: null, load1: 0.2 })
    expect(gaps.map((gap) => gap.why)).toEqual(['lostFree is not there any more', 'lostUsed is not there any more'])
  })

  test('how worn its flash is, where it tells', async () => {
    const root = board('jetson-agx-orin')
    expect((await read(findSystem(root, []))).fields).toMatchObject({ flashWear: 20, cpuTemperature: 47.406 })
  })

  test.each([['0x01 0x01', 10], ['0x02 0x01', 20], ['0x00 0x03', 30], ['0x0B 0x01', 110], ['0x00 0x00', null], ['', null], ['0x10 0x00', null]])('wear "%s"', (text, percent) => {
    expect(wearOf(text)).toBe(percent)
  })
})
