// gateway.yaml: a serial port, and the sensor that reads one: `serial`, `frame`, `checksum`, `poll`, `write`. What a frame says is in decode-schema.ts.
import type { ChecksumConfig, DecodeConfig, FrameConfig, PollConfig, SerialPortConfig, SerialSensorConfig, SerialWriteConfig } from './config.ts'
import { decode } from './decode-schema.ts'
import { parseEscapes } from './escapes.ts'
import { clip, type Place } from './place.ts'
import { boolean, choice, duration, integer, size, text, topicName } from './scalar.ts'
import { byKey, defaulted, object, optional, required, wordOr, type Schema } from './schema.ts'

const HOUR_MS = 3_600_000
const DELIMITER_BYTES_MAX = 16
const REQUEST_BYTES_MAX = 256
const FRAME_BYTES_MAX = 1_000_000

/** Text with escapes, as bytes. */
function bytesText(what: string, bytesMax: number): Schema<Buffer> {
  return text({ expected: what, empty: bytesMax === REQUEST_BYTES_MAX }).into((written, place) => {
    const bytes = parseEscapes(written)
    if (bytes === null) return place.problem(`${place.name} "${clip(written)}" has an unknown escape`, String.raw`the escapes are \r \n \t \0 \\ and \xNN`)
    if (bytes.length > bytesMax) return place.problem(`${place.name} has ${bytes.length} bytes`, `write ${bytesMax} at most`)
    return bytes
  })
}

export const serialPort: Schema<SerialPortConfig> = object({
  path: required('Device file. /dev/serial/by-id/… stays the same when adapters are plugged in another order, /dev/serial/by-path/… names the plug.', text({ expected: 'a device file such as /dev/ttyUSB0', pattern: /^\/./, hint: 'write the whole path, for example /dev/ttyUSB0' })),
  baud: defaulted('Bits per second.', 9600, integer(50, 4_000_000)),
  dataBits: defaulted('Data bits.', 8, choice([5, 6, 7, 8])),
  parity: defaulted('Parity bit.', 'none', choice(['none', 'even', 'odd'])),
  stopBits: defaulted('Stop bits.', 1, choice([1, 2])),
  flowControl: defaulted('rts-cts: by wires; xon-xoff: by characters.', 'none', choice(['none', 'rts-cts', 'xon-xoff'])),
})

const marker = bytesText('the bytes that end a frame', DELIMITER_BYTES_MAX)
const first = bytesText('the bytes that a frame begins with', DELIMITER_BYTES_MAX)
const resync = duration(2, 60_000)
const NO_BYTES = Buffer.alloc(0)

const sizedKeys = {
  start: optional(String.raw`Bytes that every frame begins with, as "\x42\x4d": it is found by them. They belong to the frame.`, first),
  resync: defaulted('A silence of so long begins a new frame. What was unfinished is skipped.', '100ms', resync),
} as const

const prefix = object({
  bytes: required('Bytes of the length.', choice([1, 2, 4])),
  endian: defaulted('Whether its high byte (big) or its low one (little) comes first.', 'big', choice(['big', 'little'])),
  at: defaulted('Where it stands, from the first byte of the frame.', 0, integer(0, 64)),
  counts: defaulted('What it counts: the rest behind it, or the whole frame.', 'rest', choice(['rest', 'frame'])),
  trailer: defaulted('Bytes at the end that it does not count, such as a checksum.', 0, integer(0, 64)),
})

const frame: Schema<FrameConfig> = wordOr(
  choice(['line', 'slip'], 'line, slip, or a group with `delimiter`, `length`, `lengthPrefix`, `end` or `gap`').into((kind): FrameConfig => ({ kind })),
  byKey('a group', {
    delimiter: object({ delimiter: required(String.raw`Bytes that end a frame, with \r \n \t \0 \\ and \xNN.`, marker) }).into((f): FrameConfig => ({ kind: 'delimiter', ...f })),
    length: object({ length: required('Bytes of every frame.', integer(1, FRAME_BYTES_MAX)), ...sizedKeys }).into((f, place): FrameConfig | undefined => {
      const start = f.start ?? NO_BYTES
      if (start.length >= f.length) return place.key('start').problem(`\`start\` has ${start.length} bytes and the frame ${f.length}`, 'the start bytes belong to the frame: write its whole length')
      return { kind: 'length', start, bytes: f.length, gapMs: f.resync }
    }),
    lengthPrefix: object({
      lengthPrefix: required('The frame tells its length itself.', prefix),
      include: defaulted('Whether the length and what stands before it is decoded too.', false, boolean()),
      ...sizedKeys,
    }).into(lengthPrefixOf),
    end: object({
      start: required('Bytes that a frame begins with.', first),
      end: required('Bytes that it ends with. Neither may stand inside a frame.', marker),
      include: defaulted('Whether they are decoded too.', false, boolean()),
    }).into((f): FrameConfig => ({ kind: 'between', ...f })),
    gap: object({ gap: required('A silence of so long ends a frame. Bytes of USB adapters come up to 16 ms late: 20ms and more tell frames apart.', duration(2, 60_000)) }).into((f): FrameConfig => ({ kind: 'gap', gapMs: f.gap })),
  }),
)

function lengthPrefixOf(f: { readonly lengthPrefix: { bytes: 1 | 2 | 4; endian: 'big' | 'little'; at: number; counts: 'rest' | 'frame'; trailer: number }; readonly include: boolean; readonly start: Buffer | null; readonly resync: number }, place: Place): FrameConfig | undefined {
  const { bytes, endian, at, counts, trailer } = f.lengthPrefix
  const start = f.start ?? NO_BYTES
  if (start.length > at) return place.key('lengthPrefix').key('at').problem(`the length stands at ${at}, inside the ${start.length} start bytes`, `\`at\` counts from the first byte of the frame: write ${start.length} or more`)
  return { kind: 'length-prefix', start, prefixBytes: bytes, endian, at, counts, trailerBytes: trailer, include: f.include, gapMs: f.resync }
}

const kinds = ['crc16-modbus', 'crc16-ccitt', 'crc8', 'sum8', 'sum16', 'xor8'] as const

function checksumOf(kind: ChecksumConfig['kind']): ChecksumConfig {
  return { kind, from: 0, to: null, at: null, endian: kind === 'crc16-modbus' ? 'little' : 'big', hex: false }
}

const offset = integer(-FRAME_BYTES_MAX, FRAME_BYTES_MAX)

const checksum: Schema<ChecksumConfig> = wordOr(
  choice(kinds, `${kinds.join(', ')}, or a group with \`kind\``).into(checksumOf),
  object({
    kind: required('How it is made.', choice(kinds)),
    from: defaulted('The first byte that it covers. Negative numbers count from the end of the frame.', 0, offset),
    to: optional('The byte behind the last that it covers; left out: up to the checksum.', offset),
    at: optional('Where it stands; left out: at the end.', offset),
    endian: optional('Whether its high byte (big) or its low one (little) comes first; left out: as usual for its kind.', choice(['big', 'little'])),
    hex: defaulted('Whether it is written as hexadecimal digits.', false, boolean()),
  }).into((c): ChecksumConfig => ({ ...c, endian: c.endian ?? checksumOf(c.kind).endian })),
)

const poll: Schema<PollConfig> = object({
  request: required(String.raw`Bytes that the device answers, with \r \n \t \0 \\ and \xNN.`, bytesText('what the device is asked', REQUEST_BYTES_MAX)),
  every: defaulted('Time from one request to the next.', '5s', duration(10, 24 * HOUR_MS)),
  timeout: defaulted('How long an answer is waited for.', '1s', duration(5, HOUR_MS)),
}).into((p, place) => {
  if (p.request.length === 0) return place.key('request').problem('`request` is empty', 'write what the device answers; a device that speaks by itself needs no `poll`')
  if (p.timeout > p.every) return place.key(place.has('timeout') ? 'timeout' : 'every').problem('`timeout` is longer than `every`', 'an answer is waited for until the next request at most: make `every` longer')
  return { request: p.request, everyMs: p.every, timeoutMs: p.timeout }
})

const write: Schema<SerialWriteConfig> = object({
  topic: required('What is published to this topic goes out of the port. {site} is replaced.', topicName()),
  prefix: defaulted(String.raw`Bytes before each payload, with \r \n \t \0 \\ and \xNN.`, '', bytesText('bytes', REQUEST_BYTES_MAX)),
  suffix: defaulted('Bytes behind each payload.', '', bytesText('bytes', REQUEST_BYTES_MAX)),
})

/** The keys of a serial sensor beside those of all sensors. */
export const serialKeys = {
  serial: required('The serial port it is read from.', serialPort),
  frame: defaulted('What makes one frame: `line` (LF or CR LF), `slip`, or a group with `delimiter`, `length`, `lengthPrefix`, `start` and `end`, or `gap`.', 'line', frame),
  maxFrame: defaulted('A longer frame is garbage: counted and skipped.', '4kB', size(1, FRAME_BYTES_MAX)),
  checksum: optional('How a frame shows that it came whole; one that does not is skipped.', checksum),
  decode: defaulted('What a frame says. json: checked and published as it is; raw: any bytes; csv, regex and struct: made into JSON.', 'raw', decode),
  poll: optional('Asks the device, for those that do not speak by themselves.', poll),
  write: optional('Carries what is published to a topic to the device.', write),
} as const

interface SerialValues {
  readonly topic: string
  readonly frame: FrameConfig
  readonly maxFrame: number
  readonly decode: DecodeConfig
  readonly write: SerialWriteConfig | null
}

/** What only the keys together can tell. */
export function serialOf<T extends SerialValues>(s: T, place: Place): (Omit<T, 'maxFrame'> & Pick<SerialSensorConfig, 'frameBytesMax'>) | undefined {
  const { maxFrame, ...rest } = s
  if (s.frame.kind === 'length' && s.frame.bytes > maxFrame) return place.key('frame').problem(`a frame of ${s.frame.bytes} bytes is longer than \`maxFrame\` ${maxFrame}B`, `write \`maxFrame: ${s.frame.bytes}B\``)
  if (s.write !== null && s.write.topic === s.topic) return place.key('write').key('topic').problem(`the readings go to \`${clip(s.topic)}\` too`, 'each reading would be written to the device: choose another topic for commands')
  return { ...rest, frameBytesMax: maxFrame }
}
