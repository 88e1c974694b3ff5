// Thirty days with a thousand outages a day, in virtual time from a seed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LinkConfig } from '../../../../src/config/config.ts'
import { RETURN_MS_MAX } from '../../../../src/uplink/link/link.ts'
import { connectOfText } from './connect-text.ts'
import { DIAL, makeLink } from './links-bed.ts'
import { BACKOFF, DAY, LinksWorld, type Weather } from './links-world.ts'

const DAYS = 30
const MINUTE = 60_000
/** A back-off, and attempts with the two other links that are in vain. */
const BOUND = BACKOFF.maxMs + 2 * (40_000 + 20_000 + 3000) + 30_000

const zone = process.env['TZ']
beforeAll(() => void (process.env['TZ'] = 'UTC'))
afterAll(() => {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
})

function weather(link: LinkConfig, outagesADay: number, downMs: number, refuses = 0): Weather {
  const meanDownMs = downMs * (0.95 + 0.05 * 60)
  return { link, upMs: DAY / outagesADay - meanDownMs, downMs, refuses }
}

test('ethernet, lte and a satellite for alarms', { timeout: 120_000 }, async () => {
  const satellite = makeLink('satellite', { dial: DIAL, classes: ['alarm'], connect: connectOfText('{ class: alarm, idle: 10s }') })
  const ethernet = makeLink('ethernet')
  const world = new LinksWorld(1, [weather(ethernet, 600, 12_000, 0.1), weather(makeLink('lte', { dial: DIAL }), 300, 15_000), weather(satellite, 100, 60_000)], BOUND)
  world.mayUse = (link) => (link === 2 && world.waiting.get('alarm')!.count === 0 ? 'no alarm waits' : null)
  world.clock.every(30_000, () => world.put('live', 1))
  world.clock.every(20 * MINUTE, () => world.put('alarm', 1))
  world.links.start()
  await world.run(DAYS * DAY)
  // Two connections at once, dials that nothing asked for, times without a connection.
  expect(world.wrong).toEqual([])
  const outages = world.roads.map((road) => road.outages)
  expect(outages[0]! + outages[1]! + outages[2]!).toBeGreaterThan(900 * DAYS)
  // A dearer link is used beyond an outage of a cheaper one for as long as it takes to see that this one is stable. On average half of that: many
  // outages are over before the dearer link is there.
  expect(world.needlessMs[1]! + world.needlessMs[2]!).toBeLessThan((outages[0]! * ethernet.stableMs) / 2)
  expect(world.longestNeedlessMs).toBeLessThan(BACKOFF.maxMs + RETURN_MS_MAX + MINUTE)
  // The satellite: a call for an alarm that finds both others dead, for as long as it takes.
  expect(world.dials[2]).toBeGreaterThan(50)
  expect(world.usedMs[2]).toBeLessThan(world.dials[2]! * 45_000 + world.connects[2]! * 45_000)
  expect(world.usedMs[0]! + world.usedMs[1]!).toBeGreaterThan(0.95 * DAYS * DAY)
})

test('where a cable is pulled a few times a day the dearer link is used for the outage and two minutes', { timeout: 120_000 }, async () => {
  const world = new LinksWorld(2, [weather(makeLink('ethernet'), 10, 60_000), weather(makeLink('lte', { dial: DIAL }), 5, 15_000)], BOUND)
  world.clock.every(30_000, () => world.put('live', 1))
  world.links.start()
  await world.run(DAYS * DAY)
  expect(world.wrong).toEqual([])
  expect(world.needlessMs[1]).toBeLessThan(world.roads[0]!.outages * 2 * MINUTE)
  expect(world.longestNeedlessMs).toBeLessThan(BACKOFF.maxMs + 2 * MINUTE)
})

test('windows, a schedule, a budget and satellite passes', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'campaign-'))
  const passesFile = join(folder, 'passes.csv')
  const start = Date.UTC(2026, 10, 21)
  const passes = Array.from({ length: (DAYS * DAY) / (97 * MINUTE) }, (_, i) => [start + i * 97 * MINUTE, start + i * 97 * MINUTE + 9 * MINUTE] as const)
  writeFileSync(passesFile, passes.map(([from, to]) => `${new Date(from).toISOString()},${new Date(to).toISOString()}`).join('\n'))
  const world = new LinksWorld(3, [
    weather(makeLink('ethernet', { connect: connectOfText('{ window: "02:00-05:00" }') }), 600, 12_000, 0.1),
    weather(makeLink('lte', { dial: DIAL, budget: { dayBytes: 1, monthBytes: 1, billingDay: 1, reserve: null, counts: 'auto' }, connect: connectOfText('{ queued: 200, schedule: "0 */6 * * *" }') }), 300, 15_000),
    weather(makeLink('satellite', { dial: DIAL, classes: ['alarm'], connect: { ...connectOfText('{ passes: p }'), passesFile } }), 100, 60_000),
  ], BOUND)
  const { clock, waiting } = world
  const hour = (): number => new Date(clock.wall()).getUTCHours()
  const isWindow = (): boolean => hour() >= 2 && hour() < 5
  const hasBudget = (): boolean => new Date(clock.wall()).getUTCDate() % 2 === 0
  const isPass = (): boolean => passes.some(([from, to]) => clock.wall() >= from && clock.wall() < to)
  const lastRunMs = (): number => clock.wall() - (clock.wall() % (6 * 60 * MINUTE))
  const total = (): number => waiting.get('live')!.count + waiting.get('alarm')!.count
  world.mayConnect = ({ name }) => name !== 'lte' || hasBudget()
  world.mayUse = (link) => {
    if (link === 0) return isWindow() && total() > 0 ? null : 'it is not its time, or nothing waits'
    if (link === 2) return isPass() && waiting.get('alarm')!.count > 0 ? null : 'no satellite is there, or no alarm waits'
    if (!hasBudget()) return 'its budget is spent'
    const isRun = world.upAtMs < lastRunMs() - (clock.wall() - clock.now())
    return total() >= 200 || isRun || world.lastDied === 1 ? null : `nothing asks for it: ${total()} wait`
  }
  world.mayBeUp = (link) => (link === 0 ? isWindow() : link === 1 ? hasBudget() : isPass())
  clock.every(30_000, () => world.put('live', 1))
  clock.every(45 * MINUTE, () => world.put('alarm', 1))
  world.links.start()
  await setImmediate()
  await world.run(DAYS * DAY)
  expect(world.wrong).toEqual([])
  // Each was used, and the day's work done.
  expect(world.connects.map((count) => count >= DAYS / 2)).toEqual([true, true, true])
  expect(total()).toBeLessThan((DAY / 30_000) * 2)
  rmSync(folder, { recursive: true })
})
