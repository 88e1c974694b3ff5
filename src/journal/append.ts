// A durable message between router and flash.
//
//   pending ──► writing ──► written          every destination that had not acknowledged it reads it from flash if it must
//      │           └──────► refused          no room: the publisher hears it, nobody is promised anything
//      └──► elided                           every destination acknowledged first: it never touches flash
//
// Its waiter hears exactly once, and in every case only when the message is safe or surely refused.
import type { Message } from '../message.ts'
import type { Audience } from './audience.ts'

export type Refusal = 'store-full' | 'disk-full'

/** Whoever holds an acknowledgement back until the message is safe. */
export interface Waiter {
  durable(): void
  refused(why: Refusal): void
}

export type AppendState = 'pending' | 'writing' | 'written' | 'elided' | 'refused'

export class Append {
  readonly sequence: number
  readonly message: Message
  readonly audience: Audience
  /** Must be written before anyone may see it (QoS 2), or at all (retained): acknowledgements cannot elide it. */
  readonly held: boolean
  readonly bornMs: number
  state: AppendState = 'pending'
  /** Destinations that have not settled it. */
  waiting: number
  #waiter: Waiter | null

  constructor(sequence: number, message: Message, audience: Audience, held: boolean, bornMs: number, waiter: Waiter | null) {
    this.sequence = sequence
    this.message = message
    this.audience = audience
    this.held = held
    this.bornMs = bornMs
    this.waiting = audience.queues.length
    this.#waiter = waiter
  }

  /** Delivery has to wait for the commit: QoS 2 stays exactly-once over a crash only if it is on flash before it is sent on. */
  get deferred(): boolean {
    return this.message.qos === 2 && (this.state === 'pending' || this.state === 'writing')
  }

  /** One destination has acknowledged it. True when that elided it. */
  settleOne(): boolean {
    this.waiting--
    if (this.waiting > 0 || this.held || this.state !== 'pending') return false
    this.state = 'elided'
    this.#release(null)
    return true
  }

  finish(refusal: Refusal | null): void {
    this.state = refusal === null ? 'written' : 'refused'
    this.#release(refusal)
  }

  #release(refusal: Refusal | null): void {
    const waiter = this.#waiter
    this.#waiter = null
    if (waiter === null) return
    if (refusal === null) waiter.durable()
    else waiter.refused(refusal)
  }
}
