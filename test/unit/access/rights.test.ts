// Verdicts that are remembered are those that would be found: whatever the order, however many topics, wherever they fall in the cache.
import { expect, test } from 'vitest'
import { Topic } from '../../../src/mqtt/topic.ts'
import { ClientRights } from '../../../src/access/rights.ts'
import { Rules } from '../../../src/access/rules.ts'
import { allow, client, deny } from './rule-words.ts'

/** Counts how often the rules are asked. */
class CountedRules extends Rules {
  asked = 0

  override decide(...question: Parameters<Rules['decide']>): number {
    this.asked++
    return super.decide(...question)
  }
}

function rightsWith(rules: CountedRules): ClientRights {
  return new ClientRights(rules, client())
}

/** A topic whose number ends like that of `other`: they want the same place. */
function neighbourOf(other: Topic, name: string): Topic {
  for (;;) {
    const topic = Topic.of(name)
    if ((topic.number & 4095) === (other.number & 4095)) return topic
  }
}

test('the rules are asked once for a topic, for all its cases of publish at once', () => {
  const rules = new CountedRules([[allow('a', { verbs: ['publish'] }), deny('a', { verbs: ['publish'], qos: [2], retain: true })]])
  const rights = rightsWith(rules)
  const topic = Topic.of('a')
  for (let round = 0; round < 3; round++) {
    expect(([0, 1, 2] as const).flatMap((qos) => [rights.mayPublish(topic, qos, false), rights.mayPublish(topic, qos, true)])).toEqual([true, true, true, true, true, false])
  }
  expect(rules.asked).toBe(1)
  expect([rights.mayReceive(topic), rights.mayReceive(topic), rights.mayPublish(topic, 0, false)]).toEqual([false, false, true])
  expect(rules.asked).toBe(2)
})

test('two topics in one place are both remembered, three are found again', () => {
  const rules = new CountedRules([[allow('yes/+')]])
  const rights = rightsWith(rules)
  const first = Topic.of('yes/1')
  const [second, third] = [neighbourOf(first, 'no/2'), neighbourOf(first, 'yes/3')]
  for (let round = 0; round < 3; round++) {
    expect([first, second].map((t) => rights.mayReceive(t))).toEqual([true, false])
    expect([first, second].map((t) => rights.mayPublish(t, 1, true))).toEqual([true, false])
  }
  expect(rules.asked).toBe(4)
  for (let round = 0; round < 3; round++) expect([first, second, third].map((t) => rights.mayReceive(t))).toEqual([true, false, true])
  expect(rules.asked).toBeGreaterThan(3)
})

test('a thousand topics are remembered, and of more than that every verdict is still right', () => {
  const rules = new CountedRules([[allow('yes/+')]])
  const rights = rightsWith(rules)
  const topics = Array.from({ length: 3000 }, (_, i) => Topic.of(`${i % 3 === 0 ? 'yes' : 'no'}/${i}`))
  const expected = topics.map((t) => t.name.startsWith('yes'))
  const few = topics.slice(0, 1000)
  expect(few.map((t) => rights.mayPublish(t, 0, false))).toEqual(expected.slice(0, 1000))
  expect(few.map((t) => rights.mayPublish(t, 0, false))).toEqual(expected.slice(0, 1000))
  expect(rules.asked).toBe(1000)
  for (let round = 0; round < 2; round++) {
    expect(topics.map((t) => rights.mayPublish(t, 0, false))).toEqual(expected)
    expect(topics.map((t) => rights.mayReceive(t))).toEqual(expected)
  }
})

test('one client is told nothing of what another one may', () => {
  const rules = new Rules([[allow('c/{clientId}/#')]])
  const topics = ['a', 'b'].map((id) => Topic.of(`c/${id}/x`))
  const verdicts = (): boolean[][] => ['a', 'b'].map((clientId) => topics.map((t) => rules.rightsOf(client({ clientId }))!.mayReceive(t)))
  for (let round = 0; round < 2; round++) expect(verdicts()).toEqual([[true, false], [false, true]])
})

test('freely is at every QoS, retained or not', () => {
  const free = new Rules([[allow('a/#')]]).rightsOf(client())!
  const bound = new Rules([[allow('a/#'), { ...deny('a/b'), verbs: ['publish'], qos: [2], retain: true }]]).rightsOf(client())!
  const [ab, ac] = [Topic.of('a/b'), Topic.of('a/c')]
  for (let i = 0; i < 2; i++) {
    expect([free.mayPublishFreely(ab), bound.mayPublishFreely(ab), bound.mayPublishFreely(ac), free.mayPublishFreely(Topic.of('b'))]).toEqual([true, false, true, false])
  }
  expect(bound.mayPublish(ab, 2, false)).toBe(true)
})
