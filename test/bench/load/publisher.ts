// Sends one publisher's numbered messages, `batch` at most in one write, and reads its acknowledgements.
//
// Always true: packet identifiers go round 1…65,535 in the order of sequence numbers, so the next PUBACK must carry the
// oldest one outstanding [MQTT-4.6.0-2]; any other is counted in `ackDisorder`.

import type { Socket } from 'node:net'
import { DEVICE_DIGITS_OFFSET, deviceOf, deviceTopic, PACKET_ID_OFFSET, payloadOffset, publishBlock, publishBytes, topicOf } from '../wire.ts'
import { bytes, Client, view } from './client.ts'
import type { Devices } from './jobs.ts'

const PACKET_IDS = 65_535
/** Every pair of base 36 digits, as the two bytes they are in a topic. */
const DIGIT_PAIRS = Uint16Array.from({ length: 36 * 36 }, (_, n) => Buffer.from(n.toString(36).padStart(2, '0'), 'latin1').readUInt16BE())

export interface PublisherOptions {
  readonly index: number
  readonly qos: 0 | 1
  readonly batch: number
  /** Its topics, where it is a device with some of its own. */
  readonly devices?: Devices
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
  readonly #renewsTopics: boolean

  constructor(socket: Socket, options: PublisherOptions) {
    super(socket)
    this.index = options.index
    this.qos = options.qos
    this.batch = options.batch
    this.#packetBytes = publishBytes(options.qos)
    const topics = options.devices?.topics
    this.#renewsTopics = topics === 'new'
    const topicAt = (i: number): string => (topics === undefined ? topicOf(options.index) : deviceTopic(options.index, topics === 'new' ? 0 : i % topics))
    this.#block = publishBlock(options.index, topicAt, options.qos, options.batch)
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
    if (this.#renewsTopics) this.#renewTopics(end)
    this.sent = sequence
    this.write(this.#block, 0, end)
  }

  /** A topic comes again after 1.7 million others. */
  #renewTopics(end: number): void {
    const view = this.#blockView
    const pairs = DIGIT_PAIRS.length
    let low = this.sent % pairs
    let high = Math.floor(this.sent / pairs) % pairs
    for (let at = DEVICE_DIGITS_OFFSET; at < end; at += this.#packetBytes) {
      view.setUint16(at, DIGIT_PAIRS[high]!)
      view.setUint16(at + 2, DIGIT_PAIRS[low]!)
      if (++low < pairs) continue
      low = 0
      if (++high === pairs) high = 0
    }
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
export async function openPublishers(port: number, count: number, qos: 0 | 1, batch: number, devices?: Devices): Promise<Publisher[]> {
  const options = devices === undefined ? { qos, batch } : { qos, batch, devices }
  const who = (index: number): { clientId: string; user?: Devices['user'] } => (devices === undefined ? { clientId: `pub-${index}` } : { clientId: deviceOf(index), user: devices.user })
  const publishers: Publisher[] = []
  for (let from = 0; from < count; from += 100) {
    const some = Array.from({ length: Math.min(100, count - from) }, (_, i) => from + i)
    const opened = some.map((index) => Client.open((socket) => new Publisher(socket, { index, ...options }), { port, clean: true, ...who(index) }))
    publishers.push(...(await Promise.all(opened)))
  }
  return publishers
}
