import { beforeEach, describe, expect, test } from 'vitest'
import { RetainedFeed } from '../../../src/session/retained-feed.ts'
import { Turn } from '../../../src/turn.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'

let feed: RetainedFeed
let events: string[]
beforeEach(() => {
  feed = new RetainedFeed(new Turn(new FakeClock()))
  events = []
})

/** Something to look through; `looked` counts. */
function selection(name: string, count: number) {
  const state = { looked: 0 }
  function* looks(): Generator<void, void> {
    while (state.looked < count) {
      state.looked++
      yield
    }
  }
  const add = (released: () => void = () => {}): void => {
    const release = (): void => {
      events.push(`release ${name}`)
      released()
    }
    feed.add({ looks: looks(), hold: () => events.push(`hold ${name}`), release })
  }
  return { state, add }
}

test('a small one is done at once, and nobody is held', () => {
  const { state, add } = selection('a', 100)
  add()
  expect(state.looked).toBe(100)
  expect(events).toEqual([])
})

test('many small ones in one turn are bounded too', async () => {
  const all = Array.from({ length: 50 }, (_, i) => selection(`${i}`, 100))
  for (const { add } of all) add()
  const looked = (): number => all.reduce((sum, { state }) => sum + state.looked, 0)
  expect(looked()).toBeLessThanOrEqual(2000)
  expect(events.filter((e) => e.startsWith('hold')).length).toBeGreaterThan(25)
  for (let turns = 0; looked() < 5000; turns++) {
    const before = looked()
    await settle()
    expect(looked() - before).toBeLessThanOrEqual(2000)
    expect(turns).toBeLessThan(10)
  }
  await settle()
  expect(events.filter((e) => e.startsWith('release'))).toHaveLength(events.length / 2)
})

describe('a large one', () => {
  test('takes several turns, is held meanwhile and released once', async () => {
    const { state, add } = selection('a', 7000)
    add()
    expect([state.looked, events]).toEqual([2000, ['hold a']])
    await settle()
    expect([state.looked, events]).toEqual([4000, ['hold a']])
    for (let i = 0; i < 3; i++) await settle()
    expect([state.looked, events]).toEqual([7000, ['hold a', 'release a']])
  })

  test('does not keep a small one waiting until it is done', async () => {
    const large = selection('large', 100_000)
    const small = selection('small', 300)
    large.add()
    small.add()
    expect(events).toEqual(['hold large', 'hold small'])
    await settle()
    expect(events).toEqual(['hold large', 'hold small', 'release small'])
    expect(large.state.looked).toBeLessThan(5000)
  })

  test('who asks again when released gets its turn like everybody', async () => {
    const again = selection('again', 3000)
    const first = selection('first', 3000)
    first.add(again.add)
    for (let i = 0; i < 6; i++) await settle()
    expect([first.state.looked, again.state.looked]).toEqual([3000, 3000])
    expect(events).toEqual(['hold first', 'release first', 'hold again', 'release again'])
  })
})
