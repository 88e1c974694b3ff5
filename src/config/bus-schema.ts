// gateway.yaml, `buses:`. A Modbus line, or a connection, that several sensors share: only one can speak at a time.
import type { BusConfig, ModbusBusConfig } from './config.ts'
import { clip } from './place.ts'
import { duration, identifier, integer, text } from './scalar.ts'
import { byKey, defaulted, list, object, required, type Schema } from './schema.ts'
import { serialPort } from './serial-schema.ts'

const MODBUS_PORT = 502

const answers = {
  timeout: defaulted('How long an answer is waited for.', '500ms', duration(10, 60_000)),
  retries: defaulted('How often a request without an answer goes out again before its slave is left alone for a while.', 1, integer(0, 10)),
} as const

const rtu = object({ serial: required('The line of a Modbus RTU bus.', serialPort), ...answers }).into((m): ModbusBusConfig => ({ line: { kind: 'serial', serial: m.serial }, timeoutMs: m.timeout, retries: m.retries }))

/** `port` where none is written. */
export const hostAndPort = (plainPort: number) => text({ expected: 'a host, or host:port' }).into((written, place) => {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:/[\]\s]+))(?::(\d{1,5}))?$/.exec(written)
  const port = Number(match?.[3] ?? plainPort)
  if (match === null || port < 1 || port > 65_535) return place.problem(`${place.name} "${clip(written)}" is not a host or host:port`, `write for example "192.168.1.5:${plainPort}"; an IPv6 address stands in brackets: "[fd00::5]:${plainPort}"`)
  return { host: match[1] ?? match[2]!, port }
})

const tcp = object({ tcp: required('The server of a Modbus TCP bus; port 502 unless it says another.', hostAndPort(MODBUS_PORT)), ...answers }).into((m): ModbusBusConfig => ({ line: { kind: 'tcp', ...m.tcp }, timeoutMs: m.timeout, retries: m.retries }))

const bus: Schema<BusConfig> = object({
  name: required('Name of the bus, for `bus` of sensors. Unique.', identifier('the name of a bus')),
  modbus: required('How it is reached: `serial` or `tcp`.', byKey('a group', { serial: rtu, tcp })),
})

const lineOf = ({ modbus: { line } }: BusConfig): string => (line.kind === 'serial' ? line.serial.path : `${line.host}:${line.port}`)

export const buses: Schema<readonly BusConfig[]> = list(bus, {
  unique: [
    { key: 'name', of: (b) => b.name, message: (name) => `the bus name \`${name}\` is used twice`, hint: 'give each bus a name of its own' },
    { key: 'modbus', of: lineOf, message: (line) => `two buses are at ${line}`, hint: 'one bus serves all sensors of a line: let both name it' },
  ],
})
