// Binary layouts, and fields of every way to decode.
import { describe, expect, test } from 'vitest'
import type { DecodeConfig, StructField } from '../../../../src/config/config.ts'
import { DEPTH_MAX, FIELDS_MAX, makeDecoder } from '../../../../src/sensors/serial/decode.ts'

function field(name: string, type: StructField['type'], at: number, bytes: number, more: Partial<StructField> = {}): StructField {
  return { name, type, at, bytes, endian: 'big', bits: null, ...more }
}

function one(type: StructField['type'], hex: string, more: Partial<StructField> = {}): unknown {
  const bytes = Buffer.from(hex, 'hex')
  const decoder = makeDecoder({ kind: 'struct', bytes: bytes.length, fields: [field('v', type, 0, bytes.length, more)] })
  const fields = decoder.fields(bytes)
  if (typeof fields === 'string') return fields
  expect(JSON.parse(decoder.payload(bytes).toString())).toEqual({ v: fields['v'] })
  return fields['v']
}

const VALUES: [type: StructField['type'], hex: string, more: Partial<StructField>, value: unknown][] = [
  ['uint8', 'ff', {}, 255],
  ['int8', 'ff', {}, -1],
  ['uint16', '0102', {}, 258],
  ['uint16', '0102', { endian: 'little' }, 513],
  ['int16', 'fffe', {}, -2],
  ['uint32', 'ffffffff', {}, 4_294_967_295],
  ['int32', 'feffffff', { endian: 'little' }, -2],
  ['uint64', '001fffffffffffff', {}, 9_007_199_254_740_991],
  ['uint64', '0020000000000001', {}, '9007199254740993'],
  ['int64', '8000000000000000', {}, '-9223372036854775808'],
  ['int64', 'ffffffffffffffff', {}, -1],
  ['float32', '41ab3333', {}, 21.4],
  ['float32', '00000001', {}, 1.4013e-45],
  ['float32', '7f7fffff', {}, 3.4028235e38],
  ['float32', '7fc00000', {}, null],
  ['float64', '7ff0000000000000', {}, null],
  ['float64', '4035666666666666', {}, 21.4],
  ['bcd', '012345', {}, 12_345],
  ['bcd', '452301', { endian: 'little' }, 12_345],
  ['bcd', '1a', {}, null],
  ['bcd', '00999999999999999999', {}, '999999999999999999'],
  ['bool', '00', {}, false],
  ['bool', '02', {}, true],
  ['char', '41422000ff', {}, 'AB'],
  ['char', 'b043', {}, '°C'],
  ['uint8', '08', { bits: { from: 3, to: 3 } }, true],
  ['uint8', 'f7', { bits: { from: 3, to: 3 } }, false],
  ['uint8', 'a5', { bits: { from: 4, to: 7 } }, 10],
  ['uint32', '80000000', { bits: { from: 31, to: 31 } }, true],
  ['uint32', 'ffffffff', { bits: { from: 0, to: 31 } }, 4_294_967_295],
]

describe('struct', () => {
  test.each(VALUES)('%s of %s %o', (type, hex, more, value) => {
    expect(one(type, hex, more)).toEqual(value)
  })

  test('fields stand where they say, over one another if they like, and the payload has their order', () => {
    const fields = [field('b', 'uint16', 1, 2), field('a', 'uint8', 1, 1), field('on', 'uint8', 1, 1, { bits: { from: 0, to: 0 } })]
    const decoder = makeDecoder({ kind: 'struct', bytes: 4, fields })
    expect(decoder.payload(Buffer.of(9, 1, 2, 9)).toString()).toBe('{"b":258,"a":1,"on":true}')
  })

  test('another length is no frame', () => {
    const decoder = makeDecoder({ kind: 'struct', bytes: 2, fields: [field('v', 'uint8', 0, 1)] })
    for (const length of [0, 1, 3]) {
      expect(decoder.payload(Buffer.alloc(length))).toBe('wrong-length')
      expect(decoder.fields(Buffer.alloc(length))).toBe('wrong-length')
    }
  })
})

const JSON_TEXT: DecodeConfig = { kind: 'json' }

const FIELDS: [what: string, decode: DecodeConfig, frame: string, fields: object][] = [
  ['json', JSON_TEXT, '{"a":1.50,"b":"x","c":true,"d":null}', { a: 1.5, b: 'x', c: true, d: null }],
  ['json inside json', JSON_TEXT, '{"a":{"b":{"c":1}},"l":[1,{"x":2}]}', { 'a.b.c': 1, 'l.0': 1, 'l.1.x': 2 }],
  ['json that is a value', JSON_TEXT, '21.40', { value: 21.4 }],
  ['json without fields', JSON_TEXT, '{}', {}],
  ['raw number', { kind: 'raw' }, ' 21.40 \r', { value: 21.4 }],
  ['raw text', { kind: 'raw' }, 'OPEN', { value: 'OPEN' }],
  ['csv', { kind: 'csv', columns: ['a', '__proto__', 'c'], separator: ',' }, '1.50,,007', { a: 1.5, ['__proto__']: null, c: '007' }],
  ['regex', { kind: 'regex', pattern: /T=(?<t>\S+)(?: H=(?<h>\S+))?/ }, 'T=1e999', { t: '1e999', h: null }],
]

describe('fields', () => {
  test.each(FIELDS)('%s', (_what, decode, frame, expected) => {
    const fields = makeDecoder(decode).fields(Buffer.from(frame)) as object
    expect(Object.entries(fields)).toEqual(Object.entries(expected))
  })

  test('are bounded in number and depth', () => {
    const many = JSON.stringify(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i])))
    expect(Object.keys(makeDecoder(JSON_TEXT).fields(Buffer.from(many)))).toHaveLength(FIELDS_MAX)
    const deep = (levels: number): Buffer => Buffer.from(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)
    expect(Object.keys(makeDecoder(JSON_TEXT).fields(deep(DEPTH_MAX)))).toHaveLength(1)
    expect(Object.keys(makeDecoder(JSON_TEXT).fields(deep(DEPTH_MAX + 1)))).toHaveLength(0)
  })

  test('the same frames are skipped as for payloads', () => {
    const bad = Buffer.of(0xff)
    expect(makeDecoder(JSON_TEXT).fields(bad)).toBe('not-utf8')
    expect(makeDecoder({ kind: 'raw' }).fields(bad)).toBe('not-utf8')
    expect(makeDecoder({ kind: 'csv', columns: ['a'], separator: ',' }).fields(Buffer.from('1,2'))).toBe('wrong-columns')
    expect(makeDecoder({ kind: 'regex', pattern: /(?<a>x)/ }).fields(Buffer.from('y'))).toBe('no-match')
    expect(makeDecoder(JSON_TEXT).fields(Buffer.from('{'))).toBe('not-json')
  })
})
