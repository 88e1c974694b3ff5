// One connection of a metered link, from its name lookup to its end: what it has cost on the wire. It listens to its socket, is told when
// bytes have moved, and asks the kernel now and then.
//
//   bytes = what was before TCP (lookup, attempts in vain) + what the kernel has said + the estimate of what has moved since
//
// What lives here: when to ask, and what an answer corrects. What never does: the socket's life, and what the bytes mean.
// Always true: nothing waits for the kernel; without its answer the estimate stands; after `settled` the number does not change.
import { isIP } from 'node:net'
import type { Clock, Timer } from '../../clock.ts'
import { type Ports, type TcpInfo, wireBytes } from './tcp-info.ts'
import { type IpFamily, lookupBytes, WireEstimate, wireShape } from './wire-estimate.ts'

/** The socket under TLS and WebSocket, whose counts are those of the encrypted bytes: a net.Socket is one. */
export interface WireSource {
  readonly bytesWritten: number
  readonly bytesRead: number
  readonly localPort?: number | undefined
  readonly remotePort?: number | undefined
  readonly remoteFamily?: string | undefined
  on(event: 'lookup' | 'connectionAttempt' | 'connect' | 'close', listener: () => void): unknown
}

export interface WireConnectionDeps {
  readonly clock: Clock
  /** What the kernel knows of it; null when it cannot tell. */
  readonly ask: (ports: Ports) => Promise<TcpInfo | null>
  /** The system sends TCP time stamps. */
  readonly timestamps: boolean
  /** The number has changed, or may have. */
  readonly changed: () => void
  /** Told once: what it took until the remote broker accepted us, or what was spent in vain. */
  readonly connectCost: (bytes: number, accepted: boolean) => void
  /** Told once, when the number will not change any more. */
  readonly settled: (connection: WireConnection) => void
}

/** So often a connection is looked at without anybody saying that something has moved. */
const LOOK_MS = 1000
/** TLS encrypts after the write: the bytes are there a moment later. */
const LOOK_SOON_MS = 20
/** The kernel is asked when nothing has moved for so long: the burst is over, its acknowledgements are there. */
const QUIET_MS = 2000
/** And not more often than this, but for every so many bytes. */
const ASK_EVERY_MS = 15_000
const ASK_EVERY_BYTES = 64 * 1024
const ASK_BYTES_EVERY_MS = 2000
/** After a write that nothing has answered it is asked for so long: then it was a message that wants no answer. */
const SILENT_MS_MAX = 120_000
/** Name servers are asked again after this (resolv.conf(5)). */
const LOOKUP_AGAIN_MS = 5000

export class WireConnection {
  readonly #source: WireSource
  readonly #deps: WireConnectionDeps
  readonly #lookupBytes: number
  readonly #beganAtMs: number
  readonly #estimate: WireEstimate
  #phase: 'lookup' | 'opening' | 'open' | 'over' = 'lookup'
  #family: IpFamily = 'IPv4'
  #ports: Ports | null = null
  #attemptAtMs = -1
  /** Before TCP was there. */
  #earlierBytes = 0
  #kernelBytes = 0
  #written = 0
  #read = 0
  #movedAtMs = 0
  #movedSinceAsked = false
  #askedAtMs = -Infinity
  #asking = false
  #settled = false
  #costTold = false
  readonly #timer: Timer
  #soon: Timer | null = null

  constructor(source: WireSource, host: string, deps: WireConnectionDeps) {
    this.#source = source
    this.#deps = deps
    this.#lookupBytes = isIP(host) === 0 ? lookupBytes(host) : 0
    this.#beganAtMs = deps.clock.now()
    this.#estimate = new WireEstimate(wireShape('IPv4', deps.timestamps))
    if (this.#lookupBytes === 0) this.#phase = 'opening'
    else this.#earlierBytes = this.#lookupBytes
    source.on('lookup', () => this.#onLookup())
    source.on('connectionAttempt', () => this.#onAttempt())
    source.on('connect', () => this.#onConnect())
    source.on('close', () => this.#onClose())
    this.#timer = deps.clock.every(LOOK_MS, () => this.#look())
  }

  /** Payload and overhead of both directions so far. */
  get bytes(): number {
    const opening = this.#attemptAtMs < 0 ? 0 : this.#estimate.openingBytes(this.#deps.clock.now() - this.#attemptAtMs)
    return this.#earlierBytes + opening + this.#kernelBytes + this.#estimate.bytes
  }

  /** Nothing has gone or come for a while. */
  get quiet(): boolean {
    return this.#phase === 'open' && this.#deps.clock.now() - this.#movedAtMs >= QUIET_MS
  }

  /** Something was written or has been read: called once a turn, when the bytes have been given to the socket. */
  moved(): void {
    this.#take()
    this.#soon ??= this.#deps.clock.after(LOOK_SOON_MS, () => {
      this.#soon = null
      this.#take()
    })
  }

  /** The remote broker has accepted us: so much for a connection. */
  accepted(): void {
    this.#take()
    this.#tellCost(true)
  }

  /** It will be ended now: the last chance to ask. */
  ending(): void {
    this.#take()
    this.#askNow()
  }

  // ---- its way

  #onLookup(): void {
    if (this.#phase !== 'lookup') return
    this.#countLookups()
    this.#phase = 'opening'
    this.#deps.changed()
  }

  #onAttempt(): void {
    if (this.#phase !== 'opening') return
    this.#giveUpAttempt() // the next address
    this.#attemptAtMs = this.#deps.clock.now()
    this.#deps.changed()
  }

  #onConnect(): void {
    if (this.#phase !== 'opening') return
    const { localPort, remotePort, remoteFamily } = this.#source
    const nowMs = this.#deps.clock.now()
    if (localPort !== undefined && remotePort !== undefined) this.#ports = { localPort, remotePort }
    if (remoteFamily === 'IPv6') this.#family = 'IPv6'
    this.#estimate.reshape(wireShape(this.#family, this.#deps.timestamps))
    this.#estimate.opened(this.#attemptAtMs < 0 ? 0 : nowMs - this.#attemptAtMs)
    this.#attemptAtMs = -1
    this.#phase = 'open'
    this.#touch(nowMs)
    this.#deps.changed()
  }

  #onClose(): void {
    if (this.#phase === 'over') return
    this.#take()
    if (this.#phase === 'open') this.#estimate.ended(this.#deps.clock.now())
    else this.#giveUpAttempt()
    if (this.#phase === 'lookup') this.#countLookups()
    this.#phase = 'over'
    this.#timer.cancel()
    this.#soon?.cancel()
    if (!this.#asking) this.#settle()
  }

  #countLookups(): void {
    this.#earlierBytes = this.#lookupBytes * (1 + Math.floor((this.#deps.clock.now() - this.#beganAtMs) / LOOKUP_AGAIN_MS))
  }

  #giveUpAttempt(): void {
    if (this.#attemptAtMs < 0) return
    this.#estimate.notOpened(this.#deps.clock.now() - this.#attemptAtMs)
    this.#earlierBytes += this.#estimate.bytes
    this.#estimate.restart(this.#deps.clock.now())
    this.#attemptAtMs = -1
    this.#deps.changed()
  }

  // ---- bytes

  #take(): void {
    const { bytesWritten, bytesRead } = this.#source
    const read = bytesRead - this.#read
    const written = bytesWritten - this.#written
    if (this.#phase !== 'open' || (read <= 0 && written <= 0)) return
    const nowMs = this.#deps.clock.now()
    if (read > 0) this.#estimate.received(read, nowMs)
    if (written > 0) this.#estimate.sent(written, nowMs)
    this.#read = Math.max(this.#read, bytesRead)
    this.#written = Math.max(this.#written, bytesWritten)
    this.#touch(nowMs)
    this.#deps.changed()
  }

  #touch(nowMs: number): void {
    this.#movedAtMs = nowMs
    this.#movedSinceAsked = true
  }

  #look(): void {
    this.#take()
    if (this.#phase === 'lookup') this.#countLookups()
    if (this.#phase === 'open') this.#askIfDue()
    else this.#deps.changed() // time alone costs SYNs
  }

  // ---- the kernel

  #askIfDue(): void {
    const nowMs = this.#deps.clock.now()
    const sinceMs = nowMs - this.#askedAtMs
    const quietMs = nowMs - this.#movedAtMs
    // Silence after a write may be a dead link, on which the same bytes go again.
    const moves = this.#movedSinceAsked || (this.#estimate.waits && quietMs < SILENT_MS_MAX)
    if (!moves) return
    const much = this.#estimate.bytes >= ASK_EVERY_BYTES && sinceMs >= ASK_BYTES_EVERY_MS
    if (much || (sinceMs >= ASK_EVERY_MS && quietMs >= QUIET_MS)) this.#askNow()
  }

  #askNow(): void {
    const { ask, clock } = this.#deps
    if (this.#ports === null || this.#asking || this.#phase !== 'open') return
    this.#asking = true
    this.#askedAtMs = clock.now()
    this.#movedSinceAsked = false
    void ask(this.#ports).then((info) => {
      this.#asking = false
      if (info !== null) this.#correct(info)
      if (this.#phase === 'over') this.#settle()
      else this.#deps.changed()
    })
  }

  /** All that the kernel had seen is exact; what it had not is estimated as one piece. */
  #correct(info: TcpInfo): void {
    const nowMs = this.#deps.clock.now()
    const { bytesWritten, bytesRead } = this.#source
    const unsent = bytesWritten - (info.bytesSent - info.bytesSentAgain)
    const unread = bytesRead - info.bytesReceived
    this.#kernelBytes = wireBytes(info, this.#family)
    this.#estimate.restart(nowMs)
    if (info.segmentBytesMax > 0) this.#estimate.reshape(wireShape(this.#family, info.timestamps, info.segmentBytesMax))
    if (unread > 0) this.#estimate.received(unread, nowMs)
    if (unsent > 0) this.#estimate.sent(unsent, nowMs)
    this.#read = bytesRead
    this.#written = bytesWritten
    if (this.#phase === 'over') this.#estimate.ended(nowMs)
  }

  #tellCost(accepted: boolean): void {
    if (this.#costTold) return
    this.#costTold = true
    this.#deps.connectCost(Math.round(this.bytes), accepted)
  }

  #settle(): void {
    if (this.#settled) return
    this.#settled = true
    this.#tellCost(false)
    this.#deps.changed()
    this.#deps.settled(this)
  }
}
