// Three links in virtual time that fail as links do: outages short and long, lines that cannot be dialled, brokers that are reached and
// refuse, deaths that are noticed late. It watches the links of an uplink at work, and says what they must never do.
import type { LinkConfig } from '../../../../src/config/config.ts'
import type { Carrier, CarrierOwner } from '../../../../src/uplink/link/carrier.ts'
import type { Dialler } from '../../../../src/uplink/dial/dial.ts'
import { Links } from '../../../../src/uplink/link/links.ts'
import type { Dialled } from '../../../../src/uplink/link/way.ts'
import type { Clock } from '../../../../src/clock.ts'
import { Random } from '../../../sim/random.ts'
import { Life, SimClock } from '../../../sim/sim-clock.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
export const DAY = 24 * 60 * MINUTE
export const BACKOFF = { minMs: 1000, maxMs: 120_000 }
const LOOK_MS = 20 * SECOND
const CONNECT_TIMEOUT = 20 * SECOND

export interface Weather {
  readonly link: LinkConfig
  /** Mean times without and in an outage; one outage in twenty is sixty times as long. */
  readonly upMs: number
  readonly downMs: number
  /** Part of the outages in which the broker is reached and refuses. */
  readonly refuses: number
}

/** One link's way to the broker. */
class Road {
  readonly weather: Weather
  isUsable = true
  /** An outage in which probes are answered all the same. */
  refuses = false
  sinceMs: number
  outages = 0
  /** What ends when it becomes unusable. */
  onOutage = new Set<() => void>()

  constructor(weather: Weather, nowMs: number) {
    this.weather = weather
    this.sinceMs = nowMs
  }
}

export class LinksWorld {
  readonly random: Random
  readonly sim: SimClock
  readonly clock: Clock
  readonly roads: readonly Road[]
  readonly links: Links
  readonly waiting = new Map<string, { count: number; bytes: number }>([['live', { count: 0, bytes: 0 }], ['alarm', { count: 0, bytes: 0 }]])
  /** What went wrong. */
  readonly wrong: string[] = []
  /** Milliseconds that each link was in use, and of these with a cheaper one usable that is always wanted. */
  readonly usedMs = [0, 0, 0]
  readonly needlessMs = [0, 0, 0]
  readonly dials = [0, 0, 0]
  readonly connects = [0, 0, 0]
  alarms = 0
  /** The longest time without a connection while one link was usable and always wanted. */
  longestMissingMs = 0
  /** The longest time that a cheaper link was usable and a dearer one in use. */
  longestNeedlessMs = 0
  #upAtMs = 0
  open: string | null = null
  lines = [0, 0, 0]
  /** When a connection was accepted last. */
  upAtMs = -Infinity
  /** The link whose last connection died of itself; null when none has since. */
  lastDied: number | null = null
  /** Asked before anything is dialled or connected, by index: a sentence when it must not be. */
  mayUse: (link: number) => string | null = () => null
  mayConnect: (link: LinkConfig) => boolean = () => true
  /** Asked while it is up. */
  mayBeUp: (link: number) => boolean = () => true
  #isDrained = true
  #boundMs: number

  /** `boundMs`: a link that is always wanted and usable for so long has to mean that a connection is there. */
  constructor(seed: number, weathers: readonly Weather[], boundMs: number) {
    this.random = new Random(seed)
    this.sim = new SimClock(new Random(seed + 1))
    this.clock = this.sim.of(new Life())
    this.#boundMs = boundMs
    this.roads = weathers.map((weather) => new Road(weather, this.clock.now()))
    const silent = { debug: () => {}, info: () => {}, warn: (_: object, text: string) => void this.wrong.push(text), error: () => {} }
    this.links = new Links({ name: 'cloud', links: weathers.map((w) => w.link), backoff: BACKOFF }, {
      clock: this.clock,
      random: () => this.random.next(),
      log: silent,
      open: (link, _dialled, owner) => this.#connect(link, owner),
      dialler: (link) => this.#line(link),
      probe: (link, _dialled, signal) => this.#probe(link, signal),
      waiting: () => this.waiting,
      drained: () => this.#isDrained,
      receivedAtMs: () => -Infinity,
      mayConnect: (link) => this.mayConnect(link),
      wireBytes: () => 0,
      stateChanged: () => {},
    })
    for (const road of this.roads) this.#blow(road)
  }

  put(className: string, count: number): void {
    const { count: before } = this.waiting.get(className)!
    this.waiting.set(className, { count: before + count, bytes: (before + count) * 30 })
    this.#isDrained = false
    this.links.changed()
    this.#drain()
  }

  async run(ms: number): Promise<void> {
    this.clock.every(LOOK_MS, () => this.#look())
    await this.sim.run(this.clock.now() + ms)
  }

  // ---- weather

  #after(meanMs: number, fn: () => void): void {
    this.clock.after(-Math.log(1 - this.random.next()) * meanMs, fn)
  }

  #blow(road: Road): void {
    const { upMs, downMs, refuses } = road.weather
    this.#after(upMs, () => {
      road.isUsable = false
      road.refuses = this.random.chance(refuses)
      road.outages++
      for (const fn of road.onOutage) fn()
      this.#after(this.random.chance(0.05) ? downMs * 60 : downMs, () => {
        road.isUsable = true
        road.sinceMs = this.clock.now()
        this.#blow(road)
      })
    })
  }

  // ---- ports

  #indexOf(link: LinkConfig): number {
    return this.roads.findIndex((road) => road.weather.link === link)
  }

  #connect(link: LinkConfig, owner: CarrierOwner): Carrier {
    const index = this.#indexOf(link)
    const road = this.roads[index]!
    this.connects[index]!++
    const why = this.mayUse(index)
    if (why !== null) this.wrong.push(`${link.name} is connected: ${why}`)
    if (this.open !== null) this.wrong.push(`${link.name} is connected while ${this.open} is not over`)
    if (link.dial !== null && this.lines[index] !== 1) this.wrong.push(`${link.name} is connected without a line`)
    this.open = link.name
    let isOver = false
    const end = (why: string): void => {
      if (isOver) return
      isOver = true
      carrier.up = false
      road.onOutage.delete(dies)
      this.open = null
      owner.ended(why)
    }
    const dies = (): void => this.#after(this.random.chance(0.5) ? 1 : 30 * SECOND, () => {
      if (!isOver) this.lastDied = index
      end('dead')
    })
    const carrier = { up: false, stop: () => void this.clock.after(this.random.int(0, 1000), () => end('stopped')) }
    const isFast = this.random.chance(0.5)
    this.clock.after(road.isUsable ? this.random.int(50, 3000) : isFast || road.refuses ? this.random.int(1, 2000) : CONNECT_TIMEOUT, () => {
      if (isOver) return
      if (!road.isUsable) return end('no answer')
      carrier.up = true
      this.upAtMs = this.clock.now()
      this.lastDied = null
      road.onOutage.add(dies)
      this.#isDrained = false
      owner.accepted()
      this.#drain()
    })
    return carrier
  }

  /** Everything that may go has gone a few seconds later. */
  #drain(): void {
    const { link, carrier } = this.links
    if (link === null || carrier === null) return
    this.clock.after(this.random.int(500, 5000), () => {
      if (this.links.carrier !== carrier || !carrier.up) return
      for (const name of this.waiting.keys()) if (link.classes?.includes(name) !== false) this.waiting.set(name, { count: 0, bytes: 0 })
      this.#isDrained = true
      this.links.changed()
    })
  }

  #line(link: LinkConfig): Dialler {
    const index = this.#indexOf(link)
    const road = this.roads[index]!
    let lost: (why: string) => void = () => {}
    let breakOff: (why: Error) => void = () => {}
    let isUp = false
    const loses = (): void => this.#after(5 * SECOND, () => {
      if (!isUp) return
      isUp = false
      this.lastDied = index
      road.onOutage.delete(loses)
      lost('the carrier was lost')
    })
    return {
      dial: () => {
        this.dials[index]!++
        if (++this.lines[index]! !== 1) this.wrong.push(`${link.name} is dialled twice`)
        const why = this.mayUse(index)
        if (why !== null) this.wrong.push(`${link.name} is dialled: ${why}`)
        const { promise, resolve, reject } = Promise.withResolvers<Dialled>()
        breakOff = reject
        const isThere = road.isUsable
        this.clock.after(this.random.int(2, isThere ? 15 : 40) * SECOND, () => {
          if (breakOff !== reject) return
          breakOff = () => {}
          if (!isThere || !road.isUsable) {
            this.lines[index]!--
            reject(new Error('no dial tone'))
            return
          }
          isUp = true
          road.onOutage.add(loses)
          resolve({ interface: 'ppp0' })
        })
        return promise
      },
      hangUp: async () => {
        breakOff(new Error('hung up'))
        breakOff = () => {}
        isUp = false
        road.onOutage.delete(loses)
        await new Promise<void>((resolve) => void this.clock.after(this.random.int(0, 3000), resolve))
        this.lines[index]!--
      },
      onLost: (fn) => (lost = fn),
    }
  }

  #probe(link: LinkConfig, signal: AbortSignal): Promise<void> {
    const road = this.roads[this.#indexOf(link)]!
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')))
      const answers = road.isUsable || road.refuses
      this.clock.after(answers ? this.random.int(20, 2000) : this.random.int(20, 15_000), () => (answers && (road.isUsable || road.refuses) ? resolve() : reject(new Error('no answer'))))
    })
  }

  // ---- what is always true

  #look(): void {
    const nowMs = this.clock.now()
    const { phase, link } = this.links.state
    const inUse = this.roads.findIndex((road) => road.weather.link.name === link)
    const usableMs = this.roads.map((road) => (road.isUsable && road.weather.link.connect.kind === 'always' && this.mayConnect(road.weather.link) ? nowMs - road.sinceMs : 0))
    if (phase === 'up') this.#upAtMs = nowMs
    const missingMs = Math.min(nowMs - this.#upAtMs, Math.max(...usableMs))
    this.longestMissingMs = Math.max(this.longestMissingMs, missingMs)
    if (missingMs > this.#boundMs) this.wrong.push(`stuck in ${phase} ${String(link)} at ${Math.round(nowMs / SECOND)} s for ${Math.round(missingMs / SECOND)} s`)
    if (inUse < 0) return
    if (phase === 'up' && !this.mayBeUp(inUse)) this.wrong.push(`${String(link)} is up at ${new Date(this.clock.wall()).toISOString()}`)
    this.usedMs[inUse]! += LOOK_MS
    const isSettled = phase === 'up' && nowMs - this.links.state.sinceMs > 30 * SECOND
    if (isSettled && this.lines.some((count, i) => i > inUse && count > 0)) this.wrong.push(`a line is up that nobody needs: ${this.lines.join()} in use ${inUse}`)
    const cheaperMs = Math.max(0, ...usableMs.slice(0, inUse))
    if (cheaperMs > 0) this.needlessMs[inUse]! += LOOK_MS
    this.longestNeedlessMs = Math.max(this.longestNeedlessMs, cheaperMs)
  }
}
