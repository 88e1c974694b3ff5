// What systemd hears of us (Type=notify): ready, a status line, the watchdog, stopping. Nothing when NOTIFY_SOCKET is not set.
//
// systemd-notify starts a process each time, so the unit needs NotifyAccess=all. The package knows no WATCHDOG=1: the
// same program is started for it directly.
import { spawn } from 'node:child_process'
import notify from 'systemd-notify'
import type { Clock, Timer } from '../clock.ts'

export interface SystemdLog {
  warn(fields: object, text: string): void
}

export class Systemd {
  readonly #clock: Clock
  readonly #log: SystemdLog
  readonly #active: boolean
  /** How often the watchdog wants to hear from us; 0 when it does not. */
  readonly #watchdogMs: number
  #timer: Timer | null = null
  #complained = false

  constructor(clock: Clock, log: SystemdLog, env: NodeJS.ProcessEnv = process.env) {
    this.#clock = clock
    this.#log = log
    this.#active = env.NOTIFY_SOCKET !== undefined && env.NOTIFY_SOCKET !== ''
    const usec = Number(env.WATCHDOG_USEC ?? 0)
    const forUs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === process.pid
    this.#watchdogMs = this.#active && forUs && usec > 0 ? usec / 1000 : 0
  }

  /** Tells that start-up is complete, and begins to feed the watchdog as long as `progresses` says that work gets done. */
  ready(status: string, progresses: (withinMs: number) => boolean): void {
    if (!this.#active) return
    this.#send({ ready: true, status })
    if (this.#watchdogMs === 0) return
    this.#timer = this.#clock.every(this.#watchdogMs / 3, () => {
      if (progresses(this.#watchdogMs / 2)) this.#run(['WATCHDOG=1'])
    })
  }

  status(status: string): void {
    if (this.#active) this.#send({ status })
  }

  stopping(): void {
    this.#timer?.cancel()
    if (this.#active) this.#run(['STOPPING=1'])
  }

  #send(options: { ready?: boolean; status?: string }): void {
    notify(options).catch((error: unknown) => this.#complain(error))
  }

  #run(args: readonly string[]): void {
    const child = spawn('systemd-notify', [`--pid=${process.pid}`, ...args], { stdio: 'ignore' })
    child.on('error', (error) => this.#complain(error))
    child.unref()
  }

  #complain(error: unknown): void {
    if (this.#complained) return
    this.#complained = true
    this.#log.warn({ error: String(error) }, 'systemd-notify does not work: is the program installed, and NotifyAccess=all set?')
  }
}
