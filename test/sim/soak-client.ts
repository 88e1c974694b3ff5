// A client of MQTT 5.0 that does nothing without a cause: no ticks, so that a virtual month is short. It keeps its session, sends again what
// was not acknowledged, and takes every QoS 2 message once.
import type { Duplex } from 'node:stream'
import type { Clock } from '../../src/clock.ts'
import { makeMessage, type QoS } from '../../src/message.ts'
import { encodeConnect, encodeSubscribe } from '../../src/mqtt/control.ts'
import { Decoder } from '../../src/mqtt/decode.ts'
import { encodeAck, PINGREQ } from '../../src/mqtt/encode-ack.ts'
import { encodePublishFor } from '../../src/mqtt/encode.ts'
import type { Packet } from '../../src/mqtt/packet.ts'
import { TopicTable } from '../../src/mqtt/topic.ts'

export interface SoakClientOptions {
  readonly clientId: string
  readonly filters: readonly string[]
  readonly clock: Clock
  readonly dial: () => Duplex
  readonly onMessage: (topic: string, payload: Buffer) => void
  readonly onViolation: (text: string) => void
}

interface Outgoing {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QoS
  readonly done: () => void
  /** It goes again. */
  readonly again: () => void
  phase: 'publish' | 'pubrel'
}

const WINDOW = 500
const RETRY_MS = 1000
/** The broker shortens an endless keep alive to an hour. */
const PING_MS = 20 * 60_000
const SUBSCRIBE = 65_000

export class SoakClient {
  readonly #options: SoakClientOptions
  #stream: Duplex | null = null
  #isUp = false
  #isSubscribed = false
  #isKnown = false
  #lastIdentifier = 0
  /** In the order they were sent. */
  readonly #inflight = new Map<number, Outgoing>()
  readonly #waiting: Outgoing[] = []
  readonly #received = new Set<number>()

  constructor(options: SoakClientOptions) {
    this.#options = options
    options.clock.every(PING_MS, () => this.#isUp && this.#stream!.write(PINGREQ))
    this.#connect()
  }

  get ready(): boolean {
    return this.#isUp && (this.#isSubscribed || this.#options.filters.length === 0)
  }

  get idle(): boolean {
    return this.ready && this.#inflight.size === 0 && this.#waiting.length === 0 && this.#received.size === 0
  }

  /** `done`: it is acknowledged. */
  publish(topic: string, payload: Buffer, qos: QoS, done: () => void, again: () => void): void {
    this.#waiting.push({ topic, payload, qos, done, again, phase: 'publish' })
    this.#pump()
  }

  #connect(): void {
    const { clock, clientId, dial } = this.#options
    const stream = dial()
    const decoder = new Decoder({ role: 'client', topics: new TopicTable(), packetBytesMax: 1e6, connectBytesMax: 1e6, topicAliasMaximum: 0 })
    decoder.version = 5
    this.#stream = stream
    stream.on('data', (chunk: Buffer) => this.#onData(stream, decoder, chunk))
    stream.on('close', () => {
      if (this.#stream !== stream) return
      this.#stream = null
      this.#isUp = false
      clock.after(RETRY_MS, () => this.#connect())
    })
    stream.write(encodeConnect(5, { clientId, clean: false, keepAliveSec: 0, sessionExpirySec: 0xffffffff, receiveMaximum: WINDOW }))
  }

  /** What answers one chunk goes in one chunk. */
  #onData(stream: Duplex, decoder: Decoder, chunk: Buffer): void {
    if (this.#stream !== stream) return
    decoder.push(chunk)
    stream.cork()
    for (let packet = decoder.next(this.#options.clock.now()); packet !== null; packet = decoder.next(this.#options.clock.now())) this.#onPacket(stream, packet)
    stream.uncork()
  }

  #onPacket(stream: Duplex, packet: Packet): void {
    switch (packet.type) {
      case 2:
        return this.#onConnack(stream, packet.reason, packet.sessionPresent)
      case 3: {
        const { packetIdentifier, message } = packet
        if (message.qos < 2 || !this.#received.has(packetIdentifier)) this.#options.onMessage(message.topic.name, message.payload)
        if (message.qos === 2) this.#received.add(packetIdentifier)
        if (message.qos > 0) stream.write(encodeAck(5, message.qos === 1 ? 4 : 5, packetIdentifier, 0))
        return
      }
      case 4:
      case 5:
        return this.#onTaken(stream, packet.type, packet.packetIdentifier, packet.reason)
      case 6:
        this.#received.delete(packet.packetIdentifier)
        stream.write(encodeAck(5, 7, packet.packetIdentifier, 0))
        return
      case 7:
        this.#inflight.delete(packet.packetIdentifier)
        return this.#pump()
      case 9:
        this.#isSubscribed = packet.reasons.every((reason) => reason < 0x80)
        return
      case 13:
        return
      default:
        this.#options.onViolation(`${this.#options.clientId} got a packet of type ${packet.type}${packet.type === 14 ? `, reason 0x${packet.reason.toString(16)}` : ''}`)
    }
  }

  #onConnack(stream: Duplex, reason: number, sessionPresent: boolean): void {
    const { clientId, filters, onViolation } = this.#options
    if (reason !== 0 || (this.#isKnown && !sessionPresent)) onViolation(`${clientId} was answered with reason ${reason}, session ${sessionPresent ? '' : 'not '}present`)
    this.#isUp = true
    if (!this.#isSubscribed && filters.length > 0) stream.write(encodeSubscribe(5, { packetIdentifier: SUBSCRIBE, subscriptions: filters.map((filter) => ({ filter, qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 })) }))
    // A session that nobody has committed is forgotten in a kill, and nothing was promised by it.
    if (sessionPresent) for (const [identifier, one] of this.#inflight) this.#again(stream, identifier, one)
    this.#isKnown = true
    this.#pump()
  }

  #again(stream: Duplex, identifier: number, one: Outgoing): void {
    if (one.phase === 'pubrel') stream.write(encodeAck(5, 6, identifier, 0))
    else {
      one.again()
      this.#send(stream, identifier, one, true)
    }
  }

  #onTaken(stream: Duplex, type: 4 | 5, identifier: number, reason: number): void {
    const one = this.#inflight.get(identifier)
    if (one === undefined || one.phase !== 'publish' || reason >= 0x80) {
      this.#options.onViolation(`${this.#options.clientId}: acknowledgement ${type} of ${identifier} with reason ${reason} does not fit`)
      return
    }
    one.done()
    if (type === 4) {
      this.#inflight.delete(identifier)
      this.#pump()
      return
    }
    one.phase = 'pubrel'
    stream.write(encodeAck(5, 6, identifier, 0))
  }

  #pump(): void {
    const stream = this.#stream
    if (stream === null || !this.#isUp) return
    stream.cork()
    while (this.#waiting.length > 0 && this.#inflight.size < WINDOW) {
      const one = this.#waiting.shift()!
      let identifier = 0
      if (one.qos > 0) {
        do identifier = this.#lastIdentifier = (this.#lastIdentifier % 2000) + 1
        while (this.#inflight.has(identifier))
        this.#inflight.set(identifier, one)
      }
      this.#send(stream, identifier, one, false)
    }
    stream.uncork()
  }

  #send(stream: Duplex, identifier: number, { topic, payload, qos }: Outgoing, dup: boolean): void {
    const { bytes, start, end } = encodePublishFor(makeMessage(topic, payload), 5, qos, false, dup, identifier, [], 0, true, 0)
    stream.write(Buffer.from(bytes.subarray(start, end)))
  }
}
