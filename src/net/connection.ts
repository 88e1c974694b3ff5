// One client's connection: bytes in, packets to its session, packets out, and the one place where a mistake of the client
// becomes an answer.
//
//   opening ──CONNECT (AUTH …)──► open ──DISCONNECT, error, silence──► closed
// Why it is not read from for a while: holds.ts. How long it may make others wait: patience.ts.
import type { Duplex } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import type { Access, Door } from '../access/access.ts'
import type { Step } from '../access/exchange.ts'
import type { Identity } from '../access/identity.ts'
import type { Clock } from '../clock.ts'
import type { ListenerLimits } from '../config/config.ts'
import type { Counters } from '../counters.ts'
import type { Message } from '../message.ts'
import { encodeAuth, encodeDisconnect, encodeRefusal } from '../mqtt/control.ts'
import { Decoder } from '../mqtt/decode.ts'
import { PINGRESP } from '../mqtt/encode-ack.ts'
import type { ConnectPacket, Packet, ProtocolVersion } from '../mqtt/packet.ts'
import { LimitExceeded, LoginRefused, ProtocolError, protocolError, Reason, type ReasonCode } from '../mqtt/reason.ts'
import type { Delivery } from '../journal/delivery.ts'
import type { Link, LinkFacts } from '../session/link.ts'
import type { Session } from '../session/session.ts'
import { type Attached, clientIdFor } from '../session/sessions.ts'
import type { Tenant, Tenants } from '../session/tenants.ts'
import type { HeldBack, Pressing, Turn } from '../turn.ts'
import { Outbox } from '../session/outbox.ts'
import type { Complaints } from './complaints.ts'
import { checkRoomForWelcome, encodeWelcome, keepAliveSecOf } from './connack.ts'
import { Hold, Holds } from './holds.ts'
import { Login } from './login.ts'
import type { Peer } from './peer.ts'
import { PacketWriter } from './packet-writer.ts'
import { Pace } from './pace.ts'
import { Patience } from './patience.ts'

/** Silence of one and a half times the keep alive ends a connection. */
const KEEP_ALIVE_MS_OF_SEC = 1500
/** After so many packets of one chunk the answers leave without waiting for its end: a publisher with a full window goes on meanwhile. */
const ANSWER_EARLY = 32
/** More than answers: messages leave in larger writes. */
const ANSWERS_BYTES_MAX = 2048
/** A client that is told why it is cut off gets this long to read it. */
const LINGER_MS = 1000
/** Answers that may wait in the output behind all that its limits allow: those of 65,535 messages in flight are half of it. */
const ANSWER_BYTES_MAX = 512 * 1024

export interface ConnectionLog {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
}

export interface ConnectionDeps {
  readonly clock: Clock
  readonly turn: Turn
  readonly counters: Counters
  readonly tenants: Tenants
  readonly access: Access
  /** What the listener says of who may come in; it changes when the configuration is read again. */
  readonly door: () => Omit<Door, 'address' | 'isIn'>
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
  /** From CONNECT on. */
  #login: Login | null = null
  /** Where its session lives; the gateway's own until that is known. */
  #tenant: Tenant
  /** Monotonic time at which the proof of who it is is over. */
  #endsAtMs = Infinity
  /** Of the rules that its rights are of. */
  #rulesNumber = 0
  /** Its CONNECT asked for a session expiry interval of 0. */
  #endsWithConnection = false
  #keepAliveMs = 0
  #heardAtMs: number
  readonly #holds: Holds
  readonly #pace: Pace
  readonly #patience = new Patience()

  constructor(stream: Duplex, peer: Peer, deps: ConnectionDeps, onClosed: (connection: Connection) => void) {
    this.#stream = stream
    this.#holds = new Holds(stream, () => this.#goOn())
    this.peer = peer
    this.#deps = deps
    this.#onClosed = onClosed
    const { connectBytesMax, topicAliasMaximum, publishesPerSecondMax } = deps.limits
    // Until the client is let in, all its packets have to be as small as a CONNECT.
    this.#tenant = deps.tenants.own
    this.#decoder = new Decoder({ role: 'server', topics: this.#tenant.topics.of(deps.limits), packetBytesMax: connectBytesMax, connectBytesMax, topicAliasMaximum })
    this.#pace = new Pace(deps.clock, this.#holds, publishesPerSecondMax)
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

  get facts(): LinkFacts {
    const { address, transport, acceptedAtMs } = this.peer
    return { address: address === '' ? '' : this.peer.name, transport, sinceMs: acceptedAtMs, keepAliveSec: this.#keepAliveMs / KEEP_ALIVE_MS_OF_SEC }
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
      if (this.#patience.shedding || length > limits.outputBytesMax) {
        counters.droppedSlowReader++
        return
      }
      turn.pressure = this
    }
    this.#writer.publishQos0(message, retain, subscriptionIdentifiers)
  }

  sendPublish(delivery: Delivery, dup: boolean): boolean {
    if (!this.#session!.mayReceive(delivery.message.topic)) {
      this.#tenant.counters.droppedReceiveRights++
      return false
    }
    return this.#writer.publish(delivery, dup)
  }

  sendAck(type: 4 | 5 | 6 | 7, packetIdentifier: number, reason: number): void {
    this.#writer.acknowledge(type, packetIdentifier, reason)
  }

  send(packet: Buffer): void {
    this.#writer.packet(packet)
  }

  press(): void {
    if (!this.#patience.shedding) this.#deps.turn.pressure = this
  }

  end(reason: ReasonCode, why: string): void {
    if (this.#state === 'closed') return
    if (this.#state === 'open' && this.version === 5) this.send(encodeDisconnect(5, { reason, reasonString: why, sizeMax: this.maximumPacketSize }))
    this.#close(why)
  }

  // ---- back-pressure

  holdForFlash(): void {
    this.#holds.set(Hold.flash)
  }

  releaseForFlash(): void {
    this.#holds.clear(Hold.flash)
  }

  holdForRetained(): void {
    this.#holds.set(Hold.retained)
  }

  releaseForRetained(): void {
    this.#holds.clear(Hold.retained)
  }

  /** Nothing holds it any more. */
  #goOn(): void {
    this.#heardAtMs = this.#deps.turn.nowMs // that it was not heard was our doing
    this.#process() // what was left of the chunk
  }

  get #pressMark(): number {
    return this.#deps.limits.outputBytesMax >> 2
  }

  holdBack(publisher: HeldBack): void {
    if (this.#state !== 'closed') this.#patience.holdBack(publisher, this.#deps.turn.nowMs)
  }

  holdForReceiver(): void {
    this.#holds.set(Hold.receiver)
  }

  releaseForReceiver(): void {
    this.#holds.clear(Hold.receiver)
  }

  #onDrain(): void {
    this.#outbox.drained()
    this.#session?.outgoing.pump()
    this.#patience.over()
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
      while (!this.#holds.any && this.#state !== 'closed') { // [MQTT-3.1.4-6]
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
        this.#check(this.#login!.onAuth(packet, true), (step) => { // [MQTT-4.12.1-2]
          this.#sendAuth(step, Reason.success)
          this.#entitle(step.identity!, session)
        })
        return
      default:
        session.handle(packet)
        if (!this.#pace.isFree && (packet.type === 3 || packet.type === 0) && this.#pace.take(this.#deps.turn.nowMs)) this.#deps.counters.delayedPublishRate++
        if (this.#patience.tried) this.#relieve(session)
    }
  }

  /** Its acknowledgements may have brought the queue down: nobody has to wait any more. */
  #relieve(session: Session): void {
    if (this.writable && !session.pressing) this.#patience.over()
  }

  #opening(packet: Packet): void {
    if (packet.type === 1) return this.#onConnect(packet)
    const login = this.#login! // the decoder lets nothing else come first
    if (packet.type === 14) this.#close('client disconnected')
    else if (packet.type !== 15) throw protocolError(`packet of type ${packet.type} before CONNACK`) // [MQTT-3.1.2-30]
    else this.#check(login.onAuth(packet, false), (step) => this.#enter(login, step))
  }

  #onConnect(packet: ConnectPacket): void {
    const { access, door, limits, counters } = this.#deps
    counters.connectReceived++
    this.#writer.fit(packet, limits.topicAliasMaximum)
    this.#endsWithConnection = packet.sessionExpirySec === 0
    const login = (this.#login = new Login(access, door, this.peer, packet, () => this.#state === 'closed'))
    const step = login.begin()
    if (step instanceof Promise) this.#check(step, (result) => this.#enter(login, result))
    else this.#enter(login, step)
  }

  /** Waits for a step of an authentication; `done` when it was the last one. Nothing is read meanwhile. */
  #check(step: Promise<Step>, done: (step: Step) => void): void {
    this.#holds.set(Hold.access)
    step
      .then((result) => {
        if (this.#state === 'closed') return
        if (result.identity === null) this.#sendAuth(result, Reason.continueAuthentication) // [MQTT-4.12.0-2]
        else done(result)
      })
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#holds.clear(Hold.access))
  }

  #sendAuth({ data }: Step, reason: ReasonCode): void {
    this.send(encodeAuth({ reason, authenticationMethod: this.#login!.method!, authenticationData: data }))
  }

  /** The client may come in. `data`: what it gets to see that we know the secret too. */
  #enter(login: Login, { identity, data }: Step): void {
    const { limits, tenants, counters, log, access } = this.#deps
    const { connect } = login
    const { username, tenant: name, endsAtMs } = identity!
    checkRoomForWelcome(connect, limits, data)
    const tenant = tenants.of(name)! // access knows which there are
    const clientId = clientIdFor(connect)
    const attached = tenant.sessions.attach(connect, this, { clientId, username, rights: access.rightsOf(identity!, clientId) })
    const { session } = attached
    this.#session = session
    this.#endsAtMs = endsAtMs
    this.#rulesNumber = access.rulesNumber
    this.#live(tenant, session)
    const keepAliveSec = keepAliveSecOf(connect, limits)
    this.#keepAliveMs = keepAliveSec * KEEP_ALIVE_MS_OF_SEC // [MQTT-3.1.2-22]
    if (keepAliveSec !== connect.keepAliveSec) counters.keepAlivesShortened++
    log.debug({ client: session.clientId, peer: this.peer.name, transport: this.peer.transport, user: username, tenant: name, version: connect.version, sessionPresent: attached.sessionPresent }, 'client connected')
    if (!attached.discarded) {
      this.#accept(connect, attached, data)
      return
    }
    this.holdForFlash()
    tenant.sessions.whenDurable(() => {
      if (this.#state === 'closed') return
      this.#accept(connect, attached, data)
      this.releaseForFlash()
    })
  }

  /** From here on all that comes is of this session, in its tenant's space. */
  #live(tenant: Tenant, session: Session): void {
    const { limits } = this.#deps
    this.#tenant = tenant
    this.#pace.tenant = tenant.publishRate
    this.#writer.counters = tenant.counters
    this.#decoder.topics = tenant.topics.of(limits)
    this.#decoder.origin = session
    this.#decoder.packetBytesMax = limits.packetBytesMax
  }

  /** The client has other rights, or others prove who it is: it stays, unless it has what it may not have any more. */
  #entitle(identity: Identity, session: Session): void {
    const { access } = this.#deps
    const rights = access.rightsOf(identity, session.clientId)
    this.#endsAtMs = identity.endsAtMs
    this.#rulesNumber = access.rulesNumber
    const [beyond] = session.beyond(rights)
    session.entitle(rights) // first: they hold for its will too
    if (beyond !== undefined) this.end(Reason.notAuthorized, `the client may not be subscribed to ${beyond} any more`)
  }

  /** Another configuration is in force. */
  reconsider(): void {
    const session = this.#session
    if (session === null || this.#state === 'closed') return // who is coming in is looked at when it is known
    this.#pace.tenant = this.#tenant.publishRate
    const login = this.#login!
    const { identity } = login
    const renewed = login.renew()
    const { access } = this.#deps
    if (renewed !== null && access.rulesNumber === this.#rulesNumber && isDeepStrictEqual(renewed, identity)) return
    if (renewed !== null) return this.#entitle(renewed, session)
    session.entitle(access.rightsOf(identity!, session.clientId)) // what its will may do
    this.end(Reason.administrativeAction, 'the configuration does not let this client in any more')
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
      // One that has its session, or whose proof is being checked, has said what there is to say: it waits for us.
      if (this.#session !== null || this.#holds.any || nowMs - this.peer.acceptedAtMs <= this.#deps.limits.connectTimeoutMs) return
      this.#deps.counters.connectTimeouts++
      this.#close('no CONNECT in time')
      return
    }
    if (this.#keepAliveMs > 0 && nowMs - this.#heardAtMs > this.#keepAliveMs && !this.#holds.any) {
      this.#deps.counters.keepAliveTimeouts++
      this.end(Reason.keepAliveTimeout, 'nothing heard for one and a half keep-alive intervals')
      return
    }
    if (nowMs >= this.#endsAtMs) return this.end(Reason.maximumConnectTime, 'the proof of who the client is has expired')
    this.#patience.check(nowMs)
  }

  /** The one catch: the client's mistake is answered as its version can hear it [MQTT-4.13.2-1]. */
  #fail(error: unknown): void {
    if (!(error instanceof ProtocolError)) throw error
    if (this.#state === 'closed' && !(error instanceof LoginRefused)) return // it has gone meanwhile
    this.#deps.counters.protocolErrors++
    this.#countLimit(error)
    const clientId = this.#session?.clientId ?? this.#login?.connect.clientId ?? null
    const why = error instanceof LoginRefused ? error.why : error.message
    this.#deps.complaints.note({ clientId, peer: this.peer.name, reason: error.reason, offset: this.#decoder.packetOffset, why })
    if (error instanceof LoginRefused) this.#refuseLogin(error)
    else if (this.#state === 'opening') this.#refuse(error)
    else this.end(error.reason, error.message)
  }

  /** Whoever guesses passwords has to wait for the answers. Nothing more of it is looked at. */
  #refuseLogin(error: LoginRefused): void {
    const { access, clock } = this.#deps
    const { delayMs } = error
    const answer = (): void => {
      if (delayMs !== null) access.throttle.answered(this.peer.address)
      if (this.#state === 'opening') this.#refuse(error)
      else this.end(error.reason, error.message)
    }
    if (delayMs === null || delayMs === 0 || this.#state === 'closed') return answer()
    this.#holds.set(Hold.refusal)
    clock.after(delayMs, answer)
  }

  #refuse(error: ProtocolError): void {
    if (this.#state === 'closed') return
    this.#deps.counters.connectionsRefused++
    const refusal = encodeRefusal(error, this.#decoder.version, this.maximumPacketSize)
    if (refusal !== null) this.send(refusal) // [MQTT-3.1.4-1]
    this.#close(error.message) // [MQTT-3.2.2-7]
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
    const { log, clock } = this.#deps
    this.#outbox.write()
    this.#outbox.close() // [MQTT-3.14.4-1]
    this.#stream.end() // [MQTT-3.14.4-2]
    // A peer that reads nothing would keep the socket for ever.
    const linger = clock.after(LINGER_MS, () => this.#stream.destroy())
    this.#stream.once('close', () => linger.cancel())
    this.#holds.end()
    const session = this.#session
    log.debug({ client: session?.clientId, peer: this.peer.name, why }, 'connection ended')
    this.#patience.over()
    this.#onClosed(this)
    if (session !== null && session.link === this) this.#tenant.sessions.detach(session, this.version, clean, expirySec)
  }
}
