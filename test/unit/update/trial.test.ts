// What becomes of an update on trial, by what is seen.
import { describe, expect, test } from 'vitest'
import type { Trial } from '../../../src/update/record.ts'
import { BROKER_MS_MAX, judge, type Sight } from '../../../src/update/trial.ts'

const WITHIN_MS = 15 * 60_000
const ROOT: Trial = { kind: 'root', version: '0.2.0', from: '0.1.0', slot: 'B', isInstalled: true, uplinks: ['sat', 'lte'], wasDefault: false, waitedMs: 0, job: 'j', asker: null }
const APPLICATION: Trial = { ...ROOT, kind: 'application', slot: '0.2.0-12345678' }
const WELL: Sight = { slot: 'B', block: { good: 'A', onTrial: 'B', tries: 2 }, application: '0.2.0-12345678', brokerTrouble: null, uplinks: ['lte'], sinceMs: 0 }
const verdict = (trial: Trial, sight: Partial<Sight>): string => {
  const answer = judge(trial, { ...WELL, ...sight }, WITHIN_MS)
  return [answer.verdict, 'for' in answer ? answer.for : '', 'reason' in answer ? answer.reason : ''].filter((word) => word !== '').join(' ')
}

describe.each([['a root', ROOT], ['an application', APPLICATION]])('%s', (_, trial) => {
  test('stays when the broker works and one of the uplinks of before is up', () => expect(verdict(trial, {})).toBe('keep'))
  test('stays when there was no uplink before', () => expect(verdict({ ...trial, uplinks: [] }, { uplinks: [] })).toBe('keep'))
  test('waits for the broker, but not as long as for an uplink', () => {
    expect(verdict(trial, { brokerTrouble: 'x', sinceMs: BROKER_MS_MAX - 1 })).toBe('wait broker')
    expect(verdict(trial, { brokerTrouble: 'x', sinceMs: BROKER_MS_MAX })).toBe('undo the broker did not work: x')
  })
  test('waits for an uplink', () => {
    expect(verdict(trial, { uplinks: [], sinceMs: WITHIN_MS - 1 })).toBe('wait uplink')
    expect(verdict(trial, { uplinks: ['another'], sinceMs: WITHIN_MS })).toBe('undo no uplink was connected in time (before the update: sat, lte)')
  })
  test('the time of earlier starts counts', () => expect(verdict({ ...trial, waitedMs: WITHIN_MS - 5 }, { uplinks: [], sinceMs: 5 })).toMatch(/^undo/))
  test('an installation that was cut off is forgotten', () => expect(verdict({ ...trial, isInstalled: false }, { slot: 'A', application: null })).toBe('forget'))
  test('one that was cut off when all was done counts as installed', () => expect(verdict({ ...trial, isInstalled: false }, {})).toBe('keep'))
})

test('a root that GRUB has given up is told of', () => {
  expect(verdict(ROOT, { slot: 'A', block: { good: 'A', onTrial: 'B', tries: 0 } })).toBe('undone it did not start: the boot loader went back to the other slot')
  expect(verdict(ROOT, { slot: 'A', block: null })).toMatch(/^undone/)
})
test('a root that was not started yet is waited for', () => expect(verdict(ROOT, { slot: 'A', block: { good: 'A', onTrial: 'B', tries: 3 } })).toBe('wait broker'))
test('an application that a root update has ended', () => expect(verdict(APPLICATION, { application: null })).toBe('undone it does not fit the root that runs now'))
