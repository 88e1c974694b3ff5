// How good the time is, and what it was: boards have no clock battery, and the first NTP answer may come days after power-on, or never.
//
// What is always true
//   1. The clock counts as synced when the kernel says that somebody disciplines it, when a battery-backed clock agrees with it, or when satellites
//      have told the time. That it shows a likely date is not enough: it may have been set to that of the last shutdown. Once synced it
//      stays so when NTP is silent for days, for then it drifts by seconds; not when somebody sets it meanwhile.
//   2. A moment is known by the time since the machine was started, which never jumps. How that translates to wall time is kept for the
//      last BOOTS_MAX starts, so that what was queued in one of them can be put right later. On flash a start is a slot (stored-time.ts).
//   3. Nothing here sets the system's clock.
import { bootOffsetMs, type Clock, type Timer, wallIsSet } from './clock.ts'
import { readStored, SLOTS, storedSinceBoot } from './stored-time.ts'

/** When something happened, as well as it is known. */
export interface Stamp {
  /** Milliseconds since 1970; by the system's clock, however wrong, when it is not synced. */
  readonly wallMs: number
  readonly isSynced: boolean
  /** The same moment since the machine was started; null when it is synced, for it will not be put right then, or when that start is forgotten. */
  readonly sinceBoot: { readonly boot: string; readonly sinceBootMs: number } | null
}

/** What the system knows of its clock. */
export interface SystemTime {
  /** The kernel's identifier of this start of the machine. */
  readonly boot: string
  /** Whether the clock is disciplined or was set from one with a battery; null when the system does not tell. */
  isSynced(wallMs: number): boolean | null
}

interface Numbers {
  readonly all: ReadonlyMap<string, number>
  get(key: string): number | undefined
  set(key: string, value: number): void
  delete(key: string): void
}

const CHECK_MS = 1000
const BOOTS_MAX = 32
/** Wall time that the machine was started at, of each start that has known it. */
const PREFIX = 'clock/'
/** Of each start with times on flash that were not known: its number, which tells its slot. */
const NUMBER = 'boot/'
/** Satellite receivers tell the time of a second within so much of it; a clock that moves by more was set. */
const STEP_MS = 1000

export class Timekeeper {
  readonly #clock: Clock
  readonly #system: SystemTime
  readonly #numbers: Numbers
  #timer: Timer | null = null
  #checkedAtMs = -Infinity
  #isSystemSynced = false
  /** Wall time when Clock.now was 0, by satellites; null when they have not told. */
  #gpsZeroMs: number | null = null
  /** Of this start, once something could be kept that is not wall time. */
  #slot: number | null = null

  constructor(clock: Clock, system: SystemTime, numbers: Numbers) {
    this.#clock = clock
    this.#system = system
    this.#numbers = numbers
  }

  get isSynced(): boolean {
    return this.#isSystemSynced || this.#gpsZeroMs !== null
  }

  /** Before anything is kept on flash. */
  start(): void {
    this.#check()
    this.#timer = this.#clock.every(CHECK_MS, () => this.#check())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** `atMs`: Clock.now, of now or a little before. */
  stamp(atMs: number): Stamp {
    const wallMs = this.#wallOf(atMs)
    if (this.isSynced) return { wallMs, isSynced: true, sinceBoot: null }
    return { wallMs, isSynced: false, sinceBoot: { boot: this.#system.boot, sinceBootMs: atMs + bootOffsetMs } }
  }

  /** Milliseconds since 1970 of a moment in this or an earlier start of the machine; null when that is not known. */
  wallOf(boot: string, sinceBootMs: number): number | null {
    if (boot === this.#system.boot) {
      if (!this.isSynced && this.#clock.now() - this.#checkedAtMs >= CHECK_MS) this.#check() // a queue asks for each message
      return this.isSynced ? this.#wallOf(sinceBootMs - bootOffsetMs) : null
    }
    const zeroMs = this.#numbers.get(PREFIX + boot)
    return zeroMs === undefined ? null : zeroMs + sinceBootMs
  }

  /** The time to be kept on flash for now. */
  storedNow(): number {
    const nowMs = this.#clock.now()
    return this.isSynced || this.#slot === null ? this.#wallOf(nowMs) : storedSinceBoot(this.#slot, nowMs + bootOffsetMs)
  }

  /** What a time on flash means, as well as it is known by now: without knowing more, milliseconds since that start of the machine. */
  ofStored(storedMs: number): Stamp {
    const moment = readStored(storedMs)
    if (moment.kind === 'wall') return { wallMs: moment.wallMs, isSynced: true, sinceBoot: null }
    const { slot, sinceBootMs } = moment
    if (slot === this.#slot) return this.stamp(sinceBootMs - bootOffsetMs)
    const boot = this.#bootOf(slot)
    const wallMs = boot === null ? null : this.wallOf(boot, sinceBootMs)
    if (wallMs !== null) return { wallMs, isSynced: true, sinceBoot: null }
    return { wallMs: sinceBootMs, isSynced: false, sinceBoot: boot === null ? null : { boot, sinceBootMs } }
  }

  /** Satellites say that it was `utcMs` at `atMs` (Clock.now). A date before this release is that of a receiver whose weeks have rolled over. */
  gpsTime(utcMs: number, atMs: number): void {
    if (!wallIsSet(utcMs)) return
    const zeroMs = utcMs - atMs
    if (this.#gpsZeroMs !== null && Math.abs(zeroMs - this.#gpsZeroMs) <= STEP_MS) return
    this.#gpsZeroMs = zeroMs
    this.#keep()
  }

  /** The system's clock where it is synced, or where nothing is better. */
  #wallOf(atMs: number): number {
    if (this.#isSystemSynced || this.#gpsZeroMs === null) return this.#clock.wall() - (this.#clock.now() - atMs)
    return this.#gpsZeroMs + atMs
  }

  #check(): void {
    this.#checkedAtMs = this.#clock.now()
    const wallMs = this.#clock.wall()
    this.#isSystemSynced = wallIsSet(wallMs) && (this.#isNearKept(wallMs - this.#clock.now() - bootOffsetMs) || (this.#system.isSynced(wallMs) ?? true))
    if (this.isSynced) this.#keep()
    else this.#claimSlot()
  }

  /** Before something is kept: who reads it after a crash has to know which start was meant. */
  #claimSlot(): void {
    if (this.#slot !== null) return
    const own = NUMBER + this.#system.boot
    const known = this.#numbers.get(own)
    const starts = this.#startsOf(NUMBER)
    const number = known ?? (starts[0]?.[1] ?? 0) + 1
    this.#slot = slotOf(number)
    if (known !== undefined) return
    this.#numbers.set(own, number)
    for (const [key] of starts.slice(BOOTS_MAX - 1)) this.#numbers.delete(key)
  }

  #bootOf(slot: number): string | null {
    const found = this.#startsOf(NUMBER).find(([, number]) => slotOf(number) === slot)
    return found === undefined ? null : found[0].slice(NUMBER.length)
  }

  /** What is kept of starts of the machine, the newest first. */
  #startsOf(prefix: string): (readonly [key: string, value: number])[] {
    return [...this.#numbers.all].filter(([key]) => key.startsWith(prefix)).sort(([, a], [, b]) => b - a)
  }

  #isNearKept(bootedMs: number): boolean {
    const keptMs = this.#numbers.get(PREFIX + this.#system.boot)
    return keptMs !== undefined && Math.abs(bootedMs - keptMs) <= STEP_MS
  }

  /** What wall time the machine was started at, for what is still queued after the next start. Called as long as the time is known. */
  #keep(): void {
    const bootedMs = Math.round(this.#wallOf(-bootOffsetMs))
    if (this.#isNearKept(bootedMs)) return
    const own = PREFIX + this.#system.boot
    this.#numbers.set(own, bootedMs)
    for (const [key] of this.#startsOf(PREFIX).filter(([key]) => key !== own).slice(BOOTS_MAX - 1)) this.#numbers.delete(key)
  }
}

function slotOf(number: number): number {
  return 1 + (number % (SLOTS - 1))
}
