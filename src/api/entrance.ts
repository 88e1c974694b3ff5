// A socket by which requests come: a port, or the unix socket that programs of this machine use. Who comes is given to the server (app.ts), which is
// loaded when the first one has come: it takes megabytes and a moment, and most gateways are asked nothing for days.
//
//   accept ─► TLS ─► app
//
// What is always true: a port that cannot be had stops nothing. It is told once, and tried again: the broker does not depend on it.
import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Timer } from '../clock.ts'
import type { HttpListenerConfig, TlsConfig } from '../config/config.ts'
import { plainAddress } from '../ip-address.ts'
import { Tls, type TlsDeps } from '../net/tls.ts'
import { clearSocket, listenOnSocket } from '../unix-socket.ts'

/** Connections at once: a page has one or two, Prometheus one. */
const CONNECTIONS_MAX = 64
const BACKLOG = 32
/** From accept to the end of TLS's handshake. From there on the server has its own deadlines. */
const HANDSHAKE_MS_MAX = 10_000
const AGAIN_MS = 10_000
/** sockaddr_un of Linux. */
const PATH_BYTES_MAX = 107

export type Place =
  | { readonly kind: 'socket'; readonly path: string; readonly mode: number }
  /** `tls`: with its files; null for none. */
  | { readonly kind: 'port'; readonly config: HttpListenerConfig; readonly tls: TlsConfig | null; readonly isLoopback: boolean }

/** Where a request came in. */
export type Entrance = { readonly kind: 'socket' } | { readonly kind: 'port'; readonly isLoopback: boolean; readonly isSecure: boolean }

export interface EntranceDeps extends TlsDeps {
  /** Takes over a connection. */
  readonly take: (stream: Duplex, entrance: Entrance, address: string) => void
}

export class EntranceSocket {
  readonly #place: Place
  readonly #deps: EntranceDeps
  readonly #entrance: Entrance
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #tls: Tls | null = null
  #again: Timer | null = null
  #told = ''

  constructor(place: Place, deps: EntranceDeps) {
    this.#place = place
    this.#deps = deps
    this.#entrance = place.kind === 'socket' ? { kind: 'socket' } : { kind: 'port', isLoopback: place.isLoopback, isSecure: place.tls !== null }
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
    this.#server.maxConnections = CONNECTIONS_MAX
  }

  /** That is listened on; 0 for a unix socket, and where nothing could be had yet. */
  get port(): number {
    const address = this.#server.address()
    return address !== null && typeof address === 'object' ? address.port : 0
  }

  /** Never rejects. */
  async start(): Promise<void> {
    if (this.#place.kind === 'port' && this.#place.tls !== null) await (this.#tls = new Tls(this.#place.tls, this.#deps)).start()
    await this.#listen()
  }

  async stop(): Promise<void> {
    this.#again?.cancel()
    this.#tls?.stop()
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening) await new Promise<void>((resolve) => void this.#server.close(() => resolve()))
  }

  async #listen(): Promise<void> {
    try {
      if (this.#place.kind === 'socket') {
        if (Buffer.byteLength(this.#place.path) > PATH_BYTES_MAX) throw new Error(`a socket's path has ${PATH_BYTES_MAX} bytes at most: give a shorter store.path`)
        await clearSocket(this.#place.path)
      }
      await new Promise<void>((resolve, reject) => {
        const failed = (error: Error): void => reject(error)
        this.#server.once('error', failed).once('listening', () => {
          this.#server.removeListener('error', failed)
          this.#server.on('error', () => {}) // an accept that fails for want of descriptors: who it was comes again
          resolve()
        })
        if (this.#place.kind === 'socket') listenOnSocket(this.#server, this.#place.path, this.#place.mode, BACKLOG)
        else this.#server.listen({ host: this.#place.config.host, port: this.#place.config.port, backlog: BACKLOG })
      })
      if (this.#told !== '') this.#deps.log.info({ http: this.#name }, 'the HTTP API is reached there now')
      this.#told = ''
    } catch (error) {
      this.#failed((error as Error).message)
    }
  }

  #failed(why: string): void {
    if (why !== this.#told) this.#deps.log.warn({ http: this.#name, why }, 'the HTTP API cannot be reached there: correct `http.listeners`, or stop what is there; it is tried again')
    this.#told = why
    this.#server.removeAllListeners('listening').removeAllListeners('error')
    this.#again = this.#deps.clock.after(AGAIN_MS, () => void this.#listen())
  }

  #secure(tls: Tls, socket: Socket, address: string): void {
    const deadline = this.#deps.clock.after(HANDSHAKE_MS_MAX, () => void socket.destroy())
    socket.once('close', () => deadline.cancel())
    const take = (secured: Duplex): void => {
      deadline.cancel()
      this.#deps.take(secured, this.#entrance, address)
    }
    tls.secure(socket, take, () => socket.destroy())
  }

  get #name(): string {
    return this.#place.kind === 'socket' ? this.#place.path : `${this.#place.config.host} port ${this.#place.config.port}`
  }

  #accept(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? '')
    this.#sockets.add(socket)
    socket.on('error', () => {}) // the close follows
    socket.once('close', () => this.#sockets.delete(socket))
    if (this.#tls === null) this.#deps.take(socket, this.#entrance, address)
    else this.#secure(this.#tls, socket, address)
  }
}
