import { describe, expect, test } from 'vitest'
import type { ListenerLimits } from '../../../src/config/config.ts'
import { Counters } from '../../../src/counters.ts'
import { Admission } from '../../../src/net/admission.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const NONE = { remote: Infinity, local: Infinity }

function make(limits: Partial<ListenerLimits>) {
  const [clock, counters] = [new FakeClock(), new Counters()]
  const unlimited = { connectionsMax: Infinity, connectionsPerAddressMax: NONE, connectionsPerMinuteMax: NONE }
  return { clock, counters, admission: new Admission(clock, { ...unlimited, ...limits } as ListenerLimits, counters) }
}

/** How many of `count` from `address` may come. */
function admitted(admission: Admission, address: string, count: number): number {
  let n = 0
  for (let i = 0; i < count; i++) if (admission.admit(address)) n++
  return n
}

describe('connections at once', () => {
  test('of the listener: all addresses together, and there is room again when one leaves', () => {
    const { admission, counters } = make({ connectionsMax: 3 })
    expect(['10.0.0.1', '10.0.0.2', '127.0.0.1', '10.0.0.3'].map((a) => admission.admit(a))).toEqual([true, true, true, false])
    expect(counters).toMatchObject({ refusedConnections: 1, refusedPerAddress: 0, connectionsRefused: 1 })
    admission.leave('10.0.0.2')
    expect(admission.admit('10.0.0.3')).toBe(true)
    expect(admission.admit('10.0.0.3')).toBe(false)
  })

  test('of one address: others are not concerned', () => {
    const { admission, counters } = make({ connectionsPerAddressMax: { remote: 2, local: Infinity } })
    expect(admitted(admission, '10.0.0.1', 5)).toBe(2)
    expect(admitted(admission, '10.0.0.2', 5)).toBe(2)
    expect(counters).toMatchObject({ refusedPerAddress: 6, refusedConnections: 0, connectionsRefused: 6 })
    admission.leave('10.0.0.1')
    expect(admitted(admission, '10.0.0.1', 5)).toBe(1)
  })

  test('one that was refused has taken no place, and its end frees none', () => {
    const { admission } = make({ connectionsPerAddressMax: { remote: 1, local: 1 } })
    admitted(admission, '10.0.0.1', 3)
    admission.leave('10.0.0.1')
    admission.leave('10.0.0.1')
    expect(admitted(admission, '10.0.0.1', 3)).toBe(1)
  })

  test('an IPv4 address is one address, however the socket names it', () => {
    const { admission } = make({ connectionsPerAddressMax: { remote: 1, local: Infinity } })
    expect(admission.admit('::ffff:10.0.0.1')).toBe(true)
    expect(admission.admit('10.0.0.1')).toBe(false)
    admission.leave('10.0.0.1')
    expect(admission.admit('::ffff:10.0.0.1')).toBe(true)
    expect(admission.admit('2001:db8::1')).toBe(true)
    expect(admission.admit('2001:db8::2')).toBe(true)
  })
})

describe('this machine', () => {
  test.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1', ''])('%j has limits of its own', (address) => {
    const spared = make({ connectionsPerAddressMax: { remote: 1, local: Infinity }, connectionsPerMinuteMax: { remote: 1, local: Infinity } })
    expect(admitted(spared.admission, address, 10_000)).toBe(10_000)
    const limited = make({ connectionsPerAddressMax: { remote: Infinity, local: 2 } })
    expect(admitted(limited.admission, address, 5)).toBe(2)
    const slowed = make({ connectionsPerMinuteMax: { remote: Infinity, local: 3 } })
    expect(admitted(slowed.admission, address, 5)).toBe(3)
  })

  test.each(['128.0.0.1', '10.127.0.0', '::2', '::ffff:1.127.0.1', '12700::1'])('%j is another one', (address) => {
    const { admission } = make({ connectionsPerAddressMax: { remote: 1, local: Infinity } })
    expect(admitted(admission, address, 5)).toBe(1)
  })
})

describe('new connections of one address', () => {
  test('so many in any minute, however short they are', () => {
    const { admission, counters, clock } = make({ connectionsPerMinuteMax: { remote: 5, local: Infinity } })
    const cycle = (count: number): number => {
      let n = 0
      for (let i = 0; i < count; i++) {
        if (!admission.admit('10.0.0.1')) continue
        n++
        admission.leave('10.0.0.1')
      }
      return n
    }
    expect(cycle(8)).toBe(5)
    expect(counters).toMatchObject({ refusedConnectionRate: 3, connectionsRefused: 3 })
    expect(admission.admit('10.0.0.2')).toBe(true)
    clock.advance(59_000)
    expect(cycle(8)).toBe(0) // knocking does not make it longer
    clock.advance(5000)
    expect(cycle(8)).toBe(5)
  })

  test('one refused for another reason is not counted into the rate', () => {
    const { admission } = make({ connectionsPerMinuteMax: { remote: 3, local: 3 }, connectionsPerAddressMax: { remote: 1, local: 1 } })
    expect(admitted(admission, '10.0.0.1', 10)).toBe(1)
    admission.leave('10.0.0.1')
    expect(admission.admit('10.0.0.1')).toBe(true)
  })
})

describe('memory', () => {
  test('an address that has left is forgotten when its minute is over', () => {
    const { admission, clock } = make({ connectionsPerMinuteMax: { remote: 5, local: 5 } })
    for (let i = 0; i < 100; i++) admission.admit(`10.0.0.${i}`)
    for (let i = 0; i < 99; i++) admission.leave(`10.0.0.${i}`)
    expect(admission.size).toBe(100)
    clock.advance(65_000)
    admission.leave('10.0.0.99')
    expect(admission.size).toBe(0)
  })

  test('an address that has come back is remembered once', () => {
    const { admission } = make({ connectionsPerMinuteMax: { remote: 5, local: 5 } })
    for (let i = 0; i < 3; i++) {
      admission.admit('10.0.0.1')
      expect(admission.size).toBe(1)
      admission.leave('10.0.0.1')
      expect(admission.size).toBe(1)
    }
  })

  test('without a limit of the rate there is nothing to remember', () => {
    const { admission } = make({})
    for (let i = 0; i < 100; i++) admission.admit(`10.0.0.${i}`)
    for (let i = 0; i < 100; i++) admission.leave(`10.0.0.${i}`)
    expect(admission.size).toBe(0)
  })

  test('an attacker with many addresses fills nothing, and those that are connected keep their counts', () => {
    const { admission, clock } = make({ connectionsPerMinuteMax: { remote: 2, local: 2 }, connectionsPerAddressMax: { remote: 1, local: 1 } })
    admission.admit('10.0.0.1')
    for (let i = 0; i < 100_000; i++) {
      const address = `2001:db8::${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}`
      if (admission.admit(address)) admission.leave(address)
    }
    expect(admission.size).toBeLessThanOrEqual(4097)
    expect(admission.admit('10.0.0.1')).toBe(false)
    clock.advance(65_000)
    admission.leave('10.0.0.1')
    expect(admission.size).toBe(0)
  })
})
