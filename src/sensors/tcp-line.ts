// A TCP connection that is kept open to a device: what line.ts is for a serial port, with the same events.
// Rules:
// - One connection at a time; the next one is tried when the last is closed, after a back-off that starts over once one has lasted.
// - No data comes after lost(), and lost() comes with every try that fails: the owner's record knows what it has told already.
// - A peer that takes nothing is given up when UNWRITTEN_BYTES_MAX wait for it.
import { connect, type Socket } from 'node:net'
import type { Clock, Timer } from '../clock.ts'
import type { LineEvents } from './serial/line.ts'
import { backoffMs, STABLE_MS } from './serial/supervise.ts'

const CONNECT_MS = 10_000
const KEEP_ALIVE_MS = 30_000
const UNWRITTEN_BYTES_MAX = 64 * 1024

export interface TcpLineDeps {
  readonly clock: Clock
  /** 0 ≤ x < 1, for the jitter of the back-off. */
  readonly random: () => number
}

export class TcpLine {
  readonly #host: string
  readonly #port: number
  readonly #deps: TcpLineDeps
  readonly #events: LineEvents
  #socket: Socket | null = null
  #timer: Timer | null = null
  #isOpen = false
  #failures = 0
  #openedAtMs = 0
  #isStarted = false
  #isStopped = false
  #closed: Promise<void> = Promise.resolve()

  constructor(address: { readonly host: string; readonly port: number }, deps: TcpLineDeps, events: LineEvents) {
    this.#host = address.host
    this.#port = address.port
    this.#deps = deps
    this.#events = events
  }

  /** As it stands in messages. */
  get path(): string {
    return `${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${this.#port}`
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Begins to connect. A second call, or one after stop, does nothing. */
  start(): void {
    if (this.#isStarted || this.#isStopped) return
    this.#isStarted = true
    this.#connect()
  }

  /** Resolves when the connection is closed and no event will come any more. Never rejects; may be called again. */
  stop(): Promise<void> {
    this.#isStopped = true
    this.#isOpen = false
    this.#timer?.cancel()
    this.#socket?.destroy()
    return this.#closed
  }

  /** False when there is no connection, or its peer takes nothing. `taken` is called when the system has the bytes. */
  write(bytes: Uint8Array, taken?: () => void): boolean {
    if (!this.#isOpen) return false
    if (this.#socket!.writableLength + bytes.length > UNWRITTEN_BYTES_MAX) {
      this.drop(`${this.path} takes nothing any more`)
      return false
    }
    this.#socket!.write(bytes, (error) => {
      if (!error) taken?.()
    })
    return true
  }

  /** Ends a connection that is of no use; another one is made. */
  drop(why: string): void {
    if (this.#isOpen) this.#socket!.destroy(new Error(why))
  }

  #connect(): void {
    const { clock } = this.#deps
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS })
    this.#socket = socket
    this.#timer = clock.after(CONNECT_MS, () => socket.destroy(new Error('ETIMEDOUT')))
    let why = 'the other side closed the connection'
    const closed = Promise.withResolvers<void>()
    this.#closed = closed.promise
    socket.on('connect', () => this.#onConnect())
    socket.on('data', (chunk: Buffer) => {
      if (this.#isOpen) this.#events.data(chunk)
    })
    socket.on('error', (error) => (why = error.message))
    socket.on('close', () => {
      closed.resolve()
      this.#onClose(why)
    })
  }

  #onConnect(): void {
    if (this.#isStopped) return
    this.#timer?.cancel()
    this.#isOpen = true
    this.#openedAtMs = this.#deps.clock.now()
    this.#events.opened()
  }

  #onClose(why: string): void {
    if (this.#isStopped) return
    const { clock, random } = this.#deps
    this.#timer?.cancel()
    const lasted = this.#isOpen && clock.now() - this.#openedAtMs >= STABLE_MS
    this.#isOpen = false
    this.#failures = lasted ? 1 : this.#failures + 1
    this.#timer = clock.after(backoffMs(this.#failures, random()), () => this.#connect())
    this.#events.lost(this.#explain(why))
  }

  #explain(message: string): string {
    const { path } = this
    if (message.includes('ECONNREFUSED')) return `${path} refuses the connection: is the service of the device switched on, and the port right?`
    if (/ENOTFOUND|EAI_AGAIN/.test(message)) return `the name ${this.#host} is not known: write an address, or correct the name service`
    if (/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/.test(message)) return `${path} does not answer: is the device switched on, and in the same network?`
    return `${path}: ${message}`
  }
}
