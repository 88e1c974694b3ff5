// Randomness of the recordings, and a count of how much of it nobody can take back.
//
// Every draw adds the bits that a reader who knew the generator, its parameters and all that came before would still have to be told: the
// entropy of the noise after it was rounded to what the device reports. The sum is a floor for any lossless encoding of the recording, and no
// estimate of what one reaches: a real one has to find the signal below the noise out by itself.
import { Random } from '../../sim/random.ts'

const PHASES = 16
const REACH_SIGMAS = 6

export class Noise {
  readonly #random: Random
  readonly #entropies = new Map<number, number>()
  /** Bits so far. */
  bits = 0

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  /** From `low` to `high`, of what is fixed for a device: what it is told once is not counted. */
  between(low: number, high: number): number {
    return low + (high - low) * this.#random.next()
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    const p = probability
    if (p > 0 && p < 1) this.bits -= p * Math.log2(p) + (1 - p) * Math.log2(1 - p)
    return this.#random.next() < p
  }

  /** Normal, with mean 0, in a value that is reported in steps of `step`. */
  normal(sigma: number, step: number): number {
    this.bits += this.#entropyOf(sigma / step)
    return sigma * this.#normal()
  }

  /** Exponential with this mean, in steps of `step`. */
  exponential(mean: number, step: number): number {
    this.bits += Math.max(0, Math.log2((Math.E * mean) / step))
    return -mean * Math.log(1 - this.#random.next())
  }

  /** Normal, in something whose own value is never reported: a disturbance of the signal, which shows in all readings after it. */
  hidden(sigma: number): number {
    return sigma * this.#normal()
  }

  #normal(): number {
    const r = Math.sqrt(-2 * Math.log(1 - this.#random.next()))
    return r * Math.cos(2 * Math.PI * this.#random.next())
  }

  /** Bits of a normal value rounded to whole steps, on average over where its mean lies between two of them. */
  #entropyOf(sigmaSteps: number): number {
    if (sigmaSteps <= 0) return 0
    const known = this.#entropies.get(sigmaSteps)
    if (known !== undefined) return known
    let sum = 0
    for (let phase = 0; phase < PHASES; phase++) {
      const mean = phase / PHASES
      const reach = Math.ceil(REACH_SIGMAS * sigmaSteps) + 1
      for (let n = -reach; n <= reach; n++) {
        const p = normalUpTo((n + 0.5 - mean) / sigmaSteps) - normalUpTo((n - 0.5 - mean) / sigmaSteps)
        if (p > 1e-12) sum -= p * Math.log2(p)
      }
    }
    this.#entropies.set(sigmaSteps, sum / PHASES)
    return sum / PHASES
  }
}

/** The normal distribution function, to 1e-7 (Abramowitz and Stegun 26.2.17). */
function normalUpTo(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x))
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)
  const tail = density * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return x >= 0 ? 1 - tail : tail
}
