// A well-behaved client beside all the others, in a process of its own: it publishes to itself at QoS 1 at a steady rate, and every message
// must come back once, in order. What a message takes counts from when it was due: a gateway that stalls is charged for all it held up.
//
// Run by healthy-beside.ts over IPC: { port } starts it, 'pause' and 'resume' as they say, 'stop' answers with the report.
import { connect } from 'node:net'
import { generate, parser, type Packet } from 'mqtt-packet'
import { Check } from '../bench/load/check.ts'

const EVERY_MS = 5
const TOPIC = 'healthy/beside/the/others'
const PACKET_IDENTIFIERS = 65_535
/** Nothing comes for so long after the last message: what is missing is lost. */
const PATIENCE_MS = 10_000

export interface Health {
  readonly sent: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly worstMs: number
  readonly faults: readonly string[]
}

class Healthy {
  readonly #check = new Check(1)
  readonly #faults: string[] = []
  readonly #tripsMs: number[] = []
  /** When each message that is on its way was due. */
  readonly #dueMs = new Map<number, number>()
  readonly #socket
  #sent = 0
  #acked = 0
  #paused = true
  #nextMs = 0

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const reader = parser({ protocolVersion: 5 })
    reader.on('packet', (packet) => this.#on(packet))
    reader.on('error', (error: Error) => this.#faults.push(`the healthy client cannot read its answer: ${error.message}`))
    this.#socket.on('data', (chunk: Buffer) => void reader.parse(chunk))
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => this.#faults.push('the healthy client was disconnected'))
    // A session that outlives its connection: its messages take the way of durable ones.
    this.#send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: `healthy-${process.pid}`, clean: true, keepalive: 60, properties: { sessionExpiryInterval: 600 } })
    this.#send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: TOPIC, qos: 1 }] })
    setInterval(() => this.#tick(), 1)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#nextMs = performance.now()
  }

  async report(): Promise<Health> {
    this.#paused = true
    const deadline = performance.now() + PATIENCE_MS
    while ((this.#dueMs.size > 0 || this.#acked < this.#sent) && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5))
    const faults = [...this.#faults, ...this.#check.faults([this.#sent], 'the healthy client')]
    if (this.#acked !== this.#sent) faults.push(`the healthy client: ${this.#sent - this.#acked} messages never acknowledged`)
    const trips = Float64Array.from(this.#tripsMs).sort()
    const at = (q: number): number => trips[Math.min(trips.length - 1, Math.floor(q * trips.length))] ?? Number.NaN
    return { sent: this.#sent, p50Ms: at(0.5), p99Ms: at(0.99), worstMs: at(1), faults }
  }

  #tick(): void {
    if (this.#paused) return
    for (const now = performance.now(); this.#nextMs <= now; this.#nextMs += EVERY_MS) {
      const payload = Buffer.alloc(8)
      payload.writeUInt32BE(this.#sent, 4)
      this.#dueMs.set(this.#sent, this.#nextMs)
      this.#send({ cmd: 'publish', topic: TOPIC, payload, qos: 1, dup: false, retain: false, messageId: (this.#sent++ % PACKET_IDENTIFIERS) + 1 })
      if (this.#sent % 100 === 0) this.#send({ cmd: 'pingreq' })
    }
  }

  #on(packet: Packet): void {
    switch (packet.cmd) {
      case 'connack':
        if (packet.reasonCode !== 0) this.#faults.push(`the healthy client was refused with ${packet.reasonCode}`)
        break
      case 'suback':
        process.send!('ready')
        break
      case 'puback':
        if (packet.messageId !== (this.#acked++ % PACKET_IDENTIFIERS) + 1) this.#faults.push('the healthy client got a PUBACK out of order')
        break
      case 'publish':
        this.#received(packet.payload as Buffer)
        this.#send({ cmd: 'puback', messageId: packet.messageId!, reasonCode: 0 })
        break
      case 'disconnect':
        this.#faults.push(`the healthy client was told to go: ${packet.reasonCode}`)
    }
  }

  #received(payload: Buffer): void {
    const sequence = payload.readUInt32BE(4)
    const dueMs = this.#dueMs.get(sequence)
    this.#check.take(payload.readUInt32BE(0), sequence)
    this.#dueMs.delete(sequence)
    if (dueMs !== undefined) this.#tripsMs.push(performance.now() - dueMs)
  }

  #send(packet: Packet): void {
    this.#socket.write(generate(packet, { protocolVersion: 5 }))
  }
}

let healthy: Healthy | null = null

process.on('message', (order: { readonly port: number } | 'pause' | 'resume' | 'stop') => {
  if (typeof order === 'object') healthy = new Healthy(order.port)
  else if (order === 'pause') healthy!.pause()
  else if (order === 'resume') healthy!.resume()
  else void healthy!.report().then((health) => process.send!(health))
})
process.on('disconnect', () => process.exit(0))
