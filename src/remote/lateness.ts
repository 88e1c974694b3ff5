// Whether a command has come in time. A command for a gateway that was not connected waits in the cloud's broker, and what was meant an hour ago may be wrong
// now: it says when it was given ("at"), or has a Message Expiry Interval. Pure.
import type { Message } from '../message.ts'
import type { Said } from './answer.ts'
import type { Request } from './request.ts'

export interface TimeKnown {
  /** Monotonic. */
  readonly nowMs: number
  /** null while the clock cannot be believed. */
  readonly wallMs: number | null
  readonly ageMsMax: number
  /** It has to say when it was given, and that has to be judged: a signed command that changes something could be said again else. */
  readonly needsTime: boolean
}

/** A clock of the cloud that is before ours. */
const AHEAD_MS_MAX = 300_000

/** What is answered to one that may not be carried out; null for one that may. */
export function latenessOf({ atMs }: Pick<Request, 'atMs'>, { expiresAtMs, retain }: Pick<Message, 'expiresAtMs' | 'retain'>, { nowMs, wallMs, ageMsMax, needsTime }: TimeKnown): Said | null {
  if (retain) return refused('it would come again with each connection: publish it without RETAIN')
  if (expiresAtMs <= nowMs) return { status: 'expired' }
  if (atMs === null) return needsTime ? refused('signed, and it changes something: say "at", when it was given') : null
  if (wallMs === null) return needsTime ? refused('the gateway does not know the time yet') : null
  if (atMs > wallMs + AHEAD_MS_MAX) return refused('"at" is in the future')
  return wallMs - atMs > ageMsMax ? { status: 'expired', words: { ageSec: Math.floor((wallMs - atMs) / 1000) } } : null
}

function refused(reason: string): Said {
  return { status: 'refused', words: { reason } }
}
