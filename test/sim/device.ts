// A client as the standard describes it, at the level of packets: it keeps its session over connections, sends again what was
// not acknowledged, and says when the broker does something that it must not.
import type { Duplex } from 'node:stream'
import type { Clock } from '../../src/clock.ts'
import { makeMessage, type QoS } from '../../src/message.ts'
import { encodeConnect, encodeDisconnect, encodeSubscribe } from '../../src/mqtt/control.ts'
import { Decoder } from '../../src/mqtt/decode.ts'
import { encodeAck, PINGREQ } from '../../src/mqtt/encode-ack.ts'
import { encodePublishFor } from '../../src/mqtt/encode.ts'
import type { AckPacket, ConnackPacket, Packet, PublishPacket } from '../../src/mqtt/packet.ts'
import { TopicTable } from '../../src/mqtt/topic.ts'
import type { Ledger, Published } from './ledger.ts'
import type { Random } from './random.ts'

export interface DeviceOptions {
  readonly clientId: string
  readonly version: 4 | 5
  /** The session ends with the connection. */
  readonly clean: boolean
  readonly filters: readonly { readonly filter: string; readonly qos: QoS }[]
  readonly receiveMaximum: number
  readonly windowMax: number
  /** How slowly it acknowledges. */
  readonly ackMs: number
  readonly aliases: boolean
}

interface Unacknowledged {
  readonly message: Published
  readonly payloadBytes: number
  packetIdentifier: number
  phase: 'publish' | 'pubrel'
}

const KEEP_ALIVE_SEC = 8
const EXPIRY_SEC = 2
const SILENCE_MS = 10_000
/** A 3.1.1 client whose acknowledgement is withheld starts over after this long. */
const STUCK_MS = 3000

/** One connection of a device. */
class Attempt {
  readonly stream: Duplex
  readonly decoder: Decoder
  up = false
  over = false
  window = 20
  heardAtMs: number
  progressAtMs: number
  lastAckAtMs = 0
  /** Packet identifiers in the order they were sent here, by the acknowledgement that they expect. */
  readonly expectPuback: number[] = []
  readonly expectPubrec: number[] = []
  /** Of the broker, not yet acknowledged by us. */
  readonly open = new Set<number>()

  constructor(stream: Duplex, nowMs: number, aliases: boolean) {
    this.stream = stream
    this.heardAtMs = nowMs
    this.progressAtMs = nowMs
    this.decoder = new Decoder({ role: 'client', topics: new TopicTable(), packetBytesMax: 1e6, connectBytesMax: 1e6, topicAliasMaximum: aliases ? 2 : 0 })
  }
}

export class Device {
  readonly options: DeviceOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #ledger: Ledger
  readonly #dial: () => Duplex
  #attempt: Attempt | null = null
  #lastIdentifier = 0
  readonly #unacknowledged: Unacknowledged[] = []
  readonly #waiting: { message: Published; payloadBytes: number }[] = []
  readonly #received = new Map<number, string>()
  #retryAtMs = 0
  #sessions = 0
  /** SUBACK has come: from now on everything it wants is promised to it. */
  established = false
  online = true

  constructor(options: DeviceOptions, clock: Clock, random: Random, ledger: Ledger, dial: () => Duplex) {
    this.options = options
    this.#clock = clock
    this.#random = random
    this.#ledger = ledger
    this.#dial = dial
    clock.every(250, () => this.#tick())
  }

  get name(): string {
    return this.options.clientId
  }

  /** To the ledger every clean session is a receiver of its own. */
  get #receiver(): string {
    return this.options.clean ? `${this.name}#${this.#sessions}` : this.name
  }

  get connected(): boolean {
    return this.#attempt?.up === true
  }

  get stream(): Duplex | null {
    return this.#attempt?.stream ?? null
  }

  get idle(): boolean {
    return this.#waiting.length === 0 && this.#unacknowledged.length === 0 && this.#received.size === 0 && this.connected && (this.established || this.options.filters.length === 0)
  }

  get describe(): string {
    return `${this.name}: waiting ${this.#waiting.length}, unacknowledged ${this.#unacknowledged.map((u) => `${u.message.key}@${u.packetIdentifier}${u.phase}`).slice(0, 5).join(' ')}, received ${[...this.#received.keys()].join()}, ${this.connected ? 'up' : 'down'}, ${this.established ? '' : 'not '}established`
  }

  publish(topic: string, qos: QoS, payloadBytes: number, expires = false): void {
    this.#waiting.push({ message: this.#ledger.publish(this.name, topic, qos, expires && this.options.version === 5), payloadBytes })
    this.#pump()
  }

  /** Leaves; `politely` with DISCONNECT. */
  leave(politely: boolean): void {
    const attempt = this.#attempt
    if (attempt === null) return
    if (politely && attempt.up) {
      attempt.stream.write(encodeDisconnect(this.options.version, { reason: 0 }))
      attempt.stream.end()
    } else attempt.stream.destroy()
    this.#over(attempt)
  }

  // ---- the connection

  #tick(): void {
    const nowMs = this.#clock.now()
    const attempt = this.#attempt
    if (attempt === null) {
      if (this.online && nowMs >= this.#retryAtMs) this.#connect()
      return
    }
    const stuck = attempt.up && this.#unacknowledged.length > 0 && nowMs - attempt.progressAtMs > STUCK_MS
    if (nowMs - attempt.heardAtMs > SILENCE_MS || stuck) {
      attempt.stream.destroy()
      this.#over(attempt)
    } else if (attempt.up && this.#random.chance(0.1)) attempt.stream.write(PINGREQ)
  }

  #connect(): void {
    const stream = this.#dial()
    this.#retryAtMs = this.#clock.now() + this.#random.int(50, 800)
    const { version, clean, clientId, receiveMaximum, aliases } = this.options
    const attempt = new Attempt(stream, this.#clock.now(), aliases)
    attempt.decoder.version = version
    this.#attempt = attempt
    stream.on('data', (chunk: Buffer) => this.#onData(attempt, chunk))
    stream.on('drain', () => this.#pump())
    stream.on('error', () => this.#over(attempt))
    stream.on('close', () => this.#over(attempt))
    const v5 = version === 5
    stream.write(
      encodeConnect(version, {
        clientId,
        clean,
        keepAliveSec: KEEP_ALIVE_SEC,
        sessionExpirySec: v5 && !clean ? 0xffffffff : null,
        receiveMaximum: v5 ? receiveMaximum : null,
        topicAliasMaximum: v5 && aliases ? 2 : null,
      }),
    )
  }

  #over(attempt: Attempt): void {
    attempt.over = true
    attempt.up = false
    if (this.#attempt === attempt) this.#attempt = null
  }

  #onData(attempt: Attempt, chunk: Buffer): void {
    if (attempt.over) return
    attempt.heardAtMs = this.#clock.now()
    attempt.decoder.push(chunk)
    try {
      for (;;) {
        const packet = attempt.over ? null : attempt.decoder.next(this.#clock.now())
        if (packet === null) return
        this.#onPacket(attempt, packet)
      }
    } catch (error) {
      this.#ledger.violation(`${this.name} cannot read the broker: ${(error as Error).message}`)
      attempt.stream.destroy()
      this.#over(attempt)
    }
  }

  #onPacket(attempt: Attempt, packet: Packet): void {
    switch (packet.type) {
      case 2:
        return this.#onConnack(attempt, packet)
      case 3:
        return this.#onPublish(attempt, packet)
      case 4:
      case 5:
        return this.#onTaken(attempt, packet)
      case 6:
        return this.#answer(attempt, () => {
          this.#received.delete(packet.packetIdentifier)
          attempt.open.delete(packet.packetIdentifier)
          return encodeAck(this.options.version, 7, packet.packetIdentifier, 0)
        })
      case 7: {
        const i = this.#unacknowledged.findIndex((u) => u.packetIdentifier === packet.packetIdentifier && u.phase === 'pubrel')
        if (i >= 0) this.#unacknowledged.splice(i, 1)
        attempt.progressAtMs = this.#clock.now()
        return this.#pump()
      }
      case 9:
        this.established = packet.reasons.every((reason) => reason < 0x80)
        return
      case 14:
        if (packet.reason !== 0x8e && packet.reason !== 0x8d) this.#ledger.violation(`${this.name} was sent away: 0x${packet.reason.toString(16)} ${packet.reasonString ?? ''}`)
        return
      case 13:
        return
      default:
        this.#ledger.violation(`${this.name} got a packet of type ${packet.type}`)
    }
  }

  #onConnack(attempt: Attempt, connack: ConnackPacket): void {
    const { clean, version, filters } = this.options
    if (connack.reason !== 0) {
      this.#ledger.violation(`${this.name} was refused: ${connack.reason}`)
      return
    }
    attempt.up = true
    attempt.progressAtMs = this.#clock.now()
    attempt.window = version === 5 ? Math.min(connack.receiveMaximum, this.options.windowMax) : this.options.windowMax
    if (clean || !connack.sessionPresent) {
      if (!clean && this.established) this.#ledger.violation(`${this.name} lost its session`)
      if (clean && connack.sessionPresent) this.#ledger.violation(`${this.name} asked for a clean session and got an old one`)
      this.established = false
      this.#sessions++
      this.#received.clear()
      const old = this.#unacknowledged.splice(0)
      // What was under way is sent anew, except by those who forget.
      if (!clean) {
        for (const u of old.toReversed()) {
          if (u.phase === 'pubrel') continue
          u.message.renewed = true
          this.#waiting.unshift({ message: u.message, payloadBytes: u.payloadBytes })
        }
      }
    }
    if (filters.length > 0 && !this.established) {
      const subscriptions = filters.map((f) => ({ ...f, noLocal: false, retainAsPublished: false, retainHandling: 0 as const }))
      attempt.stream.write(encodeSubscribe(version, { packetIdentifier: 65_000, subscriptions }))
    }
    for (const u of this.#unacknowledged) {
      if (u.phase === 'publish') this.#send(attempt, u, true)
      else attempt.stream.write(encodeAck(version, 6, u.packetIdentifier, 0))
    }
    this.#pump()
  }

  // ---- publishing

  #pump(): void {
    const attempt = this.#attempt
    if (attempt === null || !attempt.up) return
    while (this.#waiting.length > 0 && this.#unacknowledged.length < attempt.window && attempt.stream.writableLength < 64 * 1024) {
      const { message, payloadBytes } = this.#waiting.shift()!
      const u: Unacknowledged = { message, payloadBytes, packetIdentifier: 0, phase: 'publish' }
      if (message.qos > 0) {
        u.packetIdentifier = this.#freeIdentifier()
        this.#unacknowledged.push(u)
      }
      this.#send(attempt, u, false)
    }
  }

  #freeIdentifier(): number {
    // A short cycle, so that identifiers come again soon.
    do this.#lastIdentifier = (this.#lastIdentifier % 64) + 1
    while (this.#unacknowledged.some((u) => u.packetIdentifier === this.#lastIdentifier))
    return this.#lastIdentifier
  }

  #send(attempt: Attempt, u: Unacknowledged, dup: boolean): void {
    const { message, packetIdentifier } = u
    message.attempts++
    const payload = message.key.padEnd(u.payloadBytes, ' ')
    const expiresAtMs = message.expires ? EXPIRY_SEC * 1000 : Infinity
    const encoded = encodePublishFor(makeMessage(message.topic, payload, { expiresAtMs }), this.options.version, message.qos, false, dup, packetIdentifier, [], 0, true, 0)
    attempt.stream.write(Buffer.from(encoded.bytes.subarray(encoded.start, encoded.end)))
    if (message.qos === 1) attempt.expectPuback.push(packetIdentifier)
    if (message.qos === 2) attempt.expectPubrec.push(packetIdentifier)
  }

  #onTaken(attempt: Attempt, packet: AckPacket): void {
    attempt.progressAtMs = this.#clock.now()
    const { packetIdentifier, reason } = packet
    const expected = packet.type === 4 ? attempt.expectPuback : attempt.expectPubrec
    const at = expected.indexOf(packetIdentifier)
    if (at < 0) {
      this.#ledger.violation(`${this.name} got an acknowledgement ${packet.type} of ${packetIdentifier} that it does not wait for`)
      return
    }
    // Those before it have been passed over: withheld in 3.1.1, never in 5.0.
    for (const skipped of expected.splice(0, at + 1).slice(0, at)) {
      const u = this.#unacknowledged.find((other) => other.packetIdentifier === skipped)
      if (this.options.version === 5) this.#ledger.violation(`${this.name} got acknowledgement ${packet.type} of ${packetIdentifier} before that of ${skipped}`)
      else if (u !== undefined) u.message.refused = true
    }
    const i = this.#unacknowledged.findIndex((u) => u.packetIdentifier === packetIdentifier && u.phase === 'publish' && u.message.qos === (packet.type === 4 ? 1 : 2))
    if (i < 0) {
      this.#ledger.violation(`${this.name}: acknowledgement ${packet.type} of ${packetIdentifier} does not fit`)
      return
    }
    const u = this.#unacknowledged[i]!
    if (reason >= 0x80) {
      u.message.refused = true
      this.#unacknowledged.splice(i, 1)
    } else {
      u.message.acknowledged = true
      if (packet.type === 4) this.#unacknowledged.splice(i, 1)
      else {
        u.phase = 'pubrel'
        attempt.stream.write(encodeAck(this.options.version, 6, packetIdentifier, 0))
      }
    }
    this.#pump()
  }

  // ---- receiving

  #onPublish(attempt: Attempt, packet: PublishPacket): void {
    const { message, packetIdentifier, dup } = packet
    const { qos } = message
    const key = message.payload.toString().trimEnd()
    if (qos === 0) {
      this.#ledger.arrive(this.#receiver, key, message.topic.name, 0, false)
      return
    }
    if (qos === 1) {
      if (attempt.open.has(packetIdentifier)) this.#ledger.violation(`${this.name} got identifier ${packetIdentifier} twice on one connection`)
      this.#ledger.arrive(this.#receiver, key, message.topic.name, 1, dup)
    } else {
      const known = this.#received.get(packetIdentifier)
      if (known === undefined) {
        this.#received.set(packetIdentifier, key)
        this.#ledger.arrive(this.#receiver, key, message.topic.name, 2, dup)
      } else if (known !== key) this.#ledger.violation(`${this.name} got ${key} under identifier ${packetIdentifier}, which ${known} still has: it is lost`)
    }
    attempt.open.add(packetIdentifier)
    const limit = this.options.version === 5 ? this.options.receiveMaximum : 65_535
    if (attempt.open.size > limit) this.#ledger.violation(`${this.name} got more than its receive maximum ${limit}`)
    this.#answer(attempt, () => {
      if (qos === 1) attempt.open.delete(packetIdentifier)
      return encodeAck(this.options.version, qos === 1 ? 4 : 5, packetIdentifier, 0)
    })
  }

  /** Acknowledges a little later, in order. */
  #answer(attempt: Attempt, encode: () => Buffer): void {
    const atMs = Math.max(attempt.lastAckAtMs, this.#clock.now() + this.#random.next() * this.options.ackMs)
    attempt.lastAckAtMs = atMs
    this.#clock.after(atMs - this.#clock.now(), () => {
      if (!attempt.over) attempt.stream.write(encode())
    })
  }
}
