// What the history writes to the card, as the store's thread counts it: flash wears out, and an idle gateway is to write 1 MB an hour at most, all
// it does together. How much of that a disk sees, with its file system's journal, is measured by test/bench/history.bench.ts.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Counters } from '../../../src/counters.ts'
import { History } from '../../../src/history/history.ts'
import { makeMessage } from '../../../src/message.ts'
import { SqliteStore } from '../../../src/store/sqlite.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'

const HOURS = 12
const MINUTE_MS = 60_000
const NOTHING = makeMessage('t', '')

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'history-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Bytes in all that a store writes which is opened and closed again, and between the two has half a day of that many series. */
async function written(name: string, series: number, valueAt: (n: number, minute: number) => number): Promise<number> {
  const clock = new FakeClock()
  const store = new SqliteStore({ folder: join(folder, name), bytesMax: 1e9, clock })
  await store.open()
  const counters = new Counters()
  const history = new History({ keepMs: 48 * 3_600_000, stepMs: MINUTE_MS, topics: [], seriesMax: 200, bytesMax: 16e6 }, {
    clock, counters, ring: store.ring, figures: [], log: { info() {}, warn() {} }, storedNow: () => clock.wall(), wallOf: (storedMs) => storedMs, subscribe() {},
  })
  if (series > 0) history.start()
  const minutes = series > 0 ? HOURS * 60 : 0
  for (let minute = 0; minute < minutes; minute++) {
    for (let n = 0; n < series; n++) history.onReading(`s${n}`, { values: [{ name: 'v', value: valueAt(n, minute), unit: null, isInRange: true }], quality: 'good', atMs: 0 }, NOTHING)
    clock.advance(MINUTE_MS)
    if (minute % 15 !== 14) continue
    await settle()
    await store.ring.read([], 0, 0) // behind the block
  }
  await history.stop()
  await store.close()
  expect(counters.historyStepsLost).toBe(0)
  return store.bytesWritten
}

test.each<[string, number, (n: number, minute: number) => number, number]>([
  ['ten figures that hardly change', 10, (n, minute) => n + Math.floor(minute / 100), 30_000],
  ['a hundred readings', 100, (n, minute) => Math.round(200 + 50 * Math.sin(minute / 300 + n) + ((minute * 7919 + n * 104_729) % 13)) / 10, 100_000],
  ['a hundred values of noise', 100, (n, minute) => Math.sin(minute * 7919 + n), 250_000],
])('%s', async (_, series, valueAt, perHourMax) => {
  const perHour = ((await written('with', series, valueAt)) - (await written('without', 0, valueAt))) / HOURS
  expect(perHour).toBeGreaterThan(1000) // it was counted
  expect(perHour).toBeLessThanOrEqual(perHourMax)
  expect(statSync(join(folder, 'with/history.db')).size).toBeLessThanOrEqual(perHourMax * HOURS)
})
