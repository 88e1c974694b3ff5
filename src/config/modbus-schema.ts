// gateway.yaml, `modbus` of a sensor: a slave of a bus, and what is read from and written to it. Addresses are those of the wire, from 0:
// "holding register 40053" of a manual is `holding: 52`.
import type { Config, ModbusRange, ModbusReadConfig, ModbusSensorConfig, ModbusTable, ModbusWriteConfig, NumberType } from './config.ts'
import { bitRange } from './decode-schema.ts'
import { clip, type Place } from './place.ts'
import { boolean, choice, duration, identifier, integer, text, topicName } from './scalar.ts'
import { byKey, defaulted, list, object, optional, required, Schema } from './schema.ts'
import { nearest } from './spelling.ts'

/** As many as a reading has values at most. */
const READS_MAX = 256
const ADDRESS_MAX = 65_535
const STRING_REGISTERS_MAX = 64

const NUMBERS = ['uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float32', 'float64'] as const
const REGISTERS: Readonly<Record<(typeof NUMBERS)[number], number>> = { uint16: 1, int16: 1, uint32: 2, int32: 2, uint64: 4, int64: 4, float32: 2, float64: 4 }

const address = integer(0, ADDRESS_MAX)

const order = {
  words: defaulted('Which register of a number comes first: the one with its high bits (big) or its low ones (little).', 'big', choice(['big', 'little'])),
  bytes: defaulted('Which byte of a register comes first; little only for devices that swap them.', 'big', choice(['big', 'little'])),
} as const

const name = required('Name of the value.', text({ expected: 'a name' }))

function registers(table: 'input' | 'holding'): Schema<ModbusReadConfig> {
  return object({
    name,
    [table]: required('Address of the first register, from 0.', address),
    type: defaulted('What stands there.', 'uint16', choice([...NUMBERS, 'string'])),
    registers: optional('How many registers a string has.', integer(1, STRING_REGISTERS_MAX)),
    bits: optional('Only some bits of an unsigned number; one alone is true or false.', bitRange()),
    ...order,
  }).into((written, place): ModbusReadConfig | undefined => {
    const r = written as unknown as { name: string; type: (typeof NUMBERS)[number] | 'string'; registers: number | null; bits: { from: number; to: number } | null; words: 'big' | 'little'; bytes: 'big' | 'little' } & Record<typeof table, number>
    const known = r.type === 'string' ? null : REGISTERS[r.type]
    if (known !== null && r.registers !== null) return place.key('registers').problem(`${r.type} has ${known} ${known === 1 ? 'register' : 'registers'}`, 'leave `registers` out, or write `type: string`')
    const count = known ?? r.registers
    if (count === null) return place.problem(`the string \`${clip(r.name)}\` does not say how long it is`, 'add `registers: …`: two characters stand in one')
    if (r.bits !== null && !(r.type === 'uint16' || r.type === 'uint32')) return place.key('bits').problem(`${r.type} has no bits to choose from`, 'write uint16 or uint32')
    if (r.bits !== null && r.bits.to >= 16 * count) return place.key('bits').problem(`${r.type} has bits 0 to ${16 * count - 1}, not ${r.bits.to}`, 'count the bits from 0, the lowest')
    if (r[table] + count - 1 > ADDRESS_MAX) return place.key(table).problem(`${r.type} at ${r[table]} ends behind ${ADDRESS_MAX}`, 'Modbus has no higher address')
    return { name: r.name, table, address: r[table], count, type: r.type, bits: r.bits, words: r.words, bytes: r.bytes }
  })
}

function bit(table: 'coil' | 'discrete'): Schema<ModbusReadConfig> {
  return object({ name, [table]: required('Its address, from 0.', address) }).into((written) => {
    const r = written as unknown as { name: string } & Record<typeof table, number>
    return { name: r.name, table, address: r[table], count: 1, type: 'bit', bits: null, words: 'big', bytes: 'big' }
  })
}

const read: Schema<ModbusReadConfig> = byKey('a value', { holding: registers('holding'), input: registers('input'), coil: bit('coil'), discrete: bit('discrete') })

const target = {
  topic: required('What is published to this topic is written. {site} is replaced.', topicName()),
  multiple: defaulted('Writes it with function 15 or 16, for devices that know no 5 and 6.', false, boolean()),
} as const

const write: Schema<ModbusWriteConfig> = byKey('a command', {
  holding: object({ holding: required('Address of the first register, from 0.', address), type: defaulted('What is written there.', 'uint16', choice(NUMBERS)), ...target, ...order }).into(
    (w): ModbusWriteConfig => ({ topic: w.topic, table: 'holding', address: w.holding, type: w.type as NumberType, multiple: w.multiple, words: w.words, bytes: w.bytes }),
  ),
  coil: object({ coil: required('Its address, from 0.', address), ...target }).into((w): ModbusWriteConfig => ({ topic: w.topic, table: 'coil', address: w.coil, type: 'bit', multiple: w.multiple, words: 'big', bytes: 'big' })),
})

/** One address, or `10-19`. */
const range = new Schema('an address, or a range such as 10-19', { anyOf: [address.json, { type: 'string', pattern: String.raw`^\d+-\d+$` }] }, (place) => {
  const { tree } = place
  const match = tree.kind === 'scalar' ? /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(tree.value)) : null
  if (match === null) return place.wrong('an address, or a range such as 10-19', 'write the first and the last address with - between them')
  const from = Number(match[1])
  const to = Number(match[2] ?? match[1])
  if (to < from || to > ADDRESS_MAX) return place.problem(`${place.name} ${from}-${to} is not a range`, `write the lower address first, ${ADDRESS_MAX} at most`)
  return { from, to }
})

const ranges = list(range)
const TABLES = ['holding', 'input', 'coil', 'discrete'] as const

const avoid = object({
  holding: defaulted('Holding registers, as single ones and ranges: [4, 10-19].', [], ranges),
  input: defaulted('Input registers, likewise.', [], ranges),
  coil: defaulted('Coils, likewise.', [], ranges),
  discrete: defaulted('Discrete inputs, likewise.', [], ranges),
}).into((a): readonly ModbusRange[] => TABLES.flatMap((table: ModbusTable) => a[table].map((r) => ({ table, ...r }))))

export const modbus: Schema<ModbusSensorConfig['modbus']> = object({
  bus: required('A name of `buses`.', identifier('the name of a bus')),
  slave: required('Number of the slave (unit) on the bus.', integer(0, 255)),
  poll: defaulted('Time from one reading to the next.', '10s', duration(10, 86_400_000)),
  read: defaulted('What is read: each with a name and one of holding, input, coil or discrete.', [], list(read, { unique: [{ key: 'name', of: (r) => r.name, message: (n) => `the value \`${clip(n)}\` is read twice`, hint: 'give each value a name of its own' }] })),
  write: defaulted('What commands write: each with a topic and holding or coil.', [], list(write, { unique: [{ key: 'topic', of: (w) => w.topic, message: (topic) => `the topic \`${clip(topic)}\` writes twice`, hint: 'give each command a topic of its own' }] })),
  maxGap: defaulted('So many registers that nobody asked for are read along when that saves a request.', 8, integer(0, 124)),
  maxRegisters: defaulted('Most registers in one request, for devices that allow fewer than the standard.', 125, integer(1, 125)),
  avoid: defaulted('Addresses that are never touched, also not to save a request.', {}, avoid),
}).into((m, place) => {
  if (m.read.length === 0 && m.write.length === 0) return place.problem('`modbus` has nothing to read or to write', 'add `read: [{ name: …, holding: 0 }]`')
  if (m.read.length > READS_MAX) return place.key('read').problem(`\`read\` has ${m.read.length} values`, `write ${READS_MAX} at most, or two sensors`)
  for (const [i, r] of m.read.entries()) {
    if (r.type !== 'bit' && r.count > m.maxRegisters) return place.key('read').item(i).problem(`${r.type} has ${r.count} registers, and \`maxRegisters\` is ${m.maxRegisters}`, 'a number is read in one request: make `maxRegisters` larger')
    const forbidden = m.avoid.find((a) => a.table === r.table && r.address <= a.to && r.address + r.count - 1 >= a.from)
    if (forbidden !== undefined) return place.key('read').item(i).problem(`the value \`${clip(r.name)}\` stands in what \`avoid\` forbids`, 'take it out of one of both')
  }
  return { bus: m.bus, slave: m.slave, pollMs: m.poll, reads: m.read, writes: m.write, gapMax: m.maxGap, registersMax: m.maxRegisters, avoid: m.avoid }
})

/** That every sensor's bus is there, and that its slave can be one on it. `place` is that of the file; false after it has reported. */
export function checkBuses(config: Pick<Config, 'buses' | 'sensors'>, place: Place): boolean {
  let valid = true
  for (const [i, sensor] of config.sensors.entries()) {
    if (sensor.kind !== 'modbus') continue
    const at = place.key('sensors').item(i).key('modbus')
    const { bus, slave } = sensor.modbus
    const found = config.buses.find((b) => b.name === bus)
    if (found === undefined) {
      const near = nearest(bus, config.buses.map((b) => b.name))
      at.key('bus').problem(`there is no bus \`${clip(bus)}\``, near === null ? `add it: \`buses: [{ name: ${clip(bus)}, modbus: { serial: { path: /dev/… } } }]\`` : `did you mean \`${near}\`?`)
      valid = false
    } else if (found.modbus.line.kind === 'serial' && (slave < 1 || slave > 247)) {
      at.key('slave').problem(`a slave on a serial line is 1 to 247, not ${slave}`, 'write the number that the device is set to')
      valid = false
    }
  }
  return valid
}
