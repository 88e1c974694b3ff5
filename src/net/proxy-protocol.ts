// The header that a proxy sends before anything of the client: who the client is (PROXY protocol of HAProxy, versions 1 and 2).
//
//   PROXY TCP4 192.0.2.7 198.51.100.1 40000 1883\r\n                          version 1, text, 107 bytes at most
//   12 bytes signature, version and command, family, length, addresses, TLVs   version 2
//
// Only proxies that the configuration names may speak it, and they must: anybody else could give himself any address.
import { BlockList, isIP, type Socket, SocketAddress } from 'node:net'
import type { NetworkConfig } from '../config/config.ts'
import { plainAddress } from '../ip-address.ts'

const V1_BYTES_MAX = 107
const V1_START = Buffer.from('PROXY ')
const V2_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const V2_FIXED_BYTES = 16
/** Addresses take 216 at most; the rest are TLVs, which are skipped: of a proxy's own TLS, for example. */
const V2_BYTES_MAX = 4096
const PORT = /^(0|[1-9]\d{0,4})$/

/** Address families and the bytes of their two addresses and ports. Datagrams carry no MQTT. */
const UNSPECIFIED = 0x00
const TCP4 = 0x11
const TCP6 = 0x21
const UNIX_STREAM = 0x31
const ADDRESS_BYTES: Readonly<Record<number, number>> = { [UNSPECIFIED]: 0, [TCP4]: 12, [TCP6]: 36, [UNIX_STREAM]: 216 }

/** The client as its proxy saw it. */
export interface Source {
  readonly address: string
  readonly port: number
}

export interface HeaderEnd {
  /** null when the connection is the proxy's own (a health check), or the client has no IP address. */
  readonly source: Source | null
  /** What follows the header: the client's first bytes. */
  readonly rest: Buffer
}

/** What came is no header; the message says why. */
export class ProxyHeaderError extends Error {}

/** Reads one header, however it is split. */
export class ProxyHeader {
  #bytes: Buffer = Buffer.alloc(0)

  /** The answer once the header is complete, null before. Throws ProxyHeaderError at the first byte that cannot be right. */
  push(chunk: Buffer): HeaderEnd | null {
    const bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    this.#bytes = bytes
    if (startsAlike(bytes, V2_SIGNATURE)) return bytes.length < V2_FIXED_BYTES ? null : version2(bytes)
    if (startsAlike(bytes, V1_START)) return version1(bytes)
    throw new ProxyHeaderError('no PROXY header')
  }
}

/** As far as they both go. */
function startsAlike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length)
  return bytes.compare(start, 0, length, 0, length) === 0
}

function version1(bytes: Buffer): HeaderEnd | null {
  const end = bytes.subarray(0, V1_BYTES_MAX).indexOf('\r\n')
  if (end < 0) {
    if (bytes.length >= V1_BYTES_MAX) throw new ProxyHeaderError(`PROXY header without an end in ${V1_BYTES_MAX} bytes`)
    return null
  }
  const rest = bytes.subarray(end + 2)
  const words = bytes.toString('latin1', 0, end).split(' ')
  if (words[1] === 'UNKNOWN') return { source: null, rest } // whatever follows is not to be looked at
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = '', ...more] = words
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : NaN
  const valid = isIP(source) === version && isIP(destination) === version && isPort(sourcePort) && isPort(destinationPort) && more.length === 0
  if (!valid) throw new ProxyHeaderError('malformed PROXY header of version 1')
  return { source: sourceOf(source, Number(sourcePort)), rest }
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= 65_535
}

function version2(bytes: Buffer): HeaderEnd | null {
  const command = bytes[12]!
  const family = bytes[13]!
  const length = bytes.readUInt16BE(14)
  if (command >> 4 !== 2) throw new ProxyHeaderError(`PROXY header of version ${command >> 4}`)
  const isLocal = (command & 0x0f) === 0
  if (!isLocal && (command & 0x0f) !== 1) throw new ProxyHeaderError(`PROXY header with the command ${command & 0x0f}`)
  if (V2_FIXED_BYTES + length > V2_BYTES_MAX) throw new ProxyHeaderError(`PROXY header of ${V2_FIXED_BYTES + length} bytes`)
  const needed = ADDRESS_BYTES[family]
  if (!isLocal && (needed === undefined || length < needed)) throw new ProxyHeaderError(`PROXY header with the family 0x${family.toString(16)} and ${length} bytes of addresses`)
  if (bytes.length < V2_FIXED_BYTES + length) return null
  const rest = bytes.subarray(V2_FIXED_BYTES + length)
  if (isLocal) return { source: null, rest }
  if (family === TCP4) return { source: { address: [...bytes.subarray(16, 20)].join('.'), port: bytes.readUInt16BE(24) }, rest }
  if (family === TCP6) return { source: sourceOf(hextets(bytes.subarray(16, 32)), bytes.readUInt16BE(48)), rest }
  return { source: null, rest }
}

function hextets(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':')
}

/** In the one way an address is written: limits count by it. */
function sourceOf(address: string, port: number): Source {
  if (isIP(address) === 4) return { address, port }
  return { address: plainAddress(new SocketAddress({ address, family: 'ipv6' }).address), port }
}

/** The proxies that are believed. */
export class Proxies {
  readonly #list = new BlockList()

  constructor(from: readonly NetworkConfig[]) {
    for (const { address, prefix, family } of from) this.#list.addSubnet(address, prefix, family)
  }

  has(address: string): boolean {
    const family = isIP(address)
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** Reads the header off a socket. What follows stays in it; one of the two is called, or none when the socket ends before. */
export function readProxyHeader(socket: Socket, done: (source: Source | null) => void, failed: (why: string) => void): void {
  const header = new ProxyHeader()
  const onReadable = (): void => {
    try {
      const chunk = socket.read() as Buffer | null
      const end = chunk === null ? null : header.push(chunk)
      if (end === null) return
      socket.removeListener('readable', onReadable)
      if (end.rest.length > 0) socket.unshift(end.rest)
      done(end.source)
    } catch (error) {
      if (!(error instanceof ProxyHeaderError)) throw error
      socket.removeListener('readable', onReadable)
      failed(error.message)
    }
  }
  socket.on('readable', onReadable)
}
