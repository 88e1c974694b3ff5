// Days and billing months, in zones whose clocks do something on the way.
import { afterEach, describe, expect, test } from 'vitest'
import { dayOf, monthOf } from '../../../../src/uplink/budget/billing-period.ts'

const HOUR_MS = 3_600_000
const ZONE = process.env.TZ

afterEach(() => {
  if (ZONE === undefined) delete process.env.TZ
  else process.env.TZ = ZONE
})

/** The first days of the billing months of a year, as keys. */
function firstDays(year: number, billingDay: number): number[] {
  const keys = new Set<number>()
  for (let day = 1; day <= 365; day++) keys.add(monthOf(new Date(year, 0, day, 12).getTime(), billingDay).key)
  return [...keys]
}

test('a month begins on its billing day, and on the last day of a month that is shorter', () => {
  expect(firstDays(2027, 1)).toEqual([20270101, 20270201, 20270301, 20270401, 20270501, 20270601, 20270701, 20270801, 20270901, 20271001, 20271101, 20271201])
  expect(firstDays(2027, 31)).toEqual([20261231, 20270131, 20270228, 20270331, 20270430, 20270531, 20270630, 20270731, 20270831, 20270930, 20271031, 20271130, 20271231])
  expect(firstDays(2028, 30).slice(1, 4)).toEqual([20280130, 20280229, 20280330])
  expect(firstDays(2027, 5).slice(0, 3)).toEqual([20261205, 20270105, 20270205])
})

describe.each(['UTC', 'Europe/Berlin', 'America/New_York', 'America/Sao_Paulo', 'Africa/Cairo', 'Asia/Beirut', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Apia', 'Pacific/Kiritimati'])('%s', (zone) => {
  test('days and months follow each other without a gap, each with a larger key', () => {
    process.env.TZ = zone
    const until = Date.UTC(2029, 0, 1)
    const gaps: string[] = []
    for (const periodOf of [dayOf, ...Array.from({ length: 31 }, (_, i) => (ms: number) => monthOf(ms, i + 1))]) {
      const stepMs = periodOf === dayOf ? HOUR_MS : 12 * HOUR_MS
      let before = periodOf(Date.UTC(2026, 10, 1))
      for (let ms = Date.UTC(2026, 10, 1); ms < until; ms += stepMs) {
        const now = periodOf(ms)
        const isIn = now.startMs <= ms && ms < now.endMs
        const follows = now.key === before.key || (now.startMs === before.endMs && now.key > before.key)
        if (!isIn || !follows) gaps.push(new Date(ms).toISOString())
        before = now
      }
    }
    expect(gaps).toEqual([])
  })
})

test('the day of daylight saving has 23 or 25 hours', () => {
  process.env.TZ = 'Europe/Berlin'
  const hours = (ms: number): number => (dayOf(ms).endMs - dayOf(ms).startMs) / HOUR_MS
  expect(hours(Date.UTC(2027, 2, 28, 12))).toBe(23)
  expect(hours(Date.UTC(2027, 9, 31, 12))).toBe(25)
  expect(hours(Date.UTC(2027, 5, 1, 12))).toBe(24)
})

test('a midnight that daylight saving skips: the day begins with the hour after it', () => {
  process.env.TZ = 'Africa/Cairo' // 30 April 2027, 00:00 becomes 01:00
  const day = dayOf(Date.UTC(2027, 3, 30, 12))
  expect(day.key).toBe(20270430)
  expect(new Date(day.startMs).getHours()).toBe(1)
})

test('a day is the day of the zone', () => {
  const ms = Date.UTC(2027, 0, 1, 3)
  process.env.TZ = 'America/New_York'
  expect(dayOf(ms).key).toBe(20261231)
  expect(monthOf(ms, 1).key).toBe(20261201)
  process.env.TZ = 'Pacific/Kiritimati'
  expect(dayOf(ms).key).toBe(20270101)
})
