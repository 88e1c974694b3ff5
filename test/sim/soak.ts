// A month at the end of a bad link, in virtual time: a gateway with batches, classes and budgets, two links to a cloud broker, `sandpiper
// unpack` beside it, and a ledger that has to get every message once, in order and byte for byte.
//
//   publishers ─► gateway ═══ lte: 1,000 flaps a day ═══► cloud ─► unpacker ─► cloud ─► ledger
//                    ╚═══════ satellite: dear, alarms ═══════╝
//
// All of it dies at random, disks stall, the gateway's clock is not set or jumps. The lines count what passes them by themselves
// (wire-count.ts): no day and no month may cost more than its budget and one batch.
import { wallIsSet } from '../../src/clock.ts'
import type { LinkConfig } from '../../src/config/config.ts'
import type { DestinationLimits } from '../../src/store/store.ts'
import type { AskKernel } from '../../src/uplink/budget/tcp-info.ts'
import { Line } from './line.ts'
import { Link } from './link.ts'
import { Place } from './place.ts'
import { Random } from './random.ts'
import { Life, SimClock } from './sim-clock.ts'
import { SoakClient } from './soak-client.ts'
import { type Flow, SoakLedger } from './soak-ledger.ts'
import { drawPlan, type SoakPlan } from './soak-plan.ts'

const SEC_MS = 1000
const MINUTE_MS = 60 * SEC_MS
const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS
/** The last Sunday of this month has 23 hours in Europe. */
const START_WALL_MS = Date.UTC(2027, 2, 10, 5)
const NEAR = { latencyMs: 1, piecesMax: 1 }
const PREPARE_MS_MAX = 10 * MINUTE_MS
const DRAIN_MS_MAX = 2 * DAY_MS
const LIMITS: DestinationLimits = { bytesMax: 1e9, countMax: 1e9, ageMsMax: Infinity, whenFull: 'drop-oldest' }

/** Less is an acknowledgement. */
const FRAME_BYTES_MIN = 100
const MORTALS = ['gateway', 'cloud', 'unpacker'] as const
type Mortal = (typeof MORTALS)[number]

export interface SoakOptions {
  readonly seed: number
  readonly days: number
  readonly flapsPerDay: number
  /** Between two readings of one topic. */
  readonly readingMs: number
  /** Queues run over: what is lost has to be what they say they dropped. */
  readonly limits: boolean
  /** Hears how far it is. */
  readonly print?: (nowMs: number) => void
}

export interface LineReport {
  readonly name: string
  readonly flaps: number
  readonly connections: number
  readonly probes: number
  readonly totalBytes: number
  readonly resentBytes: number
  readonly dayBytes: number
  readonly dayBytesMax: number
  readonly monthBytes: number
  readonly monthBytesMax: number
  /** Days on which nothing but the reserve was left. */
  readonly usedUpDays: number
  /** What the gateway counted for what the line did, at its lowest. */
  readonly countedMin: number
}

export interface SoakReport {
  readonly options: SoakOptions
  readonly published: number
  readonly acknowledged: number
  readonly arrived: number
  /** Of QoS 1 and 2. */
  readonly lost: number
  /** By limits, as the disks saw it. */
  readonly dropped: number
  readonly duplicates: number
  readonly disordered: number
  readonly damaged: number
  readonly repeated: number
  readonly kills: Readonly<Record<Mortal, number>>
  readonly clockSteps: number
  readonly diskStalls: number
  readonly queuedMax: number
  readonly alarmSec: { readonly p50: number; readonly p95: number; readonly max: number }
  readonly lines: readonly LineReport[]
  readonly countedBy: 'kernel' | 'estimate'
  readonly violations: readonly string[]
}

export class SoakWorld {
  readonly #options: SoakOptions
  readonly #random: Random
  readonly #clock: SimClock
  readonly #life = new Life()
  readonly #plan: SoakPlan
  readonly #ledger: SoakLedger
  readonly #lines: readonly Line[]
  readonly #gateway: Place
  readonly #cloud: Place
  readonly #unpacker: Place
  readonly #publishers: ReadonlyMap<string, SoakClient>
  readonly #receiver: SoakClient
  readonly #kills = { gateway: 0, cloud: 0, unpacker: 0 }
  /** Who is to die when the next frame has just arrived: between two steps of its handshake, or while the disk is busy with it. */
  readonly #aimed = new Set<Mortal>()
  /** The gateway's clock: how far it is off, and whether it is set at all. */
  #offMs = 0
  #isSet = true
  #clockSteps = 0
  #diskStalls = 0
  #queuedMax = 0
  #isTroubled = true

  constructor(options: SoakOptions) {
    this.#options = options
    const random = new Random(options.seed)
    this.#random = random
    this.#clock = new SimClock(random)
    const clock = this.#clock
    const plan = drawPlan(random, options.readingMs, options.limits)
    this.#plan = plan
    this.#ledger = new SoakLedger(plan.flows, random, () => clock.now())
    const violation = (text: string): void => this.#ledger.violation(text)
    const common = { clock, random, queueLimits: LIMITS, commitWindowMs: random.pick([5, 20, 100]), receiveMaximum: 1000, onFailure: violation }
    const wall = (): number => START_WALL_MS + clock.now()
    const wire = { sent: () => {}, arrived: (isUp: boolean, bytes: number) => this.#strike(isUp ? 'cloud' : 'unpacker', bytes), over: () => {} }
    const near = (): Link => new Link(clock.of(this.#life), random, NEAR)
    const nearUnpacker = (): Link => new Link(clock.of(this.#life), random, { ...NEAR, wire })
    this.#cloud = new Place({ ...common, name: 'cloud', uplinks: [], wall, dial: () => near().a }, this.#life)
    const arrivedInCloud = (bytes: number): void => this.#strike(random.chance(0.5) ? 'gateway' : 'cloud', bytes)
    this.#lines = plan.lines.map((line) => new Line(line, { clock: clock.of(this.#life), random, wall: () => (wallIsSet(this.#wall()) ? this.#wall() : NaN), to: this.#cloud, arrived: arrivedInCloud }))
    const lineOf = (link: LinkConfig): Line => this.#lines.find((line) => line.plan.name === link.name)!
    const askKernel: AskKernel = async (ports) => (plan.hasKernel ? this.#lines.find((line) => line.plan.port === ports.remotePort)!.ask(ports) : 'unavailable')
    this.#gateway = new Place({ ...common, name: 'gateway', uplinks: [plan.uplink], wall: () => this.#wall(), dial: (_, link) => lineOf(link).dial(), reach: (link, count) => lineOf(link).reach(count), askKernel }, this.#life)
    this.#unpacker = new Place({ ...common, name: 'unpacker', uplinks: plan.unpacker, wall, dial: () => this.#cloud.connect(nearUnpacker(), NEAR.latencyMs).a }, this.#life)
    const client = (clientId: string, to: Place, filters: readonly string[]): SoakClient =>
      new SoakClient({ clientId, filters, clock: clock.of(this.#life), dial: () => to.connect(near(), NEAR.latencyMs).a, onMessage: (topic, payload) => this.#ledger.arrive(topic, payload), onViolation: violation })
    this.#publishers = new Map(plan.publishers.map(({ name }) => [name, client(name, this.#gateway, [])]))
    this.#receiver = client('ledger', this.#cloud, ['site/#'])
  }

  async run(): Promise<SoakReport> {
    await Promise.all([this.#cloud.start(), this.#gateway.start(), this.#unpacker.start()])
    await this.#until(() => this.#receiver.ready && [...this.#publishers.values()].every((p) => p.ready) && this.#unpacker.site!.uplinks.every((u) => u.online), PREPARE_MS_MAX, 'everybody is connected')
    this.#publish()
    this.#trouble()
    const endMs = this.#clock.now() + this.#options.days * DAY_MS
    let printedMs = this.#clock.now()
    while (this.#clock.now() < endMs && this.#ledger.violations.length === 0) {
      await this.#clock.run(Math.min(endMs, this.#clock.now() + 10 * MINUTE_MS))
      this.#look()
      if (this.#clock.now() - printedMs >= DAY_MS / 4) this.#options.print?.((printedMs = this.#clock.now()))
    }
    await this.#quiet()
    await this.#judge()
    this.#life.over = true
    for (const place of [this.#gateway, this.#cloud, this.#unpacker]) place.kill()
    return this.#report()
  }

  #wall(): number {
    return this.#isSet ? START_WALL_MS + this.#clock.now() + this.#offMs : this.#clock.now()
  }

  // ---- what happens

  #publish(): void {
    const clock = this.#clock.of(this.#life)
    for (const { name, everyMs } of this.#plan.publishers) {
      const flows = this.#ledger.flows.filter((flow) => flow.options.publisher === name)
      const all = (): void => flows.forEach((flow) => this.#isTroubled && this.#give(flow))
      if (everyMs !== null) clock.every(everyMs + this.#random.int(0, 99), all)
      else this.#again(DAY_MS / 60, () => {
        // Some come in storms.
        for (let i = this.#random.chance(0.05) ? this.#random.int(5, 60) : 1; i > 0; i--) this.#give(this.#random.pick(flows))
      })
    }
  }

  #give(flow: Flow): void {
    const { publisher, topic, qos } = flow.options
    const { n, payload } = this.#ledger.publish(flow)
    const again = (): void => void (qos === 1 && flow.resent.add(n))
    this.#publishers.get(publisher)!.publish(topic, payload, qos, () => this.#ledger.acknowledge(flow), again)
  }

  #trouble(): void {
    const random = this.#random
    const [lte, satellite] = this.#lines
    this.#again(DAY_MS / this.#options.flapsPerDay, () => lte!.flap())
    this.#again(DAY_MS / 20, () => satellite!.flap())
    this.#again(DAY_MS / 3, () => lte!.down(random.int(10, 180) * MINUTE_MS))
    for (const name of MORTALS) {
      this.#again(DAY_MS / 2, () => this.#kill(name))
      this.#again(DAY_MS / 12, () => this.#aimed.add(name))
    }
    this.#again(DAY_MS / 30, () => {
      this.#diskStalls++
      random.pick([this.#gateway, this.#cloud, this.#unpacker]).disk.stalledUntilMs = this.#clock.now() + random.int(10, random.chance(0.1) ? 60_000 : 4000)
    })
    this.#again(DAY_MS / 4, () => this.#setClock(random.int(-120, 120) * SEC_MS))
    this.#again(2 * DAY_MS, () => {
      this.#setClock(random.int(-12 * 60, 12 * 60) * MINUTE_MS)
      this.#clock.of(this.#life).after(random.int(5, 60) * MINUTE_MS, () => this.#setClock(0))
    })
  }

  /** `happen` comes again and again, at random, `meanMs` apart. */
  #again(meanMs: number, happen: () => void): void {
    const waitMs = -Math.log(1 - this.#random.next()) * meanMs
    this.#clock.of(this.#life).after(waitMs, () => {
      if (!this.#isTroubled) return
      happen()
      this.#again(meanMs, happen)
    })
  }

  /** A chunk has arrived: who is aimed at dies soon. */
  #strike(name: Mortal, bytes: number): void {
    if (bytes < FRAME_BYTES_MIN || !this.#aimed.delete(name)) return
    const random = this.#random
    const isBusy = random.chance(0.7)
    if (isBusy) this.#placeOf(name).disk.stalledUntilMs = this.#clock.now() + 500
    this.#clock.of(this.#life).after(random.int(0, isBusy || random.chance(0.5) ? 400 : 10), () => this.#isTroubled && this.#kill(name))
  }

  #placeOf(name: Mortal): Place {
    return { gateway: this.#gateway, cloud: this.#cloud, unpacker: this.#unpacker }[name]
  }

  #kill(name: Mortal): void {
    const place = this.#placeOf(name)
    if (place.site === null) return
    this.#kills[name]++
    place.kill()
    const random = this.#random
    const clock = this.#clock.of(this.#life)
    // A board without a battery does not know the date until somebody tells it.
    if (name === 'gateway' && random.chance(0.3)) {
      this.#isSet = false
      clock.after(random.int(20, 600) * SEC_MS, () => (this.#isSet = true))
    }
    clock.after(random.chance(0.1) ? random.int(1, 20) * MINUTE_MS : random.int(1, 30_000), () => void place.start())
  }

  #setClock(offMs: number): void {
    this.#clockSteps++
    this.#offMs = offMs
  }

  /** Everything works again, and whoever pays buys as much as it takes: until nothing is under way. */
  async #quiet(): Promise<void> {
    this.#isTroubled = false
    this.#look()
    for (const line of this.#lines) line.heal()
    await this.#until(() => this.#places.every((place) => place.site !== null), HOUR_MS, 'everything runs')
    this.#gateway.kill()
    const { uplink } = this.#plan
    await this.#gateway.start({ uplinks: [{ ...uplink, links: uplink.links.map((link) => ({ ...link, budget: null })) }] })
    const clients = [...this.#publishers.values(), this.#receiver]
    const done = (): boolean => clients.every((c) => c.idle) && this.#places.every(({ site }) => site!.idle) && this.#queued === 0
    await this.#until(done, DRAIN_MS_MAX, 'nothing is under way')
    await this.#clock.run(this.#clock.now() + MINUTE_MS)
  }

  async #until(done: () => boolean, withinMs: number, what: string): Promise<void> {
    const untilMs = this.#clock.now() + withinMs
    while (!done()) {
      if (this.#clock.now() > untilMs) return this.#ledger.violation(`waited ${withinMs} ms until ${what}; ${this.#state()}`)
      await this.#clock.run(this.#clock.now() + SEC_MS)
    }
  }

  // ---- what must be true

  get #places(): readonly Place[] {
    return [this.#gateway, this.#cloud, this.#unpacker]
  }

  get #queued(): number {
    let count = 0
    for (const { site } of this.#places) for (const queue of site?.queues() ?? []) count += queue.size.count
    return count
  }

  #look(): void {
    const { site } = this.#gateway
    if (site === null) return
    const { queued, budgets } = site.uplinks[0]!.state
    this.#queuedMax = Math.max(this.#queuedMax, queued)
    for (const line of this.#lines) line.compare(budgets.find((budget) => budget.link === line.plan.name)!)
  }

  async #judge(): Promise<void> {
    for (const place of this.#places) for (const text of await place.leftovers()) this.#ledger.violation(`${place.name}: ${text}`)
    const { missing } = this.#ledger
    const dropped = this.#dropped
    if (missing > dropped) this.#ledger.violation(`${missing} messages have not come, ${dropped} were dropped by limits: ${this.#ledger.describeMissing()}`)
    if (!this.#options.limits && dropped > 0) this.#ledger.violation(`${dropped} messages were dropped without a limit`)
    for (const line of this.#lines) for (const text of line.judge()) this.#ledger.violation(text)
  }

  get #dropped(): number {
    return this.#places.reduce((sum, { disk }) => sum + disk.dropped, 0)
  }

  #state(): string {
    const clients = [...this.#publishers].filter(([, p]) => !p.idle).map(([name]) => name)
    const uplinks = this.#places.flatMap(({ site }) => site?.uplinks ?? []).map(({ state: { name, phase, link, queued, inFlight, lastError } }) => `${name} ${phase} ${link}, ${queued} queued, ${inFlight} in flight, ${lastError}`)
    return `not idle: ${clients.join()}${this.#receiver.idle ? '' : ', ledger'}; ${uplinks.join('; ')}; missing ${this.#ledger.missing}`
  }

  #report(): SoakReport {
    const { published, acknowledged, arrived, missing, duplicates, disordered, damaged, repeated, latencies, violations } = this.#ledger
    const alarms = Float64Array.from(latencies.get('alarm') ?? [0]).sort()
    const sec = (share: number): number => alarms[Math.min(alarms.length - 1, Math.floor(alarms.length * share))]! / SEC_MS
    return {
      options: this.#options, published, acknowledged, arrived, lost: missing, dropped: this.#dropped, duplicates, disordered, damaged, repeated,
      kills: this.#kills, clockSteps: this.#clockSteps, diskStalls: this.#diskStalls, queuedMax: this.#queuedMax,
      alarmSec: { p50: sec(0.5), p95: sec(0.95), max: sec(1) }, lines: this.#lines.map((line) => line.report()), countedBy: this.#plan.hasKernel ? 'kernel' : 'estimate', violations,
    }
  }
}
