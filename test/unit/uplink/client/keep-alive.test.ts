// When a silent connection is asked, when it is given up, and what that costs: days and months of virtual time on networks that forget.
import { describe, expect, test } from 'vitest'
import { announcedSec } from '../../../../src/uplink/client/keep-alive.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { QuietPath, type QuietPathOptions } from '../../../support/quiet-path.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const MONTH = 30 * DAY
const ADAPTIVE = { minSec: 60, maxSec: 1800 }
const FIXED = { minSec: 60, maxSec: 60 }
const NEVER = { minSec: 0, maxSec: 0 }

function open(options: Partial<QuietPathOptions> = {}): { clock: FakeClock; path: QuietPath } {
  const clock = new FakeClock()
  const path = new QuietPath(clock, { keepAlive: ADAPTIVE, forgetsMs: Infinity, ...options })
  path.connect()
  return { clock, path }
}

describe('a fixed Keep Alive', () => {
  test('[MQTT-3.1.2-20] a ping leaves within it, as late as that allows', () => {
    const { clock, path } = open({ keepAlive: FIXED })
    clock.advance(58_000)
    expect(path.pings).toBe(0)
    clock.advance(HOUR)
    expect(path.pings).toBeGreaterThanOrEqual(60)
    expect(path.pings).toBeLessThanOrEqual(62)
    expect(path.longestQuietMs).toBeLessThanOrEqual(60_000)
    expect(path.probes).toBe(0)
  })

  test('what is sent and answered is as good as a ping', () => {
    const { clock, path } = open({ keepAlive: FIXED })
    for (let i = 0; i < 100; i++) {
      clock.advance(50_000)
      path.send()
    }
    expect(path.pings).toBe(0)
  })

  test('[MQTT-3.2.2-21] the server sets another one', () => {
    const { clock, path } = open({ keepAlive: FIXED, serverKeepAliveSec: 10 })
    clock.advance(HOUR)
    expect(path.longestQuietMs).toBeLessThanOrEqual(10_000)
  })

  test('never means never', () => {
    const { clock, path } = open({ keepAlive: NEVER })
    clock.advance(MONTH)
    expect(path.pings + path.probes + path.deaths).toBe(0)
  })
})

describe('a dead link', () => {
  test.each([['a fixed one', FIXED], ['an adaptive one', ADAPTIVE], ['one without', NEVER]] as const)('is found by what is sent over it, long before a Keep Alive has passed: %s', (_name, keepAlive) => {
    const { clock, path } = open({ keepAlive })
    clock.advance(5000)
    path.cut()
    path.send()
    clock.advance(14_000)
    expect(path.deaths).toBe(0)
    clock.advance(25_000)
    expect(path.deaths).toBe(1)
  })

  test('that is silent is found by the next question', () => {
    const { clock, path } = open({ keepAlive: FIXED })
    path.cut()
    clock.advance(59_000 + 15_000 + 2000)
    expect(path.deaths).toBe(1)
  })

  test('an answer that only takes long is waited for', () => {
    const { clock, path } = open({ roundTripMs: 20_000 })
    path.send()
    clock.advance(MINUTE)
    expect(path.deaths).toBe(0)
  })
})

describe('what the network lets pass', () => {
  test('[MQTT-3.1.2-20] a Keep Alive is announced that is longer than all silences, and held', () => {
    expect(announcedSec(ADAPTIVE)).toBe(7200)
    expect(announcedSec({ minSec: 60, maxSec: 20_000 })).toBe(65_535)
    const { clock, path } = open()
    clock.advance(MONTH)
    expect(path.longestQuietMs).toBeLessThanOrEqual(7200_000)
  })

  test('a network that forgets nothing: the longest silence is tried within hours, and none is deadly', () => {
    const { clock, path } = open()
    clock.advance(6 * HOUR)
    expect(path.silences.path.survivedSec).toBe(1800)
    expect(path.deaths).toBe(0)
  })

  test.each([2, 5, 10, 25])('one that forgets after %i minutes: found to a tenth, at the price of a few reconnects', (minutes) => {
    const { clock, path } = open({ forgetsMs: minutes * MINUTE })
    clock.advance(2 * DAY)
    expect(path.silences.path.trySec).toBeLessThanOrEqual(minutes * 60)
    expect(path.silences.path.trySec).toBeGreaterThan(minutes * 60 * 0.85)
    expect(path.deaths).toBeLessThanOrEqual(8)
    const before = path.deaths
    clock.advance(7 * DAY)
    expect(path.deaths - before).toBeLessThanOrEqual(12) // what was deadly is doubted now and then
  })

  test('it is remembered over a restart', () => {
    const { clock, path } = open({ forgetsMs: 10 * MINUTE })
    clock.advance(DAY)
    const learnt = path.silences.path.trySec
    const { deaths } = path
    path.restart()
    expect(path.silences.path.trySec).toBe(learnt)
    clock.advance(12 * HOUR)
    expect(path.deaths).toBe(deaths)
  })

  test('without TCP of ours the pings themselves keep it open', () => {
    const { clock, path } = open({ forgetsMs: 10 * MINUTE, withoutTcp: true })
    clock.advance(2 * DAY)
    expect(path.probes).toBe(0)
    expect(path.silences.path.trySec).toBeLessThan(600)
    expect(path.silences.path.trySec).toBeGreaterThan(500)
    expect(path.deaths).toBeLessThanOrEqual(6)
  })

  test('a balancer that closes what carries no data gets its pings, and the probes stay as they are', () => {
    const { clock, path } = open({ closesMs: 6 * MINUTE })
    clock.advance(2 * DAY)
    expect(path.silences.session.trySec).toBeLessThanOrEqual(360)
    expect(path.silences.session.trySec).toBeGreaterThan(300)
    expect(path.silences.path.trySec).toBeGreaterThan(300)
    const { deaths } = path
    clock.advance(12 * HOUR)
    expect(path.deaths - deaths).toBeLessThanOrEqual(3)
  })

  test('a server that goes away while all is quiet teaches it nothing about the path', () => {
    const { clock, path } = open({ closesMs: 90 * MINUTE })
    clock.advance(DAY)
    expect(path.silences.path.trySec).toBe(1800)
  })
})

test.each([
  [30, 1800, 250_000],
  [60, 3600, 125_000],
])('an idle month on a network that forgets after %i minutes costs what it should', (minutes, maxSec, bytesMax) => {
  const { clock, path } = open({ keepAlive: { minSec: 60, maxSec }, forgetsMs: minutes * MINUTE + 1000 })
  clock.advance(MONTH)
  expect(path.bytes).toBeLessThan(bytesMax)
})
