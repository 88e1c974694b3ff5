import { describe, expect, test } from 'vitest'
import { IDLE, type LinkEvent, type LinkPhase, type LinkState, STABLE_MS, step } from '../../../src/uplink/link.ts'
import { Random } from '../../sim/random.ts'

const BACKOFF = { minMs: 1000, maxMs: 120_000 }
const PHASES: LinkPhase[] = ['idle', 'connecting', 'up', 'waiting', 'stopped']
const EVENTS: LinkEvent[] = ['start', 'accepted', 'lost', 'wait-over', 'stop']
const NOW = 500_000

function at(phase: LinkPhase, more: Partial<LinkState> = {}): LinkState {
  return { phase, sinceMs: NOW - 1000, lastWaitMs: 4000, attempts: 3, ...more }
}

function take(state: LinkState, event: LinkEvent, nowMs = NOW, random = 0.5) {
  return step(state, event, nowMs, BACKOFF, () => random)
}

const MOVES: Record<string, LinkPhase> = {
  'idle start': 'connecting',
  'waiting wait-over': 'connecting',
  'connecting accepted': 'up',
  'connecting lost': 'waiting',
  'up lost': 'waiting',
  'idle stop': 'stopped',
  'connecting stop': 'stopped',
  'up stop': 'stopped',
  'waiting stop': 'stopped',
}

describe.each(PHASES)('%s', (phase) => {
  test.each(EVENTS)('%s', (event) => {
    const before = at(phase)
    const { state, action } = take(before, event)
    const next = MOVES[`${phase} ${event}`]
    expect(state).toMatchObject(next === undefined ? before : { phase: next, sinceMs: NOW })
    expect(state === before).toBe(next === undefined)
    // What does not belong to the phase changes nothing, and asks for nothing.
    expect(next === undefined && action !== null).toBe(false)
    expect(before).toEqual(at(phase)) // the old state is not touched
  })
})

test('each step says what to do', () => {
  expect(take(IDLE, 'start').action).toEqual({ kind: 'connect' })
  expect(take(at('connecting'), 'accepted').action).toBeNull()
  expect(take(at('waiting'), 'wait-over').action).toEqual({ kind: 'connect' })
  expect(take(at('connecting'), 'stop').action).toEqual({ kind: 'disconnect' })
})

describe('the wait', () => {
  const waitAfter = (state: LinkState, random: number, nowMs = NOW): number => {
    const { action } = take(state, 'lost', nowMs, random)
    return action?.kind === 'wait' ? action.ms : NaN
  }

  test('lies between the minimum and three times the last one', () => {
    expect(waitAfter(at('connecting', { lastWaitMs: 4000 }), 0)).toBe(1000)
    expect(waitAfter(at('connecting', { lastWaitMs: 4000 }), 0.999999)).toBeCloseTo(12_000, 0)
  })

  test('begins within three times the minimum', () => {
    expect(waitAfter(at('connecting', { lastWaitMs: 0 }), 0)).toBe(1000)
    expect(waitAfter(at('connecting', { lastWaitMs: 0 }), 0.999999)).toBeCloseTo(3000, 0)
  })

  test('never leaves its bounds, and spreads', () => {
    const random = new Random(1)
    let state: LinkState = { ...IDLE, phase: 'connecting' }
    const waits: number[] = []
    for (let i = 0; i < 1000; i++) {
      const { state: next, action } = step(state, 'lost', i, BACKOFF, () => random.next())
      if (action?.kind === 'wait') waits.push(action.ms)
      state = { ...next, phase: 'connecting' }
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(BACKOFF.minMs)
    expect(Math.max(...waits)).toBeLessThanOrEqual(BACKOFF.maxMs)
    expect(new Set(waits).size).toBeGreaterThan(400)
  })

  test('starts over only after the link has been up for a stable time', () => {
    const flaky = take(at('up', { sinceMs: NOW - STABLE_MS + 1, lastWaitMs: 60_000 }), 'lost', NOW, 0.5)
    expect(flaky.state.lastWaitMs).toBeGreaterThan(3000)
    expect(flaky.state.attempts).toBe(3)
    const stable = take(at('up', { sinceMs: NOW - STABLE_MS, lastWaitMs: 60_000 }), 'lost', NOW, 0.5)
    expect(stable.state.lastWaitMs).toBeLessThanOrEqual(3000)
    expect(stable.state.attempts).toBe(0)
  })

  test('a broker that accepts and cuts off at once is waited for longer and longer', () => {
    let state: LinkState = { ...IDLE, phase: 'connecting' }
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      state = take(state, 'accepted').state
      state = take(state, 'lost', NOW + 100, 0.9).state
      waits.push(state.lastWaitMs)
      state = take(state, 'wait-over').state
    }
    expect(waits).toEqual([...waits].sort((a, b) => a - b))
    expect(waits.at(-1)).toBe(BACKOFF.maxMs)
  })
})
