// A listening socket, and what lies between accept and a connection that speaks MQTT:
//
//   accept ─► PROXY header ─► admission ─► TLS ─► WebSocket ─► Connection      (what the listener does not have is left out)
//             who is it       may it come
//
// Until it is a Connection it is an Arrival. Always true: an arrival has a deadline, the same as for CONNECT; those that have not told
// who they are are no more than those that are let in at once.
import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Door } from '../access/access.ts'
import type { Timer } from '../clock.ts'
import type { ListenerConfig } from '../config/config.ts'
import { OperatorError } from '../errors.ts'
import { plainAddress } from '../ip-address.ts'
import { Reason } from '../mqtt/reason.ts'
import { Admission } from './admission.ts'
import { Connection, type ConnectionDeps } from './connection.ts'
import { Peer, type Transport } from './peer.ts'
import { Proxies, readProxyHeader, type Source } from './proxy-protocol.ts'
import { type ProblemOf, Tls, type TlsDeps } from './tls.ts'
import { clearSocket, listenOnSocket } from '../unix-socket.ts'
import type { WebSockets } from './websocket.ts'

const CHECK_MS = 1000
/** Connections that the kernel keeps while we are busy: a site whose power comes back reconnects all at once, and who finds no place tries again a second later. */
const BACKLOG = 4096

const RECONSIDERED_PER_TURN = 200

export type ListenerDeps = Omit<ConnectionDeps, 'door'> & { readonly log: TlsDeps['log'] }

/** TCP asks after so much silence: a client that wants no keep alive and has vanished would stay for ever. */
const TCP_KEEP_ALIVE_MS = 300_000

/** A connection on its way to MQTT. */
interface Arrival {
  readonly socket: Socket
  peer: Peer
  /** Who it is is known, and it may come. */
  admitted: boolean
  /** TLS is done: `peer` has the certificate. */
  secured: boolean
  readonly ended: () => void
}

const ignore = (): void => {} // the close follows

export class Listener {
  #config: ListenerConfig
  readonly #deps: ListenerDeps & ConnectionDeps
  readonly #transport: Transport
  readonly #server: Server
  readonly #admission: Admission
  readonly #arrivals = new Set<Arrival>()
  readonly #connections = new Set<Connection>()
  #door: Omit<Door, 'address' | 'isIn'>
  #proxies: Proxies | null = null
  /** Arrivals whose PROXY header has not come. */
  #nameless = 0
  #tls: Tls | null = null
  #webSockets: WebSockets | null = null
  #timer: Timer | null = null
  /** Its address is not this machine's yet: a network that comes up after the gateway. */
  #waits = false

  constructor(config: ListenerConfig, deps: ListenerDeps) {
    this.#config = config
    this.#deps = { ...deps, door: () => this.#door }
    this.#door = doorOf(config)
    this.#transport = transportOf(config)
    this.#admission = new Admission(deps.clock, deps.limits, deps.counters)
    this.#server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS }, (socket) => this.#accept(socket))
  }

  get config(): ListenerConfig {
    return this.#config
  }

  /** Where it listens: the same in every configuration in which it is there. */
  get place(): string {
    return placeOf(this.#config)
  }

  /** The port that is listened on, useful when 0 was asked for; 0 for a unix socket. */
  get port(): number {
    const address = this.#server.address()
    return address !== null && typeof address === 'object' ? address.port : 0
  }

  /** Starts listening; where the machine has not got the address yet, as soon as it has. Throws OperatorError E_PORT_TAKEN or E_LISTEN. */
  async start(): Promise<void> {
    const { websocket } = this.#config
    const { clock, counters, limits, log } = this.#deps
    if (this.#config.kind === 'port') {
      const { tls, proxyProtocol } = this.#config
      if (proxyProtocol !== null) this.#proxies = new Proxies(proxyProtocol.from)
      if (tls !== null) await (this.#tls = new Tls(tls, this.#deps, (problemOf) => this.#endUntrusted(problemOf))).start()
    }
    if (websocket !== null) this.#webSockets = new (await import('./websocket.ts')).WebSockets(websocket, limits.packetBytesMax, counters)
    await this.#listenOrWait()
    if (this.#waits) log.warn({ listener: this.place }, 'this machine has no such address yet: it is listened on as soon as it has; if it never will, correct `host` under broker.listeners')
    this.#timer = clock.every(CHECK_MS, () => this.#check())
  }

  async #listenOrWait(): Promise<void> {
    this.#waits = false
    try {
      await this.#listen()
    } catch (error) {
      if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code !== 'EADDRNOTAVAIL') throw error
      this.#waits = true
    }
  }

  /** The network has come up, or not yet. What else goes wrong then is told, and tried again. */
  async #listenAgain(): Promise<void> {
    const { place } = this
    try {
      await this.#listenOrWait()
      if (!this.#waits) this.#deps.log.info({ listener: place }, 'the machine has the address now: it is listened on')
    } catch (error) {
      this.#deps.log.warn({ listener: place, why: (error as OperatorError).message }, 'the machine has the address now, but it cannot be listened on')
      this.#waits = true
    }
  }

  async #listen(): Promise<void> {
    const config = this.#config
    try {
      if (config.kind === 'socket') await clearSocket(config.path)
      await new Promise<void>((resolve, reject) => {
        const listening = (): void => {
          this.#server.removeListener('error', failed)
          this.#server.on('error', () => this.#onAcceptFailed())
          resolve()
        }
        const failed = (error: Error): void => {
          this.#server.removeListener('listening', listening)
          reject(error)
        }
        this.#server.once('error', failed).once('listening', listening)
        if (config.kind === 'socket') listenOnSocket(this.#server, config.path, config.mode, BACKLOG)
        else this.#server.listen({ host: config.host, port: config.port, backlog: BACKLOG })
      })
    } catch (error) {
      throw error instanceof OperatorError ? error : listenError(config, error as NodeJS.ErrnoException)
    }
  }

  /**
   * From now on this holds, as far as it can change while the listener listens: who may come in, and the files of TLS. Clients whose
   * certificate is not good any more are disconnected; whoever else has lost a right is for the caller to find.
   */
  async reconfigure(config: ListenerConfig): Promise<void> {
    this.#config = config
    this.#door = doorOf(config)
    if (config.kind === 'port' && config.tls !== null) await this.#tls?.reconfigure(config.tls)
  }

  /** Another configuration of access is in force: whoever it does not let in any more is told, and goes. So many in a turn. */
  async reconsider(): Promise<void> {
    let left = RECONSIDERED_PER_TURN
    for (const connection of this.#connections) {
      connection.reconsider()
      if (--left > 0) continue
      left = RECONSIDERED_PER_TURN
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Stops accepting, tells every client and ends its connection. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#tls?.stop()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const { socket } of this.#arrivals) socket.destroy()
    for (const connection of this.#connections) connection.end(Reason.serverShuttingDown, 'the gateway is stopping')
    await closed
    this.#deps.complaints.close()
  }

  #accept(socket: Socket): void {
    if (socket.remoteAddress === undefined && this.#config.kind === 'port') return void socket.destroy() // it has gone again
    const peer = new Peer(plainAddress(socket.remoteAddress ?? ''), socket.remotePort ?? 0, this.#transport, this.#deps.turn.nowMs)
    if (this.#proxies !== null) this.#awaitHeader(socket, peer, this.#proxies)
    else if (!this.#admission.admit(peer.address)) socket.destroy() // before CONNECT there is no packet that could say why
    else if (this.#tls === null && this.#webSockets === null) this.#open(socket, peer)
    else this.#secure(this.#arrive(socket, peer, true))
  }

  /** The system has no file descriptor left, or no memory: whoever it was is gone, and the next one may have more luck. */
  #onAcceptFailed(): void {
    this.#deps.counters.refusedAccepts++
    this.#deps.counters.connectionsRefused++
  }

  // ---- arrivals

  #arrive(socket: Socket, peer: Peer, admitted: boolean): Arrival {
    const arrival: Arrival = { socket, peer, admitted, secured: false, ended: () => this.#ended(arrival) }
    if (!admitted) this.#nameless++
    this.#arrivals.add(arrival)
    socket.on('close', arrival.ended)
    socket.on('error', ignore)
    return arrival
  }

  #ended(arrival: Arrival): void {
    if (!this.#arrivals.delete(arrival)) return
    if (arrival.admitted) this.#admission.leave(arrival.peer.address)
    else this.#nameless--
  }

  #awaitHeader(socket: Socket, peer: Peer, proxies: Proxies): void {
    const { counters, limits } = this.#deps
    const refuse = (why: string): void => {
      counters.refusedProxyHeaders++
      this.#refuse(peer, why)
      socket.destroy()
    }
    if (!proxies.has(peer.address)) return refuse('not one of the proxies of this listener')
    if (this.#nameless >= limits.connectionsMax) return refuse('too many connections without a PROXY header')
    const arrival = this.#arrive(socket, peer, false)
    readProxyHeader(socket, (source) => this.#introduce(arrival, source), refuse)
  }

  #introduce(arrival: Arrival, source: Source | null): void {
    const { socket, peer } = arrival
    if (source !== null) arrival.peer = new Peer(source.address, source.port, peer.transport, peer.acceptedAtMs)
    if (!this.#admission.admit(arrival.peer.address)) return void socket.destroy()
    arrival.admitted = true
    this.#nameless--
    this.#secure(arrival)
  }

  #secure(arrival: Arrival): void {
    if (this.#tls === null) return this.#upgrade(arrival, arrival.socket)
    this.#tls.secure(
      arrival.socket,
      (secured, certificate) => {
        arrival.secured = true
        if (certificate !== null) arrival.peer = arrival.peer.with(certificate)
        this.#upgrade(arrival, secured)
      },
      (why, unfit) => {
        if (!unfit && !this.#arrivals.has(arrival)) return // it was given up on, or has hung up
        this.#deps.counters.refusedTlsHandshakes++
        this.#refuse(arrival.peer, `TLS handshake failed: ${why}`)
      },
    )
  }

  #upgrade(arrival: Arrival, stream: Socket): void {
    if (this.#webSockets === null || !this.#arrivals.has(arrival)) return this.#arrived(arrival, stream)
    this.#webSockets.open(
      stream,
      (frames) => this.#arrived(arrival, frames),
      (why) => {
        this.#deps.counters.refusedWebSockets++
        this.#refuse(arrival.peer, `no WebSocket: ${why}`)
      },
    )
  }

  #arrived(arrival: Arrival, stream: Duplex): void {
    if (!this.#arrivals.delete(arrival)) return void stream.destroy() // it was given up on meanwhile
    arrival.socket.removeListener('close', arrival.ended)
    arrival.socket.removeListener('error', ignore)
    this.#open(stream, arrival.peer)
  }

  /** Whom the listener trusts has changed: who would not be let in now does not stay either. */
  #endUntrusted(problemOf: ProblemOf): void {
    const { counters } = this.#deps
    for (const connection of this.#connections) {
      const problem = problemOf(connection.peer.certificate)
      if (problem === null) continue
      counters.endedClientCertificates++
      connection.end(Reason.administrativeAction, problem)
    }
    for (const { socket, peer, secured } of this.#arrivals) {
      const problem = secured ? problemOf(peer.certificate) : null // in a handshake: TLS refuses it
      if (problem === null) continue
      counters.refusedClientCertificates++
      this.#refuse(peer, problem)
      socket.destroy()
    }
  }

  #refuse(peer: Peer, why: string): void {
    this.#deps.counters.connectionsRefused++
    this.#deps.log.debug({ peer: peer.name, transport: peer.transport, why }, 'connection refused')
  }

  // ---- connections

  #open(stream: Duplex, peer: Peer): void {
    const { counters } = this.#deps
    counters.connectionsOpened++
    counters.connectionsNow++
    this.#connections.add(new Connection(stream, peer, this.#deps, this.#closed))
  }

  readonly #closed = (connection: Connection): void => {
    this.#deps.counters.connectionsNow--
    this.#connections.delete(connection)
    this.#admission.leave(connection.peer.address)
  }

  #check(): void {
    if (this.#waits) void this.#listenAgain()
    const nowMs = this.#deps.clock.now()
    const { counters, limits, log } = this.#deps
    for (const { socket, peer, ended } of this.#arrivals) {
      if (nowMs - peer.acceptedAtMs <= limits.connectTimeoutMs) continue
      counters.connectTimeouts++
      log.debug({ peer: peer.name, transport: peer.transport }, 'connection closed: no CONNECT in time')
      ended()
      socket.destroy()
    }
    for (const connection of this.#connections) connection.check(nowMs)
  }
}

export function placeOf(config: ListenerConfig): string {
  return config.kind === 'socket' ? config.path : `${config.host} ${config.port}`
}

function doorOf(config: ListenerConfig): Omit<Door, 'address' | 'isIn'> {
  const certificates = config.kind === 'port' ? (config.tls?.clients ?? null) : null
  return { anonymous: config.anonymous, tenant: config.tenant, certificates }
}

function transportOf(config: ListenerConfig): Transport {
  const isSecure = config.kind === 'port' && config.tls !== null
  if (config.websocket !== null) return isSecure ? 'wss' : 'ws'
  return config.kind === 'socket' ? 'unix' : isSecure ? 'tls' : 'tcp'
}

function listenError(config: ListenerConfig, error: NodeJS.ErrnoException): OperatorError {
  const where = config.kind === 'socket' ? `the socket ${config.path}` : `port ${config.port} on ${config.host}`
  if (error.code === 'EADDRINUSE') return new OperatorError('E_PORT_TAKEN', `${where} is taken by another program`, { cause: error })
  // The system's answer for a folder that is not there is the same.
  const why = config.kind === 'socket' && error.code === 'EACCES' ? 'its folder is not there, or not writable' : (error.code ?? error.message)
  return new OperatorError('E_LISTEN', `${where} cannot be listened on (${why})`, { cause: error })
}
