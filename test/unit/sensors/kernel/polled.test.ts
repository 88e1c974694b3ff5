// When a device is read, and what is told of it, in virtual time at a device that obeys the test.
import { expect, test } from 'vitest'
import { type Gap, type KernelReading, NotThere } from '../../../../src/sensors/kernel/device.ts'
import { ReadGate, STUCK_MS } from '../../../../src/sensors/kernel/gate.ts'
import { GONE_AFTER, PolledSource } from '../../../../src/sensors/kernel/polled.ts'
import { FakeClock, settle } from '../../../support/fake-clock.ts'
import { SourceBed } from '../../../support/source-bed.ts'

const POLL_MS = 10_000
const UNREADABLE: Gap = { reason: 'unreadable', why: 'temp cannot be read: EIO' }

function make() {
  const clock = new FakeClock()
  const bed = new SourceBed(clock, 'air')
  const startedAtMs = clock.now()
  const { record, log } = bed
  const device = {
    there: true,
    folderIsThere: true,
    searches: 0,
    reads: 0,
    /** What a look gives; a promise that the test holds makes it hang. */
    look: (): KernelReading | Promise<KernelReading> => ({ fields: { temp: 21 }, gaps: [] }),
  }
  const find = async () => {
    device.searches++
    if (!device.there) throw new NotThere('no IIO device "bme280": there is ads1015')
    return {
      folder: '/sys/devices/air',
      isThere: () => Promise.resolve(device.folderIsThere),
      lane: 'i2c-1',
      units: { temp: '°C' },
      read: async () => {
        device.reads++
        return device.look()
      },
    }
  }
  const source = new PolledSource(POLL_MS, find, bed.deps, new ReadGate(clock))
  const seconds = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await clock.advanceAsync(1000)
      await rest()
    }
  }
  return { clock, record, taken: bed.taken, startedAtMs, log, device, source, seconds }
}

async function rest(): Promise<void> {
  for (let i = 0; i < 5; i++) await settle()
}

async function makeStarted() {
  const made = make()
  made.source.start()
  made.clock.advance(0)
  await rest()
  return made
}

test('it is read at start + n × poll, and found once', async () => {
  const { source, taken, device, seconds, record, log, startedAtMs } = await makeStarted()
  await seconds(35)
  expect(taken.map(({ atMs }) => atMs - startedAtMs)).toEqual([0, 10_000, 20_000, 30_000])
  expect(taken[0]).toMatchObject({ fields: { temp: 21 }, units: { temp: '°C' } })
  expect([device.searches, record.status]).toEqual([1, 'ok'])
  expect(log).toEqual(['info sensor "air" is read'])
  await source.stop()
})

test('nothing happens before start; start and stop may come twice, and stop ends it', async () => {
  const { source, device, seconds, clock } = make()
  await seconds(20)
  expect([device.searches, clock.pending]).toEqual([0, 0])
  source.start()
  source.start()
  await seconds(1)
  await Promise.all([source.stop(), source.stop()])
  source.start()
  await seconds(30)
  expect([device.reads, clock.pending]).toEqual([1, 0])
})

test('looks that fall due while one is under way, or while nothing could run, are counted as missed', async () => {
  const { device, seconds, record, taken, clock, source, startedAtMs } = await makeStarted()
  let answer = (_reading: KernelReading): void => {}
  device.look = () => new Promise((resolve) => (answer = resolve))
  await seconds(25)
  expect(record.snapshot.skipped.missed).toBe(1)
  answer({ fields: { temp: 22 }, gaps: [] })
  await rest()
  expect(taken.at(-1)).toMatchObject({ fields: { temp: 22 }, atMs: startedAtMs + 25_000 })
  device.look = () => ({ fields: { temp: 23 }, gaps: [] })
  clock.advance(0)
  await source.stop()
  expect(clock.pending).toBe(0)
})

test('a device that is not there is gone, with what is; it is tried again with back-off and comes by itself', async () => {
  const made = make()
  made.device.there = false
  made.source.start()
  await made.seconds(45)
  expect(made.record.snapshot).toMatchObject({ status: 'gone', lastError: 'no IIO device "bme280": there is ads1015', readings: 0 })
  expect(made.device.searches).toBe(6)
  expect(made.log).toEqual(['warn sensor "air" is gone: no IIO device "bme280": there is ads1015; it is tried again by itself'])
  made.device.there = true
  await made.seconds(31)
  expect(made.record.status).toBe('ok')
  expect(made.taken.length).toBeGreaterThan(0)
  await made.source.stop()
})

test('back-off: 1, 2, 4 … 30 s, whatever the poll', async () => {
  const { clock, device, source, record, taken } = make()
  device.there = false
  source.start()
  const triesAtSec: number[] = []
  for (let sec = 0; sec <= 180; sec++) {
    const before = device.searches
    await clock.advanceAsync(sec === 0 ? 0 : 1000)
    await rest()
    if (device.searches > before) triesAtSec.push(sec)
  }
  expect(triesAtSec).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121, 151])
  expect([record.status, taken]).toEqual(['gone', []])
  await source.stop()
})

test('a gap degrades, gives what there is, and is looked for anew; what is well again is ok', async () => {
  const { device, seconds, record, taken, source } = await makeStarted()
  device.look = () => ({ fields: { temp: null, pressure: 987 }, gaps: [{ reason: 'fault', why: 'temp has a fault' }] })
  await seconds(10)
  expect(record.snapshot).toMatchObject({ status: 'degraded', lastError: 'temp has a fault' })
  expect(record.snapshot.skipped.fault).toBe(1)
  expect(taken.at(-1)!.fields).toEqual({ temp: null, pressure: 987 })
  device.look = () => ({ fields: { temp: 20, pressure: 987 }, gaps: [] })
  await seconds(10)
  expect([record.status, device.searches]).toEqual(['ok', 2])
  await source.stop()
})

test('nothing readable: degraded, and gone after several times; nothing is taken', async () => {
  const { device, seconds, record, taken, source } = await makeStarted()
  device.look = () => ({ fields: { temp: null }, gaps: [UNREADABLE] })
  const statuses: string[] = []
  for (let i = 0; i < GONE_AFTER; i++) {
    await seconds(10)
    statuses.push(record.status)
  }
  expect(statuses).toEqual(['degraded', 'degraded', 'gone'])
  expect([taken.length, record.snapshot.skipped.unreadable]).toEqual([1, 3])
  device.look = () => ({ fields: { temp: 20 }, gaps: [] })
  await seconds(10)
  expect(record.status).toBe('ok')
  await source.stop()
})

test('nonsense is not gone: the chip is there', async () => {
  const { device, seconds, record, taken, source } = await makeStarted()
  device.look = () => ({ fields: { temp: null }, gaps: [{ reason: 'power-on', why: 'temp gives 85 °C' }] })
  await seconds(100)
  expect([record.status, record.snapshot.skipped['power-on'], taken.length]).toEqual(['degraded', 10, 1])
  await source.stop()
})

test('a folder that has gone is gone at once', async () => {
  const { device, seconds, record, source } = await makeStarted()
  device.folderIsThere = false
  device.there = false
  device.look = () => ({ fields: { temp: null }, gaps: [UNREADABLE] })
  await seconds(10)
  expect(record.snapshot).toMatchObject({ status: 'gone', lastError: expect.stringMatching(/^no IIO device/) as unknown })
  await source.stop()
})

test('a device without a channel is gone, and says so', async () => {
  const { device, seconds, record, source } = make()
  device.look = () => ({ fields: {}, gaps: [] })
  source.start()
  await seconds(1)
  expect(record.snapshot).toMatchObject({ status: 'gone', lastError: expect.stringMatching(/no channel that gives a value/) as unknown })
  await source.stop()
})

test('a read that hangs: gone with what to do; stop does not wait for it; a late answer is a reading', async () => {
  const { device, seconds, record, taken, source, clock } = await makeStarted()
  let answer = (_reading: KernelReading): void => {}
  device.look = () => new Promise((resolve) => (answer = resolve))
  await seconds(10 + STUCK_MS / 1000)
  expect(record.snapshot).toMatchObject({ status: 'gone', lastError: expect.stringMatching(/^the kernel does not answer a read/) as unknown })
  answer({ fields: { temp: 24 }, gaps: [] })
  await rest()
  expect([record.status, taken.at(-1)!.fields]).toEqual(['ok', { temp: 24 }])
  await seconds(10)
  const stopped = source.stop()
  await seconds(STUCK_MS / 1000)
  await stopped
  answer({ fields: { temp: 25 }, gaps: [] })
  await rest()
  expect(taken.at(-1)!.fields).toEqual({ temp: 24 })
  expect(clock.pending).toBe(0)
})

test('stop of a source that is known to hang is at once', async () => {
  const { device, seconds, source, record, clock } = await makeStarted()
  device.look = () => new Promise(() => {})
  await seconds(10 + STUCK_MS / 1000)
  expect(record.status).toBe('gone')
  await source.stop()
  expect(clock.pending).toBe(0)
})

test('stop waits for a read that answers', async () => {
  const { device, seconds, source, taken } = await makeStarted()
  let answer = (_reading: KernelReading): void => {}
  device.look = () => new Promise((resolve) => (answer = resolve))
  await seconds(10)
  let isStopped = false
  const stopped = source.stop().then(() => (isStopped = true))
  await rest()
  expect(isStopped).toBe(false)
  answer({ fields: { temp: 25 }, gaps: [] })
  await stopped
  expect(taken.map(({ fields }) => fields['temp'])).toEqual([21])
})
