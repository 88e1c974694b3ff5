// A day's bytes: never more in any 24 hours, over restarts too.
import { expect, test } from 'vitest'
import { Allowance } from '../../../src/remote/allowance.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const DAY_MS = 86_400_000

class Kept {
  clock = new FakeClock()
  readonly values = new Map<string, number>()
  /** null: as the clock says. */
  storedMs: number | null = null

  make(dayBytesMax: number, burst: number): Allowance {
    const numbers = { get: (key: string) => this.values.get(key), set: (key: string, value: number) => void this.values.set(key, value) }
    return new Allowance('k', dayBytesMax, burst, { clock: this.clock, numbers, storedWallMs: () => this.storedMs ?? this.clock.wall() })
  }

  /** The monotonic clock begins anew, the wall's goes on. */
  startAgain(downMs: number): void {
    const wallMs = this.clock.wall() + downMs
    this.clock = new FakeClock()
    this.clock.wallOffsetMs = wallMs - this.clock.now()
  }
}

test('a part at once, the rest as time goes by', () => {
  const kept = new Kept()
  const allowance = kept.make(1000, 0.25)
  expect(allowance.left).toBe(250)
  expect([allowance.take(250), allowance.take(1), allowance.left]).toEqual([true, false, 0])
  expect(allowance.waitMs(75)).toBe(DAY_MS / 10)
  kept.clock.advance(DAY_MS / 10)
  expect([allowance.take(76), allowance.take(75)]).toEqual([false, true])
  expect([allowance.waitMs(250), allowance.waitMs(251)]).toEqual([DAY_MS / 3, Infinity])
})

test('what is kept for somebody else is not for others', () => {
  const allowance = new Kept().make(1000, 0.5)
  expect([allowance.take(200, 301), allowance.take(200, 300), allowance.take(300)]).toEqual([false, true, true])
})

test('in no 24 hours more than a day’s bytes, whoever asks for whatever and starts it anew', () => {
  const kept = new Kept()
  const spent: { readonly atMs: number; readonly bytes: number }[] = []
  let seed = 7
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
  let allowance = kept.make(10_000, 0.25)
  for (let i = 0; i < 20_000; i++) {
    kept.clock.advance(random(120_000))
    if (random(50) === 0) {
      kept.startAgain(random(600_000))
      allowance = kept.make(10_000, 0.25)
    }
    const bytes = 1 + random(400)
    if (allowance.take(bytes)) spent.push({ atMs: kept.clock.wall(), bytes })
  }
  let most = 0
  let sum = 0
  let from = 0
  for (const { atMs, bytes } of spent) {
    sum += bytes
    while (spent[from]!.atMs <= atMs - DAY_MS) sum -= spent[from++]!.bytes
    most = Math.max(most, sum)
  }
  expect(most).toBeLessThanOrEqual(10_000)
  expect(most).toBeGreaterThan(9_000)
})

test('a start at a time that cannot be compared does not give anything back', () => {
  const kept = new Kept()
  kept.make(1000, 0.5).take(500)
  kept.startAgain(DAY_MS)
  kept.storedMs = 3 * 2 ** 35 // since a start of the machine: its clock is not set
  expect(kept.make(1000, 0.5).left).toBe(0)
  kept.storedMs = null
  expect(kept.make(1000, 0.5).left).toBe(500)
})
