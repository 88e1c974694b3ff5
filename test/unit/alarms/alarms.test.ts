// What is told of alarms, to whom and how often; that they are cleared; what outlives a restart, and what a restart takes away.
import { describe, expect, test } from 'vitest'
import { SHOWN_MAX } from '../../../src/alarms/register.ts'
import { AlarmBed, budgetSight, KeptNumbers, uplinkSight } from '../../support/alarm-bed.ts'

const DOWN = { uplinks: [uplinkSight({ phase: 'waiting', lastError: 'connect ECONNREFUSED' })] }
const UP = { uplinks: [uplinkSight()] }
const SOON = '{ uplinkDown: 10s }'
const TOPIC = '{ uplinkDown: 10s, topic: alarms }'
const HOUR_SEC = 3600

const gone = (count: number, from = 0) => ({ sensors: Array.from({ length: count }, (_, i) => ({ name: `s${i + 1}`, status: i < from ? ('ok' as const) : ('gone' as const), lastError: null })) })

describe('topics', () => {
  test('below $SYS, JSON while it lasts, nothing after it; in the log when it begins and ends', async () => {
    const bed = new AlarmBed(SOON)
    await bed.be(DOWN, 30)
    const since = new Date(bed.clock.wallOffsetMs + 1000 + 2000 + 10_000).toISOString() // seen after two seconds, and ten after that
    expect([...bed.sys.keys()]).toEqual(['broker/alarm/uplink-down/cloud'])
    expect(JSON.parse(bed.sys.get('broker/alarm/uplink-down/cloud')!)).toEqual({
      name: 'uplink-down/cloud',
      kind: 'uplink-down',
      of: 'cloud',
      severity: 'critical',
      state: 'active',
      since,
      message: 'uplink cloud was to be connected, and has not been for 10s: connect ECONNREFUSED',
      hint: expect.stringContaining('sandpiper uplink'),
      value: 1,
      unit: null,
    })
    expect(bed.alarms.list()).toMatchObject([{ name: 'uplink-down/cloud', since }])
    await bed.be(UP, 30)
    expect([...bed.sys]).toEqual([])
    expect(bed.published).toEqual([]) // no ordinary topic was asked for
    expect(bed.log).toEqual([expect.stringMatching(/^warn uplink-down\/cloud: uplink cloud was to be connected, .*: see `sandpiper uplink`/), expect.stringMatching(/^info uplink-down\/cloud: over: uplink cloud was to be/)])
  })

  test('an ordinary one too, where the configuration says so: once at its beginning, once at its end', async () => {
    const bed = new AlarmBed(TOPIC)
    await bed.be(DOWN, 2 * HOUR_SEC)
    await bed.be(UP, 60)
    expect(bed.published).toEqual([{ topic: 'alarms/uplink-down/cloud', text: expect.stringContaining('"state":"active"') }, { topic: 'alarms/uplink-down/cloud', text: '' }])
  })

  test('the figure of the beginning stands there, that of now in the list', async () => {
    const bed = new AlarmBed('{ topic: alarms }')
    await bed.be({ uplinks: [uplinkSight({}, 81)] }, 70)
    await bed.be({ uplinks: [uplinkSight({}, 93)] }, 70)
    expect(bed.alarms.list()).toMatchObject([{ value: 93, unit: '%' }])
    expect(bed.published.map(({ text }) => (JSON.parse(text) as { value: number }).value)).toEqual([81])
  })

  test('without a clock that is known to be right, since when is not said; it is said when it is known, once', async () => {
    const bed = new AlarmBed(TOPIC)
    bed.isTimed = false
    await bed.be(DOWN, 60)
    const told = () => bed.published.map(({ text }) => (JSON.parse(text) as { since: string | null }).since)
    expect(told()).toEqual([null])
    expect(JSON.parse(bed.sys.get('broker/alarm/uplink-down/cloud')!)).toMatchObject({ since: null })
    bed.isTimed = true
    await bed.pass(60)
    expect(told()).toEqual([null, bed.alarms.list()[0]!.since])
    expect(bed.log).toHaveLength(1)
  })
})

test('the most severe first, then the oldest', async () => {
  const bed = new AlarmBed(SOON)
  await bed.be(gone(1), 90)
  await bed.be({ uplinks: [uplinkSight({ phase: 'waiting', budgets: [budgetSight(900)] })] }, 60)
  await bed.be({ isTimeSynced: true, refused: 1 }, 6)
  expect(bed.names).toEqual(['uplink-down/cloud', 'store-refused', 'sensor-gone/s1', 'budget-80/cloud/lte'])
})

describe('more than are shown of a kind', () => {
  const MORE = 30

  test('are one that counts them', async () => {
    const bed = new AlarmBed('{ topic: alarms }')
    await bed.be(gone(SHOWN_MAX + MORE), 90)
    expect(bed.names).toHaveLength(SHOWN_MAX + 1)
    expect(bed.alarms.list().find(({ name }) => name === 'sensor-gone')).toMatchObject({ of: null, message: `${MORE} more of \`sensor-gone\`, besides the ${SHOWN_MAX} that are shown`, value: MORE })
    expect(bed.log).toHaveLength(SHOWN_MAX + 1)
    expect(bed.published).toHaveLength(SHOWN_MAX + 1)
    expect(bed.counters.alarmsRaised).toBe(SHOWN_MAX + MORE)
  })

  test('exactly as many as are shown are all there by themselves', async () => {
    const bed = new AlarmBed()
    await bed.be(gone(SHOWN_MAX), 90)
    expect(bed.names).toHaveLength(SHOWN_MAX)
    expect(bed.names).not.toContain('sensor-gone')
  })

  test('get the places of those that are over', async () => {
    const bed = new AlarmBed()
    await bed.be(gone(SHOWN_MAX + 2), 90)
    expect(bed.names).not.toContain(`sensor-gone/s${SHOWN_MAX + 2}`)
    await bed.be(gone(SHOWN_MAX + 2, 2), 90)
    expect(bed.names).toEqual(Array.from({ length: SHOWN_MAX }, (_, i) => `sensor-gone/s${i + 3}`))
    expect([...bed.sys.keys()].sort()).toEqual(bed.names.map((name) => `broker/alarm/${name}`).sort())
  })

  test('are cleared together, by the name of their kind', async () => {
    const bed = new AlarmBed()
    await bed.be(gone(SHOWN_MAX + MORE), 90)
    expect(bed.alarms.clear('sensor-gone', 'ann')).toMatchObject({ state: 'acknowledged', value: MORE })
    expect(bed.names).toHaveLength(SHOWN_MAX)
    expect(bed.alarms.acknowledged()).toHaveLength(MORE)
    expect(bed.log.filter((line) => line.startsWith('info'))).toEqual(['info sensor-gone: an alarm was cleared'])
    expect(bed.sys.has('broker/alarm/sensor-gone')).toBe(false)
  })
})

describe('cleared', () => {
  test('it goes from lists and topics until its cause was away and comes again', async () => {
    const bed = new AlarmBed(TOPIC)
    await bed.be(DOWN, 30)
    expect(bed.alarms.clear('uplink-down/cloud', 'ann')).toMatchObject({ name: 'uplink-down/cloud', state: 'acknowledged' })
    expect([bed.names, [...bed.sys], bed.published.at(-1)]).toEqual([[], [], { topic: 'alarms/uplink-down/cloud', text: '' }])
    await bed.pass(HOUR_SEC)
    expect(bed.names).toEqual([])
    expect(bed.alarms.acknowledged()).toMatchObject([{ name: 'uplink-down/cloud', state: 'acknowledged' }])
    await bed.be(UP, 30)
    expect(bed.alarms.acknowledged()).toEqual([])
    await bed.be(DOWN, 30)
    expect(bed.names).toEqual(['uplink-down/cloud'])
    expect(bed.log.map((line) => line.split(' ', 1)[0])).toEqual(['warn', 'info', 'warn']) // that it is over, nobody wants to hear any more
    expect(bed.published.map(({ text }) => text !== '')).toEqual([true, false, true])
  })

  test('only what is shown can be', async () => {
    const bed = new AlarmBed(SOON)
    await bed.be(DOWN, 30)
    expect(['uplink-down', 'uplink-down/other', 'sensor-gone', '', 'constructor'].map((name) => bed.alarms.clear(name, 'ann'))).toEqual([null, null, null, null, null])
    bed.alarms.clear('uplink-down/cloud', 'ann')
    expect(bed.alarms.clear('uplink-down/cloud', 'ann')).toBeNull()
    expect(bed.log).toHaveLength(2)
  })
})

describe('a restart', () => {
  /** The next run on the same flash. */
  const again = (bed: AlarmBed, numbers: KeptNumbers, yaml: string, gateway: object): AlarmBed => {
    bed.alarms.stop()
    const next = new AlarmBed(yaml, numbers, gateway)
    return next
  }

  test('an alarm goes on from when it began, without being told once more over the link', async () => {
    const numbers = new KeptNumbers()
    const bed = new AlarmBed(TOPIC, numbers)
    await bed.be(DOWN, 30)
    const { since } = bed.alarms.list()[0]!
    const next = again(bed, numbers, TOPIC, DOWN)
    expect(next.alarms.list()).toMatchObject([{ name: 'uplink-down/cloud', since, message: expect.stringContaining('ECONNREFUSED') }])
    expect([...next.sys.keys()]).toEqual(['broker/alarm/uplink-down/cloud'])
    expect([next.published, next.counters.alarmsRaised]).toEqual([[], 0])
  })

  test('one whose cause is away ends as it would have', async () => {
    const numbers = new KeptNumbers()
    const bed = new AlarmBed(TOPIC, numbers)
    await bed.be(DOWN, 30)
    const next = again(bed, numbers, TOPIC, UP)
    expect(next.names).toEqual(['uplink-down/cloud'])
    await next.pass(15)
    expect([next.names, [...next.sys], next.published]).toEqual([[], [], [{ topic: 'alarms/uplink-down/cloud', text: '' }]])
    expect([...numbers.all]).toEqual([])
  })

  test('one that was cleared stays so', async () => {
    const numbers = new KeptNumbers()
    const bed = new AlarmBed(SOON, numbers)
    await bed.be(DOWN, 30)
    bed.alarms.clear('uplink-down/cloud', 'ann')
    const next = again(bed, numbers, SOON, DOWN)
    await next.pass(HOUR_SEC)
    expect([next.names, next.alarms.acknowledged().length, next.log]).toEqual([[], 1, []])
    await next.be(UP, 30)
    await next.be(DOWN, 30)
    expect(next.names).toEqual(['uplink-down/cloud'])
  })

  test.each([
    ['its uplink is not configured any more', TOPIC, {}],
    ['it was switched off', '{ uplinkDown: off, topic: alarms }', DOWN],
    ['there is no topic any more', '{ uplinkDown: off }', UP],
  ])('what is left of one is taken away: %s', async (_, yaml, gateway) => {
    const numbers = new KeptNumbers()
    const bed = new AlarmBed(TOPIC, numbers)
    await bed.be(DOWN, 30)
    const next = again(bed, numbers, yaml, gateway)
    expect([next.names, [...next.sys], next.published, [...numbers.all]]).toEqual([[], [], [{ topic: 'alarms/uplink-down/cloud', text: '' }], []])
  })

  test('with another topic, the one before is emptied and the new one filled', async () => {
    const numbers = new KeptNumbers()
    const bed = new AlarmBed(TOPIC, numbers)
    await bed.be(DOWN, 30)
    const next = again(bed, numbers, '{ uplinkDown: 10s, topic: site/alarms }', DOWN)
    expect(next.published.map(({ topic, text }) => [topic, text !== ''])).toEqual([['site/alarms/uplink-down/cloud', true], ['alarms/uplink-down/cloud', false]])
  })

  test('numbers of others, and of kinds that a later release had, harm nothing', () => {
    const numbers = new KeptNumbers()
    numbers.set('alarm/flood/cellar', 1)
    numbers.set('alarm/constructor', 1)
    numbers.set('alarm-cleared/flood/cellar', 1)
    numbers.set('clock/0001', 5)
    const bed = new AlarmBed('{}', numbers)
    expect([bed.names, [...numbers.all]]).toEqual([[], [['clock/0001', 5]]])
  })
})

describe('a machine that does not answer', () => {
  test('holds up nothing else, and is not asked again meanwhile', async () => {
    const bed = new AlarmBed(SOON)
    bed.answers = false
    await bed.be(DOWN, HOUR_SEC)
    expect(bed.names).toEqual(['uplink-down/cloud'])
    expect(bed.asked).toBe(2) // the first answered
  })

  test('what it said last is not taken for what is: no alarm comes of it, none ends by it', async () => {
    const bed = new AlarmBed()
    await bed.be({ health: { temperatureC: 85 } }, 30)
    bed.answers = false
    await bed.pass(HOUR_SEC)
    expect(bed.names).toEqual(['temperature']) // a minute of what was said last is believed
    expect(bed.alarms.list()).toMatchObject([{ value: null }])
  })
})

test('stopped, nothing is looked at any more', async () => {
  const bed = new AlarmBed(SOON)
  bed.alarms.stop()
  await bed.be(DOWN, 60)
  expect([bed.names, bed.clock.pending]).toEqual([[], 0])
})
