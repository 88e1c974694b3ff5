// Sensors that the kernel reads: which chip, which of its channels, how often.
import { expect, test } from 'vitest'
import type { KernelSensorConfig } from '../../../src/config/config.ts'
import { accepted } from './gateway-yaml.ts'

const sensorOf = (group: string): KernelSensorConfig => accepted(`site: s\nsensors:\n  - { name: a, topic: t, ${group} }`).sensors[0] as KernelSensorConfig

test.each([
  ['oneWire: { address: 28-0000034a5a5d }', { kind: 'one-wire', address: '28-0000034a5a5d' }, 10_000],
  ['oneWire: { address: 3b-0000034a5a5d, poll: 1s }', { kind: 'one-wire', address: '3b-0000034a5a5d' }, 1000],
  ['iio: { device: bme280 }', { kind: 'iio', device: 'bme280', channels: null }, 10_000],
  ['iio: { device: i2c 1-0076, channels: [temp, pressure], poll: 100ms }', { kind: 'iio', device: 'i2c 1-0076', channels: [{ name: 'temp', channel: 'temp' }, { name: 'pressure', channel: 'pressure' }] }, 100],
  ['hwmon: { chip: ina219 1-0040, channels: { volts: in1, amperes: curr1 } }', { kind: 'hwmon', chip: 'ina219 1-0040', channels: [{ name: 'volts', channel: 'in1' }, { name: 'amperes', channel: 'curr1' }] }, 10_000],
  ['hwmon: { chip: coretemp, channels: ["Package id 0"] }', { kind: 'hwmon', chip: 'coretemp', channels: [{ name: 'Package id 0', channel: 'Package id 0' }] }, 10_000],
  ['thermal: { zone: cpu-thermal }', { kind: 'thermal', zone: 'cpu-thermal' }, 30_000],
  ['power: {}', { kind: 'power', supply: null }, 10_000],
  ['power: { supply: BAT0, poll: 1m }', { kind: 'power', supply: 'BAT0' }, 60_000],
  ['system: {}', { kind: 'system', disks: [{ name: 'disk', path: '/' }] }, 60_000],
  ['system: { disks: { data: /var/lib/sandpiper, card: / } }', { kind: 'system', disks: [{ name: 'data', path: '/var/lib/sandpiper' }, { name: 'card', path: '/' }] }, 60_000],
])('%s', (group, device, pollMs) => {
  expect(sensorOf(group)).toMatchObject({ kind: 'kernel', name: 'a', topic: 't', qos: 1, device, pollMs })
  expect(sensorOf(group).reading).not.toBeNull()
})

test('values are named by the channels that are chosen', () => {
  const group = 'iio: { device: bme280, channels: { air: temp } }, values: { celsius: { from: air, decimals: 1 } }'
  expect(sensorOf(group).reading!.values).toMatchObject([{ name: 'celsius', from: 'air' }])
})
