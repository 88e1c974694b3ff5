// The header of a proxy: bytes in, who the client is or why it is refused out, at whatever byte the two are cut apart.
import { describe, expect, test } from 'vitest'
import type { NetworkConfig } from '../../../src/config/config.ts'
import { type HeaderEnd, Proxies, ProxyHeader } from '../../../src/net/proxy-protocol.ts'

const REST = Buffer.from('10 0c 00 04', 'hex')
const SIGNATURE = '0d0a0d0a000d0a515549540a'

interface Good {
  readonly name: string
  readonly bytes: Buffer
  /** `address port`, or null. */
  readonly source: string | null
}

const text = (line: string): Buffer => Buffer.from(line, 'latin1')

/** Version 2: version and command, family, what follows; the length is that of what follows unless told otherwise. */
function v2(versionAndCommand: number, family: number, hex: string, length = hex.replaceAll(' ', '').length / 2): Buffer {
  const fixed = Buffer.from(`${SIGNATURE}00000000`, 'hex')
  fixed[12] = versionAndCommand
  fixed[13] = family
  fixed.writeUInt16BE(length, 14)
  return Buffer.concat([fixed, Buffer.from(hex.replaceAll(' ', ''), 'hex')])
}

const IPV4 = 'c0000207 c6336401 9c40 075b' // 192.0.2.7:40000 to 198.51.100.1:1883
const IPV6 = '20010db8000000000000000000000007 20010db8000000000000000000000001 9c40 075b'
const TLVS = '04 0003 000000 30 0002 6869'

const good: readonly Good[] = [
  { name: 'v1 TCP4', bytes: text('PROXY TCP4 192.0.2.7 198.51.100.1 40000 1883\r\n'), source: '192.0.2.7 40000' },
  { name: 'v1 TCP4, longest', bytes: text('PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n'), source: '255.255.255.255 65535' },
  { name: 'v1 TCP4, port 0', bytes: text('PROXY TCP4 192.0.2.7 198.51.100.1 0 1883\r\n'), source: '192.0.2.7 0' },
  { name: 'v1 TCP6', bytes: text('PROXY TCP6 2001:db8::7 2001:db8::1 40000 1883\r\n'), source: '2001:db8::7 40000' },
  { name: 'v1 TCP6 in its longest form', bytes: text('PROXY TCP6 2001:0DB8:0000:0000:0000:0000:0000:0007 2001:db8::1 40000 1883\r\n'), source: '2001:db8::7 40000' },
  { name: 'v1 TCP6 of an IPv4 address', bytes: text('PROXY TCP6 ::ffff:192.0.2.7 ::1 40000 1883\r\n'), source: '192.0.2.7 40000' },
  { name: 'v1 UNKNOWN', bytes: text('PROXY UNKNOWN\r\n'), source: null },
  { name: 'v1 UNKNOWN with addresses, 107 bytes', bytes: text(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`), source: null },
  { name: 'v2 TCP4', bytes: v2(0x21, 0x11, IPV4), source: '192.0.2.7 40000' },
  { name: 'v2 TCP4 with TLVs', bytes: v2(0x21, 0x11, IPV4 + TLVS), source: '192.0.2.7 40000' },
  { name: 'v2 TCP6', bytes: v2(0x21, 0x21, IPV6), source: '2001:db8::7 40000' },
  { name: 'v2 TCP6 with TLVs', bytes: v2(0x21, 0x21, IPV6 + TLVS), source: '2001:db8::7 40000' },
  { name: 'v2 TCP6 of an IPv4 address', bytes: v2(0x21, 0x21, `00000000000000000000ffffc0000207 ${'0'.repeat(32)} 9c40 075b`), source: '192.0.2.7 40000' },
  { name: 'v2 LOCAL', bytes: v2(0x20, 0x00, ''), source: null },
  { name: 'v2 LOCAL with addresses that mean nothing', bytes: v2(0x20, 0x11, IPV4), source: null },
  { name: 'v2 LOCAL with any family', bytes: v2(0x20, 0x77, '01 02 03'), source: null },
  { name: 'v2 of a family that is not told', bytes: v2(0x21, 0x00, TLVS), source: null },
  { name: 'v2 of a unix socket', bytes: v2(0x21, 0x31, '2f'.repeat(216)), source: null },
  { name: 'v2, the longest', bytes: v2(0x21, 0x11, IPV4 + '04 0fe1' + '00'.repeat(4065)), source: '192.0.2.7 40000' },
]

const bad: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['MQTT', Buffer.from('100c00044d515454', 'hex')],
  ['TLS', Buffer.from('1603010200', 'hex')],
  ['HTTP', text('GET /mqtt HTTP/1.1\r\n')],
  ['POST, that begins like it', text('POST / HTTP/1.1\r\n')],
  ['lower case', text('proxy TCP4 192.0.2.7 198.51.100.1 40000 1883\r\n')],
  ['v1 without family', text('PROXY \r\n')],
  ['v1 of an unknown family', text('PROXY TCP5 192.0.2.7 198.51.100.1 40000 1883\r\n')],
  ['v1 of UDP', text('PROXY UDP4 192.0.2.7 198.51.100.1 40000 1883\r\n')],
  ['v1 TCP4 with an IPv6 address', text('PROXY TCP4 ::1 198.51.100.1 40000 1883\r\n')],
  ['v1 TCP6 with an IPv4 address', text('PROXY TCP6 192.0.2.7 ::1 40000 1883\r\n')],
  ['v1 with a leading zero in an address', text('PROXY TCP4 192.0.02.7 198.51.100.1 40000 1883\r\n')],
  ['v1 with a number too large', text('PROXY TCP4 192.0.2.256 198.51.100.1 40000 1883\r\n')],
  ['v1 with a port too large', text('PROXY TCP4 192.0.2.7 198.51.100.1 65536 1883\r\n')],
  ['v1 with a leading zero in a port', text('PROXY TCP4 192.0.2.7 198.51.100.1 040 1883\r\n')],
  ['v1 with a sign', text('PROXY TCP4 192.0.2.7 198.51.100.1 +1 1883\r\n')],
  ['v1 without destination port', text('PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n')],
  ['v1 with one word more', text('PROXY TCP4 192.0.2.7 198.51.100.1 40000 1883 x\r\n')],
  ['v1 with two blanks', text('PROXY TCP4  192.0.2.7 198.51.100.1 40000 1883\r\n')],
  ['v1 with a blank at its end', text('PROXY TCP4 192.0.2.7 198.51.100.1 40000 1883 \r\n')],
  ['v1 with a host name', text('PROXY TCP4 localhost 198.51.100.1 40000 1883\r\n')],
  ['v1 that ends with LF only', text(`PROXY TCP4 192.0.2.7 198.51.100.1 40000 1883\n${'x'.repeat(70)}`)],
  ['v1 of 108 bytes', text(`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`)],
  ['v1 without end', text(`PROXY UNKNOWN ${'f'.repeat(200)}`)],
  ['v2 with a wrong signature', Buffer.from('0d0a0d0a000d0a515549540b', 'hex')],
  ['version 1 in v2', v2(0x11, 0x11, IPV4)],
  ['version 3 in v2', v2(0x31, 0x11, IPV4)],
  ['v2 with an unknown command', v2(0x22, 0x11, IPV4)],
  ['v2 TCP4 too short', v2(0x21, 0x11, IPV4.slice(0, -2))],
  ['v2 TCP6 too short', v2(0x21, 0x21, IPV4)],
  ['v2 of a unix socket too short', v2(0x21, 0x31, IPV6)],
  ['v2 of datagrams', v2(0x21, 0x12, IPV4)],
  ['v2 of IPv6 datagrams', v2(0x21, 0x22, IPV6)],
  ['v2 of an unknown family', v2(0x21, 0x41, IPV6)],
  ['v2 of an unknown protocol', v2(0x21, 0x10, IPV4)],
  ['v2 too long', v2(0x21, 0x11, '', 4081)],
  ['v2 LOCAL too long', v2(0x20, 0x00, '', 65_535)],
]

function shown(end: HeaderEnd | null): string | null {
  const source = end === null ? null : end.source
  return source === null ? null : `${source.address} ${source.port}`
}

describe('well-formed headers', () => {
  test.each(good)('$name', ({ bytes, source }) => {
    const end = new ProxyHeader().push(Buffer.concat([bytes, REST]))
    expect(shown(end)).toBe(source)
    expect(end!.rest).toEqual(REST)
  })

  test.each(good)('$name, split at every byte', ({ bytes, source }) => {
    const all = Buffer.concat([bytes, REST])
    const wrong: number[] = []
    for (let at = 1; at < all.length; at++) {
      const header = new ProxyHeader()
      const first = header.push(all.subarray(0, at))
      const end = first ?? header.push(all.subarray(at))
      const restLength = first === null ? REST.length : at - bytes.length
      if ((first !== null) !== at >= bytes.length || shown(end) !== source || !end!.rest.equals(REST.subarray(0, restLength))) wrong.push(at)
    }
    expect(wrong).toEqual([])
  })

  test.each(good)('$name, byte by byte', ({ bytes, source }) => {
    const header = new ProxyHeader()
    for (const byte of bytes.subarray(0, -1)) expect(header.push(Buffer.of(byte))).toBeNull()
    const end = header.push(bytes.subarray(-1))
    expect(shown(end)).toBe(source)
    expect(end!.rest).toHaveLength(0)
  })
})

describe('anything else is refused', () => {
  test.each(bad)('%s', (_, bytes) => expect(() => new ProxyHeader().push(bytes)).toThrow(/PROXY header/))

  test.each(bad)('%s, byte by byte', (_, bytes) => {
    const header = new ProxyHeader()
    expect(() => {
      for (const byte of bytes) header.push(Buffer.of(byte))
    }).toThrow(/PROXY header/)
  })

  test('at the first byte that cannot be right', () => {
    expect(() => new ProxyHeader().push(Buffer.of(0x16))).toThrow('no PROXY header')
    const header = new ProxyHeader()
    expect(header.push(text('PRO'))).toBeNull()
    expect(() => header.push(text('P'))).toThrow('no PROXY header')
  })
})

test('what a proxy may be: an address or a network, of the family it is written in', () => {
  const network = (written: string): NetworkConfig => {
    const [address, prefix] = written.split('/')
    return { address: address!, prefix: Number(prefix), family: address!.includes(':') ? 'ipv6' : 'ipv4' }
  }
  const proxies = new Proxies(['10.0.0.7/32', '192.168.4.0/22', 'fd00::/8', '::1/128'].map(network))
  for (const address of ['10.0.0.7', '192.168.4.1', '192.168.7.255', 'fd12::1', '::1']) expect([address, proxies.has(address)]).toEqual([address, true])
  for (const address of ['10.0.0.8', '192.168.8.0', 'fe80::1', '::2', '127.0.0.1', '', 'unix']) expect([address, proxies.has(address)]).toEqual([address, false])
})
