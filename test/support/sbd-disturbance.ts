// Everything that can go wrong between a gateway and the sky, by chance and from a seed: failing sessions, a line that loses and invents bytes,
// processes that are killed, pulled plugs, a signal that comes and goes, a modem without power.
import type { SbdBed } from './sbd-bed.ts'
import type { SessionFault } from './sbd-radio.ts'

/** Probabilities: of a session to fail, of what the modem says at once to be damaged, and of the others in each step of time. */
export interface Disturbance {
  readonly sessions: number
  readonly line: number
  readonly crashes: number
  readonly plug: number
  readonly signal: number
  readonly power: number
}

const FAULTS: readonly SessionFault[] = [
  { status: 18 },
  { status: 13, arrived: true },
  { status: 32 },
  { status: null },
  { status: null, arrived: true },
  { status: 0, mailboxOnly: true },
  { status: 36 },
]

export class Disturbances {
  crashes = 0
  unplugged = 0
  powerCycles = 0
  faults = 0
  readonly #bed: SbdBed
  readonly #rates: Disturbance
  readonly #down: string[]
  readonly #random: () => number
  #ends = 0

  constructor(bed: SbdBed, seed: number, rates: Disturbance, down: readonly string[]) {
    this.#bed = bed
    this.#rates = rates
    this.#down = [...down]
    const random = randomFrom(seed)
    this.#random = random
    bed.random = random
    bed.cable.pieceBytes = 7
    bed.modem.nextFault = () => (random() < rates.sessions ? this.#fault() : null)
    bed.modem.line = (bytes) => (random() < rates.line ? damaged(bytes, random) : bytes)
  }

  /** Once in each step of time; true when nothing is left to come down. */
  step(): boolean {
    const bed = this.#bed
    if (bed.ends.length > this.#ends) {
      this.#ends = bed.ends.length
      bed.cable.plug()
      bed.dial()
    }
    this.#maybe(this.#rates.crashes, () => {
      this.crashes++
      bed.crash()
    })
    this.#maybe(this.#rates.plug, () => {
      this.unplugged++
      bed.cable.unplug(this.#random() < 0.5)
    })
    this.#maybe(this.#rates.signal, () => (bed.modem.signal = Math.floor(this.#random() * 6)))
    this.#maybe(this.#rates.signal * 2, () => (bed.modem.signal = 5))
    this.#maybe(this.#rates.power, () => {
      this.powerCycles++
      bed.modem.powerCycle('\xff\x80boot\r\n')
    })
    this.#maybe(0.01, () => {
      const next = this.#down.shift()
      if (next !== undefined) bed.ground.send(next)
    })
    return this.#down.length === 0 && bed.ground.queue.length === 0 && bed.modem.mt === null && bed.link!.phase === 'resting'
  }

  #fault(): SessionFault {
    this.faults++
    return FAULTS[Math.floor(this.#random() * FAULTS.length)]!
  }

  #maybe(probability: number, fn: () => void): void {
    if (this.#random() < probability) fn()
  }
}

export function disturb(bed: SbdBed, seed: number, rates: Disturbance, down: readonly string[]): Disturbances {
  return new Disturbances(bed, seed, rates, down)
}

/** A byte with another bit, a byte less, or two more. */
function damaged(bytes: Buffer, random: () => number): Buffer {
  const at = Math.floor(random() * bytes.length)
  const kind = Math.floor(random() * 3)
  if (kind === 1) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
  if (kind === 2) return Buffer.concat([bytes.subarray(0, at), Buffer.of(Math.floor(random() * 256), 0x80), bytes.subarray(at)])
  const copy = Buffer.from(bytes)
  copy[at]! ^= 1 << Math.floor(random() * 8)
  return copy
}

/** xorshift32. */
export function randomFrom(seed: number): () => number {
  let state = Math.imul(seed, 2_654_435_761) >>> 0 || 1
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 2 ** 32
  }
}
