// What the carriers of one link over a modem have done, and what it cost. Outlives them: each is made anew, and the waiting time after a failed
// session must not begin anew with it.
//
// Iridium bills a session by its messages, not by bytes on a wire: each is rounded up, and one that carried nothing is billed all the same. A
// credit is 50 bytes of one message, either way; a session without a message is one credit. A failed session is not billed. One whose end is
// not known is counted as if it had succeeded.
import type { SbdConfig } from '../../config/config.ts'
import { memoryOf, type MessageId, type SbdMemory } from './state.ts'

export const CREDIT_BYTES = 50

/** Credits of a session that carried messages of so many bytes; 0 for none in a direction. */
export function creditsOf(upBytes: number, downBytes: number): number {
  return Math.max(1, Math.ceil(upBytes / CREDIT_BYTES) + Math.ceil(downBytes / CREDIT_BYTES))
}

/** Plain numbers since the start of the gateway. */
export interface SbdFigures {
  /** 15 digits; empty until the modem has told. */
  readonly imei: string
  readonly model: string
  /** Bars, 0 to 5. */
  readonly signal: number
  /** Sessions that ended, however. */
  readonly sessions: number
  readonly sessionsFailed: number
  /** The modem went away in the middle, or its answer could not be read. */
  readonly sessionsUnknown: number
  readonly messagesUp: number
  readonly messagesDown: number
  /** Payload. */
  readonly bytesUp: number
  readonly bytesDown: number
  readonly credits: number
  /** What keeps it from sending, or kept it last; null after a session that went well. */
  readonly lastError: string | null
  /** Lines of the modem that made no sense, in the carriers that have ended. */
  readonly unreadable: number
}

export class SbdRecord implements SbdFigures {
  imei = ''
  model = ''
  signal = 0
  sessions = 0
  sessionsFailed = 0
  sessionsUnknown = 0
  messagesUp = 0
  messagesDown = 0
  bytesUp = 0
  bytesDown = 0
  credits = 0
  lastError: string | null = null
  unreadable = 0
  memory: SbdMemory
  /** Kept by the owner, and perhaps still in the modem. */
  kept: MessageId | null = null
  #pending: { readonly id: MessageId; answer: (isKept: boolean) => void } | null = null

  constructor(config: SbdConfig, nowMs: number) {
    this.memory = memoryOf(config, nowMs)
  }

  /** Counts a session; its credits, 0 for a failed one. */
  count(upBytes: number, downBytes: number, outcome: 'succeeded' | 'failed' | 'unknown'): number {
    this.sessions++
    if (outcome === 'failed') this.sessionsFailed++
    if (outcome === 'unknown') this.sessionsUnknown++
    // A message that came down in a session that failed for the one up is paid for.
    const credits = outcome === 'failed' && downBytes === 0 ? 0 : creditsOf(upBytes, downBytes)
    this.credits += credits
    this.bytesUp += upBytes
    this.bytesDown += downBytes
    return credits
  }

  /**
   * Hands a message down to the owner by `give`, once for all carriers that find it in the modem; `answer` is called for the last of them when
   * it is safe, or when it cannot be kept now. Owners are not hurried: a carrier may come and go meanwhile.
   */
  handOver(id: MessageId, give: (done: () => void, refused: () => void) => void, answer: (isKept: boolean) => void): void {
    if (this.#pending !== null && this.#pending.id.imei === id.imei && this.#pending.id.mtmsn === id.mtmsn) {
      this.#pending.answer = answer
      return
    }
    const pending = { id, answer }
    this.#pending = pending
    const end = (isKept: boolean): void => {
      if (this.#pending !== pending) return
      this.#pending = null
      if (isKept) {
        this.kept = id
        this.messagesDown++
      }
      pending.answer(isKept)
    }
    give(() => end(true), () => end(false))
  }
}
