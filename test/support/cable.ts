// The link between a gateway and its cloud, as a port that a test can pull the plug of.
//
//   whole    bytes pass both ways
//   cut      what was connected is reset, nobody answers (connection refused)
//   silent   connections are taken, and not a byte passes: what a dead link looks like to TCP
import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePort } from './ports.ts'

export class Cable implements AsyncDisposable {
  readonly port: number
  readonly #to: number
  readonly #sockets = new Set<Socket>()
  #server: Server | null = null
  #silent = false

  private constructor(port: number, to: number) {
    this.port = port
    this.#to = to
  }

  /** From a free port of 127.0.0.1 to `to`. */
  static async to(to: number): Promise<Cable> {
    const cable = new Cable(await freePort(), to)
    await cable.mend()
    return cable
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`
  }

  /** Connections that it carries or holds now. */
  get connections(): number {
    return this.#sockets.size
  }

  async mend(): Promise<void> {
    if (this.#silent) await this.cut()
    this.#silent = false
    await this.#listen()
  }

  async cut(): Promise<void> {
    const server = this.#server
    this.#server = null
    const closed = server === null ? null : new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await closed
  }

  async silence(): Promise<void> {
    this.#silent = true
    for (const socket of this.#sockets) socket.unpipe().pause()
    await this.#listen()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut()
  }

  async #listen(): Promise<void> {
    if (this.#server !== null) return
    const server = createServer({ noDelay: true }, (socket) => this.#carry(socket))
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port: this.port, host: '127.0.0.1' }, resolve)
    })
  }

  #carry(near: Socket): void {
    this.#hold(near)
    if (this.#silent) return
    const far = connect({ port: this.#to, host: '127.0.0.1', noDelay: true })
    this.#hold(far)
    near.pipe(far)
    far.pipe(near)
    near.once('close', () => far.resetAndDestroy())
    far.once('close', () => near.resetAndDestroy())
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
