// What is learnt from silences that were survived and silences that were deadly.
import { describe, expect, test } from 'vitest'
import { Silence } from '../../../../src/uplink/client/silence.ts'

const BOUNDS = { minSec: 60, maxSec: 1800 }

function make(kept = new Map<string, number>()): { silence: Silence; kept: Map<string, number> } {
  return { kept, silence: new Silence(BOUNDS, { get: (key) => kept.get(key), set: (key, value) => void kept.set(key, value) }, 'k') }
}

/** Silences as long as it dares, on a network that forgets after `sec`; returns how many were deadly. */
function live(silence: Silence, sec: number, times: number): number {
  let deaths = 0
  for (let i = 0; i < times; i++) {
    const tried = silence.trySec
    if (tried <= sec) silence.survived(tried)
    else {
      deaths++
      silence.died(tried)
    }
  }
  return deaths
}

describe('silence', () => {
  test('a longer one is tried step by step, never longer than the longest allowed', () => {
    const { silence } = make()
    const tried: number[] = []
    for (let i = 0; i < 12; i++) {
      tried.push(silence.trySec)
      silence.survived(silence.trySec)
    }
    expect(tried.slice(0, 4)).toEqual([90, 135, 202, 303])
    expect(silence.trySec).toBe(1800)
    expect(silence.survivedSec).toBe(1800)
  })

  test.each([61, 100, 300, 1000, 1799])('a network that forgets after %i s is found in few steps', (sec) => {
    const { silence } = make()
    expect(live(silence, sec, 40)).toBeLessThanOrEqual(6)
    expect(silence.trySec).toBeLessThanOrEqual(sec)
    expect(silence.trySec).toBeGreaterThanOrEqual(Math.max(60, sec * 0.87))
  })

  test('one death after a silence that was survived before is no reason to give it up; two in a row are', () => {
    const { silence } = make()
    silence.survived(600)
    silence.died(600)
    expect(silence.survivedSec).toBe(600)
    silence.survived(600)
    silence.died(600)
    silence.died(600)
    expect(silence.survivedSec).toBe(400)
    expect(silence.trySec).toBeLessThan(600)
  })

  test('it is never shorter than the shortest allowed', () => {
    const { silence } = make()
    for (let i = 0; i < 50; i++) silence.died(silence.trySec)
    expect(silence.trySec).toBeGreaterThanOrEqual(60)
    expect(silence.survivedSec).toBe(60)
  })

  test('a death in the middle of a conversation says nothing', () => {
    const { silence, kept } = make()
    silence.died(3)
    silence.survived(3)
    expect(kept.size).toBe(0)
    expect(silence.trySec).toBe(90)
  })

  test('a network that has become better is found out, one that has not costs little', () => {
    const { silence } = make()
    live(silence, 300, 100)
    expect(live(silence, 300, 10_000)).toBeLessThanOrEqual(12)
    live(silence, Infinity, 200_000)
    expect(silence.trySec).toBe(1800)
  })

  test('what was learnt is there again after a restart', () => {
    const { silence, kept } = make()
    live(silence, 300, 100)
    expect(make(kept).silence.trySec).toBe(silence.trySec)
  })

  test('what was kept under other bounds is brought within these', () => {
    const { silence } = make(new Map([['k.survived', 7200], ['k.deadly', 9000]]))
    expect(silence.trySec).toBe(1800)
  })
})
