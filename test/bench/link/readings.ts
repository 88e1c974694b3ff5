// What devices publish, as a gateway hears it: recordings made by generators, the same from the same seed, endless.
//
// What they have in common: each device has a clock of its own (20 ppm of drift, a few milliseconds of jitter in its loop) and a radio (2 ms
// and an exponential delay behind them, one message in a hundred sent again 20 to 200 ms later). `atMs` is when the message arrives, in
// whole milliseconds, which is what a gateway stamps. All are published at QoS 1. Values are rounded to what the part reports, and
// noise is what its data sheet says, or what such a thing is known for. None of them was made with a codec in view, and none may be changed in favour of one.
//
//   smooth   sets/smooth.ts   a boiler room and a tank: DS18B20, BME280, level; JSON with one to three numbers, every 10 s
//   noisy    sets/noisy.ts    a machine: power meter and vibration; plain numbers and small JSON, several steps of noise, every second
//   mixed    sets/mixed.ts    a farm: JSON of twelve devices of eight kinds with 3 to 8 keys, nested, text, booleans, counters, missing keys, GPS
import { Noise } from './noise.ts'
import type { Device } from './sets/device.ts'
import { mixed } from './sets/mixed.ts'
import { noisy } from './sets/noisy.ts'
import { smooth } from './sets/smooth.ts'

const SEED = 20_261_121

export interface Reading {
  /** Milliseconds since the recording began, whole. */
  readonly atMs: number
  readonly topic: string
  readonly payload: string
}

export interface Recording {
  readonly name: SetName
  /** By time. */
  readonly readings: readonly Reading[]
  /** Of noise in values and times of arrival, a reading: what no encoding can save (noise.ts). */
  readonly noiseBitsPerReading: number
  readonly payloadBytesPerReading: number
}

const SETS = { smooth, noisy, mixed } as const

export type SetName = keyof typeof SETS

export const SET_NAMES = Object.keys(SETS) as readonly SetName[]

const NETWORK_MS = 2
const NETWORK_MEAN_MS = 3
const AGAIN_CHANCE = 0.01
const LOOP_SIGMA_MS = 2
const DRIFT_PPM = 20

/** The first `count` readings of a set. */
export function record(name: SetName, count: number, seed = SEED): Recording {
  const noise = new Noise(seed)
  const sources = SETS[name](noise).map((group) => ({ group, phaseMs: noise.between(0, group[0]!.periodMs), drift: 1 + noise.between(-DRIFT_PPM, DRIFT_PPM) / 1e6, turn: 0 }))
  const readings: Reading[] = []
  noise.bits = 0
  // By the device's own time; arrivals are put in order afterwards, with some more than asked for, since one may overtake another.
  while (readings.length < count + 100) {
    const next = sources.reduce((a, b) => (dueMs(a) <= dueMs(b) ? a : b))
    const loopMs = dueMs(next) + noise.normal(LOOP_SIGMA_MS, 1)
    next.turn++
    let afterMs = 0
    for (const device of next.group) {
      const payload = device.read(loopMs / 1000, noise)
      if (payload === null) continue
      afterMs += NETWORK_MS + noise.exponential(NETWORK_MEAN_MS, 1)
      if (noise.chance(AGAIN_CHANCE)) afterMs += noise.between(20, 200)
      readings.push({ atMs: Math.max(0, Math.round(loopMs + afterMs)), topic: device.topic, payload })
    }
  }
  const first = readings.sort((a, b) => a.atMs - b.atMs).slice(0, count)
  const payloadBytes = first.reduce((sum, r) => sum + Buffer.byteLength(r.payload), 0)
  return { name, readings: first, noiseBitsPerReading: noise.bits / readings.length, payloadBytesPerReading: payloadBytes / count }
}

interface Source {
  /** Devices on one board: it publishes one behind the other. */
  readonly group: readonly Device[]
  readonly phaseMs: number
  readonly drift: number
  turn: number
}

function dueMs({ group, phaseMs, drift, turn }: Source): number {
  return phaseMs + turn * group[0]!.periodMs * drift
}
