// What serial sensors, buses and Modbus slaves of a file become.
import { describe, expect, it } from 'vitest'
import type { BusConfig, ModbusSensorConfig, SerialSensorConfig } from '../../../src/config/config.ts'
import { accepted } from './gateway-yaml.ts'

const serial = (keys: string): SerialSensorConfig => accepted(`site: s\nsensors: [{ name: a, topic: t, serial: { path: /dev/x }, ${keys} }]`).sensors[0] as SerialSensorConfig

describe('frames', () => {
  const NONE = Buffer.alloc(0)
  it.each([
    ['slip', { kind: 'slip' }],
    ['{ length: 16 }', { kind: 'length', start: NONE, bytes: 16, gapMs: 100 }],
    ['{ length: 32, start: "BM", resync: 500ms }', { kind: 'length', start: Buffer.from('BM'), bytes: 32, gapMs: 500 }],
    ['{ lengthPrefix: { bytes: 2 } }', { kind: 'length-prefix', start: NONE, prefixBytes: 2, endian: 'big', at: 0, counts: 'rest', trailerBytes: 0, include: false, gapMs: 100 }],
    [
      String.raw`{ lengthPrefix: { bytes: 2, endian: little, at: 4, counts: frame, trailer: 2 }, start: '\xb5\x62', include: true }`,
      { kind: 'length-prefix', start: Buffer.of(0xb5, 0x62), prefixBytes: 2, endian: 'little', at: 4, counts: 'frame', trailerBytes: 2, include: true, gapMs: 100 },
    ],
    [String.raw`{ start: '\x02', end: '\x03', include: true }`, { kind: 'between', start: Buffer.of(2), end: Buffer.of(3), include: true }],
    ['{ gap: 20ms }', { kind: 'gap', gapMs: 20 }],
  ])('%s', (written, frame) => expect(serial(`frame: ${written}`).frame).toEqual(frame))
})

describe('what stands in a frame', () => {
  it('a layout: fields follow one another, or stand where they say', () => {
    const decode = serial('decode: { endian: little, struct: [{ name: a, type: uint16 }, { name: b, type: bool }, { name: c, type: uint8, at: 2, bits: 4-7 }, { name: d, type: char, bytes: 8, endian: big }] }').decode
    const field = (name: string, type: string, at: number, bytes: number, more = {}): object => ({ name, type, at, bytes, endian: 'little', bits: null, ...more })
    expect(decode).toEqual({
      kind: 'struct',
      bytes: 11,
      fields: [field('a', 'uint16', 0, 2), field('b', 'bool', 2, 1), field('c', 'uint8', 2, 1, { bits: { from: 4, to: 7 } }), field('d', 'char', 3, 8, { endian: 'big' })],
    })
    expect(serial('decode: { bytes: 9, struct: [{ name: a, type: uint16, bits: 15 }] }').decode).toMatchObject({ bytes: 9, fields: [{ bits: { from: 15, to: 15 } }] })
  })

  it('checksums: usual for their kind, or as written', () => {
    expect(serial('checksum: crc16-modbus').checksum).toEqual({ kind: 'crc16-modbus', from: 0, to: null, at: null, endian: 'little', hex: false })
    expect(serial('checksum: { kind: xor8, from: 1, to: -3, at: -2, hex: true }').checksum).toEqual({ kind: 'xor8', from: 1, to: -3, at: -2, endian: 'big', hex: true })
  })

  it('values are made of the names that frames have', () => {
    expect(serial('decode: { csv: [lvl, temp] }, values: { level: { from: lvl } }').reading).toMatchObject({ values: [{ name: 'level', from: 'lvl' }] })
    expect(serial('decode: raw').reading).toBe(null)
  })
})

it('polls and commands', () => {
  const sensor = serial(String.raw`poll: { request: 'READ?\r\n', every: 2s, timeout: 300ms }, write: { topic: set, suffix: "\r" }`)
  expect(sensor.poll).toEqual({ request: Buffer.from('READ?\r\n'), everyMs: 2000, timeoutMs: 300 })
  expect(sensor.write).toEqual({ topic: 'set', prefix: Buffer.alloc(0), suffix: Buffer.from('\r') })
})

describe('buses', () => {
  const bus = (modbus: string): BusConfig => accepted(`site: s\nbuses: [{ name: b, modbus: ${modbus} }]`).buses[0]!

  it('a line, with its port', () => {
    const port = { path: '/dev/x', baud: 19_200, dataBits: 8, parity: 'even', stopBits: 1, flowControl: 'none' }
    expect(bus('{ serial: { path: /dev/x, baud: 19200, parity: even }, timeout: 1s, retries: 0 }')).toEqual({ name: 'b', modbus: { line: { kind: 'serial', serial: port }, timeoutMs: 1000, retries: 0 } })
  })

  it.each([
    ['192.168.1.5', '192.168.1.5', 502],
    ['plc.local:1502', 'plc.local', 1502],
    ['[fd00::5]', 'fd00::5', 502],
    ['[fd00::5]:1502', 'fd00::5', 1502],
  ])('a server at %s', (written, host, port) => {
    expect(bus(`{ tcp: "${written}" }`).modbus).toEqual({ line: { kind: 'tcp', host, port }, timeoutMs: 500, retries: 1 })
  })
})

describe('slaves', () => {
  const slave = (keys: string): ModbusSensorConfig =>
    accepted(`site: s\nbuses: [{ name: b, modbus: { tcp: plc } }]\nsensors: [{ name: a, topic: t, modbus: { bus: b, slave: 3, ${keys} } }]`).sensors[0] as ModbusSensorConfig

  it('values of every table', () => {
    const { modbus, reading } = slave('read: [{ name: volt, input: 0, type: float32 }, { name: energy, holding: 52, type: uint32, words: little }, { name: tag, holding: 80, type: string, registers: 8 }, { name: alarm, holding: 7, bits: 3 }, { name: pump, coil: 1 }, { name: door, discrete: 2 }]')
    const value = (name: string, table: string, address: number, type: string, count = 1, more = {}): object => ({ name, table, address, count, type, bits: null, words: 'big', bytes: 'big', ...more })
    expect(modbus).toEqual({
      bus: 'b', slave: 3, pollMs: 10_000, writes: [], gapMax: 8, registersMax: 125, avoid: [],
      reads: [
        value('volt', 'input', 0, 'float32', 2),
        value('energy', 'holding', 52, 'uint32', 2, { words: 'little' }),
        value('tag', 'holding', 80, 'string', 8),
        value('alarm', 'holding', 7, 'uint16', 1, { bits: { from: 3, to: 3 } }),
        value('pump', 'coil', 1, 'bit'),
        value('door', 'discrete', 2, 'bit'),
      ],
    })
    expect(reading).not.toBe(null)
  })

  it('commands, and what is never touched', () => {
    const { modbus } = slave('poll: 1s, maxGap: 0, maxRegisters: 16, avoid: { holding: [4, 10-19], coil: [7] }, write: [{ topic: set, holding: 10, type: int16, multiple: true }, { topic: pump/set, coil: 3 }]')
    expect(modbus).toMatchObject({
      pollMs: 1000, gapMax: 0, registersMax: 16,
      avoid: [{ table: 'holding', from: 4, to: 4 }, { table: 'holding', from: 10, to: 19 }, { table: 'coil', from: 7, to: 7 }],
      writes: [{ topic: 'set', table: 'holding', address: 10, type: 'int16', multiple: true, words: 'big', bytes: 'big' }, { topic: 'pump/set', table: 'coil', address: 3, type: 'bit', multiple: false }],
    })
  })
})
