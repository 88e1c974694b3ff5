// gateway.yaml, `sensors:`. Each has a name, a topic, and where its samples come from: one key, `serial` or `simulate`.
import type { SensorConfig, SerialSensorConfig, SimulateSensorConfig } from './config.ts'
import { parseEscapes } from './escapes.ts'
import { clip, type Place } from './place.ts'
import { boolean, choice, duration, identifier, integer, number, size, tenantName, text, topicName } from './scalar.ts'
import { byKey, defaulted, list, object, required, wordOr, type Schema } from './schema.ts'

const DAY_MS = 86_400_000
const DELIMITER_BYTES_MAX = 16

const common = {
  name: required('Name of the sensor in logs, counters and $SYS topics. Unique.', identifier('a sensor name')),
  tenant: defaulted('Whose topic it is: only clients of this tenant get its readings.', '', tenantName()),
  topic: required('Topic its samples are published to. {site} is replaced.', topicName()),
  qos: defaulted('QoS of its messages. With 1 every sample is kept for subscribers and uplinks that are away.', 1, choice([0, 1, 2])),
  retain: defaulted('Keep the last sample for later subscribers.', false, boolean()),
} as const

const simulate = object({
  kind: required('Shape of the values: sine, ramp, random-walk, constant (always min) or counter (min, min + 1 … max, and round again).', choice(['sine', 'ramp', 'random-walk', 'constant', 'counter'])),
  every: defaulted('Time from one sample to the next.', '1s', duration(1, DAY_MS)),
  min: defaulted('Smallest value.', 0, number()),
  max: defaulted('Largest value.', 100, number()),
  period: defaulted('Length of one wave of sine and ramp.', '60s', duration(1, 365 * DAY_MS)),
}).into((s, place) => {
  // `{ kind: constant, min: 500 }` needs no max.
  if (s.min > s.max && s.kind !== 'constant') {
    return place.key(place.has('min') ? 'min' : 'max').problem(`\`min\` ${s.min} is larger than \`max\` ${s.max}`, 'swap them, or give both')
  }
  return { kind: s.kind, everyMs: s.every, min: s.min, max: s.max, periodMs: s.period }
})

const simulated: Schema<SimulateSensorConfig> = object({
  ...common,
  simulate: required('Invented values, to try a gateway without hardware.', simulate),
}).into((s) => ({ kind: 'simulate', ...s }))

const serialPort = object({
  path: required('Device file. /dev/serial/by-id/… stays the same when adapters are plugged in another order.', text({ expected: 'a device file such as /dev/ttyUSB0', pattern: /^\/./, hint: 'write the whole path, for example /dev/ttyUSB0' })),
  baud: defaulted('Bits per second.', 9600, integer(50, 4_000_000)),
  dataBits: defaulted('Data bits.', 8, choice([5, 6, 7, 8])),
  parity: defaulted('Parity bit.', 'none', choice(['none', 'even', 'odd'])),
  stopBits: defaulted('Stop bits.', 1, choice([1, 2])),
})

type Frame = SerialSensorConfig['frame']
type Decode = SerialSensorConfig['decode']

const delimiter = text({ expected: 'the bytes that end a frame' }).into((written, place) => {
  const bytes = parseEscapes(written)
  if (bytes === null) return place.problem(`${place.name} "${clip(written)}" has an unknown escape`, String.raw`the escapes are \r \n \t \0 \\ and \xNN`)
  if (bytes.length > DELIMITER_BYTES_MAX) return place.problem(`${place.name} has ${bytes.length} bytes`, `write ${DELIMITER_BYTES_MAX} at most`)
  return bytes
})

const frame: Schema<Frame> = wordOr(
  choice(['line'], 'line or `{ delimiter: … }`').into((): Frame => ({ kind: 'line' })),
  object({ delimiter: required(String.raw`Bytes that end a frame, with \r \n \t \0 \\ and \xNN.`, delimiter) }).into((f): Frame => ({ kind: 'delimiter', ...f })),
)

const column = text({ expected: 'a column name' })

const csv = object({
  csv: required('Names of the columns, in order.', list(column, { min: 1 }).into(distinctColumns)),
  separator: defaulted(String.raw`The character between two columns; \t is a tab.`, ',', text({ expected: 'one character' }).into(oneCharacter)),
}).into((c): Decode => ({ kind: 'csv', columns: c.csv, separator: c.separator }))

function distinctColumns(columns: readonly string[], place: Place): readonly string[] | undefined {
  const twice = columns.findIndex((name, i) => columns.indexOf(name) < i)
  if (twice < 0) return columns
  return place.item(twice).problem(`the column "${clip(columns[twice]!)}" is named twice`, 'give each column a name of its own')
}

function oneCharacter(written: string, place: Place): string | undefined {
  const character = parseEscapes(written)?.toString('latin1') ?? ''
  return character.length === 1 ? character : place.problem(`${place.name} must be one ASCII character, found "${clip(written)}"`, String.raw`write for example ";" or "\t"`)
}

const regex = object({
  regex: required('Regular expression with named groups; each becomes a key of the JSON that is published.', text({ expected: 'a regular expression' }).into(namedGroups)),
}).into((r): Decode => ({ kind: 'regex', pattern: r.regex }))

function namedGroups(source: string, place: Place): RegExp | undefined {
  let pattern: RegExp
  try {
    pattern = new RegExp(source, 'u')
  } catch (error) {
    const why = (error as Error).message.replace(/^Invalid regular expression: /, '')
    return place.problem(`${place.name} is not a regular expression: ${clip(why)}`, "try it with `node -e`; in YAML, single quotes keep backslashes: '(?<level>\\d+)'")
  }
  // An alternative that matches the empty text shows the groups without matching any input.
  const groups = new RegExp(`${source}|`, 'u').exec('')?.groups
  if (groups === undefined) return place.problem(`${place.name} has no named group`, "name what is to be published: '(?<level>\\d+)'")
  return pattern
}

const decode: Schema<Decode> = wordOr(
  choice(['json', 'raw'], 'json, raw, `{ csv: […] }` or `{ regex: … }`').into((kind): Decode => ({ kind })),
  byKey('a group', { csv, regex }),
)

const serial: Schema<SerialSensorConfig> = object({
  ...common,
  serial: required('The serial port it is read from.', serialPort),
  frame: defaulted('What ends one sample: `line` (LF or CR LF) or `{ delimiter: … }`.', 'line', frame),
  maxFrame: defaulted('A longer frame is garbage: counted and skipped.', '4kB', size(1, 1_000_000)),
  decode: defaulted('What a sample is. json: checked and published as it is; raw: any bytes; csv and regex: made into JSON.', 'raw', decode),
}).into(({ maxFrame, ...s }) => ({ kind: 'serial', ...s, frameBytesMax: maxFrame }))

export const sensors: Schema<readonly SensorConfig[]> = list<SensorConfig>(byKey('a sensor', { serial, simulate: simulated }), {
  unique: [
    { key: 'name', of: (s) => s.name, message: (name) => `the sensor name \`${name}\` is used twice`, hint: 'give each sensor a name of its own' },
    { key: 'topic', of: (s) => (s.tenant === '' ? s.topic : `${s.tenant}: ${s.topic}`), message: (topic) => `the topic \`${topic}\` is used twice`, hint: 'give each sensor a topic of its own' },
    {
      key: 'serial',
      of: (s) => (s.kind === 'serial' ? s.serial.path : null),
      message: (path) => `the serial port ${path} is read twice`,
      hint: 'one sensor reads a port; take its messages apart with `decode`',
    },
  ],
})
