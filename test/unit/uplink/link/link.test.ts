import { describe, expect, test } from 'vitest'
import {
  dueAtMs, idle, isOver, type LinkAction, type LinkEvent, type LinkPhase, type LinkRules, type LinkState, type OneLink, PROBE_MS_MAX, RETURN_MS_MAX, STABLE_MS, step,
} from '../../../../src/uplink/link/link.ts'
import { Random } from '../../../sim/random.ts'

const BACKOFF = { minMs: 1000, maxMs: 120_000 }
const STABLE_FOR_MS = 60_000
const NOW = 500_000

function rules(random: () => number = () => 0.5): LinkRules {
  return { backoffMinMs: BACKOFF.minMs, backoffMaxMs: [BACKOFF.maxMs, BACKOFF.maxMs, BACKOFF.maxMs], stableMs: [STABLE_FOR_MS, STABLE_FOR_MS, STABLE_FOR_MS], random }
}

/** A machine in virtual time: `at` moves it and asks when something is due, as links.ts does. */
class Machine {
  state: LinkState
  wanted: boolean[]
  nowMs = NOW
  actions: string[] = []
  readonly #rules: LinkRules

  constructor(dials: readonly boolean[], rulesOf = rules()) {
    this.state = idle(dials)
    this.wanted = dials.map(() => true)
    this.#rules = rulesOf
  }

  get phase(): string {
    const { phase, inUse } = this.state
    return inUse === null ? phase : `${phase} ${inUse}`
  }

  on(event: LinkEvent): this {
    const { state, actions } = step(this.state, event, this.nowMs, this.#rules)
    this.state = state
    this.actions.push(...actions.map(({ kind, link }) => `${kind} ${link}`))
    return this
  }

  tell(type: 'dialled' | 'dial-failed' | 'lost' | 'hung-up' | 'accepted' | 'ended' | 'break-off', link: number): this {
    return this.on({ type, link })
  }

  probed(link: number, isGood: boolean): this {
    return this.on({ type: 'probed', link, isGood })
  }

  ask(wanted = this.wanted): this {
    this.wanted = [...wanted]
    return this.on({ type: 'asked', wanted })
  }

  after(ms: number): this {
    this.nowMs += ms
    return this.ask()
  }

  /** To the next time that something is due. */
  due(): this {
    const dueMs = dueAtMs(this.state, this.nowMs)
    if (dueMs === Infinity) throw new Error(`nothing is due: ${this.phase}`)
    return this.after(dueMs - this.nowMs)
  }

  /** What was to be done since the last call. */
  done(): string[] {
    return this.actions.splice(0)
  }

  /** Probes of a link are answered until it has been in use again. */
  answerProbes(link: number): this {
    for (let n = 0; this.state.inUse !== link; n++) {
      if (n > 1000) throw new Error(`the link is never used: ${this.phase}`)
      if (this.state.links[link]!.probing) this.probed(link, true)
      else if (this.state.phase === 'hanging-up') this.tell('ended', this.state.carrier!)
      else this.due()
    }
    return this
  }
}

/** On the ethernet for so long that it is well. */
function onFirst(dials: readonly boolean[] = [false, false, false], rulesOf = rules()): Machine {
  const machine = new Machine(dials, rulesOf).ask()
  if (dials[0] === true) machine.tell('dialled', 0)
  machine.tell('accepted', 0).after(STABLE_MS)
  machine.done()
  return machine
}

/** The ethernet is dead, and the next is up. */
function onSecond(dials: readonly boolean[] = [false, false, false], rulesOf = rules()): Machine {
  const machine = onFirst(dials, rulesOf).tell('ended', 0).due().tell('ended', 0)
  if (dials[0] === true) machine.tell('hung-up', 0)
  if (dials[1] === true) machine.tell('dialled', 1)
  machine.tell('accepted', 1)
  machine.done()
  return machine
}

// ---- one link

const ONE: OneLink = { wanted: true, line: 'down', failures: 3, lastWaitMs: 4000, retryAtMs: NOW - 1, probing: false, goodSinceMs: null, relapses: 0 }

/** A link that is dialled, in each phase. */
const STATES: Readonly<Record<LinkPhase, LinkState>> = {
  idle: { phase: 'idle', sinceMs: 0, inUse: null, carrier: null, links: [{ ...ONE, wanted: false }] },
  dialling: { phase: 'dialling', sinceMs: NOW - 1000, inUse: 0, carrier: null, links: [{ ...ONE, line: 'dialling' }] },
  connecting: { phase: 'connecting', sinceMs: NOW - 1000, inUse: 0, carrier: 0, links: [{ ...ONE, line: 'up' }] },
  up: { phase: 'up', sinceMs: NOW - 1000, inUse: 0, carrier: 0, links: [{ ...ONE, line: 'up' }] },
  'hanging-up': { phase: 'hanging-up', sinceMs: NOW - 1000, inUse: 0, carrier: 0, links: [{ ...ONE, wanted: false, line: 'up' }] },
  waiting: { phase: 'waiting', sinceMs: NOW - 1000, inUse: null, carrier: null, links: [{ ...ONE, retryAtMs: NOW + 1 }] },
  stopped: { phase: 'stopped', sinceMs: NOW - 1000, inUse: null, carrier: null, links: [ONE] },
}
const EVENTS: Readonly<Record<string, LinkEvent>> = {
  asked: { type: 'asked', wanted: [true] },
  unwanted: { type: 'asked', wanted: [false] },
  dialled: { type: 'dialled', link: 0 },
  'dial-failed': { type: 'dial-failed', link: 0 },
  lost: { type: 'lost', link: 0 },
  'hung-up': { type: 'hung-up', link: 0 },
  accepted: { type: 'accepted', link: 0 },
  ended: { type: 'ended', link: 0 },
  'probed well': { type: 'probed', link: 0, isGood: true },
  'probed in vain': { type: 'probed', link: 0, isGood: false },
  'break-off': { type: 'break-off', link: 0 },
  'another link': { type: 'ended', link: 1 },
  stop: { type: 'stop' },
}
const MOVES: Readonly<Record<string, readonly [LinkPhase, ...string[]]>> = {
  'idle asked': ['dialling', 'dial'],
  'idle stop': ['stopped'],
  'dialling unwanted': ['hanging-up', 'hang-up'],
  'dialling dialled': ['connecting', 'connect'],
  'dialling dial-failed': ['waiting'],
  'dialling break-off': ['hanging-up', 'hang-up'],
  'dialling stop': ['stopped', 'hang-up'],
  'connecting unwanted': ['hanging-up', 'disconnect'],
  'connecting accepted': ['up'],
  'connecting ended': ['hanging-up', 'hang-up'],
  'connecting lost': ['hanging-up', 'hang-up', 'disconnect'],
  'connecting break-off': ['hanging-up', 'hang-up', 'disconnect'],
  'connecting stop': ['stopped', 'disconnect'],
  'up unwanted': ['hanging-up', 'disconnect'],
  'up ended': ['hanging-up', 'hang-up'],
  'up lost': ['hanging-up', 'hang-up', 'disconnect'],
  'up stop': ['stopped', 'disconnect'],
  'hanging-up ended': ['hanging-up', 'hang-up'],
  'hanging-up lost': ['hanging-up', 'hang-up'],
  'hanging-up stop': ['stopped'],
  'hanging-up asked': ['hanging-up'],
  'waiting unwanted': ['idle'],
  'waiting stop': ['stopped'],
}

describe.each(Object.keys(STATES) as LinkPhase[])('%s', (phase) => {
  test.each(Object.keys(EVENTS))('%s', (name) => {
    const before = STATES[phase]
    const copy = structuredClone(before)
    const { state, actions } = step(before, EVENTS[name]!, NOW, rules())
    const move = MOVES[`${phase} ${name}`]
    expect([state.phase, ...actions.map((a) => a.kind)]).toEqual(move ?? [phase])
    // What does not belong to the phase changes nothing.
    expect(state === before).toBe(move === undefined)
    expect(before).toEqual(copy) // the old state is not touched
  })
})

test('what is told of another link than the one in use changes nothing', () => {
  const machine = new Machine([false, false]).ask()
  const before = machine.state
  expect(machine.tell('accepted', 1).tell('ended', 1).tell('accepted', 7).state).toBe(before)
})

test('a link that was hung up because nothing was wanted has not failed', () => {
  const machine = new Machine([false]).ask().tell('ended', 0).due().tell('accepted', 0).ask([false]).tell('ended', 0)
  expect(machine.state.links[0]).toMatchObject({ failures: 0, lastWaitMs: 0 })
  machine.done()
  expect(machine.ask([true]).done()).toEqual(['connect 0'])
})

test('a link without a line is connected at once, and one with a line is dialled first', () => {
  expect(new Machine([false]).ask().done()).toEqual(['connect 0'])
  expect(new Machine([true]).ask().tell('dialled', 0).done()).toEqual(['dial 0', 'connect 0'])
})

test('what is not wanted any more is disconnected, then hung up, then idle', () => {
  const machine = new Machine([true]).ask().tell('dialled', 0).tell('accepted', 0)
  machine.done()
  expect(machine.ask([false]).done()).toEqual(['disconnect 0'])
  expect(machine.phase).toBe('hanging-up 0')
  expect(machine.tell('ended', 0).done()).toEqual(['hang-up 0'])
  expect(machine.phase).toBe('hanging-up')
  expect(machine.tell('hung-up', 0).phase).toBe('idle')
  expect(machine.state.links[0]).toMatchObject({ failures: 0, lastWaitMs: 0 })
})

test('a link that is wanted again while it is hung up is dialled when it is down', () => {
  const machine = new Machine([true]).ask().tell('dialled', 0).tell('accepted', 0).ask([false]).tell('ended', 0).ask([true])
  machine.done()
  expect(machine.phase).toBe('hanging-up')
  expect(machine.tell('hung-up', 0).done()).toEqual(['dial 0'])
})

test('a line that is lost takes the connection with it, and the link waits', () => {
  const machine = new Machine([true]).ask().tell('dialled', 0).tell('accepted', 0)
  machine.done()
  machine.tell('lost', 0).tell('ended', 0).tell('hung-up', 0)
  expect(machine.phase).toBe('waiting')
  expect(machine.state.links[0]).toMatchObject({ failures: 1, line: 'down' })
  expect(machine.due().phase).toBe('dialling 0')
})

test('an attempt that cost too much is broken off and waits like any other that failed', () => {
  for (const reached of ['dialling', 'connecting']) {
    const machine = new Machine([true]).ask()
    if (reached === 'connecting') machine.tell('dialled', 0)
    machine.tell('break-off', 0)
    if (reached === 'connecting') machine.tell('ended', 0)
    machine.tell('hung-up', 0)
    expect(machine.phase).toBe('waiting')
    expect(machine.state.links[0]).toMatchObject({ failures: 1, line: 'down' })
  }
})

test('a connection that is up has no ceiling', () => {
  const machine = new Machine([true]).ask().tell('dialled', 0).tell('accepted', 0)
  const before = machine.state
  expect(machine.tell('break-off', 0).state).toBe(before)
})

test('the line of a link that was well is kept for the next attempt', () => {
  const machine = onFirst([true]).tell('ended', 0)
  expect(machine.done()).toEqual([])
  expect(machine.due().done()).toEqual(['connect 0'])
})

// ---- back-off

describe('the wait', () => {
  const connecting = (more: Partial<OneLink>): LinkState => ({ ...STATES.connecting, links: [{ ...ONE, line: 'always', ...more }] })
  const up = (sinceMs: number, more: Partial<OneLink>): LinkState => ({ ...connecting(more), phase: 'up', sinceMs })
  const end = (state: LinkState, random: number, nowMs = NOW): OneLink => step(state, { type: 'ended', link: 0 }, nowMs, rules(() => random)).state.links[0]!

  test('lies between the minimum and three times the last one', () => {
    expect(end(connecting({ lastWaitMs: 4000 }), 0).lastWaitMs).toBe(1000)
    expect(end(connecting({ lastWaitMs: 4000 }), 0.999999).lastWaitMs).toBeCloseTo(12_000, 0)
    expect(end(connecting({ lastWaitMs: 4000 }), 0).retryAtMs).toBe(NOW + 1000)
  })

  test('begins within three times the minimum', () => {
    expect(end(connecting({ lastWaitMs: 0 }), 0).lastWaitMs).toBe(1000)
    expect(end(connecting({ lastWaitMs: 0 }), 0.999999).lastWaitMs).toBeCloseTo(3000, 0)
  })

  test('never leaves its bounds, and spreads', () => {
    const random = new Random(1)
    let state = connecting({ lastWaitMs: 0 })
    const waits: number[] = []
    for (let i = 0; i < 1000; i++) {
      const { lastWaitMs } = end(state, random.next())
      waits.push(lastWaitMs)
      state = connecting({ lastWaitMs })
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(BACKOFF.minMs)
    expect(Math.max(...waits)).toBeLessThanOrEqual(BACKOFF.maxMs)
    expect(new Set(waits).size).toBeGreaterThan(400)
  })

  test('starts over only after the link has been up for a stable time', () => {
    const flaky = end(up(NOW - STABLE_MS + 1, { lastWaitMs: 60_000 }), 0.5)
    expect(flaky.lastWaitMs).toBeGreaterThan(3000)
    expect(flaky.failures).toBe(4)
    const stable = end(up(NOW - STABLE_MS, { lastWaitMs: 60_000 }), 0.5)
    expect(stable.lastWaitMs).toBeLessThanOrEqual(3000)
    expect(stable.failures).toBe(0)
  })

  test('a broker that accepts and cuts off at once is waited for longer and longer', () => {
    const machine = new Machine([false], rules(() => 0.9)).ask()
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      machine.tell('accepted', 0).after(100).tell('ended', 0)
      waits.push(machine.state.links[0]!.lastWaitMs)
      machine.due()
    }
    expect(waits).toEqual([...waits].sort((a, b) => a - b))
    expect(waits.at(-1)).toBe(BACKOFF.maxMs)
  })

  test('of a dead link does not delay the next dearer one', () => {
    const machine = new Machine([false, true]).ask()
    expect(machine.tell('ended', 0).done()).toEqual(['connect 0', 'dial 1'])
  })

  test('nothing is due before it is over, and nothing when nothing is wanted', () => {
    const machine = new Machine([false]).ask().tell('ended', 0)
    const { retryAtMs } = machine.state.links[0]!
    expect(dueAtMs(machine.state, machine.nowMs)).toBe(retryAtMs)
    machine.done()
    machine.nowMs = retryAtMs - 1
    expect(machine.ask().done()).toEqual([])
    expect(machine.after(1).done()).toEqual(['connect 0'])
    expect(dueAtMs(machine.tell('ended', 0).ask([false]).state, machine.nowMs)).toBe(Infinity)
  })
})

// ---- several links

describe('failover', () => {
  test('begins with the cheapest that is wanted', () => {
    expect(new Machine([false, true, true]).ask([true, true, true]).done()).toEqual(['connect 0'])
    expect(new Machine([false, true, true]).ask([false, true, true]).done()).toEqual(['dial 1'])
    expect(new Machine([false, true, true]).ask([false, false, false]).phase).toBe('idle')
  })

  test('goes from link to link, and back to the cheapest whose back-off is over', () => {
    const machine = new Machine([false, true, true]).ask()
    machine.tell('ended', 0).tell('dial-failed', 1).tell('dialled', 2).tell('ended', 2)
    expect(machine.done()).toEqual(['connect 0', 'dial 1', 'dial 2', 'probe 0', 'connect 2', 'hang-up 2'].filter((a) => a !== 'probe 0'))
    expect(machine.phase).toBe('hanging-up')
    expect(machine.due().done()).toEqual(['connect 0'])
  })

  test('leaves out a dearer link that is not wanted', () => {
    const machine = new Machine([false, true, true]).ask([true, false, true])
    expect(machine.tell('ended', 0).done()).toEqual(['connect 0', 'dial 2'])
  })

  test('tries a link that was well once more before it goes to a dearer one', () => {
    const machine = onFirst().tell('ended', 0)
    expect(machine.phase).toBe('waiting')
    expect(machine.due().done()).toEqual(['connect 0'])
    expect(machine.tell('ended', 0).done()).toEqual(['connect 1'])
  })

  test('goes to the dearer one at once when the link was not well for long', () => {
    const machine = new Machine([false, false]).ask().tell('accepted', 0).after(STABLE_MS - 1)
    machine.done()
    expect(machine.tell('ended', 0).done()).toEqual(['connect 1'])
  })

  test('a dearer link that is not wanted any more is left, whatever the cheaper one does', () => {
    const machine = onSecond([false, true, false])
    expect(machine.ask([true, false, false]).tell('ended', 1).done()).toEqual(['disconnect 1', 'hang-up 1'])
    expect(machine.tell('hung-up', 1).phase).toBe('waiting')
  })

  test('no connection is opened before the last one has ended', () => {
    const machine = onSecond()
    machine.answerProbes(0)
    const done = machine.done()
    expect(done.indexOf('disconnect 1')).toBeGreaterThan(0)
    expect(done.indexOf('connect 0')).toBe(done.indexOf('disconnect 1') + 1)
    expect(machine.state.carrier).toBe(0)
  })

  test('a budget that is spent makes a link unavailable, and a new day gives it back', () => {
    const machine = onFirst()
    machine.ask([false, true, false])
    expect(machine.tell('ended', 0).done()).toEqual(['disconnect 0', 'connect 1'])
    machine.tell('accepted', 1).ask([true, true, false])
    expect(machine.done()).toEqual(['probe 0'])
    expect(machine.answerProbes(0).phase).toBe('connecting 0')
  })
})

describe('probes', () => {
  test('a cheaper link is probed while a dearer one is used, at its own back-off', () => {
    const machine = onSecond()
    expect(machine.due().done()).toEqual(['probe 0'])
    const before = machine.state.links[0]!
    machine.probed(0, false)
    expect(machine.state.links[0]!.failures).toBe(before.failures + 1)
    expect(machine.state.links[0]!.retryAtMs).toBeGreaterThan(machine.nowMs)
    expect(machine.phase).toBe('up 1')
  })

  test('a link that has to be dialled is dialled for its probes, stays so while it answers, and is hung up when it does not', () => {
    const machine = onSecond([true, false, false])
    expect(machine.due().done()).toEqual(['dial 0'])
    expect(machine.tell('dialled', 0).done()).toEqual(['probe 0'])
    expect(machine.probed(0, true).due().done()).toEqual(['probe 0'])
    expect(machine.probed(0, false).done()).toEqual(['hang-up 0'])
    expect(machine.state.links[0]!.goodSinceMs).toBeNull()
  })

  test('the line that was probed is the one that is used', () => {
    const machine = onSecond([true, false, false]).due().tell('dialled', 0)
    machine.done()
    machine.answerProbes(0)
    expect(machine.done().filter((a) => !a.startsWith('probe'))).toEqual(['disconnect 1', 'connect 0'])
  })

  test('takes over when every probe was answered for the stable time, not sooner', () => {
    const machine = onSecond().due()
    const beganMs = machine.nowMs
    machine.answerProbes(0)
    expect(machine.nowMs - beganMs).toBe(STABLE_FOR_MS)
    expect(machine.done().filter((a) => a === 'probe 0').length).toBeGreaterThanOrEqual(4)
  })

  test('one that is not answered begins the stable time anew', () => {
    const machine = onSecond().due()
    machine.probed(0, true).due().probed(0, true).due().probed(0, false).due()
    const beganMs = machine.nowMs
    machine.answerProbes(0)
    expect(machine.nowMs - beganMs).toBe(STABLE_FOR_MS)
  })

  test('are made one at a time', () => {
    const machine = onSecond().due()
    machine.done()
    expect(machine.ask().after(1000).done()).toEqual([])
  })

  test('the last one comes when the stable time is over', () => {
    const odd: LinkRules = { ...rules(), stableMs: [250_000, 60_000, 60_000] }
    const machine = onSecond([false, false, false], odd).due()
    const beganMs = machine.nowMs
    machine.answerProbes(0)
    expect(machine.nowMs - beganMs).toBe(250_000)
  })

  test('answers that come while the dearer link is ended end it once', () => {
    const machine = onSecond().due()
    while (machine.phase === 'up 1') machine.probed(0, true).due()
    machine.probed(0, true).ask()
    expect(machine.done().filter((a) => a === 'disconnect 1')).toHaveLength(1)
  })

  test('nor does the last answer, when it was being ended for another reason', () => {
    const machine = onSecond().due()
    machine.probed(0, true)
    while (machine.due().nowMs - machine.state.links[0]!.goodSinceMs! < STABLE_FOR_MS) machine.probed(0, true)
    machine.ask([true, false, true])
    machine.done()
    expect(machine.phase).toBe('hanging-up 1')
    expect(machine.probed(0, true).done()).toEqual([])
  })

  test('a link that was good and not needed is used at once later', () => {
    const machine = new Machine([false, false, false]).ask().tell('ended', 0).tell('ended', 1).tell('accepted', 2)
    machine.due()
    machine.probed(0, true).probed(1, true)
    machine.answerProbes(0)
    expect(machine.state.links[1]).toMatchObject({ goodSinceMs: null, retryAtMs: 0 })
    machine.done()
    expect(machine.tell('ended', 0).done()).toEqual(['connect 1'])
  })

  test('a link that answers is used at once when the dearer one fails', () => {
    const machine = onSecond().due().probed(0, true)
    machine.done()
    expect(machine.tell('ended', 1).done()).toEqual(['connect 0'])
  })

  test('are not made for a link that is not wanted, and its line is hung up', () => {
    const machine = onSecond([true, false, false]).due().tell('dialled', 0).probed(0, true)
    machine.done()
    expect(machine.ask([false, true, true]).done()).toEqual(['hang-up 0'])
    expect(dueAtMs(machine.tell('hung-up', 0).state, machine.nowMs)).toBe(Infinity)
  })

  test('end with the connection that they were for', () => {
    const machine = onSecond([true, false, false]).due().tell('dialled', 0)
    machine.done()
    machine.ask([false, false, false]).tell('ended', 1)
    expect(machine.done()).toEqual(['disconnect 1', 'hang-up 0'])
    const before = machine.state
    expect(machine.probed(0, true).state).toBe(before) // it was broken off with its line
  })

  test('an answer that comes when it is not needed any more changes nothing but that', () => {
    const machine = onSecond().due()
    machine.tell('ended', 1)
    machine.done()
    expect(machine.phase).toBe('connecting 0')
    expect(machine.probed(0, true).phase).toBe('connecting 0')
    expect(machine.done()).toEqual([])
    expect(machine.state.links[0]).toMatchObject({ probing: false, goodSinceMs: null })
  })

  test('a probe that costs too much is broken off', () => {
    const machine = onSecond([true, false, false]).due()
    machine.done()
    expect(machine.tell('break-off', 0).done()).toEqual(['hang-up 0'])
    expect(machine.phase).toBe('up 1')
  })

  test('come once a minute at the longest', () => {
    const slow: LinkRules = { ...rules(), stableMs: [86_400_000, 60_000, 60_000] }
    const machine = onSecond([false, false, false], slow).due().probed(0, true)
    expect(dueAtMs(machine.state, machine.nowMs)).toBe(machine.nowMs + PROBE_MS_MAX)
  })
})

describe('hysteresis', () => {
  /** Takes over, fails at once, and the dearer link is used again: how long the next stable time is. */
  function relapse(machine: Machine): number {
    machine.tell('ended', 0) // refused, although it answers
    machine.tell('accepted', 1)
    machine.due()
    const beganMs = machine.nowMs
    machine.answerProbes(0)
    return machine.nowMs - beganMs
  }

  test('each time a link takes over and fails it has to be there for twice as long', () => {
    const machine = onSecond().due().answerProbes(0)
    const times = Array.from({ length: 9 }, () => relapse(machine))
    expect(times.slice(0, 5)).toEqual([2, 4, 8, 16, 32].map((n) => n * STABLE_FOR_MS))
    expect(times.at(-1)).toBe(RETURN_MS_MAX)
  })

  test('until it has lasted', () => {
    const machine = onSecond().due().answerProbes(0)
    relapse(machine)
    machine.tell('accepted', 0).after(STABLE_FOR_MS).tell('ended', 0)
    expect(machine.state.links[0]!.relapses).toBe(0)
  })

  test('a link that answers but accepts nobody is gone over to a few times a day', () => {
    const machine = onSecond().due()
    const startMs = machine.nowMs
    let returns = 0
    while (machine.nowMs - startMs < 86_400_000) {
      machine.answerProbes(0)
      returns++
      machine.tell('ended', 0).tell('accepted', 1)
    }
    expect(returns).toBeLessThan(40)
  })
})

describe('stop', () => {
  test('ends the connection, then hangs up, and is over then', () => {
    const machine = new Machine([true]).ask().tell('dialled', 0).tell('accepted', 0)
    machine.done()
    expect(machine.on({ type: 'stop' }).done()).toEqual(['disconnect 0'])
    expect(isOver(machine.state)).toBe(false)
    expect(machine.tell('ended', 0).done()).toEqual(['hang-up 0'])
    expect(isOver(machine.state)).toBe(false)
    expect(isOver(machine.tell('hung-up', 0).state)).toBe(true)
    expect(machine.ask().done()).toEqual([])
  })

  test('hangs up every line', () => {
    const machine = onSecond([true, true, false]).due()
    machine.done()
    expect(machine.on({ type: 'stop' }).done()).toEqual(['disconnect 1', 'hang-up 0'])
    machine.tell('ended', 1).tell('hung-up', 0).tell('hung-up', 1)
    expect(isOver(machine.state)).toBe(true)
  })

  test('hangs up the line that was kept for the next attempt', () => {
    const machine = onFirst([true]).tell('ended', 0)
    expect(machine.on({ type: 'stop' }).done()).toEqual(['hang-up 0'])
    expect(isOver(machine.tell('hung-up', 0).state)).toBe(true)
  })

  test('before anything was begun', () => {
    expect(isOver(new Machine([true, false]).on({ type: 'stop' }).state)).toBe(true)
  })
})

// Whatever happens in whatever order: the rules at the head of link.ts.
describe('any events', () => {
  const KINDS = ['dialled', 'dial-failed', 'lost', 'hung-up', 'accepted', 'ended', 'break-off'] as const

  test.each([1, 2, 3, 4, 5])('seed %i', (seed) => {
    const random = new Random(seed)
    const dials = [random.chance(0.5), random.chance(0.5), random.chance(0.5)]
    let state = idle(dials)
    let nowMs = NOW
    let connections = 0
    const lines = dials.map(() => false)
    const run = (event: LinkEvent): readonly LinkAction[] => {
      const before = structuredClone(state)
      const { state: next, actions } = step(state, event, nowMs, rules(() => random.next()))
      expect(state).toEqual(before)
      if (event.type === 'ended' && event.link === state.carrier) connections--
      state = next
      for (const { kind, link } of actions) {
        if (kind === 'connect') connections++
        if (kind === 'dial') {
          expect(lines[link]).toBe(false)
          lines[link] = true
        }
        if (kind === 'hang-up') lines[link] = false
      }
      expect(connections).toBeLessThanOrEqual(1)
      expect(connections).toBe(state.carrier === null ? 0 : 1)
      const held = [...state.links.entries()].filter(([i, l]) => (l.line === 'up' || l.line === 'dialling') && i !== state.inUse && i !== state.carrier)
      const mayHold = (i: number, l: OneLink): boolean => l.wanted && (state.inUse === null ? l.failures === 0 && l.retryAtMs > nowMs : i < state.inUse && (l.line === 'dialling' || l.probing || l.goodSinceMs !== null || state.phase === 'hanging-up'))
      expect(held.filter(([i, l]) => !mayHold(i, l))).toEqual([])
      return actions
    }
    for (let i = 0; i < 5000; i++) {
      nowMs += random.int(0, 20_000)
      const link = random.int(0, 2)
      if (random.chance(0.3)) run({ type: 'asked', wanted: [random.chance(0.8), random.chance(0.7), random.chance(0.5)] })
      else if (random.chance(0.2)) run({ type: 'probed', link, isGood: random.chance(0.8) })
      else {
        const type = random.pick(KINDS)
        if (type === 'dial-failed' && state.links[link]!.line === 'dialling') lines[link] = false
        run({ type, link })
      }
    }
    run({ type: 'stop' })
    for (const link of [0, 1, 2]) for (const type of ['ended', 'hung-up'] as const) run({ type, link })
    expect(isOver(state)).toBe(true)
  })
})
