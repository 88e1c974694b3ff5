// Work in line: so many at once, so many waiting, and a place that is never lost.
import { expect, test } from 'vitest'
import { InTurn } from '../../../src/access/in-turn.ts'

function bench(atOnceMax: number, waitingMax: number) {
  const turns = new InTurn(atOnceMax, waitingMax)
  const running: PromiseWithResolvers<string>[] = []
  const run = () => turns.run(() => {
    const work = Promise.withResolvers<string>()
    running.push(work)
    return work.promise
  })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return { running, run, settled }
}

test('two at once, the third when one is done', async () => {
  const { running, run, settled } = bench(2, 10)
  const answers = [run(), run(), run()]
  await settled()
  expect(running).toHaveLength(2)
  running[1]!.resolve('b')
  expect(await answers[1]).toBe('b')
  await settled()
  expect(running).toHaveLength(3)
  running[0]!.resolve('a')
  running[2]!.resolve('c')
  expect(await Promise.all(answers)).toEqual(['a', 'b', 'c'])
})

test('work that fails gives its place on', async () => {
  const { running, run, settled } = bench(1, 10)
  const [first, second] = [run(), run()]
  running[0]!.reject(new Error('broken'))
  await expect(first).rejects.toThrow('broken')
  await settled()
  running[1]!.resolve('x')
  expect(await second).toBe('x')
  void run()
  await settled()
  expect(running).toHaveLength(3)
})

test('beyond what may wait: busy, 0x89, and those in line keep their place', async () => {
  const { running, run, settled } = bench(1, 1)
  const first = run()
  const second = run()
  await expect(run()).rejects.toMatchObject({ reason: 0x89, counter: 'refusedLoginsBusy' })
  running[0]!.resolve('a')
  expect(await first).toBe('a')
  await settled()
  running[1]!.resolve('b')
  expect(await second).toBe('b')
})
