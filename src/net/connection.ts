// One client's connection: bytes in, packets to its session, packets out, and the one place where a mistake of the client
// becomes an answer.
//
//   opening ──CONNECT (AUTH …)──► open ──DISCONNECT, error, silence──► closed
//
// Reasons to stop reading, kept apart by name; while there is one, nothing of this client is read or handled:
//   receiver  somebody this client publishes to does not keep up; ends when that one has read, or has been given up on
//   flash     the store is behind
//   access    a proof of who the client is is being checked, on another thread
// A receiver that does not read is "pressing" while its publishers wait, and "shedding" when it has made them wait too long:
// then its QoS 0 messages are dropped and counted until it reads again.
import type { Duplex } from 'node:stream'
import type { Access } from '../access/access.ts'
import type { Step } from '../access/exchange.ts'
import type { Clock } from '../clock.ts'
import type { ListenerLimits } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import type { Message } from '../message.ts'
import { encodeAuth, encodeConnack, encodeDisconnect } from '../mqtt/control.ts'
import { Decoder } from '../mqtt/decode.ts'
import { encodePublish, encodePublishFor, isAsItCame, publishSize, writePublish } from '../mqtt/encode.ts'
import { encodeAck, PINGRESP, writeAck } from '../mqtt/encode-ack.ts'
import type { ConnectPacket, Packet, ProtocolVersion } from '../mqtt/packet.ts'
import { ProtocolError, protocolError, Reason, type ReasonCode } from '../mqtt/reason.ts'
import { Slab } from '../mqtt/slab.ts'
import { OutboundAliases } from '../mqtt/outbound-alias.ts'
import type { TopicTable } from '../mqtt/topic.ts'
import type { Delivery } from '../journal/delivery.ts'
import type { Link } from '../session/link.ts'
import type { Session } from '../session/session.ts'
import type { Attached, Sessions } from '../session/sessions.ts'
import type { HeldBack, Pressing, Turn } from '../turn.ts'
import { Outbox } from '../session/outbox.ts'
import { Authentication } from './authentication.ts'

const slab = new Slab()
const NO_IDENTIFIERS: readonly number[] = []
/** After so many packets of one chunk the answers leave without waiting for its end: a publisher with a full window goes on meanwhile. */
const ANSWER_EARLY = 32
/** A receiver may make its publishers wait this long before its QoS 0 messages are dropped. */
const PATIENCE_MS = 1000
/** A client that is told why it is cut off gets this long to read it. */
const LINGER_MS = 1000

export interface ConnectionLimits extends ListenerLimits {
  readonly connectBytesMax: number
}

/** Why a connection is not read from: bits. */
const Hold = { receiver: 1, flash: 2, access: 4 } as const
type Hold = (typeof Hold)[keyof typeof Hold]

export interface ConnectionLog {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
}

export interface ConnectionDeps {
  readonly clock: Clock
  readonly turn: Turn
  readonly topics: TopicTable
  readonly counters: Counters
  readonly sessions: Sessions
  readonly access: Access
  /** The listener lets clients in that do not say who they are. */
  readonly anonymous: boolean
  readonly log: ConnectionLog
  readonly limits: ConnectionLimits
}

export class Connection implements Link, Pressing, HeldBack {
  readonly #deps: ConnectionDeps
  readonly #stream: Duplex
  readonly #peer: string
  readonly #decoder: Decoder
  readonly #outbox: Outbox
  readonly #onClosed: (connection: Connection) => void
  #state: 'opening' | 'open' | 'closed' = 'opening'
  #session: Session | null = null
  #aliases: OutboundAliases | null = null
  #authentication: Authentication | null = null
  /** Its CONNECT, while it proves who it is. */
  #proving: ConnectPacket | null = null
  #maximumPacketSize = Infinity
  #keepAliveMs = 0
  #openedAtMs: number
  #heardAtMs: number
  #holds = 0
  /** Publishers that wait for this client to read. */
  #waiting: HeldBack[] = []
  #pressingSinceMs = 0
  #shedding = false

  constructor(stream: Duplex, peer: string, deps: ConnectionDeps, onClosed: (connection: Connection) => void) {
    this.#stream = stream
    this.#peer = peer
    this.#deps = deps
    this.#onClosed = onClosed
    const { packetBytesMax, connectBytesMax, topicAliasMaximum } = deps.limits
    this.#decoder = new Decoder({ role: 'server', topics: deps.topics, packetBytesMax, connectBytesMax, topicAliasMaximum })
    this.#outbox = new Outbox(stream, deps.turn)
    this.#openedAtMs = this.#heardAtMs = deps.turn.nowMs
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    stream.on('drain', () => this.#onDrain())
    stream.on('error', (error) => this.#close(`connection failed: ${error.message}`))
    stream.on('end', () => this.#close('client closed the connection'))
    stream.on('close', () => this.#close('client closed the connection'))
  }

  get version(): ProtocolVersion {
    return this.#decoder.version === 0 ? 4 : this.#decoder.version
  }

  // ---- what a session sends

  get limits(): ConnectionLimits {
    return this.#deps.limits
  }

  get writable(): boolean {
    return this.#outbox.length < this.#pressMark
  }

  sendQos0(message: Message, retain: boolean, subscriptionIdentifiers: readonly number[]): void {
    const { limits, counters, turn } = this.#deps
    const length = this.#outbox.length
    if (length > this.#pressMark) {
      if (this.#shedding || length > limits.outputBytesMax) {
        counters.droppedSlowReader++
        return
      }
      turn.pressure = this
    }
    const { version } = this
    if (this.#maximumPacketSize !== Infinity && publishSize(message, version, 0, subscriptionIdentifiers) > this.#maximumPacketSize) {
      counters.droppedTooLarge++ // [MQTT-3.1.2-25]
      return
    }
    counters.publishSent++
    if (this.#aliases === null && subscriptionIdentifiers.length === 0) {
      if (isAsItCame(message, version, 0, retain)) {
        this.#outbox.append(message.bytes, message.wireStart, message.wireEnd)
        return
      }
      const encoded = encodePublish(message, version, 0, retain, turn.nowMs)
      this.#outbox.append(encoded.bytes, encoded.start, encoded.end)
    } else this.#sendComposed(message, 0, retain, false, 0, subscriptionIdentifiers)
  }

  sendPublish(delivery: Delivery, dup: boolean): boolean {
    const { message, qos, retain, packetIdentifier, subscriptionIdentifiers } = delivery
    const { version } = this
    if (this.#maximumPacketSize !== Infinity && publishSize(message, version, qos, subscriptionIdentifiers) > this.#maximumPacketSize) {
      this.#deps.counters.droppedTooLarge++ // [MQTT-3.1.2-25]
      return false
    }
    this.#deps.counters.publishSent++
    if (this.#aliases === null && subscriptionIdentifiers.length === 0) {
      writePublish(slab, message, version, qos as 1 | 2, retain, dup, packetIdentifier, delivery.fromFlash, this.#deps.turn.nowMs)
      this.#outbox.append(slab.bytes, slab.start, slab.end)
    } else this.#sendComposed(message, qos, retain, dup, packetIdentifier, subscriptionIdentifiers)
    return true
  }

  sendAck(type: 4 | 5 | 6 | 7, packetIdentifier: number, reason: number): void {
    if (reason === 0 || this.version !== 5) {
      writeAck(slab, type, packetIdentifier)
      this.#outbox.append(slab.bytes, slab.start, slab.end)
    } else this.send(encodeAck(5, type, packetIdentifier, reason))
  }

  send(packet: Buffer): void {
    this.#outbox.append(packet, 0, packet.length)
  }

  press(): void {
    if (!this.#shedding) this.#deps.turn.pressure = this
  }

  end(reason: ReasonCode, why: string): void {
    if (this.#state === 'closed') return
    if (this.#state === 'open' && this.version === 5) this.send(encodeDisconnect(5, { reason, reasonString: why, sizeMax: this.#maximumPacketSize }))
    this.#close(why)
  }

  // ---- back-pressure

  holdForFlash(): void {
    this.#hold(Hold.flash)
  }

  releaseForFlash(): void {
    this.#release(Hold.flash)
  }

  #hold(why: Hold): void {
    this.#holds |= why
    this.#stream.pause()
  }

  #release(why: Hold): void {
    if ((this.#holds & why) === 0) return
    this.#holds &= ~why
    if (this.#holds !== 0 || this.#state === 'closed') return
    this.#stream.resume()
    this.#process() // what was left of the chunk
  }

  get #pressMark(): number {
    return this.#deps.limits.outputBytesMax >> 2
  }

  holdBack(publisher: HeldBack): void {
    if (this.#state === 'closed') return
    if (this.#waiting.length === 0) this.#pressingSinceMs = this.#deps.turn.nowMs
    this.#waiting.push(publisher)
    publisher.holdForReceiver()
  }

  holdForReceiver(): void {
    this.#hold(Hold.receiver)
  }

  releaseForReceiver(): void {
    this.#release(Hold.receiver)
  }

  #releaseWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const publisher of waiting) publisher.releaseForReceiver()
  }

  #onDrain(): void {
    this.#outbox.drained()
    this.#shedding = false
    this.#session?.outgoing.pump()
    this.#releaseWaiting()
  }

  // ---- what the client sends

  #onData(chunk: Buffer): void {
    if (this.#state === 'closed') return
    this.#heardAtMs = this.#deps.turn.nowMs
    this.#deps.counters.bytesReceived += chunk.length
    this.#decoder.push(chunk)
    this.#process()
  }

  #process(): void {
    const { turn, counters } = this.#deps
    let handled = 0
    turn.pressure = null // what others published since (a will, a sensor) is not this client's to wait for
    try {
      while (this.#holds === 0 && this.#state !== 'closed') {
        const packet = this.#decoder.next(turn.nowMs)
        if (packet === null) return
        counters.packetsReceived++
        if (++handled % ANSWER_EARLY === 0) this.#outbox.write()
        if (this.#session === null) this.#opening(packet)
        else this.#handle(packet, this.#session)
        const receiver = turn.takePressure()
        if (receiver !== null && receiver !== this) receiver.holdBack(this)
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  #handle(packet: Packet, session: Session): void {
    switch (packet.type) {
      case 12:
        return this.send(PINGRESP)
      case 14: {
        if (packet.sessionExpirySec !== null && packet.sessionExpirySec > 0 && session.expirySec === 0) {
          throw new ProtocolError(Reason.protocolError, 'DISCONNECT raises a session expiry interval of 0') // section 3.14.2.2.2
        }
        this.#leave('client disconnected', packet.reason !== Reason.disconnectWithWill, packet.sessionExpirySec)
        return
      }
      case 15:
        if (this.#authentication === null) throw protocolError('AUTH without an authentication method in CONNECT') // [MQTT-4.12.0-7]
        this.#check(this.#authentication.onAuth(packet, true), (step) => this.#sendAuth(step, Reason.success)) // [MQTT-4.12.1-2]
        return
      default:
        session.handle(packet)
        if (this.#shedding || this.#waiting.length > 0) this.#relieve(session)
    }
  }

  /** Its acknowledgements may have brought the queue down: nobody has to wait any more. */
  #relieve(session: Session): void {
    if (!this.writable || session.pressing) return
    this.#shedding = false
    this.#releaseWaiting()
  }

  #opening(packet: Packet): void {
    if (packet.type === 1) {
      this.#maximumPacketSize = packet.maximumPacketSize
      const { access, anonymous } = this.#deps
      if (packet.authenticationMethod === null) {
        this.#enter(packet, access.userOf(packet.username, packet.password, anonymous), null)
        return
      }
      this.#authentication = new Authentication(access, packet.authenticationMethod)
      this.#proving = packet
      this.#check(this.#authentication.begin(packet.authenticationData), (step) => this.#enter(packet, step.username, step.data))
      return
    }
    const connect = this.#proving! // the decoder lets nothing else come first
    if (packet.type === 14) this.#close('client disconnected')
    else if (packet.type !== 15) throw protocolError(`packet of type ${packet.type} before CONNACK`) // [MQTT-3.1.2-30]
    else this.#check(this.#authentication!.onAuth(packet, false), (step) => this.#enter(connect, step.username, step.data))
  }

  /** Waits for a step of an authentication; `done` when it was the last one. Nothing is read meanwhile. */
  #check(step: Promise<Step>, done: (step: Step) => void): void {
    this.#hold(Hold.access)
    step
      .then((result) => {
        if (this.#state === 'closed') return
        if (result.username === null) this.#sendAuth(result, Reason.continueAuthentication) // [MQTT-4.12.0-2]
        else done(result)
      })
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#release(Hold.access))
  }

  #sendAuth({ data }: Step, reason: ReasonCode): void {
    this.send(encodeAuth({ reason, authenticationMethod: this.#authentication!.method, authenticationData: data, sizeMax: this.#maximumPacketSize }))
  }

  /** The client may come in. `proof`: what it gets to see that we know the secret too. */
  #enter(connect: ConnectPacket, username: string | null, proof: Buffer | null): void {
    const { limits, sessions, log } = this.#deps
    this.#proving = null
    const attached = sessions.attach(connect, this)
    const { session } = attached
    this.#session = session
    this.#state = 'open'
    this.#decoder.origin = session
    this.#keepAliveMs = connect.keepAliveSec * 1500 // [MQTT-3.1.2-22]
    if (connect.topicAliasMaximum > 0) this.#aliases = new OutboundAliases(Math.min(connect.topicAliasMaximum, limits.topicAliasMaximum))
    log.debug({ client: session.clientId, peer: this.#peer, user: username, version: connect.version, sessionPresent: attached.sessionPresent }, 'client connected')
    if (!attached.discarded) {
      this.#accept(connect, attached, proof)
      return
    }
    this.holdForFlash()
    sessions.whenDurable(() => {
      if (this.#state === 'closed') return
      this.#accept(connect, attached, proof)
      this.releaseForFlash()
    })
  }

  #accept(connect: ConnectPacket, { session, sessionPresent, assignedClientId }: Attached, proof: Buffer | null): void {
    const { limits } = this.#deps
    this.send(
      encodeConnack(connect.version, {
        reason: Reason.success, // [MQTT-3.1.4-5]
        sessionPresent,
        assignedClientId,
        sessionExpirySec: session.expirySec === connect.sessionExpirySec ? null : session.expirySec,
        receiveMaximum: limits.receiveMaximum,
        maximumPacketSize: limits.packetBytesMax,
        topicAliasMaximum: limits.topicAliasMaximum,
        authenticationMethod: connect.authenticationMethod, // [MQTT-4.12.0-5] [MQTT-4.12.0-6]
        authenticationData: proof,
        sizeMax: connect.maximumPacketSize,
      }),
    )
    session.attach(this, connect.receiveMaximum)
  }

  #sendComposed(message: Message, qos: 0 | 1 | 2, retain: boolean, dup: boolean, packetIdentifier: number, identifiers: readonly number[]): void {
    // A topic that gets its alias makes the packet longer: not beyond what the client takes [MQTT-3.1.2-24].
    const fits = this.#maximumPacketSize === Infinity || publishSize(message, this.version, qos, identifiers, 1) <= this.#maximumPacketSize
    const alias = fits ? (this.#aliases?.aliasOf(message.topic.name) ?? 0) : 0
    const sendTopic = alias >= 0
    const encoded = encodePublishFor(
      message, this.version, qos, retain, dup, packetIdentifier,
      this.version === 5 ? identifiers : NO_IDENTIFIERS, Math.abs(alias), sendTopic, this.#deps.turn.nowMs,
    )
    this.#outbox.append(encoded.bytes, encoded.start, encoded.end)
  }

  // ---- how it ends

  /** Called about once a second: silence, patience. */
  check(nowMs: number): void {
    if (this.#state === 'opening') {
      if (nowMs - this.#openedAtMs > this.#deps.limits.connectTimeoutMs) this.#close('no CONNECT in time')
      return
    }
    if (this.#keepAliveMs > 0 && nowMs - this.#heardAtMs > this.#keepAliveMs && this.#holds === 0) {
      this.#deps.counters.keepAliveTimeouts++
      this.end(Reason.keepAliveTimeout, 'nothing heard for one and a half keep-alive intervals')
      return
    }
    if (this.#waiting.length > 0 && nowMs - this.#pressingSinceMs > PATIENCE_MS) {
      this.#shedding = true
      this.#releaseWaiting()
    }
  }

  /** The one catch: the client's mistake is answered as its version can hear it. */
  #fail(error: unknown): void {
    if (!(error instanceof ProtocolError)) throw error
    this.#deps.counters.protocolErrors++
    if (this.#state === 'opening') {
      this.#deps.counters.connectionsRefused++
      // A CONNECT that is merely malformed gets no answer in 3.x; what can be refused by a return code does [MQTT-3.1.4-1].
      const answerable = this.#decoder.version === 5 || (error.reason !== Reason.malformedPacket && error.reason !== Reason.protocolError)
      if (answerable && this.#decoder.version !== 0) {
        this.send(encodeConnack(this.#decoder.version, { reason: error.reason, reasonString: error.message, sizeMax: this.#maximumPacketSize }))
      } else if (error.reason === Reason.unsupportedProtocolVersion) this.send(encodeConnack(5, { reason: error.reason })) // [MQTT-3.1.2-2]
      this.#close(error.message)
    } else this.end(error.reason, error.message)
  }

  #close(why: string): void {
    this.#leave(why, false, null)
  }

  #leave(why: string, clean: boolean, expirySec: number | null): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    const { sessions, log, clock, counters } = this.#deps
    this.#outbox.write()
    this.#outbox.close()
    counters.bytesSent += this.#outbox.sent
    this.#stream.end()
    // A peer that reads nothing would keep the socket for ever.
    const linger = clock.after(LINGER_MS, () => this.#stream.destroy())
    this.#stream.once('close', () => linger.cancel())
    this.#stream.resume() // what still comes is read and thrown away, or the close would never be seen
    const session = this.#session
    log.debug({ client: session?.clientId, peer: this.#peer, why }, 'connection ended')
    this.#releaseWaiting()
    this.#onClosed(this)
    if (session !== null && session.link === this) sessions.detach(session, this.version, clean, expirySec)
  }
}
