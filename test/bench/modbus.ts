// node test/bench/modbus.ts: how long 50 Modbus registers take on one 9,600-baud line, against the time that their bytes need on the wire.
//
// The line is a pseudo terminal whose slaves (pymodbus, another process) take and give each byte in its 1.04 ms and know the end of a request by
// the 3.5 characters of silence that the standard wants. Two wire times are told: of the bytes alone, and with the two silences that belong to
// each request. A cycle counts from its first request to its last reading; medians. The exit code is 1 when one takes more than LIMIT times
// the second, or the first layout more than LIMIT times the first. The machine must be idle: a slave that waits for a core is no slow wire.
import { systemClock } from '../../src/clock.ts'
import type { ModbusReadConfig, ModbusSensorConfig } from '../../src/config/config.ts'
import { serialPorts } from '../../src/serial-port.ts'
import { Buses } from '../../src/sensors/modbus/buses.ts'
import { Sensor } from '../../src/sensors/sensor.ts'
import { ModbusSlaves } from '../support/modbus-slave.ts'
import { SensorBed } from '../support/sensor-bed.ts'
import { until } from '../support/until.ts'

const LIMIT = 1.3
const BAUD = 9600
const POLL_MS = 400
const CYCLES = 20

interface Layout {
  readonly name: string
  readonly slaves: number
  /** Addresses that each slave is asked for. */
  readonly addresses: readonly number[]
}

const LAYOUTS: readonly Layout[] = [
  { name: '50 registers of one slave, side by side', slaves: 1, addresses: count(50, 1) },
  { name: '25 registers of one slave, every other one', slaves: 1, addresses: count(25, 2) },
  { name: '50 registers of one slave, in 2 blocks', slaves: 1, addresses: [...count(25, 1), ...count(25, 1).map((a) => a + 100)] },
  { name: '50 registers of 5 slaves, 10 each', slaves: 5, addresses: count(10, 1) },
]

function count(n: number, step: number): number[] {
  return Array.from({ length: n }, (_, i) => i * step)
}

function sensorConfig(slave: number, addresses: readonly number[]): ModbusSensorConfig {
  const reads = addresses.map((address): ModbusReadConfig => ({ name: `r${address}`, table: 'holding', address, count: 1, type: 'uint16', bits: null, words: 'big', bytes: 'big' }))
  const reading = { values: null, everyMs: null, onChange: false, deadband: null, silenceMsMax: Infinity, staleMs: Infinity, payload: { kind: 'json', keys: null } } as const
  const modbus = { bus: 'line', slave, pollMs: POLL_MS, reads, writes: [], gapMax: 8, registersMax: 125, avoid: [] }
  return { kind: 'modbus', name: `slave${slave}`, tenant: '', topic: `bench/${slave}`, qos: 0, retain: false, reading, modbus }
}

interface Ratios {
  readonly ofBytes: number
  readonly withSilences: number
}

async function measure(layout: Layout): Promise<Ratios> {
  const holding = Object.fromEntries(count(200, 1).map((address) => [address, address]))
  const numbers = count(layout.slaves, 1).map((i) => i + 1)
  await using slaves = await ModbusSlaves.rtu(Object.fromEntries(numbers.map((n) => [n, { holding }])), BAUD)
  const bed = new SensorBed(systemClock)
  const serial = { path: slaves.path, baud: BAUD, dataBits: 8, parity: 'none', stopBits: 1, flowControl: 'none' } as const
  const buses = new Buses([{ name: 'line', modbus: { line: { kind: 'serial', serial }, timeoutMs: 500, retries: 1 } }], { clock: systemClock, ports: serialPorts, random: Math.random })
  const sensors = numbers.map((n) => new Sensor(sensorConfig(n, layout.addresses), { ...bed.deps, buses }))
  for (const sensor of sensors) sensor.start()
  await until(() => bed.messages.length >= CYCLES * sensors.length, `${CYCLES} cycles`, 30_000)
  for (const sensor of sensors) await sensor.stop()
  return report(layout, slaves, bed)
}

function report(layout: Layout, slaves: ModbusSlaves, bed: SensorBed<typeof systemClock>): Ratios {
  const perCycle = Math.round(slaves.requests.length / (bed.messages.length / layout.slaves))
  const offsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()
  const cycles = Array.from({ length: CYCLES }, (_, i) => {
    const begunMs = slaves.requests[i * perCycle]!.at * 1000 - offsetMs
    return bed.sentAtMs[(i + 1) * layout.slaves - 1]! - begunMs
  }).toSorted((a, b) => a - b)
  const bytes = slaves.requests.slice(0, perCycle).reduce((sum, { count: registers }) => sum + 8 + 5 + 2 * registers, 0)
  const bytesMs = (bytes * 10_000) / BAUD
  // The last silence of a cycle is over after its reading.
  const wireMs = bytesMs + ((2 * perCycle - 1) * 35_000) / BAUD
  const median = cycles[CYCLES / 2]!
  const ms = (value: number): string => value.toFixed(1).padStart(5)
  console.log(`${layout.name.padEnd(43)} bytes ${ms(bytesMs)} ms, with silences ${ms(wireMs)}; cycle ${ms(median)} ms (worst ${ms(cycles.at(-1)!)}): ${(median / bytesMs).toFixed(2)} × bytes, ${(median / wireMs).toFixed(2)} × wire`)
  return { ofBytes: median / bytesMs, withSilences: median / wireMs }
}

const ratios: Ratios[] = []
for (const layout of LAYOUTS) ratios.push(await measure(layout))
if (ratios[0]!.ofBytes > LIMIT || ratios.some(({ withSilences }) => withSilences > LIMIT)) {
  console.log(`slower than ${LIMIT} times the wire time`)
  process.exitCode = 1
}
