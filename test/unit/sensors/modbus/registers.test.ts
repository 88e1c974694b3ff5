import { describe, expect, test } from 'vitest'
import type { ModbusReadConfig, ModbusWriteConfig } from '../../../../src/config/config.ts'
import { valueIn, valueToWrite } from '../../../../src/sensors/modbus/registers.ts'

type Words = Pick<ModbusReadConfig, 'words' | 'bytes'>

const ABCD: Words = { words: 'big', bytes: 'big' }
const CDAB: Words = { words: 'little', bytes: 'big' }
const BADC: Words = { words: 'big', bytes: 'little' }
const DCBA: Words = { words: 'little', bytes: 'little' }

function value(type: ModbusReadConfig['type'], hex: string, more: Partial<ModbusReadConfig> = {}): unknown {
  const bytes = Buffer.from(`ffff${hex}`, 'hex')
  const read: ModbusReadConfig = { name: 'v', table: 'holding', address: 101, count: hex.length / 4, type, bits: null, ...ABCD, ...more }
  return valueIn({ table: 'holding', address: 100, count: bytes.length / 2, reads: [read] }, bytes, read)
}

describe('values in registers', () => {
  test.each([
    ['uint16', 'fffe', {}, 65_534],
    ['int16', 'fffe', {}, -2],
    ['uint16', 'feff', BADC, 65_534],
    ['uint32', '01020304', ABCD, 0x01020304],
    ['uint32', '03040102', CDAB, 0x01020304],
    ['uint32', '02010403', BADC, 0x01020304],
    ['uint32', '04030201', DCBA, 0x01020304],
    ['int32', 'fffffffe', ABCD, -2],
    ['float32', '41ab3333', ABCD, 21.4],
    ['float32', '333341ab', CDAB, 21.4],
    ['uint64', '0708050603040102', CDAB, '72623859790382856'],
    ['int64', 'fffffffffffffffe', ABCD, -2],
    ['float64', '4035666666666666', ABCD, 21.4],
    ['uint16', '0008', { bits: { from: 3, to: 3 } }, true],
    ['uint32', '00080000', { ...CDAB, bits: { from: 3, to: 3 } }, true],
    ['uint16', 'a500', { bits: { from: 12, to: 15 } }, 10],
    ['string', '414243002020', {}, 'ABC'],
    ['string', '42414443', BADC, 'ABCD'],
  ] as const)('%s %s %o', (type, hex, more, expected) => {
    expect(value(type, hex, more)).toBe(expected)
  })

  test('bits stand from the lowest of the first byte', () => {
    const bit = (address: number): unknown => {
      const read: ModbusReadConfig = { name: 'v', table: 'coil', address, count: 1, type: 'bit', bits: null, ...ABCD }
      return valueIn({ table: 'coil', address: 20, count: 10, reads: [read] }, Buffer.of(0x05, 0x02), read)
    }
    expect(Array.from({ length: 10 }, (_, i) => bit(20 + i))).toEqual([true, false, true, false, false, false, false, false, false, true])
  })
})

describe('commands', () => {
  const write = (type: ModbusWriteConfig['type'], more: Partial<ModbusWriteConfig> = {}): ModbusWriteConfig => ({ topic: 't', table: type === 'bit' ? 'coil' : 'holding', address: 0, type, multiple: false, ...ABCD, ...more })
  const said = (type: ModbusWriteConfig['type'], payload: string, more: Partial<ModbusWriteConfig> = {}): unknown => valueToWrite(write(type, more), Buffer.from(payload))

  test.each([
    ['bit', 'on', true],
    ['bit', 'OFF', false],
    ['bit', '1', true],
    ['bit', ' false\n', false],
    ['bit', '{"value":"on"}', true],
    ['bit', '2', null],
    ['bit', '', null],
    ['uint16', '65535', [65_535]],
    ['uint16', '65536', null],
    ['uint16', '-1', null],
    ['uint16', '1.5', null],
    ['uint16', '{"value": 7}', [7]],
    ['uint16', '{"value":7,"for":"10s"}', null],
    ['uint16', 'true', [1]],
    ['uint16', '0x10', null],
    ['int16', '-32768', [0x8000]],
    ['uint32', '16909060', [0x0102, 0x0304]],
    ['int32', '-2', [0xffff, 0xfffe]],
    ['uint64', '18446744073709551615', [0xffff, 0xffff, 0xffff, 0xffff]],
    ['uint64', '18446744073709551616', null],
    ['int64', '-9223372036854775808', [0x8000, 0, 0, 0]],
    ['float32', '21.4', [0x41ab, 0x3333]],
    ['float32', '1e39', null],
    ['float64', '1e309', null],
  ] as const)('%s of %j', (type, payload, expected) => {
    expect(said(type, payload)).toEqual(expected)
  })

  test('words and bytes of the device', () => {
    expect(said('uint32', '16909060', CDAB)).toEqual([0x0304, 0x0102])
    expect(said('uint32', '16909060', DCBA)).toEqual([0x0403, 0x0201])
  })
})
