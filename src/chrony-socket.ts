// Tells chrony what time it is by satellites: its reference clock SOCK, one datagram a sample (chrony.conf(5), refclock SOCK).
// Small enough that a machine needs no gpsd beside a gateway that reads the receiver anyway. Where nobody listens, nothing is said for a minute.
import type { Clock } from './clock.ts'
import { sendDatagram } from './libc.ts'

/** chronyd makes it when it is configured with it (appliance/chrony.ts). */
export const CHRONY_SOCKET = '/run/chrony.gateway.sock'

const SAMPLE_BYTES = 40
const MAGIC = 0x534f434b
const DEAF_MS = 60_000

export class ChronySocket {
  readonly #clock: Clock
  readonly #log: { warn(fields: object, text: string): void }
  readonly #path: string
  #deafUntilMs = -Infinity
  #complained = false

  constructor(clock: Clock, log: { warn(fields: object, text: string): void }, path = CHRONY_SOCKET) {
    this.#clock = clock
    this.#log = log
    this.#path = path
  }

  /** Satellites say that it was `utcMs` at `atMs` (Clock.now). */
  tell(utcMs: number, atMs: number): void {
    const nowMs = this.#clock.now()
    if (nowMs < this.#deafUntilMs) return
    try {
      sendDatagram(this.#path, sampleOf(utcMs, this.#clock.wall() - (nowMs - atMs)))
      this.#complained = false
    } catch (error) {
      this.#deafUntilMs = nowMs + DEAF_MS
      if (!this.#complained) this.#log.warn({ socket: this.#path, why: (error as Error).message }, 'chrony does not hear the time of the satellites: the gateway uses it, the machine’s clock does not')
      this.#complained = true
    }
  }
}

/** struct sock_sample of 64-bit machines: when it was measured, how far the clock is behind, and a magic number. */
function sampleOf(utcMs: number, wallMs: number): Buffer {
  const sample = Buffer.alloc(SAMPLE_BYTES) // pulse and leap: 0
  const sec = Math.floor(wallMs / 1000)
  sample.writeBigInt64LE(BigInt(sec), 0)
  sample.writeBigInt64LE(BigInt(Math.floor((wallMs - sec * 1000) * 1000)), 8)
  sample.writeDoubleLE((utcMs - wallMs) / 1000, 16)
  sample.writeInt32LE(MAGIC, 36)
  return sample
}
