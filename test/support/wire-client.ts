// A raw MQTT client of the tests: bytes out, packets in, over a real socket. It keeps no state of the protocol and answers nothing
// by itself. mqtt-packet builds and reads the packets: an oracle that is not the gateway's own codec.
//
// Nothing here sleeps to see that nothing happens: `expectNothing` sends PINGREQ and PINGRESP must be the next that comes.
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { isDeepStrictEqual, inspect } from 'node:util'
import { generate, parser, writeToStream, type IPublishPacket, type ISubscription, type Packet } from 'mqtt-packet'

writeToStream.cacheNumbers = false

const DEADLINE_MS = 4000

export type Version = 3 | 4 | 5
export const VERSIONS: readonly Version[] = [3, 4, 5]

export type Received<C extends Packet['cmd'] = Packet['cmd']> = Extract<Packet, { cmd: C }> & { readonly raw: Buffer }

/** What a packet must have; members that are not named may be anything, `undefined` must be absent. Buffers may be given as text. */
export type Pattern<C extends Packet['cmd'] = Packet['cmd']> = { readonly cmd: C } & Readonly<Record<string, unknown>>

/** A packet, a Buffer, or hex digits with spaces as one likes. */
export type Sendable = Packet | Buffer | string

export interface ConnectOptions {
  readonly clientId?: string
  readonly clean?: boolean
  readonly keepalive?: number
  /** Session Expiry Interval in 5.0; in 3.x more than 0 is clean session 0. */
  readonly expirySec?: number
  readonly will?: { topic: string; payload: string | Buffer; qos?: 0 | 1 | 2; retain?: boolean; properties?: Record<string, unknown> }
  readonly properties?: Record<string, unknown>
  readonly username?: string
  readonly password?: string
}

export function connectPacket(version: Version, options: ConnectOptions = {}): Packet {
  const { clientId = '', keepalive = 0, expirySec = 0, will, properties, username, password } = options
  const clean = options.clean ?? (version === 5 ? true : expirySec === 0)
  const willModel = will === undefined ? {} : { will: { ...will, qos: will.qos ?? 0, retain: will.retain ?? false, payload: Buffer.from(will.payload) } }
  return {
    cmd: 'connect',
    protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
    protocolVersion: version,
    clientId: clientId === '' && version === 3 ? uniqueId() : clientId,
    clean,
    keepalive,
    ...willModel,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
    ...(version === 5 ? { properties: { ...(expirySec > 0 ? { sessionExpiryInterval: expirySec } : {}), ...properties } } : {}),
  } as Packet
}

let lastId = 0
/** A client identifier nobody else uses in this process. */
export function uniqueId(): string {
  return `c${++lastId}`
}

export class WireClient {
  readonly version: Version
  readonly #socket: Duplex
  #bytes: Buffer = Buffer.alloc(0)
  readonly #received: Received[] = []
  #closed = false
  #wake: (() => void) | null = null
  #lastMessageId = 0
  bytesReceived = 0

  readonly #seenClosed: () => Promise<unknown>

  private constructor(version: Version, socket: Duplex, seenClosed: () => Promise<unknown>) {
    this.#seenClosed = seenClosed
    this.version = version
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('error', () => {}) // a reset is a close
    socket.on('close', () => {
      this.#closed = true
      this.#wake?.()
    })
  }

  /** A connection without CONNECT; `version` is what its packets are built and read as. `seenClosed` waits until the broker has seen its end. */
  static async open(port: number, version: Version, seenClosed: () => Promise<unknown> = async () => {}): Promise<WireClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await new Promise<void>((resolve, reject) => void socket.once('connect', resolve).once('error', reject))
    return new WireClient(version, socket, seenClosed)
  }

  /** The same over a stream that is connected already: TLS, WebSocket, a unix socket. */
  static over(stream: Duplex, version: Version): WireClient {
    return new WireClient(version, stream, async () => {})
  }

  // ---- out

  /** Everything in one write. */
  send(...packets: readonly Sendable[]): void {
    this.#socket.write(Buffer.concat(packets.map((p) => this.bytesOf(p))))
  }

  bytesOf(packet: Sendable): Buffer {
    if (typeof packet === 'string') return Buffer.from(packet.replaceAll(/\s/g, ''), 'hex')
    return Buffer.isBuffer(packet) ? packet : generate(packet, { protocolVersion: this.version })
  }

  /** Sends the bytes one by one, each in a write of its own. */
  async trickle(packet: Sendable): Promise<void> {
    for (const byte of this.bytesOf(packet)) await new Promise<void>((resolve) => void this.#socket.write(Buffer.of(byte), () => setImmediate(resolve)))
  }

  /** Sends a PUBLISH and returns its packet identifier, 0 at QoS 0. */
  publish(topic: string, payload: string | Buffer, options: Partial<Omit<IPublishPacket, 'cmd' | 'topic' | 'payload'>> = {}): number {
    const qos = options.qos ?? 0
    const messageId = options.messageId ?? (qos === 0 ? 0 : this.nextMessageId())
    this.send({ cmd: 'publish', topic, payload, qos, dup: false, retain: false, ...options, ...(qos === 0 ? {} : { messageId }) })
    return messageId
  }

  /** Subscribes and expects to be granted what was asked for. */
  async subscribe(filter: string, options: Partial<Omit<ISubscription, 'topic'>> & { identifier?: number } = {}): Promise<void> {
    const { identifier, ...rest } = options
    const messageId = this.nextMessageId()
    const qos = options.qos ?? 0
    const properties = identifier === undefined ? {} : { properties: { subscriptionIdentifier: identifier } }
    this.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic: filter, ...rest, qos }], ...properties } as Packet)
    await this.expect({ cmd: 'suback', messageId, granted: [qos] })
  }

  nextMessageId(): number {
    return ++this.#lastMessageId
  }

  get closed(): boolean {
    return this.#closed
  }

  /** The connection breaks, and the broker has seen that: no DISCONNECT. */
  async cut(): Promise<void> {
    this.#socket.destroy()
    await this.#until(() => this.#closed, 'the end of our own socket')
    await this.#seenClosed()
  }

  /** DISCONNECT, and waits until the broker has closed. */
  async disconnect(options: { reasonCode?: number; expirySec?: number } = {}): Promise<void> {
    const properties = options.expirySec === undefined ? {} : { properties: { sessionExpiryInterval: options.expirySec } }
    this.send({ cmd: 'disconnect', reasonCode: options.reasonCode ?? 0, ...properties } as Packet)
    await this.#until(() => this.#closed, 'the broker to close after DISCONNECT')
  }

  /** Reads nothing any more: the kernel's buffers fill up. */
  stopReading(): void {
    this.#socket.pause()
  }

  goOnReading(): void {
    this.#socket.resume()
  }

  // ---- in

  /** The next packet must match. Fails with what came instead. */
  async expect<C extends Packet['cmd']>(pattern: Pattern<C>): Promise<Received<C>> {
    await this.#until(() => this.#received.length > 0, inspect(pattern, INSPECT))
    const packet = this.#received.shift()!
    if (!matches(packet, pattern)) throw new Error(`expected ${inspect(pattern, INSPECT)}\nbut came ${show(packet)}`)
    return packet as Received<C>
  }

  /** The next packet must be of one of these kinds. */
  async expectOneOf<C extends Packet['cmd']>(...kinds: readonly C[]): Promise<Received<C>> {
    await this.#until(() => this.#received.length > 0, kinds.join(' or '))
    const packet = this.#received.shift()!
    if (!kinds.includes(packet.cmd as C)) throw new Error(`expected ${kinds.join(' or ')}\nbut came ${show(packet)}`)
    return packet as Received<C>
  }

  /** The next packets match these, in any order. Returned in the order of the patterns. */
  async expectAll(...patterns: readonly Pattern[]): Promise<Received[]> {
    const open = new Set(patterns.keys())
    const found: Received[] = []
    while (open.size > 0) {
      await this.#until(() => this.#received.length > 0, `one of ${inspect([...open].map((i) => patterns[i]), INSPECT)}`)
      const packet = this.#received.shift()!
      const i = [...open].find((at) => matches(packet, patterns[at]!))
      if (i === undefined) throw new Error(`expected one of ${inspect([...open].map((at) => patterns[at]), INSPECT)}\nbut came ${show(packet)}`)
      open.delete(i)
      found[i] = packet
    }
    return found
  }

  /** The next bytes must be these, to the bit. */
  async expectBytes(hex: string): Promise<void> {
    const wanted = hex.replaceAll(/\s/g, '')
    await this.#until(() => this.#received.length > 0, wanted)
    const packet = this.#received.shift()!
    const came = packet.raw.toString('hex')
    if (came !== wanted) throw new Error(`expected ${wanted}\nbut came ${came}, ${show(packet)}`)
  }

  /** Nothing has been sent to this client up to now: PINGRESP is the next. */
  async expectNothing(): Promise<void> {
    this.send({ cmd: 'pingreq' })
    await this.expect({ cmd: 'pingresp' })
  }

  /** The broker closes, and nothing comes before that. */
  async expectClosed(): Promise<void> {
    await this.#until(() => this.#closed || this.#received.length > 0, 'the connection to be closed')
    const packet = this.#received.shift()
    if (packet !== undefined) throw new Error(`expected the connection to be closed\nbut came ${show(packet)}`)
  }

  /** Everything that still comes before the broker closes. */
  async untilClosed(): Promise<Received[]> {
    await this.#until(() => this.#closed, 'the connection to be closed')
    return this.#received.splice(0)
  }

  /** Everything that comes up to the answer of a PINGREQ sent now. */
  async drain(deadlineMs = DEADLINE_MS): Promise<Received[]> {
    this.send({ cmd: 'pingreq' })
    const list: Received[] = []
    for (;;) {
      await this.#until(() => this.#received.length > 0, 'PINGRESP', deadlineMs)
      const packet = this.#received.shift()!
      if (packet.cmd === 'pingresp') return list
      list.push(packet)
    }
  }

  async #until(condition: () => boolean, what: string, deadlineMs = DEADLINE_MS): Promise<void> {
    const deadline = performance.now() + deadlineMs
    while (!condition()) {
      if (this.#closed) throw new Error(`expected ${what}\nbut the connection was closed`)
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`expected ${what}\nbut nothing came in ${deadlineMs} ms`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  #onData(chunk: Buffer): void {
    this.bytesReceived += chunk.length
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    let at = 0
    for (let end = frameEnd(this.#bytes, at); end > 0; end = frameEnd(this.#bytes, at)) {
      this.#received.push(this.#read(this.#bytes.subarray(at, end)))
      at = end
    }
    this.#bytes = this.#bytes.subarray(at)
    this.#wake?.()
  }

  #read(raw: Buffer): Received {
    let packet: Packet | null = null
    const reader = parser({ protocolVersion: this.version })
    reader.on('packet', (p) => (packet = p))
    reader.on('error', (error) => {
      throw new Error(`mqtt-packet cannot read ${raw.toString('hex')}`, { cause: error })
    })
    reader.parse(raw)
    return Object.assign(packet!, { raw })
  }
}

const INSPECT = { depth: 5, breakLength: 160 } as const

function show(packet: Received): string {
  const { raw, ...rest } = packet
  return `${inspect(rest, INSPECT)} (${raw.length > 80 ? `${raw.length} bytes` : raw.toString('hex')})`
}

/** Where the packet at `at` ends, or 0 when it is not complete. */
function frameEnd(bytes: Buffer, at: number): number {
  let length = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + 1 + i]
    if (byte === undefined) return 0
    length |= (byte & 127) << (7 * i)
    if (byte >= 128) continue
    const end = at + 2 + i + length
    return end <= bytes.length ? end : 0
  }
  throw new Error('the broker sent a remaining length of more than four bytes')
}

function matches(value: unknown, pattern: unknown): boolean {
  if (Buffer.isBuffer(value)) return typeof pattern === 'string' ? value.toString() === pattern : Buffer.isBuffer(pattern) && value.equals(pattern)
  if (Array.isArray(pattern)) return Array.isArray(value) && value.length === pattern.length && pattern.every((p, i) => matches(value[i], p))
  if (typeof pattern !== 'object' || pattern === null) return isDeepStrictEqual(value, pattern)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(pattern).every(([key, wanted]) => matches((value as Record<string, unknown>)[key], wanted))
}
