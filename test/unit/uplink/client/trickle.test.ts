// What a slow link is given, and when; and what the handshakes say of it.
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { Sink } from '../../../../src/session/outbox.ts'
import { FirstGuess } from '../../../../src/uplink/client/first-guess.ts'
import { Trickle } from '../../../../src/uplink/client/trickle.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

class Kernel implements Sink {
  readonly writes: { readonly atMs: number; readonly bytes: Buffer }[] = []
  writableLength = 0
  takes = true
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  write(bytes: Uint8Array): boolean {
    this.writes.push({ atMs: this.#clock.now(), bytes: Buffer.from(bytes) })
    return this.takes
  }

  cork(): void {}

  uncork(): void {}
}

function bed(bytesPerSec: number | null) {
  const clock = new FakeClock()
  const kernel = new Kernel(clock)
  const link = { bytesPerSec }
  let drained = 0
  const trickle = new Trickle(kernel, { clock, bytesPerSec: () => link.bytesPerSec, drained: () => void drained++ })
  return { clock, kernel, link, trickle, drained: () => drained }
}

const LARGE = Buffer.from(Array.from({ length: 14_000 }, (_, i) => i & 255))

describe('a large write', () => {
  test.each([null, 8000, 1_000_000])('goes on as it is where the link carries %s bytes a second', (bytesPerSec) => {
    const { kernel, trickle, drained } = bed(bytesPerSec)
    expect(trickle.write(LARGE)).toBe(true)
    expect(kernel.writes.map(({ bytes }) => bytes.length)).toEqual([14_000])
    expect(drained()).toBe(0)
  })

  test('goes to a slow link in segments, at twice its rate, and is whole', () => {
    const { clock, kernel, trickle, drained } = bed(1200)
    const beganMs = clock.now()
    expect(trickle.write(LARGE)).toBe(false)
    expect(trickle.writableLength).toBe(14_000 - 1400)
    clock.advance(10_000)
    expect(Buffer.concat(kernel.writes.map(({ bytes }) => bytes))).toEqual(LARGE)
    expect(kernel.writes).toHaveLength(10)
    const lastMs = kernel.writes.at(-1)!.atMs - beganMs
    expect(lastMs).toBeGreaterThanOrEqual((9 * 1400 * 1000) / 2400)
    expect(lastMs).toBeLessThan((9 * 1400 * 1000) / 2400 + 20)
    expect(drained()).toBe(1)
    expect(trickle.writableLength).toBe(0)
  })

  test('of a link that turns out to be quick goes at once from then on', () => {
    const { clock, kernel, link, trickle } = bed(100)
    trickle.write(LARGE)
    link.bytesPerSec = 100_000
    clock.advance(7000) // the pause behind the first segment, which is over
    expect(kernel.writes.map(({ bytes }) => bytes.length)).toEqual([1400, 12_600])
  })
})

test('what comes meanwhile waits behind it, and small writes of a calm link do not wait', () => {
  const { clock, kernel, trickle } = bed(1200)
  expect(trickle.write(Buffer.from('first'))).toBe(true)
  clock.advance(1000)
  trickle.write(LARGE.subarray(0, 3000))
  trickle.write(Buffer.from('last'))
  clock.advance(5000)
  const all = Buffer.concat(kernel.writes.map(({ bytes }) => bytes))
  expect(all).toEqual(Buffer.concat([Buffer.from('first'), LARGE.subarray(0, 3000), Buffer.from('last')]))
})

test('a sink that wants no more is the one that says when it is drained', () => {
  const { clock, kernel, trickle, drained } = bed(1200)
  kernel.takes = false
  expect(trickle.write(LARGE)).toBe(false)
  clock.advance(20_000)
  expect(kernel.writes).toHaveLength(10)
  expect(drained()).toBe(0)
})

test('closed, it has written everything and leaves no timer', () => {
  const { clock, kernel, trickle } = bed(1200)
  trickle.write(LARGE)
  trickle.close()
  expect(Buffer.concat(kernel.writes.map(({ bytes }) => bytes))).toEqual(LARGE)
  clock.advance(60_000)
  expect(kernel.writes).toHaveLength(2)
})

describe('a first guess', () => {
  function handshake(bytesPerSec: number, roundTripMs: number) {
    const clock = new FakeClock()
    const socket = Object.assign(new EventEmitter(), { bytesRead: 0, bytesWritten: 0 })
    const guess = new FirstGuess(socket as unknown as Socket, clock)
    clock.advance(3000) // the name's lookup
    socket.emit('connectionAttempt')
    clock.advance(roundTripMs)
    socket.emit('connect')
    clock.advance(roundTripMs + (1400 * 1000) / bytesPerSec)
    Object.assign(socket, { bytesRead: 1190, bytesWritten: 210 })
    return guess
  }
  const stream = (version: string): Duplex => ({ getProtocol: () => version }) as unknown as Duplex

  test.each([
    [1200, 600],
    [30_000, 50],
    [125_000, 600],
  ])('of %d bytes a second and a round trip of %d ms is near', (bytesPerSec, roundTripMs) => {
    const guess = handshake(bytesPerSec, roundTripMs).of(stream('TLSv1.3'))!
    expect(guess.roundTripMs).toBe(roundTripMs)
    expect(guess.bytesPerSec / bytesPerSec).toBeGreaterThan(0.9)
    expect(guess.bytesPerSec / bytesPerSec).toBeLessThan(1.3)
  })

  test('is none where the first packet may have been lost', () => {
    expect(handshake(1200, 1000).of(stream('TLSv1.3'))).toBeNull()
  })

  test('is none where a handshake may have taken more than a round trip, or there was none', () => {
    const guess = handshake(1200, 600)
    expect(guess.of(stream('TLSv1.2'))).toBeNull()
    expect(guess.of({} as Duplex)).toBeNull()
  })
})
