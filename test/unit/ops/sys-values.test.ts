// What stands in the $SYS tree: every counter is somewhere, every topic once.
import { describe, expect, test } from 'vitest'
import { Counters } from '../../../src/counters.ts'
import { LOADS, sysValues, type SysSources } from '../../../src/ops/sys-values.ts'

function sources(counters: Counters): SysSources {
  return {
    broker: {
      counters,
      count: 7,
      onlineCount: 5,
      onlineMost: 6,
      subscriptionCount: 11,
      sharedSubscriptionCount: 2,
      inFlight: 3,
      queued: { count: 20, bytes: 200 },
      retained: { count: 4, bytes: 40 },
    },
    queuedForUplinks: () => ({ count: 300, bytes: 3000 }),
    storeBytes: () => 8192,
  }
}

const valuesOf = (counters: Counters): Map<string, number> => new Map(sysValues(sources(counters)))
const FIELDS = Object.keys(new Counters()) as (keyof Counters)[]

test.each(FIELDS)('the counter %s is shown', (field) => {
  const before = valuesOf(new Counters())
  const after = valuesOf(Object.assign(new Counters(), { [field]: 12_345 }))
  expect([...after].filter(([name, value]) => before.get(name) !== value && Math.abs(value) === 12_345)).not.toEqual([])
})

test('no topic twice, each a plain topic name under broker/', () => {
  const names = Array.from(sysValues(sources(new Counters())), ([name]) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(names.filter((name) => !/^broker(\/[a-z_]+( [a-z]+)*)+$/.test(name))).toEqual([])
})

test('sizes: what is counted where', () => {
  const values = valuesOf(new Counters())
  expect(Object.fromEntries(values)).toMatchObject({
    'broker/clients/total': 7,
    'broker/clients/connected': 5,
    'broker/clients/disconnected': 2,
    'broker/clients/maximum': 6,
    'broker/messages/inflight': 3,
    'broker/subscriptions/count': 9,
    'broker/shared_subscriptions/count': 2,
    'broker/retained messages/count': 4,
    'broker/messages/stored': 324,
    'broker/store/messages/count': 324,
    'broker/store/messages/bytes': 3240,
    'broker/store/bytes': 8192,
  })
})

describe('what is dropped', () => {
  test('is the sum of every kind, and the average is of the same', () => {
    const counters = Object.assign(new Counters(), { droppedExpired: 1, droppedTooLarge: 20, droppedQueueLimit: 300 })
    expect(valuesOf(counters).get('broker/publish/messages/dropped')).toBe(321)
    expect(LOADS['publish/dropped']!(counters)).toBe(321)
  })

  test('but not a message that only came back over an uplink', () => {
    const values = valuesOf(Object.assign(new Counters(), { droppedLoop: 9 }))
    expect(values.get('broker/publish/messages/dropped')).toBe(0)
    expect(values.get('broker/dropped/loop')).toBe(9)
  })
})
