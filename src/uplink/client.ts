// One connection to a cloud broker, from dialling to its end: the client's side of MQTT 3.1.1 and 5.0. Made anew for every attempt.
//
//   dial ─► CONNECT ─► CONNACK ─► SUBSCRIBE (routes in) ─► messages both ways ─► end
//
// What lives here: the socket, the handshake, keep-alive. What outlives it (queue, packet identifiers, what was received) is the
// uplink's. Every step has a deadline; the end is told exactly once.
import { connect as dialTcp, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../clock.ts'
import type { UplinkConfig } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import { makeMessage, type Message, type QoS } from '../message.ts'
import { encodeConnect, encodeDisconnect, encodeSubscribe } from '../mqtt/control.ts'
import { Decoder } from '../mqtt/decode.ts'
import { encodePublish, encodePublishFor, publishSize, writePublish } from '../mqtt/encode.ts'
import { encodeAck, PINGREQ, writeAck } from '../mqtt/encode-ack.ts'
import { OutboundAliases } from '../mqtt/outbound-alias.ts'
import type { ConnackPacket, Packet, PublishPacket, Subscription } from '../mqtt/packet.ts'
import { ProtocolError, Reason } from '../mqtt/reason.ts'
import { Slab } from '../mqtt/slab.ts'
import type { TopicTable } from '../mqtt/topic.ts'
import { Outbox } from '../session/outbox.ts'
import type { Incoming } from '../session/incoming.ts'
import type { Outgoing, Transport } from '../session/outgoing.ts'
import type { Delivery } from '../journal/delivery.ts'
import type { HeldBack, Turn } from '../turn.ts'

const slab = new Slab()
/** Bytes the kernel has not taken before no more is taken from the queue: what is in the socket cannot be put back. */
const OUTPUT_BYTES_MAX = 256 * 1024
/** The cloud keeps our session this long while we are away. */
const SESSION_EXPIRY_SEC = 30 * 24 * 3600
const RECEIVE_MAXIMUM = 100
const TOPIC_ALIAS_MAXIMUM = 32
/** After a message could not be kept: time to drain, which makes room, before a new connection asks for it again. */
const WITHHELD_MS = 10_000
const ONLINE = 'online'
const OFFLINE = 'offline'
const SUBSCRIBE_IDENTIFIER = 0xffff // never a message's: see session/outgoing.ts

export interface ClientDeps {
  readonly clock: Clock
  readonly turn: Turn
  readonly topics: TopicTable
  readonly counters: Counters
  /** Opens the connection; default: TCP or TLS. */
  readonly dial?: ((config: UplinkConfig) => Duplex) | undefined
}

/** What the uplink does with what comes; every method is called from the socket's events. */
export interface ClientOwner {
  readonly outgoing: Outgoing
  readonly incoming: Incoming
  /** The message as it goes out, under its remote topic; null when no route wants it any more. */
  outbound(message: Message, subscriptionIdentifiers: readonly number[]): Message | null
  onAccepted(connack: ConnackPacket): void
  onPublish(packet: PublishPacket): void
  /** The remote has a message for good. */
  onAcknowledged(): void
  /** The remote refused a message that it was sent. */
  onRejected(reason: number): void
  onSubscribed(refused: readonly string[]): void
  /** The connection is over; `why` is a sentence for the operator. */
  onEnd(why: string): void
}

export interface ClientOptions {
  readonly config: UplinkConfig
  readonly packetBytesMax: number
  readonly subscriptions: readonly Subscription[]
  readonly traffic: Traffic
}

/** What went over the link: MQTT's bytes, without those of TLS and TCP. Counted over all connections of an uplink. */
export interface Traffic {
  bytesSent: number
  bytesReceived: number
}

export class UplinkClient implements Transport, HeldBack {
  readonly #owner: ClientOwner
  readonly #deps: ClientDeps
  readonly #options: ClientOptions
  readonly #socket: Duplex
  readonly #decoder: Decoder
  readonly #outbox: Outbox
  #phase: 'dialling' | 'connecting' | 'up' | 'over' = 'dialling'
  #deadline: Timer
  #aliases: OutboundAliases | null = null
  #maximumPacketSize = Infinity
  #maximumQos: QoS = 2
  #retainAvailable = true
  #keepAliveMs: number
  #heardAtMs = 0
  #sentAtMs = 0
  #pingAtMs = -1
  #retry: Timer | null = null
  #holdReceiver = false
  #holdFlash = false

  constructor(owner: ClientOwner, deps: ClientDeps, options: ClientOptions) {
    this.#owner = owner
    this.#deps = deps
    this.#options = options
    const { config } = options
    this.#keepAliveMs = config.links[0]!.keepAlive.minSec * 1000
    this.#socket = (deps.dial ?? dial)(config)
    this.#decoder = new Decoder({
      role: 'client',
      topics: deps.topics,
      packetBytesMax: options.packetBytesMax,
      connectBytesMax: options.packetBytesMax,
      topicAliasMaximum: config.version === 5 ? TOPIC_ALIAS_MAXIMUM : 0,
    })
    this.#decoder.version = config.version
    this.#decoder.origin = owner
    this.#outbox = new Outbox(this.#socket, deps.turn, options.traffic)
    this.#deadline = deps.clock.after(config.connectTimeoutMs, () => this.#over(this.#timeoutText()))
    this.#socket.once(config.tls ? 'secureConnect' : 'connect', () => this.#onDialled())
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    this.#socket.on('drain', () => {
      this.#outbox.drained()
      owner.outgoing.pump()
    })
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#over(dialError(error, config)))
    this.#socket.on('close', () => this.#over(`${config.host} closed the connection`))
  }

  get up(): boolean {
    return this.#phase === 'up'
  }

  /** Says goodbye, so that the remote does not publish our will, and ends. */
  stop(): void {
    if (this.#phase === 'up') {
      this.#publishState(OFFLINE) // a normal end takes the will with it
      this.#sendPacket(encodeDisconnect(this.#options.config.version, { reason: Reason.normalDisconnection }))
    }
    this.#over('stopped')
  }

  /** Tells the remote whether this gateway is connected, past the queue: it is about now. */
  #publishState(state: string): void {
    const { stateTopic } = this.#options.config
    if (stateTopic !== null) this.#publish(makeMessage(stateTopic, state), 0, true, false, 0)
  }

  // ---- Transport

  get writable(): boolean {
    return this.#phase === 'up' && this.#outbox.length < OUTPUT_BYTES_MAX
  }

  sendPublish(delivery: Delivery, dup: boolean): boolean {
    const message = this.#owner.outbound(delivery.message, delivery.subscriptionIdentifiers)
    if (message === null) return false
    // [MQTT-3.2.2-11] what the remote cannot take at this QoS goes at the one it can
    if (delivery.qos > this.#maximumQos) delivery.qos = this.#maximumQos
    return this.#publish(message, delivery.qos, delivery.retain, dup, delivery.packetIdentifier) && delivery.qos > 0
  }

  /** At most once: false when it cannot go now. */
  sendQos0(message: Message, retain: boolean, subscriptionIdentifiers: readonly number[]): boolean {
    if (!this.writable) return false
    const remote = this.#owner.outbound(message, subscriptionIdentifiers)
    return remote !== null && this.#publish(remote, 0, retain, false, 0)
  }

  sendAck(type: 4 | 5 | 6 | 7, packetIdentifier: number, reason: number): void {
    this.#sentAtMs = this.#deps.turn.nowMs
    if (reason === 0 || this.#options.config.version !== 5) {
      writeAck(slab, type, packetIdentifier)
      this.#outbox.append(slab.bytes, slab.start, slab.end)
    } else this.#sendPacket(encodeAck(5, type, packetIdentifier, reason))
  }

  #publish(message: Message, qos: QoS, asksRetain: boolean, dup: boolean, packetIdentifier: number): boolean {
    const { version } = this.#options.config
    const retain = asksRetain && this.#retainAvailable // [MQTT-3.2.2-14]
    const { nowMs } = this.#deps.turn
    if (publishSize(message, version, qos) > this.#maximumPacketSize) {
      this.#deps.counters.droppedTooLarge++
      return false
    }
    this.#sentAtMs = nowMs
    // A topic that gets its alias makes the packet longer: not beyond what the remote takes [MQTT-3.2.2-15].
    if (this.#aliases !== null && publishSize(message, version, qos, [], 1) <= this.#maximumPacketSize) {
      const alias = this.#aliases.aliasOf(message.topic.name)
      const encoded = encodePublishFor(message, version, qos, retain, dup, packetIdentifier, [], Math.abs(alias), alias >= 0, nowMs)
      this.#outbox.append(encoded.bytes, encoded.start, encoded.end)
      return true
    }
    if (qos === 0) {
      const encoded = encodePublish(message, version, 0, retain, nowMs)
      this.#outbox.append(encoded.bytes, encoded.start, encoded.end)
    } else {
      writePublish(slab, message, version, qos, retain, dup, packetIdentifier, true, nowMs)
      this.#outbox.append(slab.bytes, slab.start, slab.end)
    }
    return true
  }

  #sendPacket(packet: Buffer): void {
    this.#sentAtMs = this.#deps.turn.nowMs
    this.#outbox.append(packet, 0, packet.length)
  }

  // ---- the handshake

  #onDialled(): void {
    if (this.#phase !== 'dialling') return
    this.#phase = 'connecting'
    const { config, packetBytesMax } = this.#options
    const v5 = config.version === 5
    this.#sendPacket(
      encodeConnect(config.version, {
        clientId: config.clientId,
        clean: false, // what was in flight goes on where it was
        keepAliveSec: config.links[0]!.keepAlive.minSec,
        username: config.username,
        password: config.password,
        will: config.stateTopic === null ? null : { topic: config.stateTopic, payload: OFFLINE, retain: true },
        sessionExpirySec: v5 ? SESSION_EXPIRY_SEC : null,
        receiveMaximum: v5 ? RECEIVE_MAXIMUM : null,
        maximumPacketSize: v5 ? packetBytesMax : null,
        topicAliasMaximum: v5 ? TOPIC_ALIAS_MAXIMUM : null,
      }),
    )
  }

  #onConnack(connack: ConnackPacket): void {
    const { config, subscriptions } = this.#options
    if (connack.reason !== 0) {
      this.#over(refusal(connack, config))
      return
    }
    this.#phase = 'up'
    this.#deadline.cancel()
    this.#maximumPacketSize = connack.maximumPacketSize
    this.#maximumQos = connack.maximumQos
    this.#retainAvailable = connack.retainAvailable
    if (connack.serverKeepAliveSec !== null) this.#keepAliveMs = connack.serverKeepAliveSec * 1000 // [MQTT-3.2.2-21]
    if (connack.topicAliasMaximum > 0) this.#aliases = new OutboundAliases(connack.topicAliasMaximum)
    this.#watch()
    this.#owner.onAccepted(connack)
    this.#publishState(ONLINE)
    if (subscriptions.length > 0) this.#sendPacket(encodeSubscribe(config.version, { packetIdentifier: SUBSCRIBE_IDENTIFIER, subscriptions }))
    // A reason code would make the remote throw the message away: what cannot be kept here now stays there.
    this.#owner.incoming.attach(this, false, () => {
      this.#retry = this.#deps.clock.after(WITHHELD_MS, () => this.#over('the store is full: what the remote sent could not be kept'))
    })
    this.#owner.outgoing.attach(this, Math.min(connack.receiveMaximum, config.inflightMax)) // [MQTT-3.3.4-7]
  }

  // ---- packets

  #onData(chunk: Buffer): void {
    if (this.#phase === 'over') return
    this.#options.traffic.bytesReceived += chunk.length
    this.#heardAtMs = this.#deps.turn.nowMs
    this.#pingAtMs = -1
    this.#decoder.push(chunk)
    this.#process()
  }

  #process(): void {
    const { turn } = this.#deps
    turn.pressure = null
    try {
      while (!this.#holdReceiver && !this.#holdFlash && this.#phase !== 'over') {
        const packet = this.#decoder.next(turn.nowMs)
        if (packet === null) return
        this.#onPacket(packet)
        turn.takePressure()?.holdBack(this)
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      if (this.#options.config.version === 5 && this.#phase === 'up') this.#sendPacket(encodeDisconnect(5, { reason: error.reason }))
      this.#over(`${this.#options.config.host} sent what it must not: ${error.message}`)
    }
  }

  #onPacket(packet: Packet): void {
    const { outgoing, incoming } = this.#owner
    if (this.#phase === 'connecting') {
      if (packet.type !== 2) throw new ProtocolError(Reason.protocolError, 'the first packet is not CONNACK') // [MQTT-3.2.0-1]
      this.#onConnack(packet)
      return
    }
    switch (packet.type) {
      case 3:
        return this.#onPublish(packet)
      case 4:
        if (packet.reason >= 0x80) this.#owner.onRejected(packet.reason)
        else this.#owner.onAcknowledged()
        return outgoing.onPuback(packet.packetIdentifier)
      case 5:
        if (packet.reason >= 0x80) this.#owner.onRejected(packet.reason)
        return outgoing.onPubrec(packet.packetIdentifier, packet.reason)
      case 6:
        return incoming.onPubrel(packet.packetIdentifier)
      case 7:
        this.#owner.onAcknowledged()
        return outgoing.onPubcomp(packet.packetIdentifier)
      case 9: {
        const refused = this.#options.subscriptions.filter((_, i) => (packet.reasons[i] ?? 0x80) >= 0x80).map((s) => s.filter)
        return this.#owner.onSubscribed(refused)
      }
      case 13:
        return
      case 14:
        return this.#over(`${this.#options.config.host} ended the connection with reason 0x${packet.reason.toString(16)}${packet.reasonString === null ? '' : ` (${packet.reasonString})`}`)
      default:
        throw new ProtocolError(Reason.protocolError, `packet type ${packet.type} is not for a client`)
    }
  }

  #onPublish(packet: PublishPacket): void {
    const { incoming } = this.#owner
    // What follows a message that could not be kept must not overtake it: both come again, in order.
    if (!incoming.withholds || packet.message.qos === 0) this.#owner.onPublish(packet)
    // A 3.1.1 remote knows no Receive Maximum: it is not read from until flash has caught up.
    if (incoming.waitingForFlash < RECEIVE_MAXIMUM) return
    this.#holdFlash = true
    this.#socket.pause()
    incoming.onDrained(() => {
      this.#holdFlash = false
      this.#goOn()
    })
  }

  /** A local client does not keep up with what comes from here. */
  holdForReceiver(): void {
    this.#holdReceiver = true
    this.#socket.pause()
  }

  releaseForReceiver(): void {
    this.#holdReceiver = false
    this.#goOn()
  }

  #goOn(): void {
    if (this.#holdReceiver || this.#holdFlash || this.#phase === 'over') return
    this.#socket.resume()
    this.#process() // what was left of the chunk
  }

  // ---- keep-alive (section 3.1.2.10): a ping when nothing was sent, the end when nothing answers

  #watch(): void {
    if (this.#keepAliveMs === 0) return
    this.#deadline = this.#deps.clock.after(this.#keepAliveMs / 4, () => {
      const nowMs = this.#deps.clock.now()
      if (this.#pingAtMs >= 0 && nowMs - this.#pingAtMs > this.#keepAliveMs / 2) {
        this.#over(`${this.#options.config.host} does not answer any more`)
        return
      }
      if (this.#pingAtMs < 0 && nowMs - Math.min(this.#sentAtMs, this.#heardAtMs) >= this.#keepAliveMs * 0.7) {
        this.#pingAtMs = nowMs
        this.#sendPacket(PINGREQ)
      }
      this.#watch()
    })
  }

  #timeoutText(): string {
    const { host, port, connectTimeoutMs } = this.#options.config
    const step = this.#phase === 'dialling' ? 'does not answer' : 'took the connection but sent no CONNACK'
    return `${host}:${port} ${step} within ${connectTimeoutMs / 1000} s`
  }

  #over(why: string): void {
    if (this.#phase === 'over') return
    const wasUp = this.#phase === 'up'
    this.#phase = 'over'
    this.#deadline.cancel()
    this.#retry?.cancel()
    if (wasUp) this.#outbox.write() // a DISCONNECT that says why
    this.#outbox.close()
    if (wasUp) this.#socket.end()
    // A name that is being looked up or a handshake that hangs is left behind; nothing waits for it.
    if (wasUp) this.#deps.clock.after(1000, () => this.#socket.destroy())
    else this.#socket.destroy()
    this.#owner.incoming.detach()
    this.#owner.outgoing.detach()
    this.#owner.onEnd(why)
  }
}

function dial(config: UplinkConfig): Duplex {
  const { host, port } = config
  if (!config.tls) return dialTcp({ host, port, noDelay: true })
  const { ca, servername } = config.tlsOptions
  const name = servername ?? (isIP(host) === 0 ? host : null) // an address is no server name (RFC 6066 section 3)
  // Loaded by the first TLS uplink: it takes 6 MB that a site without one keeps.
  return process.getBuiltinModule('node:tls').connect({ host, port, ...(name === null ? {} : { servername: name }), minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca }) })
}

function dialError(error: NodeJS.ErrnoException, config: UplinkConfig): string {
  const where = `${config.host}:${config.port}`
  switch (error.code) {
    case 'ECONNREFUSED':
      return `nothing listens at ${where}`
    case 'ENOTFOUND':
      return `the name ${config.host} does not exist`
    case 'EAI_AGAIN':
      return `no name server answers for ${config.host}`
    case 'ETIMEDOUT':
      return `${where} does not answer`
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `no network path to ${where}`
    default:
      return `${where}: ${error.message}`
  }
}

function refusal(connack: ConnackPacket, config: UplinkConfig): string {
  const texts: Record<number, string> =
    config.version === 5
      ? { 0x84: 'it does not speak MQTT 5 (set version: 4)', 0x85: 'it does not accept this clientId', 0x86: 'wrong username or password', 0x87: 'not authorized' }
      : { 1: 'it does not speak MQTT 3.1.1', 2: 'it does not accept this clientId', 4: 'wrong username or password', 5: 'not authorized' }
  return `${config.host} refused the connection: ${texts[connack.reason] ?? connack.reasonString ?? `reason ${connack.reason}`}`
}
