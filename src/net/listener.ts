// A listening socket and the connections it has accepted.
import { createServer, type Server, type Socket } from 'node:net'
import type { Timer } from '../clock.ts'
import type { ListenerConfig } from '../config/config.ts'
import { OperatorError } from '../errors.ts'
import { Reason } from '../mqtt/reason.ts'
import { Connection, type ConnectionDeps } from './connection.ts'

const CHECK_MS = 1000
/** Connections that the kernel keeps while we are busy: a site whose power comes back reconnects all at once. */
const BACKLOG = 1024

export class Listener {
  readonly #config: ListenerConfig
  readonly #deps: ConnectionDeps
  readonly #server: Server
  readonly #connections = new Set<Connection>()
  #timer: Timer | null = null

  constructor(config: ListenerConfig, deps: ConnectionDeps) {
    this.#config = config
    this.#deps = deps
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  /** The port that is listened on; useful when 0 was asked for. */
  get port(): number {
    const address = this.#server.address()
    return address !== null && typeof address === 'object' ? address.port : this.#config.port
  }

  /** Starts listening. Throws OperatorError E_PORT_TAKEN or E_LISTEN. */
  async start(): Promise<void> {
    const { host, port } = this.#config
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const code = error.code === 'EADDRINUSE' ? 'E_PORT_TAKEN' : 'E_LISTEN'
        const what = error.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be listened on (${error.code ?? error.message})`
        reject(new OperatorError(code, `port ${port} on ${host} ${what}`, { cause: error }))
      })
      this.#server.listen({ host, port, backlog: BACKLOG }, resolve)
    })
    this.#timer = this.#deps.clock.every(CHECK_MS, () => this.#check())
  }

  /** Stops accepting, tells every client and ends its connection. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const connection of this.#connections) connection.end(Reason.serverShuttingDown, 'the gateway is stopping')
    await closed
  }

  #accept(socket: Socket): void {
    const { counters } = this.#deps
    if (this.#connections.size >= this.#deps.limits.connectionsMax) {
      // Before CONNECT there is no packet that could say why.
      counters.connectionsRefused++
      socket.destroy()
      return
    }
    counters.connectionsOpened++
    counters.connectionsNow++
    const peer = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`
    this.#connections.add(
      new Connection(socket, peer, this.#deps, (connection) => {
        this.#connections.delete(connection)
        counters.connectionsNow--
      }),
    )
  }

  #check(): void {
    const nowMs = this.#deps.clock.now()
    for (const connection of this.#connections) connection.check(nowMs)
  }
}
