// Does a broker on this machine work? A real client asks: CONNECT, SUBSCRIBE, PUBLISH at QoS 1, and the message has to come back. The gateway
// lets it in by the secret of status.json (access/probe.ts). A broker that wants a certificate, and one that refuses a client without the secret, have
// answered as well: then that is what working looks like there.
//
// The topic begins with $, so no route with a wildcard carries it to an uplink (MQTT 5.0 section 4.7.2).
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { PROBE_TOPICS, PROBE_USER } from '../access/probe.ts'
import type { Clock } from '../clock.ts'

const ANSWER_MS_MAX = 10_000
const BYTES_MAX = 4096
const PACKET_ID = 1
const CONNACK = 2
const PUBLISH = 3
const PUBACK = 4
const SUBACK = 9
const FAILURE = 0x80
const NOT_AUTHORIZED = 0x87
// flags of CONNECT
const CLEAN_START = 0x02
const PASSWORD = 0x40
const USER = 0x80

/** A listener, as status.json tells of it. */
export interface Door {
  readonly port?: number
  readonly host?: string
  readonly socket?: string
  readonly tls: boolean
}

/** null when one of the doors leads to a broker that works; otherwise what is wrong, in a sentence's words. `secret`: null for a stranger. */
export async function brokerTrouble(doors: readonly Door[], secret: string | null, clock: Clock): Promise<string | null> {
  let first: string | null = null
  for (const door of doors) {
    for (const host of hostsOf(door)) {
      const trouble = await tried(door, host, secret, clock)
      if (trouble === null) return null
      first ??= trouble
    }
  }
  return first ?? 'it listens nowhere'
}

function tried(door: Door, host: string, secret: string | null, clock: Clock): Promise<string | null> {
  return new Promise((resolve) => {
    const where = door.socket === undefined ? { host, port: door.port ?? 0 } : { path: door.socket }
    const socket: Socket = door.tls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where) // itself: who else would it be?
    const end = (trouble: string | null): void => {
      timer.cancel()
      socket.destroy()
      resolve(trouble)
    }
    const timer = clock.after(ANSWER_MS_MAX, () => end('it does not answer'))
    const talk = new Talk(socket, secret, end)
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
  readonly #secret: string | null
  readonly #name = randomBytes(6).toString('hex')
  readonly #topic = PROBE_TOPICS + this.#name
  #bytes = Buffer.alloc(0)
  #isAcknowledged = false
  #isBack = false

  constructor(socket: Socket, secret: string | null, end: (trouble: string | null) => void) {
    this.#socket = socket
    this.#secret = secret
    this.#end = end
  }

  begin(): void {
    const login = this.#secret === null ? [] : [text(PROBE_USER), text(this.#secret)]
    const flags = CLEAN_START | (login.length > 0 ? USER | PASSWORD : 0)
    this.#send(0x10, text('MQTT'), Buffer.from([5, flags, 0, 60, 0]), text(`probe-${this.#name}`), ...login)
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
      if ((body[1] ?? 0) >= FAILURE) return this.#refused(body[1]!)
      return this.#send(0x82, Buffer.from([0, PACKET_ID, 0]), text(this.#topic), Buffer.from([1]))
    }
    if (type === SUBACK) {
      if ((body.at(-1) ?? 0) >= FAILURE) return this.#refused(body.at(-1)!)
      return this.#send(0x32, text(this.#topic), Buffer.from([0, PACKET_ID, 0]), Buffer.from('?'))
    }
    if (type === PUBACK) {
      if ((body[2] ?? 0) >= FAILURE) return body[2] === NOT_AUTHORIZED ? this.#refused(body[2]) : this.#end('it cannot take messages')
      this.#isAcknowledged = true
    }
    if (type === PUBLISH) this.#isBack = true
    if (this.#isAcknowledged && this.#isBack) this.#end(null)
  }

  /** A stranger may be refused; who has the secret may not. */
  #refused(reason: number): void {
    this.#end(this.#secret === null ? null : `it refuses (reason code 0x${reason.toString(16)})`)
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
