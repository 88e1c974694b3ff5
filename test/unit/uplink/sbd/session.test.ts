// The procedure with an Iridium modem, step by step: what is done after what, without a port and without time.
import { describe, expect, test } from 'vitest'
import type { AtAnswer } from '../../../../src/uplink/sbd/at-port.ts'
import { step } from '../../../../src/uplink/sbd/session.ts'
import { initialState, memoryOf, type SbdAction, type SbdEvent, type SbdPhase, type SbdState, type Surroundings } from '../../../../src/uplink/sbd/state.ts'
import { SBD } from '../../../support/sbd-bed.ts'

const NOW_MS = 1_000_000
const FRAME = Buffer.alloc(120, 7)

class Walk {
  env: Surroundings = { config: SBD, nowMs: NOW_MS, random: 0.5, mayCheck: true, kept: null }
  state: SbdState = initialState(memoryOf(SBD, NOW_MS))
  actions: readonly SbdAction[] = []

  on(event: SbdEvent): this {
    const { state, actions } = step(this.state, event, this.env)
    this.state = state
    this.actions = actions
    return this
  }

  ok(information = '', more: Partial<Extract<AtAnswer, { kind: 'ok' }>> = {}): this {
    return this.on({ type: 'answer', answer: { kind: 'ok', information, block: null, echoed: false, ...more } })
  }

  no(kind: 'error' | 'damaged' | 'silence'): this {
    return this.on({ type: 'answer', answer: { kind } })
  }

  frame(bytes: Buffer | null = FRAME): this {
    return this.on({ type: 'frame', bytes })
  }

  /** Up to the question what the modem holds. */
  setUp(): this {
    this.on({ type: 'start' }).ok()
    for (const information of ['', '', '', '300234010753370', 'IRIDIUM 9600', '', '']) this.ok(information)
    return this
  }

  /** Nothing is in the modem. */
  idle(): this {
    return this.setUp().ok('+SBDSX: 0, 5, 0, -1, 0, 0')
  }

  /** A session with a frame is under way. */
  calling(): this {
    return this.idle().frame().ok('+CSQ:5').ok('0')
  }

  get does(): string[] {
    return this.actions.map((action) => (action.kind === 'command' ? action.command.text : action.kind))
  }
}

const HELD = '+SBDSX: 1, 6, 0, -1, 0, 0'

test('the way of a frame', () => {
  const walk = new Walk()
  expect(walk.on({ type: 'start' }).does).toEqual(['AT'])
  expect(walk.ok().does).toEqual(['ATE0'])
  expect(walk.ok().does).toEqual(['ATV1'])
  expect(walk.ok().does).toEqual(['AT&K0'])
  expect(walk.ok().does).toEqual(['AT+CGSN'])
  expect(walk.ok('300234010753370').does).toEqual(['AT+CGMM'])
  expect(walk.ok('IRIDIUM 9600').does).toEqual(['AT+SBDMTA=1'])
  expect(walk.ok().does).toEqual(['AT+CIER=1,1,0'])
  expect(walk.ok().does).toEqual(['AT+SBDSX'])
  expect(walk.ok('+SBDSX: 0, 5, 0, -1, 0, 0').does).toEqual(['up', 'take'])
  expect(walk.frame().does).toEqual(['AT+CSQ'])
  expect(walk.ok('+CSQ:2').does).toEqual(['AT+SBDWB=120'])
  expect(walk.ok('0').does).toEqual(['AT+SBDIX'])
  expect(walk.ok('+SBDIX: 0, 5, 0, 0, 0, 0').does).toEqual(['session', 'AT+SBDSX'])
  expect(walk.ok(HELD).does).toEqual(['settle', 'AT+SBDD0'])
  expect(walk.ok('0').does).toEqual(['cleared', 'take'])
  expect(walk.frame(null).does).toEqual([])
  expect(walk.state).toMatchObject({ phase: 'resting', imei: '300234010753370', model: 'IRIDIUM 9600', frame: null, hasMo: false, signal: 2 })
})

test('hardware flow control is asked for where it is configured', () => {
  const walk = new Walk()
  walk.env = { ...walk.env, config: { ...SBD, hardwareFlow: true } }
  expect(walk.on({ type: 'start' }).ok().ok().ok().does).toEqual(['AT&K3'])
})

describe('a frame is settled only when', () => {
  test('the modem still holds it: one that started anew before the session sent nothing', () => {
    const walk = new Walk().calling()
    expect(walk.ok('+SBDIX: 0, 5, 0, 0, 0, 0').ok('+SBDSX: 0, 6, 0, -1, 0, 0').does).toEqual(['give-back', 'AT'])
  })

  test('the modem has counted the session, when it is known to count', () => {
    const walk = new Walk().calling().ok('+SBDIX: 0, 5, 0, 0, 0, 0').ok(HELD).ok('0').frame().ok('+CSQF:5').ok('0')
    expect(walk.state.memory.countsSessions).toBe(true)
    // 13 became 3 on the line: asked three times it says that there was no session.
    walk.ok('+SBDIX: 3, 6, 2, 0, 0, 0')
    expect(walk.ok(HELD).does).toEqual(['AT+SBDSX'])
    expect(walk.ok(HELD).does).toEqual(['AT+SBDSX'])
    expect(walk.ok(HELD).does).toEqual(['give-back', 'AT+SBDD0'])
  })

  test('or the modem was never seen to count', () => {
    const walk = new Walk().calling().ok('+SBDIX: 0, 5, 0, 0, 0, 0').ok('+SBDSX: 1, 5, 0, -1, 0, 0').ok('+SBDSX: 1, 5, 0, -1, 0, 0')
    expect(walk.ok('+SBDSX: 1, 5, 0, -1, 0, 0').does).toEqual(['settle', 'AT+SBDD0'])
  })

  test('its answer came: otherwise it goes again', () => {
    for (const kind of ['silence', 'damaged'] as const) {
      const walk = new Walk().calling().no(kind)
      expect(walk.does).toEqual(['session', 'give-back', 'AT'])
      expect(walk.actions[0]).toMatchObject({ upBytes: 120, isKnown: false })
    }
  })

  test('the modem has not repeated the command: then it has started anew', () => {
    expect(new Walk().calling().ok('+SBDIX: 0, 5, 0, 0, 0, 0', { echoed: true }).does).toEqual(['session', 'give-back', 'AT'])
  })

  test('a question that gets no answer after the session leaves it open until the modem answers again', () => {
    const walk = new Walk().calling().ok('+SBDIX: 0, 5, 0, 0, 0, 0').no('silence')
    expect(walk.does).toEqual(['AT'])
    for (const information of ['', '', '', '', '300234010753370', 'IRIDIUM 9600', '', '']) walk.ok(information)
    expect(walk.ok(HELD).does).toEqual(['settle', 'AT+SBDD0'])
  })
})

describe('a session that fails', () => {
  test('gives the frame back, waits, and clears the modem', () => {
    const walk = new Walk().calling().ok('+SBDIX: 18, 5, 2, 0, 0, 0').ok('+SBDSX: 1, 5, 0, -1, 0, 0')
    expect(walk.does).toEqual(['give-back', 'AT+SBDD0'])
    expect(walk.ok('0').does).toEqual(['cleared'])
    expect(walk.state).toMatchObject({ phase: 'resting', wakeAtMs: NOW_MS + 2500 })
    expect(walk.on({ type: 'due' }).does, 'too early').toEqual([])
    walk.env = { ...walk.env, nowMs: NOW_MS + 2500 }
    expect(walk.on({ type: 'due' }).does).toEqual(['take'])
  })

  test('a ring does not shorten the wait, and is answered after it', () => {
    const walk = new Walk().calling().ok('+SBDIX: 36, 5, 2, 0, 0, 0').ok('+SBDSX: 1, 5, 0, -1, 0, 0').ok('0')
    expect(walk.on({ type: 'unasked', line: 'SBDRING' }).does).toEqual([])
    expect(walk.state.wakeAtMs).toBe(NOW_MS + 189_000)
    walk.env = { ...walk.env, nowMs: NOW_MS + 189_000 }
    expect(walk.on({ type: 'due' }).frame(null).ok('+CSQ:3').does).toEqual(['AT+SBDIXA'])
  })

  test('for its size: the next frame is asked for at half of it, down to 50 bytes; then somebody has to look', () => {
    const walk = new Walk().idle()
    const sizes: number[] = []
    for (let length = 340; walk.state.phase !== 'over'; length = sizes.at(-1)!) {
      walk.frame(Buffer.alloc(length)).ok('+CSQF:5').ok('0').ok('+SBDIX: 12, 5, 2, 0, 0, 0').ok('+SBDSX: 1, 5, 0, -1, 0, 0').ok('0')
      const take = walk.actions.find((action) => action.kind === 'take')
      if (take !== undefined) sizes.push(take.bytesMax)
    }
    expect(sizes).toEqual([170, 85, 50])
    expect(walk.actions.at(-1)).toMatchObject({ kind: 'end', why: expect.stringContaining('50 bytes only') as string })
  })

  test('for a fault that a person must mend: over, and no carrier tries before half an hour', () => {
    const walk = new Walk().calling().ok('+SBDIX: 15, 5, 2, 0, 0, 0').ok('+SBDSX: 1, 5, 0, -1, 0, 0').ok('0')
    expect(walk.actions.at(-1)).toMatchObject({ kind: 'end', why: expect.stringContaining('denies access') as string })
    const next = new Walk()
    next.state = initialState(walk.state.memory)
    expect(next.on({ type: 'start' }).does).toEqual(['end'])
    next.state = initialState(walk.state.memory)
    next.env = { ...next.env, nowMs: NOW_MS + 33 * 60_000 }
    expect(next.on({ type: 'start' }).does).toEqual(['AT'])
  })

  test('a message down that came with it is read first', () => {
    const walk = new Walk().calling().ok('+SBDIX: 15, 5, 1, 9, 3, 0').ok('+SBDSX: 1, 5, 1, 9, 0, 0')
    expect(walk.does).toEqual(['give-back', 'AT+SBDRB'])
    expect(walk.ok('', { block: Buffer.from('abc') }).does).toEqual(['message'])
    expect(walk.on({ type: 'kept' }).does).toEqual(['AT+SBDD2'])
    expect(walk.ok('0').does).toEqual(['cleared', 'end'])
  })
})

describe('messages down', () => {
  const received = (): Walk => new Walk().calling().ok('+SBDIX: 0, 5, 1, 9, 3, 4').ok('+SBDSX: 1, 6, 1, 9, 0, 4')

  test('nothing is cleared, and no session begins, before the owner keeps it', () => {
    const walk = received()
    expect(walk.does).toEqual(['settle', 'AT+SBDRB'])
    expect(walk.ok('', { block: Buffer.from('abc') }).actions).toEqual([{ kind: 'message', bytes: Buffer.from('abc'), mtmsn: 9, isFound: false }])
    for (const event of [{ type: 'due' }, { type: 'unasked', line: 'SBDRING' }, { type: 'unasked', line: '+CIEV:0,5' }] as const) expect(walk.on(event).does).toEqual([])
    expect(walk.on({ type: 'kept' }).does).toEqual(['AT+SBDD2'])
  })

  test('one that the owner cannot keep now stays where it is, and is read again a minute later', () => {
    const walk = received().ok('', { block: Buffer.from('abc') })
    expect(walk.on({ type: 'refused' }).does).toEqual([])
    expect(walk.state).toMatchObject({ phase: 'resting', wakeAtMs: NOW_MS + 60_000 })
    expect(walk.on({ type: 'due' }).on({ type: 'unasked', line: 'SBDRING' }).does).toEqual([])
    walk.env = { ...walk.env, nowMs: NOW_MS + 60_000 }
    expect(walk.on({ type: 'due' }).does).toEqual(['AT+SBDRB'])
  })

  test('more of them wait: the next session follows', () => {
    const walk = received().ok('', { block: Buffer.from('abc') }).on({ type: 'kept' }).ok('0')
    expect(walk.frame(null).does).toEqual(['AT+SBDIX'])
  })

  test('damaged, it is read again; in the end the way back is taken, and it is read once more', () => {
    const walk = received()
    expect(walk.no('damaged').does).toEqual(['AT+SBDRB'])
    expect(walk.no('damaged').does).toEqual(['AT+SBDRB'])
    expect(walk.no('damaged').does).toEqual(['AT'])
    for (const information of ['', '', '', '', '300234010753370', 'IRIDIUM 9600', '', '']) walk.ok(information)
    expect(walk.ok('+SBDSX: 1, 6, 1, 9, 0, 4').does).toEqual(['AT+SBDRB'])
  })

  test('one that cannot be read ever: over, and it stays in the modem', () => {
    const walk = received()
    for (let i = 0; i < 100 && walk.state.phase !== 'over'; i++) {
      if (walk.state.phase === 'asking') walk.ok('+SBDSX: 1, 6, 1, 9, 0, 4')
      else if (walk.state.phase === 'reading') walk.no('damaged')
      else walk.ok('300234010753370')
      expect(walk.does.filter((text) => /SBDIX|SBDD/.test(text))).toEqual([])
    }
    expect(walk.state.phase).toBe('over')
  })

  test('one that the modem lost is told', () => {
    expect(received().ok('', { block: Buffer.alloc(0) }).does).toEqual(['message-lost', 'AT+SBDD0'])
    const walk = new Walk().calling().ok('+SBDIX: 0, 5, 1, 9, 3, 0')
    for (let i = 0; i < 3; i++) walk.ok('+SBDSX: 0, 6, 0, -1, 0, 0')
    expect(walk.does).toEqual(['message-lost', 'give-back', 'AT'])
  })

  test('found at the start it is read, and one up is cleared, before anything is sent', () => {
    const walk = new Walk().setUp().ok('+SBDSX: 1, 5, 1, 8, 0, 0')
    expect(walk.does).toEqual(['up', 'AT+SBDRB'])
    expect(walk.ok('', { block: Buffer.from('abc') }).actions[0]).toMatchObject({ isFound: true, mtmsn: 8 })
    expect(walk.on({ type: 'kept' }).does).toEqual(['AT+SBDD2'])
    expect(new Walk().setUp().ok('+SBDSX: 1, 5, 0, -1, 0, 0').does).toEqual(['up', 'AT+SBDD0'])
  })

  test('one that the owner keeps already is not read again', () => {
    const walk = new Walk().setUp()
    walk.env = { ...walk.env, kept: { imei: '300234010753370', mtmsn: 8 } }
    expect(walk.ok('+SBDSX: 0, 5, 1, 8, 0, 0').does).toEqual(['up', 'AT+SBDD1'])
  })

  test('too large to be had: its ring and its number cost no further session', () => {
    const walk = new Walk().idle().frame(null).on({ type: 'unasked', line: 'SBDRING' }).frame(null).ok('+CSQ:5')
    expect(walk.does).toEqual(['AT+SBDIXA'])
    walk.ok('+SBDIX: 1, 5, 2, 0, 0, 1').ok('+SBDSX: 0, 6, 0, -1, 1, 1')
    expect(walk.does).toEqual(['take'])
    expect(walk.frame(null).state).toMatchObject({ phase: 'resting', hasRung: false, queued: 0 })
    walk.env = { ...walk.env, nowMs: NOW_MS + 300_000 }
    expect(walk.on({ type: 'due' }).frame(null).does).toEqual(['AT+SBDSX'])
    expect(walk.ok('+SBDSX: 0, 6, 0, -1, 1, 1').frame(null).does).toEqual([])
  })

  test('a mailbox that cannot be opened is tried again, later each time', () => {
    const walk = new Walk().idle().frame(null).on({ type: 'unasked', line: 'SBDRING' }).frame(null).ok('+CSQ:5').ok('+SBDIX: 0, 5, 2, 0, 0, 0').ok('+SBDSX: 0, 6, 0, -1, 1, 0')
    expect(walk.state).toMatchObject({ phase: 'resting', hasRung: true, memory: { failures: 1 } })
  })
})

describe('when a session is begun', () => {
  test('not with too little signal: the frame goes back, and the modem’s word that it is better is enough', () => {
    const walk = new Walk().idle().frame().ok('+CSQ:1')
    expect(walk.does).toEqual(['give-back'])
    expect(walk.state).toMatchObject({ phase: 'resting', wakeAtMs: NOW_MS + 30_000 })
    expect(walk.on({ type: 'due' }).does).toEqual([])
    expect(walk.on({ type: 'unasked', line: '+CIEV:0,1' }).does).toEqual([])
    expect(walk.on({ type: 'unasked', line: '+CIEV:0,3' }).does).toEqual(['take'])
    expect(walk.frame().does, 'it need not be measured again').toEqual(['AT+SBDWB=120'])
  })

  test('ERROR instead of a signal is none', () => {
    expect(new Walk().idle().frame().no('error').does).toEqual(['give-back'])
  })

  test('without asking where the signal does not matter', () => {
    const walk = new Walk().idle()
    walk.env = { ...walk.env, config: { ...SBD, signalMin: 0 } }
    expect(walk.frame().does).toEqual(['AT+SBDWB=120'])
  })

  test('for the mailbox alone, when it is time; not when it may not cost anything', () => {
    const config = { ...SBD, checkMs: 3_600_000 }
    const walk = new Walk()
    walk.env = { ...walk.env, config, mayCheck: false }
    walk.state = initialState(memoryOf(config, NOW_MS))
    expect(walk.idle().frame(null).does).toEqual([])
    expect(walk.state.wakeAtMs).toBe(NOW_MS + 600_000)
    walk.env = { ...walk.env, mayCheck: true, nowMs: NOW_MS + 600_000 }
    expect(walk.on({ type: 'due' }).frame(null).ok('+CSQ:5').does).toEqual(['AT+SBDIX'])
    walk.ok('+SBDIX: 0, 5, 0, 0, 0, 0').ok('+SBDSX: 0, 6, 0, -1, 0, 0')
    expect(walk.state.memory.nextCheckMs).toBe(NOW_MS + 600_000 + 3_600_000)
  })

  test('a frame larger than was asked for is not taken', () => {
    expect(new Walk().idle().frame(Buffer.alloc(341)).does).toEqual(['give-back', 'end'])
  })
})

describe('writing', () => {
  test('is tried three times, then the way back is taken', () => {
    const walk = new Walk().idle().frame().ok('+CSQ:5')
    expect(walk.ok('2').does).toEqual(['AT+SBDWB=120'])
    expect(walk.ok('1').does).toEqual(['AT+SBDWB=120'])
    expect(walk.no('error').does).toEqual(['give-back', 'AT'])
  })

  test('a size that the modem refuses is halved', () => {
    expect(new Walk().idle().frame().ok('+CSQ:5').ok('3').does).toEqual(['smaller', 'give-back', 'AT+SBDD0'])
  })
})

describe('a modem that does not answer', () => {
  test('is called with empty lines and Q0, less and less often, for three minutes; then over', () => {
    const walk = new Walk().on({ type: 'start' })
    let waitedMs = 0
    let calls = 0
    while (walk.state.phase !== 'over') {
      const [action] = walk.actions
      if (action?.kind !== 'command') throw new Error('no command')
      if (calls++ > 0) expect(action.command.text).toBe(`${'\r'.repeat(342)}ATQ0`)
      waitedMs += action.command.timeoutMs
      walk.no('silence')
    }
    expect(calls).toBe(8)
    expect(waitedMs).toBeGreaterThan(180_000)
    expect(walk.actions).toEqual([{ kind: 'end', why: expect.stringContaining('no modem answers at /dev/modem') as string }])
  })

  test('nonsense six times in a row: over', () => {
    const walk = new Walk().on({ type: 'start' })
    for (let i = 0; i < 6; i++) {
      walk.ok()
      expect(walk.no('damaged').state.resyncs).toBe(Math.min(5, i + 1))
    }
    expect(walk.does).toEqual(['end'])
  })

  test('a modem of another kind is told by what it does not know', () => {
    const walk = new Walk().setUp()
    for (let i = 0; walk.state.phase !== 'over' && i < 100; i++) {
      if (walk.state.phase === 'asking') walk.no('error')
      else walk.ok('300234010753370')
    }
    expect(walk.actions[0]).toMatchObject({ why: expect.stringContaining('does not know AT+SBDSX') as string })
  })

  test('what it need not know it need not know: +CIER, +CGMM', () => {
    const walk = new Walk().on({ type: 'start' }).ok().ok().ok().ok().ok('300234010753370').no('error').ok().no('error')
    expect(walk.does).toEqual(['AT+SBDSX'])
  })
})

/** A state of each phase. */
const PHASES: Readonly<Record<SbdPhase, () => Walk>> = {
  idle: () => new Walk(),
  syncing: () => new Walk().on({ type: 'start' }),
  setting: () => new Walk().on({ type: 'start' }).ok(),
  asking: () => new Walk().setUp(),
  taking: () => new Walk().idle(),
  resting: () => new Walk().idle().frame(null),
  measuring: () => new Walk().idle().frame(),
  writing: () => new Walk().idle().frame().ok('+CSQ:5'),
  calling: () => new Walk().calling(),
  reading: () => new Walk().setUp().ok('+SBDSX: 0, 5, 1, 8, 0, 0'),
  keeping: () => new Walk().setUp().ok('+SBDSX: 0, 5, 1, 8, 0, 0').ok('', { block: Buffer.from('a') }),
  clearing: () => new Walk().setUp().ok('+SBDSX: 1, 5, 0, -1, 0, 0'),
  over: () => new Walk().on({ type: 'stop' }),
}

describe.each(Object.keys(PHASES) as SbdPhase[])('in the phase %s', (phase) => {
  const BELONG: Readonly<Record<string, readonly SbdPhase[]>> = { start: ['idle'], due: ['resting'], frame: ['taking'], kept: ['keeping'], refused: ['keeping'] }
  const EVENTS: readonly SbdEvent[] = [{ type: 'start' }, { type: 'due' }, { type: 'frame', bytes: FRAME }, { type: 'kept' }, { type: 'refused' }]

  test('it is that phase', () => {
    expect(PHASES[phase]().state.phase).toBe(phase)
  })

  test('an event that does not belong to it changes nothing', () => {
    for (const event of EVENTS) {
      if (BELONG[event.type]!.includes(phase)) continue
      const walk = PHASES[phase]()
      const before = walk.state
      expect([walk.on(event).state === before, walk.does], event.type).toEqual([true, []])
    }
  })

  test('an answer to nothing changes nothing', () => {
    if (!(['idle', 'resting', 'taking', 'keeping', 'over'] as SbdPhase[]).includes(phase)) return
    const walk = PHASES[phase]()
    const before = walk.state
    expect([walk.ok('0').state === before, walk.no('silence').state === before]).toEqual([true, true])
  })

  test('a port that is lost ends it once, and what was taken goes back', () => {
    const walk = PHASES[phase]()
    const held = walk.state.frame !== null
    walk.on({ type: 'lost', why: 'unplugged' })
    const does = [...(phase === 'calling' ? ['session'] : []), ...(held ? ['give-back'] : []), 'end']
    expect(walk.does).toEqual(phase === 'over' ? [] : does)
    expect(walk.on({ type: 'lost', why: 'again' }).does).toEqual([])
  })

  test('a stop ends it at once, unless something is half done in the modem', () => {
    const walk = PHASES[phase]().on({ type: 'stop' })
    const isHalf = (['calling', 'reading', 'keeping', 'clearing'] as SbdPhase[]).includes(phase)
    expect(walk.state.phase).toBe(isHalf ? phase : 'over')
    expect(walk.state.isStopping).toBe(isHalf)
  })
})

test('a stop lets the session end, what came down be kept, and nothing more begin', () => {
  const walk = new Walk().calling().on({ type: 'stop' })
  expect(walk.does).toEqual([])
  expect(walk.ok('+SBDIX: 0, 5, 1, 9, 3, 4').does).toEqual(['session', 'AT+SBDSX'])
  expect(walk.on({ type: 'stop' }).does).toEqual([])
  expect(walk.ok('+SBDSX: 1, 6, 1, 9, 0, 4').does).toEqual(['settle', 'AT+SBDRB'])
  walk.ok('', { block: Buffer.from('abc') }).on({ type: 'kept' })
  expect(walk.ok('0').actions).toEqual([{ kind: 'cleared' }, { kind: 'end', why: 'stopped' }])
})
