// A column's number and its text: exact both ways, or not at all.
import { describe, expect, test } from 'vitest'
import { Kind, type NumberFormat, numberOf, PLAIN, Style, written } from '../../../src/frame/number-format.ts'
import { decimalFormat, timeFormat } from '../../../src/frame/formats.ts'
import { Random } from '../../sim/random.ts'

describe('written', () => {
  test.each<[Partial<NumberFormat>, number, string | null]>([
    [{}, 0, '0'],
    [{}, -7, '-7'],
    [{ style: Style.plus }, 7, '+7'],
    [{ style: Style.plus }, -7, '-7'],
    [{ width: 3 }, 7, '007'],
    [{ width: 3 }, -7, '-007'],
    [{ decimals: 2 }, 5, '0.05'],
    [{ decimals: 2 }, -5, '-0.05'],
    [{ decimals: 2 }, 2150, '21.50'],
    [{ decimals: 2, width: 4 }, 2150, '0021.50'],
    [{ decimals: 2, style: Style.short }, 2150, '21.5'],
    [{ decimals: 2, style: Style.short }, 2100, '21'],
    [{ decimals: 2, style: Style.short }, 0, '0'],
    [{ decimals: 15 }, 123_456_789_012_345, '0.123456789012345'],
    [{ factor: 5, offset: 3 }, 4, '23'],
    [{ decimals: 2, factor: 100, halvings: 4 }, 321, '20.06'],
    [{ decimals: 2, factor: 100, halvings: 4 }, 322, '20.13'],
    [{ decimals: 2, factor: 100, halvings: 4, style: Style.even }, 322, '20.12'],
    [{ decimals: 2, factor: 100, halvings: 4, style: Style.even }, 326, '20.38'],
    [{ decimals: 2, factor: 100, halvings: 4 }, -2, '-0.13'],
    [{ factor: 2 ** 32 }, 2 ** 30, null],
    [{ kind: Kind.time }, 1_790_000_000, '2026-09-21 14:13:20'],
    [{ kind: Kind.time, style: Style.letterT, decimals: 3 }, 1_790_000_000_007, '2026-09-21T14:13:20.007'],
    [{ kind: Kind.time, style: Style.timeOnly }, 1_790_000_000, '14:13:20'],
    [{ kind: Kind.time }, -1, '1969-12-31 23:59:59'],
    [{ kind: Kind.time }, 253_402_300_799, '9999-12-31 23:59:59'],
    [{ kind: Kind.time }, 253_402_300_800, null],
    [{ kind: Kind.time }, -62_135_596_800, '0001-01-01 00:00:00'],
    [{ kind: Kind.time }, -62_135_596_801, null],
    [{ kind: Kind.integer, width: 2 }, 258, '\x01\x02'],
    [{ kind: Kind.integer, width: 2, style: Style.little }, 258, '\x02\x01'],
    [{ kind: Kind.integer, width: 2, style: Style.signed }, -2, '\xff\xfe'],
    [{ kind: Kind.integer, width: 1 }, 256, null],
    [{ kind: Kind.integer, width: 1 }, -1, null],
    [{ kind: Kind.integer, width: 1, style: Style.signed }, 128, null],
    [{ kind: Kind.float, width: 4, decimals: 1 }, 15, '\x3f\xc0\0\0'],
    [{ kind: Kind.float, width: 8, style: Style.little }, 1, '\0\0\0\0\0\0\xf0\x3f'],
    [{ kind: Kind.real, width: 4, decimals: 1 }, 213, '21.299999237060547'],
    [{ kind: Kind.real, width: 8, decimals: 1 }, 3, '0.30000000000000004'],
    [{ kind: Kind.real, width: 8, decimals: 1 }, 10, '1.0'],
    [{ kind: Kind.real, width: 8, decimals: 1, style: Style.short }, 10, '1'],
    [{ kind: Kind.real, width: 4, decimals: 6 }, 1, null],
  ])('%o: %d is %j', (fields, n, text) => {
    const format = { ...PLAIN, ...fields }
    expect(written(format, n)).toBe(text)
    if (text !== null) expect(numberOf(format, text, 1_790_000_000_000)).toBe(n)
  })
})

describe('what a format does not write is none of its numbers', () => {
  test.each<[Partial<NumberFormat>, readonly string[]]>([
    [{}, ['', '-', '-0', '00', '1.0', '1.', '.5', '1e5', ' 1', '1 ', '+1', '0x1', 'NaN', '9007199254740993', '12345678901234567890', 'null', '１']],
    [{ decimals: 1 }, ['1', '1.', '1.25', '-0.0', '01.5', '1.5e1', '1,5']],
    [{ decimals: 2, style: Style.short }, ['1.0', '1.50', '1.', '-0']],
    [{ width: 3 }, ['7', '07', '0007']],
    [{ factor: 5 }, ['7', '11']],
    [{ kind: Kind.time, style: Style.letterT }, ['2026-09-21 14:13:20', '2026-09-31T14:13:20', '2026-09-21T24:00:00', '2026-09-21T14:13:60', '2026-9-21T14:13:20', '']],
    [{ kind: Kind.time, style: Style.timeOnly }, ['24:00:00', '1:00:00', '12:60:00']],
    [{ kind: Kind.float, width: 4, decimals: 1 }, ['\x3f\xc0\0\x01', '\x7f\xc0\0\0', '\x80\0\0\0']],
    [{ kind: Kind.real, width: 4, decimals: 1 }, ['21.3', '21.299999237060548', '21.30']],
  ])('%o', (fields, texts) => {
    for (const text of texts) expect(numberOf({ ...PLAIN, ...fields }, text), JSON.stringify(text)).toBeNull()
  })

  test('whatever it is (seed 3)', () => {
    const random = new Random(3)
    let known = 0
    for (let i = 0; i < 20_000; i++) {
      const format: NumberFormat = {
        kind: random.int(0, 4),
        style: random.int(0, 7),
        decimals: random.int(0, 15),
        width: random.pick([0, 1, 2, 4, 8]),
        factor: random.pick([1, 1, 5, 625]),
        halvings: random.pick([0, 0, 4]),
        offset: random.pick([0, 0, 3]),
        clock: 0,
      }
      if ((format.kind === Kind.float || format.kind === Kind.real) && format.width < 4) continue
      const text = Array.from({ length: random.int(0, 20) }, () => random.pick([...'0123456789.-+:T eE\0\xff'])).join('')
      const n = numberOf(format, text)
      if (n === null) continue
      expect(written(format, n)).toBe(text)
      known++
    }
    expect(known).toBeGreaterThan(100)
  })
})

describe('guessed', () => {
  const times = (count: number): number[] => Array.from({ length: count }, (_, i) => 1_790_000_000_000 + i * 10_000)
  const guess = (texts: readonly string[]): NumberFormat | null => decimalFormat({ texts, timesMs: times(texts.length) })

  test.each<[string, readonly string[], Partial<NumberFormat>]>([
    ['whole numbers', ['1', '5', '8'], {}],
    ['fixed decimals', ['1.50', '1.55', '2.00'], { decimals: 2 }],
    ['decimals that come and go', ['1.5', '1.55', '2'], { decimals: 2, style: Style.short }],
    ['leading zeros', ['007', '008', '100'], { width: 3 }],
    ['signs', ['+5', '-3', '+1'], { style: Style.plus }],
    ['steps', ['100', '105', '125', '110', '130', '95'], { factor: 5 }],
    ['sixteenths', ['20.06', '20.13', '20.19', '20.25', '20.31', '20.38', '20.44'], { decimals: 2, factor: 100, halvings: 4 }],
    ['sixteenths of printf', ['20.06', '20.12', '20.19', '20.25', '20.31', '20.38', '20.44'], { decimals: 2, factor: 100, halvings: 4, style: Style.even }],
    ['seconds', ['1790000000', '1790000010', '1790000020', '1790000031', '1790000040'], { clock: 1 }],
    ['milliseconds', ['5', '10007', '20003', '30001', '40009'], { clock: 4 }],
    ['32 bits', ['21.299999237060547', '21.399999618530273', '21'], { kind: Kind.real, width: 4, decimals: 1, style: Style.short }],
    ['multiplied by 0.1', ['0.30000000000000004', '0.4', '0.7000000000000001'], { kind: Kind.real, width: 8, decimals: 1, style: Style.short }],
  ])('%s', (_what, texts, fields) => {
    expect(guess(texts)).toEqual({ ...PLAIN, ...fields })
  })

  test('nothing, where there is nothing to guess', () => {
    expect(guess(['NaN', 'null', '1'])).toBeNull()
    expect(guess(['0.123456789012345678', '0.923456789012345671'])).toBeNull()
  })

  test('times', () => {
    expect(timeFormat({ texts: ['2026-10-01T00:00:00.123'], timesMs: [0] })).toEqual({ ...PLAIN, kind: Kind.time, style: Style.letterT, decimals: 3, clock: 4 })
    expect(timeFormat({ texts: ['12:00:00'], timesMs: [0] })).toEqual({ ...PLAIN, kind: Kind.time, style: Style.timeOnly, clock: 1 })
  })
})
