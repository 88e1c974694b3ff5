// When a connection that says nothing is asked whether it is still there, and when it is given up (MQTT 5.0 section 3.1.2.10).
//
//   fixed      PINGREQ when nothing was sent, or nothing was heard, for the Keep Alive
//   adaptive   probes of TCP keep the network's memory of the connection (104 bytes on the wire), as seldom as it was found to need them;
//              PINGREQ (204 bytes over TLS) asks the broker itself, far more seldom: a Keep Alive is announced that allows for it
//
// What is always true
//   1. A control packet leaves within the Keep Alive that was announced, or that the server has set [MQTT-3.1.2-20].
//   2. What was sent and is not answered is asked about by PINGREQ, and the end is when that is not answered either: a dead link is found
//      by what is sent over it long before a Keep Alive has passed. How long an answer may take follows from what is on its way.
//   3. Anything heard is a sign of life, and anything sent is as good as a ping.
import type { Clock, Timer } from '../../clock.ts'
import type { KeepAliveConfig } from '../../config/config.ts'
import type { Loss } from './endpoint.ts'
import { Silence, type Values } from './silence.ts'

/** Keep Alive has two bytes. */
const ANNOUNCED_SEC_MAX = 65_535
/** The longest silence between probes, and between questions to the broker: one of those costs two of these. */
const PINGS_PER_PROBES = 4
const MARGIN_MS = 1000
const ANSWER_MS_MAX = 15_000
const ANSWER_MS_MIN = 2000
/** After QoS 0, which nobody answers, it is asked when nothing was heard for so many times the shortest silence. */
const UNANSWERED_SILENCES = 5
/** An unanswered probe is sent again so often, this far apart; then the connection is over. */
const PROBE_INTERVAL_MS = 15_000
const PROBES = 3
/** A timer of the system's may be late by an eighth, and a probe with it. */
const PROBE_LATENESS = 1.13
const PROBES_MS = PROBE_INTERVAL_MS * PROBES + 5000

/** What the connection does for it. */
export interface KeepAliveOutlet {
  ping(): void
  /** TCP's own probes after `idleMs` of silence, repeated as said; 0 for none. False when there is no TCP to do it. */
  probe(idleMs: number, intervalMs: number, count: number): boolean
  /** Bytes sent that an answer is still to come for. */
  unanswered(): number
  /** Milliseconds that so many bytes need, and their answer; a guess as long as it is not known. */
  arrivalMs(bytes: number): number
  /** Nobody answers any more. */
  dead(): void
}

/** What is known of a link's silences; kept as long as the link is configured. */
export interface Silences {
  /** Without any packet. */
  readonly path: Silence
  /** Without anything of MQTT: what is between (a proxy, a balancer) may look for that. */
  readonly session: Silence
}

export function silencesOf({ minSec, maxSec }: KeepAliveConfig, values: Values, key: string): Silences {
  const sessionSec = Math.min(ANNOUNCED_SEC_MAX, PINGS_PER_PROBES * maxSec)
  return { path: new Silence({ minSec, maxSec }, values, `${key}.path`), session: new Silence({ minSec: Math.min(2 * minSec, sessionSec), maxSec: sessionSec }, values, `${key}.session`) }
}

/** Seconds for the Keep Alive of CONNECT. */
export function announcedSec({ minSec, maxSec }: KeepAliveConfig): number {
  return minSec === maxSec ? maxSec : Math.min(ANNOUNCED_SEC_MAX, PINGS_PER_PROBES * maxSec)
}

export class KeepAlive {
  readonly #config: KeepAliveConfig
  readonly #silences: Silences
  readonly #clock: Clock
  readonly #outlet: KeepAliveOutlet
  #timer: Timer | null = null
  #timerAtMs = Infinity
  #announcedMs = 0
  #answerMs = ANSWER_MS_MAX
  #probes = false
  #sentMs: number
  #heardMs: number
  #pingMs = -1
  /** Since when an answer is missing; -1 when none is. */
  #waitingMs = -1
  /** QoS 0 was sent since something was heard. */
  #shouted = false
  /** The silence that the last thing sent has broken, in seconds; 0 when an answer has come since. */
  #brokenSec = 0
  /** Silence of the path began here: the last packet or the last probe. */
  #pathMs: number

  constructor(config: KeepAliveConfig, silences: Silences, clock: Clock, outlet: KeepAliveOutlet) {
    this.#config = config
    this.#silences = silences
    this.#clock = clock
    this.#outlet = outlet
    this.#sentMs = this.#heardMs = this.#pathMs = clock.now()
  }

  /** The server has accepted. `serverKeepAliveSec`: what it has set instead of what was announced. */
  start(serverKeepAliveSec: number | null): void {
    const announced = (serverKeepAliveSec ?? announcedSec(this.#config)) * 1000
    this.#announcedMs = announced === 0 ? Infinity : announced
    if (!this.#isAdaptive) this.#answerMs = Math.min(ANSWER_MS_MAX, Math.max(ANSWER_MS_MIN, this.#announcedMs / 2))
    const nowMs = this.#clock.now()
    this.#sentMs = this.#heardMs = this.#pathMs = nowMs
    this.#setProbes()
    this.#check()
  }

  /** Something was sent. `answer`: one will come, none will, or it is an answer itself. */
  sent(nowMs: number, answer: 'comes' | 'none' | 'is one'): void {
    const silentMs = nowMs - Math.max(this.#sentMs, this.#heardMs)
    if (silentMs >= this.#config.minSec * 1000) this.#brokenSec = silentMs / 1000
    this.#sentMs = this.#pathMs = nowMs
    if (answer === 'none') this.#shouted = true
    if (answer !== 'comes' || this.#waitingMs >= 0) return
    this.#waitingMs = nowMs
    this.#wakeBy(nowMs + this.#answerMs)
  }

  heard(nowMs: number): void {
    const silentSec = (nowMs - Math.max(this.#sentMs, this.#heardMs)) / 1000
    if (this.#brokenSec > 0) this.#survived(this.#brokenSec)
    else if (this.#waitingMs < 0) this.#survived(silentSec)
    this.#brokenSec = 0
    this.#heardMs = this.#pathMs = nowMs
    this.#pingMs = -1
    this.#shouted = false
    this.#waitingMs = this.#outlet.unanswered() > 0 ? nowMs : -1
  }

  /** The connection is over. `by`: what told so. */
  stop(by: Loss | 'goodbye'): void {
    this.#timer?.cancel()
    this.#timer = null
    if (by === 'goodbye' || by === 'other' || !this.#isAdaptive || this.#announcedMs === 0) return
    const { path, session } = this.#silences
    const silentSec = this.#brokenSec > 0 ? this.#brokenSec : (this.#clock.now() - Math.max(this.#sentMs, this.#heardMs)) / 1000
    if (by === 'closed') session.died(silentSec) // whoever forgets a connection does not say goodbye
    else if (!this.#probes) path.died(silentSec)
    else if (silentSec < path.trySec) return
    else if (this.#brokenSec === 0 || path.trySec > path.survivedSec) path.died(path.trySec)
    else session.died(silentSec)
  }

  get #isAdaptive(): boolean {
    return this.#config.minSec < this.#config.maxSec
  }

  #survived(silentSec: number): void {
    if (!this.#isAdaptive) return
    const { path, session } = this.#silences
    session.survived(silentSec)
    if (!this.#probes) path.survived(silentSec)
    if (silentSec >= this.#config.minSec) this.#setProbes()
  }

  /** As seldom as the path allows; not at all where the questions to the broker come as often. */
  #setProbes(): void {
    if (!this.#isAdaptive) return
    const { path, session } = this.#silences
    const isUseful = path.trySec * 1000 < Math.min(session.trySec * 1000, this.#announcedMs - MARGIN_MS)
    this.#probes = this.#outlet.probe(isUseful ? path.trySec * 1000 : 0, PROBE_INTERVAL_MS, PROBES) && isUseful
  }

  #check(): void {
    this.#timer = null
    this.#timerAtMs = Infinity
    const nowMs = this.#clock.now()
    if (this.#outlet.unanswered() === 0) this.#waitingMs = -1
    if (this.#probes && nowMs >= this.#probedMs()) {
      const { path } = this.#silences
      this.#pathMs += path.trySec * 1000
      path.survived(path.trySec)
      this.#setProbes()
    }
    if (this.#pingMs >= 0 && nowMs >= this.#givenUpMs()) {
      this.#outlet.dead()
      return
    }
    if (this.#pingMs < 0 && nowMs >= this.#pingDueMs()) {
      this.#outlet.ping()
      this.#pingMs = nowMs
      this.sent(nowMs, 'comes')
    }
    this.#wakeBy(this.#pingMs >= 0 ? this.#givenUpMs() : this.#pingDueMs())
    if (this.#probes) this.#wakeBy(this.#probedMs())
  }

  #givenUpMs(): number {
    return this.#pingMs + this.#patienceMs()
  }

  /** When a probe has surely been answered, or the system has given up. */
  #probedMs(): number {
    return this.#pathMs + this.#silences.path.trySec * 1000 * PROBE_LATENESS + PROBES_MS
  }

  /** When an answer is overdue. */
  #patienceMs(): number {
    return this.#answerMs + 2 * this.#outlet.arrivalMs(this.#outlet.unanswered())
  }

  #pingDueMs(): number {
    const { minSec } = this.#config
    const quietMs = Math.min(this.#sentMs, this.#heardMs) + this.#announcedMs - MARGIN_MS
    const unansweredMs = this.#waitingMs < 0 ? Infinity : this.#waitingMs + this.#patienceMs()
    if (!this.#isAdaptive) return Math.min(quietMs, unansweredMs)
    const { path, session } = this.#silences
    const silentMs = Math.max(this.#sentMs, this.#heardMs) + 1000 * (this.#probes ? session.trySec : Math.min(path.trySec, session.trySec))
    const shoutedMs = this.#shouted ? this.#heardMs + UNANSWERED_SILENCES * minSec * 1000 : Infinity
    return Math.min(quietMs, unansweredMs, silentMs, shoutedMs)
  }

  #wakeBy(atMs: number): void {
    if (atMs >= this.#timerAtMs || atMs === Infinity) return
    this.#timer?.cancel()
    this.#timerAtMs = atMs
    this.#timer = this.#clock.after(Math.max(0, Math.ceil(atMs - this.#clock.now())), () => this.#check())
  }
}
