// Frames that no encoder would make and a decoder has to take: what the model reads in noise, written down as it was read, with a right end. So the
// strangest series, formats and numbers get past the check, into dictionaries, and into the frames that build on them.
import { ArithmeticDecoder, ArithmeticEncoder, type BitCoder } from '../../src/frame/arithmetic.ts'
import { Body } from '../../src/frame/body.ts'
import { checksum } from '../../src/frame/checksum.ts'
import { contentsOf, Dictionary } from '../../src/frame/dictionary.ts'
import { FrameError, type FrameMessage } from '../../src/frame/frame.ts'
import { VERSION, writeHead } from '../../src/frame/header.ts'
import { SEQUENCE_MAX } from '../../src/frame/message.ts'
import { State } from '../../src/frame/state.ts'
import type { Random } from '../sim/random.ts'

export interface WildFrame {
  readonly frame: Buffer
  readonly messages: readonly FrameMessage[]
  readonly brings: Dictionary
}

const NOTHING = new Uint8Array(0)

/** What was read from noise is written again. */
class Tape implements BitCoder {
  readonly encoder = new ArithmeticEncoder()
  readonly #noise: ArithmeticDecoder
  #isRead = true

  constructor(noise: Uint8Array) {
    this.#noise = new ArithmeticDecoder(noise, 0)
  }

  code(bit: number, one: number): number {
    return this.encoder.code(this.#isRead ? this.#noise.code(bit, one) : bit, one)
  }

  /** From here on bits are what the caller says. */
  stopReading(): void {
    this.#isRead = false
  }
}

/** At most so many messages on `base`; null when the noise has none. */
export function wildFrame(random: Random, base: Dictionary | null, countMax: number): WildFrame | null {
  const noise = Buffer.from(Array.from({ length: random.int(50, 1500) }, () => (random.chance(0.05) ? random.pick([0, 255]) : random.int(0, 255))))
  const firstSequence = random.chance(0.1) ? SEQUENCE_MAX - random.int(0, 100) : random.int(0, 1_000_000)
  const count = readable(noise, base, firstSequence, countMax)
  if (count === 0) return null
  const tape = new Tape(noise)
  const state = base?.state() ?? new State()
  const body = new Body(tape, state, firstSequence, NOTHING, 0)
  const messages = Array.from({ length: count }, () => body.message(null))
  const head = writeHead({
    version: VERSION,
    stream: Buffer.alloc(6, 0xee),
    firstSequence,
    lastSequence: messages.at(-1)!.sequence,
    count,
    dictionary: base?.name ?? null,
    brings: true,
    part: null,
    blob: null,
  })
  tape.stopReading()
  body.check(checksum(head))
  body.settle()
  const frame = Buffer.concat([head, tape.encoder.finish()])
  return { frame, messages, brings: Dictionary.after(frame, contentsOf(state)) }
}

/** How many messages there are in the noise before something is not possible. */
function readable(noise: Uint8Array, base: Dictionary | null, firstSequence: number, countMax: number): number {
  const body = new Body(new ArithmeticDecoder(noise, 0), base?.state() ?? new State(), firstSequence, NOTHING, 0)
  for (let count = 0; count < countMax; count++) {
    try {
      if (body.message(null).sequence > SEQUENCE_MAX) return count
    } catch (error) {
      if (error instanceof FrameError) return count
      throw error
    }
  }
  return countMax
}
