// A sensor without hardware: to try routes, uplinks and dashboards before the real one is wired.
// Rules:
// - A reading is {"value":21.4,"time":"2026-11-05T08:00:00.000Z","sequence":17}. `sequence` counts this sensor's messages from
//   0 since its start, so a person downstream sees loss (a gap) and duplicates. `time` is wall time, null until the clock
//   has been set.
// - Reading n is due at start + n × everyMs on the monotonic clock; a late one does not push the next. What is overdue after
//   the process stood still is not made up in a burst: it is skipped and counted as missed.
// - The value is a function of the sensor's name and n alone: two sensors differ, two runs do not.
import type { SimulateSensorConfig } from '../config/config.ts'
import { type Timer, wallIsSet } from '../clock.ts'
import type { Source, SourceDeps } from './sensor.ts'

export class SimulatedSource implements Source {
  readonly #config: SimulateSensorConfig
  readonly #deps: SourceDeps
  readonly #valueAt: (n: number) => number
  #startedAtMs = 0
  #timer: Timer | null = null
  #isStopped = false
  #sequence = 0

  constructor(config: SimulateSensorConfig, deps: SourceDeps) {
    this.#config = config
    this.#deps = deps
    this.#valueAt = makeWave(config)
  }

  start(): void {
    if (this.#timer !== null || this.#isStopped) return
    const { clock } = this.#deps
    this.#startedAtMs = clock.now()
    this.#deps.record.set('ok', this.#startedAtMs)
    this.#timer = clock.after(0, () => this.#tick(0))
  }

  stop(): Promise<void> {
    this.#timer?.cancel()
    this.#isStopped = true
    return Promise.resolve()
  }

  #tick(due: number): void {
    const { clock } = this.#deps
    const { everyMs } = this.#config.simulate
    // On a late turn the reading belongs to the last due time that has passed; a timer that fires a fraction early is on time.
    const n = Math.max(due, Math.floor((clock.now() - this.#startedAtMs) / everyMs))
    if (n > due) this.#deps.record.countSkipped('missed', n - due)
    // Armed before the message leaves, so that nothing the sink does can end the series.
    this.#timer = clock.after(this.#startedAtMs + (n + 1) * everyMs - clock.now(), () => this.#tick(n + 1))
    const value = this.#valueAt(n)
    if (this.#config.reading === null) this.#deps.pass(this.#payload(value, this.#sequence++))
    else this.#deps.take({ value }, clock.now())
  }

  #payload(value: number, sequence: number): string {
    const wallMs = this.#deps.clock.wall()
    return JSON.stringify({ value, time: wallIsSet(wallMs) ? new Date(wallMs).toISOString() : null, sequence })
  }
}

/**
 * The value of reading n, for n that only grows. sine and ramp start at a place of their period that the name gives; ramp
 * rises from min to max and falls back at once; constant is min; counter goes min, min + 1 … max and round again.
 */
export function makeWave(config: SimulateSensorConfig): (n: number) => number {
  const { kind, everyMs, min, max, periodMs } = config.simulate
  const random = seededRandom(config.name)
  const span = max - min
  switch (kind) {
    case 'constant':
      return () => min
    case 'counter':
      return (n) => min + (n % (Math.floor(span) + 1))
    case 'sine': {
      const phase = random()
      return (n) => readable(min + (span / 2) * (1 + Math.sin(2 * Math.PI * ((n * everyMs) / periodMs + phase))))
    }
    case 'ramp': {
      const phase = random()
      return (n) => readable(min + span * (((n * everyMs) / periodMs + phase) % 1))
    }
    case 'random-walk': {
      // A tenth of the range per step at most, turned back at the ends. Skipped readings take their steps too, up to a bound.
      let value = min + span * random()
      let at = 0
      return (n) => {
        for (at = Math.max(at, n - WALK_STEPS_MAX); at < n; at++) value = reflect(value + (random() - 0.5) * 0.2 * span, min, max)
        return readable(value)
      }
    }
  }
}

/** After a standstill of years a walk need not be the same walk; it must not stand still itself. */
const WALK_STEPS_MAX = 10_000

function reflect(value: number, min: number, max: number): number {
  return value < min ? 2 * min - value : value > max ? 2 * max - value : value
}

/** Six digits: no sensor has more, and 21.400000000000002 costs bytes on the link. */
function readable(value: number): number {
  return Number(value.toPrecision(6))
}

/** 0 ≤ x < 1, the same series for the same name (FNV-1a into mulberry32). */
export function seededRandom(name: string): () => number {
  let seed = 0x811c9dc5
  for (const byte of Buffer.from(name, 'utf8')) seed = Math.imul(seed ^ byte, 0x01000193)
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
