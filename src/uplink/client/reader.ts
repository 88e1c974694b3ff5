// What one connection reads: chunks in, packets out, one after the other. While somebody behind it cannot keep up (a local client, or
// flash) nothing is read, and the remote is held back by TCP.
import type { Duplex } from 'node:stream'
import type { Decoder } from '../../mqtt/decode.ts'
import type { Packet } from '../../mqtt/packet.ts'
import { ProtocolError } from '../../mqtt/reason.ts'
import type { HeldBack, Turn } from '../../turn.ts'

export interface ReaderOwner {
  onPacket(packet: Packet): void
  /** The remote broke the protocol: nothing more is read. */
  onViolation(error: ProtocolError): void
}

export class Reader implements HeldBack {
  readonly #stream: Duplex
  readonly #decoder: Decoder
  readonly #turn: Turn
  readonly #owner: ReaderOwner
  #holdReceiver = false
  #holdFlash = false
  #closed = false

  constructor(stream: Duplex, decoder: Decoder, turn: Turn, owner: ReaderOwner) {
    this.#stream = stream
    this.#decoder = decoder
    this.#turn = turn
    this.#owner = owner
  }

  push(chunk: Buffer): void {
    this.#decoder.push(chunk)
    this.#process()
  }

  /** Nothing comes out any more. */
  close(): void {
    this.#closed = true
  }

  /** Flash does not keep up. `onDrained` takes what is to be called when it has. */
  holdForFlash(onDrained: (fn: () => void) => void): void {
    if (this.#holdFlash) return
    this.#holdFlash = true
    this.#stream.pause()
    onDrained(() => {
      this.#holdFlash = false
      this.#goOn()
    })
  }

  /** A local client does not keep up with what comes from here. */
  holdForReceiver(): void {
    this.#holdReceiver = true
    this.#stream.pause()
  }

  releaseForReceiver(): void {
    this.#holdReceiver = false
    this.#goOn()
  }

  #goOn(): void {
    if (this.#holdReceiver || this.#holdFlash || this.#closed) return
    this.#stream.resume()
    this.#process() // what was left of the chunk
  }

  #process(): void {
    const turn = this.#turn
    turn.pressure = null
    try {
      while (!this.#holdReceiver && !this.#holdFlash && !this.#closed) {
        const packet = this.#decoder.next(turn.nowMs)
        if (packet === null) return
        this.#owner.onPacket(packet)
        turn.takePressure()?.holdBack(this)
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#owner.onViolation(error)
    }
  }
}
