// How often STATUS.txt is written: when it matters, and never so often that it wears the card.
import { expect, test } from 'vitest'
import { isDue, NO_WRITES, substanceOf, type Writes, written } from '../../../src/card/write-plan.ts'
import { APPLIED, FACTS, STATUS } from '../../support/card-facts.ts'

const LOOK_MS = 120_000
const DAY_MS = 86_400_000

/** Writes in a number of days when each look has this substance. */
function writesIn(days: number, substance: (look: number) => string): number {
  let writes: Writes = NO_WRITES
  let count = 0
  for (let look = 0; look * LOOK_MS < days * DAY_MS; look++) {
    if (!isDue(writes, substance(look), look * LOOK_MS)) continue
    writes = written(writes, substance(look), look * LOOK_MS)
    count++
  }
  expect(writes.atMs.length).toBeLessThan(60)
  return count
}

test('a gateway whose state stays: four times a day', () => expect(writesIn(10, () => 'same')).toBe(40))
test('one whose link comes and goes with each look: bounded', () => expect(writesIn(10, (look) => `${look}`)).toBeLessThanOrEqual(10 * 26))
test('what has just changed is written with the next look', () => expect(isDue({ atMs: [0], substance: 'a' }, 'b', LOOK_MS)).toBe(true))
test('not twice in a minute', () => expect(isDue({ atMs: [0], substance: 'a' }, 'b', 59_000)).toBe(false))

test('figures are no substance, states are', () => {
  const of = substanceOf(FACTS)
  expect(substanceOf({ ...FACTS, wallMs: 0, uptimeSec: 5, status: { ...STATUS, at: 1, broker: { ...STATUS.broker, clients: 50 }, uplinks: [{ ...STATUS.uplinks[0]!, queued: { messages: 13, bytes: 1 } }] } })).toBe(of)
  expect(substanceOf({ ...FACTS, status: { ...STATUS, uplinks: [{ ...STATUS.uplinks[0]!, queued: { messages: 5000, bytes: 1 } }] } })).not.toBe(of)
  expect(substanceOf({ ...FACTS, status: { ...STATUS, uplinks: [{ ...STATUS.uplinks[0]!, connected: false }] } })).not.toBe(of)
  expect(substanceOf({ ...FACTS, status: { ...STATUS, alarms: [{ name: 'uplink-down/cloud', severity: 'critical', message: '', hint: '' }] } })).not.toBe(of)
  expect(substanceOf({ ...FACTS, applied: { ...APPLIED, fileDigest: '1' } })).not.toBe(of)
  expect(substanceOf({ ...FACTS, devices: [] })).not.toBe(of)
})
