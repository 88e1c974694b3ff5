// A device that has much to say: QoS 1 messages as fast as the broker acknowledges them, from a socket and prebuilt packets.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { generate, type Packet, parser } from 'mqtt-packet'
import { until } from '../../support/until.ts'

/** Unacknowledged at a time. A multiple would not be faster. */
const WINDOW = 500

export interface Told {
  readonly topic: string
  readonly payload: string | Buffer
}

export class Flood implements Disposable {
  acknowledged = 0
  readonly #socket: Socket
  #accepted = false
  #sent = 0
  #next: Iterator<Told> = [].values()
  #isDone = true

  static async connect(host: string, port: number, clientId = 'flood'): Promise<Flood> {
    const socket = connect({ port, host, noDelay: true })
    await once(socket, 'connect')
    const flood = new Flood(socket)
    socket.write(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean: true, keepalive: 0 }))
    await until(() => flood.#accepted, 'CONNACK')
    return flood
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    const packets = parser({ protocolVersion: 4 })
    packets.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connack') this.#accepted = true
      if (packet.cmd === 'puback') this.acknowledged++
    })
    socket.on('error', () => {}) // seen as acknowledgements that do not come
    socket.on('data', (chunk: Buffer) => {
      packets.parse(chunk)
      this.#fill()
    })
  }

  /** Resolves when all are acknowledged. */
  async publish(messages: Iterable<Told>, timeoutMs = 300_000): Promise<void> {
    this.#next = messages[Symbol.iterator]()
    this.#isDone = false
    this.#fill()
    await until(() => this.#isDone && this.acknowledged === this.#sent, 'every acknowledgement', timeoutMs)
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  #fill(): void {
    const packets: Buffer[] = []
    while (!this.#isDone && this.#sent - this.acknowledged < WINDOW) {
      const { value, done } = this.#next.next()
      if (done === true) this.#isDone = true
      else packets.push(generate({ cmd: 'publish', topic: value.topic, payload: value.payload, qos: 1, messageId: (++this.#sent % 65_000) + 1, dup: false, retain: false }))
    }
    if (packets.length > 0) this.#socket.write(Buffer.concat(packets))
  }
}
