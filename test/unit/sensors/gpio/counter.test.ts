import { describe, expect, test } from 'vitest'
import { PulseCounter, TOTAL_MAX, totalOf } from '../../../../src/sensors/gpio/counter.ts'

describe('total and rate', () => {
  test('a line that is opened again counts on top of what was known', () => {
    const counter = new PulseCounter(100, 10_000)
    counter.opened(0)
    expect(counter.look(5, 1000)).toEqual({ total: 105, rate: 5 })
    expect(counter.look(5, 2000)).toEqual({ total: 105, rate: 0 })
    counter.closed()
    counter.opened(5000)
    expect(counter.look(3, 5500)).toEqual({ total: 108, rate: 6 })
  })

  test('two looks at once have no rate between them', () => {
    const counter = new PulseCounter(undefined, 10_000)
    counter.opened(0)
    expect(counter.look(5, 0)).toEqual({ total: 5, rate: null })
  })

  test('goes round to 0', () => {
    const counter = new PulseCounter(TOTAL_MAX - 1, 10_000)
    counter.opened(0)
    expect(counter.look(1, 1000).total).toBe(TOTAL_MAX)
    expect(counter.look(3, 2000).total).toBe(1)
  })
})

describe('saved', () => {
  test('so long after the first pulse that is not saved, once', () => {
    const counter = new PulseCounter(0, 10_000)
    counter.opened(0)
    counter.look(0, 1000)
    expect(counter.due(50_000)).toBeNull()
    counter.look(1, 60_000)
    counter.look(2, 61_000)
    expect(counter.due(69_999)).toBeNull()
    expect(counter.due(70_000)).toBe(2)
    expect(counter.due(90_000)).toBeNull()
    counter.look(2, 91_000)
    expect(counter.due(200_000)).toBeNull()
  })

  test('at once when asked, if there is anything', () => {
    const counter = new PulseCounter(7, 10_000)
    counter.opened(0)
    expect(counter.due(0, true)).toBeNull()
    counter.look(1, 100)
    expect(counter.due(100, true)).toBe(8)
    expect(counter.due(100, true)).toBeNull()
  })

  test('a total that is set is due at once, the same as was saved too', () => {
    const counter = new PulseCounter(7, 10_000)
    counter.set(7, 100)
    expect(counter.due(100)).toBe(7)
  })
})

test.each([
  ['', 0],
  ['0', 0],
  [' 12345 ', 12_345],
  [`${TOTAL_MAX}`, TOTAL_MAX],
  [`${TOTAL_MAX}0`, null],
  ['-1', null],
  ['1.5', null],
  ['reset', null],
  ['0'.repeat(33), null],
])('the command %j', (text, total) => expect(totalOf(Buffer.from(text))).toBe(total))
