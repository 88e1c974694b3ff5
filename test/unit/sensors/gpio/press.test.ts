import { expect, test } from 'vitest'
import { Presses } from '../../../../src/sensors/gpio/press.ts'

const edge = (rising: boolean, atMs: number) => ({ rising, atMs })

test('a press is told when it ends, with its length', () => {
  const presses = new Presses(1000)
  expect(presses.on(edge(true, 100))).toBeNull()
  expect(presses.on(edge(false, 350.4))).toEqual({ seconds: 0.25, long: false })
  expect(presses.on(edge(true, 1000))).toBeNull()
  expect(presses.on(edge(false, 2000))).toEqual({ seconds: 1, long: true })
})

test('nothing is called long when no length is given', () => {
  const presses = new Presses(Infinity)
  presses.on(edge(true, 0))
  expect(presses.on(edge(false, 1e9))).toEqual({ seconds: 1e6, long: false })
})

test('a press whose begin was not seen is none', () => {
  const presses = new Presses(1000)
  expect(presses.on(edge(false, 100))).toBeNull()
  presses.on(edge(true, 200))
  presses.forget()
  expect(presses.on(edge(false, 300))).toBeNull()
})

test('of two begins the later one counts: an edge between them was missed', () => {
  const presses = new Presses(1000)
  presses.on(edge(true, 100))
  presses.on(edge(true, 500))
  expect(presses.on(edge(false, 600))).toEqual({ seconds: 0.1, long: false })
})
