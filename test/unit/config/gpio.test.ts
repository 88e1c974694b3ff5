// GPIO lines as sensors and outputs: how they are named, and what is read from them or made of them.
import { describe, expect, test } from 'vitest'
import type { GpioSensorConfig, OutputConfig } from '../../../src/config/config.ts'
import { accepted } from './gateway-yaml.ts'

const sensorOf = (group: string): GpioSensorConfig => accepted(`site: s\nsensors:\n  - { name: a, topic: t, gpio: ${group} }`).sensors[0] as GpioSensorConfig
const outputOf = (keys: string): OutputConfig => accepted(`site: s\noutputs:\n  - { name: a, command: t/set, state: t, ${keys} }`).outputs[0]!

const PLAIN = { interface: 'auto', activeLow: false, pull: null, debounceMs: 0, input: { kind: 'level' } }

describe('sensors', () => {
  test.each([
    ['{ line: GPIO17 }', { kind: 'name', name: 'GPIO17' }],
    ['{ line: PAC.06 }', { kind: 'name', name: 'PAC.06' }],
    ['{ pin: 11 }', { kind: 'pin', pin: 11 }],
    ['{ line: "pinctrl-rp1:17" }', { kind: 'chip', label: 'pinctrl-rp1', offset: 17 }],
  ])('a line: %s', (group, line) => {
    expect(sensorOf(group)).toMatchObject({ kind: 'gpio', name: 'a', topic: 't', qos: 1, gpio: { ...PLAIN, line } })
    expect(sensorOf(group).reading).not.toBeNull()
  })

  test.each([
    ['{ line: L, input: level, pull: up, activeLow: true, debounce: 20ms, interface: sysfs }', { interface: 'sysfs', activeLow: true, pull: 'up', debounceMs: 20, input: { kind: 'level' } }],
    ['{ line: L, input: edges }', { ...PLAIN, input: { kind: 'edges', edge: 'both' } }],
    ['{ line: L, input: edges, edge: falling }', { ...PLAIN, input: { kind: 'edges', edge: 'falling' } }],
    ['{ line: L, input: press }', { ...PLAIN, input: { kind: 'press', longMs: Infinity } }],
    ['{ line: L, input: press, long: 2s }', { ...PLAIN, input: { kind: 'press', longMs: 2000 } }],
    ['{ line: L, input: counter }', { ...PLAIN, input: { kind: 'counter', edge: 'rising', pollMs: 1000, saveMs: 10_000, reset: null } }],
    ['{ line: L, input: counter, edge: both, poll: 100ms, save: 1m, reset: "{site}/reset" }', { ...PLAIN, input: { kind: 'counter', edge: 'both', pollMs: 100, saveMs: 60_000, reset: 's/reset' } }],
  ])('%s', (group, gpio) => expect(sensorOf(group).gpio).toMatchObject(gpio))
})

describe('outputs', () => {
  test('with their defaults', () => {
    expect(outputOf('gpio: { line: GPIO27 }')).toEqual({
      name: 'a',
      tenant: '',
      gpio: { line: { kind: 'name', name: 'GPIO27' }, interface: 'auto', activeLow: false, drive: 'push-pull' },
      command: 't/set',
      state: 't',
      qos: 1,
      start: 'off',
      failSafe: null,
      onMsMin: 0,
      offMsMin: 0,
      atStop: 'keep',
    })
  })

  test('with everything', () => {
    const keys = 'gpio: { pin: 13, activeLow: true, drive: open-drain, interface: device }, start: last, minOn: 30s, minOff: 2m, atStop: failSafe, failSafe: { state: on, clientGone: 30s, uplinkGone: { name: cloud, after: 10m } }'
    const uplinks = '\nuplinks:\n  - { name: cloud, url: "mqtt://x", routes: [{ out: a/# }] }'
    expect(accepted(`site: s\noutputs:\n  - { name: a, command: t/set, state: t, ${keys} }${uplinks}`).outputs[0]).toMatchObject({
      gpio: { line: { kind: 'pin', pin: 13 }, interface: 'device', activeLow: true, drive: 'open-drain' },
      start: 'last',
      failSafe: { on: true, clientGoneMs: 30_000, uplinkGone: { name: 'cloud', afterMs: 600_000 } },
      onMsMin: 30_000,
      offMsMin: 120_000,
      atStop: 'failSafe',
    })
  })
})
