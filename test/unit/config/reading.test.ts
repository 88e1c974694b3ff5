// The keys of a sensor that say how raw values become messages.
import { describe, expect, test } from 'vitest'
import type { ReadingConfig } from '../../../src/config/config.ts'
import { accepted, check, lines } from './gateway-yaml.ts'

const text = (keys: string, topic = 't', source = 'simulate: { kind: sine }'): string => `site: s\nsensors:\n  - name: a\n    topic: ${topic}\n    ${source}\n    ${keys}\n`
const csv = 'serial: { path: /dev/x }, decode: { csv: [level, temp] }'
const serial = (keys: string): string => `site: s\nsensors:\n  - { name: a, topic: t, ${csv}, ${keys} }`
const readingOf = (keys: string, topic?: string): ReadingConfig | null => accepted(text(keys, topic)).sensors[0]!.reading

const VALUE = { convert: null, unit: null, range: null, decimals: null, deadband: null, of: 'last' }

describe('what is made of them', () => {
  test('nothing: a source with a payload of its own is published as it is', () => expect(readingOf('')).toBeNull())

  test('any of them: the rest has its defaults', () => {
    expect(readingOf('onChange: true')).toEqual({ values: null, everyMs: null, onChange: true, deadband: null, silenceMsMax: Infinity, staleMs: Infinity, payload: { kind: 'json', keys: null } })
  })

  test('a topic for each value needs readings', () => expect(readingOf('qos: 0', '"a/{value}"')).not.toBeNull())

  test('values', () => {
    const reading = readingOf('values: { level: { from: value, scale: 0.1, offset: -4, unit: cm, range: [0, 400], deadband: 2%, decimals: 1, of: mean }, value: }\n    every: 10s')
    expect(reading!.values).toEqual([
      { name: 'level', from: 'value', convert: { kind: 'linear', scale: 0.1, offset: -4 }, unit: 'cm', range: { min: 0, max: 400 }, decimals: 1, deadband: { kind: 'relative', by: 0.02 }, of: 'mean' },
      { ...VALUE, name: 'value', from: 'value' },
    ])
  })

  test.each<[string, unknown]>([
    ['scale: 2', { kind: 'linear', scale: 2, offset: 0 }],
    ['offset: 2', { kind: 'linear', scale: 1, offset: 2 }],
    ['polynomial: [1, 2, 0.5]', { kind: 'polynomial', coefficients: [1, 2, 0.5] }],
    ['table: [[0, 10], [100, 20]]', { kind: 'table', points: [[0, 10], [100, 20]] }],
  ])('%s', (keys, convert) => expect(readingOf(`values: { value: { ${keys} } }`)!.values![0]!.convert).toEqual(convert))

  test.each<[string, unknown]>([
    ['plain', { kind: 'plain' }],
    ['json', { kind: 'json', keys: null }],
    ['senml', { kind: 'senml', baseName: 's:a:' }],
    ['{ senml: "urn:dev:x:" }', { kind: 'senml', baseName: 'urn:dev:x:' }],
    ['{ json: { v: value, at: timeMs } }', { kind: 'json', keys: [{ key: 'v', word: 'value' }, { key: 'at', word: 'timeMs' }] }],
  ])('payload: %s', (payload, expected) => expect(readingOf(`payload: ${payload}`)!.payload).toEqual(expected))
})

describe('mistakes', () => {
  test.each<[string, string, string]>([
    ['a value that the source does not give', serial('values: { level: {}, tmp: {} }'), '3:110 sensors[0].values.tmp: the sensor gives no `tmp`'],
    ['the same, where `from` says it', serial('values: { x: { from: tmp } }'), '3:105 sensors[0].values.x.from: the sensor gives no `tmp`'],
    ['two ways to convert', text('values: { value: { scale: 2, table: [[0, 1], [1, 2]] } }'), '6:41 sensors[0].values.value.table: `value` has both `scale` and `table`'],
    ['a scale of nothing', text('values: { value: { scale: 0 } }'), '6:31 sensors[0].values.value.scale: `scale` is 0: every value would be the same'],
    ['a table that goes back', text('values: { value: { table: [[0, 1], [0, 2]] } }'), '6:40 sensors[0].values.value.table[1]: the raw value 0 does not follow 0'],
    ['a point of three', text('values: { value: { table: [[0, 1, 2], [1, 2]] } }'), '6:32 sensors[0].values.value.table[0]: a point of `table` has 3 numbers'],
    ['a range upside down', text('values: { value: { range: [4, 0] } }'), '6:31 sensors[0].values.value.range: `range` ends at 0, below its begin 4'],
    ['half a range', text('values: { value: { range: [4] } }'), '6:31 sensors[0].values.value.range: `range` has 1 numbers'],
    ['a mean of nothing', text('values: { value: { of: mean } }'), '6:28 sensors[0].values.value.of: `mean` of what? There is no `every`'],
    ['a plain payload of two', serial('payload: plain'), '3:93 sensors[0].payload: a plain payload holds one value, and the sensor has 2'],
    ['a word that is none', serial('payload: { json: { a: level, b: tiem } }'), '3:116 sensors[0].payload.json.b: `tiem` is no value of this sensor'],
    ['both JSON and SenML', text('payload: { json: { a: value }, senml: "x:" }'), '6:14 sensors[0].payload: `payload` needs one of `json` and `senml`'],
    ['a misspelled key of a value', text('values: { value: { scal: 2 } }'), '6:24 sensors[0].values.value.scal: unknown key `scal` in `value`'],
    ['no values', text('values: {}'), '6:13 sensors[0].values: `values` is empty'],
    ['a name with a slash', text('values: { a/b: {} }'), '6:15 sensors[0].values.a/b: the key `a/b` is not a name: letters, digits, - _ . and blanks (64 at most)'],
    ['a placeholder that is not known', text('onChange: true', '"a/{vale}"'), '4:12 sensors[0].topic: unknown placeholder {vale} in `topic`'],
  ])('%s', (_, yaml, problem) => expect(lines(check(yaml))).toEqual([problem]))
})

test('a plain payload of a sensor whose values only the kernel knows is warned of', () => {
  const warned = (keys: string): number => {
    const result = check(text(keys, 't', 'system: {}'))
    return 'warnings' in result && result.warnings !== undefined ? result.warnings.length : -1
  }
  expect([warned('payload: plain'), warned('payload: plain\n    values: { load1: }'), warned('payload: json')]).toEqual([1, 0, 0])
})
