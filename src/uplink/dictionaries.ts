// Decodes frames, and keeps on flash the dictionaries they bring: after a restart frames may build on those that came before it.
//
// Of each stream the last ones are kept, under numbers that tell the order in which they came; of all streams together so many bytes, and
// what was brought longest ago goes first. One that is gone is asked for when a frame needs it.
import { type DecodedFrame, Dictionary, FrameDecoder, type FrameNeeds } from '../frame/frame.ts'
import type { Shelf } from '../shelf.ts'

/** Of one stream: a sender that has crashed builds on what it had kept last, sixteen frames ago and those that were sent again meanwhile. */
const KEPT_MAX = 64
const KEPT_BYTES_MAX = 64 * 1024 * 1024
const FILE = /^([0-9a-f]{12})-(\d{15})-[0-9a-f]{8}\.dictionary$/

interface Kept {
  readonly name: string
  readonly file: string
  readonly size: number
}

export interface DictionariesDeps {
  readonly shelf: Shelf
  readonly log: { warn(fields: object, text: string): void }
}

export class Dictionaries {
  readonly #deps: DictionariesDeps
  readonly #decoder = new FrameDecoder({ rememberedBytesMax: KEPT_BYTES_MAX })
  /** By stream; the one that was brought something last is the last. Of each stream in the order of their numbers. */
  readonly #kept = new Map<string, Kept[]>()
  #bytes = 0
  #lastNumber = 0

  constructor(deps: DictionariesDeps) {
    this.#deps = deps
  }

  /** Takes from the shelf what an earlier run has left. */
  async prepare(): Promise<void> {
    const { shelf, log } = this.#deps
    const found = (await shelf.names()).flatMap((file) => {
      const [, stream, number] = FILE.exec(file) ?? []
      return stream === undefined || number === undefined ? [] : [{ file, stream, number: Number(number) }]
    })
    for (const { file, stream, number } of found.sort((a, b) => a.number - b.number)) {
      const bytes = await shelf.read(file)
      this.#lastNumber = number
      if (bytes === null) continue
      try {
        const dictionary = Dictionary.parse(bytes)
        this.#decoder.add(dictionary)
        this.#note(stream, { name: dictionary.name, file, size: bytes.length })
      } catch (error) {
        log.warn({ file, why: (error as Error).message }, 'the dictionary of a stream is damaged: it is thrown away')
        await shelf.remove(file)
      }
    }
  }

  /** Resolves when what the frame brings is kept. Rejects with FrameError when it is none, or with what the shelf says. */
  async decode(bytes: Uint8Array): Promise<DecodedFrame | FrameNeeds> {
    const decoded = this.#decoder.decode(bytes)
    for (const dictionary of decoded.brings) await this.#keep(decoded.stream.toString('hex'), dictionary)
    return decoded
  }

  async #keep(stream: string, { name, bytes }: Dictionary): Promise<void> {
    if (this.#kept.get(stream)?.some((kept) => kept.name === name) === true) return
    const { shelf } = this.#deps
    const file = `${stream}-${String(++this.#lastNumber).padStart(15, '0')}-${name}.dictionary`
    await shelf.write(file, bytes)
    this.#note(stream, { name, file, size: bytes.length })
    for (const old of this.#surplus(stream)) await shelf.remove(old.file)
  }

  #note(stream: string, kept: Kept): void {
    const all = this.#kept.get(stream) ?? []
    this.#kept.delete(stream)
    this.#kept.set(stream, [...all, kept])
    this.#bytes += kept.size
  }

  /** Takes out what is too much since `stream` was brought something. */
  *#surplus(stream: string): Generator<Kept> {
    if (this.#kept.get(stream)!.length > KEPT_MAX) yield this.#takeFirst(stream)
    while (this.#bytes > KEPT_BYTES_MAX && this.#kept.size > 1) yield this.#takeFirst(this.#kept.keys().next().value!)
  }

  #takeFirst(stream: string): Kept {
    const [first, ...rest] = this.#kept.get(stream)!
    if (rest.length === 0) this.#kept.delete(stream)
    else this.#kept.set(stream, rest)
    this.#bytes -= first!.size
    return first!
  }
}
