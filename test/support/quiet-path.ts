// A connection over a network that forgets what has been silent for too long, in virtual time: a translator of addresses (it drops packets
// of what it has forgotten) and, further on, a balancer (it closes what says nothing of MQTT's). The system's own probes of TCP are done here
// as the kernel does them. What has passed is counted in bytes on the wire, IPv4 with time stamps, TLS 1.3.
import type { KeepAliveConfig } from '../../src/config/config.ts'
import { KeepAlive, type Silences, silencesOf } from '../../src/uplink/client/keep-alive.ts'
import type { Loss } from '../../src/uplink/client/endpoint.ts'
import type { FakeClock } from './fake-clock.ts'

/** Measured with a packet socket: PINGREQ and PINGRESP in a record each, and the acknowledgement of the second. */
const PING_BYTES = 76 + 76 + 52
const PROBE_BYTES = 52 + 52
const LOST_PROBE_BYTES = 52
/** A resumed TLS 1.3 handshake with CONNECT and CONNACK against Mosquitto with stateful tickets, and the end of the connection before. */
const RECONNECT_BYTES = 1500 + 308

export interface QuietPathOptions {
  readonly keepAlive: KeepAliveConfig
  /** The network forgets after this. */
  readonly forgetsMs: number
  /** A balancer closes what has carried no data for so long. */
  readonly closesMs?: number
  readonly roundTripMs?: number
  /** There is no TCP of ours: only MQTT can ask. */
  readonly withoutTcp?: boolean
  readonly serverKeepAliveSec?: number
}

export class QuietPath {
  readonly values = new Map<string, number>()
  silences: Silences
  pings = 0
  probes = 0
  deaths = 0
  bytes = 0
  /** The longest time between two packets of MQTT's from here. */
  longestQuietMs = 0
  readonly #clock: FakeClock
  readonly #options: QuietPathOptions
  #connection: Connection | null = null

  constructor(clock: FakeClock, options: QuietPathOptions) {
    this.#clock = clock
    this.#options = options
    this.silences = this.#remembered()
  }

  /** As after a restart: what was learnt is read again. */
  restart(): void {
    this.#connection?.close()
    this.silences = this.#remembered()
    this.connect()
  }

  connect(): void {
    this.#connection = new Connection(this.#clock, this.#options, this)
  }

  /** A message of QoS 1. */
  send(): void {
    this.#connection!.send()
  }

  /** The path carries nothing any more, and says nothing about it. */
  cut(): void {
    this.#connection!.isCut = true
  }

  died(): void {
    this.deaths++
    this.bytes += RECONNECT_BYTES
    this.connect()
  }

  ping(): void {
    this.pings++
    this.bytes += PING_BYTES
  }

  probe(isAnswered: boolean): void {
    this.probes++
    this.bytes += isAnswered ? PROBE_BYTES : LOST_PROBE_BYTES
  }

  #remembered(): Silences {
    return silencesOf(this.#options.keepAlive, { get: (key) => this.values.get(key), set: (key, value) => void this.values.set(key, value) }, 'silence/cloud')
  }
}

class Connection {
  readonly #clock: FakeClock
  readonly #options: QuietPathOptions
  readonly #path: QuietPath
  readonly #keepAlive: KeepAlive
  isCut = false
  #isOver = false
  #unanswered = 0
  #packetMs: number
  #dataMs: number
  #sentMs: number
  #probing = { idleMs: 0, intervalMs: 0, count: 0 }
  #probe = { cancel: () => {} }

  constructor(clock: FakeClock, options: QuietPathOptions, path: QuietPath) {
    this.#clock = clock
    this.#options = options
    this.#path = path
    this.#packetMs = this.#dataMs = this.#sentMs = clock.now()
    this.#keepAlive = new KeepAlive(options.keepAlive, path.silences, clock, {
      ping: () => {
        path.ping()
        this.#carry()
      },
      probe: (idleMs, intervalMs, count) => {
        if (options.withoutTcp === true) return false
        this.#probing = { idleMs, intervalMs, count }
        this.#await()
        return true
      },
      unanswered: () => this.#unanswered,
      arrivalMs: () => options.roundTripMs ?? 600,
      dead: () => this.#end('no answer'),
    })
    this.#keepAlive.start(options.serverKeepAliveSec ?? null)
  }

  send(): void {
    this.#keepAlive.sent(this.#clock.now(), 'comes')
    this.#carry()
  }

  close(): void {
    this.#isOver = true
    this.#keepAlive.stop('goodbye')
    this.#probe.cancel()
  }

  get #isForgotten(): boolean {
    return this.isCut || this.#clock.now() - this.#packetMs > this.#options.forgetsMs
  }

  /** Something of MQTT's that is answered. */
  #carry(): void {
    const nowMs = this.#clock.now()
    this.#path.longestQuietMs = Math.max(this.#path.longestQuietMs, nowMs - this.#sentMs)
    this.#sentMs = nowMs
    this.#unanswered = 1
    if (nowMs - this.#dataMs > (this.#options.closesMs ?? Infinity)) return this.#end('closed')
    if (this.#isForgotten) {
      this.isCut = true
      return
    }
    this.#packetMs = this.#dataMs = nowMs
    this.#await()
    this.#clock.after(this.#options.roundTripMs ?? 600, () => {
      if (this.#isOver || this.isCut) return
      this.#unanswered = 0
      this.#keepAlive.heard(this.#clock.now())
    })
  }

  /** The kernel's timer: after so much silence it probes, again and again when nobody answers. */
  #await(): void {
    this.#probe.cancel()
    const { idleMs, intervalMs, count } = this.#probing
    if (idleMs === 0) return
    this.#probe = this.#clock.after(this.#packetMs + idleMs - this.#clock.now(), () => this.#probeNow(count, intervalMs))
  }

  #probeNow(left: number, intervalMs: number): void {
    if (this.#isOver) return
    if (left === 0) return this.#end('no answer')
    this.#path.probe(!this.#isForgotten)
    if (!this.#isForgotten) {
      this.#packetMs = this.#clock.now()
      this.#await()
      return
    }
    this.isCut = true
    this.#probe = this.#clock.after(intervalMs, () => this.#probeNow(left - 1, intervalMs))
  }

  #end(by: Loss): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#probe.cancel()
    this.#keepAlive.stop(by)
    this.#path.died()
  }
}
