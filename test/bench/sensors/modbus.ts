// 50 Modbus registers on one 9,600-baud line: how long a read cycle takes, against the time that it needs on the wire.
//
// The line is a pseudo terminal whose slaves (pymodbus, another process) take and give each byte in its 1.04 ms and know the end of a request by
// the 3.5 characters of silence that the standard wants. Two wire times are told: of the bytes alone, and with the two silences that belong to
// each request. A cycle counts from the writing of its first request to its last reading. The machine should be idle: a slave that waits for a core is no
// slow wire.
import { systemClock } from '../../../src/clock.ts'
import type { ModbusReadConfig, ModbusSensorConfig } from '../../../src/config/config.ts'
import { type SerialPorts, serialPorts } from '../../../src/serial-port.ts'
import { Buses } from '../../../src/sensors/modbus/buses.ts'
import { Sensor } from '../../../src/sensors/sensor.ts'
import { ModbusSlaves } from '../../support/modbus-slave.ts'
import { SensorBed } from '../../support/sensor-bed.ts'
import { until } from '../../support/until.ts'

const BAUD = 9600
const BYTE_MS = 10_000 / BAUD
const POLL_MS = 600

interface Layout {
  readonly name: string
  readonly slaves: number
  /** Addresses that each slave is asked for. */
  readonly addresses: readonly number[]
}

const LAYOUTS: readonly Layout[] = [
  { name: '50 of one slave, side by side', slaves: 1, addresses: count(50, 1) },
  { name: '25 of one slave, every other one', slaves: 1, addresses: count(25, 2) },
  { name: '50 of one slave, in two blocks', slaves: 1, addresses: [...count(25, 1), ...count(25, 1).map((a) => a + 100)] },
  { name: '50 of 5 slaves, 10 each', slaves: 5, addresses: count(10, 1) },
]

function count(n: number, step: number): number[] {
  return Array.from({ length: n }, (_, i) => i * step)
}

export async function modbus(sec: number): Promise<{ readonly text: string; readonly isWell: boolean }> {
  const cycles = Math.max(5, Math.ceil((sec * 1000) / POLL_MS / LAYOUTS.length))
  const rows: string[] = []
  let isWell = true
  for (const layout of LAYOUTS) {
    const measured = await measure(layout, cycles)
    rows.push(measured.row)
    isWell &&= measured.isWell
  }
  const head = [`50 Modbus registers at ${BAUD} baud (asked: ≤ 1.3 × the wire time); medians of ${cycles} cycles`, '', '| registers | bytes on the wire | with silences | cycle | worst | × bytes | × wire |', '|---|---:|---:|---:|---:|---:|---:|']
  return { text: [...head, ...rows, ''].join('\n'), isWell }
}

function sensorConfig(slave: number, addresses: readonly number[]): ModbusSensorConfig {
  const reads = addresses.map((address): ModbusReadConfig => ({ name: `r${address}`, table: 'holding', address, count: 1, type: 'uint16', bits: null, words: 'big', bytes: 'big' }))
  const payload = { kind: 'json', keys: reads.map(({ name }) => ({ key: name, word: name })) } as const
  const reading = { values: null, everyMs: null, onChange: false, deadband: null, silenceMsMax: Infinity, staleMs: Infinity, payload }
  const config = { bus: 'line', slave, pollMs: POLL_MS, reads, writes: [], gapMax: 8, registersMax: 125, avoid: [] }
  return { kind: 'modbus', name: `slave${slave}`, tenant: '', topic: `bench/${slave}`, qos: 0, retain: false, reading, modbus: config }
}

async function measure(layout: Layout, cycles: number): Promise<{ readonly row: string; readonly isWell: boolean }> {
  const holding = Object.fromEntries(count(200, 1).map((address) => [address, 1000 + address]))
  const numbers = count(layout.slaves, 1).map((i) => i + 1)
  await using slaves = await ModbusSlaves.rtu(Object.fromEntries(numbers.map((n) => [n, { holding }])), BAUD)
  const bed = new SensorBed(systemClock)
  const serial = { path: slaves.path, baud: BAUD, dataBits: 8, parity: 'none', stopBits: 1, flowControl: 'none' } as const
  const writtenAtMs: number[] = []
  const buses = new Buses([{ name: 'line', modbus: { line: { kind: 'serial', serial }, timeoutMs: 500, retries: 1 } }], { clock: systemClock, ports: timed(writtenAtMs), random: Math.random })
  const sensors = numbers.map((n) => new Sensor(sensorConfig(n, layout.addresses), { ...bed.deps, buses }))
  for (const sensor of sensors) sensor.start()
  await until(() => bed.messages.length >= cycles * sensors.length, `${cycles} cycles`, 5 * cycles * POLL_MS + 10_000)
  for (const sensor of sensors) await sensor.stop()
  const expected = JSON.stringify(Object.fromEntries(layout.addresses.map((a) => [`r${a}`, 1000 + a])))
  return { row: rowOf(layout, slaves, bed, writtenAtMs, cycles), isWell: bed.messages.every((message) => message.payload.toString() === expected) }
}

/** The system's ports; when something is written to one is kept. */
function timed(writtenAtMs: number[]): SerialPorts {
  return {
    ...serialPorts,
    async open(settings, events) {
      const port = await serialPorts.open(settings, events)
      return {
        write(bytes, taken) {
          writtenAtMs.push(performance.now())
          port.write(bytes, taken)
        },
        close: () => port.close(),
      }
    },
  }
}

function rowOf(layout: Layout, slaves: ModbusSlaves, bed: SensorBed<typeof systemClock>, writtenAtMs: readonly number[], cycles: number): string {
  const perCycle = Math.round(slaves.requests.length / (bed.messages.length / layout.slaves))
  const took = count(cycles, 1)
    .map((i) => bed.sentAtMs[(i + 1) * layout.slaves - 1]! - writtenAtMs[i * perCycle]!)
    .toSorted((a, b) => a - b)
  const bytes = slaves.requests.slice(0, perCycle).reduce((sum, { count: registers }) => sum + 8 + 5 + 2 * registers, 0)
  const bytesMs = bytes * BYTE_MS
  // The last silence of a cycle comes after its reading.
  const wireMs = bytesMs + (2 * perCycle - 1) * 3.5 * BYTE_MS
  const median = took[Math.floor(cycles / 2)]!
  const ms = (value: number): string => `${value.toFixed(1)} ms`
  return `| ${[layout.name, ms(bytesMs), ms(wireMs), ms(median), ms(took.at(-1)!), (median / bytesMs).toFixed(2), (median / wireMs).toFixed(2)].join(' | ')} |`
}
