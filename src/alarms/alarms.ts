// Alarms at work: looks at the gateway every few seconds, and tells of what has begun and ended. Nothing of it is on a message's way.
//
//   gateway ─► observe.ts ─► register.ts ─┬─► $SYS/broker/alarm/KIND[/NAME], retained: JSON while it lasts, emptied when it is over or cleared
//   machine ─► health.ts ────┘            ├─► TOPIC/KIND[/NAME], the same for routes of uplinks, where `alarms.topic` says so
//                                         └─► log, counters, the API, the status
//
// What is always true
//   1. What is on a topic is said once: words and figure are those of its beginning. Where an uplink carries it, each change costs bytes.
//   2. An alarm outlives a restart, and so does that it was cleared: since when it is, is on flash. What ended while the gateway was not running ends
//      when the cause was away for as long as it has to be.
//   3. Every topic that was filled is on flash by name before, and is emptied by whoever finds that its alarm is no more: also after a restart with other
//      sensors, another topic or other marks. What others publish there is left alone.
import type { Clock, Timer } from '../clock.ts'
import type { AlarmsConfig } from '../config/config.ts'
import type { Stamp } from '../timekeeper.ts'
import { type Health, type HealthReader, UNKNOWN } from './health.ts'
import { type KindName, rulesOf, type Severity } from './kinds.ts'
import { observe, type Sight } from './observe.ts'
import { type Change, Register, type Standing } from './register.ts'

/** As the API and the status show it. */
export interface Alarm {
  /** `uplink-down/cloud`, or the kind alone. */
  readonly name: string
  readonly kind: KindName
  /** Which one; null where there is one only. */
  readonly of: string | null
  readonly severity: Severity
  /** acknowledged: cleared by the operator, and its cause is still there. */
  readonly state: 'active' | 'acknowledged'
  /** As well as it is known, in the form of ISO 8601. */
  readonly since: string
  readonly message: string
  readonly hint: string
  /** As it was seen last. */
  readonly value: number | null
  readonly unit: string | null
}

export interface AlarmsDeps {
  readonly clock: Clock
  readonly log: { info(fields: object, text: string): void; warn(fields: object, text: string): void }
  readonly counters: { alarmsRaised: number }
  /** What survives a restart. */
  readonly numbers: { readonly all: ReadonlyMap<string, number>; set(key: string, value: number): void; delete(key: string): void }
  readonly time: { storedNow(): number; ofStored(storedMs: number): Stamp }
  /** How the gateway is now, but for the machine. */
  readonly sight: () => Omit<Sight, 'health'>
  readonly health: HealthReader
  /** Retained, under `$SYS/`; '' empties it. */
  readonly tellSys: (name: string, text: string) => void
  /** Retained, at QoS 1, in the gateway's own space; '' empties it. */
  readonly publish: (topic: string, text: string) => void
}

const LOOK_MS = 2000
const HEALTH_MS = 10_000
/** What the machine has said last is believed for so long. */
const HEALTH_MS_MAX = 60_000
const SYS = 'broker/alarm'
/** Numbers on flash: since when an alarm is; that it was cleared; that a topic was filled. */
const SINCE = 'alarm/'
const CLEARED = 'alarm-cleared/'
const FILLED = 'alarm-topic/'

/** What stands on the topics of an alarm. */
interface Spoken {
  readonly at: Standing
  /** The time in it is right. */
  readonly isTimed: boolean
}

export class Alarms {
  readonly #topic: string | null
  readonly #deps: AlarmsDeps
  readonly #register: Register
  readonly #spoken = new Map<string, Spoken>()
  #health: Health = UNKNOWN
  #healthAtMs = -Infinity
  #isReading = false
  #refused = 0
  #timer: Timer | null = null

  constructor(config: AlarmsConfig, deps: AlarmsDeps) {
    this.#topic = config.topic
    this.#deps = deps
    this.#register = new Register(rulesOf(config))
  }

  /** Takes up what an earlier run has left, and looks. */
  start(): void {
    const { clock, numbers } = this.#deps
    this.#restore()
    this.#look()
    const current = new Set<string | null>([...this.#spoken.keys()].map((name) => this.#topicOf(name)))
    for (const topic of keysBelow(numbers.all, FILLED)) if (!current.has(topic)) this.#empty(topic)
    this.#timer = clock.every(LOOK_MS, () => this.#look())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** What the machine has said last. */
  get health(): Health {
    return this.#health
  }

  /** Those that nobody has cleared, the most severe first. */
  list(): readonly Alarm[] {
    return this.#register.shown().map((one) => this.#shown(one))
  }

  /** Those that were cleared, and whose cause is still there. */
  acknowledged(): readonly Alarm[] {
    return this.#register.cleared().map((one) => this.#shown(one))
  }

  /** It is not shown any more until its cause has been away and comes again. null when there is no such alarm. */
  clear(name: string, by: string): Alarm | null {
    const cleared = this.#register.clear(name)
    if (cleared === null) return null
    this.#keep(cleared.changes)
    this.#deps.log.info({ alarm: name, by }, 'an alarm was cleared')
    this.#tell(name)
    return this.#shown(cleared.alarm)
  }

  // ---- looks

  #look(): void {
    const { clock, counters, time } = this.#deps
    this.#askMachine()
    const sight = this.#deps.sight()
    const changes = this.#register.look(observe({ ...sight, health: this.#health }, this.#refused), clock.now(), time.storedNow())
    this.#refused = sight.refused
    this.#keep(changes)
    for (const { to } of changes) if (to === 'raised') counters.alarmsRaised++
    this.#tell(null)
  }

  /** Its answer is there at the next look. */
  #askMachine(): void {
    const nowMs = this.#deps.clock.now()
    if (nowMs - this.#healthAtMs > HEALTH_MS_MAX) this.#health = UNKNOWN
    if (this.#isReading || nowMs - this.#healthAtMs < HEALTH_MS) return
    this.#isReading = true
    this.#healthAtMs = nowMs
    void this.#deps.health.read().then((health) => {
      this.#health = health
      this.#isReading = false
    })
  }

  // ---- what survives

  #restore(): void {
    const { all } = this.#deps.numbers
    for (const name of keysBelow(all, SINCE)) {
      const isKnown = this.#register.restore({ name, sinceStoredMs: all.get(SINCE + name)!, isCleared: all.has(CLEARED + name) })
      if (!isKnown) this.#forget(name)
    }
  }

  #keep(changes: readonly Change[]): void {
    const { numbers } = this.#deps
    for (const { name, to, sinceStoredMs } of changes) {
      if (to === 'raised') numbers.set(SINCE + name, sinceStoredMs)
      else if (to === 'cleared') numbers.set(CLEARED + name, 1)
      else this.#forget(name)
    }
  }

  #forget(name: string): void {
    this.#deps.numbers.delete(SINCE + name)
    this.#deps.numbers.delete(CLEARED + name)
  }

  // ---- what is told

  /** Topics and log become what is shown now. `cleared`: what the log has heard of already. */
  #tell(cleared: string | null): void {
    const shown = new Map(this.#register.shown().map((one) => [one.name, one]))
    for (const [name, { at }] of this.#spoken) {
      if (shown.has(name)) continue
      this.#spoken.delete(name)
      this.#deps.tellSys(`${SYS}/${name}`, '')
      const topic = this.#topicOf(name)
      if (topic !== null) this.#empty(topic)
      if (name !== cleared) this.#deps.log.info({ alarm: name }, `over: ${at.message}`)
    }
    for (const one of shown.values()) this.#speak(one)
  }

  /** Once, and again when it has become known when it began. */
  #speak(one: Standing): void {
    const { name } = one
    const known = this.#spoken.get(name)
    const { isSynced } = this.#deps.time.ofStored(one.sinceStoredMs)
    if (known !== undefined && (known.isTimed || !isSynced)) return
    const at = known?.at ?? one
    this.#spoken.set(name, { at, isTimed: isSynced })
    const text = JSON.stringify({ ...this.#shown(at), ...(isSynced ? {} : { since: null }) })
    this.#deps.tellSys(`${SYS}/${name}`, text)
    this.#fill(this.#topicOf(name), text, known !== undefined)
    if (known === undefined) this.#deps.log.warn({ alarm: name, severity: at.severity }, `${at.message}: ${at.hint}`)
  }

  /** What an earlier run has filled is left as it is: nothing has happened that is worth the bytes. */
  #fill(topic: string | null, text: string, isNew: boolean): void {
    const { numbers, publish } = this.#deps
    if (topic === null || (!isNew && numbers.all.has(FILLED + topic))) return
    numbers.set(FILLED + topic, 1)
    publish(topic, text)
  }

  #empty(topic: string): void {
    this.#deps.publish(topic, '')
    this.#deps.numbers.delete(FILLED + topic)
  }

  #topicOf(name: string): string | null {
    return this.#topic === null ? null : `${this.#topic}/${name}`
  }

  #shown({ name, kind, of, severity, isCleared, sinceStoredMs, message, hint, value, unit }: Standing): Alarm {
    const since = new Date(this.#deps.time.ofStored(sinceStoredMs).wallMs).toISOString()
    return { name, kind, of, severity, state: isCleared ? 'acknowledged' : 'active', since, message, hint, value, unit }
  }
}

function keysBelow(all: ReadonlyMap<string, number>, prefix: string): string[] {
  return [...all.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))
}
