import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BLIND_EVERY_MS, BLIND_FIRST_MS, BLIND_OPEN_MS, ConnectPolicy, type PolicyFacts, type Verdict } from '../../../../src/uplink/link/connect-policy.ts'
import { connectOfText } from './connect-text.ts'

const zone = process.env['TZ']
beforeAll(() => void (process.env['TZ'] = 'UTC'))
afterAll(() => {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
})

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const NO_PASSES: PolicyFacts['passes'] = []

/** A policy in virtual time. */
class Bed {
  readonly policy: ConnectPolicy
  nowMs = 1000
  wallMs: number
  facts: Partial<PolicyFacts> = {}
  last!: Verdict

  constructor(when: string, wall = '2026-11-21T10:04:00Z') {
    this.policy = new ConnectPolicy(connectOfText(when), this.nowMs)
    this.wallMs = Date.parse(wall)
  }

  ask(facts: Partial<PolicyFacts> = {}): boolean {
    this.facts = { ...this.facts, ...facts }
    const { nowMs, wallMs } = this
    this.last = this.policy.ask({ classes: [], count: 0, use: 'none', otherIsUp: false, isDrained: false, receivedAtMs: -Infinity, passes: NO_PASSES, ...this.facts, nowMs, wallMs })
    expect(this.last.againMs).toBeGreaterThan(0)
    return this.last.wanted
  }

  after(ms: number, facts: Partial<PolicyFacts> = {}): boolean {
    this.nowMs += ms
    this.wallMs += ms
    return this.ask(facts)
  }

  /** Asks as often as it says, until a wall time. The times from which a connection was wanted. */
  run(until: string, facts: Partial<PolicyFacts> = {}): string[] {
    const begins: string[] = []
    this.ask(facts)
    while (this.wallMs < Date.parse(until)) {
      const before = this.last.wanted
      if (this.after(Math.min(this.last.againMs, Date.parse(until) - this.wallMs)) && !before) begins.push(new Date(this.wallMs).toISOString().slice(0, 16))
    }
    return begins
  }
}

/** Something waits. */
const some = (count: number, ...classes: string[]): Partial<PolicyFacts> => ({ count, classes: classes.length === 0 ? ['live'] : classes })
const nothing = { count: 0, classes: [] }
const drained = { ...nothing, use: 'up', isDrained: true } as const
const down = { use: 'none', isDrained: false } as const

describe('queued', () => {
  test('begins at the number, and not below', () => {
    const bed = new Bed('{ queued: 500 }')
    expect(bed.ask(some(499))).toBe(false)
    expect(bed.last.againMs).toBe(Infinity) // only what waits can change it
    expect(bed.ask(some(500))).toBe(true)
  })

  test('lasts until all has been sent, and the idle time is over', () => {
    const bed = new Bed('{ queued: 500, idle: 10s }')
    bed.ask(some(500))
    expect(bed.ask({ use: 'trying' })).toBe(true)
    expect(bed.after(MINUTE, { use: 'up', ...some(3) })).toBe(true)
    expect(bed.ask(drained)).toBe(true)
    expect(bed.after(4000)).toBe(true)
    expect(bed.last.againMs).toBe(6000)
    expect(bed.after(6000)).toBe(false)
    expect(bed.last.why).toBe('nothing is left to send')
  })

  test('what trickles in meanwhile is carried, but does not keep it open', () => {
    const bed = new Bed('{ queued: 500, idle: 10s }')
    bed.ask(some(500))
    bed.ask(drained)
    bed.after(9000, { ...some(1), isDrained: false })
    expect(bed.after(2000)).toBe(true) // it is on its way
    expect(bed.last.againMs).toBe(1000)
    expect(bed.after(500, drained)).toBe(false)
  })

  test('what is received keeps it open', () => {
    const bed = new Bed('{ queued: 500, idle: 10s }')
    bed.ask(some(500))
    bed.ask(drained)
    bed.after(9000, { receivedAtMs: bed.nowMs + 9000 })
    expect(bed.after(9999)).toBe(true)
    expect(bed.after(1)).toBe(false)
  })

  test('what would begin a connection keeps it open', () => {
    const bed = new Bed('{ class: alarm, idle: 10s }')
    bed.ask(some(1, 'alarm'))
    bed.ask(drained)
    bed.after(9000, { ...some(1, 'alarm'), isDrained: false })
    bed.ask(drained)
    expect(bed.after(9999)).toBe(true)
    expect(bed.after(1)).toBe(false)
  })

  test('goes on where it was when the connection is lost in the middle', () => {
    const bed = new Bed('{ queued: 500 }')
    bed.ask(some(500))
    bed.ask({ use: 'up', ...some(300) })
    expect(bed.ask(down)).toBe(true)
    expect(bed.ask(nothing)).toBe(false)
  })

  test('ends when what waited has become too old before a connection was there', () => {
    const bed = new Bed('{ queued: 500 }')
    bed.ask(some(500))
    expect(bed.ask({ use: 'trying', ...some(499) })).toBe(false)
  })

  test('does not last over what another link has carried', () => {
    const bed = new Bed('{ queued: 500 }')
    bed.ask(some(500))
    bed.ask({ use: 'up', ...some(300) })
    expect(bed.ask({ use: 'none', otherIsUp: true })).toBe(false)
    expect(bed.ask({ otherIsUp: false })).toBe(false)
  })
})

describe('class', () => {
  test('begins when something of it waits', () => {
    const bed = new Bed('{ class: alarm }')
    expect(bed.ask(some(1000, 'live', 'bulk'))).toBe(false)
    expect(bed.ask(some(1001, 'live', 'bulk', 'alarm'))).toBe(true)
  })

  test('the connection takes with it what else waits', () => {
    const bed = new Bed('{ class: [alarm, live], idle: 5s }')
    bed.ask(some(5, 'alarm'))
    expect(bed.ask({ use: 'up', ...some(4, 'bulk') })).toBe(true)
    bed.ask(drained)
    expect(bed.after(5000)).toBe(false)
  })

  test('a busy connection is looked at as often as it could have become idle', () => {
    const bed = new Bed('{ class: alarm, idle: 5s }')
    bed.ask({ use: 'up', ...some(4, 'alarm') })
    expect(bed.last.againMs).toBe(5000)
  })
})

describe('schedule', () => {
  test('begins at its times, with an empty queue too, and not in between', () => {
    const bed = new Bed('{ schedule: "*/30 * * * *" }')
    expect(bed.ask(some(1_000_000))).toBe(false)
    expect(bed.after(25 * MINUTE, nothing)).toBe(false)
    expect(bed.after(MINUTE)).toBe(true)
  })

  test('asks again for the moment it comes, and once a minute until then', () => {
    const bed = new Bed('{ schedule: "*/30 * * * *" }', '2026-11-21T10:28:30Z')
    bed.ask()
    expect(bed.last.againMs).toBe(MINUTE)
    bed.after(MINUTE)
    expect(bed.last.againMs).toBe(30_000)
    expect(bed.after(30_000)).toBe(true)
  })

  test('a run waits until it has been served, and is served once', () => {
    const bed = new Bed('{ schedule: "0 * * * *", idle: 10s }', '2026-11-21T10:59:30Z')
    bed.ask()
    expect(bed.after(30_000)).toBe(true)
    expect(bed.after(40 * MINUTE)).toBe(true) // the link is dead
    expect(bed.ask(drained)).toBe(true)
    expect(bed.after(5000, down)).toBe(true) // it was lost before it had fetched all
    bed.ask(drained)
    expect(bed.after(10_000)).toBe(false)
    expect(bed.ask(down)).toBe(false)
    expect(bed.after(19 * MINUTE)).toBe(false)
    expect(bed.after(MINUTE)).toBe(true)
  })

  test('a run is served by another link that is up', () => {
    const bed = new Bed('{ schedule: "0 * * * *" }', '2026-11-21T10:59:30Z')
    bed.ask({ otherIsUp: true })
    expect(bed.after(30_000)).toBe(false)
    expect(bed.after(MINUTE, { otherIsUp: false })).toBe(false)
  })

  test('a run that a clock put forward has passed comes at once, and once', () => {
    const bed = new Bed('{ schedule: "0 * * * *" }')
    bed.ask()
    bed.wallMs += 5 * HOUR
    expect(bed.ask()).toBe(true)
    bed.ask(drained)
    expect(bed.after(30_000)).toBe(false)
    expect(bed.ask(down)).toBe(false)
  })

  test('a run does not come again when the clock is put back a little', () => {
    const bed = new Bed('{ schedule: "0 * * * *" }', '2026-11-21T10:59:59Z')
    bed.ask()
    expect(bed.after(2000)).toBe(true)
    bed.ask(drained)
    bed.after(30_000)
    bed.wallMs -= 40_000
    bed.ask(down)
    expect(bed.after(20_000)).toBe(false)
    expect(bed.after(HOUR)).toBe(true)
  })

  test('after a clock that was years ahead the schedule goes on', () => {
    const bed = new Bed('{ schedule: "0 * * * *" }', '2036-11-21T10:04:00Z')
    bed.ask()
    bed.wallMs = Date.parse('2026-11-21T10:04:00Z')
    expect(bed.ask()).toBe(false)
    expect(bed.after(HOUR)).toBe(true)
  })

  test('a day has as many runs as it says', () => {
    const bed = new Bed('{ schedule: "15 */6 * * *", idle: 1s }', '2026-11-21T00:00:00Z')
    const begins: string[] = []
    bed.ask()
    for (let minute = 0; minute < 24 * 60; minute++) {
      if (bed.after(MINUTE)) begins.push(new Date(bed.wallMs).toISOString().slice(11, 16))
      if (!bed.last.wanted) continue
      bed.ask(drained)
      expect(bed.after(1000)).toBe(false)
      bed.after(-1000, down)
    }
    expect(begins).toEqual(['00:15', '06:15', '12:15', '18:15'])
  })
})

describe('window', () => {
  test('begins in it when something waits', () => {
    const bed = new Bed('{ window: "02:00-04:00" }', '2026-11-21T01:59:59Z')
    expect(bed.ask(some(1))).toBe(false)
    expect(bed.last.againMs).toBe(1000)
    expect(bed.after(1000)).toBe(true)
  })

  test('not when nothing waits, until something does', () => {
    const bed = new Bed('{ window: "02:00-04:00" }', '2026-11-21T02:30:00Z')
    expect(bed.ask()).toBe(false)
    expect(bed.ask(some(1))).toBe(true)
  })

  test('ends with it, whatever is left', () => {
    const bed = new Bed('{ window: "02:00-04:00" }', '2026-11-21T02:30:00Z')
    bed.ask(some(1000))
    expect(bed.after(HOUR, { use: 'up' })).toBe(true)
    expect(bed.after(30 * MINUTE)).toBe(false)
    expect(bed.last.why).toBe('its time is over')
  })

  test('ends when nothing is left, and begins again when something comes', () => {
    const bed = new Bed('{ window: "02:00-04:00", idle: 10s }', '2026-11-21T02:30:00Z')
    bed.ask(some(1))
    bed.ask(drained)
    expect(bed.after(10_000)).toBe(false)
    expect(bed.ask({ ...down, ...some(1) })).toBe(true)
  })

  test('what trickles in is carried as long as it is open', () => {
    const bed = new Bed('{ window: "02:00-04:00", idle: 10s }', '2026-11-21T02:30:00Z')
    bed.ask(some(1))
    for (let n = 0; n < 10; n++) {
      bed.ask(drained)
      expect(bed.after(9000, { ...some(1), isDrained: false })).toBe(true)
    }
  })

  test('an alarm goes beyond it', () => {
    const bed = new Bed('{ window: "02:00-04:00", class: alarm }', '2026-11-21T03:59:00Z')
    bed.ask(some(1000, 'bulk'))
    bed.ask({ use: 'up' })
    expect(bed.after(MINUTE, some(1000, 'bulk', 'alarm'))).toBe(true)
    const other = new Bed('{ window: "02:00-04:00", class: alarm }', '2026-11-21T03:59:00Z')
    other.ask(some(1000, 'bulk'))
    other.ask({ use: 'up' })
    expect(other.after(MINUTE)).toBe(false)
  })

  test('is seen within a minute when the clock jumps into it', () => {
    const bed = new Bed('{ window: "02:00-04:00" }', '2026-11-20T10:00:00Z')
    bed.ask(some(1))
    expect(bed.last.againMs).toBeLessThanOrEqual(MINUTE)
    bed.wallMs = Date.parse('2026-11-21T02:30:00Z')
    expect(bed.ask()).toBe(true)
    bed.wallMs = Date.parse('2026-11-20T10:00:00Z')
    expect(bed.ask()).toBe(false)
  })

  test('several', () => {
    const bed = new Bed('{ window: ["02:00-03:00", "12:00-13:00"] }', '2026-11-21T00:00:00Z')
    expect(bed.run('2026-11-22T00:00:00Z', some(1))).toEqual(['2026-11-21T02:00', '2026-11-21T12:00'])
  })
})

describe('passes', () => {
  const passes = [['10:10', '10:20'], ['10:15', '10:25'], ['11:50', '12:00']].map(([from, to]) => ({ startMs: Date.parse(`2026-11-21T${from}:00Z`), endMs: Date.parse(`2026-11-21T${to}:00Z`) }))

  test('begin and end with the satellite, when something waits', () => {
    const bed = new Bed('{ passes: p.csv }')
    expect(bed.run('2026-11-21T11:59:00Z', { passes, ...some(1) })).toEqual(['2026-11-21T10:10', '2026-11-21T11:50'])
    expect(bed.after(MINUTE)).toBe(false)
  })

  test('two that overlap are one', () => {
    const bed = new Bed('{ passes: p.csv }', '2026-11-21T10:19:59Z')
    expect(bed.ask({ passes, ...some(1) })).toBe(true)
    expect(bed.after(MINUTE)).toBe(true)
    expect(bed.after(5 * MINUTE)).toBe(false)
  })

  test('nothing waits: nothing begins', () => {
    expect(new Bed('{ passes: p.csv }', '2026-11-21T10:11:00Z').ask({ passes })).toBe(false)
  })

  test('a new file counts at once', () => {
    const bed = new Bed('{ passes: p.csv }')
    expect(bed.ask({ passes, ...some(1) })).toBe(false)
    expect(bed.ask({ passes: [{ startMs: bed.wallMs - 1, endMs: bed.wallMs + MINUTE }] })).toBe(true)
  })

  test('none are known: a quarter of an hour, four times a day', () => {
    const bed = new Bed('{ passes: p.csv }', '2026-11-21T00:00:00Z')
    expect(bed.run('2026-11-22T00:00:00Z', some(1))).toEqual(['2026-11-21T00:10', '2026-11-21T06:10', '2026-11-21T12:10', '2026-11-21T18:10'])
  })
})

describe('while the clock is not set', () => {
  const UNSET = '1970-01-01T00:00:10Z'

  test.each(['{ window: "02:00-04:00" }', '{ passes: p.csv }', '{ schedule: "0 * * * *" }'])('%s: first after ten minutes, then four times a day', (when) => {
    const bed = new Bed(when, UNSET)
    expect(bed.ask(some(1))).toBe(false)
    expect(bed.after(BLIND_FIRST_MS - MINUTE)).toBe(false)
    expect(bed.after(MINUTE)).toBe(true)
    expect(bed.after(BLIND_OPEN_MS)).toBe(false)
    expect(bed.after(BLIND_EVERY_MS - BLIND_OPEN_MS - MINUTE)).toBe(false)
    expect(bed.after(MINUTE)).toBe(true)
  })

  test('a window wants something to send, a schedule not; each once', () => {
    const window = new Bed('{ window: "02:00-04:00" }', UNSET)
    window.ask()
    expect(window.after(BLIND_FIRST_MS)).toBe(false)
    const schedule = new Bed('{ schedule: "0 * * * *" }', UNSET)
    schedule.ask()
    expect(schedule.after(BLIND_FIRST_MS)).toBe(true)
    schedule.ask(drained)
    expect(schedule.after(30_000)).toBe(false)
    expect(schedule.after(MINUTE, down)).toBe(false)
  })

  test('a connection of such a time ends with it', () => {
    for (const when of ['{ schedule: "0 * * * *" }', '{ window: "02:00-04:00" }']) {
      const bed = new Bed(when, UNSET)
      bed.ask(some(5))
      bed.after(BLIND_FIRST_MS)
      expect(bed.after(MINUTE, { use: 'up' })).toBe(true)
      expect(bed.after(BLIND_OPEN_MS)).toBe(false)
      expect(bed.last.why).toBe('its time is over')
    }
  })

  test('a schedule whose time was in vain waits for the next', () => {
    const bed = new Bed('{ schedule: "0 * * * *" }', UNSET)
    bed.ask()
    expect(bed.after(BLIND_FIRST_MS)).toBe(true)
    bed.after(BLIND_OPEN_MS)
    bed.wallMs = Date.parse('2026-11-21T10:04:00Z')
    expect(bed.ask()).toBe(false)
  })

  test('conditions that need no clock hold', () => {
    expect(new Bed('{ window: "02:00-04:00", class: alarm }', UNSET).ask(some(1, 'alarm'))).toBe(true)
    expect(new Bed('{ schedule: "0 * * * *", queued: 5 }', UNSET).ask(some(5))).toBe(true)
  })

  test('when it is set the times count, and no run is made up for', () => {
    const bed = new Bed('{ schedule: "0 * * * *" }', UNSET)
    bed.ask()
    bed.wallMs = Date.parse('2026-11-21T10:04:00Z')
    expect(bed.ask()).toBe(false)
    expect(bed.after(56 * MINUTE)).toBe(true)
  })
})
