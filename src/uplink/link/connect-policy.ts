// When a link is to have a connection: its `connect` (config.ts) against what waits and what time it is.
//
//   any of  queued, class, schedule                 begins a connection, which ends `idleMs` after all has been sent
//   or      a window or a pass, and something waits begins one that also ends with the window or the pass
//
// Conditions of wall time cannot be judged while the clock is not set, and a pass not while none is known. The link has BLIND windows then: often
// enough that nothing waits for ever (the clock may be set over this very link), seldom enough to cost little.
// Times are asked again at least once a minute, so that a clock that jumps is noticed.
import { wallIsSet } from '../../clock.ts'
import type { ConnectConfig } from '../../config/config.ts'
import { nextRunMs } from './cron.ts'
import type { Pass } from './passes.ts'
import { isOpen, untilEdgeMs } from './windows.ts'

export interface PolicyFacts {
  /** Monotonic. */
  readonly nowMs: number
  readonly wallMs: number
  /** Classes of which something waits that the link may carry. */
  readonly classes: readonly string[]
  /** Messages that wait in all of them. */
  readonly count: number
  /** `trying`: being dialled or connected. */
  readonly use: 'none' | 'trying' | 'up'
  /** Another link of the uplink is up. */
  readonly otherIsUp: boolean
  /** Up, and nothing is left to send or on its way. */
  readonly isDrained: boolean
  /** Monotonic time of the last message that came over the connection; -Infinity for none. */
  readonly receivedAtMs: number
  /** Passes that are known, by start. */
  readonly passes: readonly Pass[]
}

export interface Verdict {
  readonly wanted: boolean
  /** It has to be asked again after this, and when what waits has changed. Infinity: only then. */
  readonly againMs: number
  /** Why it is not wanted any more, as a part of a sentence. */
  readonly why: string
}

/** Longest time between two looks at the wall clock. */
const LOOK_MS = 60_000
/** A clock that is put back further than this was wrong before: its runs may come again. */
const BACK_MS_MAX = 3_600_000
/** After the start the clock has time to be set. */
export const BLIND_FIRST_MS = 600_000
export const BLIND_EVERY_MS = 6 * 3_600_000
export const BLIND_OPEN_MS = 900_000
const BUSY_LOOK_MS_MIN = 1000
/** Less is a clock that is being adjusted. */
const JUMP_MS = 500

export class ConnectPolicy {
  readonly #config: When
  readonly #startMs: number
  /** What the connection that is wanted is for: `timed` ends with the window. */
  #reason: 'free' | 'timed' | null = null
  /** It has begun to be carried out: what is lost in the middle is taken up again. */
  #hasBeenUp = false
  /** When it was drained, and nothing has asked for a connection since; null when that was not yet. */
  #doneAtMs: number | null = null
  #why = 'nothing asks for it'
  /** A run of the schedule has come and was not served. */
  #due = false
  #wallMs = NaN
  #nextRunMs = Infinity
  #blindRun = -1
  #time: TimeOfDay = { isOpen: false, isBlind: false, dueMs: -Infinity, offsetMs: 0, passes: [] }

  /** `nowMs`: monotonic time of the start. */
  constructor(config: When, nowMs: number) {
    this.#config = config
    this.#startMs = nowMs
  }

  ask(facts: PolicyFacts): Verdict {
    const config = this.#config
    const time = this.#timeOfDay(config, facts)
    this.#decide(config, facts, time)
    return { wanted: this.#reason !== null, againMs: Math.max(1, Math.min(time.dueMs - facts.nowMs, this.#againMs(config, facts))), why: this.#why }
  }

  #decide(config: When, facts: PolicyFacts, { isOpen, isBlind }: TimeOfDay): void {
    const { nowMs, use, count, otherIsUp } = facts
    if (otherIsUp) {
      // It takes what this one was to carry, and brings what a run was to fetch.
      this.#due = false
      this.#reason = null
    }
    const isDue = this.#due && use !== 'up'
    const hasWork = count > 0 || isDue
    const asks = (isDue && !isBlind) || (config.queued !== null && count >= config.queued) || config.classes.some((name) => facts.classes.includes(name))
    const begins = asks ? 'free' : isOpen && hasWork ? 'timed' : null
    if (use === 'up') this.#hasBeenUp = true
    if (use !== 'up' || begins !== null) this.#doneAtMs = null
    else if (facts.isDrained) this.#doneAtMs ??= nowMs
    if (this.#reason === 'timed' && !isOpen) this.#end('its time is over')
    else if (this.#reason !== null && facts.isDrained && this.#idleAtMs(config, facts) <= nowMs) {
      this.#due = false
      this.#end('nothing is left to send')
    } else if (this.#reason !== null && use !== 'up' && (this.#hasBeenUp ? !hasWork : begins === null)) this.#end('nothing asks for it any more')
    this.#reason ??= begins
  }

  /** When it will have been idle for long enough. What trickles in does not keep it open when it would not have begun it; what is received does. */
  #idleAtMs({ idleMs }: When, { receivedAtMs }: PolicyFacts): number {
    return this.#doneAtMs === null ? Infinity : Math.max(this.#doneAtMs, receivedAtMs) + idleMs
  }

  #end(why: string): void {
    this.#reason = null
    this.#hasBeenUp = false
    this.#why = why
  }

  #againMs(config: When, facts: PolicyFacts): number {
    if (this.#reason === null || facts.use !== 'up') return Infinity
    const idleInMs = this.#idleAtMs(config, facts) - facts.nowMs
    return Math.max(BUSY_LOOK_MS_MIN, Math.min(idleInMs === Infinity ? config.idleMs : idleInMs, LOOK_MS))
  }

  // ---- wall time

  /** Looked up again when it is due, the clock has jumped or the passes are others. */
  #timeOfDay(config: When, { nowMs, wallMs, passes }: PolicyFacts): TimeOfDay {
    const known = this.#time
    const hasJumped = Math.abs(wallMs - nowMs - known.offsetMs) > JUMP_MS
    if (nowMs >= known.dueMs || hasJumped || passes !== known.passes) this.#time = this.#look(config, nowMs, wallMs, passes)
    return this.#time
  }

  #look({ schedule, windows, passesFile }: When, nowMs: number, wallMs: number, passes: readonly Pass[]): TimeOfDay {
    const time = { offsetMs: wallMs - nowMs, passes, isBlind: false }
    if (schedule === null && windows.length === 0 && passesFile === null) return { ...time, isOpen: false, dueMs: Infinity }
    if (!wallIsSet(wallMs)) return { ...time, isOpen: this.#isOpenBlindly(nowMs, schedule !== null), isBlind: true, dueMs: nowMs + LOOK_MS }
    if (schedule !== null) this.#run(schedule, wallMs)
    const coming = passes.filter((pass) => pass.endMs > wallMs)
    const isInPass = passesFile !== null && (coming.length === 0 ? this.#isOpenBlindly(nowMs, false) : coming[0]!.startMs <= wallMs)
    const edges = [LOOK_MS, this.#nextRunMs - wallMs, ...windows.map((w) => untilEdgeMs(w, wallMs))]
    for (const { startMs, endMs } of coming) edges.push((startMs > wallMs ? startMs : endMs) - wallMs)
    return { ...time, isOpen: isInPass || windows.some((w) => isOpen(w, wallMs)), dueMs: nowMs + Math.min(...edges) }
  }

  #run(schedule: NonNullable<When['schedule']>, wallMs: number): void {
    // What went by while the clock was not set is not known.
    if (!(wallMs >= this.#wallMs - BACK_MS_MAX)) {
      this.#nextRunMs = nextRunMs(schedule, wallMs)
      this.#wallMs = wallMs
    }
    this.#wallMs = Math.max(this.#wallMs, wallMs)
    if (wallMs < this.#nextRunMs) return
    this.#due = true
    this.#nextRunMs = nextRunMs(schedule, wallMs)
  }

  #isOpenBlindly(nowMs: number, runs: boolean): boolean {
    const sinceMs = nowMs - this.#startMs - BLIND_FIRST_MS
    const run = Math.floor(sinceMs / BLIND_EVERY_MS)
    const isOpen = sinceMs >= 0 && sinceMs - run * BLIND_EVERY_MS < BLIND_OPEN_MS
    if (!runs) return isOpen
    if (!isOpen) this.#due = false
    else if (run !== this.#blindRun) {
      this.#blindRun = run
      this.#due = true
    }
    return isOpen
  }
}

interface TimeOfDay {
  /** In a window or a pass. */
  readonly isOpen: boolean
  /** The clock is not set. */
  readonly isBlind: boolean
  /** Monotonic time to look again. */
  readonly dueMs: number
  /** Wall time less monotonic time when it was looked up. */
  readonly offsetMs: number
  readonly passes: readonly Pass[]
}

type When = Extract<ConnectConfig, { kind: 'when' }>
