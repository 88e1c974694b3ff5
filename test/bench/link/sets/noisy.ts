// A machine and its power meter, every second: values whose last digits are noise.
//
//   meter, three phases   meter/l1/voltage 230.4       steps of 0.1 V, noise of 0.25 V
//                         meter/l1/power 1153          steps of 1 W, noise of 3 W; loads switch on and off
//   meter                 meter/frequency 49.982       steps of 1 mHz, a random walk around 50 Hz, noise of 2 mHz
//   vibration sensor      machine/vibration {"rms":2.37,"peak":8.1}    mm/s, noise of 1.5 % and 5 %: three and four steps
//
// The meter's reader publishes plain numbers, a topic each, seven of them one behind the other; the vibration sensor is a board of its own.
// Noise: about 8 bits a reading, more than four of them in the value.
import type { Noise } from '../noise.ts'
import type { Device } from './device.ts'

class Phase {
  readonly #base: number
  #load = 0
  #sag = 0

  constructor(noise: Noise) {
    this.#base = noise.between(200, 900)
  }

  /** One second on. */
  advance(noise: Noise): void {
    if (noise.between(0, 1) < 0.005) this.#load = noise.between(0, 1) < 0.5 ? 0 : noise.between(100, 2200)
    this.#sag = this.#sag * 0.99 + noise.hidden(0.04)
  }

  get power(): number {
    return this.#base + this.#load
  }

  get voltage(): number {
    return 231 + this.#sag - this.power / 900
  }
}

const PERIOD_MS = 1000

export function noisy(noise: Noise): Device[][] {
  const phases = [new Phase(noise), new Phase(noise), new Phase(noise)]
  let wander = 0
  let speed = 0
  const meter = phases.flatMap((phase, i): Device[] => [
    {
      topic: `meter/l${i + 1}/voltage`,
      periodMs: PERIOD_MS,
      read(_, n) {
        phase.advance(n)
        return (phase.voltage + n.normal(0.25, 0.1)).toFixed(1)
      },
    },
    { topic: `meter/l${i + 1}/power`, periodMs: PERIOD_MS, read: (_, n) => (phase.power + n.normal(3, 1)).toFixed(0) },
  ])
  const frequency: Device = {
    topic: 'meter/frequency',
    periodMs: PERIOD_MS,
    read(_, n) {
      wander = wander * 0.995 + n.hidden(0.0015)
      return (50 + wander + n.normal(0.002, 0.001)).toFixed(3)
    },
  }
  const vibration: Device = {
    topic: 'machine/vibration',
    periodMs: PERIOD_MS,
    read(_, n) {
      speed = speed * 0.998 + n.hidden(0.004)
      const rms = 2.4 * Math.exp(speed)
      return `{"rms":${(rms + n.normal(0.036, 0.01)).toFixed(2)},"peak":${(3.4 * rms + n.normal(0.4, 0.1)).toFixed(1)}}`
    },
  }
  return [[...meter, frequency], [vibration]]
}
