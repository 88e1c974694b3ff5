// The sky over a simulated Iridium modem: its signal, its registration, its rings, and what a session does. What is not volatile in a modem lives
// here: the number of the next message up (MOMSN), the ring that was not answered, the registration.
import type { Clock } from '../../src/clock.ts'
import type { SbdGround } from './sbd-ground.ts'

/** How a session ends that does not end well. */
export interface SessionFault {
  /** MO status; null: the modem loses its power in the middle and says nothing. */
  readonly status: number | null
  /** The network has the message up all the same: only its acknowledgement was lost. */
  readonly arrived?: boolean
  /** The message up is fine, the mailbox could not be opened: MT status 2. */
  readonly mailboxOnly?: boolean
}

export interface Held {
  readonly mtmsn: number
  readonly bytes: Buffer
}

export interface Exchanged {
  /** The six numbers of +SBDIX. */
  readonly numbers: readonly number[]
  readonly mt: Held | null
}

const REGISTRATION_MS = 180_000

export class SbdRadio {
  isOn = true
  /** Bars, 0 to 5. */
  signal = 5
  momsn = 0
  hasRung = false
  isRegistered = false
  /** Messages that waited when the last session ended. */
  queued = 0
  readonly #clock: Clock
  readonly #ground: SbdGround
  readonly #mtBytesMax: number
  #registeredAtMs = -Infinity

  constructor(clock: Clock, ground: SbdGround, mtBytesMax: number) {
    this.#clock = clock
    this.#ground = ground
    this.#mtBytesMax = mtBytesMax
  }

  /** The network calls: true when it reaches the modem. */
  ring(): boolean {
    if (!this.isRegistered || this.signal === 0) return false
    this.hasRung = true
    return true
  }

  /** +SBDREG */
  register(): string {
    if (this.#clock.now() - this.#registeredAtMs < REGISTRATION_MS) return `+SBDREG:${this.isRegistered ? 2 : 0},36`
    if (this.signal === 0) return '+SBDREG:0,32'
    this.#registeredAtMs = this.#clock.now()
    this.isRegistered = true
    return '+SBDREG:2,0'
  }

  /** A session with this message up; null when the modem is not there any more at its end. */
  exchange(mo: Buffer | null, fault: SessionFault | null): Exchanged | null {
    const momsn = this.momsn
    const status = !this.isOn ? 34 : this.signal === 0 ? 32 : (fault?.status ?? 0)
    if (fault?.arrived === true && mo !== null) this.#ground.take(momsn, mo)
    if (fault?.status === null) return null
    if (status > 4) return { numbers: [status, momsn, 2, 0, 0, 0], mt: null }
    if (mo !== null) this.#ground.take(momsn, mo)
    this.momsn = (momsn + 1) % 65_536
    this.isRegistered = true
    const upBytes = mo?.length ?? 0
    if (fault?.mailboxOnly === true) {
      this.#ground.bill(upBytes, 0)
      return { numbers: [0, momsn, 2, 0, 0, 0], mt: null }
    }
    this.hasRung = false
    const { queue } = this.#ground
    const isTooLarge = (queue[0]?.length ?? 0) > this.#mtBytesMax
    const mt = queue.length > 0 && !isTooLarge ? this.#ground.deliver() : null
    this.queued = queue.length
    this.#ground.bill(upBytes, mt?.bytes.length ?? 0)
    if (isTooLarge) return { numbers: [1, momsn, 2, 0, 0, this.queued], mt }
    return { numbers: [status, momsn, mt === null ? 0 : 1, mt?.mtmsn ?? 0, mt?.bytes.length ?? 0, this.queued], mt }
  }
}
