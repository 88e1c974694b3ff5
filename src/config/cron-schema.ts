// gateway.yaml, a `schedule:` in the five fields of crontab(5): minute, hour, day of month, month, day of week.
import type { CronConfig } from './config.ts'
import { clip, type Place } from './place.ts'
import { text } from './scalar.ts'
import type { Schema } from './schema.ts'

interface FieldRule {
  readonly name: string
  readonly min: number
  readonly max: number
  /** Names of values, from `min` on. */
  readonly names: readonly string[]
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
export const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const FIELDS: readonly FieldRule[] = [
  { name: 'minute', min: 0, max: 59, names: [] },
  { name: 'hour', min: 0, max: 23, names: [] },
  { name: 'day of the month', min: 1, max: 31, names: [] },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'day of the week', min: 0, max: 7, names: DAYS },
]
const DAYS_OF_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const EXAMPLE = 'write for example "*/30 * * * *" (every half hour) or "0 6,18 * * mon-fri"'
const SHORT: Readonly<Record<string, string>> = { '@hourly': '0 * * * *', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@weekly': '0 0 * * 0', '@monthly': '0 0 1 * *' }

export const cron: Schema<CronConfig> = text({ expected: 'five fields of crontab: minute, hour, day of month, month, day of week', hint: EXAMPLE }).into((written, place): CronConfig | undefined => {
  const long = SHORT[written.trim()]
  if (long !== undefined) return place.problem(`\`${written.trim()}\` is a name for five fields`, `write "${long}"`)
  const parts = written.trim().split(/\s+/)
  if (parts.length !== FIELDS.length) return place.problem(`${place.name} has ${parts.length} field${parts.length === 1 ? '' : 's'}, not five: minute, hour, day of month, month, day of week`, EXAMPLE)
  const fields = FIELDS.map((rule, i) => valuesOf(parts[i]!, rule, place))
  const [minutes, hours, daysOfMonth, months, weekdays] = fields
  if (minutes === undefined || hours === undefined || daysOfMonth === undefined || months === undefined || weekdays === undefined) return undefined
  const daysOfWeek = [...new Set(weekdays.map((day) => day % 7))].sort((a, b) => a - b)
  // crontab(5): a day field counts as not restricted when it has a *, also one with a step.
  const eitherDay = !parts[2]!.includes('*') && !parts[4]!.includes('*')
  if (!eitherDay && !months.some((month) => daysOfMonth[0]! <= DAYS_OF_MONTH[month - 1]!)) {
    return place.problem(`"${clip(written)}" never comes: none of these months has a day ${daysOfMonth[0]}`, EXAMPLE)
  }
  return { text: written, minutes, hours, daysOfMonth, months, daysOfWeek, eitherDay }
})

/** Ascending. */
function valuesOf(written: string, rule: FieldRule, place: Place): readonly number[] | undefined {
  const values = new Set<number>()
  for (const item of written.split(',')) {
    const range = rangeOf(item, rule)
    if (typeof range === 'string') return place.problem(`the ${rule.name} "${clip(written)}" ${range}`, EXAMPLE)
    for (let value = range.from; value <= range.to; value += range.step) values.add(value)
  }
  return [...values].sort((a, b) => a - b)
}

// `*`, `5`, `1-5`, and each range with a step: `*/15`, `8-18/2`. Otherwise what is wrong with it.
function rangeOf(item: string, rule: FieldRule): { from: number; to: number; step: number } | string {
  const match = /^(?:(\*)|(\w+)(?:-(\w+))?)(?:\/(\d{1,3}))?$/.exec(item)
  if (match === null) return `has "${clip(item)}", which is no number, range or step`
  const [, star, first, last, every] = match
  const step = Number(every ?? 1)
  if (step === 0) return 'has the step 0'
  if (star !== undefined) return { from: rule.min, to: rule.name === 'day of the week' ? 6 : rule.max, step }
  const from = numberOf(first!, rule)
  const to = last === undefined ? from : numberOf(last, rule)
  if (from === null || to === null) {
    const names = rule.names.length === 0 ? '' : `, or ${rule.names.join(' ')}`
    return `must be from ${rule.min} to ${rule.max}${names}: found "${clip(from === null ? first! : last!)}"`
  }
  if (every !== undefined && last === undefined) return `has a step behind a single value: write ${clip(first!)}-${rule.max}/${step}`
  if (from > to) return `has the range ${clip(item)}, which goes backwards`
  return { from, to, step }
}

function numberOf(word: string, rule: FieldRule): number | null {
  const named = rule.names.indexOf(word.toLowerCase())
  if (named >= 0) return named + rule.min
  const value = /^\d{1,2}$/.test(word) ? Number(word) : -1
  return value >= rule.min && value <= rule.max ? value : null
}
