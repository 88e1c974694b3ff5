// `update`: what is accepted, and its defaults.
import { expect, test } from 'vitest'
import { check } from './gateway-yaml.ts'

function updateOf(text: string): unknown {
  const result = check(`site: s\n${text}`)
  return 'problems' in result ? result.problems.map(({ line, column, message }) => `${line}:${column} ${message}`) : result.config.update
}

const DEFAULTS = { commandTopic: null, rateMax: Infinity, withinMs: 900_000, allowDowngrade: false }

test('left out, or empty', () => {
  expect(updateOf('')).toEqual(DEFAULTS)
  expect(updateOf('update: {}')).toEqual(DEFAULTS)
})
test('all of it', () => {
  expect(updateOf('update: { commands: "sites/{site}/update", maxRate: 150B, within: 13h, allowDowngrade: true }')).toEqual({ commandTopic: 'sites/s/update', rateMax: 150, withinMs: 46_800_000, allowDowngrade: true })
})
test.each([
  ['update: { commands: "a/#" }', '2:21 `commands` "a/#" has a wildcard'],
  ['update: { commands: $SYS/update }', '2:21 `commands` "$SYS/update" starts with $'],
  ['update: { maxRate: 1B }', '2:20 `maxRate` must be a size from 10B to 100MB, found the text "1B"'],
  ['update: { within: 10s }', '2:19 `within` must be a duration from 1m to 7d, found the text "10s"'],
])('%s', (text, problem) => expect(updateOf(text)).toEqual([problem]))
