import type { Quantiles } from './jobs.ts'

/** Sorts in place. */
export function quantilesOf(samples: Float64Array): Quantiles {
  const sorted = samples.sort()
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1) }
}
