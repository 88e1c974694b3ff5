import { beforeEach, describe, expect, test } from 'vitest'
import { makeMessage } from '../../../src/message.ts'
import { RetainedMessages } from '../../../src/router/retained.ts'

let retained: RetainedMessages
beforeEach(() => {
  retained = new RetainedMessages(3, 100)
})

function set(topic: string, payload: string, expiresAtMs = Infinity): boolean {
  return retained.set(makeMessage(topic, payload, { retain: true, expiresAtMs }))
}

function select(filter: string, nowMs = 0): string[] {
  return [...retained.select(filter, nowMs)].filter((m) => m !== null).map((m) => `${m.topic.name}=${m.payload.toString()}`)
}

test('the last one of each topic; an empty payload clears it [MQTT-3.3.1-5] [MQTT-3.3.1-6]', () => {
  set('a/b', '1')
  set('a/b', '2')
  set('a', '3')
  expect(select('a/#').sort()).toEqual(['a/b=2', 'a=3'])
  expect(select('a/b')).toEqual(['a/b=2'])
  expect(set('a/b', '')).toBe(true)
  expect(select('#')).toEqual(['a=3'])
  expect(set('never', '')).toBe(true)
  expect(retained.bytes).toBe(2)
})

describe('bounds', () => {
  test('count: a new topic is refused, a known one is replaced', () => {
    expect(['a', 'b', 'c', 'd'].map((t) => set(t, 'x'))).toEqual([true, true, true, false])
    expect(set('a', 'y')).toBe(true)
    expect(retained.count).toBe(3)
  })

  test('bytes: exactly full is not too much, and what is replaced makes room', () => {
    expect(set('a', 'x'.repeat(99))).toBe(true)
    expect(set('b', 'x')).toBe(false)
    expect(set('a', 'x'.repeat(100))).toBe(false)
    expect(set('a', 'x')).toBe(true)
    expect(set('b', 'x'.repeat(97))).toBe(true)
    expect(retained.bytes).toBe(100)
  })

  test('one that has no room leaves its topic with nothing: what was there is out of date', () => {
    expect(set('a', 'x')).toBe(true)
    expect(set('b', 'x')).toBe(true)
    expect(set('a', 'y'.repeat(100))).toBe(false)
    expect(select('#')).toEqual(['b=x'])
    expect([retained.count, retained.bytes]).toEqual([1, 2])
  })

  test('the broker’s own are kept and not counted', () => {
    for (let i = 0; i < 10; i++) expect(set(`$SYS/${i}`, 'x'.repeat(50))).toBe(true)
    set('$SYS/0', '')
    expect([retained.count, retained.bytes]).toEqual([0, 0])
    for (const topic of ['a', 'b', 'c']) expect(set(topic, 'x')).toBe(true)
    expect(set('$SYSTEM', 'x')).toBe(false)
    expect(select('$SYS/#')).toHaveLength(9)
  })

  test('whether there is room is known before, and asking changes nothing', () => {
    const cases = [['a', 'x'], ['b', 'x'.repeat(98)], ['b', 'x'.repeat(97)], ['c', 'x'], ['a', ''], ['c', 'x'], ['d', ''], ['d', 'x']] as const
    const answers = cases.map(([topic, payload]) => {
      const before = [retained.count, retained.bytes]
      const answer = retained.hasRoomFor(makeMessage(topic, payload, { retain: true }))
      expect([retained.count, retained.bytes]).toEqual(before)
      expect(set(topic, payload)).toBe(answer)
      return answer
    })
    expect(answers).toEqual([true, false, true, false, true, true, true, false])
  })

  test('a message that is kept lets go of the chunk it came in', () => {
    const chunk = Buffer.alloc(64 * 1024, 'x')
    const message = makeMessage('a', chunk)
    set('a', 'x')
    retained.set(Object.assign(Object.create(Object.getPrototypeOf(message)), message, { payloadStart: 10, payloadEnd: 20 }))
    expect([...retained.select('a', 0)][0]!.bytes).toHaveLength(10)
    expect(retained.bytes).toBe(11)
  })
})

test('what has expired is not given, and its room is free once it is taken [MQTT-3.3.2-5]', () => {
  set('a', 'x'.repeat(60), 1000)
  set('c', 'x', 5000)
  expect(select('a', 999)).toHaveLength(1)
  expect(retained.takeExpired(999)).toEqual([])
  expect([select('a', 1000), select('#', 1000)]).toEqual([[], ['c=x']])
  expect(retained.takeExpired(1000)).toEqual(['a'])
  expect(retained.bytes).toBe(2)
  expect(retained.takeExpired(4999)).toEqual([])
  expect(retained.takeExpired(5000)).toEqual(['c'])
  expect(set('b', 'x'.repeat(90))).toBe(true)
})

test('topics with $ are not reached by a leading wildcard [MQTT-4.7.2-1]', () => {
  set('$SYS/x', '1')
  expect(select('#')).toEqual([])
  expect(select('+/x')).toEqual([])
  expect(select('$SYS/#')).toEqual(['$SYS/x=1'])
})
