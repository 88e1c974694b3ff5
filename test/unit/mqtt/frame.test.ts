// How much the framer copies and holds, counted: time would depend on the machine.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Framer } from '../../../src/mqtt/frame.ts'
import { ProtocolError } from '../../../src/mqtt/reason.ts'

const LIMIT = 1 << 21

const copy = Buffer.prototype.copy
let copied = 0

beforeEach(() => {
  copied = 0
  Buffer.prototype.copy = function counting(this: Buffer, ...args: Parameters<typeof copy>) {
    const n = copy.apply(this, args)
    copied += n
    return n
  }
})

afterEach(() => {
  Buffer.prototype.copy = copy
})

/** A PUBLISH-like packet of `size` bytes in all. */
function packet(size: number, fill: number): Buffer {
  const bytes = Buffer.alloc(size, fill)
  const header = size < 130 ? 2 : size < 16_387 ? 3 : 4
  let length = size - header
  bytes[0] = 0x30
  for (let i = 1; i < header; i++, length >>= 7) bytes[i] = i < header - 1 ? (length & 127) | 128 : length
  return bytes
}

function found(framer: Framer): Buffer {
  return framer.bytes.subarray(framer.start, framer.end)
}

test('one-byte chunks of a 1 MB packet: every byte is copied once, and one packet is held', () => {
  const bytes = packet(1 << 20, 7)
  const framer = new Framer()
  let heldMax = 0
  for (let i = 0; i < bytes.length - 1; i++) {
    framer.push(bytes.subarray(i, i + 1))
    expect(framer.next(LIMIT)).toBe(false)
    if (framer.bufferedBytes > heldMax) heldMax = framer.bufferedBytes
  }
  framer.push(bytes.subarray(bytes.length - 1))
  expect(framer.next(LIMIT)).toBe(true)
  expect(found(framer).equals(bytes)).toBe(true)
  expect(framer.bytes.length).toBe(bytes.length)
  expect(framer.body).toBe(4)
  expect(heldMax).toBe(bytes.length)
  expect(copied).toBeLessThanOrEqual(bytes.length + 10)
  expect(framer.next(LIMIT)).toBe(false)
  expect(framer.bufferedBytes).toBe(0)
})

test('packets that stand whole in a chunk are found in place', () => {
  const framer = new Framer()
  const chunk = Buffer.concat([packet(100, 1), packet(2, 0), packet(20_000, 2)])
  framer.push(chunk)
  for (const [start, end] of [[0, 100], [100, 102], [102, 20_102]] as const) {
    expect(framer.next(LIMIT)).toBe(true)
    expect(framer.bytes).toBe(chunk)
    expect([framer.start, framer.end]).toEqual([start, end])
  }
  expect(copied).toBe(0)
})

test('only the packet that a chunk cuts is copied; the following ones are found in place', () => {
  const cut = packet(1000, 1)
  const first = Buffer.concat([packet(100, 2), cut.subarray(0, 400)])
  const second = Buffer.concat([cut.subarray(400), packet(50, 3), packet(60, 4)])
  const framer = new Framer()
  framer.push(first)
  expect(framer.next(LIMIT)).toBe(true)
  expect(framer.next(LIMIT)).toBe(false)
  framer.push(second)
  expect(framer.next(LIMIT)).toBe(true)
  expect(found(framer).equals(cut)).toBe(true)
  expect(framer.next(LIMIT)).toBe(true)
  expect(framer.bytes).toBe(second)
  expect(framer.next(LIMIT)).toBe(true)
  expect(framer.bytes).toBe(second)
  expect(copied).toBe(cut.length)
})

test('an announced length over the limit buffers nothing, also when its header comes byte by byte', () => {
  const framer = new Framer()
  for (const byte of [0x30, 0xff, 0xff, 0xff]) {
    framer.push(Buffer.from([byte]))
    expect(framer.next(LIMIT)).toBe(false)
    expect(framer.bufferedBytes).toBeLessThanOrEqual(4)
  }
  framer.push(Buffer.from([0x7f]))
  expect(() => framer.next(LIMIT)).toThrow(ProtocolError)
  expect(framer.bufferedBytes).toBeLessThanOrEqual(5)
})

test('chunks that come before the last one was read wait their turn, and count as held', () => {
  const framer = new Framer()
  framer.push(Buffer.concat([packet(10, 1), packet(10, 2)]))
  expect(framer.next(LIMIT)).toBe(true)
  framer.push(packet(30, 3))
  framer.push(Buffer.alloc(0))
  framer.push(packet(40, 4))
  expect(framer.bufferedBytes).toBe(80)
  const sizes: number[] = []
  while (framer.next(LIMIT)) sizes.push(found(framer).length)
  expect(sizes).toEqual([10, 30, 40])
})

test('an idle framer holds on to nothing', () => {
  const framer = new Framer()
  framer.push(packet(100, 1))
  expect(framer.next(LIMIT)).toBe(true)
  expect(framer.next(LIMIT)).toBe(false)
  expect(framer.bytes.length).toBe(0)
})

test('the first byte is known before the packet is complete', () => {
  const framer = new Framer()
  expect(framer.firstByte).toBe(-1)
  framer.push(Buffer.from([0x30]))
  expect(framer.firstByte).toBe(0x30)
  expect(framer.next(LIMIT)).toBe(false)
  expect(framer.firstByte).toBe(0x30)
  framer.push(Buffer.from([5, 0]))
  expect(framer.next(LIMIT)).toBe(false)
  expect(framer.firstByte).toBe(0x30)
})
