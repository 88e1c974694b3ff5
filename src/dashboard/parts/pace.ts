// When the gateway is asked again: pure. A page that nobody touches costs less than a kilobyte a second, however large the site is; one that is in use may
// cost more. While there is no answer the pauses grow, to a bound.

export interface Pace {
  readonly pauseMsMin: number
  readonly bytesPerSecMax: number
}

export const IDLE: Pace = { pauseMsMin: 5000, bytesPerSecMax: 700 }
export const IN_USE: Pace = { pauseMsMin: 2000, bytesPerSecMax: 4000 }
/** After the last touch. */
export const IN_USE_MS = 45_000

const RETRY_MS = [1000, 2000, 4000, 8000, 15_000] as const

/** After a round that has cost `bytes`. */
export function pauseMs({ pauseMsMin, bytesPerSecMax }: Pace, bytes: number): number {
  return Math.max(pauseMsMin, Math.ceil((bytes / bytesPerSecMax) * 1000))
}

/** After so many rounds without an answer, 1 or more. */
export function retryMs(failures: number): number {
  return RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]!
}
