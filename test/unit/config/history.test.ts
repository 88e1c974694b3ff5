// `history`: what is accepted, its defaults, and what would keep nothing, or too much.
import { expect, test } from 'vitest'
import { check } from './gateway-yaml.ts'

const HOUR_MS = 3_600_000
const DEFAULTS = { keepMs: 48 * HOUR_MS, stepMs: 60_000, topics: [], seriesMax: 200, bytesMax: 16_000_000 }

function historyOf(text: string): unknown {
  const result = check(`site: well-07\n${text}`)
  return 'problems' in result ? result.problems.map(({ line, column, message, hint }) => `${line}:${column} ${message}: ${hint}`) : result.config.history
}

test('left out, or empty: two days of minutes of the gateway’s own sensors', () => {
  expect(historyOf('')).toEqual(DEFAULTS)
  expect(historyOf('history: {}')).toEqual(DEFAULTS)
  expect(historyOf('history:')).toEqual(DEFAULTS)
})

test('switched off', () => expect(historyOf('history: { enabled: false, keep: 2h }')).toBeNull())

test('every key', () => {
  expect(historyOf('history: { keep: 7d, step: 30s, topics: ["{site}/+/level", { topic: zigbee/+, fields: [temperature, battery.voltage] }, { topic: a, fields: b }], maxSeries: 50, maxSize: 4MB }')).toEqual({
    keepMs: 7 * 24 * HOUR_MS,
    stepMs: 30_000,
    topics: [{ filter: 'well-07/+/level', fields: [] }, { filter: 'zigbee/+', fields: ['temperature', 'battery.voltage'] }, { filter: 'a', fields: ['b'] }],
    seriesMax: 50,
    bytesMax: 4_000_000,
  })
})

test.each([
  ['history: { keep: 30m }', '2:18 `keep` must be a duration from 1h to 366d, found the text "30m": write a duration from 1h to 366d'],
  ['history: { step: 1s }', '2:18 `step` must be a duration from 10s to 1h, found the text "1s": write a duration from 10s to 1h'],
  ['history: { step: 1h, keep: 2h }', '2:28 2h in steps of 1h are 2: 30 at least: with that step keep 30h or more'],
  ['history: { keep: 366d }', '2:18 366d in steps of 1m are 527040: 50000 at most: for that long make a step 633s or more'],
  ['history: { topics: sensors/# }', '2:20 `topics` must be a list, found the text "sensors/#": start each item with a dash: `- …`'],
  ['history: { topics: [a/#/b] }', '2:21 `topics[0]` "a/#/b" is not a topic filter: # must be the last level: write levels separated by /, + for one level, # at the end for all below'],
  ['history: { topics: [{ topic: a }] }', '2:21 `fields` is missing in `topics[0]`: add `fields: …`. Names of fields of a JSON payload; of groups inside as `outer.inner`.'],
  ['history: { topics: [{ topic: a, fields: [] }] }', '2:41 `fields` is empty: give at least 1: the name of a field'],
  ['history: { topics: [a, { topic: a, fields: [b] }] }', '2:33 a is there twice, as in `history.topics[0]`: name all fields in one place'],
  ['history: { topics: [a, b, a] }', '2:27 a is there twice, as in `history.topics[0]`: name all fields in one place'],
  [`history: { topics: [${Array.from({ length: 101 }, (_, i) => `t${i}`).join(', ')}] }`, '2:20 `topics` has 101 topics: 100 at most'],
  [`history: { topics: [{ topic: a, fields: [${Array.from({ length: 33 }, (_, i) => `f${i}`).join(', ')}] }] }`, '2:41 `fields` has 33 fields: 32 at most'],
  ['history: { maxSeries: 0 }', '2:23 `maxSeries` must be a whole number from 1 to 1000, found the number 0: write a number from 1 to 1000'],
  ['history: { maxSize: 100kB }', '2:21 `maxSize` must be a size from 1MB to 1GB, found the text "100kB": write a size from 1MB to 1GB'],
  ['history: { keeps: 2h }', '2:12 unknown key `keeps` in `history`: did you mean `keep`? allowed here: enabled, keep, step, topics, maxSeries, maxSize'],
])('%s', (text, problem) => expect(historyOf(text)).toEqual([problem]))
