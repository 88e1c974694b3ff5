// Decodes frames, and keeps on flash the dictionaries they bring: after a restart frames may build on those that came before it.
//
// Of each stream those that were brought or named last are kept, under numbers that tell their order: as many as a sender may go back
// (FRAME.md, section 1). Where the bytes of all streams are too many, the one that has most gives its oldest, but none its newest. One that is
// gone is asked for when a frame needs it.
import { type DecodedFrame, Dictionary, FrameDecoder, type FrameNeeds } from '../frame/frame.ts'
import type { Shelf } from '../shelf.ts'

/** Of one stream: twice what a sender goes back, as it may crash twice before what it has kept is named again. */
const KEPT_MAX = 64
/** One that is named and stands behind so many newer ones becomes the newest: a sender that has crashed begins there, and may again. */
const REFRESH_BEHIND = 16
const KEPT_BYTES_MAX = 64 * 1024 * 1024
/** Of those that were used last. */
const MEMORY_BYTES_MAX = 8 * 1024 * 1024
const FILE = /^([0-9a-f]{12})-(\d{15})-[0-9a-f]{8}\.dictionary$/

interface Kept {
  readonly name: string
  readonly file: string
  readonly size: number
}

interface Stream {
  /** In the order of their numbers. */
  readonly kept: Kept[]
  bytes: number
}

export interface DictionariesDeps {
  readonly shelf: Shelf
  readonly log: { warn(fields: object, text: string): void }
}

export class Dictionaries {
  readonly #deps: DictionariesDeps
  readonly #decoder = new FrameDecoder({ rememberedBytesMax: MEMORY_BYTES_MAX })
  /** By stream; the one that was brought something last is the last. */
  readonly #kept = new Map<string, Stream>()
  readonly #keptBytesMax: number
  #bytes = 0
  #lastNumber = 0

  constructor(deps: DictionariesDeps, keptBytesMax = KEPT_BYTES_MAX) {
    this.#deps = deps
    this.#keptBytesMax = keptBytesMax
  }

  /** Takes from the shelf what an earlier run has left. */
  async prepare(): Promise<void> {
    const found = (await this.#deps.shelf.names()).flatMap((file) => {
      const [, stream, number] = FILE.exec(file) ?? []
      return stream === undefined || number === undefined ? [] : [{ file, stream, number: Number(number) }]
    })
    for (const { file, stream, number } of found.sort((a, b) => a.number - b.number)) {
      this.#lastNumber = number
      const dictionary = await this.#load(file)
      if (dictionary === null) continue
      const { name, bytes } = dictionary
      const old = this.#find(stream, name) // it was to become the newest
      if (old !== undefined) await this.#deps.shelf.remove(this.#forget(stream, old).file)
      this.#note(stream, { name, file, size: bytes.length })
    }
  }

  /** null when it is not there, or damaged. */
  async #load(file: string): Promise<Dictionary | null> {
    const { shelf, log } = this.#deps
    const bytes = await shelf.read(file)
    try {
      return bytes === null ? null : Dictionary.parse(bytes)
    } catch (error) {
      log.warn({ file, why: (error as Error).message }, 'the dictionary of a stream is damaged: it is thrown away')
      await shelf.remove(file)
      return null
    }
  }

  /** Resolves when what the frame brings is kept. Rejects with FrameError when it is none, or with what the shelf says. */
  async decode(bytes: Uint8Array): Promise<DecodedFrame | FrameNeeds> {
    const decoded = await this.#decode(bytes)
    const stream = decoded.stream.toString('hex')
    if (decoded.dictionary !== null) await this.#refresh(stream, decoded.dictionary)
    for (const dictionary of decoded.brings) await this.#keep(stream, dictionary)
    return decoded
  }

  /** With what is not in memory any more, but on the shelf. */
  async #decode(bytes: Uint8Array): Promise<DecodedFrame | FrameNeeds> {
    const decoded = this.#decoder.decode(bytes)
    if (decoded.needs === null) return decoded
    const stream = decoded.stream.toString('hex')
    const kept = this.#find(stream, decoded.needs)
    if (kept === undefined) return decoded
    const dictionary = await this.#load(kept.file)
    if (dictionary === null) this.#forget(stream, kept)
    else this.#decoder.add(dictionary)
    return this.#decoder.decode(bytes)
  }

  async #keep(stream: string, { name, bytes }: Dictionary): Promise<void> {
    if (this.#find(stream, name) !== undefined) return
    const file = this.#fileOf(stream, name)
    await this.#deps.shelf.write(file, bytes)
    this.#note(stream, { name, file, size: bytes.length })
    for (const old of this.#surplus(stream)) await this.#deps.shelf.remove(old.file)
  }

  /** Makes it the newest, when it is an old one. */
  async #refresh(stream: string, name: string): Promise<void> {
    const old = this.#find(stream, name, -REFRESH_BEHIND)
    const bytes = old === undefined ? null : await this.#deps.shelf.read(old.file)
    if (old === undefined || bytes === null) return
    const file = this.#fileOf(stream, name)
    await this.#deps.shelf.write(file, bytes)
    this.#forget(stream, old)
    this.#note(stream, { name, file, size: bytes.length })
    await this.#deps.shelf.remove(old.file)
  }

  #find(stream: string, name: string, end?: number): Kept | undefined {
    return this.#kept.get(stream)?.kept.slice(0, end).find((known) => known.name === name)
  }

  #fileOf(stream: string, name: string): string {
    return `${stream}-${String(++this.#lastNumber).padStart(15, '0')}-${name}.dictionary`
  }

  #note(name: string, kept: Kept): void {
    const stream = this.#kept.get(name) ?? { kept: [], bytes: 0 }
    this.#kept.delete(name)
    this.#kept.set(name, stream)
    stream.kept.push(kept)
    stream.bytes += kept.size
    this.#bytes += kept.size
  }

  #forget(name: string, kept: Kept): Kept {
    const stream = this.#kept.get(name)!
    stream.kept.splice(stream.kept.indexOf(kept), 1)
    if (stream.kept.length === 0) this.#kept.delete(name)
    stream.bytes -= kept.size
    this.#bytes -= kept.size
    return kept
  }

  /** Takes out what is too much since the stream `name` was brought something. */
  *#surplus(name: string): Generator<Kept> {
    const { kept } = this.#kept.get(name)!
    if (kept.length > KEPT_MAX) yield this.#forget(name, kept[0]!)
    while (this.#bytes > this.#keptBytesMax && this.#kept.size > 1) {
      const [first, stream] = this.#largest() ?? this.#kept.entries().next().value!
      yield this.#forget(first, stream.kept[0]!)
    }
  }

  /** The stream that has most, of those that have more than one; undefined: there is none, and the one that was quiet longest goes. */
  #largest(): readonly [string, Stream] | undefined {
    let largest: readonly [string, Stream] | undefined
    for (const entry of this.#kept) if (entry[1].kept.length > 1 && entry[1].bytes > (largest?.[1].bytes ?? 0)) largest = entry
    return largest
  }
}
