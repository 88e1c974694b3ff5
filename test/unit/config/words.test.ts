// The small words of a configuration: durations, sizes, escapes, and what a mistyped one meant.
import { expect, it } from 'vitest'
import { parseEscapes } from '../../../src/config/escapes.ts'
import { editDistance, nearest } from '../../../src/config/spelling.ts'
import { DURATION_PATTERN, formatDuration, formatSize, parseDuration, parseSize, SIZE_PATTERN } from '../../../src/config/units.ts'

it.each([
  ['20ms', 20], ['1s', 1000], ['5m', 300_000], ['2h', 7_200_000], ['30d', 2_592_000_000], ['1.5s', 1500], ['0.1s', 100], ['0', 0], ['0s', 0], ['10 s', 10_000],
  ['20', null], ['', null], ['s', null], ['-1s', null], ['1S', null], ['1M', null], ['1h30m', null], ['0.5ms', null], ['1e3s', null], ['1  s', null], ['.5s', null], ['9999999999999999d', null],
])('duration %j', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

it.each(['20ms', '1.5s', '5m', '2h', '30 d', '0'])('duration %j is known to editors', (text) => expect(text).toMatch(new RegExp(DURATION_PATTERN)))

it.each([
  ['512B', 512], ['64kB', 64_000], ['64KB', 64_000], ['64kb', 64_000], ['1MB', 1_000_000], ['2GB', 2_000_000_000], ['1TB', 1e12], ['1KiB', 1024], ['1MiB', 1_048_576],
  ['2GiB', 2_147_483_648], ['1.5MB', 1_500_000], ['0', 0], ['2 GB', 2e9],
  ['2', null], ['2G', null], ['2Gb/s', null], ['-1B', null], ['0.5B', null], ['', null], ['99999999TB', null],
])('size %j', (text, bytes) => expect(parseSize(text)).toBe(bytes))

it.each(['512B', '64kB', '1MB', '2GB', '1KiB', '64kb', '1.5MB', '2 GB', '0'])('size %j is known to editors', (text) => expect(text).toMatch(new RegExp(SIZE_PATTERN)))

it('prints quantities that can be typed back', () => {
  expect([0, 1, 1500, 60_000, 90_000, 86_400_000, 2_592_000_000].map(formatDuration)).toEqual(['0', '1ms', '1500ms', '1m', '90s', '1d', '30d'])
  expect([0, 1, 1024, 64_000, 1_500_000, 2e9].map(formatSize)).toEqual(['0', '1B', '1024B', '64kB', '1500kB', '2GB'])
  for (const ms of [1, 999, 1001, 3_600_000, 123_456_789]) expect(parseDuration(formatDuration(ms))).toBe(ms)
})

it.each([
  [String.raw`\r\n`, '0d0a'], [String.raw`\t\0\\`, '09005c'], [String.raw`\x00\xfF`, '00ff'], ['ü;', 'c3bc3b'], ['\r\n', '0d0a'], ['', ''],
  [String.raw`\q`, null], ['\\', null], [String.raw`\x1`, null], [String.raw`\xgg`, null],
])('escapes %j', (written, hex) => expect(parseEscapes(written)?.toString('hex') ?? null).toBe(hex))

it.each([
  ['', 'abc', 3], ['abc', 'abc', 0], ['port', 'prot', 1], ['kitten', 'sitting', 3], ['ab', 'ba', 1], ['abcd', 'acbd', 1], ['store', 'stor', 1],
])('distance of %j and %j', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance)
  expect(editDistance(b, a)).toBe(distance)
})

it.each([
  ['prot', 'port'], ['Port', 'port'], ['commit_window', 'commitWindow'], ['commitwindw', 'commitWindow'], ['host', 'host'],
  ['xyz', null], ['', null], ['p'.repeat(1000), null],
])('nearest to %j', (word, meant) => expect(nearest(word, ['port', 'host', 'commitWindow'])).toBe(meant))
