// Failed logins of an address: how long a refusal waits, when nothing is looked at any more, and what is forgotten.
import { describe, expect, test } from 'vitest'
import { Throttle } from '../../../src/access/throttle.ts'
import { Counters } from '../../../src/counters.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function make() {
  const [clock, counters] = [new FakeClock(), new Counters()]
  return { clock, counters, throttle: new Throttle(clock, counters) }
}

/** One failure after the other, each answered before the next. */
function fail(throttle: Throttle, address: string, count: number): number[] {
  return Array.from({ length: count }, () => {
    const delayMs = throttle.failed(address)
    throttle.answered(address)
    return delayMs
  })
}

const DELAYS = [0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000]

describe('the answer waits', () => {
  test.each(['10.0.0.1', '2001:db8::1', '127.0.0.1', '::1', ''])('of %j: the first ones not, then twice as long each time, up to 8 s', (address) => {
    const { throttle, counters } = make()
    expect(fail(throttle, address, DELAYS.length)).toEqual(DELAYS)
    expect(counters.delayedLogins).toBe(8)
    expect(fail(throttle, address, 2000).at(-1)).toBe(8000)
  })

  test('others are not concerned; an IPv4 address is one address, however the socket names it', () => {
    const { throttle } = make()
    fail(throttle, '10.0.0.1', 9)
    expect(throttle.failed('10.0.0.2')).toBe(0)
    expect(throttle.failed('::ffff:10.0.0.1')).toBe(8000)
  })

  test('the quiet time begins with the last failure', () => {
    const { throttle, clock } = make()
    fail(throttle, '10.0.0.1', 9)
    clock.advance(599_000)
    expect(fail(throttle, '10.0.0.1', 1)).toEqual([8000])
    clock.advance(599_000)
    expect(fail(throttle, '10.0.0.1', 1)).toEqual([8000])
    clock.advance(600_000)
    expect(fail(throttle, '10.0.0.1', DELAYS.length)).toEqual(DELAYS)
  })
})

describe('nothing more is looked at', () => {
  test('while sixteen refusals of the address wait', () => {
    const { throttle } = make()
    for (let i = 0; i < 16; i++) {
      expect(throttle.admit('10.0.0.1')).toBe(true)
      throttle.failed('10.0.0.1')
    }
    expect(throttle.admit('10.0.0.1')).toBe(false)
    expect(throttle.admit('::ffff:10.0.0.1')).toBe(false)
    expect(throttle.admit('10.0.0.2')).toBe(true)
    throttle.answered('10.0.0.1')
    expect(throttle.admit('10.0.0.1')).toBe(true)
  })

  test('an answer that was not awaited makes no room', () => {
    const { throttle } = make()
    for (let i = 0; i < 20; i++) throttle.answered('10.0.0.1')
    for (let i = 0; i < 16; i++) throttle.failed('10.0.0.1')
    expect(throttle.admit('10.0.0.1')).toBe(false)
  })
})

test('all of the 64 bits that one IPv6 site has are one address', () => {
  const { throttle } = make()
  for (const address of ['2001:db8::1', '2001:db8:0:0:1:2:3:4', '2001:db8::ffff:0:1', '2001:db8:0:0::']) fail(throttle, address, 4)
  expect(throttle.size).toBe(1)
  expect(fail(throttle, '2001:db8:0:1::1', 1)).toEqual([0])
  expect(fail(throttle, '::1', 1)).toEqual([0])
  expect(throttle.size).toBe(3)
})

describe('memory', () => {
  test('an address that was quiet is forgotten when another one fails', () => {
    const { throttle, clock } = make()
    for (let i = 0; i < 100; i++) fail(throttle, `10.0.0.${i}`, 1)
    expect(throttle.size).toBe(100)
    clock.advance(600_000)
    fail(throttle, '10.0.1.1', 1)
    expect(throttle.size).toBe(1)
  })

  test('an attacker with many addresses fills nothing; the quietest is forgotten first', () => {
    const { throttle } = make()
    fail(throttle, '10.0.0.1', 9)
    fail(throttle, '10.0.0.2', 9)
    for (let i = 0; i < 4000; i++) fail(throttle, `2001:db8:0:${i.toString(16)}::1`, 1)
    expect(fail(throttle, '10.0.0.2', 1)).toEqual([8000])
    for (let i = 0; i < 4000; i++) fail(throttle, `2001:db9:0:${i.toString(16)}::1`, 1)
    expect(throttle.size).toBe(4096)
    expect(fail(throttle, '10.0.0.2', 1)).toEqual([8000])
    expect(fail(throttle, '10.0.0.1', 1)).toEqual([0])
  })

  test('one whose refusals wait is kept', () => {
    const { throttle } = make()
    for (let i = 0; i < 16; i++) throttle.failed('10.0.0.1')
    for (let i = 0; i < 10_000; i++) fail(throttle, `2001:db8::${i}`, 1)
    expect(throttle.admit('10.0.0.1')).toBe(false)
  })
})
