// Inside the virtual machine: the sources of kernel sensors on the real /sys, and what they give, a scene each.
import { writeFileSync } from 'node:fs'
import { systemClock } from '../../../src/clock.ts'
import type { KernelDeviceConfig, KernelSensorConfig } from '../../../src/config/config.ts'
import { makeKernelSource } from '../../../src/sensors/kernel/kernel.ts'
import { scanKernelSensors } from '../../../src/sensors/kernel/scan.ts'
import { SourceBed } from '../../support/source-bed.ts'
import { until } from '../../support/until.ts'
import { scene } from '../scenes.ts'

const bus = process.env['BUS'] ?? ''

function open(device: KernelDeviceConfig) {
  const bed = new SourceBed(systemClock)
  const config: KernelSensorConfig = { kind: 'kernel', name: 'bed', tenant: '', topic: 'bed', qos: 0, retain: false, reading: null, device, pollMs: 500 }
  const source = makeKernelSource(config, bed.deps)
  source.start()
  return { bed, source }
}

async function read(name: string, device: KernelDeviceConfig): Promise<void> {
  const { bed, source } = open(device)
  await until(() => bed.statuses.length > 0 && (bed.taken.length > 0 || bed.record.status === 'gone'), name, 30_000)
  await source.stop()
  scene(name, { fields: bed.last ?? null, status: bed.record.status, why: bed.record.snapshot.lastError })
}

const found = await scanKernelSensors()
scene('found', { bus, yaml: found.map((device) => device.yaml), addresses: found.map((device) => device.address) })
await read('BME280 by name', { kind: 'iio', device: 'bme280', channels: null })
await read('BME280 by address', { kind: 'iio', device: `i2c ${bus}-0076`, channels: [{ name: 'air', channel: 'temp' }] })
await read('MLX90614', { kind: 'iio', device: 'mlx90614', channels: null })
await read('LTC4151', { kind: 'hwmon', chip: 'ltc4151', channels: [{ name: 'volts', channel: 'in1' }, { name: 'amperes', channel: 'curr1' }] })
await read('two LM75', { kind: 'hwmon', chip: 'lm75', channels: null })
await read('one of them', { kind: 'hwmon', chip: `lm75 ${bus}-0049`, channels: null })
await read('battery', { kind: 'power', supply: `sbs-${bus}-000b` })
await read('the machine', { kind: 'system', disks: [{ name: 'disk', path: '/' }] })
await read('no thermometer', { kind: 'one-wire', address: '28-000000000001' })

// The chip leaves while it is read, and comes back.
const { bed, source } = open({ kind: 'hwmon', chip: `lm75 ${bus}-0048`, channels: null })
await until(() => bed.taken.length > 1, 'the first readings', 30_000)
writeFileSync(`/sys/bus/i2c/devices/i2c-${bus}/delete_device`, '0x48')
await until(() => bed.record.status === 'gone', 'the chip to be gone', 30_000)
const why = bed.record.snapshot.lastError
const before = bed.taken.length
writeFileSync(`/sys/bus/i2c/devices/i2c-${bus}/new_device`, 'lm75 0x48')
await until(() => bed.taken.length > before, 'the chip to be back', 60_000)
await source.stop()
scene('a chip leaves and comes back', { fields: bed.last ?? null, statuses: bed.statuses, why })
