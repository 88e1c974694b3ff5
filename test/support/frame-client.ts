// The client's side of a WebSocket, made by hand, frame by frame: what a library would never send can be sent, and what comes is seen as
// it came.
import { createHash, randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { until } from './until.ts'

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface Frame {
  readonly opcode: number
  readonly payload: Buffer
}

export interface HandshakeOptions {
  readonly path?: string
  /** Offered subprotocols; null: none. Default mqtt. */
  readonly protocol?: string | null
  /** Lines that are added, or take the place of those with the same name; an empty value leaves a line out. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface FrameOptions {
  readonly opcode?: number
  readonly final?: boolean
  readonly masked?: boolean
}

export function frameOf(payload: Buffer | string, { opcode = Opcode.binary, final = true, masked = true }: FrameOptions = {}): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload.replaceAll(' ', ''), 'hex') : payload
  const first = (final ? 0x80 : 0) | opcode
  const flag = masked ? 0x80 : 0
  const length = bytes.length < 126 ? [flag | bytes.length] : bytes.length < 65_536 ? [flag | 126, bytes.length >> 8, bytes.length & 255] : [flag | 127, 0, 0, 0, 0, ...uint32(bytes.length)]
  if (!masked) return Buffer.concat([Buffer.from([first, ...length]), bytes])
  const mask = randomBytes(4)
  return Buffer.concat([Buffer.from([first, ...length]), mask, bytes.map((byte, i) => byte ^ mask[i & 3]!)])
}

function uint32(n: number): number[] {
  return [n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255]
}

export class FrameClient {
  readonly #stream: Duplex
  readonly #key = randomBytes(16).toString('base64')
  #bytes: Buffer = Buffer.alloc(0)
  /** What came in binary frames, however it was cut. */
  #data: Buffer[] = []
  readonly #control: Frame[] = []
  /** Of the answer. */
  status = 0
  head = ''
  /** What follows the head of an answer that is no upgrade. */
  body = ''
  closed = false

  private constructor(stream: Duplex) {
    this.#stream = stream
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    stream.on('error', () => {}) // a reset is a close
    stream.on('close', () => (this.closed = true))
  }

  /** Asks for a WebSocket over a stream that is connected, and waits for the answer, whatever it is. */
  static async open(stream: Duplex, options: HandshakeOptions = {}): Promise<FrameClient> {
    const client = new FrameClient(stream)
    client.raw(client.request(options))
    await until(() => client.status !== 0 || client.closed, 'an answer to the request')
    return client
  }

  /** A stream on which nothing was said. */
  static over(stream: Duplex): FrameClient {
    return new FrameClient(stream)
  }

  request({ path = '/mqtt', protocol = 'mqtt', headers = {} }: HandshakeOptions = {}): Buffer {
    const lines: Record<string, string> = {
      Host: 'localhost',
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Key': this.#key,
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Protocol': protocol ?? '',
      ...headers,
    }
    const text = Object.entries(lines).filter(([, value]) => value !== '').map(([name, value]) => `${name}: ${value}\r\n`)
    return Buffer.from(`GET ${path} HTTP/1.1\r\n${text.join('')}\r\n`)
  }

  /** The answer proves that the server has read our key (RFC 6455 section 4.2.2). */
  get accepted(): boolean {
    const proof = createHash('sha1').update(`${this.#key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
    return this.status === 101 && this.head.includes(`Sec-WebSocket-Accept: ${proof}\r\n`)
  }

  get protocol(): string | null {
    return /^Sec-WebSocket-Protocol: (.*)\r$/m.exec(this.head)?.[1] ?? null
  }

  raw(bytes: Buffer): void {
    this.#stream.write(bytes)
  }

  send(payload: Buffer | string, options?: FrameOptions): void {
    this.raw(frameOf(payload, options))
  }

  /** The next control frame: ping, pong or close. */
  async expectControl(): Promise<Frame> {
    await until(() => this.#control.length > 0 || this.closed, 'a control frame')
    const frame = this.#control.shift()
    if (frame === undefined) throw new Error('expected a control frame\nbut the connection was closed')
    return frame
  }

  /** The next bytes in binary frames are these. */
  async expectBytes(wanted: Buffer | string): Promise<void> {
    const bytes = typeof wanted === 'string' ? Buffer.from(wanted.replaceAll(' ', ''), 'hex') : wanted
    const length = (): number => this.#data.reduce((sum, part) => sum + part.length, 0)
    await until(() => length() >= bytes.length || this.closed, `${bytes.length} bytes`)
    const came = Buffer.concat(this.#data)
    this.#data = [came.subarray(bytes.length)]
    if (came.subarray(0, bytes.length).equals(bytes)) return
    throw new Error(`expected ${bytes.toString('hex', 0, 100)}\nbut came ${came.toString('hex', 0, 100)}${this.closed ? ', and the connection was closed' : ''}`)
  }

  /** The server closes with this code, and its TCP connection too. */
  async expectClosed(code: number | null): Promise<void> {
    await until(() => this.closed, 'the end of the connection')
    const last = this.#control.at(-1)
    const came = last?.opcode === Opcode.close ? last.payload.readUInt16BE(0) : null
    if (came !== code) throw new Error(`expected the close code ${code}\nbut came ${came}`)
  }

  /** What came and was not expected yet. */
  get data(): Buffer {
    return Buffer.concat(this.#data)
  }

  stopReading(): void {
    this.#stream.pause()
  }

  goOnReading(): void {
    this.#stream.resume()
  }

  destroy(): void {
    this.#stream.destroy()
  }

  #onData(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    if (this.status === 0) {
      const end = this.#bytes.indexOf('\r\n\r\n')
      if (end < 0) return
      this.head = this.#bytes.toString('latin1', 0, end + 4)
      this.#bytes = this.#bytes.subarray(end + 4)
      this.status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(this.head)?.[1])
    }
    if (this.status !== 101) {
      this.body += this.#bytes.toString('latin1')
      this.#bytes = Buffer.alloc(0)
      return
    }
    for (let frame = this.#next(); frame !== null; frame = this.#next()) {
      if (frame.opcode < Opcode.close) this.#data.push(frame.payload)
      else this.#control.push(frame)
      if (frame.opcode === Opcode.close) this.#stream.end()
    }
  }

  #next(): Frame | null {
    const bytes = this.#bytes
    if (bytes.length < 2) return null
    let start = 2
    let length = bytes[1]! & 127
    if (bytes[1]! >= 128) throw new Error('a server must not mask its frames')
    if (length === 126) [start, length] = [4, bytes.length < 4 ? Infinity : bytes.readUInt16BE(2)]
    else if (length === 127) [start, length] = [10, bytes.length < 10 ? Infinity : Number(bytes.readBigUInt64BE(2))]
    if (bytes.length < start + length) return null
    this.#bytes = bytes.subarray(start + length)
    return { opcode: bytes[0]! & 15, payload: bytes.subarray(start, start + length) }
  }
}
