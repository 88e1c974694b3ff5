// What the operator wants of an uplink for a while, above what its links' policies say. Pure.
//
//   connect   as if something important waited: now, back-offs forgotten, until all is sent and nothing has come for a moment
//   hold      the same, and it stays connected
//   pause     no connection, and none is begun
//
// A budget stands above all of them: what is spent cannot be ordered back. An order ends by its time, by another one, or with the gateway.
import type { Verdict } from './connect-policy.ts'

export const ORDERS = ['connect', 'hold', 'pause'] as const

export type OrderKind = (typeof ORDERS)[number]

export interface Order {
  readonly kind: OrderKind
  /** Monotonic. */
  readonly untilMs: number
}

export interface OrderFacts {
  readonly nowMs: number
  /** When the connection that is up was accepted; null while there is none. */
  readonly upSinceMs: number | null
  readonly isDrained: boolean
  /** Monotonic time of the last message that came; -Infinity for none. */
  readonly receivedAtMs: number
}

/** After the last message: what the remote has kept for us comes within that. */
const IDLE_MS = 10_000
const LOOK_MS = 1000

/** Nothing is left to be done for it. */
export function isFulfilled({ kind, untilMs }: Order, { nowMs, upSinceMs, isDrained, receivedAtMs }: OrderFacts): boolean {
  if (nowMs >= untilMs) return true
  return kind === 'connect' && upSinceMs !== null && isDrained && nowMs >= Math.max(upSinceMs, receivedAtMs) + IDLE_MS
}

/** What is wanted under an order that is not fulfilled. */
export function under({ kind, untilMs }: Order, { againMs }: Verdict, { nowMs, upSinceMs }: OrderFacts): Verdict {
  const endMs = Math.max(1, untilMs - nowMs)
  const lookMs = kind === 'connect' && upSinceMs !== null ? LOOK_MS : Infinity
  return { wanted: kind !== 'pause', againMs: Math.min(againMs, endMs, lookMs), why: kind === 'pause' ? 'the operator has paused it' : `the operator’s order (${kind}) is over` }
}
