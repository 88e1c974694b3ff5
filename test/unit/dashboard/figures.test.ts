// What the page makes of figures: words, lines, a pace, a time to drain.
import { describe, expect, test } from 'vitest'
import { Drain } from '../../../src/dashboard/parts/drain.ts'
import { ago, bytes, count, duration, percent, plural, rate, until, value } from '../../../src/dashboard/parts/format.ts'
import { IDLE, IN_USE, pauseMs, retryMs } from '../../../src/dashboard/parts/pace.ts'
import { Recent } from '../../../src/dashboard/parts/recent.ts'
import { withoutEdges } from '../../../src/dashboard/parts/series.ts'
import { pathsOf } from '../../../src/dashboard/parts/spark-paths.ts'

/** Narrow spaces as plain ones. */
const plain = (text: string): string => text.replaceAll('\u202f', ' ')

describe('words', () => {
  test.each([[0, '0 B'], [999, '999 B'], [1000, '1.00 kB'], [12_340, '12.3 kB'], [999_600, '1.00 MB'], [123_456_789, '123 MB'], [2e9, '2.00 GB']])('%d bytes', (of, text) => {
    expect(plain(bytes(of))).toBe(text)
  })

  test.each([[0, '0 s'], [0.4, '0 s'], [59, '59 s'], [60, '1 min'], [119, '1 min'], [3600, '1 h'], [3660, '1 h 1 min'], [90_000, '1 d 1 h'], [-5, '0 s']])('%d seconds', (of, text) => {
    expect(plain(duration(of))).toBe(text)
  })

  test.each([[28.5123, '28.51'], [1234.5, '1 235'], [101.26, '101.3'], [0.012345, '0.0123'], [0.00001, '1.00e-5'], [7, '7'], [-40, '-40'], [12_345, '12 345'], [null, '–'], [Number.NaN, '–'], ['open', 'open'], [true, 'true']])('value %s', (of, text) => {
    expect(plain(value(of))).toBe(text)
  })

  test('counts, rates, shares', () => {
    expect([count(1_234_567), plural(1, 'client'), plural(2, 'client'), rate(0), rate(0.25), rate(12.34), rate(1234.5)].map(plain)).toEqual(['1 234 567', '1 client', '2 clients', '0', '0.25', '12.3', '1 235'])
    expect([percent(1, 4), percent(5, 4), percent(1, 0)]).toEqual([25, 100, 0])
  })

  test('how long ago, and until', () => {
    const nowMs = Date.parse('2026-11-22T12:00:00Z')
    expect([ago('2026-11-22T11:59:59Z', nowMs), ago('2026-11-22T11:00:00Z', nowMs), ago('2026-11-22T13:00:00Z', nowMs), until('2026-11-22T13:00:00Z', nowMs), until('2026-11-22T11:00:00Z', nowMs)].map(plain)).toEqual(['just now', '1 h ago', 'just now', 'in 1 h', 'now'])
  })
})

describe('pace', () => {
  test('a page that nobody touches costs less than a kilobyte a second, however large the answers are', () => {
    for (const of of [0, 1000, 5000, 50_000, 5_000_000]) expect((of / pauseMs(IDLE, of)) * 1000).toBeLessThanOrEqual(700)
    expect(pauseMs(IDLE, 100)).toBe(5000)
    expect(pauseMs(IN_USE, 100)).toBe(2000)
  })

  test('pauses without an answer grow, to a bound', () => {
    expect([1, 2, 3, 4, 5, 6, 1000].map(retryMs)).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
  })
})

describe('time to drain', () => {
  test('from what is acknowledged, and what is left', () => {
    const drain = new Drain()
    drain.add(0, 100, 1000)
    expect([drain.perSec, drain.leftSec]).toEqual([null, null])
    drain.add(10_000, 200, 920)
    expect(drain.perSec).toBe(10)
    expect(drain.leftSec).toBe(920 / 8)
  })

  test('nobody can say when more comes than goes; nothing is left of nothing', () => {
    const drain = new Drain()
    drain.add(0, 0, 10)
    drain.add(10_000, 5, 20)
    expect(drain.leftSec).toBeNull()
    drain.add(20_000, 30, 0)
    expect(drain.leftSec).toBe(0)
  })

  test('a gateway that was started again begins anew', () => {
    const drain = new Drain()
    drain.add(0, 1000, 10)
    drain.add(10_000, 3, 10)
    expect(drain.perSec).toBeNull()
  })
})

describe('lines', () => {
  test('of a history: what was not there yet, or not any more, is no gap', () => {
    const series = { id: 'a', at: [1, 2, 3, 4, 5], mean: [null, 1, null, 2, null], min: [null, 0, null, 1, null], max: [null, 2, null, 3, null] }
    expect(withoutEdges(series)).toEqual({ id: 'a', at: [2, 3, 4], mean: [1, null, 2], min: [0, null, 1], max: [2, null, 3] })
    expect(withoutEdges({ id: 'a', at: [1], mean: [null], min: [null], max: [null] }).at).toEqual([])
  })

  test('points are remembered in order, each once, as many as there is room for', () => {
    const recent = new Recent()
    recent.add('a', 10, 1)
    recent.add('a', 10, 2)
    recent.add('a', 9, 3)
    recent.add('a', 11, null)
    expect(recent.of('a')).toEqual({ at: [10, 11], values: [1, null] })
    for (let i = 0; i < 1000; i++) recent.add('a', 100 + i, i)
    expect(recent.of('a').at.length).toBe(600)
    expect(recent.of('a').values.at(-1)).toBe(999)
    for (let i = 0; i < 1000; i++) recent.add(`line ${i}`, 1, 1)
    expect([recent.of('line 298').at.length, recent.of('line 299').at.length]).toEqual([1, 0])
  })

  test('what the gateway has kept comes before, and nothing twice', () => {
    const recent = new Recent()
    recent.add('a', 30, 3)
    recent.lead('a', { at: [10, 20, 30, 40], values: [1, 2, 9, 9] })
    expect(recent.of('a')).toEqual({ at: [10, 20, 30], values: [1, 2, 3] })
    recent.lead('b', { at: [1], values: [null] })
    expect(recent.of('b')).toEqual({ at: [1], values: [null] })
  })

  test('a sparkline: a gap ends a piece, a flat line is in the middle, one point is none', () => {
    expect(pathsOf([0, 10, 20], [0, 1, 0], 100).line).toBe('M0.0 29.0L60.0 3.0L120.0 29.0')
    expect(pathsOf([0, 10], [5, 5], 100).line).toBe('M0.0 16.0L120.0 16.0')
    expect(pathsOf([0, 10, 20, 30, 40], [0, 1, null, 1, 0], 100).line.match(/M/g)).toHaveLength(2)
    expect(pathsOf([0], [1], 100)).toEqual({ line: '', area: '' })
    expect(pathsOf([0, 10, 20, 30], [null, null, 0, 1], 100).line).toBe('M0.0 29.0L120.0 3.0')
    expect(pathsOf([0, 50, 100], [9, 0, 1], 60).line).toBe('M20.0 29.0L120.0 3.0')
  })
})
