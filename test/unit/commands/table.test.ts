// Tables, sizes and durations as a person reads them.
import { expect, test } from 'vitest'
import { bytesText, durationText, table } from '../../../src/commands/table.ts'

test('columns are as wide as they have to be, numbers to the right', () => {
  expect(table(['name', 'count'], [['a', 1], ['longer', 12_000], ['none', null]], '')).toBe('NAME    COUNT\na           1\nlonger  12000\nnone        -\n')
  expect(table(['name'], [], 'there is none')).toBe('there is none\n')
})

test.each([[0, '0 B'], [999, '999 B'], [1000, '1.0 kB'], [1536, '1.5 kB'], [123_456, '123 kB'], [2_000_000_000, '2.0 GB'], [5e15, '5000 TB']])('%d bytes', (bytes, text) => expect(bytesText(bytes)).toBe(text))
test.each([[0, '0 s'], [59, '59 s'], [60, '1 min'], [3661, '1 h 1 min'], [86_400, '1 d'], [93_784, '1 d 2 h']])('%d s', (seconds, text) => expect(durationText(seconds)).toBe(text))
