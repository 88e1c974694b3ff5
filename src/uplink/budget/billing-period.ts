// Days and billing months in the local time of this gateway, whatever its daylight saving does. Pure but for the zone of the process.

export interface Period {
  /** Its first day as a number whose digits are year, month and day: 20261105. A later period has a larger one. */
  readonly key: number
  /** Wall time of its first moment, and of the first moment of the next one. */
  readonly startMs: number
  readonly endMs: number
}

/** The calendar day of a wall time. It has 23, 24 or 25 hours. */
export function dayOf(wallMs: number): Period {
  const date = new Date(wallMs)
  const year = date.getFullYear()
  const month = date.getMonth()
  const day = date.getDate()
  return period(localMidnight(year, month, day), localMidnight(year, month, day + 1))
}

/** The billing month of a wall time. It begins on `billingDay`, or on the last day of a month that has no such day. */
export function monthOf(wallMs: number, billingDay: number): Period {
  const date = new Date(wallMs)
  const year = date.getFullYear()
  const month = date.getMonth()
  const begins = (m: number): number => localMidnight(year, m, Math.min(billingDay, daysIn(year, m)))
  return wallMs >= begins(month) ? period(begins(month), begins(month + 1)) : period(begins(month - 1), begins(month))
}

function period(startMs: number, endMs: number): Period {
  const date = new Date(startMs)
  return { key: date.getFullYear() * 10_000 + (date.getMonth() + 1) * 100 + date.getDate(), startMs, endMs }
}

// Months and days beyond the ends of their year and month count on, and an hour that daylight saving skips becomes the one after it.
function localMidnight(year: number, month: number, day: number): number {
  return new Date(year, month, day).getTime()
}

function daysIn(year: number, month: number): number {
  return new Date(year, month + 1, 0).getDate()
}
