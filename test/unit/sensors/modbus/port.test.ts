// Answers as they come over a wire: in pieces, behind noise, too late, from somebody else, and not at all.
import { describe, expect, test } from 'vitest'
import { MbapPort, RtuPort } from '../../../../src/sensors/modbus/port.ts'
import { crc16Modbus } from '../../../../src/sensors/serial/checksum.ts'
import { seededRandom } from '../../../../src/sensors/simulate.ts'

function rtu(hex: string): Buffer {
  const pdu = Buffer.from(hex, 'hex')
  const crc = Buffer.alloc(2)
  crc.writeUInt16LE(crc16Modbus(pdu))
  return Buffer.concat([pdu, crc])
}

const REQUEST = rtu('030300000002')
const ANSWER = rtu('03030400010002')

function bed(kind: 'rtu' | 'tcp' = 'rtu') {
  const written: Buffer[] = []
  const wire = { isOpen: true, write: (bytes: Uint8Array) => written.push(Buffer.from(bytes)) > 0 }
  const port = kind === 'rtu' ? new RtuPort(wire) : new MbapPort(wire)
  for (const slave of [3, 4]) port.slaves.add(slave)
  const given: string[] = []
  const strays: number[] = []
  let unreadable = 0
  port.on('data', (frame: Buffer) => given.push(frame.toString('hex')))
  port.onStray = (slave) => strays.push(slave)
  port.onUnreadable = () => unreadable++
  return { port, written, given, strays, unreadable: () => unreadable }
}

describe('rtu', () => {
  test('an answer in any pieces, behind any noise', () => {
    for (const noise of ['', '00', '0303', '030304', '8303', 'ffffffffffff']) {
      const bytes = Buffer.concat([Buffer.from(noise, 'hex'), ANSWER])
      for (let at = 0; at <= bytes.length; at++) {
        const { port, given, strays } = bed()
        port.write(REQUEST)
        port.push(bytes.subarray(0, at))
        port.push(bytes.subarray(at))
        expect(given, `${noise} cut at ${at}`).toEqual([ANSWER.toString('hex')])
        expect(strays).toEqual([])
      }
    }
  })

  test('byte by byte, and an exception', () => {
    const { port, given } = bed()
    port.write(REQUEST)
    for (const byte of rtu('038302')) port.push(Buffer.of(byte))
    expect(given).toEqual([rtu('038302').toString('hex')])
  })

  test.each([
    ['of another slave', '04030400010002'],
    ['to another function', '03040400010002'],
    ['of another length', '0303020001'],
    ['an exception of another function', '038402'],
  ])('an answer %s is a stray, and the right one behind it is given', (_what, hex) => {
    const { port, given, strays } = bed()
    port.write(REQUEST)
    port.push(Buffer.concat([rtu(hex), ANSWER]))
    expect(strays).toEqual([Number.parseInt(hex.slice(0, 2), 16)])
    expect(given).toHaveLength(1)
  })

  test('an answer that nobody waits for is a stray: before, after, and when the request was given up', () => {
    const { port, given, strays } = bed()
    port.push(ANSWER)
    port.write(REQUEST)
    port.push(ANSWER)
    port.push(ANSWER)
    port.write(REQUEST)
    expect(port.giveUp(), 'nothing came').toBe(false)
    port.push(ANSWER)
    expect(strays).toEqual([3, 3, 3])
    expect(given).toHaveLength(1)
  })

  test('bytes that were no answer are seen when it is given up', () => {
    const { port, given } = bed()
    port.write(REQUEST)
    port.push(ANSWER.subarray(0, 6))
    expect(port.giveUp()).toBe(true)
    port.write(REQUEST)
    port.push(ANSWER.subarray(6))
    port.push(ANSWER)
    expect(given).toHaveLength(1)
  })

  test('the request as its own echo is no answer to a read', () => {
    const { port, given } = bed()
    port.write(REQUEST)
    port.push(Buffer.concat([REQUEST, ANSWER]))
    expect(given).toEqual([ANSWER.toString('hex')])
  })

  test('on a line that was found to echo, the echo of a write is not its answer', () => {
    const { port, given } = bed()
    const write = rtu('030600090001')
    port.write(write)
    port.push(write)
    expect(given, 'nothing is known of the line').toHaveLength(1)
    port.write(REQUEST)
    port.push(REQUEST)
    port.push(ANSWER)
    port.write(write)
    port.push(write)
    expect(given).toHaveLength(2)
    port.push(write)
    expect(given).toHaveLength(3)
  })

  test('garbage takes bounded memory, and the answer behind it is found', () => {
    const random = seededRandom('garbage')
    const { port, given } = bed()
    port.write(REQUEST)
    for (let i = 0; i < 200; i++) port.push(Buffer.from(Array.from({ length: 97 }, () => Math.floor(random() * 256))))
    port.push(ANSWER)
    expect(given.at(-1)).toBe(ANSWER.toString('hex'))
  })

  test('what a request and its answer take on the wire', () => {
    const { port } = bed()
    expect([port.requestBytes, port.answerBytes]).toEqual([0, 0])
    port.write(REQUEST)
    expect([port.requestBytes, port.answerBytes]).toEqual([8, 9])
    port.write(rtu('030100000009'))
    expect([port.requestBytes, port.answerBytes]).toEqual([8, 7])
    port.write(rtu('0310000000020400010002'))
    expect([port.requestBytes, port.answerBytes]).toEqual([13, 8])
  })
})

describe('tcp', () => {
  const mbap = (transaction: number, hex: string): Buffer => {
    const pdu = Buffer.from(hex, 'hex')
    const head = Buffer.alloc(6)
    head.writeUInt16BE(transaction, 0)
    head.writeUInt16BE(pdu.length, 4)
    return Buffer.concat([head, pdu])
  }

  test('requests are numbered, and only the answer to the last is given', () => {
    const { port, written, given, strays } = bed('tcp')
    port.write(REQUEST)
    port.giveUp()
    port.write(REQUEST)
    expect(written.map((frame) => frame.toString('hex'))).toEqual(['000100000006030300000002', '000200000006030300000002'])
    const bytes = Buffer.concat([mbap(1, '03030400090009'), mbap(2, '03030400010002')])
    for (const byte of bytes) port.push(Buffer.of(byte))
    expect(given).toEqual([ANSWER.toString('hex')])
    expect(strays).toEqual([3])
  })

  test('numbers begin again behind 65535', () => {
    const { port, given } = bed('tcp')
    for (let i = 0; i < 65_537; i++) port.write(REQUEST)
    port.push(mbap(1, '03030400010002'))
    expect(given).toHaveLength(1)
  })

  test.each([['000100010006', 'another protocol'], ['00010000ffff', 'a length that cannot be'], ['000100000000', 'no length']])('%s: %s ends the connection', (hex) => {
    const { port, unreadable, given } = bed('tcp')
    port.write(REQUEST)
    port.push(Buffer.from(hex, 'hex'))
    expect(unreadable()).toBe(1)
    port.reset()
    port.write(REQUEST)
    port.push(mbap(2, '03030400010002'))
    expect(given).toHaveLength(1)
  })
})
