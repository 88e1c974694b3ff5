// A device of the kernel, read at its times.
//
//             found                    a gap: looked for anew
//   find ───────────► read, read, read ────────────────────► find
//    │ not there                                              gone, tried again with back-off
//
// Rules:
// - Look n is due at start + n × poll on the monotonic clock. One look is under way at a time; those that fall due meanwhile, or while the
//   process could not run, are counted as missed and not made up.
// - What is gone is looked for with back-off, whatever the poll: a chip whose driver comes late is not waited for until tomorrow.
// - All looks go through the gate, the search too: it reads files as well.
// - A look with gaps makes the sensor degraded, and what it did give is taken. When nothing could be read at all, GONE_AFTER times in a row, it
//   is gone: a chip that was unplugged has its files still. What answers with nonsense is there, and stays degraded.
// - Log: one line when it begins to read, one when what keeps it from reading changes; the same failure again is debug.
import type { Timer } from '../../clock.ts'
import type { Source, SourceDeps, Units } from '../sensor.ts'
import { backoffMs } from '../serial/supervise.ts'
import { explainReadError } from './attribute.ts'
import { type FindDevice, type KernelDevice, type KernelReading, NotThere } from './device.ts'
import type { ReadGate } from './gate.ts'

export const GONE_AFTER = 3

export class PolledSource implements Source {
  readonly #pollMs: number
  readonly #find: FindDevice
  readonly #deps: SourceDeps
  readonly #gate: ReadGate
  readonly #stopped = Promise.withResolvers<void>()
  #phase: 'idle' | 'resting' | 'queued' | 'looking' | 'stopping' | 'stopped' = 'idle'
  #device: KernelDevice | null = null
  /** The look that is under way hangs. */
  #isStuck = false
  #startedAtMs = 0
  #timer: Timer | null = null
  /** Looks in a row that gave nothing. */
  #failures = 0
  /** Set while it is gone: it is not looked at before. */
  #retry: Timer | null = null

  constructor(pollMs: number, find: FindDevice, deps: SourceDeps, gate: ReadGate) {
    this.#pollMs = pollMs
    this.#find = find
    this.#deps = deps
    this.#gate = gate
  }

  start(): void {
    if (this.#phase !== 'idle') return
    this.#phase = 'resting'
    this.#startedAtMs = this.#deps.clock.now()
    this.#timer = this.#deps.clock.after(0, () => this.#tick(0))
  }

  /** A read that hangs in the kernel is not waited for: what it gives when it comes after all goes nowhere. */
  stop(): Promise<void> {
    this.#timer?.cancel()
    this.#retry?.cancel()
    if (this.#phase === 'looking' && !this.#isStuck) this.#phase = 'stopping'
    else if (this.#phase !== 'stopping') this.#end()
    return this.#stopped.promise
  }

  #end(): void {
    this.#phase = 'stopped'
    this.#stopped.resolve()
  }

  #tick(due: number): void {
    const { clock, record } = this.#deps
    const nowMs = clock.now()
    const n = Math.max(due, Math.floor((nowMs - this.#startedAtMs) / this.#pollMs))
    if (n > due) record.countSkipped('missed', n - due)
    this.#timer = clock.after(this.#startedAtMs + (n + 1) * this.#pollMs - nowMs, () => this.#tick(n + 1))
    if (this.#phase !== 'resting') record.countSkipped('missed')
    else if (this.#retry === null) this.#queue()
  }

  #queue(): void {
    this.#phase = 'queued'
    this.#isStuck = false
    this.#gate.run(this.#device?.lane ?? `find ${this.#deps.name}`, () => this.#look(), () => this.#onStuck())
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    if (this.#phase !== 'queued') return
    this.#phase = 'looking'
    const found = this.#device === null
    if (found) await this.#search()
    else await this.#read(this.#device!)
    if (this.#isStopping()) this.#end()
    // The device's own lane is known now: the read waits for its turn there.
    else if (found && this.#device !== null) this.#queue()
    else this.#phase = 'resting'
  }

  async #search(): Promise<void> {
    try {
      this.#device = await this.#find()
    } catch (error) {
      if (!this.#isStopping()) this.#gone(error instanceof NotThere ? error.message : `the search for it failed: ${explainReadError(error)}`)
    }
  }

  async #read(device: KernelDevice): Promise<void> {
    const reading = await device.read()
    const isThere = reading.gaps.length === 0 || (await device.isThere())
    if (this.#isStopping()) return
    if (reading.gaps.length > 0) this.#device = null
    // Its folder went while it was read: the search tells what is there now.
    if (!isThere) await this.#search()
    else this.#judge(reading, device.units)
  }

  #judge(reading: KernelReading, units: Units): void {
    const { clock, record } = this.#deps
    const nowMs = clock.now()
    for (const gap of reading.gaps) record.countSkipped(gap.reason)
    const whys = reading.gaps.map((gap) => gap.why).join('; ')
    if (Object.values(reading.fields).some((value) => value !== null)) {
      this.#failures = 0
      if (reading.gaps.length === 0) this.#well(nowMs)
      else this.#degraded(whys, nowMs)
      this.#deps.take(reading.fields, nowMs, units)
      return
    }
    if (reading.gaps.length === 0) {
      this.#device = null
      this.#gone('the device has no channel that gives a value: see what `sandpiper board` finds')
      return
    }
    if (reading.gaps.some((gap) => gap.reason !== 'unreadable')) this.#degraded(whys, nowMs)
    else if (++this.#failures < GONE_AFTER) this.#degraded(whys, nowMs)
    else this.#gone(whys)
  }

  #well(nowMs: number): void {
    const { name, record, log } = this.#deps
    if (record.status !== 'ok') log.info({ sensor: name, folder: this.#device?.folder }, `sensor "${name}" is read`)
    record.set('ok', nowMs)
  }

  #degraded(why: string, nowMs: number): void {
    const { name, record, log } = this.#deps
    const level = record.set('degraded', nowMs, why) ? 'warn' : 'debug'
    log[level]({ sensor: name, why }, `sensor "${name}" is not read whole: ${why}`)
  }

  #gone(why: string): void {
    const { name, record, log, clock, random } = this.#deps
    const nowMs = clock.now()
    this.#failures = Math.max(this.#failures + 1, GONE_AFTER)
    this.#retry = clock.after(backoffMs(this.#failures - GONE_AFTER + 1, random()), () => this.#onRetry())
    const level = record.set('gone', nowMs, why) ? 'warn' : 'debug'
    log[level]({ sensor: name, why }, `sensor "${name}" is gone: ${why}; it is tried again by itself`)
  }

  #onRetry(): void {
    this.#retry = null
    if (this.#phase === 'resting') this.#queue()
  }

  /** It may answer yet: then it is read as if nothing had been. */
  #onStuck(): void {
    this.#isStuck = true
    if (this.#phase === 'stopping') this.#end()
    if (this.#phase !== 'looking' && this.#phase !== 'queued') return
    const { name, record, log, clock } = this.#deps
    const why =
      this.#phase === 'looking'
        ? 'the kernel does not answer a read: the chip or its bus hangs; switch its supply off and on'
        : 'another read hangs in the kernel, on the same bus or on several: switch the supply of those chips off and on'
    record.set('gone', clock.now(), why)
    log.warn({ sensor: name, why }, `sensor "${name}" is gone: ${why}`)
  }

  // As a method, for the phase may change at every await.
  #isStopping(): boolean {
    return this.#phase === 'stopping' || this.#phase === 'stopped'
  }
}
