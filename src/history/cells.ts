// What a series was in the steps of a block, as bytes and back. Pure.
//
//   byte    decimals of its values (0 to DECIMALS_MAX), or PLAIN
//   for each step up to the last one with a value
//     varint   count; 0: no value, and nothing follows
//     varint   mean minus the mean before (zigzag), in units of two decimals more
//     varint   mean − min and max − mean where count > 1, the mean rounded to the decimals of the values
//   PLAIN     count, then mean, and where count > 1 min and max, as float64 little-endian
//
// Sensors tell decimal numbers: 21.5 °C every few seconds takes 3 to 6 bytes a step this way, and comes back as 21.5. What is no short decimal number is
// kept as it is. Only means are rounded.

/** One number for each step of a block. */
export interface Cells {
  readonly count: Uint32Array
  readonly mean: Float64Array
  readonly min: Float64Array
  readonly max: Float64Array
}

const DECIMALS_MAX = 6
const MEAN_DECIMALS = 2
const PLAIN = 255
/** Of a number in units: sums and differences of such are exact. */
const UNITS_MAX = 2 ** 51
const PLAIN_BYTES = 8
/** Of a varint: 53 bits. */
const VARINT_BYTES_MAX = 8
const CELL_BYTES_MAX = 5 + 3 * VARINT_BYTES_MAX

export function makeCells(steps: number): Cells {
  return { count: new Uint32Array(steps), mean: new Float64Array(steps), min: new Float64Array(steps), max: new Float64Array(steps) }
}

/** null where no step has a value. */
export function packCells(cells: Cells): Uint8Array | null {
  const last = cells.count.findLastIndex((count) => count > 0)
  if (last < 0) return null
  const writer = new Writer(1 + (last + 1) * CELL_BYTES_MAX)
  const decimals = decimalsOf(cells)
  writer.byte(decimals ?? PLAIN)
  const unit = 10 ** (decimals ?? 0)
  const meanUnit = 10 ** ((decimals ?? 0) + MEAN_DECIMALS)
  let before = 0
  for (let i = 0; i <= last; i++) {
    const count = cells.count[i]!
    writer.varint(count)
    if (count === 0) continue
    const min = cells.min[i]!
    const max = cells.max[i]!
    const mean = Math.min(max, Math.max(min, cells.mean[i]!)) // a sum's rounding may have led it out
    if (decimals === null) {
      writer.float(mean)
      if (count > 1) {
        writer.float(min)
        writer.float(max)
      }
      continue
    }
    const units = Math.round(mean * meanUnit)
    writer.zigzag(units - before)
    before = units
    if (count === 1) continue
    const middle = middleOf(units)
    writer.varint(middle - Math.round(min * unit))
    writer.varint(Math.round(max * unit) - middle)
  }
  return writer.bytes
}

/** null for bytes that packCells has not made. */
export function unpackCells(bytes: Uint8Array, steps: number): Cells | null {
  const reader = new Reader(bytes)
  const decimals = reader.byte()
  if (decimals !== PLAIN && decimals > DECIMALS_MAX) return null
  const unit = 10 ** decimals
  const meanUnit = 10 ** (decimals + MEAN_DECIMALS)
  const cells = makeCells(steps)
  let before = 0
  for (let i = 0; !reader.atEnd; i++) {
    if (i >= steps) return null
    const count = reader.varint()
    cells.count[i] = count
    if (count === 0) continue
    if (decimals === PLAIN) {
      const mean = reader.float()
      cells.mean[i] = mean
      cells.min[i] = count > 1 ? reader.float() : mean
      cells.max[i] = count > 1 ? reader.float() : mean
      continue
    }
    before += reader.zigzag()
    const mean = before / meanUnit
    const middle = middleOf(before)
    cells.mean[i] = mean
    cells.min[i] = count > 1 ? (middle - reader.varint()) / unit : mean
    cells.max[i] = count > 1 ? (middle + reader.varint()) / unit : mean
  }
  return reader.isWhole ? cells : null
}

/** A mean in units of the values: both sides make it of the same whole number. */
function middleOf(units: number): number {
  return Math.round(units / 10 ** MEAN_DECIMALS)
}

/** As many as all values have; null where that is more than DECIMALS_MAX, or the numbers are too large. */
function decimalsOf({ count, min, max }: Cells): number | null {
  let decimals = 0
  for (let i = 0; i < count.length; i++) {
    if (count[i] === 0) continue
    for (const value of [min[i]!, max[i]!]) {
      while (!isOf(value, decimals)) if (++decimals > DECIMALS_MAX) return null
    }
  }
  const most = UNITS_MAX / 10 ** (decimals + MEAN_DECIMALS)
  return count.every((n, i) => n === 0 || (Math.abs(min[i]!) < most && Math.abs(max[i]!) < most)) ? decimals : null
}

function isOf(value: number, decimals: number): boolean {
  const unit = 10 ** decimals
  return Math.round(value * unit) / unit === value
}

class Writer {
  readonly #buffer: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytesMax: number) {
    this.#buffer = new Uint8Array(bytesMax)
    this.#view = new DataView(this.#buffer.buffer)
  }

  get bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#at)
  }

  byte(value: number): void {
    this.#buffer[this.#at++] = value
  }

  /** Not by shifts: they take 32 bits only. */
  varint(value: number): void {
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.byte((rest % 0x80) + 0x80)
    this.byte(rest)
  }

  zigzag(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  float(value: number): void {
    this.#view.setFloat64(this.#at, value, true)
    this.#at += PLAIN_BYTES
  }
}

/** Beyond the end everything is 0, and what was read is not whole. */
class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  get isWhole(): boolean {
    return this.#at === this.#bytes.length
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0
  }

  varint(): number {
    let value = 0
    for (let i = 0, of = 1; i < VARINT_BYTES_MAX; i++, of *= 0x80) {
      const byte = this.byte()
      value += (byte % 0x80) * of
      if (byte < 0x80) return value
    }
    this.#at = Infinity // longer than any that was written
    return 0
  }

  zigzag(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  float(): number {
    const at = this.#at
    this.#at += PLAIN_BYTES
    return this.#at <= this.#bytes.length ? this.#view.getFloat64(at, true) : 0
  }
}
