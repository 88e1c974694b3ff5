import { beforeEach, describe, expect, test } from 'vitest'
import { bootOffsetMs, RELEASE_DATE_MS } from '../../src/clock.ts'
import { elapsedBetween } from '../../src/stored-time.ts'
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
    for (let i = 0; i < 33; i++) numbers.set(`clock/ffffff${i.toString(16).padStart(2, '0')}`, RELEASE_DATE_MS + 1000 * HOUR_MS * (i + 1))
    keeperOf()
    sync()
    const clocks = [...numbers.keys()].filter((key) => key.startsWith('clock/'))
    expect([clocks.length, clocks.includes('clock/aaaaaaaa')]).toEqual([32, true])
  })

  test('the last 32 starts are remembered', () => {
    for (let i = 0; i < 36; i++) {
      isSynced = false
      const keeper = keeperOf(`000000${i.toString(16).padStart(2, '0')}`)
      clock.advance(1000)
      sync(RELEASE_DATE_MS + i * HOUR_MS)
      keeper.stop()
    }
    const last = Array.from({ length: 32 }, (_, i) => `000000${(i + 4).toString(16).padStart(2, '0')}`)
    expect([...numbers.keys()].sort()).toEqual([...last.map((boot) => `boot/${boot}`), ...last.map((boot) => `clock/${boot}`)])
  })
})

describe('a time on flash', () => {
  test('is wall time once the clock is set', () => {
    const keeper = keeperOf()
    sync()
    expect([keeper.storedNow(), keeper.ofStored(keeper.storedNow())]).toEqual([clock.wall(), { wallMs: clock.wall(), isSynced: true, sinceBoot: null }])
  })

  test('of before is not mistaken for one, however likely its date is, and is known afterwards', () => {
    clock.wallOffsetMs = RELEASE_DATE_MS + HOUR_MS // that of the last commit before the power went
    const keeper = keeperOf()
    const storedMs = keeper.storedNow()
    expect(storedMs).toBeLessThan(RELEASE_DATE_MS)
    expect(keeper.ofStored(storedMs)).toMatchObject({ wallMs: expect.closeTo(clock.wall(), 3) as number, isSynced: false })
    clock.advance(60_000)
    sync(RELEASE_DATE_MS + 100 * HOUR_MS)
    expect(keeper.ofStored(storedMs)).toMatchObject({ wallMs: expect.closeTo(clock.wall() - 61_000, 3) as number, isSynced: true })
    expect(elapsedBetween(storedMs, keeper.storedNow())).toBe(0)
  })

  test('is told by later starts, if that one has known it', () => {
    const first = keeperOf()
    const lost = first.storedNow()
    first.stop()
    const second = keeperOf('bbbbbbbb')
    const kept = second.storedNow()
    sync()
    const wallMs = clock.wall() - 1000
    second.stop()
    isSynced = false
    clock.wallOffsetMs = 0
    const third = keeperOf('cccccccc')
    expect(third.ofStored(kept)).toMatchObject({ wallMs: expect.closeTo(wallMs, -1) as number, isSynced: true })
    expect(third.ofStored(lost)).toMatchObject({ isSynced: false, sinceBoot: { boot: 'aaaaaaaa' } })
    expect(elapsedBetween(kept, third.storedNow())).toBe(0)
    clock.advance(5000)
    expect(elapsedBetween(third.storedNow() - 5000, third.storedNow())).toBe(5000)
  })

  test('the same start has the same slot after a restart of the process', () => {
    const before = keeperOf()
    const storedMs = before.storedNow()
    before.stop()
    clock.advance(1000)
    expect(elapsedBetween(storedMs, keeperOf().storedNow())).toBeCloseTo(1000, 3)
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
