// When reports go: by the clock, for a change that lasts, one at a time, and never for more bytes than a day has.
import { expect, test } from 'vitest'
import type { ReportConfig } from '../../../src/config/config.ts'
import { Counters } from '../../../src/counters.ts'
import type { Message } from '../../../src/message.ts'
import { publishSize } from '../../../src/mqtt/encode.ts'
import type { Outlet } from '../../../src/remote/outlet.ts'
import type { ReportSources } from '../../../src/remote/report.ts'
import { Reporter } from '../../../src/remote/reporter.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

class Bed implements Outlet {
  readonly clock = new FakeClock()
  readonly counters = new Counters()
  readonly values = new Map<string, number>()
  readonly sent: { readonly atMs: number; readonly message: Message; readonly bytes: number }[] = []
  /** Numbers up to this have left. */
  settled = Infinity
  alarm = false
  readonly #reporter: Reporter
  readonly #startedAtMs: number

  constructor(config: Partial<ReportConfig> = {}) {
    const numbers = { get: (key: string) => this.values.get(key), set: (key: string, value: number) => void this.values.set(key, value) }
    const { clock, counters } = this
    this.#reporter = new Reporter({ topic: 'up', everyMs: 15 * MINUTE_MS, dayBytesMax: 40_000, ...config }, { clock, counters, numbers, outlet: this, storedWallMs: () => clock.wall(), sources: () => this.#sources })
    this.#startedAtMs = clock.now()
    this.#reporter.start()
  }

  get minutes(): number[] {
    return this.sent.map(({ atMs }) => (atMs - this.#startedAtMs) / MINUTE_MS)
  }

  cost(message: Message): { largest: number; total: number } {
    const size = publishSize(message, 5, message.qos)
    return { largest: size, total: size }
  }

  publish(message: Message): number {
    this.sent.push({ atMs: this.clock.now(), message, bytes: this.cost(message).total })
    return this.sent.length
  }

  waits(topic: string, sequence: number): boolean {
    expect(topic).toBe('up')
    return sequence > this.settled
  }

  get #sources(): ReportSources {
    return {
      status: {
        version: '1', boot: '', site: 's', lastError: null, lights: { yellow: [], red: this.alarm ? ['alarms'] : [] }, alarms: this.alarm ? [{ name: 'hot', severity: 'critical', message: '', hint: '' }] : [], config: { source: 'file', digest: '', trouble: null }, broker: { listeners: [], clients: 0, probe: '' }, uplinks: [],
        store: { bytes: 0, bytesMax: 1, trouble: null }, sensors: [], time: { isSynced: true },
      },
      wallMs: this.clock.wall(), uplinks: [], committedAgoMs: null, upMs: this.clock.now(),
    }
  }
}

test('soon after the start, and then as often as is wanted, whether anything has changed or not', () => {
  const bed = new Bed()
  bed.clock.advance(HOUR_MS)
  expect(bed.minutes).toEqual([10 / 60, 15 + 10 / 60, 30 + 10 / 60, 45 + 10 / 60])
  for (const { message } of bed.sent) expect(message).toMatchObject({ qos: 1, retain: true, topic: { name: 'up' } })
})

test('a change that lasts comes before its time, and starts the clock anew', () => {
  const bed = new Bed()
  bed.clock.advance(5 * MINUTE_MS)
  bed.alarm = true
  bed.clock.advance(16 * MINUTE_MS)
  expect(bed.minutes.slice(1)).toEqual([5 + 15 / 60, 20 + 15 / 60])
  expect(JSON.parse(bed.sent[1]!.message.payload.toString())).toMatchObject({ l: 'r', a: ['hot'] })
})

test('a change right after a report waits a minute; what comes and goes is not told', () => {
  const bed = new Bed()
  bed.clock.advance(10_000)
  bed.alarm = true
  bed.clock.advance(2 * MINUTE_MS)
  expect(bed.minutes).toEqual([10 / 60, 70 / 60])
  for (let i = 0; i < 60; i++) {
    bed.alarm = !bed.alarm
    bed.clock.advance(5000)
  }
  expect(bed.sent).toHaveLength(2)
})

test('while one waits for the link no other is made; when it has gone, one of now follows', () => {
  const bed = new Bed()
  bed.settled = 0
  bed.clock.advance(10 * HOUR_MS)
  expect(bed.sent).toHaveLength(1)
  expect(bed.counters.delayedReports).toBe(1)
  bed.settled = 1
  bed.clock.advance(5000)
  expect(bed.sent).toHaveLength(2)
  bed.clock.advance(10 * HOUR_MS)
  expect(bed.sent).toHaveLength(2)
  expect(bed.counters.delayedReports).toBe(2)
})

test('never more bytes in any 24 hours than a day has, whatever changes', () => {
  const bed = new Bed({ everyMs: MINUTE_MS, dayBytesMax: 20_000 })
  for (let i = 0; i < 3 * 24 * 30; i++) {
    bed.alarm = i % 3 === 0
    bed.clock.advance(2 * MINUTE_MS)
  }
  let most = 0
  let sum = 0
  let from = 0
  for (const { atMs, bytes } of bed.sent) {
    sum += bytes
    while (bed.sent[from]!.atMs <= atMs - 24 * HOUR_MS) sum -= bed.sent[from++]!.bytes
    most = Math.max(most, sum)
  }
  expect(most).toBeLessThanOrEqual(20_000)
  expect(most).toBeGreaterThan(14_000)
  expect(bed.counters.delayedReports).toBeGreaterThan(10)
})

test('what may go at once is not spent by the clock alone: a change finds some of it', () => {
  const bed = new Bed({ everyMs: MINUTE_MS, dayBytesMax: 8000 })
  bed.clock.advance(6 * HOUR_MS)
  const before = bed.sent.length
  bed.alarm = true
  bed.clock.advance(16_000)
  expect(bed.sent).toHaveLength(before + 1)
  expect(JSON.parse(bed.sent.at(-1)!.message.payload.toString())).toMatchObject({ a: ['hot'] })
})
