// The history with time that only the test moves, a ring in memory that may fail, and a clock that may be wrong.
import { beforeEach, describe, expect, test } from 'vitest'
import { bootOffsetMs } from '../../../src/clock.ts'
import type { HistoryConfig } from '../../../src/config/config.ts'
import { Counters } from '../../../src/counters.ts'
import type { Figure } from '../../../src/history/figures.ts'
import { figuresOf } from '../../../src/history/figures.ts'
import { History } from '../../../src/history/history.ts'
import { makeMessage, type Message } from '../../../src/message.ts'
import type { Reading } from '../../../src/sensors/reading/reading.ts'
import { MemoryRing } from '../../../src/store/memory-ring.ts'
import { type Ring, type RingBatch, RingError, type RingFault } from '../../../src/store/ring.ts'
import { Timekeeper } from '../../../src/timekeeper.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const START_MS = Date.UTC(2026, 10, 21, 12)
const CONFIG: HistoryConfig = { keepMs: 6 * HOUR_MS, stepMs: MINUTE_MS, topics: [{ filter: 'site/+/level', fields: [] }, { filter: 'zigbee/+', fields: ['temperature', 'battery.voltage'] }], seriesMax: 20, bytesMax: 1_000_000 }

/** A ring that fails when it is told to. */
class FaultyRing implements Ring {
  readonly memory = new MemoryRing()
  readonly batches: RingBatch[] = []
  opened = 0
  fault: RingFault | null = null

  async open(bytesMax: number) {
    this.opened++
    this.#check()
    return this.memory.open(bytesMax)
  }

  async write(batch: RingBatch) {
    this.#check()
    this.batches.push(batch)
    return this.memory.write(batch)
  }

  async read(series: readonly number[], first: number, last: number) {
    this.#check()
    return this.memory.read(series, first, last)
  }

  #check(): void {
    if (this.fault !== null) throw new RingError(this.fault, 'so it was told')
  }
}

interface LifeOptions {
  readonly config?: Partial<HistoryConfig>
  readonly wallMs?: number
  readonly isSynced?: boolean
  readonly boot?: string
  readonly figures?: readonly Figure[]
}

const CLIENTS: Figure = { name: 'clients', unit: null, read: () => 3 }

/** A gateway's life: a process, or a start of the machine. */
class Life {
  readonly clock = new FakeClock()
  readonly counters = new Counters()
  readonly said: string[] = []
  readonly history: History
  readonly timekeeper: Timekeeper
  isSynced = true
  readonly #takers = new Map<string, (message: Message) => void>()

  constructor(ring: Ring, numbers: Map<string, number>, { config = {}, wallMs = START_MS, isSynced = true, boot = 'aaaaaaaa', figures = [] }: LifeOptions = {}) {
    const { clock, counters } = this
    this.isSynced = isSynced
    // A second into a minute since the machine was started, however long this one has been.
    clock.advance(MINUTE_MS + 1000 - ((clock.now() + bootOffsetMs) % MINUTE_MS))
    clock.wallOffsetMs = wallMs - clock.now()
    this.timekeeper = new Timekeeper(clock, { boot, isSynced: () => this.isSynced }, { all: numbers, get: (key) => numbers.get(key), set: (key, value) => void numbers.set(key, value), delete: (key) => void numbers.delete(key) })
    this.timekeeper.start()
    const log = { info: (_: object, text: string) => void this.said.push(text), warn: (_: object, text: string) => void this.said.push(text) }
    this.history = new History({ ...CONFIG, ...config }, {
      clock,
      log,
      counters,
      ring,
      figures,
      storedNow: () => this.timekeeper.storedNow(),
      wallOf: (storedMs) => {
        const { wallMs: ms, isSynced: isKnown, sinceBoot } = this.timekeeper.ofStored(storedMs)
        return isKnown || sinceBoot?.boot === boot ? ms : null
      },
      subscribe: (filter, take) => void this.#takers.set(filter, take),
    })
    this.history.start()
  }

  tell(value: number, sensor = 'tank'): void {
    const reading: Reading = { values: [{ name: 'level', value, unit: 'cm', isInRange: true }], quality: 'good', atMs: this.clock.now() }
    this.history.onReading(sensor, reading, makeMessage('t', ''))
  }

  publish(filter: string, topic: string, payload: string): void {
    this.#takers.get(filter)!(makeMessage(topic, payload))
  }

  /** A value at the beginning of each minute: `from`, `from` + 1 … */
  async minutes(count: number, from = 0): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.tell(from + i)
      this.clock.advance(MINUTE_MS)
      await settle()
    }
  }

  async means(id: string, forSec: number, points = 1000): Promise<(number | null)[]> {
    return [...(await this.history.charts([id], forSec * 1000, points))!.series[0]!.mean]
  }

  /** Each value of the series with its minute, counted from START_MS. */
  async placed(id = 'sensor/tank/level', forMs = 6 * HOUR_MS): Promise<[minute: number, mean: number][]> {
    const { at, mean } = (await this.history.charts([id], forMs, 10_000))!.series[0]!
    return at.flatMap((sec, i) => (mean[i] === null ? [] : [[(sec * 1000 - START_MS) / MINUTE_MS, mean[i]!] as [number, number]]))
  }
}

const run = (count: number, minute: number, from: number): [number, number][] => Array.from({ length: count }, (_, i) => [minute + i, from + i])

let ring: FaultyRing
let numbers: Map<string, number>

beforeEach(() => {
  ring = new FaultyRing()
  numbers = new Map()
})

describe('what is collected', () => {
  test('a sensor’s values, with their units; no texts, and nothing that was told before', async () => {
    const life = new Life(ring, numbers)
    const values = [{ name: 'level', value: 7, unit: 'cm', isInRange: true }, { name: 'state', value: 'ok', unit: null, isInRange: true }, { name: 'gone', value: null, unit: null, isInRange: true }]
    life.history.onReading('tank', { values, quality: 'good', atMs: 0 }, makeMessage('t', ''))
    life.history.onReading('tank', { values: [{ ...values[0]!, value: 99 }], quality: 'stale', atMs: 0 }, makeMessage('t', ''))
    expect(await life.history.list()).toEqual([{ id: 'sensor/tank/level', source: 'sensor', topic: null, unit: 'cm', last: { atMs: life.clock.now(), value: 7 } }])
  })

  test('a sensor’s payload, where nobody has named its values', async () => {
    const life = new Life(ring, numbers)
    life.history.onReading('demo', null, makeMessage('t', '{"value":1.5,"time":null,"sequence":3}'))
    expect((await life.history.list()).map(({ id }) => id)).toEqual(['sensor/demo/value'])
  })

  test('topics: numbers, and fields of JSON', async () => {
    const life = new Life(ring, numbers)
    life.publish('site/+/level', 'site/a/level', '12.5')
    life.publish('zigbee/+', 'zigbee/door', '{"temperature":21,"battery":{"voltage":3.1},"humidity":50}')
    expect(await life.history.list()).toMatchObject([
      { id: 'topic/site/a/level', source: 'topic', topic: 'site/a/level', unit: null, last: { value: 12.5 } },
      { id: 'topic/zigbee/door#battery.voltage', source: 'topic', topic: 'zigbee/door', last: { value: 3.1 } },
      { id: 'topic/zigbee/door#temperature', source: 'topic', topic: 'zigbee/door', last: { value: 21 } },
    ])
  })

  test('a topic that tells no numbers is named once', () => {
    const life = new Life(ring, numbers)
    for (const text of ['on', 'off']) life.publish('site/+/level', 'site/a/level', text)
    life.publish('zigbee/+', 'zigbee/door', '{"contact":true}')
    expect(life.said).toEqual(['a message of history.topics is no number: name the `fields` of JSON', 'a message of history.topics has none of its `fields`'])
  })

  test('the gateway’s figures, once a step', async () => {
    const life = new Life(ring, numbers, { figures: [CLIENTS] })
    await life.clock.advanceAsync(3 * MINUTE_MS)
    expect(await life.means('gateway/clients', 240)).toEqual([3, 3, 3, null])
  })

  test('of each step all values', async () => {
    const life = new Life(ring, numbers)
    for (const value of [3, 9, 6]) life.tell(value)
    expect(await life.history.charts(['sensor/tank/level'], 120_000, 10)).toEqual({
      stepSec: 60,
      endsAtMs: START_MS + MINUTE_MS,
      series: [{ id: 'sensor/tank/level', at: [START_MS / 1000 - 60, START_MS / 1000], mean: [null, 6], min: [null, 3], max: [null, 9] }],
    })
  })

  test('series beyond the most there may be are left out, counted, and told of once', async () => {
    const life = new Life(ring, numbers, { config: { seriesMax: 3 } })
    for (const sensor of ['a', 'b', 'c', 'd', 'e']) life.tell(1, sensor)
    life.tell(2, 'a')
    expect((await life.history.list()).map(({ id, last }) => [id, last?.value])).toEqual([['sensor/a/level', 2], ['sensor/b/level', 1], ['sensor/c/level', 1]])
    expect(life.counters.historyValuesLeftOut).toBe(2)
    expect(life.said).toEqual(['the history has no room for another series: see history.maxSeries'])
  })
})

describe('rates', () => {
  test('are what a total has grown by, in their own unit; nothing is known the first time', () => {
    let received = 100
    let bytes = 0
    const all = figuresOf({ clients: () => 2, received: () => received, queued: () => 5, storeBytes: () => 9, temperatureC: () => 51.5, uplinks: [{ name: 'cloud', queued: () => 4, bytes: () => bytes }] })
    const at = (nowMs: number) => Object.fromEntries(all.map(({ name, read }) => [name, read(nowMs)]))
    expect(at(1000)).toEqual({ clients: 2, 'messages-per-second': null, queued: 5, 'store-bytes': 9, temperature: 51.5, 'uplink/cloud/queued': 4, 'uplink/cloud/bytes-per-minute': null })
    received += 600
    bytes += 3000
    expect(at(61_000)).toMatchObject({ 'messages-per-second': 10, 'uplink/cloud/bytes-per-minute': 3000 })
    expect(at(91_000)).toMatchObject({ 'messages-per-second': 0, 'uplink/cloud/bytes-per-minute': 0 })
  })
})

describe('on flash', () => {
  test('nothing is opened, and nothing written, before a block is full; then once in a quarter of an hour', async () => {
    const life = new Life(ring, numbers)
    await life.minutes(14)
    expect([ring.opened, ring.batches.length]).toEqual([0, 0])
    await life.minutes(60 - 14, 14)
    expect([ring.opened, ring.batches.map(({ blocks }) => blocks.map(({ steps }) => steps))]).toEqual([1, [[15], [15], [15], [15]]])
    expect(await life.placed()).toEqual(run(60, 0, 0))
  })

  test('a restart goes on where it was; what was there before is there before anything is told', async () => {
    const first = new Life(ring, numbers)
    await first.minutes(20)
    await first.history.stop()
    const second = new Life(ring, numbers, { wallMs: START_MS + 30 * MINUTE_MS })
    expect(await second.history.list()).toEqual([{ id: 'sensor/tank/level', source: 'sensor', topic: null, unit: 'cm', last: null }])
    await second.minutes(20, 100)
    expect(await second.placed()).toEqual([...run(20, 0, 0), ...run(20, 30, 100)])
  })

  test('a stop in the middle of a step writes that too', async () => {
    const life = new Life(ring, numbers)
    await life.minutes(2)
    life.tell(7)
    await life.clock.advanceAsync(20_000)
    await life.history.stop()
    expect(ring.batches.map(({ blocks }) => blocks.map(({ steps }) => steps))).toEqual([[3]])
    expect(await new Life(ring, numbers, { wallMs: START_MS + 3 * MINUTE_MS }).placed()).toEqual([[0, 0], [1, 1], [2, 7]])
  })

  test('a stop before anything was told writes nothing, and opens nothing', async () => {
    const life = new Life(ring, numbers)
    await life.clock.advanceAsync(10_000)
    await life.history.stop()
    expect([ring.opened, ring.batches]).toEqual([0, []])
    life.tell(1)
    expect(await life.history.list()).toEqual([])
  })

  test('a power cut takes what was not written, and no more', async () => {
    const life = new Life(ring, numbers)
    await life.minutes(40)
    expect(await new Life(ring, numbers, { wallMs: START_MS + 40 * MINUTE_MS }).placed()).toEqual(run(30, 0, 0))
  })

  test('as much as is to be kept is kept, and hardly more', async () => {
    const life = new Life(ring, numbers)
    await life.minutes(20 * 60)
    expect(await life.placed('sensor/tank/level', 24 * HOUR_MS)).toEqual(run(6 * 60, 14 * 60, 14 * 60))
    const { blocks } = await ring.memory.open(1e6)
    expect(blocks.reduce((sum, { steps }) => sum + steps, 0)).toBe(6 * 60)
  })

  test('short runs of the gateway do not shorten what is kept', async () => {
    let life = new Life(ring, numbers)
    for (let n = 0; n < 60; n++) {
      await life.minutes(10, n * 10)
      await life.history.stop()
      life = new Life(ring, numbers, { wallMs: START_MS + (n + 1) * 10 * MINUTE_MS })
    }
    expect(await life.placed()).toEqual(run(6 * 60 - 1, 4 * 60 + 1, 4 * 60 + 1))
  })

  test('a series that is silent for longer than that is forgotten, its place is another’s, with nothing of before in it', async () => {
    const life = new Life(ring, numbers, { config: { seriesMax: 2 } })
    life.tell(5, 'old')
    await life.minutes(5 * 60)
    expect((await life.history.list()).map(({ id }) => id)).toEqual(['sensor/old/level', 'sensor/tank/level'])
    life.tell(5, 'new')
    expect(life.counters.historyValuesLeftOut).toBeGreaterThan(0)
    await life.minutes(4 * 60, 300)
    life.tell(6, 'new')
    expect((await life.history.list()).map(({ id }) => id)).toEqual(['sensor/new/level', 'sensor/tank/level'])
    await life.minutes(20)
    expect(await life.placed('sensor/new/level')).toEqual([[540, 6]])
    expect((await ring.memory.open(1e6)).series.map(({ id }) => id).sort()).toEqual(['sensor/new/level', 'sensor/tank/level'])
  })

  test('after a restart who was silent since makes room for who tells something', async () => {
    const first = new Life(ring, numbers, { config: { seriesMax: 3 } })
    first.tell(1, 'a')
    first.tell(1, 'b')
    await first.history.stop()
    const second = new Life(ring, numbers, { wallMs: START_MS + MINUTE_MS, config: { seriesMax: 3 } })
    await second.history.list()
    for (const sensor of ['b', 'c', 'd']) second.tell(2, sensor)
    expect((await second.history.list()).map(({ id }) => id)).toEqual(['sensor/b/level', 'sensor/c/level', 'sensor/d/level'])
    expect(second.counters.historyValuesLeftOut).toBe(0)
    await second.history.stop()
    const { series } = await ring.memory.open(1e6)
    expect(new Set(series.map(({ number }) => number)).size).toBe(3)
    expect(series.map(({ id }) => id).sort()).toEqual(['sensor/b/level', 'sensor/c/level', 'sensor/d/level'])
  })

  test('another step from the next start on: both are shown', async () => {
    const first = new Life(ring, numbers)
    await first.minutes(30)
    await first.history.stop()
    const second = new Life(ring, numbers, { wallMs: START_MS + 30 * MINUTE_MS, config: { stepMs: 5 * MINUTE_MS } })
    await second.minutes(30, 30)
    const { mean, min, max } = (await second.history.charts(['sensor/tank/level'], HOUR_MS, 6))!.series[0]!
    expect([min, mean, max]).toEqual([[10, 20, 30, 40, 50, null], [14.5, 24.5, 34.5, 44.5, 54.5, null], [19, 29, 39, 49, 59, null]])
  })
})

describe('when the ring fails', () => {
  test.each(['full', 'failed', 'damaged'] as const)('%s: told once, the last hour stays in memory, and is written when it is well again', async (fault) => {
    const life = new Life(ring, numbers)
    ring.fault = fault
    await life.minutes(45)
    expect(life.said).toHaveLength(1)
    expect(life.said[0]).toMatch(/^the history on the card cannot be read or written/)
    ring.fault = null
    expect(await life.placed()).toEqual(run(45, 0, 0))
    await life.minutes(15, 45)
    expect(life.said[1]).toBe('the history is kept again')
    expect(await new Life(ring, numbers, { wallMs: START_MS + HOUR_MS }).placed()).toEqual(run(60, 0, 0))
    expect(life.counters.historyStepsLost).toBe(0)
  })

  test('what memory has no room for is lost and counted', async () => {
    const life = new Life(ring, numbers)
    ring.fault = 'full'
    await life.minutes(6 * 15)
    ring.fault = null
    expect(life.counters.historyStepsLost).toBe(2 * 15)
    expect(await life.placed()).toEqual(run(60, 30, 30))
  })

  test('an answer that needs what cannot be read is refused, the next one has what there is', async () => {
    const life = new Life(ring, numbers)
    await life.minutes(20)
    ring.fault = 'damaged'
    await expect(life.placed()).rejects.toThrow('so it was told')
    expect(await life.placed()).toEqual(run(5, 15, 15))
    ring.fault = null
    expect(await life.placed()).toEqual(run(20, 0, 0))
  })

  test('a stop ends all the same', async () => {
    const life = new Life(ring, numbers)
    life.tell(1)
    ring.fault = 'failed'
    await life.history.stop()
    expect(life.said).toHaveLength(1)
  })
})

describe('the clock', () => {
  test('steps begin at whole minutes, whenever the gateway was started', async () => {
    const life = new Life(ring, numbers, { wallMs: START_MS + 47_000 })
    life.tell(1)
    await life.clock.advanceAsync(13_000)
    life.tell(2)
    expect(await life.placed()).toEqual([[1, 1.5]]) // too little was left of the minute before
    const other = new Life(new MemoryRing(), new Map(), { wallMs: START_MS + 20_000 })
    other.tell(1)
    await other.clock.advanceAsync(40_000)
    other.tell(2)
    expect(await other.placed()).toEqual([[0, 1], [1, 2]])
  })

  test('what was recorded before it was set is put where it belongs, in memory and on flash', async () => {
    const life = new Life(ring, numbers, { wallMs: 5000, isSynced: false })
    await life.minutes(20)
    expect((await life.placed()).length).toBe(20) // by the clock as it is
    life.clock.wallOffsetMs = START_MS + 20 * MINUTE_MS - life.clock.now()
    life.isSynced = true
    await life.minutes(20, 20)
    expect(await life.placed()).toEqual(run(40, 0, 0))
  })

  test('of a start of the machine whose time nobody knows any more nothing is shown; of one that is known by now, all', async () => {
    const first = new Life(ring, numbers, { wallMs: 5000, isSynced: false, boot: 'aaaaaaaa' })
    await first.minutes(16)
    await first.history.stop()
    const second = new Life(ring, numbers, { wallMs: START_MS, boot: 'bbbbbbbb' })
    await second.minutes(3, 100)
    expect(await second.placed()).toEqual(run(3, 0, 100))
    numbers.set('clock/aaaaaaaa', START_MS - HOUR_MS - bootOffsetMs)
    const known = (await second.placed()).map(([, mean]) => mean)
    expect(known).toEqual([...Array.from({ length: 16 }, (_, i) => i), 100, 101, 102])
  })

  test.each([['forth', 3 * HOUR_MS], ['back', -3 * HOUR_MS], ['back by a minute', -MINUTE_MS]])('set %s: what comes is at the new time, what was stays at the old one', async (_, jumpMs) => {
    const life = new Life(ring, numbers)
    await life.minutes(5)
    life.clock.wallOffsetMs += jumpMs
    await life.minutes(1, 5) // belongs to the step that had begun
    await life.minutes(4, 6)
    const shift = jumpMs / MINUTE_MS
    const later = Math.max(START_MS, START_MS + jumpMs)
    life.clock.wallOffsetMs = later + HOUR_MS - life.clock.now()
    const placed = new Map(await life.placed('sensor/tank/level', 6 * HOUR_MS))
    expect(placed.get(0)).toBe(0)
    expect(placed.get(9 + shift)).toBe(9)
  })

  test('a clock that is set again and again ends blocks early, and writes no more often than every third time', async () => {
    const life = new Life(ring, numbers)
    for (let n = 0; n < 30; n++) {
      life.clock.wallOffsetMs += n % 2 === 0 ? HOUR_MS : -HOUR_MS
      await life.minutes(1, n)
    }
    expect(ring.batches.length).toBeLessThanOrEqual(10)
    expect(life.counters.historyStepsLost).toBe(0)
  })

  test('a date that was years ahead for an hour takes nothing away', async () => {
    const life = new Life(ring, numbers)
    await life.minutes(60)
    life.clock.wallOffsetMs += 10 * 365 * 24 * HOUR_MS
    await life.minutes(60, 60)
    life.clock.wallOffsetMs -= 10 * 365 * 24 * HOUR_MS
    await life.minutes(60, 120)
    const placed = await life.placed()
    expect(placed.filter(([minute]) => minute < 59)).toEqual(run(59, 0, 0))
    expect(placed.at(-1)).toEqual([179, 179])
  })

  test('a process that stood still has a gap there', async () => {
    const life = new Life(ring, numbers)
    await life.minutes(3)
    life.clock.standStill(30 * MINUTE_MS)
    life.clock.advance(0)
    await life.minutes(3, 50)
    expect(await life.placed()).toEqual([...run(3, 0, 0), ...run(3, 33, 50)])
  })
})

describe('charts', () => {
  test('one that waits too long in a row of them is refused', async () => {
    const life = new Life(ring, numbers)
    life.tell(1)
    const all = await Promise.all(Array.from({ length: 20 }, () => life.history.charts(['sensor/tank/level'], HOUR_MS, 10)))
    expect(all.filter((chart) => chart === null)).toHaveLength(4)
    expect(await life.history.charts(['sensor/tank/level'], HOUR_MS, 10)).not.toBeNull()
  })

  test('what becomes a block, and is written, while it is read is there once', async () => {
    const life = new Life(ring, numbers)
    await life.minutes(44)
    life.tell(44)
    const asked = life.placed()
    life.clock.advance(MINUTE_MS)
    const now = await asked
    expect(now).toEqual(run(45, 0, 0))
    await settle()
    expect(await life.placed()).toEqual(run(45, 0, 0))
  })

  test('the same series twice is there once, and one that is not there is empty', async () => {
    const life = new Life(ring, numbers)
    life.tell(1)
    const { series } = (await life.history.charts(['sensor/tank/level', 'sensor/tank/level', 'gateway/none'], 120_000, 10))!
    expect(series).toMatchObject([{ id: 'sensor/tank/level', mean: [null, 1] }, { id: 'gateway/none', mean: [null, null] }])
  })
})
