// Reading DER (X.690): the bytes of certificates and revocation lists. A reader is a range of bytes with a position in it.
//
// Strict and bounded: one encoding for each value, lengths that are there, every read inside the range. What is anything else is a
// DerError, and nothing else is ever thrown. A read moves forward, so that no input takes more than its own length in steps.

/** Bytes that are no DER, or not what was expected there. */
export class DerError extends Error {
  override readonly name = 'DerError'
}

/** Identifier octets (X.690, 8.1.2); `context(n)` for those that a structure numbers itself. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** Lengths of up to four octets are more than any file here may have. */
const LENGTH_OCTETS_MAX = 4

export class Der {
  readonly #bytes: Buffer
  #at: number
  readonly #end: number

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  get done(): boolean {
    return this.#at === this.#end
  }

  /** The tag of what comes next; -1 at the end. */
  get tag(): number {
    return this.#at < this.#end ? this.#bytes[this.#at]! : -1
  }

  /** The contents, as a view. */
  get bytes(): Buffer {
    return this.#bytes.subarray(this.#at, this.#end)
  }

  /** The contents of the next value, which has to have this tag. */
  read(tag: number): Der {
    if (this.tag !== tag) throw new DerError(`expected tag ${hex(tag)} and found ${this.done ? 'the end' : hex(this.tag)}`)
    return this.#next()
  }

  /** The contents of the next value when it has this tag; null when something else comes, or nothing. */
  readOptional(tag: number): Der | null {
    return this.tag === tag ? this.#next() : null
  }

  /** Steps over the next value, whatever it is. Its whole encoding. */
  skip(): Buffer {
    const from = this.#at
    this.#next()
    return this.#bytes.subarray(from, this.#at)
  }

  /** Nothing may come after what was read. */
  expectEnd(): void {
    if (!this.done) throw new DerError(`${this.#end - this.#at} bytes too many`)
  }

  #next(): Der {
    const tag = this.#octet()
    if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of several octets')
    const length = this.#length()
    const start = this.#at
    if (length > this.#end - start) throw new DerError('a value is longer than what it stands in')
    this.#at = start + length
    return new Der(this.#bytes, start, this.#at)
  }

  #length(): number {
    const first = this.#octet()
    if (first < 0x80) return first
    const octets = first & 0x7f
    if (octets === 0 || octets > LENGTH_OCTETS_MAX) throw new DerError('a length that is not definite, or too long')
    let length = 0
    for (let i = 0; i < octets; i++) length = length * 256 + this.#octet()
    if (length < 0x80 || length < 256 ** (octets - 1)) throw new DerError('a length that is not in its shortest form')
    return length
  }

  #octet(): number {
    if (this.#at >= this.#end) throw new DerError('cut off')
    return this.#bytes[this.#at++]!
  }
}

/** An INTEGER as hexadecimal digits, with - before a negative one's two's complement: one text for one number. */
export function readInteger(der: Der): string {
  const { bytes } = der.read(Tag.integer)
  const [first, second] = bytes
  if (first === undefined) throw new DerError('an integer without octets')
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) throw new DerError('an integer that is not in its shortest form')
  const plain = first === 0 && second !== undefined ? bytes.subarray(1) : bytes
  return `${first >= 0x80 ? '-' : ''}${plain.toString('hex').toUpperCase()}`
}

export function readBoolean(der: Der): boolean {
  const { bytes } = der.read(Tag.boolean)
  if (bytes.length !== 1 || (bytes[0] !== 0 && bytes[0] !== 0xff)) throw new DerError('a boolean that is neither true nor false')
  return bytes[0] === 0xff
}

/** An OBJECT IDENTIFIER with its numbers and dots: `2.5.29.17`. */
export function readObjectIdentifier(der: Der): string {
  const { bytes } = der.read(Tag.objectIdentifier)
  if (bytes.length === 0 || bytes.length > 64 || bytes.at(-1)! >= 0x80) throw new DerError('an object identifier that is empty, cut off or too long')
  const arcs: bigint[] = []
  let arc = 0n
  for (const octet of bytes) {
    if (arc === 0n && octet === 0x80) throw new DerError('an object identifier that is not in its shortest form')
    arc = (arc << 7n) | BigInt(octet & 0x7f)
    if (octet >= 0x80) continue
    arcs.push(arc)
    arc = 0n
  }
  const top = arcs[0]!
  const first = top < 80n ? top / 40n : 2n
  return [first, top - first * 40n, ...arcs.slice(1)].join('.')
}

/** Time as certificates have it (RFC 5280, 4.1.2.5), in milliseconds since 1970. */
export function readTime(der: Der): number {
  const isUtc = der.tag === Tag.utcTime
  const text = der.read(isUtc ? Tag.utcTime : Tag.generalizedTime).bytes.toString('latin1')
  const parts = (isUtc ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(text)
  if (parts === null) throw new DerError('a time that is not written as certificates write it')
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number)
  const fullYear = isUtc ? year + (year < 50 ? 2000 : 1900) : year
  const time = new Date(0)
  time.setUTCFullYear(fullYear, month - 1, day)
  time.setUTCHours(hour, minute, second)
  const isReal = time.getUTCMonth() === month - 1 && time.getUTCDate() === day && hour < 24 && minute < 60 && second < 60
  if (!isReal) throw new DerError('a time that there is not')
  return time.getTime()
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`
}
