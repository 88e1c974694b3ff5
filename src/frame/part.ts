// A dictionary on its way to a receiver that has lost it: compressed, whole or in parts.
import { packBlob, readBlob, unpackBlob, writeBlob } from './blob.ts'
import { Dictionary, DICTIONARY_BYTES_MAX } from './dictionary.ts'
import { FrameError } from './error.ts'
import type { DictionaryPart } from './header.ts'
import { ByteReader, ByteWriter } from './varint.ts'

const NOTHING = new Uint8Array(0)

/** A dictionary as it travels. */
export interface Packed {
  readonly name: string
  readonly bytes: Uint8Array
}

export function packed({ name, bytes }: Dictionary): Packed {
  const to = new ByteWriter(bytes.length)
  writeBlob(to, packBlob(bytes, NOTHING))
  return { name, bytes: to.written }
}

/** What is behind `offset`, at most `bytesMax` bytes of it. */
export function partOf({ name, bytes }: Packed, offset: number, bytesMax: number): DictionaryPart {
  return { name, size: bytes.length, offset, bytes: bytes.subarray(offset, offset + bytesMax) }
}

/** Puts parts together. Parts of one dictionary come in order; when one is missing, what has come is forgotten. */
export class Parts {
  #name = ''
  #chunks: Uint8Array[] = []
  #length = 0

  /** The dictionary, when it is whole. Throws FrameError. */
  add({ name, size, offset, bytes }: DictionaryPart): Dictionary | null {
    if (size > DICTIONARY_BYTES_MAX) throw new FrameError(`the frame has a part of a dictionary of ${size} bytes`)
    if (offset === 0 || name !== this.#name) this.#begin(name)
    if (offset !== this.#length || bytes.length === 0) return null
    if (offset + bytes.length > size) throw new FrameError('the frame has more of a dictionary than there is')
    this.#chunks.push(bytes)
    this.#length += bytes.length
    if (this.#length < size) return null
    const whole = Buffer.concat(this.#chunks)
    this.#begin('')
    const dictionary = unpacked(whole)
    if (dictionary.name !== name) throw new FrameError('a dictionary came damaged')
    return dictionary
  }

  #begin(name: string): void {
    this.#name = name
    this.#chunks = []
    this.#length = 0
  }
}

function unpacked(bytes: Uint8Array): Dictionary {
  return Dictionary.parse(unpackBlob(readBlob(new ByteReader(bytes)), NOTHING, DICTIONARY_BYTES_MAX))
}
