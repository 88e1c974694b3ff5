// Does a broker on this machine work? A real client asks: CONNECT, SUBSCRIBE, PUBLISH at QoS 1, and the message has to come back. A broker
// that refuses this stranger by its rules, or wants a certificate, has answered as well: then that is what working looks like there.
//
// The topic begins with $, so no route with a wildcard carries it to an uplink (MQTT 5.0 section 4.7.2).
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../clock.ts'

const ANSWER_MS_MAX = 10_000
const BYTES_MAX = 4096
const PACKET_ID = 1
const CONNACK = 2
const PUBLISH = 3
const PUBACK = 4
const SUBACK = 9
const FAILURE = 0x80

/** A listener, as status.json tells of it. */
export interface Door {
  readonly port?: number
  readonly host?: string
  readonly socket?: string
  readonly tls: boolean
}

/** null when one of the doors leads to a broker that works; otherwise what is wrong, in a sentence's words. */
export async function brokerTrouble(doors: readonly Door[], clock: Clock): Promise<string | null> {
  let first: string | null = null
  for (const door of doors) {
    for (const host of hostsOf(door)) {
      const trouble = await tried(door, host, clock)
      if (trouble === null) return null
      first ??= trouble
    }
  }
  return first ?? 'it listens nowhere'
}

function tried(door: Door, host: string, clock: Clock): Promise<string | null> {
  return new Promise((resolve) => {
    const where = door.socket === undefined ? { host, port: door.port ?? 0 } : { path: door.socket }
    const socket: Socket = door.tls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where) // itself: who else would it be?
    const end = (trouble: string | null): void => {
      timer.cancel()
      socket.destroy()
      resolve(trouble)
    }
    const timer = clock.after(ANSWER_MS_MAX, () => end('it does not answer'))
    const talk = new Talk(socket, end)
    socket.once(door.tls ? 'secureConnect' : 'connect', () => talk.begin())
    socket.on('data', (bytes: Buffer) => talk.take(bytes))
    socket.on('error', (error: NodeJS.ErrnoException) => end(wantsCertificate(error) ? null : `it cannot be reached (${error.code ?? error.message})`))
    socket.on('close', () => end('it closed the connection'))
  })
}

/** Where a listener can be reached from this machine itself. */
function hostsOf({ socket, host = '' }: Door): readonly string[] {
  if (socket !== undefined) return ['']
  return ['', '0.0.0.0', '::'].includes(host) ? ['127.0.0.1', '::1'] : [host]
}

/** One connection: what it says, and what it expects. */
class Talk {
  readonly #socket: Socket
  readonly #end: (trouble: string | null) => void
  readonly #topic = `$sandpiper/mark-good/${randomBytes(6).toString('hex')}`
  #bytes = Buffer.alloc(0)
  #isAcknowledged = false
  #isBack = false

  constructor(socket: Socket, end: (trouble: string | null) => void) {
    this.#socket = socket
    this.#end = end
  }

  begin(): void {
    const clientId = text(`mark-good-${randomBytes(6).toString('hex')}`)
    this.#send(0x10, text('MQTT'), Buffer.from([5, 0x02, 0, 60, 0]), clientId)
  }

  take(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    if (this.#bytes.subarray(0, 5).toString('latin1') === 'HTTP/') return this.#end(null) // a WebSocket listener, which is up
    while (this.#bytes.length >= 2) {
      const length = this.#bytes[1]!
      if (length >= 0x80 || this.#bytes.length > BYTES_MAX) return this.#end(length >= 0x80 ? null : 'it answers with something else') // no answer here is so long but a CONNACK with many properties
      if (this.#bytes.length < 2 + length) return
      const type = this.#bytes[0]! >> 4
      const body = this.#bytes.subarray(2, 2 + length)
      this.#bytes = this.#bytes.subarray(2 + length)
      this.#packet(type, body)
    }
  }

  #packet(type: number, body: Buffer): void {
    if (type === CONNACK) {
      if ((body[1] ?? 0) >= FAILURE) return this.#end(null)
      return this.#send(0x82, Buffer.from([0, PACKET_ID, 0]), text(this.#topic), Buffer.from([1]))
    }
    if (type === SUBACK) {
      if ((body.at(-1) ?? 0) >= FAILURE) return this.#end(null)
      return this.#send(0x32, text(this.#topic), Buffer.from([0, PACKET_ID, 0]), Buffer.from('?'))
    }
    if (type === PUBACK) {
      if ((body[2] ?? 0) >= FAILURE) return this.#end(body[2] === 0x87 ? null : 'it cannot take messages')
      this.#isAcknowledged = true
    }
    if (type === PUBLISH) this.#isBack = true
    if (this.#isAcknowledged && this.#isBack) this.#end(null)
  }

  #send(first: number, ...parts: readonly Buffer[]): void {
    const body = Buffer.concat(parts)
    this.#socket.write(Buffer.concat([Buffer.from([first, body.length]), body]))
  }
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value, 'latin1')])
}

function wantsCertificate({ code }: NodeJS.ErrnoException): boolean {
  return code !== undefined && /^ERR_SSL_.*(CERTIFICATE|HANDSHAKE_FAILURE)/.test(code)
}
