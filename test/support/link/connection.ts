// One connection over the link: the socket of who dialled, the socket to where it wanted, and a lane each way.
import type { Socket } from 'node:net'
import { Lane, type LaneBytes } from './lane.ts'
import type { Line } from './line.ts'
import { type WireBytes, WireEstimate } from './wire-estimate.ts'

/** How a connection dies: reset, ended in order, or silently: both ends think that it is there, and no byte passes any more. */
export type CutBy = 'reset' | 'end' | 'silent'

export interface Directions<T> {
  /** From who dialled to where it wanted: a gateway's messages. */
  readonly up: T
  readonly down: T
}

export interface ConnectionOptions {
  readonly near: Socket
  readonly far: Socket
  readonly lines: Directions<Line>
  readonly bytes: Directions<LaneBytes>
  readonly wire: WireBytes
  /** Dialling over the real link would take this long. */
  readonly openMs: number
  /** Both sockets are closed. */
  readonly onClosed: () => void
  /** Payload bytes of either direction were delivered. */
  readonly onDelivered: (bytes: number) => void
}

export class Connection {
  readonly #near: Socket
  readonly #far: Socket
  readonly #lanes: readonly Lane[]
  readonly #estimate: WireEstimate
  #isDead = false

  constructor(options: ConnectionOptions) {
    const { near, far, lines, bytes, wire, openMs, onDelivered, onClosed } = options
    this.#near = near
    this.#far = far
    this.#estimate = new WireEstimate(wire)
    this.#estimate.opened()
    const common = { estimate: this.#estimate, openAtMs: performance.now() + openMs, onDelivered }
    this.#lanes = [
      new Lane({ ...common, direction: 'up', from: near, to: far, line: lines.up, bytes: bytes.up }),
      new Lane({ ...common, direction: 'down', from: far, to: near, line: lines.down, bytes: bytes.down }),
    ]
    let open = 2
    let ends = 0
    for (const socket of [near, far]) {
      socket.on('error', () => {}) // its lane tells the other end
      socket.once('end', () => {
        if (this.#isDead) socket.destroy() // the other end never learns of it
        else if (++ends === 2) this.#estimate.ended(performance.now())
      })
      socket.once('close', () => {
        if (--open === 0) onClosed()
      })
    }
  }

  /** Cut silently. */
  get isDead(): boolean {
    return this.#isDead
  }

  /** Acknowledgements that are due have been counted. */
  settle(): void {
    this.#estimate.settle(performance.now())
  }

  hold(): void {
    for (const lane of this.#lanes) lane.hold()
  }

  release(): void {
    for (const lane of this.#lanes) lane.release()
  }

  cut(by: CutBy): void {
    for (const lane of this.#lanes) lane.die()
    if (by === 'silent') {
      this.#isDead = true
      return
    }
    for (const socket of [this.#near, this.#far]) {
      if (by === 'reset') socket.resetAndDestroy()
      else socket.end(() => socket.destroySoon())
    }
  }
}
