// `nmea:` of a sensor: where its sentences come from, and whether it sets the clock.
import { expect, test } from 'vitest'
import type { NmeaSensorConfig } from '../../../src/config/config.ts'
import { accepted } from './gateway-yaml.ts'

const nmeaOf = (keys: string) => (accepted(`site: s\nsensors:\n  - { name: gps, topic: gps, nmea: { ${keys} } }`).sensors[0] as NmeaSensorConfig).nmea

test.each([
  ['serial: { path: /dev/ttyAMA0 }', { line: { kind: 'serial', serial: { path: '/dev/ttyAMA0', baud: 9600, dataBits: 8, parity: 'none', stopBits: 1, flowControl: 'none' } }, setsClock: false }],
  ['serial: { path: /dev/ttyAMA0, baud: 4800 }, setsClock: true', { line: { kind: 'serial', serial: { baud: 4800 } }, setsClock: true }],
  ['tcp: plotter', { line: { kind: 'tcp', host: 'plotter', port: 10_110 }, setsClock: false }],
  ['tcp: "192.168.1.9:2000", setsClock: true', { line: { kind: 'tcp', host: '192.168.1.9', port: 2000 }, setsClock: true }],
  ['tcp: "[fd00::9]"', { line: { kind: 'tcp', host: 'fd00::9', port: 10_110 } }],
])('%s', (keys, nmea) => {
  expect(nmeaOf(keys)).toMatchObject(nmea)
})

test('its values are published as JSON, also without `values`', () => {
  expect(accepted('site: s\nsensors:\n  - { name: gps, topic: gps, nmea: { tcp: h } }').sensors[0]!.reading).not.toBeNull()
})
