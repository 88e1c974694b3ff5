// When to connect, how long to wait: the state of one uplink's link as a pure machine. It decides; uplink.ts does.
//
//   idle ──start──► connecting ──accepted──► up ──lost──► waiting ──time──► connecting …      any ──stop──► stopped
//                       └──────────lost──────────────────────►┘
//
// The wait grows with decorrelated jitter (next = random between min and three times the last), so that a hundred sites whose
// broker comes back do not come back at once. It starts over only after the link has been up for STABLE_MS: a broker that
// accepts and cuts off at once is a broker that is down.

export type LinkPhase = 'idle' | 'connecting' | 'up' | 'waiting' | 'stopped'

export interface LinkState {
  readonly phase: LinkPhase
  /** Monotonic time of the last change of phase. */
  readonly sinceMs: number
  /** The last wait, the seed of the next one; 0 when it starts over. */
  readonly lastWaitMs: number
  readonly attempts: number
}

export type LinkEvent = 'start' | 'accepted' | 'lost' | 'wait-over' | 'stop'

export type LinkAction =
  | { readonly kind: 'connect' }
  /** Ends what is under way; nothing may follow. */
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'wait'; readonly ms: number }
  | null

export interface Backoff {
  readonly minMs: number
  readonly maxMs: number
}

export const STABLE_MS = 30_000

export const IDLE: LinkState = { phase: 'idle', sinceMs: 0, lastWaitMs: 0, attempts: 0 }

/** One step. An event that does not belong to the phase changes nothing. `random` gives a number in [0, 1). */
export function step(state: LinkState, event: LinkEvent, nowMs: number, backoff: Backoff, random: () => number): { state: LinkState; action: LinkAction } {
  const { phase } = state
  if (event === 'stop') {
    if (phase === 'stopped') return { state, action: null }
    return { state: { ...state, phase: 'stopped', sinceMs: nowMs }, action: { kind: 'disconnect' } }
  }
  if ((event === 'start' && phase === 'idle') || (event === 'wait-over' && phase === 'waiting')) {
    return { state: { ...state, phase: 'connecting', sinceMs: nowMs, attempts: state.attempts + 1 }, action: { kind: 'connect' } }
  }
  if (event === 'accepted' && phase === 'connecting') {
    return { state: { ...state, phase: 'up', sinceMs: nowMs }, action: null }
  }
  if (event === 'lost' && (phase === 'connecting' || phase === 'up')) {
    const stable = phase === 'up' && nowMs - state.sinceMs >= STABLE_MS
    const from = stable || state.lastWaitMs === 0 ? backoff.minMs : state.lastWaitMs
    const ms = Math.min(backoff.maxMs, backoff.minMs + random() * (from * 3 - backoff.minMs))
    const next: LinkState = { phase: 'waiting', sinceMs: nowMs, lastWaitMs: ms, attempts: stable ? 0 : state.attempts }
    return { state: next, action: { kind: 'wait', ms } }
  }
  return { state, action: null }
}
