// Durations and sizes as people write them. A bare number is refused: 20 of what is the mistake that nobody sees.
// Sizes are decimal (1 MB = 1,000,000 bytes), as on the box of the card; KiB, MiB and GiB are the powers of two.

const DURATION_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const SIZE_BYTES = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3, tib: 1024 ** 4 } as const

export const DURATION_PATTERN = String.raw`^(0|\d+(\.\d+)? ?(ms|s|m|h|d))$`
export const SIZE_PATTERN = String.raw`^(0|\d+(\.\d+)? ?([kKmMgGtT][iI]?)?[bB])$`

/** Milliseconds of `20ms`, `1.5s`, `5m`, `2h`, `30d` or `0`; null when it is not a duration of whole milliseconds. */
export function parseDuration(text: string): number | null {
  return parse(text, /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/, DURATION_MS)
}

/** Bytes of `512B`, `64kB`, `1MB`, `2GB`, `64KiB` or `0`, in any case; null when it is not a size of whole bytes. */
export function parseSize(text: string): number | null {
  return parse(text.toLowerCase(), /^(\d+(?:\.\d+)?) ?([kmgt]i?b|b)$/, SIZE_BYTES)
}

function parse(text: string, pattern: RegExp, units: Readonly<Record<string, number>>): number | null {
  if (text === '0') return 0
  const match = pattern.exec(text)
  if (match === null) return null
  const exact = Number(match[1]) * units[match[2]!]!
  const whole = Math.round(exact)
  // 0.1 s is 100 ms although binary fractions say 100.00000000000001.
  return Math.abs(exact - whole) <= 1e-6 && whole <= Number.MAX_SAFE_INTEGER ? whole : null
}

export function formatDuration(ms: number): string {
  return format(ms, [['d', DURATION_MS.d], ['h', DURATION_MS.h], ['m', DURATION_MS.m], ['s', DURATION_MS.s], ['ms', 1]])
}

export function formatSize(bytes: number): string {
  return format(bytes, [['TB', 1e12], ['GB', 1e9], ['MB', 1e6], ['kB', 1e3], ['B', 1]])
}

// The largest unit that says the value exactly, so that what is printed can be typed back.
function format(value: number, units: readonly (readonly [string, number])[]): string {
  for (const [unit, factor] of units) if (value > 0 && value % factor === 0) return `${value / factor}${unit}`
  return `${value}`
}
