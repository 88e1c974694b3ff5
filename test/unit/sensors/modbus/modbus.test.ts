// A slave's values in virtual time: rounds over its blocks, what is refused, what is missed.
import { beforeEach, describe, expect, test } from 'vitest'
import type { ModbusReadConfig, ModbusSensorConfig } from '../../../../src/config/config.ts'
import { makeMessage } from '../../../../src/message.ts'
import { Buses } from '../../../../src/sensors/modbus/buses.ts'
import { makeModbusSource, REFUSED_POLLS, WHOLE_POLLS } from '../../../../src/sensors/modbus/modbus.ts'
import type { Source } from '../../../../src/sensors/sensor.ts'
import { crc16Modbus } from '../../../../src/sensors/serial/checksum.ts'
import { FakeClock, settle } from '../../../support/fake-clock.ts'
import { FakePorts } from '../../../support/fake-ports.ts'
import { SourceBed } from '../../../support/source-bed.ts'

let clock: FakeClock
let ports: FakePorts
let bed: SourceBed
let source: Source
/** Registers of the slave; an address that is not there is illegal. */
let holding: Map<number, number>
let isSilent: boolean
let asked: string[]

beforeEach(() => {
  clock = new FakeClock()
  ports = new FakePorts()
  bed = new SourceBed(clock, 'meter')
  holding = new Map()
  isSilent = false
  asked = []
  ports.onWrite = (request) => {
    asked.push(`${request[1]} ${request.readUInt16BE(2)}+${request.readUInt16BE(4)}`)
    if (!isSilent) clock.after(20, () => ports.say(answerTo(request)))
  }
})

function answerTo(request: Buffer): Buffer {
  const [address, count] = [request.readUInt16BE(2), request.readUInt16BE(4)]
  if (request[1] === 6) return request
  const values = Array.from({ length: count }, (_, i) => holding.get(address + i))
  const pdu = values.includes(undefined) ? Buffer.of(3, 0x83, 2) : Buffer.from([3, 3, 2 * count, ...values.flatMap((v) => [v! >> 8, v! & 0xff])])
  const crc = Buffer.alloc(2)
  crc.writeUInt16LE(crc16Modbus(pdu))
  return Buffer.concat([pdu, crc])
}

async function rest(): Promise<void> {
  for (let i = 0; i < 5; i++) await settle()
}

async function start(addresses: readonly number[], more: Partial<ModbusSensorConfig['modbus']> = {}): Promise<void> {
  const reads = addresses.map((address): ModbusReadConfig => ({ name: `r${address}`, table: 'holding', address, count: 1, type: 'uint16', bits: null, words: 'big', bytes: 'big' }))
  const modbus = { bus: 'b', slave: 3, pollMs: 1000, reads, writes: [], gapMax: 0, registersMax: 125, avoid: [], ...more }
  const serial = { path: '/dev/ttyUSB0', baud: 9600, dataBits: 8, parity: 'none', stopBits: 1, flowControl: 'none' } as const
  const buses = new Buses([{ name: 'b', modbus: { line: { kind: 'serial', serial }, timeoutMs: 100, retries: 1 } }], { clock, ports, random: () => 0 })
  const config: ModbusSensorConfig = { kind: 'modbus', name: 'meter', tenant: '', topic: 't', qos: 0, retain: false, reading: null, modbus }
  source = await makeModbusSource(config, bed.deps, buses)
  source.start()
  await rest()
}

describe('polls', () => {
  test('at once and at its pace, a block after the other, all values together', async () => {
    for (const address of [0, 1, 50]) holding.set(address, 100 + address)
    await start([0, 1, 50])
    clock.advance(100)
    expect(bed.taken.map(({ fields }) => ({ ...fields }))).toEqual([{ r0: 100, r1: 101, r50: 150 }])
    expect(bed.record.status).toBe('ok')
    clock.advance(2000)
    expect(bed.taken).toHaveLength(3)
    expect(asked).toEqual(['3 0+2', '3 50+1', '3 0+2', '3 50+1', '3 0+2', '3 50+1'])
  })

  test('one that falls due while the last has not ended is missed, and counted', async () => {
    holding.set(0, 1)
    await start([0], { pollMs: 10 })
    clock.advance(1000)
    expect(bed.taken.length).toBeGreaterThan(30)
    expect(bed.taken.length + bed.record.snapshot.skipped.missed).toBeGreaterThan(95)
  })

  test('a bus that is not there', async () => {
    const buses = new Buses([], { clock, ports, random: () => 0 })
    await expect(makeModbusSource({ modbus: { bus: 'x', reads: [] } } as unknown as ModbusSensorConfig, bed.deps, buses)).rejects.toThrow('there is no bus "x"')
  })

  test('nothing is left when it stops, in the middle of a round too', async () => {
    holding.set(0, 1)
    await start([0])
    clock.advance(10)
    expect(asked).toHaveLength(1)
    await Promise.all([source.stop(), source.stop()])
    clock.advance(10_000)
    expect([asked.length, bed.taken.length, ports.open_]).toEqual([1, 0, 0])
  })
})

describe('what goes wrong', () => {
  test('a refused register is found by halves within the first round, told, and asked for in every tenth only', async () => {
    for (const address of [0, 1, 2, 4, 5, 6, 7]) holding.set(address, address)
    await start([0, 1, 2, 3, 4, 5, 6, 7])
    clock.advance(900)
    expect({ ...bed.taken[0]!.fields }).toEqual({ r0: 0, r1: 1, r2: 2, r4: 4, r5: 5, r6: 6, r7: 7 })
    expect(bed.record.snapshot).toMatchObject({ status: 'degraded', lastError: expect.stringContaining('slave 3 on the bus "b" refuses holding register 3 (illegal data address'), skipped: { exception: 4 } })
    asked.length = 0
    clock.advance(REFUSED_POLLS * 1000)
    expect(asked.filter((one) => one === '3 3+1')).toHaveLength(1)
    holding.set(3, 33)
    clock.advance(REFUSED_POLLS * 1000)
    expect(bed.record.status).toBe('ok')
    expect(bed.last).toMatchObject({ r3: 33 })
  })

  test('a device that refused while it was starting is read in one request again', async () => {
    await start([0, 1, 2])
    clock.advance(900)
    expect(bed.record.status).toBe('gone')
    for (const address of [0, 1, 2]) holding.set(address, 7)
    clock.advance(WHOLE_POLLS * 1000)
    asked.length = 0
    clock.advance(2000)
    expect(bed.record.status).toBe('ok')
    expect(asked).toEqual(['3 0+3', '3 0+3'])
  })

  test('a silent slave is gone, and the rest of its blocks is not asked for', async () => {
    isSilent = true
    await start([0, 50])
    clock.advance(900)
    expect(asked).toEqual(['3 0+1', '3 0+1'])
    expect(bed.record.snapshot).toMatchObject({ status: 'gone', lastError: expect.stringContaining('does not answer'), skipped: { 'no-answer': 1 } })
    isSilent = false
    for (const address of [0, 50]) holding.set(address, 7)
    clock.advance(4000)
    expect(bed.record.status).toBe('ok')
  })

  test('a lost line is told once with its reason, and a new one begins anew', async () => {
    holding.set(0, 1)
    await start([0])
    clock.advance(10)
    ports.events!.lost('Error: Input/output error')
    expect(bed.record.snapshot).toMatchObject({ status: 'gone', lastError: expect.stringContaining('no device answers behind /dev/ttyUSB0') })
    expect(bed.log.filter((text) => text.startsWith('warn'))).toHaveLength(1)
    await clock.advanceAsync(2000)
    await rest()
    clock.advance(200)
    expect(bed.record.status).toBe('ok')
  })
})

describe('commands', () => {
  const write = { topic: 'set', table: 'holding', address: 9, type: 'uint16', multiple: false, words: 'big', bytes: 'big' } as const
  const asking = { properties: Buffer.from([8, 0, 1, 0x72]) }

  test('are answered, and followed by a reading', async () => {
    holding.set(0, 1)
    await start([0], { writes: [write], pollMs: 60_000 })
    clock.advance(100)
    bed.subscriptions.get('set')!(makeMessage('set', '7', asking))
    clock.advance(100)
    expect(asked).toEqual(['3 0+1', '6 9+7', '3 0+1'])
    expect(bed.replies.map((reply) => [reply.topic.name, reply.payload.toString()])).toEqual([['r', '{"status":"written"}']])
  })

  test('that nobody takes are refused and counted', async () => {
    isSilent = true
    await start([], { writes: [write] })
    expect(bed.record.status).toBe('ok')
    bed.subscriptions.get('set')!(makeMessage('set', '7', asking))
    clock.advance(1000)
    await source.stop()
    bed.subscriptions.get('set')!(makeMessage('set', '7', asking))
    bed.subscriptions.get('set')!(makeMessage('set', 'seven', asking))
    bed.subscriptions.get('set')!(makeMessage('set', '7'))
    expect(bed.replies.map((reply) => (JSON.parse(reply.payload.toString()) as { status: string }).status)).toEqual(['no-answer', 'gone', 'bad-value'])
    expect(bed.record.snapshot.skipped['not-written']).toBe(4)
  })
})
