// The model of what TCP does with what a socket is given.
import { describe, expect, test } from 'vitest'
import { lookupBytes, publishBytes, synCount, WireEstimate, wireShape } from '../../../../src/uplink/budget/wire-estimate.ts'

const SHAPE = wireShape('IPv4', true, 1000)
const HEADER = 52

/** Without the margin, in headers beside the payload. */
function headers(run: (estimate: WireEstimate) => number): number {
  const estimate = new WireEstimate(SHAPE)
  const payload = run(estimate)
  return (estimate.bytes / 1.04 - payload) / HEADER
}

test.each([
  ['IPv4', true, 52, 60], ['IPv4', false, 40, 52], ['IPv6', true, 72, 80], ['IPv6', false, 60, 72],
] as const)('%s, time stamps %s', (family, timestamps, headerBytes, synBytes) => {
  expect(wireShape(family, timestamps)).toMatchObject({ headerBytes, synBytes })
})

describe('acknowledgements', () => {
  test('a message alone costs itself and one', () => {
    expect(headers((e) => (e.sent(100, 0), 100))).toBeCloseTo(2)
  })

  test('an answer in time carries it, and gets one itself', () => {
    expect(headers((e) => (e.sent(100, 0), e.received(10, 30), 110))).toBeCloseTo(3)
  })

  test('an answer that is late by more than the first one was comes behind it', () => {
    expect(headers((e) => (e.sent(100, 0), e.received(10, 500), e.sent(100, 5000), e.received(10, 6000), 220))).toBeCloseTo(7)
  })

  test('what is sent at once after something came carries ours', () => {
    expect(headers((e) => (e.sent(100, 0), e.received(10, 30), e.sent(10, 31), e.received(10, 61), 130))).toBeCloseTo(5)
  })

  test('segments of a long message are acknowledged in pairs', () => {
    expect(headers((e) => (e.sent(10_000, 0), 10_000))).toBeCloseTo(10 + 5)
    expect(headers((e) => (e.sent(10_001, 0), 10_001))).toBeCloseTo(11 + 6)
  })

  test('two that follow each other share one', () => {
    expect(headers((e) => (e.sent(100, 0), e.sent(100, 10), 200))).toBeCloseTo(3)
    expect(headers((e) => (e.sent(100, 0), e.sent(100, 50), 200))).toBeCloseTo(4)
  })
})

test('a SYN goes again and again', () => {
  expect([0, 999, 1000, 5000, 20_000, 300_000].map(synCount)).toEqual([1, 1, 2, 6, 9, 12])
})

test('an attempt that was refused costs its SYN and a RST; one that nobody answers its SYNs', () => {
  const refused = new WireEstimate(SHAPE)
  refused.notOpened(30)
  expect(refused.bytes / 1.04).toBeCloseTo(60 + 52)
  const silent = new WireEstimate(SHAPE)
  silent.notOpened(20_000)
  expect(silent.bytes / 1.04).toBeCloseTo(9 * 60 + 52)
})

test('what nobody answered was sent again until the end', () => {
  const answered = headers((e) => (e.sent(100, 0), e.received(10, 30), e.ended(60_000), 110))
  const dead = headers((e) => (e.sent(500, 0), e.ended(60_000), 500))
  expect(answered).toBeCloseTo(3 + 4)
  expect(dead).toBeCloseTo(2 + 4 + 8 * (1 + 500 / HEADER))
})

test('after the kernel has been heard only what came after it is in it', () => {
  const estimate = new WireEstimate(SHAPE)
  estimate.sent(500, 0)
  estimate.restart(30_000)
  expect(estimate.bytes).toBe(0)
  estimate.ended(60_000)
  expect(estimate.bytes / 1.04).toBeCloseTo(4 * HEADER + 552) // sent again once since then
})

test('a name costs questions for both families and their answers', () => {
  expect(lookupBytes('broker.example.com')).toBe(2 * 64 + 2 * 112)
})

test('a message costs what settles it', () => {
  expect(publishBytes(250, 0, false)).toBe(250 + 52 + 52)
  expect(publishBytes(250, 1, false)).toBe(250 + 52 + 57 + 52)
  expect(publishBytes(250, 1, true)).toBe(272 + 52 + 79 + 52)
  expect(publishBytes(250, 2, true)).toBe(272 + 52 + 3 * 79 + 52)
  expect(publishBytes(16_000, 1, true)).toBe(16_022 + (12 + 6) * 52 + 79 + 52)
})
