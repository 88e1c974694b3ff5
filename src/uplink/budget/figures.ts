// What a budget looks like from outside: plain numbers for $SYS, the API and the log.
import type { Period } from './billing-period.ts'
import type { CountedBy } from './meter.ts'
import type { Tally } from './tally.ts'

export interface PeriodFigures {
  readonly bytes: number
  /** null: no limit. */
  readonly limitBytes: number | null
  /** Of the period before. */
  readonly lastBytes: number
  /** At the end of the period when it goes on like this; null when nobody can say yet. */
  readonly forecastBytes: number | null
  /** Wall time of the next period; null as long as the clock is not set. */
  readonly endsAtMs: number | null
  /** From 80 % on. */
  readonly warned: boolean
}

export interface BudgetFigures {
  readonly link: string
  readonly countedBy: CountedBy
  readonly day: PeriodFigures
  readonly month: PeriodFigures
  /** Only this class may spend what is left; null without a reserve. */
  readonly reservedFor: string | null
  /** What a connection costs, as the last ones did. */
  readonly connectBytes: number
  /** Not enough is left for a connection, but for the reserve. */
  readonly exhausted: boolean
  /** Wall time when there is budget again; null when it is not exhausted, and when the clock cannot be believed. */
  readonly exhaustedUntilMs: number | null
}

export interface FiguresSource {
  readonly link: string
  readonly countedBy: CountedBy
  readonly connectBytes: number
  readonly reserve: string | null
  readonly wallMs: number
  readonly periods: { readonly day: Period; readonly month: Period } | null
  readonly tallies: { readonly day: Tally; readonly month: Tally }
  readonly usedUp: (tally: Tally) => boolean
}

export function figuresOf({ link, countedBy, connectBytes, reserve, wallMs, periods, tallies, usedUp }: FiguresSource): BudgetFigures {
  const kinds = ['day', 'month'] as const
  const empty = kinds.filter((kind) => usedUp(tallies[kind]))
  const ends = empty.map((kind) => (periods?.[kind].key === tallies[kind].key ? periods[kind].endMs : null))
  return {
    link,
    countedBy,
    day: periodFigures(tallies.day, periods?.day ?? null, wallMs),
    month: periodFigures(tallies.month, periods?.month ?? null, wallMs),
    reservedFor: reserve,
    connectBytes,
    exhausted: empty.length > 0,
    exhaustedUntilMs: ends.length === 0 || ends.includes(null) ? null : Math.max(...(ends as number[])),
  }
}

function periodFigures(tally: Tally, period: Period | null, wallMs: number): PeriodFigures {
  return {
    bytes: tally.bytes,
    limitBytes: Number.isFinite(tally.limitBytes) ? tally.limitBytes : null,
    lastBytes: tally.lastBytes,
    forecastBytes: period === null ? null : tally.forecast(period, wallMs),
    endsAtMs: period?.endMs ?? null,
    warned: Number.isFinite(tally.limitBytes) && tally.bytes >= tally.limitBytes * 0.8,
  }
}
