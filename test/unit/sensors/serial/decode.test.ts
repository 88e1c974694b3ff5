import { describe, expect, test } from 'vitest'
import type { SerialSensorConfig } from '../../../../src/config/config.ts'
import { groupNames, makeDecoder } from '../../../../src/sensors/serial/decode.ts'

type Decode = SerialSensorConfig['decode']

const JSON_TEXT: Decode = { kind: 'json' }
const RAW: Decode = { kind: 'raw' }
const TWO: Decode = { kind: 'csv', columns: ['temperature', 'humidity'], separator: ',' }
const ONE: Decode = { kind: 'csv', columns: ['v'], separator: ',' }
const GROUPS: Decode = { kind: 'regex', pattern: /^T=(?<t>\S+)(?: H=(?<h>\S+))?$/ }

const PAYLOADS: [what: string, decode: Decode, frame: string, payload: string][] = [
  ['json is kept byte for byte', JSON_TEXT, ' {"b": 1.50,  "a":"é"} ', ' {"b": 1.50,  "a":"é"} '],
  ['json may be any value', JSON_TEXT, '21.40', '21.40'],
  ['raw', RAW, 'anything\t"', 'anything\t"'],
  ['csv', TWO, '21.40,55', '{"temperature":21.40,"humidity":55}'],
  ['csv: spaces around', TWO, ' 21.4 ,\t55 ', '{"temperature":21.4,"humidity":55}'],
  ['csv: empty is null', TWO, '21.4,', '{"temperature":21.4,"humidity":null}'],
  ['csv: text', TWO, 'n/a,"x"', '{"temperature":"n/a","humidity":"\\"x\\""}'],
  ['csv: separator of several characters', { kind: 'csv', columns: ['a', 'b'], separator: '; ' }, '1; 2', '{"a":1,"b":2}'],
  ['csv: separator is no pattern', { kind: 'csv', columns: ['a', 'b'], separator: '|' }, '1|2', '{"a":1,"b":2}'],
  ['csv: a name that means something to objects', { kind: 'csv', columns: ['__proto__', 'a"b'], separator: ',' }, '1,2', '{"__proto__":1,"a\\"b":2}'],
  ['negative', ONE, '-0.5', '{"v":-0.5}'],
  ['exponent', ONE, '1.5e-3', '{"v":1.5e-3}'],
  ['more digits than a double has', ONE, '12345678901234567890.10', '{"v":12345678901234567890.10}'],
  ['leading zero is an identifier', ONE, '007', '{"v":"007"}'],
  ['plus is not JSON', ONE, '+5', '{"v":"+5"}'],
  ['a bare point is not JSON', ONE, '.5', '{"v":".5"}'],
  ['hexadecimal is not JSON', ONE, '0x10', '{"v":"0x10"}'],
  ['beyond a double', ONE, '1e999', '{"v":"1e999"}'],
  ['NaN', ONE, 'NaN', '{"v":"NaN"}'],
  ['true is text', ONE, 'true', '{"v":"true"}'],
  ['control characters are escaped', ONE, 'a\u0000b', '{"v":"a\\u0000b"}'],
  ['groups', GROUPS, 'T=21.5 H=60%', '{"t":21.5,"h":"60%"}'],
  ['a group without a match is null', GROUPS, 'T=21.5', '{"t":21.5,"h":null}'],
]

const SKIPPED: [what: string, decode: Decode, frame: Buffer | string, reason: string][] = [
  ['half a JSON text', JSON_TEXT, '{"a":', 'not-json'],
  ['two JSON texts', JSON_TEXT, '{} {}', 'not-json'],
  ['JSON with a byte order mark', JSON_TEXT, '\ufeff{}', 'not-json'],
  ['NaN in JSON', JSON_TEXT, '{"a":NaN}', 'not-json'],
  ['very deep JSON that does not end', JSON_TEXT, '['.repeat(100_000), 'not-json'],
  ['JSON in another code', JSON_TEXT, Buffer.from('{"a":"\xb0C"}', 'latin1'), 'not-utf8'],
  ['too few columns', TWO, '21.4', 'wrong-columns'],
  ['too many columns', TWO, '21.4,55,', 'wrong-columns'],
  ['csv in another code', TWO, Buffer.from('21.4,\xb0', 'latin1'), 'not-utf8'],
  ['a surrogate in UTF-8', ONE, Buffer.of(0xed, 0xa0, 0x80), 'not-utf8'],
  ['no match', GROUPS, 'H=60', 'no-match'],
  ['a match in another code', GROUPS, Buffer.from('T=\xb0', 'latin1'), 'not-utf8'],
]

describe('decode', () => {
  test.each(PAYLOADS)('%s', (_what, decode, frame, payload) => {
    expect(makeDecoder(decode).payload(Buffer.from(frame)).toString('utf8')).toBe(payload)
  })

  test.each(SKIPPED)('skipped: %s', (_what, decode, frame, reason) => {
    expect(makeDecoder(decode).payload(Buffer.from(frame as string))).toBe(reason)
  })

  test('raw passes bytes that are no text', () => {
    expect(makeDecoder(RAW).payload(Buffer.of(0xff, 0x00))).toEqual(Buffer.of(0xff, 0x00))
  })

  test('a payload does not change with the memory its frame stood in', () => {
    for (const decode of [RAW, JSON_TEXT]) {
      const frame = Buffer.from('123')
      const payload = makeDecoder(decode).payload(frame)
      frame.fill('9')
      expect(payload.toString()).toBe('123')
    }
  })

  test('a pattern with g or y matches every frame alike', () => {
    const decode = makeDecoder({ kind: 'regex', pattern: /(?<n>\d)/gy })
    for (let i = 0; i < 3; i++) expect(decode.payload(Buffer.from('7')).toString()).toBe('{"n":7}')
  })

  test('group names are found in order without a match', () => {
    expect(groupNames(/^T=(?<t>\S+)(?: H=(?<h>\S+))?$/)).toEqual(['t', 'h'])
    expect(groupNames(/a|(?<b>c)/)).toEqual(['b'])
    expect(groupNames(/(\d+)/)).toEqual([])
  })
})
