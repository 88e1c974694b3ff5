// How many reads run, and what becomes of one that hangs in the kernel.
import { expect, test } from 'vitest'
import { ReadGate, STUCK_MS } from '../../../../src/sensors/kernel/gate.ts'
import { FakeClock, settle } from '../../../support/fake-clock.ts'

function make() {
  const clock = new FakeClock()
  const gate = new ReadGate(clock)
  const begun: string[] = []
  const stuck: string[] = []
  const ends = new Map<string, () => void>()
  const run = (lane: string, name = lane): void => {
    const task = (): Promise<void> => {
      begun.push(name)
      return new Promise((resolve) => ends.set(name, resolve))
    }
    gate.run(lane, task, () => void stuck.push(name))
  }
  const end = async (name: string): Promise<void> => {
    ends.get(name)!()
    await settle()
  }
  return { clock, begun, stuck, run, end }
}

test('two run at a time, in order', async () => {
  const { run, begun, end, clock } = make()
  for (const name of ['a', 'b', 'c', 'd']) run(name)
  expect(begun).toEqual(['a', 'b'])
  await end('b')
  expect(begun).toEqual(['a', 'b', 'c'])
  for (const name of ['a', 'c', 'd']) await end(name)
  expect(clock.pending).toBe(0)
})

test('one runs in a lane; those of other lanes pass', async () => {
  const { run, begun, end } = make()
  run('bus', 'a')
  run('bus', 'b')
  run('other', 'c')
  expect(begun).toEqual(['a', 'c'])
  await end('c')
  expect(begun).toEqual(['a', 'c'])
  await end('a')
  expect(begun).toEqual(['a', 'c', 'b'])
})

test('one that hangs is told once, with all that wait for its lane, and the others go on two at a time', () => {
  const { run, begun, stuck, clock } = make()
  run('bus', 'hangs')
  run('bus', 'waits')
  for (const name of ['b', 'c', 'd']) run(name)
  expect(begun).toEqual(['hangs', 'b'])
  clock.advance(STUCK_MS - 1)
  expect(stuck).toEqual([])
  clock.advance(1)
  expect(stuck).toContain('hangs')
  expect(stuck).toContain('waits')
  expect(begun).toEqual(['hangs', 'b', 'c'])
  clock.advance(3 * STUCK_MS)
  run('bus', 'late')
  expect(stuck.filter((name) => name === 'waits' || name === 'hangs' || name === 'late')).toEqual(['hangs', 'waits', 'late'])
})

test('with three that hang nothing more begins, and everybody is told; with one that answers it goes on', async () => {
  const { run, begun, stuck, clock, end } = make()
  for (const name of ['a', 'b', 'c', 'd']) run(name)
  clock.advance(STUCK_MS)
  expect(begun).toEqual(['a', 'b', 'c'])
  expect(stuck).toEqual(['a', 'b'])
  clock.advance(STUCK_MS)
  expect(begun).toEqual(['a', 'b', 'c'])
  expect(stuck).toEqual(['a', 'b', 'c', 'd'])
  await end('b')
  expect(begun).toEqual(['a', 'b', 'c', 'd'])
  for (const name of ['a', 'c', 'd']) await end(name)
  expect(clock.pending).toBe(0)
})
