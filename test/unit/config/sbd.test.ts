// `sbd:` of a link: a modem, its line, and what its messages may cost.
import { expect, test } from 'vitest'
import type { SbdConfig } from '../../../src/config/config.ts'
import { accepted, check, uplink } from './gateway-yaml.ts'

const sbdOf = (keys: string): SbdConfig | null => accepted(uplink(`sbd: { port: /dev/ttyUSB0${keys} }`)).uplinks[0]!.links[0]!.sbd

test('its port is enough: a 9602 or 9603 as it is delivered, listened to and not asked', () => {
  expect(sbdOf('')).toEqual({ path: '/dev/ttyUSB0', baud: 19_200, hardwareFlow: false, bytesMax: 340, signalMin: 2, checkMs: Infinity })
})

test('everything', () => {
  const keys = ', baud: 9600, flowControl: rts-cts, maxBytes: 1960B, minSignal: 0, check: 6h'
  expect(sbdOf(keys)).toEqual({ path: '/dev/ttyUSB0', baud: 9600, hardwareFlow: true, bytesMax: 1960, signalMin: 0, checkMs: 6 * 3_600_000 })
})

test('a link of its own beside others; an uplink of modems only needs no remote broker', () => {
  const links = 'links: [{ name: lte }, { name: satellite, sbd: { port: /dev/iridium, check: never } }]'
  expect(accepted(uplink(links)).uplinks[0]!.links.map((link) => link.sbd?.path)).toEqual([undefined, '/dev/iridium'])
  const alone = uplink('sbd: { port: /dev/iridium }').replace('    url: mqtt://h\n', '')
  expect(accepted(alone).uplinks[0]).toMatchObject({ url: null })
})

test('the hint of a bare rate or time says what to write', () => {
  const result = check(uplink('sbd: { port: /dev/x, check: 6 }'))
  expect('problems' in result && result.problems[0]!.hint).toContain('6s')
})
