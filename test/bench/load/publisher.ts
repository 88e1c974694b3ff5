// Sends one publisher's numbered messages, `batch` at most in one write, and reads its acknowledgements.
//
// Always true: packet identifiers go round 1…65,535 in the order of sequence numbers, so the next PUBACK must carry the
// oldest one outstanding [MQTT-4.6.0-2]; any other is counted in `ackDisorder`.

import type { Socket } from 'node:net'
import { PACKET_ID_OFFSET, payloadOffset, publishBlock, publishBytes, topicOf } from '../wire.ts'
import { bytes, Client, view } from './client.ts'

const PACKET_IDS = 65_535

export interface PublisherOptions {
  readonly index: number
  readonly qos: 0 | 1
  readonly batch: number
}

export class Publisher extends Client {
  readonly index: number
  readonly qos: 0 | 1
  readonly batch: number
  /** Sequence number of the next message; so many have been sent. */
  sent = 0
  acked = 0
  ackDisorder = 0
  /** Called once per read, after its acknowledgements were counted. */
  onAcks: ((publisher: Publisher) => void) | null = null
  /** Called for every acknowledged sequence number. */
  onAck: ((sequence: number) => void) | null = null
  readonly #block: Buffer
  readonly #blockView: DataView
  readonly #packetBytes: number

  constructor(socket: Socket, options: PublisherOptions) {
    super(socket)
    this.index = options.index
    this.qos = options.qos
    this.batch = options.batch
    this.#packetBytes = publishBytes(options.qos)
    this.#block = publishBlock(options.index, topicOf(options.index), options.qos, options.batch)
    this.#blockView = new DataView(this.#block.buffer, this.#block.byteOffset, this.#block.length)
  }

  /** `count` ≤ batch messages in one write. Not while `blocked`: the block is stamped anew. */
  send(count: number): void {
    const view = this.#blockView
    const size = this.#packetBytes
    const end = size * count
    let sequence = this.sent
    for (let at = payloadOffset(this.qos) + 4; at < end; at += size) view.setUint32(at, sequence++)
    if (this.qos === 1) {
      let packetId = this.sent % PACKET_IDS
      for (let at = PACKET_ID_OFFSET; at < end; at += size) {
        view.setUint16(at, packetId + 1)
        if (++packetId === PACKET_IDS) packetId = 0
      }
    }
    this.sent = sequence
    this.write(this.#block, 0, end)
  }

  protected packets(start: number, end: number): number {
    const { onAck } = this
    let at = start
    while (end - at >= 4) {
      if (bytes[at] !== 0x40) {
        const next = at + 2 + bytes[at + 1]!
        if (next > end) break
        this.control(at, next)
        at = next
        continue
      }
      if (view.getUint16(at + 2) !== (this.acked % PACKET_IDS) + 1) this.ackDisorder++
      if (onAck !== null) onAck(this.acked)
      this.acked++
      at += 4
    }
    this.onAcks?.(this)
    return at
  }
}

/** Connects `count` publishers at a time that a listener's backlog can take. */
export async function openPublishers(port: number, count: number, qos: 0 | 1, batch: number): Promise<Publisher[]> {
  const publishers: Publisher[] = []
  for (let from = 0; from < count; from += 100) {
    const some = Array.from({ length: Math.min(100, count - from) }, (_, i) => from + i)
    const opened = some.map((index) => Client.open((socket) => new Publisher(socket, { index, qos, batch }), { port, clientId: `pub-${index}`, clean: true }))
    publishers.push(...(await Promise.all(opened)))
  }
  return publishers
}
