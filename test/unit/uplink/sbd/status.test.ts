// What the result of a session means, and when the next one is tried.
import { describe, expect, test } from 'vitest'
import { creditsOf } from '../../../../src/uplink/sbd/record.ts'
import { MAILBOX_FAILED, verdictOf, waitAfter } from '../../../../src/uplink/sbd/status.ts'

describe('the MO status', () => {
  test.each([0, 1, 2, 3, 4])('%s: it has arrived', (status) => {
    expect(verdictOf(status)).toBeNull()
  })

  test.each([
    ['again', [5, 6, 7, 8, 9, 10, 13, 17, 18, 19, 20, 31, 32, 35, 39, 63, 66, 999]],
    ['later', [11, 36, 37, 38]],
    ['smaller', [12, 14]],
    ['blocked', [15, 16, 33, 34, 64, 65]],
  ] as const)('%s', (kind, statuses) => {
    for (const status of statuses) expect(verdictOf(status)!.kind, String(status)).toBe(kind)
  })

  test('each says why, and what only a person can mend says what to do', () => {
    for (let status = 5; status < 70; status++) {
      const { kind, why } = verdictOf(status)!
      expect(why, String(status)).toMatch(/^[a-z].*[^.]$/)
      if (kind === 'blocked') expect(why, String(status)).toMatch(/ask|check|switch/)
    }
  })
})

describe('the wait after it', () => {
  const bounds = (failures: number): number[] => [waitAfter(verdictOf(18)!, failures, 0), waitAfter(verdictOf(18)!, failures, 0.999_999)].map(Math.round)

  test('a failure that may pass: twice within 5 s, twice within 30 s, then every five minutes and up to a minute', () => {
    expect([1, 2, 3, 4, 5, 100].map(bounds)).toEqual([[0, 5000], [0, 5000], [0, 30_000], [0, 30_000], [300_000, 360_000], [300_000, 360_000]])
    expect(Math.round(waitAfter(MAILBOX_FAILED, 5, 0))).toBe(300_000)
  })

  test('status 36 waits for three minutes at least, however often', () => {
    for (const failures of [1, 2, 50]) expect(waitAfter(verdictOf(36)!, failures, 0)).toBe(180_000)
    expect(waitAfter(verdictOf(36)!, 1, 0.5)).toBeGreaterThan(180_000)
  })

  test('what is too large goes at once, smaller', () => {
    expect(waitAfter(verdictOf(12)!, 1, 0.5)).toBe(0)
  })

  test('what only a person can mend is tried every half hour', () => {
    expect(waitAfter(verdictOf(15)!, 1, 0)).toBe(30 * 60_000)
  })
})

test.each([
  [1, 0, 1],
  [50, 0, 1],
  [51, 0, 2],
  [340, 0, 7],
  [0, 0, 1],
  [0, 270, 6],
  [340, 270, 13],
])('a session with %s bytes up and %s down costs %s credits', (up, down, credits) => {
  expect(creditsOf(up, down)).toBe(credits)
})
