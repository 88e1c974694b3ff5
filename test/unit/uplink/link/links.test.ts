import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { BudgetConfig } from '../../../../src/config/config.ts'
import { FakeClock, settle } from '../../../support/fake-clock.ts'
import { until } from '../../../support/until.ts'
import { connectOfText } from './connect-text.ts'
import { DIAL, LinksBed, makeLink } from './links-bed.ts'

const MINUTE = 60_000
const BUDGET = { dayBytes: 1000, monthBytes: Infinity, billingDay: 1, reserve: null, counts: 'auto' } as const
const ETHERNET = makeLink('ethernet')
const LTE = makeLink('lte', { dial: DIAL })
const SATELLITE = makeLink('satellite', { dial: { ...DIAL, attemptBytesMax: 1000 }, classes: ['alarm'], connect: connectOfText('{ class: alarm, idle: 10s }') })

describe('one link that is always there', () => {
  test('connects at the start, again after a failure, and tells why it is down', () => {
    const bed = new LinksBed([ETHERNET]).start()
    expect(bed.links.state).toMatchObject({ phase: 'connecting', link: 'ethernet', lastError: null })
    bed.carrier.end('the broker refused us')
    expect(bed.links.state).toMatchObject({ phase: 'waiting', link: null, lastError: 'the broker refused us', nextAttemptMs: bed.clock.now() + 2000 })
    expect(bed.log).toEqual(['info: uplink is down: the broker refused us'])
    bed.clock.advance(2000)
    bed.carrier.accept()
    expect(bed.links.state).toMatchObject({ phase: 'up', link: 'ethernet', lastError: null, nextAttemptMs: null })
    expect(bed.links.link).toBe(ETHERNET)
    expect(bed.links.carrier).toBe(bed.carrier)
    expect(bed.phases).toEqual(['connecting ethernet', 'waiting', 'connecting ethernet', 'up ethernet'])
  })

  test('does not care about what waits, and sets no timer while it is up', () => {
    const bed = new LinksBed([ETHERNET], { waiting: () => { throw new Error('asked') } }).start()
    bed.carrier.accept()
    bed.links.changed()
    expect(bed.clock.pending).toBe(0)
  })

  test('what becomes due while it decides is not forgotten', () => {
    const fake = new FakeClock()
    let driftMs = 0
    const now = (): number => fake.now() + (driftMs += 0.4) // time goes on from line to line, and the runtime's timers leave out fractions
    const clock = { now, wall: () => fake.wall(), after: (ms: number, fn: () => void) => fake.after(ms - 0.9, fn), every: (ms: number, fn: () => void) => fake.every(ms, fn) }
    const bed = new LinksBed([ETHERNET, makeLink('lte', { connect: connectOfText('{ queued: 5 }') })], { clock }).start()
    for (let n = 0; n < 300; n++) {
      bed.carrier.end('no')
      bed.links.changed()
      fake.advance(120_000)
      expect(bed.open).toEqual(['ethernet'])
    }
  })

  test('an opening that throws is an attempt that failed', () => {
    const bed = new LinksBed([ETHERNET])
    bed.openFails = 'no such interface'
    bed.start()
    expect(bed.links.state).toMatchObject({ phase: 'waiting', lastError: 'no such interface' })
  })

  test('stop says goodbye and leaves nothing', async () => {
    const bed = new LinksBed([ETHERNET]).start()
    bed.carrier.accept()
    await bed.links.stop()
    expect(bed.carrier.isStopped).toBe(true)
    expect(bed.links.state.phase).toBe('stopped')
    expect(bed.clock.pending).toBe(0)
    bed.links.changed()
    expect(bed.carriers).toHaveLength(1)
  })

  test('stop before start, and while it waits', async () => {
    const idle = new LinksBed([LTE])
    await idle.links.stop()
    idle.links.start()
    expect(idle.clock.pending).toBe(0)
    expect(idle.line('lte').calls).toBe(0)
    const waiting = new LinksBed([ETHERNET]).start()
    waiting.carrier.end('no')
    await waiting.links.stop()
    expect(waiting.clock.pending).toBe(0)
  })

  test('nothing is begun before the start', () => {
    const bed = new LinksBed([makeLink('lte', { connect: connectOfText('{ queued: 1 }') })])
    bed.wait('live', 1)
    expect(bed.carriers).toHaveLength(0)
    expect(bed.start().carriers).toHaveLength(1)
  })

  test('what an old connection says is nobody’s', () => {
    const bed = new LinksBed([ETHERNET]).start()
    const [old] = bed.carriers
    old!.end('one')
    bed.clock.advance(2000)
    old!.accept()
    old!.end('two')
    expect(bed.links.state).toMatchObject({ phase: 'connecting', lastError: 'one' })
  })
})

describe('a line that is dialled', () => {
  test('dial, connect over its interface, hang up', async () => {
    const bed = new LinksBed([makeLink('lte', { dial: DIAL, connect: connectOfText('{ queued: 1, idle: 10s }') })]).start()
    expect(bed.links.state.phase).toBe('idle')
    bed.wait('live', 1)
    expect(bed.links.state).toMatchObject({ phase: 'dialling', link: 'lte' })
    bed.line('lte').answer('ppp0')
    await settle()
    expect(bed.carrier.dialled).toEqual({ interface: 'ppp0' })
    bed.carrier.accept()
    bed.wait('live', 0)
    bed.clock.advance(9999)
    expect(bed.links.state.phase).toBe('up')
    bed.clock.advance(1)
    expect(bed.carrier.isStopped).toBe(true)
    expect(bed.line('lte').hangUps).toBe(1)
    await settle()
    expect(bed.links.state.phase).toBe('idle')
    expect(bed.log).toEqual(['info: uplink hangs up: nothing is left to send'])
    expect(bed.clock.pending).toBe(0)
  })

  test('a dial that fails is told in its words, and waits', async () => {
    const bed = new LinksBed([LTE]).start()
    bed.line('lte').fail('pppd: the modem hung up')
    await settle()
    expect(bed.links.state).toMatchObject({ phase: 'waiting', lastError: 'pppd: the modem hung up' })
    expect(bed.links.state.links).toEqual([{ name: 'lte', wanted: true, failures: 1, nextAttemptSec: 2, lastError: 'pppd: the modem hung up' }])
  })

  test('a dial that never answers is broken off', async () => {
    const bed = new LinksBed([LTE]).start()
    await bed.clock.advanceAsync(60_000 + 150_000)
    expect(bed.line('lte').hangUps).toBe(1)
    expect(bed.links.state).toMatchObject({ phase: 'waiting', lastError: 'the line did not come up, and nothing says why' })
  })

  test('a hang-up that never answers is taken for done', async () => {
    const bed = new LinksBed([LTE]).start()
    bed.line('lte').hangsUpAtOnce = false
    bed.line('lte').answer('ppp0')
    await settle()
    bed.carrier.end('no route')
    expect(bed.links.state.phase).toBe('hanging-up')
    await bed.clock.advanceAsync(150_000)
    expect(bed.line('lte').calls).toBe(2)
    expect(bed.log.at(-1)).toBe('warn: the line was hung up, and nothing says that it is down: it is taken for down')
  })

  test('a line that is lost is hung up, and the connection ended', async () => {
    const bed = new LinksBed([LTE]).start()
    bed.line('lte').answer('ppp0')
    await settle()
    bed.carrier.accept()
    bed.line('lte').lose('the carrier was lost')
    expect(bed.carrier.isStopped).toBe(true)
    expect(bed.line('lte').hangUps).toBe(1)
    expect(bed.links.state.lastError).toBe('the carrier was lost')
    await settle()
    expect(bed.links.state.phase).toBe('waiting')
    bed.line('lte').lose('again')
    expect(bed.links.state.lastError).toBe('the carrier was lost')
  })

  test.each(['dialling', 'connecting'])('an attempt that costs too much is broken off: %s', async (reached) => {
    const bed = new LinksBed([SATELLITE]).start()
    bed.wait('alarm', 1)
    if (reached === 'connecting') {
      bed.line('satellite').answer('ppp0')
      await settle()
    }
    bed.bytes = 1000
    await bed.clock.advanceAsync(1000)
    expect(bed.line('satellite').hangUps).toBe(0)
    bed.bytes = 1001
    await bed.clock.advanceAsync(1000)
    expect(bed.line('satellite').hangUps).toBe(1)
    expect(bed.links.state).toMatchObject({ phase: 'waiting', lastError: 'it has cost more than the 1000 bytes that one attempt may (`maxCost`), and the broker has not answered' })
    bed.clock.advance(2000)
    expect(bed.line('satellite').calls).toBe(2)
    await bed.clock.advanceAsync(5000) // the next one counts from where it begins
    expect(bed.line('satellite').hangUps).toBe(1)
  })

  test('the dial and the connection are one attempt', async () => {
    const bed = new LinksBed([SATELLITE]).start()
    bed.wait('alarm', 1)
    bed.bytes = 600
    bed.line('satellite').answer('ppp0')
    await bed.clock.advanceAsync(1000)
    expect(bed.links.state.phase).toBe('connecting')
    bed.bytes = 1200
    await bed.clock.advanceAsync(1000)
    expect(bed.links.state.phase).toBe('waiting')
  })

  test('a connection that is up may cost what it costs', async () => {
    const bed = new LinksBed([SATELLITE]).start()
    bed.wait('alarm', 1)
    bed.line('satellite').answer('ppp0')
    await settle()
    bed.carrier.accept()
    bed.bytes = 1e6
    await bed.clock.advanceAsync(MINUTE)
    expect(bed.links.state.phase).toBe('up')
  })

  test('stop hangs up, and waits for it', async () => {
    const bed = new LinksBed([LTE]).start()
    bed.line('lte').hangsUpAtOnce = false
    bed.line('lte').answer('ppp0')
    await settle()
    bed.carrier.accept()
    let isOver = false
    const stopped = bed.links.stop().then(() => (isOver = true))
    await settle()
    expect([bed.carrier.isStopped, bed.line('lte').hangUps, isOver]).toEqual([true, 1, false])
    bed.line('lte').down()
    await stopped
    expect(bed.clock.pending).toBe(0)
  })

  test('stop breaks off a dial', async () => {
    const bed = new LinksBed([LTE]).start()
    await bed.links.stop()
    expect(bed.line('lte').hangUps).toBe(1)
    expect(bed.clock.pending).toBe(0)
  })

  test('stop gives up after a minute, and says so', async () => {
    const bed = new LinksBed([LTE]).start()
    bed.line('lte').hangsUpAtOnce = false
    const stopped = bed.links.stop()
    await bed.clock.advanceAsync(MINUTE)
    await stopped
    expect(bed.log).toEqual(['warn: a link did not end in time: it is left behind'])
    expect(bed.clock.pending).toBe(0)
  })
})

describe('several links', () => {
  /** The ethernet is dead and lte is up. */
  async function onLte(): Promise<LinksBed> {
    const bed = new LinksBed([ETHERNET, LTE, SATELLITE]).start()
    bed.carrier.end('no cable')
    bed.line('lte').answer('ppp0')
    await settle()
    bed.carrier.accept()
    return bed
  }

  test('an alarm that waits while the cheaper links are dead calls the satellite; nothing else does', async () => {
    const bed = new LinksBed([ETHERNET, SATELLITE]).start()
    bed.wait('live', 1000)
    bed.carrier.end('no cable')
    expect(bed.line('satellite').calls).toBe(0)
    bed.wait('alarm', 1)
    expect(bed.line('satellite').calls).toBe(1)
    bed.line('satellite').answer('ppp0')
    await settle()
    bed.carrier.accept()
    bed.waiting.set('live', { count: 1001, bytes: 0 })
    bed.wait('alarm', 0)
    bed.drained = true // for what this link carries
    bed.links.changed()
    await bed.clock.advanceAsync(10_000)
    expect(bed.line('satellite').hangUps).toBe(1)
    expect(bed.links.state.link).not.toBe('satellite')
  })

  test('the cheaper one is probed in the background, and takes over when it has been stable', async () => {
    const bed = await onLte()
    bed.carriersEndAtOnce = false
    bed.clock.advance(2000)
    expect(bed.probes).toHaveLength(1)
    bed.probes[0]!.fail('no cable')
    await settle()
    expect(bed.links.state).toMatchObject({ phase: 'up', link: 'lte' })
    expect(bed.links.state.links[0]).toMatchObject({ failures: 2, lastError: 'no cable' })
    const old = bed.carrier
    old.stop = () => {} // its goodbye is on the way
    for (let n = 1; bed.links.state.phase === 'up'; n++) {
      for (let ms = 0; bed.probes.length === n; ms += 1000) await bed.clock.advanceAsync(1000)
      bed.probes[n]!.answer()
      await settle()
      expect(n).toBeLessThan(10)
    }
    expect(bed.links.state).toMatchObject({ phase: 'hanging-up', link: 'lte' })
    expect(bed.open).toEqual(['lte'])
    old.end('stopped')
    expect(bed.open).toEqual(['ethernet'])
    expect(bed.line('lte').hangUps).toBe(1)
    expect(bed.log.at(-1)).toBe('info: uplink hangs up: a cheaper link is back')
  })

  test('a connection that does not end is left behind, and told', async () => {
    const bed = await onLte()
    bed.links.state satisfies object
    bed.carrier.stop = () => {}
    bed.line('lte').lose('no carrier')
    bed.clock.advance(45_000)
    expect(bed.log).toContain('warn: a connection was stopped and did not end: it is left behind')
    expect(bed.links.state.lastError).not.toBe('stopped')
  })

  test('a probe that never answers is broken off', async () => {
    const bed = await onLte()
    bed.clock.advance(2000)
    expect(bed.probes[0]!.signal.aborted).toBe(false)
    bed.clock.advance(30_000)
    expect(bed.probes[0]!.signal.aborted).toBe(true)
    expect(bed.links.state.links[0]!.lastError).toBe('the broker did not answer a probe in time')
  })

  test('stop ends probes, connection and lines', async () => {
    const bed = await onLte()
    bed.clock.advance(2000)
    await bed.links.stop()
    expect(bed.probes[0]!.signal.aborted).toBe(true)
    expect(bed.carrier.isStopped).toBe(true)
    expect(bed.line('lte').hangUps).toBe(1)
    expect(bed.clock.pending).toBe(0)
  })

  test('a probe of a line that is not wanted any more is broken off with it', async () => {
    const bed = new LinksBed([makeLink('lte', { dial: DIAL, budget: BUDGET }), makeLink('satellite')]).start()
    bed.line('lte').fail('no modem')
    await settle()
    bed.carrier.accept()
    bed.clock.advance(2000)
    bed.line('lte').answer('wwan0')
    await settle()
    bed.spent.add('lte')
    bed.links.changed()
    expect(bed.probes[0]!.signal.aborted).toBe(true)
    expect(bed.line('lte').hangUps).toBe(1)
    expect(bed.links.state.links[0]!.lastError).toBe('no modem')
  })

  test('a run of a schedule that comes while another link is up is served by it', async () => {
    const bed = new LinksBed([ETHERNET, makeLink('lte', { connect: connectOfText('{ schedule: "*/30 * * * *" }') })]).start()
    bed.carrier.accept()
    await bed.clock.advanceAsync(90 * MINUTE)
    bed.carrier.end('no cable')
    bed.clock.advance(3000)
    bed.carrier.end('no cable')
    expect(bed.links.state.phase).toBe('waiting')
    for (let n = 0; n < 30; n++) {
      expect(bed.carrier.link).toBe('ethernet')
      if (bed.open.length > 0) bed.carrier.end('no cable')
      bed.clock.advance(MINUTE)
    }
    expect(bed.links.state.links[1]!.wanted).toBe(true)
  })

  test('only what a link may carry counts for it', () => {
    const bed = new LinksBed([makeLink('lte', { classes: ['alarm'], connect: connectOfText('{ queued: 2 }') })]).start()
    bed.wait('live', 100)
    bed.wait('alarm', 1)
    expect(bed.links.state.phase).toBe('idle')
    bed.wait('alarm', 2)
    expect(bed.links.state.phase).toBe('connecting')
  })

  test('a cheaper line is dialled to be probed, and is the one that is used', async () => {
    const bed = new LinksBed([LTE, makeLink('satellite')]).start()
    bed.line('lte').fail('no modem')
    await settle()
    bed.carrier.accept()
    bed.clock.advance(2000)
    bed.line('lte').answer('wwan0')
    await settle()
    expect(bed.probes[0]!.dialled).toEqual({ interface: 'wwan0' })
    for (let n = 0; bed.links.state.link === 'satellite'; n++) {
      bed.probes[n]!.answer()
      await bed.clock.advanceAsync(15_000)
    }
    expect(bed.carrier.dialled).toEqual({ interface: 'wwan0' })
    expect(bed.line('lte')).toMatchObject({ calls: 2, hangUps: 0 })
  })
})

describe('budget', () => {
  const METERED = makeLink('lte', { budget: BUDGET, connect: connectOfText('{ class: alarm, queued: 5, idle: 10s }') })

  test('is asked with the classes that wait and may go', () => {
    const bed = new LinksBed([METERED]).start()
    bed.waiting.set('bulk', { count: 3, bytes: 9 })
    bed.waiting.set('live', { count: 0, bytes: 0 })
    bed.wait('alarm', 1)
    expect(bed.asked[0]).toEqual(['lte', ['bulk', 'alarm'], false])
    bed.links.changed()
    expect(bed.asked.at(-1)).toEqual(['lte', ['bulk', 'alarm'], true]) // it is being connected
  })

  test('a link whose budget is spent is not used, and hung up when it is', () => {
    const bed = new LinksBed([METERED]).start()
    bed.spent.add('lte')
    bed.wait('alarm', 1)
    expect(bed.carriers).toHaveLength(0)
    bed.spent.clear()
    bed.clock.advance(MINUTE) // a new day is seen within a minute
    bed.carrier.accept()
    bed.spent.add('lte')
    bed.links.changed()
    expect(bed.carrier.isStopped).toBe(true)
    expect(bed.log.at(-1)).toBe('info: uplink hangs up: its budget is spent')
  })

  test('a link that is always wanted is asked too', () => {
    const bed = new LinksBed([makeLink('lte', { budget: BUDGET }), SATELLITE])
    bed.spent.add('lte')
    bed.start()
    expect(bed.links.state.phase).toBe('idle')
    bed.wait('alarm', 1)
    expect(bed.links.state).toMatchObject({ phase: 'dialling', link: 'satellite' })
    expect(bed.links.state.links[0]).toMatchObject({ wanted: false })
  })

  /** A day on which nobody answers. */
  function attempts(budget: BudgetConfig | null): number {
    const bed = new LinksBed([makeLink('lte', { budget })]).start()
    for (let minute = 0; minute < 24 * 60; minute++) {
      if (bed.open.length > 0) bed.carrier.end('nobody answers')
      bed.clock.advance(MINUTE)
    }
    return bed.carriers.length
  }

  test.each([
    ['none', null, 500, 1000],
    ['a large one', { ...BUDGET, dayBytes: 50e6, monthBytes: 1e9 }, 500, 1000],
    ['2 MB a day', { ...BUDGET, dayBytes: 2e6, monthBytes: 62e6 }, 250, 2e6 / 10 / 600 + 20],
    ['40 kB a day', { ...BUDGET, dayBytes: 40_000, monthBytes: 1e6 }, 90, 96 + 20],
  ])('attempts in vain do not eat it: %s', (_what, budget, from, to) => {
    const count = attempts(budget)
    expect(count).toBeGreaterThan(from)
    expect(count).toBeLessThanOrEqual(to)
  })
})

test('the passes of a file open a link, and a file that comes is seen', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'links-'))
  const bed = new LinksBed([makeLink('satellite', { connect: { ...connectOfText('{ passes: p, idle: 10s }'), passesFile: join(folder, 'p.csv') } })]).start()
  bed.wait('live', 1)
  await until(() => bed.log.some((line) => line.startsWith('error: no satellite passes are known')), 'the alarm')
  const at = (minutes: number): string => new Date(bed.clock.wall() + minutes * MINUTE).toISOString()
  writeFileSync(join(folder, 'p.csv'), `${at(2)},${at(8)}\n`)
  bed.clock.advance(30_000)
  await until(() => bed.log.some((line) => line.startsWith('info: satellite passes were read')), 'the file')
  expect(bed.links.state.phase).toBe('idle')
  bed.clock.advance(90_000)
  expect(bed.links.state).toMatchObject({ phase: 'connecting', link: 'satellite' })
  bed.carrier.accept()
  bed.clock.advance(6 * MINUTE)
  expect(bed.log.at(-1)).toBe('info: uplink hangs up: its time is over')
  await bed.links.stop()
  expect(bed.clock.pending).toBe(0)
  rmSync(folder, { recursive: true })
})
