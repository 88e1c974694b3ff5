// When the sentences of one moment become a reading.
import { expect, test } from 'vitest'
import { Epochs, QUIET_MS, SECOND_MS } from '../../../../src/sensors/nmea/epoch.ts'
import type { Fields } from '../../../../src/sensors/sensor.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

function make() {
  const clock = new FakeClock()
  const startMs = clock.now()
  const given: { readonly fields: Fields; readonly atMs: number }[] = []
  const epochs = new Epochs(clock, (fields, atMs) => void given.push({ fields: { ...fields }, atMs: atMs - startMs }))
  return { clock, epochs, given }
}

test('sentences of a moment are one reading, when a quiet follows, with the time of the first', () => {
  const { clock, epochs, given } = make()
  clock.advance(100)
  epochs.add({ latitude: 1 }, '101500')
  clock.advance(QUIET_MS - 1)
  epochs.add({ speed: 2 }, null)
  clock.advance(QUIET_MS - 1)
  epochs.add({ latitude: 3, course: 4 }, '101500')
  expect(given).toEqual([])
  clock.advance(QUIET_MS)
  expect(given).toEqual([{ fields: { latitude: 3, speed: 2, course: 4 }, atMs: 100 }])
  clock.advance(60_000)
  expect([given.length, clock.pending]).toEqual([1, 0])
})

test('another moment ends one without a quiet', () => {
  const { clock, epochs, given } = make()
  for (const time of ['1', '2', '3']) {
    epochs.add({ latitude: Number(time) }, time)
    epochs.add({ speed: 9 }, null)
    clock.advance(100)
  }
  expect(given.map(({ fields }) => fields)).toEqual([{ latitude: 1, speed: 9 }, { latitude: 2, speed: 9 }])
  epochs.close()
  expect(given.at(-1)!.fields).toEqual({ latitude: 3, speed: 9 })
  expect(clock.pending).toBe(0)
})

test('what comes after its moment was given out waits a second, or for the next moment', () => {
  const { clock, epochs, given } = make()
  epochs.add({ latitude: 1 }, '1')
  clock.advance(QUIET_MS)
  epochs.add({ speed: 5 }, '1')
  clock.advance(500)
  expect(given).toHaveLength(1)
  epochs.add({ latitude: 2 }, '2')
  clock.advance(QUIET_MS)
  expect(given.map(({ fields }) => fields)).toEqual([{ latitude: 1 }, { speed: 5, latitude: 2 }])
  epochs.add({ speed: 6 }, '2')
  clock.advance(SECOND_MS)
  expect(given.at(-1)!.fields).toEqual({ speed: 6 })
})

test('an instrument without a time: a reading a second at most', () => {
  const { clock, epochs, given } = make()
  for (let i = 0; i < 100; i++) {
    epochs.add({ depth: i }, null)
    clock.advance(QUIET_MS + 50)
  }
  clock.advance(SECOND_MS)
  expect(given.length).toBeGreaterThanOrEqual(25)
  expect(given.length).toBeLessThanOrEqual(31)
  expect(given.at(-1)!.fields).toEqual({ depth: 99 })
})
