import { describe, expect, test } from 'vitest'
import {
  BACKOFF_MS_MAX,
  BACKOFF_MS_MIN,
  IDLE,
  type Phase,
  STABLE_MS,
  type Supervision,
  type SupervisionEvent,
  backoffMs,
  supervise,
} from '../../../../src/sensors/serial/supervise.ts'
import { seededRandom } from '../../../../src/sensors/simulate.ts'

const NOW = 50_000
const PHASES: Phase[] = ['idle', 'opening', 'open', 'closing', 'waiting', 'abandoning', 'stopping', 'stopped']
const EVENTS: SupervisionEvent[] = [
  { type: 'start' },
  { type: 'opened' },
  { type: 'failed' },
  { type: 'lost' },
  { type: 'closed' },
  { type: 'looked', node: null },
  { type: 'looked', node: 'a' },
  { type: 'looked', node: 'b' },
  { type: 'stop' },
]

/** Long open on node a; retry far away. */
function at(phase: Phase, more: Partial<Supervision> = {}): Supervision {
  return { phase, failures: 2, openedAtMs: 0, retryAtMs: NOW + 5000, node: phase === 'open' ? 'a' : null, absent: false, ...more }
}

function word(event: SupervisionEvent): string {
  return event.type === 'looked' ? `looked ${event.node ?? 'nothing'}` : event.type
}

// Everything that is not in this table changes nothing.
const MOVES: Record<string, [Phase, 'open' | 'close' | null]> = {
  'idle start': ['opening', 'open'],
  'idle stop': ['stopped', null],
  'opening opened': ['open', null],
  'opening failed': ['waiting', null],
  'opening stop': ['abandoning', null],
  'open lost': ['closing', 'close'],
  'open looked nothing': ['closing', 'close'],
  'open looked b': ['closing', 'close'],
  'open stop': ['stopping', 'close'],
  'closing closed': ['waiting', null],
  'closing stop': ['stopping', null],
  'waiting looked nothing': ['waiting', null],
  'waiting stop': ['stopped', null],
  'abandoning opened': ['stopping', 'close'],
  'abandoning failed': ['stopped', null],
  'stopping closed': ['stopped', null],
}

describe('every event in every phase', () => {
  for (const phase of PHASES) {
    for (const event of EVENTS) {
      const move = MOVES[`${phase} ${word(event)}`]
      test(`${phase}: ${word(event)} ${move === undefined ? 'changes nothing' : `► ${move[0]}`}`, () => {
        const before = Object.freeze(at(phase))
        const { state, action } = supervise(before, event, NOW, 0)
        expect(state === before, 'the same state object').toBe(move === undefined)
        expect([state.phase, action]).toEqual(move ?? [phase, null])
      })
    }
  }
})

describe('waiting', () => {
  test('a node that stays is tried when the back-off is over', () => {
    const waiting = at('waiting', { retryAtMs: NOW })
    expect(supervise(waiting, { type: 'looked', node: 'a' }, NOW - 1, 0).state).toBe(waiting)
    expect(supervise(waiting, { type: 'looked', node: 'a' }, NOW, 0)).toMatchObject({ state: { phase: 'opening' }, action: 'open' })
  })

  test('a node that is missing is not tried, and opened when it comes, back-off or not', () => {
    const waiting = at('waiting', { retryAtMs: NOW })
    const { state: absent, action } = supervise(waiting, { type: 'looked', node: null }, NOW + 1, 0)
    expect(absent).toMatchObject({ phase: 'waiting', absent: true })
    expect(action).toBe(null)
    expect(supervise(absent, { type: 'looked', node: null }, NOW + 60_000, 0).state).toBe(absent)
    expect(supervise({ ...absent, retryAtMs: NOW + 9000 }, { type: 'looked', node: 'b' }, NOW + 2, 0)).toMatchObject({
      state: { phase: 'opening', absent: false },
      action: 'open',
    })
  })

  test('an open port whose node went is opened as soon as there is one again', () => {
    const closing = supervise(at('open'), { type: 'looked', node: null }, NOW, 0).state
    const waiting = supervise(closing, { type: 'closed' }, NOW, 0).state
    expect(supervise(waiting, { type: 'looked', node: 'a' }, NOW + 1, 0).action).toBe('open')
  })
})

describe('open', () => {
  test('the first look says which node it is', () => {
    const opened = supervise(at('opening', { absent: true }), { type: 'opened' }, NOW, 0).state
    expect(opened).toMatchObject({ phase: 'open', node: null, openedAtMs: NOW, absent: false })
    const { state, action } = supervise(opened, { type: 'looked', node: 'b' }, NOW, 0)
    expect(state).toMatchObject({ phase: 'open', node: 'b' })
    expect(action).toBe(null)
  })
})

describe('back-off', () => {
  test('1, 2, 4 … 30 s, down to half of it by jitter and never under 1 s', () => {
    expect([1, 2, 3, 4, 5, 6, 99].map((failures) => backoffMs(failures, 0))).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
    expect([1, 2, 3, 4].map((failures) => backoffMs(failures, 0.999_999)).map(Math.round)).toEqual([1000, 1000, 2000, 4000])
    expect(backoffMs(0, 0.5)).toBe(BACKOFF_MS_MIN)
    expect(backoffMs(1e9, 0)).toBe(BACKOFF_MS_MAX)
  })

  test('failures add up; a port that was open for a while starts over, a shorter one does not', () => {
    expect(supervise(at('opening'), { type: 'failed' }, NOW, 0).state).toMatchObject({ failures: 3, retryAtMs: NOW + 4000 })
    const stable = at('closing', { openedAtMs: NOW - STABLE_MS })
    expect(supervise(stable, { type: 'closed' }, NOW, 0).state).toMatchObject({ failures: 1, retryAtMs: NOW + 1000 })
    const flapping = at('closing', { openedAtMs: NOW - STABLE_MS + 1 })
    expect(supervise(flapping, { type: 'closed' }, NOW, 0).state).toMatchObject({ failures: 3, retryAtMs: NOW + 4000 })
  })
})

test('whatever happens, at most one port is open and a stop comes to an end', () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = seededRandom(`supervise ${seed}`)
    let state = IDLE
    let port: 'none' | 'opening' | 'open' | 'closing' = 'none'
    let now = 0
    const broken: string[] = []
    const raise = (event: SupervisionEvent): void => {
      now += Math.floor(random() * 2000)
      const step = supervise(state, event, now, random())
      state = step.state
      if (step.action === 'open') {
        if (port !== 'none') broken.push(`open while ${port}`)
        port = 'opening'
      } else if (step.action === 'close') {
        if (port !== 'open') broken.push(`close while ${port}`)
        port = 'closing'
      }
    }
    /** What the port does by itself, when there is something it can do. */
    const portTurn = (): void => {
      if (port === 'opening') {
        port = random() < 0.5 ? 'open' : 'none'
        raise({ type: port === 'open' ? 'opened' : 'failed' })
      } else if (port === 'closing') {
        port = 'none'
        raise({ type: 'closed' })
      } else if (port === 'open' && random() < 0.3) raise({ type: 'lost' })
    }
    raise({ type: 'start' })
    for (let i = 0; i < 100; i++) {
      if (random() < 0.5) portTurn()
      else raise({ type: 'looked', node: [null, 'a', 'b'][Math.floor(random() * 3)]! })
    }
    raise({ type: 'stop' })
    for (let i = 0; i < 10; i++) portTurn()
    expect(broken, `seed ${seed}`).toEqual([])
    expect([state.phase, port], `seed ${seed}`).toEqual(['stopped', 'none'])
  }
})
