// What a carrier over an Iridium modem knows, what happens to it, and what it does: the words of session.ts, which decides.
import type { SbdConfig } from '../../config/config.ts'
import type { AtAnswer, AtCommand } from './at-port.ts'
import type { SessionResult } from './commands.ts'
import { type Verdict, waitAfter } from './status.ts'

/** A message down: which modem's, and the number that the network gave it, 0 to 65,535. A modem holds one, so that it tells it from the one before. */
export interface MessageId {
  readonly imei: string
  readonly mtmsn: number
}

export type SbdPhase =
  | 'idle' | 'syncing' | 'setting' | 'asking' | 'resting' | 'taking' | 'measuring' | 'writing'
  | 'calling' | 'reading' | 'keeping' | 'clearing' | 'over'

/** What the next carrier of the same link must know. */
export interface SbdMemory {
  /** Sessions that failed in a row. */
  readonly failures: number
  readonly notBeforeMs: number
  readonly nextCheckMs: number
  /** Why nothing is tried before `notBeforeMs`, when somebody has to do something; null otherwise. */
  readonly blocked: string | null
  /** This modem was seen to count a session that succeeded (MOMSN). */
  readonly countsSessions: boolean
  /** The largest message that the network takes. */
  readonly bytesMax: number
}

export interface SbdState {
  readonly phase: SbdPhase
  /** Of the command that runs. */
  readonly tries: number
  /** Ways back since something went well. */
  readonly resyncs: number
  readonly setupStep: number
  readonly isUp: boolean
  readonly isStopping: boolean
  /** Taken, neither settled nor given back. */
  readonly frame: Uint8Array | null
  /** What the modem said of the session that has ended; null when it has been made use of. */
  readonly result: SessionResult | null
  /** Something may be in the modem's buffer for messages up. */
  readonly hasMo: boolean
  /** Number of the message down that the modem holds; null for none. */
  readonly mtmsn: number | null
  /** It was there before this carrier had a session. */
  readonly isMtFound: boolean
  readonly hasRung: boolean
  /** The modem said last that a ring was not answered. */
  readonly hadRung: boolean
  /** The session under way answers a ring. */
  readonly isAnswering: boolean
  /** Messages that wait at the gateway of the network, as it said last. */
  readonly queued: number
  /** When the last session ended. */
  readonly calledAtMs: number
  /** When the modem said last what it holds. */
  readonly askedAtMs: number
  /** Bars, 0 to 5, and when they were told. */
  readonly signal: number
  readonly signalAtMs: number
  /** resting: too weak a signal is not measured again before this. */
  readonly weakUntilMs: number
  /** resting: a message down that the owner could not keep is not told again before this. */
  readonly refusedUntilMs: number
  /** resting: when to look again. */
  readonly wakeAtMs: number
  readonly imei: string
  readonly model: string
  readonly memory: SbdMemory
}

export type SbdEvent =
  | { readonly type: 'start' }
  | { readonly type: 'answer'; readonly answer: AtAnswer }
  /** A line that came unasked. */
  | { readonly type: 'unasked'; readonly line: string }
  /** Something may be due, or time has come. */
  | { readonly type: 'due' }
  /** The answer to `take`. */
  | { readonly type: 'frame'; readonly bytes: Uint8Array | null }
  /** The owner keeps the message down. */
  | { readonly type: 'kept' }
  /** The owner cannot keep it now. */
  | { readonly type: 'refused' }
  | { readonly type: 'stop' }
  /** The port is gone, or the deadline for a stop. */
  | { readonly type: 'lost'; readonly why: string }

export type SbdAction =
  | { readonly kind: 'command'; readonly command: AtCommand }
  | { readonly kind: 'take'; readonly bytesMax: number }
  | { readonly kind: 'settle' }
  | { readonly kind: 'give-back' }
  /** `isFound`: it was in the modem already, and an earlier process may have had it. */
  | { readonly kind: 'message'; readonly bytes: Buffer; readonly mtmsn: number; readonly isFound: boolean }
  /** A session has ended; what it is billed for. `verdict` is null when it succeeded. */
  | { readonly kind: 'session'; readonly upBytes: number; readonly downBytes: number; readonly verdict: Verdict | null; readonly isKnown: boolean }
  /** Frames are made for messages of so many bytes from now on. */
  | { readonly kind: 'smaller'; readonly bytesMax: number; readonly why: string }
  /** The modem has let go of a message that the owner keeps. */
  | { readonly kind: 'cleared' }
  /** The modem has lost a message down before it could be read. */
  | { readonly kind: 'message-lost' }
  | { readonly kind: 'up' }
  | { readonly kind: 'end'; readonly why: string }

export interface Surroundings {
  readonly config: SbdConfig
  readonly nowMs: number
  /** 0 ≤ x < 1 */
  readonly random: number
  /** A session without a message up may be paid for. */
  readonly mayCheck: boolean
  /** A message down that the owner keeps, and that may still be in a modem; null for none. */
  readonly kept: MessageId | null
}

export interface SbdStep {
  readonly state: SbdState
  readonly actions: readonly SbdAction[]
}

export function memoryOf(config: SbdConfig, nowMs: number): SbdMemory {
  const nextCheckMs = config.checkMs === Infinity ? Infinity : nowMs
  return { failures: 0, notBeforeMs: -Infinity, nextCheckMs, blocked: null, countsSessions: false, bytesMax: config.bytesMax }
}

export function initialState(memory: SbdMemory): SbdState {
  return {
    phase: 'idle',
    tries: 0,
    resyncs: 0,
    setupStep: 0,
    isUp: false,
    isStopping: false,
    frame: null,
    result: null,
    hasMo: false,
    mtmsn: null,
    isMtFound: false,
    hasRung: false,
    hadRung: false,
    isAnswering: false,
    queued: 0,
    calledAtMs: -Infinity,
    askedAtMs: -Infinity,
    signal: 0,
    signalAtMs: -Infinity,
    weakUntilMs: -Infinity,
    refusedUntilMs: -Infinity,
    wakeAtMs: Infinity,
    imei: '',
    model: '',
    memory,
  }
}

// ---- what follows from it

/** The largest message up for now. */
export function bytesMaxOf({ memory }: SbdState, { config }: Surroundings): number {
  return Math.min(memory.bytesMax, config.bytesMax)
}

/** The owner keeps the message down that the modem holds. */
export function isKept({ imei, mtmsn }: SbdState, { kept }: Surroundings): boolean {
  return kept !== null && kept.imei === imei && kept.mtmsn === mtmsn
}

/** After a session that failed. */
export function delayed(memory: SbdMemory, verdict: Verdict, { nowMs, random }: Surroundings): SbdMemory {
  const failures = memory.failures + 1
  const notBeforeMs = nowMs + waitAfter(verdict, failures, random)
  return { ...memory, failures, notBeforeMs, blocked: verdict.kind === 'blocked' ? verdict.why : null }
}

export function sessionOfUnknownEnd({ frame }: SbdState): SbdAction {
  return { kind: 'session', upBytes: frame?.length ?? 0, downBytes: 0, verdict: null, isKnown: false }
}

export function failedSession(verdict: Verdict, downBytes: number): SbdAction {
  return { kind: 'session', upBytes: 0, downBytes, verdict, isKnown: true }
}

// ---- steps

export function giveBack(state: SbdState, next: (state: SbdState) => SbdStep): SbdStep {
  if (state.frame === null) return next(state)
  return after([{ kind: 'give-back' }], next({ ...state, frame: null, result: null }))
}

export function command(of: AtCommand): SbdAction {
  return { kind: 'command', command: of }
}

export function go(state: SbdState, ...actions: SbdAction[]): SbdStep {
  return { state, actions }
}

export function same(state: SbdState): SbdStep {
  return { state, actions: [] }
}

export function after(first: readonly SbdAction[], { state, actions }: SbdStep): SbdStep {
  return { state, actions: [...first, ...actions] }
}
