// Each kind of alarm: what raises it, after what time, what ends it, and what does not matter to it.
import { describe, expect, test } from 'vitest'
import { KINDS, type KindName } from '../../../src/alarms/kinds.ts'
import type { Sight } from '../../../src/alarms/observe.ts'
import { AlarmBed, budgetSight, KeptNumbers, uplinkSight } from '../../support/alarm-bed.ts'

type Change = Parameters<AlarmBed['be']>[0]

interface Case {
  readonly kind: KindName
  readonly of?: string
  readonly bad: Change
  readonly good: Change
  /** Seconds with what is bad until it is raised, and with what is good until it is over, within the time between two looks. */
  readonly raisedSec: number
  readonly overSec: number
  /** What is not an alarm, however long. */
  readonly never: readonly (readonly [why: string, change: Change])[]
  /** Turns it off. */
  readonly off: string
}

const uplinks = (...args: Parameters<typeof uplinkSight>): Change => ({ uplinks: [uplinkSight(...args)] })
const sensor = (status: Sight['sensors'][number]['status']): Change => ({ sensors: [{ name: 'tank', status, lastError: 'no answer' }] })
const output = (status: Sight['outputs'][number]['status']): Change => ({ outputs: [{ name: 'pump', status, lastError: 'no line' }] })
const health = (change: Change['health']): Change => ({ health: change! })
const spent = (bytes: number, more = {}): Change => uplinks({ budgets: [budgetSight(bytes, more)] })
const session = (share: number): Change => ({ session: { clientId: 'pump\n8', share } })

const CASES: readonly Case[] = [
  {
    kind: 'uplink-down',
    of: 'cloud',
    bad: uplinks({ phase: 'waiting', lastError: 'refused' }),
    good: uplinks({}),
    raisedSec: 3600,
    overSec: 30,
    never: [
      ['nothing asks for it, or its budget is spent', uplinks({ phase: 'idle' })],
      ['paused by order', uplinks({ phase: 'waiting', order: { kind: 'pause', leftSec: 60 } })],
      ['it hangs up', uplinks({ phase: 'hanging-up' })],
      ['stopped', uplinks({ phase: 'stopped' })],
    ],
    off: 'uplinkDown',
  },
  { kind: 'queue-long', of: 'cloud', bad: uplinks({}, 80), good: uplinks({}, 70), raisedSec: 60, overSec: 60, never: [['79 %', uplinks({}, 79)], ['a queue of the latest only is full', uplinks({}, 100, 'keep-latest')]], off: 'queue' },
  { kind: 'session-queue-long', bad: session(0.8), good: session(0.7), raisedSec: 60, overSec: 60, never: [['79 %', session(0.79)]], off: 'queue' },
  { kind: 'store-full', bad: { store: { bytes: 900, bytesMax: 1000 } }, good: { store: { bytes: 850, bytesMax: 1000 } }, raisedSec: 60, overSec: 60, never: [['89 %', { store: { bytes: 899, bytesMax: 1000 } }]], off: 'store' },
  { kind: 'disk-full', bad: health({ diskShare: 0.9 }), good: health({ diskShare: 0.85 }), raisedSec: 70, overSec: 70, never: [['89 %', health({ diskShare: 0.899 })], ['not known', health({ diskShare: null })]], off: 'disk' },
  { kind: 'temperature', bad: health({ temperatureC: 80 }), good: health({ temperatureC: 75 }), raisedSec: 70, overSec: 70, never: [['79 °C', health({ temperatureC: 79.9 })], ['not known', health({ temperatureC: null })]], off: 'temperature' },
  { kind: 'under-voltage', bad: health({ isUnderVoltage: true }), good: health({ isUnderVoltage: false }), raisedSec: 10, overSec: 610, never: [['not known', health({ isUnderVoltage: null })]], off: 'underVoltage' },
  { kind: 'update-failed', bad: health({ failedUpdate: '1.3.0 was undone' }), good: health({ failedUpdate: '' }), raisedSec: 10, overSec: 10, never: [['no image', health({ failedUpdate: null })]], off: 'update' },
  { kind: 'sensor-gone', of: 'tank', bad: sensor('gone'), good: sensor('ok'), raisedSec: 60, overSec: 30, never: [['degraded', sensor('degraded')], ['starting', sensor('starting')], ['stopped', sensor('stopped')]], off: 'sensorGone' },
  { kind: 'sensor-degraded', of: 'tank', bad: sensor('degraded'), good: sensor('ok'), raisedSec: 600, overSec: 30, never: [['gone', sensor('gone')], ['starting', sensor('starting')]], off: 'sensorDegraded' },
  { kind: 'output-gone', of: 'pump', bad: output('gone'), good: output('ok'), raisedSec: 60, overSec: 30, never: [['starting', output('starting')], ['stopped', output('stopped')]], off: 'outputGone' },
  { kind: 'clock-unset', bad: { isTimeSynced: false }, good: { isTimeSynced: true }, raisedSec: 3600, overSec: 30, never: [], off: 'clockUnset' },
  { kind: 'budget-80', of: 'cloud/lte', bad: spent(800), good: spent(0), raisedSec: 0, overSec: 0, never: [['79 %', spent(799)]], off: 'budget' },
  { kind: 'budget-100', of: 'cloud/lte', bad: spent(990, { exhausted: true }), good: spent(0), raisedSec: 0, overSec: 0, never: [['not quite: it still pays for a connection', spent(998)]], off: 'budget' },
]

/** Between two looks; the machine is asked at every fifth. */
const LOOK_SEC = 2

test('every kind has a case, but those that are told by what happens', () => {
  expect(new Set([...CASES.map(({ kind }) => kind), 'store-refused', 'store-set-aside'])).toEqual(new Set(Object.keys(KINDS)))
})

describe.each(CASES)('$kind', ({ kind, of, bad, good, raisedSec, overSec, never, off }) => {
  const name = of === undefined ? kind : `${kind}/${of}`

  test('is raised in time, said once, and over in time', async () => {
    const bed = new AlarmBed()
    await bed.be(good, 60)
    expect(bed.names).not.toContain(name)
    const early = Math.max(0, raisedSec - LOOK_SEC - 10)
    await bed.be(bad, early)
    if (early > 0) expect(bed.names).not.toContain(name)
    await bed.pass(raisedSec - early + 2 * LOOK_SEC)
    expect(bed.alarms.list().find((alarm) => alarm.name === name)).toMatchObject({ kind, of: of ?? null, severity: KINDS[kind].severity, state: 'active', hint: KINDS[kind].hint })
    await bed.pass(3600)
    expect(bed.log.filter((line) => line.startsWith(`warn ${name}: `))).toHaveLength(1)
    const still = Math.max(0, overSec - LOOK_SEC - 10)
    await bed.be(good, still)
    if (still > 0) expect(bed.names).toContain(name)
    await bed.pass(overSec - still + 2 * LOOK_SEC)
    expect(bed.names).not.toContain(name)
    expect(bed.log.filter((line) => line.startsWith(`info ${name}: over: `))).toHaveLength(1)
  })

  test.each(never)('is not raised: %s', async (_, change) => {
    const bed = new AlarmBed()
    await bed.be(change, 7200)
    expect(bed.names).not.toContain(name)
  })

  test('is not raised where it is switched off', async () => {
    const bed = new AlarmBed(`{ ${off}: off }`)
    await bed.be(bad, 7200)
    expect(bed.names).not.toContain(name)
  })
})

describe('store-refused', () => {
  test('one message is an alarm, and so are many: over when none was refused for ten minutes', async () => {
    const bed = new AlarmBed()
    await bed.pass(60)
    expect(bed.names).toEqual([])
    await bed.be({ refused: 1 }, LOOK_SEC)
    expect(bed.names).toEqual(['store-refused'])
    await bed.be({ refused: 2 }, 600)
    expect(bed.names).toEqual(['store-refused'])
    await bed.pass(3 * LOOK_SEC)
    expect(bed.names).toEqual([])
    expect(bed.counters.alarmsRaised).toBe(1)
  })

  test('not where it is switched off', async () => {
    const bed = new AlarmBed('{ storeRefused: off }')
    await bed.be({ refused: 5 }, 60)
    expect(bed.names).toEqual([])
  })
})

describe('store-set-aside', () => {
  test('lasts until it is cleared, over restarts too; what was cleared is over at the next start', async () => {
    const numbers = new KeptNumbers()
    const first = new AlarmBed('{}', numbers, { setAside: '/data/store.1' })
    expect(first.alarms.list()).toMatchObject([{ name: 'store-set-aside', message: 'the store could not be opened: it was set aside, and a new one begun: /data/store.1' }])
    const second = new AlarmBed('{}', numbers)
    await second.pass(3600)
    expect(second.names).toEqual(['store-set-aside'])
    second.alarms.clear('store-set-aside', 'ann')
    const third = new AlarmBed('{}', numbers)
    expect([third.names, third.alarms.acknowledged(), [...numbers.all]]).toEqual([[], [], []])
  })

  test('not where it is switched off', () => expect(new AlarmBed('{ storeSetAside: off }', new KeptNumbers(), { setAside: '/data/store.1' }).names).toEqual([]))
})

describe('words', () => {
  test.each<[string, Change, number, string, string]>([
    ['why an uplink is down', uplinks({ phase: 'waiting', lastError: 'connect ECONNREFUSED' }), 3700, 'uplink-down/cloud', 'uplink cloud was to be connected, and has not been for 1h: connect ECONNREFUSED'],
    ['which class waits', uplinks({}, 95), 70, 'queue-long/cloud', 'what waits for uplink cloud takes 80 % of its queue or more: class live'],
    ['which client is away, with nothing in its name that a terminal would act on', session(0.9), 70, 'session-queue-long', 'what waits for a client takes 80 % of its queue or more: client pump·8'],
    ['what is left of a budget', spent(1000, { exhausted: true, reservedFor: 'alarm' }), 10, 'budget-100/cloud/lte', 'the budget of link cloud/lte is spent: what is left is for the class alarm'],
    ['which budget', spent(850), 10, 'budget-80/cloud/lte', '80 % of the budget of link cloud/lte are spent: of this month'],
    ['the only link of an uplink is called as the uplink', spent(850, { link: 'cloud' }), 10, 'budget-80/cloud', '80 % of the budget of link cloud are spent: of this month'],
  ])('%s', async (_, change, sec, name, message) => {
    const bed = new AlarmBed()
    await bed.be(change, sec)
    expect(bed.alarms.list().find((alarm) => alarm.name === name)?.message).toBe(message)
  })

  test('a client identifier of any length', async () => {
    const bed = new AlarmBed()
    await bed.be({ session: { clientId: 'x'.repeat(60_000), share: 1 } }, 70)
    expect(bed.alarms.list()[0]!.message.length).toBeLessThan(150)
  })
})

test('a link that may be used for ten minutes a day, and never works, is down for an hour after seven days', async () => {
  const bed = new AlarmBed()
  const days: string[][] = []
  for (let day = 1; day <= 7; day++) {
    await bed.be(uplinks({ phase: 'connecting' }), 600)
    await bed.be(uplinks({ phase: 'idle' }), 3600)
    days.push(bed.names)
  }
  expect(days.map((names) => names.length)).toEqual([0, 0, 0, 0, 0, 0, 1])
  await bed.be(uplinks({ phase: 'up' }), 33)
  expect(bed.names).toEqual([])
})

test('the wall clock may jump as it likes', async () => {
  const bed = new AlarmBed()
  await bed.be(uplinks({ phase: 'waiting' }), 60)
  bed.clock.wallOffsetMs += 10 * 86_400_000
  await bed.pass(60)
  bed.clock.wallOffsetMs -= 20 * 86_400_000
  await bed.pass(3400)
  expect(bed.names).toEqual([])
  await bed.pass(120)
  expect(bed.names).toEqual(['uplink-down/cloud'])
})
