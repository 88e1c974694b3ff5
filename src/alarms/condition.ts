// One condition over time: a figure in, raised or over out. Pure; time is the monotonic clock's.
//
//    value ≥ raiseAt                bad
//    clearAt < value < raiseAt      neither: between the two a figure may tremble as it likes
//    value ≤ clearAt                good
//    null                           neither: not known, or nobody wants to know
//
// What is always true
//   1. Raised when it has been bad for raiseAfterMs in all since it was last well. A link that may be used for ten minutes a day is down for an hour after six days.
//   2. Well, and over if it was raised, when it has been good for overAfterMs and not bad meanwhile.
//   3. Time counts between two looks that have found the same. A gap between looks counts for GAP_MS_MAX at most: nobody knows what was in it.

export interface Rule {
  readonly raiseAt: number
  /** Below `raiseAt`. */
  readonly clearAt: number
  readonly raiseAfterMs: number
  readonly overAfterMs: number
}

export type Zone = 'bad' | 'neither' | 'good'

export interface Condition {
  readonly isRaised: boolean
  /** As it was found last, and when. */
  readonly zone: Zone
  readonly atMs: number
  /** Since it was last well. */
  readonly badMs: number
  /** Since it was last bad. */
  readonly goodMs: number
}

export const GAP_MS_MAX = 60_000

/** Nothing is known yet. */
export const UNSEEN: Condition = { isRaised: false, zone: 'neither', atMs: 0, badMs: 0, goodMs: 0 }

/** Of an earlier run: raised, and not looked at yet. */
export const STANDING: Condition = { ...UNSEEN, isRaised: true }

export function zoneOf(value: number | null, { raiseAt, clearAt }: Rule): Zone {
  if (value === null) return 'neither'
  return value >= raiseAt ? 'bad' : value <= clearAt ? 'good' : 'neither'
}

export function step(before: Condition, value: number | null, nowMs: number, rule: Rule): Condition {
  const zone = zoneOf(value, rule)
  const { isRaised } = before
  if (zone === before.zone && zone !== 'bad' && !isRaised && before.badMs === 0) return before // well and stays so, as nearly all are
  const passedMs = zone === before.zone ? Math.min(nowMs - before.atMs, GAP_MS_MAX) : 0
  switch (zone) {
    case 'neither':
      return { ...before, zone, atMs: nowMs }
    case 'bad': {
      const badMs = before.badMs + passedMs
      return { isRaised: isRaised || badMs >= rule.raiseAfterMs, zone, atMs: nowMs, badMs, goodMs: 0 }
    }
    case 'good': {
      const goodMs = before.goodMs + passedMs
      const isWell = goodMs >= rule.overAfterMs
      return { isRaised: isRaised && !isWell, zone, atMs: nowMs, badMs: isWell ? 0 : before.badMs, goodMs }
    }
  }
}
