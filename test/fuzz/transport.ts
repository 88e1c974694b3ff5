// What a case's bytes travel in: plain TCP, behind a PROXY header, or in the frames of a WebSocket.
import { splitAt } from './packets.ts'

export type Transport = 'tcp' | 'proxy' | 'websocket'

const MASK = Buffer.from('37fa213d', 'hex')
const BINARY = 2
const REQUEST = ['GET /mqtt HTTP/1.1', 'Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Protocol: mqtt', '', ''].join('\r\n')
const PROXY_V1 = (address: readonly number[]): string => `PROXY TCP4 ${address.join('.')} 198.51.100.1 40000 1883\r\n`
/** Version 2, PROXY, TCP over IPv4, the addresses of version 1, and one TLV of no meaning. */
const PROXY_V2 = (address: readonly number[]): string => `0d0a0d0a000d0a515549540a 21 11 0010 ${Buffer.from(address).toString('hex')} c6336401 9c40 075b 04 0001 00`

/** What has to be sent before anything of MQTT. `old`: the first version, where there are two; `client`: who it says it is, four bytes. */
export function openingOf(transport: Transport, old: boolean, client: readonly number[]): Buffer {
  if (transport === 'tcp') return Buffer.alloc(0)
  if (transport === 'websocket') return Buffer.from(REQUEST)
  return old ? Buffer.from(PROXY_V1(client)) : Buffer.from(PROXY_V2(client).replaceAll(' ', ''), 'hex')
}

export function wrap(transport: Transport, bytes: Buffer): Buffer {
  if (transport !== 'websocket') return bytes
  const { length } = bytes
  const head = length < 126 ? [0x80 | length] : length < 65_536 ? [0x80 | 126, length >> 8, length & 255] : [0x80 | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255]
  return Buffer.concat([Buffer.from([0x80 | BINARY, ...head]), MASK, bytes.map((byte, i) => byte ^ MASK[i & 3]!)])
}

/** Takes MQTT's bytes out of what comes. */
export class Unwrapper {
  readonly #transport: Transport
  #bytes = Buffer.alloc(0)
  #upgraded = false

  constructor(transport: Transport) {
    this.#transport = transport
  }

  take(chunk: Buffer): Buffer {
    if (this.#transport !== 'websocket') return chunk
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    if (!this.#upgraded) {
      const end = this.#bytes.indexOf('\r\n\r\n')
      if (end < 0 || !this.#bytes.toString('latin1', 0, 12).endsWith(' 101')) return Buffer.alloc(0)
      this.#upgraded = true
      this.#bytes = this.#bytes.subarray(end + 4)
    }
    return this.#frames()
  }

  #frames(): Buffer {
    const data: Buffer[] = []
    for (;;) {
      const bytes = this.#bytes
      const short = (bytes[1] ?? 0) & 127
      const head = short < 126 ? 2 : short === 126 ? 4 : 10
      if (bytes.length < head) break
      const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
      if (bytes.length < head + length) break
      if ((bytes[0]! & 15) === BINARY) data.push(bytes.subarray(head, head + length))
      this.#bytes = bytes.subarray(head + length)
    }
    return Buffer.concat(data)
  }
}

/** The writes of a connection: the opening, then the bytes cut at `cuts`. */
export function writesOf(transport: Transport, opening: Buffer, bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const pieces = splitAt(bytes, cuts).map((piece) => wrap(transport, piece))
  return opening.length === 0 ? pieces : [opening, ...pieces]
}
