// Schedules and windows by the local clock, on ordinary days and on those when it is put forward or back.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CronConfig, WindowConfig } from '../../../../src/config/config.ts'
import { nextRunMs } from '../../../../src/uplink/link/cron.ts'
import { isOpen, untilEdgeMs } from '../../../../src/uplink/link/windows.ts'
import { connectOfText } from './connect-text.ts'

const zone = process.env['TZ']

function inZone(name: string): void {
  beforeEach(() => {
    process.env['TZ'] = name
  })
  afterEach(() => {
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
  })
}

function cron(text: string): CronConfig {
  return connectOfText(`{ schedule: "${text}" }`).schedule!
}

/** The next `count` runs after a time, as UTC. */
function runs(text: string, after: string, count: number): string[] {
  const config = cron(text)
  const times: string[] = []
  for (let ms = Date.parse(after); times.length < count; ) {
    ms = nextRunMs(config, ms)
    times.push(new Date(ms).toISOString().slice(0, 16))
  }
  return times
}

describe('in UTC', () => {
  inZone('UTC')

  test.each([
    ['*/30 * * * *', '2026-11-21T10:04:00Z', ['2026-11-21T10:30', '2026-11-21T11:00', '2026-11-21T11:30']],
    ['*/30 * * * *', '2026-11-21T10:30:00Z', ['2026-11-21T11:00', '2026-11-21T11:30']],
    ['*/30 * * * *', '2026-11-21T10:29:59.999Z', ['2026-11-21T10:30']],
    ['7-59/20 * * * *', '2026-11-21T10:04:00Z', ['2026-11-21T10:07', '2026-11-21T10:27', '2026-11-21T10:47', '2026-11-21T11:07']],
    ['0 6,18 * * *', '2026-11-21T10:04:00Z', ['2026-11-21T18:00', '2026-11-22T06:00', '2026-11-22T18:00']],
    ['15 3 * * mon-fri', '2026-11-20T12:00:00Z', ['2026-11-23T03:15', '2026-11-24T03:15']],
    ['0 0 * * 7', '2026-11-21T12:00:00Z', ['2026-11-22T00:00', '2026-11-29T00:00']],
    ['0 0 * * 5-7', '2026-11-21T12:00:00Z', ['2026-11-22T00:00', '2026-11-27T00:00', '2026-11-28T00:00', '2026-11-29T00:00']],
    ['0 12 1 jan,jul *', '2026-11-21T12:00:00Z', ['2027-01-01T12:00', '2027-07-01T12:00']],
    ['0 0 31 * *', '2026-11-21T12:00:00Z', ['2026-12-31T00:00', '2027-01-31T00:00', '2027-03-31T00:00']],
    ['0 0 29 2 *', '2026-11-21T12:00:00Z', ['2028-02-29T00:00', '2032-02-29T00:00']],
    ['0 0 29 2 *', '2096-03-01T00:00:00Z', ['2104-02-29T00:00']],
    ['59 23 31 12 *', '2026-12-31T23:59:00Z', ['2027-12-31T23:59']],
    // Both day fields are restricted: either matches.
    ['0 0 13 * fri', '2026-11-01T00:00:00Z', ['2026-11-06T00:00', '2026-11-13T00:00', '2026-11-20T00:00', '2026-11-27T00:00', '2026-12-04T00:00', '2026-12-11T00:00', '2026-12-13T00:00']],
    // One has a *: both must match.
    ['0 0 */2 * mon', '2026-11-01T00:00:00Z', ['2026-11-09T00:00', '2026-11-23T00:00', '2026-12-07T00:00']],
    ['* * 1 1 *', '2026-11-21T00:00:00Z', ['2027-01-01T00:00', '2027-01-01T00:01']],
  ])('%s', (text, after, expected) => expect(runs(text, after, expected.length)).toEqual(expected))
})

describe('where the clock is put forward at 02:00 on 29 March 2026, and back at 03:00 on 25 October', () => {
  inZone('Europe/Berlin')

  test('a time that is skipped comes as much later', () => {
    expect(runs('30 2 * * *', '2026-03-28T00:00:00Z', 3)).toEqual(['2026-03-28T01:30', '2026-03-29T01:30', '2026-03-30T00:30'])
    expect(new Date(nextRunMs(cron('30 2 * * *'), Date.parse('2026-03-29T00:00:00Z'))).getHours()).toBe(3)
  })

  test('a time that comes twice counts once', () => {
    expect(runs('30 2 * * *', '2026-10-24T00:00:00Z', 3)).toEqual(['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30'])
  })

  test('every half hour goes on through both', () => {
    expect(runs('*/30 * * * *', '2026-03-28T23:59:00Z', 5)).toEqual(['2026-03-29T00:00', '2026-03-29T00:30', '2026-03-29T01:00', '2026-03-29T01:30', '2026-03-29T02:00'])
    expect(runs('*/30 * * * *', '2026-10-24T23:59:00Z', 5)).toEqual(['2026-10-25T00:00', '2026-10-25T00:30', '2026-10-25T01:00', '2026-10-25T01:30', '2026-10-25T02:00'])
  })

  test('a year has a run a day, and no more', () => {
    expect(new Set(runs('30 2 * * *', '2026-01-01T00:00:00Z', 365).map((time) => time.slice(0, 10))).size).toBe(365)
  })
})

describe('where the clock is put forward at midnight', () => {
  inZone('America/Havana') // 8 March 2026, 00:00 is 01:00

  test('a run at midnight is an hour later, not lost', () => {
    expect(runs('0 0 * * *', '2026-03-07T12:00:00Z', 2)).toEqual(['2026-03-08T05:00', '2026-03-09T04:00'])
    expect(runs('*/30 * 8 3 *', '2026-03-07T12:00:00Z', 2)).toEqual(['2026-03-08T05:00', '2026-03-08T05:30'])
  })
})

describe('windows', () => {
  inZone('Europe/Berlin')

  const window = (text: string): WindowConfig => connectOfText(`{ window: "${text}" }`).windows[0]!
  const open = (text: string, local: string): boolean => isOpen(window(text), new Date(local).getTime())

  test.each([
    ['02:00-04:00', '2026-11-21T01:59:59', false],
    ['02:00-04:00', '2026-11-21T02:00:00', true],
    ['02:00-04:00', '2026-11-21T03:59:59', true],
    ['02:00-04:00', '2026-11-21T04:00:00', false],
    ['22:00-06:00', '2026-11-21T21:59:00', false],
    ['22:00-06:00', '2026-11-21T23:00:00', true],
    ['22:00-06:00', '2026-11-22T05:59:00', true],
    ['22:00-06:00', '2026-11-22T06:00:00', false],
    ['00:00-24:00', '2026-11-22T23:59:59', true],
    ['mon-fri 22:00-06:00', '2026-11-20T23:00:00', true], // Friday
    ['mon-fri 22:00-06:00', '2026-11-21T05:00:00', true], // the night that began on Friday
    ['mon-fri 22:00-06:00', '2026-11-21T23:00:00', false], // Saturday
    ['mon-fri 22:00-06:00', '2026-11-23T05:00:00', false], // the night that began on Sunday
    ['sat,sun 8:00-9:00', '2026-11-21T08:30:00', true],
    ['sat,sun 8:00-9:00', '2026-11-23T08:30:00', false],
    ['fri-mon 8:00-9:00', '2026-11-23T08:30:00', true],
    ['fri-mon 8:00-9:00', '2026-11-24T08:30:00', false],
  ])('%s at %s', (text, local, expected) => expect(open(text, local)).toBe(expected))

  test('tells when the next beginning or end is', () => {
    const until = (text: string, local: string): number => untilEdgeMs(window(text), new Date(local).getTime())
    expect(until('02:00-04:00', '2026-11-21T01:59:59.500')).toBe(500)
    expect(until('02:00-04:00', '2026-11-21T02:00:00')).toBe(2 * 3_600_000)
    expect(until('02:00-04:00', '2026-11-21T04:00:00')).toBe(22 * 3_600_000)
    expect(until('22:00-24:00', '2026-11-21T23:59:59')).toBe(1000)
    expect(until('22:00-06:00', '2026-11-21T23:00:00')).toBe(7 * 3_600_000)
  })

  test('are what the clock shows: an hour less or more on the days it is changed', () => {
    const minutesOpen = (fromUtc: string): number => {
      const fromMs = Date.parse(fromUtc)
      return Array.from({ length: 24 * 60 }, (_, i) => isOpen(window('01:00-05:00'), fromMs + i * 60_000)).filter(Boolean).length
    }
    expect(minutesOpen('2026-03-28T22:00:00Z')).toBe(180)
    expect(minutesOpen('2026-10-24T22:00:00Z')).toBe(300)
    expect(minutesOpen('2026-11-20T22:00:00Z')).toBe(240)
  })
})
