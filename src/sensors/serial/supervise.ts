// When a serial port is opened, given up and tried again. Pure: an event gives the next state and at most one action;
// line.ts does it and answers with the next event.
//
//            start          opened               lost, or another node or none at the path
//   idle ──────────► opening ─────► open ──────────► closing
//                     ▲  │ failed                      │ closed
//                     │  └────────────► waiting ◄──────┘
//                     └──────────────────┘  back-off over, or plugged in again
//
//   stop:  idle, waiting ► stopped     open, closing ► stopping ─closed► stopped
//          opening ► abandoning ─failed► stopped, ─opened► stopping     (an open that has begun cannot be taken back)
//
// Rules: an event that does not belong to the phase changes nothing, and the same state object comes back. One port is open
// at most: opening follows closed, never lost. A path without a node is not tried: it is looked at every second, and opened
// when the node has come. The back-off starts over only after the port was open for STABLE_MS.

export const BACKOFF_MS_MIN = 1000
export const BACKOFF_MS_MAX = 30_000
/** A port that is gone sooner was never well: a loose plug, a program that takes the bytes away. */
export const STABLE_MS = 10_000

export type Phase = 'idle' | 'opening' | 'open' | 'closing' | 'waiting' | 'abandoning' | 'stopping' | 'stopped'

export interface Supervision {
  readonly phase: Phase
  /** Tries that failed, or ended soon, in a row. */
  readonly failures: number
  readonly openedAtMs: number
  readonly retryAtMs: number
  /** open: which node the open port belongs to; null until it has been looked at. */
  readonly node: string | null
  /** closing, waiting: there was no node at the path when it was last looked at. */
  readonly absent: boolean
}

export type SupervisionEvent =
  | { readonly type: 'start' }
  | { readonly type: 'opened' }
  | { readonly type: 'failed' }
  /** The port gave an error, ended or closed by itself. */
  | { readonly type: 'lost' }
  | { readonly type: 'closed' }
  /** What stands at the path now: a word for that very node, or null for none. */
  | { readonly type: 'looked'; readonly node: string | null }
  | { readonly type: 'stop' }

export type Action = 'open' | 'close'

export interface Step {
  readonly state: Supervision
  readonly action: Action | null
}

export const IDLE: Supervision = { phase: 'idle', failures: 0, openedAtMs: 0, retryAtMs: 0, node: null, absent: false }

/** `nowMs` is monotonic; `random` is 0 ≤ x < 1, for the jitter of a back-off that may begin here. */
export function supervise(state: Supervision, event: SupervisionEvent, nowMs: number, random: number): Step {
  const { phase } = state
  switch (event.type) {
    case 'start':
      return phase === 'idle' ? go({ ...state, phase: 'opening' }, 'open') : stay(state)
    case 'opened':
      if (phase === 'opening') return go({ ...state, phase: 'open', openedAtMs: nowMs, node: null, absent: false })
      return phase === 'abandoning' ? go({ ...state, phase: 'stopping' }, 'close') : stay(state)
    case 'failed':
      if (phase === 'opening') return go(wait(state, state.failures + 1, nowMs, random))
      return phase === 'abandoning' ? go({ ...state, phase: 'stopped' }) : stay(state)
    case 'lost':
      return phase === 'open' ? go({ ...state, phase: 'closing' }, 'close') : stay(state)
    case 'closed': {
      if (phase === 'stopping') return go({ ...state, phase: 'stopped' })
      if (phase !== 'closing') return stay(state)
      const stable = nowMs - state.openedAtMs >= STABLE_MS
      return go(wait(state, stable ? 1 : state.failures + 1, nowMs, random))
    }
    case 'looked':
      return look(state, event.node, nowMs)
    case 'stop':
      return stop(state)
  }
}

/** Between half and all of 1, 2, 4 … 30 s, never under 1 s: two sensors on one hub do not keep step. */
export function backoffMs(failures: number, random: number): number {
  const ceiling = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.max(0, failures - 1))
  return Math.max(BACKOFF_MS_MIN, ceiling * (1 - random / 2))
}

function look(state: Supervision, node: string | null, nowMs: number): Step {
  switch (state.phase) {
    case 'open':
      if (node === null) return go({ ...state, phase: 'closing', absent: true }, 'close')
      if (state.node === null) return go({ ...state, node })
      // Unplugged and plugged in within a second: the open port hangs on a device that is no more.
      return node === state.node ? stay(state) : go({ ...state, phase: 'closing' }, 'close')
    case 'waiting':
      if (node === null) return state.absent ? stay(state) : go({ ...state, absent: true })
      if (state.absent || nowMs >= state.retryAtMs) return go({ ...state, phase: 'opening', absent: false }, 'open')
      return stay(state)
    default:
      return stay(state)
  }
}

function stop(state: Supervision): Step {
  switch (state.phase) {
    case 'idle':
    case 'waiting':
      return go({ ...state, phase: 'stopped' })
    case 'opening':
      return go({ ...state, phase: 'abandoning' })
    case 'open':
      return go({ ...state, phase: 'stopping' }, 'close')
    case 'closing':
      return go({ ...state, phase: 'stopping' })
    default:
      return stay(state)
  }
}

function wait(state: Supervision, failures: number, nowMs: number, random: number): Supervision {
  return { ...state, phase: 'waiting', failures, retryAtMs: nowMs + backoffMs(failures, random), node: null }
}

function go(state: Supervision, action: Action | null = null): Step {
  return { state, action }
}

function stay(state: Supervision): Step {
  return { state, action: null }
}
