// The gateway's own responder of multicast DNS (RFC 6762, 6763): what is listened on is found as services, and the machine by its name.
//
//   networks, listeners ─► records (a set for each link) ─► Responder (decides) ─► Link (its socket)
//
// What is always true: what is announced is listened on, and reached by that network; all links have the same names, and when one of these is taken on
// any of them all take the next; the host's name is left to another program of this machine that tells it already (Avahi).
import type { Clock, Timer } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { SlidingWindow } from '../rate.ts'
import type { Datagram, Sender } from './datagram.ts'
import { decode, encode, keyOf } from './dns.ts'
import { machineAddresses, networksOf, type NetworkInterface, toldAddresses } from './interfaces.ts'
import { type Family, Link } from './link.ts'
import { hostLabel, instanceLabel, type Label } from './label.ts'
import { addressData, recordsOf } from './records.ts'
import { type News, type Outcome, Responder } from './responder.ts'
import { type Ports, reachedAt, type Service, servicesOf } from './services.ts'

/** Networks and listeners are looked at this often. */
const LOOK_MS = 5000
/** Whether the other program still tells our name is asked this often. */
const ASK_AGAIN_MS = 600_000
/** So many names may be taken in so long, then it is tried less often (RFC 6762 section 8.1). */
const TAKEN_MAX = 15
const TAKEN_WINDOW_MS = 10_000
const TAKEN_WAIT_MS = 5000
/** Of those sent by all links, to know them when they come back, also by another interface. */
const REMEMBERED = 64
const FAMILIES: readonly Family[] = ['ipv4', 'ipv6']

export interface DiscoveryDeps {
  readonly clock: Clock
  readonly log: { info(fields: object, text: string): void; warn(fields: object, text: string): void }
  readonly version: string
  /** What is listened on now. */
  readonly ports: () => Ports
  /** A packet was not looked at, or not answered: too many, too large, malformed. */
  readonly refused: () => void
}

/** A link with what decides on it. */
interface Place {
  readonly network: NetworkInterface
  readonly link: Link
  readonly responder: Responder
  /** Of its network: what it said of them was as long ago as it is there. */
  readonly signature: string
  timer: Timer | null
}

export class Discovery {
  readonly #deps: DiscoveryDeps
  readonly #places = new Map<string, Place>()
  readonly #taken = new SlidingWindow(TAKEN_MAX, TAKEN_WINDOW_MS)
  /** Why a link cannot be had, by its key: said once. */
  readonly #troubles = new Map<string, string>()
  #config: Config
  #instance: Label
  #host: Label
  #services: readonly Service[] = []
  #own: readonly Buffer[] = []
  #sent: readonly Buffer[] = []
  /** Since when another program of this machine tells the host's name; null when none does. */
  #toldElsewhereMs: number | null = null
  #said = ''
  #timer: Timer | null = null
  #pause: Timer | null = null

  constructor(config: Config, deps: DiscoveryDeps) {
    this.#deps = deps
    this.#config = config
    this.#instance = { base: config.discovery.name, attempt: 1 }
    this.#host = { base: config.hostname, attempt: 1 }
  }

  start(): void {
    this.#look()
    this.#timer = this.#deps.clock.every(LOOK_MS, () => this.#look())
  }

  /** From now on this holds. */
  configure(config: Config): void {
    this.#config = config
    if (this.#instance.base !== config.discovery.name) this.#instance = { base: config.discovery.name, attempt: 1 }
    if (this.#host.base !== config.hostname) this.#host = { base: config.hostname, attempt: 1 }
    this.#toldElsewhereMs = null
    this.#look()
    this.#publish()
  }

  /** Says goodbye. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#pause?.cancel()
    await Promise.all([...this.#places.keys()].map((key) => this.#leave(key)))
  }

  // ---- links come and go

  #look(): void {
    const { clock, ports, version } = this.#deps
    const { discovery, uplinks } = this.#config
    const { mdns, interfaces } = discovery
    // What is paid for by the byte is nobody's who looks for a gateway.
    const metered = uplinks.filter((uplink) => uplink.metered).flatMap(({ links }) => links.flatMap((link) => link.interface ?? []))
    const services = servicesOf(this.#config, ports(), version)
    const isChanged = JSON.stringify(services) !== JSON.stringify(this.#services)
    this.#services = services
    this.#own = machineAddresses().map(addressData)
    const networks = mdns === 'off' ? [] : networksOf({ only: interfaces, never: metered }).filter((network) => mdns === 'on' || this.#servicesOn(network).length > 0)
    const wanted = new Map<string, { readonly network: NetworkInterface; readonly family: Family }>(networks.flatMap((network) => FAMILIES.filter((family) => network.addresses.some((a) => a.family === family)).map((family) => [`${network.name} ${family}`, { network, family }] as const)))
    for (const [key, { signature }] of this.#places) {
      const still = wanted.get(key)
      if (still === undefined) void this.#leave(key)
      else if (JSON.stringify(still.network) !== signature) this.#drop(key)
    }
    for (const [key, { network, family }] of wanted) if (!this.#places.has(key)) this.#enter(key, network, family)
    for (const key of this.#troubles.keys()) if (!wanted.has(key)) this.#troubles.delete(key)
    const isTimeToAsk = this.#toldElsewhereMs !== null && clock.now() - this.#toldElsewhereMs >= ASK_AGAIN_MS
    if (isTimeToAsk) this.#toldElsewhereMs = null
    if (isChanged || isTimeToAsk) this.#publish()
  }

  #enter(key: string, network: NetworkInterface, family: Family): void {
    const { clock, refused } = this.#deps
    const place: Place = {
      network,
      signature: JSON.stringify(network),
      responder: new Responder(Math.random, (data) => this.#own.some((own) => own.equals(data))),
      link: new Link(network, family, {
        nowMs: () => clock.now(),
        refused,
        receive: (bytes, from) => this.#onPacket(place, bytes, from),
        opened: () => {
          this.#troubles.delete(key)
          this.#publishOn(place)
        },
        failed: (why) => {
          if (this.#places.get(key) === place) this.#drop(key)
          if (this.#troubles.get(key) !== why) this.#deps.log.warn({ network: network.name, family, why }, 'the gateway cannot be announced there: it is tried again')
          this.#troubles.set(key, why)
        },
      }),
      timer: null,
    }
    this.#places.set(key, place)
    place.link.open()
  }

  /** Its network is there no more, or has other addresses: nobody is left to hear goodbye, or all is said anew at once. */
  #drop(key: string): void {
    const place = this.#places.get(key)
    this.#places.delete(key)
    place?.timer?.cancel()
    void place?.link.close()
  }

  async #leave(key: string): Promise<void> {
    const place = this.#places.get(key)
    if (place === undefined) return
    this.#places.delete(key)
    place.timer?.cancel()
    this.#send(place, place.responder.leave())
    await place.link.close()
  }

  // ---- what is said

  #servicesOn({ addresses }: NetworkInterface): readonly Service[] {
    return reachedAt(this.#services, addresses.map(({ address }) => address))
  }

  #publish(): void {
    for (const place of this.#places.values()) if (place.link.isOpen) this.#publishOn(place)
  }

  #publishOn(place: Place): void {
    const { network, responder } = place
    const isTold = this.#toldElsewhereMs !== null
    const records = recordsOf({ services: this.#servicesOn(network), instance: this.#instance, host: this.#host, addresses: isTold ? [] : toldAddresses(network) })
    this.#take(place, responder.set(records, isTold ? this.#hostKey : null, this.#deps.clock.now()))
  }

  #onPacket(place: Place, bytes: Buffer, from: Sender): void {
    if (this.#sent.some((own) => own.equals(bytes))) return // our own, come back
    const message = decode(bytes)
    if (message === null) return this.#deps.refused()
    this.#take(place, place.responder.receive(message, from, this.#deps.clock.now()))
  }

  #take(place: Place, { send, news, refused }: Outcome): void {
    this.#send(place, send)
    if (refused) this.#deps.refused()
    if (news.length > 0) this.#hear(news)
    this.#arm(place)
  }

  #arm(place: Place): void {
    const { clock } = this.#deps
    place.timer?.cancel()
    place.timer = null
    const { nextMs, isSettled } = place.responder
    if (isSettled) this.#tell()
    if (nextMs === Infinity) return
    place.timer = clock.after(Math.max(0, nextMs - clock.now()), () => {
      this.#send(place, place.responder.check(clock.now()))
      this.#arm(place)
    })
  }

  #send(place: Place, datagrams: readonly Datagram[]): void {
    for (const { message, to } of datagrams) {
      const bytes = encode(message)
      if (to === null) this.#sent = [...this.#sent, bytes].slice(-REMEMBERED)
      place.link.send(bytes, to)
    }
  }

  // ---- names

  get #hostKey(): string {
    return keyOf([hostLabel(this.#host), 'local'])
  }

  /** One name may be taken on several links, and several at once: the next of each kind is taken once. */
  #hear(news: readonly News[]): void {
    const { clock, log } = this.#deps
    const { attempt: hostAttempt } = this.#host
    const { attempt: instanceAttempt } = this.#instance
    const hostKey = this.#hostKey
    for (const one of news) {
      if (one.kind === 'told-elsewhere') this.#toldElsewhereMs = clock.now()
      else if (one.kind === 'told-no-more') this.#toldElsewhereMs = null
      else if (one.name === hostKey) this.#host = { ...this.#host, attempt: hostAttempt + 1 }
      else this.#instance = { ...this.#instance, attempt: instanceAttempt + 1 }
    }
    const taken = news.find((one) => one.kind === 'taken')
    if (taken !== undefined) {
      log.warn({ taken: taken.name, by: taken.by, name: instanceLabel(this.#instance, null), host: `${hostLabel(this.#host)}.local` }, 'somebody else in the network has this name: the gateway is announced by another; give each a `site` and `hostname` of its own')
      if (!this.#taken.take(clock.now())) {
        this.#pause?.cancel()
        this.#pause = clock.after(TAKEN_WAIT_MS, () => this.#publish())
        return
      }
    }
    this.#publish()
  }

  /** Said when it has become true, and when it is something else. */
  #tell(): void {
    const settled = [...this.#places.values()].filter(({ link, responder }) => link.isOpen && responder.isSettled)
    if (settled.length < this.#places.size || settled.length === 0) return
    const networks = [...new Set(settled.map(({ network }) => network.name))]
    const services = [...new Set(settled.flatMap(({ network }) => this.#servicesOn(network).map(({ type, port }) => `${type} ${port}`)))]
    const fields = { name: instanceLabel(this.#instance, null), host: `${hostLabel(this.#host)}.local`, services, networks }
    const text = JSON.stringify(fields)
    if (text !== this.#said) this.#deps.log.info(fields, 'the gateway is announced by mDNS')
    this.#said = text
  }
}
