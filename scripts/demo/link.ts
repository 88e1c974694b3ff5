// The link of a site with a bad one, as a TCP relay: slow, and at times not there.
//
//   up       bytes pass both ways, each after LATENCY_MS, as over a cellular network
//   cut      what was connected is reset and nobody answers: connection refused
//   silent   connections are taken and hold, and not a byte passes: what a dead radio looks like to TCP
//
// Bytes that are on their way when the link goes away are lost with it.
import { connect, createServer, type Server, type Socket } from 'node:net'

const LATENCY_MS = 100
/** So much is under way in one direction before the sender is not read any more. */
const UNDER_WAY_BYTES_MAX = 1024 * 1024

export type LinkState = 'up' | 'cut' | 'silent'

export class Link implements AsyncDisposable {
  readonly port: number
  readonly #to: number
  readonly #sockets = new Set<Socket>()
  #server: Server | null = null
  #state: LinkState = 'cut'

  private constructor(port: number, to: number) {
    this.port = port
    this.#to = to
  }

  /** From `port` to the port `to`, both on this machine. */
  static async open(port: number, to: number): Promise<Link> {
    const link = new Link(port, to)
    await link.mend()
    return link
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`
  }

  get state(): LinkState {
    return this.#state
  }

  async cut(): Promise<void> {
    this.#state = 'cut'
    const server = this.#server
    this.#server = null
    const closed = server === null ? null : new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await closed
  }

  silence(): void {
    this.#state = 'silent'
    for (const socket of this.#sockets) socket.pause()
  }

  async mend(): Promise<void> {
    if (this.#state === 'silent') await this.cut() // what was held open there does not come back to life
    const server = createServer({ noDelay: true }, (near) => this.#carry(near))
    await new Promise<void>((resolve, reject) => void server.once('error', reject).listen({ port: this.port, host: '127.0.0.1' }, resolve))
    this.#server = server
    this.#state = 'up'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut()
  }

  #carry(near: Socket): void {
    this.#hold(near)
    if (this.#state === 'silent') {
      near.pause()
      return
    }
    const far = connect({ port: this.#to, host: '127.0.0.1', noDelay: true })
    this.#hold(far)
    this.#pass(near, far)
    this.#pass(far, near)
  }

  #pass(from: Socket, to: Socket): void {
    let underWay = 0
    from.on('data', (chunk: Buffer) => {
      underWay += chunk.length
      if (underWay > UNDER_WAY_BYTES_MAX) from.pause()
      setTimeout(() => {
        underWay -= chunk.length
        if (this.#state !== 'up' || to.destroyed) return
        to.write(chunk)
        if (underWay <= UNDER_WAY_BYTES_MAX) from.resume()
      }, LATENCY_MS)
    })
    from.once('close', () => {
      setTimeout(() => {
        if (this.#state === 'up') to.destroySoon() // behind the last bytes
      }, LATENCY_MS)
    })
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {}) // a reset is what this is about
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
