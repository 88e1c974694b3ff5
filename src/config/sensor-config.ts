// The shape of a checked configuration, what the gateway reads itself: config.ts is the door.
import type { GpioSensorConfig } from './gpio-config.ts'
import type { ModbusSensorConfig } from './modbus-config.ts'

export interface SensorCommon {
  readonly name: string
  readonly tenant: string
  /** May hold `{value}`: each value then has a topic, and a message, of its own. */
  readonly topic: string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  /** How raw values become messages; null: what the source gives is published as it is. */
  readonly reading: ReadingConfig | null
}

/** From raw values to messages. */
export interface ReadingConfig {
  /** In this order; null: all that the source gives, under its names. */
  readonly values: readonly ValueConfig[] | null
  /** One message from all that was read in so long; null: one for each time something was read. */
  readonly everyMs: number | null
  /** Only when a value or its quality is another one. */
  readonly onChange: boolean
  /** Only when a number is further than this from what was published; for values that say nothing of their own. */
  readonly deadband: DeadbandConfig | null
  /** What is known is published again after so long without a message; Infinity for never. */
  readonly silenceMsMax: number
  /** After so long without anything read, what is known is called stale; Infinity for never. */
  readonly staleMs: number
  readonly payload: PayloadConfig
}

export interface DeadbandConfig {
  readonly kind: 'absolute' | 'relative'
  readonly by: number
}

export interface ValueConfig {
  readonly name: string
  /** The source's name of it. */
  readonly from: string
  readonly convert: ConvertConfig | null
  readonly unit: string | null
  /** Beyond it the reading is out of range. */
  readonly range: { readonly min: number; readonly max: number } | null
  readonly decimals: number | null
  readonly deadband: DeadbandConfig | null
  /** What one number is made of all that was read in `everyMs`. */
  readonly of: WindowWord
}

export type WindowWord = 'last' | 'mean' | 'median' | 'min' | 'max'

export type ConvertConfig =
  /** raw × scale + offset */
  | { readonly kind: 'linear'; readonly scale: number; readonly offset: number }
  /** The coefficient of raw⁰ first. */
  | { readonly kind: 'polynomial'; readonly coefficients: readonly number[] }
  /** Straight lines between points, ascending in raw; beyond the ends the end's value. */
  | { readonly kind: 'table'; readonly points: readonly (readonly [raw: number, value: number])[] }

export type PayloadConfig =
  /** The value alone. */
  | { readonly kind: 'plain' }
  /** Keys and what stands under each; null: the values, `time`, and `quality` and `clock` when they are not what one hopes for. */
  | { readonly kind: 'json'; readonly keys: readonly { readonly key: string; readonly word: string }[] | null }
  /** RFC 8428. */
  | { readonly kind: 'senml'; readonly baseName: string }

export interface SimulateSensorConfig extends SensorCommon {
  readonly kind: 'simulate'
  readonly simulate: {
    readonly kind: 'sine' | 'ramp' | 'random-walk' | 'constant' | 'counter'
    readonly everyMs: number
    readonly min: number
    readonly max: number
    readonly periodMs: number
  }
}

export interface SerialSensorConfig extends SensorCommon {
  readonly kind: 'serial'
  readonly serial: SerialPortConfig
  readonly frame: FrameConfig
  /** A longer frame is garbage: counted and skipped. */
  readonly frameBytesMax: number
  /** null: a frame has none. */
  readonly checksum: ChecksumConfig | null
  readonly decode: DecodeConfig
  /** Half duplex: the device speaks when it is asked. null: it speaks by itself. */
  readonly poll: PollConfig | null
  /** What is published to a topic goes out of the port. */
  readonly write: SerialWriteConfig | null
}

/** A serial port as it is opened. */
export interface SerialPortConfig {
  readonly path: string
  /** Bits per second. */
  readonly baud: number
  readonly dataBits: 5 | 6 | 7 | 8
  readonly parity: 'none' | 'even' | 'odd'
  readonly stopBits: 1 | 2
  readonly flowControl: 'none' | 'rts-cts' | 'xon-xoff'
}

/** Offsets count from the frame's first byte, or, when negative, from its end. */
export interface ChecksumConfig {
  readonly kind: 'crc16-modbus' | 'crc16-ccitt' | 'crc8' | 'sum8' | 'sum16' | 'xor8'
  /** The first byte that it covers, and the one behind the last; null: up to where the checksum stands. */
  readonly from: number
  readonly to: number | null
  /** Where it stands; null: at the end. */
  readonly at: number | null
  readonly endian: 'big' | 'little'
  /** Written as hexadecimal digits, in ASCII. */
  readonly hex: boolean
}

export type DecodeConfig =
  | { readonly kind: 'json' }
  | { readonly kind: 'csv'; readonly columns: readonly string[]; readonly separator: string }
  | { readonly kind: 'regex'; readonly pattern: RegExp }
  | { readonly kind: 'raw' }
  | StructConfig

/** A binary layout. A frame is exactly `bytes` long. */
export interface StructConfig {
  readonly kind: 'struct'
  readonly bytes: number
  readonly fields: readonly StructField[]
}

export type NumberType = 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'uint64' | 'int64' | 'float32' | 'float64'

export interface StructField {
  readonly name: string
  readonly type: NumberType | 'bcd' | 'bool' | 'char'
  readonly at: number
  readonly bytes: number
  readonly endian: 'big' | 'little'
  /** Some bits of an unsigned integer, 0 the lowest; one bit alone is true or false. */
  readonly bits: { readonly from: number; readonly to: number } | null
}

export interface PollConfig {
  readonly request: Buffer
  readonly everyMs: number
  readonly timeoutMs: number
}

export interface SerialWriteConfig {
  readonly topic: string
  readonly prefix: Buffer
  readonly suffix: Buffer
}

/** What makes one frame of the bytes of a line. A gap is a silence after which a new frame begins. */
export type FrameConfig =
  | { readonly kind: 'line' }
  | { readonly kind: 'delimiter'; readonly delimiter: Buffer }
  | { readonly kind: 'length'; readonly start: Buffer; readonly bytes: number; readonly gapMs: number }
  | LengthPrefixConfig
  | { readonly kind: 'slip' }
  | { readonly kind: 'between'; readonly start: Buffer; readonly end: Buffer; readonly include: boolean }
  | { readonly kind: 'gap'; readonly gapMs: number }

export interface LengthPrefixConfig {
  readonly kind: 'length-prefix'
  /** Bytes that every frame begins with; empty for none. */
  readonly start: Buffer
  readonly prefixBytes: 1 | 2 | 4
  readonly endian: 'big' | 'little'
  /** Where the length stands, from the frame's first byte. */
  readonly at: number
  /** What the length tells: the bytes behind it, or those of the whole frame. */
  readonly counts: 'rest' | 'frame'
  /** Bytes at the end that the length does not count. */
  readonly trailerBytes: number
  /** The frame is decoded with all its bytes; otherwise what stands behind the length. */
  readonly include: boolean
  readonly gapMs: number
}

/** Read from files of the kernel. */
export interface KernelSensorConfig extends SensorCommon {
  readonly kind: 'kernel'
  readonly device: KernelDeviceConfig
  readonly pollMs: number
}

export type KernelDeviceConfig =
  | { readonly kind: 'one-wire'; readonly address: string }
  /** Name, label or address; null: all channels that give a value. */
  | { readonly kind: 'iio'; readonly device: string; readonly channels: readonly ChannelConfig[] | null }
  | { readonly kind: 'hwmon'; readonly chip: string; readonly channels: readonly ChannelConfig[] | null }
  | { readonly kind: 'thermal'; readonly zone: string }
  /** null: all supplies, and what the board tells of its own. */
  | { readonly kind: 'power'; readonly supply: string | null }
  | { readonly kind: 'system'; readonly disks: readonly DiskConfig[] }

export interface ChannelConfig {
  /** What its value is called. */
  readonly name: string
  /** The kernel's word for it, or its label. */
  readonly channel: string
}

export interface DiskConfig {
  /** In front of its values: `disk` gives diskFree and diskUsed. */
  readonly name: string
  /** Any path on it. */
  readonly path: string
}

/** A receiver or instrument that speaks NMEA 0183. */
export interface NmeaSensorConfig extends SensorCommon {
  readonly kind: 'nmea'
  readonly nmea: {
    readonly line: { readonly kind: 'serial'; readonly serial: SerialPortConfig } | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
    /** The time of the receiver is the gateway's where nobody else tells it. */
    readonly setsClock: boolean
  }
}

export type SensorConfig = SimulateSensorConfig | SerialSensorConfig | ModbusSensorConfig | KernelSensorConfig | GpioSensorConfig | NmeaSensorConfig

/** Systems that are told what sensors and outputs there are; null: they are not. */
export interface AnnounceConfig {
  readonly homeAssistant: HomeAssistantConfig | null
  readonly sparkplug: SparkplugConfig | null
}

export interface HomeAssistantConfig {
  /** First level of its discovery topics. */
  readonly prefix: string
}

export interface SparkplugConfig {
  readonly group: string
  /** Name of the edge node. */
  readonly node: string
}
