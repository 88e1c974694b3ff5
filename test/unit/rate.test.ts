import { describe, expect, test } from 'vitest'
import { SlidingWindow } from '../../src/rate.ts'
import { Random } from '../sim/random.ts'

/** Takes until there is no room, at most `limit` times. */
function takeAll(window: SlidingWindow, nowMs: number, limit = 1000): number {
  let taken = 0
  while (taken < limit && window.take(nowMs)) taken++
  return taken
}

describe('a sliding window', () => {
  test('takes its maximum at once, then nothing until all of that has left the window', () => {
    const window = new SlidingWindow(5, 1600)
    expect(takeAll(window, 10_050)).toBe(5)
    expect(takeAll(window, 11_650)).toBe(0)
    expect(takeAll(window, 11_699)).toBe(0)
    expect(takeAll(window, 11_700)).toBe(5)
  })

  test('gives room back as events leave it, not all at the window’s end', () => {
    const window = new SlidingWindow(4, 1600)
    for (const ms of [0, 400, 800, 1200]) expect(window.take(ms)).toBe(true)
    expect(window.take(1650)).toBe(false)
    expect(takeAll(window, 1700)).toBe(1)
    expect(takeAll(window, 2100)).toBe(1)
    expect(takeAll(window, 2900)).toBe(2)
  })

  test('says how long to wait: not a moment less, and then there is room', () => {
    const window = new SlidingWindow(3, 1000)
    expect(window.waitMs(500)).toBe(0)
    for (const ms of [500, 700, 900]) window.take(ms)
    const waitMs = window.waitMs(900)
    expect(waitMs).toBeGreaterThan(500)
    expect(waitMs).toBeLessThanOrEqual(700)
    expect(window.waitMs(900 + waitMs - 1)).toBe(1)
    expect(window.waitMs(900 + waitMs)).toBe(0)
    expect(takeAll(window, 900 + waitMs)).toBe(1)
  })

  test('is empty again when the window has passed, also after a long silence', () => {
    const window = new SlidingWindow(3, 1000)
    expect(window.isEmpty(5)).toBe(true)
    window.take(5)
    expect(window.isEmpty(1000)).toBe(false)
    expect(window.isEmpty(1063)).toBe(true)
    takeAll(window, 2000)
    expect(window.isEmpty(1e9)).toBe(true)
    expect(takeAll(window, 1e9)).toBe(3)
  })

  test('a refused event counts for nothing', () => {
    const window = new SlidingWindow(1, 1600)
    for (let ms = 0; ms < 1700; ms += 10) expect(window.take(ms)).toBe(ms === 0)
    expect(window.take(1700)).toBe(true)
  })

  test.each([1, 2, 7, 100])('never more than %i in any stretch of its length, and nearly as many as that on the whole', (max) => {
    const random = new Random(max)
    const window = new SlidingWindow(max, 1000)
    const taken: number[] = []
    let nowMs = 0
    while (nowMs < 100_000) {
      nowMs += random.chance(0.001) ? random.int(0, 2000) : random.next() * 3
      for (let n = random.int(1, 4); n > 0; n--) if (window.take(nowMs)) taken.push(nowMs)
    }
    for (let i = max; i < taken.length; i++) expect(taken[i]! - taken[i - max]!).toBeGreaterThan(999.999)
    expect(taken.length).toBeGreaterThan((max * 100) / 2)
  })

  test('one that is asked only when it has said there is room runs at nearly its rate', () => {
    const window = new SlidingWindow(10, 1000)
    let [nowMs, taken] = [0, 0]
    while (nowMs < 100_000) {
      taken += takeAll(window, nowMs)
      nowMs += window.waitMs(nowMs)
    }
    expect(taken).toBeGreaterThan(900)
    expect(taken).toBeLessThanOrEqual(1000)
  })
})
