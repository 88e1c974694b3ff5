import { describe, expect, test } from 'vitest'
import type { ConvertConfig, ValueConfig, WindowWord } from '../../../../src/config/config.ts'
import type { Raw } from '../../../../src/sensors/sensor.ts'
import { converter, Shape } from '../../../../src/sensors/reading/shape.ts'
import { Window } from '../../../../src/sensors/reading/window.ts'

const VALUE: ValueConfig = { name: 'v', from: 'v', convert: null, unit: null, range: null, decimals: null, deadband: null, of: 'last' }

describe('conversion', () => {
  test.each<[string, ConvertConfig | null, number, number]>([
    ['none', null, 512, 512],
    ['scale and offset', { kind: 'linear', scale: 0.1, offset: -4 }, 512, 47.2],
    ['a polynomial, its constant first', { kind: 'polynomial', coefficients: [1, 2, 3] }, 2, 17],
    ['a point of a table', { kind: 'table', points: [[0, 10], [100, 20], [200, 0]] }, 100, 20],
    ['between points', { kind: 'table', points: [[0, 10], [100, 20], [200, 0]] }, 150, 10],
    ['before the first', { kind: 'table', points: [[0, 10], [100, 20]] }, -5, 10],
    ['behind the last', { kind: 'table', points: [[0, 10], [100, 20]] }, 500, 20],
  ])('%s', (_, convert, raw, value) => expect(converter(convert)(raw)).toBeCloseTo(value, 10))

  test.each<[string, Partial<ValueConfig>, Raw, Raw, boolean]>([
    ['what binary fractions leave is cut off', { convert: { kind: 'linear', scale: 0.1, offset: 0 } }, 3, 0.3, true],
    ['whole numbers keep all their digits: a time, a byte count', {}, 1_732_212_345_678, 1_732_212_345_678, true],
    ['the largest too', {}, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, true],
    ['decimals', { decimals: 1 }, 21.449, 21.4, true],
    ['no minus zero', { decimals: 0 }, -0.2, 0, true],
    ['what is no finite number is none', { convert: { kind: 'linear', scale: 1e308, offset: 0 } }, 1e10, null, true],
    ['true and false are not converted', { convert: { kind: 'linear', scale: 2, offset: 0 } }, true, true, true],
    ['texts are not either', { range: { min: 0, max: 1 } }, 'open', 'open', true],
    ['no value', { range: { min: 0, max: 1 } }, null, null, true],
    ['the ends of the range belong to it', { range: { min: 0, max: 4 } }, 4, 4, true],
    ['beyond it', { range: { min: 0, max: 4 } }, 4.01, 4.01, false],
    ['rounded before it is judged', { range: { min: 0, max: 4 }, decimals: 1 }, 4.04, 4, true],
  ])('%s', (_, config, raw, value, isInRange) => {
    expect(new Shape({ ...VALUE, ...config }).shape(raw)).toEqual({ name: 'v', unit: null, value, isInRange })
  })
})

describe('a window', () => {
  function windowOf(of: WindowWord, raws: readonly Raw[], config: Partial<ValueConfig> = {}): unknown {
    const shape = new Shape({ ...VALUE, of, ...config })
    const window = new Window(of)
    for (const raw of raws) window.add(shape.shape(raw))
    return window.take((value) => shape.round(value))?.value
  }

  test.each<[WindowWord, number]>([['last', 2], ['mean', 4.6], ['median', 3], ['min', 1], ['max', 14]])('%s', (of, value) => {
    expect(windowOf(of, [3, 14, 1, 3, 2])).toBe(value)
  })

  test('the median of an even number is between the middle two', () => expect(windowOf('median', [4, 1, 3, 2])).toBe(2.5))
  test('nothing was read', () => expect(windowOf('mean', [])).toBeUndefined())
  test('a spike beyond the range takes no part', () => expect(windowOf('mean', [1, 1000, 3], { range: { min: 0, max: 10 } })).toBe(2))
  test.each<[WindowWord, Raw]>([['last', null], ['mean', 2], ['median', 2], ['min', 1], ['max', 3]])('a reading without a value does not undo the others: %s', (of, result) => expect(windowOf(of, [1, 3, null])).toBe(result))
  test('texts have no mean', () => expect(windowOf('mean', ['a', 'b'])).toBe('b'))

  test('all beyond the range: the last one, and it says so', () => {
    const shape = new Shape({ ...VALUE, range: { min: 0, max: 10 } })
    const window = new Window('mean')
    for (const raw of [99, 98]) window.add(shape.shape(raw))
    expect(window.take((value) => value)).toEqual({ name: 'v', unit: null, value: 98, isInRange: false })
  })

  test('it is empty after it was taken', () => {
    const window = new Window('max')
    window.add(new Shape(VALUE).shape(7))
    window.take((value) => value)
    expect(window.take((value) => value)).toBeNull()
  })

  test('a median of very many is that of a part of them', () => {
    expect(windowOf('median', Array.from({ length: 100_001 }, (_, i) => i))).toBeCloseTo(50_000, -3)
  })
})
