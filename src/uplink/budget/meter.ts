// What one link costs: bytes on the wire, both directions, IP headers and up. The best way that there is, in this order:
//
//   interface   the counters of the link's own interface: all that the provider sees, whoever sent it (interface-counters.ts)
//   kernel      what the kernel knows of each connection of the uplink (tcp-info.ts)
//   estimate    a model of what the sockets were given (wire-estimate.ts)
//
// Between two readings of the better ways the estimate goes on, so that nothing is late; a reading corrects it.
// Always true: what was told as spent is never taken back. An estimate that was too high is used up by what comes after it.
import { readFile } from 'node:fs/promises'
import type { Clock, Timer } from '../../clock.ts'
import type { BudgetConfig } from '../../config/config.ts'
import { InterfaceCount, type InterfaceReading, readInterface } from './interface-counters.ts'
import { askSs, type AskKernel, type Ports, type TcpInfo } from './tcp-info.ts'
import { WireConnection, type WireSource } from './wire-connection.ts'

export type { WireConnection, WireSource }

/** How a link's bytes are known. modem: its messages, as its network bills them. */
export type CountedBy = 'interface' | 'kernel' | 'estimate' | 'modem'

/** An interface is read this often. */
const READ_EVERY_MS = 10_000
/** While bytes are moving, the interface and the estimate are two halves of the truth; not for longer than this. */
const BUSY_MS_MAX = 60_000
const TIMESTAMPS_FILE = '/proc/sys/net/ipv4/tcp_timestamps'

export interface MeterDeps {
  readonly clock: Clock
  /** Bytes that have been spent, beyond those that were told before. */
  readonly spend: (bytes: number) => void
  /** What it took to connect, or was lost in trying. */
  readonly connectCost: (bytes: number, accepted: boolean) => void
  readonly ask?: AskKernel | undefined
  readonly readInterface?: (name: string) => Promise<InterfaceReading | null>
}

export class LinkMeter {
  readonly #counts: BudgetConfig['counts']
  readonly #deps: MeterDeps
  readonly #ask: AskKernel
  readonly #read: (name: string) => Promise<InterfaceReading | null>
  readonly #open = new Set<WireConnection>()
  #kernel: 'unheard' | 'answers' | 'unavailable' = 'unheard'
  #timestamps = true
  #closedBytes = 0
  /** The interface that is counted; null for none, or when it turned out not to have a price. */
  #interface: string | null = null
  #isCounted = false
  #count = new InterfaceCount()
  #timer: Timer | null = null
  #reading: Promise<void> | null = null
  // total = base + what has moved since, by the interface or by the connections, whichever is more
  #baseBytes = 0
  #baseInterfaceBytes = 0
  #baseConnectionBytes = 0
  #baseAtMs = 0
  #toldBytes = 0

  constructor(counts: BudgetConfig['counts'], deps: MeterDeps) {
    this.#counts = counts
    this.#deps = deps
    this.#ask = deps.ask ?? askSs
    this.#read = deps.readInterface ?? readInterface
    readFile(TIMESTAMPS_FILE, 'utf8').then(
      (text) => (this.#timestamps = text.trim() !== '0'),
      () => {}, // they are what every system has without being told
    )
  }

  get countedBy(): CountedBy {
    if (this.#isCounted) return 'interface'
    return this.#kernel === 'answers' ? 'kernel' : 'estimate'
  }

  /** As far as it is known now, since the meter was made. What was told as spent may be ahead of it by what an estimate was too high. */
  get bytes(): number {
    return Math.round(this.#baseBytes + this.#movedBytes)
  }

  /** The interface that the link uses now: what it dialled, or what the configuration names; null when it has none of its own. */
  useInterface(name: string | null): void {
    if (this.#counts === 'connection' || name === this.#interface) return
    this.#rebase()
    if (name !== null && this.#interface !== null) this.#count = new InterfaceCount()
    this.#interface = name
    this.#timer?.cancel()
    this.#timer = null
    if (name === null) {
      this.#isCounted = false
      return
    }
    void this.#readNow()
    this.#timer = this.#deps.clock.every(READ_EVERY_MS, () => void this.#readNow())
  }

  /** A connection that begins now: `source` is the socket under TLS, just made. `host` is a name or an address. */
  open(source: WireSource, host: string): WireConnection {
    const connection = new WireConnection(source, host, {
      clock: this.#deps.clock,
      timestamps: this.#timestamps,
      ask: (ports) => this.#askKernel(ports),
      changed: () => this.#tell(),
      connectCost: this.#deps.connectCost,
      settled: (over) => {
        this.#open.delete(over)
        this.#closedBytes += over.bytes
      },
    })
    this.#open.add(connection)
    this.#tell()
    return connection
  }

  /** Reads once more, before the interface is taken down. */
  async settle(): Promise<void> {
    if (this.#interface === null) return
    await this.#reading
    await this.#readNow()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  // ---- the ways to know

  async #askKernel(ports: Ports): Promise<TcpInfo | null> {
    if (this.#isCounted || this.#kernel === 'unavailable') return null
    const answer = await this.#ask(ports)
    if (answer === null) return null // this connection is gone, which says nothing of others
    this.#kernel = answer === 'unavailable' ? 'unavailable' : 'answers'
    return answer === 'unavailable' ? null : answer
  }

  #readNow(): Promise<void> {
    const name = this.#interface
    if (name === null) return Promise.resolve()
    this.#reading ??= this.#read(name).then((reading) => {
      this.#reading = null
      if (name === this.#interface) this.#take(reading)
    })
    return this.#reading
  }

  #take(reading: InterfaceReading | null): void {
    if (reading === null) {
      this.#rebase() // what was sent since the last reading is known from the connections only
      this.#isCounted = false
      return
    }
    if (this.#counts === 'auto' && !reading.isMobile) {
      this.useInterface(null)
      return
    }
    if (!this.#isCounted) {
      // Where counting starts with this reading, what moved before it is known from the connections only.
      if (!this.#count.started) this.#rebase()
      this.#isCounted = true
      this.#baseInterfaceBytes = this.#count.bytes
    }
    this.#count.add(reading)
    const quiet = [...this.#open].every((connection) => connection.quiet)
    if (quiet || this.#deps.clock.now() - this.#baseAtMs >= BUSY_MS_MAX) this.#rebase(this.#count.bytes - this.#baseInterfaceBytes)
    this.#tell()
  }

  // ---- the sum

  get #connectionBytes(): number {
    let bytes = this.#closedBytes
    for (const connection of this.#open) bytes += connection.bytes
    return bytes
  }

  get #movedBytes(): number {
    const byConnections = this.#connectionBytes - this.#baseConnectionBytes
    return this.#isCounted ? Math.max(byConnections, this.#count.bytes - this.#baseInterfaceBytes) : byConnections
  }

  /** What has moved since the last time is settled. */
  #rebase(movedBytes = this.#movedBytes): void {
    this.#baseBytes += movedBytes
    this.#baseInterfaceBytes = this.#count.bytes
    this.#baseConnectionBytes = this.#connectionBytes
    this.#baseAtMs = this.#deps.clock.now()
  }

  #tell(): void {
    const { bytes } = this
    if (bytes <= this.#toldBytes) return
    const more = bytes - this.#toldBytes
    this.#toldBytes = bytes
    this.#deps.spend(more)
  }
}
