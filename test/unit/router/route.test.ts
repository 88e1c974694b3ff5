import { describe, expect, test } from 'vitest'
import { Audiences } from '../../../src/journal/audience.ts'
import { makeMessage, type QoS } from '../../../src/message.ts'
import { Topic } from '../../../src/mqtt/topic.ts'
import { FilterIndex } from '../../../src/router/filter-index.ts'
import { Route } from '../../../src/router/route.ts'
import type { Subscriber, Wish } from '../../../src/router/subscriber.ts'

const TOPIC = Topic.of('a/b')
const WISH: Wish = { qos: 1, noLocal: false, retainAsPublished: false, identifier: 0, upgrade: false }

function subscriber(destination: number): Subscriber {
  return {
    online: true,
    mayReceive: () => true,
    wants: null,
    queue: { destination, durable: destination > 0 },
    get origin() {
      return this
    },
  } as unknown as Subscriber
}

function select(index: FilterIndex, more: { qos?: QoS; origin?: object } = {}) {
  return new Route(index.generation, TOPIC, index.match('a/b'), new Audiences()).selectionFor(makeMessage('a/b', 'x', more))
}

test('overlapping subscriptions are one delivery: highest QoS, all identifiers [MQTT-3.3.4-2] [MQTT-3.3.4-4]', () => {
  const index = new FilterIndex()
  const who = subscriber(1)
  index.add('a/#', null, who, { ...WISH, qos: 2, identifier: 9 })
  index.add('a/+', null, who, { ...WISH, qos: 0, identifier: 4, retainAsPublished: true })
  index.add('#', null, who, { ...WISH, identifier: 4 })
  const { targets, durable } = select(index)
  expect(targets).toHaveLength(1)
  expect(targets[0]).toMatchObject({ qos: 2, retainAsPublished: true, identifiers: [4, 9] })
  expect(durable!.members).toEqual([{ destination: 1, qos: 2, upgrade: false, retainAsPublished: true, subscriptionIdentifiers: [4, 9] }])
})

describe('No Local [MQTT-3.8.3-3]', () => {
  test('never back to the publisher, but to everybody else', () => {
    const index = new FilterIndex()
    const [a, b] = [subscriber(1), subscriber(2)]
    index.add('a/#', null, a, { ...WISH, noLocal: true })
    index.add('a/#', null, b, { ...WISH, noLocal: true })
    expect(select(index, { origin: a }).targets.map((t) => t.subscriber)).toEqual([b])
    expect(select(index).targets).toHaveLength(2)
  })

  test('an overlapping subscription without it still gets the message', () => {
    const index = new FilterIndex()
    const a = subscriber(1)
    index.add('a/#', null, a, { ...WISH, noLocal: true, qos: 2 })
    index.add('a/b', null, a, WISH)
    const { targets } = select(index, { origin: a })
    expect(targets).toHaveLength(1)
    expect(targets[0]!.qos).toBe(1)
  })
})

describe('audiences', () => {
  test('only durable receivers of QoS 1 and up; of a QoS 0 message only those that upgrade', () => {
    const index = new FilterIndex()
    index.add('a/b', null, subscriber(0), WISH)
    index.add('a/b', null, subscriber(1), { ...WISH, qos: 0 })
    index.add('a/b', null, subscriber(3), { ...WISH, qos: 2 })
    index.add('a/b', null, subscriber(2), { ...WISH, upgrade: true })
    const { targets, durable, upgrading } = select(index)
    expect(targets).toHaveLength(4)
    expect(durable!.members.map((m) => m.destination)).toEqual([2, 3])
    expect(upgrading!.members.map((m) => m.destination)).toEqual([2])
    expect(targets.map((t) => [t.effectiveQos(0), t.effectiveQos(1), t.effectiveQos(2)])).toContainEqual([1, 1, 1])
  })

  test('the same receivers are the same audience, whatever the topic', () => {
    const audiences = new Audiences()
    const index = new FilterIndex()
    const who = subscriber(1)
    index.add('a/+', null, who, WISH)
    const of = (name: string) => new Route(1, Topic.of(name), index.match(name), audiences).selectionFor(makeMessage(name, 'x', { qos: 1 })).durable
    expect(of('a/b')).toBe(of('a/c'))
  })

  test('a destination that ends takes its audiences along', () => {
    const audiences = new Audiences()
    const member = { destination: 1, qos: 1 as const, upgrade: false, retainAsPublished: false, subscriptionIdentifiers: [] }
    const first = audiences.intern([member], [])
    audiences.endDestination(1)
    expect(audiences.intern([member], []).id).toBeGreaterThan(first.id)
  })
})

test('shares: one member of each group beside the ordinary receivers', () => {
  const index = new FilterIndex()
  const [a, b, c] = [subscriber(1), subscriber(2), subscriber(3)]
  index.add('a/b', 'g', a, WISH)
  index.add('a/b', 'g', b, WISH)
  index.add('a/b', null, c, WISH)
  const route = new Route(index.generation, TOPIC, index.match('a/b'), new Audiences())
  const chosen = Array.from({ length: 4 }, () => route.selectionFor(makeMessage('a/b', 'x')).targets.map((t) => t.subscriber.queue.destination))
  expect(chosen).toEqual([[3, 1], [3, 2], [3, 1], [3, 2]])
})
