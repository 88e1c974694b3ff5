// One client's connection: bytes in, packets to its session, packets out, and the one place where a mistake of the client
// becomes an answer.
//
//   opening ──CONNECT (AUTH …)──► open ──DISCONNECT, error, silence──► closed
//
// Reasons to stop reading, kept apart by name; while there is one, nothing of this client is read or handled:
//   receiver  somebody this client publishes to does not keep up; ends when that one has read, or has been given up on
//   flash     the store is behind
//   access    a proof of who the client is is being checked, on another thread
//   rate      it has published as often as it may in a second
//   retained  what it has subscribed to is being looked for among the retained messages
// A receiver that does not read is "pressing" while its publishers wait, and "shedding" when it has made them wait too long:
// then its QoS 0 messages are dropped and counted until it reads again.
import type { Duplex } from 'node:stream'
import type { Access } from '../access/access.ts'
import type { Step } from '../access/exchange.ts'
import type { Clock } from '../clock.ts'
import type { ListenerLimits } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import type { Message } from '../message.ts'
import { encodeAuth, encodeDisconnect, encodeRefusal } from '../mqtt/control.ts'
import { Decoder } from '../mqtt/decode.ts'
import { PINGRESP } from '../mqtt/encode-ack.ts'
import type { ConnectPacket, Packet, ProtocolVersion } from '../mqtt/packet.ts'
import { LimitExceeded, ProtocolError, protocolError, Reason, type ReasonCode } from '../mqtt/reason.ts'
import type { TopicTable } from '../mqtt/topic.ts'
import type { Delivery } from '../journal/delivery.ts'
import type { Link } from '../session/link.ts'
import type { Session } from '../session/session.ts'
import type { Attached, Sessions } from '../session/sessions.ts'
import type { HeldBack, Pressing, Turn } from '../turn.ts'
import { Outbox } from '../session/outbox.ts'
import { Authentication } from './authentication.ts'
import type { Complaints } from './complaints.ts'
import type { Peer } from './peer.ts'
import { checkRoomForWelcome, encodeWelcome, keepAliveSecOf } from './connack.ts'
import { PacketWriter } from './packet-writer.ts'
import { SlidingWindow } from './rate.ts'

/** After so many packets of one chunk the answers leave without waiting for its end: a publisher with a full window goes on meanwhile. */
const ANSWER_EARLY = 32
/** More than answers: messages leave in larger writes. */
const ANSWERS_BYTES_MAX = 2048
/** A receiver may make its publishers wait this long before its QoS 0 messages are dropped. */
const PATIENCE_MS = 1000
/** A client that is told why it is cut off gets this long to read it. */
const LINGER_MS = 1000
const PUBLISH_WINDOW_MS = 1000
/** Answers that may wait in the output behind all that its limits allow: those of 65,535 messages in flight are half of it. */
const ANSWER_BYTES_MAX = 512 * 1024

/** Why a connection is not read from: bits. */
const Hold = { receiver: 1, flash: 2, access: 4, rate: 8, retained: 16 } as const
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
  readonly complaints: Complaints
  readonly limits: ListenerLimits
}

export class Connection implements Link, Pressing, HeldBack {
  readonly #deps: ConnectionDeps
  readonly #stream: Duplex
  readonly peer: Peer
  readonly #decoder: Decoder
  readonly #outbox: Outbox
  readonly #writer: PacketWriter
  readonly #onClosed: (connection: Connection) => void
  #state: 'opening' | 'open' | 'closed' = 'opening'
  #session: Session | null = null
  #authentication: Authentication | null = null
  /** Its CONNECT, while it proves who it is. */
  #proving: ConnectPacket | null = null
  /** Its CONNECT asked for a session expiry interval of 0. */
  #endsWithConnection = false
  #keepAliveMs = 0
  #heardAtMs: number
  #holds = 0
  /** How often it has published; null where that has no limit. */
  readonly #publishRate: SlidingWindow | null
  /** Publishers that wait for this client to read. */
  #waiting: HeldBack[] = []
  #pressingSinceMs = 0
  #shedding = false

  constructor(stream: Duplex, peer: Peer, deps: ConnectionDeps, onClosed: (connection: Connection) => void) {
    this.#stream = stream
    this.peer = peer
    this.#deps = deps
    this.#onClosed = onClosed
    const { connectBytesMax, topicAliasMaximum, publishesPerSecondMax } = deps.limits
    // Until the client is let in, all its packets have to be as small as a CONNECT.
    this.#decoder = new Decoder({ role: 'server', topics: deps.topics, packetBytesMax: connectBytesMax, connectBytesMax, topicAliasMaximum })
    this.#publishRate = publishesPerSecondMax === Infinity ? null : new SlidingWindow(publishesPerSecondMax, PUBLISH_WINDOW_MS)
    this.#outbox = new Outbox(stream, deps.turn, deps.counters)
    this.#writer = new PacketWriter(this.#outbox, deps.turn, deps.counters)
    this.#heardAtMs = deps.turn.nowMs
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    stream.on('drain', () => this.#onDrain())
    stream.on('error', (error) => this.#close(`connection failed: ${error.message}`))
    stream.on('end', () => this.#close('client closed the connection'))
    stream.on('close', () => this.#close('client closed the connection'))
  }

  get version(): ProtocolVersion {
    return this.#writer.version
  }

  // ---- what a session sends

  get limits(): ListenerLimits {
    return this.#deps.limits
  }

  get maximumPacketSize(): number {
    return this.#writer.maximumPacketSize
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
    this.#writer.publishQos0(message, retain, subscriptionIdentifiers)
  }

  sendPublish(delivery: Delivery, dup: boolean): boolean {
    return this.#writer.publish(delivery, dup)
  }

  sendAck(type: 4 | 5 | 6 | 7, packetIdentifier: number, reason: number): void {
    this.#writer.acknowledge(type, packetIdentifier, reason)
  }

  send(packet: Buffer): void {
    this.#writer.packet(packet)
  }

  press(): void {
    if (!this.#shedding) this.#deps.turn.pressure = this
  }

  end(reason: ReasonCode, why: string): void {
    if (this.#state === 'closed') return
    if (this.#state === 'open' && this.version === 5) this.send(encodeDisconnect(5, { reason, reasonString: why, sizeMax: this.maximumPacketSize }))
    this.#close(why)
  }

  // ---- back-pressure

  holdForFlash(): void {
    this.#hold(Hold.flash)
  }

  releaseForFlash(): void {
    this.#release(Hold.flash)
  }

  holdForRetained(): void {
    this.#hold(Hold.retained)
  }

  releaseForRetained(): void {
    this.#release(Hold.retained)
  }

  #hold(why: Hold): void {
    this.#holds |= why
    if (this.#state !== 'closed') this.#stream.pause()
  }

  #release(why: Hold): void {
    if ((this.#holds & why) === 0) return
    this.#holds &= ~why
    if (this.#holds !== 0 || this.#state === 'closed') return
    this.#heardAtMs = this.#deps.turn.nowMs // that it was not heard was our doing
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
    const { outputBytesMax, packetBytesMax } = this.#deps.limits
    if (this.#outbox.length > outputBytesMax + packetBytesMax + ANSWER_BYTES_MAX) this.#endUnread()
  }

  #endUnread(): void {
    if (this.#state === 'closed') return
    this.#deps.counters.refusedUnread++
    this.end(Reason.quotaExceeded, 'the client does not read its answers')
  }

  #process(): void {
    const { turn, counters } = this.#deps
    let handled = 0
    turn.pressure = null // what others published since (a will, a sensor) is not this client's to wait for
    try {
      while (this.#holds === 0 && this.#state !== 'closed') { // [MQTT-3.1.4-6]
        const packet = this.#decoder.next(turn.nowMs)
        if (packet === null) return
        counters.packetsReceived++
        if (++handled % ANSWER_EARLY === 0 && this.#outbox.length < ANSWERS_BYTES_MAX) this.#outbox.write()
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
        return this.send(PINGRESP) // [MQTT-3.12.4-1]
      case 14: {
        if (packet.sessionExpirySec !== null && packet.sessionExpirySec > 0 && this.#endsWithConnection) {
          throw new ProtocolError(Reason.protocolError, 'DISCONNECT raises a session expiry interval of 0') // section 3.14.2.2.2
        }
        this.#leave('client disconnected', packet.reason === Reason.normalDisconnection, packet.sessionExpirySec)
        return
      }
      case 15:
        if (this.#authentication === null) throw protocolError('AUTH without an authentication method in CONNECT') // [MQTT-4.12.0-7]
        this.#check(this.#authentication.onAuth(packet, true), (step) => this.#sendAuth(step, Reason.success)) // [MQTT-4.12.1-2]
        return
      default:
        session.handle(packet)
        if (this.#publishRate !== null && (packet.type === 3 || packet.type === 0)) this.#pace(this.#publishRate)
        if (this.#shedding || this.#waiting.length > 0) this.#relieve(session)
    }
  }

  /** Counts a message of the client. When as many have come as may, the next one waits. */
  #pace(rate: SlidingWindow): void {
    const { turn, counters } = this.#deps
    rate.take(turn.nowMs)
    if (rate.waitMs(turn.nowMs) === 0) return
    counters.delayedPublishRate++
    this.#hold(Hold.rate)
    this.#awaitRate(rate)
  }

  #awaitRate(rate: SlidingWindow): void {
    const { clock } = this.#deps
    const waitMs = rate.waitMs(clock.now())
    if (waitMs === 0) this.#release(Hold.rate)
    else clock.after(Math.ceil(waitMs), () => this.#awaitRate(rate))
  }

  /** Its acknowledgements may have brought the queue down: nobody has to wait any more. */
  #relieve(session: Session): void {
    if (!this.writable || session.pressing) return
    this.#shedding = false
    this.#releaseWaiting()
  }

  #opening(packet: Packet): void {
    if (packet.type === 1) {
      this.#deps.counters.connectReceived++
      const { access, anonymous, limits } = this.#deps
      this.#writer.fit(packet, limits.topicAliasMaximum)
      this.#endsWithConnection = packet.sessionExpirySec === 0
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
    this.send(encodeAuth({ reason, authenticationMethod: this.#authentication!.method, authenticationData: data }))
  }

  /** The client may come in. `proof`: what it gets to see that we know the secret too. */
  #enter(connect: ConnectPacket, username: string | null, proof: Buffer | null): void {
    const { limits, sessions, counters, log } = this.#deps
    this.#proving = null
    checkRoomForWelcome(connect, limits, proof)
    const attached = sessions.attach(connect, this)
    const { session } = attached
    this.#session = session
    this.#decoder.origin = session
    this.#decoder.packetBytesMax = limits.packetBytesMax
    const keepAliveSec = keepAliveSecOf(connect, limits)
    this.#keepAliveMs = keepAliveSec * 1500 // [MQTT-3.1.2-22]
    if (keepAliveSec !== connect.keepAliveSec) counters.keepAlivesShortened++
    log.debug({ client: session.clientId, peer: this.peer.name, transport: this.peer.transport, user: username, version: connect.version, sessionPresent: attached.sessionPresent }, 'client connected')
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
    this.#state = 'open' // until now nothing but AUTH could be sent [MQTT-3.2.0-1] [MQTT-3.2.0-2] [MQTT-3.14.0-1]
    this.send(encodeWelcome(connect, this.#deps.limits, { sessionPresent, assignedClientId, sessionExpirySec: session.expirySec, proof }))
    session.attach(this, connect.receiveMaximum)
  }

  // ---- how it ends

  /** Called about once a second: silence, patience. */
  check(nowMs: number): void {
    if (this.#state === 'opening') {
      // One that has its session has said all there is to say: it waits for flash, and so for us.
      if (this.#session !== null || nowMs - this.peer.acceptedAtMs <= this.#deps.limits.connectTimeoutMs) return
      this.#deps.counters.connectTimeouts++
      this.#close('no CONNECT in time')
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

  /** The one catch: the client's mistake is answered as its version can hear it [MQTT-4.13.2-1]. */
  #fail(error: unknown): void {
    if (!(error instanceof ProtocolError)) throw error
    this.#deps.counters.protocolErrors++
    this.#countLimit(error)
    const clientId = this.#session?.clientId ?? this.#proving?.clientId ?? null
    this.#deps.complaints.note({ clientId, peer: this.peer.name, reason: error.reason, offset: this.#decoder.packetOffset, why: error.message })
    if (this.#state === 'opening') {
      this.#deps.counters.connectionsRefused++
      const refusal = encodeRefusal(error, this.#decoder.version, this.maximumPacketSize)
      if (refusal !== null) this.send(refusal) // [MQTT-3.1.4-1]
      this.#close(error.message) // [MQTT-3.2.2-7]
    } else this.end(error.reason, error.message)
  }

  #countLimit(error: ProtocolError): void {
    const { counters } = this.#deps
    if (error instanceof LimitExceeded) counters[error.counter]++
    else if (error.reason === Reason.packetTooLarge) counters[this.#state === 'opening' ? 'refusedConnectSize' : 'refusedPacketSize']++
  }

  #close(why: string): void {
    this.#leave(why, false, null)
  }

  #leave(why: string, clean: boolean, expirySec: number | null): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    const { sessions, log, clock } = this.#deps
    this.#outbox.write()
    this.#outbox.close() // [MQTT-3.14.4-1]
    this.#stream.end() // [MQTT-3.14.4-2]
    // A peer that reads nothing would keep the socket for ever.
    const linger = clock.after(LINGER_MS, () => this.#stream.destroy())
    this.#stream.once('close', () => linger.cancel())
    this.#stream.resume() // what still comes is read and thrown away, or the close would never be seen
    const session = this.#session
    log.debug({ client: session?.clientId, peer: this.peer.name, why }, 'connection ended')
    this.#releaseWaiting()
    this.#onClosed(this)
    if (session !== null && session.link === this) sessions.detach(session, this.version, clean, expirySec)
  }
}
