import { beforeEach, describe, expect, test } from 'vitest'
import { bootOffsetMs, RELEASE_DATE_MS } from '../../src/clock.ts'
import { Timekeeper } from '../../src/timekeeper.ts'
import { FakeClock } from '../support/fake-clock.ts'

const HOUR_MS = 3_600_000

let clock: FakeClock
let numbers: Map<string, number>
let isSynced: boolean | null

beforeEach(() => {
  clock = new FakeClock()
  clock.wallOffsetMs = 0 // 1970: no battery
  numbers = new Map()
  isSynced = false
})

function keeperOf(boot = 'aaaaaaaa'): Timekeeper {
  const store = { all: numbers, get: (key: string) => numbers.get(key), set: (key: string, value: number) => void numbers.set(key, value), delete: (key: string) => void numbers.delete(key) }
  const keeper = new Timekeeper(clock, { boot, isSynced: () => isSynced }, store)
  keeper.start()
  return keeper
}

/** NTP answers. */
function sync(startedMs = RELEASE_DATE_MS + 5 * HOUR_MS): void {
  isSynced = true
  clock.wallOffsetMs = startedMs
  clock.advance(1000)
}

describe('a stamp', () => {
  test('before the clock is set counts since the machine was started', () => {
    const keeper = keeperOf()
    clock.advance(5000)
    expect(keeper.stamp(clock.now() - 100)).toEqual({ wallMs: clock.wall() - 100, isSynced: false, sinceBoot: { boot: 'aaaaaaaa', sinceBootMs: clock.now() - 100 + bootOffsetMs } })
  })

  test('after that it is wall time', () => {
    const keeper = keeperOf()
    sync()
    expect(keeper.stamp(clock.now() - 100)).toEqual({ wallMs: clock.wall() - 100, isSynced: true, sinceBoot: null })
  })

  test('a likely date alone is not trusted: the clock may have been set to the last shutdown', () => {
    const keeper = keeperOf()
    clock.wallOffsetMs = RELEASE_DATE_MS + HOUR_MS
    clock.advance(1000)
    expect(keeper.stamp(clock.now()).isSynced).toBe(false)
  })

  test('a clock that was synced stays so when NTP is silent for long, also over a restart; not when it is set meanwhile', () => {
    const keeper = keeperOf()
    sync()
    isSynced = false
    clock.advance(48 * HOUR_MS)
    expect(keeper.stamp(clock.now()).isSynced).toBe(true)
    keeper.stop()
    const again = keeperOf()
    expect(again.stamp(clock.now()).isSynced).toBe(true)
    clock.wallOffsetMs += HOUR_MS
    clock.advance(1000)
    expect(again.stamp(clock.now()).isSynced).toBe(false)
  })

  test('where the system does not tell, it is', () => {
    isSynced = null
    const keeper = keeperOf()
    expect(keeper.isSynced).toBe(false)
    clock.wallOffsetMs = RELEASE_DATE_MS + HOUR_MS
    clock.advance(1000)
    expect(keeper.isSynced).toBe(true)
  })
})

describe('a moment before the clock was set', () => {
  test('is known afterwards', () => {
    const keeper = keeperOf()
    const { sinceBoot } = keeper.stamp(clock.now())
    clock.advance(60_000)
    expect(keeper.wallOf(sinceBoot!.boot, sinceBoot!.sinceBootMs)).toBeNull()
    sync()
    expect(keeper.wallOf(sinceBoot!.boot, sinceBoot!.sinceBootMs)).toBeCloseTo(clock.wall() - 61_000, 3)
  })

  test('also after the next start of the machine, when that one has not been told the time yet', () => {
    const before = keeperOf()
    const { sinceBoot } = before.stamp(clock.now())
    sync()
    const wallMs = clock.wall() - 1000
    before.stop()
    isSynced = false
    clock.wallOffsetMs = 0
    const after = keeperOf('bbbbbbbb')
    expect(after.wallOf(sinceBoot!.boot, sinceBoot!.sinceBootMs)).toBeCloseTo(wallMs, -1)
  })

  test('the kernel is not asked for each of a million messages', () => {
    let asked = 0
    const store = { all: numbers, get: () => undefined, set: () => {}, delete: () => {} }
    const keeper = new Timekeeper(clock, { boot: 'aaaaaaaa', isSynced: () => asked++ < 0 }, store)
    clock.wallOffsetMs = RELEASE_DATE_MS + HOUR_MS
    for (let i = 0; i < 100; i++) expect(keeper.wallOf('aaaaaaaa', i)).toBeNull()
    expect(asked).toBe(1)
    clock.advance(1000)
    keeper.wallOf('aaaaaaaa', 1)
    expect(asked).toBe(2)
  })

  test('is known by what the clock was set to last: the first that seemed right may have been a battery that is off by a minute', () => {
    const before = keeperOf()
    const { sinceBoot } = before.stamp(clock.now())
    sync()
    clock.wallOffsetMs += 40_000
    clock.advance(1000)
    const wallMs = clock.wall() - 2000
    before.stop()
    const after = keeperOf('bbbbbbbb')
    expect(after.wallOf(sinceBoot!.boot, sinceBoot!.sinceBootMs)).toBeCloseTo(wallMs, -1)
  })

  test('is not when that start never learned the time', () => {
    const before = keeperOf()
    const { sinceBoot } = before.stamp(clock.now())
    before.stop()
    const after = keeperOf('bbbbbbbb')
    sync()
    expect(after.wallOf(sinceBoot!.boot, sinceBoot!.sinceBootMs)).toBeNull()
  })

  test('this start is among them, also when clocks of before were ahead', () => {
    for (let i = 0; i < 9; i++) numbers.set(`clock/ffffff0${i}`, RELEASE_DATE_MS + 1000 * HOUR_MS * (i + 1))
    keeperOf()
    sync()
    expect([numbers.size, numbers.has('clock/aaaaaaaa')]).toEqual([8, true])
  })

  test('the last eight starts are remembered', () => {
    for (let i = 0; i < 12; i++) {
      const keeper = keeperOf(`0000000${i.toString(16)}`)
      isSynced = false
      clock.advance(1000)
      sync(RELEASE_DATE_MS + i * HOUR_MS)
      keeper.stop()
    }
    expect([...numbers.keys()].sort()).toEqual(['4', '5', '6', '7', '8', '9', 'a', 'b'].map((digit) => `clock/0000000${digit}`))
  })
})

describe('satellites', () => {
  test('tell the time where nothing else does', () => {
    const keeper = keeperOf()
    const { sinceBoot } = keeper.stamp(clock.now())
    clock.advance(10_000)
    const utcMs = RELEASE_DATE_MS + HOUR_MS
    keeper.gpsTime(utcMs, clock.now())
    expect(keeper.stamp(clock.now())).toEqual({ wallMs: utcMs, isSynced: true, sinceBoot: null })
    expect(keeper.wallOf(sinceBoot!.boot, sinceBoot!.sinceBootMs)).toBeCloseTo(utcMs - 10_000, 3)
  })

  test('a receiver whose weeks have rolled over is not believed', () => {
    const keeper = keeperOf()
    keeper.gpsTime(Date.UTC(2007, 3, 8), clock.now())
    expect(keeper.isSynced).toBe(false)
  })

  test('the disciplined clock of the system goes before', () => {
    const keeper = keeperOf()
    sync()
    keeper.gpsTime(clock.wall() + 5000, clock.now())
    expect(keeper.stamp(clock.now()).wallMs).toBe(clock.wall())
  })
})
