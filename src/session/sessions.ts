// All sessions of one tenant by client identifier: who takes over whom, who is resumed, who ends, and when (sections 3.1.2.4, 3.1.2.11,
// 4.1). A session belongs to the user it was made for: nobody else is given it, and nobody else can end its connection.
import type { Clock } from '../clock.ts'
import type { Counters } from '../counters.ts'
import type { ConnectPacket, Will } from '../mqtt/packet.ts'
import { LimitExceeded, LoginRefused, ProtocolError, Reason } from '../mqtt/reason.ts'
import type { TopicTable } from '../mqtt/topic.ts'
import type { Router } from '../router/router.ts'
import type { Audiences } from '../journal/audience.ts'
import type { Journal } from '../journal/journal.ts'
import { Queue, type QueueDeps } from '../journal/queue.ts'
import { type DestinationLimits, restoredUpTo, type Snapshot } from '../store/store.ts'
import { elapsedBetween } from '../stored-time.ts'
import type { Turn } from '../turn.ts'
import type { Link } from './link.ts'
import { RetainedFeed } from './retained-feed.ts'
import type { Rights } from './rights.ts'
import { Session, type SessionDeps } from './session.ts'
import { decodeWill, encodeWill, willMessage } from './will.ts'

const FOREVER_SEC = 0xffffffff

export interface SessionsDeps {
  readonly tenant: string
  /** Its `wall()` is a stored time. */
  readonly clock: Clock
  readonly turn: Turn
  readonly topics: TopicTable
  readonly counters: Counters
  readonly journal: Journal
  readonly audiences: Audiences
  readonly router: Router
  /** Of the queues. */
  readonly correct?: QueueDeps['correct']
  /** Gives numbers to durable destinations; uplinks take theirs from the same. */
  readonly nextDestination: () => number
  /** This user can never come again: what was kept for it is nobody's. */
  readonly isGone: (username: string) => boolean
  /** One more is online. */
  readonly noteOnline: () => void
}

export interface SessionLimits {
  readonly sessionExpirySecMax: number
  readonly sessionsMax: number
  /** Clients connected at once. */
  readonly onlineMax: number
  readonly queue: DestinationLimits
}

/** Whom a session is given to. */
export interface Visitor {
  /** Its own, or one that was made up for it: `clientIdFor`. */
  readonly clientId: string
  readonly username: string | null
  readonly rights: Rights | null
}

/** The client identifier of a CONNECT; a new one for a client that gives none [MQTT-3.1.3-6] [MQTT-3.2.2-16]. */
export function clientIdFor({ clientId }: ConnectPacket): string {
  return clientId === '' ? `auto-${crypto.randomUUID()}` : clientId
}

export interface Attached {
  readonly session: Session
  readonly sessionPresent: boolean
  /** The client gave none; a 5.0 client is told [MQTT-3.1.3-7]. */
  readonly assignedClientId: string | null
  /** An old session was thrown away. CONNACK has to wait until that is durable, or a crash could bring its state back. */
  readonly discarded: boolean
}

export interface Fullest {
  /** '' when nothing waits for anybody. */
  readonly clientId: string
  readonly share: number
}

export class Sessions {
  readonly #deps: SessionsDeps
  #limits: SessionLimits
  readonly #sessionDeps: SessionDeps
  readonly #queueDeps: QueueDeps
  readonly #byClientId = new Map<string, Session>()
  /** Without their client: the only ones that have deadlines. */
  readonly #away = new Set<Session>()

  constructor(deps: SessionsDeps, limits: SessionLimits) {
    this.#deps = deps
    this.#limits = limits
    this.#sessionDeps = { ...deps, retainedFeed: new RetainedFeed(deps.turn) }
    this.#queueDeps = deps
  }

  /** Other limits from now on; who is there stays. */
  limit(limits: SessionLimits): void {
    this.#limits = limits
  }

  get count(): number {
    return this.#byClientId.size
  }

  get onlineCount(): number {
    return this.#byClientId.size - this.#away.size
  }

  /** All of them, connected or not. */
  [Symbol.iterator](): Iterator<Session> {
    return this.#byClientId.values()
  }

  /** undefined for a client that has none. */
  of(clientId: string): Session | undefined {
    return this.#byClientId.get(clientId)
  }

  /** Messages that wait for a client or for its acknowledgement; one that waits for several counts for each. */
  get queued(): { readonly count: number; readonly bytes: number } {
    let count = 0
    let bytes = 0
    for (const { queue } of this.#byClientId.values()) {
      count += queue.size.count
      bytes += queue.size.bytes
    }
    return { count, bytes }
  }

  /** Whose queue on flash is the fullest, and how full: from 0 to 1. Queues of the latest only are meant to be full: nobody's then. */
  get fullest(): Fullest {
    const { countMax, bytesMax, whenFull } = this.#limits.queue
    let clientId = ''
    let share = 0
    if (whenFull === 'keep-latest') return { clientId, share }
    for (const session of this.#byClientId.values()) {
      const { queue } = session
      if (!queue.durable) continue
      const { count, bytes } = queue.size
      if (Math.max(count / countMax, bytes / bytesMax) <= share) continue
      share = Math.max(count / countMax, bytes / bytesMax)
      clientId = session.clientId
    }
    return { clientId, share }
  }

  /** Whether the client whose session this is, or was, is connected: it may have begun another one. */
  isHere(past: Session): boolean {
    const session = this.#byClientId.get(past.clientId)
    return session !== undefined && session.online && session.owner === past.owner
  }

  get subscriptionCount(): number {
    let n = 0
    for (const session of this.#byClientId.values()) n += session.subscriptionCount
    return n
  }

  /** PUBLISH and PUBREL sent and not answered, to all clients together. */
  get inFlight(): number {
    let n = 0
    for (const session of this.#byClientId.values()) n += session.outgoing.inFlight
    return n
  }

  /** Puts the sessions of an earlier run in place, all of them without their clients. */
  restore(snapshot: Snapshot): void {
    const { clock, journal } = this.#deps
    const rowOf = new Map(snapshot.sessions.map((row) => [row.destination, row]))
    const inflightOf = Map.groupBy(snapshot.inflight, (r) => r.destination)
    const receivedOf = Map.groupBy(snapshot.received, (r) => r.destination)
    const sessionOf = new Map<number, Session>()
    const fromBackup = restoredUpTo(snapshot)
    for (const destination of snapshot.destinations) {
      const row = rowOf.get(destination.id)
      if (destination.kind !== 'session' || destination.tenant !== this.#deps.tenant || row === undefined) continue
      const queue = new Queue(this.#queueDeps, journal, destination.id, destination.cursor, destination.queued)
      const received = (receivedOf.get(destination.id) ?? []).map((r) => r.packetIdentifier)
      const session = new Session(this.#sessionDeps, destination.name, queue, inflightOf.get(destination.id), received, destination.id <= fromBackup)
      session.expirySec = row.sessionExpirySec
      session.owner = row.owner
      if (row.will !== null) session.will = decodeWill(row.will, this.#deps.topics)
      // A client that was connected when the power went has been away since now, as far as anyone knows.
      const awayMs = row.disconnectedAtMs === 0 ? 0 : elapsedBetween(row.disconnectedAtMs, clock.wall())
      sessionOf.set(destination.id, session)
      this.#byClientId.set(session.clientId, session)
      this.#goneSince(session, clock.now() - awayMs)
    }
    for (const row of snapshot.subscriptions) sessionOf.get(row.destination)?.restoreSubscription(row)
  }

  /** The durable queues by destination. */
  *queues(): Iterable<readonly [number, Queue]> {
    for (const { queue } of this.#byClientId.values()) if (queue.durable) yield [queue.destination, queue]
  }

  /** A client has sent a CONNECT that is acceptable: gives it its session, the old one or a new one. Throws ProtocolError when there is no room. */
  attach(packet: ConnectPacket, link: Link, visitor: Visitor): Attached {
    if (packet.will !== null && packet.will.message.topic.isSys) {
      this.#deps.counters.refusedSysTopics++
      throw new ProtocolError(Reason.notAuthorized, "the will's topic is the broker's own")
    }
    const { clientId, username, rights } = visitor
    if (packet.will !== null && rights !== null && !mayPublishWill(rights, packet.will)) {
      this.#deps.counters.refusedWillRights++
      throw new ProtocolError(Reason.notAuthorized, 'the client may not publish its will')
    }
    let session = this.#byClientId.get(clientId) // [MQTT-3.1.3-2]
    const abandoned = session !== undefined && this.#isAbandoned(session, username)
    if (session !== undefined && session.link !== null) {
      session.link.end(Reason.sessionTakenOver, 'another connection uses this client identifier') // [MQTT-3.1.4-3]
      session = this.#byClientId.get(clientId) // it may have ended with its connection
    }
    const startsAnew = packet.clean || abandoned
    const discarded = session !== undefined && startsAnew && session.queue.durable
    if (session !== undefined && startsAnew) { // [MQTT-3.1.4-4]
      this.#endSession(session, false) // [MQTT-3.1.2-4]
      session = undefined
    }
    const sessionPresent = session !== undefined // [MQTT-3.1.2-5] [MQTT-3.2.2-2] [MQTT-3.2.2-3]
    if (this.onlineCount >= this.#limits.onlineMax) throw new LimitExceeded('refusedTenantConnections', Reason.quotaExceeded, 'the tenant has no room for another client')
    if (session === undefined) {
      if (this.#byClientId.size >= this.#limits.sessionsMax) {
        throw new LimitExceeded('refusedSessions', Reason.quotaExceeded, 'no room for another session')
      }
      session = this.#create(clientId, this.#expiryOf(packet.sessionExpirySec) > 0) // [MQTT-3.1.2-6]
    }
    session.expirySec = this.#expiryOf(packet.sessionExpirySec)
    session.will = packet.will // [MQTT-3.1.2-7]
    session.owner = username
    session.entitle(rights)
    this.#away.delete(session)
    session.claim(link)
    this.#deps.noteOnline()
    this.#keep(session, packet.version, 0)
    return { session, sessionPresent, assignedClientId: packet.clientId === '' ? clientId : null, discarded }
  }

  /** Calls `fn` when what `attach` has changed is durable. */
  whenDurable(fn: () => void): void {
    this.#deps.journal.whenDurable(fn)
  }

  /** The connection of a session has ended. `clean`: by DISCONNECT, which takes the will with it; `expirySec` when that changed it. */
  detach(session: Session, version: 3 | 4 | 5, clean: boolean, expirySec: number | null): void {
    if (clean) session.will = null // [MQTT-3.14.4-3]
    if (expirySec !== null) session.expirySec = this.#expiryOf(expirySec)
    session.detach()
    const nowMs = this.#deps.clock.now()
    this.#goneSince(session, nowMs)
    this.#keep(session, version, this.#deps.clock.wall())
    this.#settle(session, nowMs)
  }

  /** Other rules hold for clients that are away. `rightsOf`: undefined where that is not known. */
  entitleAbsent(rightsOf: (owner: string | null, clientId: string) => Rights | null | undefined): void {
    for (const session of this.#away) {
      const rights = rightsOf(session.owner, session.clientId)
      if (rights !== undefined) session.entitle(rights)
    }
  }

  /** The session is over, whatever waited for its client with it; a client that is connected is told so, and its will is published. */
  remove(session: Session): void {
    session.link?.end(Reason.administrativeAction, 'the session was removed by the operator')
    if (this.#byClientId.get(session.clientId) === session) this.#endSession(session, false) // it may have ended with its connection
  }

  /** Once a second: delayed wills and sessions whose time is over. */
  check(nowMs: number): void {
    for (const session of this.#away) this.#settle(session, nowMs)
  }

  /** The granted expiry: what is asked for, up to the configured maximum. */
  #expiryOf(askedSec: number): number {
    return Math.min(askedSec, this.#limits.sessionExpirySecMax)
  }

  /** The session is another user's who can never come again. Throws when that user can [MQTT-3.1.3-2]. */
  #isAbandoned({ owner, link }: Session, username: string | null): boolean {
    if (owner === null || owner === username) return false
    if (link === null && this.#deps.isGone(owner)) return true
    this.#deps.counters.refusedSessionOwners++
    throw new LoginRefused(Reason.clientIdentifierNotValid, 'the session of this client identifier is another user’s')
  }

  #create(clientId: string, durable: boolean): Session {
    const { journal } = this.#deps
    let destination = 0
    if (durable) {
      destination = this.#deps.nextDestination()
      journal.change({ kind: 'destination', row: { id: destination, kind: 'session', tenant: this.#deps.tenant, name: clientId, limits: this.#limits.queue } }, false)
    }
    const queue = new Queue(this.#queueDeps, durable ? journal : null, destination)
    const session = new Session(this.#sessionDeps, clientId, queue)
    this.#byClientId.set(clientId, session)
    return session
  }

  #goneSince(session: Session, sinceMs: number): void {
    this.#away.add(session)
    session.endsAtMs = session.expirySec === FOREVER_SEC ? Infinity : sinceMs + session.expirySec * 1000 // [MQTT-3.1.2-23]
    if (session.will !== null) session.willAtMs = sinceMs + session.will.delaySec * 1000
  }

  /** Publishes what is due and ends what is over [MQTT-3.1.2-8]. */
  #settle(session: Session, nowMs: number): void {
    const over = session.endsAtMs <= nowMs
    if (session.will !== null && (over || session.willAtMs <= nowMs)) this.#publishWill(session)
    if (!over) return // [MQTT-4.1.0-2]
    if (session.expirySec > 0) this.#deps.counters.sessionsExpired++
    this.#endSession(session, true)
  }

  #publishWill(session: Session): void {
    const will = session.will!
    session.will = null // [MQTT-3.1.2-10]
    session.willAtMs = Infinity
    const message = willMessage(will, session, this.#deps.clock.now())
    if (session.mayPublish(message)) this.#deps.router.publish(message, null)
    else this.#deps.counters.refusedWillRights++ // it might when it said it
    this.#keep(session, 5, this.#deps.clock.wall())
  }

  #endSession(session: Session, willIsDone: boolean): void {
    if (!willIsDone && session.will !== null) this.#publishWill(session)
    this.#away.delete(session)
    this.#byClientId.delete(session.clientId)
    session.end()
    const { destination, durable } = session.queue
    if (!durable) return
    this.#deps.audiences.endDestination(destination)
    this.#deps.journal.change({ kind: 'destination-end', destination }, false)
  }

  /** Writes the session's row. */
  #keep(session: Session, version: 3 | 4 | 5, disconnectedAtMs: number): void {
    if (!session.queue.durable || this.#byClientId.get(session.clientId) !== session) return
    const will = session.will === null ? null : encodeWill(session.will)
    const row = { destination: session.queue.destination, version, sessionExpirySec: session.expirySec, disconnectedAtMs, will, owner: session.owner }
    this.#deps.journal.change({ kind: 'session', row }, false)
  }
}

function mayPublishWill(rights: Rights, { message }: Will): boolean {
  return rights.mayPublish(message.topic, message.qos, message.retain)
}
