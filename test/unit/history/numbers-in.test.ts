// What in a payload is a number, and what is not.
import { expect, test } from 'vitest'
import { fieldIn, jsonIn, numberIn, numbersIn } from '../../../src/history/numbers-in.ts'

test.each([
  ['21.5', 21.5],
  ['-3', -3],
  ['+.5', 0.5],
  ['4.', 4],
  ['1e3', 1000],
  [' 7\r\n', 7],
  ['', null],
  [' ', null],
  ['0x10', null],
  ['Infinity', null],
  ['1e999', null],
  ['21.5 °C', null],
  ['on', null],
  ['true', null],
  ['1,5', null],
  ['{"a":1}', null],
  ['1'.repeat(65), null],
])('%j is %j', (text, value) => expect(numberIn(Buffer.from(text))).toBe(value))

test.each([
  ['temperature', 21.5],
  ['battery.voltage', 3.7],
  ['cells.1', 4],
  ['a.b', 9],
  ['name', null],
  ['battery', null],
  ['battery.none', null],
  ['temperature.deep', null],
  ['toString', null],
  ['__proto__', null],
])('the field %s is %j', (field, value) => {
  const json = jsonIn(Buffer.from(' {"temperature":21.5,"battery":{"voltage":3.7},"cells":[3,4],"a.b":9,"a":{"b":8},"name":"x"}'))
  expect(fieldIn(json, field)).toBe(value)
})

test.each(['', 'x', '{', '21.5', '"text"', 'null', `{"a":1${' '.repeat(4096)}}`])('%j has no fields', (text) => {
  expect(fieldIn(jsonIn(Buffer.from(text)), 'a')).toBeNull()
})

function all(text: string): Record<string, number> {
  const found: Record<string, number> = {}
  numbersIn(Buffer.from(text), (name, value) => (found[name] = value))
  return found
}

test('all numbers of a payload whose shape nobody has told', () => {
  expect(all('{"value":1.5,"time":"2026-11-21T00:00:00.000Z","sequence":7,"unit":"m","deep":{"a":1},"level":2}')).toEqual({ value: 1.5, level: 2 })
  expect(all('42')).toEqual({ value: 42 })
  expect(all('on')).toEqual({})
})

test('of a payload with hundreds of fields the first 32', () => {
  expect(Object.keys(all(JSON.stringify(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, i])))))).toHaveLength(32)
})
