// Who gets a topic alias, who loses it, and what that saves on the wire: against a receiver that knows what it was told only.
import { describe, expect, test } from 'vitest'
import { OutboundAliases } from '../../../src/mqtt/outbound-alias.ts'
import { Random } from '../../sim/random.ts'

/** What MQTT spends for the topics of some messages: the topics or nothing, and three bytes for every alias. Fails when the receiver takes one for another. */
function bytesFor(aliases: OutboundAliases, max: number, topics: Iterable<string>): number {
  const known = new Map<number, string>()
  let bytes = 0
  for (const topic of topics) {
    const alias = aliases.aliasOf(topic)
    expect(Math.abs(alias)).toBeLessThanOrEqual(max)
    if (alias < 0) expect(known.get(-alias)).toBe(topic)
    if (alias > 0) known.set(alias, topic)
    bytes += (alias === 0 ? 0 : 3) + (alias < 0 ? 0 : topic.length)
  }
  return bytes
}

const plain = (topics: readonly string[]): number => topics.reduce((sum, topic) => sum + topic.length, 0)
const name = (n: number): string => `site/well-07/sensor/${n}/level`
const circle = (of: number, times: number): string[] => Array.from({ length: of * times }, (_, i) => name(i % of))

describe('topic aliases', () => {
  test('[MQTT-3.3.2-8] [MQTT-3.1.2-26] the first topics have one, from 1 to the maximum', () => {
    const aliases = new OutboundAliases(2)
    expect(['topic/a', 'topic/b', 'topic/c', 'topic/a', 'topic/b'].map((topic) => aliases.aliasOf(topic))).toEqual([1, 2, 0, -1, -2])
  })

  test('a topic that is no longer than an alias has none', () => {
    const aliases = new OutboundAliases(2)
    expect(['t/1', 't/1', 't/10', 't/10'].map((topic) => aliases.aliasOf(topic))).toEqual([0, 0, 1, -1])
  })

  test('what was used twice since pushes out what was not used for longest', () => {
    const aliases = new OutboundAliases(2)
    for (const topic of ['topic/a', 'topic/b', 'topic/a']) aliases.aliasOf(topic)
    expect(aliases.aliasOf('topic/c')).toBe(0)
    expect(aliases.aliasOf('topic/c')).toBe(2) // b's
    expect(['topic/a', 'topic/c', 'topic/b'].map((topic) => aliases.aliasOf(topic))).toEqual([-1, -2, 0])
  })

  test('topics that come by once push nobody out', () => {
    const aliases = new OutboundAliases(2)
    for (const topic of ['topic/a', 'topic/b']) aliases.aliasOf(topic)
    for (let i = 0; i < 1000; i++) expect(aliases.aliasOf(`reply/${i}`)).toBe(0)
    expect(['topic/a', 'topic/b'].map((topic) => aliases.aliasOf(topic))).toEqual([-1, -2])
  })

  test('a circle of more topics than aliases costs no more than without them', () => {
    const topics = circle(40, 50)
    expect(bytesFor(new OutboundAliases(10), 10, topics)).toBeLessThan(plain(topics) * 0.8)
  })

  test('a working set that moves on takes its aliases with it', () => {
    const topics = [...circle(10, 100), ...circle(10, 100).map((topic) => `${topic}/night`)]
    expect(bytesFor(new OutboundAliases(10), 10, topics)).toBeLessThan(plain(topics) * 0.15)
  })

  test('the receiver never takes one topic for another, whatever comes', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Random(seed)
      const max = random.int(1, 20)
      const spread = random.int(1, 60)
      const topics = Array.from({ length: 2000 }, () => name(Math.floor(random.next() ** 3 * spread)))
      expect(bytesFor(new OutboundAliases(max), max, topics)).toBeLessThanOrEqual(plain(topics) + 3 * 2000)
    }
  })

  test('65,535 aliases: the last is as quickly found as the first', () => {
    const aliases = new OutboundAliases(65_535)
    for (let i = 1; i <= 65_535; i++) expect(aliases.aliasOf(`topic/${i}`)).toBe(i)
    expect(aliases.aliasOf('topic/new')).toBe(0)
    expect(aliases.aliasOf('topic/new')).toBe(1)
    expect(aliases.aliasOf('topic/65535')).toBe(-65_535)
  })
})
