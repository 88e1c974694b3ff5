// TCP's own keep-alive probes on a clock that leaps: the kernel sends them by real time, in which a silence of half an hour lasts an instant.
//
// What the gateway asks of its socket (setKeepAlive) is kept here instead, and every probe that falls due on the leaping clock is sent by the
// kernel there and then: asked for one after a second of silence, it sends one. The packets are real, their times are the recording's. Where packets
// are not counted it is added to the estimate.
import { Socket } from 'node:net'
import type { Timer } from '../../../src/clock.ts'
import type { LeapingClock } from './leaping-clock.ts'
import type { Meter } from './meter.ts'

/** A probe and its answer. */
const PACKETS = 2

interface Asked {
  readonly idleMs: number
  timer: Timer | null
}

type Ask = { readonly enable?: boolean; readonly initialDelay?: number }
type Real = (this: Socket, ask: object) => Socket

export class LeapingProbes {
  readonly #clock: LeapingClock
  readonly #meter: Meter
  /** Time of the clock when the last packet was seen. */
  readonly #lastMs: () => number
  readonly #asked = new WeakMap<Socket, Asked>()
  #isOut = false

  /** From now on for every socket of this process to another machine. */
  constructor(clock: LeapingClock, meter: Meter, lastMs: () => number) {
    this.#clock = clock
    this.#meter = meter
    this.#lastMs = lastMs
    const real = Socket.prototype.setKeepAlive as Real
    const asked = (socket: Socket, idleMs: number): void => this.#ask(socket, idleMs, real)
    Socket.prototype.setKeepAlive = function setKeepAlive(this: Socket, first?: boolean | Ask, delayMs?: number) {
      const { enable = false, initialDelay = 0 } = typeof first === 'object' ? first : { enable: first ?? false, initialDelay: delayMs ?? 0 }
      asked(this, enable ? initialDelay : 0)
      return this
    } as typeof Socket.prototype.setKeepAlive
  }

  /** One is under way: time must not leap. */
  get isOut(): boolean {
    return this.#isOut
  }

  #ask(socket: Socket, idleMs: number, real: Real): void {
    this.#asked.get(socket)?.timer?.cancel()
    if (idleMs === 0) return
    const asked: Asked = { idleMs, timer: null }
    this.#asked.set(socket, asked)
    this.#wait(socket, asked, real)
  }

  #wait(socket: Socket, asked: Asked, real: Real, sinceMs = this.#lastMs()): void {
    const dueMs = sinceMs + asked.idleMs
    asked.timer = this.#clock.after(Math.max(1, dueMs - this.#clock.now()), () => {
      if (socket.destroyed || this.#asked.get(socket) !== asked) return
      if (this.#clock.now() - this.#lastMs() < asked.idleMs) return this.#wait(socket, asked, real)
      if (this.#meter.addProbe !== null) {
        this.#meter.addProbe()
        return this.#wait(socket, asked, real, this.#clock.now())
      }
      this.#isOut = true
      const before = this.#meter.packets()
      real.call(socket, { enable: true, initialDelay: 1000, interval: 1000, count: 3 })
      const check = this.#clock.every(5, () => {
        if (!socket.destroyed && this.#meter.packets() - before < PACKETS) return
        check.cancel()
        this.#isOut = false
        if (socket.destroyed) return
        real.call(socket, { enable: false })
        if (this.#asked.get(socket) === asked) this.#wait(socket, asked, real)
      })
    })
  }
}
