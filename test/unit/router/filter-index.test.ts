import { describe, expect, test } from 'vitest'
import { matches, Topic } from '../../../src/mqtt/topic.ts'
import { FilterIndex } from '../../../src/router/filter-index.ts'
import type { Subscriber, Wish } from '../../../src/router/subscriber.ts'
import { Random } from '../../sim/random.ts'

const WISH: Wish = { qos: 1, noLocal: false, retainAsPublished: false, identifier: 0, upgrade: false }

/** A subscriber as the index sees it: an object with a name. */
function subscriber(name: string, more: { online?: boolean; durable?: boolean } = {}): Subscriber & { name: string } {
  const { online = true, durable = false } = more
  return { name, online, mayReceive: () => true, wants: null, queue: { durable } } as unknown as Subscriber & { name: string }
}

describe('against the naive matcher', () => {
  test.each([1, 2, 3, 4])('seed %i: adding and removing at random', (seed) => {
    const random = new Random(seed)
    const level = (): string => random.pick(['a', 'b', 'c', '', '$SYS', 'ä'])
    const topic = (): string => {
      const name = Array.from({ length: random.int(1, 4) }, level).join('/')
      return name === '' ? '/' : name
    }
    const filter = (): string => {
      const levels = Array.from({ length: random.int(1, 4) }, () => (random.chance(0.3) ? '+' : level()))
      if (random.chance(0.3)) levels.push('#')
      if (random.chance(0.05)) return '#'
      return levels.join('/') === '' ? '/' : levels.join('/')
    }
    const index = new FilterIndex()
    const model = new Map<string, { filter: string; who: Subscriber & { name: string } }>()
    const all = Array.from({ length: 8 }, (_, i) => subscriber(`s${i}`))
    for (let step = 0; step < 2000; step++) {
      const who = random.pick(all)
      const f = random.chance(0.5) && model.size > 0 ? random.pick([...model.values()]).filter : filter()
      const key = `${who.name} ${f}`
      const before = index.generation
      const adds = random.chance(0.6)
      if (adds) index.add(f, null, who, WISH)
      const changed = adds || index.remove(f, null, who)
      expect(changed).toBe(adds || model.has(key))
      expect(index.generation > before).toBe(changed)
      if (adds) model.set(key, { filter: f, who })
      else model.delete(key)
      const name = topic()
      const found = index.match(name).wishes.map(([s]) => (s as Subscriber & { name: string }).name).sort()
      const expected = [...model.values()].filter((m) => matches(m.filter, name)).map((m) => m.who.name).sort()
      expect({ name, found }).toEqual({ name, found: expected })
    }
    for (const { filter: f, who } of model.values()) expect(index.remove(f, null, who)).toBe(true)
    expect(index.match('a').wishes).toEqual([])
  })
})

test('a subscription again replaces the old one [MQTT-3.8.4-3]', () => {
  const index = new FilterIndex()
  const who = subscriber('a')
  index.add('t', null, who, WISH)
  index.add('t', null, who, { ...WISH, qos: 2 })
  expect(index.match('t').wishes).toEqual([[who, { ...WISH, qos: 2 }]])
})

describe('shared subscriptions', () => {
  const names = (index: FilterIndex, n: number): (string | undefined)[] =>
    Array.from({ length: n }, () => (index.match('t').shares[0]!.choose(Topic.of('t'))?.[0] as { name: string } | undefined)?.name)

  test('each message goes to one member, in turn', () => {
    const index = new FilterIndex()
    for (const name of ['a', 'b', 'c']) index.add('t', 'g', subscriber(name), WISH)
    expect(names(index, 6)).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
  })

  test('members that are away are passed over; with nobody there, one that keeps messages gets it', () => {
    const index = new FilterIndex()
    index.add('t', 'g', subscriber('away', { online: false, durable: true }), WISH)
    const here = subscriber('here')
    index.add('t', 'g', here, WISH)
    expect(names(index, 3)).toEqual(['here', 'here', 'here'])
    index.remove('t', 'g', here)
    index.add('t', 'g', subscriber('lost', { online: false }), WISH)
    expect(names(index, 2)).toEqual(['away', 'away'])
  })

  test('nobody who could take it', () => {
    const index = new FilterIndex()
    index.add('t', 'g', subscriber('lost', { online: false }), WISH)
    expect(names(index, 1)).toEqual([undefined])
  })

  test('groups of different names each get a copy; the group ends with its last member', () => {
    const index = new FilterIndex()
    const a = subscriber('a')
    index.add('+', 'g', a, WISH)
    index.add('t', 'h', a, WISH)
    expect(index.match('t').shares).toHaveLength(2)
    expect(index.remove('+', 'h', a)).toBe(false)
    expect(index.remove('+', 'g', a)).toBe(true)
    expect(index.match('t').shares).toHaveLength(1)
  })
})
