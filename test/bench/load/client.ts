// One raw connection of the load generator. It reads into one buffer shared by all connections of the process and hands
// whole packets to its subclass in place; it writes straight to the socket.
//
// Always true: a packet that is cut off at the end of a read is put in front of the next read, so that a subclass sees
// contiguous packets only. The shared buffer may be looked at during the call, never kept.

import { writeSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { connectPacket, DISCONNECT, subscribePacket, type User } from '../wire.ts'

const READ_BYTES = 1 << 18 // measured: 64 KB costs a tenth of the throughput, 1 MB gains nothing
const HEAD = 512 // longer than any packet the bench receives
/** Writes below this go to the file descriptor at once: a third of the cost of a stream's write, and nothing to wait for. */
const DIRECT_BYTES_MAX = 1 << 14

export const bytes = Buffer.allocUnsafeSlow(HEAD + READ_BYTES)
export const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
const readInto = bytes.subarray(HEAD)

export interface Address {
  readonly port: number
  readonly clientId: string
  readonly clean: boolean
  readonly user?: User
}

export abstract class Client {
  closed = false
  sessionPresent = false
  onClose: (() => void) | null = null
  onWritable: (() => void) | null = null
  readonly #socket: Socket
  readonly #fd: number
  #tail: Buffer | null = null
  #tailBytes = 0
  #answer: ((code: number) => void) | null = null
  readonly #written = (): void => {
    if (!this.blocked) this.onWritable?.()
  }

  constructor(socket: Socket) {
    this.#socket = socket
    this.#fd = (socket as unknown as { _handle: { fd: number } | null })._handle?.fd ?? -1
  }

  /** Connects and waits for CONNACK. Throws when the broker refuses or closes. */
  static async open<C extends Client>(make: (socket: Socket) => C, to: Address): Promise<C> {
    const { promise, resolve, reject } = Promise.withResolvers<C>()
    let client: C | null = null
    const socket: Socket = connect({
      port: to.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: readInto, callback: (n) => client!.#read(n) },
    })
    socket.once('connect', () => {
      client = make(socket)
      const opened = client
      opened.ask(connectPacket(to.clientId, to.clean, undefined, to.user)).then((code) => (code === 0 ? resolve(opened) : reject(new Error(`CONNACK with code ${code}`))), reject)
    })
    socket.on('error', (error) => reject(new Error(`cannot connect: ${error.message}`)))
    socket.on('close', () => {
      reject(new Error('the broker closed the connection before CONNACK'))
      if (client === null || client.closed) return
      client.closed = true
      client.#answer?.(-1)
      client.onClose?.()
    })
    return await promise
  }

  async subscribe(filter: string, qos: 0 | 1): Promise<void> {
    const code = await this.ask(subscribePacket(filter, qos))
    if (code !== qos) throw new Error(`SUBACK with code ${code} for QoS ${qos}`)
  }

  /** Sends a packet whose answer (CONNACK, SUBACK) ends with a code. −1: closed before it came. */
  protected async ask(packet: Buffer): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>()
    this.#answer = resolve
    this.write(packet, 0, packet.length)
    return await promise
  }

  /** Bytes are waiting for the kernel: what was passed to `write` must stay as it is until `onWritable`. */
  get blocked(): boolean {
    return this.#socket.writableLength > 0
  }

  write(block: Buffer, start: number, end: number): void {
    if (this.closed) return
    if (end - start <= DIRECT_BYTES_MAX && this.#fd >= 0 && this.#socket.writableLength === 0) {
      try {
        start += writeSync(this.#fd, block, start, end - start)
      } catch {
        // EAGAIN, or closed: the stream waits, or reports it
      }
      if (start === end) return
    }
    this.#socket.write(block.subarray(start, end), this.#written)
  }

  /** DISCONNECT, then close; resolves when the socket is closed. */
  async end(): Promise<void> {
    if (this.closed) return
    this.closed = true
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#socket.once('close', () => resolve())
    this.#socket.end(DISCONNECT)
    this.#socket.setTimeout(2000, () => this.#socket.destroy())
    await promise
  }

  /** Whole packets in `bytes[start, end)`; returns where the first incomplete one starts. */
  protected abstract packets(start: number, end: number): number

  /** Any packet that the subclass does not read itself. */
  protected control(at: number, end: number): void {
    const type = bytes[at]! >> 4
    if (type !== 2 && type !== 9) throw new Error(`unexpected packet type ${type}`)
    if (type === 2) this.sessionPresent = (bytes[at + 2]! & 1) !== 0
    const answer = this.#answer
    this.#answer = null
    answer?.(bytes[end - 1]!)
  }

  #read(n: number): boolean {
    const start = HEAD - this.#tailBytes
    const end = HEAD + n
    if (this.#tailBytes > 0) this.#tail!.copy(bytes, start, 0, this.#tailBytes)
    const rest = this.packets(start, end)
    this.#tailBytes = end - rest
    if (rest < end) {
      this.#tail ??= Buffer.allocUnsafe(HEAD)
      bytes.copy(this.#tail, 0, rest, end)
    }
    return true
  }
}
