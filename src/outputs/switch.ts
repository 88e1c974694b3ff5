// When an output is switched. Pure: commands and time in; what to write, what to answer, and the next state out.
//
//                     command, allowed ─► switched ─► done
//   on or off for ─┤
//    at least …       command, too soon ─► waits ─► switched ─► done
//                                           └── a later command ─► refused
// Rules:
// - Of several commands that come too soon the latest wins; those it replaces are refused.
// - A pulse is turned back `for` after it was switched, as soon as the least times allow. Any later command takes its end away.
// - Nothing is written for a level that is there already.
// - The least times hold for everybody, the fail-safe state too: they protect the machine behind the line.
// - A state never changes; what changes nothing gives the same state back.
import type { Command } from './command.ts'

export interface LeastTimes {
  readonly onMsMin: number
  readonly offMsMin: number
}

export interface Switch<R> {
  readonly on: boolean
  /** When that became so (Clock.now). */
  readonly sinceMs: number
  readonly waiting: Wanted<R> | null
  /** When it is turned back; null: never. */
  readonly endsAtMs: number | null
}

interface Wanted<R> {
  readonly on: boolean
  readonly forMs: number | null
  /** Who asked; null when nobody waits for an answer. */
  readonly request: R | null
}

export interface Answer<R> {
  readonly request: R
  readonly status: 'done' | 'waiting' | 'refused'
  readonly why: string | null
}

export interface Step<R> {
  readonly state: Switch<R>
  readonly write: boolean | null
  readonly answers: readonly Answer<R>[]
}

/** A line that was just opened at this level. `endsAtMs`: of a pulse that an earlier run began. */
export function openedAt<R>(on: boolean, nowMs: number, endsAtMs: number | null): Switch<R> {
  return { on, sinceMs: nowMs, waiting: null, endsAtMs }
}

export function command<R>(state: Switch<R>, { on, forMs }: Command, request: R | null, nowMs: number, least: LeastTimes): Step<R> {
  const wanted = { on: on ?? !(state.waiting?.on ?? state.on), forMs, request }
  const replaced = state.waiting?.request ?? null
  const answers: Answer<R>[] = replaced === null ? [] : [{ request: replaced, status: 'refused', why: 'a later command took its place' }]
  const free: Switch<R> = { ...state, waiting: null, endsAtMs: null }
  if (wanted.on === state.on) {
    return { state: { ...free, endsAtMs: forMs === null ? null : nowMs + forMs }, write: null, answers: [...answers, ...done(request)] }
  }
  const allowedAtMs = freeAtMs(state, least)
  if (nowMs >= allowedAtMs) return { ...switched(free, wanted, nowMs), answers: [...answers, ...done(request)] }
  if (request !== null) answers.push({ request, status: 'waiting', why: `it stays ${state.on ? 'on' : 'off'} for ${Math.ceil((allowedAtMs - nowMs) / 1000)} s more` })
  return { state: { ...free, waiting: wanted }, write: null, answers }
}

/** What is due by now. */
export function tick<R>(state: Switch<R>, nowMs: number, least: LeastTimes): Step<R> {
  const { waiting } = state
  if (waiting !== null && nowMs >= freeAtMs(state, least)) return command({ ...state, waiting: null }, waiting, waiting.request, nowMs, least)
  if (waiting === null && state.endsAtMs !== null && nowMs >= state.endsAtMs) return command(state, { on: !state.on, forMs: null }, null, nowMs, least)
  return { state, write: null, answers: [] }
}

/** The line was found at this level: somebody else has it in hand. What waits is done when its time has come, whatever the line is then. */
export function found<R>(state: Switch<R>, on: boolean, nowMs: number): Switch<R> {
  return on === state.on ? state : { ...state, on, sinceMs: nowMs, endsAtMs: null }
}

/** When tick has something to do; null: never. */
export function dueAtMs<R>(state: Switch<R>, least: LeastTimes): number | null {
  return state.waiting !== null ? freeAtMs(state, least) : state.endsAtMs
}

function freeAtMs<R>({ on, sinceMs }: Switch<R>, { onMsMin, offMsMin }: LeastTimes): number {
  return sinceMs + (on ? onMsMin : offMsMin)
}

function switched<R>(state: Switch<R>, { on, forMs }: Wanted<R>, nowMs: number): Omit<Step<R>, 'answers'> {
  return { state: { on, sinceMs: nowMs, waiting: null, endsAtMs: forMs === null ? null : nowMs + forMs }, write: on }
}

function done<R>(request: R | null): Answer<R>[] {
  return request === null ? [] : [{ request, status: 'done', why: null }]
}
