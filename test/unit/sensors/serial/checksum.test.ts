import { describe, expect, test } from 'vitest'
import type { ChecksumConfig } from '../../../../src/config/config.ts'
import { makeChecksum } from '../../../../src/sensors/serial/checksum.ts'

const CHECK = '123456789'

function config(kind: ChecksumConfig['kind'], more: Partial<ChecksumConfig> = {}): ChecksumConfig {
  return { kind, from: 0, to: null, at: null, endian: kind === 'crc16-modbus' ? 'little' : 'big', hex: false, ...more }
}

// What each kind gives for "123456789", as the catalogues of checksums have it.
const KINDS: [kind: ChecksumConfig['kind'], hex: string][] = [
  ['crc16-modbus', '374b'],
  ['crc16-ccitt', '29b1'],
  ['crc8', 'f4'],
  ['sum8', 'dd'],
  ['sum16', '01dd'],
  ['xor8', '31'],
]

describe('checksums', () => {
  test.each(KINDS)('%s', (kind, hex) => {
    const check = makeChecksum(config(kind))
    const frame = Buffer.concat([Buffer.from(CHECK), Buffer.from(hex, 'hex')])
    expect(check(frame)?.toString()).toBe(CHECK)
    for (let i = 0; i < frame.length; i++) {
      const bent = Buffer.from(frame)
      bent[i]! ^= 0x10
      expect(check(bent), `byte ${i}`).toBe(null)
    }
  })

  test('too short a frame has none', () => {
    for (const [kind] of KINDS) expect(makeChecksum(config(kind))(Buffer.alloc(0))).toBe(null)
    expect(makeChecksum(config('crc16-modbus'))(Buffer.from('a'))).toBe(null)
    expect(makeChecksum(config('sum8', { at: 5 }))(Buffer.from('abc'))).toBe(null)
    expect(makeChecksum(config('sum8', { from: 4 }))(Buffer.from('abc'))).toBe(null)
  })

  test('in the middle it stays, at the end it goes', () => {
    const frame = Buffer.of(0x7e, 1 + 2, 1, 2)
    expect(makeChecksum(config('sum8', { at: 1, from: 2, to: 4 }))(frame)).toEqual(frame)
    expect(makeChecksum(config('sum8', { from: 1 }))(Buffer.of(0x7e, 1, 2, 3))).toEqual(Buffer.of(0x7e, 1, 2))
  })

  test('the other byte first, and as digits', () => {
    expect(makeChecksum(config('crc16-ccitt', { endian: 'little' }))(Buffer.from(`${CHECK}\xb1\x29`, 'latin1'))?.toString()).toBe(CHECK)
    expect(makeChecksum(config('xor8', { hex: true }))(Buffer.from(`${CHECK}31`))?.toString()).toBe(CHECK)
    expect(makeChecksum(config('crc8', { hex: true }))(Buffer.from(`${CHECK}F4`))?.toString()).toBe(CHECK)
    expect(makeChecksum(config('xor8', { hex: true }))(Buffer.from(`${CHECK}3x`))).toBe(null)
  })
})
