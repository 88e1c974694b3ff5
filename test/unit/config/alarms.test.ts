// `alarms`: its defaults, how each is switched off, and what is no mark.
import { expect, test } from 'vitest'
import { check, lines } from './gateway-yaml.ts'

function alarmsOf(text: string): unknown {
  const result = check(`site: s\n${text}`)
  return 'problems' in result ? lines(result) : result.config.alarms
}

const DEFAULTS = {
  topic: null,
  uplinkDownMs: 3_600_000,
  queueShare: 0.8,
  storeRefused: true,
  storeSetAside: true,
  storeShare: 0.9,
  diskShare: 0.9,
  sensorGoneMs: 60_000,
  sensorDegradedMs: 600_000,
  outputGoneMs: 60_000,
  temperatureC: 80,
  underVoltage: true,
  clockUnsetMs: 3_600_000,
  budget: true,
  update: true,
}

test('left out, or empty', () => {
  expect([alarmsOf(''), alarmsOf('alarms: {}'), alarmsOf('alarms:')]).toEqual([DEFAULTS, DEFAULTS, DEFAULTS])
})

test('each has a mark of its own', () => {
  const text = 'alarms: { topic: "sites/{site}/alarms", uplinkDown: 2h, queue: 50%, storeRefused: on, storeSetAside: on, store: 95%, disk: 99%, sensorGone: 5m, sensorDegraded: 1h, outputGone: 30s, temperature: 72.5, underVoltage: on, clockUnset: 1d, budget: on, update: on }'
  expect(alarmsOf(text)).toEqual({ ...DEFAULTS, topic: 'sites/s/alarms', uplinkDownMs: 7_200_000, queueShare: 0.5, storeShare: 0.95, diskShare: 0.99, sensorGoneMs: 300_000, sensorDegradedMs: 3_600_000, outputGoneMs: 30_000, temperatureC: 72.5, clockUnsetMs: 86_400_000 })
})

test('off', () => {
  const keys = ['uplinkDown', 'queue', 'storeRefused', 'storeSetAside', 'store', 'disk', 'sensorGone', 'sensorDegraded', 'outputGone', 'temperature', 'underVoltage', 'clockUnset', 'budget', 'update']
  expect(alarmsOf(`alarms: { ${keys.map((key) => `${key}: off`).join(', ')} }`)).toEqual(Object.fromEntries(Object.entries(DEFAULTS).map(([key, value]) => [key, value === true ? false : null])))
})

test.each([
  ['{ uplinkDown: 60 }', '2:23 alarms.uplinkDown: `uplinkDown` has no unit: 60 of what?'],
  ['{ uplinkDown: 0s }', '2:23 alarms.uplinkDown: `uplinkDown` must be a duration from 1s to 365d, or off, found the text "0s"'],
  ['{ uplinkDown: never }', '2:23 alarms.uplinkDown: `uplinkDown` must be a duration from 1s to 365d, or off, found the text "never"'],
  ['{ queue: 80 }', '2:18 alarms.queue: `queue` must be a percentage from 0% to 100%, or off, found the number 80'],
  ['{ queue: 0% }', '2:18 alarms.queue: `queue` is 0%: that is always reached'],
  ['{ store: 101% }', '2:18 alarms.store: `store` must be a percentage from 0% to 100%, or off, found the text "101%"'],
  ['{ temperature: 80°C }', '2:24 alarms.temperature: `temperature` must be degrees Celsius from 20 to 150, or off, found the text "80°C"'],
  ['{ temperature: 300 }', '2:24 alarms.temperature: `temperature` must be degrees Celsius from 20 to 150, or off, found the number 300'],
  ['{ temperature: false }', '2:24 alarms.temperature: `temperature` must be degrees Celsius from 20 to 150, or off, found false'],
  ['{ budget: true }', '2:19 alarms.budget: `budget` must be on or off, found true'],
  ['{ topic: "alarms/#" }', '2:18 alarms.topic: `topic` "alarms/#" has a wildcard'],
  ['{ topic: $SYS/alarms }', '2:18 alarms.topic: `topic` "$SYS/alarms" starts with $'],
  ['{ uplinkdown: 1h }', '2:11 alarms.uplinkdown: unknown key `uplinkdown` in `alarms`'],
])('%s', (section, problem) => expect(alarmsOf(`alarms: ${section}`)).toEqual([problem]))
