// `support`: what somebody who helps wants to see, made when it is asked for and fetched in parts.
//
//   {"do":"make"} ─► { bytes, sha256 } ─► {"from":0}, {"from":412} … ─► parts
//
// One bundle is kept at a time, in memory, until nobody has asked for a part of it for KEPT_MS.
import type { Clock, Timer } from '../clock.ts'
import type { Done, Handler } from './commands.ts'
import { PART_WORDS, partOf, sha256Of } from './part.ts'
import { Refusal, wanted } from './request.ts'

export const BUNDLE_BYTES_MAX = 1_000_000
const KEPT_MS = 30 * 60_000

/** A .tar.gz without secrets, of `bytesMax` bytes at most. */
export type MakeBundle = (bytesMax: number) => Promise<Buffer>

export class SupportCommand {
  readonly #clock: Clock
  readonly #make: MakeBundle
  #bundle: Buffer | null = null
  #timer: Timer | null = null

  constructor(clock: Clock, make: MakeBundle) {
    this.#clock = clock
    this.#make = make
  }

  readonly handle: Handler = async ({ words }, roomBytes): Promise<Done> => {
    const { do: what, from, length } = wanted(words, { do: { text: ['make', 'part'], default: 'part' }, ...PART_WORDS })
    if (what === 'make') {
      const bundle = await this.#make(BUNDLE_BYTES_MAX)
      if (bundle.length > BUNDLE_BYTES_MAX) throw new Refusal(`the bundle has ${bundle.length} bytes, more than the ${BUNDLE_BYTES_MAX} that may be fetched`)
      this.#keep(bundle)
      return { words: { bytes: bundle.length, sha256: sha256Of(bundle) } }
    }
    if (this.#bundle === null) throw new Refusal('there is none now: ask with {"do":"make"} first')
    this.#keep(this.#bundle)
    return partOf(this.#bundle, { from, length }, roomBytes)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#bundle = null
  }

  #keep(bundle: Buffer): void {
    this.#bundle = bundle
    this.#timer?.cancel()
    this.#timer = this.#clock.after(KEPT_MS, () => (this.#bundle = null))
  }
}
