// What is done with an Iridium modem, and when. Pure: an event gives the next state and what to do; link.ts does it.
//
//   idle ─► syncing ─► setting ─► asking ─┬──────────────────────────────► resting ─► taking ─► measuring ─► writing ─► calling ─► asking
//           AT         ATE0 …     SBDSX   └► reading ─► keeping ─► clearing ──┘                   CSQ          SBDWB      SBDIX      SBDSX
//                                            SBDRB      the owner  SBDD
//
//   no answer, or none that makes sense: syncing again, whatever was done; and over, when that leads nowhere
//
// What is always true
//   1. A frame is settled only when its session was said to have succeeded, the modem has counted it, and still holds the frame: a modem that
//      starts anew forgets it, a session without a message succeeds too, and a line of text may be damaged. What is not proven is given
//      back and goes again; the receiver knows it by its numbers.
//   2. No session begins while the modem holds a message down that the owner does not keep yet: a session clears it, and the network has
//      it no more.
//   3. What an earlier process left in the modem is found by SBDSX before anything else: a message down is read, one up is cleared.
//   4. An event that does not belong to the phase changes nothing.
import type { AtAnswer } from './at-port.ts'
import * as at from './commands.ts'
import type { SessionResult, StatusResult } from './commands.ts'
import type { SbdAction, SbdEvent, SbdState, SbdStep, Surroundings } from './state.ts'
import { after, bytesMaxOf, command, delayed, failedSession, giveBack, go, isKept, same, sessionOfUnknownEnd } from './state.ts'
import { BLOCKED_MS, MAILBOX_FAILED, REFUSED, type Verdict, verdictOf } from './status.ts'

/** A signal that was told so shortly ago still holds. */
const SIGNAL_FRESH_MS = 10_000
/** Too weak a signal is measured again after so long; the modem tells sooner that it has changed. */
const WEAK_MS = 30_000
/** What may not be paid for is asked for again this often. */
const UNPAID_MS = 10 * 60_000
/** A modem that has nothing to do is asked this often how it is. */
const ASK_MS = 5 * 60_000
/** What the owner could not keep is told again after so long. */
const REFUSED_MS = 60_000
/** Of one command, before the way back is taken. */
const TRIES_MAX = 3
/** Ways back in a row that led nowhere. */
const RESYNCS_MAX = 5
/** Every network takes messages of this size: below, it is not the size. */
const FRAME_BYTES_MIN = 50
const STOPPED = 'stopped'

/** An event that does not belong to the phase gives the same state object and nothing to do. */
export function step(state: SbdState, event: SbdEvent, env: Surroundings): SbdStep {
  const { phase } = state
  if (phase === 'over') return same(state)
  switch (event.type) {
    case 'start':
      return phase === 'idle' ? start(state, env) : same(state)
    case 'answer':
      return onAnswer(state, event.answer, env)
    case 'unasked':
      return onUnasked(state, event.line, env)
    case 'due':
      return phase === 'resting' ? rest(state, env) : same(state)
    case 'frame':
      return phase === 'taking' ? onFrame({ ...state, frame: event.bytes }, env) : same(state)
    case 'kept':
      return phase === 'keeping' ? clear(state) : same(state)
    case 'refused':
      return phase === 'keeping' ? rest({ ...state, refusedUntilMs: env.nowMs + REFUSED_MS }, env) : same(state)
    case 'stop':
      return onStop(state)
    case 'lost':
      return after(phase === 'calling' ? [sessionOfUnknownEnd(state)] : [], over(state, event.why))
  }
}

// ---- to the modem and back to it

function start(state: SbdState, env: Surroundings): SbdStep {
  const { blocked, notBeforeMs } = state.memory
  if (blocked !== null && env.nowMs < notBeforeMs) return over(state, blocked)
  return synchronise(state, env)
}

function synchronise(state: SbdState, { config }: Surroundings, tries = 0): SbdStep {
  return go({ ...state, phase: 'syncing', tries }, command(at.sync(tries, config.bytesMax, config.baud)))
}

/** The answer did not come, or cannot be relied on. */
function resync(state: SbdState, env: Surroundings): SbdStep {
  const resyncs = state.resyncs + 1
  if (resyncs > RESYNCS_MAX) return over(state, `what the modem at ${env.config.path} says cannot be understood: check the cable, and that \`baud\` is the modem’s`)
  return synchronise({ ...state, resyncs }, env)
}

function onAnswer(state: SbdState, answer: AtAnswer, env: Surroundings): SbdStep {
  const { phase } = state
  if (phase === 'syncing') return onSynced(state, answer, env)
  if (phase === 'setting') return onSet(state, answer, env)
  // A modem that was told not to repeat and does has started anew: its messages and its settings are gone.
  const heard: AtAnswer = answer.kind === 'ok' && answer.echoed ? { kind: 'damaged' } : answer
  switch (phase) {
    case 'asking':
      return heard.kind === 'ok' ? onAsked(state, at.parseStatus(heard.information), env) : onNoStatus(state, heard, env)
    case 'measuring':
      return onMeasured(state, heard, env)
    case 'writing':
      return onWritten(state, heard, env)
    case 'calling':
      return onCalled(state, heard, env)
    case 'reading':
      return onRead(state, heard, env)
    case 'clearing':
      return onCleared(state, heard, env)
    default:
      return same(state)
  }
}

function onSynced(state: SbdState, answer: AtAnswer, env: Surroundings): SbdStep {
  if (answer.kind === 'ok') return setUp({ ...state, setupStep: 0 }, env)
  const tries = state.tries + 1
  if (tries < at.SYNC_TRIES_MAX) return synchronise(state, env, tries)
  return over(state, `no modem answers at ${env.config.path}: check its power, the cable, and that \`baud\` is the modem’s (19200 as delivered)`)
}

function setUp(state: SbdState, { config }: Surroundings): SbdStep {
  const setup = at.setupOf(config.hardwareFlow)[state.setupStep]
  if (setup === undefined) return ask(state)
  return go({ ...state, phase: 'setting', tries: 0 }, command(setup.command))
}

function onSet(state: SbdState, answer: AtAnswer, env: Surroundings): SbdStep {
  const { isNeeded, tells } = at.setupOf(env.config.hardwareFlow)[state.setupStep]!
  if (answer.kind !== 'ok' && (isNeeded || answer.kind !== 'error')) return resync(state, env)
  const told = answer.kind === 'ok' && tells !== undefined ? { [tells]: answer.information } : {}
  return setUp({ ...state, ...told, setupStep: state.setupStep + 1 }, env)
}

function ask(state: SbdState): SbdStep {
  return go({ ...state, phase: 'asking', tries: 0 }, command(at.status))
}

function onNoStatus(state: SbdState, answer: AtAnswer, env: Surroundings): SbdStep {
  const refused = `the modem at ${env.config.path}${state.model === '' ? '' : ` (${state.model})`} does not know AT+SBDSX: an Iridium 9602, 9603 or 9523 is needed`
  return answer.kind === 'error' && state.resyncs >= TRIES_MAX ? over(state, refused) : resync(state, env)
}

/** What is in the modem: after a session, or from before the way back was taken, or from before this carrier. */
function onAsked(state: SbdState, status: StatusResult, env: Surroundings): SbdStep {
  const { result } = state
  // One of the two lines is damaged; which one, this one tells when it comes again.
  if (result !== null && at.contradicts(result, status) && state.tries < TRIES_MAX - 1) return go({ ...state, tries: state.tries + 1 }, command(at.status))
  const { hasMo, hasMt, mtmsn } = status
  const hadMt = result === null ? state.mtmsn !== null : result.mtStatus === at.MT_RECEIVED
  const actions: SbdAction[] = state.isUp ? [] : [{ kind: 'up' }]
  if (hadMt && !hasMt && !isKept(state, env)) actions.push({ kind: 'message-lost' })
  const asked = {
    ...state,
    isUp: true,
    hasMo,
    mtmsn: hasMt ? mtmsn : null,
    isMtFound: hasMt && result === null && state.mtmsn !== mtmsn,
    // Only what is news: a ring that no session can end must not cost one after the other.
    hasRung: state.hasRung || (status.rung && !state.hadRung && result === null),
    hadRung: status.rung,
    queued: state.isUp ? state.queued : status.queued,
    askedAtMs: env.nowMs,
    result: null,
  }
  return after(actions, result === null ? giveBack(asked, (s) => receive(s, env)) : conclude(asked, result, status, env))
}

// ---- resting

function rest(state: SbdState, env: Surroundings): SbdStep {
  if (state.isStopping) return over(state, STOPPED)
  if (state.mtmsn !== null) return env.nowMs < state.refusedUntilMs ? go({ ...state, phase: 'resting', wakeAtMs: state.refusedUntilMs }) : receive(state, env)
  const { blocked } = state.memory
  const notBeforeMs = Math.max(state.memory.notBeforeMs, state.weakUntilMs)
  if (blocked !== null && env.nowMs < notBeforeMs) return over(state, blocked)
  if (env.nowMs < notBeforeMs) return go({ ...state, phase: 'resting', wakeAtMs: notBeforeMs })
  return go({ ...state, phase: 'taking' }, { kind: 'take', bytesMax: bytesMaxOf(state, env) })
}

function onFrame(state: SbdState, env: Surroundings): SbdStep {
  const { nowMs, config } = env
  const { frame } = state
  if (frame !== null && frame.length > bytesMaxOf(state, env)) return over(state, `a frame of ${frame.length} bytes is larger than a message of this link, ${bytesMaxOf(state, env)} bytes`)
  const isChecking = frame === null
  if (isChecking && !state.hasRung && state.queued === 0 && nowMs < state.memory.nextCheckMs) return watch(state, nowMs)
  if (isChecking && !env.mayCheck) return go({ ...state, phase: 'resting', wakeAtMs: nowMs + UNPAID_MS })
  const isFresh = nowMs - state.signalAtMs < SIGNAL_FRESH_MS
  if (config.signalMin === 0 || (isFresh && state.signal >= config.signalMin)) return load(state, env)
  // In a session it has just listened: its last reading is a good one.
  return go({ ...state, phase: 'measuring' }, command(at.signal(nowMs - state.calledAtMs >= SIGNAL_FRESH_MS)))
}

/** Nothing is to be done: now and then the modem is asked whether it is still there, and whether it has rung. */
function watch(state: SbdState, nowMs: number): SbdStep {
  const askAtMs = state.askedAtMs + ASK_MS
  return nowMs >= askAtMs ? ask(state) : go({ ...state, phase: 'resting', wakeAtMs: Math.min(askAtMs, state.memory.nextCheckMs) })
}

function onUnasked(state: SbdState, line: string, env: Surroundings): SbdStep {
  if (line === 'SBDRING') {
    const rung = { ...state, hasRung: true }
    return state.phase === 'resting' ? rest(rung, env) : go(rung)
  }
  const signal = at.parseIndicator(line)
  if (signal === null) return same(state)
  const told = { ...state, signal, signalAtMs: env.nowMs }
  const isAwaited = state.phase === 'resting' && env.nowMs < state.weakUntilMs && signal >= env.config.signalMin
  if (!isAwaited) return go(told)
  return rest({ ...told, weakUntilMs: -Infinity }, env)
}

function onMeasured(state: SbdState, answer: AtAnswer, env: Surroundings): SbdStep {
  if (answer.kind === 'silence' || answer.kind === 'damaged') return giveBack(state, (s) => resync(s, env))
  // ERROR: it found no network in the time it gives itself.
  const signal = answer.kind === 'ok' ? at.parseSignal(answer.information) : 0
  const measured = { ...state, signal, signalAtMs: env.nowMs }
  if (signal >= env.config.signalMin) return load(measured, env)
  // An alarm that comes meanwhile must not wait behind this frame.
  return giveBack({ ...measured, weakUntilMs: env.nowMs + WEAK_MS }, (s) => rest(s, env))
}

// ---- a session

function load(state: SbdState, env: Surroundings): SbdStep {
  if (state.isStopping) return over(state, STOPPED)
  if (state.frame === null) return call(state)
  return go({ ...state, phase: 'writing', tries: 0, hasMo: true }, command(at.write(state.frame, env.config.baud)))
}

function onWritten(state: SbdState, answer: AtAnswer, env: Surroundings): SbdStep {
  if (answer.kind === 'ok' && answer.information === '0') return call(state)
  if (answer.kind === 'ok' && answer.information === '3') return makeSmaller(state, env, 'the modem takes no message of this size')
  const tries = state.tries + 1
  const isRefused = answer.kind === 'ok' || answer.kind === 'error'
  if (isRefused && tries < TRIES_MAX) return go({ ...state, tries }, command(at.write(state.frame!, env.config.baud)))
  return giveBack(state, (s) => resync(s, env))
}

function call(state: SbdState): SbdStep {
  return go({ ...state, phase: 'calling', hasRung: false, isAnswering: state.hasRung }, command(at.session(state.hasRung)))
}

function onCalled(state: SbdState, answer: AtAnswer, env: Surroundings): SbdStep {
  if (answer.kind === 'silence' || answer.kind === 'damaged') {
    const unknown = { ...state, hasRung: state.hasRung || state.isAnswering, calledAtMs: env.nowMs }
    return after([sessionOfUnknownEnd(state)], giveBack(unknown, (s) => resync(s, env)))
  }
  if (answer.kind === 'error') return after([failedSession(REFUSED, 0)], onFailure(state, REFUSED, env))
  const result = at.parseSession(answer.information)
  const hasMt = result.mtStatus === at.MT_RECEIVED
  const verdict = verdictOf(result.moStatus)
  const downBytes = hasMt ? result.mtBytes : 0
  const ended: SbdAction = verdict === null ? { kind: 'session', upBytes: state.frame?.length ?? 0, downBytes, verdict, isKnown: true } : failedSession(verdict, downBytes)
  // Only who says that it gave one may have more of them: no session is paid for a promise.
  const queued = hasMt ? result.queued : at.isMailboxChecked(result) ? 0 : state.queued
  return after([ended], ask({ ...state, result, queued, mtmsn: null, calledAtMs: env.nowMs }))
}

/** The session was answered, and the modem has said what it holds. */
function conclude(state: SbdState, result: SessionResult, status: StatusResult, env: Surroundings): SbdStep {
  const verdict = verdictOf(result.moStatus)
  if (verdict !== null) return onFailure(state, verdict, env)
  const isCounted = at.isCounted(result, status)
  const countsSessions = state.memory.countsSessions || isCounted
  // A modem that has never counted is not asked to.
  const isProven = status.hasMo && isCounted === countsSessions
  const known = { ...state, memory: { ...state.memory, countsSessions } }
  // Without what it was given it has started anew before the session.
  if (state.frame !== null && !isProven) return giveBack(known, (s) => (status.hasMo ? receive(s, env) : resync(s, env)))
  return after(state.frame === null ? [] : [{ kind: 'settle' }], onSuccess({ ...known, frame: null }, state.frame === null, at.isMailboxChecked(result), env))
}

function onSuccess(state: SbdState, wasForMailbox: boolean, isChecked: boolean, env: Surroundings): SbdStep {
  const next = { ...state, resyncs: 0, hasRung: state.hasRung || (state.isAnswering && !isChecked) }
  if (wasForMailbox && !isChecked) return receive({ ...next, memory: delayed(state.memory, MAILBOX_FAILED, env) }, env)
  const nextCheckMs = isChecked ? env.nowMs + env.config.checkMs : state.memory.nextCheckMs
  return receive({ ...next, memory: { ...state.memory, failures: 0, blocked: null, nextCheckMs } }, env)
}

function onFailure(state: SbdState, verdict: Verdict, env: Surroundings): SbdStep {
  const failed = { ...state, hasRung: state.hasRung || state.isAnswering, memory: delayed(state.memory, verdict, env) }
  if (verdict.kind === 'smaller' && state.frame !== null) return makeSmaller(failed, env, verdict.why)
  return giveBack(failed, (s) => receive(s, env))
}

/** The frame comes back as a smaller one; where the smallest is too large, somebody has to look. */
function makeSmaller(state: SbdState, env: Surroundings, why: string): SbdStep {
  const { length } = state.frame!
  if (length <= FRAME_BYTES_MIN) {
    const say = `${why}, and it has ${length} bytes only: check the modem and the subscription`
    return giveBack({ ...state, memory: delayed(state.memory, { kind: 'blocked', waitMs: BLOCKED_MS, why: say }, env) }, (s) => receive(s, env))
  }
  const bytesMax = Math.max(FRAME_BYTES_MIN, Math.floor(length / 2))
  return after([{ kind: 'smaller', bytesMax, why }], giveBack({ ...state, memory: { ...state.memory, bytesMax } }, (s) => receive(s, env)))
}

// ---- messages down

/** After a session, and after what an earlier one left: reads, clears, rests. */
function receive(state: SbdState, env: Surroundings): SbdStep {
  const { mtmsn } = state
  if (mtmsn === null) return state.hasMo ? clear(state) : rest(state, env)
  // The owner has it; only the modem did not hear that.
  if (isKept(state, env)) return clear(state)
  return go({ ...state, phase: 'reading', tries: 0 }, command(at.read(env.config.baud)))
}

function onRead(state: SbdState, answer: AtAnswer, env: Surroundings): SbdStep {
  if (answer.kind === 'ok') {
    const { mtmsn, isMtFound } = state
    const bytes = answer.block!
    if (bytes.length === 0) return after([{ kind: 'message-lost' }], receive({ ...state, mtmsn: null }, env))
    return go({ ...state, phase: 'keeping', resyncs: 0 }, { kind: 'message', bytes, mtmsn: mtmsn!, isFound: isMtFound })
  }
  const tries = state.tries + 1
  // Reading does not clear it: it is there for as long as no session begins.
  return answer.kind === 'silence' || tries >= TRIES_MAX ? resync(state, env) : go({ ...state, tries }, command(at.read(env.config.baud)))
}

function clear(state: SbdState): SbdStep {
  return go({ ...state, phase: 'clearing', tries: 0 }, command(at.clear(state.hasMo, state.mtmsn !== null)))
}

function onCleared(state: SbdState, answer: AtAnswer, env: Surroundings): SbdStep {
  if (answer.kind === 'ok' && answer.information === '0') return after([{ kind: 'cleared' }], rest({ ...state, hasMo: false, mtmsn: null }, env))
  const tries = state.tries + 1
  if (answer.kind === 'silence' || tries >= TRIES_MAX) return resync(state, env)
  return go({ ...state, tries }, command(at.clear(state.hasMo, state.mtmsn !== null)))
}

// ---- the end

function onStop(state: SbdState): SbdStep {
  switch (state.phase) {
    case 'calling':
    case 'reading':
    case 'keeping':
    case 'clearing':
      return go({ ...state, isStopping: true })
    case 'asking':
      return state.result === null ? over(state, STOPPED) : go({ ...state, isStopping: true })
    default:
      return over(state, STOPPED)
  }
}

function over(state: SbdState, why: string): SbdStep {
  return giveBack({ ...state, phase: 'over' }, (s) => go(s, { kind: 'end', why }))
}
