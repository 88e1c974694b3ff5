// What systemd hears of us (Type=notify): ready, a status line, the watchdog, stopping. Nothing when NOTIFY_SOCKET is not set.
//
// Ready and status, once in a life, go through the package systemd-notify, which starts the program of that name: so the unit needs NotifyAccess=all.
// Signs of life go straight to the socket: a million and a half a year would each be a process, and a machine that can start none any more (memory, TasksMax)
// would be taken for one that hangs. They are proof of progress: a timer of the loop has run, and `progresses` says that flash answers.
import { spawn } from 'node:child_process'
import notify from 'systemd-notify'
import type { Clock, Timer } from '../clock.ts'
import { sendDatagram } from '../libc.ts'

export interface SystemdLog {
  warn(fields: object, text: string): void
}

/** Signs of life in the time that systemd waits for one: a third may be late, or lost. */
const SIGNS = 3

export class Systemd {
  readonly #clock: Clock
  readonly #log: SystemdLog
  /** Empty when nobody listens. */
  readonly #socket: string
  /** How often the watchdog wants to hear from us; 0 when it does not. */
  readonly #watchdogMs: number
  #timer: Timer | null = null
  #complained = false
  #isHeldUp = false

  constructor(clock: Clock, log: SystemdLog, env: NodeJS.ProcessEnv = process.env) {
    this.#clock = clock
    this.#log = log
    this.#socket = env.NOTIFY_SOCKET ?? ''
    const usec = Number(env.WATCHDOG_USEC ?? 0)
    const forUs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === process.pid
    this.#watchdogMs = this.#socket !== '' && forUs && usec > 0 ? usec / 1000 : 0
  }

  /** Tells that start-up is complete, and begins to feed the watchdog as long as `progresses` says that work gets done. */
  ready(status: string, progresses: (withinMs: number) => boolean): void {
    if (this.#socket === '') return
    notify({ ready: true, status }).catch((error: unknown) => this.#complain(error))
    if (this.#watchdogMs === 0) return
    const withinMs = this.#watchdogMs / 2
    this.#timer = this.#clock.every(this.#watchdogMs / SIGNS, () => {
      const isFine = progresses(withinMs)
      if (isFine) this.#tell('WATCHDOG=1')
      else if (!this.#isHeldUp) this.#log.warn({ withinMs }, 'flash has not answered for a long time: systemd will start Sandpiper anew if that goes on')
      this.#isHeldUp = !isFine
    })
  }

  stopping(): void {
    this.#timer?.cancel()
    if (this.#socket !== '') this.#tell('STOPPING=1')
  }

  #tell(text: string): void {
    try {
      sendDatagram(this.#socket, text)
    } catch {
      // Its queue is full, or this Node has no way to it: the program waits, and has its own way.
      const child = spawn('systemd-notify', [`--pid=${process.pid}`, text], { stdio: 'ignore' })
      child.on('error', (error) => this.#complain(error))
      child.unref()
    }
  }

  #complain(error: unknown): void {
    if (this.#complained) return
    this.#complained = true
    this.#log.warn({ error: String(error) }, 'systemd-notify does not work: is the program installed, and NotifyAccess=all set?')
  }
}
