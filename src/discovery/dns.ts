// DNS messages as multicast DNS uses them (RFC 1035 section 4, RFC 6762 section 18), pure: bytes in, records out, and back.
//
// What is always true: a name is a list of labels, for a label may hold a dot (`plant.7._mqtt._tcp.local`); the data of a record holds no compressed
// name, so that two records can be compared byte by byte (RFC 6762 section 8.2); a malformed message is none, whatever of it could be read.

/** From the host's own label to `local`. */
export type Name = readonly string[]

export const Type = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, NSEC: 47, ANY: 255 } as const

const CLASS_INTERNET = 1
const CLASS_ANY = 255
/** Of a class: this record replaces those of its name and type (records); the answer may come by unicast (questions). */
const TOP_BIT = 0x8000
const RESPONSE = 0x8000
const AUTHORITATIVE = 0x0400
const TRUNCATED = 0x0200
const OPCODE = 0x7800
const HEADER_BYTES = 12
const LABEL_BYTES_MAX = 63
const NAME_BYTES_MAX = 255
/** The offset of a compressed name has 14 bits. */
const POINTER_MAX = 0x3fff
const POINTER = 0xc0

export interface Question {
  readonly name: Name
  readonly type: number
  /** The answer may come by unicast. */
  readonly byUnicast: boolean
}

export interface DnsRecord {
  readonly name: Name
  readonly type: number
  /** Whoever remembers others of this name and type forgets them (RFC 6762 section 10.2). */
  readonly flush: boolean
  readonly ttlSec: number
  readonly data: Buffer
}

export interface DnsMessage {
  readonly id: number
  readonly isResponse: boolean
  /** More known answers follow. */
  readonly isTruncated: boolean
  readonly questions: readonly Question[]
  readonly answers: readonly DnsRecord[]
  /** In a query: what its sender would like to have for itself. */
  readonly authorities: readonly DnsRecord[]
  readonly additionals: readonly DnsRecord[]
}

/** The same for names that are the same (RFC 6762 section 16): of the letters only those of ASCII have no case. */
export function keyOf(name: Name): string {
  return name.map((label) => label.replaceAll(/[\\.]/g, '\\$&').replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())).join('.')
}

export function textOf(name: Name): string {
  return name.join('.')
}

// ---- data of records

export function nameData(name: Name): Buffer {
  return Buffer.concat([...name.map((label) => Buffer.from([Buffer.byteLength(label), ...Buffer.from(label)])), Buffer.from([0])])
}

export function srvData(port: number, target: Name): Buffer {
  const fixed = Buffer.alloc(6) // priority and weight are 0: there is one server
  fixed.writeUInt16BE(port, 4)
  return Buffer.concat([fixed, nameData(target)])
}

/** `key=value` each, 255 bytes at most (RFC 6763 section 6). */
export function txtData(strings: readonly string[]): Buffer {
  if (strings.length === 0) return Buffer.from([0])
  return Buffer.concat(strings.map((text) => Buffer.from([Buffer.byteLength(text), ...Buffer.from(text)])))
}

/** Of these types, all below 256, the name has records, and of no other (RFC 6762 section 6.1). */
export function nsecData(name: Name, types: readonly number[]): Buffer {
  const bitmap = Buffer.alloc(1 + (Math.max(...types) >> 3))
  for (const type of types) bitmap[type >> 3]! |= 0x80 >> (type & 7)
  return Buffer.concat([nameData(name), Buffer.from([0, bitmap.length]), bitmap])
}

// ---- reading

/** null when it is none, or none for us: another opcode, or an error. */
export function decode(bytes: Buffer): DnsMessage | null {
  try {
    return new Reader(bytes).message()
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  message(): DnsMessage | null {
    const [id, flags, questions, answers, authorities, additionals] = [this.#two(), this.#two(), this.#two(), this.#two(), this.#two(), this.#two()]
    if ((flags & OPCODE) !== 0 || (flags & 0x000f) !== 0) return null
    return {
      id,
      isResponse: (flags & RESPONSE) !== 0,
      isTruncated: (flags & TRUNCATED) !== 0,
      questions: this.#times(questions, () => this.#question()),
      answers: this.#times(answers, () => this.#record()),
      authorities: this.#times(authorities, () => this.#record()),
      additionals: this.#times(additionals, () => this.#record()),
    }
  }

  /** Those of a class that is not the Internet's are left out. What is announced and does not come ends it: the number costs nothing by itself. */
  #times<T>(count: number, read: () => T | null): T[] {
    const list: T[] = []
    for (let i = 0; i < count; i++) {
      const one = read()
      if (one !== null) list.push(one)
    }
    return list
  }

  #question(): Question | null {
    const [name, type, flags] = [this.#name(), this.#two(), this.#two()]
    const of = flags & ~TOP_BIT
    return of === CLASS_INTERNET || of === CLASS_ANY ? { name, type, byUnicast: (flags & TOP_BIT) !== 0 } : null
  }

  #record(): DnsRecord | null {
    const [name, type, flags] = [this.#name(), this.#two(), this.#two()]
    const ttlSec = this.#two() * 0x10000 + this.#two()
    const length = this.#two()
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('a record ends behind the message')
    const data = this.#data(type, end)
    this.#at = end
    return (flags & ~TOP_BIT) === CLASS_INTERNET ? { name, type, flush: (flags & TOP_BIT) !== 0, ttlSec, data } : null
  }

  /** Names in it as they would stand there without compression. */
  #data(type: number, end: number): Buffer {
    if (type !== Type.PTR && type !== Type.SRV) return Buffer.from(this.#bytes.subarray(this.#at, end))
    const fixed = this.#bytes.subarray(this.#at, this.#at + (type === Type.SRV ? 6 : 0))
    this.#at += fixed.length
    const name = this.#name()
    if (this.#at !== end) throw new RangeError('a name does not end where its record does')
    return Buffer.concat([fixed, nameData(name)])
  }

  #name(): Name {
    const labels: string[] = []
    let at = this.#at
    let lowest = at
    let total = 1
    let end = 0
    for (;;) {
      const length = this.#bytes.readUInt8(at)
      if (length === 0) break
      if (length >= POINTER) {
        const to = this.#bytes.readUInt16BE(at) & POINTER_MAX
        if (to >= lowest) throw new RangeError('a compressed name points forwards') // or round and round
        if (end === 0) end = at + 2
        at = lowest = to
        continue
      }
      total += length + 1
      if (length > LABEL_BYTES_MAX || total > NAME_BYTES_MAX || at + 1 + length > this.#bytes.length) throw new RangeError('a name is too long')
      labels.push(this.#bytes.toString('utf8', at + 1, at + 1 + length))
      at += length + 1
    }
    this.#at = end === 0 ? at + 1 : end
    return labels
  }

  #two(): number {
    const value = this.#bytes.readUInt16BE(this.#at)
    this.#at += 2
    return value
  }
}

// ---- writing

/** Names of records are compressed, those in their data are not. */
export function encode({ id, isResponse, isTruncated, questions, answers, authorities, additionals }: DnsMessage): Buffer {
  const parts: Buffer[] = []
  const known = new Map<string, number>()
  let at = 0
  const add = (part: Buffer): void => {
    parts.push(part)
    at += part.length
  }
  const two = (...values: readonly number[]): Buffer => {
    const buffer = Buffer.alloc(values.length * 2)
    values.forEach((value, i) => buffer.writeUInt16BE(value, i * 2))
    return buffer
  }
  const name = (labels: Name): void => {
    for (let i = 0; i < labels.length; i++) {
      const key = JSON.stringify(labels.slice(i))
      const before = known.get(key)
      if (before !== undefined) return add(two(POINTER << 8 | before))
      if (at <= POINTER_MAX) known.set(key, at)
      add(Buffer.from([Buffer.byteLength(labels[i]!), ...Buffer.from(labels[i]!)]))
    }
    add(Buffer.from([0]))
  }
  const sections = [answers, authorities, additionals]
  add(two(id, (isResponse ? RESPONSE | AUTHORITATIVE : 0) | (isTruncated ? TRUNCATED : 0), questions.length, ...sections.map(({ length }) => length)))
  for (const { name: of, type, byUnicast } of questions) {
    name(of)
    add(two(type, CLASS_INTERNET | (byUnicast ? TOP_BIT : 0)))
  }
  for (const { name: of, type, flush, ttlSec, data } of sections.flat()) {
    name(of)
    add(two(type, CLASS_INTERNET | (flush ? TOP_BIT : 0), ttlSec >>> 16, ttlSec & 0xffff, data.length))
    add(data)
  }
  return Buffer.concat(parts)
}

/** As many bytes as a record takes at most. */
export function bytesOf({ name, data }: Pick<DnsRecord, 'name' | 'data'>): number {
  return name.reduce((sum, label) => sum + 1 + Buffer.byteLength(label), 1) + 10 + data.length
}

export const MESSAGE_HEADER_BYTES = HEADER_BYTES
