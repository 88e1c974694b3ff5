// One line of NMEA 0183: `$GPRMC,123519,A,…*6A`, or why it is none. What its fields mean is the parser's affair, except what it must not guess: whether
// there is a fix, and what time it is.
import type { SkipReason } from '../state.ts'

export interface Sentence {
  /** The line from its first character to its checksum. */
  readonly text: string
  /** `RMC`; of AIS and of proprietary sentences all of it: `!AIVDM`, `$PUBX`. */
  readonly id: string
  /** Behind the first comma. */
  readonly parts: readonly string[]
}

/** A receiver that was cut off in a sentence begins the next in the same line: the last $ counts. Sentences of ! hold AIS. */
const SENTENCE = /([$!])([A-Z0-9]{3,8}),([ "#%-)+-~]*)\*([0-9A-Fa-f]{2})\s*$/

export function sentenceOf(line: string): Sentence | SkipReason {
  const match = SENTENCE.exec(line)
  if (match === null) return 'not-nmea'
  const [, first, word, rest, checksum] = match as unknown as [string, string, string, string, string]
  if (checksumOf(`${word},${rest}`) !== Number.parseInt(checksum, 16)) return 'wrong-checksum'
  const id = first === '!' || word.startsWith('P') ? `${first}${word}` : word.slice(2)
  return { text: `${first}${word},${rest}*${checksum}`, id, parts: rest.split(',') }
}

/** XOR of all between $ and *. */
export function checksumOf(between: string): number {
  let sum = 0
  for (let i = 0; i < between.length; i++) sum ^= between.charCodeAt(i)
  return sum
}

/** Where a sentence has its UTC of day; what has the same was measured at the same moment. */
const TIME_PART: Readonly<Record<string, number>> = { RMC: 0, GGA: 0, GNS: 0, ZDA: 0, GLL: 4 }

/** null for a sentence without a time. */
export function epochOf({ id, parts }: Sentence): string | null {
  const time = parts[TIME_PART[id] ?? -1]
  return time === undefined || time === '' ? null : time
}

/** GGA, field 6. */
const QUALITY = ['none', 'gps', 'dgps', 'pps', 'rtk', 'float-rtk', 'estimated', 'manual', 'simulated'] as const

export type Fix = (typeof QUALITY)[number]

/** How good the position is; null where the sentence does not tell. */
export function fixOf({ id, parts }: Sentence): Fix | null {
  switch (id) {
    case 'GGA':
      return QUALITY[Number(parts[5] ?? '')] ?? 'none'
    case 'RMC':
      return parts[1] === 'A' ? 'gps' : 'none'
    case 'GLL':
      return parts[5] === 'A' ? 'gps' : 'none'
    case 'GNS':
      return /[^N]/.test(parts[5] ?? '') ? 'gps' : 'none'
    default:
      return null
  }
}

/**
 * Milliseconds since 1970 that the sentence tells; null when it tells none. Only of RMC with a fix and of ZDA: without one a receiver tells what
 * its clock kept.
 */
export function utcOf({ id, parts }: Sentence): number | null {
  if (id === 'RMC') return parts[1] === 'A' ? utc(parts[0], /^(\d\d)(\d\d)(\d\d)$/.exec(parts[8] ?? ''), 2000) : null
  if (id === 'ZDA') return utc(parts[0], /^(\d\d),(\d\d),(\d{4})$/.exec(parts.slice(1, 4).join(',')), 0)
  return null
}

function utc(time: string | undefined, date: RegExpExecArray | null, century: number): number | null {
  const clock = /^(\d\d)(\d\d)(\d\d)(\.\d+)?$/.exec(time ?? '')
  if (clock === null || date === null) return null
  const [hour, minute, second] = [Number(clock[1]), Number(clock[2]), Number(clock[3])]
  const [day, month, year] = [Number(date[1]), Number(date[2]), century + Number(date[3])]
  const dayMs = Date.UTC(year, month - 1, day)
  // 31.02. is 03.03. to Date: the day must be what was written. Second 60 is a leap second.
  if (hour > 23 || minute > 59 || second > 60 || new Date(dayMs).getUTCDate() !== day || month < 1 || month > 12) return null
  return dayMs + ((hour * 60 + minute) * 60 + second) * 1000 + Math.round(Number(`0${clock[4] ?? ''}`) * 1000)
}
