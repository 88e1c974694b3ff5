// One connection: writes what the case writes and sees it to its end. Everything has to end within DEADLINE_MS.
import { connect, type Socket } from 'node:net'
import { Framer } from '../../src/mqtt/frame.ts'
import type { Case } from './case.ts'
import type { Expectation } from './model.ts'
import { type Transport, Unwrapper, wrap } from './transport.ts'

export const DEADLINE_MS = 10_000
/** Of the gateway, for CONNECT: who begins and does not go on is closed then. */
export const CONNECT_TIMEOUT_MS = 1000
/** Of the gateway, one for each transport. */
export type Ports = Readonly<Record<Transport, number>>

const PACKET_BYTES_MAX = 1 << 28
const PINGREQ = Buffer.from([0xc0, 0])
const DISCONNECT = Buffer.from([0xe0, 0])
const PINGRESP = 0xd0

export interface Talked {
  /** All that came, and its packets one by one; what is left behind the last whole one is `rest` bytes. */
  readonly received: Buffer
  readonly packets: readonly Buffer[]
  readonly rest: number
  /**
   *   gateway   it closed, before we had done anything to end it
   *   answered  it answered a PINGREQ behind everything else
   *   us        we closed in the middle of a packet, and it closed too
   *   reset     it reset the connection, or we did: what it said last may be lost
   *   late      nothing of that, in time
   */
  readonly ended: 'gateway' | 'answered' | 'us' | 'reset' | 'late'
  /** We took longer than CONNECT_TIMEOUT_MS to come and to say what there was to say: on a machine that is busy with other things. */
  readonly slow: boolean
}

/** `waits`: a connection that has begun and not finished its CONNECT is left alone, for the gateway to end it. */
export function talk(ports: Ports, address: string, it: Case, expected: Expectation, waits: boolean): Promise<Talked> {
  return new Promise((resolve) => new Talk(ports, address, it, expected, waits, resolve).start())
}

class Talk {
  readonly #case: Case
  readonly #expected: Expectation
  readonly #waits: boolean
  readonly #done: (talked: Talked) => void
  readonly #socket: Socket
  readonly #unwrapper: Unwrapper
  readonly #framer = new Framer()
  readonly #chunks: Buffer[] = []
  readonly #packets: Buffer[] = []
  readonly #timer: NodeJS.Timeout
  #size = 0
  #pings = 0
  #said = 0
  #ended: Talked['ended'] = 'gateway'
  readonly #beganMs = performance.now()
  #saidMs = Infinity

  constructor(ports: Ports, localAddress: string, it: Case, expected: Expectation, waits: boolean, done: (talked: Talked) => void) {
    this.#case = it
    this.#expected = expected
    this.#waits = waits
    this.#done = done
    this.#socket = connect({ port: ports[it.transport], host: '127.0.0.1', localAddress, noDelay: true })
    this.#unwrapper = new Unwrapper(it.transport)
    this.#timer = setTimeout(() => {
      this.#ended = 'late'
      this.#socket.resetAndDestroy()
    }, DEADLINE_MS)
  }

  start(): void {
    const socket = this.#socket
    socket.on('connect', () => this.#say())
    socket.on('data', (chunk: Buffer) => this.#hear(chunk))
    socket.on('error', () => {
      if (this.#ended === 'gateway' || this.#ended === 'us') this.#ended = 'reset'
    })
    socket.on('close', () => this.#finish())
  }

  #say(): void {
    const { writes } = this.#case
    const socket = this.#socket
    if (socket.destroyed || !socket.writable) return // refused in the middle
    socket.write(writes[this.#said++]!)
    if (this.#said < writes.length) setImmediate(() => this.#say())
    else {
      this.#saidMs = performance.now()
      this.#afterAll()
    }
  }

  #afterAll(): void {
    const { damaged, transport, ending } = this.#case
    switch (damaged ? 'begun' : this.#expected.end) {
      case 'refused':
      case 'left':
        return // it is the gateway's to close
      case 'open':
        this.#socket.write(wrap(transport, PINGREQ))
        return
      case 'begun':
        if (this.#waits) return
        this.#ended = ending === 'reset' ? 'reset' : 'us'
        if (ending === 'reset') this.#socket.resetAndDestroy()
        else this.#socket.end()
    }
  }

  #hear(wire: Buffer): void {
    const chunk = this.#unwrapper.take(wire)
    this.#chunks.push(chunk)
    this.#size += chunk.length
    const framer = this.#framer
    framer.push(chunk)
    try {
      while (framer.next(PACKET_BYTES_MAX)) {
        const packet = framer.bytes.subarray(framer.start, framer.end)
        this.#packets.push(packet)
        if (packet[0] === PINGRESP) this.#pings++
      }
    } catch {
      framer.clear() // what cannot be framed is left over: the judge says so
    }
    if (this.#expected.end === 'open' && this.#pings > this.#expected.pings && this.#ended === 'gateway') this.#end()
  }

  #end(): void {
    const { ending, transport } = this.#case
    this.#ended = 'answered'
    if (ending === 'reset') this.#socket.resetAndDestroy()
    else if (ending === 'disconnect') this.#socket.end(wrap(transport, DISCONNECT))
    else this.#socket.end()
  }

  #finish(): void {
    clearTimeout(this.#timer)
    const whole = this.#packets.reduce((sum, packet) => sum + packet.length, 0)
    this.#done({ received: Buffer.concat(this.#chunks), packets: this.#packets, rest: this.#size - whole, ended: this.#ended, slow: Math.min(this.#saidMs, performance.now()) - this.#beganMs > CONNECT_TIMEOUT_MS })
  }
}
