// One connection to a cloud broker, from dialling to its end: the client's side of MQTT 3.1.1 and 5.0. Made anew for every attempt.
//
//   endpoint ─► CONNECT ─► CONNACK ─► SUBSCRIBE, if it must be ─► messages both ways ─► end
//
// What lives here: the handshake, the packets of one connection, and how much may be on its way (pacer.ts). What outlives it (queue, packet
// identifiers, what was received, what is known of the remote) is the uplink's. Every step has a deadline; the end is told exactly once.
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../../clock.ts'
import type { LinkConfig, UplinkConfig } from '../../config/config.ts'
import type { Counters } from '../../counters.ts'
import { makeMessage, type Message } from '../../message.ts'
import { encodeDisconnect } from '../../mqtt/control.ts'
import { Decoder } from '../../mqtt/decode.ts'
import type { ConnackPacket, Packet, PublishPacket } from '../../mqtt/packet.ts'
import { ProtocolError, Reason } from '../../mqtt/reason.ts'
import type { TopicTable } from '../../mqtt/topic.ts'
import type { Incoming } from '../../session/incoming.ts'
import { Outbox } from '../../session/outbox.ts'
import type { Turn } from '../../turn.ts'
import type { Carrier } from '../link/carrier.ts'
import { adoptEndpoint, type Endpoint, type EndpointEvents, type Loss, openEndpoint } from './endpoint.ts'
import { connectPacket, OFFLINE, ONLINE, RECEIVE_MAXIMUM, refusalSentence, TOPIC_ALIAS_MAXIMUM } from './handshake.ts'
import { announcedSec, KeepAlive } from './keep-alive.ts'
import type { LinkMemory, UplinkMemory } from './memory.ts'
import type { LinkMeter, WireConnection } from '../budget/meter.ts'
import { FirstGuess } from './first-guess.ts'
import { type Pace, Pacer, RECORD_BYTES_MAX, SEGMENT_BYTES } from './pacer.ts'
import { Reader, type ReaderOwner } from './reader.ts'
import { Sender, type SenderOwner } from './sender.ts'
import type { Wanted } from './subscribed.ts'
import { Subscriber } from './subscriber.ts'
import { Trickle } from './trickle.ts'

/** After a message could not be kept: time to drain, which makes room, before a new connection asks for it again. */
const WITHHELD_MS = 10_000
/** Time for the remote to read a goodbye, beside two round trips. */
const LINGER_MS = 1000
const LINGER_MS_MAX = 20_000

export interface ClientDeps {
  readonly clock: Clock
  readonly turn: Turn
  readonly topics: TopicTable
  readonly counters: Counters
  readonly log: { info(fields: object, text: string): void }
  /** Opens the connection instead of TCP and TLS; it says by `connect` that it is open. What it costs is counted where it is a WireSource too. */
  readonly dial?: ((config: UplinkConfig, link: LinkConfig) => Duplex) | undefined
}

/** What the uplink does with what comes; every method is called from the socket's events. */
export interface ClientOwner extends SenderOwner {
  readonly incoming: Incoming
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
  readonly link: LinkConfig
  /** Network interface to leave by; null leaves it to the system. */
  readonly interface: string | null
  readonly packetBytesMax: number
  readonly subscriptions: readonly Wanted[]
  readonly traffic: Traffic
  readonly memory: UplinkMemory
  /** Counts what the link costs; null where nobody asks. */
  readonly meter: LinkMeter | null
}

/** What went over the link: MQTT's bytes, without those of TLS and TCP. Counted over all connections of an uplink. */
export interface Traffic {
  bytesSent: number
  bytesReceived: number
}

export class UplinkClient implements Carrier, ReaderOwner {
  readonly #owner: ClientOwner
  readonly #deps: ClientDeps
  readonly #options: ClientOptions
  readonly #memory: LinkMemory
  readonly #endpoint: Endpoint
  readonly #wire: WireConnection | null
  readonly #pacer: Pacer
  readonly #keepAlive: KeepAlive
  readonly #subscriber: Subscriber
  readonly #deadline: Timer
  #phase: 'dialling' | 'connecting' | 'up' | 'over' = 'dialling'
  #retry: Timer | null = null
  /** null while dialling, both. */
  #sender: Sender | null = null
  #reader: Reader | null = null
  readonly #firstGuess: FirstGuess | null
  #trickle: Trickle | null = null
  /** Why it has ended, as long as nobody was told. */
  #farewell: string | null = null

  constructor(owner: ClientOwner, deps: ClientDeps, options: ClientOptions) {
    const { config, link, memory, meter, packetBytesMax, subscriptions } = options
    this.#owner = owner
    this.#deps = deps
    this.#options = options
    this.#memory = memory.of(link)
    this.#pacer = new Pacer(this.#memory.windowBytes, config.tls ? RECORD_BYTES_MAX : SEGMENT_BYTES)
    this.#keepAlive = this.#makeKeepAlive()
    this.#subscriber = new Subscriber(config.version, memory.subscribed, subscriptions, {
      send: (packet) => this.#sender!.send(packet),
      refused: (filters) => owner.onSubscribed(filters),
    })
    const events: EndpointEvents = {
      opened: (stream, compresses) => this.#onOpened(stream, compresses),
      failed: (why, loss) => this.#over(why, loss),
    }
    this.#endpoint = deps.dial === undefined
      ? openEndpoint({ config, interface: options.interface, tickets: memory.tickets, packetBytesMax }, events)
      : adoptEndpoint(deps.dial(config, link), config, events)
    const { source, socket } = this.#endpoint
    this.#firstGuess = socket === null ? null : new FirstGuess(socket, deps.clock)
    this.#wire = meter === null || source === null ? null : meter.open(source, config.host)
    this.#deadline = deps.clock.after(config.connectTimeoutMs, () => this.#over(this.#timeoutText(), 'other'))
  }

  #makeKeepAlive(): KeepAlive {
    return new KeepAlive(this.#options.link.keepAlive, this.#memory.silences, this.#deps.clock, {
      ping: () => this.#sender!.ping(),
      probe: (idleMs, intervalMs, count) => this.#probe(idleMs, intervalMs, count),
      unanswered: () => this.#sender!.unanswered,
      arrivalMs: (bytes) => this.#sender!.arrivalMs(bytes),
      dead: () => this.#over(`${this.#options.config.host} does not answer any more`, 'no answer'),
    })
  }

  get up(): boolean {
    return this.#phase === 'up'
  }

  /** What is known of the link's delay and rate. */
  get pace(): Pace {
    return this.#pacer.pace
  }

  /** At most once: false when it cannot go now. */
  sendQos0(message: Message, retain: boolean, subscriptionIdentifiers: readonly number[]): boolean {
    return this.#phase === 'up' && this.#sender!.sendQos0(message, retain, subscriptionIdentifiers)
  }

  /** Says goodbye, so that the remote does not publish our will, and ends. `onEnd` is told when the remote has closed, or after a moment. */
  stop(): void {
    if (this.#phase !== 'up') {
      this.#over('stopped', 'other')
      return
    }
    this.#publishState(OFFLINE) // a normal end takes the will with it
    this.#sender!.send(encodeDisconnect(this.#options.config.version, { reason: Reason.normalDisconnection }))
    this.#over('stopped', 'goodbye')
  }

  /** Tells the remote whether this gateway is connected, past the queue: it is about now. */
  #publishState(state: string): void {
    const { stateTopic } = this.#options.config
    if (stateTopic !== null) this.#sender!.publish(makeMessage(stateTopic, state), 0, true, false, 0)
  }

  /** False when there is no TCP of ours. */
  #probe(idleMs: number, intervalMs: number, count: number): boolean {
    const { socket } = this.#endpoint
    if (idleMs === 0) socket?.setKeepAlive(false)
    else socket?.setKeepAlive({ enable: true, initialDelay: idleMs, interval: intervalMs, count })
    return socket !== null
  }

  // ---- the handshake

  #onOpened(stream: Duplex, compresses: boolean): void {
    const { config, link, packetBytesMax, subscriptions, memory, traffic } = this.#options
    const { clock, topics, turn, counters, log } = this.#deps
    if (config.compress && !compresses) log.info({ uplink: config.name }, 'the remote does not compress WebSocket messages: they go as they are')
    const receives = subscriptions.length > 0 || memory.subscribed.surplus(subscriptions).length > 0
    const topicAliasMaximum = config.version === 5 && receives ? TOPIC_ALIAS_MAXIMUM : 0
    const decoder = new Decoder({ role: 'client', topics, packetBytesMax, connectBytesMax: packetBytesMax, topicAliasMaximum })
    decoder.version = config.version
    decoder.origin = this.#owner
    this.#phase = 'connecting'
    const deps = { turn, counters, pacer: this.#pacer, keepAlive: this.#keepAlive, wire: this.#wire }
    const guess = this.#firstGuess?.of(stream) ?? null
    if (guess !== null) this.#pacer.guess(guess)
    this.#trickle = new Trickle(stream, { clock, bytesPerSec: () => this.#pacer.bulkBytesPerSec ?? guess?.bytesPerSec ?? null, drained: () => this.#sender!.drained() })
    const outbox = new Outbox(this.#trickle, turn, traffic)
    const sender = new Sender(this.#owner, deps, outbox, config.version)
    this.#sender = sender
    this.#reader = new Reader(stream, decoder, turn, this)
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    stream.on('drain', () => this.#trickle!.writableLength === 0 && sender.drained())
    sender.ask(connectPacket(config, announcedSec(link.keepAlive), packetBytesMax, receives))
    outbox.write() // not at the turn's end: now it shares a packet with TLS's last word
  }

  #onConnack(connack: ConnackPacket): void {
    const { config } = this.#options
    if (connack.reason !== 0) {
      this.#over(refusalSentence(connack, config), 'other')
      return
    }
    this.#phase = 'up'
    this.#deadline.cancel()
    this.#sender!.open(connack)
    this.#keepAlive.start(connack.serverKeepAliveSec) // [MQTT-3.2.2-21]
    this.#wire?.accepted()
    this.#owner.onAccepted(connack)
    this.#publishState(ONLINE)
    this.#subscriber.start(connack.sessionPresent)
    // A reason code would make the remote throw the message away: what cannot be kept here now stays there.
    this.#owner.incoming.attach(this.#sender!, false, () => {
      this.#retry = this.#deps.clock.after(WITHHELD_MS, () => this.#over('the store is full: what the remote sent could not be kept', 'other'))
    })
    this.#owner.outgoing.attach(this.#sender!, Math.min(connack.receiveMaximum, config.inflightMax)) // [MQTT-3.3.4-7]
  }

  // ---- packets

  #onData(chunk: Buffer): void {
    if (this.#phase === 'over') return
    this.#options.traffic.bytesReceived += chunk.length
    this.#keepAlive.heard(this.#deps.turn.nowMs)
    this.#sender!.moved()
    this.#reader!.push(chunk)
  }

  onPacket(packet: Packet): void {
    const { outgoing, incoming } = this.#owner
    if (this.#phase === 'connecting') {
      if (packet.type !== 2) throw new ProtocolError(Reason.protocolError, 'the first packet is not CONNACK') // [MQTT-3.2.0-1]
      this.#sender!.answered(0)
      this.#onConnack(packet)
      return
    }
    switch (packet.type) {
      case 3:
        return this.#onPublish(packet)
      case 4:
        this.#sender!.answered(packet.packetIdentifier)
        if (packet.reason >= 0x80) this.#owner.onRejected(packet.reason)
        else this.#owner.onAcknowledged()
        return outgoing.onPuback(packet.packetIdentifier)
      case 5:
        this.#sender!.answered(packet.packetIdentifier)
        if (packet.reason >= 0x80) this.#owner.onRejected(packet.reason)
        outgoing.onPubrec(packet.packetIdentifier, packet.reason)
        return outgoing.pump() // what has arrived has made room
      case 6:
        return incoming.onPubrel(packet.packetIdentifier)
      case 7:
        this.#owner.onAcknowledged()
        return outgoing.onPubcomp(packet.packetIdentifier)
      case 9:
        return this.#subscriber.onSuback(packet.reasons)
      case 11:
        return this.#subscriber.onUnsuback(packet.reasons)
      case 13:
        this.#sender!.answered(0)
        return outgoing.pump()
      case 14:
        return this.#over(`${this.#options.config.host} ended the connection with reason 0x${packet.reason.toString(16)}${packet.reasonString === null ? '' : ` (${packet.reasonString})`}`, 'other')
      default:
        throw new ProtocolError(Reason.protocolError, `packet type ${packet.type} is not for a client`)
    }
  }

  onViolation({ reason, message }: ProtocolError): void {
    const { version, host } = this.#options.config
    if (version === 5 && this.#phase === 'up') this.#sender!.send(encodeDisconnect(5, { reason }))
    this.#over(`${host} sent what it must not: ${message}`, 'other')
  }

  #onPublish(packet: PublishPacket): void {
    const { incoming } = this.#owner
    // What follows a message that could not be kept must not overtake it: both come again, in order.
    if (!incoming.withholds || packet.message.qos === 0) this.#owner.onPublish(packet)
    // A 3.1.1 remote knows no Receive Maximum: it is not read from until flash has caught up.
    if (incoming.waitingForFlash >= RECEIVE_MAXIMUM) this.#reader!.holdForFlash((fn) => incoming.onDrained(fn))
  }

  // ---- the end

  #timeoutText(): string {
    const { host, port, connectTimeoutMs } = this.#options.config
    const step = this.#phase === 'dialling' ? 'does not answer' : 'took the connection but sent no CONNACK'
    return `${host}:${port} ${step} within ${connectTimeoutMs / 1000} s`
  }

  #over(why: string, by: Loss | 'goodbye'): void {
    if (this.#phase === 'over') {
      this.#tellEnd() // the remote has read our goodbye
      return
    }
    const wasUp = this.#phase === 'up'
    this.#phase = 'over'
    this.#farewell = why
    this.#deadline.cancel()
    this.#retry?.cancel()
    this.#keepAlive.stop(by)
    this.#wire?.ending()
    if (wasUp) this.#memory.windowBytes = this.#pacer.pace.windowBytes
    this.#reader?.close()
    this.#sender?.close()
    this.#trickle?.close()
    this.#owner.incoming.detach()
    this.#owner.outgoing.detach()
    // A name that is being looked up or a handshake that hangs is left behind; nothing waits for it.
    if (by === 'no answer') this.#endpoint.abort()
    else if (wasUp && (by === 'goodbye' || by === 'other')) this.#linger()
    else this.#endpoint.destroy()
    if (by !== 'goodbye') this.#tellEnd()
  }

  /** Who reads a DISCONNECT closes: what TLS and TCP would say first costs as much as it does. */
  #linger(): void {
    const ms = Math.min(LINGER_MS_MAX, LINGER_MS + 2 * this.#sender!.arrivalMs(this.#pacer.inFlight))
    this.#deps.clock.after(ms, () => {
      this.#endpoint.destroy()
      this.#tellEnd()
    })
  }

  #tellEnd(): void {
    const why = this.#farewell
    if (why === null) return
    this.#farewell = null
    this.#owner.onEnd(why)
  }
}
