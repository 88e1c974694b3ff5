// What `sandpiper board` is told of kernel sensors, and that what it is told to write works.
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { KernelSensorConfig } from '../../../../src/config/config.ts'
import { ReadGate } from '../../../../src/sensors/kernel/gate.ts'
import { makeKernelSource } from '../../../../src/sensors/kernel/kernel.ts'
import { scanKernelSensors } from '../../../../src/sensors/kernel/scan.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { SourceBed } from '../../../support/source-bed.ts'
import { FileTree } from '../../../support/tree.ts'
import { until } from '../../../support/until.ts'
import { check } from '../../config/gateway-yaml.ts'

let tree: FileTree

afterEach(() => tree[Symbol.dispose]())

const board = (name: string): string => {
  tree = FileTree.recorded(join(import.meta.dirname, `trees/${name}.txt`))
  return tree.root
}

test('a Raspberry Pi', async () => {
  const found = await scanKernelSensors(board('rpi-4'))
  expect(found.map(({ yaml, address }) => [yaml, address])).toEqual([
    ['oneWire: { address: "28-0000034a5a5d" }', 'w1 28-0000034a5a5d'],
    ['iio: { device: bme280 }', 'i2c 1-0077'],
    ['hwmon: { chip: cpu_thermal }', null],
    ['hwmon: { chip: rpi_volt }', 'platform raspberrypi-hwmon'],
    ['thermal: { zone: cpu-thermal }', null],
    ['power: {}', null],
    ['system: {}', null],
  ])
  expect(found[1]!.channels).toEqual([
    { name: 'humidityrelative', label: null, unit: '%' },
    { name: 'pressure', label: null, unit: 'hPa' },
    { name: 'temp', label: null, unit: '°C' },
  ])
  expect(found[5]!.channels.map((channel) => channel.name)).toContain('underVoltageSinceBoot')
})

test('an AGX Orin: two of a name with their addresses, channels with their labels', async () => {
  const found = await scanKernelSensors(board('jetson-agx-orin'))
  expect(found.filter(({ name }) => name === 'ina3221').map(({ yaml }) => yaml)).toEqual(['hwmon: { chip: ina3221 1-0041 }', 'hwmon: { chip: ina3221 1-0040 }'])
  expect(found.find(({ address }) => address === 'i2c 1-0040')!.channels).toContainEqual({ name: 'in3', label: 'VIN_SYS_5V0', unit: 'V' })
})

test('nothing at all is still a machine', async () => {
  tree = new FileTree()
  expect((await scanKernelSensors(tree.root)).map(({ kind }) => kind)).toEqual(['system'])
})

test.each(['rpi-4', 'jetson-agx-orin', 'jetson-nano', 'x86-laptop'])('what it says for %s can be written, and is read', async (name) => {
  const root = board(name)
  const found = (await scanKernelSensors(root)).filter(({ kind, channels }) => kind !== 'system' && channels.length > 0)
  expect(found.length).toBeGreaterThan(3)
  const result = check(['site: s', 'sensors:', ...found.map(({ yaml }, i) => `  - { name: n${i}, topic: t${i}, ${yaml} }`)].join('\n'))
  if (!('config' in result)) throw new Error(JSON.stringify(result.problems))
  for (const sensor of result.config.sensors) {
    const bed = new SourceBed(new FakeClock())
    const clock = bed.deps.clock as FakeClock
    const source = makeKernelSource(sensor as KernelSensorConfig, bed.deps, root, new ReadGate(clock))
    source.start()
    clock.advance(0)
    // cv0-thermal is switched off: that is told, too.
    await until(() => bed.taken.length > 0 || bed.statuses.length > 0, `sensor ${sensor.name} to be read`)
    await source.stop()
    expect(bed.statuses[0], bed.log.join('\n')).toBe(found[result.config.sensors.indexOf(sensor)]!.name === 'cv0-thermal' ? 'degraded' : 'ok')
  }
})
