// One simulated run: devices around a gateway that crashes, its uplink to a cloud broker over a bad link, all drawn from a seed.
//
//   prepare   everybody connects; persistent subscribers have their SUBACK, so that everything from now on is promised to them
//   trouble   messages, and links that stall and break, kill -9, a store that stalls or is full
//   quiet     everything works again, until nothing is under way
//   judge     what was acknowledged has arrived, once and in order where that is promised; nothing is left anywhere
import type { Duplex } from 'node:stream'
import type { QueueConfig, UplinkConfig } from '../../src/config/config.ts'
import type { QoS } from '../../src/message.ts'
import type { DestinationLimits, WhenFull } from '../../src/store/store.ts'
import { matches } from '../../src/mqtt/topic.ts'
import { classConfig, linkConfig, routeConfig, uplinkConfig } from '../support/uplink-config.ts'
import { Device, type DeviceOptions } from './device.ts'
import { Ledger } from './ledger.ts'
import { Link, type LinkOptions } from './link.ts'
import { Random } from './random.ts'
import { Place } from './place.ts'
import { Life, SimClock } from './sim-clock.ts'

const PREPARE_MS = 5000
const TROUBLE_MS = 15_000
const QUIET_MS_MAX = 300_000
const STEP_MS = 50
const LIMITS: DestinationLimits = { bytesMax: 1e9, countMax: 1e9, ageMsMax: Infinity, whenFull: 'drop-oldest' }
/** A live tail, one read window and what was read ahead; see journal/queue.ts. */
const TAIL_COUNT_MAX = 4000

export interface Outcome {
  readonly seed: number
  readonly violations: readonly string[]
  readonly summary: string
}

export class World {
  readonly #seed: number
  readonly #random: Random
  readonly #clock: SimClock
  readonly #life = new Life()
  readonly #ledger: Ledger
  readonly #gateway: Place
  readonly #cloud: Place
  readonly #devices: Device[] = []
  /** Devices that are promised something, and what. */
  readonly #receivers: { readonly device: Device; readonly site: 'gateway' | 'cloud' }[] = []
  readonly #homes = new Map<Device, 'gateway' | 'cloud'>()
  #crashes = 0
  /** The store is full at times: what is refused then may come again, and later than what followed it. */
  readonly #fills: boolean
  readonly #limits: DestinationLimits

  constructor(seed: number) {
    this.#seed = seed
    this.#random = new Random(seed)
    const random = this.#random
    this.#fills = random.chance(0.3)
    this.#limits = random.chance(0.2) ? { ...LIMITS, countMax: random.int(10, 200), whenFull: random.pick<WhenFull>(['drop-oldest', 'drop-newest', 'keep-latest', { thin: 3 }]) } : LIMITS
    this.#clock = new SimClock(random)
    const clock = this.#clock
    this.#ledger = new Ledger(() => clock.now(), (name, publisher) => this.#homeOf(name) === this.#homeOf(publisher))
    if (this.#limits !== LIMITS) this.#ledger.refuses = true // what a limit took may come again, by a publisher that was not answered
    const common = {
      clock,
      random,
      queueLimits: this.#limits,
      commitWindowMs: random.pick([0, 5, 20, 100]),
      onFailure: (text: string) => this.#ledger.violation(text),
    }
    this.#cloud = new Place({ ...common, name: 'cloud', receiveMaximum: 50, uplinks: [], dial: () => this.#dial(this.#cloud, { latencyMs: 1, piecesMax: 1 }) }, this.#life)
    const uplink = randomUplink(random, this.#limits)
    const far: LinkOptions = { latencyMs: random.pick([1, 10, 50]), piecesMax: 3 }
    this.#gateway = new Place({ ...common, name: 'gateway', receiveMaximum: random.pick([3, 10, 100]), uplinks: [uplink], dial: () => this.#dial(this.#cloud, far) }, this.#life)
    this.#makeDevices(uplink)
  }

  async run(): Promise<Outcome> {
    await this.#cloud.start()
    await this.#gateway.start()
    await this.#until(() => this.#devices.every((d) => d.idle) && this.#gateway.site!.uplinks[0]!.online, PREPARE_MS, 'everybody is connected')
    await this.#pass(2000) // what was subscribed is durable, and so is what is lazy
    await this.#trouble()
    await this.#quiet()
    this.#judge()
    this.#life.over = true
    this.#gateway.kill()
    this.#cloud.kill()
    const { published, arrivals, duplicates, violations } = this.#ledger
    return { seed: this.#seed, violations, summary: `${published.size} published, ${arrivals} arrived, ${duplicates} again, ${this.#crashes} crashes${this.#fills ? ', full at times' : ''}${this.#gateway.dropped > 0 ? `, ${this.#gateway.dropped} dropped` : ''}, ${Math.round(this.#clock.now())} ms` }
  }

  // ---- who there is

  #makeDevices(uplink: UplinkConfig): void {
    const random = this.#random
    const add = (home: 'gateway' | 'cloud', options: Partial<DeviceOptions> & { clientId: string }): Device => {
      const whole: DeviceOptions = {
        version: random.pick([4, 5]),
        clean: false,
        filters: [],
        receiveMaximum: random.pick([1, 3, 50]),
        windowMax: random.pick([1, 5, 20]),
        ackMs: random.pick([0, 2, 40]),
        aliases: random.chance(0.5),
        ...options,
      }
      const near: LinkOptions = { latencyMs: random.pick([0.2, 2, 30]), piecesMax: random.pick([1, 3]) }
      const place = home === 'gateway' ? this.#gateway : this.#cloud
      const device = new Device(whole, this.#clock.of(this.#life), random, this.#ledger, () => this.#dial(place, near))
      this.#devices.push(device)
      this.#homes.set(device, home)
      if (!whole.clean && whole.filters.length > 0) this.#receivers.push({ device, site: home })
      return device
    }
    if (random.chance(0.3)) for (const clientId of ['share-0', 'share-1']) add('gateway', { clientId, filters: [{ filter: '$share/group/s/#', qos: 2 }] })
    const publishers = random.int(1, 4)
    for (let i = 0; i < publishers; i++) add('gateway', { clientId: `pub-${i}`, clean: random.chance(0.25), receiveMaximum: 50 })
    const subscribers = random.int(1, 4)
    for (let i = 0; i < subscribers; i++) {
      const filter = random.pick(['s/#', 's/+/a', 's/1/#', '#'])
      const filters = [{ filter, qos: random.pick<QoS>([1, 2, 2]) }]
      if (random.chance(0.3)) filters.push({ filter: 's/+/b', qos: random.pick<QoS>([1, 2]) })
      add('gateway', { clientId: `sub-${i}`, clean: random.chance(0.2), filters })
    }
    if (random.chance(0.5)) add('gateway', { clientId: 'both', filters: [{ filter: 's/#', qos: 2 }] })
    add('cloud', { clientId: 'cloud-sub', filters: [{ filter: 'site/#', qos: 2 }], version: 5, windowMax: 20, receiveMaximum: 50 })
    add('cloud', { clientId: 'cloud-pub' })
    add('gateway', { clientId: 'command', filters: [{ filter: 'commands/#', qos: uplink.routes[1]!.qos }] })
  }

  #homeOf(name: string): 'gateway' | 'cloud' | undefined {
    const device = this.#devices.find((d) => d.name === name.split('#')[0])
    return device === undefined ? undefined : this.#homes.get(device)
  }

  #dial(place: Place, options: LinkOptions): Duplex {
    return place.connect(new Link(this.#clock.of(this.#life), this.#random, options), options.latencyMs).a
  }

  // ---- trouble

  async #trouble(): Promise<void> {
    const random = this.#random
    const untilMs = this.#clock.now() + TROUBLE_MS
    const mischief = random.next() * 0.25 // some runs are calm
    const large = random.chance(0.3)
    const expiring = random.pick([0, 0, 0.3])
    const rate = random.pick([1, 3])
    const messagesMax = random.int(100, 600)
    const publishers = this.#devices.filter((d) => d.name.startsWith('pub') || d.name === 'both')
    const cloudPublisher = this.#devices.find((d) => d.name === 'cloud-pub')!
    while (this.#clock.now() < untilMs) {
      for (let i = this.#ledger.published.size < messagesMax ? random.int(0, 2 * rate) : 0; i > 0; i--) {
        const topic = `s/${random.int(1, 3)}/${random.pick(['a', 'b'])}`
        const bytes = large && random.chance(0.3) ? random.int(1000, 40_000) : random.int(20, 300)
        random.pick(publishers).publish(topic, random.pick<QoS>([0, 1, 1, 2, 2]), bytes, random.chance(expiring))
      }
      if (random.chance(0.3)) cloudPublisher.publish('commands/x', random.pick<QoS>([1, 2]), 40)
      if (random.chance(mischief)) await this.#mischief()
      this.#look()
      await this.#pass(STEP_MS)
    }
  }

  async #mischief(): Promise<void> {
    const random = this.#random
    const nowMs = this.#clock.now()
    const link = random.pick([...this.#gateway.links, ...this.#cloud.links])
    switch (random.int(0, 8)) {
      case 0:
        return link?.stall(random.int(10, 4000))
      case 1:
        return link?.break()
      case 2:
      case 3:
        return link?.breakAfter(random.int(0, 2000))
      case 4:
        this.#gateway.disk.stalledUntilMs = nowMs + random.int(10, 1500)
        return
      case 5:
        if (!this.#fills) return
        this.#gateway.disk.full = true
        this.#ledger.refuses = true
        this.#clock.of(this.#life).after(random.int(10, 1500), () => (this.#gateway.disk.full = false))
        return
      case 6:
        random.pick(this.#devices).leave(random.chance(0.5))
        return
      case 7:
        return this.#crash(this.#gateway)
      case 8:
        return random.chance(0.3) ? this.#crash(this.#cloud) : undefined
    }
  }

  async #crash(place: Place): Promise<void> {
    if (place.site === null) return
    this.#crashes++
    this.#ledger.crashed = true
    place.kill()
    await this.#pass(this.#random.int(1, 1000))
    await place.start()
  }

  // ---- quiet

  async #quiet(): Promise<void> {
    this.#gateway.disk.full = false
    for (const { links } of [this.#gateway, this.#cloud]) for (const link of links) if (this.#random.chance(0.3)) link.break()
    const done = (): boolean => this.#devices.every((d) => d.idle) && this.#gateway.site!.idle && this.#cloud.site!.idle && this.#queued() === 0
    await this.#until(done, QUIET_MS_MAX, 'nothing is under way')
    await this.#pass(3000) // lazy changes
  }

  #queued(): number {
    let n = 0
    for (const { site } of [this.#gateway, this.#cloud]) for (const queue of site!.queues()) n += queue.size.count
    return n
  }

  async #until(done: () => boolean, withinMs: number, what: string): Promise<void> {
    const untilMs = this.#clock.now() + withinMs
    while (!done()) {
      if (this.#clock.now() > untilMs) {
        this.#ledger.violation(`waited ${withinMs} ms until ${what}; ${this.#state()}`)
        return
      }
      await this.#pass(STEP_MS)
      this.#look()
    }
  }

  async #pass(ms: number): Promise<void> {
    await this.#clock.run(this.#clock.now() + ms)
  }

  // ---- what must be true

  /** At any time: bounds. */
  #look(): void {
    for (const { site } of [this.#gateway, this.#cloud]) {
      if (site === null) continue
      for (const queue of site.queues()) {
        if (queue.tailLength > TAIL_COUNT_MAX) this.#ledger.violation(`queue ${queue.destination} holds ${queue.tailLength} messages in memory`)
        if (queue.size.count < 0 || queue.size.bytes < 0) this.#ledger.violation(`queue ${queue.destination} counts ${queue.size.count} messages, ${queue.size.bytes} bytes`)
      }
    }
  }

  #judge(): void {
    for (const { device, site } of this.#receivers) {
      const { filters } = device.options
      const local = (name: string): boolean => this.#homeOf(name) === site
      const shared = filters[0]!.filter.startsWith('$share/')
      const receivers = shared ? this.#receivers.map((r) => r.device.name).filter((name) => name.startsWith('share')) : [device.name]
      const missing = this.#ledger.missing(receivers, (m) => {
        if (shared) return local(m.publisher)
        if (device.name === 'cloud-sub') return m.publisher !== 'cloud-pub'
        if (device.name === 'command') return m.publisher === 'cloud-pub'
        return local(m.publisher) && filters.some((f) => matches(f.filter, m.topic))
      })
      // A crash may come between a drop and its count.
      const mayDrop = this.#limits !== LIMITS && (this.#crashes > 0 || this.#gateway.dropped + this.#cloud.dropped > 0)
      if (missing.length > 0 && !mayDrop) this.#ledger.violation(`${missing.length} acknowledged messages have not reached ${device.name}: ${missing.slice(0, 5).map((m) => m.key).join(' ')}`)
    }
    this.#judgeShare()
    for (const place of [this.#gateway, this.#cloud]) this.#judgeSite(place)
  }

  /** Over all members of the share, QoS 2 is once. */
  #judgeShare(): void {
    for (const message of this.#ledger.published.values()) {
      if (message.qos !== 2 || message.renewed || this.#ledger.refuses) continue
      const n = this.#ledger.arrivedAt('share-0', message.key) + this.#ledger.arrivedAt('share-1', message.key)
      if (n > 1) this.#ledger.violation(`the share got ${message.key} ${n} times at QoS 2`)
    }
  }

  #judgeSite(place: Place): void {
    const site = place.site!
    for (const queue of site.queues()) {
      if (queue.size.count !== 0 || queue.size.bytes !== 0) this.#ledger.violation(`queue ${queue.destination} counts ${queue.size.count} messages, ${queue.size.bytes} bytes at the end`)
    }
    if (site.journal.pendingCount !== 0) this.#ledger.violation(`${site.journal.pendingCount} messages are pending at the end`)
    if ((place.dropped > 0 && this.#limits === LIMITS) || site.counters.droppedTooLarge > 0) this.#ledger.violation('something was dropped without a cause')
    void place.leftovers().then((all) => all.forEach((text) => this.#ledger.violation(text)))
  }

  #state(): string {
    const lines = this.#devices.filter((d) => !d.idle).map((d) => d.describe)
    for (const place of [this.#gateway, this.#cloud]) {
      const { site } = place
      if (site === null) continue
      lines.push(`${place === this.#gateway ? 'gateway' : 'cloud'}: pending ${site.journal.pendingCount}, commit ${site.journal.commitAgeMs} ms`)
      for (const queue of site.queues()) if (queue.size.count !== 0) lines.push(`queue ${queue.destination}: ${queue.size.count} messages, ${queue.tailLength} in memory, ${queue.live ? 'live' : 'not live'}`)
      for (const uplink of site.uplinks) lines.push(`uplink ${JSON.stringify(uplink.state)}, unacknowledged ${uplink.incoming.unacknowledged}`)
    }
    return lines.join('; ')
  }
}

function randomUplink(random: Random, queue: QueueConfig): UplinkConfig {
  const out = routeConfig({ from: 's/#', to: 'site/s/#', qos: random.pick<QoS>([1, 2, 2]), retain: true })
  const back = routeConfig({ direction: 'in', from: 'commands/#', qos: random.pick<QoS>([1, 2]), retain: true })
  return uplinkConfig({
    version: random.pick([4, 5]),
    connectTimeoutMs: 3000,
    inflightMax: random.pick([5, 50]),
    backoff: { minMs: 100, maxMs: 1000 },
    routes: [out, back],
    classes: [classConfig('live', { queue })],
    links: [linkConfig({ keepAlive: { minSec: 5, maxSec: 5 } })],
  })
}
