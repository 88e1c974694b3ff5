// How much is on its way at a time: rules of the pacer by themselves, and how busy it keeps a link, and how empty its queue, over a table of links.
import { describe, expect, test } from 'vitest'
import { Pacer } from '../../../../src/uplink/client/pacer.ts'
import { PacedLink } from '../../../support/paced-link.ts'

describe('the window', () => {
  test('something may go when nothing is on its way, however large it is', () => {
    const pacer = new Pacer()
    pacer.wroteAnswerable(1, 1_000_000, 0)
    expect(pacer.open).toBe(false)
    pacer.answered(1, 100_000)
    expect(pacer.inFlight).toBe(0)
    expect(pacer.open).toBe(true)
  })

  test('one answer is an answer to all that was written before it, and with it', () => {
    const pacer = new Pacer()
    for (const [identifier, atMs] of [[1, 0], [2, 1], [3, 1], [4, 2]] as const) pacer.wroteAnswerable(identifier, 300, atMs)
    expect(pacer.inFlight).toBe(1200)
    pacer.answered(2, 10)
    expect(pacer.inFlight).toBe(300)
    pacer.answered(1, 11)
    pacer.answered(3, 11)
    expect(pacer.inFlight).toBe(300)
    pacer.answered(4, 12)
    expect(pacer.inFlight).toBe(0)
  })

  test('what nobody answers is counted with what comes after it', () => {
    const pacer = new Pacer()
    pacer.wrote(10_000)
    expect(pacer.open).toBe(true)
    pacer.wroteAnswerable(1, 100, 0)
    expect(pacer.open).toBe(false)
    expect(pacer.openForQos0).toBe(false)
    pacer.answered(1, 50)
    expect(pacer.openForQos0).toBe(true)
  })

  test('an answer to nothing changes nothing', () => {
    const pacer = new Pacer()
    pacer.wroteAnswerable(1, 100, 0)
    pacer.answered(7, 10)
    expect(pacer.inFlight).toBe(100)
  })

  test('a server that never answers is sent no more than the window', () => {
    const pacer = new Pacer()
    let bytes = 0
    for (let i = 1; pacer.open; i++) {
      pacer.wroteAnswerable(i, 10, 0)
      bytes += 10
    }
    expect(bytes).toBeLessThanOrEqual(4096 * (1 + 1 / 16))
  })

  test.each([
    ['a very slow link', 300, 900, 1400],
    ['a slow one', 1200, 600, 3120],
    ['a quick one', 125_000, 600, 14_000],
  ])('%s begins with what the handshake says of it', (_what, bytesPerSec, roundTripMs, windowBytes) => {
    const pacer = new Pacer()
    pacer.guess({ bytesPerSec, roundTripMs })
    expect(pacer.pace.windowBytes).toBe(windowBytes)
  })

  test('a link that is known begins with no less than half of what it carried, whatever the handshake says', () => {
    const pacer = new Pacer(100_000)
    pacer.guess({ bytesPerSec: 300, roundTripMs: 900 })
    expect(pacer.pace.windowBytes).toBe(50_000)
  })

  test('a link that is known begins with half of what it carried', () => {
    expect(new Pacer(100_000).pace.windowBytes).toBe(50_000)
    expect(new Pacer(100).pace.windowBytes).toBe(4096)
  })
})

/** Bytes a second, and the round trip in milliseconds. */
const LINKS = [
  [300, 100],
  [300, 2000],
  [1200, 1],
  [1200, 600],
  [1200, 2000],
  [7200, 300],
  [125_000, 1],
  [125_000, 50],
  [125_000, 600],
  [1_250_000, 50],
  [1_250_000, 600],
] as const
const SIZES = [60, 250, 1000, 16_000] as const

/** Seconds that something urgent may wait: a window and what was being sent when it came, and half as much again for what cannot be known exactly. */
function waitSecMax(bytesPerSec: number, roundTripMs: number, size: number): number {
  const roundTrip = roundTripMs / 1000
  const write = Math.max(size, Math.min(1400, 2 * bytesPerSec), Math.min(16_384, bytesPerSec / 100))
  return 1.5 * (Math.max(1.5 * roundTrip, roundTrip + (2 * write + size) / bytesPerSec) + write / bytesPerSec) + 0.1
}

describe.each(LINKS)('a link of %i bytes/s and %i ms', (bytesPerSec, roundTripMs) => {
  test.each(SIZES)('messages of %i bytes keep it busy, and something urgent does not wait behind a backlog', (size) => {
    const link = new PacedLink({ bytesPerSec, roundTripMs, sizes: [size], jitterMs: roundTripMs / 10 })
    link.run(20 * roundTripMs + 20_000 * ((size + 500) / bytesPerSec) + 1000)
    link.waits.length = 0
    expect(link.utilisation(bytesPerSec > 1e6 ? 10_000 : 60 * roundTripMs + 60_000 * (size / bytesPerSec) + 10_000)).toBeGreaterThan(0.9)
    expect(Math.max(...link.waits) / 1000).toBeLessThan(waitSecMax(bytesPerSec, roundTripMs, size))
  })
})

describe('a link that is not always the same', () => {
  test('messages of all sizes', () => {
    const link = new PacedLink({ bytesPerSec: 1200, roundTripMs: 600, sizes: [60, 60, 60, 300, 1000, 16_000] })
    link.run(60_000)
    expect(link.utilisation(600_000)).toBeGreaterThan(0.9)
    expect(Math.max(...link.waits) / 1000).toBeLessThan((2 * 16_000) / 1200 + 6)
  })

  test.each([0.25, 0.5])('acknowledgements that come late by up to %d round trips', (part) => {
    const link = new PacedLink({ bytesPerSec: 125_000, roundTripMs: 600, sizes: [100], jitterMs: 600 * part })
    link.run(20_000)
    expect(link.utilisation(60_000)).toBeGreaterThan(0.9)
  })

  test('ten times slower at once: no more is added to what is under way, and it goes on at the new rate', () => {
    const link = new PacedLink({ bytesPerSec: 125_000, roundTripMs: 600, sizes: [300] })
    link.run(30_000)
    link.bytesPerSec = 12_500
    link.run(30_000)
    expect(link.queuedSec).toBeLessThan(2)
    expect(link.utilisation(60_000)).toBeGreaterThan(0.9)
  })

  test('a hundred times faster: found within a dozen round trips', () => {
    const link = new PacedLink({ bytesPerSec: 1200, roundTripMs: 600, sizes: [300] })
    link.run(60_000)
    link.bytesPerSec = 125_000
    link.run(12 * 600)
    expect(link.utilisation(30_000)).toBeGreaterThan(0.9)
  })

  test('a pause in what there is to send is not taken for a slow link', () => {
    const link = new PacedLink({ bytesPerSec: 125_000, roundTripMs: 600, sizes: [300] })
    link.run(30_000)
    link.backlog = false
    link.run(300_000)
    link.backlog = true
    link.run(3000)
    expect(link.utilisation(30_000)).toBeGreaterThan(0.9)
  })

  test('what an earlier connection has learnt saves the start', () => {
    const cold = new PacedLink({ bytesPerSec: 125_000, roundTripMs: 600, sizes: [300] })
    cold.run(3000)
    const warm = new PacedLink({ bytesPerSec: 125_000, roundTripMs: 600, sizes: [300], windowBytes: 130_000 })
    warm.run(3000)
    expect(warm.delivered).toBeGreaterThan(1.5 * cold.delivered)
  })
})
