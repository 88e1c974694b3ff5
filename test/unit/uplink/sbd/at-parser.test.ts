// What a modem says, taken apart, however it is cut into pieces.
import { describe, expect, test } from 'vitest'
import { AtParser, BLOCK_BYTES_MAX, checksum } from '../../../../src/uplink/sbd/at-parser.ts'

function make() {
  const said: string[] = []
  const parser = new AtParser({
    line: (text) => void said.push(text),
    block: (bytes) => void said.push(`block ${bytes.toString('hex')}`),
    blockDamaged: () => void said.push('damaged'),
  })
  return { parser, said }
}

function block(bytes: Buffer): Buffer {
  const whole = Buffer.alloc(bytes.length + 4)
  whole.writeUInt16BE(bytes.length, 0)
  bytes.copy(whole, 2)
  whole.writeUInt16BE(checksum(bytes), bytes.length + 2)
  return whole
}

const PIECES = [1, 2, 3, 7, Infinity]

describe.each(PIECES)('in pieces of %s', (pieceBytes) => {
  const push = (parser: AtParser, bytes: Buffer | string): void => {
    const all = Buffer.from(bytes)
    for (let start = 0; start < all.length; start += pieceBytes) parser.push(all.subarray(start, start + pieceBytes))
  }

  test('verbose, numeric and echoed lines', () => {
    const { parser, said } = make()
    push(parser, 'AT+CSQ\r\r\n+CSQ:3\r\n\r\nOK\r\n')
    push(parser, '+CSQ:4\r\n0\r')
    expect(said).toEqual(['AT+CSQ', '+CSQ:3', 'OK', '+CSQ:4', '0'])
  })

  test('a block, and lines around it', () => {
    const { parser, said } = make()
    parser.awaitBlock()
    push(parser, Buffer.concat([Buffer.from('AT+SBDRB\r'), block(Buffer.from('hello')), Buffer.from('\r\nOK\r\n')]))
    expect(said).toEqual(['AT+SBDRB', 'block 68656c6c6f', 'OK'])
  })

  test('what precedes a block is text: an empty line, something unasked', () => {
    const { parser, said } = make()
    parser.awaitBlock()
    push(parser, Buffer.concat([Buffer.from('\r\nSBDRING\r\n'), block(Buffer.of(0x0d, 0x0a, 0x00, 0xff)), Buffer.from('\r\nOK\r\n')]))
    expect(said).toEqual(['SBDRING', 'block 0d0a00ff', 'OK'])
  })

  test('an empty block, and the largest', () => {
    const { parser, said } = make()
    parser.awaitBlock()
    push(parser, block(Buffer.alloc(0)))
    parser.awaitBlock()
    push(parser, block(Buffer.alloc(BLOCK_BYTES_MAX, 0xff)))
    expect(said).toEqual(['block ', `block ${'ff'.repeat(BLOCK_BYTES_MAX)}`])
  })

  test('a block with a wrong byte is damaged, and what follows is lines again', () => {
    const { parser, said } = make()
    parser.awaitBlock()
    const bytes = block(Buffer.from('hello'))
    bytes[3]! ^= 4
    push(parser, Buffer.concat([bytes, Buffer.from('\r\nOK\r\n')]))
    expect(said).toEqual(['damaged', 'OK'])
  })
})

describe('bounds', () => {
  test('a line without an end is told as nothing that can be read, when it ends', () => {
    const { parser, said } = make()
    parser.push(Buffer.alloc(100_000, 'x'))
    parser.push(Buffer.from('\rOK\r'))
    expect(said).toEqual(['', 'OK'])
  })

  test('text for ever where a block is awaited, too', () => {
    const { parser, said } = make()
    parser.awaitBlock()
    parser.push(Buffer.alloc(100_000, 'x'))
    parser.push(Buffer.concat([Buffer.from('\r'), block(Buffer.from('a'))]))
    expect(said).toEqual(['', 'block 61'])
  })

  test('a block that stops in the middle is forgotten by reset', () => {
    const { parser, said } = make()
    parser.awaitBlock()
    parser.push(Buffer.of(0, 200, 1, 2, 3))
    parser.reset()
    parser.push(Buffer.from('\r\nOK\r\n'))
    expect(said).toEqual(['OK'])
  })

  test('whatever came, the next line is read', () => {
    const { parser, said } = make()
    let seed = 20_261_121
    for (let i = 0; i < 200_000; i++) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      if (seed % 997 === 0) parser.awaitBlock()
      parser.push(Buffer.of(seed >>> 24))
    }
    parser.reset()
    parser.push(Buffer.from('OK\r'))
    expect(said.at(-1)).toBe('OK')
  })
})

test('the checksum is the one of the reference: hello is 0x0214', () => {
  expect(checksum(Buffer.from('hello'))).toBe(0x0214)
  expect(checksum(Buffer.alloc(1960, 0xff))).toBe((1960 * 255) & 0xffff)
})
