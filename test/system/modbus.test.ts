// Modbus against slaves of another make (pymodbus), over a real pseudo terminal and over TCP.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../src/clock.ts'
import type { BusConfig, ModbusReadConfig, ModbusSensorConfig, ModbusWriteConfig } from '../../src/config/config.ts'
import { makeMessage } from '../../src/message.ts'
import type { Sensor } from '../../src/sensors/sensor.ts'
import { ModbusSlaves } from '../support/modbus-slave.ts'
import { SensorBed } from '../support/sensor-bed.ts'
import { until } from '../support/until.ts'

let bed: SensorBed<Clock>
let sensors: Sensor[]

beforeEach(() => {
  bed = new SensorBed<Clock>(systemClock)
  sensors = []
})

afterEach(async () => {
  for (const sensor of sensors) await sensor.stop()
})

function rtuBus(path: string, more: Partial<BusConfig['modbus']> = {}): BusConfig {
  const serial = { path, baud: 9600, dataBits: 8, parity: 'none', stopBits: 1, flowControl: 'none' } as const
  return { name: 'rs485', modbus: { line: { kind: 'serial', serial }, timeoutMs: 200, retries: 1, ...more } }
}

function tcpBus(port: number): BusConfig {
  return { name: 'rs485', modbus: { line: { kind: 'tcp', host: '127.0.0.1', port }, timeoutMs: 200, retries: 1 } }
}

function read(name: string, table: ModbusReadConfig['table'], address: number, more: Partial<ModbusReadConfig> = {}): ModbusReadConfig {
  const type = table === 'coil' || table === 'discrete' ? 'bit' : 'uint16'
  return { name, table, address, count: 1, type, bits: null, words: 'big', bytes: 'big', ...more }
}

function sensorOf(slave: number, reads: readonly ModbusReadConfig[], more: Partial<ModbusSensorConfig['modbus']> = {}): Sensor {
  const config: ModbusSensorConfig = {
    kind: 'modbus',
    name: `meter${slave}`,
    tenant: '',
    topic: `site/meter${slave}`,
    qos: 0,
    retain: false,
    reading: {
      values: null,
      everyMs: null,
      onChange: false,
      deadband: null,
      silenceMsMax: Infinity,
      staleMs: Infinity,
      payload: { kind: 'json', keys: reads.map(({ name }) => ({ key: name, word: name })) },
    },
    modbus: { bus: 'rs485', slave, pollMs: 50, reads, writes: [], gapMax: 8, registersMax: 125, avoid: [], ...more },
  }
  const sensor = bed.sensor(config)
  sensors.push(sensor)
  return sensor
}

function lastOf(slave: number): unknown {
  const message = bed.messages.findLast(({ topic }) => topic.name === `site/meter${slave}`)
  return message === undefined ? undefined : JSON.parse(message.payload.toString())
}

const VALUES = {
  3: { holding: { 0: 230, 1: 0xfff6, 2: 0x41ab, 3: 0x3333, 10: 0x4142, 11: 0x4300, 12: 0x0008 }, input: { 0: 0x5678, 1: 0x1234 }, coil: { 0: true, 1: false, 9: true }, discrete: { 4: true } },
}
const READS = [
  read('volt', 'holding', 0),
  read('temp', 'holding', 1, { type: 'int16' }),
  read('level', 'holding', 2, { type: 'float32', count: 2 }),
  read('tag', 'holding', 10, { type: 'string', count: 2 }),
  read('alarm', 'holding', 12, { bits: { from: 3, to: 3 } }),
  read('energy', 'input', 0, { type: 'uint32', count: 2, words: 'little' }),
  read('pump', 'coil', 0),
  read('valve', 'coil', 9),
  read('door', 'discrete', 4),
]
const SAID = { volt: 230, temp: -10, level: 21.4, tag: 'ABC', alarm: true, energy: 0x12345678, pump: true, valve: true, door: true }

describe.each(['rtu', 'tcp'] as const)('%s', (kind) => {
  const plug = (values: Parameters<typeof ModbusSlaves.tcp>[0]): Promise<ModbusSlaves> => (kind === 'rtu' ? ModbusSlaves.rtu(values) : ModbusSlaves.tcp(values))
  const busOf = (slaves: ModbusSlaves): BusConfig => (kind === 'rtu' ? rtuBus(slaves.path) : tcpBus(slaves.port))

  test('values of every table and type', async () => {
    await using slaves = await plug({ 3: { ...VALUES[3], holding: { ...VALUES[3].holding, 4: 0, 5: 0, 6: 0, 7: 0, 8: 0, 9: 0 }, coil: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [i, i === 0 || i === 9])) } })
    bed.buses.push(busOf(slaves))
    const sensor = sensorOf(3, READS)
    sensor.start()
    await until(() => lastOf(3) !== undefined, 'a reading')
    expect(lastOf(3)).toEqual(SAID)
    expect(sensor.state.status).toBe('ok')
    expect(slaves.requests.slice(0, 4).map(({ function: code, address, count }) => [code, address, count])).toEqual([[1, 0, 10], [2, 4, 1], [3, 0, 13], [4, 0, 2]])
  })

  test('a slave that is switched off does not keep the others from their rate, and comes back by itself', { timeout: 30_000 }, async () => {
    await using slaves = await plug({ 3: { holding: { 0: 3 } }, 4: { holding: { 0: 4 } } })
    bed.buses.push(busOf(slaves))
    await slaves.tell(4, { silent: true })
    const [well, dead] = [sensorOf(3, [read('v', 'holding', 0)]), sensorOf(4, [read('v', 'holding', 0)])]
    well.start()
    dead.start()
    await until(() => dead.state.status === 'gone', 'the silent one to be gone')
    expect(dead.state.lastError).toContain('slave 4 on the bus "rs485" does not answer')
    const before = bed.messages.length
    const startedAtMs = performance.now()
    await until(() => bed.messages.length >= before + 20, 'twenty readings', 10_000)
    // A request to the silent one before each of them would take three times as long.
    expect(performance.now() - startedAtMs, 'at 50 ms each, and few requests to the silent one').toBeLessThan(20 * 50 + 2500)
    await slaves.tell(4, { silent: false })
    await until(() => lastOf(4) !== undefined, 'the silent one to be back', 15_000)
    expect(dead.state.status).toBe('ok')
  })

  test('a late answer is not taken for the present one', async () => {
    await using slaves = await plug({ 3: { holding: { 0: 1, 100: 2 } } })
    bed.buses.push(busOf(slaves))
    const sensor = sensorOf(3, [read('a', 'holding', 0), read('b', 'holding', 100)], { pollMs: 60_000 })
    // Later than the time-out of the first request, and while it is waited for before the next.
    await slaves.tell(3, { delay: 0.3 })
    sensor.start()
    await until(() => slaves.requests.length === 1, 'the first request')
    await slaves.tell(3, { delay: 0 })
    await until(() => lastOf(3) !== undefined, 'a reading')
    expect(lastOf(3)).toEqual({ a: 1, b: 2 })
    await until(() => sensor.state.skipped.unasked === 1, 'the late one to be counted')
    expect(slaves.requests.map(({ address }) => address)).toEqual([0, 0, 100])
  })

  test('an illegal address costs its value only, and is told', async () => {
    await using slaves = await plug({ 3: { holding: { 0: 10, 1: 11, 2: 12, 4: 14 } } })
    bed.buses.push(busOf(slaves))
    const sensor = sensorOf(3, [0, 1, 2, 3, 4].map((address) => read(`r${address}`, 'holding', address)))
    sensor.start()
    await until(() => lastOf(3) !== undefined, 'a reading')
    expect(lastOf(3)).toMatchObject({ r0: 10, r1: 11, r2: 12, r4: 14 })
    expect(sensor.state).toMatchObject({ status: 'degraded', lastError: expect.stringContaining('refuses holding register 3 (illegal data address') })
    // Once found, the bad one is asked for in every tenth poll only.
    await until(() => bed.messages.length >= 12, 'more readings')
    const asked = slaves.requests.filter(({ address, count }) => address <= 3 && address + count > 3)
    expect(asked.length).toBeLessThanOrEqual(5)
  })

  test('commands are written and answered', async () => {
    await using slaves = await plug({ 3: { holding: { 0: 0, 1: 0, 2: 0 }, coil: { 5: false } } })
    bed.buses.push(busOf(slaves))
    const write = (topic: string, more: Partial<ModbusWriteConfig>): ModbusWriteConfig => ({ topic, table: 'holding', address: 0, type: 'uint16', multiple: false, words: 'big', bytes: 'big', ...more })
    const writes = [write('one', {}), write('two', { address: 1, type: 'float32' }), write('coil', { table: 'coil', address: 5, type: 'bit' }), write('coils', { table: 'coil', address: 5, type: 'bit', multiple: true }), write('nowhere', { address: 99 })]
    const sensor = sensorOf(3, [read('one', 'holding', 0), read('two', 'holding', 1, { type: 'float32', count: 2 }), read('pump', 'coil', 5)], { writes })
    sensor.start()
    await until(() => sensor.state.status === 'ok', 'the first reading')
    const response = Buffer.from([8, 0, 4, ...Buffer.from('said')])
    const command = async (topic: string, payload: string): Promise<unknown> => {
      const before = bed.replies.length
      bed.commands.get(topic)!(makeMessage(topic, payload, { properties: response }))
      await until(() => bed.replies.length > before, `an answer to ${topic}`)
      return JSON.parse(bed.replies.at(-1)!.payload.toString())
    }
    expect(await command('one', '513')).toEqual({ status: 'written' })
    expect(await command('two', '21.4')).toEqual({ status: 'written' })
    expect(await command('coil', 'on')).toEqual({ status: 'written' })
    await until(() => JSON.stringify(lastOf(3)) === '{"one":513,"two":21.4,"pump":true}', 'what was written to be read')
    expect(await command('coils', '{"value":false}')).toEqual({ status: 'written' })
    await until(() => JSON.stringify(lastOf(3)) === '{"one":513,"two":21.4,"pump":false}', 'what was written to be read')
    expect(await command('nowhere', '1')).toMatchObject({ status: 'refused', why: expect.stringContaining('illegal data address') })
    expect(await command('one', '65536')).toMatchObject({ status: 'bad-value' })
    expect(sensor.state.skipped['not-written']).toBe(2)
    expect([...new Set(slaves.requests.map((r) => r.function))].toSorted((a, b) => a - b)).toEqual([1, 3, 5, 6, 15, 16])
  })

  test('unplugged it is gone, plugged in again it reads again', { timeout: 40_000 }, async () => {
    await using slaves = await plug({ 3: { holding: { 0: 7 } } })
    bed.buses.push(busOf(slaves))
    const sensor = sensorOf(3, [read('v', 'holding', 0)])
    sensor.start()
    await until(() => lastOf(3) !== undefined, 'a reading')
    await slaves.unplug()
    await until(() => sensor.state.status === 'gone', 'the loss to be seen', 10_000)
    if (kind === 'tcp') return // the port would be another one
    await slaves.plug()
    await until(() => sensor.state.status === 'ok', 'the line to be back', 20_000)
  })
})

describe('rtu alone', () => {
  test('noise before an answer costs nothing, a garbled answer is told as one', async () => {
    await using slaves = await ModbusSlaves.rtu({ 3: { holding: { 0: 7 } } })
    bed.buses.push(rtuBus(slaves.path))
    const sensor = sensorOf(3, [read('v', 'holding', 0)])
    sensor.start()
    await until(() => sensor.state.status === 'ok', 'a reading')
    await slaves.noise('03ff0300')
    await slaves.tell(3, { garble: true })
    // On a machine that stands still for a moment one answer may be late as well.
    await until(() => sensor.state.status === 'gone' && sensor.state.lastError?.includes('garbled') === true, 'the garbled answers to be seen', 15_000)
    expect(sensor.state.skipped['wrong-checksum']).toBeGreaterThan(0)
    await slaves.tell(3, { garble: false })
    await until(() => sensor.state.status === 'ok', 'it to be well again', 15_000)
  })

  test('one bus, two sensors of one slave, one port; the last one to stop closes it', async () => {
    await using slaves = await ModbusSlaves.rtu({ 3: { holding: { 0: 7, 50: 8 } } })
    bed.buses.push(rtuBus(slaves.path))
    const first = sensorOf(3, [read('v', 'holding', 0)])
    const second = sensorOf(3, [read('v', 'holding', 50)])
    first.start()
    second.start()
    await until(() => first.state.status === 'ok' && second.state.status === 'ok', 'both to read')
    await first.stop()
    const before = bed.messages.length
    await until(() => bed.messages.length > before, 'the second to read on')
    await second.stop()
  })
})
