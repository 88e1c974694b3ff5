// A pump with a least time on of 30 s and off of 60 s.
import { describe, expect, test } from 'vitest'
import { command, dueAtMs, found, openedAt, type Step, type Switch, tick } from '../../../src/outputs/switch.ts'

const LEAST = { onMsMin: 30_000, offMsMin: 60_000 }
const NONE = { onMsMin: 0, offMsMin: 0 }
const on = { on: true, forMs: null }
const off = { on: false, forMs: null }
const toggle = { on: null, forMs: null }

const fresh = (isOn: boolean): Switch<string> => openedAt(isOn, 0, null)
const words = ({ answers }: Step<string>) => answers.map(({ request, status, why }) => [request, status, ...(why === null ? [] : [why])].join(' '))

describe('without least times', () => {
  test('a command is done at once', () => {
    const step = command(fresh(false), on, 'a', 100, NONE)
    expect([step.write, words(step), step.state.on]).toEqual([true, ['a done'], true])
  })

  test('what is there already is done without a write', () => {
    const step = command(fresh(true), on, 'a', 100, NONE)
    expect([step.write, words(step), step.state.sinceMs]).toEqual([null, ['a done'], 0])
  })

  test('toggle', () => {
    const first = command(fresh(false), toggle, 'a', 100, NONE)
    const second = command(first.state, toggle, 'b', 200, NONE)
    expect([first.write, second.write]).toEqual([true, false])
  })
})

describe('least times', () => {
  test('a command that comes too soon waits, and is done when its time has come', () => {
    const waits = command(fresh(true), off, 'a', 10_000, LEAST)
    expect([waits.write, words(waits), dueAtMs(waits.state, LEAST)]).toEqual([null, ['a waiting it stays on for 20 s more'], 30_000])
    const early = tick(waits.state, 29_999, LEAST)
    expect([early.write, early.state]).toEqual([null, waits.state])
    const late = tick(waits.state, 30_000, LEAST)
    expect([late.write, words(late), late.state.on]).toEqual([false, ['a done'], false])
  })

  test('of several the latest wins, and those before are refused', () => {
    const first = command(fresh(true), off, 'a', 1000, LEAST)
    const second = command(first.state, off, 'b', 2000, LEAST)
    expect(words(second)).toEqual(['a refused a later command took its place', 'b waiting it stays on for 28 s more'])
    const third = command(second.state, on, 'c', 3000, LEAST)
    expect(words(third)).toEqual(['b refused a later command took its place', 'c done'])
    expect(dueAtMs(third.state, LEAST)).toBeNull()
  })

  test('toggle turns round what waits', () => {
    const first = command(fresh(true), toggle, 'a', 1000, LEAST)
    const second = command(first.state, toggle, 'b', 2000, LEAST)
    expect(words(second)).toEqual(['a refused a later command took its place', 'b done'])
    expect([second.write, second.state.waiting]).toEqual([null, null])
  })

  test('nobody answers a fail-safe command', () => {
    const waits = command(fresh(true), off, null, 1000, LEAST)
    expect(words(waits)).toEqual([])
    expect(tick(waits.state, 30_000, LEAST)).toMatchObject({ write: false, answers: [] })
  })
})

describe('pulses', () => {
  test('are turned back when their time is over', () => {
    const begun = command(fresh(false), { on: true, forMs: 10_000 }, 'a', 1000, NONE)
    expect([begun.write, words(begun), dueAtMs(begun.state, NONE)]).toEqual([true, ['a done'], 11_000])
    expect(tick(begun.state, 10_999, NONE).write).toBeNull()
    const ended = tick(begun.state, 11_000, NONE)
    expect([ended.write, ended.answers, dueAtMs(ended.state, NONE)]).toEqual([false, [], null])
  })

  test('count from when they were switched', () => {
    const waits = command(fresh(false), { on: true, forMs: 10_000 }, 'a', 1000, LEAST)
    const begun = tick(waits.state, 60_000, LEAST)
    expect([begun.write, dueAtMs(begun.state, LEAST)]).toEqual([true, 70_000])
  })

  test('are as long as the least time', () => {
    const begun = command(openedAt<string>(false, -100_000, null), { on: true, forMs: 10_000 }, 'a', 0, LEAST)
    expect(begun.write).toBe(true)
    const over = tick(begun.state, 10_000, LEAST)
    expect([over.write, dueAtMs(over.state, LEAST)]).toEqual([null, 30_000])
    expect(tick(over.state, 30_000, LEAST).write).toBe(false)
  })

  test('begin anew with another one, and end no more with a plain command', () => {
    const begun = command(fresh(false), { on: true, forMs: 10_000 }, 'a', 0, NONE)
    const again = command(begun.state, { on: true, forMs: 10_000 }, 'b', 8000, NONE)
    expect([again.write, dueAtMs(again.state, NONE)]).toEqual([null, 18_000])
    expect(dueAtMs(command(again.state, on, 'c', 9000, NONE).state, NONE)).toBeNull()
  })

  test('of an earlier run end when they are due', () => {
    expect(tick(openedAt<string>(true, 5000, 4000), 5000, NONE).write).toBe(false)
  })
})

describe('a line that somebody else has switched', () => {
  test('is taken as it is', () => {
    expect(found(fresh(false), true, 500)).toEqual({ on: true, sinceMs: 500, waiting: null, endsAtMs: null })
  })

  test('is not turned back at the end of a pulse that somebody has ended', () => {
    const begun = command(fresh(false), { on: true, forMs: 10_000 }, 'a', 0, NONE)
    expect(dueAtMs(found(begun.state, false, 5000), NONE)).toBeNull()
  })

  test('what waits is done all the same', () => {
    const waits = command(fresh(true), off, 'a', 0, LEAST)
    const late = tick(found(waits.state, false, 5000), 65_000, LEAST)
    expect([late.write, words(late)]).toEqual([null, ['a done']])
  })

  test('changes nothing when it is as it should be', () => {
    const state = fresh(true)
    expect(found(state, true, 500)).toBe(state)
  })
})

test('a tick with nothing due gives the same state', () => {
  const state = fresh(true)
  expect(tick(state, 1e9, LEAST)).toEqual({ state, write: null, answers: [] })
})
