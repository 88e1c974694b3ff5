// Sparkplug B payloads (Sparkplug 3.0, section 6.4): metrics in, bytes out, and back for commands. Pure.
import { ProtobufWriter, protobufFields } from './protobuf.ts'

/** Section 6.4.16; those that readings and commands have. */
export const DataType = { int32: 3, int64: 4, uint64: 8, double: 10, boolean: 11, string: 12, text: 14 } as const
export type DataType = (typeof DataType)[keyof typeof DataType]

/** Section 6.4.18: what hosts know of qualities. */
export const PlugQuality = { bad: 0, good: 192, stale: 500 } as const
export type PlugQuality = (typeof PlugQuality)[keyof typeof PlugQuality]

export interface Metric {
  /** null: it goes by its alias, which its birth has told. */
  readonly name: string | null
  readonly alias: number | null
  readonly timeMs: number
  readonly type: DataType
  /** null: there is none. */
  readonly value: number | bigint | boolean | string | null
  readonly quality: PlugQuality
  /** Engineering unit, in a birth. */
  readonly unit: string | null
}

/** What a host asks for. */
export interface CommandMetric {
  readonly name: string | null
  readonly alias: number | null
  readonly value: number | boolean | string | null
}

const COMMAND_BYTES_MAX = 64 * 1024
const COMMAND_METRICS_MAX = 1000

// Numbers of fields, as the specification's schema has them.
const PAYLOAD = { timestamp: 1, metrics: 2, seq: 3 } as const
const METRIC = { name: 1, alias: 2, timestamp: 3, datatype: 4, isNull: 7, properties: 9, int: 10, long: 11, float: 12, double: 13, boolean: 14, string: 15 } as const
const PROPERTIES = { keys: 1, values: 2 } as const
const PROPERTY = { type: 1, int: 3, string: 8 } as const

/** `seq` is 0 to 255; null for NDEATH, which has none. */
export function encodePayload(timeMs: number, seq: number | null, metrics: readonly Metric[]): Buffer {
  const writer = new ProtobufWriter().varint(PAYLOAD.timestamp, wholeTime(timeMs))
  for (const metric of metrics) writer.bytes(PAYLOAD.metrics, encodeMetric(metric))
  if (seq !== null) writer.varint(PAYLOAD.seq, seq)
  return writer.end()
}

function encodeMetric(metric: Metric): Buffer {
  const { name, alias, timeMs, type, value, quality, unit } = metric
  const writer = new ProtobufWriter()
  if (name !== null) writer.text(METRIC.name, name)
  if (alias !== null) writer.varint(METRIC.alias, alias)
  writer.varint(METRIC.timestamp, wholeTime(timeMs)).varint(METRIC.datatype, type)
  if (value === null) writer.varint(METRIC.isNull, 1)
  if (quality !== PlugQuality.good || unit !== null) writer.bytes(METRIC.properties, encodeProperties(quality, unit))
  if (value !== null) encodeValue(writer, type, value)
  return writer.end()
}

function encodeValue(writer: ProtobufWriter, type: DataType, value: number | bigint | boolean | string): void {
  switch (type) {
    case DataType.int32:
      writer.varint(METRIC.int, Number(value) >>> 0)
      return
    case DataType.int64:
    case DataType.uint64:
      writer.varint(METRIC.long, BigInt(value))
      return
    case DataType.double:
      writer.double(METRIC.double, Number(value))
      return
    case DataType.boolean:
      writer.varint(METRIC.boolean, value === true ? 1 : 0)
      return
    case DataType.string:
    case DataType.text:
      writer.text(METRIC.string, String(value))
  }
}

function encodeProperties(quality: PlugQuality, unit: string | null): Buffer {
  const writer = new ProtobufWriter()
  if (quality !== PlugQuality.good) {
    writer.text(PROPERTIES.keys, 'Quality')
    writer.bytes(PROPERTIES.values, new ProtobufWriter().varint(PROPERTY.type, DataType.int32).varint(PROPERTY.int, quality).end())
  }
  if (unit !== null) {
    writer.text(PROPERTIES.keys, 'engUnit')
    writer.bytes(PROPERTIES.values, new ProtobufWriter().varint(PROPERTY.type, DataType.string).text(PROPERTY.string, unit).end())
  }
  return writer.end()
}

function wholeTime(timeMs: number): number {
  return Math.max(0, Math.round(timeMs))
}

/** The metrics of a NCMD or DCMD. Throws RangeError for what is no Sparkplug payload, or has more than anybody needs. */
export function decodeCommand(payload: Buffer): readonly CommandMetric[] {
  if (payload.length > COMMAND_BYTES_MAX) throw new RangeError(`a command has ${payload.length} bytes`)
  const metrics: CommandMetric[] = []
  for (const { field, bytes } of protobufFields(payload)) {
    if (field !== PAYLOAD.metrics) continue
    if (metrics.length === COMMAND_METRICS_MAX) throw new RangeError(`a command has more than ${COMMAND_METRICS_MAX} metrics`)
    metrics.push(decodeMetric(bytes))
  }
  return metrics
}

function decodeMetric(bytes: Buffer): CommandMetric {
  let name: string | null = null
  let alias: number | null = null
  let value: CommandMetric['value'] = null
  let type = 0
  for (const { field, bits, bytes: inner } of protobufFields(bytes)) {
    switch (field) {
      case METRIC.name:
        name = inner.toString('utf8')
        break
      case METRIC.alias:
        alias = Number(bits)
        break
      case METRIC.datatype:
        type = Number(bits)
        break
      case METRIC.int:
        value = type > 0 && type <= DataType.int32 ? Number(BigInt.asIntN(32, bits)) : Number(bits)
        break
      case METRIC.long:
        value = Number(type === DataType.int64 ? BigInt.asIntN(64, bits) : bits)
        break
      case METRIC.float:
        value = floatOf(bits)
        break
      case METRIC.double:
        value = doubleOf(bits)
        break
      case METRIC.boolean:
        value = bits !== 0n
        break
      case METRIC.string:
        value = inner.toString('utf8')
        break
      default:
    }
  }
  return { name, alias, value }
}

function floatOf(bits: bigint): number {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(Number(BigInt.asUintN(32, bits)))
  return bytes.readFloatLE()
}

function doubleOf(bits: bigint): number {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(bits)
  return bytes.readDoubleLE()
}
