// A bad link on this machine: a TCP proxy that stands between a gateway and its broker and does to their bytes what the link would.
//
//   gateway ──► listening port ══ line up   (rate, delay, jitter, queue) ══► broker
//           ◄──                ══ line down ════════════════════════════ ◄──
//
// What lives here: the port, the connections, and what befalls them: cuts, flaps, a black hole. What it cannot do: lose single packets, and be
// the far end of TCP: the kernels on both sides acknowledge at once, and their socket buffers (some hundred kB on the loopback
// interface) fill before the sender feels the queue. Where that matters, test/bench/link/wire.ts delays real packets.
//
//   up       bytes pass
//   down     nothing connects or flows: refused (and what was connected is reset), or silent (bytes wait, as TCP would send them again)
//   silent   what a dead link looks like to TCP: connections are taken, what is there stays, and not a byte passes
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Random } from '../../sim/random.ts'
import { freePort } from '../ports.ts'
import { Connection, type CutBy, type Directions } from './connection.ts'
import type { LaneBytes } from './lane.ts'
import { Line, type LineShape } from './line.ts'
import type { WireBytes } from './wire-estimate.ts'

export interface LinkShape {
  /** Of what is on the wire, in each direction; default no bound. */
  readonly bitsPerSec?: number | Directions<number>
  /** Default 0. Half of it each way. */
  readonly rttMs?: number
  readonly jitterMs?: number
  /** That may wait in front of each line; default: what the line carries in one round trip, 16 kB at least. */
  readonly queueBytesMax?: number
  /** Chance that a connection is cut: in a second of its life, and by a million payload bytes of either direction. */
  readonly cut?: { readonly perSec?: number; readonly perMillionBytes?: number; readonly by?: CutBy }
  /** Times of being up and down, as they are or on average; it begins up. */
  readonly flap?: { readonly upMs: number; readonly downMs: number; readonly random?: boolean; readonly kind?: DownKind }
  /** Connections are taken and never answered. */
  readonly blackHole?: boolean
}

export type DownKind = 'refused' | 'silent'

export interface LinkOptions extends LinkShape {
  readonly to: { readonly host?: string; readonly port: number }
  /** Default: a free port of 127.0.0.1. */
  readonly listen?: { readonly host?: string; readonly port?: number }
  /** Default 1. The same seed gives the same times of cuts and flaps. */
  readonly seed?: number
}

export interface LinkCounters {
  readonly connections: number
  readonly cuts: number
  readonly downs: number
  /** Payload of TCP: of MQTT, or TLS. */
  readonly up: Readonly<LaneBytes>
  readonly down: Readonly<LaneBytes>
  /** IP bytes, estimated (wire-estimate.ts). */
  readonly wire: Readonly<WireBytes>
}

const QUEUE_BYTES_MIN = 16_384
const TIMER_MS_MAX = 0x7fffffff
/** Dead connections may stay for ever; the machine's file descriptors do not allow that. */
const CONNECTIONS_MAX = 1000

export class LinkEmulator implements AsyncDisposable {
  readonly #options: LinkOptions
  readonly #cutRandom: Random
  readonly #flapRandom: Random
  readonly #lines: Directions<Line>
  readonly #connections = new Set<Connection>()
  readonly #strays = new Set<Socket>()
  readonly #bytes: Directions<LaneBytes> = { up: { taken: 0, delivered: 0, lost: 0 }, down: { taken: 0, delivered: 0, lost: 0 } }
  readonly #wire: WireBytes = { up: 0, down: 0 }
  #shape: LinkShape
  #server: Server | null = null
  #host = '127.0.0.1'
  #port = 0
  #state: 'up' | DownKind | 'hole' = 'up'
  #downSinceMs = 0
  #flapTimer: NodeJS.Timeout | null = null
  #accepted = 0
  #cuts = 0
  #downs = 0

  private constructor(options: LinkOptions) {
    this.#options = options
    this.#shape = options
    const [seed, jitter] = [options.seed ?? 1, new Random(~(options.seed ?? 1))]
    // Of their own, so that their series do not depend on how many bytes pass.
    this.#cutRandom = new Random(seed)
    this.#flapRandom = new Random(seed + 1)
    this.#lines = { up: new Line(lineShape(options, 'up'), jitter), down: new Line(lineShape(options, 'down'), jitter) }
  }

  static async start(options: LinkOptions): Promise<LinkEmulator> {
    const link = new LinkEmulator(options)
    link.#host = options.listen?.host ?? '127.0.0.1'
    link.#port = options.listen?.port || (await freePort()) // the kernel's own choice could be gone after a cut
    if (options.blackHole === true) link.#state = 'hole'
    await link.#listen()
    link.#flap()
    return link
  }

  /** One that does nothing to the bytes, to a port of this machine: for tests that pull the plug. */
  static to(port: number): Promise<LinkEmulator> {
    return LinkEmulator.start({ to: { port } })
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `mqtt://${this.#host}:${this.#port}`
  }

  /** Connections that it carries or holds now. */
  get connections(): number {
    return this.#connections.size + this.#strays.size
  }

  get counters(): LinkCounters {
    for (const connection of this.#connections) connection.settle()
    return { connections: this.#accepted, cuts: this.#cuts, downs: this.#downs, up: { ...this.#bytes.up }, down: { ...this.#bytes.down }, wire: { ...this.#wire } }
  }

  /** From now on another rate and delay, and other chances for connections that come. Flaps stay as they began. */
  reshape(shape: LinkShape): void {
    this.#shape = shape
    for (const direction of ['up', 'down'] as const) this.#lines[direction].shape = lineShape(shape, direction)
  }

  /** Ends what is connected now, and nothing else. */
  cutConnections(by: CutBy = 'reset'): void {
    for (const connection of this.#connections) this.#cut(connection, by)
    for (const stray of this.#strays) stray.resetAndDestroy()
  }

  /** The link is gone: connections are reset and refused. */
  async cut(): Promise<void> {
    this.#goDown('refused')
    await this.#close()
  }

  /** Nothing flows, and what was sent waits. */
  pause(): void {
    this.#goDown('silent')
  }

  /** Connections are taken, and not a byte passes any more, also after `mend`. */
  async silence(): Promise<void> {
    this.#state = 'hole'
    for (const connection of this.#connections) this.#cut(connection, 'silent')
    await this.#listen()
  }

  /** The link is there again. Of what was silenced nothing is left. */
  async mend(): Promise<void> {
    if (this.#state === 'hole') this.cutConnections()
    if (this.#state === 'silent') {
      const nowMs = performance.now()
      for (const line of [this.#lines.up, this.#lines.down]) line.wasDown(nowMs, nowMs - this.#downSinceMs)
    }
    this.#state = 'up'
    for (const connection of this.#connections) connection.release()
    await this.#listen()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#flapTimer !== null) clearTimeout(this.#flapTimer)
    this.cutConnections()
    await this.#close()
  }

  // ---- connections

  async #listen(): Promise<void> {
    if (this.#server !== null) return
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#carry(socket))
    this.#server = server
    server.listen({ port: this.#port, host: this.#host })
    await once(server, 'listening')
  }

  async #close(): Promise<void> {
    const server = this.#server
    this.#server = null
    if (server === null) return
    const closed = once(server, 'close')
    server.close()
    this.cutConnections()
    await closed
  }

  #carry(near: Socket): void {
    this.#accepted++
    if (this.connections >= CONNECTIONS_MAX) {
      near.resetAndDestroy()
      return
    }
    if (this.#state === 'hole') {
      this.#strays.add(near)
      near.on('error', () => {}).resume()
      near.once('close', () => this.#strays.delete(near))
      return
    }
    const { host = '127.0.0.1', port } = this.#options.to
    const far = connect({ host, port, noDelay: true, allowHalfOpen: true })
    const { perSec, perMillionBytes, by = 'reset' } = this.#shape.cut ?? {}
    let millionBytesLeft = waitFor(perMillionBytes, this.#cutRandom)
    const lifeMs = waitFor(perSec, this.#cutRandom) * 1000
    let timer: NodeJS.Timeout | null = null
    const connection: Connection = new Connection({
      near,
      far,
      lines: this.#lines,
      bytes: this.#bytes,
      wire: this.#wire,
      openMs: this.#shape.rttMs ?? 0,
      onDelivered: (bytes) => {
        millionBytesLeft -= bytes / 1e6
        if (millionBytesLeft < 0) this.#cut(connection, by)
      },
      onClosed: () => {
        if (timer !== null) clearTimeout(timer)
        this.#connections.delete(connection)
      },
    })
    this.#connections.add(connection)
    if (this.#state === 'silent') connection.hold()
    if (lifeMs < TIMER_MS_MAX) timer = setTimeout(() => this.#cut(connection, by), lifeMs)
  }

  #cut(connection: Connection, by: CutBy): void {
    if (connection.isDead && by === 'silent') return
    this.#cuts++
    connection.cut(by)
  }

  // ---- up and down

  #goDown(kind: DownKind): void {
    if (this.#state === kind) return
    this.#state = kind
    this.#downs++
    this.#downSinceMs = performance.now()
    if (kind === 'silent') for (const connection of this.#connections) connection.hold()
  }

  #flap(): void {
    const { flap } = this.#shape
    if (flap === undefined) return
    const { upMs, downMs, random = false, kind = 'refused' } = flap
    const isUp = this.#state === 'up'
    const ms = (isUp ? upMs : downMs) * (random ? waitFor(1, this.#flapRandom) : 1)
    this.#flapTimer = setTimeout(() => {
      const turned = !isUp ? this.mend() : kind === 'refused' ? this.cut() : Promise.resolve(this.pause())
      void turned.then(() => this.#flap())
    }, ms)
  }
}

function lineShape(shape: LinkShape, direction: 'up' | 'down'): LineShape {
  const { bitsPerSec: asked = Infinity, rttMs = 0, jitterMs = 0 } = shape
  const bitsPerSec = typeof asked === 'number' ? asked : asked[direction]
  const inOneTrip = bitsPerSec === Infinity ? QUEUE_BYTES_MIN : (bitsPerSec / 8000) * rttMs
  return { bitsPerSec, delayMs: rttMs / 2, jitterMs, queueBytesMax: shape.queueBytesMax ?? Math.max(QUEUE_BYTES_MIN, inOneTrip) }
}

/** How much of a unit passes until it happens what is expected `per` times in one. */
function waitFor(per: number | undefined, random: Random): number {
  return per === undefined || per === 0 ? Infinity : -Math.log(1 - random.next()) / per
}
